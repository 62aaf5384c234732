"""Running trials: lanes of the embedded engine, or processes of any other simulator.

Trials of a bench go out in chunks to an executor (threads here, Dask workers on a cluster). Each
chunk is a row of the ledger under the hash of deck, simulator, version and trials, so that a
broken run goes on where it broke. The same trials give the same chunks whatever the executor.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np

from netlist_gen.circuit.elements import BusSource, LevelSource, pulse_corners
from netlist_gen.circuit.probe import Probe
from netlist_gen.errors import NetlistGenError, SimulatorError
from netlist_gen.parallel import Progress, bounded
from verification.campaign.ledger import Ledger, content_key
from verification.characterize.subject.bench import Bench
from verification.characterize.subject.stimulus import REST_S
from verification.characterize.trials.trial import Failure, Response, Trial, TrialResult
from verification.engine.run import CompiledDeck, Extract, compile_deck
from verification.engine.text.sources import SourceWave
from verification.simulators.base import DeckJob
from verification.simulators.registry import get_simulator
from verification.waves.pulses import detect_phase, most_pulses

LANES = 64
"""Trials in one chunk of the embedded engine: eight tiles of eight lanes."""

PROCESSES = 8
"""Trials in one chunk of a simulator that is a program."""

UNREADABLE = "not the results of these trials"
"""Why a row of the ledger is refused."""


@dataclass
class Runner:
    """Runs trials of benches on one simulator, in an executor if one is given, else in threads.

    It counts the trials that were run, and those whose results the ledger had.
    """

    simulator: str = "embedded"
    workers: int = 2
    executor: Executor | None = None
    ledger: Ledger | None = None
    timeout_s: float = 120.0
    progress: Progress | None = None
    trials_run: int = field(default=0, init=False)
    trials_stored: int = field(default=0, init=False)
    _pool: ThreadPoolExecutor | None = field(default=None, init=False, repr=False)

    def version(self) -> str:
        """The simulator's version. Raises SimulatorError where it is not here."""
        return get_simulator(self.simulator).version()

    def run(
        self, bench: Bench, trials: Sequence[Trial], watch: tuple[str, ...], *, energy: bool = False
    ) -> list[TrialResult]:
        """Run trials of one bench; results, in their order, have the pulses of watched junctions.

        With ``energy`` also the work of all bias sources (from the embedded engine alone).
        """
        embedded, version = self.simulator == "embedded", self.version()
        dialect = get_simulator(self.simulator).dialect
        whole = Chunk(
            name=bench.subject.name,
            text=bench.deck("bench", watch).text,
            watch=watch,
            biases=bench.biases if energy else (),
            stop_s=bench.analysis.stop_s,
            simulator=self.simulator,
            timeout_s=self.timeout_s,
            levels=dict(bench.subject.levels),
            buses=bench.buses,
            later_s=bench.later_s,
            process=bench.subject.process.digest(),
        )
        keys: dict[int, str] = {}
        found: dict[int, list[TrialResult]] = {}

        def unknown() -> Iterator[Chunk]:
            """Chunks that the ledger does not have."""
            size = LANES if embedded else PROCESSES
            for start in range(0, len(trials), size):
                part = tuple(trials[start : start + size])
                chunk = dataclasses.replace(whole, start=start, trials=part)
                if not embedded:
                    decks = [bench.deck(f"trial{i}", watch, t, dialect) for i, t in enumerate(part)]
                    jobs = tuple(DeckJob(deck.name, deck.text) for deck in decks)
                    chunk = dataclasses.replace(chunk, jobs=jobs)
                keys[start] = chunk.key(version)
                stored = self._stored(keys[start], chunk)
                if stored is None:
                    yield chunk
                else:
                    found[start] = stored
                    self.trials_stored += len(part)
                    self._tell()

        # Twice as many chunks as there are workers, so that none waits for the next.
        for chunk, results in bounded(self._executor(), run_chunk, unknown(), 2 * self.workers):
            found[chunk.start] = results
            self.trials_run += len(results)
            rows = [r.to_json(watch) for r in results if isinstance(r, Response)]
            # A failure may be the machine's fault, so a chunk with one is run again.
            if self.ledger and len(rows) == len(results):
                self.ledger.put(keys[chunk.start], bench.subject.name, {"outcomes": rows})
            self._tell()
        return [result for start in sorted(found) for result in found[start]]

    def _stored(self, key: str, chunk: Chunk) -> list[TrialResult] | None:
        """A chunk's results where the ledger has them; it loses those that can't be trusted."""
        row = self.ledger.get(key) if self.ledger else None
        if self.ledger is None or row is None:
            return None
        outcomes = row.get("outcomes")
        try:
            if not isinstance(outcomes, list) or len(outcomes) != len(chunk.trials):
                raise ValueError("not a result of each trial")
            return [Response.from_json(one, chunk.watch, chunk.biases) for one in outcomes]
        except ValueError:
            self.ledger.refuse([key], UNREADABLE)
            return None

    def _tell(self) -> None:
        if self.progress:
            done = self.trials_run + self.trials_stored
            self.progress("simulations", done, done)

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


