"""Extracted values in circuits: what is named, what it makes of shared cells, what is refused."""

from __future__ import annotations

from dataclasses import replace

import pytest

from netlist_gen.circuit.annotate import Annotator, Setting, near
from netlist_gen.circuit.elements import (
    GROUND,
    Capacitor,
    Coupling,
    CurrentSource,
    Inductor,
    Junction,
    PulseSource,
    Resistor,
    Role,
)
from netlist_gen.circuit.model import Circuit, CircuitBuilder
from netlist_gen.errors import ConfigurationError


def built(*, places: int = 3) -> Circuit:
    """X1 .. Xn of a cell "pair" that holds two of "unit"; elements of each kind in the top."""
    unit = CircuitBuilder("unit", ("a",), kind="jtl")
    unit.add(Inductor("L1", "a", "n", 2e-12))
    unit.add(Junction("B1", "n", GROUND, 2.5))
    unit.add(CurrentSource("IB1", GROUND, "n", 175e-6, Role.BIAS))
    pair = CircuitBuilder("pair", ("a", "b"))
    pair.place("XA", unit.cell(), "a")
    pair.place("XB", unit.cell(), "b")
    pair.add(Inductor("LP", "a", "b", 1e-12))
    top = CircuitBuilder("top")
    for place in range(1, places + 1):
        top.place(f"X{place}", pair.cell(), f"n{place}", f"m{place}")
    top.add(Inductor("LT", "n1", GROUND, 3e-12))
    top.add(Inductor("LU", "m1", GROUND, 3e-12))
    top.add(Coupling("K1", "LT", "LU", 0.2))
    top.add(Resistor("RL", "n1", GROUND, 2.0))
    top.add(Capacitor("C1", "n1", GROUND, 1e-15))
    top.add(PulseSource("V1", "m1", GROUND, ()))
    return top.circuit()


def inductor(target: str, value: float = 9e-12, where: str = "t.csv, line 2") -> Setting:
    return Setting(target, {Inductor: value}, where)


def values(circuit: Circuit) -> dict[str, float]:
    """Every inductance by its path."""
    return {
        ".".join((e.name, *reversed(placed.path))): e.value
        for placed in circuit.walk()
        for e in placed.cell.elements
        if isinstance(e, Inductor)
    }


@pytest.mark.parametrize(
    ("target", "named"),
    [
        ("L1.XA.X2", ["L1.XA.X2"]),
        ("l1.xa.x2", ["L1.XA.X2"]),
        ("LT", ["LT"]),
        ("L?", ["LT", "LU"]),
        ("L1.*.X2", ["L1.XA.X2", "L1.XB.X2"]),
        ("L1.XA.*", ["L1.XA.X1", "L1.XA.X2", "L1.XA.X3"]),
        ("LP.X?", ["LP.X1", "LP.X2", "LP.X3"]),
        ("L*X3", ["LP.X3", "L1.XA.X3", "L1.XB.X3"]),
        ("unit:L1", [f"L1.{x}.X{n}" for n in (1, 2, 3) for x in ("XA", "XB")]),
        ("jtl:L?", [f"L1.{x}.X{n}" for n in (1, 2, 3) for x in ("XA", "XB")]),
        ("p*:LP", ["LP.X1", "LP.X2", "LP.X3"]),
        ("L*X?*X?", [f"L1.{x}.X{n}" for n in (1, 2, 3) for x in ("XA", "XB")]),
        ("L*1*A*1", ["L1.XA.X1"]),
        ("**L1**X2", ["L1.XA.X2", "L1.XB.X2"]),
    ],
)
def test_what_a_name_names(target, named):
    circuit = built()
    annotator = Annotator([inductor(target)])
    changed = annotator.apply(circuit)
    before, after = values(circuit), values(changed)
    assert {name for name in after if after[name] != before[name]} == {*named}
    assert annotator.match(circuit).elements == len(named)
    assert [p.path for p in changed.walk()] == [p.path for p in circuit.walk()]


def cells_at(circuit: Circuit) -> dict[str, str]:
    return {".".join(reversed(p.path)): p.cell.name for p in circuit.walk() if p.path}


def test_a_cell_whose_places_all_get_the_same_keeps_its_name():
    changed = Annotator([inductor("unit:L1")]).apply(built())
    assert set(changed.cells) == {"unit", "pair"}


def test_a_place_that_differs_is_a_cell_of_its_own():
    settings = [inductor("L1.XA.X2", 9e-12), inductor("L1.XB.X1", 8e-12)]
    changed = Annotator(settings).apply(built())
    assert cells_at(changed) == {
        "X1": "pair_a1", "XA.X1": "unit", "XB.X1": "unit_a1",
        "X2": "pair_a2", "XA.X2": "unit_a2", "XB.X2": "unit",
        "X3": "pair", "XA.X3": "unit", "XB.X3": "unit",
    }  # fmt: skip
    assert changed.digest() == Annotator(settings[::-1]).apply(built()).digest()


