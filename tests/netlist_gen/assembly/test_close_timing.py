"""Static timing: every window holds, padding only where it is needed, refusals name the path."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import tiny_network

from netlist_gen.assembly.close_timing import close_timing, shortest_period
from netlist_gen.assembly.delays import measured_delays
from netlist_gen.assembly.layer_timing import clock_arrivals
from netlist_gen.assembly.network_circuit import network_bench
from netlist_gen.assembly.plan import outline
from netlist_gen.assembly.timing_values import CORNERS, KINDS, Corner
from netlist_gen.errors import TimingError
from netlist_gen.library.cells import CellLibrary
from netlist_gen.library.process import load_process
from netlist_gen.network import TernaryNetwork

DELAYS = measured_delays(load_process())


@st.composite
def networks(draw):
    """Layers of uneven fan-out, with lines and neurons that are not built."""
    rng = np.random.default_rng(draw(st.integers(0, 2**31)))
    widths = draw(st.lists(st.integers(1, 30), min_size=2, max_size=4))
    weights = []
    for inputs, outputs in pairwise(widths):
        density = rng.random((1, inputs)) ** 2
        w = rng.choice([-1, 1], (outputs, inputs)) * (rng.random((outputs, inputs)) < density)
        w[0, 0] = 1
        weights.append(w)
    return TernaryNetwork.from_arrays(weights, [rng.integers(1, 4, len(w)) for w in weights])


@settings(deadline=None, max_examples=25)
@given(networks(), st.sampled_from([60e-12, 75e-12, 112e-12]))
def test_every_window_holds_at_every_corner(network, period):
    plan = close_timing(outline(network), DELAYS, period)
    assert plan.worst_s >= 0
    slacks = [s.slack_s for s in plan.slacks]
    assert slacks == sorted(slacks)
    assert {s.kind for s in plan.slacks} <= set(KINDS)
    for timing in plan.layers:
        assert (timing.latest <= timing.decision).all()
        # The next window's data come after this one's reset.
        assert (timing.reset < timing.earliest + period).all()
        assert timing.reset_stages >= 1
        # Neurons rest where their windows begin: after the reset before, ahead of their data.
        assert (timing.boundary < timing.earliest + DELAYS.stored()).all()
        assert (timing.boundary > timing.reset - period).all()


@settings(deadline=None, max_examples=10)
@given(networks())
def test_slack_grows_with_the_period(network):
    worst = [close_timing(outline(network), DELAYS, t).worst_s for t in (60e-12, 80e-12, 110e-12)]
    assert worst == sorted(worst)


def test_the_shortest_period_is_one():
    network = tiny_network()
    period = shortest_period(outline(network), DELAYS)
    assert close_timing(outline(network), DELAYS, period).worst_s >= 0
    with pytest.raises(
        TimingError,
        match=r"^layer \d does not hold at [\d.]+ GHz, corner [^:]+: .+ misses [\d.]+ ps of "
        r"(setup|hold|keep|recovery)$",
    ):
        close_timing(outline(network), DELAYS, period - 0.1e-12)


def test_a_refusal_names_the_path_and_the_missing_picoseconds():
    weights = np.zeros((64, 2), dtype=int)
    weights[:, 0] = weights[0, 1] = 1
    network = TernaryNetwork.from_arrays([weights], [np.ones(64, dtype=int)])
    with pytest.raises(TimingError) as caught:
        close_timing(outline(network), DELAYS, 20e-12)
    said = str(caught.value)
    found = re.fullmatch(
        r"layer 0 does not hold at 50 GHz, corner (.+): (.+) misses ([\d.]+) ps of (\w+)", said
    )
    assert found, said
    assert float(found[3]) > 0
    assert "neuron" in found[2]


def test_corners_cost_slack():
    network = tiny_network()
    alone = shortest_period(outline(network), DELAYS, [Corner("nominal", 1.0)])
    wide = [*CORNERS, Corner("bias -10 %", 0.9)]
    assert (
        alone
        < shortest_period(outline(network), DELAYS)
        < shortest_period(outline(network), DELAYS, wide)
    )


def test_the_circuit_is_what_the_plan_says():
    network = tiny_network()
    bench = network_bench(network, CellLibrary())
    top = bench.circuit.top
    cells = {i.name: i.cell for i in top.instances}
    for index, timing in enumerate(bench.timing.layers):
        stages = [i for i in cells[f"XK{index}"].instances if i.cell.name == "jtl"]
        assert len(stages) == timing.reset_stages
        (clock,) = [e for e in top.elements if e.name == f"VC{index}"]
        assert clock.times_s[0] == timing.clock_s
    assert bench.timing.latency_s > 0


def test_clocks_come_as_the_cells_of_the_plan_take():
    """The stages that timing chooses load the splitter before them."""
    network = TernaryNetwork.from_arrays(
        [np.ones((5, 3), int), np.ones((2, 5), int)], [[1] * 5, [1] * 2]
    )
    layers = outline(network).layers
    plan = close_timing(outline(network), DELAYS, 112e-12)
    for layer, timing in zip(layers, plan.layers, strict=True):
        clock = replace(layer.clock, reset_stages=timing.reset_stages)
        expected = clock_arrivals(DELAYS, clock, 1.0)
        chain = DELAYS.path(clock.reset_chain())
        np.testing.assert_allclose(timing.decision, timing.clock_s + expected.decision, rtol=1e-12)
        np.testing.assert_allclose(
            timing.reset, timing.clock_s + expected.reset + chain, rtol=1e-12
        )


def test_a_neuron_that_hears_nothing_still_has_a_window():
    network = TernaryNetwork.from_arrays(
        [np.array([[1, 1], [0, 0]]), np.array([[0, 1], [1, 0]])], [np.ones(2), np.ones(2)]
    )
    plan = close_timing(outline(network), DELAYS, 112e-12)
    assert np.isfinite(plan.layers[1].decision).all()
    assert plan.worst_s > 0


def test_a_slack_counts_the_cells_that_its_data_pass():
    """The stage behind the source, what holds the line back, and two splitters to four users."""
    network = TernaryNetwork.from_arrays([[[1, 1], [1, 0], [1, 0], [1, 0]]], [[1] * 4])
    plan = close_timing(outline(network), DELAYS, 112e-12, worst=1000)
    passed = {(s.line, s.depth) for s in plan.slacks if s.line is not None}
    pads = [plan.pads.get((0, line), 0) for line in (0, 1)]
    assert passed == {(0, 1 + pads[0] + 2), (1, 1 + pads[1] + 1)}  # a tree to one is a stage
    assert {s.depth for s in plan.slacks if s.kind == "hold"} == {0}


def test_of_a_wide_layer_the_twenty_worst_of_each_kind_are_told():
    network = TernaryNetwork.from_arrays([np.ones((30, 2), int)], [[1] * 30])
    slacks = close_timing(outline(network), DELAYS, 112e-12, worst=1000).slacks
    counts = Counter((s.kind, s.corner) for s in slacks)
    assert set(counts.values()) == {20}
    assert len(counts) == len(KINDS) * len(CORNERS)


def test_the_worst_slacks_are_kept():
    network = tiny_network()
    many = close_timing(outline(network), DELAYS, 112e-12, worst=1000).slacks
    few = close_timing(outline(network), DELAYS, 112e-12, worst=3).slacks
    assert few == many[:3]
    assert len(close_timing(outline(network), DELAYS, 112e-12).slacks) == 20 < len(many)
