from __future__ import annotations

import dataclasses
import re
from itertools import pairwise

import numpy as np
import pytest
from deck_text import instance_counts, junction_count, source_currents
from hypothesis import given, settings
from hypothesis import strategies as st
from support import tiny_network

from netlist_gen.assembly.close_timing import shortest_period
from netlist_gen.assembly.delays import measured_delays
from netlist_gen.assembly.network_circuit import network_bench, network_outline
from netlist_gen.assembly.plan import outline
from netlist_gen.circuit.bench import TAIL_S
from netlist_gen.circuit.bias import buses_of
from netlist_gen.circuit.view import GUARD_S, START_S
from netlist_gen.deck.emit import emit
from netlist_gen.deck.lint import lint
from netlist_gen.errors import ConfigurationError
from netlist_gen.library.bias import ERSFQ
from netlist_gen.library.cells import CellLibrary
from netlist_gen.library.design import load_phases
from netlist_gen.library.process import load_process
from netlist_gen.network import TernaryNetwork


def text_of(bench, library):
    return emit(
        bench.circuit, library.process, bench.analysis(), bench.probes(), name="network"
    ).text


@st.composite
def networks(draw):
    """Networks of one to three layers in which every neuron has a synapse."""
    rng = np.random.default_rng(draw(st.integers(0, 2**31)))
    widths = draw(st.lists(st.integers(1, 5), min_size=2, max_size=4))
    weights, thetas = [], []
    for inputs, outputs in pairwise(widths):
        w = rng.integers(-1, 2, (outputs, inputs))
        w[np.arange(outputs), rng.integers(0, inputs, outputs)] = 1
        weights.append(w)
        thetas.append(rng.integers(-1, 3, outputs))
    return TernaryNetwork.from_arrays(weights, thetas)


@settings(deadline=None, max_examples=20)
@given(networks())
def test_counts_agree_with_the_flattened_text(network):
    library = CellLibrary()
    bench = network_bench(network, library)
    text = text_of(bench, library)
    lint(text, "network.cir")
    totals = bench.circuit.totals()
    assert totals.junctions == junction_count(text)
    currents = source_currents(text)
    assert totals.bias_A == pytest.approx(currents["bias"], rel=1e-9, abs=0)
    assert totals.flux_A == pytest.approx(currents["flux"], rel=1e-9, abs=0)
    placed = instance_counts(text)
    for kind in ("jtl", "splitter", "merger"):
        assert totals.cells.get(kind, 0) == placed[kind]
    stages = sum(count for name, count in placed.items() if name.startswith("decision_"))
    assert totals.cells.get("decision", 0) == stages
    assert totals.cells["branch"] == network.synapses
    assert totals.cells["neuron"] == network.neurons
    assert len(bench.views) == network.neurons
    assert len(bench.class_lines) == network.classes


def test_weight_zero_builds_nothing():
    library = CellLibrary()
    dense = tiny_network()
    one = network_bench(dense, library).circuit.totals()
    w = np.array(dense.layers[0].weights)
    w[0, 0] = 0
    sparse = TernaryNetwork.from_arrays(
        [w, dense.layers[1].weights], [layer.theta for layer in dense.layers]
    )
    two = network_bench(sparse, CellLibrary()).circuit.totals()
    assert two.cells["branch"] == one.cells["branch"] - 1
    assert two.junctions < one.junctions


def test_layers_start_one_after_the_other():
    bench = network_bench(tiny_network(), CellLibrary(), np.ones((3, 3), dtype=bool))
    assert len(bench.starts_s) == 2
    first, second = bench.timing.layers
    assert second.earliest.min() > first.decision.max()
    for timing, count in zip(bench.timing.layers, (3, 2), strict=True):
        assert timing.decision.shape == (count,)
        assert (timing.latest < timing.decision).all()
    # Views begin where the plan's neurons rest, and their phases are the plan's arrivals.
    for view, decision in zip(bench.views[:3], first.decision, strict=True):
        assert view.start_s + view.phases.decision == pytest.approx(decision, abs=1e-15)
    assert bench.windows == 3
    assert [v.windows for v in bench.views] == [3] * 5
    assert bench.analysis().stop_s > bench.views[-1].boundaries_s()[-1]


def test_a_layer_that_only_hears_neurons_without_a_circuit():
    network = TernaryNetwork.from_arrays(
        [np.array([[1, 1], [0, 0]]), np.array([[0, 1]])], [np.array([1, 1]), np.array([1])]
    )
    bench = network_bench(network, CellLibrary())
    assert [v.site.name for v in bench.views] == ["L0N0", "L1N0"]


def test_the_read_out_is_staggered_within_a_population():
    network = TernaryNetwork.from_arrays([np.ones((4, 2), dtype=int)], [np.ones(4, dtype=int)], 2)
    bench = network_bench(network, CellLibrary())
    assert len(bench.class_lines) == 2
    assert bench.circuit.totals().cells["merger"] == 2


