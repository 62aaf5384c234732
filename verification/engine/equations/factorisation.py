"""Ordering by SciPy's SuperLU, and the pattern of the factors for lanes of equal structure.

SuperLU chooses the elimination order (minimum degree on A + A^T) and the pivots once for each
circuit. Where the matrix has less than ``SMALL`` unknowns Markowitz's rule does, and where it is
symmetric, which it is without voltage or controlled sources, minimum degree (``kernels.pattern``
for both): that spares a short run the import of SciPy. The kernels then factorise any set of values
in that order, all lanes of a tile at once, without searching for pivots again.

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
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from netlist_gen.errors import DeckError
from verification.engine import kernels
from verification.engine.lanes.graphs import Fill, Graph
from verification.engine.lanes.pointers import Pointer, doubles, integers, longs

FloatArray = NDArray[np.float64]
IndexArray = NDArray[np.int32]
LongArray = NDArray[np.int64]
_Number = TypeVar("_Number", np.int32, np.float64)

SMALL = 300
"""Unknowns up to which Markowitz's rule on the dense matrix is faster than SciPy's import."""

DROPPED = 1e-20
"""Largest entry that is left out of a factor, in units of the largest of its row of A."""

_PIVOT_THRESHOLD = 0.001
_SINGULAR = 1e-14
_ORDER_DROPPED = 1e-12  # SuperLU's own factors serve for the order and the pivots alone
_MOST_NEIGHBOURS = 50_000_000  # of a graph under elimination: 0.2 GB
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


def order(
    rows: LongArray,
    columns: LongArray,
    entries: FloatArray,
    size: int,
    name: str,
    *,
    complete: bool,
    passive: bool = False,
    held: NDArray[np.bool_] | None = None,
) -> tuple[IndexArray, IndexArray, bool]:
    """Pivot order (row_of, column_of) of a square sparse matrix, and whether to keep all fill.

    Args:
        rows: of the stamps, by unknown; places may repeat.
        columns: of the stamps, by unknown.
        entries: values of the stamps.
        size: unknowns.
        name: what messages call the deck.
        complete: find the pivots with all fill; otherwise with what is large of it, unless
            there is little.
        passive: the matrix is symmetric, and positive definite unless it is singular, which
            ``build_pattern`` finds: its diagonal gives good pivots in any order.
        held: unknowns that had better come last.

    Raises:
        DeckError: the matrix is singular.
    """
    if not np.all(np.isfinite(entries)):
        raise DeckError(f"{name}: a value is so large or small that its conductance overflows")
    small = size <= SMALL
    if passive and not small:
        alike = _graph_order(rows, columns, size, held, grow=complete)
        if alike is not None:
            return alike, alike, True
    found = (_dense_order if small else _sparse_order)(rows, columns, entries, size, complete)
    if found is None:
        raise _floating(name)
    return (*found, complete)


def _floating(name: str) -> DeckError:
    return DeckError(
        f"{name}: the circuit has no unique solution; look for a node without a path to ground, a "
        "loop of voltage or phase sources, or a source across ground"
    )


def _graph_order(
    rows: LongArray,
    columns: LongArray,
    size: int,
    held: NDArray[np.bool_] | None = None,
    *,
    grow: bool,
) -> IndexArray | None:
    """By minimum degree; None where it takes more room than ``_MOST_NEIGHBOURS``.

    Where the room does not ``grow``, it takes little fill or gives up.
    """
    apart = rows != columns
    keys = np.sort(rows[apart] * size + columns[apart])
    keys = keys[np.append(True, keys[1:] != keys[:-1])[: keys.size]]
    begin = np.searchsorted(keys, np.arange(size + 1) * size).astype(np.int64)
    length = np.diff(begin)
    size_of_pool = 4 * keys.size + 1000
    last = np.zeros(size, dtype=np.bool_) if held is None else held
    while size_of_pool <= _MOST_NEIGHBOURS:
        pool = np.empty(size_of_pool, dtype=np.int32)
        pool[: keys.size] = keys % size
        found = integers(np.zeros(size))
        graph = Graph(
            size, size_of_pool, Pointer(pool), longs(begin[:-1].copy()), integers(length),
            integers(length.copy()), longs(np.zeros(size)), integers(np.full(size + 1, -1)),
            integers(np.full(size, -1)), integers(np.full(size, -1)), Pointer(last.copy()), found,
        )  # fmt: skip
        if kernels.minimum_degree(graph, keys.size) == size:
            return np.asarray(found.array)
        if not grow:
            break
        size_of_pool *= 4
    return None


def _dense_order(
    rows: LongArray, columns: LongArray, entries: FloatArray, size: int, _complete: bool
) -> tuple[IndexArray, IndexArray] | None:
    """By Markowitz's rule; None where the matrix is singular."""
    a = np.zeros((size, size))
    np.add.at(a, (rows, columns), entries)
    there = np.zeros((size, size), dtype=np.bool_)
    there[rows, columns] = True
    largest = np.abs(a).max(axis=0, initial=0.0)
    row_of, column_of = np.zeros((2, size), dtype=np.int32)
    if kernels.dense_order(a, there, largest, row_of, column_of) < size:
        return None
    return row_of, column_of


