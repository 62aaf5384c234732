"""The sources of the deck that ran: read from its text, held against the design's."""

from __future__ import annotations

import re
from functools import cache

import numpy as np
import pytest

import netlist_gen as ng
from netlist_gen.circuit.elements import GROUND, CurrentSource, Inductor, PulseSource, Role
from netlist_gen.circuit.model import Cell, Circuit, CircuitBuilder
from netlist_gen.errors import DeckError
from netlist_gen.network import TernaryNetwork
from verification.simulators.registry import get_simulator
from verification.verdict.deck_parts import SourceLine, read_parts
from verification.verdict.sources import currents_in, first_difference

pytestmark = pytest.mark.usefixtures("plots_aside")

PS = 1e-12
NETWORK = TernaryNetwork.from_arrays([np.array([[1, -1]])], [np.array([1])])
X = np.array([[1, 0]], dtype=bool)

STAGE = Cell("stage", ("a",), (
    Inductor("L1", "a", "n", PS),
    CurrentSource("IB", GROUND, "n", 70e-6, Role.BIAS),
    CurrentSource("IF", "n", GROUND, 50e-6, Role.FLUX),
))  # fmt: skip
TEXT = """* two stages
.subckt Stage a
L1 a n 1p
ib 0 n pwl(0 0 1e-11 7e-5)
IF n 0 pwl(0 0
+ 10p 50u)
.ends
X1 p stage
X2 q stage
V1 p 0 pwl(0 0 1p 0)
.end
"""


def circuit() -> Circuit:
    builder = CircuitBuilder("top")
    builder.add(PulseSource("V1", "p", GROUND, ()))
    builder.place("X1", STAGE, "p")
    builder.place("X2", STAGE, "q")
    return builder.circuit()


def test_sources_and_instances_by_subcircuit():
    parts = read_parts(TEXT)
    stage = {
        "IB": SourceLine(("0", "N"), 7e-5, 1e-11),
        "IF": SourceLine(("N", "0"), pytest.approx(5e-5), pytest.approx(1e-11)),
    }
    assert parts["STAGE"].sources == stage
    assert parts[""].sources == {"V1": SourceLine(("P", "0"), 0.0, 1e-12)}
    assert parts[""].instances == {"X1": "stage", "X2": "stage"}
    assert first_difference(parts, circuit(), 20 * PS, 0.05) is None
    assert currents_in(parts, circuit()) == {
        ("stage", "IB"): 7e-5, ("stage", "IF"): pytest.approx(5e-5)
    }  # fmt: skip


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("7e-5", "6.6e-5", ("70 uA by IB of the cell stage", "66 uA")),
        ("7e-5", "-7e-5", ("70 uA by IB of the cell stage", "-70 uA")),
        ("1e-11 7e-5", "3e-11 7e-5", ("70 uA by IB of the cell stage", "it only at 30 ps")),
        ("pwl(0 0 1e-11 7e-5)", "dc 7e-5",
         ("70 uA by IB of the cell stage", "another wave than a current that is ramped up")),
        ("7e-5)", "7e-5 1 7e-5)",
         ("70 uA by IB of the cell stage", "another wave than a current that is ramped up")),
        ("7e-5", "7_0e-6",  # Python alone reads it as 70e-6
         ("70 uA by IB of the cell stage", "another wave than a current that is ramped up")),
        ("7e-5", "{7e-5}",
         ("70 uA by IB of the cell stage", "another wave than a current that is ramped up")),
        ("ib 0 n", "ib 0 a", ("the nodes 0 and n at IB of the cell stage", "0 and a")),
        ("ib 0 n", "ib n 0", ("the nodes 0 and n at IB of the cell stage", "n and 0")),
        ("ib 0 n", "ic 0 n",
         ("70 uA by IB of the cell stage", "no such source in the deck that ran")),
        ("L1 a n 1p", "L1 a n 1p\nI9 0 n pwl(0 0 1p 1u)",
         ("no source I9 of the cell stage", "one of 1 uA")),
        ("L1 a n 1p", "L1 a n 1p\nIB 0 n pwl(0 0 1e-11 7e-5)",
         ("70 uA by IB of the cell stage", "two sources of that name")),
        ("V1 p 0 pwl(0 0 1p 0)", "",
         ("the source V1 of the circuit", "no such source in the deck that ran")),
        ("X2 q stage\n", "", ("a cell stage at X2 of the circuit", "none in the deck that ran")),
        ("X2 q stage", "X2 q other", ("a cell stage at X2 of the circuit", "other")),
        ("X2 q stage", "X2 q stage\nX3 q stage",
         ("no cell at X3 of the circuit", "stage, which has sources")),
        (".end\n", ".subckt more a\nX1 a stage\n.ends\nXM q more\n.end\n",
         ("no cell at XM of the circuit", "more, which has sources")),
    ],
)  # fmt: skip
def test_a_difference_is_named(old, new, words):
    assert old in TEXT
    parts = read_parts(TEXT.replace(old, new))
    assert first_difference(parts, circuit(), 20 * PS, 0.05) == words


