"""What every simulator offers: the job it takes, the outcome it returns, the protocol."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from netlist_gen.errors import SimulatorError
from verification.waves.readings import Readings, Readout, WaveformReadings
from verification.waves.waveforms import Waveforms


@dataclass(frozen=True)
class DeckJob:
    """One deck to run: ``name`` identifies it in messages and directories ([A-Za-z0-9_.-]).

    With a ``readout`` a simulator that can takes those readings while it runs, and keeps no
    waveforms; without, or from one that can't, waveforms are returned.

    Attributes:
        name: see above.
        text: the deck.
        readout: what to read of it while it runs.
        own: whether it is a user's deck in its simulator's own words, to be read as the simulator
            reads it; others are to mean the same circuit as JoSIM's deck.
        trusted: whether it may run commands and programs.
    """

    name: str
    text: str
    readout: Readout | None = None
    own: bool = False
    trusted: bool = False


class OutcomeKind(Enum):
    """How a run ended."""

    OK = "ok"
    TIMED_OUT = "timed out"
    CRASHED = "crashed"
    UNUSABLE = "unusable output"


@dataclass(frozen=True)
class Outcome:
    """The result of one run: what was read if ``kind`` is OK, else a sentence in ``message``."""

    job: DeckJob
    kind: OutcomeKind
    wall_s: float
    waveforms: Waveforms | None = None
    message: str = ""
    sampled: Readings | None = None

    @property
    def readings(self) -> Readings | None:
        """Those taken while it ran, or of its waveforms; None for a failed run."""
        if self.kind is not OutcomeKind.OK or self.waveforms is None:
            return self.sampled
        return WaveformReadings(self.waveforms)

    def require(self) -> Waveforms:
        """The waveforms, or SimulatorError with the message of the failure."""
        if self.kind is not OutcomeKind.OK or self.waveforms is None:
            raise SimulatorError(self.message)
        return self.waveforms


class Simulator(Protocol):
    """A transient simulator of Josephson decks."""

    name: str
    dialect: str

    def available(self) -> bool:
        """Whether it can run here, now."""
        ...

    def version(self) -> str:
        """Its version as it reports it. Raises SimulatorError where it is not available."""
        ...

    def run(self, job: DeckJob, *, timeout_s: float) -> Outcome:
        """Run one deck; a failure is an outcome, not an exception."""
        ...

    def run_many(
        self, jobs: Sequence[DeckJob], *, workers: int, timeout_s: float
    ) -> Iterator[Outcome]:
        """Run all jobs, ``workers`` at a time; yields outcomes as they come, in any order."""
        ...

    def cancel(self) -> None:
        """Stop all runs of ``run_many`` that are under way, in any thread."""
        ...
