"""What is taken from a step of one lane: printed samples and pulses."""
# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

import math

from verification.engine.cuda.elements import across, phase_of, region_share
from verification.engine.cuda.layout import (
    BEFORE,
    DELTA,
    DERIVATIVE_ROWS,
    JUNCTION_ROWS,
    PHASE,
    REST,
    TIME,
    WATCH_ROWS,
)
from verification.engine.equations.constants import SIGMA
from verification.engine.kernels.junctions import THIRD1, THIRD4
from verification.engine.kernels.record import crossing
from verification.engine.lanes.layout import (
    CAPACITOR,
    COEFFICIENT,
    HISTORY,
    JUNCTION,
    REGION,
    RESISTOR,
    SHUNT,
    STORED,
    UNKNOWN,
)


def _stored(c, a, which, index, i, lane):
    """A history current; of HISTORY a phase."""
    L = c.lanes
    if which == HISTORY:
        at = (c.junctions.state + index * JUNCTION_ROWS + PHASE) * L + lane
        old = i & 1
        return a.state[at + old * L] * THIRD4 - a.state[at + (1 - old) * L] * THIRD1
    row = c.controlled.current
    if which == JUNCTION:
        row = c.junctions.stored
    elif which == SHUNT:
        row = c.junctions.stored + c.junctions.total
    elif which == RESISTOR:
        row = c.resistors.current
    elif which == CAPACITOR:
        row = c.capacitors.current
    return a.state[(row + index) * L + lane]


def _term(c, a, e, i, lane):
    t, L, V = c.traces, c.lanes, c.value_lanes
    kind, place, other = a.ints[t.kind + e], a.ints[t.place + e], a.ints[t.other + e]
    x = (c.matrix.x + place) * L + lane
    if kind == UNKNOWN:
        return a.state[x]
    if kind == COEFFICIENT:
        return a.state[x] * a.values[(t.listed + other) * V + (lane if V > 1 else 0)]
    if kind == STORED:
        return _stored(c, a, other, place, i, lane)
    if kind == REGION:
        delta = a.state[(c.junctions.state + other * JUNCTION_ROWS + DELTA) * L + lane]
        return delta * a.state[x] * region_share(c, a, other, lane)
    return a.state[(c.sources.current + place) * L + lane]


def record(c, a, output, sample, printed, worker, workers, lane, i):
    """Signals of a step into row ``sample`` of the output, where the step is a printed one.

    A printed voltage is the derivative of a phase: its last two values are kept in every step.
    """
    t, L = c.traces, c.lanes
    for q in range(worker, t.signals, workers):
        derivative = a.ints[t.derivative + q] != 0
        if not (printed or derivative):
            continue
        total = 0.0
        for e in range(a.ints[t.rows + q], a.ints[t.rows + q + 1]):
            total += _term(c, a, e, i, lane) * a.doubles[t.factor + e]
        if derivative:
            at = (t.state + DERIVATIVE_ROWS * q) * L + lane
            d1, d2 = a.state[at], a.state[at + L]
            a.state[at] = total
            a.state[at + L] = total if i == 0 else d1
            scale = (3.0 * SIGMA) / (2.0 * c.step) if i > 0 else 0.0
            total = (total - d1 * THIRD4 + d2 * THIRD1) * scale
        if printed:
            output[(sample * t.signals + q) * L + lane] = total


def pulses(c, a, worker, workers, lane, i):
    """Advances of the watched phases by 2 pi: the last crossing of the middle, with hysteresis."""
    watch, L, state = c.watch, c.lanes, a.state
    for m in range(worker, watch.junctions, workers):
        at = (watch.state + m * WATCH_ROWS) * L + lane
        now = phase_of(c, a, a.ints[watch.places + m], across(c, a, watch, m, lane), lane)
        if i <= watch.rest_step:
            state[at + REST * L] = now
        else:
            after = now - state[at + REST * L]
            if abs(after) > math.pi:
                _beyond(c, a, m, lane, after, i)
        state[at + BEFORE * L] = now


def _beyond(c, a, m, lane, after, i):
    """A junction is beyond the middle: note the crossing, count the pulse."""
    watch, L, state = c.watch, c.lanes, a.state
    at = (watch.state + m * WATCH_ROWS) * L + lane
    before = state[at + BEFORE * L] - state[at + REST * L]
    time = crossing(after, before, state[at + TIME * L], i * c.step, c.step)
    state[at + TIME * L] = time
    sign = 1.0 if after > 0 else -1.0
    if after * sign > math.pi + watch.hysteresis:
        at_count = (watch.pulses + m) * L + lane
        count = a.counts[at_count]
        if count < watch.capacity:
            a.times[(m * watch.capacity + count) * L + lane] = time * sign
        a.counts[at_count] = count + 1
        state[at + REST * L] += sign * 2 * math.pi
