"""Index arrays of a circuit in pivot order: where each element reads and writes.

They depend on the pattern's order, not on the number of lanes; ``tiles.py`` makes of them what the
kernels are handed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from verification.engine.equations.chunks import Order, chunked
from verification.engine.equations.constants import BOLTZMANN
from verification.engine.equations.factorisation import Pattern
from verification.engine.equations.parts import Parts
from verification.engine.equations.topology import Branches, Topology
from verification.engine.equations.values import gap_energy
from verification.engine.text.devices import GROUND

FloatArray = NDArray[np.float64]
IndexArray = NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class Relations:
    """Current-phase relations of the junctions.

    Attributes:
        offset: phase offset of the model, rad, shape (junctions,).
        kind: 0 sine, 1 harmonics, 2 thermal relation.
        extra: where the junction's row of ``table`` begins.
        table: rows of transparency, delta/2kT, number and amplitudes of harmonics.
    """

    offset: FloatArray
    kind: IndexArray
    extra: IndexArray
    table: FloatArray


@dataclass(frozen=True, eq=False)
class Plan:
    """Rows of right-hand side and solution; ``size`` stands for ground.

    ``*_ends`` have shape (elements, 4): rows of b of both ends, rows of x of both ends.

    Attributes:
        order: of junctions and resistors in the kernels; the arrays here are in the topology's.
        shunt: by junction, the resistor between the same nodes (position in the topology) or -1.
        places: by junction, positions in A of (p,p), (n,n), (p,n), (n,p); -1 where there is none.
        resistor_ends: of the other resistors, in the order of ``order.resistors``.
        controlled: positions of G and H among the controlled sources; ``transfer`` 0 G, 1 H.
        prescribed_row: row of b of each prescribed phase.
        prescribed_kind: 0 V, 1 P, 2 R = 0.
        kinetic_ends: of the inductors whose inductance depends on their current.
        line_ends: both ports of the lines: port 1 of line k is 2k, port 2 is 2k + 1.
    """

    size: int
    order: Order
    relations: Relations
    junction_ends: IndexArray
    shunt: IndexArray
    places: NDArray[np.int64]
    resistor_ends: IndexArray
    capacitor_ends: IndexArray
    source_ends: IndexArray
    prescribed_row: IndexArray
    prescribed_ends: IndexArray
    prescribed_kind: IndexArray
    controlled: IndexArray
    transfer: IndexArray
    controlled_ends: IndexArray
    line_ends: IndexArray
    kinetic_ends: IndexArray


def build_plan(topology: Topology, pattern: Pattern, parts: Parts) -> Plan:
    """The index arrays of one circuit, in the pattern's pivot order, whose rows are in parts."""
    size = topology.unknowns
    rows = np.append(pattern.row_of, size).astype(np.int32)  # index -1 is ground
    columns = np.append(pattern.column_of, size).astype(np.int32)

    def ends(p: Any, n: Any, x_p: Any = None, x_n: Any = None) -> IndexArray:
        lists = (p, n, p if x_p is None else x_p, n if x_n is None else x_n)
        tables = (rows, rows, columns, columns)
        index = [np.array(items, dtype=np.int64) for items in lists]
        return np.stack([t[i] for t, i in zip(tables, index, strict=True)], axis=1)

    shunt = shunts(topology)
    alone = np.ones(len(topology.resistors), dtype=np.bool_)
    alone[shunt[shunt >= 0]] = False
    others = np.flatnonzero(alone).astype(np.int32)
    r, v, inductors = topology.resistors, topology.phase_rows, topology.inductors
    controlled = [k for k, item in enumerate(topology.controlled) if item[0].kind in "GH"]
    driven_sensed = [
        nodes if element.kind == "G" else (extra[0], GROUND, *nodes[:2])
        for element, nodes, extra in (topology.controlled[k] for k in controlled)
    ]
    ports = [port for _, nodes in topology.lines for port in (nodes[:2], nodes[2:])]
    kinds = {"V": 0, "P": 1, "R": 2}
    junction_ends = ends(topology.junctions.p, topology.junctions.n)
    others_ends = ends(r.p[others], r.n[others])
    order = chunked(
        size,
        parts,
        junction_ends[:, :2],
        others_ends[:, :2],
        others,
        topology.series[others] >= 0,
    )
    junction_ends[:, :2] = order.junction_rows
    resistor_ends = ends(r.p[order.resistors], r.n[order.resistors])
    resistor_ends[:, :2] = order.resistor_rows
    kind_of_card = np.array([kinds.get(c.kind, -1) for c in topology.flat.cards], dtype=np.int32)
    return Plan(
        size,
        order,
        _relations(topology),
        junction_ends,
        shunt,
        _junction_places(topology, pattern),
        resistor_ends,
        ends(topology.capacitors.p, topology.capacitors.n),
        ends(topology.current_sources.p, topology.current_sources.n),
        rows[np.array(topology.phase_unknown, dtype=np.int64)],
        ends(v.p, v.n),
        kind_of_card[topology.flat.card[v.at]],
        np.array(controlled, dtype=np.int32),
        np.array([topology.controlled[k][0].kind == "H" for k in controlled], dtype=np.int32),
        ends(*np.array(driven_sensed, dtype=np.int64).reshape(-1, 4).T),
        ends([port[0] for port in ports], [port[1] for port in ports]),
        ends(*(side[topology.kinetic] for side in (inductors.p, inductors.n))),
    )


