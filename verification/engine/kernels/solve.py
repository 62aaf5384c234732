"""Factorising and solving in a pivot order that is given, all lanes of a tile at once."""
# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

from numba import njit

from verification.engine.simd import (
    absolute,
    largest,
    load,
    splat,
    store,
    subtract_products,
    times_factor,
)


@njit(inline="always")
def value(pointer, index, own, w):
    """Coefficient ``index``: one for each lane, or one for all."""
    return load(pointer, index * len(w), w) if own else splat(pointer[index], w)


@njit(error_model="numpy")
def factorise(m, a, own, factors, w):
    """Fill factors.lower, .upper and .inverse (each lane its own) from A's values.

    Returns False if a pivot is zero or not finite.
    """
    W = len(w)
    work, inverse, lower, upper = factors.work, factors.inverse, factors.lower, factors.upper
    good = True
    for i in range(m.size):
        for e in range(m.a_rows[i], m.a_rows[i + 1]):
            store(work, m.a_columns[e] * W, value(a, e, own, w))
        for e in range(m.l_rows[i], m.l_rows[i + 1]):
            place = m.l_order[e]
            k = m.l_columns[place]
            multiplier = load(work, k * W, w) * load(inverse, k * W, w)
            store(lower, place * W, multiplier)
            store(work, k * W, splat(0.0, w))
            for f in range(m.u_rows[k], m.u_rows[k + 1]):
                c = m.u_columns[f] * W
                store(work, c, load(work, c, w) - multiplier * load(upper, f * W, w))
        pivot = load(work, i * W, w)
        store(work, i * W, splat(0.0, w))
        one_over = 1.0 / pivot
        if not largest(absolute(one_over)) < 1e300:
            good = False
        store(inverse, i * W, one_over)
        for f in range(m.u_rows[i], m.u_rows[i + 1]):
            c = m.u_columns[f] * W
            store(upper, f * W, load(work, c, w))
            store(work, c, splat(0.0, w))
    return good


@njit
def solve(m, b, factors, v, w):
    """Solve in place; ``len(v)`` doubles for each factor: ``len(w)``, or 1 if the lanes share it.

    As the length of a tuple is known when this is compiled, neither case costs the other.
    """
    W = len(w)
    lower, upper, inverse = factors.lower, factors.upper, factors.inverse
    for i in range(m.size):
        first, last = m.l_rows[i], m.l_used[i]
        if last > first:
            s = load(b, i * W, w)
            store(b, i * W, subtract_products(b, m.l_columns, lower, first, last, s, v))
    for k in range(m.backs):
        i = m.back[k]
        s = load(b, i * W, w)
        s = subtract_products(b, m.u_columns, upper, m.u_rows[i], m.u_rows[i + 1], s, v)
        store(b, i * W, times_factor(s, inverse, i, v))


@njit(inline="always")
def inject(b, p, n, current, w):
    """Current from row p to row n enters the balances of both nodes."""
    p, n = p * len(w), n * len(w)
    store(b, p, load(b, p, w) - current)
    store(b, n, load(b, n, w) + current)


@njit(inline="always")
def across(x, p, n, w):
    """Phase between two rows."""
    return load(x, p * len(w), w) - load(x, n * len(w), w)
