"""Running a child process that may hang, die, spawn children or fill the disk.

Each child gets its own process group; whatever ends the run (its end, a timeout, a limit, an
exception here, a cancelled campaign, the death of this process by SIGKILL) kills the whole
group. Output goes to files, never to pipes, so no child waits for a reader and no reader for a
child.
"""

from __future__ import annotations

import contextlib
import os
import re
import select
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from netlist_gen.errors import ConfigurationError

_POLL_S = 0.2
_WINDOWS = os.name == "nt"


@dataclass(frozen=True)
class Limits:
    """What one run may use.

    Attributes:
        timeout_s: wall time.
        log_bytes: size of stdout and of stderr, each; a run that prints more is stopped.
        disk_bytes: size of everything in the run directory; likewise.
    """

    timeout_s: float
    log_bytes: int = 64_000_000
    disk_bytes: int = 8_000_000_000


class Ending(Enum):
    """Why a process is no longer running."""

    EXITED = "exited"
    TIMED_OUT = "timed out"
    LOG_LIMIT = "printed too much"
    DISK_LIMIT = "wrote too much"
    CANCELLED = "cancelled"


@dataclass(frozen=True)
class Finished:
    """A process that has ended, and what it left.

    Attributes:
        ending: why it ended.
        returncode: its exit status; negative: the number of the signal that killed it.
        wall_s: seconds from start to end.
        stdout: file with its standard output.
        stderr: file with its standard error.
    """

    ending: Ending
    returncode: int
    wall_s: float
    stdout: Path
    stderr: Path

    def how(self) -> str:
        """How it ended, in words: ``exit status 255`` or ``killed by SIGKILL``."""
        if self.returncode >= 0:
            return f"exit status {self.returncode}"
        try:
            return f"killed by {signal.Signals(-self.returncode).name}"
        except ValueError:
            return f"killed by signal {-self.returncode}"


@contextlib.contextmanager
def run_directory(name: str, keep_in: Path | None = None) -> Iterator[Path]:
    """A new directory for one run, removed afterwards unless ``keep_in`` says where to keep it.

    Its own name has neither spaces nor '=' (JoSIM takes neither); run simulators inside it with
    relative file names, so that the name of its parent does not matter.

    Raises:
        ConfigurationError: it cannot be made.
    """
    safe = re.sub(r"[^A-Za-z0-9_.-]", "_", name)[:80] or "run"
    try:
        if keep_in is None:
            path = Path(tempfile.mkdtemp(prefix=f"netlist-gen-{safe}-"))
        else:
            path = keep_in / safe
            if path.exists():
                shutil.rmtree(path)
            path.mkdir(parents=True)
    except OSError as error:
        raise ConfigurationError(
            f"no run directory for {name!r} can be made in "
            f"{keep_in or tempfile.gettempdir()}: {error.strerror}"
        ) from None
    try:
        yield path
    finally:
        if keep_in is None:
            _remove(path)


def _remove(path: Path) -> None:
    # A killed child may put one more file there between the listing and the removal.
    for _ in range(5):
        shutil.rmtree(path, ignore_errors=True)
        if not path.exists():
            return
        time.sleep(0.02)


