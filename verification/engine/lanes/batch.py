"""Lanes of one time step, in tiles: the run itself, and what becomes of its results."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from netlist_gen.errors import ConfigurationError, SimulatorError
from verification.engine import kernels
from verification.engine.equations.constants import SIGMA
from verification.engine.equations.equations import Equations
from verification.engine.equations.outputs import Trace, build_terms
from verification.engine.equations.values import Values
from verification.engine.lanes.factors import IncompletePattern, factorise
from verification.engine.lanes.lanes import select_lanes
from verification.engine.lanes.layout import (
    INCOMPLETE,
    RESTLESS,
    SINGULAR,
    TOO_FAST,
    WIDTH,
    Factors,
    Tile,
)
from verification.engine.lanes.pointers import Pointer, longs
from verification.engine.lanes.results import Extract, LaneResult, Pulses
from verification.engine.lanes.samples import PrintedSamples, Sink
from verification.engine.lanes.state import at_rest
from verification.engine.lanes.stimuli import noise_table, source_table
from verification.engine.lanes.tiles import TileSetup
from verification.engine.text.deck import TransientAnalysis
from verification.engine.text.sources import SourceWave

if TYPE_CHECKING:  # it imports what a run without one does not need
    from verification.engine.checkpoints import Checkpoint

FloatArray = NDArray[np.float64]
STRETCH_S = 0.5
"""About the time of a stretch of steps, after each of which a deadline is looked at, s."""
_STEP_S = 20e-9
"""At most what a step takes for each device, s."""


@dataclass(frozen=True)
class LaneJob:
    """Lanes to run, and what is wanted of them.

    Attributes:
        values: of all lanes.
        stimuli: for each lane the waves that replace the deck's, by source label.
        seeds: of each lane's noise.
        extract: what to take.
        deadline: asked now and then; a true answer ends the run.
        sink: takes the printed signals of the one lane as they come.
        noise_each_step: whether noise is drawn anew in every step, as JoSIM does.
        checkpoint: keeps the one lane, and has it go on where it was ended.
    """

    values: Values
    stimuli: Sequence[Mapping[str, SourceWave]]
    seeds: Sequence[int]
    extract: Extract
    deadline: Callable[[], bool] | None = None
    sink: Sink | None = None
    noise_each_step: bool = False
    checkpoint: Checkpoint | None = None

    def picked(self, lanes: list[int]) -> LaneJob:
        """The same for some of the lanes."""
        return replace(
            self,
            values=select_lanes(self.values, lanes),
            stimuli=[self.stimuli[i] for i in lanes],
            seeds=[self.seeds[i] for i in lanes],
        )


class Batch:
    """All lanes of a job at one time step.

    Args:
        job: the lanes.
        transient: the run, with this time step.
        steps: the steps to keep instead of those that the deck prints.
        traces: the signals that the deck prints.
        equations: of all lanes at this step.
        shared: their factors where all lanes have the same values.

    Raises:
        ConfigurationError: the job names a source or a junction that is not there.
    """

    def __init__(
        self,
        job: LaneJob,
        transient: TransientAnalysis,
        steps: NDArray[np.int64] | None,
        traces: list[Trace],
        equations: Equations,
        shared: Factors | None,
    ) -> None:
        self._topology = topology = equations.topology
        self._name = topology.flat.deck.name
        self._transient = transient
        self._steps = steps
        self._job = job
        self._extract = job.extract
        self._lanes = len(job.stimuli)
        self._together = 1
        # One lane alone runs as scalars: an eighth of the memory.
        self._width = 1 if self._lanes == 1 else WIDTH
        self._traces = traces if job.extract.waveforms or job.sink is not None else []
        noise = noise_table(
            topology, equations.plan, transient, job.values, job.stimuli, job.seeds,
            each_step=job.noise_each_step,
        )  # fmt: skip
        # A wave that would arrive after the end needs no room to wait in.
        delays = [
            min(round(e.delay / transient.step), transient.steps + 1) for e, _ in topology.lines
        ]
        self._setup = TileSetup(
            equations,
            self._width,
            transient,
            shared,
            np.array(delays, dtype=np.int64),
            source_table(topology, transient, job.values, job.stimuli),
            noise,
            build_terms(equations, self._traces),
            self._watched(),
            job.extract,
            keep=noise.kind.size > 0 or any(trace.kind == "I" for trace in self._traces),
        )

    def _watched(self) -> list[int]:
        junctions = []
        for label in self._extract.pulses:
            key = label.upper().replace(".", "|")
            current = self._topology.devices.current(key)
            if current is None or current.kind != "B" or key[0] != "B":
                raise ConfigurationError(f"{self._name} has no junction {label}")
            junctions.append(current.index)
        return junctions

    def run(self, threads: int) -> Iterator[tuple[int, LaneResult | None]]:
        """(lane, result) of every lane; None for a lane that needs a smaller step.

        Raises:
            IncompletePattern: the pattern of the factors has no room for what these values fill in.
            DeckError: a lane's matrix is singular.
            SimulatorError: a run diverged, or the deadline passed.
        """
        tiles = range(0, self._lanes, self._width)
        if len(tiles) == 1:
            self._together = threads
        if threads <= 1 or len(tiles) == 1:
            for begin in tiles:
                yield from self._tile(begin)
            return
        with ThreadPoolExecutor(threads) as pool:
            for results in pool.map(lambda begin: list(self._tile(begin)), tiles):
                yield from results

    def _startup(self) -> int:
        """Steps before t = 0, by JoSIM's formula (Simulation.cpp, trans_sim)."""
        if not self._transient.startup:
            return 0
        size = abs(math.log10(self._transient.step))
        return min(1000, int(2 * math.pow(10, (size - 12) * 2 + 1)))

    def _guard(self) -> int:
        """JoSIM looks at phases from the first step whose number is above 1 % of all."""
        steps = self._transient.steps
        guard = int(0.01 * steps)
        while guard > 0 and guard / steps > 0.01:
            guard -= 1
        while (guard + 1) / steps <= 0.01:
            guard += 1
        return guard

    def _tile(self, begin: int) -> Iterator[tuple[int, LaneResult | None]]:
        used = min(self._width, self._lanes - begin)
        lanes = [min(begin + k, self._lanes - 1) for k in range(self._width)]
        tile = self._setup.build(lanes, used)
        if tile.own:
            factorise(tile.matrix, tile.shared.a, tile.factors, tile.width, self._name, own=True)
        samples = PrintedSamples(
            self._transient, self._traces, self._job.sink, self._width, self._steps
        )
        self._advance(tile, samples)
        for lane in range(used):
            tripped = bool(tile.tripped.array[lane])
            yield begin + lane, None if tripped else self._result(tile, samples, lane)

    def _advance(self, tile: Tile, samples: PrintedSamples) -> None:
        # What is no part's is run by one thread.
        threads = min(self._together, tile.parts.total) if tile.chunks.alone else 1
        with ExitStack() as stack:  # each helper is a thread of its own
            helpers = [stack.enter_context(ThreadPoolExecutor(1)) for _ in range(threads - 1)]
            self._stretches(tile, samples, helpers)

    def _stretches(self, tile: Tile, samples: PrintedSamples, helpers: Sequence[Executor]) -> None:
        """All steps, a stretch at a time."""
        steps, guard = self._transient.steps, self._guard()
        # Long enough that Python costs nothing, short enough that a deadline is kept.
        work = max(1, len(self._topology.flat)) * _STEP_S
        stride = max(1, int(STRETCH_S / work))
        first = self._begin(tile, samples)
        while first < steps:
            prints, last = samples.prints(first, min(steps, first + stride))
            output = np.empty(max(1, prints.size * samples.signals) * self._width)
            status = kernels.run_tile(
                tile, Pointer(output), longs(prints), prints.size, first, last,
                self._transient.step, guard, helpers,
            )  # fmt: skip
            if status == SINGULAR:
                raise SimulatorError(f"{self._name}: the matrix became singular")
            if status == RESTLESS:
                raise SimulatorError(
                    f"{self._name}: the current of an inductor with ik= can't be found: it is far "
                    "above ik"
                )
            if status == INCOMPLETE:
                raise IncompletePattern
            if status == TOO_FAST:
                return
            samples.add(prints, output)
            first = last
            late = self._job.deadline is not None and self._job.deadline()
            if self._job.checkpoint is not None:
                complete = self._setup.equations.pattern.complete
                run = (self._job.seeds[0], self._transient.step, complete)
                self._job.checkpoint.keep(tile, *run, first, samples.following_s, now=late)
            if late:
                raise SimulatorError(f"{self._name}: the run took too long")
        x = self._solution(tile)[:-1, : tile.used]
        if not np.all(np.isfinite(x[:, ~tile.tripped.array[: tile.used]])):
            raise SimulatorError(f"{self._name}: the solution is not finite; the circuit diverges")

    def _begin(self, tile: Tile, samples: PrintedSamples) -> int:
        """The first step: where the run was ended, or before t = 0."""
        checkpoint = self._job.checkpoint
        state = None if checkpoint is None else checkpoint.restore(tile)
        if checkpoint is None or state is None:
            return self._settled(tile)
        samples.following_s = state.following_s
        checkpoint.state = None  # a step that has to be smaller begins anew
        return state.at

    def _settled(self, tile: Tile) -> int:
        """The first step that is not known beforehand.

        JoSIM lets a circuit settle before t = 0, for a thousand steps of 0.05 ps. A pwl is constant
        then; where the first of these steps moves nothing, to the last bit, no other one does.
        """
        first = -self._startup()
        lanes = range(self._lanes)
        if first >= -1 or not self._setup.sources.piecewise_linear(lanes).all():
            return first
        nothing = longs([0])
        kernels.run_tile(
            tile, Pointer(np.zeros(1)), nothing, 0, first, first + 1, self._transient.step,
            self._guard(),
        )  # fmt: skip
        return 0 if at_rest(tile) else first + 1

    def _solution(self, tile: Tile) -> FloatArray:
        """Shape (unknowns and ground, width)."""
        x = (tile.xb if tile.flip.array[0] else tile.xa).array
        return np.asarray(x[: (tile.matrix.size + 1) * self._width].reshape(-1, self._width))

    def _result(self, tile: Tile, samples: PrintedSamples, lane: int) -> LaneResult:
        pulses = {
            label: self._pulses_of(tile, m, lane) for m, label in enumerate(self._extract.pulses)
        }
        energy = {}
        if self._extract.energy:
            labels = self._topology.current_sources.labels
            energy = dict(zip(labels, self._work(tile)[:, lane].tolist(), strict=True))
        waveforms = samples.waveforms(lane) if self._extract.waveforms else None
        return LaneResult(self._transient.step, waveforms, pulses, energy)

    def _work(self, tile: Tile) -> FloatArray:
        """Work of the current sources, shape (sources, width), with that of their last pieces."""
        watch, width = tile.watch, self._width
        x, count = self._solution(tile), tile.sources.currents

        def rows(pointer: Pointer) -> FloatArray:
            return np.asarray(pointer.array[: count * width].reshape(count, width))

        ends = watch.source_ends
        advance = x[ends.p_x.array] - x[ends.n_x.array] - rows(watch.mark)
        rest = SIGMA * rows(watch.source_before) * advance
        rest[~watch.idle.array[:count]] = 0.0
        return rows(watch.work) + rest

    def _pulses_of(self, tile: Tile, m: int, lane: int) -> Pulses:
        at = m * self._width + lane
        count = int(tile.watch.pulses.array[at])
        capacity = tile.watch.capacity
        if count > capacity:
            raise SimulatorError(
                f"{self._name}: {self._extract.pulses[m]} gave {count} pulses; "
                f"max_pulses is {capacity}"
            )
        signed = tile.watch.times.array[at * capacity : at * capacity + count]
        return Pulses(np.abs(signed), np.sign(signed).astype(np.int8))
