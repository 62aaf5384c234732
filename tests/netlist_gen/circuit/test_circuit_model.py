from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from netlist_gen.circuit.elements import (
    GROUND,
    CurrentSource,
    Inductor,
    Junction,
    LevelSource,
    Role,
)
from netlist_gen.circuit.model import Cell, CircuitBuilder
from netlist_gen.errors import DeckError

BIAS = CurrentSource("IB", GROUND, "n", 1e-4, Role.BIAS)


def test_totals_count_every_placed_cell():
    leaf = Cell("leaf", ("a",), (Junction("B1", "a", GROUND, 2.0), BIAS), kind="leaf")
    middle = CircuitBuilder("middle", ("a",), kind="middle")
    middle.place("X1", leaf, "a")
    middle.place("X2", leaf, "a")
    top = CircuitBuilder("top")
    middle_cell = middle.cell()
    for name in ("XA", "XB", "XC"):
        top.place(name, middle_cell, "n")
    top.add(CurrentSource("IC", GROUND, "n", -3e-4, Role.FLUX))
    circuit = top.circuit()
    totals = circuit.totals()
    assert totals.junctions == 6
    assert totals.bias_A == pytest.approx(6e-4)
    assert totals.flux_A == pytest.approx(3e-4)
    assert totals.supply_A == pytest.approx(9e-4)
    assert totals.cells == {"top": 1, "middle": 3, "leaf": 6}
    paths = [p.path for p in circuit.walk()]
    assert paths[:4] == [(), ("XA",), ("XA", "X1"), ("XA", "X2")]
    assert list(circuit.cells) == ["leaf", "middle"]


def test_the_biased_junction_is_found_through_inductors():
    junction = Junction("B1", "m", GROUND, 1.0)
    series = Junction("B2", "n", "o", 1.0)
    near = Cell("c", (), (series, Inductor("L1", "n", "m", 1e-12), junction, BIAS))
    assert near.biased_junction(BIAS) == junction
    ground = Cell("c", (), (Inductor("L1", "n", GROUND, 1e-12), junction, BIAS))
    assert ground.biased_junction(BIAS) is None
    assert Cell("c", (), (series, junction, BIAS)).biased_junction(BIAS) is None


def refusal(call, *arguments, **options):
    with pytest.raises(DeckError) as caught:
        call(*arguments, **options)
    return str(caught.value)


def test_names_are_unique_ignoring_case():
    builder = CircuitBuilder("c", ("a", "b"))
    builder.add(Inductor("L1", "a", "b", 1e-12))
    message = "the name {} is used twice in cell c (case is ignored)"
    assert refusal(builder.add, Inductor("l1", "a", "b", 1e-12)) == message.format("l1")
    assert refusal(builder.place, "L1", Cell("d", ())) == message.format("L1")


def test_nets_fit_the_ports():
    builder = CircuitBuilder("c")
    assert refusal(builder.place, "X1", Cell("d", ("a", "q")), "n") == (
        "instance X1 of cell d in c got 1 nets; the cell has 2 ports: a, q"
    )


def test_one_name_stands_for_one_cell():
    builder = CircuitBuilder("c")
    builder.place("X1", Cell("d", ("a",)), "n")
    builder.place("X2", Cell("d", ("a",)), "n")
    assert list(builder.circuit().cells) == ["d"]
    builder.place("X3", Cell("d", ("b",)), "n")
    message = "cell d in c is defined twice with different contents"
    assert refusal(builder.circuit) == message
    # Deep inside too: a cell that holds another d than its neighbour.
    outer = CircuitBuilder("e", ("n",))
    outer.place("X1", Cell("d", ("b",)), "n")
    deep = CircuitBuilder("c")
    deep.place("X1", Cell("d", ("a",)), "n")
    deep.place("X2", outer.cell(), "n")
    assert refusal(deep.circuit) == message


def test_a_change_reaches_every_cell():
    leaf = Cell("leaf", ("a",), (Junction("B1", "a", GROUND, 2.0), BIAS), kind="leaf")
    middle, top = CircuitBuilder("middle", ("a",)), CircuitBuilder("top")
    middle.place("X1", leaf, "a")
    top.place("XA", middle.cell(), "n")
    top.place("XB", leaf, "n")
    circuit = top.circuit()
    doubled = circuit.changed(
        lambda cell: replace(cell, elements=tuple(replace(j, area=4.0) for j in cell.junctions()))
    )
    areas = [j.area for placed in doubled.walk() for j in placed.cell.junctions()]
    assert areas == [4.0, 4.0]
    assert [p.path for p in doubled.walk()] == [p.path for p in circuit.walk()]
    assert doubled.digest() != circuit.digest() == top.circuit().digest()


RISES = st.lists(st.floats(1e-12, 200e-12), min_size=1, max_size=6)


@given(RISES, st.floats(1e-12, 80e-12), st.floats(0.1, 1.0))
def test_a_level_goes_up_at_each_of_its_times_and_comes_down_before_the_next(gaps, width, share):
    times = tuple(100e-12 + t for t in np.cumsum(gaps))
    source = LevelSource("I1", "0", "n", 1e-3, width, share * width, times)
    points = source.points()
    moments, currents = [t for t, _ in points], [i for _, i in points]
    assert moments == sorted(set(moments))
    assert set(currents) <= {0.0, 1e-3}
    assert currents[-1] == 0.0
    for time, after in zip(times, [*times[1:], math.inf], strict=True):
        assert np.interp(time, moments, currents) == pytest.approx(0.5e-3, rel=1e-3)
        fall = time + min(width, (after - time) / 2)
        assert np.interp(fall, moments, currents) == pytest.approx(0.5e-3, rel=1e-3)


def test_inductors_in_a_ring_or_to_ground_lead_to_no_other_junction():
    """The way ends at ground, and does not go round for ever."""
    ring = [
        Inductor("L1", "n", "m", 1e-12), Inductor("L2", "m", "o", 1e-12),
        Inductor("L3", "o", "n", 1e-12), Inductor("L4", "o", GROUND, 1e-12),
    ]  # fmt: skip
    far = (Inductor("L5", GROUND, "p", 1e-12), Junction("B1", "p", GROUND, 1.0))
    assert Cell("c", (), (*ring, *far, BIAS)).biased_junction(BIAS) is None
    near = Junction("B2", "o", GROUND, 1.0)
    assert Cell("c", (), (*ring, *far, near, BIAS)).biased_junction(BIAS) == near
