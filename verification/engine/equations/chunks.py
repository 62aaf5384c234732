"""Elements in the order in which their rows are eliminated, in chunks.

A step reads and writes each row of the right-hand side several times: to begin it, for every
element at the node, to eliminate it. Taken kind by kind, all rows go through the cache each time.
Taken in chunks whose elements touch only rows of this and later ones, a row stays there from its
first element to its elimination.

Where the circuit is in parts (``parts``), each has its own chunks, and rows of its own in the place
of those between the parts and of ground's, so that parts never write to the same row.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from verification.engine.equations.parts import Parts

BoolArray = NDArray[np.bool_]
LongArray = NDArray[np.int64]
IndexArray = NDArray[np.int32]

ROWS = 128
"""Rows of a chunk: of 8 lanes 8 KiB of right-hand side and as much of the last solution."""
TOGETHER = 8
"""Junctions that come in one vector; parts begin with a whole one."""


@dataclass(frozen=True, eq=False)
class Order:
    """Elements of one circuit in chunks; chunk c is from place c to place c + 1 of each array.

    Attributes:
        parts: rows by part.
        rows: how many rows the right-hand side has: those of the matrix, ground's, and the parts'
            own.
        chunks: the chunks of each part, from place p to p + 1.
        place: by junction, its place among the kernels' junctions.
        places: how many of these there are; some may be empty.
        resistors: positions of the resistors: ``plain`` ones, then those with an inductor.
        ends: rows that are eliminated.
        vectors: places of junctions.
        plain_ends: plain resistors.
        series_ends: those with an inductor.
        begins: of ``begin``, the rows that a chunk's elements touch first.
        junction_rows: by junction, rows of the right-hand side of both ends.
        first: by junction, whether no element is taken before it that touches its first row.
        resistor_rows: the same in the order of ``resistors``.
    """

    parts: Parts
    rows: int
    chunks: LongArray
    place: IndexArray
    places: int
    resistors: IndexArray
    plain: int
    ends: LongArray
    vectors: LongArray
    plain_ends: LongArray
    series_ends: LongArray
    begins: LongArray
    begin: IndexArray
    junction_rows: IndexArray
    first: BoolArray
    resistor_rows: IndexArray


def chunked(
    size: int,
    parts: Parts,
    junctions: IndexArray,
    resistors: IndexArray,
    kept: IndexArray,
    series: BoolArray,
) -> Order:
    """Put elements in order.

    Args:
        size: how many rows there are; this number stands for ground.
        parts: of the rows.
        junctions: rows of both ends, shape (junctions, 2).
        resistors: the same of those resistors that are ``kept``.
        kept: their positions.
        series: whether each is in series with an inductor.
    """
    pieces = [
        np.append(np.arange(a + ROWS, b, ROWS), b)
        for a, b in zip(parts.begin[:-1], parts.begin[1:], strict=True)
    ]
    chunks = np.cumsum([0, *(piece.size for piece in pieces)])
    ends = np.concatenate([[0], *pieces]).astype(np.int64)
    total = ends.size - 1

    def chunk_of(rows: IndexArray) -> LongArray:
        """By element the chunk of the row that is eliminated first."""
        first = rows.min(axis=1, initial=size)
        # What lies between rows that belong to no part comes with the first one.
        first = np.where(first < ends[-1], first, parts.begin[1] - 1)
        return np.searchsorted(ends[1:], first, side="right").astype(np.int64)

    def part_of(chunk: LongArray) -> LongArray:
        return np.searchsorted(chunks[1:], chunk, side="right").astype(np.int64)

    of_junction, of_resistor = chunk_of(junctions), chunk_of(resistors)
    junction_rows = _own_rows(size, parts, junctions, part_of(of_junction))
    by_junction = np.argsort(of_junction, kind="stable")
    # With those in series behind all others.
    by_resistor = np.argsort(of_resistor + total * series, kind="stable")
    resistor_rows = _own_rows(size, parts, resistors, part_of(of_resistor))[by_resistor]
    place, vectors = _places(of_junction[by_junction], chunks, part_of)
    plain = int(np.count_nonzero(~series))
    sorted_chunk = of_resistor[by_resistor]
    plain_ends = np.searchsorted(sorted_chunk[:plain], np.arange(total + 1))
    series_ends = plain + np.searchsorted(sorted_chunk[plain:], np.arange(total + 1))
    places = np.empty(place.size, dtype=np.int32)
    places[by_junction] = place
    # A vector may hold junctions of later chunks.
    taken = np.searchsorted(vectors[1:], places, side="right")
    rows = size + 1 + (parts.total * (size - ends[-1] + 1) if parts.total > 1 else 0)
    begin, begins = _begun(
        size, parts, ends, chunks, int(rows),
        (np.concatenate([junction_rows, resistor_rows]), np.concatenate([taken, sorted_chunk])),
    )  # fmt: skip
    first = _first(int(rows), junction_rows, places, resistor_rows, vectors[sorted_chunk + 1])
    return Order(
        parts, int(rows), chunks.astype(np.int64), places, int(vectors[-1]),
        kept[by_resistor].astype(np.int32), plain, ends, vectors, plain_ends.astype(np.int64),
        series_ends.astype(np.int64), begins, begin, junction_rows, first, resistor_rows,
    )  # fmt: skip


def _own_rows(size: int, parts: Parts, ends: IndexArray, part: LongArray) -> IndexArray:
    """Rows of the right-hand side: a part's own where other parts may write too."""
    if parts.total == 1:
        return ends
    first = int(parts.begin[-1])
    own = size + 1 + part[:, None] * (size - first + 1) + (ends - first)
    return np.where(ends < first, ends, own).astype(np.int32)


