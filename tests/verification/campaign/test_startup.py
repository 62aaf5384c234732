"""Start-up windows in a verification: judged like any, counted for no sample."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
from support import tiny_network

import netlist_gen as ng
from netlist_gen.network import TernaryNetwork
from netlist_gen.spikes import NetworkSpikes

pytestmark = pytest.mark.usefixtures("plots_aside")

X = np.array([[1, 0, 1], [0, 1, 1], [1, 1, 0]], dtype=bool)

UNHEARD = TernaryNetwork.from_arrays(
    [
        np.array([[1, -1, 1], [0, 0, 0], [1, 1, 0]], dtype=np.int8),
        np.array([[1, 1, -1], [0, -1, 1], [0, 0, 0], [0, 1, 1]], dtype=np.int8),
    ],
    [np.array([1, 2, -1]), np.array([1, 0, 3, 1])],
)
"""A hidden neuron without a synapse, that three neurons hear; an output without one."""


def whole(network, **options):
    return ng.verify(network, X, simulator="embedded", scopes="network", **options)


def test_a_line_without_a_circuit_is_pulsed_too():
    run = whole(UNHEARD, timing=True)
    assert run.agreed, run.counter_example
    (scope,) = run.verdict.scopes
    assert scope.checked == (3 + 2) * 5
    expected = NetworkSpikes.of(UNHEARD, X)
    assert scope.pulses == sum(int(layer.sum()) for layer in expected.layers[1:])
    assert scope.timing.pulses == scope.pulses + 5  # each neuron once
    assert scope.timing.worst_ps < 3
    # What the silent source of such a line costs is part of the reference.
    assert abs(run.energy.relative_error) < 1e-4
    frame = run.windows.to_pandas()
    assert len(frame) == 3 * (3 + 4)


def fails(tmp_path, change) -> dict:
    """The counter-example where the deck was changed."""
    decks = tmp_path / "decks"
    ng.generate(tiny_network(), X, decks, scopes="network")
    deck = decks / "network.cir"
    text = deck.read_text()
    changed = change(text)
    assert changed != text
    deck.write_text(changed)
    run = ng.verify(
        tiny_network(), X, out=tmp_path / "run", simulator="embedded", scopes="network", decks=decks
    )
    assert not run.agreed
    return json.loads((tmp_path / "run" / "verify.json").read_text())


def scaled(cell: str, letter: str, factor: float):
    """A change of the currents of a start-up supply's two sources."""

    def wave(source: re.Match) -> str:
        numbers = source[2].replace("\n+", " ").split()
        values = [f"{factor * float(value):.10g}" for value in numbers[1::2]]
        points = zip(numbers[::2], values, strict=True)
        return f"{source[1]}pwl({' '.join(f'{t} {v}' for t, v in points)})"

    def change(text: str) -> str:
        block = re.search(rf"(?ms)^\.subckt {cell} .*?^\.ends", text)[0]
        return text.replace(
            block, re.sub(rf"(?ms)^(I{letter}[BT] \w+ \w+ )pwl\(([^)]*)\)", wave, block)
        )

    return change


def test_a_neuron_that_does_not_fire_in_the_full_window_is_named(tmp_path):
    data = fails(tmp_path, scaled("startup_L1_2_2", "R", -1.0))
    wrong = data["counter_example"]
    assert (wrong["startup"], wrong["sample"], wrong["window"], wrong["row"]) == (True, 0, 0, 0)
    assert wrong["layer"] == 1
    assert wrong["expected"] == "1 pulse (every neuron fires in the full start-up window)"
    assert wrong["sentence"].startswith("full start-up window before sample 0: layer 1, neuron ")


def test_one_that_fires_in_the_silent_window_is_named(tmp_path):
    """Neuron 2 has theta 0: without its supply it fires at n = 0."""
    data = fails(tmp_path, scaled("startup_L0_3_2", "S", 0.0))
    wrong = data["counter_example"]
    assert (wrong["startup"], wrong["layer"], wrong["neuron"]) == (True, 0, 2)
    assert wrong["expected"] == "0 pulses (no neuron fires in the silent start-up window)"
    assert wrong["sentence"].startswith("silent start-up window before sample 0: ")


def test_each_pipeline_has_its_own_and_resume_knows_them(tmp_path):
    for startup, again in (("on", 0), ("off", 0), ("on", 2)):
        run = whole(tiny_network(), out=tmp_path, pipeline=2, resume=True, startup=startup)
        assert run.agreed
        assert run.verdict.from_ledger == again
        assert run.verdict.checked == 5 * (3 + (2 * 2 if startup == "on" else 0))


@pytest.mark.parametrize("startup", ["on", "off"])
def test_readout_and_accuracy_are_those_of_the_samples(startup):
    labels = np.array([0, 1, 1])
    run = whole(tiny_network(), labels=labels, startup=startup)
    assert run.accuracy.simulated == run.accuracy.reference
    (scope,) = run.verdict.scopes
    assert (scope.class_lines_wrong, scope.mismatches) == (0, 0)
