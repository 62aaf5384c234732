"""The verification of a network: plan, measure with each simulator, judge all, write all."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from netlist_gen.assembly.delays import has_tables
from netlist_gen.assembly.network_circuit import network_outline
from netlist_gen.assembly.plan import NetworkPlan
from netlist_gen.checkpoint.digest import network_digest
from netlist_gen.circuit.lasting_neuron import memory_phases
from netlist_gen.circuit.model import Circuit
from netlist_gen.deck.annotation import AnnotationFigures, network_annotations
from netlist_gen.deck.manifest import manifest_digest, windows_digest
from netlist_gen.deck.plan import Cut, Task, check_scopes
from netlist_gen.errors import ConfigurationError
from netlist_gen.library.annotations import annotator_of
from netlist_gen.library.cells import CellLibrary
from netlist_gen.library.design import bias_note
from netlist_gen.library.options import annotations_of
from netlist_gen.network import TernaryNetwork
from netlist_gen.parallel import Progress, usable_cores
from netlist_gen.spikes import NetworkSpikes, windows_of, with_room
from verification.campaign.altered import find_altered, runs_alone
from verification.campaign.cases import deck_path
from verification.campaign.cluster import ClusterWorkers, cluster
from verification.campaign.directory import RunDirectory, check_manifest
from verification.campaign.example import (
    Example,
    find_example,
    judged_arrays,
    run_arrays,
    seen_in,
)
from verification.campaign.made import MadeWindows, Making, certificate
from verification.campaign.mutants import try_faults
from verification.campaign.options import VerifyOptions
from verification.campaign.plan import Setup, cut_for
from verification.campaign.result import Verification, Windows
from verification.campaign.run import Workers, run_tasks
from verification.campaign.windows import SampleWindows, coverage_of
from verification.certificate.classes import Asked
from verification.certificate.statement import Mutation
from verification.reference.bus_energy import BusLoads
from verification.reference.timed import untimed_note, window_s
from verification.simulators.base import Simulator
from verification.simulators.registry import chosen_simulators
from verification.verdict.altered import AlteredDeck
from verification.verdict.judge import Facts, agreements, judge_simulator
from verification.verdict.measured import Measured, collect
from verification.verdict.origin import Origin
from verification.verdict.outcome import Program, RunVerdict, ShownNeuron
from verification.waves.export import keep_waveforms, seen_best


def verify(
    network: TernaryNetwork,
    inputs: NDArray[np.bool_],
    labels: NDArray[np.int64] | None,
    out: Path | None,
    options: VerifyOptions,
    progress: Progress | None = None,
) -> Verification:
    """Verify every neuron window of the given samples with each simulator in each scope.

    With ``exhaustive`` the windows are made instead; of those of the samples some are drawn.

    Args:
        network: what is verified.
        inputs: bool, shape (samples, inputs) or (samples, steps, inputs); where windows are made
            there may be no samples.
        labels: shape (samples,), or None.
        out: the run's directory; None keeps no files.
        options: see there.
        progress: see ``Progress``.

    Raises:
        NetworkError, DeckError, ConfigurationError: wrong input, or a network that breaks a rule
            of drawing.
        TimingError: a network whose windows can't be made to hold.
        SimulatorError: a simulator that is not there.
    """
    begin = time.perf_counter()
    check_scopes(options.scopes)
    inputs = network.check_inputs(inputs)
    network = with_room(network, inputs)
    windows, steps = windows_of(network, inputs)
    options.require_memoryless(network)
    if not windows.shape[0] and not options.exhaustive:
        raise ConfigurationError("there are no samples to verify; give at least one")
    for flag, given in (("--resume", options.resume), ("--waves", options.waves)):
        if given and out is None:
            raise ConfigurationError(f"{flag} is of files in a run's directory; give one (out)")
    if options.decks is not None and not options.decks.is_dir():
        raise ConfigurationError(f"--decks: {options.decks} is not a directory of decks")
    library = options.library(options.loaded_process())
    options.require_sound(network, library.process)
    phases = memory_phases(network, options.phases(library.process), options.clock_ghz)
    simulators = chosen_simulators(options.simulator, options.device)
    tolerance_s = options.tolerance_ps * 1e-12 if options.timing else None
    within_s = window_s(phases.slowness) if has_tables(library.process) else None
    annotations = annotations_of(options.annotate, library.process)
    setup = Setup(
        library.process, phases, options.timeout, options.decks, tolerance_s, within_s,
        annotations, options.crosstalk, library.notes, library.step_s,
    )  # fmt: skip
    outline = network_outline(network, library, phases)
    whole, figures = _whole(network, library, setup, options.scopes, outline.circuit)
    with cluster(options.scheduler) as workers:
        directory = None
        if out is not None:  # from here on no earlier result is left that looks like this one's
            directory = RunDirectory(out, resume=options.resume, decks=options.decks)
        facts = Facts(
            network=network,
            inputs=windows,
            steps=steps,
            labels=labels,
            process=library.process,
            totals=whole.totals(),
            loads=BusLoads.of(whole, library.process),
            period_s=phases.period,
            cooling_W_per_W=options.cooling,
            tolerance_s=tolerance_s,
            window_s=within_s,
            source=options.source,
            seed=options.seed,
            rows=options.rows,
            annotation=figures,
            rules=options.rules,
            crosstalk=options.crosstalk,
            startup=options.startup_windows,
            time_step_ps=options.step,
        )
        plan = _windows(facts, outline.plan, setup, options, simulators)
        run = _Run(facts, plan, setup, options, simulators, workers, progress)
        run.note(bias_note(library.process))
        run.note(untimed_note(library.process))
        run.check_decks()
        return run.go(directory, begin)


def _windows(
    facts: Facts,
    plan: NetworkPlan,
    setup: Setup,
    options: VerifyOptions,
    simulators: Sequence[Simulator],
) -> SampleWindows | MadeWindows:
    """The windows that are simulated: the samples', or made ones."""
    asked = Asked.by(options.near)
    if not options.exhaustive:
        distinct = not options.every_window and setup.decks is None
        spikes = NetworkSpikes.of(facts.network, facts.inputs, facts.steps)
        return SampleWindows(spikes, Asked.every(), distinct=distinct)
    making = Making(
        asked,
        shared=not options.every_window,
        neurons=options.neurons,
        checks=options.checks if facts.samples else 0,
        seed=options.seed,
        simulator=simulators[0].name if len(simulators) == 1 else "",
    )
    return MadeWindows(facts.network, plan, setup, making, facts.inputs)


