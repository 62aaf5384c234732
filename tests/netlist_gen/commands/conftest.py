"""Simulators that misbehave, put first on PATH."""

from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path

import pytest


class FakeJosim:
    """``fake(shell_text)`` installs a josim-cli that answers --version and then does that.

    Attributes:
        real: the program it hides, or None.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.real = shutil.which("josim-cli")

    def __call__(self, body: str, version: str = "v2.7.0 compiled today") -> Path:
        program = self.folder / "josim-cli"
        program.write_text(
            f'#!/bin/sh\nif [ "$1" = --version ]; then echo "{version}"; exit 0; fi\n{body}\n'
        )
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        return program


@pytest.fixture
def install_josim(tmp_path, monkeypatch) -> FakeJosim:
    """See ``FakeJosim``."""
    folder = tmp_path / "bin"
    folder.mkdir()
    fake = FakeJosim(folder)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    return fake
