"""Decks of every cell and of neurons in all dialects, byte for byte as they were reviewed.

``UPDATE_GOLDEN=1 pytest tests/test_golden_decks.py`` writes them anew; read the difference
before it is committed.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from cell_benches import BIASED_FAN_IN, EVENTS, NEURON_FAN_INS, cell_bench, random_neuron_bench

from netlist_gen.deck.decks import neuron_deck
from netlist_gen.deck.emit import dialects
from netlist_gen.deck.lint import lint
from netlist_gen.library.bias import BIASES, IDEAL
from netlist_gen.library.splitters import BY_LOAD, LIBRARY, SPLITTERS
from verification.simulators.saved_signals import read_saved
from verification.simulators.wrspice_rules import check_wrspice_deck

GOLDEN = Path(__file__).parent / "golden" / "decks"
NAMES = [
    *EVENTS,
    *(f"neuron{fan_in}" for fan_in in NEURON_FAN_INS),
    *(f"neuron{BIASED_FAN_IN}_{bias}" for bias in BIASES if bias != IDEAL),
    f"neuron{BIASED_FAN_IN}_{BY_LOAD}",
]


def text_of(name: str, dialect: str) -> str:
    if name.startswith("neuron"):
        fan_in, _, word = name.removeprefix("neuron").partition("_")
        bias = word if word in BIASES else IDEAL
        splitters = word if word in SPLITTERS else LIBRARY
        library, bench, _ = random_neuron_bench(int(fan_in), bias=bias, splitters=splitters)
        return neuron_deck(library, bench, name, 0, dialect).text
    return cell_bench(name).deck(dialect).text


@pytest.mark.parametrize("dialect", dialects())
@pytest.mark.parametrize("name", NAMES)
def test_deck_is_the_reviewed_one(name, dialect):
    text, path = text_of(name, dialect), GOLDEN / dialect / f"{name}.cir"
    if os.environ.get("UPDATE_GOLDEN") == "1":
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert path.exists(), f"{path} is missing; UPDATE_GOLDEN=1 writes it"
    golden = path.read_text(encoding="utf-8")
    assert text.splitlines() == golden.splitlines()
    assert text == golden


def test_each_dialect_has_every_deck_and_no_other():
    assert sorted(folder.name for folder in GOLDEN.iterdir()) == sorted(dialects())
    for dialect in dialects():
        assert sorted(path.stem for path in (GOLDEN / dialect).iterdir()) == sorted(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_reviewed_decks_keep_their_simulators_rules(name):
    lint((GOLDEN / "josim" / f"{name}.cir").read_text(), f"{name}.cir")
    wrspice = (GOLDEN / "wrspice" / f"{name}.cir").read_text()
    check_wrspice_deck(wrspice)
    ngspice = (GOLDEN / "ngspice" / f"{name}.cir").read_text()
    columns = read_saved(wrspice).columns
    assert columns == read_saved(ngspice).columns
    assert len(columns) == sum(
        line.startswith(".print phase ")
        for line in (GOLDEN / "josim" / f"{name}.cir").read_text().splitlines()
    )


NUMBER = r"-?\d+(?:\.\d+)?(?:e[-+]\d+)?"  # plain: no suffix, unit or expression
NET = r"(?!(?i:gnd\b|ground\b))\w+"
NETS = rf"{NET} {NET}"
PWL = rf"pwl\({NUMBER}(?: {NUMBER})+\)"
PATH = r"(?:\.X\w+)*"
WRSPICE_LINES = [
    re.compile(form)
    for form in (
        r"\* \S.*",  # "*@" and "*#" would be commands
        r"",
        rf"\.model jjmit jj\(rtype=1, vg={NUMBER}, delv={NUMBER}, icrit={NUMBER}, r0={NUMBER}, "
        rf"rn={NUMBER}, cap={NUMBER}, force=1\)",
        rf"\.subckt \w+(?: {NET})+",
        r"\.ends",
        rf"(?P<name>B\w+) {NETS} ph_(?P<phase>b\w+) jjmit area={NUMBER}",
        rf"[LR]\w+ {NETS} {NUMBER}",
        rf"K\w+ L\w+ L\w+ {NUMBER}",
        rf"I\w+ {NETS} {PWL}",
        rf"V\w+ {NET} 0 (?:0|{PWL})",
        rf"X\w+(?: {NET})+ \w+",
        r"\.options maxdata=\d+",
        rf"\.tran {NUMBER} {NUMBER} 0 {NUMBER} uic",
        rf"\.save v\(ph_b\w+{PATH}\)",
        r"\.end",
    )
]


@pytest.mark.parametrize("name", NAMES)
def test_every_line_of_a_wrspice_deck_is_of_a_reviewed_form(name):
    """The review of the golden decks, line by line, so that it holds for every later design."""
    text = (GOLDEN / "wrspice" / f"{name}.cir").read_text()
    assert text.startswith("* ")
    assert text.endswith("\n.end\n")
    for line in text.replace("\n+ ", " ").splitlines():
        (match,) = [m for m in (form.fullmatch(line) for form in WRSPICE_LINES) if m] or [None]
        assert match, line
        if match.groupdict():
            assert match["name"].lower() == match["phase"]
    cells, top = text.rpartition(".ends")[::2]
    assert not re.search(r"(?m)^\.(save|tran|options)", cells)
    signals = re.findall(r"(?m)^\* signal (\S+) = (\S+)\n\.save (\S+)$", top)
    assert len(signals) == top.count("\n.save ")
    for column, vector, saved in signals:
        assert saved == vector
        junction, *path = column.removeprefix("P(").removesuffix(")").split("|")
        assert vector.upper() == f"V({'.'.join(('PH_' + junction, *path))})"
