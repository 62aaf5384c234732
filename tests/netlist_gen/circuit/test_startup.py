"""The start-up supply: how much flux, in which window, by which sources."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import neuron_site

from netlist_gen.circuit.elements import LevelSource
from netlist_gen.circuit.neuron import control_current, library_design, neuron_cell
from netlist_gen.circuit.startup import EDGE_S, SETTLE_S, STEP, StartupSupply, startup_steps
from netlist_gen.circuit.view import STARTUP
from netlist_gen.library.cells import CellLibrary
from netlist_gen.library.design import load_rules

PS = 1e-12
LIBRARY = CellLibrary()
SUPPLY = StartupSupply(2, 50 * PS, 160 * PS, 112 * PS, 1.0)


def sources(site, supply=SUPPLY) -> dict[str, LevelSource]:
    cell = supply.cell(LIBRARY, site)
    return {e.name: e for e in cell.elements} if cell else {}


def flux_at(source: LevelSource, time_s: float) -> float:
    """Phi0 in the coils, between the corners of the wave."""
    before = [value for time, value in source.points() if time <= time_s]
    return (before[-1] if before else 0.0) / control_current(LIBRARY, 1.0)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.sampled_from([-1, 1]), min_size=1, max_size=32), st.integers(-33, 34))
def test_a_count_is_far_from_the_edge_in_both_windows_and_no_farther_than_it_must(signs, theta):
    design, past = library_design(LIBRARY, "N", signs, theta), load_rules().startup
    lowered, raised = startup_steps(design, signs, past)
    silent, full = (design.unit * (n - design.edge) for n in (0, sum(signs)))
    assert silent - lowered * STEP <= -past + 1e-12
    assert full + raised * STEP >= past - 1e-12
    if lowered:
        assert silent - lowered * STEP > -past - STEP - 1e-12
    if raised:
        assert full + raised * STEP < past + STEP + 1e-12
    # Even where all excitatory pulses come first no SQUID sees more than was shown to work.
    before = design.unit * (sum(s > 0 for s in signs) - design.edge)
    assert before + raised * STEP < 0.37


@pytest.mark.parametrize(
    ("signs", "theta", "names"),
    [
        ([1, 1, 1, 1, 1, 1, 1, 1], 4, []),  # silent without a pulse, fires with all
        ([1, 1, 1, 1, 1, 1, 1, 1], 8, ["IRB", "IRT"]),
        ([1, 1, 1, 1, 1, 1, 1, 1], 0, ["ISB", "IST"]),
        ([-1, -1, -1, -1], -1, ["ISB", "IST", "IRB", "IRT"]),
    ],
)
def test_sources_are_there_where_they_are_needed(signs, theta, names):
    found = sources(neuron_site(signs, theta))
    assert list(found) == names
    lowered, raised = startup_steps(
        library_design(LIBRARY, "N", signs, theta), signs, load_rules().startup
    )
    # Current flows through a source from its first net to its second: raised, it goes into bc.
    nets = {"IRB": ("bd", "bc"), "IRT": ("tc", "td"), "ISB": ("bc", "bd"), "IST": ("td", "tc")}
    for name, source in found.items():
        assert (source.plus, source.minus) == nets[name]
        window, steps = (1, raised) if name[1] == "R" else (0, lowered)
        at = (50 + 50 + 112 * window) * PS
        assert flux_at(source, at) == pytest.approx(steps * STEP)
        assert flux_at(source, at + (112 if window == 0 else -112) * PS) == 0.0
        (first, high, _, last), shift = source.points(), 112 * PS * window
        assert first == pytest.approx((50 * PS + shift, 0.0))
        assert high[0] == pytest.approx(50 * PS + EDGE_S + shift)
        assert last == pytest.approx((160 * PS - SETTLE_S + shift, 0.0))


def test_neurons_of_a_layer_share_a_cell():
    one, other = (SUPPLY.cell(LIBRARY, neuron_site([1, 1], 1, name)) for name in ("L0N0", "L0N1"))
    assert one is other
    assert one.name == "startup_L0_2_1"


def test_with_a_single_window_none_is_silent():
    alone = StartupSupply(1, 50 * PS, 160 * PS, 112 * PS, 1.0)
    found = sources(neuron_site([-1, -1, -1, -1], -1), alone)
    assert list(found) == ["IRB", "IRT"]
    assert found["IRB"].points()[0][0] == pytest.approx(50 * PS)


@pytest.mark.parametrize(("signs", "theta"), [([1, 1], 1), ([1] * 8, 8), ([-1] * 8, 1)])
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
