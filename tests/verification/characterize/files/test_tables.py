"""Tables: written, read back, and found stale when the cell changes."""

from __future__ import annotations

import dataclasses
import shutil

import pytest

from netlist_gen.library.cells import CellLibrary
from netlist_gen.library.process import load_process
from netlist_gen.library.splitters import SPLITTERS
from netlist_gen.library.tables import read_table, tables_name
from netlist_gen.resources import resource_dir
from verification.characterize.files.tables import (
    bench_digest,
    changed,
    measure_table,
    stale_tables,
    write_table,
)
from verification.characterize.subject.subject import subject_names


@pytest.fixture
def measured(cut, tmp_path):
    cell = cut("jtl")
    table = measure_table(cell.subject, cell.runner)
    write_table(table, cell.subject.title, tmp_path / "jtl.toml")
    return read_table(tmp_path / "jtl.toml")


def test_what_is_written_is_what_is_read(cut, measured):
    cell = cut("jtl")
    assert measured.cell == "jtl"
    assert measured.bench_sha256 == bench_digest(cell.bench)
    assert measured.delay_s("a", "q") == pytest.approx(1.92e-12, abs=0.03e-12)
    assert measured.bias_low < 0.8
    assert measured.bias_high > 1.2
    assert measured.energy_J("a -> q") == pytest.approx(0.3619e-18, rel=1e-3)
    assert measured.spacing_s("a", "a") > 2e-12
    assert measured.arc("a", "q").by_load_s["merger"] > measured.delay_s("a", "q")


def test_changes_are_told_in_words(measured):
    (arc,) = measured.arcs
    slower = dataclasses.replace(arc, nominal_s=arc.nominal_s + 0.02e-12)
    other = dataclasses.replace(measured, arcs=(slower,), bias_low=measured.bias_low + 0.05)
    assert changed(measured, measured) == []
    words = changed(measured, other)
    assert len(words) == 2
    assert words[0].startswith("jtl: a to q, nominal: 1.9")
    assert words[1].startswith("jtl: bias_low ")


def test_stale_and_missing_tables_are_found(tmp_path):
    folder = tmp_path / "sfq5ee"
    shutil.copytree(resource_dir("cells") / "tables" / "sfq5ee", folder)
    before = {s.cell for s in stale_tables(folder=tmp_path)}
    path = folder / "jtl.toml"
    path.write_text(path.read_text().replace('bench_sha256 = "', 'bench_sha256 = "0'))
    (folder / "merger.toml").unlink()
    found = {s.cell: s.reason for s in stale_tables(folder=tmp_path)}
    assert set(found) == before | {"jtl", "merger"}
    assert found["jtl"] == (
        f"{path}: the cell, its process or its stimulus has changed since it was measured; "
        "`netlist-gen characterize jtl --tables` measures it again"
    )
    assert "can't be read" in found["merger"]


@pytest.mark.parametrize("splitters", SPLITTERS)
def test_every_cell_has_a_committed_table(splitters):
    process = load_process("sfq5ee", splitters=splitters)
    names = subject_names(CellLibrary(process))
    assert len(names) >= 13
    folder = resource_dir("cells") / "tables" / tables_name(process)
    assert {path.stem: read_table(path).cell for path in folder.iterdir()} == {
        name: name for name in names
    }
