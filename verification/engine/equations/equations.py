"""The matrix: from topology and values to its entries in pivot order.

The matrix has a stamp list (row, column, coefficient, factor). Its values at one time step are
sums of coefficients, for all lanes at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from verification.engine import kernels
from verification.engine.equations.factorisation import Pattern, build_pattern, order
from verification.engine.equations.parts import MOST_PARTS, PARTED, cut, in_parts, one_part
from verification.engine.equations.plan import Plan, build_plan
from verification.engine.equations.topology import Topology
from verification.engine.equations.values import Coefficients, Values, coefficients, nominal_values
from verification.engine.text.devices import GROUND

FloatArray = NDArray[np.float64]
_CONSTANT = 0


@dataclass(frozen=True, eq=False)
class Stamps:
    """Which coefficients make each entry of A: entry e is the sum from begin[e] to begin[e + 1].

    Attributes:
        begin: shape (entries + 1,).
        coefficient: number of each stamp's coefficient.
        factor: by which it enters.
    """

    begin: NDArray[np.int64]
    coefficient: NDArray[np.int64]
    factor: FloatArray


@dataclass
class Structure:
    """Stamps, pattern, plan: for all values and time steps where the pattern is complete.

    Attributes:
        stamps: make A's entries of the coefficients.
        scale: factor of prescribing rows and of their currents (A per unit of the unknown).
        offsets: where the coefficients of each kind begin.
    """

    topology: Topology
    stamps: Stamps
    pattern: Pattern
    plan: Plan
    scale: float
    offsets: dict[str, int]


@dataclass
class Equations(Structure):
    """One circuit at one time step, for one lane (shared) or each lane its own values.

    Attributes:
        coefficient: all coefficients in one list, shape (coefficients, lanes).
        matrix: A's entries in pivot order, shape (entries, lanes).
    """

    values: Values
    parts: Coefficients
    coefficient: FloatArray
    matrix: FloatArray


class _Stamps:
    def __init__(self) -> None:
        self._added: list[tuple[NDArray[Any], ...]] = []

    def joined(self) -> list[NDArray[Any]]:
        """Rows, columns, coefficients and factors of all entries."""
        return [np.concatenate(parts) for parts in zip(*self._added, strict=True)]

    def add(self, rows: Any, columns: Any, coefficient: Any, factor: Any) -> None:
        """Add entries, leaving out those in ground's row or column."""
        r, c, k, f = np.broadcast_arrays(
            np.atleast_1d(np.asarray(rows, dtype=np.int64)),
            np.asarray(columns, dtype=np.int64),
            np.asarray(coefficient, dtype=np.int64),
            np.asarray(factor, dtype=np.float64),
        )
        keep = (r >= 0) & (c >= 0)
        self._added.append((r[keep], c[keep], k[keep], f[keep]))

    def conductances(self, p: Any, n: Any, first: int) -> None:
        """Conductances ``first``, ``first + 1``, ... between p and n."""
        p, n = np.asarray(p, dtype=np.int64), np.asarray(n, dtype=np.int64)
        k = first + np.arange(p.size)
        open_ended = p != n  # both ends on one node: no current, as in JoSIM
        p, n, k = p[open_ended], n[open_ended], k[open_ended]
        self.add(p, p, k, 1.0)
        self.add(n, n, k, 1.0)
        self.add(p, n, k, -1.0)
        self.add(n, p, k, -1.0)


def build_structure(
    topology: Topology, step: float, extra_wanted: set[int], *, complete: bool
) -> Structure:
    """Stamps, ordering and plan.

    Args:
        topology: of the circuit.
        step: time step, s, at which the order and (unless ``complete``) the pattern are chosen.
        extra_wanted: unknowns that outputs need.
        complete: give the factors room for all fill, whatever the values.
    """
    values = nominal_values(topology, 0)
    parts = coefficients(topology, values, step)
    kinds = _coefficients_by_kind(parts, 1.0)
    sizes = [len(rows) for rows in kinds.values()]
    offsets = dict(zip(kinds, np.cumsum([0, *sizes[:-1]]).tolist(), strict=True))
    listed = np.concatenate(list(kinds.values()))
    conductances = np.abs(listed[1 : offsets["extra"], 0])
    conductances = conductances[conductances > 0.0]
    scale = _middle(conductances) if conductances.size else 1.0
    rows, columns, which, factor = _stamp(topology, offsets).joined()
    size = topology.unknowns
    listed = np.concatenate(list(_coefficients_by_kind(parts, scale).values()))
    entries = factor * listed[which, 0]
    name = topology.flat.deck.name
    part = cut(rows, columns, size) if _can_be_cut(topology) else None
    held = None if part is None else part == MOST_PARTS
    row_of, column_of, complete = order(
        rows,
        columns,
        entries,
        size,
        name,
        complete=complete,
        passive=topology.passive,
        held=held,
    )
    in_order = one_part(size)
    if part is not None:
        row_of, in_order = in_parts(part, row_of)
        column_of = row_of
    driven, wanted = _activity(topology, extra_wanted)
    pattern, where = build_pattern(
        rows,
        columns,
        entries,
        row_of,
        column_of,
        driven,
        wanted,
        complete=complete,
        name=name,
        passive=topology.passive,
    )
    by_entry = np.argsort(where, kind="stable")
    counts = np.bincount(where, minlength=pattern.a_columns.size)
    begin = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    stamps = Stamps(begin, which[by_entry], factor[by_entry])
    plan = build_plan(topology, pattern, in_order)
    return Structure(topology, stamps, pattern, plan, scale, offsets)


