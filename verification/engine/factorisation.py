"""Ordering by SciPy's SuperLU, and the pattern of the factors for lanes of equal structure.

SuperLU chooses the elimination order (minimum degree on A + A^T) and the pivots once for each
circuit. The kernels then factorise any set of values in that order, all lanes of a tile at once,
without searching for pivots again.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from netlist_gen.errors import DeckError

FloatArray = NDArray[np.float64]
IndexArray = NDArray[np.int32]
LongArray = NDArray[np.int64]

_PIVOT_THRESHOLD = 0.001
_SINGULAR = 1e-14


@dataclass(frozen=True, eq=False)
class Pattern:
    """Pattern of A in pivot order and of its factors.

    Attributes:
        row_of, column_of: position of each unknown's equation and of the unknown, in pivot order.
        a_rows: row pointers of A in pivot order, a_columns: its columns.
        l_rows, l_columns: strict lower factor by rows; within a row the entries that the forward
            substitution needs come first and ``l_used`` is where they end.
        l_order: the entries of each row by rising column, as positions.
        u_rows, u_columns: strict upper factor by rows.
        back: rows that the backward substitution has to visit, from last to first.
    """

    row_of: IndexArray
    column_of: IndexArray
    a_rows: LongArray
    a_columns: IndexArray
    l_rows: LongArray
    l_columns: IndexArray
    l_used: LongArray
    l_order: LongArray
    u_rows: LongArray
    u_columns: IndexArray
    back: IndexArray

    @property
    def entries(self) -> int:
        """Entries of both factors without the diagonal."""
        return int(self.l_columns.size + self.u_columns.size)


def order(matrix: Any, name: str) -> tuple[IndexArray, IndexArray]:
    """Pivot order (row_of, column_of) of a square sparse matrix.

    Raises:
        DeckError: the matrix is singular.
    """
    from scipy.sparse.linalg import splu

    floating = (
        f"{name}: the circuit has no unique solution; look for a node without a path to ground, "
        "a loop of voltage or phase sources, or a source across ground"
    )
    if not np.all(np.isfinite(matrix.data)):
        raise DeckError(f"{name}: a value is so large or small that its conductance overflows")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            factors = splu(
                matrix.tocsc(),
                permc_spec="MMD_AT_PLUS_A",
                diag_pivot_thresh=_PIVOT_THRESHOLD,
                options={"SymmetricMode": True},
            )
    except (RuntimeError, Warning) as error:
        raise DeckError(floating) from error
    pivots = np.abs(factors.U.diagonal())
    largest = np.zeros(matrix.shape[0])
    coo = matrix.tocoo()
    np.maximum.at(largest, factors.perm_c[coo.col], np.abs(coo.data))
    if np.any(pivots < _SINGULAR * largest):
        raise DeckError(floating)
    return factors.perm_r.astype(np.int32), factors.perm_c.astype(np.int32)


def build_pattern(
    rows: LongArray,
    columns: LongArray,
    size: int,
    row_of: IndexArray,
    column_of: IndexArray,
    driven: NDArray[np.bool_],
    wanted: NDArray[np.bool_],
) -> tuple[Pattern, LongArray]:
    """Pattern of the factors.

    Args:
        rows, columns: places of the stamps (they may repeat), by unknown.
        driven: equations with a right-hand side, by unknown.
        wanted: unknowns whose value is used, by unknown.

    Returns:
        the pattern, and for each stamp its position among A's entries.
    """
    r, c = row_of[rows].astype(np.int64), column_of[columns].astype(np.int64)
    keys, where = np.unique(r * size + c, return_inverse=True)
    a_row, a_column = keys // size, (keys % size).astype(np.int32)
    a_rows = np.searchsorted(a_row, np.arange(size + 1)).astype(np.int64)
    l_rows, l_columns, u_rows, u_columns = _symbolic(size, a_rows, a_column)
    active = np.zeros(size, dtype=np.bool_)
    active[row_of[driven]] = True
    needed = np.zeros(size, dtype=np.bool_)
    needed[column_of[wanted]] = True
    l_sorted, l_used, l_order = _prune_lower(size, l_rows, l_columns, active)
    back = _prune_upper(size, u_rows, u_columns, needed)
    pattern = Pattern(
        row_of,
        column_of,
        a_rows,
        a_column,
        l_rows,
        l_sorted,
        l_used,
        l_order,
        u_rows,
        u_columns,
        back,
    )
    return pattern, where.astype(np.int64)


@njit
def _room(array, used):  # type: ignore[no-untyped-def]
    """The array, or one twice as long with the same beginning if it is full."""
    if used < array.size:
        return array
    grown = np.empty(2 * array.size, dtype=np.int32)
    for k in range(used):
        grown[k] = array[k]
    return grown


@njit(cache=True)
def _symbolic(size, a_rows, a_columns):  # type: ignore[no-untyped-def]
    """Row-by-row fill: row i is A's row merged with the U rows of its lower entries.

    The row under construction is a linked list in rising order, which ends at ``size``.
    """
    l_rows = np.zeros(size + 1, dtype=np.int64)
    u_rows = np.zeros(size + 1, dtype=np.int64)
    lower = np.empty(16 + 2 * a_columns.size, dtype=np.int32)
    upper = np.empty(16 + 2 * a_columns.size, dtype=np.int32)
    following = np.empty(size + 2, dtype=np.int32)
    count_l = 0
    count_u = 0
    for i in range(size):
        last = size + 1  # the head of the list
        placed = False
        for e in range(a_rows[i], a_rows[i + 1]):
            c = a_columns[e]
            if c > i and not placed:  # the diagonal is there even where A has none
                following[last] = i
                last = i
            placed = placed or c >= i
            following[last] = c
            last = c
        if not placed:
            following[last] = i
            last = i
        following[last] = size
        k = following[size + 1]
        while k < i:
            place = k
            for e in range(u_rows[k], u_rows[k + 1]):
                c = upper[e]
                while following[place] < c:
                    place = following[place]
                if following[place] != c:
                    following[c] = following[place]
                    following[place] = c
                place = c
            lower = _room(lower, count_l)
            lower[count_l] = k
            count_l += 1
            k = following[k]
        k = following[i]
        while k < size:
            upper = _room(upper, count_u)
            upper[count_u] = k
            count_u += 1
            k = following[k]
        l_rows[i + 1] = count_l
        u_rows[i + 1] = count_u
    return l_rows, lower[:count_l].copy(), u_rows, upper[:count_u].copy()


@njit(cache=True)
def _prune_lower(size, l_rows, l_columns, active):  # type: ignore[no-untyped-def]
    """Put entries that multiply a structural zero of the right-hand side last in their row."""
    columns = np.empty_like(l_columns)
    used = np.empty(size, dtype=np.int64)
    order_of = np.empty(l_columns.size, dtype=np.int64)
    for i in range(size):
        first = l_rows[i]
        for e in range(l_rows[i], l_rows[i + 1]):
            if active[l_columns[e]]:
                columns[first] = l_columns[e]
                order_of[e] = first
                first += 1
        used[i] = first
        if first > l_rows[i]:
            active[i] = True
        for e in range(l_rows[i], l_rows[i + 1]):
            if not active[l_columns[e]]:
                columns[first] = l_columns[e]
                order_of[e] = first
                first += 1
    return columns, used, order_of


@njit(cache=True)
def _prune_upper(size, u_rows, u_columns, needed):  # type: ignore[no-untyped-def]
    """Rows whose unknown is used, itself or by a used unknown before it; last row first."""
    count = 0
    for i in range(size):
        if needed[i]:
            count += 1
            for e in range(u_rows[i], u_rows[i + 1]):
                needed[u_columns[e]] = True
    back = np.empty(count, dtype=np.int32)
    at = 0
    for i in range(size - 1, -1, -1):
        if needed[i]:
            back[at] = i
            at += 1
    return back
