"""The embedded engine behind the simulators' protocol."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import TYPE_CHECKING

from netlist_gen.deck.lines import logical_lines, split_deck
from netlist_gen.errors import NetlistGenError, SimulatorError
from netlist_gen.version import __version__
from verification.simulators.base import DeckJob, Outcome, OutcomeKind
from verification.waves.pulses import PulseTrain, most_pulses
from verification.waves.readings import Readout, SampledReadings

if TYPE_CHECKING:
    from verification.engine.cuda.target import Target
    from verification.engine.run import Extract, LaneResult
    from verification.engine.text.sources import SourceWave

_LANES = 64
"""Jobs of one circuit that run together: enough to fill tiles, few enough to see progress."""
_GPU_LANES = 4096
"""The same on a GPU, where readings alone are kept of each."""


class EmbeddedSimulator:
    """Runs JoSIM decks in this process, with JoSIM's discrete equations."""

    name = "embedded"
    dialect = "josim"

    def __init__(self, device: str = "cpu") -> None:
        """Run on ``cpu``, or lanes on ``cuda``, one of NVIDIA's GPUs.

        Raises:
            ConfigurationError: there is no such device, or no GPU that can be used.
        """
        self._cancelled = threading.Event()
        self._device: str | Target = device
        if device != "cpu":
            from verification.engine.cuda.devices import target_of

            self._device = target_of(device) or device

    def cancel(self) -> None:
        """Stop all runs that are under way, in any thread."""
        self._cancelled.set()

    def available(self) -> bool:
        """Always: it is part of the package."""
        return True

    def version(self) -> str:
        """The package's version."""
        return __version__

    def run(self, job: DeckJob, *, timeout_s: float) -> Outcome:
        """Run one deck. A deck that can't be read or solved is an outcome."""
        return next(iter(_run_group([job], timeout_s, threading.Event(), "cpu")))

    def run_many(
        self, jobs: Sequence[DeckJob], *, workers: int, timeout_s: float
    ) -> Iterator[Outcome]:
        """Run all jobs; those that differ in their sources alone run as lanes of one circuit."""
        groups = list(_groups(jobs, _LANES if self._device == "cpu" else _GPU_LANES))
        stop = self._cancelled = threading.Event() if self._cancelled.is_set() else self._cancelled
        if workers <= 1 or len(groups) <= 1:
            for group in groups:
                yield from _run_group(group, timeout_s, stop, self._of(group))
            return
        # Threads do: the compiled time loop does not hold the interpreter's lock.
        with ThreadPoolExecutor(workers) as pool:
            for outcomes in pool.map(
                lambda group: list(_run_group(group, timeout_s, stop, self._of(group))), groups
            ):
                yield from outcomes

    def _of(self, group: Sequence[DeckJob]) -> str | Target:
        """Where a group runs: one deck alone is no lanes, and a processor's core is faster."""
        return self._device if len(group) > 1 else "cpu"


def _circuit_key(text: str) -> tuple[str, str]:
    """The deck without the waves of its sources: equal keys are one circuit."""
    inner, outer = split_deck(text)
    return _key_of_inner(inner), _without_waves(outer)


@lru_cache(maxsize=2)
def _key_of_inner(text: str) -> str:
    return _without_waves(text)


def _without_waves(text: str) -> str:
    kept = []
    for _, line in logical_lines(enumerate(text.upper().split("\n")), comments="*#"):
        # A source's name and nodes may be on several lines.
        kept.append(" ".join(line.split(None, 3)[:3]) if line[0] in "IVP" else line)
    return "\n".join(kept)


def _groups(jobs: Sequence[DeckJob], most: int) -> Iterator[list[DeckJob]]:
    """Jobs that are lanes of one circuit, at most so many; ``_LANES`` where waveforms are kept."""
    by_circuit: dict[object, list[DeckJob]] = {}
    for job in jobs:
        readout = None if job.readout is None else (job.readout.outputs, job.readout.at_s.tobytes())
        by_circuit.setdefault((_circuit_key(job.text), readout), []).append(job)
    for group in by_circuit.values():
        size = _LANES if group[0].readout is None else most
        for start in range(0, len(group), size):
            yield group[start : start + size]


