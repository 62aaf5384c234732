"""Neighbours' influence: trees predicted with it are those that are simulated."""

from __future__ import annotations

import numpy as np
import pytest

from netlist_gen.assembly.delays import measured_delays
from netlist_gen.assembly.stages import Stage
from netlist_gen.circuit.elements import GROUND, LOAD_OHM, PulseSource, Resistor
from netlist_gen.circuit.model import CircuitBuilder
from netlist_gen.circuit.probe import Analysis, Probe
from netlist_gen.circuit.trees import splitter_tree
from netlist_gen.circuit.view import START_S
from netlist_gen.deck.emit import emit
from netlist_gen.library.cells import CellLibrary
from netlist_gen.library.process import load_process
from verification.engine.run import compile_deck
from verification.reference.influence import (
    clock_beats,
    influenced_delays,
    measure_influence,
)
from verification.reference.neighbourhoods import CHAINS
from verification.waves.pulses import detect_phase

LIBRARY = CellLibrary()
PERIOD_S = 112e-12


def simulated(leaves: int) -> np.ndarray:
    """Root to each leaf of a tree behind three splitters, each leaf at an idle-ended JTL stage."""
    builder = CircuitBuilder("tree")
    jtl, splitter = LIBRARY.cell("jtl"), LIBRARY.cell("splitter")
    builder.add(PulseSource("V0", "n0", GROUND, (START_S,)))

    def end(net: str) -> None:
        builder.place(f"XE{net}", jtl, net, f"{net}e")
        builder.add(Resistor(f"R{net}", f"{net}e", GROUND, LOAD_OHM))

    builder.place("X0", jtl, "n0", "n1")
    for k in (1, 2, 3):
        builder.place(f"X{k}", splitter, f"n{k}", f"n{k + 1}", f"m{k}")
        builder.place(f"XM{k}", splitter, f"m{k}", f"ma{k}", f"mb{k}")
        end(f"ma{k}")
        end(f"mb{k}")
    tree = splitter_tree(LIBRARY, leaves)
    nets = [f"q{i}" for i in range(leaves)]
    builder.place("XT", tree, "n4", *nets)
    for net in nets:
        end(net)
    analysis = Analysis(START_S + 120e-12, print_step_s=0.2e-12)
    probes = [Probe(("X0",), "B1")]
    text = emit(builder.circuit(), LIBRARY.process, analysis, probes, name="tree").text
    printed = "".join(f".print p({net})\n" for net in ("n4", *nets))
    waves = compile_deck(text.replace(".end\n", f"{printed}.end\n"), name="tree").run().waveforms
    times = [
        detect_phase(waves.time_s, waves.signal(f"P({net.upper()})"), rest_at_s=START_S - 20e-12)
        for net in ("n4", *nets)
    ]
    arrivals = np.array([train.times_s[0] for train in times])
    return arrivals[1:] - arrivals[0]


@pytest.mark.parametrize("leaves", [2, 3, 5, 6, 11])
def test_trees_are_predicted_to_a_tenth_of_a_picosecond(leaves):
    seen = simulated(leaves)
    predicted = influenced_delays(LIBRARY.process, PERIOD_S).tree(leaves, driver="splitter")
    np.testing.assert_allclose(predicted, seen, rtol=0, atol=0.1e-12)
    if leaves > 2:  # where a splitter carries a splitter and a stage, tables alone are further off
        tables = measured_delays(LIBRARY.process).tree(leaves)
        assert np.abs(tables - seen).max() > 0.2e-12


def test_every_neighbourhood_is_measured_once():
    assert len(set(CHAINS)) == len(CHAINS)


def test_taps_with_inductors_are_told_as_they_are_in_a_running_clock():
    """With resistors of lr cells are slower behind a pulse, the more so the closer it was."""
    for kind in ("ideal", "resistor"):
        assert clock_beats(load_process(bias_kind=kind), PERIOD_S) == (0.0,)
    process = load_process(bias_kind="lr")
    assert clock_beats(process, 60e-12) == pytest.approx((0.0, 60e-12, 120e-12))
    library, tables = CellLibrary(process), measured_delays(process)
    stage = Stage("splitter", "splitter", "jtl", "jtl")
    once, slow, fast = (
        measure_influence(library, tables, beats, [stage])[stage] * 1e12
        for beats in ((0.0,), clock_beats(process, PERIOD_S), clock_beats(process, 60e-12))
    )
    assert 0.005 < slow - once < 0.05 < fast - once < 0.2
