"""Index arrays of a circuit in pivot order: where each element reads and writes.

They depend on the pattern's order, not on the number of lanes; ``tiles.py`` makes of them what the
kernels are handed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from verification.engine.equations.constants import BOLTZMANN
from verification.engine.equations.factorisation import Pattern
from verification.engine.equations.topology import Topology
from verification.engine.equations.values import gap_energy
from verification.engine.text.deck import ModelCard
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
        shunt: by junction, the resistor between the same nodes (position in the topology) or -1.
        places: by junction, positions in A of (p,p), (n,n), (p,n), (n,p); -1 where there is none.
        resistors: positions of the others: ``plain`` ones, then those with an inductor in series.
        controlled: positions of G and H among the controlled sources; ``transfer`` 0 G, 1 H.
        prescribed_row: row of b of each prescribed phase.
        prescribed_kind: 0 V, 1 P, 2 R = 0.
        kinetic_ends: of the inductors whose inductance depends on their current.
        line_ends: both ports of the lines: port 1 of line k is 2k, port 2 is 2k + 1.
    """

    size: int
    relations: Relations
    junction_ends: IndexArray
    shunt: IndexArray
    places: NDArray[np.int64]
    resistors: IndexArray
    plain: int
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


def build_plan(topology: Topology, pattern: Pattern) -> Plan:
    """The index arrays of one circuit, in the pattern's pivot order."""
    size = topology.unknowns
    rows = np.append(pattern.row_of, size).astype(np.int32)  # index -1 is ground
    columns = np.append(pattern.column_of, size).astype(np.int32)

    def ends(p: Any, n: Any, x_p: Any = None, x_n: Any = None) -> IndexArray:
        lists = (p, n, p if x_p is None else x_p, n if x_n is None else x_n)
        tables = (rows, rows, columns, columns)
        index = [np.array(items, dtype=np.int64) for items in lists]
        return np.stack([t[i] for t, i in zip(tables, index, strict=True)], axis=1)

    across_of = shunts(topology)
    across = set(across_of.values())
    others = [r for r in range(len(topology.resistors)) if r not in across]
    others.sort(key=lambda r: topology.series[r] >= 0)
    r, v, inductors = topology.resistors, topology.phase_rows, topology.inductors
    controlled = [k for k, item in enumerate(topology.controlled) if item[0].kind in "GH"]
    driven_sensed = [
        nodes if element.kind == "G" else (extra[0], GROUND, *nodes[:2])
        for element, nodes, extra in (topology.controlled[k] for k in controlled)
    ]
    ports = [port for _, nodes in topology.lines for port in (nodes[:2], nodes[2:])]
    kinds = {"V": 0, "P": 1, "R": 2}
    return Plan(
        size,
        _relations(topology),
        ends(topology.junctions.p, topology.junctions.n),
        np.array([across_of.get(j, -1) for j in range(len(topology.junctions))], dtype=np.int32),
        _junction_places(topology, pattern),
        np.array(others, dtype=np.int32),
        sum(topology.series[k] < 0 for k in others),
        ends([r.p[k] for k in others], [r.n[k] for k in others]),
        ends(topology.capacitors.p, topology.capacitors.n),
        ends(topology.current_sources.p, topology.current_sources.n),
        rows[np.array(topology.phase_unknown, dtype=np.int64)],
        ends(v.p, v.n),
        np.array([kinds[element.kind] for element in v.elements], dtype=np.int32),
        np.array(controlled, dtype=np.int32),
        np.array([topology.controlled[k][0].kind == "H" for k in controlled], dtype=np.int32),
        ends(*np.array(driven_sensed, dtype=np.int64).reshape(-1, 4).T),
        ends([port[0] for port in ports], [port[1] for port in ports]),
        ends(*([side[k] for k in topology.kinetic] for side in (inductors.p, inductors.n))),
    )


def shunts(topology: Topology) -> dict[int, int]:
    """Junction -> one resistor (alone or with its inductor) between the same two nodes."""
    free: dict[tuple[int, int], list[int]] = {}
    for r, ends in enumerate(zip(topology.resistors.p, topology.resistors.n, strict=True)):
        free.setdefault(ends, []).append(r)
    found: dict[int, int] = {}
    for j, ends in enumerate(zip(topology.junctions.p, topology.junctions.n, strict=True)):
        if free.get(ends):
            found[j] = free[ends].pop()
    return found


def _relations(topology: Topology) -> Relations:
    offset, kind, extra = [], [], []
    table: list[float] = []
    known: dict[ModelCard, int] = {}
    for model in topology.models:
        offset.append(model.phi)
        kind.append(2 if model.thermal else 0 if model.cpr == (1.0,) else 1)
        if model not in known:
            known[model] = len(table)
            over_kt = gap_energy(model) / (2 * BOLTZMANN * model.temperature)
            table += [model.transparency, over_kt, float(len(model.cpr)), *model.cpr]
        extra.append(known[model])
    return Relations(
        np.array(offset, dtype=np.float64),
        np.array(kind, dtype=np.int32),
        np.array(extra, dtype=np.int32),
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
