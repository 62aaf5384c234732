"""Running a compiled deck: one lane, lanes of stimuli, lanes of element values."""

from __future__ import annotations

import gc
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from netlist_gen.errors import ConfigurationError, SimulatorError
from verification.engine.equations.equations import Equations, Structure, build_structure, equations
from verification.engine.equations.outputs import Trace, resolve_traces, wanted_unknowns
from verification.engine.equations.topology import Topology, build_topology
from verification.engine.equations.values import Values, has_spread, nominal_values
from verification.engine.lanes.batch import Batch, LaneJob
from verification.engine.lanes.factors import (
    IncompletePattern,
    empty_factors,
    factorise,
    matrix_pointers,
)
from verification.engine.lanes.lanes import parameter_values
from verification.engine.lanes.layout import Factors
from verification.engine.lanes.pointers import doubles
from verification.engine.lanes.results import Extract, LaneResult, Pulses
from verification.engine.lanes.samples import Sink, sample_steps
from verification.engine.text.budget import Budget
from verification.engine.text.deck import ParsedDeck, Spread, TransientAnalysis
from verification.engine.text.flatten import flatten
from verification.engine.text.reader import read_deck, read_deck_file
from verification.engine.text.sources import SourceWave

if TYPE_CHECKING:  # a run that needs neither does not import them
    from verification.engine.checkpoints import Checkpoint
    from verification.engine.cuda.target import Target

__all__ = [
    "CompiledDeck",
    "Extract",
    "LaneResult",
    "Pulses",
    "SourceWave",
    "compile_deck",
    "compile_deck_file",
    "parameter_values",
]

MAX_HALVINGS = 12
LARGE = 20_000
"""Unknowns from which on what is below rounding is left out of the factors."""


def compile_deck(
    text: str,
    *,
    name: str = "deck",
    directory: Path | None = None,
    deadline: Callable[[], bool] | None = None,
) -> CompiledDeck:
    """Read and compile a deck given as text.

    Raises:
        DeckError: what can't be read, with file and line.
        SimulatorError: the deadline passed.
    """
    budget = Budget(name, deadline)
    with _uncollected():
        deck = read_deck(text, name=name, directory=directory, budget=budget)
        return CompiledDeck(deck, directory, budget)


def compile_deck_file(path: Path, deadline: Callable[[], bool] | None = None) -> CompiledDeck:
    """Read and compile a deck file. Raises as ``compile_deck``."""
    budget = Budget(str(path), deadline)
    with _uncollected():
        return CompiledDeck(read_deck_file(path, budget), path.resolve().parent, budget)


@contextmanager
def _uncollected() -> Iterator[None]:
    """Without the garbage collector, whose search is a third of the time of reading a large deck.

    The hundred thousands of objects that are made are all kept, and none is part of a cycle.
    """
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


