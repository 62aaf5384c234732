"""Pulse trains: how long, how far apart, and that as many pulses leave in the engine."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from netlist_gen.circuit.bench import drive
from netlist_gen.circuit.elements import GROUND, LOAD_OHM, Resistor
from netlist_gen.circuit.model import CircuitBuilder
from netlist_gen.circuit.probe import Analysis, Probe
from netlist_gen.circuit.pulse_train import (
    SPACING_STAGES,
    pulse_train,
    train_factors,
    train_length,
    train_nodes,
)
from netlist_gen.deck.emit import emit
from netlist_gen.errors import ConfigurationError
from verification.simulators.base import DeckJob
from verification.simulators.registry import get_simulator
from verification.waves.pulses import detect_phase


@given(st.integers(1, 40))
def test_a_train_is_the_shortest_that_is_built(pulses):
    factors = train_factors(pulses)
    assert set(factors[1:]) <= {2}
    assert np.prod(factors, dtype=int) == train_length(pulses) >= pulses
    built = {first * 2**twos for first in (1, 3) for twos in range(7)}
    assert train_length(pulses) == min(n for n in built if n >= pulses)


@given(st.integers(1, 16))
def test_each_stage_is_fed_and_chains_hold_back_what_is_to_come_later(pulses):
    made, times = {"a"}, {"a": [0]}
    for node in train_nodes(pulses):
        assert made >= set(node.inputs)
        own = sorted(t for net in node.inputs for t in times[net])
        later = 1 if node.cell == "jtl" and not node.between else 0
        times |= {net: [t + later for t in own] for net in node.outputs}
        made |= set(node.outputs)
    if pulses > 1:
        assert times["q"] == [SPACING_STAGES * k for k in range(train_length(pulses))]


def test_no_pulse_is_no_train():
    with pytest.raises(ConfigurationError, match=r"^a train needs at least 1 pulse, not 0$"):
        train_factors(0)


@pytest.mark.parametrize("pulses", [1, 2, 3, 4, 6, 8])
@pytest.mark.parametrize("bias", [0.8, 1.0, 1.25])
def test_as_many_pulses_leave(library, pulses, bias):
    """Two trains, one behind the other, each far enough apart for the merger and the loop."""
    builder = CircuitBuilder("bench", title="a train")
    net = drive(builder, library, "P", [60e-12, 400e-12])
    builder.place("XT", pulse_train(library, pulses), net, "t")
    builder.place("XO", library.cell("jtl"), "t", "q")
    builder.add(Resistor("RL", "q", GROUND, LOAD_OHM))
    output = Probe(("XO",), "B1")
    deck = emit(
        builder.circuit(), library.process, Analysis(stop_s=740e-12), [output], name="train",
        parameters=True,
    )  # fmt: skip
    text = deck.text.replace(".param bias=1\n", f".param bias={bias}\n")
    waves = get_simulator("embedded").run(DeckJob("train", text), timeout_s=60.0).require()
    found = detect_phase(waves.time_s, waves.signal(output.column))
    assert (found.signs == 1).all()
    for begin in (60e-12, 400e-12):
        times = found.times_s[(found.times_s > begin) & (found.times_s < begin + 330e-12)]
        assert times.size == train_length(pulses)
        if pulses > 1:
            assert np.diff(times).min() > (14e-12 if bias <= 1.0 else 10e-12)
