"""Running tasks, here or on a cluster.

Tasks are taken from the plan as workers become free, so that a campaign's memory does not grow
with its length. A finished task is in the ledger before the next is handed out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from functools import partial

from netlist_gen.deck.plan import Task
from netlist_gen.parallel import bounded
from verification.campaign.cases import Case
from verification.campaign.ledger import Ledger
from verification.campaign.plan import Setup
from verification.campaign.rows import UntrustedRowError, trusted_result
from verification.campaign.work import Done, build, keys_of, run_built, run_remote
from verification.simulators.base import Simulator
from verification.verdict.outcome import DeckResult


@dataclass(frozen=True)
class Workers:
    """Where tasks are done.

    Attributes:
        count: tasks at a time.
        ledger: where results are kept, or None.
        cluster: an executor of other processes; None runs in threads here.
    """

    count: int = 2
    ledger: Ledger | None = None
    cluster: Executor | None = None


def run_tasks(
    tasks: Iterable[Task],
    setup: Setup,
    simulator: Simulator,
    workers: Workers,
    progress: Callable[[int], None] | None = None,
) -> Iterator[tuple[DeckResult, bool]]:
    """Run tasks and judge their decks; results come as they are ready, in any order.

    Each comes with whether the ledger had it: a task whose decks are all there is not run again.
    Closing the iterator stops what runs here.

    Args:
        tasks: from ``deck.plan``.
        setup: what they share.
        simulator: which runs the decks.
        workers: see there.
        progress: called with the number of decks done.

    Raises:
        NetworkError, DeckError, ConfigurationError: what can't be built.
        SimulatorError: the simulator is not there.
    """
    done = 0
    for finished in _finished(tasks, setup, simulator, workers):
        if workers.ledger and not finished.from_ledger:
            kept = zip(finished.keys, finished.results, strict=True)
            workers.ledger.put_all([(k, r.name, r.to_json()) for k, r in kept if not r.failed])
        for result in finished.results:
            done += 1
            if progress:
                progress(done)
            yield result, finished.from_ledger


def _stored(ledger: Ledger, cases: list[Case], keys: tuple[str, ...]) -> Done | None:
    """A task's results where the ledger has all of them; it loses those that can't be trusted."""
    rows = ledger.get_all(keys)
    if rows is None:
        return None
    results = []
    for row, case, key in zip(rows, cases, keys, strict=True):
        try:
            results.append(trusted_result(row, case))
        except UntrustedRowError as why:
            ledger.refuse([key], str(why))
    return Done(keys, tuple(results), from_ledger=True) if len(results) == len(keys) else None


def _finished(
    tasks: Iterable[Task], setup: Setup, simulator: Simulator, workers: Workers
) -> Iterator[Done]:
    """What became of each task; at most twice the workers are under way at a time."""
    version = simulator.version()
    ledger = workers.ledger
    # What an empty ledger holds need not be looked up.
    known = ledger if ledger is not None and not ledger.empty() else None

    def stored(cases: list[Case], keys: tuple[str, ...]) -> Done | None:
        return _stored(known, cases, keys) if known else None

    def here(task: Task) -> Done:
        cases = build(task, setup, simulator)
        keys = keys_of(cases, setup, simulator, version)
        return stored(cases, keys) or Done(keys, run_built(cases, setup, simulator))

    if workers.cluster is None:
        with ThreadPoolExecutor(workers.count, thread_name_prefix="campaign") as pool:
            complete = False
            try:
                # What has not begun is dropped before what runs is stopped.
                with closing(bounded(pool, here, tasks, workers.count + 1)) as finished:
                    for _, done in finished:
                        yield done
                complete = True
            finally:
                if not complete:
                    simulator.cancel()
        return
    found: list[Done] = []

    def unknown() -> Iterator[Task]:
        """Tasks for the cluster; those that the ledger has are answered here."""
        for task in tasks:
            done = None
            if known is not None:
                cases = build(task, setup, simulator)
                done = stored(cases, keys_of(cases, setup, simulator, version))
            if done is None:
                yield task
            else:
                found.append(done)

    remote = partial(run_remote, setup=setup, name=simulator.name, version=version)
    for _, done in bounded(workers.cluster, remote, unknown(), 2 * workers.count):
        yield done
        while found:
            yield found.pop(0)
    yield from found
