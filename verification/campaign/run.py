"""Running tasks, here or on a cluster, and gathering what they give.

Tasks are taken from the plan as workers become free, so that a campaign's memory does not grow
with its length. A finished task is in the ledger before the next is handed out.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from verification.campaign.ledger import Ledger
from verification.campaign.plan import NeuronTask, Run, Setup, Task
from verification.campaign.work import (
    Done,
    Row,
    build,
    keys_of,
    read_verdict,
    run_built,
    run_remote,
)
from verification.simulators.base import Simulator
from verification.verdict.neuron import NeuronVerdict

Progress = Callable[[int, int], None]
"""Called with (decks done, decks in all)."""

WHOLE_NETWORK = (-1, -1)
"""The place of a case that is no single neuron."""


@dataclass(frozen=True, eq=False)
class CaseResult:
    """What became of a deck: verdicts, or the sentence that says why there are none.

    Attributes:
        scope: "neurons" or "network".
        name: of the deck.
        place: (layer, neuron) of the neuron, or ``WHOLE_NETWORK``.
        first, windows: the run of windows.
        verdicts: of each neuron in the deck; none for a failed run.
        energies_J, reference_J: measured and expected, shape (parts,): of each window of a
            neuron, or of a network as a whole; empty for a failed run.
        lines_wrong: windows of class lines that disagree; lines_first: the first in words;
            lines_window: and its window in the deck.
        failure: why there is no verdict.
        wall_s: of the simulation.
        from_ledger: whether it was known from an earlier run.
        deck: the deck's text where something is wrong.
    """

    scope: str
    name: str
    place: tuple[int, int]
    first: int
    windows: int
    verdicts: tuple[NeuronVerdict, ...]
    energies_J: NDArray[np.float64]
    reference_J: NDArray[np.float64]
    lines_wrong: int = 0
    lines_first: str | None = None
    lines_window: int = 0
    failure: str = ""
    wall_s: float = 0.0
    from_ledger: bool = False
    deck: str | None = None

    @property
    def energy_J(self) -> float:
        """Energy measured over all windows; 0 for a run that failed."""
        return float(self.energies_J.sum())

    @property
    def failed(self) -> bool:
        """Whether there is no verdict."""
        return not self.verdicts

    @property
    def mismatches(self) -> int:
        """Neuron windows that disagree."""
        return sum(v.mismatches for v in self.verdicts)

    @property
    def checked(self) -> int:
        """Neuron windows compared."""
        return sum(v.windows for v in self.verdicts)


@dataclass(frozen=True)
class RunOptions:
    """How to run.

    Attributes:
        workers: tasks at a time.
        ledger: where results are kept, or None.
        cluster: an executor of other processes; None runs in threads here.
    """

    workers: int = 2
    ledger: Ledger | None = None
    cluster: Executor | None = None


def run_tasks(
    tasks: Iterable[Task],
    total: int,
    setup: Setup,
    simulator: Simulator,
    options: RunOptions,
    progress: Progress | None = None,
) -> Iterator[CaseResult]:
    """Run tasks and judge their decks; results come as they are ready, in any order.

    A task whose decks are all in the ledger is not run again. Closing the iterator stops what
    runs here.

    Args:
        tasks: from the plan.
        total: decks in all of them, for the progress.
        setup: what they share.
        simulator: which runs the decks.
        options: see there.
        progress: see ``Progress``.

    Raises:
        NetworkError, DeckError, ConfigurationError: what can't be built.
        SimulatorError: the simulator is not there.
    """
    done = 0
    for task, finished in _finished(tasks, setup, simulator, options):
        if options.ledger and not finished.from_ledger:
            options.ledger.put_all(
                [
                    (key, row["name"], row)
                    for key, row in zip(finished.keys, finished.rows, strict=True)
                    if not row["failure"]
                ]
            )
        for run, row in zip(task.runs, finished.rows, strict=True):
            done += 1
            if progress:
                progress(done, total)
            yield _result(task, run, row, finished.from_ledger)


def _finished(
    tasks: Iterable[Task], setup: Setup, simulator: Simulator, options: RunOptions
) -> Iterator[tuple[Task, Done]]:
    """Tasks with what became of them; at most twice the workers are under way at a time."""
    version = simulator.version()
    ledger = options.ledger
    # What an empty ledger holds need not be looked up.
    known = ledger if ledger is not None and not ledger.empty() else None

    def look_up(task: Task) -> Done | None:
        if known is None:
            return None
        keys = keys_of(build(task, setup, simulator), simulator, version)
        stored = known.get_all(keys)
        return None if stored is None else Done(keys, tuple(stored), from_ledger=True)

    def here(task: Task) -> Done:
        cases = build(task, setup, simulator)
        keys = keys_of(cases, simulator, version)
        stored = known.get_all(keys) if known else None
        if stored is not None:
            return Done(keys, tuple(stored), from_ledger=True)
        return Done(keys, run_built(cases, setup, simulator))

    pool = options.cluster or ThreadPoolExecutor(options.workers, thread_name_prefix="campaign")
    most = 2 * options.workers if options.cluster else options.workers + 1
    running: dict[Future[Done], Task] = {}
    waiting = iter(tasks)
    exhausted = False
    try:
        while running or not exhausted:
            while not exhausted and len(running) < most:
                task = next(waiting, None)
                if task is None:
                    exhausted = True
                elif options.cluster is None:
                    running[pool.submit(here, task)] = task
                elif (found := look_up(task)) is not None:
                    yield task, found
                else:
                    submitted = pool.submit(run_remote, task, setup, simulator.name, version)
                    running[submitted] = task
            if running:
                ready, _ = wait(running, return_when=FIRST_COMPLETED)
                # In the order of the tasks, so that the first error is named, not a later one.
                for future in [f for f in running if f in ready]:
                    yield running.pop(future), future.result()
    finally:
        for future in running:
            future.cancel()
        if options.cluster is None:
            if running:
                simulator.cancel()
            pool.shutdown(wait=True, cancel_futures=True)


def _result(task: Task, run: Run, row: Row, from_ledger: bool) -> CaseResult:
    place = (task.site.layer, task.site.neuron) if isinstance(task, NeuronTask) else WHOLE_NETWORK
    return CaseResult(
        task.scope,
        run.name,
        place,
        run.first,
        int(run.stimulus.shape[0]),
        tuple(read_verdict(v) for v in row["verdicts"]),
        np.asarray(row["energies_J"], dtype=np.float64),
        np.asarray(row["reference_J"], dtype=np.float64),
        row["lines_wrong"],
        row["lines_first"],
        row.get("lines_window", 0),  # not in ledgers of before
        row["failure"],
        row["wall_s"],
        from_ledger,
        row["deck"],
    )


@dataclass(frozen=True, eq=False)
class Measured:
    """All results of a scope, laid out by layer and window.

    Attributes:
        spikes: for each layer int8 (windows, neurons): pulses measured; -1 where not measured.
        delays_s: for each layer (windows, neurons): decision clock to pulse, NaN without one.
        results: one for each deck.
        wall_s: time from first to last.
    """

    spikes: list[NDArray[np.int8]]
    delays_s: list[NDArray[np.float64]]
    results: list[CaseResult]
    wall_s: float


def collect(
    results: Iterable[CaseResult], widths: list[int], windows: int, silent: set[tuple[int, int]]
) -> Measured:
    """Gather results into arrays.

    Args:
        results: from ``run_tasks``.
        widths: neurons in each layer. windows: windows of the run.
        silent: (layer, neuron) without a circuit: they give no pulse.
    """
    begin = time.perf_counter()
    spikes = [np.full((windows, width), -1, dtype=np.int8) for width in widths]
    delays = [np.full((windows, width), np.nan) for width in widths]
    for layer, neuron in silent:
        spikes[layer][:, neuron] = 0
    gathered = []
    for result in results:
        gathered.append(result)
        rows = slice(result.first, result.first + result.windows)
        for verdict in result.verdicts:
            spikes[verdict.layer][rows, verdict.neuron] = np.clip(verdict.pulses, 0, 127)
            delays[verdict.layer][rows, verdict.neuron] = verdict.delays_s
    gathered.sort(key=lambda r: (r.place, r.first))
    return Measured(spikes, delays, gathered, time.perf_counter() - begin)
