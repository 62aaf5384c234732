"""A large circuit in parts that touch each other at few nodes, for several cores at one deck.

Nodes are numbered by their distance from one end of the circuit. A node's neighbours are at its
own distance or one off, so that all nodes of one distance together cut the circuit in two; of
these only those count that have a neighbour farther out. The parts are eliminated one after the
other or side by side, with the same result to the bit, and the nodes between them last.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from verification.engine import kernels

IndexArray = NDArray[np.int32]
LongArray = NDArray[np.int64]

PARTED = 20_000
"""Unknowns from which on a circuit is cut: below, cores would wait for each other."""
MOST_PARTS = 2
"""A part between two others has nearly twice the entries in its factors: all its rows have some for
either border. Two parts cost nothing."""
_WIDEST = 0.01
"""Share of all nodes that one cut may have."""


@dataclass(frozen=True, eq=False)
class Parts:
    """Rows of the matrix, in pivot order, by part; those behind the last part are between parts.

    Attributes:
        begin: where each part's rows begin, and where the last one's end.
    """

    begin: LongArray

    @property
    def total(self) -> int:
        """How many parts there are."""
        return int(self.begin.size - 1)


def cut(rows: LongArray, columns: LongArray, size: int) -> LongArray | None:
    """By node the number of its part, ``MOST_PARTS`` for those between; None for a single part.

    Args:
        rows: of the matrix's stamps, by node.
        columns: of them.
        size: how many nodes there are.
    """
    apart = rows != columns
    keys = np.sort(rows[apart] * size + columns[apart])
    keys = keys[np.append(True, keys[1:] != keys[:-1])[: keys.size]]
    begin = np.searchsorted(keys, np.arange(size + 1) * size).astype(np.int64)
    neighbours = (keys % size).astype(np.int32)
    last = kernels.distances(begin, neighbours, 0)[1]
    distance = kernels.distances(begin, neighbours, last)[0]
    width = np.bincount(distance)
    cuts = _narrow(width)
    if not cuts:
        return None
    ends, others = keys // size, neighbours
    outward = np.zeros(size, dtype=np.bool_)
    outward[ends[distance[others] > distance[ends]]] = True
    part = np.searchsorted(cuts, distance).astype(np.int64)
    part[np.isin(distance, cuts) & outward] = MOST_PARTS
    return part


def _narrow(width: LongArray) -> list[int]:
    """Distances at which to cut: of the narrowest the one nearest to equal shares."""
    total = int(width.sum())
    before = np.cumsum(width)
    cuts: list[int] = []
    for k in range(1, MOST_PARTS):
        low, high = ((k + shift) * total / MOST_PARTS for shift in (-0.2, 0.2))
        around = np.flatnonzero((before >= low) & (before <= high))
        around = around[around > (cuts[-1] + 1 if cuts else 0)]
        if around.size:
            off = np.abs(before[around] - k * total / MOST_PARTS)
            best = int(around[np.lexsort((off, width[around]))[0]])
            if width[best] <= _WIDEST * total and best < width.size - 1:
                cuts.append(best)
    return cuts


def in_parts(part: LongArray, order: IndexArray) -> tuple[IndexArray, Parts]:
    """An elimination order with parts one after the other, and their rows.

    Args:
        part: by node, from ``cut``.
        order: by node its place in any elimination order.
    """
    by_place = np.argsort(part * order.size + order)
    found = np.empty_like(order)
    found[by_place] = np.arange(order.size, dtype=order.dtype)
    counts = np.bincount(part, minlength=MOST_PARTS)[:MOST_PARTS]
    return found, Parts(np.append(0, np.cumsum(counts[counts > 0])).astype(np.int64))


def one_part(size: int) -> Parts:
    """All rows in one part."""
    return Parts(np.array([0, size], dtype=np.int64))
