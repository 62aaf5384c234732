"""One tile of lanes for the kernels: coefficients, histories at zero, pointers to all of it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from verification.engine.equations.constants import SIGMA
from verification.engine.equations.equations import Equations
from verification.engine.equations.outputs import Terms
from verification.engine.lanes.factors import empty_factors, matrix_pointers
from verification.engine.lanes.layout import (
    COEFFICIENT_ROWS,
    MODEL_ROWS,
    OFFSET,
    SHARE,
    STATE_ROWS,
    WIDTH,
    Capacitors,
    Controlled,
    Ends,
    Factors,
    Junctions,
    Kinetic,
    Lines,
    Noise,
    Prescribed,
    Resistors,
    Sources,
    Tile,
    Traces,
    Watch,
)
from verification.engine.lanes.pieces import Chunks, Parts
from verification.engine.lanes.pointers import Pointer, doubles, integers, longs, zeros
from verification.engine.lanes.results import Extract
from verification.engine.lanes.stimuli import NoiseTable, SourceTable
from verification.engine.text.deck import TransientAnalysis
from verification.waves.pulses import PHASE_HYSTERESIS_FLUXONS

FloatArray = NDArray[np.float64]
PULSE_HYSTERESIS = PHASE_HYSTERESIS_FLUXONS * 2 * math.pi
"""How far past the middle (pi) a phase must go to count as a pulse, rad."""


@dataclass(frozen=True, eq=False)
class TileSetup:
    """What all tiles of a batch have in common.

    Attributes:
        width: lanes in a tile, 1 or 8.
        shared: factors that all lanes share, or None where each has its own.
        delays: of the lines, in steps.
        watched: junctions whose pulses are extracted.
        extract: what else is.
        keep: whether currents are recorded or noise is on.
    """

    equations: Equations
    width: int
    transient: TransientAnalysis
    shared: Factors | None
    delays: NDArray[np.int64]
    sources: SourceTable
    noise: NoiseTable
    terms: Terms
    watched: list[int]
    extract: Extract
    keep: bool

    @cached_property
    def first(self) -> NDArray[np.bool_]:
        """By vector, whether its junctions begin the rows of their first ends."""
        order, together = self.equations.plan.order, WIDTH // self.width
        first = np.ones(-(-order.places // together) * together, dtype=np.bool_)
        first[order.place] = order.first
        return np.asarray(first.reshape(-1, together).all(axis=1))

    @cached_property
    def begins(self) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
        """Where each chunk's rows begin that no junction begins, and these rows."""
        order, together = self.equations.plan.order, WIDTH // self.width
        begun = np.zeros(order.rows, dtype=np.bool_)
        begun[order.junction_rows[self.first[order.place // together], 0]] = True
        left = ~begun[order.begin]
        counts = np.append(0, np.cumsum(left))
        return counts[order.begins], order.begin[left]

    def build(self, lanes: list[int], used: int) -> Tile:
        """The tile whose lanes are these columns of all values; ``used`` are no padding."""
        return _TileBuilder(self, lanes).build(used)


def junction_rows(equations: Equations) -> tuple[list[FloatArray], FloatArray]:
    """Coefficients of the junctions, as in ``layout``; phase per ampere of the resistors across.

    Each has shape (junctions, lanes), in the topology's order.
    """
    plan, parts = equations.plan, equations.parts
    shunted = plan.shunt >= 0
    shunt = np.zeros((3, *parts.junction.shape[1:]))
    shunt[:, shunted] = parts.resistor[:, plan.shunt[shunted]]
    g, part, per_ampere = shunt
    *current, behind, share = parts.junction
    return [*(row * share for row in current), behind, share, g, part], per_ampere


class _TileBuilder:
    def __init__(self, setup: TileSetup, lanes: list[int]) -> None:
        self._setup = setup
        self._lanes = lanes
        self._own = setup.shared is None
        self._eq = setup.equations

    def _zeros(self, count: int) -> Pointer:
        """Room for ``count`` doubles of each lane; at least for one."""
        return zeros(max(count, 1) * self._setup.width)

    def _nothing(self, count: int, kind: type[np.generic]) -> Pointer:
        """The same of another kind of number."""
        return Pointer(np.zeros(max(count, 1) * self._setup.width, dtype=kind))

    def _three(self, count: int) -> tuple[Pointer, Pointer, Pointer]:
        return self._zeros(count), self._zeros(count), self._zeros(count)

    def _picked(self, array: FloatArray) -> FloatArray:
        """Rows of (elements, lanes) for the lanes of this tile, or of the one lane of all."""
        return array[:, self._lanes] if self._own else array[:, :1]

    def _pick(self, array: FloatArray) -> Pointer:
        return doubles(self._picked(array)) if array.size else self._zeros(1)

    def _ends(self, ends: NDArray[np.int32]) -> Ends:
        return Ends(*(integers(column) for column in ends.T))

    def build(self, used: int) -> Tile:
        setup, eq = self._setup, self._eq
        width = setup.width
        # The copy of the constant part runs in whole vectors.
        size = -(-eq.plan.order.rows * width // WIDTH) * WIDTH
        return Tile(
            width, used, self._own, zeros(size), zeros(size),
            Pointer(np.zeros(1, dtype=np.bool_)), Pointer(np.zeros(width, dtype=np.bool_)),
            matrix_pointers(eq), setup.shared or self._own_values(), empty_factors(eq, width),
            self._parts(), self._chunks(), self._junctions(), self._resistors(), self._capacitors(),
            self._prescribed(), self._controlled(), self._lines(), self._kinetic(size),
            self._sources(size), self._noise(), self._traces(), self._watch(),
        )  # fmt: skip

    def _own_values(self) -> Factors:
        empty = self._zeros(1)
        return Factors(self._pick(self._eq.matrix), empty, integers([0]), empty, empty, empty)

    def _chunks(self) -> Chunks:
        plan = self._eq.plan
        order, together = plan.order, WIDTH // self._setup.width
        begins, begin = self._setup.begins
        others = (
            plan.capacitor_ends, plan.prescribed_row, plan.controlled, plan.line_ends,
            plan.kinetic_ends, self._setup.noise.kind,
        )  # fmt: skip
        return Chunks(
            not any(len(each) for each in others), longs(order.ends),
            longs(-(-order.vectors // together)), longs(order.plain_ends),
            longs(order.series_ends), longs(begins), integers(begin),
        )  # fmt: skip

    def _parts(self) -> Parts:
        order, pattern, size = self._eq.plan.order, self._eq.pattern, self._eq.plan.size
        begin = order.parts.begin
        total, between = order.parts.total, int(begin[-1])
        # Rows of ``back`` fall, so that the rows between come first and part 0 comes last.
        backs = np.searchsorted(-pattern.back.astype(np.int64), -np.append(begin, size) + 1)
        segments = [
            pattern.l_rows[i] + np.searchsorted(
                pattern.l_columns[pattern.l_rows[i] : pattern.l_used[i]], begin
            )
            for i in range(between, size)
        ]  # fmt: skip
        return Parts(
            total, between, size + 1, size - between + 1, longs(order.chunks), longs(begin),
            longs(backs), longs(np.array(segments, dtype=np.int64)), zeros(total),
            longs(np.zeros(total)), longs(np.zeros(24)),
        )  # fmt: skip

    def _junctions(self) -> Junctions:
        plan, parts, width = self._eq.plan, self._eq.parts, self._setup.width
        count = plan.order.places
        together = WIDTH // width
        vectors = -(-count // together)
        ends = self._placed(plan.junction_ends, plan.size, vectors * together)
        of_vector = ends.reshape(vectors, together, 4).transpose(0, 2, 1)
        kind = self._placed(plan.relations.kind)
        special = self._placed(plan.relations.kind != 0, count=vectors * together)
        gap = self._placed(np.stack([self._picked(row) for row in parts.gap[2:5]], axis=2))
        room = [zeros(max(1, vectors) * rows * WIDTH) for rows in (STATE_ROWS, 1, 1, 1)]
        state, current, shunt_current, delta = room
        coefficient, model, per_ampere, share = self._junction_coefficients(vectors, together)
        return Junctions(
            vectors, count, self._own or width == 1, self._setup.keep,
            bool((plan.shunt >= 0).any()), bool((self._eq.topology.behind >= 0).any()),
            bool(plan.relations.kind.any()),
            parts.inverse_pc, parts.prediction,
            integers(of_vector), integers((of_vector[:, 3] == plan.size).all(axis=1)),
            integers(self._setup.first), coefficient, model,
            integers(special.reshape(vectors, together).max(axis=1, initial=0)),
            integers(kind), integers(self._placed(plan.relations.extra)),
            doubles(plan.relations.table), state, share, current, shunt_current, per_ampere, delta,
            doubles(self._placed(parts.gap[1, :, 0])), doubles(gap), self._own,
            longs(self._placed(plan.places, -1)),
            longs([0]), zeros(plan.order.parts.total * WIDTH),
            zeros(3 * plan.order.parts.total * WIDTH),
        )  # fmt: skip

    def _placed(
        self, rows: NDArray[Any], fill: float = 0, count: int | None = None
    ) -> NDArray[Any]:
        """Rows by junction in the kernels' order, with ``fill`` at places without one."""
        order = self._eq.plan.order
        out = np.full((order.places if count is None else count, *rows.shape[1:]), fill, rows.dtype)
        out[order.place] = rows
        return out

    def _junction_coefficients(
        self, vectors: int, together: int
    ) -> tuple[Pointer, Pointer, Pointer, Pointer]:
        """Rows of all vectors as in ``layout``; phase per ampere of the resistors across them.

        And the junctions' shares of the phases, by slot.
        """
        plan, parts = self._eq.plan, self._eq.parts
        rows, per_ampere = junction_rows(self._eq)
        table = np.stack([self._picked(row) for row in rows], axis=1)  # (junctions, rows, lanes)
        padded = self._placed(table, count=vectors * together)
        of_model = np.stack([parts.gap[0, :, 0], plan.relations.offset], axis=1)
        # What fills up a vector is never above its gap.
        model: NDArray[Any] = self._placed(of_model, math.inf, vectors * together)
        model[~np.isfinite(model[:, OFFSET]), OFFSET] = 0.0
        if self._setup.width == 1:
            shape = (vectors, together, COEFFICIENT_ROWS)
            table = padded.reshape(shape).transpose(0, 2, 1)
            model = model.reshape(vectors, together, MODEL_ROWS).transpose(0, 2, 1)
        else:
            table = padded
        share = np.zeros((vectors * together, self._setup.width))
        share[:] = padded[:, SHARE]
        return (
            doubles(table), doubles(model), self._pick(self._placed(per_ampere)), doubles(share)
        )  # fmt: skip

    def _resistors(self) -> Resistors:
        plan, parts = self._eq.plan, self._eq.parts
        kept = plan.order.resistors
        count = kept.size
        g, part, per_ampere = (self._pick(rows[kept]) for rows in parts.resistor)
        return Resistors(
            plan.order.plain, count, self._own, self._setup.keep, self._ends(plan.resistor_ends),
            g, part, per_ampere, *self._three(count),
        )  # fmt: skip

    def _capacitors(self) -> Capacitors:
        ends, g = self._eq.plan.capacitor_ends, self._pick(self._eq.parts.capacitor)
        room = (*self._three(len(ends)), self._zeros(len(ends)))
        return Capacitors(len(ends), self._own, self._ends(ends), g, *room)

    def _prescribed(self) -> Prescribed:
        plan = self._eq.plan
        count = plan.prescribed_row.size
        return Prescribed(
            count, self._eq.scale, 2.0 * self._setup.transient.step / (3.0 * SIGMA),
            integers(plan.prescribed_row), self._ends(plan.prescribed_ends),
            integers(plan.prescribed_kind), integers(self._setup.sources.of_phase),
            self._zeros(count),
        )  # fmt: skip

    def _controlled(self) -> Controlled:
        plan = self._eq.plan
        count = plan.controlled.size
        gains = doubles(self._eq.parts.transfer[plan.controlled]) if count else self._zeros(1)
        return Controlled(
            count, self._eq.scale, False, integers(plan.transfer),
            self._ends(plan.controlled_ends), gains, self._zeros(count), self._zeros(count),
        )  # fmt: skip

    def _lines(self) -> Lines:
        delays = self._setup.delays
        count, length = delays.size, delays + 3
        begin = np.concatenate([[0], np.cumsum(4 * length)])
        return Lines(
            count, self._own, self._ends(self._eq.plan.line_ends), self._pick(self._eq.parts.lines),
            longs(delays), longs(begin), longs(length), *self._three(2 * count),
            self._zeros(int(begin[-1])),
        )  # fmt: skip

    def _kinetic(self, size: int) -> Kinetic:
        ends, at = self._eq.plan.kinetic_ends, self._eq.topology.kinetic
        inductors, flat = self._eq.topology.inductors, self._eq.topology.flat
        inductance = self._eq.values.inductance[at] if at else np.zeros((0, 1))
        ik = np.array(
            [[flat.cards[card].kinetic_A] for card in flat.card[inductors.at[at]]], dtype=np.float64
        ).reshape(-1, 1)
        kept = zeros(size if at else 1)
        return Kinetic(
            len(at), self._own, self._ends(ends), self._pick(ik + 0.0 * inductance),
            self._pick(ik * inductance / SIGMA), self._zeros(len(at)), self._zeros(len(at)), kept,
        )  # fmt: skip

    def _sources(self, size: int) -> Sources:
        table, ends = self._setup.sources, self._eq.plan.source_ends
        count = table.count
        kind, begin, length = (longs(table.waves[:, self._lanes, k]) for k in range(3))
        lines = Pointer(np.ascontiguousarray(table.piecewise_linear(self._lanes)))
        return Sources(
            count, len(ends), self._ends(ends), kind, begin, length, doubles(table.data), lines,
            doubles(table.factor[:, self._lanes]), self._nothing(count, np.int64),
            *self._three(count), self._zeros(count), Pointer(np.full(max(1, count), -math.inf)),
            self._nothing(count, np.bool_), self._nothing(count, np.int32),
            longs([0, 0]), doubles([-math.inf]), zeros(size),
            zeros(size),
        )  # fmt: skip

    def _noise(self) -> Noise:
        table = self._setup.noise
        count = table.kind.size
        return Noise(
            count, integers(table.kind), integers(table.element),
            doubles(table.period), doubles(table.delay), doubles(table.ratio),
            doubles(table.sigma[:, self._lanes]),
            Pointer(np.ascontiguousarray(table.seed[self._lanes])),
            longs(np.full(max(1, count) * self._setup.width, -2)),
            self._zeros(count), self._zeros(count),
        )  # fmt: skip

    def _traces(self) -> Traces:
        terms = self._setup.terms
        signals = terms.derivative.size
        return Traces(
            signals, bool(terms.derivative.any()), self._own,
            integers(terms.rows), integers(terms.kind), integers(terms.place),
            integers(terms.other), doubles(terms.factor),
            Pointer(np.ascontiguousarray(terms.derivative)), self._pick(self._eq.coefficient),
            self._zeros(signals), self._zeros(signals),
        )  # fmt: skip

    def _watch(self) -> Watch:
        setup, plan = self._setup, self._eq.plan
        count, sources = len(setup.watched), len(plan.source_ends)
        rest_step = min(
            round(setup.extract.rest_s / setup.transient.step), setup.transient.steps - 1
        )
        capacity = setup.extract.max_pulses if count else 1
        ends = plan.junction_ends[setup.watched].reshape(-1, 4)
        return Watch(
            count, rest_step, PULSE_HYSTERESIS, capacity,
            integers(plan.order.place[setup.watched]), self._ends(ends),
            *self._three(count), self._nothing(count, np.int64),
            self._zeros(count * capacity), setup.extract.energy,
            self._ends(plan.source_ends[:, [0, 1, 3, 2]]),
            *self._three(sources), self._nothing(sources, np.bool_),
        )  # fmt: skip
