"""Faults: each changes what it says in the circuit of a bench, and nothing else."""

from __future__ import annotations

import numpy as np
import pytest
from support import neuron_site

from netlist_gen.circuit.bench import neuron_bench
from netlist_gen.circuit.elements import CurrentSource, PulseSource
from netlist_gen.circuit.neuron import control_current, library_design, neuron_cell
from netlist_gen.deck.decks import neuron_deck
from netlist_gen.library.cells import CellLibrary
from netlist_gen.library.design import load_phases
from verification.certificate.faults import CLOCK_SHARE, FAULTS, Broken, fault

SITE = neuron_site((1, 1, -1, 1, -1), 2)
STIMULUS = np.array([[1, 0, 1, 0, 0], [0, 1, 0, 1, 0]], dtype=bool)
PERIOD_S = load_phases().period


@pytest.fixture
def broken():
    library = CellLibrary()
    bench = neuron_bench(library, SITE, STIMULUS)
    unit = library_design(library, SITE.name, SITE.signs, SITE.theta).unit
    control = control_current(library, unit)
    return library, bench, Broken(SITE, bench.circuit, control, PERIOD_S, np.random.default_rng(1))


def text(library, bench, circuit):
    changed = type(bench)(bench.view, circuit)
    return neuron_deck(library, changed, "n", 0, like=neuron_deck(library, bench, "n", 0)).text


@pytest.mark.parametrize("kind", FAULTS)
def test_a_fault_changes_the_deck_and_is_the_same_for_all_decks(broken, kind):
    library, bench, given = broken
    found = fault(kind, given)
    assert (found.kind, bool(found.where)) == (kind, True)
    other = found.change(bench.circuit)
    assert other.digest() == found.change(bench.circuit).digest() != bench.circuit.digest()
    assert text(library, bench, other) != text(library, bench, bench.circuit)
    assert other.totals().junctions == bench.circuit.totals().junctions


def elements(circuit, path=()):
    cell = circuit.top
    for name in path:
        cell = next(x.cell for x in cell.instances if x.name == name)
    return {e.name: e for e in cell.elements}


@pytest.mark.parametrize(
    ("kind", "factor"),
    [("branch dead", 0), ("sign turned", -1), ("coupling at half", 0.5),
     ("coupling at one and a half", 1.5)],
)  # fmt: skip
def test_couplings_of_one_branch_are_scaled(broken, kind, factor):
    _, bench, given = broken
    found = fault(kind, given)
    other = found.change(bench.circuit)
    for label in SITE.labels:
        path = (f"X{SITE.name}", f"XS{label}")
        was, now = elements(bench.circuit, path), elements(other, path)
        own = factor if found.where == f"synapse {label}" else 1
        assert [now[k].k for k in ("KB", "KT")] == [own * was[k].k for k in ("KB", "KT")]


@pytest.mark.parametrize(("kind", "theta"), [("theta one higher", 3), ("theta one lower", 1)])
def test_a_moved_threshold_is_that_of_a_neuron_built_so(broken, kind, theta):
    library, bench, given = broken
    now = elements(fault(kind, given).change(bench.circuit), (f"X{SITE.name}",))
    built = {e.name: e for e in neuron_cell(library, "other", SITE.signs, theta).elements}
    unit = [library_design(library, "n", SITE.signs, t).unit for t in (SITE.theta, theta)]
    assert unit[0] == pytest.approx(unit[1], rel=1e-6)  # else the two would differ in more
    for name in ("ICB", "ICT"):
        # By how much thresholds are moved for patterns that stray changes a little with theta.
        assert now[name].value == pytest.approx(built[name].value, rel=5e-3)


@pytest.mark.parametrize(
    ("kind", "source", "sign"),
    [("clock early", "VC", -1), ("clock late", "VC", 1), ("reset early", "VR", -1),
     ("reset late", "VR", 1)],
)  # fmt: skip
def test_a_clock_is_moved_by_a_fifth_of_the_window(broken, kind, source, sign):
    _, bench, given = broken
    other = elements(fault(kind, given).change(bench.circuit))
    for name, was in elements(bench.circuit).items():
        if isinstance(was, PulseSource):
            by = sign * CLOCK_SHARE * PERIOD_S if name == source else 0.0
            assert other[name].times_s == pytest.approx([t + by for t in was.times_s], abs=1e-18)


def test_a_line_that_is_stuck_has_a_pulse_in_each_window(broken):
    _, bench, given = broken
    found = fault("line stuck with pulses", given)
    source = elements(found.change(bench.circuit))[f"V{found.where.removeprefix('line ')}"]
    assert np.diff(source.times_s) == pytest.approx([PERIOD_S])


def test_a_bias_tap_that_is_open_is_gone(broken):
    _, bench, given = broken
    for kind in ("bias tap open in a branch", "bias tap open in the decision"):
        other = fault(kind, given).change(bench.circuit)
        lost = bench.circuit.totals().bias_A - other.totals().bias_A
        assert 0 < lost < 1e-3
        sources = (isinstance(e, CurrentSource) for e in elements(other).values())
        assert not any(sources)  # the bench's own are in its cells
