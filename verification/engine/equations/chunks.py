"""Elements in the order in which their rows are eliminated, in chunks.

A step reads and writes each row of the right-hand side several times: to begin it, for every
element at the node, to eliminate it. Taken kind by kind, all rows go through the cache each time.
Taken in chunks whose elements touch only rows of this and later ones, a row stays there from its
first element to its elimination.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

LongArray = NDArray[np.int64]
IndexArray = NDArray[np.int32]

ROWS = 128
"""Rows of a chunk: of 8 lanes 8 KiB of right-hand side and as much of the last solution."""
TOGETHER = 8
"""Junctions that a chunk ends after a multiple of, for they come in vectors."""


@dataclass(frozen=True, eq=False)
class Order:
    """Elements of one circuit in chunks; by chunk, each array says where its part ends.

    Attributes:
        junctions: the junctions in order.
        place: by junction, its place in that order.
        resistors: positions of the resistors: ``plain`` ones, then those with an inductor.
        rows: rows that are eliminated.
        vectors: junctions, a multiple of ``TOGETHER`` up to the last chunk.
        plain_ends: plain resistors.
        series_ends: those with an inductor; they begin behind the plain ones.
        begins: of ``begin``, the rows that a chunk's elements touch first.
    """

    junctions: IndexArray
    place: IndexArray
    resistors: IndexArray
    plain: int
    rows: LongArray
    vectors: LongArray
    plain_ends: LongArray
    series_ends: LongArray
    begins: LongArray
    begin: IndexArray


def chunked(
    size: int, junctions: IndexArray, resistors: IndexArray, kept: IndexArray, series: Any
) -> Order:
    """Put elements in order.

    Args:
        size: how many rows there are; this number stands for ground.
        junctions: rows of both ends, shape (junctions, 2).
        resistors: the same of those resistors that are ``kept``.
        kept: their positions.
        series: whether each is in series with an inductor.
    """
    ends = np.append(np.arange(ROWS, size, ROWS), size).astype(np.int64)
    if ends.size == 1:  # one chunk: as the deck has them
        first = [np.zeros(rows.shape[0], dtype=np.int64) for rows in (junctions, resistors)]
    else:
        first = [rows.min(axis=1, initial=size).astype(np.int64) for rows in (junctions, resistors)]
    by_junction = np.argsort(first[0], kind="stable")
    # Sorted by their rows, with those in series behind all others.
    by_resistor = np.argsort(first[1] + (size + 1) * series, kind="stable")
    plain = int(np.count_nonzero(~series))
    sorted_first = first[0][by_junction], first[1][by_resistor]
    vectors = np.searchsorted(sorted_first[0], ends)
    vectors = np.minimum(-(-vectors // TOGETHER) * TOGETHER, by_junction.size)
    plain_ends = np.searchsorted(sorted_first[1][:plain], ends)
    series_ends = plain + np.searchsorted(sorted_first[1][plain:], ends)
    for all_of, total in ((vectors, by_junction.size), (plain_ends, plain)):
        all_of[-1] = total
    series_ends[-1] = by_resistor.size
    # By row the first chunk that touches it; ground's row begins with the first one.
    chunk = np.append(np.searchsorted(ends, np.arange(size), side="right"), 0)
    touched = (
        (junctions[by_junction], vectors, 0),
        (resistors[by_resistor[:plain]], plain_ends, 0),
        (resistors[by_resistor[plain:]], series_ends, plain),
    )
    for rows, part_ends, before in touched:
        own = np.searchsorted(part_ends, before + np.arange(len(rows)), side="right")
        for column in rows.T:
            np.minimum.at(chunk, column, own)
    begin = np.argsort(chunk, kind="stable")
    place = np.empty(by_junction.size, dtype=np.int32)
    place[by_junction] = np.arange(by_junction.size)
    return Order(
        by_junction.astype(np.int32), place, kept[by_resistor].astype(np.int32), plain, ends,
        vectors, plain_ends, series_ends, np.cumsum(np.bincount(chunk, minlength=ends.size)),
        begin.astype(np.int32),
    )  # fmt: skip
