"""The notebooks in examples/ run, and say what they are committed with.

``UPDATE_GOLDEN=1 pytest tests/test_notebooks.py`` writes their outputs anew.
"""

from __future__ import annotations

import os
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

EXAMPLES = Path(__file__).parent.parent / "examples"
NOTEBOOKS = sorted(EXAMPLES.glob("*.ipynb"))


def test_there_are_three():
    assert len(NOTEBOOKS) == 3


def words(notebook) -> list[str]:
    """What the outputs say, images left out."""
    return [
        output.get("text") or output["data"].get("text/plain", "")
        for cell in notebook.cells
        if cell.cell_type == "code"
        for output in cell.outputs
    ]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_and_says_the_same(path):
    committed = nbformat.read(path, as_version=4)
    fresh = nbformat.read(path, as_version=4)
    for cell in fresh.cells:
        if cell.cell_type == "code":
            cell.outputs = []
    NotebookClient(fresh, timeout=600, resources={"metadata": {"path": EXAMPLES}}).execute()
    if os.environ.get("UPDATE_GOLDEN") == "1":
        for cell in fresh.cells:
            cell.metadata.pop("execution", None)
        nbformat.write(fresh, path)
        committed = fresh
    assert words(fresh) == words(committed)
    assert any(
        "image/png" in o.get("data", {}) for c in committed.cells for o in c.get("outputs", [])
    )
