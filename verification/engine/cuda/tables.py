"""One circuit and its lanes as the GPU's kernels take them, from what the CPU's are made of."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from verification.engine.cuda.layout import (
    CAPACITOR_ROWS,
    DERIVATIVE_ROWS,
    GAP_ROWS,
    JUNCTION_ROWS,
    NOISE_ROWS,
    OUTSIDE,
    R_COEFFICIENTS,
    RESISTOR_ROWS,
    SEED,
    SIGMA_ROW,
    SOURCE_ROWS,
    WATCH_ROWS,
    WAVE_ROWS,
    Arrays,
    Branches,
    Circuit,
    Junctions,
    Matrix,
    Noise,
    Sources,
    Traces,
    Watch,
)
from verification.engine.cuda.levels import levels
from verification.engine.cuda.rows import Places, RowsOfLanes, ValueRows
from verification.engine.cuda.target import Target
from verification.engine.equations.constants import SIGMA
from verification.engine.lanes.layout import OFFSET
from verification.engine.lanes.tiles import PULSE_HYSTERESIS, TileSetup, junction_rows

Array = NDArray[Any]
FloatArray = NDArray[np.float64]


class Tables(NamedTuple):
    """What a target is handed of some lanes.

    Attributes:
        circuit: numbers.
        arrays: at rest; where lanes share factors they are there.
    """

    circuit: Circuit
    arrays: Arrays


class TableBuilder:
    """Tables of some lanes of a batch.

    Args:
        setup: what all lanes of the batch have in common.
        lanes: columns of all values, as many as the target takes together or a multiple.
        own_factors: whether each lane gets factors of its own.
        workers: threads at each lane.
    """

    def __init__(self, setup: TileSetup, lanes: Array, *, own_factors: bool, workers: int) -> None:
        self._setup = setup
        self._lanes = lanes
        self._eq = setup.equations
        self._own_factors = own_factors or setup.shared is None
        self._ints = Places(np.int32)
        self._doubles = Places(np.float64)
        self._values = ValueRows(lanes if setup.shared is None else None)
        self._state = RowsOfLanes(np.float64)
        self._counts = RowsOfLanes(np.int64)
        self._counts.add(OUTSIDE + workers)
        plan = self._eq.plan
        counts = {
            "sources": setup.sources.count,
            "junctions": plan.order.places,
            "resistors": plan.order.resistors.size,
            "capacitors": len(plan.capacitor_ends),
            "controlled": plan.controlled.size,
            "prescribed": plan.prescribed_row.size,
            "noise": setup.noise.kind.size,
        }
        self._count = counts
        # Currents are the first rows of the state, the solution comes next (``anything_moved``).
        self._current = {name: self._state.add(count) for name, count in counts.items()}
        self._x = self._state.add(plan.size + 1)
        self._times = len(setup.watched) * setup.extract.max_pulses
        self._circuit = self._numbers()

    @property
    def bytes_per_lane(self) -> int:
        """Memory that a lane takes beside the printed samples."""
        rows = self._state.rows + self._counts.rows + max(1, self._times)
        rows += self._values.rows if self._setup.shared is None else 0
        return 8 * (rows + (self._factor_rows if self._own_factors else 0))

    @property
    def _factor_rows(self) -> int:
        return self._eq.pattern.entries + self._eq.plan.size

    def _numbers(self) -> Circuit:
        eq, setup = self._eq, self._setup
        plan, parts = eq.plan, eq.parts
        lanes = self._lanes.size
        resistors = parts.resistor[:, plan.order.resistors].transpose(1, 0, 2)
        assert resistors.shape[1] == R_COEFFICIENTS
        own = setup.shared is None
        return Circuit(
            lanes, lanes if own else 1, lanes if self._own_factors else 1, setup.keep,
            self._count["noise"] > 0 or self._count["prescribed"] > 0,
            float(eq.scale), 2.0 * setup.transient.step / (3.0 * SIGMA),
            float(setup.transient.step), plan.order.plain, self._junctions(),
            self._branches(
                "resistors", plan.resistor_ends, RESISTOR_ROWS,
                coefficient=self._values.add(resistors.reshape(-1, resistors.shape[2])),
            ),
            self._branches(
                "capacitors", plan.capacitor_ends, CAPACITOR_ROWS,
                coefficient=self._values.add(parts.capacitor),
            ),
            self._branches(
                "controlled", plan.controlled_ends, 1, plan.transfer,
                coefficient=self._doubles.add(parts.transfer[plan.controlled]),
            ),
            self._branches(
                "prescribed", plan.prescribed_ends, 1, plan.prescribed_kind,
                setup.sources.of_phase,
            ),
            self._sources(), self._noise(), self._matrix(), self._traces(), self._watch(),
        )  # fmt: skip

    def _placed(self, rows: Array, fill: float = 0) -> Array:
        """Rows by junction in the kernels' order, with ``fill`` at places without one."""
        order = self._eq.plan.order
        out = np.full((order.places, *rows.shape[1:]), fill, rows.dtype)
        out[order.place] = rows
        return out

    def _junctions(self) -> Junctions:
        plan, parts = self._eq.plan, self._eq.parts
        rows, per_ampere = junction_rows(self._eq)
        coefficient = self._placed(np.stack(rows, axis=1))
        gap = self._placed(np.stack(list(parts.gap[2:5]), axis=1))
        assert gap.shape[1] == GAP_ROWS
        # A place without a junction is never above its gap.
        of_model = np.stack([parts.gap[0, :, 0], plan.relations.offset], axis=1)
        model: FloatArray = self._placed(of_model, math.inf)
        model[~np.isfinite(model[:, OFFSET]), OFFSET] = 0.0
        ends = self._placed(plan.junction_ends, plan.size)
        total, values, lanes = plan.order.places, self._values, coefficient.shape[2]
        return Junctions(
            total, bool((plan.shunt >= 0).any()), bool((self._eq.topology.behind >= 0).any()),
            parts.inverse_pc, parts.prediction,
            self._ints.add(ends[:, 2]), self._ints.add(ends[:, 3]),
            self._ints.add(self._placed(plan.relations.kind)),
            self._ints.add(self._placed(plan.relations.extra)),
            self._doubles.add(plan.relations.table),
            values.add(coefficient.reshape(-1, lanes)), values.add(self._placed(per_ampere)),
            self._doubles.add(model), self._doubles.add(self._placed(parts.gap[1, :, 0])),
            values.add(gap.reshape(-1, lanes)), self._state.add(total * JUNCTION_ROWS),
            self._current["junctions"], self._state.add(2 * total if self._setup.keep else 0),
        )  # fmt: skip

    def _branches(
        self, name: str, ends: Array, state: int, kind: Any = (), other: Any = (),
        coefficient: int = 0,
    ) -> Branches:  # fmt: skip
        count, ints = self._count[name], self._ints
        return Branches(
            count, ints.add(ends[:, 2]), ints.add(ends[:, 3]), ints.add(kind), ints.add(other),
            coefficient, self._state.add(count * state), self._current[name],
        )  # fmt: skip

    def _sources(self) -> Sources:
        table, ends = self._setup.sources, self._eq.plan.source_ends
        generator = np.zeros(table.count, dtype=np.int32)
        of_source = np.flatnonzero(self._setup.noise.kind == 2)
        generator[self._setup.noise.element[of_source]] = of_source
        waves = table.waves[:, self._lanes].transpose(0, 2, 1)
        assert waves.shape[1] == WAVE_ROWS
        # What drives a current is the phase at its end less that at its beginning.
        return Sources(
            table.count, len(ends), self._setup.extract.energy, self._ints.add(ends[:, 3]),
            self._ints.add(ends[:, 2]), self._ints.add(generator), self._counts.fill(waves),
            self._counts.add(table.count),
            self._doubles.add(table.data), self._state.fill(table.factor[:, self._lanes]),
            self._state.add(SOURCE_ROWS * table.count), self._current["sources"],
        )  # fmt: skip

    def _noise(self) -> Noise:
        table, lanes = self._setup.noise, self._lanes
        count = table.kind.size
        state = np.zeros((count, NOISE_ROWS, lanes.size))
        state[:, SIGMA_ROW] = table.sigma[:, lanes]
        self._counts.put(SEED, table.seed[lanes].view(np.int64).reshape(1, -1))
        return Noise(
            count, self._ints.add(table.kind), self._ints.add(table.element),
            self._doubles.add(table.period), self._doubles.add(table.delay),
            self._doubles.add(table.ratio),
            self._counts.fill(np.full((count, lanes.size), -2, dtype=np.int64)),
            self._state.fill(state), self._current["noise"],
        )  # fmt: skip

    def _incidence(self) -> tuple[Array, Array]:
        """Rows of the right-hand side, and what each one gets, as in ``Matrix.elements``."""
        plan, noise = self._eq.plan, self._setup.noise
        size = plan.size
        junctions = self._placed(plan.junction_ends, size)
        # Of a resistor that is not across a junction the noise is part of its own current.
        of_noise = np.full((noise.kind.size, 2), size)
        across = np.isin(noise.kind, (0, 3))
        of_noise[across] = junctions[noise.element[across], :2]
        phases = np.stack([plan.prescribed_row, np.full_like(plan.prescribed_row, size)], axis=1)
        ends = {
            "sources": plan.source_ends,
            "junctions": junctions,
            "resistors": plan.resistor_ends,
            "capacitors": plan.capacitor_ends,
            "controlled": plan.controlled_ends,
            "prescribed": phases,
            "noise": of_noise,
        }
        rows, elements = [], []
        for name, of_kind in ends.items():
            number = self._current[name] + np.arange(len(of_kind)) + 1
            rows += [of_kind[:, 0], of_kind[:, 1]]
            elements += [-number, number]
        return self._undivided(np.concatenate(rows)), np.concatenate(elements)

    def _undivided(self, rows: Array) -> Array:
        """Rows without those that the CPU's parts have of their own."""
        size, between = self._eq.plan.size, int(self._eq.plan.order.parts.begin[-1])
        of_part = (rows.astype(np.int64) - size - 1) % (size - between + 1)
        return np.where(rows > size, between + of_part, rows)

    def _matrix(self) -> Matrix:
        p, size, ints = self._eq.pattern, self._eq.plan.size, self._ints
        steps = levels(p)
        rows, elements = self._incidence()
        inside = rows < size
        rows, elements = rows[inside], elements[inside]
        lower, upper = p.l_columns.size, p.u_columns.size
        region = self._regions()
        return Matrix(
            size, steps.begin.size - 1, steps.forwards, ints.add(steps.begin), ints.add(steps.rows),
            ints.add(_begins(rows, size)), ints.add(elements[np.argsort(rows, kind="stable")]),
            ints.add(p.a_rows), ints.add(p.a_columns), ints.add(p.l_rows), ints.add(p.l_used),
            ints.add(p.l_columns), ints.add(p.l_order), ints.add(p.u_rows), ints.add(p.u_columns),
            *region, self._values.add(self._eq.matrix), 0, lower, lower + upper, self._x,
            self._state.add(size if self._own_factors else 0),
        )  # fmt: skip

    def _regions(self) -> tuple[int, int, int, int]:
        """Junctions by the row of the matrix that their conductance is part of."""
        pattern = self._eq.pattern
        places = self._placed(self._eq.plan.places, -1)
        corner = places.T.reshape(-1)
        junction = np.tile(np.arange(len(places)), 4)
        sign = np.repeat([1.0, 1.0, -1.0, -1.0], len(places))
        there = np.flatnonzero(corner >= 0)
        there = there[np.argsort(corner[there], kind="stable")]
        row = np.searchsorted(pattern.a_rows, corner[there], side="right") - 1
        return (
            self._ints.add(_begins(row, self._eq.plan.size)), self._ints.add(junction[there]),
            self._ints.add(pattern.a_columns[corner[there]]), self._doubles.add(sign[there]),
        )  # fmt: skip

    def _traces(self) -> Traces:
        terms, ints = self._setup.terms, self._ints
        signals = terms.derivative.size
        listed = self._eq.coefficient if signals else np.zeros((0, 1))
        return Traces(
            signals, bool(terms.derivative.any()), ints.add(terms.rows), ints.add(terms.kind),
            ints.add(terms.place), ints.add(terms.other), self._doubles.add(terms.factor),
            ints.add(terms.derivative), self._values.add(listed),
            self._state.add(DERIVATIVE_ROWS * signals),
        )  # fmt: skip

    def _watch(self) -> Watch:
        setup = self._setup
        count, transient = len(setup.watched), setup.transient
        rest_step = min(round(setup.extract.rest_s / transient.step), transient.steps - 1)
        ends = self._eq.plan.junction_ends[setup.watched].reshape(-1, 4)
        return Watch(
            count, rest_step, PULSE_HYSTERESIS, setup.extract.max_pulses,
            self._ints.add(ends[:, 2]), self._ints.add(ends[:, 3]),
            self._ints.add(self._eq.plan.order.place[setup.watched]),
            self._state.add(count * WATCH_ROWS), self._counts.add(count),
        )  # fmt: skip

    def build(self, target: Target) -> Tables:
        """The tables, with their arrays on the target."""
        lanes = self._lanes.size
        return Tables(
            self._circuit,
            Arrays(
                target.array(self._ints.joined()), target.array(self._doubles.joined()),
                target.array(self._values.joined()), self._factors(target),
                self._state.on(target, lanes), self._counts.on(target, lanes),
                target.zeros(max(1, self._times), lanes, np.float64),
            ),
        )  # fmt: skip

    def _factors(self, target: Target) -> Any:
        shared = self._setup.shared
        if self._own_factors or shared is None:
            return target.zeros(self._factor_rows, self._lanes.size, np.float64)
        pattern = self._eq.pattern
        lower, upper = pattern.l_columns.size, pattern.u_columns.size
        parts = (shared.lower.array[:lower], shared.upper.array[:upper], shared.inverse.array)
        return target.array(np.concatenate(parts))


def _begins(rows: Array, size: int) -> Array:
    """Where each row's entries begin, and where those of the last one end."""
    return np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=size))])
