"""Values of all sources at one time, in all lanes."""
# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

import math

from verification.engine.kernels.compiling import kernel
from verification.engine.kernels.simd import fma, load, store
from verification.engine.kernels.solve import inject
from verification.engine.kernels.waves import source_value
from verification.engine.lanes.layout import WIDTH

_VECTOR = (0,) * WIDTH


@kernel
def segment(kind, data, begin, length, cursor, slot, time):
    """Slope, value at origin, origin and next corner of a pwl (or dc); moves its cursor."""
    if kind == 0:
        return 0.0, data[begin], 0.0, math.inf
    if time < 0.0:
        return 0.0, 0.0, 0.0, 0.0
    points = length // 2
    at = cursor[slot]
    while at + 1 < points and time >= data[begin + at + 1]:
        at += 1
    cursor[slot] = at
    value_here = data[begin + points + at]
    if at + 1 >= points:
        return 0.0, value_here, 0.0, math.inf
    x1, x2 = data[begin + at], data[begin + at + 1]
    y2 = data[begin + points + at + 1]
    return (y2 - value_here) / (x2 - x1), value_here, x1, x2


@kernel
def _look_up(src, s, time, w):
    """Move a piecewise linear source on to the segments of this time."""
    W = len(w)
    o = s * W
    current = s < src.currents
    if src.flat[s] and current:  # it leaves the constant part
        inject(src.constant, src.ends, s, load(src.base, o, w) * (-1.0), w)
    following = math.inf
    flat = True
    for lane in range(W):
        at = o + lane
        slope, base, origin, corner = segment(
            src.kind[at], src.data, src.begin[at], src.length[at], src.cursor, at, time
        )
        src.slope[at] = slope * src.factor[at]
        src.base[at] = base * src.factor[at]
        src.origin[at] = origin
        following = min(following, corner)
        if slope != 0.0:
            flat = False
    src.next[s] = following
    src.flat[s] = flat
    if flat:
        store(src.out, o, load(src.base, o, w))
        if current:
            inject(src.constant, src.ends, s, load(src.base, o, w), w)


@kernel
def sources(src, time, w):
    """Values of all sources at this time, in ``src.out``.

    A pwl runs on a line until its next corner, so that a step costs one multiply-add for each
    source that is moving and nothing for the others: while its line is flat in all lanes, a
    current source is part of ``src.constant``, with which every right-hand side begins.
    """
    W = len(w)
    src.counts[1] = 0
    if time >= src.following[0]:
        src.counts[1] = 1
        following = math.inf
        moving = 0
        for s in range(src.total):
            if src.lines[s]:
                if time >= src.next[s]:
                    _look_up(src, s, time, w)
                following = min(following, src.next[s])
            if not src.flat[s]:
                src.moving[moving] = s
                moving += 1
        src.counts[0] = moving
        src.following[0] = following
    for m in range(src.counts[0]):
        s = src.moving[m]
        o = s * W
        if src.lines[s]:
            elapsed = load(src.origin, o, w) * (-1.0) + time
            store(src.out, o, fma(load(src.slope, o, w), elapsed, load(src.base, o, w)))
        else:
            for lane in range(W):
                at = o + lane
                src.out[at] = src.factor[at] * source_value(
                    src.kind[at], src.data, src.begin[at], src.length[at], time
                )


@kernel
def present_currents(src, rows, w):
    """Have ``src.present`` hold the right-hand side that all current sources make now.

    Only the rows of sources that are not constant differ from ``src.constant``; which these are
    changes where a source is looked up.

    Args:
        src: the sources, after ``sources``.
        rows: of the right-hand side.
        w: a tuple as long as a tile has lanes.
    """
    W = len(w)
    b = src.present
    if src.counts[1] == 1:
        for k in range(0, rows * W, WIDTH):  # arrays are filled up to whole vectors
            store(b, k, load(src.constant, k, _VECTOR))
    for m in range(src.counts[0]):
        s = src.moving[m]
        if s < src.currents:
            p, n = src.ends.p_b[s] * W, src.ends.n_b[s] * W
            store(b, p, load(src.constant, p, w))
            store(b, n, load(src.constant, n, w))
    for m in range(src.counts[0]):
        s = src.moving[m]
        if s < src.currents:
            inject(b, src.ends, s, load(src.out, s * W, w), w)
