"""Nothing that a simulator starts outlives its run, however it hides; with real processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from verification.simulators import child, supervisor
from verification.simulators.process import Ending, Limits, run_process

pytestmark = [
    pytest.mark.skipif(os.name != "posix", reason="the programs are shell scripts"),
]
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="orphans are adopted on Linux only")

DAEMON = """
import os, sys, time
folder, clean = sys.argv[1:3]
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:  # the first child ends at once: this one has no parent below the run
        if clean == "clean":
            os.closerange(0, 256)
        open(os.path.join(folder, str(os.getpid())), "w").close()
        if clean == "clean":
            os.execve("/bin/sleep", ["sleep", "600"], {})
        time.sleep(600)
    os._exit(0)
os.wait()
"""
"""A program that leaves a sleeper of its own session, without a parent, with no environment."""


@pytest.fixture
def program(tmp_path, pids):
    """``program(shell_text)``: one that has left two daemons before it does that."""
    script = tmp_path / "daemon.py"
    script.write_text(DAEMON)

    def make(rest: str) -> list[str]:
        one = f"{sys.executable} -I -S {script} {pids}"
        path = tmp_path / "program"
        path.write_text(
            f"#!/bin/sh\n{one} clean\n{one} plain\n"
            f'while [ "$(ls {pids} | wc -l)" -lt 2 ]; do sleep 0.02; done\n{rest}\n'
        )
        path.chmod(0o755)
        return [str(path)]

    return make


def run(argv, tmp_path, timeout_s=20.0, cancelled=None):
    folder = tmp_path / "run"
    folder.mkdir()
    return run_process(
        argv, directory=folder, limits=Limits(timeout_s=timeout_s), cancelled=cancelled
    )


@LINUX
def test_daemons_end_with_a_run_that_ends(program, tmp_path, wait_for_ends):
    finished = run(program("echo out; echo err >&2; exit 3"), tmp_path)
    assert (finished.ending, finished.returncode) == (Ending.EXITED, 3)
    assert finished.stdout.read_text() == "out\n"
    assert finished.stderr.read_text() == "err\n"
    assert wait_for_ends() == 2


@LINUX
def test_daemons_end_with_a_run_that_times_out(program, tmp_path, wait_for_ends):
    finished = run(program("sleep 600"), tmp_path, timeout_s=2.0)
    assert finished.ending is Ending.TIMED_OUT
    assert finished.how() == "killed by SIGKILL"
    assert wait_for_ends() == 2


@LINUX
def test_daemons_end_with_a_run_that_is_cancelled(program, tmp_path, pids, wait_for_ends):
    cancelled = threading.Event()

    def cancel() -> None:
        while len(list(pids.iterdir())) < 2:
            time.sleep(0.02)
        cancelled.set()

    threading.Thread(target=cancel).start()
    finished = run(program("sleep 600"), tmp_path, cancelled=cancelled)
    assert finished.ending is Ending.CANCELLED
    assert wait_for_ends() == 2


@LINUX
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_daemons_end_with_this_program(program, tmp_path, pids, wait_for_ends, number):
    script = (
        "import sys\nfrom pathlib import Path\n"
        "from verification.simulators.process import Limits, run_process\n"
        "run_process(sys.argv[2:], directory=Path(sys.argv[1]), limits=Limits(60.0))\n"
    )
    argv = [sys.executable, "-c", script, str(tmp_path), *program("sleep 600")]
    with subprocess.Popen(argv, stderr=subprocess.DEVNULL) as process:
        while len(list(pids.iterdir())) < 2:
            assert process.poll() is None
            time.sleep(0.02)
        process.send_signal(number)
        process.wait()
    assert wait_for_ends() == 2


@LINUX
def test_other_children_of_this_program_are_left_alone(program, tmp_path, wait_for_ends):
    with subprocess.Popen(["sleep", "600"], start_new_session=True) as other:
        run(program("exit 0"), tmp_path)
        assert wait_for_ends() == 2
        assert other.poll() is None
        other.kill()


def test_a_program_that_cannot_be_started(tmp_path):
    with pytest.raises(FileNotFoundError, match="No such file or directory: '/no/program'"):
        run(["/no/program"], tmp_path)
    text = tmp_path / "text"
    text.write_text("echo no program\n")
    text.chmod(0o755)

    with pytest.raises(OSError, match="Exec format error"):
        run_process([str(text)], directory=tmp_path, limits=Limits(5.0))


def test_the_program_has_the_signals_of_a_fresh_one(tmp_path):
    """Python ignores SIGPIPE and SIGXFSZ; a simulator must die of them, as at a shell."""
    finished = run(["/bin/sh", "-c", "kill -PIPE $$; exit 0"], tmp_path)
    assert finished.how() == "killed by SIGPIPE"


def test_a_supervisor_that_is_killed(tmp_path, pids, wait_for_ends):
    # A moment later: the supervisor has told by then which process it has started.
    text = f"touch {pids}/$$; sleep 1; kill -9 $PPID; sleep 600"
    finished = run(["/bin/sh", "-c", text], tmp_path)
    assert finished.how() == "killed by SIGKILL"
    assert wait_for_ends() == 1


def test_descendants_by_proc_and_by_ps(monkeypatch):
    with subprocess.Popen(["/bin/sh", "-c", "sleep 600 & sleep 600; :"]) as process:
        while len(supervisor.descendants(process.pid)) < 2:
            time.sleep(0.02)
        found = supervisor.descendants(process.pid)
        assert set(found) <= set(supervisor.descendants(os.getpid()))
        monkeypatch.setattr("os.path.isdir", lambda _: False)
        by_ps = supervisor.descendants(process.pid)
        for pid in (*found, process.pid):
            os.kill(pid, signal.SIGKILL)
    assert sorted(by_ps) == sorted(found)


def test_what_a_supervisor_says_as_it_ends_is_heard(tmp_path, monkeypatch):
    """It speaks and ends between a look at its pipe and a look at itself."""
    seen = []
    line = child._SupervisedChild._line

    def late(self, seconds):
        if self._pid and not seen:
            seen.append(self._guard.wait())
            return "", 0
        return line(self, seconds)

    monkeypatch.setattr(child._SupervisedChild, "_line", late)
    finished = run(["/bin/sh", "-c", "exit 3"], tmp_path)
    assert seen == [0]
    assert finished.returncode == 3
