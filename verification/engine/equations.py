"""Matrix and index arrays: from topology and values to what the kernels run on.

The matrix has a stamp list (row, column, coefficient, factor). Its values at one time step are a
sparse product ``stamps @ coefficients``, for all lanes at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from verification.engine.deck import JunctionModel
from verification.engine.factorisation import Pattern, build_pattern, order
from verification.engine.flatten import GROUND
from verification.engine.simd import WIDTH
from verification.engine.topology import Topology
from verification.engine.values import Coefficients, Values, coefficients, nominal_values

FloatArray = NDArray[np.float64]
IndexArray = NDArray[np.int32]
_CONSTANT = 0


class Plan(NamedTuple):
    """Index arrays for the kernels, in pivot order; ``size`` stands for ground.

    ``*_b`` are rows of the right-hand side, ``*_x`` rows of the solution.
    """

    w: tuple[int, ...]  # its length is the number of lanes in a tile
    size: int
    j_pb: IndexArray
    j_nb: IndexArray
    j_px: IndexArray
    j_nx: IndexArray
    j_offset: FloatArray  # phase offset of the model, rad
    j_kind: IndexArray  # 0 plain sine, 1 harmonics, 2 thermal relation
    j_extra: IndexArray  # first entry of its row in j_table
    j_table: FloatArray  # per relation: transparency, delta/2kT, count, amplitudes of harmonics
    j_shunt: IndexArray  # resistor across the junction (same nodes), or -1
    keep_currents: bool  # whether history currents of junctions and shunts are stored
    j_a: NDArray[np.int64]  # positions in A of (p,p), (n,n), (p,n), (n,p); -1 where there is none
    r_pb: IndexArray
    r_nb: IndexArray
    r_px: IndexArray
    r_nx: IndexArray
    r_plain: int  # resistors before this one have no series inductor
    r_single: int  # resistors from this one on are across junctions
    c_pb: IndexArray
    c_nb: IndexArray
    c_px: IndexArray
    c_nx: IndexArray
    i_pb: IndexArray
    i_nb: IndexArray
    i_px: IndexArray
    i_nx: IndexArray
    v_row: IndexArray
    v_px: IndexArray
    v_nx: IndexArray
    v_kind: IndexArray  # 0 voltage, 1 phase, 2 resistance 0
    v_scale: float
    g_kind: IndexArray  # 0 voltage-controlled current, 1 current-controlled voltage
    g_pb: IndexArray
    g_nb: IndexArray
    g_px: IndexArray
    g_nx: IndexArray
    t_pb: IndexArray  # both ports of the lines: port 1 of line k is 2k, port 2 is 2k + 1
    t_nb: IndexArray
    t_px: IndexArray
    t_nx: IndexArray
    a_rows: NDArray[np.int64]
    a_columns: IndexArray
    l_rows: NDArray[np.int64]
    l_columns: IndexArray
    l_used: NDArray[np.int64]
    l_order: NDArray[np.int64]
    u_rows: NDArray[np.int64]
    u_columns: IndexArray
    back: IndexArray


@dataclass
class Equations:
    """One circuit at one time step, for one lane (shared) or each lane its own values.

    Attributes:
        scale: factor of prescribing rows and of their currents (A per unit of the unknown).
        coefficient: all coefficients in one list, shape (coefficients, lanes); offsets by kind.
        matrix: A's entries in pivot order, shape (entries, lanes).
    """

    topology: Topology
    values: Values
    parts: Coefficients
    plan: Plan
    pattern: Pattern
    scale: float
    offsets: dict[str, int]
    coefficient: FloatArray
    matrix: FloatArray
    resistor_order: NDArray[np.intp]


@dataclass
class Structure:
    """What does not depend on values or time step: stamps, pattern, plan."""

    topology: Topology
    stamps: Any
    pattern: Pattern
    plan: Plan
    scale: float
    offsets: dict[str, int]
    resistor_order: NDArray[np.intp]


class _Stamps:
    def __init__(self) -> None:
        self.rows: list[NDArray[np.int64]] = []
        self.columns: list[NDArray[np.int64]] = []
        self.coefficient: list[NDArray[np.int64]] = []
        self.factor: list[FloatArray] = []

    def add(self, rows: Any, columns: Any, coefficient: Any, factor: Any) -> None:
        """Add entries, leaving out those in ground's row or column."""
        r, c, k, f = np.broadcast_arrays(
            np.atleast_1d(np.asarray(rows, dtype=np.int64)),
            np.asarray(columns, dtype=np.int64),
            np.asarray(coefficient, dtype=np.int64),
            np.asarray(factor, dtype=np.float64),
        )
        keep = (r >= 0) & (c >= 0)
        self.rows.append(r[keep])
        self.columns.append(c[keep])
        self.coefficient.append(k[keep])
        self.factor.append(f[keep])

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


