"""Rows of the factors by level: those of one level can be taken in any order, or at once."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from verification.engine.equations.factorisation import Pattern

LongArray = NDArray[np.int64]


class Levels(NamedTuple):
    """Levels of forward substitution, then of backward substitution.

    Attributes:
        forwards: how many are forward.
        begin: by level where its rows begin, with the end of the last one.
        rows: rows of all levels.
    """

    forwards: int
    begin: LongArray
    rows: LongArray


def levels(pattern: Pattern) -> Levels:
    """The levels of a pattern. Every row is in one of the forward ones."""
    size = pattern.row_of.size
    there = np.arange(size)
    down = _depths(there, pattern.l_rows[:-1], pattern.l_used, pattern.l_columns)
    back = pattern.back.astype(np.int64)
    up = _depths(back, pattern.u_rows[:-1], pattern.u_rows[1:], pattern.u_columns)[back]
    counts = [np.bincount(down), np.bincount(up)]
    rows = np.concatenate([np.argsort(down, kind="stable"), back[np.argsort(up, kind="stable")]])
    begin = np.concatenate([[0], np.cumsum(np.concatenate(counts))])
    return Levels(counts[0].size, begin.astype(np.int64), rows.astype(np.int64))


def _depths(
    rows: LongArray, first: LongArray, last: LongArray, columns: NDArray[np.int32]
) -> LongArray:
    """By row how many others have to be done before it, one after the other; 0 for rows left out.

    Args:
        rows: in an order in which they can be done.
        first: by row, where its columns begin.
        last: where they end.
        columns: the rows that each one needs.
    """
    depth = [0] * first.size
    needed, begin, end = columns.tolist(), first.tolist(), last.tolist()
    for row in rows.tolist():
        needs = needed[begin[row] : end[row]]
        if needs:
            depth[row] = 1 + max(depth[k] for k in needs)
    return np.array(depth, dtype=np.int64)
