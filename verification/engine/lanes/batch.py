"""Lanes of one time step, in tiles: the run itself, and what becomes of its results."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from netlist_gen.errors import ConfigurationError, SimulatorError
from verification.engine import kernels
from verification.engine.equations.constants import SIGMA
from verification.engine.equations.outputs import build_terms
from verification.engine.equations.values import Values
from verification.engine.lanes.factors import IncompletePattern, factorise
from verification.engine.lanes.layout import Tile
from verification.engine.lanes.pointers import Pointer, longs
from verification.engine.lanes.results import Extract, LaneResult, Pulses
from verification.engine.lanes.samples import Samples, Sink, sample_steps
from verification.engine.lanes.simd import WIDTH
from verification.engine.lanes.stimuli import noise_table, source_table
from verification.engine.lanes.tiles import TileSetup, Watched
from verification.engine.text.deck import Transient
from verification.engine.text.sources import SourceWave
from verification.waves.pulses import PHASE_HYSTERESIS_FLUXONS

if TYPE_CHECKING:
    from verification.engine.run import CompiledDeck

FloatArray = NDArray[np.float64]
PULSE_HYSTERESIS = PHASE_HYSTERESIS_FLUXONS * 2 * math.pi
"""How far past the middle a phase must go to count as a pulse, rad."""


class Batch:
    """All lanes at one time step.

    Raises as ``CompiledDeck.run_lanes``, and IncompletePattern unless it is ``complete``.
    """

    def __init__(
        self,
        compiled: CompiledDeck,
        transient: Transient,
        values: Values,
        stimuli: list[Mapping[str, SourceWave]],
        seeds: list[int],
        extract: Extract,
        deadline: Callable[[], bool] | None,
        sink: Sink | None,
        *,
        complete: bool,
    ) -> None:
        self._compiled = compiled
        self._transient = transient
        self._extract = extract
        self._deadline = deadline
        self._sink = sink
        self._lanes = len(stimuli)
        # One lane alone runs as scalars: an eighth of the memory.
        self._width = 1 if self._lanes == 1 else WIDTH
        self._tiles = -(-self._lanes // self._width)
        keep = extract.waveforms or sink is not None
        self._traces = compiled.traces if keep else []
        at = extract.sample_s
        self._steps = None if at is None else sample_steps(at, transient, compiled.deck.name)
        equations, shared = compiled.prepare(values, transient.step, complete=complete)
        noise = noise_table(compiled.topology, equations.plan, transient, values, stimuli, seeds)
        # A wave that would arrive after the end needs no room to wait in.
        delays = [
            min(round(e.delay / transient.step), transient.steps + 1)
            for e, _ in compiled.topology.lines
        ]
        self._setup = TileSetup(
            equations,
            self._width,
            transient.step,
            shared,
            np.array(delays, dtype=np.int64),
            source_table(compiled.topology, transient, values, stimuli),
            noise,
            build_terms(equations, self._traces),
            self._watched(),
            keep=noise.kind.size > 0 or any(trace.kind == "I" for trace in self._traces),
        )

    @property
    def _name(self) -> str:
        return self._compiled.deck.name

    def _watched(self) -> Watched:
        topology = self._compiled.topology
        where = {label: j for j, label in enumerate(topology.junctions.labels)}
        junctions = []
        for label in self._extract.pulses:
            key = label.upper().replace(".", "|")
            if key not in where:
                raise ConfigurationError(f"{self._name} has no junction {label}")
            junctions.append(where[key])
        rest = min(round(self._extract.rest_s / self._transient.step), self._transient.steps - 1)
        capacity = self._extract.max_pulses if junctions else 1
        return Watched(tuple(junctions), rest, PULSE_HYSTERESIS, capacity, self._extract.energy)

    def run(self, threads: int) -> Iterator[tuple[int, LaneResult | None]]:
        """(lane, result) of every lane; None for a lane that needs a smaller step."""
        if threads <= 1 or self._tiles == 1:
            for tile in range(self._tiles):
                yield from self._tile(tile)
            return
        with ThreadPoolExecutor(threads) as pool:
            for results in pool.map(lambda tile: list(self._tile(tile)), range(self._tiles)):
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

    def _tile(self, number: int) -> Iterator[tuple[int, LaneResult | None]]:
        begin = number * self._width
        used = min(self._width, self._lanes - begin)
        lanes = [min(begin + k, self._lanes - 1) for k in range(self._width)]
        tile = self._setup.build(lanes, used)
        if tile.own:
            factorise(tile.matrix, tile.shared.a, tile.factors, tile.w, self._name, own=True)
        samples = Samples(self._transient, self._traces, self._sink, self._width, self._steps)
        self._advance(tile, samples)
        for lane in range(used):
            tripped = bool(tile.tripped.array[lane])
            yield begin + lane, None if tripped else self._result(tile, samples, lane)

    def _advance(self, tile: Tile, samples: Samples) -> None:
        steps, guard = self._transient.steps, self._guard()
        # Long enough that Python costs nothing, short enough that a deadline is kept.
        work = max(1, len(self._compiled.topology.devices)) * 100e-9
        stride = max(1, int(0.5 / work))
        first = -self._startup()
        while first < steps:
            prints, last = samples.prints(first, min(steps, first + stride))
            output = np.empty(max(1, prints.size * samples.signals) * self._width)
            status = kernels.run_tile(
                tile, Pointer(output), longs(prints), prints.size, first, last,
                self._transient.step, guard,
            )  # fmt: skip
            if status == kernels.SINGULAR:
                raise SimulatorError(f"{self._name}: the matrix became singular")
            if status == kernels.INCOMPLETE:
                raise IncompletePattern
            if status == kernels.TOO_FAST:
                return
            samples.add(prints, output)
            first = last
            if self._deadline is not None and self._deadline():
                raise SimulatorError(f"{self._name}: the run took too long")
        x = tile.xb if tile.flip.array[0] else tile.xa
        rows = x.array[: tile.matrix.size * self._width].reshape(-1, self._width)
        if not np.all(np.isfinite(rows[:, : tile.used][:, ~tile.tripped.array[: tile.used]])):
            raise SimulatorError(f"{self._name}: the solution is not finite; the circuit diverges")

    def _result(self, tile: Tile, samples: Samples, lane: int) -> LaneResult:
        pulses = {
            label: self._pulses_of(tile, m, lane) for m, label in enumerate(self._extract.pulses)
        }
        energy = {}
        if self._extract.energy:
            work = self._work(tile)[:, lane]
            labels = self._compiled.topology.current_sources.labels
            energy = {label: float(work[s]) for s, label in enumerate(labels)}
        waveforms = samples.waveforms(lane) if self._extract.waveforms else None
        return LaneResult(self._transient.step, waveforms, pulses, energy)

    def _work(self, tile: Tile) -> FloatArray:
        """Work of the current sources, shape (sources, width), with that of their last pieces."""
        watch, width = tile.watch, self._width
        x = (tile.xb if tile.flip.array[0] else tile.xa).array
        count = tile.sources.currents

        def rows(pointer: Pointer) -> FloatArray:
            return np.asarray(pointer.array[: count * width].reshape(count, width))

        x = x[: (tile.matrix.size + 1) * width].reshape(-1, width)
        p, n = watch.source_p_x.array[:count], watch.source_n_x.array[:count]
        advance = x[n] - x[p] - rows(watch.mark)
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
