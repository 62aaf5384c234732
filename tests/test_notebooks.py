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


def test_there_are_four():
    assert len(NOTEBOOKS) == 4


def test_the_recipe_is_the_pages():
    notebook = nbformat.read(EXAMPLES / "own_network.ipynb", as_version=4)
    page = (EXAMPLES.parent / "docs" / "own-networks.md").read_text(encoding="utf-8")
    recipe = next(c.source for c in notebook.cells if "class TernaryLinear" in c.source)
    assert f"```python\n{recipe}\n```\n" in page


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
