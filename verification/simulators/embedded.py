"""The embedded engine behind the simulators' protocol."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import PackageNotFoundError, version

from netlist_gen.errors import NetlistGenError, SimulatorError
from verification.simulators.base import DeckJob, Outcome, OutcomeKind

_LANES = 64
"""Jobs of one circuit that run together: enough to fill tiles, few enough to see progress."""


class EmbeddedSimulator:
    """Runs JoSIM decks in this process, with JoSIM's discrete equations."""

    name = "embedded"
    dialect = "josim"

    def available(self) -> bool:
        """Always: it is part of the package."""
        return True

    def version(self) -> str:
        """The package's version."""
        try:
            return version("netlist-gen")
        except PackageNotFoundError:
            return "0+unknown"

    def run(self, job: DeckJob, *, timeout_s: float) -> Outcome:
        """Run one deck. A deck that can't be read or solved is an outcome."""
        return next(iter(_run_group([job], timeout_s)))

    def run_many(
        self, jobs: Sequence[DeckJob], *, workers: int, timeout_s: float
    ) -> Iterator[Outcome]:
        """Run all jobs; those that differ in their sources alone run as lanes of one circuit."""
        groups = list(_groups(jobs))
        if workers <= 1 or len(groups) <= 1:
            for group in groups:
                yield from _run_group(group, timeout_s)
            return
        # Threads do: the compiled time loop does not hold the interpreter's lock.
        with ThreadPoolExecutor(workers) as pool:
            for outcomes in pool.map(lambda group: list(_run_group(group, timeout_s)), groups):
                yield from outcomes


def _circuit_key(text: str) -> str:
    """The deck without the waves of its sources: equal keys are one circuit."""
    kept = []
    in_source = False
    for line in text.upper().split("\n"):
        stripped = line.strip()
        if stripped.startswith("+"):
            if not in_source:
                kept.append(stripped)
            continue
        if not stripped or stripped[0] in "*#":
            continue
        in_source = stripped[0] in "IVP"
        kept.append(" ".join(stripped.split()[:3]) if in_source else stripped)
    return "\n".join(kept)


def _groups(jobs: Sequence[DeckJob]) -> Iterator[list[DeckJob]]:
    by_circuit: dict[str, list[DeckJob]] = {}
    for job in jobs:
        by_circuit.setdefault(_circuit_key(job.text), []).append(job)
    for group in by_circuit.values():
        for start in range(0, len(group), _LANES):
            yield group[start : start + _LANES]


def _run_group(jobs: list[DeckJob], timeout_s: float) -> Iterator[Outcome]:
    """Run jobs of one circuit together; if that fails, each by itself to find whose fault it is."""
    from verification.engine.flatten import flatten
    from verification.engine.reader import read_deck
    from verification.engine.run import compile_deck
    from verification.engine.sources import SourceWave

    start = time.perf_counter()
    deadline = _Deadline(timeout_s * len(jobs))
    try:
        compiled = compile_deck(jobs[0].text, name=jobs[0].name)
        stimuli: list[dict[str, SourceWave]] = [{}]
        for job in jobs[1:]:
            flat = flatten(read_deck(job.text, name=job.name))
            stimuli.append({e.label: e.wave for e in flat.elements if e.wave is not None})
        results = compiled.run_lanes(stimuli, deadline=deadline.passed)
    except NetlistGenError as error:
        if len(jobs) > 1:
            for job in jobs:
                yield from _run_group([job], timeout_s)
            return
        kind = OutcomeKind.UNUSABLE if isinstance(error, SimulatorError) else OutcomeKind.CRASHED
        if deadline.passed():
            kind = OutcomeKind.TIMED_OUT
        yield Outcome(jobs[0], kind, time.perf_counter() - start, message=str(error))
        return
    wall_s = (time.perf_counter() - start) / len(jobs)
    for job, result in zip(jobs, results, strict=True):
        yield Outcome(job, OutcomeKind.OK, wall_s, result.waveforms)


class _Deadline:
    """A moment after which a run is given up."""

    def __init__(self, seconds: float) -> None:
        self._end = time.perf_counter() + seconds

    def passed(self) -> bool:
        """Whether the moment has come."""
        return time.perf_counter() > self._end