def shunts(topology: Topology) -> IndexArray:
    """By junction, one resistor (alone or with its inductor) between the same two nodes, or -1.

    Of several such resistors the last one belongs to the first junction, and so on.
    """
    junctions, resistors = topology.junctions, topology.resistors

    def keys(branches: Branches) -> NDArray[np.int64]:
        return (branches.p + 1).astype(np.int64) * (topology.unknowns + 1) + (branches.n + 1)

    free = keys(resistors)
    by_key = np.argsort(free, kind="stable")
    free = free[by_key]
    wanted = keys(junctions)
    order = np.argsort(wanted, kind="stable")
    sorted_wanted = wanted[order]
    before = np.empty(wanted.size, dtype=np.int64)
    before[order] = np.arange(wanted.size) - np.searchsorted(sorted_wanted, sorted_wanted)
    first = np.searchsorted(free, wanted)
    place = np.searchsorted(free, wanted, side="right") - 1 - before
    found = np.full(wanted.size, -1, dtype=np.int32)
    there = place >= first
    found[there] = by_key[place[there]]
    return found


def _relations(topology: Topology) -> Relations:
    offset, kind, extra = [], [], []
    table: list[float] = []
    for model in topology.models:
        offset.append(model.phi)
        kind.append(2 if model.thermal else 0 if model.cpr == (1.0,) else 1)
        extra.append(len(table))
        over_kt = gap_energy(model) / (2 * BOLTZMANN * model.temperature)
        table += [model.transparency, over_kt, float(len(model.cpr)), *model.cpr]
    of = topology.model
    return Relations(
        np.array(offset, dtype=np.float64)[of],
        np.array(kind, dtype=np.int32)[of],
        np.array(extra, dtype=np.int32)[of],
        np.array([*table, 0.0], dtype=np.float64),
    )


def _junction_places(topology: Topology, pattern: Pattern) -> NDArray[np.int64]:
    size = topology.unknowns
    rows = np.repeat(np.arange(size), np.diff(pattern.a_rows))
    keys = rows * size + pattern.a_columns.astype(np.int64)
    p = np.array(topology.junctions.p, dtype=np.int64)
    n = np.array(topology.junctions.n, dtype=np.int64)
    places = np.full((p.size, 4), -1, dtype=np.int64)
    row_of = np.append(pattern.row_of, -1).astype(np.int64)
    column_of = np.append(pattern.column_of, -1).astype(np.int64)
    for corner, (a, b) in enumerate(((p, p), (n, n), (p, n), (n, p))):
        there = (a >= 0) & (b >= 0) & (p != n)
        places[there, corner] = np.searchsorted(keys, row_of[a[there]] * size + column_of[b[there]])
    return places
