"""Inductors lifted into the parent: the same circuit, other names, other levels."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from netlist_gen.circuit.elements import Coupling, Inductor, Resistor
from netlist_gen.circuit.lift import lifted
from netlist_gen.circuit.model import Cell, Circuit, CircuitBuilder
from netlist_gen.errors import DeckError

INNER = Cell(
    "pair",
    ("a", "b", "c"),
    (
        Resistor("R1", "a", "m", 1.0),
        Inductor("L1", "m", "0", 1e-12),
        Inductor("L2", "b", "c", 2e-12),
        Inductor("L3", "m", "a", 3e-12),
        Coupling("K1", "L1", "L2", 0.1),
    ),
)


def parent() -> Cell:
    builder = CircuitBuilder("parent", ("p",))
    builder.add(Resistor("RP", "p", "0", 2.0))
    builder.place("X1", INNER, "p", "q", "0")
    builder.place("X2", INNER, "p", "q", "r")
    return builder.cell()


def test_inductors_and_their_couplings_come_up():
    found = lifted(parent(), {"X1": ("L1", "L2")})
    assert found.elements == (
        Resistor("RP", "p", "0", 2.0),
        Inductor("L1_X1", "X1_m", "0", 1e-12),
        Inductor("L2_X1", "q", "0", 2e-12),
        Coupling("K1_X1", "L1_X1", "L2_X1", 0.1),
    )
    one, two = found.instances
    assert (one.name, one.cell.name, one.nets) == ("X1", "pair_lifted", ("p", "X1_m"))
    assert one.cell.ports == ("a", "m")
    assert one.cell.elements == (INNER.elements[0], INNER.elements[3])
    assert two.cell is INNER
    assert found.ports == ("p",)


def test_nothing_is_lost_and_instances_of_a_cell_share_its_variant():
    found = lifted(parent(), {"X1": ("L1", "L2"), "X2": ("L1", "L2")})
    assert found.instances[0].cell is found.instances[1].cell
    kinds = [
        Counter(type(e) for placed in Circuit(cell).walk() for e in placed.cell.elements)
        for cell in (parent(), found)
    ]
    assert kinds[0] == kinds[1]
    assert found.instances[1].nets == ("p", "X2_m")


@pytest.mark.parametrize(
    ("inductors", "message"),
    [
        ({"X3": ("L1",)}, "cell parent has no instance X3 to lift inductors out of"),
        ({"X1": ("L9",)}, "cell pair has no inductor L9 to lift"),
        (
            {"X1": ("L1",)},
            "cell pair: K1 couples L1 with L2, and only one of them is lifted",
        ),
    ],
)
def test_what_can_not_be_lifted(inductors, message):
    with pytest.raises(DeckError, match=f"^{re.escape(message)}$"):
        lifted(parent(), inductors)


def test_two_variants_of_one_cell_are_refused():
    other = lifted(parent(), {"X1": ("L1", "L2"), "X2": ("L3",)})
    message = "cell pair_lifted in parent is defined twice with different contents"
    with pytest.raises(DeckError, match=f"^{message}$"):
        Circuit(other)
