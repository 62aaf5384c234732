"""The cell that an optimizer makes, and what is told of it."""

from __future__ import annotations

import pytest

from verification.characterize.optimize.result import (
    Change,
    Figures,
    HistoryStep,
    Optimized,
    changes,
    with_factors,
)


def test_values_are_changed_to_six_digits_and_the_rest_stays(cut):
    bench = cut("dff").bench
    subject = with_factors(bench, {"LST|XC": 1.2345678, "BST|XC": 0.9, "LQ|XC": 1.0}, "dff")
    before = {e.name: e for e in bench.subject.cell.elements}
    after = {e.name: e for e in subject.cell.elements}
    assert list(after) == list(before)
    assert after["LST"].value == 9.87654e-12
    assert after["BST"].area == 1.8
    unchanged = before.keys() - {"LST", "BST"}
    assert all(after[name] == before[name] for name in unchanged)
    assert subject.cases == bench.subject.cases


def test_a_cell_of_instances_becomes_flat(cut):
    bench = cut("branch").bench
    label = next(name for name in bench.own_elements if name.startswith("BE|"))
    subject = with_factors(bench, {label: 1.1}, "branch_optimized")
    assert (subject.name, subject.cell.name) == ("branch_optimized", "branch_optimized")
    assert subject.cell.instances == ()
    nominal = bench.own_elements[label].element.area
    found = {e.name: e for e in subject.cell.elements}
    assert found["BE__XE"].area == pytest.approx(1.1 * nominal, rel=1e-5)
    assert len(found) == len(bench.own_elements)


def test_a_table_of_changes(cut):
    factors = {"BST|XC": 1.25, "RST|XC": 0.8}
    junction, shunt = changes(cut("dff").bench, factors, {"BST|XC": (0.5, 2.0)})
    assert junction == Change("BST", "A", 2e-4, 2.5e-4, 1.25, 0.5, 2.0)
    assert (shunt.element, shunt.unit, shunt.factor) == ("RST", "Ω", 0.8)
    assert shunt.low == shunt.high
    assert shunt.after == pytest.approx(3.43 * 0.8)


@pytest.mark.parametrize(
    ("goal", "before", "after", "sentence"),
    [
        (
            "margin", Figures(0.068, "BES+"), Figures(0.46, "Ic+"),
            "least margin raised from 6.8 % (BES+) to 46.0 % (Ic+)",
        ),
        (
            "margin", None, Figures(0.46, "Ic+"),
            "least margin raised from failed (q gave 2 pulses) to 46.0 % (Ic+)",
        ),
        ("yield", Figures(passed=0.5), Figures(passed=0.99), "yield raised from 50.0 % to 99.0 %"),
        (
            "delay", Figures(0.3, "L-", delay_s=5e-12), Figures(0.2, "L+", delay_s=4.5e-12),
            "delay lessened from 5.000 ps at a least margin of 30.0 % (L-) to 4.500 ps at a least "
            "margin of 20.0 % (L+)",
        ),
    ],
)  # fmt: skip
def test_what_was_gained_in_words(goal, before, after, sentence):
    history = (HistoryStep(0, 0, 0.1, 0.15, 300), HistoryStep(1, 0, 0.46, 0.0, 4000))
    fault = "" if before else "q gave 2 pulses"
    found = Optimized(goal, 1, 1, ("bias",), before, fault, after, (), history)
    assert found.sentence() == sentence
    assert found.trials == 4000
    assert Optimized.from_json(found.to_json(), "here") == found