class CompiledDeck:
    """A deck with its equations in place, ready to run any number of lanes."""

    def __init__(
        self, deck: ParsedDeck, directory: Path | None = None, budget: Budget | None = None
    ) -> None:
        self.deck = deck
        budget = budget or Budget(deck.name)
        with _uncollected():
            flat = flatten(deck, directory, budget)
            budget.look()
            self.topology: Topology = build_topology(flat)
            budget.look()
            self.traces: list[Trace] = resolve_traces(self.topology)
        self._structures: dict[tuple[float, bool], Structure] = {}
        self._shared: dict[tuple[float, bool], tuple[Equations, Factors]] = {}
        self._nominal: Values | None = None

    @property
    def transient(self) -> TransientAnalysis:
        """The deck's ``.tran``."""
        return self.deck.transient

    @property
    def structure(self) -> Structure:
        """Ordering and plan, made at the first run. Raises DeckError for a singular circuit."""
        return self._structure(self.transient.step, complete=False)

    def _structure(self, step: float, *, complete: bool) -> Structure:
        """The structure for this step; where the factors are complete, one for all steps."""
        complete = complete or self.topology.unknowns < LARGE
        if complete:
            step = self.transient.step
        structure = self._structures.get((step, complete))
        if structure is None:
            with _uncollected():
                wanted = wanted_unknowns(self.topology, self.traces)
                structure = build_structure(self.topology, step, wanted, complete=complete)
            self._structures[step, complete] = structure
        return structure

    def run(
        self,
        *,
        step_s: float | None = None,
        seed: int | None = None,
        extract: Extract | None = None,
        deadline: Callable[[], bool] | None = None,
        sink: Sink | None = None,
        noise_each_step: bool = False,
        checkpoint: Checkpoint | None = None,
        threads: int = 1,
    ) -> LaneResult:
        """Run the deck as it stands.

        Args:
            step_s: internal time step instead of the deck's.
            seed: of noise and spread, instead of the deck's ``.option seed``.
            extract: what to take; the printed signals by default.
            deadline: asked now and then; a true answer ends the run.
            sink: takes the printed signals as they come; the result then holds none, and the
                memory of a run does not grow with its length.
            noise_each_step: draw noise anew in every step, as JoSIM 2.7 does, not every 1/neb:
                its power is then neb times the step of what it should be.
            checkpoint: keeps the run, which takes a ``sink`` then, and has it go on where it was
                ended.
            threads: 2 for two cores at one circuit, where it has 20,000 unknowns or more and is
                made of junctions, resistors, inductors and current sources; the result is the same
                to the bit. Other circuits take one.

        Raises:
            ConfigurationError: a checkpoint of a run without a sink, or with JoSIM's filter.
            DeckError: the circuit has no unique solution.
            SimulatorError: the run diverged, or the deadline passed.
        """
        lane_seed = self.draw_seed(seed)
        values = self._nominal_values(lane_seed)
        extract = extract or Extract()
        if sink is not None:
            extract = replace(extract, waveforms=False)
        if checkpoint is not None and (sink is None or self.transient.window > 0.0):
            raise ConfigurationError(
                f"{self.deck.name}: a checkpoint needs a run that writes while it goes on, and no "
                "filter (the fifth number of .tran)"
            )
        job = LaneJob(
            values, [{}], [lane_seed], extract, deadline, sink, noise_each_step, checkpoint
        )
        if checkpoint is None or sink is None:
            return self._run(job, step_s, threads)[0]
        with closing(checkpoint.sink(sink)) as kept:
            result = self._run(replace(job, sink=kept), step_s, threads)[0]
        checkpoint.done()
        return result

    def _nominal_values(self, seed: int) -> Values:
        """The deck's values; drawn anew only where the deck has a spread."""
        if self.deck.spread != Spread() or has_spread(self.topology):
            return nominal_values(self.topology, seed)
        if self._nominal is None:
            self._nominal = nominal_values(self.topology, seed)
        return self._nominal

    def draw_seed(self, seed: int | None) -> int:
        """The seed of a run: the one given, the deck's, or one by chance."""
        if seed is not None:
            return seed
        if self.deck.seed is not None:
            return self.deck.seed
        return secrets.randbits(63)

    def run_lanes(
        self,
        stimuli: Sequence[Mapping[str, SourceWave]],
        *,
        step_s: float | None = None,
        seeds: Sequence[int] | None = None,
        extract: Extract | None = None,
        threads: int = 1,
        deadline: Callable[[], bool] | None = None,
        device: str | Target = "cpu",
    ) -> list[LaneResult]:
        """Run lanes that share every value and differ in sources.

        Args:
            stimuli: for each lane the waves that replace the deck's, by source label.
            step_s: as in ``run``.
            seeds: of each lane's noise; by default the deck's seed plus the lane's number.
            extract: as in ``run``.
            threads: tiles of 8 lanes are spread over so many threads.
            deadline: as in ``run``.
            device: ``cpu``, or ``cuda`` for one of NVIDIA's GPUs (docs/engine.md).

        Raises:
            ConfigurationError: a label is no source; there is no such device, or it can't take an
                element of the deck.
            DeckError: as ``run``.
            SimulatorError: as ``run``.
        """
        values = self._nominal_values(seeds[0] if seeds else self.draw_seed(None))
        job = LaneJob(
            values, stimuli, self._seeds(seeds, len(stimuli)), extract or Extract(), deadline
        )
        return self._run(job, step_s, threads, device)

    def run_parameter_lanes(
        self,
        overrides: Sequence[Mapping[str, float]],
        *,
        stimuli: Sequence[Mapping[str, SourceWave]] | None = None,
        step_s: float | None = None,
        seeds: Sequence[int] | None = None,
        extract: Extract | None = None,
        threads: int = 1,
        deadline: Callable[[], bool] | None = None,
        device: str | Target = "cpu",
    ) -> list[LaneResult]:
        """Run lanes that differ in element values.

        Args:
            overrides: for each lane new values by flat label: ``B1|X1`` an area, ``L1`` henry,
                ``R1`` ohm, ``C1`` farad, ``K1`` a factor, ``I1`` the final value of a dc or pwl;
                or factors on all of a kind: ``B*``, ``L*``, ``R*``, ``C*``, ``I*``. Factors act
                on values that the same lane sets by label too.
            stimuli: as in ``run_lanes``.
            step_s: as in ``run``.
            seeds: as in ``run_lanes``.
            extract: as in ``run``.
            threads: as in ``run_lanes``.
            deadline: as in ``run``.
            device: as in ``run_lanes``.

        Raises:
            ConfigurationError: a label is no such element, or no source; as ``run_lanes``.
            DeckError: as ``run``.
            SimulatorError: as ``run``.
        """
        values = parameter_values(self.topology, overrides, self.draw_seed(None))
        if stimuli is None:
            stimuli = [{}] * len(overrides)
        if len(stimuli) != len(overrides):
            raise ConfigurationError(
                f"{len(overrides)} lanes of values, but {len(stimuli)} of stimuli"
            )
        job = LaneJob(
            values, stimuli, self._seeds(seeds, len(stimuli)), extract or Extract(), deadline
        )
        return self._run(job, step_s, threads, device)

    def _seeds(self, seeds: Sequence[int] | None, lanes: int) -> list[int]:
        """Each lane's seed. Raises ConfigurationError where there are more or less than lanes."""
        if seeds is None:
            base = self.draw_seed(None)
            return [base + i for i in range(lanes)]
        if len(seeds) != lanes:
            raise ConfigurationError(f"{lanes} lanes, but {len(seeds)} seeds")
        return list(seeds)

    def _run(
        self, job: LaneJob, step_s: float | None, threads: int, device: str | Target = "cpu"
    ) -> list[LaneResult]:
        lanes = len(job.stimuli)
        if not lanes:
            return []
        target = _target(device)
        transient = self.transient
        if step_s is not None:
            if not 0.0 < step_s <= transient.stop:
                raise ConfigurationError(f"a time step of {step_s:g} s is outside the run")
            transient = replace(transient, step=min(step_s, transient.print_step))
        known = None if job.checkpoint is None else job.checkpoint.state
        if known is not None:
            transient = replace(transient, step=known.step_s)
        results: list[LaneResult | None] = [None] * lanes
        pending = list(range(lanes))
        for _ in range(MAX_HALVINGS + 1):
            while any(round(e.delay / transient.step) < 1 for e, _ in self.topology.lines):
                transient = replace(transient, step=transient.step / 2)
            some = job.picked(pending)
            found = None
            with suppress(IncompletePattern):  # what it held is gone before the next attempt
                complete = known is not None and known.complete
                found = self._attempt(some, transient, threads, target, complete=complete)
            known = None
            if found is None:
                found = self._attempt(some, transient, threads, target, complete=True)
            for lane, result in found:
                results[pending[lane]] = result
            pending = [pending[lane] for lane, result in found if result is None]
            if not pending:
                return [result for result in results if result is not None]
            transient = replace(transient, step=transient.step / 2)
        raise SimulatorError(
            f"{self.deck.name}: a phase still moves too far in one step of {transient.step:.3g} s, "
            f"after {MAX_HALVINGS} halvings; the circuit diverges"
        )

    def _attempt(
        self,
        job: LaneJob,
        transient: TransientAnalysis,
        threads: int,
        target: Target | None,
        *,
        complete: bool,
    ) -> list[tuple[int, LaneResult | None]]:
        at = job.extract.sample_s
        steps = None if at is None else sample_steps(at, transient, self.deck.name)
        prepared = self.prepare(job.values, transient.step, complete=complete)
        with _uncollected():
            if target is None:
                batch = Batch(job, transient, steps, self.traces, *prepared)
            else:
                from verification.engine.cuda.batch import GpuBatch

                batch = GpuBatch(job, transient, steps, self.traces, *prepared, target)
        return list(batch.run(threads))

    def prepare(
        self, values: Values, step: float, *, complete: bool
    ) -> tuple[Equations, Factors | None]:
        """Equations at one step; with the shared factors where all lanes have the same values.

        Raises:
            DeckError: the matrix is singular.
            IncompletePattern: the factors need more room than entries above rounding take at the
                deck's own values, which they are given where they are ``complete``.
        """
        structure = self._structure(step, complete=complete)
        if values.lanes > 1:
            return equations(structure, values, step), None
        cached = self._shared.get((step, complete))
        if cached is None or cached[0].values is not values:
            eq = equations(structure, values, step)
            factors = empty_factors(eq, 1)._replace(a=doubles(eq.matrix[:, 0]))
            factorise(matrix_pointers(eq), factors.a, factors, 1, self.deck.name, own=False)
            cached = self._shared[step, complete] = (eq, factors)
        return cached


def _target(device: str | Target) -> Target | None:
    """What runs lanes on a device; None for the processor. Raises ConfigurationError."""
    if device == "cpu":
        return None
    if not isinstance(device, str):
        return device
    from verification.engine.cuda.devices import target_of

    return target_of(device)
