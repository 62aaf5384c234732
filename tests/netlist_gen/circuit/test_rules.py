"""Rules of drawing: each finds its worst element; neurons of every sign pattern keep all."""

from __future__ import annotations

import dataclasses
import math

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from netlist_gen.circuit.elements import Coupling, Inductor, Junction
from netlist_gen.circuit.model import Cell, Instance
from netlist_gen.circuit.neuron import neuron_cell
from netlist_gen.circuit.rules import RULES, Finding, check_cell, unchecked
from netlist_gen.library.cells import CellLibrary
from netlist_gen.library.drawing import Drawing
from netlist_gen.library.process import load_process

PROCESS = load_process("sfq5ee")


def found(*elements, inside: Cell | None = None) -> dict[str, tuple[str, float, bool]]:
    instances = () if inside is None else (Instance("XI", inside, ()),)
    findings = check_cell(Cell("own", (), elements, instances), PROCESS)
    return {f.rule: (f.element, pytest.approx(f.value), f.kept) for f in findings}


def test_each_rule_has_its_worst_element():
    assert found(
        Inductor("L1", "a", "b", 2e-12),
        Inductor("L2", "b", "c", 8e-12),
        Inductor("L3", "c", "0", 0.4e-12),
        Coupling("K1", "L1", "L2", -0.2),
        Junction("B1", "a", "0", 0.3),
        Junction("B2", "a", "0", 8.0),
    ) == {
        "smallest inductor": ("L3", 0.4e-12, False),
        "largest M over own inductance": ("K1", 0.4, False),
        "smallest junction": ("B1", 30e-6, False),
        "largest junction": ("B2", 800e-6, False),
    }


def test_k_is_bounded_where_an_inductor_has_two_couplings():
    one, two, three = (Inductor(f"L{i}", f"n{i}", "0", 1e-12) for i in (1, 2, 3))
    alone = found(one, two, Coupling("K1", "L1", "L2", 0.3))
    assert "largest k" not in alone
    both = found(one, two, three, Coupling("K1", "L1", "L2", 0.2), Coupling("K2", "L1", "L3", -0.3))
    assert both["largest k"] == ("K2", 0.3, False)


def test_an_element_inside_is_named_by_its_way():
    inside = Cell("inside", (), (Inductor("L1", "a", "0", 0.1e-12),))
    assert found(inside=inside)["smallest inductor"] == ("XI.L1", 0.1e-12, False)


def test_what_comes_with_junctions_and_shunts_is_no_subject():
    cell = CellLibrary(PROCESS).cell("jtl")
    smallest = min(e.value for e in cell.elements if isinstance(e, Inductor))
    assert smallest == pytest.approx(0.42e-12)  # LGB1, below the limit
    findings = {f.rule: f for f in check_cell(cell, PROCESS)}
    assert findings["smallest inductor"].element == "LA"


def test_a_value_at_its_limit_keeps_the_rule():
    for value, kept in ((0.5e-12, True), (0.5e-12 * (1 - 1e-6), False)):
        assert found(Inductor("L1", "a", "0", value))["smallest inductor"][2] is kept


def test_a_finding_in_figures():
    assert Finding("r", "L1", 0.4e-12, "H", 0.5e-12, False).figures == ("0.4 pH", "0.5 pH")
    assert Finding("r", "B1", 30e-6, "A", 40e-6, False).figures == ("30 uA", "40 uA")
    assert Finding("r", "K1", 0.4, "1", 0.35, False).figures == ("0.4", "0.35")


def test_rules_without_a_table_are_named():
    assert unchecked(PROCESS) == ()
    silent = dataclasses.replace(PROCESS, drawing=Drawing())
    assert unchecked(silent) == tuple(rule.name for rule in RULES)
    assert check_cell(CellLibrary(silent).cell("jtl"), silent) == ()
    half = dataclasses.replace(PROCESS.drawing, transformer=None)
    half_known = dataclasses.replace(PROCESS, drawing=half)
    assert unchecked(half_known) == ("largest M over own inductance", "largest k")


@pytest.mark.parametrize("name", ["sfq5ee", "sfq5ee_opened"])
@pytest.mark.parametrize(
    ("least", "most"),
    [(1, 8), (9, 16), (17, 32), (33, 64)],
)
def test_neurons_of_every_sign_pattern_keep_all_rules(name, least, most):
    """Fan-ins of one decision stage each, every threshold that a neuron can have."""
    process = load_process(name)

    @settings(max_examples=10, deadline=None, phases=[Phase.generate])
    @given(st.lists(st.sampled_from([-1, 1]), min_size=least, max_size=most), st.data())
    def holds(signs, data):
        theta = data.draw(st.integers(-signs.count(-1), signs.count(1) + 1))
        cell = neuron_cell(CellLibrary(process), "N", signs, theta)
        findings = check_cell(cell, process)
        assert [f.rule for f in findings] == [rule.name for rule in RULES]
        assert all(math.isfinite(f.value) for f in findings)
        assert [f for f in findings if not f.kept] == []

    holds()
