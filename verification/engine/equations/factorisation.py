"""Ordering by SciPy's SuperLU, and the pattern of the factors for lanes of equal structure.

SuperLU chooses the elimination order (minimum degree on A + A^T) and the pivots once for each
circuit. The kernels then factorise any set of values in that order, all lanes of a tile at once,
without searching for pivots again.

In a step a junction's own conductance is some two hundred times that of the inductors around it,
so that entries of the factors fall by as much with every junction that lies between two nodes. A
network's layers, whose lines each feed tens of neurons, have no small separators and their factors
fill in (``mnist-small`` as one deck: 140 entries for each unknown), but nearly all of that fill is
below the rounding of the entries beside it. The factors of large circuits leave it out: entry
(i, j) is dropped where it is below ``DROPPED`` times the largest of row i of A. L U is then A + E,
each entry of E below that bound, far below the factorisation's own rounding of 1e-16. The kernels
check it for every set of values (``solve.factorise``).
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

DROPPED = 1e-20
"""Largest entry that is left out of a factor, in units of the largest of its row of A."""

_PIVOT_THRESHOLD = 0.001
_SINGULAR = 1e-14
_ORDER_DROPPED = 1e-12  # SuperLU's own factors serve for the order and the pivots alone
_ORDER_FILL = 10.0  # room that they begin with, times A's entries; it grows


@dataclass(frozen=True, eq=False)
class Pattern:
    """Pattern of A in pivot order and of its factors.

    Attributes:
        row_of: position of each unknown's equation in pivot order.
        column_of: position of each unknown in pivot order.
        a_rows: row pointers of A in pivot order.
        a_columns: its columns.
        l_rows: row pointers of the strict lower factor.
        l_columns: its columns; within a row those that the forward substitution needs come first.
        l_used: where these end, by row.
        l_order: the entries of each row by rising column, as positions.
        u_rows: row pointers of the strict upper factor.
        u_columns: its columns.
        back: rows that the backward substitution has to visit, from last to first.
        complete: whether the factors hold all fill, whatever the values.
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
    complete: bool

    @property
    def entries(self) -> int:
        """Entries of both factors without the diagonal."""
        return int(self.l_columns.size + self.u_columns.size)


def order(matrix: Any, name: str, *, complete: bool) -> tuple[IndexArray, IndexArray]:
    """Pivot order (row_of, column_of) of a square sparse matrix.

    Args:
        matrix: of SciPy.
        name: what messages call the deck.
        complete: find the pivots with all fill; otherwise with what is large of it.

    Raises:
        DeckError: the matrix is singular.
    """
    from scipy.sparse.linalg import spilu, splu

    floating = (
        f"{name}: the circuit has no unique solution; look for a node without a path to ground, "
        "a loop of voltage or phase sources, or a source across ground"
    )
    if not np.all(np.isfinite(matrix.data)):
        raise DeckError(f"{name}: a value is so large or small that its conductance overflows")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            options: dict[str, Any] = {
                "permc_spec": "MMD_AT_PLUS_A",
                "diag_pivot_thresh": _PIVOT_THRESHOLD,
                "options": {"SymmetricMode": True},
            }
            if complete:
                factors = splu(matrix.tocsc(), **options)
            else:
                options |= {"drop_tol": _ORDER_DROPPED, "fill_factor": _ORDER_FILL}
                factors = spilu(matrix.tocsc(), drop_rule="basic", **options)
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
    entries: FloatArray,
    row_of: IndexArray,
    column_of: IndexArray,
    driven: NDArray[np.bool_],
    wanted: NDArray[np.bool_],
    *,
    complete: bool,
) -> tuple[Pattern, LongArray]:
    """Pattern of the factors.

    Args:
        rows: of the stamps, by unknown; places may repeat.
        columns: of the stamps, by unknown.
        entries: values of the stamps.
        row_of: pivot order of the equations, from ``order``.
        column_of: pivot order of the unknowns, from ``order``.
        driven: equations with a right-hand side, by unknown.
        wanted: unknowns whose value is used, by unknown.
        complete: keep all fill; otherwise what these values make larger than ``DROPPED``.

    Returns:
        the pattern, and for each stamp its position among A's entries.
    """
    size = row_of.size
    r, c = row_of[rows].astype(np.int64), column_of[columns].astype(np.int64)
    keys, where = np.unique(r * size + c, return_inverse=True)
    a_row, a_column = keys // size, (keys % size).astype(np.int32)
    a_rows = np.searchsorted(a_row, np.arange(size + 1)).astype(np.int64)
    values = np.bincount(where, weights=entries, minlength=keys.size)
    # Nothing is below -1.
    dropped = -1.0 if complete else DROPPED
    l_rows, l_columns, u_rows, u_columns = _fill(size, a_rows, a_column, values, dropped)
    active = np.zeros(size, dtype=np.bool_)
    active[row_of[driven]] = True
    needed = np.zeros(size, dtype=np.bool_)
    needed[column_of[wanted]] = True
    l_sorted, l_used, l_order = _prune_lower(size, l_rows, l_columns, active)
    back = _prune_upper(size, u_rows, u_columns, needed)
    pattern = Pattern(
        row_of, column_of, a_rows, a_column, l_rows, l_sorted, l_used, l_order,
        u_rows, u_columns, back, complete,
    )  # fmt: skip
    return pattern, where.astype(np.int64)


