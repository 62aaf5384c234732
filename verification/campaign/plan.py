"""The work of a verification: decks to run, grouped into tasks that share a circuit.

In the scope "neurons" each neuron is simulated alone, its input lines carrying the pulses the
integer model predicts there. In the scope "network" everything is one circuit, and only the
network's inputs are driven. Windows follow one another in a deck, so that what a window leaves
behind is seen by the next; long series are cut into decks of equal length.

A task is small and can be sent to another process: the decks are built where they run.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from netlist_gen.circuit.bench import NeuronSite, neuron_sites
from netlist_gen.circuit.neuron import ClockPhases
from netlist_gen.deck.windows import WINDOWS_PER_DECK, chunks, deck_name, pipelines
from netlist_gen.library.process import Process
from netlist_gen.network import TernaryNetwork
from verification.reference.expected import layer_inputs

LEAST_WINDOWS = 4
"""Shortest run worth a lane of its own: settling takes the time of less than one window."""

LANES = 8
"""Lanes the embedded engine steps at the cost of about two: decks of one circuit it should have."""

RUNS_PER_TASK = 32
"""Decks in one task at most: what a broken run loses, and what comes back at once."""


@dataclass(frozen=True)
class Setup:
    """What all tasks of a campaign share.

    Attributes:
        process: from which each worker builds its cell library.
        phases: clock phases.
        timeout_s: for each deck.
        decks: a directory of decks written before; their text is taken instead of a new one,
            so that an edited deck is judged by the unedited network.
    """

    process: Process
    phases: ClockPhases
    timeout_s: float = 600.0
    decks: Path | None = None


@dataclass(frozen=True, eq=False)
class Run:
    """A run of windows, simulated as one deck.

    Attributes:
        name: of the deck.
        first: the first window's number in the campaign.
        stimulus: bool, shape (windows, lines): pulses on the lines that are driven.
    """

    name: str
    first: int
    stimulus: NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class NeuronTask:
    """Decks of one neuron; ``stimulus`` of its runs covers its own input lines."""

    site: NeuronSite
    runs: tuple[Run, ...]

    scope = "neurons"


@dataclass(frozen=True, eq=False)
class NetworkTask:
    """Decks of a whole network; ``stimulus`` of its runs covers the network's inputs."""

    network: TernaryNetwork
    runs: tuple[Run, ...]

    scope = "network"


Task = NeuronTask | NetworkTask


def windows_of(inputs: NDArray[np.bool_]) -> tuple[NDArray[np.bool_], int]:
    """Inputs (samples, inputs) or (samples, steps, inputs) as windows, and steps per sample."""
    if inputs.ndim == 2:
        return inputs, 1
    return inputs.reshape(-1, inputs.shape[-1]), inputs.shape[1]


def windows_per_deck(windows: int, simulator: str) -> int:
    """How many windows a deck should hold: for the embedded engine so that its lanes are full."""
    if simulator != "embedded":
        return WINDOWS_PER_DECK
    return min(WINDOWS_PER_DECK, max(LEAST_WINDOWS, -(-windows // LANES)))


def plan_neurons(
    network: TernaryNetwork,
    inputs: NDArray[np.bool_],
    most: int = WINDOWS_PER_DECK,
    runs_per_task: int = RUNS_PER_TASK,
) -> Iterator[NeuronTask]:
    """The tasks of the scope "neurons", neuron by neuron.

    Args:
        network: what is verified.
        inputs: bool, shape (windows, inputs).
        most: windows in one deck. runs_per_task: decks in one task.

    Raises:
        NetworkError: a neuron that can't be built.
    """
    lines = list(layer_inputs(network, inputs))
    pieces = chunks(inputs.shape[0], most)
    for site in neuron_sites(network):
        stimulus = lines[site.layer][:, list(site.inputs)]
        runs = [
            Run(deck_name(site.name, first, pieces), first, stimulus[first:beyond])
            for first, beyond in pieces
        ]
        for start in range(0, len(runs), runs_per_task):
            yield NeuronTask(site, tuple(runs[start : start + runs_per_task]))


def plan_network(
    network: TernaryNetwork, inputs: NDArray[np.bool_], most: int | None
) -> Iterator[NetworkTask]:
    """The tasks of the scope "network": a deck of the whole network for each run of windows."""
    pieces = pipelines(inputs.shape[0], most)
    for first, beyond in pieces:
        name = deck_name("network", first, pieces)
        yield NetworkTask(network, (Run(name, first, inputs[first:beyond]),))
