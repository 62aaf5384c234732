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

from verification.simulators.base import DeckJob, OutcomeKind

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
def pids(tmp_path):
    """A folder in which broken programs write files named after their processes."""
    folder = tmp_path / "pids"
    folder.mkdir()
    return folder


@pytest.fixture
def hanging(pids):
    """Shell text of a program that waits for a child of its own for ever."""
    return f"sleep 600 & echo $! > {pids}/$!; echo $$ > {pids}/$$; wait\n"


@pytest.fixture
def wait_for_ends(pids):
    """``wait_for_ends()`` waits until all in ``pids`` are gone, and says how many there were.

    A killed process may take a moment to go; it must not stay.
    """

    def wait() -> int:
        known = [int(path.name) for path in pids.iterdir()]
        deadline = time.monotonic() + 5.0
        for pid in known:
            while alive(pid):
                assert time.monotonic() < deadline, f"process {pid} is still there"
                time.sleep(0.01)
        return len(known)

    return wait


@pytest.fixture
def hundred_runs(pids, scratch, wait_for_ends):
    """``hundred_runs(install, simulator, deck, good=, short=)``: nothing of them may stay.

    One run in four each is fine (shell text ``good``), killed half-way (after ``short``), hangs
    with a child and leaves a child behind. ``install`` takes the program's shell text.
    """
    expected = {
        "fine": OutcomeKind.OK,
        "short": OutcomeKind.CRASHED,
        "hang": OutcomeKind.TIMED_OUT,
        "leave": OutcomeKind.OK,
    }

    def check(install, simulator, deck, *, good, short):
        good, short = good.strip(), short.strip()
        install(
            f"echo $$ > {pids}/$$\n"
            f'background() {{ sleep 600 & echo $! > "{pids}/$!"; }}\n'
            'case "$(head -n 1 deck.cir)" in\n'
            f"*fine*) {good};;\n"
            f"*short*) {short}; kill -9 $$;;\n"
            "*hang*) background; wait;;\n"
            f"*leave*) background; {good};;\n"
            "esac\n"
        )
        names = [f"{kind}-{number}" for kind in expected for number in range(25)]
        jobs = [DeckJob(name, f"* {name}\n{deck}") for name in names]
        outcomes = list(simulator.run_many(jobs, workers=100, timeout_s=4.0))
        assert sorted(outcome.job.name for outcome in outcomes) == sorted(names)
        for outcome in outcomes:
            assert outcome.kind is expected[outcome.job.name.partition("-")[0]], outcome.message
        assert list(scratch.iterdir()) == []
        assert wait_for_ends() == 150

    return check