@pytest.mark.parametrize("current", ["6.7e-5", "7.3e-5", "70u", "70e-6", "0.07m"])
def test_what_is_within_the_tolerance_or_written_otherwise_is_the_same(current):
    parts = read_parts(TEXT.replace("7e-5", current))
    assert first_difference(parts, circuit(), 20 * PS, 0.05) is None


def of_scope(scope: str) -> dict[str, object]:
    """Options of a scope: a deck of the whole network holds one window."""
    return {"scopes": scope} | ({"pipeline": 1} if scope == "network" else {})


@cache
def written(tmp: str, scope: str) -> None:
    """Decks of one neuron in all dialects."""
    ng.generate(NETWORK, X, tmp, dialects=["josim", "wrspice", "ngspice"], **of_scope(scope))


CHANGES = {
    "x0.8": ("140 uA", lambda line: scaled(line, 0.8)),
    "x0.94": ("164.5 uA", lambda line: scaled(line, 0.94)),
    "x1.06": ("185.5 uA", lambda line: scaled(line, 1.06)),
    "x1.2": ("210 uA", lambda line: scaled(line, 1.2)),
    "removed": ("no such source in the deck that ran", lambda _: ""),
}


def scaled(line: str, factor: float) -> str:
    return re.sub(r"0\.000175", f"{0.000175 * factor:.10g}", line)


@pytest.mark.parametrize("change", [*CHANGES, "added"])
@pytest.mark.parametrize("scope", ["neurons", "network"])
@pytest.mark.parametrize("simulator", ["embedded", "josim", "ngspice"])
def test_a_changed_bias_disagrees_and_is_named(
    tmp_path_factory, tmp_path, simulator, scope, change
):
    if not get_simulator(simulator).available():
        pytest.skip(f"{simulator} is not here")
    shared = tmp_path_factory.getbasetemp() / f"sources_{scope}"
    written(str(shared), scope)
    dialect = get_simulator(simulator).dialect
    suffix = f".{dialect}.cir"
    for path in shared.glob(f"*{suffix}"):
        text = path.read_text()
        line = re.search(r"(?m)^IB1 0 n pwl\(0 0 1e-11 0\.000175\)\n", text)
        assert line is not None, path
        if change == "added":
            text = text.replace(line[0], line[0] + "IB9 0 n pwl(0 0 1e-11 1.1e-05)\n", 1)
            said = "expected no source IB9 of the cell jtl, measured one of 11 uA"
        else:
            measured, changed = CHANGES[change]
            text = text.replace(line[0], changed(line[0]), 1)
            said = f"expected 175 uA by IB1 of the cell jtl, measured {measured}"
        (tmp_path / path.name).write_text(text)
    run = ng.verify(NETWORK, X, simulator=simulator, decks=tmp_path, **of_scope(scope))
    assert not run.agreed
    assert said in run.counter_example.sentence
    assert run.verdict.scopes[0].sources_wrong == run.verdict.scopes[0].decks


