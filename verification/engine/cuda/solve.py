"""Right-hand side, substitution and factorisation of one lane.

As in ``elements``, these are shares of several workers: the rows of one level of a substitution
need rows of the levels before it alone, so that workers take any of them in any order.
"""
# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

from verification.engine.cuda.elements import region_share
from verification.engine.cuda.layout import DELTA, JUNCTION_ROWS, SINGULAR, STATUS


def _right_hand_side(c, a, row, lane):
    """What all elements at a node add to its row."""
    gather, elements = c.matrix.gather + row, c.matrix.elements
    total = 0.0
    for e in range(a.ints[gather], a.ints[gather + 1]):
        k = a.ints[elements + e]
        if k > 0:
            total += a.state[(k - 1) * c.lanes + lane]
        else:
            total -= a.state[(-k - 1) * c.lanes + lane]
    return total


def forward(c, a, level, worker, workers, lane):
    """A level's rows of the right-hand side, made and eliminated, in the place of the solution."""
    m, L, F, ints, state = c.matrix, c.lanes, c.factor_lanes, a.ints, a.state
    own = lane if F > 1 else 0
    for k in range(ints[m.begin + level] + worker, ints[m.begin + level + 1], workers):
        row = ints[m.rows + k]
        total = _right_hand_side(c, a, row, lane)
        for e in range(ints[m.l_rows + row], ints[m.l_used + row]):
            column = ints[m.l_columns + e]
            total -= a.factors[(m.lower + e) * F + own] * state[(m.x + column) * L + lane]
        state[(m.x + row) * L + lane] = total


def backward(c, a, level, worker, workers, lane):
    """A level's rows of the solution."""
    m, L, F, ints, state = c.matrix, c.lanes, c.factor_lanes, a.ints, a.state
    own = lane if F > 1 else 0
    for k in range(ints[m.begin + level] + worker, ints[m.begin + level + 1], workers):
        row = ints[m.rows + k]
        total = state[(m.x + row) * L + lane] * a.factors[(m.inverse + row) * F + own]
        for e in range(ints[m.u_rows + row], ints[m.u_rows + row + 1]):
            column = ints[m.u_columns + e]
            total -= a.factors[(m.upper + e) * F + own] * state[(m.x + column) * L + lane]
        state[(m.x + row) * L + lane] = total


def factorise(c, a, lane):
    """Fill a lane's own factors, with the conductances of junctions off the subgap branch.

    Its status becomes SINGULAR where a pivot is zero or not finite.
    """
    m, L, V, F, ints = c.matrix, c.lanes, c.value_lanes, c.factor_lanes, a.ints
    own = lane if V > 1 else 0
    work, factors = a.state, a.factors
    lower, upper, inverse = m.lower * F + lane, m.upper * F + lane, m.inverse * F + lane
    w = m.work * L + lane
    for i in range(m.size):
        for e in range(ints[m.a_rows + i], ints[m.a_rows + i + 1]):
            work[w + ints[m.a_columns + e] * L] = a.values[(m.a + e) * V + own]
        _add_regions(c, a, i, lane)
        for e in range(ints[m.l_rows + i], ints[m.l_rows + i + 1]):
            place = ints[m.l_order + e]
            k = ints[m.l_columns + place]
            left = work[w + k * L]
            factors[lower + place * F] = left * factors[inverse + k * F]
            work[w + k * L] = 0.0
            for f in range(ints[m.u_rows + k], ints[m.u_rows + k + 1]):
                work[w + ints[m.u_columns + f] * L] -= left * factors[upper + f * F]
        one_over = 1.0 / work[w + i * L]
        work[w + i * L] = 0.0
        if not abs(one_over) < 1e300:
            a.counts[STATUS * L + lane] = SINGULAR
        factors[inverse + i * F] = one_over
        for f in range(ints[m.u_rows + i], ints[m.u_rows + i + 1]):
            column = w + ints[m.u_columns + f] * L
            factors[upper + f * F] = work[column] * one_over
            work[column] = 0.0


def _add_regions(c, a, row, lane):
    """Add to a row of the matrix what junctions off the subgap branch conduct beyond that."""
    m, jj, L, ints = c.matrix, c.junctions, c.lanes, a.ints
    for e in range(ints[m.region + row], ints[m.region + row + 1]):
        j = ints[m.region_junction + e]
        delta = a.state[(jj.state + j * JUNCTION_ROWS + DELTA) * L + lane]
        if delta != 0.0:
            g = delta * jj.inverse_pc * a.doubles[m.region_sign + e]
            g *= region_share(c, a, j, lane)
            a.state[(m.work + ints[m.region_column + e]) * L + lane] += g
