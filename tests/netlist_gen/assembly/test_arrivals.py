"""Arrivals of a closed timing on a neuron's bench: the same spacings, whatever is where."""

from __future__ import annotations

import numpy as np
import pytest
from support import tiny_network

from netlist_gen.assembly.arrivals import Spacing, arrival_range, spacings
from netlist_gen.assembly.delays import measured_delays
from netlist_gen.assembly.network_circuit import network_outline
from netlist_gen.assembly.plan import outline
from netlist_gen.circuit.clock_line import port_phases
from netlist_gen.circuit.trees import tree_depth
from netlist_gen.library.cells import CellLibrary
from netlist_gen.library.design import load_phases

PHASES = load_phases()


@pytest.fixture(scope="module")
def bench():
    return network_outline(tiny_network(), CellLibrary(), PHASES)


def test_spacings_are_those_of_the_plan(bench):
    found = spacings(bench.plan)
    assert list(found) == [(s.layer, s.neuron) for s in bench.plan.sites]
    for layer, timing in zip(bench.plan.layers, bench.timing.layers, strict=True):
        for k, site in enumerate(layer.sites):
            one = found[site.layer, site.neuron]
            assert one.setup == pytest.approx(timing.decision[k] - timing.latest[k])
            assert one.hold == pytest.approx(timing.reset[k] - timing.decision[k])
            # A window is as long as what its parts are together.
            whole = one.setup + one.keep + (timing.latest[k] - timing.earliest[k])
            assert whole == pytest.approx(PHASES.period)
            assert one.keep - one.recovery == pytest.approx(one.hold)


def test_nothing_is_known_without_a_closed_timing():
    assert spacings(outline(tiny_network())) == {}


def test_the_tighter_of_two_is_taken_each_by_itself():
    one, other = Spacing(1.0, 5.0, 3.0, 4.0), Spacing(2.0, 1.0, 3.0, 9.0)
    assert one.least(other) == Spacing(1.0, 1.0, 3.0, 4.0)


def test_a_bench_has_the_spacings_of_the_plan(bench):
    library, delays = CellLibrary(), measured_delays(CellLibrary().process)
    for site in bench.plan.sites:
        spacing = spacings(bench.plan)[site.layer, site.neuron]
        fan_in = len(site.signs)
        decision = port_phases(library, PHASES, fan_in).decision
        found = arrival_range(delays, spacing, site.signs, site.theta, PHASES, decision)
        # Data at 0 and at the skew; the clocks at the neuron's ports:
        clock = port_phases(library, found.phases, fan_in).decision
        reset = found.phases.reset - PHASES.tree_stage * tree_depth(fan_in)
        assert clock - found.skew_s == pytest.approx(spacing.setup)
        assert reset - clock == pytest.approx(spacing.hold)
        assert PHASES.period - clock == pytest.approx(spacing.keep)
        assert PHASES.period - reset == pytest.approx(spacing.recovery)
        assert found.rest_s == pytest.approx(-6e-12)  # there is time for it


def test_a_neuron_rests_later_where_there_is_little_time(bench):
    site = bench.plan.sites[0]
    delays = measured_delays(CellLibrary().process)
    limits = delays.limits(site.signs, site.theta)
    spacing = Spacing(20e-12, 20e-12, limits.keep, limits.recovery)
    found = arrival_range(delays, spacing, site.signs, site.theta, PHASES, 45e-12)
    # As late as can be: the reset leaves nothing, and the first loop's set junction flips next.
    jtl = delays.tables["jtl"].delay_s("a", "q", load="jtl")
    latest = jtl + delays.stored() - 3e-12
    assert -6e-12 < found.rest_s <= latest + 0.5e-12
    assert np.isclose(found.rest_s, latest, atol=0.5e-12)