ON_BUSES = {
    "resistor": ("resistor", r"^RIB1 bus ib1_b 14\.85714286$", "RIB1 bus ib1_b 12",
                 "14.86 ohm by RIB1 of the cell jtl, measured 12"),
    "resistor away": ("resistor", r"^RIB1 bus ib1_b 14\.85714286$", "CX bus ib1_b 1e-15",
                      "14.86 ohm by RIB1 of the cell jtl, measured no such element in the deck "
                      "that ran"),
    "moved": ("resistor", r"^RIB1 bus ib1_b 14\.85714286$", "RIB1 ib1_b bus 14.85714286",
              "the nodes bus and ib1_b at RIB1 of the cell jtl, measured ib1_b and bus"),
    "voltage": ("resistor", r"(?<=^VBUS0 bus0_f 0 pwl\(0 0 1e-11 )0\.0026", "0.0028",
                "2.6 mV by VBUS0 of the circuit, measured 2.8 mV"),
    "limiter": ("ersfq", r"^(X?BIB1 ib1_b n.*)1(\.|p)75$", r"\g<1>2\g<2>75",
                "1.75 units of area by BIB1 of the cell jtl, measured 2.75"),
    "remark": ("resistor", r"^RIB1 bus ib1_b 14\.85714286$", "RIB1 bus ib1_b 13 * 14.85714286",
               "14.86 ohm by RIB1 of the cell jtl, measured 13"),
    "beside": ("resistor", r"^RIB1 bus ib1_b 14\.85714286$", r"\g<0>\nRX1 bus ib1_b 104",
               "no element RX1 of the cell jtl, measured one at bus and ib1_b"),
    "outside": ("ersfq", r"^XI0 s0 i0 bus0 jtl$", r"\g<0>\nRX1 i0 bus0 104",
                "no element RX1 of the circuit, measured one at i0 and bus0"),
    "inside": ("resistor", r"^XRT .* bus split2$", r"\g<0>\nRX1 bus 0 104",
               "no element RX1 of the cell L0N0, measured one at bus and 0"),
    "past it": ("resistor", r"^LIB1 ib1_b n 1\.8e-12$", "LIB1 ib1_b b1_s 1.8e-12",
                "the nodes ib1_b and n at LIB1 of the cell jtl, measured ib1_b and b1_s"),
    "a million": ("resistor", r"^RIB1 bus ib1_b 14\.85714286$", "RIB1 bus ib1_b 14.85714286e-6X",
                  "14.86 ohm by RIB1 of the cell jtl, measured a value that can't be told"),
    "model": ("ersfq", r"(?<=icrit=)0\.0001(?=,)|(?<=^BJ p n I=)0\.000175(?=\*)", "0.00012",
              "a critical current of 175 uA of BIB1 of the cell jtl, measured "),
    "current": ("ersfq", r"(?<=^IBUS0 0 bus0_f pwl\(0 0 3e-10 )0\.", "-0.",
                "by IBUS0 of the circuit, measured -"),
}  # fmt: skip


@pytest.mark.parametrize("change", ON_BUSES)
@pytest.mark.parametrize("simulator", ["embedded", "ngspice"])
def test_a_changed_bias_network_disagrees_and_is_named(tmp_path, simulator, change):
    if not get_simulator(simulator).available():
        pytest.skip(f"{simulator} is not here")
    bias, old, new, said = ON_BUSES[change]
    dialect = get_simulator(simulator).dialect
    ng.generate(NETWORK, X, tmp_path, dialects=[dialect], bias=bias)
    (path,) = tmp_path.glob("*.cir")
    if simulator == "ngspice":  # where a comment begins with another sign
        new = new.replace(" * ", " $ ")
    text, count = re.subn(old, new, path.read_text(), flags=re.MULTILINE)
    assert count == 1
    if change == "limiter" and simulator == "ngspice":  # its junctions are subcircuits
        whole = re.search(r"(?s)\.subckt jjmit_1p75 .*?\.ends\n", text)
        assert whole is not None
        text = text.replace(whole[0], whole[0] + whole[0].replace("1p75", "2p75"), 1)
    path.write_text(text)
    run = ng.verify(NETWORK, X, simulator=simulator, decks=tmp_path, bias=bias)
    assert not run.agreed
    assert said in run.counter_example.sentence
    assert run.verdict.scopes[0].sources_wrong == 1


@pytest.mark.parametrize(
    "line",
    [
        "IB1 0 n pwl(0, 0, 1e-11, 0.000175)",
        "IB1 0 n pwl (0 0 1e-11 0.000175)",
        "IB1 0 n pwl(0 0 1e-11 0.000175) * bias of the JTL",
        "ib1 0 n pwl( 0 0\n+ 10p 175u )",
    ],
)
def test_a_bias_may_be_written_in_other_ways(tmp_path, line):
    ng.generate(NETWORK, X, tmp_path)
    (path,) = tmp_path.glob("*.cir")
    text, count = re.subn(r"(?m)^IB1 0 n pwl\(0 0 1e-11 0\.000175\)$", line, path.read_text())
    assert count == 1
    path.write_text(text)
    assert ng.verify(NETWORK, X, simulator="embedded", decks=tmp_path).agreed


