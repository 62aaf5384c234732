"""Decks of every cell and of neurons in all dialects, byte for byte as they were reviewed.

``UPDATE_GOLDEN=1 pytest tests/test_golden_decks.py`` writes them anew; read the difference
before it is committed.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from cell_benches import EVENTS, NEURON_FAN_INS, cell_bench, random_neuron_bench

from netlist_gen.emit import dialects
from netlist_gen.generate import neuron_deck
from netlist_gen.lint import lint
from verification.simulators.saved_signals import read_saved
from verification.simulators.wrspice_rules import check_wrspice_deck

GOLDEN = Path(__file__).parent / "golden" / "decks"
NAMES = [*EVENTS, *(f"neuron{fan_in}" for fan_in in NEURON_FAN_INS)]


def text_of(name: str, dialect: str) -> str:
    if name.startswith("neuron"):
        library, bench = random_neuron_bench(int(name.removeprefix("neuron")))
        return neuron_deck(library, bench, name, 0, dialect).text
    return cell_bench(name).deck(dialect).text


@pytest.mark.parametrize("dialect", ["josim", "wrspice", "ngspice"])
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
