"""A program that was started, and all that it started: waiting for them, and ending them."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from verification.simulators import supervisor

WINDOWS = os.name == "nt"

_START_S = 60.0
"""How long a loaded machine may take until the program has begun."""


class Child(Protocol):
    """A running program; ``returncode`` is as ``Popen`` has it, None while it runs."""

    returncode: int | None

    def wait(self, seconds: float) -> bool:
        """Whether it ends within so many seconds; noticed at once."""
        ...

    def end(self) -> int:
        """End it and what it started, where that is not over; its return code."""
        ...


@contextmanager
def started(
    argv: Sequence[str], directory: Path, out: Path, err: Path, file_bytes: int
) -> Iterator[Child]:
    """A program in a directory, ended with all that it started when the block ends.

    Args:
        argv: the command.
        directory: its working directory.
        out: file of its standard output.
        err: file of its standard error.
        file_bytes: size of the largest file that it may write, where the system can say no.

    Raises:
        OSError: it can't be started.
    """
    environment = {**os.environ, "LC_ALL": "C"}
    kind = _WindowsChild if WINDOWS else _SupervisedChild
    child = kind(argv, directory, out, err, file_bytes, environment)
    try:
        yield child
    finally:
        child.end()


class _SupervisedChild:
    """A child of ``supervisor``, which ends all below it, also when this process dies."""

    def __init__(
        self,
        argv: Sequence[str],
        directory: Path,
        out: Path,
        err: Path,
        file_bytes: int,
        environment: dict[str, str],
    ) -> None:
        self.returncode: int | None = None
        self._pid = 0
        self._said = b""
        script = str(Path(supervisor.__file__).absolute())
        files = (str(out.absolute()), str(err.absolute()), str(file_bytes))
        self._guard = subprocess.Popen(
            [sys.executable or "python3", "-I", "-S", script, *files, *argv],
            cwd=directory,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
            process_group=0,  # Ctrl-C at a terminal comes to this process, which stops the run
        )
        try:
            letter, number = self._line(_START_S)
        except BaseException:
            self.end()
            raise
        if letter != "S":
            self.end()
            raise OSError(number, os.strerror(number) if number else "it did not start", argv[0])
        self._pid = number

    def wait(self, seconds: float) -> bool:
        if self.returncode is None:
            letter, number = self._line(seconds)
            ended = self._guard.poll() is not None
            if ended and not letter:  # it may have spoken after the last look
                letter, number = self._line(0.0)
            if letter == "X":
                self.returncode = number
            elif ended:
                self._lost()
        return self.returncode is not None

    def end(self) -> int:
        assert self._guard.stdin is not None
        assert self._guard.stdout is not None
        with contextlib.suppress(OSError):
            self._guard.stdin.close()  # which stops the run
        self.wait(supervisor.END_S + 1.0)
        self._guard.kill()
        self._guard.wait()
        self._guard.stdout.close()
        if self.returncode is None:
            self._lost()
        return self.returncode or 0

    def _lost(self) -> None:
        """The supervisor has been killed: of what it watched over only the group is known."""
        self.returncode = -signal.SIGKILL
        if self._pid:
            with contextlib.suppress(OSError):
                os.killpg(self._pid, signal.SIGKILL)

    def _line(self, seconds: float) -> tuple[str, int]:
        """The next line of the supervisor: letter and number; ("", 0) where none comes in time."""
        assert self._guard.stdout is not None
        deadline = time.monotonic() + seconds
        poller = select.poll()
        poller.register(self._guard.stdout, select.POLLIN)
        while b"\n" not in self._said:
            left = deadline - time.monotonic()
            if not poller.poll(max(0, int(left * 1000) + 1)):
                return "", 0
            data = os.read(self._guard.stdout.fileno(), 4096)
            if not data:  # the supervisor has ended
                self._guard.wait()
                return "", 0
            self._said += data
        line, _, self._said = self._said.partition(b"\n")
        letter, number = line.decode().split()
        return letter, int(number)


class _WindowsChild:
    """A child whose tree ``taskkill`` ends; what it leaves when this process dies goes on."""

    def __init__(
        self,
        argv: Sequence[str],
        directory: Path,
        out: Path,
        err: Path,
        _file_bytes: int,
        environment: dict[str, str],
    ) -> None:
        self.returncode: int | None = None
        with out.open("wb") as stdout, err.open("wb") as stderr:
            self._child = subprocess.Popen(
                list(argv),
                cwd=directory,
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=stderr,
                env=environment,
                creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
            )

    def wait(self, seconds: float) -> bool:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.returncode = self._child.wait(seconds)
        return self.returncode is not None

    def end(self) -> int:
        # taskkill ends the tree of children; the child itself may have ended already.
        subprocess.run(
            ["taskkill", "/F", "/T", "/PID", str(self._child.pid)], capture_output=True, check=False
        )
        self.returncode = self._child.wait()
        return self.returncode