def build_structure(topology: Topology, step: float, extra_wanted: set[int]) -> Structure:
    """Stamps, ordering and plan; ``extra_wanted`` are unknowns that outputs need."""
    from scipy.sparse import csr_array

    values = nominal_values(topology, 0)
    parts = coefficients(topology, values, step)
    offsets = _offsets(topology)
    listed = coefficient_list(parts, 1.0)
    conductances = np.abs(listed[1 : offsets["extra"], 0])
    conductances = conductances[conductances > 0.0]
    scale = float(np.median(conductances)) if conductances.size else 1.0
    stamps = _stamp(topology, offsets)
    rows, columns = np.concatenate(stamps.rows), np.concatenate(stamps.columns)
    which, factor = np.concatenate(stamps.coefficient), np.concatenate(stamps.factor)
    size = topology.unknowns
    listed = coefficient_list(parts, scale)
    # Every diagonal place is stored: junctions add to it when they cross the gap.
    entries = factor * listed[which, 0]
    matrix = csr_array((entries, (rows, columns)), shape=(size, size))
    row_of, column_of = order(matrix, topology.flat.deck.name)
    driven, wanted = _activity(topology, extra_wanted)
    pattern, where = build_pattern(rows, columns, size, row_of, column_of, driven, wanted)
    stamp_matrix = csr_array(
        (factor, (where, which)), shape=(pattern.a_columns.size, listed.shape[0])
    )
    shunts = _shunts(topology)
    across = set(shunts.values())
    resistor_order = np.argsort(
        np.array([2 if r in across else at >= 0 for r, at in enumerate(topology.series)]),
        kind="stable",
    )
    plan = _plan(topology, pattern, resistor_order, shunts, scale)
    return Structure(topology, stamp_matrix, pattern, plan, scale, offsets, resistor_order)


def equations(structure: Structure, values: Values, step: float) -> Equations:
    """The equations at one time step (s) for all lanes of ``values``. Raises DeckError."""
    parts = coefficients(structure.topology, values, step)
    listed = coefficient_list(parts, structure.scale)
    return Equations(
        structure.topology,
        values,
        parts,
        structure.plan,
        structure.pattern,
        structure.scale,
        structure.offsets,
        listed,
        structure.stamps @ listed,
        structure.resistor_order,
    )


def _offsets(topology: Topology) -> dict[str, int]:
    sizes = {
        "constant": 1,
        "B": len(topology.junctions),
        "R": len(topology.resistors),
        "C": len(topology.capacitors),
        "L": len(topology.inductors),
        "M": sum(len(group) ** 2 for group in topology.groups),
        "T": len(topology.lines),
        "G": len(topology.controlled),
        "extra": len(topology.current_inductors),
        "mutual": len(topology.current_couplings),
        "H": len(topology.controlled),
    }
    offsets = {}
    total = 0
    for name, size in sizes.items():
        offsets[name] = total
        total += size
    offsets["end"] = total
    return offsets


def coefficient_list(parts: Coefficients, scale: float) -> FloatArray:
    """All coefficients in the order of ``_offsets``, shape (coefficients, lanes)."""
    lanes = parts.junction.shape[2]

    def rows(array: FloatArray) -> FloatArray:
        return array.reshape(-1, lanes) if array.size else np.zeros((0, lanes))

    def same(array: FloatArray) -> FloatArray:
        return np.repeat(array.reshape(-1, 1), lanes, axis=1)

    groups = [inverse.reshape(lanes, -1).T for inverse in parts.groups]
    return np.concatenate(
        [
            np.full((1, lanes), scale),
            rows(parts.junction[0]),
            rows(parts.resistor[0]),
            rows(parts.capacitor),
            rows(parts.single),
            *groups,
            rows(parts.lines),
            same(parts.transfer),
            rows(parts.wide) * scale * scale,
            rows(parts.wide_mutual) * scale * scale,
            same(parts.transresistance) * scale * scale,
        ]
    )