def _can_be_cut(topology: Topology) -> bool:
    """Whether the circuit is large, and of junctions, resistors, inductors, current sources alone.

    Its matrix has positive pivots in any order then.
    """
    others = len(topology.capacitors) + len(topology.lines) + len(topology.kinetic)
    return topology.passive and not others and topology.unknowns >= PARTED


def _middle(numbers: FloatArray) -> float:
    """The median; NumPy's own imports masked arrays."""
    ordered = np.sort(numbers)
    half = ordered.size // 2
    return float((ordered[half] + ordered[-half - 1]) / 2)


def equations(structure: Structure, values: Values, step: float) -> Equations:
    """The equations at one time step (s) for all lanes of ``values``. Raises DeckError."""
    parts = coefficients(structure.topology, values, step)
    listed = np.concatenate(list(_coefficients_by_kind(parts, structure.scale).values()))
    stamps = structure.stamps
    matrix = kernels.assemble(stamps.begin, stamps.coefficient, stamps.factor, listed)
    return Equations(
        **vars(structure), values=values, parts=parts, coefficient=listed, matrix=matrix
    )


def _coefficients_by_kind(parts: Coefficients, scale: float) -> dict[str, FloatArray]:
    """Coefficients by kind of element, each of shape (coefficients, lanes)."""
    lanes = parts.junction.shape[2]

    def rows(array: FloatArray) -> FloatArray:
        return array.reshape(-1, lanes) if array.size else np.zeros((0, lanes))

    def same(array: FloatArray) -> FloatArray:
        return np.repeat(array.reshape(-1, 1), lanes, axis=1)

    return {
        "constant": np.full((1, lanes), scale),
        "B": rows(parts.branch),
        "R": rows(parts.resistor[0]),
        "C": rows(parts.capacitor),
        "L": rows(parts.single),
        "M": parts.groups,
        "T": rows(parts.lines),
        "G": same(parts.transfer),
        "extra": rows(parts.wide) * scale * scale,
        "mutual": rows(parts.wide_mutual) * scale * scale,
        "H": same(parts.transresistance) * scale * scale,
    }


def _stamp(topology: Topology, offsets: dict[str, int]) -> _Stamps:
    s = _Stamps()
    s.add([], [], 0, 0.0)
    s.conductances(topology.junctions.p, topology.junctions.n, offsets["B"])
    s.conductances(topology.resistors.p, topology.resistors.n, offsets["R"])
    s.conductances(topology.capacitors.p, topology.capacitors.n, offsets["C"])
    s.conductances(topology.inductors.p, topology.inductors.n, offsets["L"])
    _stamp_groups(s, topology, offsets["M"])
    for index, (_, (p1, n1, p2, n2)) in enumerate(topology.lines):
        for p_end, n_end in ((p1, n1), (p2, n2)):
            s.add(
                [p_end, n_end, p_end, n_end],
                [p_end, n_end, n_end, p_end],
                offsets["T"] + index,
                [1.0, 1.0, -1.0, -1.0],
            )
    _stamp_currents(s, topology, offsets)
    _stamp_controlled(s, topology, offsets)
    return s


def _prescribe(s: _Stamps, p: Any, n: Any, row: Any) -> None:
    """Unknown ``row`` is a current from p to n, its equation prescribes phase(p) - phase(n)."""
    s.add(p, row, _CONSTANT, 1.0)
    s.add(n, row, _CONSTANT, -1.0)
    s.add(row, p, _CONSTANT, 1.0)
    s.add(row, n, _CONSTANT, -1.0)


