"""The start-up supply: how much flux, in which window, by which sources."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import neuron_site

from netlist_gen.circuit.elements import LevelSource
from netlist_gen.circuit.neuron import control_mutual, library_design, neuron_cell
from netlist_gen.circuit.startup import EDGE_S, SETTLE_S, StartupSupply
from netlist_gen.circuit.view import STARTUP
from netlist_gen.constants import PHI0
from netlist_gen.library.cells import CellLibrary
from netlist_gen.library.design import load_rules

PS = 1e-12
LIBRARY = CellLibrary()
SUPPLY = StartupSupply(2, 50 * PS, 160 * PS, 112 * PS, 1.0)


def sources(site, supply=SUPPLY) -> dict[str, LevelSource]:
    return {e.name: e for e in supply.cell(LIBRARY, site).elements}


def flux_at(source: LevelSource, time_s: float) -> float:
    """Phi0 in the coils, between the corners of the wave."""
    before = [value for time, value in source.points() if time <= time_s]
    return (before[-1] if before else 0.0) * control_mutual(LIBRARY) / PHI0


def test_every_neuron_gets_the_same_in_the_last_window():
    found = sources(neuron_site([1, -1, 1], 2))
    assert list(found) == ["IRB", "IRT"]
    # Current flows through a source from its first net to its second: out of bc, into tc.
    assert [(s.plus, s.minus) for s in found.values()] == [("bd", "bc"), ("tc", "td")]
    for source in found.values():
        assert flux_at(source, 100 * PS) == 0.0
        assert flux_at(source, 200 * PS) == pytest.approx(load_rules().startup)
        (first, *_, last), (begin, end) = source.points(), (50 * PS + 112 * PS, 160 * PS + 112 * PS)
        assert first == pytest.approx((begin, 0.0))
        assert last == pytest.approx((end - SETTLE_S, 0.0))
        assert source.points()[1][0] == pytest.approx(begin + EDGE_S)


def test_neurons_of_a_layer_share_a_cell():
    one, other = (SUPPLY.cell(LIBRARY, neuron_site([1, 1], 1, name)) for name in ("L0N0", "L0N1"))
    assert one is other
    assert one.name == "startup_L0"


@settings(deadline=None, max_examples=20)
@given(st.lists(st.sampled_from([-1, 1]), min_size=1, max_size=8), st.integers(-10, 0))
def test_one_that_fires_without_a_pulse_gets_the_threshold_of_theta_1(signs, theta):
    site = neuron_site(signs, theta, "L0N3")
    own, one = (library_design(LIBRARY, "N", signs, t) for t in (theta, 1))
    found = sources(site)
    assert SUPPLY.cell(LIBRARY, site).name == "startup_L0N3"
    assert list(found) == ["ISB", "IST", "IRB", "IRT"]
    assert [(found[n].plus, found[n].minus) for n in ("ISB", "IST")] == [("bc", "bd"), ("td", "tc")]
    lowered = flux_at(found["ISB"], 90 * PS)
    assert flux_at(found["IST"], 90 * PS) == lowered
    assert flux_at(found["ISB"], 200 * PS) == 0.0
    edge = max(theta, -signs.count(-1)) - 0.5
    assert lowered == pytest.approx(own.unit * (0.5 - edge))
    if own.unit == one.unit:
        assert own.threshold - lowered == pytest.approx(one.threshold)


def test_with_a_single_window_none_is_silent():
    alone = StartupSupply(1, 50 * PS, 160 * PS, 112 * PS, 1.0)
    found = sources(neuron_site([1, 1], 0), alone)
    assert list(found) == ["IRB", "IRT"]
    assert found["IRB"].points()[0][0] == pytest.approx(50 * PS)


@pytest.mark.parametrize(("signs", "theta"), [([1, 1], 1), ([1] * 8, 8), ([-1] * 8, -7)])
def test_it_lies_between_the_ends_of_the_control_lines(signs, theta):
    """A line whose flux is negative is fed from its other end; the supply is turned with it."""
    site = neuron_site(signs, theta)
    cell = neuron_cell(LIBRARY, "N", signs, theta, startup=SUPPLY.cell(LIBRARY, site))
    nets = {instance.name: instance.nets for instance in cell.instances}
    stage = next(i for i in cell.instances if i.name == "XD")
    ends = [stage.nets[stage.cell.ports.index(port)] for port in ("bc", "bd", "tc", "td")]
    assert list(nets[STARTUP]) == ends
    design = library_design(LIBRARY, "N", signs, theta)
    assert ends[:2] == (["cb", "0"] if design.bottom >= 0 else ["0", "cb"])
    assert ends[2:] == (["ct", "0"] if design.top >= 0 else ["0", "ct"])
    plain = neuron_cell(LIBRARY, "N", signs, theta)
    assert plain.elements == cell.elements
    assert plain.instances == tuple(i for i in cell.instances if i.name != STARTUP)
