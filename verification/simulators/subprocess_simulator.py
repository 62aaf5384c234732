"""What simulators that are programs share: find, run, judge, clean up, many at a time."""

from __future__ import annotations

import shutil
import threading
import time
import weakref
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Generic, TypeVar

from netlist_gen.errors import NetlistGenError, SimulatorError
from netlist_gen.parallel import bounded
from verification.simulators.base import DeckJob, Outcome, OutcomeKind
from verification.simulators.process import Ending, Finished, Limits, run_directory, run_process
from verification.waves.waveforms import Waveforms

_SHOWN_BYTES = 4000
_VERSION_TIMEOUT_S = 20.0
_FULL_BYTES = 16_384

Asked = TypeVar("Asked")
"""What a deck asks for, as a dialect's class reads it."""


class SubprocessSimulator(Generic[Asked]):
    """A simulator run as a child process, one directory for each deck.

    A dialect's class says how to call the program and how to judge what it left: ``_prepare``
    (what the deck asks for), ``_command``, ``_checked_version``, ``_complaint`` and ``_read``.

    Args:
        executable: name on PATH, or path, of the program (default: the class's ``program``).
        keep_runs: directory under which every run's files are kept, named after its job;
            default: temporary directories, removed when the run ends.
        limits: limits of a run beside its timeout (``timeout_s`` there is not used).
    """

    name = ""
    dialect = ""
    title = ""
    program = ""

    def __init__(
        self,
        executable: str | None = None,
        *,
        keep_runs: Path | None = None,
        limits: Limits | None = None,
    ) -> None:
        self.executable = executable or self.program
        self.keep_runs = keep_runs
        self.limits = limits or Limits(timeout_s=0.0)
        self._stops: weakref.WeakSet[threading.Event] = weakref.WeakSet()
        self._versions: dict[str, str] = {}
        self._lock = threading.Lock()

    def cancel(self) -> None:
        """Stop all runs of ``run_many`` that are under way, in any thread."""
        for stop in list(self._stops):
            stop.set()

    def path(self) -> Path | None:
        """Where the program is, or None."""
        found = shutil.which(self.executable)
        return Path(found).absolute() if found else None

    def available(self) -> bool:
        """Whether the program is there to be run."""
        return self.path() is not None

    def version(self) -> str:
        """The program's version as it reports it, for instance ``2.7.02a34ee``; asked once.

        Raises:
            SimulatorError: it is not there, does not answer, gives no version, or one too old.
        """
        program = self._executable_path()
        with self._lock:
            if program not in self._versions:
                self._versions[program] = self._checked_version(program)
            return self._versions[program]

    def run(self, job: DeckJob, *, timeout_s: float) -> Outcome:
        """Run one deck; a failure is an outcome, not an exception.

        Raises:
            DeckError: the deck asks for something the dialect does not have.
            SimulatorError: the program is missing or its version unusable.
        """
        return self._run(job, timeout_s, None)

    def run_many(
        self, jobs: Sequence[DeckJob], *, workers: int, timeout_s: float
    ) -> Iterator[Outcome]:
        """Run all jobs, ``workers`` at a time; yields outcomes as they come, in any order.

        Closing the iterator early stops the runs under way and starts no more.

        Raises:
            SimulatorError: the program is missing or its version unusable.
            DeckError: as ``run``.
        """
        if workers < 1:
            raise SimulatorError(f"{workers} workers asked for; at least 1 is needed")
        self.version()
        stop = threading.Event()
        self._stops.add(stop)
        run = partial(self._run, timeout_s=timeout_s, stop=stop)
        with ThreadPoolExecutor(workers, thread_name_prefix=self.name) as pool:
            try:
                for _, outcome in bounded(pool, run, jobs, workers):
                    yield outcome
            finally:
                stop.set()

    def _prepare(self, job: DeckJob) -> Asked:
        """What the output will be held against, from the deck."""
        raise NotImplementedError

    def _command(self, executable: str) -> list[str]:
        raise NotImplementedError

    def _checked_version(self, program: str) -> str:
        """The version of a program. Raises SimulatorError for none, or one that is too old."""
        raise NotImplementedError

    def _deck_text(self, job: DeckJob, asked: Asked) -> str:  # noqa: ARG002 - for subclasses
        return job.text

    def _complaint(self, stdout: str, stderr: str) -> str | None:
        """The simulator's own words, if an error or a warning of its makes the run worthless."""
        raise NotImplementedError

    def _read(self, directory: Path, asked: Asked) -> Waveforms:
        raise NotImplementedError

    def _run(self, job: DeckJob, timeout_s: float, stop: threading.Event | None) -> Outcome:
        self.version()
        asked = self._prepare(job)
        started = time.monotonic()
        limits = Limits(timeout_s, self.limits.log_bytes, self.limits.disk_bytes)

        def failed(kind: OutcomeKind, reason: str) -> Outcome:
            message = f"{self.title} on deck {job.name!r}: {reason}"
            if _disk_is_full(directory):
                message += "; the disk of the run directory is full"
            return Outcome(job, kind, time.monotonic() - started, message=message)

        with run_directory(job.name, self.keep_runs) as directory:
            try:
                (directory / "deck.cir").write_text(
                    self._deck_text(job, asked), encoding="utf-8", newline="\n"
                )
                finished = run_process(
                    self._command(self._executable_path()),
                    directory=directory,
                    limits=limits,
                    cancelled=stop,
                )
            except OSError as error:
                return failed(OutcomeKind.CRASHED, f"could not be run: {error.strerror}")
            reason = self._abnormal_end(finished, limits)
            if reason is not None:
                kind = (
                    OutcomeKind.TIMED_OUT
                    if finished.ending is Ending.TIMED_OUT
                    else OutcomeKind.CRASHED
                )
                return failed(kind, reason)
            stdout = finished.stdout.read_text(encoding="utf-8", errors="replace")
            stderr = finished.stderr.read_text(encoding="utf-8", errors="replace")
            complaint = self._complaint(stdout, stderr)
            if complaint is not None:
                return failed(
                    OutcomeKind.UNUSABLE,
                    "it ended as if all were well, but said something that makes its output "
                    f"worthless: {complaint}",
                )
            try:
                waveforms = self._read(directory, asked)
            except NetlistGenError as error:
                return failed(OutcomeKind.UNUSABLE, str(error) + _said("", stderr))
            except OSError as error:
                return failed(
                    OutcomeKind.UNUSABLE,
                    f"its output cannot be read: {error.strerror}{_said('', stderr)}",
                )
        return Outcome(job, OutcomeKind.OK, time.monotonic() - started, waveforms)

    def _executable_path(self) -> str:
        found = self.path()
        if found is None:
            raise SimulatorError(
                f"{self.title} is not there: no program {self.executable!r} on PATH; "
                "`netlist-gen doctor` says how to get it"
            )
        return str(found)

    def _abnormal_end(self, finished: Finished, limits: Limits) -> str | None:
        if finished.ending is Ending.TIMED_OUT:
            return f"did not end within {limits.timeout_s:g} s and was killed"
        if finished.ending is Ending.CANCELLED:
            return "was stopped because the campaign was"
        if finished.ending is Ending.LOG_LIMIT:
            return f"printed more than {limits.log_bytes / 1e6:g} MB and was stopped"
        if finished.ending is Ending.DISK_LIMIT:
            return f"wrote more than {limits.disk_bytes / 1e6:g} MB and was stopped"
        if finished.returncode != 0:
            stdout, stderr = _tail(finished.stdout), _tail(finished.stderr)
            complaint = self._complaint(stdout, stderr)
            said = _said(stdout, stderr) if complaint is None else f": {complaint}"
            return finished.how() + said
        return None

    def _ask_version(self, program: str, arguments: Sequence[str]) -> str:
        """What the program prints when asked for its version (stdout, then stderr).

        Raises:
            SimulatorError: it cannot be started or does not end.
        """
        with run_directory(f"{self.name}-version") as directory:
            try:
                finished = run_process(
                    [program, *arguments],
                    directory=directory,
                    limits=Limits(_VERSION_TIMEOUT_S, log_bytes=1_000_000, disk_bytes=10_000_000),
                )
            except OSError as error:
                raise SimulatorError(
                    f"{self.title} at {program} cannot be started: {error.strerror}"
                ) from None
            if finished.ending is not Ending.EXITED:
                raise SimulatorError(
                    f"{self.title} at {program} gave no version: it {finished.ending.value} "
                    f"when run with {' '.join(arguments)}"
                )
            return _tail(finished.stdout) + "\n" + _tail(finished.stderr)


def around(lines: Sequence[str], at: int) -> str:
    """A line of a program's output and the two that follow it, on one line, for a message."""
    return " / ".join(part for part in lines[at : at + 3] if part)[:300]


def _disk_is_full(directory: Path) -> bool:
    """Whether what a run wrote may have been cut off for lack of room: few programs say so."""
    try:
        return shutil.disk_usage(directory).free < _FULL_BYTES
    except OSError:
        return False


def _tail(path: Path) -> str:
    with path.open("rb") as source:
        source.seek(max(0, path.stat().st_size - _SHOWN_BYTES))
        return source.read().decode("utf-8", "replace")


def _said(stdout: str, stderr: str) -> str:
    """The last words of a failed program, on one line, for the end of a message."""
    for stream, text in (("stderr", stderr), ("stdout", stdout)):
        lines = [line.strip() for line in text[-_SHOWN_BYTES:].splitlines() if line.strip()]
        if lines:
            return f" ({stream} ends: {' / '.join(lines[-3:])[-300:]})"
    return ""