def _stamp(topology: Topology, offsets: dict[str, int]) -> _Stamps:
    s = _Stamps()
    s.add([], [], 0, 0.0)
    s.conductances(topology.junctions.p, topology.junctions.n, offsets["B"])
    s.conductances(topology.resistors.p, topology.resistors.n, offsets["R"])
    s.conductances(topology.capacitors.p, topology.capacitors.n, offsets["C"])
    s.conductances(topology.inductors.p, topology.inductors.n, offsets["L"])
    at = offsets["M"]
    for members in topology.groups:
        p = np.array([topology.coupled.p[m] for m in members])
        n = np.array([topology.coupled.n[m] for m in members])
        k = at + np.arange(len(members) ** 2).reshape(len(members), -1)
        for rows, columns, sign in ((p, p, 1.0), (n, n, 1.0), (p, n, -1.0), (n, p, -1.0)):
            s.add(rows[:, None], columns[None, :], k, sign)
        at += len(members) ** 2
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


def _stamp_currents(s: _Stamps, topology: Topology, offsets: dict[str, int]) -> None:
    for p, n, row in zip(
        topology.phase_rows.p, topology.phase_rows.n, topology.phase_unknown, strict=True
    ):
        _prescribe(s, p, n, row)
    rows = topology.current_inductor_rows
    wide = topology.current_inductors
    for index, row in enumerate(rows):
        _prescribe(s, wide.p[index], wide.n[index], row)
        s.add(row, row, offsets["extra"] + index, -1.0)
    for index, (a, b, _) in enumerate(topology.current_couplings):
        s.add([rows[a], rows[b]], [rows[b], rows[a]], offsets["mutual"] + index, -1.0)


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
    both: list[int] = []
    for branches in (topology.junctions, topology.resistors, topology.capacitors):
        both += branches.p + branches.n
    for _, ends in topology.lines:
        both += ends
    drives = topology.current_sources.p + topology.current_sources.n + topology.phase_unknown
    wants = topology.phase_rows.p + topology.phase_rows.n
    wants += topology.current_sources.p + topology.current_sources.n
    for element, ends, extra in topology.controlled:
        if element.kind == "G":
            drives += ends[:2]
            wants += ends[2:]
        elif element.kind == "H":
            drives.append(extra[0])
            wants += ends[:2]
    for flags, items in ((driven, both + drives), (wanted, both + wants)):
        index = np.array([item for item in items if item != GROUND], dtype=np.int64)
        flags[index] = True
    return driven, wanted


def _shunts(topology: Topology) -> dict[int, int]:
    """Junction -> one resistor (alone or with its inductor) between the same two nodes."""
    free: dict[tuple[int, int], list[int]] = {}
    for r, ends in enumerate(zip(topology.resistors.p, topology.resistors.n, strict=True)):
        free.setdefault(ends, []).append(r)
    found: dict[int, int] = {}
    for j, ends in enumerate(zip(topology.junctions.p, topology.junctions.n, strict=True)):
        if free.get(ends):
            found[j] = free[ends].pop()
    return found


