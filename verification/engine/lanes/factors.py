"""Factors of a matrix: what the kernels are handed of them, and the call that fills them."""

from __future__ import annotations

import numpy as np

from netlist_gen.errors import DeckError
from verification.engine import kernels
from verification.engine.equations.equations import Equations
from verification.engine.lanes.layout import DONE, INCOMPLETE, Factors, Matrix
from verification.engine.lanes.pointers import Pointer, empty, integers, longs, zeros


class IncompletePattern(Exception):  # noqa: N818 - the run goes on with a complete one
    """Values fill in entries that the factors' pattern has no place for."""


def matrix_pointers(equations: Equations) -> Matrix:
    """The pattern of A and of its factors."""
    p = equations.pattern
    return Matrix(
        equations.plan.size, p.a_columns.size,
        longs(p.a_rows), integers(p.a_columns), longs(p.l_rows), integers(p.l_columns),
        longs(p.l_used), longs(p.l_order), longs(p.u_rows), integers(p.u_columns),
        p.back.size, integers(p.back), p.complete,
    )  # fmt: skip


def empty_factors(equations: Equations, width: int) -> Factors:
    """Room for the factors of ``width`` lanes."""
    pattern = equations.pattern
    # Not filled: that leaves the pages untouched until a lane crosses its gap voltage.
    return Factors(
        empty(pattern.a_columns.size * width),
        zeros(equations.plan.size * width),
        Pointer(np.zeros(equations.plan.size, dtype=np.int32)),
        empty(max(1, pattern.l_columns.size) * width),
        empty(max(1, pattern.u_columns.size) * width),
        empty(equations.plan.size * width),
    )


def factorise(
    matrix: Matrix, a: Pointer, factors: Factors, width: int, name: str, *, own: bool
) -> None:
    """Fill ``factors`` from A's values ``a``, of ``width`` lanes if they are each lane's ``own``.

    Raises:
        IncompletePattern: another structure is needed.
        DeckError: a pivot is zero.
    """
    status = kernels.factorise_tile(matrix, a, own, factors, width)
    if status == INCOMPLETE:
        raise IncompletePattern
    if status != DONE:
        whose = "a lane's" if own else "the circuit's"
        raise DeckError(f"{name}: {whose} matrix can't be factorised")
