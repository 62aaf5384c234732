"""What a worker does with a task: build its decks, run them, judge them.

Everything here can be sent to another process: tasks go in, results come out.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from netlist_gen.deck.origin import without_origin
from netlist_gen.deck.plan import Task
from netlist_gen.errors import WaveformError
from verification.campaign.cases import Case, CaseBuilder
from verification.campaign.ledger import content_key
from verification.campaign.plan import Setup
from verification.simulators.base import DeckJob, Outcome, OutcomeKind, Simulator
from verification.simulators.registry import get_simulator
from verification.verdict.class_lines import judge_lines
from verification.verdict.energy import bus_energies, judge_energy, measured_energies
from verification.verdict.neuron import compare
from verification.verdict.outcome import DeckResult
from verification.waves.waveforms import Waveforms


@dataclass(frozen=True)
class Done:
    """What became of a task: content key and result of each of its decks, in their order."""

    keys: tuple[str, ...]
    results: tuple[DeckResult, ...]
    from_ledger: bool = False


@lru_cache(maxsize=4)
def builder_for(setup: Setup, dialect: str) -> CaseBuilder:
    """The builder of a campaign, kept from task to task."""
    return CaseBuilder(setup, dialect)


def build(task: Task, setup: Setup, simulator: Simulator) -> list[Case]:
    """The cases of a task. Raises NetworkError and DeckError (see ``CaseBuilder.cases``)."""
    return list(builder_for(setup, simulator.dialect).cases(task))


def keys_of(
    cases: Sequence[Case], setup: Setup, simulator: Simulator, version: str
) -> tuple[str, ...]:
    """Content keys of a task's cases: process and annotations count by content, not by name."""
    common: dict[str, object] = {"process": setup.process.digest()}
    if setup.process.network is not None:
        common["bias"] = setup.process.bias_digest()
    if setup.crosstalk:
        common["crosstalk"] = True
    if setup.annotations is not None:
        common["annotations"] = setup.annotations.sha256
    return tuple(
        content_key(without_origin(c.job.text), simulator.name, version, {**c.judged_by, **common})
        for c in cases
    )


def run_built(cases: Sequence[Case], setup: Setup, simulator: Simulator) -> tuple[DeckResult, ...]:
    """Run and judge cases that share a circuit; results in their order."""
    results: dict[str, DeckResult] = {}
    by_name = {case.job.name: case for case in cases}
    jobs = [case.job for case in cases]
    for outcome in simulator.run_many(jobs, workers=1, timeout_s=setup.timeout_s):
        results[outcome.job.name] = judge(by_name[outcome.job.name], outcome)
    return tuple(results[case.job.name] for case in cases)


def run_remote(task: Task, setup: Setup, name: str, version: str) -> Done:
    """Build, run and judge a task in another process, with the simulator of that name there.

    A simulator of another version than the campaign's gives failures: its results would not be
    those that the ledger's keys stand for.
    """
    simulator = get_simulator(name)
    here = simulator.version()
    cases = build(task, setup, simulator)
    keys = keys_of(cases, setup, simulator, version)
    if here != version:
        message = (
            f"the worker has {name} {here}, the campaign runs {name} {version}; "
            "install the same version"
        )
        return Done(keys, tuple(failure(case, message, 0.0) for case in cases))
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


def judge(case: Case, outcome: Outcome) -> DeckResult:
    """The result of one deck: verdicts, or why there can be none."""
    readings = outcome.readings
    if outcome.kind is not OutcomeKind.OK or readings is None:
        return failure(case, outcome.message, outcome.wall_s)
    try:
        verdicts = [compare(n.view, n.spikes, readings, n.predicted) for n in case.neurons]
        lines = None
        if case.lines is not None:
            own = case.lines
            lines = judge_lines(own.lines, own.spikes, readings, own.times_s, own.tolerance_s)
        currents = case.sources.currents_A(case.parts)
        energies = measured_energies(case.sources, currents, readings, case.bounds_s)
        buses = bus_energies(case.sources, case.parts, readings, case.bus_bounds_s)
    except WaveformError as error:
        return failure(case, f"{case.job.name}: {error}", outcome.wall_s)
    if case.scope == "neurons":
        verdicts = [judge_energy(verdicts[0], energies, case.reference_J)]
    result = dataclasses.replace(
        failure(case, "", outcome.wall_s),
        neurons=tuple(verdicts),
        energies_J=energies,
        reference_J=case.reference_J,
        startup_J=case.startup_J,
        buses_J=buses,
        bus_reference_J=case.bus_reference_J,
        bus_lead=case.bus_lead,
        lines=lines,
        source=case.source_apart,
    )
    return dataclasses.replace(result, deck=None) if result.agreed else result


def failure(case: Case, message: str, wall_s: float) -> DeckResult:
    """The result of a deck without a verdict."""
    return DeckResult(
        scope=case.scope,
        name=case.job.name,
        place=case.place,
        first=case.first,
        windows=case.windows,
        neurons=(),
        energies_J=np.zeros(0),
        reference_J=np.zeros(0),
        lines=None,
        source=None,
        failure=message,
        wall_s=wall_s,
        deck=case.job.text,
        startup=case.startup,
        stands=case.stands,
    )