def _plan(
    topology: Topology,
    pattern: Pattern,
    resistor_order: NDArray[np.intp],
    shunts: dict[int, int],
    scale: float,
) -> Plan:
    size = topology.unknowns
    rows = np.append(pattern.row_of, size).astype(np.int32)  # index -1 is ground
    columns = np.append(pattern.column_of, size).astype(np.int32)

    def index(table: IndexArray, items: list[int]) -> IndexArray:
        return table[np.array(items, dtype=np.int64)] if items else np.zeros(0, dtype=np.int32)

    resistors_p = [topology.resistors.p[i] for i in resistor_order]
    resistors_n = [topology.resistors.n[i] for i in resistor_order]
    offset, kind, extra, table = _relations(topology)
    controlled = [item for item in topology.controlled if item[0].kind in "GH"]
    drive_p = [ends[0] if e.kind == "G" else row[0] for e, ends, row in controlled]
    drive_n = [ends[1] if e.kind == "G" else GROUND for e, ends, _ in controlled]
    sense_p = [ends[2] if e.kind == "G" else ends[0] for e, ends, _ in controlled]
    sense_n = [ends[3] if e.kind == "G" else ends[1] for e, ends, _ in controlled]
    ports_p = [end for _, ends in topology.lines for end in (ends[0], ends[2])]
    ports_n = [end for _, ends in topology.lines for end in (ends[1], ends[3])]
    kinds = {"V": 0, "P": 1, "R": 2}
    place = np.argsort(resistor_order)
    shunt = [int(place[shunts[j]]) if j in shunts else -1 for j in range(len(topology.junctions))]
    across = set(shunts.values())
    single = [at for r, at in enumerate(topology.series) if r not in across]
    j, c, i, v = (
        topology.junctions,
        topology.capacitors,
        topology.current_sources,
        topology.phase_rows,
    )
    return Plan(
        (0,) * WIDTH,
        size,
        index(rows, j.p), index(rows, j.n), index(columns, j.p), index(columns, j.n),
        offset, kind, extra, table, np.array(shunt, dtype=np.int32), True,
        _junction_places(topology, pattern),
        index(rows, resistors_p), index(rows, resistors_n),
        index(columns, resistors_p), index(columns, resistors_n),
        sum(at < 0 for at in single), len(single),
        index(rows, c.p), index(rows, c.n), index(columns, c.p), index(columns, c.n),
        index(rows, i.p), index(rows, i.n), index(columns, i.p), index(columns, i.n),
        index(rows, topology.phase_unknown), index(columns, v.p), index(columns, v.n),
        np.array([kinds[e.kind] for e in v.elements], dtype=np.int32), scale,
        np.array([0 if e.kind == "G" else 1 for e, _, _ in controlled], dtype=np.int32),
        index(rows, drive_p), index(rows, drive_n), index(columns, sense_p),
        index(columns, sense_n),
        index(rows, ports_p), index(rows, ports_n), index(columns, ports_p),
        index(columns, ports_n),
        pattern.a_rows, pattern.a_columns, pattern.l_rows, pattern.l_columns, pattern.l_used,
        pattern.l_order, pattern.u_rows, pattern.u_columns, pattern.back,
    )  # fmt: skip


def _relations(topology: Topology) -> tuple[FloatArray, IndexArray, IndexArray, FloatArray]:
    """Current-phase relations of the junctions."""
    from verification.engine.constants import BOLTZMANN

    offset, kind, extra = [], [], []
    table: list[float] = []
    known: dict[JunctionModel, int] = {}
    for element in topology.junctions.elements:
        model = element.model
        if model is None:
            raise AssertionError("a junction without model passed the reader")
        offset.append(model.phi)
        kind.append(2 if model.thermal else 0 if model.cpr == (1.0,) else 1)
        if model not in known:
            known[model] = len(table)
            t, tc = model.temperature, model.critical_temperature
            delta = 1.76 * BOLTZMANN * tc * np.sqrt(max(0.0, np.cos(np.pi / 2 * (t / tc) ** 2)))
            table += [
                model.transparency,
                float(delta) / (2 * BOLTZMANN * t),
                float(len(model.cpr)),
                *model.cpr,
            ]
        extra.append(known[model])
    return (
        np.array(offset, dtype=np.float64),
        np.array(kind, dtype=np.int32),
        np.array(extra, dtype=np.int32),
        np.array([*table, 0.0], dtype=np.float64),
    )


def _junction_places(topology: Topology, pattern: Pattern) -> NDArray[np.int64]:
    """Positions in A where each junction's conductance stands, shape (junctions, 4)."""
    size = topology.unknowns
    rows = np.repeat(np.arange(size), np.diff(pattern.a_rows))
    keys = rows * size + pattern.a_columns.astype(np.int64)
    p = np.array(topology.junctions.p, dtype=np.int64)
    n = np.array(topology.junctions.n, dtype=np.int64)
    places = np.full((p.size, 4), -1, dtype=np.int64)
    row_of = np.append(pattern.row_of, -1).astype(np.int64)
    column_of = np.append(pattern.column_of, -1).astype(np.int64)
    for slot, (a, b) in enumerate(((p, p), (n, n), (p, n), (n, p))):
        there = (a >= 0) & (b >= 0) & (p != n)
        places[there, slot] = np.searchsorted(keys, row_of[a[there]] * size + column_of[b[there]])
    return places
