"""Extracted values in decks: own values change no byte, others reach each dialect's elements."""

from __future__ import annotations

import json
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from read_back import of_josim, of_ngspice, of_wrspice
from support import neuron_site, tiny_network

import netlist_gen as ng
from netlist_gen.circuit.annotate import FIELDS, Annotator
from netlist_gen.circuit.bench import neuron_bench
from netlist_gen.circuit.elements import Coupling, CurrentSource, Inductor, Junction, Resistor
from netlist_gen.circuit.model import Circuit
from netlist_gen.circuit.sites import neuron_sites
from netlist_gen.errors import ConfigurationError
from netlist_gen.library.annotations import read_annotations
from netlist_gen.library.cells import CellLibrary

X = np.array([[1, 0, 1], [0, 1, 1]], dtype=bool)
POWERS = {Inductor: ("pH", 12), CurrentSource: ("uA", 6), Resistor: ("ohm", 0), Coupling: ("1", 0)}


def own_values(circuit: Circuit, icrit_A: float | None = None) -> str:
    """A table of every element's own value; junctions by area, or by critical current."""
    lines = ["element,value,unit"]
    for placed in circuit.walk():
        for e in placed.cell.elements:
            if type(e) not in FIELDS:
                continue
            value, name = getattr(e, FIELDS[type(e)]), ".".join((e.name, *reversed(placed.path)))
            if isinstance(e, Junction):
                unit = "area" if icrit_A is None else "uA"
                shown = repr(value if icrit_A is None else value * icrit_A * 1e6)
            else:
                unit, power = POWERS[type(e)]
                shown = str(Decimal(repr(value)).scaleb(power))
            lines.append(f"{name},{shown},{unit}")
    return "\n".join(lines)


@settings(deadline=None, max_examples=8)
@given(
    st.lists(st.sampled_from([1, -1]), min_size=1, max_size=7), st.integers(-3, 4), st.booleans()
)
def test_own_values_leave_a_neuron_as_it_is(tmp_path_factory, signs, theta, by_current):
    library, site = CellLibrary(), neuron_site(signs, theta)
    circuit = neuron_bench(library, site, np.ones((1, len(signs)), dtype=bool)).circuit
    path = tmp_path_factory.mktemp("own") / "t.csv"
    icrit = library.process.model.critical_current if by_current else None
    path.write_text(own_values(circuit, icrit))
    table = read_annotations(path, library.process)
    annotator = Annotator(table.settings)
    assert annotator.match(circuit).elements == len(table.settings)
    assert annotator.apply(circuit).digest() == circuit.digest()


def decks(folder) -> dict[str, list[str]]:
    """Lines of each deck in a folder, without the note of a table and the command."""
    return {
        path.name: [
            x
            for x in path.read_text().split("\n")
            if "annotated by" not in x and not x.startswith("* origin: ")
        ]
        for path in sorted(folder.glob("*.cir"))
    }


def generated(tmp_path, name, **options):
    ng.generate(tiny_network(), X, tmp_path / name, **options)
    return tmp_path / name


def test_own_values_change_no_byte_of_a_network_but_the_note(tmp_path):
    from netlist_gen.assembly.network_circuit import network_outline

    everything = {"scopes": "network", "dialects": "josim,wrspice,ngspice"}
    plain = generated(tmp_path, "plain", **everything)
    circuit = network_outline(tiny_network(), CellLibrary()).circuit
    table = tmp_path / "t.csv"
    table.write_text(own_values(circuit))
    same = generated(tmp_path, "same", annotate=table, **everything)
    assert decks(same) == decks(plain)
    assert "annotated by a table of" in (same / "network.josim.cir").read_text()
    found = json.loads((same / "manifest.json").read_text())["annotation"]
    lines = len(table.read_text().split("\n")) - 1
    assert (found["lines"], found["elements"]) == (lines, {"network": lines})
    assert "annotation" not in json.loads((plain / "manifest.json").read_text())


