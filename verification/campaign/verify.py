"""The verification of a network: plan, measure with each simulator, judge all, write all."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from netlist_gen.assembly.delays import has_tables
from netlist_gen.assembly.network_circuit import network_outline
from netlist_gen.checkpoint.digest import network_digest
from netlist_gen.circuit.model import Totals
from netlist_gen.deck.annotation import AnnotationFigures, network_annotations
from netlist_gen.deck.manifest import windows_digest
from netlist_gen.deck.plan import Cut, Task, check_scopes, count_decks, plan_decks
from netlist_gen.errors import ConfigurationError
from netlist_gen.library.annotations import annotator_of
from netlist_gen.library.cells import CellLibrary
from netlist_gen.library.options import annotations_of
from netlist_gen.library.process import load_process
from netlist_gen.network import TernaryNetwork
from netlist_gen.notebook import html_table
from netlist_gen.parallel import Progress, usable_cores
from netlist_gen.spikes import NetworkSpikes
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
from verification.campaign.options import VerifyOptions
from verification.campaign.plan import Setup, cut_for, windows_of
from verification.campaign.run import Workers, run_tasks
from verification.reference.timed import WINDOW_S
from verification.simulators.base import Simulator
from verification.simulators.registry import chosen_simulators
from verification.verdict.altered import AlteredDeck
from verification.verdict.judge import Facts, agreements, judge_simulator
from verification.verdict.measured import Measured, collect
from verification.verdict.origin import Origin
from verification.verdict.outcome import (
    Accuracy,
    CounterExample,
    EnergyFigures,
    Program,
    RunVerdict,
    ShownNeuron,
)
from verification.waves.export import keep_waveforms, seen_best

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class Windows:
    """All neuron windows of a run, of each simulator in each scope."""

    measured: tuple[Measured, ...]
    steps: int

    def to_pandas(self) -> pd.DataFrame:
        """A row for each, with these columns.

        scope, simulator, layer, neuron, window, sample, expected and measured (pulses),
        delay_ps, agreed.
        """
        import pandas as pd

        frame = pd.concat([one.frame() for one in self.measured], ignore_index=True)
        frame.insert(5, "sample", frame["window"] // self.steps)
        return frame

    def __len__(self) -> int:
        return sum(int(layer.size) for one in self.measured for layer in one.pulses)

    def __repr__(self) -> str:
        wrong = sum(one.mismatches for one in self.measured)
        return f"<{len(self)} neuron windows, {wrong} wrong; .to_pandas() lists them>"


@dataclass(frozen=True, eq=False, repr=False)
class Verification:
    """The result of a run.

    Attributes:
        verdict: the content of ``verify.json``.
        windows: every neuron window.
        decks: texts of the decks that disagree, by name.
        directory: where the run's files are, or None.
        notes: sentences that a user should read: rows of the ledger that were refused, what a
            manifest doesn't say.
    """

    verdict: RunVerdict
    windows: Windows
    decks: Mapping[str, str]
    directory: Path | None
    notes: tuple[str, ...] = ()

    @property
    def agreed(self) -> bool:
        """Every window compared and equal, no run failed, energy within the tolerance."""
        return self.verdict.agreed

    @property
    def counter_example(self) -> CounterExample | None:
        """The first disagreement."""
        return self.verdict.counter_example

    @property
    def energy(self) -> EnergyFigures:
        """Dynamic, static and at the wall."""
        return self.verdict.energy

    @property
    def accuracy(self) -> Accuracy | None:
        """Of the reference and as simulated; None without labels."""
        return self.verdict.accuracy

    def __repr__(self) -> str:
        return repr(self.verdict).replace("RunVerdict", "Verification", 1)

    def _repr_html_(self) -> str:
        header = ("scope", "decks", "windows", "mismatches", "failed", "pulses", "energy, J")
        rows = (
            (s.scope, s.decks, s.checked, s.mismatches, s.failed, s.pulses, f"{s.energy_J:.4g}")
            for s in self.verdict.scopes
        )
        return html_table(repr(self)[1:-1], header, rows)


def verify(
    network: TernaryNetwork,
    inputs: NDArray[np.bool_],
    labels: NDArray[np.int64] | None,
    out: Path | None,
    options: VerifyOptions,
    progress: Progress | None = None,
) -> Verification:
    """Verify every neuron window of the given samples with each simulator in each scope.

    Args:
        network: what is verified.
        inputs: bool, shape (samples, inputs) or (samples, steps, inputs).
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
    windows, steps = windows_of(network.check_inputs(inputs))
    if not windows.shape[0]:
        raise ConfigurationError("there are no samples to verify; give at least one")
    if options.decks is not None and not options.decks.is_dir():
        raise ConfigurationError(f"--decks: {options.decks} is not a directory of decks")
    library = options.library(load_process(options.process))
    options.require_rules(network, library.process)
    phases = options.phases(library.process)
    simulators = chosen_simulators(options.simulator)
    tolerance_s = options.tolerance_ps * 1e-12 if options.timing else None
    window_s = WINDOW_S if has_tables(library.process) else None
    annotations = annotations_of(options.annotate, library.process)
    setup = Setup(
        library.process, phases, options.timeout, options.decks, tolerance_s, window_s,
        annotations, options.crosstalk, library.notes,
    )  # fmt: skip
    totals, figures = _totals(network, library, setup, options.scopes)
    with cluster(options.scheduler) as workers:
        directory = None
        if out is not None:  # from here on no earlier result is left that looks like this one's
            directory = RunDirectory(out, resume=options.resume, decks=options.decks)
        facts = Facts(
            spikes=NetworkSpikes.of(network, windows),
            steps=steps,
            labels=labels,
            process=library.process,
            totals=totals,
            period_s=phases.period,
            cooling_W_per_W=options.cooling,
            tolerance_s=tolerance_s,
            window_s=window_s,
            source=options.source,
            seed=options.seed,
            rows=options.rows,
            annotation=figures,
            rules=options.rules,
            crosstalk=options.crosstalk,
        )
        run = _Run(facts, setup, options, simulators, workers, progress)
        run.check_decks()
        return run.go(directory, begin)


