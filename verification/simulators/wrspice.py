"""WRspice in batch mode: its exit status says nothing, so its messages and its header are read."""

from __future__ import annotations

import re
from pathlib import Path

from netlist_gen.errors import SimulatorError
from verification.simulators.base import DeckJob
from verification.simulators.deck_programs import asked_of
from verification.simulators.process import Ending, Limits, run_directory, run_process
from verification.simulators.saved_signals import Saved, read_output
from verification.simulators.subprocess_simulator import SubprocessSimulator, around
from verification.simulators.wrspice_rules import check_wrspice_deck
from verification.waves.readers.raw import read_raw
from verification.waves.waveforms import Waveforms

# WRspice 4.3.23 exits with 0 for every bad deck tried; these words on stderr are how it says no.
_COMPLAINT = re.compile(r"\b(error|fatal|warning|unrecognized)\b", re.IGNORECASE)
_ABORTED = "simulation aborted"
_VERSION = re.compile(r"version\s+(\d+(?:\.\d+)+\S*)", re.IGNORECASE)

# A deck of a resistor: what WRspice writes for it names its version.
_PROBE = """* version probe
I1 0 1 1m
R1 1 0 1
.tran 1p 10p
.save v(1)
.end
"""
_PROBE_TIMEOUT_S = 30.0


class WrspiceSimulator(SubprocessSimulator[Saved]):
    """``wrspice -n -b -r out.raw deck.cir`` in the run's own directory.

    Decks say which JoSIM column each saved vector is (``saved_signals``).
    """

    name = "wrspice"
    dialect = "wrspice"
    title = "WRspice"
    program = "wrspice"

    def _checked_version(self, program: str) -> str:
        """The version in the header of what it writes for a deck of one resistor."""
        with run_directory("wrspice-version") as directory:
            (directory / "deck.cir").write_text(_PROBE, encoding="ascii")
            try:
                finished = run_process(
                    self._command(program),
                    directory=directory,
                    limits=Limits(_PROBE_TIMEOUT_S, log_bytes=1_000_000, disk_bytes=10_000_000),
                )
            except OSError as error:
                raise SimulatorError(
                    f"WRspice at {program} cannot be started: {error.strerror}"
                ) from None
            output = directory / "out.raw"
            if finished.ending is not Ending.EXITED or not output.exists():
                raise SimulatorError(
                    f"{program} does not run a deck of one resistor as WRspice does "
                    f"({finished.ending.value}, {finished.how()}, no usable out.raw)"
                )
            producer = read_raw(output).producer
        match = _VERSION.search(producer)
        if match is None:
            raise SimulatorError(
                f"{program} writes no version in its output (Command: {producer!r})"
            )
        return match[1]

    def _prepare(self, job: DeckJob) -> Saved:
        return asked_of(job, lambda text: check_wrspice_deck(text, own=job.own))

    def _command(self, executable: str) -> list[str]:
        # -n: a user's own .wrspiceinit must not change what a deck means.
        return [executable, "-n", "-b", "-r", "out.raw", "deck.cir"]

    def _complaint(self, stdout: str, stderr: str) -> str | None:
        for line in stdout.splitlines():
            if _ABORTED in line.lower():
                return line.strip()[:300]
        lines = [line.strip() for line in stderr.splitlines()]
        for at, line in enumerate(lines):
            if _COMPLAINT.search(line):
                return around(lines, at)
        return None

    def _read(self, directory: Path, asked: Saved) -> Waveforms:
        return read_output(directory / "out.raw", asked)