@dataclass(frozen=True)
class Chunk:
    """Some trials of one bench, to be run anywhere: plain values that can be pickled.

    Attributes:
        biases: sources whose work is taken, none where energy is not asked for.
        buses: supplies of buses by label.
        later_s: by how much everything comes later in the deck than in trials and responses.
        start: number of the first trial.
        process: digest of its values.
        jobs: for simulators that are programs, each trial's own deck, which is flat.
    """

    name: str
    text: str
    watch: tuple[str, ...]
    biases: tuple[str, ...]
    stop_s: float
    simulator: str
    timeout_s: float
    levels: dict[str, LevelSource]
    process: str
    buses: dict[str, BusSource] = field(default_factory=dict)
    later_s: float = 0.0
    start: int = 0
    trials: tuple[Trial, ...] = ()
    jobs: tuple[DeckJob, ...] = ()

    def key(self, version: str) -> str:
        """The ledger's key."""
        options = {
            "trials": [[t.values, t.pulses, t.seed] for t in self.trials],
            "energy": bool(self.biases),
            "rest_s": REST_S,
            "process": self.process,
        }
        if self.later_s:
            options["later_s"] = self.later_s
        if self.levels:  # the deck's text has them without their times
            levels = self.levels.items()
            options["levels"] = [[port, x.high, x.width, x.edge] for port, x in levels]
        return content_key(self.text, self.simulator, version, options)


def run_chunk(chunk: Chunk) -> list[TrialResult]:
    """Run a chunk; a failing trial is a result of its own."""
    if chunk.simulator != "embedded":
        return _run_programs(chunk)
    compiled = compiled_deck(chunk.text, chunk.name)
    extract = Extract(
        waveforms=False,
        pulses=chunk.watch,
        rest_s=REST_S + chunk.later_s,
        energy=bool(chunk.biases),
        max_pulses=most_pulses(chunk.stop_s),
    )
    return _run_lanes(compiled, chunk, chunk.trials, extract)


@lru_cache(maxsize=32)
def compiled_deck(text: str, name: str) -> CompiledDeck:
    """The compiled deck of a text, kept."""
    compiled = compile_deck(text, name=name)
    _ = compiled.structure
    return compiled


@lru_cache(maxsize=65536)
def pulse_wave(times_s: tuple[float, ...]) -> SourceWave:
    """The wave that ``emit`` writes for pulses at these times (shared between lanes)."""
    return _wave(corner for t in times_s for corner in pulse_corners(t))


def bus_wave(source: BusSource, value: float) -> SourceWave:
    """The wave of a bus's supply at another value: the engine's lanes have those of voltages."""
    return _wave([(source.ramp_s, value)])


def _wave(corners: Iterable[tuple[float, float]]) -> SourceWave:
    """A wave through (time, value) corners, after the zero at the beginning."""
    points = np.array([(0.0, 0.0), *corners])
    return SourceWave.pwl(points[:, 0], points[:, 1])


def _stimulus(
    trial: Trial, levels: dict[str, LevelSource], later_s: float
) -> dict[str, SourceWave]:
    """The waves of a trial's sources, as ``emit`` writes them."""
    pulses = [(port, tuple(t + later_s for t in times)) for port, times in trial.pulses]
    waves = {f"V{port}": pulse_wave(times) for port, times in pulses}
    for port, times in pulses:
        if port in levels:
            level = dataclasses.replace(levels[port], times_s=times)
            waves[level.name] = _wave(level.points())
    return waves


def _run_lanes(
    compiled: CompiledDeck, chunk: Chunk, trials: Sequence[Trial], extract: Extract
) -> list[TrialResult]:
    stimuli = [_stimulus(trial, chunk.levels, chunk.later_s) for trial in trials]
    voltages = {label: bus for label, bus in chunk.buses.items() if bus.is_voltage}
    for waves, trial in zip(stimuli, trials, strict=True):
        scaled = (item for item in trial.values if item[0] in voltages)
        waves.update({label: bus_wave(voltages[label], value) for label, value in scaled})
    seeds = [trial.seed for trial in trials]
    try:
        values = [
            {label: value for label, value in trial.values if label not in voltages}
            for trial in trials
        ]
        if any(values):
            results = compiled.run_parameter_lanes(
                values, stimuli=stimuli, seeds=seeds, extract=extract
            )
        else:
            results = compiled.run_lanes(stimuli, seeds=seeds, extract=extract)
    except NetlistGenError as error:
        if len(trials) == 1:
            return [Failure(str(error))]
        half = len(trials) // 2
        halves = (trials[:half], trials[half:])
        return [r for part in halves for r in _run_lanes(compiled, chunk, part, extract)]
    return [
        Response(
            {label: pulses.time_s - chunk.later_s for label, pulses in lane.pulses.items()},
            {label: pulses.sign for label, pulses in lane.pulses.items()},
            {label: work for label, work in lane.bias_energy_J.items() if label in chunk.biases},
        )
        for lane in results
    ]


def _run_programs(chunk: Chunk) -> list[TrialResult]:
    simulator = get_simulator(chunk.simulator)
    if not simulator.available():
        raise SimulatorError(
            f"the simulator {chunk.simulator} is not here; netlist-gen doctor says how to get it"
        )
    found: dict[str, TrialResult] = {}
    for outcome in simulator.run_many(chunk.jobs, workers=1, timeout_s=chunk.timeout_s):
        if outcome.waveforms is None:
            found[outcome.job.name] = Failure(outcome.message)
            continue
        waves = outcome.waveforms
        times, signs = {}, {}
        for label in chunk.watch:
            phase = waves.signal(Probe((), label.replace("|", "__")).column)
            rest_s = REST_S + chunk.later_s
            train = detect_phase(waves.time_s, phase, rest_at_s=rest_s)
            kept = train.times_s >= rest_s  # what moved while the bias ramped up is no pulse
            times[label] = train.times_s[kept] - chunk.later_s
            signs[label] = train.signs[kept]
        found[outcome.job.name] = Response(times, signs)
    return [found[job.name] for job in chunk.jobs]