def test_a_source_behind_the_end_is_none(tmp_path):
    ng.generate(NETWORK, X, tmp_path)
    (path,) = tmp_path.glob("*.cir")
    text, count = re.subn(r"(?m)^V1 s1 0 pwl\(0 0\)\n", "", path.read_text())
    assert count == 1
    path.write_text(text + "V1 s1 0 pwl(0 0)\n")
    number = text.count("\n") + 1
    message = f"{path}: line {number}: V1 s1 0 pwl(0 0) is behind .end, and not read"
    with pytest.raises(DeckError, match=f"^{re.escape(message)}$"):
        ng.verify(NETWORK, X, simulator="embedded", decks=tmp_path)


def test_a_model_of_its_own_for_a_limiting_junction(tmp_path):
    ng.generate(NETWORK, X, tmp_path, bias="ersfq")
    (path,) = tmp_path.glob("*.cir")
    text = path.read_text()
    model = re.search(r"(?m)^\.model jjmit .*$", text)[0]
    other = model.replace("jjmit", "jjtwo").replace("icrit=0.0001,", "icrit=0.00012,")
    text = text.replace(model, f"{model}\n{other}").replace(
        "BIB1 ib1_b n jjmit area=1.75", "BIB1 ib1_b n jjtwo area=1.75"
    )
    path.write_text(text)
    run = ng.verify(NETWORK, X, simulator="embedded", decks=tmp_path, bias="ersfq")
    said = "a critical current of 175 uA of BIB1 of the cell jtl, measured 210 uA"
    assert said in run.counter_example.sentence


@pytest.mark.parametrize("scope", ["neurons", "network"])
def test_the_energy_is_that_of_the_deck(tmp_path_factory, tmp_path, scope):
    """All biases of a deck at x 0.96: within the tolerance, and 4 % less energy."""
    shared = tmp_path_factory.getbasetemp() / f"sources_{scope}"
    written(str(shared), scope)
    for path in shared.glob("*.josim.cir"):
        text = re.sub(
            r"(?m)^(I\S+ \S+ \S+ pwl\(0 0 1e-11 )(\S+)\)",
            lambda m: f"{m[1]}{0.96 * float(m[2]):.10g})", path.read_text(),
        )  # fmt: skip
        (tmp_path / path.name).write_text(text)
    run = ng.verify(NETWORK, X, simulator="embedded", decks=tmp_path, **of_scope(scope))
    assert run.verdict.energy.relative_error == pytest.approx(-0.04, abs=0.006)


ADDED = "IC 0 q pwl(0 0 1p 1u)\n"
RAMPED = SourceLine(("0", "Q"), 1e-6, 1e-12)


@pytest.mark.parametrize(
    ("added", "part", "line", "repeated"),
    [
        ("", "", None, False),
        (ADDED, "", RAMPED, False),
        (ADDED + ADDED, "", RAMPED, True),
        (ADDED.replace("(0 0", "( 0 0\n+").replace(")", " )"), "", RAMPED, False),
        (ADDED.replace(")", " 2p 0 3p 1u 4p 0)"), "", SourceLine(("0", "Q")), False),
        (f".subckt Stage a\n{ADDED}.ends\n", "STAGE", RAMPED, False),
        (f".subckt Stage a\n{ADDED}", "STAGE", RAMPED, False),
    ],
)
def test_a_deck_is_read_whole_whatever_was_read_before(added, part, line, repeated):
    """Subcircuits of several decks are read once; what follows them must not get into the next."""
    for _ in range(2):
        parts = read_parts(TEXT.replace(".end\n", added + ".end\n"))
        assert parts[part].sources.get("IC") == line
        assert parts[part].repeated == ({"IC"} if repeated else set())
        clean = read_parts(TEXT)
        assert set(clean["STAGE"].sources) == {"IB", "IF"}
        assert set(clean[""].sources) == {"V1"}


def test_an_added_instance_of_no_cell_or_of_one_that_has_no_end():
    """What is not there has no sources; what holds itself is not taken to have none."""
    added = TEXT.replace("X2 q stage\n", "X2 q stage\nX3 q {}\n")
    assert first_difference(read_parts(added.format("nowhere")), circuit(), 20 * PS, 0.05) is None
    endless = added.format("loop").replace(".subckt", ".subckt loop a\nX9 a loop\n.ends\n.subckt")
    assert first_difference(read_parts(endless), circuit(), 20 * PS, 0.05) == (
        "no cell at X3 of the circuit", "loop, which has sources",
    )  # fmt: skip
