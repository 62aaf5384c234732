"""The compiled part of the engine, as functions of Python.

What is compiled is in the other modules: ``entry`` lists it, ``native`` keeps and loads its machine
code. Nothing here imports Numba.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor, wait
from typing import Any

import numpy as np
from numpy.typing import NDArray

from verification.engine.kernels.native import Note, functions
from verification.engine.lanes.graphs import Fill, Graph
from verification.engine.lanes.layout import Factors, Matrix, Tile
from verification.engine.lanes.pointers import Pointer, words

Array = NDArray[Any]


def prepare(lanes: int, note: Note = lambda _: None) -> None:
    """Load what runs of so many lanes take; compile it where there is none, after a ``note``."""
    functions("pattern", note)
    functions(_group(1 if lanes == 1 else 8), note)


def _group(width: int) -> str:
    return "single" if width == 1 else "lanes"


def run_tile(
    tile: Tile,
    output: Pointer,
    prints: Pointer,
    count: int,
    first: int,
    last: int,
    step: float,
    guard: int,
    helpers: Sequence[Executor] = (),
) -> int:
    """See ``loop.advance``, which this thread and the ``helpers``' call at once."""
    table = words(tile)
    run = functions(_group(tile.width))["run_tile"]
    arguments = (table.address, output.address, prints.address, count, first, last, step, guard)
    threads = 1 + len(helpers)
    others = [helper.submit(run, *arguments, 1 + k, threads) for k, helper in enumerate(helpers)]
    status = run(*arguments, 0, threads)
    wait(others)
    return status


def factorise_tile(matrix: Matrix, a: Pointer, own: bool, factors: Factors, width: int) -> int:
    """See ``solve.factorise``."""
    m, f = words(matrix), words(factors)
    return functions(_group(width))["factorise_tile"](m.address, a.address, own, f.address)


def dense_order(a: Array, there: Array, largest: Array, row_of: Array, column_of: Array) -> int:
    """See ``pattern.dense_order``; ``a`` and ``there`` are square and are destroyed."""
    size = row_of.size
    counts, done = np.zeros((2, size), dtype=np.int64), np.zeros((2, size), dtype=np.bool_)
    arrays = (a, there, largest, row_of, column_of, counts[0], counts[1], done[0], done[1])
    return functions("pattern")["dense_order"](size, *map(_address, arrays))


def minimum_degree(graph: Graph, top: int) -> int:
    """See ``pattern.minimum_degree``."""
    members = words(graph)
    return functions("pattern")["minimum_degree"](members.address, top)


def distances(begin: Array, neighbours: Array, start: int) -> tuple[NDArray[np.int64], int]:
    """See ``pattern.distances``; they, and the last node."""
    size = begin.size - 1
    found, queue = np.full(size, -1, dtype=np.int64), np.empty(size, dtype=np.int64)
    arrays = _address(begin), _address(neighbours)
    last = functions("pattern")["distances"](size, *arrays, start, _address(found), _address(queue))
    return found, last


def assemble(begin: Array, which: Array, factor: Array, listed: Array) -> NDArray[np.float64]:
    """See ``pattern.assemble``; the entries, shape (entries, lanes)."""
    listed = np.ascontiguousarray(listed)
    out = np.empty((begin.size - 1, listed.shape[1]))
    functions("pattern")["assemble"](
        begin.size - 1, *map(_address, (begin, which, factor, listed)), listed.shape[1],
        _address(out),
    )  # fmt: skip
    return out


def fill(table: Fill, first: int) -> int:
    """See ``pattern.fill``."""
    members = words(table)
    return functions("pattern")["fill"](members.address, first)


def prune_lower(
    l_rows: Array, l_columns: Array, active: Array, columns: Array, used: Array, order_of: Array
) -> None:
    """See ``pattern.prune_lower``."""
    arrays = (l_rows, l_columns, active, columns, used, order_of)
    functions("pattern")["prune_lower"](used.size, *map(_address, arrays))


def prune_upper(u_rows: Array, u_columns: Array, needed: Array) -> None:
    """See ``pattern.prune_upper``."""
    arrays = (u_rows, u_columns, needed)
    functions("pattern")["prune_upper"](needed.size, *map(_address, arrays))


def print_steps(
    first: int, last: int, step: float, distance: float, following: Array, out: Array
) -> int:
    """See ``pattern.print_steps``; as many as ``out`` has room for."""
    return functions("pattern")["print_steps"](
        first, last, out.size, step, distance, _address(following), _address(out)
    )


def _address(array: Array) -> int:
    assert array.flags.c_contiguous
    return int(array.ctypes.data)
