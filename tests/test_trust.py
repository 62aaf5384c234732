"""Every place where a text that users wrote meets a program, a template, a page or an interpreter.

Each is listed with what keeps data from becoming code. A place that is not in the list fails: say
here why it is safe, or make it so (SECURITY.md).
"""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

PROGRAMS = {
    "netlist_gen.checkpoint.hdf5": "this package's own reader of NIR; data goes in by a pipe",
    "verification.simulators.child": "a simulator on PATH by a list of words, its deck by a file",
    "verification.simulators.supervisor": "a list of processes; no word of it is a user's",
}
TEMPLATES = {
    "netlist_gen.resources": "the one environment: reads templates of this package alone",
    "netlist_gen.deck.emit": "names are checked by process, cell and bench; numbers are formatted",
    "netlist_gen.library.cells": "templates of the library's cells; parameters are numbers",
    "verification.characterize.files.cell_files": "numbers, checked names, texts quoted as TOML",
    "verification.characterize.files.tables": "numbers, and names that were checked",
    "verification.characterize.files.models": "names that Verilog, SDF and DOT take, or a refusal",
    "verification.characterize.measure.design": "numbers",
    "verification.characterize.measure.spread": "numbers, and a process's name as JSON quotes it",
    "verification.report.cell_page": "a page: escaped by the environment",
    "verification.report.html": "a page: escaped by the environment",
    "verification.waves.interactive": "a page: escaped by the environment, data by tojson",
}
UNPICKLED = {
    "netlist_gen.checkpoint.snntorch_pt": "weights_only, after the pickle was followed by hand",
    "netlist_gen.training.state_file": "weights_only",
}
ARRAYS = {
    "netlist_gen.training.pool": "this package's own cache, and allow_pickle is off by default",
    "verification.engine.checkpoints": "allow_pickle=False",
    "verification.report.html": "allow_pickle=False",
    "verification.waves.read": "allow_pickle=False",
}
MODULES = {
    "netlist_gen.__init__": "the front door's own table",
    "netlist_gen.cli": "the commands' own table",
    "verification.engine.__init__": "the library's own table",
    "verification.simulators.registry": "the simulators' own table",
}
PROGRAM = r"subprocess\.(run|Popen|call|check_\w+)|os\.(system|popen|exec\w+|spawn\w+)"
TEMPLATE = r"_?template|.*\.from_string|(jinja2\.)?(Template|Environment)"
PICKLE = r"torch\.load|pickle\.loads?|(pickle\.)?Unpickler|joblib\.load|dill\..*"
CODE = r"eval|exec|compile|__import__|(importlib\.)?import_module"
KINDS = {
    "program": (PROGRAM, PROGRAMS),
    "template": (TEMPLATE, TEMPLATES),
    "pickle": (PICKLE, UNPICKLED),
    "array": (r"np\.load", ARRAYS),
    "code": (CODE, MODULES),
}


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


@cache
def calls(path: Path) -> list[str]:
    """The names of everything that a module calls, as ``a.b.c``."""
    tree = parsed(path)
    return [ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)]


def modules() -> dict[str, Path]:
    paths = [
        p for package in ("netlist_gen", "verification") for p in (ROOT / package).rglob("*.py")
    ]
    return {".".join(p.relative_to(ROOT).with_suffix("").parts): p for p in paths}


@pytest.mark.parametrize("kind", KINDS)
def test_every_place_is_listed(kind):
    pattern, listed = KINDS[kind]
    found = {
        name
        for name, path in modules().items()
        if any(re.fullmatch(pattern, c) for c in calls(path))
    }
    assert found == set(listed)


def test_no_program_is_started_through_a_shell():
    for name, path in modules().items():
        for node in ast.walk(parsed(path)):
            if isinstance(node, ast.keyword):
                assert node.arg != "shell", name


@pytest.mark.parametrize("name", UNPICKLED)
def test_torch_reads_weights_only(name):
    for node in ast.walk(parsed(modules()[name])):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "torch.load":
            given = {k.arg: ast.unparse(k.value) for k in node.keywords}
            assert given["weights_only"] == "True"


def test_what_pages_hold_unescaped_are_this_packages_figures():
    """``| safe`` stands behind SVG drawn here, whose labels are escaped.

    By matplotlib, or where a schematic is drawn (tests/verification/report/test_schematic.py).
    """
    for path in (ROOT / "templates" / "report").iterdir():
        for expression in re.findall(r"\{\{(.*?)\|\s*safe", path.read_text(encoding="utf-8")):
            drawn = expression.strip()
            assert drawn.startswith("figures") or drawn == "schematic", (path, expression)