TABLE = (
    "element,value\nLST.XS0.XL0N0,15.9\nB1.XO,260\nKB.XS1.XL0N0,-0.3\njtl:RB1,3.1\nIB1.XI?,170\n"
)
CHANGED = {"LST|XS0|XL0N0": 15.9e-12, "B1|XO": 2.6, "KB|XS1|XL0N0": -0.3, "RB1|XI0": 3.1,
           "IB1|XI0": 170e-6}  # fmt: skip


@pytest.mark.parametrize("dialect", ["josim", "wrspice", "ngspice"])
def test_each_dialect_has_the_values(tmp_path, dialect):
    table = tmp_path / "t.csv"
    table.write_text(TABLE)
    model = CellLibrary().process.model
    read = {"josim": of_josim, "wrspice": of_wrspice, "ngspice": lambda t: of_ngspice(t, model)}
    plain, other = (
        read[dialect](
            (generated(tmp_path, name, dialects=dialect, **more) / "L0N0.cir").read_text()
        )
        for name, more in (("plain", {}), ("other", {"annotate": table}))
    )
    assert plain.keys() == other.keys()
    for name, value in CHANGED.items():
        assert other[name].values[-1] == pytest.approx(value, rel=1e-9), name
    differ = {name for name in plain if plain[name] != other[name]}
    site = neuron_sites(tiny_network())[0]
    bench = neuron_bench(CellLibrary(), site, X[:, list(site.inputs)])
    jtls = [p.path for p in bench.circuit.walk() if p.cell.kind == "jtl"]
    shunts = {"|".join(("RB1", *reversed(path))) for path in jtls}
    assert differ == {*CHANGED, *shunts, "IB1|XI1", "IB1|XI2", "IB1|XIC", "IB1|XIR"}
    # The junction of XO grew, and its shunt is the table's, not one that follows it.
    assert other["RB1|XO"].values == (3.1,)


def test_the_same_table_gives_the_same_bytes(tmp_path):
    table = tmp_path / "t.csv"
    table.write_text(TABLE)
    one, other = (generated(tmp_path, name, annotate=table) for name in ("one", "other"))
    assert decks(one) == decks(other)


@pytest.mark.parametrize(
    ("line", "options", "message"),
    [
        ("LSX.XS0.XL0N0,1", {}, "LSX.XS0.XL0N0 names no element of the decks of the scope neurons; "
         "near are LST.XS0.XL0N0, "),
        ("LST.XS9*,1", {}, "LST.XS9* names no element of the decks of the scope neurons"),
        ("jtl:LX,1", {}, "jtl:LX names no element of the decks of the scope neurons; near are "
         "jtl:LQ, jtl:LA, jtl:LB1"),
        ("B1.XOL0N0,250", {}, "B1.XOL0N0 names no element of the decks of the scope neurons"),
        ("B1.XO,250", {"scopes": "network"}, "B1.XO names no element of the decks of the scope "
         "network"),
    ],
)  # fmt: skip
def test_names_that_are_not_there(tmp_path, line, options, message):
    table = tmp_path / "t.csv"
    table.write_text(f"element,value\n{line}\n")
    with pytest.raises(ConfigurationError) as error:
        generated(tmp_path, "out", annotate=table, **options)
    said = str(error.value)
    assert said.startswith(f"{table}, line 2: {message}")
    assert not (tmp_path / "out").exists()


def test_the_command_says_how_many(tiny, cli, tmp_path):
    table = tmp_path / "t.csv"
    table.write_text("element,value\nLST.XS0.XL0N0,15.9\nB1.XO,260\n")
    ran = cli("generate", tiny.net, "-o", tmp_path / "d", "--annotate", table)
    assert ran.status == 0
    assert ran.out.splitlines()[-1].startswith(
        f"annotated: 2 lines of {table} set elements: 6 in neurons (SHA-256 "
    )
