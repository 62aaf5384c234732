"""Sizes of a cell's elements: from the process's sheets and critical current density."""

from __future__ import annotations

import pytest

from verification.characterize.subject.bench import make_bench
from verification.characterize.subject.sizes import sizes
from verification.characterize.subject.subject import load_subject


def test_sizes_of_a_jtl(cut, library):
    process = library.process
    found = {s.name: s for s in sizes(cut("jtl").bench)}
    assert set(found) == {"LA", "B1", "RB1", "LB1", "LQ"}
    assert (found["B1"].value, found["B1"].unit) == (pytest.approx(250e-6), "A")
    assert found["B1"].size == pytest.approx(2.5e-12)  # 100 uA for each square micrometre
    assert found["LA"].size == pytest.approx(2.0678e-12 / process.sheet_inductance)
    assert found["RB1"].size == pytest.approx(0.6859e-3 / 250e-6 / process.sheet_resistance)
    assert {s.count for s in found.values()} == {1}


def test_a_neurons_elements_are_counted_by_kind():
    found = {s.name: s for s in sizes(make_bench(load_subject("neuron4")))}
    assert found["branch.BA"].count == 4
    assert found["escape.BE"].count == 4
    assert found["decision.BT1"].count == 1


def test_another_process_draws_larger_junctions():
    one, other = (
        {s.name: s for s in sizes(make_bench(load_subject("jtl", name)))}
        for name in ("sfq5ee", "stp2")
    )
    assert other["B1"].value == one["B1"].value
    assert other["B1"].size == pytest.approx(4 * one["B1"].size)
