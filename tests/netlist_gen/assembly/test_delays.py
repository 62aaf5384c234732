"""Delays of trees and chains are the sums of the tables' cells."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netlist_gen.assembly.delays import LATER_S, SOONER_S, Delays, measured_delays
from netlist_gen.assembly.stages import Stage, jtl_chain
from netlist_gen.circuit.table_neuron import table_neuron
from netlist_gen.circuit.trees import merger_tree, splitter_tree
from netlist_gen.errors import ConfigurationError
from netlist_gen.library.cells import CellLibrary
from netlist_gen.library.process import load_process
from netlist_gen.library.splitters import tree_cells

LIBRARY = CellLibrary()
DELAYS = measured_delays(LIBRARY.process)


SMALL = measured_delays(load_process(splitters="by-load"))


def walk(cell, bias, load="jtl", delays=DELAYS):
    """Arrival at each output of a tree, from the tables, by following its instances."""
    driven = {i.nets[0]: i for i in cell.instances}
    ends = dict.fromkeys(cell.ports[1:], load)

    def seen(net):
        return ends[net] if net in ends else driven[net].cell.name

    times = {cell.ports[0]: 0.0}
    for instance in cell.instances:
        source, *outputs = instance.nets
        for net in outputs:
            stage = Stage(instance.cell.name, load=seen(net))
            times[net] = times[source] + delays.stage(stage, bias)
    return np.array([times[port] for port in cell.ports[1:]])


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 70), st.sampled_from([0.95, 1.0, 1.05]), st.sampled_from(["jtl", "splitter"]))
def test_a_trees_delays_are_those_of_its_cells(leaves, bias, load):
    expected = walk(splitter_tree(LIBRARY, leaves), bias, load)
    np.testing.assert_allclose(DELAYS.tree(leaves, load, bias), expected, rtol=1e-12)


@pytest.mark.parametrize("drives", ["data", "resets", "clocks"])
@pytest.mark.parametrize("leaves", [1, 2, 3, 13])
def test_trees_by_load_are_told_by_the_tables_of_their_cells(leaves, drives):
    cell = splitter_tree(CellLibrary(load_process(splitters="by-load")), leaves, drives)
    port = tree_cells("by-load", drives).port
    found = SMALL.tree(leaves, drives=drives)
    np.testing.assert_allclose(found, walk(cell, 1.0, port, delays=SMALL), rtol=1e-12)
    as_library = bool(np.allclose(found, DELAYS.tree(leaves), rtol=1e-9, atol=0))
    assert as_library == (drives == "clocks")


@settings(deadline=None, max_examples=20)
@given(st.integers(1, 20))
def test_a_merger_trees_delays_are_those_of_its_cells(leaves):
    cell = merger_tree(LIBRARY, leaves)
    feeds = {net: i for i in cell.instances for net in i.nets[:-1]}
    found = []
    for port in cell.ports[:-1]:
        net, total = port, 0.0
        while net != "q":
            instance = feeds[net]
            net = instance.nets[-1]
            load = "merger" if net != "q" and feeds[net].cell.name == "merger" else "jtl"
            total += DELAYS.stage(Stage(instance.cell.name, load=load))
        found.append(total)
    # A stage of a path without mergers is seen by a JTL stage, not by the merger it replaces.
    apart = DELAYS.stage(Stage("jtl", load="merger")) - DELAYS.stage(Stage("jtl"))
    depth = max(1, (leaves - 1).bit_length())
    np.testing.assert_allclose(DELAYS.merge(leaves), found, rtol=0, atol=depth * apart + 1e-15)


def test_a_cell_is_slower_with_less_bias():
    for stage in (Stage("jtl"), Stage("splitter"), Stage("merger")):
        low, usual, high = (DELAYS.stage(stage, bias) for bias in (0.95, 1.0, 1.05))
        assert low > usual > high > 0.0
        assert DELAYS.stage(stage) == usual


def test_chains_add_up():
    assert DELAYS.path(jtl_chain(0)) == 0.0
    whole = DELAYS.path(jtl_chain(3, "source", "splitter"))
    apart = [Stage("jtl", "source"), Stage("jtl", "first"), Stage("jtl", "jtl", "splitter")]
    assert jtl_chain(3, "source", "splitter") == tuple(apart)
    assert whole == pytest.approx(sum(DELAYS.stage(stage) for stage in apart), rel=1e-12)


@settings(deadline=None, max_examples=30)
@given(st.lists(st.sampled_from([-1, 1]), min_size=1, max_size=32), st.integers(-3, 20))
def test_decisions_are_slower_at_low_bias_and_limits_are_finite(signs, theta):
    slow = DELAYS.decide_range(signs, theta, 0.95)
    fast = DELAYS.decide_range(signs, theta, 1.05)
    assert fast[0] <= fast[1] < slow[1]
    limits = DELAYS.limits(signs, theta)
    assert np.isfinite([limits.setup, limits.hold, limits.keep, limits.recovery]).all()
    assert limits.recovery > 0 < limits.keep


def test_beyond_the_measured_bias_a_decision_is_as_slow_as_at_its_end():
    signs, theta = table_neuron(64)
    ratios = [ratio for ratio, _ in DELAYS.tables["neuron64"].arc("clk", "q").by_bias_s]
    last, beyond = (DELAYS.decide_range(signs, theta, bias) for bias in (ratios[0], 0.8))
    assert last == beyond
    assert last[1] > DELAYS.decide_range(signs, theta)[1]


def test_roots_of_trees_load_a_tree_each_by_its_own_size():
    sizes = [3, 1, 2, 1, 5]
    loads = {"jtl": DELAYS.tree(5, "jtl"), "splitter": DELAYS.tree(5, "splitter")}
    expected = [loads["splitter" if n > 1 else "jtl"][i] for i, n in enumerate(sizes)]
    np.testing.assert_array_equal(DELAYS.roots(sizes), expected)
    assert DELAYS.roots(sizes)[1] < loads["splitter"][1]


def test_a_table_that_is_missing():
    tables = {k: v for k, v in DELAYS.tables.items() if k != "splitter"}
    with pytest.raises(
        ConfigurationError, match=r"^static timing needs the measured table of splitter$"
    ):
        Delays(tables, DELAYS._coupler)


@pytest.mark.parametrize(
    ("signs", "theta", "counts"),
    [
        ((1, -1, 1), -5, [-1, 0, 1, 2]),  # whatever comes, it fires
        ((1, 1), -1, [0, 1, 2]),
        ((1, -1, -1), -1, [-1, 0, 1]),
        ((1, 1), 1, [1, 2]),
        ((1, 1), 4, [4]),  # it never fires: the count that it would take
    ],
)
def test_the_range_of_a_decision_is_over_all_counts_there_can_be(signs, theta, counts):
    delays = DELAYS.decisions.delay(signs, theta, np.array(counts))
    low, high = DELAYS.decide_range(signs, theta)
    assert (low + SOONER_S, high - LATER_S) == pytest.approx((delays.min(), delays.max()))