def _run_group(
    jobs: list[DeckJob], timeout_s: float, stop: threading.Event, device: str | Target
) -> Iterator[Outcome]:
    """Run jobs of one circuit together; if that fails, each by itself to find whose fault it is."""
    from verification.engine.ready import make_ready
    from verification.engine.run import compile_deck

    make_ready(len(jobs) if device == "cpu" else 1)  # shared factors are made here
    start = time.perf_counter()
    deadline = _Deadline(timeout_s * len(jobs), stop)
    try:
        compiled = compile_deck(jobs[0].text, name=jobs[0].name, deadline=deadline.passed)
        stimuli: list[dict[str, SourceWave]] = [{}]
        stimuli += [source_waves(jobs[0].text, job) for job in jobs[1:]]
        # Lanes step together, so they end together: runs of other lengths have groups of their own.
        results = compiled.run_lanes(
            stimuli,
            extract=extract_of(jobs[0].readout, compiled.transient.stop),
            deadline=deadline.passed,
            device=device,
        )
    except NetlistGenError as error:
        if len(jobs) > 1 and not stop.is_set():
            for job in jobs:
                yield from _run_group([job], timeout_s, stop, device)
            return
        kind = OutcomeKind.UNUSABLE if isinstance(error, SimulatorError) else OutcomeKind.CRASHED
        if deadline.passed():
            kind = OutcomeKind.TIMED_OUT
        for job in jobs:
            yield Outcome(job, kind, time.perf_counter() - start, message=str(error))
        return
    wall_s = (time.perf_counter() - start) / len(jobs)
    for job, result in zip(jobs, results, strict=True):
        if job.readout is None:
            yield Outcome(job, OutcomeKind.OK, wall_s, result.waveforms)
        else:
            sampled = sampled_readings(job.readout, result)
            yield Outcome(job, OutcomeKind.OK, wall_s, sampled=sampled)


def extract_of(readout: Readout | None, stop_s: float) -> Extract | None:
    """What the engine is to take from a run of so many seconds; None for all that is printed."""
    from verification.engine.run import Extract

    if readout is None:
        return None
    labels = tuple(column[2:-1] for column in readout.outputs)
    return Extract(pulses=labels, sample_s=readout.at_s, max_pulses=most_pulses(stop_s))


def sampled_readings(readout: Readout, result: LaneResult) -> SampledReadings:
    """The readings of a lane that was run with ``extract_of`` the same readout."""
    assert result.waveforms is not None
    trains = {}
    for column in readout.outputs:
        pulses = result.pulses[column[2:-1]]
        net = float(pulses.sign.astype(int).sum())
        trains[column] = PulseTrain(pulses.time_s, pulses.sign, 0.0, net)
    return SampledReadings(readout.at_s, result.waveforms, trains)


def source_waves(circuit: str, job: DeckJob) -> dict[str, SourceWave]:
    """Waves of the sources of ``job``, a deck that differs from ``circuit`` in waves alone.

    Where the subcircuits are the same text, only the sources outside them are read.

    Raises:
        DeckError: a source that can't be read.
    """
    from verification.engine.text.flatten import flatten
    from verification.engine.text.reader import read_deck

    text = job.text
    inner, outer = split_deck(text)
    if inner == split_deck(circuit)[0]:
        text = "\n".join(_sources(outer))
    flat = flatten(read_deck(text, name=job.name))
    sources = flat.where(lambda card: card.wave is not None)
    return {e.label: e.wave for e in map(flat.element, sources.tolist()) if e.wave is not None}


def _sources(text: str) -> Iterator[str]:
    """Lines of sources and of ``.tran``."""
    kept = False
    for line in text.split("\n"):
        stripped = line.strip()
        if not stripped or stripped[0] in "*#":
            continue
        if not stripped.startswith("+"):
            kept = stripped[0] in "IVPivp" or stripped[:5].lower() == ".tran"
        if kept:
            yield line


class _Deadline:
    """A moment after which a run is given up, or an event that ends it sooner."""

    def __init__(self, seconds: float, stop: threading.Event) -> None:
        self._stop = stop
        self._end = time.perf_counter() + seconds

    def passed(self) -> bool:
        """Whether the moment has come."""
        return self._stop.is_set() or time.perf_counter() > self._end
