"""What a worker does with a task: build its decks, run them, judge them.

Everything here can be sent to another process: tasks go in, rows of plain numbers come out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from netlist_gen.errors import WaveformError
from verification.campaign.cases import Case, CaseBuilder
from verification.campaign.ledger import content_key
from verification.campaign.plan import Setup, Task
from verification.reference.expected import expect
from verification.simulators.base import DeckJob, Outcome, OutcomeKind, Simulator
from verification.simulators.registry import get_simulator
from verification.verdict.class_lines import judge_lines
from verification.verdict.neuron import (
    CounterExample,
    NeuronVerdict,
    compare,
    judge_energy,
    measured_energies,
)
from verification.waves.waveforms import Waveforms

Row = dict[str, Any]
"""What is stored of one case: see ``judge``."""


@dataclass(frozen=True)
class Done:
    """What became of a task: content key and row of each of its decks, in their order."""

    keys: tuple[str, ...]
    rows: tuple[Row, ...]
    from_ledger: bool = False


def builder_for(setup: Setup, dialect: str) -> CaseBuilder:
    """The builder of a campaign, kept from task to task."""
    return _builder(setup, dialect)


@lru_cache(maxsize=4)
def _builder(setup: Setup, dialect: str) -> CaseBuilder:
    return CaseBuilder(setup, dialect)


def build(task: Task, setup: Setup, simulator: Simulator) -> list[Case]:
    """The cases of a task. Raises NetworkError and DeckError (see ``CaseBuilder.cases``)."""
    return list(builder_for(setup, simulator.dialect).cases(task))


def keys_of(cases: Sequence[Case], simulator: Simulator, version: str) -> tuple[str, ...]:
    """Content keys of a task's cases."""
    return tuple(content_key(c.job.text, simulator.name, version, c.judged_by) for c in cases)


def run_built(cases: Sequence[Case], setup: Setup, simulator: Simulator) -> tuple[Row, ...]:
    """Run and judge cases that share a circuit; rows in their order."""
    rows: dict[str, Row] = {}
    by_name = {case.job.name: case for case in cases}
    jobs = [case.job for case in cases]
    for outcome in simulator.run_many(jobs, workers=1, timeout_s=setup.timeout_s):
        rows[outcome.job.name] = judge(by_name[outcome.job.name], outcome)
    return tuple(rows[case.job.name] for case in cases)


def run_remote(task: Task, setup: Setup, name: str, version: str) -> Done:
    """Build, run and judge a task in another process, with the simulator of that name there.

    A simulator of another version than the campaign's gives failures: its results would not be
    those that the ledger's keys stand for.
    """
    simulator = get_simulator(name)
    here = simulator.version()
    cases = build(task, setup, simulator)
    keys = keys_of(cases, simulator, version)
    if here != version:
        message = (
            f"the worker has {name} {here}, the campaign runs {name} {version}; "
            "install the same version"
        )
        return Done(keys, tuple(failure_row(case, message, 0.0) for case in cases))
    return Done(keys, run_built(cases, setup, simulator))


def run_example(task: Task, setup: Setup, simulator: Simulator) -> tuple[Case, Waveforms | None]:
    """The first deck of a task with its waveforms, for a plot; None where the run failed."""
    case = next(builder_for(setup, simulator.dialect).cases(task))
    job = DeckJob(case.job.name, case.job.text)
    outcome = simulator.run(job, timeout_s=setup.timeout_s)
    return case, outcome.waveforms if outcome.kind is OutcomeKind.OK else None


def run_remote_example(task: Task, setup: Setup, name: str) -> tuple[Case, Waveforms | None]:
    """``run_example`` in another process, with the simulator of that name there."""
    return run_example(task, setup, get_simulator(name))


def judge(case: Case, outcome: Outcome) -> Row:
    """The row of one outcome: verdicts, or why there can be none."""
    readings = outcome.readings
    if outcome.kind is not OutcomeKind.OK or readings is None:
        return failure_row(case, outcome.message, outcome.wall_s)
    deck = f"{case.job.name}.cir"
    try:
        verdicts = [compare(view, expect(view), readings, deck) for view in case.views]
        lines = judge_lines(case.lines, readings)
        energies = measured_energies(case.sources, readings, case.bounds_s)
    except WaveformError as error:
        return failure_row(case, f"{case.job.name}: {error}", outcome.wall_s)
    if case.scope == "neurons":
        verdicts = [judge_energy(verdicts[0], energies, case.reference_J, deck)]
    return {
        "name": case.job.name,
        "verdicts": [verdict_row(v) for v in verdicts],
        "energies_J": energies.tolist(),
        "reference_J": case.reference_J.tolist(),
        "lines_wrong": lines.wrong,
        "lines_first": lines.first,
        "lines_window": lines.window,
        "failure": "",
        "wall_s": outcome.wall_s,
        "deck": case.job.text if lines.wrong or any(v.mismatches for v in verdicts) else None,
    }


def failure_row(case: Case, message: str, wall_s: float) -> Row:
    """The row of a case without a verdict."""
    return {
        "name": case.job.name,
        "verdicts": [],
        "energies_J": [],
        "reference_J": [],
        "lines_wrong": 0,
        "lines_first": None,
        "lines_window": 0,
        "failure": message,
        "wall_s": wall_s,
        "deck": case.job.text,
    }


def verdict_row(verdict: NeuronVerdict) -> Row:
    """A verdict as plain numbers."""
    first = verdict.first
    return {
        "name": verdict.name,
        "layer": verdict.layer,
        "neuron": verdict.neuron,
        "wrong": verdict.wrong.astype(int).tolist(),
        "pulses": verdict.pulses.tolist(),
        "delays_s": [None if np.isnan(d) else d for d in verdict.delays_s.tolist()],
        "first": None if first is None else vars(first),
    }


def read_verdict(row: Row) -> NeuronVerdict:
    """The verdict of ``verdict_row``."""
    delays = [np.nan if d is None else d for d in row["delays_s"]]
    return NeuronVerdict(
        row["name"],
        row["layer"],
        row["neuron"],
        np.asarray(row["wrong"], dtype=bool),
        np.asarray(row["pulses"], dtype=np.int64),
        np.asarray(delays, dtype=np.float64),
        None if row["first"] is None else CounterExample(**row["first"]),
    )