def test_places_that_get_the_same_share_a_cell():
    settings = [inductor("L1.XA.X1"), inductor("L1.XA.X3")]
    assert cells_at(Annotator(settings).apply(built())) == {
        "X1": "pair_a1", "XA.X1": "unit_a1", "XB.X1": "unit",
        "X2": "pair", "XA.X2": "unit", "XB.X2": "unit",
        "X3": "pair_a1", "XA.X3": "unit_a1", "XB.X3": "unit",
    }  # fmt: skip


def test_a_name_that_is_taken_is_passed_over():
    taken = CircuitBuilder("unit_A1", ("a",))
    taken.add(Inductor("L9", "a", GROUND, 1e-12))
    top = CircuitBuilder("top")
    circuit = built()
    for name in ("X1", "X2"):
        top.place(name, circuit.cells["unit"], "n")
    top.place("X3", taken.cell(), "n")
    changed = Annotator([inductor("L1.X1")]).apply(top.circuit())
    assert set(changed.cells) == {"unit_a2", "unit", "unit_A1"}


def test_an_elements_own_value_changes_nothing():
    circuit = built()
    changed = Annotator([inductor("*:L1", 2e-12), inductor("LT", 3e-12)]).apply(circuit)
    assert changed is circuit


def test_each_kind_has_its_field():
    settings = [
        Setting("B1.XA.X1", {Junction: 3.0}, "t"),
        Setting("K1", {Coupling: -0.3}, "t"),
        Setting("RL", {Resistor: 5.0}, "t"),
        Setting("IB1.XA.X1", {CurrentSource: -2e-6}, "t"),
    ]
    changed = Annotator(settings).apply(built())
    found = {e.name: e for e in changed.top.elements}
    assert (found["K1"].k, found["RL"].value) == (-0.3, 5.0)
    unit = changed.cells["unit_a1"]
    assert (unit.junctions()[0].area, unit.biases()[0].value) == (3.0, -2e-6)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            [inductor("L1.XA.X2"), inductor("unit:L1", 8e-12, "t.csv, line 7")],
            "t.csv, line 7: unit:L1 sets L1.XA.X2 otherwise than L1.XA.X2 in t.csv, line 2; one "
            "value is allowed",
        ),
        (
            [inductor("B1.XA.X1")],
            "t.csv, line 2: B1.XA.X1 is a junction, of another unit than that given",
        ),
        (
            [inductor("*")],
            "t.csv, line 2: *, which is K1, is a coupling, of another unit than that given",
        ),
        (
            [Setting("?1.XA.X1", {Inductor: 1e-12, Junction: 1.0}, "t.csv, line 3")],
            "t.csv, line 3: ?1.XA.X1 names an inductor and a junction (B1.XA.X1); one kind is "
            "allowed",
        ),
        (
            [inductor("C1")],
            "t.csv, line 2: C1 is a Capacitor; values can be given to a junction, an inductor, "
            "a resistor, a coupling, a current source",
        ),
        (
            [inductor("V1")],
            "t.csv, line 2: V1 is a PulseSource; values can be given to a junction, an inductor, "
            "a resistor, a coupling, a current source",
        ),
        (
            [inductor("LT", 0.0)],
            "t.csv, line 2: LT is an inductor of 0; its value must be above 0",
        ),
        (
            [Setting("K1", {Coupling: 1.0}, "t.csv, line 2")],
            "t.csv, line 2: K1 is a coupling of 1; -1 < k < 1 is allowed",
        ),
    ],
)
def test_what_is_refused(settings, message):
    with pytest.raises(ConfigurationError) as error:
        Annotator(settings).apply(built())
    assert str(error.value) == message


def test_two_lines_may_say_the_same():
    matched = Annotator([inductor("LT"), inductor("L?")]).match(built())
    assert (matched.elements, matched.lines) == (2, {0, 1})


def test_circuits_that_share_their_cells_share_what_is_made_of_them():
    circuit, made = built(), {}
    annotator = Annotator([inductor("L1.XA.X1"), inductor("LT")])
    one = annotator.apply(circuit, made)
    again = annotator.apply(Circuit(replace(circuit.top, title="another")), made)
    assert one.top is not again.top
    assert all(again.cells[name] is cell for name, cell in one.cells.items())


def test_a_pattern_of_many_wildcards_takes_no_time():
    top = CircuitBuilder("top")
    top.add(Inductor("L" + "0" * 79, "a", GROUND, 1e-12))
    for end, named in (("1", 0), ("0", 1)):
        found = Annotator([inductor("*0" * 40 + f"*{end}")]).match(top.circuit())
        assert found.elements == named


def test_names_that_are_near():
    circuit = built()
    assert near("L2.XA.X2", [circuit])[0] == "L1.XA.X2"
    assert set(near("LR", [circuit])) == {"RL", "LT", "LU"}
    assert near("jtl:L2", [circuit])[0] == "jtl:L1"
    assert near("QQQQ.QQQQQ", [circuit]) == []
