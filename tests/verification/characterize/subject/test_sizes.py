"""Sizes of a cell's elements: from the process's line, sheets and critical current density."""

from __future__ import annotations

import dataclasses

import pytest

from netlist_gen.library.process import load_process
from verification.characterize.subject.bench import make_bench
from verification.characterize.subject.sizes import sizes
from verification.characterize.subject.subject import load_subject


def test_sizes_of_a_jtl(cut, library):
    process = library.process
    found = {s.name: s for s in sizes(cut("jtl").bench)}
    assert set(found) == {"LA", "B1", "RB1", "LQ"}  # no line is drawn for LGB1 and LB1
    assert (found["B1"].value, found["B1"].unit) == (pytest.approx(250e-6), "A")
    assert found["B1"].size == pytest.approx(2.5e-12)  # 100 uA for each square micrometre
    assert found["LA"].size == pytest.approx(2.0678 / 0.66 * 1e-6)  # M6 over M4, 0.66 pH/um
    assert found["LA"].size_unit == "m"
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


def test_without_geometry_a_line_is_counted_in_squares():
    process = load_process("sfq5ee")
    silent = dataclasses.replace(process.drawing, geometry=None)
    subject = load_subject("jtl", dataclasses.replace(process, drawing=silent))
    found = {s.name: s for s in sizes(make_bench(subject))}
    assert found["LA"].size == pytest.approx(found["LA"].value / process.sheet_inductance)
    assert found["LA"].size_unit == "squares"


def test_a_users_own_inductor_is_drawn_whatever_its_name(tmp_path):
    netlist = """.subckt own a q
LB1 a n 1p
B1 n 0 jj area=2.5
LQ n q 2p
.model jj jj(rtype=1, vg=2.8mV, cap=0.07pF, r0=160, rN=16, icrit=0.1mA)
.ends
"""
    (tmp_path / "own.cir").write_text(netlist)
    table = """[cell]
name = "own"
netlist = "own.cir"
[bench]
inputs = ["a"]
outputs = ["q"]
stimulus = ["a -> q"]
"""
    (tmp_path / "own.toml").write_text(table)
    found = {s.name: s for s in sizes(make_bench(load_subject(str(tmp_path / "own.toml"))))}
    assert found["LB1"].size == pytest.approx(1 / 0.66 * 1e-6)
