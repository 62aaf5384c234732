"""Running a child process that may hang, die, spawn children or fill the disk.

Whatever ends the run (its end, a timeout, a limit, an exception here, a cancelled campaign, the
death of this process by SIGKILL) ends all that the child has started (``child``). Output goes to
files, never to pipes, so no child waits for a reader and no reader for a child.
"""

from __future__ import annotations

import contextlib
import re
import shutil
import signal
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from netlist_gen.errors import ConfigurationError
from verification.simulators.child import started

_POLL_S = 0.2


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
    for path in (out_path, err_path):
        path.touch()
    with started(argv, directory, out_path, err_path, limits.disk_bytes) as child:
        begun = time.monotonic()  # a loaded machine may have taken long until here
        ending = Ending.EXITED
        deadline = begun + limits.timeout_s
        while not child.wait(min(_POLL_S, max(deadline - time.monotonic(), 0.0))):
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
        returncode = child.end()
    if ending is Ending.EXITED:
        # A quick child can pass a limit between two looks, or die of the kernel's own.
        ending = _broken_limit(directory, (out_path, err_path), limits) or ending
    return Finished(ending, returncode, time.monotonic() - begun, out_path, err_path)


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
