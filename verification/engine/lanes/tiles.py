"""One tile of lanes for the kernels: coefficients, histories at zero, pointers to all of it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from verification.engine.equations.constants import SIGMA
from verification.engine.equations.equations import Equations
from verification.engine.equations.outputs import Terms
from verification.engine.lanes.factors import empty_factors, matrix_pointers
from verification.engine.lanes.layout import (
    COEFFICIENT_ROWS,
    STATE_ROWS,
    Capacitors,
    Controlled,
    Factors,
    Junctions,
    Lines,
    Noise,
    Prescribed,
    Record,
    Resistors,
    Sources,
    Tile,
    Watch,
)
from verification.engine.lanes.pointers import Pointer, doubles, integers, longs
from verification.engine.lanes.simd import WIDTH
from verification.engine.lanes.stimuli import NoiseTable, SourceTable

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Watched:
    """Which junctions give pulses, and whether the current sources' work is summed.

    ``hysteresis`` is how far beyond the middle (pi) a phase must go to count, rad.
    """

    junctions: tuple[int, ...]
    rest_step: int
    hysteresis: float
    capacity: int
    energy: bool


@dataclass(frozen=True, eq=False)
class TileSetup:
    """What all tiles of a batch have in common.

    Attributes:
        width: lanes in a tile, 1 or 8.
        shared: factors that all lanes share, or None where each has its own.
        delays: of the lines, in steps.
        keep: whether currents are recorded or noise is on.
    """

    equations: Equations
    width: int
    step: float
    shared: Factors | None
    delays: NDArray[np.int64]
    sources: SourceTable
    noise: NoiseTable
    terms: Terms
    watched: Watched
    keep: bool

    def build(self, lanes: list[int], used: int) -> Tile:
        """The tile whose lanes are these columns of all values; ``used`` are no padding."""
        return _Builder(self, lanes).build(used)


class _Builder:
    def __init__(self, setup: TileSetup, lanes: list[int]) -> None:
        self._setup = setup
        self._lanes = lanes
        self._own = setup.shared is None
        self._eq = setup.equations

    def _zeros(self, count: int) -> Pointer:
        return Pointer(np.zeros(max(count, 1) * self._setup.width))

    def _picked(self, array: FloatArray) -> FloatArray:
        """Rows of (elements, lanes) for the lanes of this tile, or of the one lane of all."""
        return array[:, self._lanes] if self._own else array[:, :1]

    def _pick(self, array: FloatArray) -> Pointer:
        return doubles(self._picked(array)) if array.size else self._zeros(1)

    def _ends(self, ends: NDArray[np.int32]) -> tuple[Pointer, Pointer, Pointer, Pointer]:
        p_b, n_b, p_x, n_x = (integers(ends[:, k]) for k in range(4))
        return p_b, n_b, p_x, n_x

    def build(self, used: int) -> Tile:
        setup, eq = self._setup, self._eq
        # The copy of the constant part runs in whole vectors.
        size = -(-(eq.plan.size + 1) * setup.width // WIDTH) * WIDTH
        return Tile(
            (0,) * setup.width,
            used,
            self._own,
            Pointer(np.zeros(size)),
            Pointer(np.zeros(size)),
            Pointer(np.zeros(1, dtype=np.bool_)),
            Pointer(np.zeros(setup.width, dtype=np.bool_)),
            matrix_pointers(eq),
            setup.shared or self._own_values(),
            empty_factors(eq, setup.width),
            self._junctions(),
            self._resistors(),
            self._capacitors(),
            self._prescribed(),
            self._controlled(),
            self._lines(),
            self._sources(size),
            self._noise(),
            self._record(),
            self._watch(),
        )

    def _own_values(self) -> Factors:
        empty = self._zeros(1)
        return Factors(
            self._pick(self._eq.matrix), empty, integers(np.zeros(1)), empty, empty, empty
        )

    def _junctions(self) -> Junctions:
        plan, parts, width = self._eq.plan, self._eq.parts, self._setup.width
        count = plan.junction_ends.shape[0]
        together = WIDTH // width
        vectors = -(-count // together)
        ends = np.full((vectors * together, 4), plan.size, dtype=np.int32)
        ends[:count] = plan.junction_ends
        own = self._own or width == 1
        shunted = plan.shunt >= 0
        shunt = np.zeros((3, count, parts.junction.shape[2]))
        shunt[:, shunted] = parts.resistor[:, plan.shunt[shunted]]
        g, part, per_ampere = shunt
        lanes = parts.junction.shape[2]
        same = np.ones(lanes)
        rows = [
            *parts.junction,
            g,
            part,
            parts.gap[0, :, :1] * same,
            plan.relations.offset[:, None] * same,
        ]
        table = np.stack([self._picked(row) for row in rows], axis=1)  # (junctions, rows, lanes)
        padded = np.zeros((vectors * together, *table.shape[1:]))
        padded[:, 6] = math.inf  # LOW: what fills up the last vector is never above its gap
        padded[:count] = table
        if width == 1:
            padded = padded.reshape(vectors, together, COEFFICIENT_ROWS).transpose(0, 2, 1)
        special = np.zeros(vectors * together, dtype=np.int32)
        special[:count] = plan.relations.kind != 0
        gap = np.stack([self._picked(row) for row in parts.gap[2:5]], axis=2)
        slots = vectors * WIDTH
        return Junctions(
            vectors,
            count,
            own,
            self._setup.keep,
            parts.inverse_pc,
            parts.prediction,
            integers(ends.reshape(vectors, together, 4).transpose(0, 2, 1)),
            doubles(padded),
            integers(special.reshape(vectors, together).max(axis=1, initial=0)),
            integers(plan.relations.kind),
            integers(plan.relations.extra),
            doubles(plan.relations.table),
            Pointer(np.zeros(max(1, vectors) * STATE_ROWS * WIDTH)),
            Pointer(np.zeros(max(1, slots))),
            Pointer(np.zeros(max(1, slots))),
            self._pick(per_ampere),
            Pointer(np.zeros(max(1, slots))),
            doubles(parts.gap[1, :, 0]),
            doubles(gap),
            self._own,
            longs(plan.places),
            longs(np.zeros(1)),
            Pointer(np.zeros(WIDTH)),
            Pointer(np.zeros(3 * WIDTH)),
        )

    def _resistors(self) -> Resistors:
        plan, parts = self._eq.plan, self._eq.parts
        count = plan.resistors.size
        rows = [parts.resistor[k][plan.resistors] for k in range(3)]
        return Resistors(
            plan.plain,
            count,
            self._own,
            *self._ends(plan.resistor_ends),
            *[self._pick(row) for row in rows],
            *[self._zeros(count) for _ in range(3)],
        )

    def _capacitors(self) -> Capacitors:
        plan = self._eq.plan
        count = plan.capacitor_ends.shape[0]
        return Capacitors(
            count,
            self._own,
            *self._ends(plan.capacitor_ends),
            self._pick(self._eq.parts.capacitor),
            *[self._zeros(count) for _ in range(4)],
        )

    def _prescribed(self) -> Prescribed:
        plan, sources = self._eq.plan, self._setup.sources
        count = plan.prescribed_row.size
        return Prescribed(
            count,
            self._eq.scale,
            2.0 * self._setup.step / (3.0 * SIGMA),
            integers(plan.prescribed_row),
            *self._ends(plan.prescribed_ends)[2:],
            integers(plan.prescribed_kind),
            integers(sources.of_phase),
            self._zeros(count),
        )

    def _controlled(self) -> Controlled:
        plan, parts = self._eq.plan, self._eq.parts
        gains = np.array(parts.transfer, dtype=np.float64)[plan.controlled].reshape(-1, 1)
        count = plan.controlled.size
        return Controlled(
            count,
            self._eq.scale,
            False,
            integers(plan.transfer),
            *self._ends(plan.controlled_ends),
            doubles(gains) if count else self._zeros(1),
            self._zeros(count),
            self._zeros(count),
        )

    def _lines(self) -> Lines:
        plan, delays = self._eq.plan, self._setup.delays
        count = delays.size
        length = delays + 3
        begin = np.concatenate([[0], np.cumsum(4 * length)])
        return Lines(
            count,
            self._own,
            *self._ends(plan.line_ends),
            self._pick(self._eq.parts.lines),
            longs(delays),
            longs(begin),
            longs(length),
            self._zeros(2 * count),
            self._zeros(2 * count),
            self._zeros(2 * count),
            self._zeros(int(begin[-1])),
        )

    def _sources(self, size: int) -> Sources:
        table = self._setup.sources
        count, width = table.count, self._setup.width
        p_b, n_b, _, _ = self._ends(self._eq.plan.source_ends)
        kind, begin, length = (longs(table.waves[:, self._lanes, k]) for k in range(3))
        lines = Pointer(np.ascontiguousarray(table.piecewise_linear(self._lanes)))
        return Sources(
            count,
            self._eq.plan.source_ends.shape[0],
            p_b,
            n_b,
            kind,
            begin,
            length,
            doubles(table.data),
            lines,
            doubles(table.factor[:, self._lanes]),
            Pointer(np.zeros(max(1, count) * width, dtype=np.int64)),
            self._zeros(count),
            self._zeros(count),
            self._zeros(count),
            self._zeros(count),
            Pointer(np.full(max(1, count), -math.inf)),
            Pointer(np.zeros(max(1, count), dtype=np.bool_)),
            Pointer(np.zeros(max(1, count), dtype=np.int32)),
            longs(np.zeros(2)),
            Pointer(np.full(1, -math.inf)),
            Pointer(np.zeros(size)),
        )

    def _noise(self) -> Noise:
        table = self._setup.noise
        count, width = table.kind.size, self._setup.width
        return Noise(
            count,
            integers(table.kind),
            integers(table.element),
            doubles(table.period),
            doubles(table.delay),
            doubles(table.ratio),
            doubles(table.sigma[:, self._lanes]),
            Pointer(np.ascontiguousarray(table.seed[self._lanes])),
            Pointer(np.full(max(1, count) * width, -2, dtype=np.int64)),
            self._zeros(count),
            self._zeros(count),
        )

    def _record(self) -> Record:
        terms = self._setup.terms
        signals = terms.derivative.size
        return Record(
            signals,
            bool(terms.derivative.any()),
            self._own,
            integers(terms.rows),
            integers(terms.kind),
            integers(terms.place),
            integers(terms.other),
            doubles(terms.factor),
            Pointer(np.ascontiguousarray(terms.derivative)),
            self._pick(self._eq.coefficient),
            self._zeros(signals),
            self._zeros(signals),
        )

    def _watch(self) -> Watch:
        watched, width = self._setup.watched, self._setup.width
        ends = self._eq.plan.junction_ends[list(watched.junctions)].reshape(-1, 4)
        _, _, source_p, source_n = self._ends(self._eq.plan.source_ends)
        count, sources = ends.shape[0], self._eq.plan.source_ends.shape[0]
        counts: NDArray[Any] = np.zeros(max(1, count) * width, dtype=np.int64)
        return Watch(
            count,
            watched.rest_step,
            watched.hysteresis,
            watched.capacity,
            *self._ends(ends)[2:],
            self._zeros(count),
            self._zeros(count),
            self._zeros(count),
            Pointer(counts),
            self._zeros(count * watched.capacity),
            watched.energy,
            source_p,
            source_n,
            self._zeros(sources),
            self._zeros(sources),
            self._zeros(sources),
            Pointer(np.zeros(max(1, sources), dtype=np.bool_)),
        )
