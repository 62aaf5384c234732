"""Results of decks of the tiny network, made by hand: for what is said of all of a scope."""

from __future__ import annotations

import numpy as np
from support import tiny_network

from netlist_gen.spikes import NetworkSpikes
from verification.verdict.measured import collect
from verification.verdict.neuron import Disagreement, NeuronVerdict
from verification.verdict.outcome import WHOLE_NETWORK, DeckResult, Program

X = np.array([[1, 0, 1], [0, 1, 1], [1, 1, 1], [0, 0, 1]], dtype=bool)
SPIKES = NetworkSpikes.of(tiny_network(), X)
ME = Program("embedded", "1")
NONE = np.zeros(0)


def neuron(layer, number, *, first=0, windows=4, wrong=(), apart_s=NONE, said="m"):
    """A neuron that did what it must, but for the ``wrong`` windows."""
    flags = np.zeros(windows, dtype=bool)
    flags[list(wrong)] = True
    fires = SPIKES.layers[layer + 1][first : first + windows, number] ^ flags
    words = Disagreement(wrong[0], f"w{layer}{number}", said) if wrong else None
    delays = np.where(fires, 1e-11 * (1 + number), np.nan)
    pulses = fires.astype(np.int64)
    return NeuronVerdict(f"L{layer}N{number}", layer, number, flags, pulses, delays, apart_s, words)


def result(place, neurons=(), *, first=0, energy=1.0, failure="", lines=None, source=None):
    """A deck; its energy is so many times what it must be."""
    windows = neurons[0].windows if neurons else 4
    reference = np.full(windows, 2e-17) if neurons else NONE
    name = "network" if place == WHOLE_NETWORK else "L{}N{}".format(*place)
    scope = "network" if place == WHOLE_NETWORK else "neurons"
    measured = reference * energy
    return DeckResult(
        scope, name, place, first, windows, tuple(neurons), measured, reference, lines, source,
        failure, 0.5, None,
    )  # fmt: skip


def scope(*results, name="neurons"):
    return collect([(one, i == 0) for i, one in enumerate(results)], name, ME, SPIKES, 1.5)


PLACES = [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1)]


def all_right():
    return [result(place, [neuron(*place)]) for place in PLACES]
