"""What is taken from a step: printed samples, pulses, the work of the current sources."""
# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

import math

from verification.engine.equations.constants import SIGMA
from verification.engine.kernels.compiling import kernel
from verification.engine.kernels.junctions import (
    THIRD1,
    THIRD4,
    history_of,
    phases_of,
    region_share,
)
from verification.engine.kernels.simd import absolute, fma, largest, load, splat, store
from verification.engine.kernels.solve import across, value
from verification.engine.lanes.layout import (
    CAPACITOR,
    COEFFICIENT,
    JUNCTION,
    KINETIC,
    LINE,
    REGION,
    RESISTOR,
    SHUNT,
    STORED,
    TRANSFER,
    UNKNOWN,
)


@kernel
def _stored(tile, which, index, i, w):
    o = index * len(w)
    if which == JUNCTION:
        return load(tile.junctions.current, o, w)
    if which == RESISTOR:
        return load(tile.resistors.current, o, w)
    if which == CAPACITOR:
        return load(tile.capacitors.current, o, w)
    if which == LINE:
        return load(tile.lines.current, o, w)
    if which == TRANSFER:
        return load(tile.controlled.current, o, w)
    if which == KINETIC:
        return load(tile.kinetic.current, o, w)
    if which == SHUNT:
        return load(tile.junctions.shunt_current, o, w)
    for lane in range(len(w)):
        tile.junctions.scratch[lane] = history_of(tile.junctions, o + lane, i)
    return load(tile.junctions.scratch, 0, w)


@kernel
def record(tile, output, row, x, i, voltage_scale, w):
    """One printed sample of every trace, into row ``row`` of the output."""
    W = len(w)
    rec = tile.traces
    for q in range(rec.signals):
        total = splat(0.0, w)
        for e in range(rec.rows[q], rec.rows[q + 1]):
            kind, place = rec.kind[e], rec.place[e]
            if kind == UNKNOWN:
                term = load(x, place * W, w)
            elif kind == COEFFICIENT:
                term = load(x, place * W, w) * value(rec.listed, rec.other[e], rec.own, w)
            elif kind == STORED:
                term = _stored(tile, rec.other[e], place, i, w)
            elif kind == REGION:
                term = load(tile.junctions.delta, rec.other[e] * W, w) * load(x, place * W, w)
                term = term * region_share(tile.junctions, rec.other[e], w)
            else:
                term = load(tile.sources.out, place * W, w)
            total = total + term * rec.factor[e]
        if rec.derivative[q]:
            d1 = load(rec.d1, q * W, w)
            d2 = load(rec.d2, q * W, w)
            total = (total - d1 * THIRD4 + d2 * THIRD1) * voltage_scale
        store(output, (row * rec.signals + q) * W, total)


@kernel
def remember(rec, x, first, w):
    """Phases of the traces that are voltages, for their derivative at the next samples."""
    W = len(w)
    for q in range(rec.signals):
        if rec.derivative[q]:
            total = splat(0.0, w)
            for e in range(rec.rows[q], rec.rows[q + 1]):
                total = total + load(x, rec.place[e] * W, w) * rec.factor[e]
            store(rec.d2, q * W, total if first else load(rec.d1, q * W, w))
            store(rec.d1, q * W, total)


@kernel
def pulses(watch, jj, x, time, step, i, w):
    """Advances of the watched phases by 2 pi: the last crossing of the middle, with hysteresis."""
    W = len(w)
    for m in range(watch.junctions):
        now = phases_of(jj, watch.places[m], across(x, watch.ends, m, w), w)
        if i <= watch.rest_step:
            store(watch.before, m * W, now)
            store(watch.rest, m * W, now)
            continue
        if largest(absolute(now - load(watch.rest, m * W, w))) > math.pi:
            store(jj.scratch, 0, now)
            for lane in range(W):
                at = m * W + lane
                after = jj.scratch[lane] - watch.rest[at]
                if abs(after) > math.pi:
                    _advance(watch, at, after, watch.before[at] - watch.rest[at], time, step)
        store(watch.before, m * W, now)


@kernel
def crossing(after, before, known, time, step):
    """When a phase last crossed the middle, which it is beyond now; ``known`` is what was said.

    Args:
        after: the phase, from where it was at rest, rad.
        before: in the step before.
        known: the last crossing, s.
        time: of this step, s.
        step: time step, s.
    """
    sign = 1.0 if after > 0 else -1.0
    if before * sign > math.pi:
        return known
    part = (math.pi - before * sign) / (after * sign - before * sign)
    return time - step + part * step


@kernel
def _advance(watch, at, after, before, time, step):
    """One lane of one junction is beyond the middle: note the crossing, count the pulse."""
    sign = 1.0 if after > 0 else -1.0
    watch.time[at] = crossing(after, before, watch.time[at], time, step)
    if after * sign > math.pi + watch.hysteresis:
        count = watch.pulses[at]
        if count < watch.capacity:
            watch.times[at * watch.capacity + count] = watch.time[at] * sign
        watch.pulses[at] = count + 1
        watch.rest[at] += sign * 2 * math.pi


@kernel
def energy(watch, src, x, before, i, w):
    """Work of the current sources: the integral of current over the flux they are moved by.

    While a source is constant nothing is done: its work is current times the whole advance, and
    is added when it changes (or, at the end of the run, by the caller). ``before`` is the solution
    of the step before.
    """
    if src.counts[1] == 0 and i > 0:
        for m in range(src.counts[0]):
            s = src.moving[m]
            if s < src.currents:
                _work(watch, src, s, x, before, i, w)
        return
    # Sources may begin or end to be constant in this step.
    for s in range(src.currents):
        if not (watch.idle[s] and src.flat[s]):
            _work(watch, src, s, x, before, i, w)


@kernel
def _work(watch, src, s, x, before, i, w):
    o = s * len(w)
    current = load(src.out, o, w)
    now = across(x, watch.source_ends, s, w)
    if i > 0:
        last = across(before, watch.source_ends, s, w)
        was = load(watch.source_before, o, w)
        work = (current + was) * 0.5 * (now - last)
        work = work + was * (last - load(watch.mark, o, w))
        store(watch.work, o, fma(work, SIGMA, load(watch.work, o, w)))
    store(watch.source_before, o, current)
    store(watch.mark, o, now)
    watch.idle[s] = src.flat[s]
