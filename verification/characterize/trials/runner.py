"""Running trials: lanes of the embedded engine, or processes of any other simulator.

Trials of a bench go out in chunks to an executor (threads here, Dask workers on a cluster). Each
chunk is a row of the ledger under the hash of deck, simulator, version and trials, so that a
broken run goes on where it broke. The same trials give the same chunks whatever the executor.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np

from netlist_gen.circuit.model import pulse_corners
from netlist_gen.errors import NetlistGenError, SimulatorError
from verification.campaign.ledger import Ledger, content_key
from verification.characterize.subject.bench import Bench
from verification.characterize.subject.stimulus import REST_S
from verification.characterize.subject.subject import Level
from verification.characterize.trials.trial import Failure, Outcome, Response, Trial
from verification.engine.run import CompiledDeck, Extract, LaneResult, compile_deck
from verification.engine.text.sources import SourceWave
from verification.simulators.base import DeckJob
from verification.simulators.registry import get_simulator
from verification.waves.pulses import detect_phase, most_pulses

LANES = 64
"""Trials in one chunk of the embedded engine: eight tiles of eight lanes."""

PROCESSES = 8
"""Trials in one chunk of a simulator that is a program."""


@dataclass
class Runner:
    """Runs trials of benches on one simulator.

    Attributes:
        simulator: embedded, josim, wrspice or ngspice.
        workers: chunks at a time where no executor is given.
        executor: where chunks are run; None makes threads.
        ledger: where results are kept, or None.
        timeout_s: seconds one simulation may take.
        tick: called with the number of trials just done.
    """

    simulator: str = "embedded"
    workers: int = 2
    executor: Executor | None = None
    ledger: Ledger | None = None
    timeout_s: float = 120.0
    tick: Callable[[int], None] | None = None
    trials_run: int = field(default=0, init=False)
    trials_stored: int = field(default=0, init=False)
    _pool: ThreadPoolExecutor | None = field(default=None, init=False, repr=False)

    def version(self) -> str:
        """The simulator's version. Raises SimulatorError where it is not here."""
        return get_simulator(self.simulator).version()

    def run(
        self,
        bench: Bench,
        trials: Sequence[Trial],
        watch: tuple[str, ...],
        *,
        energy: bool = False,
    ) -> list[Outcome]:
        """Run trials of one bench; outcomes in their order.

        Args:
            bench: what is run.
            trials: its values, pulses and seeds.
            watch: labels of the junctions whose pulses are taken.
            energy: also the work of all bias sources (embedded engine; others from the pulses).
        """
        deck = bench.deck("bench", watch)
        version = self.version()
        size = LANES if self.simulator == "embedded" else PROCESSES
        tasks = [
            self._task(bench, deck.text, trials[i : i + size], watch, energy)
            for i in range(0, len(trials), size)
        ]
        keys = [task.key(version) for task in tasks]
        done: list[list[Outcome] | Future[list[Outcome]]] = []
        executor = self._executor()
        for task, key in zip(tasks, keys, strict=True):
            stored = self.ledger.get(key) if self.ledger else None
            if stored is not None:
                self.trials_stored += len(task.trials)
                done.append([_from_json(item, watch) for item in stored["outcomes"]])
            else:
                done.append(executor.submit(run_chunk, task))
        outcomes: list[Outcome] = []
        for key, item in zip(keys, done, strict=True):
            if isinstance(item, list):
                chunk = item
            else:
                chunk = item.result()
                self.trials_run += len(chunk)
                # A failure may be the machine's fault, so a chunk with one is run again.
                if self.ledger and not any(isinstance(o, Failure) for o in chunk):
                    rows = [o.to_json(watch) for o in chunk if isinstance(o, Response)]
                    self.ledger.put(key, bench.subject.name, {"outcomes": rows})
            if self.tick:
                self.tick(len(chunk))
            outcomes += chunk
        return outcomes

    def _task(
        self,
        bench: Bench,
        text: str,
        trials: Sequence[Trial],
        watch: tuple[str, ...],
        energy: bool,
    ) -> ChunkTask:
        jobs: list[DeckJob] = []
        columns: tuple[str, ...] = ()
        if self.simulator != "embedded":
            dialect = get_simulator(self.simulator).dialect
            for i, t in enumerate(trials):
                seed = t.seed if bench.analysis.temperature_K else None
                deck = bench.deck(f"trial{i}", watch, dict(t.values), dict(t.pulses), dialect, seed)
                jobs.append(DeckJob(deck.name, deck.text))
                columns = tuple(probe.column for probe in deck.probes)
        return ChunkTask(
            name=bench.subject.name,
            text=text,
            trials=tuple(trials),
            watch=watch,
            biases=bench.biases if energy else (),
            stop_s=bench.analysis.stop_s,
            simulator=self.simulator,
            timeout_s=self.timeout_s,
            jobs=tuple(jobs),
            columns=columns,
            levels=tuple(bench.subject.levels.items()),
        )

    def _executor(self) -> Executor:
        if self.executor is not None:
            return self.executor
        if self._pool is None:
            self._pool = ThreadPoolExecutor(max(1, self.workers))
        return self._pool

    def close(self) -> None:
        """End the threads made here; chunks that have not begun are dropped."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
            self._pool = None


def _from_json(data: list[Any], watch: tuple[str, ...]) -> Outcome:
    return Response.from_json(data, watch)


@dataclass(frozen=True)
class ChunkTask:
    """Some trials of one bench, to be run anywhere: plain values that can be pickled.

    Attributes:
        name: of the cell. text: the bench's deck.
        trials: what differs from it. watch: labels of junctions.
        biases: sources whose work is taken, none where energy is not asked for.
        stop_s: end of the run.
        simulator, timeout_s: as the runner's.
        jobs: for simulators that are programs, each trial's own deck.
        columns: the signals that stand for ``watch`` in their output.
        levels: of the inputs that are driven by a current.
    """

    name: str
    text: str
    trials: tuple[Trial, ...]
    watch: tuple[str, ...]
    biases: tuple[str, ...]
    stop_s: float
    simulator: str
    timeout_s: float
    jobs: tuple[DeckJob, ...] = ()
    columns: tuple[str, ...] = ()
    levels: tuple[tuple[str, Level], ...] = ()

    def key(self, version: str) -> str:
        """The ledger's key."""
        options = {
            "trials": [t.as_json() for t in self.trials],
            "energy": bool(self.biases),
            "rest_s": REST_S,
        }
        if self.levels:  # the deck's text has them without their times
            options["levels"] = [[port, *dataclasses.astuple(level)] for port, level in self.levels]
        return content_key(self.text, self.simulator, version, options)


