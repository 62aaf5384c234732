"""The wheel carries its data, and runs from it alone, away from the sources."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from verification.engine.kernels import portable

ROOT = Path(__file__).resolve().parents[1]
EXAMPLES = ("digits.npz", "digits.pt", "digits_inputs.npy", "digits_labels.npy")


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory):
    """The wheel of this source tree, built and unpacked."""
    pytest.importorskip("hatchling")
    folder = tmp_path_factory.mktemp("wheel")
    built = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=ROOT, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert built.returncode == 0, built.stderr
    (wheel,) = folder.glob("netlist_gen-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def test_every_template_cell_and_the_example_are_in_it(unpacked):
    wanted = [*(ROOT / "templates").rglob("*"), *(ROOT / "cells").rglob("*")]
    wanted += [ROOT / "examples" / name for name in EXAMPLES]
    files = [path for path in wanted if path.is_file() and "__pycache__" not in path.parts]
    assert len(files) > 20
    for path in files:
        copy = unpacked / "netlist_gen" / path.relative_to(ROOT)
        assert copy.read_bytes() == path.read_bytes(), path
    names = {path.name for path in unpacked.iterdir()}
    assert {name for name in names if not name.endswith(".dist-info")} == {
        "netlist_gen",
        "verification",
    }


def test_the_kernels_are_in_it(unpacked):
    """Numba's half of compiling them is done."""
    folder = unpacked / "verification" / "engine" / "kernels" / "code"
    for group in portable.SIGNATURES:
        assert portable.shipped(group, folder) is not None, group


def test_it_runs_away_from_the_sources(unpacked, tmp_path):
    """In a process that sees the unpacked wheel before any other installation."""
    script = (
        "import netlist_gen, verification\n"
        "from netlist_gen.resources import resource_dir\n"
        "print(netlist_gen.__file__, verification.__file__, resource_dir('cells'), sep='\\n')\n"
        "from netlist_gen.cli import main\n"
        "main()\n"
    )
    example = unpacked / "netlist_gen" / "examples" / "digits.npz"
    done = subprocess.run(
        [sys.executable, "-c", script, "generate", str(example), "-o", "decks"],
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(unpacked)},
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert all(line.startswith(str(unpacked)) for line in done.stdout.splitlines()[:3])
    assert (tmp_path / "decks" / "manifest.json").is_file()
