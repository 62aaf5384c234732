from __future__ import annotations

import re
import shutil

import pytest

from netlist_gen import resources
from netlist_gen.circuit.elements import Coupling, Inductor, Junction, Resistor
from netlist_gen.circuit.model import CircuitBuilder
from netlist_gen.errors import ConfigurationError, DeckError
from netlist_gen.library import cells as cells_module
from netlist_gen.library.cells import CellLibrary, read_description
from netlist_gen.resources import resource_dir

JTL = """[cell]
name = "mine"
title = "a cell"
topology = "mine.j2"
ports = ["a", "q"]
[parameters]
ic = { value = 250.0, unit = "uA", source = "a guess" }
"""


@pytest.fixture
def own(tmp_path, monkeypatch):
    """``own(toml, template)`` is a library whose cells are those of the repository and "mine"."""
    cells, templates = tmp_path / "cells", tmp_path / "templates"
    for name, target in (("cells", cells), ("templates", templates)):
        shutil.copytree(resource_dir(name), target)
    folders = {"cells": cells, "templates": templates}
    for module in (cells_module, resources):
        monkeypatch.setattr(module, "resource_dir", folders.__getitem__)

    def make(toml=JTL, template="J B1 a q {{ ic }}\n"):
        (cells / "mine.toml").write_text(toml)
        (templates / "cells" / "mine.j2").write_text(template)
        return CellLibrary()

    return make


def message_of(call, *arguments, **options):
    with pytest.raises(ConfigurationError) as caught:
        call(*arguments, **options)
    return re.sub(r"\S*/cells/(?=mine\.toml)", "", str(caught.value))


def test_each_cell_builds(library):
    for name, description in library.descriptions.items():
        cell = library.cell(name)
        assert cell.kind == name
        if name != "decision":
            assert cell.ports == description.ports


def test_a_starred_port_is_one_for_each_loop(library):
    ends = [f"{end}{i}" for i in range(3) for end in ("bi", "bo", "ti", "to")]
    cell = library.cell("decision", "three", loops=3.0)
    assert cell.ports == ("clk", *ends, "bc", "bd", "tc", "td", "q")


def test_a_junction_larger_than_the_process_draws_is_several(library):
    """Of 32 loops the near junctions have 781 uA: two of 391 uA, on an inductance each."""
    cell = library.cell("decision", "large", loops=32.0, stages=9.0)
    critical = library.process.model.critical_current
    near = [j for j in cell.junctions() if j.name.startswith("BT1")]
    assert [j.name for j in near] == ["BT1", "BT1_2"]
    whole = library.description("decision").parameters["ic_top"] * 4
    assert sum(j.area * critical for j in near) == pytest.approx(whole)
    limits = library.process.drawing.limits
    assert all(j.area * critical <= limits.largest_junction for j in cell.junctions())
    feet = {e.name: e for e in cell.elements if e.name in ("LGBT1", "LGBT1_2")}
    assert {(e.plus, e.minus) for e in feet.values()} == {("bt1_g", "m"), ("bt1_2_g", "m")}


@pytest.mark.parametrize("stages", [0, 1, 5])
def test_the_clock_splitters_reset_is_so_many_stages_later(library, stages):
    cell = library.cell("clock_splitter", str(stages), stages=float(stages))
    assert [i.cell.name for i in cell.instances] == ["splitter", *["jtl"] * stages]
    chain = [i.nets for i in cell.instances[1:]]
    assert [a[1] for a in chain[:-1]] == [b[0] for b in chain[1:]]
    assert (chain[-1] if chain else cell.instances[0].nets)[-1] == "r"


def test_every_junction_is_shunted_by_the_process(library):
    process = library.process
    for name in library.descriptions:
        cell = library.cell(name)
        parts = {e.name: e for e in cell.elements}
        for junction in cell.junctions():
            shunt, wire = parts[f"R{junction.name}"], parts[f"L{junction.name}"]
            assert isinstance(shunt, Resistor)
            assert isinstance(wire, Inductor)
            critical = junction.area * process.model.critical_current
            assert shunt.value * critical == pytest.approx(process.ic_rs)
            foot = parts[f"LG{junction.name}"]
            assert isinstance(foot, Inductor)
            assert (shunt.plus, foot.plus) == (junction.plus, junction.minus)
            assert (shunt.minus, wire.minus) == (wire.plus, foot.minus)
            assert wire.value == pytest.approx(process.shunt_H(critical))
            assert foot.value == pytest.approx(process.ground_H(critical))


def test_without_parasitics_a_junction_stands_on_its_node():
    library = CellLibrary("sfq5ee_bare")
    parts = {e.name: e for e in library.cell("jtl").elements}
    assert parts["B1"].minus == "0"
    assert "LGB1" not in parts
    assert parts["LB1"].value == pytest.approx(1e-12)


def test_every_coupling_is_realisable(library):
    for name in library.descriptions:
        for element in library.cell(name).elements:
            if isinstance(element, Coupling):
                assert abs(element.k) < 0.6, (name, element)


def test_the_same_parameters_give_the_same_cell(library):
    assert library.cell("jtl") is library.cell("jtl")
    one = library.cell("branch", "x", sign=-1.0)
    assert library.cell("branch", "x", sign=-1.0) is one
    assert one.name == "branch_x"