def _sparse_order(
    rows: LongArray, columns: LongArray, entries: FloatArray, size: int, complete: bool
) -> tuple[IndexArray, IndexArray] | None:
    """By SuperLU; None where the matrix is singular."""
    from scipy.sparse import csc_array
    from scipy.sparse.linalg import spilu, splu

    matrix = csc_array((entries, (rows, columns)), shape=(size, size))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            options: dict[str, Any] = {
                "permc_spec": "MMD_AT_PLUS_A",
                "diag_pivot_thresh": _PIVOT_THRESHOLD,
                "options": {"SymmetricMode": True},
            }
            if complete:
                factors = splu(matrix, **options)
            else:
                options |= {"drop_tol": _ORDER_DROPPED, "fill_factor": _ORDER_FILL}
                factors = spilu(matrix, drop_rule="basic", **options)
    except (RuntimeError, Warning):
        return None
    pivots = np.abs(factors.U.diagonal())
    largest = np.zeros(size)
    coo = matrix.tocoo()
    np.maximum.at(largest, factors.perm_c[coo.col], np.abs(coo.data))
    if np.any(pivots < _SINGULAR * largest):
        return None
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
    name: str = "",
    passive: bool = False,
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
        name: what messages call the deck.
        passive: as for ``order``.

    Returns:
        the pattern, and for each stamp its position among A's entries.

    Raises:
        DeckError: a ``passive`` matrix is singular.
    """
    size = row_of.size
    r, c = row_of[rows].astype(np.int64), column_of[columns].astype(np.int64)
    keys, where = np.unique(r * size + c, return_inverse=True)
    a_row, a_column = keys // size, (keys % size).astype(np.int32)
    a_rows = np.searchsorted(a_row, np.arange(size + 1)).astype(np.int64)
    values = np.bincount(where, weights=entries, minlength=keys.size).astype(np.float64)
    # Nothing is below -1.
    dropped = -1.0 if complete else DROPPED
    l_rows, l_columns, u_rows, u_columns, pivots = _fill(size, a_rows, a_column, values, dropped)
    if passive and complete:
        diagonal = np.zeros(size)
        np.maximum.at(diagonal, a_column, np.abs(values))
        if not np.all(np.abs(pivots) >= _SINGULAR * diagonal):
            raise _floating(name)
    active = np.zeros(size, dtype=np.bool_)
    active[row_of[driven]] = True
    needed = np.zeros(size, dtype=np.bool_)
    needed[column_of[wanted]] = True
    l_sorted, l_order = np.empty_like(l_columns), np.empty(l_columns.size, dtype=np.int64)
    l_used = np.empty(size, dtype=np.int64)
    kernels.prune_lower(l_rows, l_columns, active, l_sorted, l_used, l_order)
    kernels.prune_upper(u_rows, u_columns, needed)
    back = np.flatnonzero(needed)[::-1].astype(np.int32)
    pattern = Pattern(
        row_of, column_of, a_rows, a_column, l_rows, l_sorted, l_used, l_order,
        u_rows, u_columns, back, complete,
    )  # fmt: skip
    return pattern, where.astype(np.int64)


def _grown(old: NDArray[_Number], room: int) -> NDArray[_Number]:
    grown = np.empty(room, dtype=old.dtype)
    grown[: old.size] = old
    return grown


def _fill(
    size: int, a_rows: LongArray, a_columns: IndexArray, a_values: FloatArray, dropped: float
) -> tuple[LongArray, IndexArray, LongArray, IndexArray, FloatArray]:
    """Rows and columns of both factors, and the pivots (see ``kernels.pattern.fill``)."""
    room = 16 + 2 * a_columns.size
    lower, upper, value = np.empty(room, np.int32), np.empty(room, np.int32), np.empty(room)
    l_rows, u_rows = longs(np.zeros(size + 1)), longs(np.zeros(size + 1))
    rest = (
        Pointer(np.empty(size)), Pointer(np.zeros(size)),
        integers(np.full(size, -1)), Pointer(np.empty(size + 2, dtype=np.int32)),
    )  # fmt: skip
    a = (longs(a_rows), integers(a_columns), doubles(a_values))
    row = 0
    while True:
        arrays = Pointer(lower), Pointer(upper), Pointer(value)
        row = kernels.fill(Fill(size, room, dropped, *a, l_rows, u_rows, *arrays, *rest), row)
        if row == size:
            break
        room *= 2
        lower, upper, value = _grown(lower, room), _grown(upper, room), _grown(value, room)
    ends = l_rows.array, u_rows.array
    parts = lower[: ends[0][-1]].copy(), upper[: ends[1][-1]].copy()
    return ends[0], parts[0], ends[1], parts[1], rest[0].array
