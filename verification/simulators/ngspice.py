"""ngspice: through PySpice's shared library where that is there, else as a subprocess."""

from __future__ import annotations

import importlib.util
import re
import sys
from pathlib import Path
from typing import Literal

from netlist_gen.errors import SimulatorError
from verification.simulators import ngspice_shared
from verification.simulators.base import DeckJob
from verification.simulators.deck_programs import asked_of
from verification.simulators.process import Limits
from verification.simulators.saved_signals import Saved, read_output
from verification.simulators.subprocess_simulator import SubprocessSimulator, around
from verification.waves.waveforms import Waveforms

Backend = Literal["auto", "shared", "subprocess"]

_VERSION = re.compile(r"ngspice-(\d+(?:\.\d+)*)")
_COMPLAINT = re.compile(
    r"\b(error|fatal|aborted|singular matrix|too small|can't find|unknown|unrecognized)\b|warning",
    re.IGNORECASE,
)
# What ngspice 39 says in every run, or about itself: nothing of it changes a circuit.
_HARMLESS = re.compile(
    r"no compatibility mode selected|can't find init file|unsupported ngspice version|"
    r"can't find the initialization file spinit|note: can't find",
    re.IGNORECASE,
)


class NgspiceSimulator(SubprocessSimulator[Saved]):
    """One deck per process, through the shared library or the ``ngspice`` program.

    A junction is a subcircuit in this dialect, with a node whose voltage is its phase; decks say
    which JoSIM column each saved vector is (``saved_signals``).

    Args:
        backend: ``shared`` (PySpice), ``subprocess`` (the program), or ``auto``: the first that
            is there. Both run in a process of their own, so that a crash or a hang is theirs.
    """

    name = "ngspice"
    dialect = "ngspice"
    title = "ngspice"
    program = "ngspice"

    def __init__(
        self,
        executable: str | None = None,
        *,
        backend: Backend = "auto",
        keep_runs: Path | None = None,
        limits: Limits | None = None,
    ) -> None:
        super().__init__(executable, keep_runs=keep_runs, limits=limits)
        self._asked = backend

    @property
    def backend(self) -> Literal["shared", "subprocess"]:
        """Which of the two ways is used."""
        if self._asked != "auto":
            return self._asked
        return "shared" if _shared_available() else "subprocess"

    def path(self) -> Path | None:
        """The program, or with the shared library the Python that loads it; None if absent."""
        if self.backend == "shared":
            return Path(sys.executable) if _shared_available() else None
        return super().path()

    def _checked_version(self, program: str) -> str:
        call = _shared_call() if self.backend == "shared" else []
        answer = self._ask_version(program, [*call, "--version"])
        match = _VERSION.search(answer)
        if match is None:
            shown = " ".join(answer.split())[:120]
            raise SimulatorError(f"ngspice ({self.backend}) gives no version; it says {shown!r}")
        return match[1]

    def _prepare(self, job: DeckJob) -> Saved:
        return asked_of(job)

    def _command(self, executable: str) -> list[str]:
        if self.backend == "shared":
            return [executable, *_shared_call(), "deck.cir", "out.raw"]
        # -n: a user's own .spiceinit must not change what a deck means.
        return [executable, "-n", "-b", "-r", "out.raw", "deck.cir"]

    def _complaint(self, stdout: str, stderr: str) -> str | None:
        lines = [line.strip() for line in (*stderr.splitlines(), *stdout.splitlines())]
        for at, line in enumerate(lines):
            if _COMPLAINT.search(line) and not _HARMLESS.search(line):
                return around(lines, at)
        return None

    def _read(self, directory: Path, asked: Saved) -> Waveforms:
        return read_output(directory / "out.raw", asked)

    def _executable_path(self) -> str:
        if self.backend == "shared" and not _shared_available():
            raise SimulatorError(
                "ngspice's shared library is not there: it takes `pip install PySpice` and "
                f"libngspice, found by the linker or named by {ngspice_shared.LIBRARY_VARIABLE}"
            )
        return super()._executable_path()


def _shared_available() -> bool:
    return importlib.util.find_spec("PySpice") is not None and bool(ngspice_shared.library())


def _shared_call() -> list[str]:
    # -P keeps this folder's modules from hiding the standard library's.
    return ["-P", str(Path(ngspice_shared.__file__).resolve())]