def _stamp_groups(s: _Stamps, topology: Topology, first: int) -> None:
    """The inverse matrices of the coupled groups, whose coefficients begin at ``first``."""
    sizes = np.array([len(members) for members in topology.groups], dtype=np.int64)
    if not sizes.size:
        return
    members = np.concatenate(topology.groups)
    begin, at = np.cumsum(sizes) - sizes, first + np.cumsum(sizes**2) - sizes**2
    # One entry for each pair of members, group by group, row by row.
    group = np.repeat(np.arange(sizes.size), sizes**2)
    within = np.arange(group.size) - (at[group] - first)
    row, column = (members[begin[group] + w] for w in np.divmod(within, sizes[group]))
    p, n = topology.coupled.p, topology.coupled.n
    # Of each group the four corners one after the other.
    order = np.argsort(np.tile(group, 4), kind="stable")
    ends = ((p, p, 1.0), (n, n, 1.0), (p, n, -1.0), (n, p, -1.0))
    rows = np.concatenate([one[row] for one, _, _ in ends])
    columns = np.concatenate([other[column] for _, other, _ in ends])
    signs = np.repeat([sign for _, _, sign in ends], group.size)
    coefficient = np.tile(at[group] + within, 4)
    s.add(rows[order], columns[order], coefficient[order], signs[order])


def _stamp_currents(s: _Stamps, topology: Topology, offsets: dict[str, int]) -> None:
    _prescribe(s, topology.phase_rows.p, topology.phase_rows.n, topology.phase_unknown)
    rows, wide = topology.current_inductor_rows, topology.current_inductors
    _prescribe(s, wide.p, wide.n, rows)
    s.add(rows, rows, offsets["extra"] + np.arange(rows.size), -1.0)
    couplings = topology.current_couplings
    a, b = rows[couplings.a], rows[couplings.b]
    k = offsets["mutual"] + np.arange(len(couplings))
    s.add(a, b, k, -1.0)
    s.add(b, a, k, -1.0)


def _stamp_controlled(s: _Stamps, topology: Topology, offsets: dict[str, int]) -> None:
    for index, (element, (p, n, cp, cn), extra) in enumerate(topology.controlled):
        gain = element.value
        if element.kind == "G":
            s.add([p, p, n, n], [cp, cn, cp, cn], offsets["G"] + index, [1.0, -1.0, -1.0, 1.0])
        elif element.kind == "E":
            row = extra[0]
            s.add([p, n], row, _CONSTANT, [1.0, -1.0])
            s.add(row, [p, n, cp, cn], _CONSTANT, [-1.0, 1.0, gain, -gain])
        elif element.kind == "F":
            row = extra[0]
            s.add([p, n, cp, cn], row, _CONSTANT, [1.0, -1.0, 1.0 / gain, -1.0 / gain])
            s.add(row, [cp, cn], _CONSTANT, [1.0, -1.0])
        else:
            control, output = extra
            s.add([p, n], output, _CONSTANT, [1.0, -1.0])
            s.add([cp, cn], control, _CONSTANT, [1.0, -1.0])
            s.add(control, [p, n], _CONSTANT, [1.0, -1.0])
            s.add(control, control, offsets["H"] + index, -1.0)
            s.add(output, [cp, cn], _CONSTANT, [1.0, -1.0])


def _activity(
    topology: Topology, extra_wanted: set[int]
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    driven = np.zeros(topology.unknowns, dtype=np.bool_)
    wanted = np.zeros(topology.unknowns, dtype=np.bool_)
    wanted[list(extra_wanted)] = True
    kinds = (topology.junctions, topology.resistors, topology.capacitors)
    both: list[Any] = [end for branches in kinds for end in (branches.p, branches.n)]
    both += [end[topology.kinetic] for end in (topology.inductors.p, topology.inductors.n)]
    both += [ends for _, ends in topology.lines]
    sources, prescribed = topology.current_sources, topology.phase_rows
    drives: list[Any] = [sources.p, sources.n, topology.phase_unknown]
    wants: list[Any] = [prescribed.p, prescribed.n, sources.p, sources.n]
    for element, ends, extra in topology.controlled:
        if element.kind == "G":
            drives.append(ends[:2])
            wants.append(ends[2:])
        elif element.kind == "H":
            drives.append(extra[:1])
            wants.append(ends[:2])
    for flags, items in ((driven, both + drives), (wanted, both + wants)):
        for ends in items:
            index = np.asarray(ends, dtype=np.int64)
            flags[index[index != GROUND]] = True
    return driven, wanted