def _first(
    rows: int,
    junctions: IndexArray,
    places: IndexArray,
    resistors: IndexArray,
    after: LongArray,
) -> BoolArray:
    """By junction, whether it is taken before all others that touch the row of its first end.

    Args:
        rows: of the right-hand side.
        junctions: rows of both ends.
        places: of the junctions, in which order they are taken.
        resistors: rows of both ends.
        after: by resistor, the place of the first junction that is taken after it.
    """
    earliest = np.full(rows, np.iinfo(np.int64).max)
    turn = 2 * places.astype(np.int64)
    for ends, when in ((junctions, turn), (resistors, 2 * after - 1)):
        for column in ends.T:
            np.minimum.at(earliest, column, when)
    return np.asarray(earliest[junctions[:, 0]] == turn)


def _places(
    chunk: LongArray, chunks: LongArray, part_of: Callable[[LongArray], LongArray]
) -> tuple[LongArray, LongArray]:
    """Places of sorted junctions, and by chunk where they end: at whole vectors."""
    part = part_of(chunk)
    counts = np.bincount(part, minlength=chunks.size - 1)
    padded = -(-counts // TOGETHER) * TOGETHER if counts.size > 1 else counts
    base = np.cumsum(padded) - padded
    first = np.cumsum(counts) - counts
    place = np.arange(chunk.size) - first[part] + base[part]
    vectors = np.zeros(int(chunks[-1]) + 1, dtype=np.int64)
    for p in range(counts.size):
        of = np.arange(chunks[p], chunks[p + 1])
        done = np.searchsorted(chunk, of, side="right") - first[p]
        done = np.minimum(-(-done // TOGETHER) * TOGETHER, padded[p])
        done[-1] = padded[p]
        vectors[of + 1] = base[p] + done
    return place, vectors


def _begun(
    size: int,
    parts: Parts,
    ends: LongArray,
    chunks: LongArray,
    rows: int,
    touched: tuple[IndexArray, LongArray],
) -> tuple[IndexArray, LongArray]:
    """Rows by the chunk that begins them, and where each chunk's begin.

    Args:
        size: rows of the matrix.
        parts: of them.
        ends: by chunk.
        chunks: by part.
        rows: of the right-hand side.
        touched: by element the rows of its ends, and its chunk.
    """
    chunk = np.zeros(rows, dtype=np.int64)
    chunk[: ends[-1]] = np.searchsorted(ends[1:], np.arange(ends[-1]), side="right")
    if parts.total > 1:
        chunk[size + 1 :] = np.repeat(chunks[:-1], size - int(ends[-1]) + 1)
    element_rows, element_chunk = touched
    for column in element_rows.T:
        np.minimum.at(chunk, column, element_chunk)
    begins = np.cumsum(np.bincount(chunk, minlength=ends.size - 1))
    return np.argsort(chunk, kind="stable").astype(np.int32), np.append(0, begins)