def run_chunk(task: ChunkTask) -> list[Outcome]:
    """Run a chunk; a failing trial is an outcome of its own."""
    if task.simulator == "embedded":
        return _engine_chunk(task)
    return _process_chunk(task)


@lru_cache(maxsize=32)
def compiled_deck(text: str, name: str) -> CompiledDeck:
    """The compiled deck of a text, kept."""
    compiled = compile_deck(text, name=name)
    _ = compiled.structure
    return compiled


@lru_cache(maxsize=65536)
def pulse_wave(times_s: tuple[float, ...]) -> SourceWave:
    """The wave that ``emit`` writes for pulses at these times (shared between lanes)."""
    return _pwl(corner for t in times_s for corner in pulse_corners(t))


def level_wave(port: str, level: Level, times_s: tuple[float, ...]) -> SourceWave:
    """The wave that ``emit`` writes for a level that goes up at these times."""
    return _pwl(level.source(port, "", times_s).points())


def _pwl(corners: Iterable[tuple[float, float]]) -> SourceWave:
    """A wave through (time, value) corners, after the zero at the beginning."""
    points = np.array([(0.0, 0.0), *corners])
    return SourceWave.pwl(points[:, 0], points[:, 1])


def _engine_chunk(task: ChunkTask) -> list[Outcome]:
    extract = Extract(
        waveforms=False,
        pulses=task.watch,
        rest_s=REST_S,
        energy=bool(task.biases),
        max_pulses=most_pulses(task.stop_s),
    )
    compiled = compiled_deck(task.text, task.name)
    return _lanes(compiled, task, list(task.trials), extract)


def _lanes(
    compiled: CompiledDeck, task: ChunkTask, trials: list[Trial], extract: Extract
) -> list[Outcome]:
    stimuli = [{f"V{p}": pulse_wave(times) for p, times in t.pulses} for t in trials]
    levels = dict(task.levels)
    for waves, t in zip(stimuli, trials, strict=True):
        waves |= {f"I{p}": level_wave(p, levels[p], at) for p, at in t.pulses if p in levels}
    seeds = [t.seed for t in trials]
    try:
        if any(t.values for t in trials):
            results = compiled.run_parameter_lanes(
                [dict(t.values) for t in trials], stimuli=stimuli, seeds=seeds, extract=extract
            )
        else:
            results = compiled.run_lanes(stimuli, seeds=seeds, extract=extract)
    except NetlistGenError as error:
        if len(trials) == 1:
            return [Failure(str(error))]
        half = len(trials) // 2
        return [
            *_lanes(compiled, task, trials[:half], extract),
            *_lanes(compiled, task, trials[half:], extract),
        ]
    return [_response(r, task.biases) for r in results]


def _response(result: LaneResult, biases: tuple[str, ...]) -> Response:
    return Response(
        {label: p.time_s for label, p in result.pulses.items()},
        {label: p.sign for label, p in result.pulses.items()},
        {label: e for label, e in result.bias_energy_J.items() if label in biases},
    )


def _process_chunk(task: ChunkTask) -> list[Outcome]:
    simulator = get_simulator(task.simulator)
    if not simulator.available():
        raise SimulatorError(
            f"the simulator {task.simulator} is not here; netlist-gen doctor says how to get it"
        )
    outcomes: dict[str, Outcome] = {}
    for outcome in simulator.run_many(list(task.jobs), workers=1, timeout_s=task.timeout_s):
        if outcome.waveforms is None:
            outcomes[outcome.job.name] = Failure(outcome.message)
            continue
        waves = outcome.waveforms
        times, signs = {}, {}
        for label, column in zip(task.watch, task.columns, strict=True):
            train = detect_phase(waves.time_s, waves.signal(column), rest_at_s=REST_S)
            kept = train.times_s >= REST_S  # what moved while the bias ramped up is no pulse
            times[label], signs[label] = train.times_s[kept], train.signs[kept]
        outcomes[outcome.job.name] = Response(times, signs)
    return [outcomes[job.name] for job in task.jobs]
