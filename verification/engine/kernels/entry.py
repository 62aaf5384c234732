"""The functions that Python calls, as Numba compiles them: addresses and numbers, no objects.

Each is compiled without Numba's wrappers, so that its machine code needs nothing of Python or
Numba when it runs (``native`` keeps it and loads it).
"""
# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from verification.engine.kernels import pattern
from verification.engine.kernels.compiling import kernel
from verification.engine.kernels.loop import advance
from verification.engine.kernels.solve import factorise
from verification.engine.kernels.views import (
    doubles_at,
    flags_at,
    integers_at,
    longs_at,
    view_at,
)
from verification.engine.lanes.graphs import Fill, Graph
from verification.engine.lanes.layout import WIDTH, Factors, Matrix, Tile

_tile_at, _matrix_at, _factors_at = view_at(Tile), view_at(Matrix), view_at(Factors)
_fill_at, _graph_at = view_at(Fill), view_at(Graph)


def _of_width(width: int) -> dict[str, Any]:
    w = (0,) * width

    @kernel
    def run_tile(tile, output, prints, count, first, last, step, guard, me, threads):
        """See ``loop.advance``."""
        samples, printed = doubles_at(output), longs_at(prints)
        return advance(
            _tile_at(tile), samples, printed, count, first, last, step, guard, me, threads, w
        )

    @kernel
    def factorise_tile(matrix, a, own, factors):
        """See ``solve.factorise``."""
        return factorise(_matrix_at(matrix), doubles_at(a), own != 0, _factors_at(factors), w)

    return {"run_tile": run_tile, "factorise_tile": factorise_tile}


def _of_pattern() -> dict[str, Any]:
    @kernel
    def dense_order(
        size, a, there, largest, row_of, column_of, rows, columns, row_done, column_done
    ):
        return pattern.dense_order(
            size, doubles_at(a), flags_at(there), doubles_at(largest), integers_at(row_of),
            integers_at(column_of), longs_at(rows), longs_at(columns), flags_at(row_done),
            flags_at(column_done),
        )  # fmt: skip

    @kernel
    def minimum_degree(graph, top):
        return pattern.minimum_degree(_graph_at(graph), top)

    @kernel
    def distances(size, begin, neighbours, start, distance, queue):
        return pattern.distances(
            size, longs_at(begin), integers_at(neighbours), start, longs_at(distance),
            longs_at(queue),
        )  # fmt: skip

    @kernel
    def assemble(entries, begin, which, factor, listed, lanes, out):
        pattern.assemble(
            entries, longs_at(begin), longs_at(which), doubles_at(factor), doubles_at(listed),
            lanes, doubles_at(out),
        )  # fmt: skip
        return 0

    @kernel
    def fill(table, first):
        return pattern.fill(_fill_at(table), first)

    @kernel
    def prune_lower(size, l_rows, l_columns, active, columns, used, order_of):
        pattern.prune_lower(
            size, longs_at(l_rows), integers_at(l_columns), flags_at(active),
            integers_at(columns), longs_at(used), longs_at(order_of),
        )  # fmt: skip
        return 0

    @kernel
    def prune_upper(size, u_rows, u_columns, needed):
        pattern.prune_upper(size, longs_at(u_rows), integers_at(u_columns), flags_at(needed))
        return 0

    @kernel
    def print_steps(first, last, most, step, distance, following, out):
        return pattern.print_steps(
            first, last, most, step, distance, doubles_at(following), longs_at(out)
        )

    return {
        "dense_order": dense_order,
        "minimum_degree": minimum_degree,
        "distances": distances,
        "assemble": assemble,
        "fill": fill,
        "prune_lower": prune_lower,
        "prune_upper": prune_upper,
        "print_steps": print_steps,
    }


GROUPS: dict[str, Callable[[], dict[str, Any]]] = {
    "pattern": _of_pattern,
    "single": lambda: _of_width(1),
    "lanes": lambda: _of_width(WIDTH),
}
"""Functions that are compiled and kept together, by name."""