def test_another_process_scales_the_areas():
    one = CellLibrary("sfq5ee").cell("jtl").junctions()[0]
    two = CellLibrary("stp2").cell("jtl").junctions()[0]
    assert one.area == two.area == pytest.approx(2.5)  # both have area 1 at 100 uA


def test_wrong_requests(library):
    assert message_of(library.cell, "not") == (
        f"no cell 'not' in the library; it has {', '.join(library.descriptions)}"
    )
    assert message_of(library.cell, "jtl", "v", width=1.0) == (
        "cell jtl has no parameter 'width'; it has ic, bias_ratio, l_half"
    )
    assert message_of(library.cell, "jtl", ic=1e-4) == (
        "cell jtl is asked for with another ic but no variant name"
    )


def test_two_cells_of_one_name_do_not_meet_in_a_circuit(library):
    builder = CircuitBuilder("top")
    builder.place("X1", library.cell("jtl", "big", ic=5e-4), "a", "b")
    builder.place("X2", library.cell("jtl", "big", ic=6e-4), "b", "a")
    with pytest.raises(
        DeckError, match=r"^cell jtl_big in top is defined twice with different contents$"
    ):
        builder.circuit()


def test_cells_come_before_their_users(library):
    inner, outer = CircuitBuilder("inner", ("a", "b")), CircuitBuilder("outer", ("a", "b"))
    inner.place("XJ", library.cell("jtl"), "a", "b")
    outer.place("XI", inner.cell(), "a", "b")
    top = CircuitBuilder("top")
    top.place("XO", outer.cell(), "a", "b")
    assert list(top.circuit().cells) == ["jtl", "inner", "outer"]


def test_cells_of_single_neurons_are_let_go(library):
    first = library.cell("jtl", "v0", ic=1e-4)
    assert library.cell("jtl", "v0", ic=1e-4) is first
    for number in range(1, 300):
        library.cell("jtl", f"v{number}", ic=1e-4)
    assert library.cell("jtl", "v0", ic=1e-4) is not first
    assert library.cell("jtl") is library.cell("jtl")


@pytest.mark.parametrize(
    ("toml", "message"),
    [
        (JTL.replace('"q"]', '"q", "z"]'), "mine.toml: nothing is on port z of the cell"),
        (JTL + '[events.e]\nadvances = ["B1", "B9"]\n',
         "mine.toml: [events] e names B9, which is neither a junction nor an instance of mine"),
        (JTL + '[events.e]\ninstances = { X1 = "pulse" }\n',
         "mine.toml: [events] e names X1, which is neither a junction nor an instance of mine"),
    ],
)  # fmt: skip
def test_a_description_of_what_is_not_in_the_cell(own, toml, message):
    assert message_of(own(toml).cell, "mine") == message


def test_a_cell_of_ones_own(own):
    (junction,) = own().cell("mine").junctions()
    assert junction == Junction("B1", "a", "b1_g", pytest.approx(2.5))


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("Q 1 2 3\n", "templates/cells/mine.j2:1: not an element line: Q 1 2 3"),
        ("\nL L1 a q\n", "templates/cells/mine.j2:2: not an element line: L L1 a q"),
        ("L L1 a q much\n", "templates/cells/mine.j2:1: 'much' is not a number"),
        ("I I1 a q 1e-6 heat\n", "templates/cells/mine.j2:1: 'heat' is neither bias nor flux"),
        (
            "J X1 a q 1e-4\n",
            "junction X1 of mine: the name must begin with B and the critical current (0.0001 A) "
            "must be positive",
        ),
        (
            "J B1 a q -1e-4\n",
            "junction B1 of mine: the name must begin with B and the critical current (-0.0001 A) "
            "must be positive",
        ),
        ("L L1 a q {{ l }}\n", "mine.toml: topology mine.j2 fails: 'l' is undefined"),
    ],
)
def test_a_broken_template(own, template, message):
    assert message_of(own(template=template).cell, "mine") == message


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("[cell]", "[sell]", "mine.toml: the table [cell] is missing"),
        ('title = "a cell"', "", "mine.toml: [cell] title is missing or not a str"),
        ('ports = ["a", "q"]', "ports = 2", "mine.toml: [cell] ports is missing or not a list"),
        (
            'name = "mine"',
            'name = "other"',
            "mine.toml: [cell] name is 'other'; it must be the file's own name, in lower case "
            "letters, digits and underscores",
        ),
        (
            "[parameters]",
            "[events.e]\nadvance = []\n[parameters]",
            "mine.toml: [events] e may hold advances, instances and says, not {'advance': []}",
        ),
        (
            'source = "a guess"',
            'source = ""',
            "mine.toml: [parameters]: ic.source is empty; say where the number is from",
        ),
    ],
)
def test_a_broken_description(tmp_path, old, new, message):
    path = tmp_path / "mine.toml"
    path.write_text(JTL.replace(old, new, 1))
    with pytest.raises(ConfigurationError) as caught:
        read_description(path)
    assert str(caught.value).replace(f"{tmp_path}/", "") == message
