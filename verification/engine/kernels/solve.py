"""Factorising and solving in a pivot order that is given, all lanes of a tile at once."""
# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

from verification.engine.kernels.compiling import inlined, kernel
from verification.engine.kernels.simd import (
    absolute,
    largest,
    load,
    maximum,
    splat,
    store,
    subtract_products,
    times_factor,
)
from verification.engine.lanes.layout import DONE, INCOMPLETE, SINGULAR


@inlined
def value(pointer, index, own, w):
    """Coefficient ``index``: one for each lane, or one for all."""
    return load(pointer, index * len(w), w) if own else splat(pointer[index], w)


_LOST = 1e-16


@kernel
def _fits(m, a, own, factors, i, w):
    """Clear what row ``i`` of ``factors.work`` holds outside its pattern; whether it was little."""
    W = len(w)
    work, mark = factors.work, factors.mark
    row = splat(0.0, w)
    for e in range(m.a_rows[i], m.a_rows[i + 1]):
        row = maximum(absolute(value(a, e, own, w)), row)
    lost = splat(0.0, w)
    mark[i] = i
    for e in range(m.l_rows[i], m.l_rows[i + 1]):
        mark[m.l_columns[e]] = i
    for f in range(m.u_rows[i], m.u_rows[i + 1]):
        mark[m.u_columns[f]] = i
    for e in range(m.l_rows[i], m.l_rows[i + 1]):
        k = m.l_columns[e]
        for f in range(m.u_rows[k], m.u_rows[k + 1]):
            c = m.u_columns[f]
            if mark[c] != i:
                lost = maximum(absolute(load(work, c * W, w)), lost)
                store(work, c * W, splat(0.0, w))
    return not largest(lost - row * _LOST) > 0.0


@kernel
def factorise(m, a, own, factors, w):
    """Fill factors.lower, .upper and .inverse (each lane its own) from A's values.

    A = L D U, both triangles with a diagonal of ones, ``inverse`` that of D: a backward
    substitution then begins with what it divides by, and no row waits for it.

    What falls outside a pattern that isn't complete may be no more than ``_LOST`` of its row's
    largest entry of A in any lane.

    Returns DONE, INCOMPLETE, or SINGULAR if a pivot is zero or not finite.
    """
    W = len(w)
    work, inverse, lower, upper = factors.work, factors.inverse, factors.lower, factors.upper
    status = DONE
    for i in range(m.size):
        for e in range(m.a_rows[i], m.a_rows[i + 1]):
            store(work, m.a_columns[e] * W, value(a, e, own, w))
        for e in range(m.l_rows[i], m.l_rows[i + 1]):
            place = m.l_order[e]
            k = m.l_columns[place]
            left = load(work, k * W, w)
            store(lower, place * W, left * load(inverse, k * W, w))
            store(work, k * W, splat(0.0, w))
            for f in range(m.u_rows[k], m.u_rows[k + 1]):
                c = m.u_columns[f] * W
                store(work, c, load(work, c, w) - left * load(upper, f * W, w))
        if not (m.complete or _fits(m, a, own, factors, i, w)):
            return INCOMPLETE
        pivot = load(work, i * W, w)
        store(work, i * W, splat(0.0, w))
        one_over = 1.0 / pivot
        if not largest(absolute(one_over)) < 1e300:
            status = SINGULAR
        store(inverse, i * W, one_over)
        for f in range(m.u_rows[i], m.u_rows[i + 1]):
            c = m.u_columns[f] * W
            store(upper, f * W, load(work, c, w) * one_over)
            store(work, c, splat(0.0, w))
    return status


@kernel
def forward(m, b, factors, first_row, last_row, v, w):
    """Forward substitution of some rows in place; those before have to be done.

    ``len(v)`` doubles for each factor: ``len(w)``, or 1 if the lanes share it. As the length of a
    tuple is known when this is compiled, neither case costs the other.
    """
    W = len(w)
    for i in range(first_row, last_row):
        first, last = m.l_rows[i], m.l_used[i]
        if last > first:
            s = load(b, i * W, w)
            store(b, i * W, subtract_products(b, m.l_columns, factors.lower, first, last, s, v))


@kernel
def segments(parts, part, m, b, factors, v, w):
    """What a part's rows take from the rows between parts, in the rows that the part has for it."""
    W = len(w)
    own = parts.own + part * parts.stride
    for k in range(parts.stride - 1):
        first = parts.segments[k * (parts.total + 1) + part]
        last = parts.segments[k * (parts.total + 1) + part + 1]
        if last > first:
            o = (own + k) * W
            s = load(b, o, w)
            store(b, o, subtract_products(b, m.l_columns, factors.lower, first, last, s, v))


@kernel
def between(parts, m, b, factors, v, w):
    """Forward substitution of the rows between parts, after ``segments`` of all of them."""
    W = len(w)
    for k in range(parts.stride - 1):
        i = parts.between + k
        s = load(b, i * W, w)
        for part in range(parts.total):
            s = s + load(b, (parts.own + part * parts.stride + k) * W, w)
        first, last = parts.segments[k * (parts.total + 1) + parts.total], m.l_used[i]
        store(b, i * W, subtract_products(b, m.l_columns, factors.lower, first, last, s, v))


@kernel
def backward(m, b, factors, first, last, v, w):
    """Backward substitution of places ``first`` to ``last`` of ``m.back``; ``v`` as above."""
    W = len(w)
    upper, inverse = factors.upper, factors.inverse
    for k in range(first, last):
        i = m.back[k]
        s = times_factor(load(b, i * W, w), inverse, i, v)
        s = subtract_products(b, m.u_columns, upper, m.u_rows[i], m.u_rows[i + 1], s, v)
        store(b, i * W, s)


@inlined
def inject(b, ends, k, current, w):
    """Current from one end of element ``k`` to the other enters the balances of both nodes."""
    p, n = ends.p_b[k] * len(w), ends.n_b[k] * len(w)
    store(b, p, load(b, p, w) - current)
    store(b, n, load(b, n, w) + current)


@inlined
def across(x, ends, k, w):
    """Phase across element ``k``."""
    return load(x, ends.p_x[k] * len(w), w) - load(x, ends.n_x[k] * len(w), w)
