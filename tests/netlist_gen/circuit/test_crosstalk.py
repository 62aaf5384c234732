"""Crosstalk between neighbouring synapses: which are neighbours, what couples, what stays."""

from __future__ import annotations

import dataclasses
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netlist_gen.circuit.crosstalk import drawn_order
from netlist_gen.circuit.elements import Coupling, Inductor
from netlist_gen.circuit.loops import LoopSize
from netlist_gen.circuit.merged_neuron import merged_neuron_cell
from netlist_gen.circuit.model import Circuit
from netlist_gen.circuit.neuron import neuron_cell
from netlist_gen.errors import ConfigurationError
from netlist_gen.library.cells import CellLibrary
from netlist_gen.library.process import load_process

SIGNS = (1, -1, 1)
PROCESS = load_process("sfq5ee")


def couplings(cell) -> dict[str, tuple[str, str, float]]:
    return {e.name: (e.first, e.second, e.k) for e in cell.elements if isinstance(e, Coupling)}


def test_the_order_is_loop_after_loop():
    assert drawn_order((1, 1, 1, -1, -1), LoopSize(2, 4)) == (0, 2, 4, 1, 3)


def test_neighbours_are_coupled_at_the_processs_values():
    cell = neuron_cell(CellLibrary(PROCESS, crosstalk=True), "N", SIGNS, 1, labels=["a", "b", "c"])
    plain = neuron_cell(CellLibrary(PROCESS), "N", SIGNS, 1, labels=["a", "b", "c"])
    k = next(e.k for e in plain.instances[1].cell.elements if isinstance(e, Coupling))
    order = ["XS" + "abc"[i] for i in drawn_order(SIGNS, LoopSize(4, 2))]
    assert order == ["XSa", "XSc", "XSb"]
    expected = {}
    for name, sign in (("XSa", 1), ("XSb", -1), ("XSc", 1)):
        expected[f"KB_{name}"] = (f"LST_{name}", f"LBP_{name}", sign * k)
        expected[f"KT_{name}"] = (f"LST_{name}", f"LTP_{name}", -sign * k)
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
    assert Circuit(plain).totals() == Circuit(coupled).totals()
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
