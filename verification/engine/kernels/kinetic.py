"""Inductors whose inductance depends on their current, L(I) = L (1 + (I/ik)^2).

Their flux is sigma phi = L (I + I^3 / 3 ik^2): with y = I/ik and u = phi/knee, knee = L ik / sigma,

    y + y^3/3 = u,   I = sigma phi / L - ik y^3 / 3

The linear part is in the matrix; the rest is a current that depends on the phase of the step
itself. Solving and evaluating it are repeated until it stands still. That closes in: the rest falls
with the phase by less than the linear part rises, so each repetition brings a fixed share of the
way, and beside a junction, whose own conductance is hundreds of times larger, nearly all of it.
"""
# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

from verification.engine.kernels.compiling import kernel
from verification.engine.kernels.simd import absolute, fma, largest, load, maximum, splat, store
from verification.engine.kernels.solve import across, inject, value

MOST_REPETITIONS = 1000
"""Of one step; an inductor far above ik at a node that nothing else holds takes the most."""
STANDS_STILL = 1e-12
"""Change of a current, over ik, below which a step is done."""
_THIRD = 1.0 / 3.0


@kernel
def inject_kinetic(k, b, w):
    """The currents beyond the linear part enter the right-hand side."""
    for m in range(k.total):
        inject(b, k.ends, m, load(k.current, m * len(w), w), w)


@kernel
def find_kinetic(k, x, w):
    """These currents at the solution ``x``; the largest change of one, over ik."""
    W = len(w)
    moved = splat(0.0, w)
    for m in range(k.total):
        o = m * W
        ik = value(k.ik, m, k.own, w)
        u = across(x, k.ends, m, w) / value(k.knee, m, k.own, w)
        y = load(k.share, o, w)
        for _ in range(100):  # Newton's method from the last step's: two or three rounds
            square = y * y
            following = fma(square * y, 2.0 * _THIRD, u) / fma(square, 1.0, splat(1.0, w))
            change = largest(absolute(following - y))
            y = following
            if not change > 1e-14:
                break
        current = ik * (y * y * y) * (-_THIRD)
        moved = maximum(absolute(current - load(k.current, o, w)) / ik, moved)
        store(k.share, o, y)
        store(k.current, o, current)
    return largest(moved)