def _whole(
    network: TernaryNetwork,
    library: CellLibrary,
    setup: Setup,
    scopes: Sequence[str],
    whole: Circuit,
) -> tuple[Circuit, AnnotationFigures | None]:
    """The whole network's circuit, with what its table of extracted values sets."""
    if setup.annotations is None:
        return whole, None
    given = setup.annotations
    figures = network_annotations(given, network, scopes, library, setup.phases, whole)
    return annotator_of(given).apply(whole), figures


@dataclass(frozen=True, eq=False)
class _Run:
    facts: Facts
    plan: SampleWindows | MadeWindows
    setup: Setup
    options: VerifyOptions
    simulators: list[Simulator]
    cluster: ClusterWorkers | None
    progress: Progress | None
    notes: list[str] = field(default_factory=list)
    altered: list[AlteredDeck] = field(default_factory=list)

    def check_decks(self) -> None:
        """Find every deck that is to be judged before anything runs."""
        setup, folder = self.setup, self.setup.decks
        if folder is None:
            return
        network, inputs = self.facts.network, self.facts.inputs
        asked = self.options.startup_windows if "network" in self.options.scopes else None
        self.note(check_manifest(folder, setup, network, inputs, asked))
        found, more = find_altered(self._decks(folder), setup, network)
        self.altered.extend(found)
        for deck in found:
            self.note(deck.sentence)
        if more:
            self.note(f"{more} more decks are not those that `generate` wrote; they are not told")

    def _decks(self, folder: Path) -> Iterator[tuple[Path, Task, str]]:
        """Each deck that is to be judged, once: its file, its run alone, its dialect."""
        seen = set()
        for simulator in self.simulators:
            cut = self._cut(simulator)
            for scope in self.options.scopes:
                for task in self.plan.tasks(scope, cut):
                    for name, alone in runs_alone(task):
                        path = deck_path(folder, name, simulator.dialect)
                        if path not in seen:
                            seen.add(path)
                            yield path, alone, simulator.dialect

    def _hashes(self) -> dict[str, str]:
        given = self.setup.annotations
        hashes = {
            "network": network_digest(self.facts.network),
            "input pulses": windows_digest(self.facts.inputs),
            "process": self.setup.process.digest(),
        }
        if given is not None:
            hashes["extracted values"] = given.sha256
        if self.setup.decks is not None:
            hashes["manifest of decks"] = manifest_digest(self.setup.decks)
        return hashes

    def note(self, sentence: str) -> None:
        """Keep a sentence for the user; "" is none."""
        if sentence:
            self.notes.append(sentence)

    def go(self, directory: RunDirectory | None, begin: float) -> Verification:
        first, *others = self.simulators
        homes = {first.name: directory}
        homes |= {one.name: directory.of(one.name) if directory else None for one in others}
        measured = [self._measure(one, homes[one.name]) for one in self.simulators]
        verdicts = [
            self._judged(simulator, scopes, home.decks if home else "")
            for simulator, scopes, home in zip(
                self.simulators, measured, homes.values(), strict=True
            )
        ]
        pairs = agreements(measured, {one.name: one.dialect for one in self.simulators})
        wrong = next((v.counter_example for v in verdicts if v.counter_example), None)
        if wrong is not None and wrong.simulator != first.name:
            sentence = f"{wrong.simulator}: {wrong.sentence}"
            wrong = dataclasses.replace(wrong, sentence=sentence)
        whole = dataclasses.replace(
            verdicts[0],
            agreed=all(one.agreed for one in verdicts) and all(one.agreed for one in pairs),
            failed=tuple(sentence for one in verdicts for sentence in one.failed),
            simulators=tuple(row for one in verdicts for row in one.simulators),
            agreement=tuple(pairs),
            counter_example=wrong,
            mutation=self._mutation(first),
            altered=tuple(self.altered),
            origin=Origin.now(self.options.command, self._hashes()),
        )
        final = [whole, *verdicts[1:]]
        for simulator, verdict, scopes in zip(self.simulators, final, measured, strict=True):
            finished = self._write(simulator, verdict, scopes, homes[simulator.name], begin)
            whole = finished if simulator is first else whole
        decks = {r.name: r.deck for s in measured for m in s for r in m.results if r.deck}
        every = tuple(one for scopes in measured for one in scopes)
        path = directory.path if directory else None
        windows = Windows(every, self.facts.steps)
        return Verification(whole, windows, decks, path, tuple(self.notes))

    def _judged(self, simulator: Simulator, scopes: Sequence[Measured], folder: str) -> RunVerdict:
        """The verdict on one simulator, with what the windows met and prove."""
        plan, cut = self.plan, self._cut(simulator)
        verdict = judge_simulator(self.facts, scopes, folder)
        # How early and late data can come is known where a timing is closed.
        timed = self.setup.window_s is not None
        met = [coverage_of(plan, one, cut, timed=timed) for one in scopes]
        coverage = tuple(one for one in met if one is not None)
        verdict = dataclasses.replace(verdict, coverage=coverage)
        if isinstance(plan, MadeWindows):
            complete = bool(coverage) and coverage[0].counts.complete
            found = certificate(plan, scopes[0], self.facts.samples, complete=complete)
            verdict = dataclasses.replace(verdict, certificate=found)
        return verdict

    def _mutation(self, simulator: Simulator) -> Mutation | None:
        """How many faults the windows find, on the first simulator."""
        if not self.options.mutants:
            return None
        cut = self._cut(simulator)
        return try_faults(self.plan, cut, self.setup, simulator, self.options, self.progress)

    def _cut(self, simulator: Simulator) -> Cut:
        # Energies are compared deck by deck: several simulators get decks of the same length.
        usual = self.setup.decks is not None or len(self.simulators) > 1
        options, spikes = self.options, self.plan.spikes
        cut = cut_for(
            spikes.windows,
            simulator.name,
            options.pipeline,
            usual=usual,
            startup=options.startup_windows,
            sample=spikes.inseparable,
            on_gpu=options.device != "cpu",
        )
        length = options.windows_per_deck
        return dataclasses.replace(cut, neurons=length) if length else cut

    def _measure(self, simulator: Simulator, home: RunDirectory | None) -> list[Measured]:
        options = self.options
        program, cut = Program(simulator.name, simulator.version()), self._cut(simulator)
        jobs = options.jobs or (self.cluster.count if self.cluster else usable_cores())
        executor = self.cluster.executor if self.cluster else None
        scopes = []
        with home.ledger() if home else nullcontext() as ledger:
            workers = Workers(jobs, ledger, executor)
            for scope in options.scopes:
                begin = time.perf_counter()
                total = self.plan.decks(scope, cut)
                stage = f"simulation, {scope}"
                if len(self.simulators) > 1:
                    stage += f", {simulator.name}"

                def tick(done: int, stage: str = stage, total: int = total) -> None:
                    if self.progress:
                        self.progress(stage, done, total)

                tick(0)  # the first deck may take a while: the engine is compiled once
                tasks = self.plan.tasks(scope, cut)
                results = list(run_tasks(tasks, self.setup, simulator, workers, tick))
                wall_s = time.perf_counter() - begin
                found = collect(
                    results, scope, program, self.plan.spikes, wall_s, self.plan.lengths
                )
                scopes.append(found)
            self.note(ledger.sentence() if ledger else "")
        return scopes

    def _shown(
        self, example: Example | None, verdict: RunVerdict, home: RunDirectory | None
    ) -> ShownNeuron | None:
        """Which neuron the report shows, its waveforms kept where they are wanted."""
        if example is None or home is None:
            return None
        shown = example.shown()
        wrong = verdict.counter_example
        there = wrong is not None and (wrong.layer, wrong.neuron) == (shown.layer, shown.neuron)
        kinds = self.options.waves or (seen_best() if there else ())
        waves = keep_waveforms(example.waves, home.path, shown.deck, kinds)
        return dataclasses.replace(shown, waves=waves)

    def _write(
        self,
        simulator: Simulator,
        verdict: RunVerdict,
        scopes: list[Measured],
        home: RunDirectory | None,
        begin: float,
    ) -> RunVerdict:
        """Complete a simulator's verdict by its example and the time, and write its run."""
        facts, first = self.facts, scopes[0]
        example: Example | None = None
        if home is not None and verdict.checked:  # one that fails everywhere is not asked again
            executor = self.cluster.executor if self.cluster else None
            wrong = verdict.counter_example
            if wrong is not None:
                own = wrong.simulator == simulator.name
                wrong = seen_in(wrong, first) if own else None
            example = find_example(
                self.plan,
                self._cut(simulator),
                self.setup,
                simulator,
                self.options.scopes,
                wrong,
                executor,
            )
        verdict = dataclasses.replace(
            verdict,
            example=self._shown(example, verdict, home),
            wall_s=time.perf_counter() - begin,
        )
        if home is not None:
            arrays = run_arrays(first, facts.inputs, facts.steps, facts.labels)
            arrays |= example.arrays() | judged_arrays(example, first) if example else {}
            home.write(verdict, arrays, [r for scope in scopes for r in scope.results])
        return verdict
