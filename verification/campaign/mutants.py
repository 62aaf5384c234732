"""Faults tried on the neurons of a run: the same windows, on circuits that are broken.

Of each fault the neuron's own decks of the run are simulated. One that they do not find is held
against further windows: if these find it the run's windows have a hole, else it changes nothing
that counts. Found is what waveforms show (pulses, flux, times, energy); that a deck's text differs
from the design's is another check, which is not asked here.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from netlist_gen.circuit.neuron import control_current, library_design
from netlist_gen.circuit.sites import NeuronSite
from netlist_gen.deck.decks import build_neuron
from netlist_gen.deck.plan import Cut, NeuronRun, NeuronTask
from netlist_gen.network import TernaryNetwork
from netlist_gen.parallel import Progress, bounded, usable_cores
from netlist_gen.spikes import driven_neuron
from verification.campaign.options import VerifyOptions
from verification.campaign.plan import Setup
from verification.campaign.windows import WindowPlan
from verification.campaign.work import builder_for, run_built
from verification.certificate.classes import Asked
from verification.certificate.faults import FAULTS, Broken, Fault, fault
from verification.certificate.made import Block, Maker, packed
from verification.certificate.statement import (
    CAUGHT,
    EQUIVALENT,
    FAILED,
    HOLE,
    FaultScore,
    Mutation,
    Survivor,
)
from verification.simulators.base import Simulator
from verification.verdict.outcome import DeckResult

MORE_BLOCKS = 32
"""Blocks of four windows at random that a fault has to pass beyond those of all classes, to be
called equivalent."""


_OUTCOMES = (CAUGHT, EQUIVALENT, HOLE, FAILED)


@dataclass(frozen=True)
class _Tried:
    """What became of one fault."""

    site: NeuronSite
    fault: Fault
    outcome: str
    by_pulses: bool
    why: str


def try_faults(
    plan: WindowPlan,
    cut: Cut,
    setup: Setup,
    simulator: Simulator,
    options: VerifyOptions,
    progress: Progress | None = None,
) -> Mutation:
    """Try ``options.mutants`` faults, kind after kind, on neurons drawn by ``options.seed``.

    Args:
        plan: of the run's windows.
        cut: into decks.
        setup: of the campaign.
        simulator: which runs the broken decks.
        options: of the run.
        progress: told of faults.
    """
    rng = np.random.default_rng((options.seed, options.mutants))
    kinds = list(FAULTS)
    sites = [plan.sites[i] for i in rng.permutation(len(plan.sites))]
    names = [site.name for site in sites[: -(-options.mutants // len(kinds))]]
    own: dict[str, list[NeuronTask]] = {name: [] for name in names}
    for task in plan.tasks("neurons", cut):
        if isinstance(task, NeuronTask) and task.site.name in own:
            own[task.site.name].append(task)
    chosen = [(kinds[m % len(kinds)], names[m // len(kinds) % len(names)], m)
              for m in range(options.mutants)]  # fmt: skip
    bench = _Bench(plan.spikes.network, setup, simulator, options.seed)

    def work(item: tuple[str, str, int]) -> _Tried:
        kind, name, number = item
        return bench.tried(own[name], kind, number)

    jobs = options.jobs or usable_cores()
    found: list[_Tried] = []
    with ThreadPoolExecutor(jobs, thread_name_prefix="faults") as pool:
        for _, tried in bounded(pool, work, chosen, jobs + 1, ordered=True):
            found.append(tried)
            if progress:
                progress("faults", len(found), len(chosen))
    return _mutation(found, options.seed)


def _mutation(found: Sequence[_Tried], seed: int) -> Mutation:
    outcomes = Counter((one.fault.kind, one.outcome) for one in found)
    total = Counter(one.outcome for one in found)
    counted = total[CAUGHT] + total[HOLE]
    return Mutation(
        tried=len(found),
        caught=total[CAUGHT],
        by_pulses=sum(one.by_pulses for one in found),
        failed=total[FAILED],
        equivalent=total[EQUIVALENT],
        holes=total[HOLE],
        score=total[CAUGHT] / counted if counted else None,
        neurons=len({one.site.name for one in found}),
        seed=seed,
        faults=tuple(
            FaultScore(
                kind,
                sum(outcomes[kind, outcome] for outcome in _OUTCOMES),
                *(outcomes[kind, outcome] for outcome in _OUTCOMES),
            )
            for kind in FAULTS
        ),
        survivors=tuple(
            Survivor(
                one.fault.kind,
                one.site.layer,
                one.site.neuron,
                one.fault.where,
                one.outcome,
                one.why,
            )
            for one in found
            if one.outcome != CAUGHT
        ),
    )


@dataclass(frozen=True, eq=False)
class _Bench:
    network: TernaryNetwork
    setup: Setup
    simulator: Simulator
    seed: int

    def tried(self, tasks: Sequence[NeuronTask], kind: str, number: int) -> _Tried:
        site = tasks[0].site
        made = fault(kind, self._broken(tasks[0], number))
        for task in tasks:
            results = self._results(task, made)
            if any(_wrong(result) for result in results):
                by_pulses = any(_other_pulses(r, task.runs[i]) for i, r in enumerate(results))
                return _Tried(site, made, CAUGHT, by_pulses, "")
            if any(result.failed for result in results):
                return _failed(site, made, results)
        more = self._further(tasks[0])
        results = self._results(more, made)
        windows = sum(run.windows for run in more.runs)
        wrong = next((r for r in results if _wrong(r)), None)
        if wrong is None and any(result.failed for result in results):
            return _failed(site, made, results)
        if wrong is None:
            apart = np.concatenate([v.apart_s for r in results for v in r.neurons] or [np.zeros(0)])
            latest = float(np.nanmax(np.abs(apart))) if np.isfinite(apart).any() else 0.0
            why = (
                f"right in {windows} further windows; pulses at most {latest * 1e12:.2f} ps from "
                "their expected time"
            )
            return _Tried(site, made, EQUIVALENT, False, why)
        (first,) = (verdict.first for verdict in wrong.neurons if verdict.first is not None)
        why = f"a further window: expected {first.expected}, measured {first.measured}"
        return _Tried(site, made, HOLE, False, why)

    def _results(self, task: NeuronTask, made: Fault) -> tuple[DeckResult, ...]:
        builder = builder_for(self.setup, self.simulator.dialect)
        cases = list(builder.broken(task, made.change))
        return run_built(cases, self.setup, self.simulator)

    def _broken(self, task: NeuronTask, number: int) -> Broken:
        setup, site = self.setup, task.site
        library = builder_for(setup, self.simulator.dialect).library
        design = library_design(library, site.name, site.signs, site.theta)
        first = dataclasses.replace(task, runs=task.runs[:1])
        (built,) = build_neuron(first, library, setup.phases, (), setup.annotations)
        return Broken(
            site,
            built.bench.circuit,
            control_current(library, design.unit),
            setup.phases.period,
            np.random.default_rng((self.seed, number)),
        )

    def _further(self, task: NeuronTask) -> NeuronTask:
        """Windows of all classes that are asked for, and many at random."""
        site, like = task.site, task.runs[0]
        maker = Maker(site.signs, site.theta, seed=self.seed + 1)
        near = Asked.by(None).of(maker.kind)
        blocks = [*maker.class_blocks(near), *maker.more_blocks(MORE_BLOCKS)]
        total = sum(block.windows for block in blocks)
        decks = packed(blocks, max(4, -(-total // 8)))
        runs = (self._run(site, like, number, deck) for number, deck in enumerate(decks))
        return NeuronTask(site, tuple(runs))

    def _run(self, site: NeuronSite, like: NeuronRun, number: int, deck: Block) -> NeuronRun:
        skew = like.skew and dataclasses.replace(like.skew, late=deck.late)
        spikes = driven_neuron(self.network, site.layer, site.neuron, deck.pulses)
        name = f"{site.name}_further{number}"
        return NeuronRun(name, number * deck.windows, deck.pulses, spikes, skew)


def _wrong(result: DeckResult) -> bool:
    """Whether it was judged, and a window is wrong."""
    return not result.failed and any(v.wrong.any() for v in result.neurons)


def _failed(site: NeuronSite, made: Fault, results: Sequence[DeckResult]) -> _Tried:
    why = next(result.failure for result in results if result.failed)
    return _Tried(site, made, FAILED, False, f"nothing is known: {why}")


def _other_pulses(result: DeckResult, run: NeuronRun) -> bool:
    return any(bool((v.pulses != run.spikes.fires).any()) for v in result.neurons)
