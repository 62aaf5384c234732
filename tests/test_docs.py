"""Documentation that is run: the examples of two pages, the links of all pages."""

from __future__ import annotations

import doctest
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]


@pytest.mark.parametrize("name", ["api.md", "engine.md"])
def test_the_examples_of_a_page(name, tmp_path, monkeypatch):
    page = ROOT / "docs" / name
    blocks = re.findall(r"(?ms)^```python\n(.*?)^```", page.read_text(encoding="utf-8"))
    assert len(blocks) >= 5
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    monkeypatch.chdir(tmp_path)
    test = doctest.DocTestParser().get_doctest("\n".join(blocks), {}, page.name, str(page), 0)
    flags = doctest.NORMALIZE_WHITESPACE | doctest.IGNORE_EXCEPTION_DETAIL
    runner = doctest.DocTestRunner(optionflags=flags)
    said: list[str] = []
    runner.run(test, out=said.append)
    assert not runner.failures, "".join(said)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    text = re.sub(r"(?ms)^```.*?^```", "", page.read_text(encoding="utf-8"))  # code has no links
    for target in re.findall(r"\]\(([^)#\s]+)", text):
        if not target.startswith(("http:", "https:")):
            assert (page.parent / target).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_files_that_are_named_are_there(page):
    text = page.read_text(encoding="utf-8")
    for name in re.findall(r"`((?:netlist_gen|verification|templates|cells|tests|benchmarks|docs)/"
                           r"[\w/.-]*)`", text):  # fmt: skip
        if not re.search(r"[A-Z]{3}", name):  # NAME and the like stand for a name
            assert (ROOT / name).exists(), name
    for module in re.findall(r"`((?:netlist_gen|verification)(?:\.[a-z_]+)+)`", text):
        path = ROOT / module.replace(".", "/")
        assert (
            path.is_dir()
            or path.with_suffix(".py").exists()
            or path.parent.with_suffix(".py").exists()
        ), module
