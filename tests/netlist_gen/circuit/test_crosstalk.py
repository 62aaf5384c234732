"""Crosstalk between neighbouring synapses: which are neighbours, what couples, what stays."""

from __future__ import annotations

import dataclasses
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netlist_gen.circuit.crosstalk import NOT_MOVED, Moved, drawn_order, moved
from netlist_gen.circuit.elements import Coupling, Inductor
from netlist_gen.circuit.loops import LoopSize
from netlist_gen.circuit.merged_neuron import merged_neuron_cell
from netlist_gen.circuit.model import Circuit
from netlist_gen.circuit.neuron import library_design, neuron_cell
from netlist_gen.errors import ConfigurationError
from netlist_gen.library.cells import CellLibrary
from netlist_gen.library.design import load_rules
from netlist_gen.library.drawing import Crosstalk
from netlist_gen.library.process import load_process

SIGNS = (1, -1, 1)
PROCESS = load_process("sfq5ee")


def couplings(cell) -> dict[str, tuple[str, str, float]]:
    return {e.name: (e.first, e.second, e.k) for e in cell.elements if isinstance(e, Coupling)}


def test_the_order_is_loop_after_loop():
    assert drawn_order((1, 1, 1, -1, -1), LoopSize(2, 4)) == (0, 2, 4, 1, 3)
    assert drawn_order((-1, 1, 1, -1), LoopSize(2, 2)) == (1, 0, 2, 3)
    assert drawn_order((1, 1, 1, -1, -1, 1), LoopSize(8, 1)) == (0, 3, 1, 2, 4, 5)


@given(st.integers(0, 12), st.integers(0, 12), st.randoms(use_true_random=False))
def test_neighbours_are_the_same_in_whatever_order_the_lines_are(excitatory, inhibitory, rng):
    """So that what is known of one neuron's neighbours (``moved``) is of all like it."""
    signs = [1] * excitatory + [-1] * inhibitory
    mixed = rng.sample(signs, len(signs))
    size = LoopSize(8, 3)
    drawn = [[those[k] for k in drawn_order(those, size)] for those in (signs, mixed)]
    assert drawn[0] == drawn[1]


def test_neighbours_are_coupled_at_the_processs_values():
    coupled = CellLibrary(PROCESS, crosstalk=True)
    cell = neuron_cell(coupled, "N", SIGNS, 1, labels=["a", "b", "c"])
    plain = neuron_cell(CellLibrary(PROCESS), "N", SIGNS, 1, labels=["a", "b", "c"])
    k = next(e.k for e in plain.instances[1].cell.elements if isinstance(e, Coupling))
    order = ["XS" + "abc"[i] for i in drawn_order(SIGNS, LoopSize(4, 2))]
    assert order == ["XSa", "XSc", "XSb"]
    expected = {}
    shares = library_design(coupled, "N", SIGNS, 1).shares
    for name, sign in (("XSa", 1), ("XSb", -1), ("XSc", 1)):
        own = k * shares[sign < 0]
        expected[f"KB_{name}"] = (f"LST_{name}", f"LBP_{name}", sign * own)
        expected[f"KT_{name}"] = (f"LST_{name}", f"LTP_{name}", -sign * own)
    for one, two in (("XSa", "XSc"), ("XSc", "XSb")):
        expected[f"KNB_{one}_{two}"] = (f"LBP_{one}", f"LBP_{two}", 0.05)
        expected[f"KNT_{one}_{two}"] = (f"LTP_{one}", f"LTP_{two}", 0.05)
        expected[f"KNS_{one}_{two}"] = (f"LST_{one}", f"LST_{two}", 0.01)
        for here, there in ((one, two), (two, one)):
            expected[f"KSB_{here}_{there}"] = (f"LST_{here}", f"LBP_{there}", 0.005)
            expected[f"KST_{here}_{there}"] = (f"LST_{here}", f"LTP_{there}", 0.005)
    assert couplings(cell) == expected


@settings(max_examples=15, deadline=None)
@given(st.lists(st.sampled_from([-1, 1]), min_size=1, max_size=40))
def test_the_rest_of_the_neuron_is_as_it_was(signs):
    plain, coupled = (
        neuron_cell(CellLibrary(PROCESS, crosstalk=c), "N", signs, 1) for c in (False, True)
    )
    totals = [Circuit(cell).totals() for cell in (plain, coupled)]
    # Thresholds are set for crosstalk: the control lines' currents are others.
    assert dataclasses.replace(totals[0], flux_A=totals[1].flux_A) == totals[1]
    ways = [
        {(p.path, j.name) for p in Circuit(cell).walk() for j in p.cell.junctions()}
        for cell in (plain, coupled)
    ]
    assert ways[0] == ways[1]  # probes find their junctions
    values = [
        sorted(
            e.value for p in Circuit(c).walk() for e in p.cell.elements if isinstance(e, Inductor)
        )
        for c in (plain, coupled)
    ]
    assert values[0] == values[1]
    assert len(couplings(coupled)) == (2 * len(signs) + 7 * (len(signs) - 1) if signs[1:] else 0)
    assert len(Circuit(plain).biased()) == len(Circuit(coupled).biased())


