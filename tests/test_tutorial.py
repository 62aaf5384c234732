"""docs/tutorial.md: its files are written, its commands run, what they say is compared."""

from __future__ import annotations

import fnmatch
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "tutorial.md").read_text(encoding="utf-8")
BLOCK = re.compile(r'(?ms)^```(\w+)(?: title="([^"]+)")?\n(.*?)^```$')


def part(title):
    """A chapter of the page."""
    return re.split(r"(?m)^## ", PAGE.split(f"## {title}\n", 1)[1])[0]


def command(line, cli, root):
    """Run a line; what it says, on either stream."""
    words = shlex.split(line, comments=True)
    if words[0] == "python":
        ran = subprocess.run(
            [sys.executable, *words[1:]], cwd=root, capture_output=True, text=True, timeout=600,
            check=False,
        )  # fmt: skip
        assert ran.returncode == 0, ran.stderr
        return ran.stdout
    assert words[0] == "netlist-gen", line
    ran = cli(*words[1:])
    wanted = int(line.rpartition("exit status ")[2]) if "exit status" in line else 0
    assert ran.status == wanted, f"{line}: {ran.err}"
    return ran.out + ran.err


@pytest.mark.parametrize("title", ["From a network to a netlist", "From a cell to its margins"])
def test_the_tutorial(title, cli, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    said, commands = "", 0
    for language, name, text in BLOCK.findall(part(title)):
        if name:
            (tmp_path / name).write_text(text)
        elif language == "sh":
            said = ""
            for line in text.splitlines():
                said += command(line, cli, tmp_path)
                commands += 1
        else:
            assert language == "text"
            for line in text.splitlines():
                pattern = line.replace("[", "[[]").replace("...", "*").rstrip()
                assert any(
                    fnmatch.fnmatchcase(one.rstrip(), pattern) for one in said.splitlines()
                ), f"{line!r} is not in {said}"
    assert commands >= 3
    for shown in re.findall(r"`(\w+/\w+\.(?:html|csv|v|sdf))`", part(title)):
        assert (tmp_path / shown).is_file(), shown


def test_every_command_stands_in_a_block_that_is_run():
    outside = BLOCK.sub("", PAGE)
    assert not re.findall(r"(?m)^(?:\$ )?netlist-gen ", outside)
