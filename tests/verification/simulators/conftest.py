"""Broken simulators: small real programs put first on PATH, and a look at what they leave."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

VERSION = 'if [ "$1" = --version ]; then echo; echo v2.7.0 compiled today; exit 0; fi\n'


@pytest.fixture
def scratch(tmp_path, monkeypatch):
    """Temporary files of this test go here; nothing may be left in it."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture
def install(tmp_path, monkeypatch):
    """``install(name, shell_text)`` puts a program first on PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")

    def put(name: str, body: str) -> Path:
        program = folder / name
        program.write_text("#!/bin/sh\n" + body)
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        return program

    return put


@pytest.fixture
def install_josim(install):
    """``install_josim(shell_text)``: a josim-cli that answers --version and then does that."""

    def put(body: str) -> Path:
        return install("josim-cli", VERSION + body)

    return put


@pytest.fixture
def tiny_disk(tmp_path):
    folder = tmp_path / "tiny"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)]
    if shutil.which("mount") is None or subprocess.call(mount, stderr=subprocess.DEVNULL):
        pytest.skip("no small file system can be mounted here (that takes root)")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def alive(pid: int) -> bool:
    """Whether a process still runs; a zombie that waits to be reaped does not."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return status.rpartition(")")[2].split()[0] != "Z"


@pytest.fixture
def is_alive():
    return alive


@pytest.fixture
def wait_for_end():
    """``wait_for_end(pid)``: a killed process may take a moment to go; it must not stay."""

    def wait(pid: int) -> None:
        deadline = time.monotonic() + 5.0
        while alive(pid):
            assert time.monotonic() < deadline, f"process {pid} is still there"
            time.sleep(0.01)

    return wait