def test_a_process_that_says_nothing_of_crosstalk():
    silent = dataclasses.replace(
        PROCESS, drawing=dataclasses.replace(PROCESS.drawing, crosstalk=None)
    )
    message = (
        "the process sfq5ee has no table [crosstalk], which --crosstalk needs: pickups, storages "
        "and stray, each a coefficient below 1"
    )
    with pytest.raises(ConfigurationError, match=f"^{re.escape(message)}$"):
        CellLibrary(silent, crosstalk=True)


def test_branches_of_merged_lines_are_neighbours_too():
    cell = merged_neuron_cell(CellLibrary(PROCESS, crosstalk=True), "N", (1, 1, 1, -1), 1, 2)
    assert [name for name in couplings(cell) if name.startswith("KNS")] == [
        "KNS_XS0_XS1",
        "KNS_XS1_XS2",
    ]


def test_what_neighbours_do_is_known():
    """By hand: eight synapses in four loops of two; of four and four the signs alternate."""
    rules, size = load_rules(PROCESS), LoopSize(4, 2)
    measured = rules.neighbours
    assert measured is not None
    crosstalk, each = measured.crosstalk, 14 / 8  # seven pairs of neighbours
    alike = moved(8, 0, size, crosstalk, rules)
    assert alike.flux == rules.edge(4).crosstalk, "every place has its synapse"
    assert alike.gains == pytest.approx((each * measured.alike, 0.0), rel=1e-12)
    assert alike.both == pytest.approx((each * measured.both / 4, 0.0), rel=1e-12)
    mixed = moved(4, 4, size, crosstalk, rules)
    assert mixed.gains == pytest.approx((each * measured.other,) * 2, rel=1e-12)
    assert mixed.both == pytest.approx((each * measured.both / 4,) * 2, rel=1e-12)
    lone = moved(1, 0, size, crosstalk, rules)
    assert lone == Moved(0.0, (0.0, 0.0), (0.0, 0.0)), "one synapse has no neighbour"
    half = Crosstalk(crosstalk.pickups / 2, crosstalk.storages / 4, crosstalk.stray / 8)
    less = moved(8, 0, size, half, rules)
    assert less.flux == pytest.approx(alike.flux / 2, rel=1e-12)
    assert less.gains[0] == pytest.approx(alike.gains[0] / 4, rel=1e-12)
    assert less.both[0] == pytest.approx(alike.both[0] / 8, rel=1e-12)
    # One pick-up in each loop is twice as long: seven pairs of 15, each of twice as much.
    alone = moved(8, 0, LoopSize(8, 1), crosstalk, rules)
    assert alone.flux == pytest.approx(rules.edge(8).crosstalk * 14 / 15, rel=1e-12)
    # Loops that hold four, of 4/3 the share of storage inductor: a fluxon's current is a third.
    longer = moved(4, 4, size, crosstalk, rules, 4, 4 / 3)
    assert longer.gains == pytest.approx((each * measured.other * 4 / 3,) * 2, rel=1e-12)
    assert longer.both == pytest.approx((each * measured.both / 4 * 2 / 3,) * 2, rel=1e-12)
    silent = dataclasses.replace(rules, neighbours=None)
    assert moved(8, 0, size, crosstalk, silent) is NOT_MOVED


# A stage of 32 loops has 0.017 Phi0 for a synapse at fan-in 64, and more below.
@given(st.integers(0, 32), st.integers(0, 32), st.floats(0.006, 0.03))
def test_both_signs_are_made_to_count_the_same(excitatory, inhibitory, unit):
    if excitatory + inhibitory == 0:
        return
    rules = load_rules(PROCESS)
    measured = rules.neighbours
    assert measured is not None
    beside = moved(excitatory, inhibitory, LoopSize(32, 2), measured.crosstalk, rules)
    counted, shares = beside.trimmed(unit, excitatory, inhibitory)
    assert all(0.5 < share <= 1.0 for share in shares)
    assert 1.0 in shares, "one sign has all the coupling that there is"
    up, down = (unit * s * (1 + gain) for s, gain in zip(shares, beside.gains, strict=True))
    if excitatory:
        assert up - beside.both[0] == pytest.approx(counted, rel=1e-9)
    if inhibitory:
        assert down + beside.both[1] == pytest.approx(counted, rel=1e-9)
    assert NOT_MOVED.trimmed(unit, excitatory, inhibitory) == (unit, (1.0, 1.0))
