"""Cells under test on the embedded engine, made once for all tests of the room."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from verification.characterize.subject.bench import make_bench
from verification.characterize.subject.subject import load_subject
from verification.characterize.trials.cell import CellUnderTest
from verification.characterize.trials.runner import Runner

CELLS = Path(__file__).parent / "cells"


@pytest.fixture(scope="session")
def cut() -> Callable[[str], CellUnderTest]:
    """``cut("splitter")``: a cell under test; ``dff`` and ``dual`` are in ``cells/``."""

    @cache
    def make(name: str) -> CellUnderTest:
        source = str(CELLS / f"{name}.toml") if name in ("dff", "dual") else name
        return CellUnderTest(make_bench(load_subject(source)), Runner(workers=1))

    return make


@pytest.fixture
def own_cell(tmp_path) -> Callable[..., Path]:
    """A copy of the user's cell with ``replace``d text in its TOML (and netlist) file."""

    def write(*replaced: tuple[str, str], netlist: tuple[tuple[str, str], ...] = ()) -> Path:
        for name, pairs in (("dff.toml", replaced), ("dff.cir", netlist)):
            text = (CELLS / name).read_text()
            for old, new in pairs:
                assert old in text
                text = text.replace(old, new)
            (tmp_path / name).write_text(text)
        return tmp_path / "dff.toml"

    return write