def run_process(
    argv: Sequence[str],
    *,
    directory: Path,
    limits: Limits,
    cancelled: threading.Event | None = None,
) -> Finished:
    """Run a program in ``directory`` until it ends or a limit is reached.

    Standard input is empty; stdout and stderr go to files ``stdout.txt`` and ``stderr.txt``
    there. The locale is C, so that numbers have points. ``cancelled`` stops the run from
    another thread.

    Raises:
        OSError: the program cannot be started, or the disk is full before it starts.
    """
    out_path, err_path = directory / "stdout.txt", directory / "stderr.txt"
    environment = {**os.environ, "LC_ALL": "C"}
    started = time.monotonic()
    with _guarded_group() as group:
        with out_path.open("wb") as out, err_path.open("wb") as err:
            child = subprocess.Popen(
                list(argv),
                cwd=directory,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                env=environment,
                process_group=group,
                creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
            )
        ending = Ending.EXITED
        try:
            _limit_file_size(child.pid, limits.disk_bytes)
            deadline = started + limits.timeout_s
            while not _wait(child, min(_POLL_S, max(deadline - time.monotonic(), 0.0))):
                broken = _broken_limit(directory, (out_path, err_path), limits)
                if cancelled is not None and cancelled.is_set():
                    ending = Ending.CANCELLED
                elif broken is not None:
                    ending = broken
                elif time.monotonic() >= deadline:
                    ending = Ending.TIMED_OUT
                else:
                    continue
                break
        finally:
            _kill_group(child, group)
            returncode = child.wait()
    if ending is Ending.EXITED:
        # A quick child can pass a limit between two looks, or die of the kernel's own.
        ending = _broken_limit(directory, (out_path, err_path), limits) or ending
    return Finished(ending, returncode, time.monotonic() - started, out_path, err_path)


@contextlib.contextmanager
def _guarded_group() -> Iterator[int | None]:
    """A process group that is killed when this process ends, however it ends.

    Its first member is a shell that waits at a pipe of which this process alone holds the other
    end (Python's pipes are closed in the programs it starts): when the kernel closes that end,
    the shell kills its group. Unlike PR_SET_PDEATHSIG this needs no code between fork and exec,
    which is unsafe with threads; it reaches grandchildren, and works on every POSIX system. As
    the shell is reaped last, the group's number cannot pass to others while it may be killed.

    Yields:
        The group's number for ``Popen``; None on Windows, which has no such groups: there what a
        killed process started goes on.
    """
    if _WINDOWS:
        yield None
        return
    with subprocess.Popen(
        ["/bin/sh", "-c", "read nothing; kill -KILL 0"],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        process_group=0,
    ) as guard:
        try:
            yield guard.pid
        finally:
            guard.kill()


def _wait(child: subprocess.Popen[bytes], seconds: float) -> bool:
    """Whether the child ends within so many seconds; noticed at once where that can be.

    ``Popen.wait`` with a timeout looks only now and then.
    """
    if hasattr(os, "pidfd_open"):
        try:
            handle = os.pidfd_open(child.pid)
        except OSError:  # kernels before 5.3, or no descriptor left: wait the portable way
            pass
        else:
            try:
                poller = select.poll()
                poller.register(handle, select.POLLIN)
                return bool(poller.poll(int(seconds * 1000) + 1))
            finally:
                os.close(handle)
    try:
        child.wait(seconds)
    except subprocess.TimeoutExpired:
        return False
    return True


def _kill_group(child: subprocess.Popen[bytes], group: int | None) -> None:
    if group is None:
        # taskkill ends the tree of children; the child itself may have ended already.
        subprocess.run(
            ["taskkill", "/F", "/T", "/PID", str(child.pid)], capture_output=True, check=False
        )
        return
    # macOS answers EPERM for a group of which only a zombie is left.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGKILL)


def _limit_file_size(pid: int, limit: int) -> None:
    """Let the kernel refuse files beyond the limit (Linux); elsewhere the looks must do."""
    try:
        import resource
    except ImportError:
        return
    if hasattr(resource, "prlimit"):
        _, most = resource.prlimit(pid, resource.RLIMIT_FSIZE)
        soft = limit if most == resource.RLIM_INFINITY else min(limit, most)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (soft, most))


def _broken_limit(directory: Path, logs: tuple[Path, Path], limits: Limits) -> Ending | None:
    if any(log.stat().st_size > limits.log_bytes for log in logs):
        return Ending.LOG_LIMIT
    # The kernel stops a file at the limit itself: reaching it is breaking it.
    if sum(_size(path) for path in directory.iterdir()) >= limits.disk_bytes:
        return Ending.DISK_LIMIT
    return None


def _size(path: Path) -> int:
    try:
        return path.lstat().st_size
    except OSError:  # a simulator may remove its own scratch files meanwhile
        return 0