@njit
def _room(array, used):  # type: ignore[no-untyped-def]
    """The array, or one twice as long with the same beginning if it is full."""
    if used < array.size:
        return array
    grown = np.empty(2 * array.size, dtype=array.dtype)
    grown[:used] = array
    return grown


@njit
def _scatter(i, a_rows, a_columns, a_values, work, of_a, following):  # type: ignore[no-untyped-def]
    """Row ``i`` of A into ``work`` and the list; the largest entry.

    The list begins behind ``following``'s last place and ends at the number of unknowns; the
    diagonal is in it even where A has none.
    """
    size = work.size
    last = size + 1
    placed = False
    largest = 0.0
    for e in range(a_rows[i], a_rows[i + 1]):
        c = a_columns[e]
        if c > i and not placed:
            following[last] = i
            last = i
        placed = placed or c >= i
        following[last] = c
        last = c
        work[c] = a_values[e]
        of_a[c] = i
        largest = max(largest, abs(a_values[e]))
    if not placed:
        following[last] = i
        last = i
    following[last] = size
    return largest


@njit
def _merge(following, k, columns, values, multiplier, work):  # type: ignore[no-untyped-def]
    """Subtract ``multiplier`` times a row of U from ``work``; its columns enter the list after k.

    Both rise, so that one walk along the list finds all places.
    """
    place = k
    for e in range(columns.size):
        c = columns[e]
        while following[place] < c:
            place = following[place]
        if following[place] != c:
            following[c] = following[place]
            following[place] = c
        place = c
        work[c] -= multiplier * values[e]


@njit(cache=True, error_model="numpy")
def _fill(size, a_rows, a_columns, a_values, dropped):  # type: ignore[no-untyped-def]
    """Row-by-row elimination: row i is A's row merged with the U rows of its lower entries.

    The row under construction is a linked list in rising order. Entries that A has are kept,
    others if they are above ``dropped`` times the largest of A's row.
    """
    l_rows = np.zeros(size + 1, dtype=np.int64)
    u_rows = np.zeros(size + 1, dtype=np.int64)
    lower = np.empty(16 + 2 * a_columns.size, dtype=np.int32)
    upper = np.empty(16 + 2 * a_columns.size, dtype=np.int32)
    upper_value = np.empty(upper.size)
    pivot = np.empty(size)
    work = np.zeros(size)
    of_a = np.full(size, -1, dtype=np.int32)  # the last row in which A has this column
    following = np.empty(size + 2, dtype=np.int32)
    count_l = 0
    count_u = 0
    for i in range(size):
        limit = dropped * _scatter(i, a_rows, a_columns, a_values, work, of_a, following)
        k = following[size + 1]
        while k < i:
            if of_a[k] == i or not abs(work[k]) <= limit:
                row = slice(u_rows[k], u_rows[k + 1])
                _merge(following, k, upper[row], upper_value[row], work[k] / pivot[k], work)
                lower = _room(lower, count_l)
                lower[count_l] = k
                count_l += 1
            work[k] = 0.0
            k = following[k]
        pivot[i] = work[i]
        work[i] = 0.0
        k = following[i]
        while k < size:
            if of_a[k] == i or not abs(work[k]) <= limit:
                upper = _room(upper, count_u)
                upper_value = _room(upper_value, count_u)
                upper[count_u] = k
                upper_value[count_u] = work[k]
                count_u += 1
            work[k] = 0.0
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
        place = l_rows[i]
        for first in (True, False):
            for e in range(l_rows[i], l_rows[i + 1]):
                if active[l_columns[e]] == first:
                    columns[place] = l_columns[e]
                    order_of[e] = place
                    place += 1
            if first:
                used[i] = place
        if used[i] > l_rows[i]:
            active[i] = True
    return columns, used, order_of


@njit(cache=True)
def _prune_upper(size, u_rows, u_columns, needed):  # type: ignore[no-untyped-def]
    """Rows whose unknown is used, itself or by a used unknown before it; last row first."""
    for i in range(size):
        if needed[i]:
            for e in range(u_rows[i], u_rows[i + 1]):
                needed[u_columns[e]] = True
    return np.flatnonzero(needed)[::-1].astype(np.int32)