def fan_out_stages(bench, line):
    """JTL stages that hold an input line back before its tree."""
    return sum(i.name.startswith(f"XP0_{line}_") for i in bench.circuit.top.instances)


def one_wide_one_narrow(neurons):
    """Line 0 feeds every neuron, line 1 a single one: its pulses come early."""
    weights = np.zeros((neurons, 2), dtype=int)
    weights[:, 0] = weights[0, 1] = 1
    return TernaryNetwork.from_arrays([weights], [np.ones(neurons, dtype=int)])


@pytest.mark.parametrize("neurons", [2, 17, 128])
def test_early_lines_are_held_back_where_the_window_asks_for_it(neurons):
    network = one_wide_one_narrow(neurons)
    library = CellLibrary()
    easy = network_bench(network, library, phases=load_phases())
    lint(text_of(easy, library), "network.cir")
    assert (fan_out_stages(easy, 0), fan_out_stages(easy, 1)) == (0, 0)
    tight = shortest_period(outline(network), measured_delays(library.process))
    phases = dataclasses.replace(load_phases(), period=tight)
    closed = network_bench(network, library, phases=phases)
    assert fan_out_stages(closed, 0) == 0
    assert fan_out_stages(closed, 1) == closed.timing.pads.get((0, 1), 0)
    if neurons == 128:
        assert closed.timing.padding > 0
    assert closed.plan.depth > easy.plan.depth or closed.timing.padding < 2


def test_a_process_without_measured_delays_is_counted_but_not_clocked():
    network = one_wide_one_narrow(3)
    plain = load_process("stp2")
    own = dataclasses.replace(plain, current_density=1.01 * plain.current_density, origin="o.toml")
    counted = network_outline(network, CellLibrary(own))
    assert counted.timing.corners == ()
    assert counted.circuit.totals().cells["branch"] == 4
    message = (
        "no table was measured of cell jtl as it is in process stp2 (o.toml); `netlist-gen "
        "characterize --all --tables --process o.toml` makes the 8 that are missing"
    )
    with pytest.raises(ConfigurationError, match=f"^{re.escape(message)}$"):
        network_bench(network, CellLibrary(own))


def test_a_slower_process_closes_at_its_own_clock():
    bench = network_bench(one_wide_one_narrow(3), CellLibrary("stp2"))
    assert bench.timing.period_s == load_phases(process=load_process("stp2")).period
    assert bench.timing.worst_s > 0


@pytest.mark.parametrize("windows", [1, 3])
def test_a_run_ends_after_the_last_window_and_the_last_pulse_on_a_class_line(windows):
    bench = network_bench(tiny_network(), CellLibrary(), np.ones((windows, 3), dtype=bool))
    period = bench.timing.period_s
    ends = max(view.start_s - GUARD_S + period * windows for view in bench.views)
    (latest,) = {line.latest_s for line in bench.plan.class_lines if line.label == 1}
    assert latest + period * (windows - 1) < ends
    assert bench.analysis().stop_s == pytest.approx(ends + TAIL_S, rel=1e-12)
    assert bench.span_s() == pytest.approx((START_S - GUARD_S, ends + 0.5 * TAIL_S), rel=1e-12)
    # A line that is much later than its neurons: the last pulse on it is still seen.
    late = [
        dataclasses.replace(line, latest_s=latest + (400e-12 if line.label == 1 else 0.0))
        for line in bench.plan.class_lines
    ]
    held = dataclasses.replace(bench, plan=bench.plan.with_class_lines(late))
    last = latest + 400e-12 + period * (windows - 1)
    assert held.analysis().stop_s == pytest.approx(last + TAIL_S, rel=1e-12)


def test_class_lines_have_a_bus_that_turns_as_often_as_they_carry_pulses():
    """Two neurons of a class on one line: it has up to two pulses in a window, layers have one."""
    network = dataclasses.replace(tiny_network(), population=2)
    library = CellLibrary(load_process("sfq5ee", ERSFQ))
    bench = network_bench(network, library, np.ones((5, 3), dtype=bool))
    assert [len(line.members) for line in bench.plan.class_lines] == [2]
    buses = {bus.name: bus for bus in buses_of(bench.circuit)}
    assert {name: len(bus.clock_s) for name, bus in buses.items()} == {"0": 5, "1": 5, "Y": 10}
    placed = {x.name: x for x in bench.circuit.top.instances}
    assert {name for name, x in placed.items() if x.nets[-1] == "busY"} == {"XM0", "XY0", "XBFY_0"}
    known = bench.circuit.cell_totals
    shared = sum(known[placed[name].cell.name].bias_A for name in ("XM0", "XY0"))
    assert buses["Y"].taps_A == pytest.approx(shared, rel=1e-12)
    every = sum(bus.taps_A for bus in buses.values())
    assert every == pytest.approx(bench.circuit.totals().bias_A, rel=1e-12)