def _totals(
    network: TernaryNetwork, library: CellLibrary, setup: Setup, scopes: Sequence[str]
) -> tuple[Totals, AnnotationFigures | None]:
    """What the whole network's circuit costs, and what its table of extracted values sets."""
    whole = network_outline(network, library, setup.phases).circuit
    if setup.annotations is None:
        return whole.totals(), None
    given = setup.annotations
    figures = network_annotations(given, network, scopes, library, setup.phases, whole)
    return annotator_of(given).apply(whole).totals(), figures


@dataclass(frozen=True, eq=False)
class _Run:
    facts: Facts
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
        spikes = self.facts.spikes
        self.note(check_manifest(folder, setup, spikes))
        found, more = find_altered(self._decks(folder), setup, spikes)
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
                for task in plan_decks(self.facts.spikes, scope, cut):
                    for name, alone in runs_alone(task):
                        path = deck_path(folder, name, simulator.dialect)
                        if path not in seen:
                            seen.add(path)
                            yield path, alone, simulator.dialect

    def _hashes(self) -> dict[str, str]:
        spikes, given = self.facts.spikes, self.setup.annotations
        hashes = {
            "network": network_digest(spikes.network),
            "input pulses": windows_digest(spikes.layers[0]),
            "process": self.setup.process.digest(),
        }
        return hashes if given is None else {**hashes, "extracted values": given.sha256}

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
            judge_simulator(self.facts, scopes, home.decks if home else "")
            for scopes, home in zip(measured, homes.values(), strict=True)
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

    def _cut(self, simulator: Simulator) -> Cut:
        # Energies are compared deck by deck: several simulators get decks of the same length.
        usual = self.setup.decks is not None or len(self.simulators) > 1
        cut = cut_for(self.facts.spikes.windows, simulator.name, self.options.pipeline, usual=usual)
        length = self.options.windows_per_deck
        return dataclasses.replace(cut, neurons=length) if length else cut

    def _measure(self, simulator: Simulator, home: RunDirectory | None) -> list[Measured]:
        spikes, options = self.facts.spikes, self.options
        program, cut = Program(simulator.name, simulator.version()), self._cut(simulator)
        jobs = options.jobs or (self.cluster.count if self.cluster else usable_cores())
        executor = self.cluster.executor if self.cluster else None
        scopes = []
        with home.ledger() if home else nullcontext() as ledger:
            workers = Workers(jobs, ledger, executor)
            for scope in options.scopes:
                begin = time.perf_counter()
                total = count_decks(spikes, scope, cut)
                stage = f"simulation, {scope}"
                if len(self.simulators) > 1:
                    stage += f", {simulator.name}"

                def tick(done: int, stage: str = stage, total: int = total) -> None:
                    if self.progress:
                        self.progress(stage, done, total)

                tick(0)  # the first deck may take a while: the engine is compiled once
                tasks = plan_decks(spikes, scope, cut)
                results = list(run_tasks(tasks, self.setup, simulator, workers, tick))
                wall_s = time.perf_counter() - begin
                scopes.append(collect(results, scope, program, spikes, wall_s))
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
                facts.spikes, self.setup, simulator, self.options.scopes, wrong, executor
            )
        verdict = dataclasses.replace(
            verdict,
            example=self._shown(example, verdict, home),
            wall_s=time.perf_counter() - begin,
        )
        if home is not None:
            arrays = run_arrays(first, facts.steps, facts.labels)
            arrays |= example.arrays() | judged_arrays(example, first) if example else {}
            home.write(verdict, arrays, [r for scope in scopes for r in scope.results])
        return verdict
