"""Currents of all elements of a lane: the CPU's discrete laws, one element and lane at a time.

Functions here are plain Python: ``port`` has them compiled for a GPU. Each does the share of one of
several workers that are at the same lane: every ``workers``-th element, from ``worker`` on. No
worker reads what another one writes before they meet.
"""
# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

import math

from verification.engine.cuda.layout import (
    BEYOND,
    CAPACITOR_ROWS,
    CHANGED,
    DELTA,
    DROP,
    DUE,
    GAP_CURRENT,
    GAP_NORMAL,
    GAP_ROWS,
    GAP_STEP,
    JUNCTION_ROWS,
    LEFT,
    MARK,
    MEAN,
    NOISE_ROWS,
    OUTSIDE,
    PHASE,
    R_COEFFICIENTS,
    R_G,
    R_HISTORY,
    R_PART,
    R_PER_AMPERE,
    R_PHASE,
    RESISTOR_ROWS,
    RIGHT,
    SEED,
    SHUNT_HISTORY,
    SHUNT_PHASE,
    SIGMA_ROW,
    SOURCE_ROWS,
    STATUS,
    TRIPPED,
    VOLTAGE,
    W_BEGIN,
    W_KIND,
    W_LENGTH,
    WAVE_ROWS,
    WORK,
)
from verification.engine.equations.constants import SIGMA
from verification.engine.kernels.junctions import THIRD1, THIRD4, other_relation
from verification.engine.kernels.loop import PHASE_LIMIT
from verification.engine.kernels.noise import samples_around
from verification.engine.kernels.sources import segment
from verification.engine.kernels.waves import source_value
from verification.engine.lanes.layout import (
    BEHIND,
    C1,
    COEFFICIENT_ROWS,
    LOW,
    MODEL_ROWS,
    OFFSET,
    SHARE,
    SHUNT_G,
    SHUNT_PART,
    STRENGTH,
    G,
)
from verification.engine.text.sources import NOISE


def across(c, a, branches, k, lane):
    """Phase across element ``k``."""
    p, n = a.ints[branches.p + k], a.ints[branches.n + k]
    x = c.matrix.x
    return a.state[(x + p) * c.lanes + lane] - a.state[(x + n) * c.lanes + lane]


def share_of(c, a, j, lane):
    """A junction's share of the phase across itself and the inductor in series (``kernels``)."""
    jj, L, V = c.junctions, c.lanes, c.value_lanes
    q = (jj.coefficient + j * COEFFICIENT_ROWS) * V + (lane if V > 1 else 0)
    share = a.values[q + SHARE * V]
    delta = a.state[(jj.state + j * JUNCTION_ROWS + DELTA) * L + lane]
    if delta == 0.0:
        return share
    return share / (1.0 + share * a.values[q + BEHIND * V] * delta * jj.inverse_pc)


def phase_of(c, a, j, both, lane):
    """Phase of a junction, of that across it and the inductor in series."""
    jj, L = c.junctions, c.lanes
    if not jj.in_series:
        return both
    drop = a.state[(jj.state + j * JUNCTION_ROWS + DROP) * L + lane]
    return share_of(c, a, j, lane) * both - drop


def region_share(c, a, j, lane):
    """By how much less a branch conducts more than its junction off the subgap branch."""
    jj, V = c.junctions, c.value_lanes
    if not jj.in_series:
        return 1.0
    q = (jj.coefficient + j * COEFFICIENT_ROWS) * V + (lane if V > 1 else 0)
    return share_of(c, a, j, lane) * a.values[q + SHARE * V]


def junctions(c, a, worker, workers, lane, i, guard):  # noqa: PLR0915 - one pass
    """History currents of the junctions and the resistors across them (``kernels.junctions``).

    Returns:
        Whether a conductance changed, so that the lane's matrix has to be factorised again.
    """
    jj, L, state, values = c.junctions, c.lanes, a.state, a.values
    V = c.value_lanes
    own = lane if V > 1 else 0
    new, old = 1 - (i & 1), i & 1
    # JoSIM holds all voltages at 0 until t = 0.
    inverse_pc = jj.inverse_pc if i > 0 else 0.0
    changed = False
    outside_before = a.counts[(OUTSIDE + worker) * L + lane]
    outside = 0
    for j in range(worker, jj.total, workers):
        at = (jj.state + j * JUNCTION_ROWS) * L + lane
        q = (jj.coefficient + j * COEFFICIENT_ROWS) * V + own
        both = across(c, a, jj, j, lane)
        phase = phase_of(c, a, j, both, lane)
        last = state[at + (PHASE + new) * L]
        before = last * THIRD4 - state[at + (PHASE + old) * L] * THIRD1
        v1 = (phase - before) * inverse_pc
        v2 = state[at + (VOLTAGE + new) * L]
        v3 = state[at + (VOLTAGE + old) * L]
        v0 = v1 * 2.5 + (v2 * -2.0 + v3 * 0.5)
        history = phase * THIRD4 - last * THIRD1
        predicted = v0 * jj.prediction + history
        if i > guard and abs(predicted - phase) > PHASE_LIMIT:
            a.counts[TRIPPED * L + lane] = 1
        g, c1, strength = values[q + G * V], values[q + C1 * V], values[q + STRENGTH * V]
        model = jj.model + j * MODEL_ROWS
        argument = predicted - a.doubles[model + OFFSET]
        supercurrent = _supercurrent(c, a, j, argument, strength)
        current = supercurrent - c1 * v1 + c1 * 0.25 * v2 - g * history  # C/2h: a fourth of 2C/h
        if abs(v0) >= a.doubles[model + LOW] or outside_before > 0:
            if c.factor_lanes > 1:
                delta, step_current = _region(c, a, j, v0, own)
                if delta != state[at + DELTA * L]:
                    changed = True
                    state[at + DELTA * L] = delta
                if delta != 0.0:
                    outside += 1
                    extra = step_current - delta * jj.inverse_pc * history
                    share = share_of(c, a, j, lane)
                    current = share * (current / values[q + SHARE * V] + extra)
            else:
                a.counts[STATUS * L + lane] = BEYOND
        if jj.in_series:
            state[at + DROP * L] = current * values[q + BEHIND * V]
        shunt = _shunt(c, a, j, both, lane, own) if jj.shunted else 0.0
        if c.keep:
            state[(jj.stored + j) * L + lane] = current
            state[(jj.stored + jj.total + j) * L + lane] = -shunt
        state[(jj.current + j) * L + lane] = current - shunt
        state[at + (PHASE + old) * L] = phase
        state[at + (VOLTAGE + old) * L] = v1
    a.counts[(OUTSIDE + worker) * L + lane] = outside
    if changed:
        a.counts[CHANGED * L + lane] = 1
    return changed


def _shunt(c, a, j, phase, lane, own):
    """History current of the resistor across a junction, without its series inductor's share."""
    jj, L, V, state = c.junctions, c.lanes, c.value_lanes, a.state
    at = (jj.state + j * JUNCTION_ROWS) * L + lane
    q = (jj.coefficient + j * COEFFICIENT_ROWS) * V + own
    effective = state[at + SHUNT_HISTORY * L]
    inner = phase - a.values[q + SHUNT_PART * V] * (phase - effective)
    history = inner * THIRD4 - state[at + SHUNT_PHASE * L] * THIRD1
    state[at + SHUNT_HISTORY * L] = history
    state[at + SHUNT_PHASE * L] = inner
    return a.values[q + SHUNT_G * V] * history


def _supercurrent(c, a, j, argument, strength):
    """Current of a junction by the phase across it, by the relation of its model."""
    jj = c.junctions
    kind = a.ints[jj.kind + j]
    if kind == 0:
        return strength * math.sin(argument)
    return other_relation(kind, a.doubles, jj.table + a.ints[jj.extra + j], argument, strength)


def _region(c, a, j, voltage, own):
    """Conductance beyond the subgap one at this voltage, and the current of the step at the gap."""
    jj, V = c.junctions, c.value_lanes
    gap = (jj.gap + GAP_ROWS * j) * V + own
    if abs(voltage) < a.doubles[jj.model + j * MODEL_ROWS + LOW]:
        return 0.0, 0.0
    if abs(voltage) >= a.doubles[jj.high + j]:
        return a.values[gap + GAP_NORMAL * V], 0.0
    step = a.values[gap + GAP_CURRENT * V]
    return a.values[gap + GAP_STEP * V], step if voltage >= 0 else -step


def resistors(c, a, worker, workers, lane):
    """Resistors that are not across a junction: plain ones, then those with an inductor."""
    r, L, V, state = c.resistors, c.lanes, c.value_lanes, a.state
    own = lane if V > 1 else 0
    for k in range(worker, r.total, workers):
        at = (r.state + k * RESISTOR_ROWS) * L + lane
        q = (r.coefficient + R_COEFFICIENTS * k) * V + own
        inner = across(c, a, r, k, lane)
        if k >= c.plain:
            inner -= a.values[q + R_PART * V] * (inner - state[at + R_HISTORY * L])
        history = inner * THIRD4 - state[at + R_PHASE * L] * THIRD1
        state[(r.current + k) * L + lane] = -a.values[q + R_G * V] * history
        if k >= c.plain:
            state[at + R_HISTORY * L] = history
        state[at + R_PHASE * L] = inner


def capacitors(c, a, worker, workers, lane):
    """Capacitors: BDF2 twice, on the phases of the last four steps."""
    cap, L, V, state = c.capacitors, c.lanes, c.value_lanes, a.state
    own = lane if V > 1 else 0
    for k in range(worker, cap.total, workers):
        at = (cap.state + k * CAPACITOR_ROWS) * L + lane
        p1 = across(c, a, cap, k, lane)
        p2, p3, p4 = state[at], state[at + L], state[at + 2 * L]
        history = p1 * (8.0 / 3.0) - p2 * (22.0 / 9.0) + p3 * (8.0 / 9.0) - p4 * (1.0 / 9.0)
        g = a.values[(cap.coefficient + k) * V + own]
        state[(cap.current + k) * L + lane] = -g * history
        state[at] = p1
        state[at + L] = p2
        state[at + 2 * L] = p3


def controlled(c, a, worker, workers, lane):
    """G: a current by BDF2 of the sensed phase; H: a phase by BDF2 of the driven one."""
    g, L, state = c.controlled, c.lanes, a.state
    for m in range(worker, g.total, workers):
        at = (g.state + m) * L + lane
        phase = across(c, a, g, m, lane)
        history = phase * THIRD4 - state[at] * THIRD1
        state[at] = phase
        # What H drives is a prescribing row.
        factor = a.doubles[g.coefficient + m] if a.ints[g.kind + m] == 0 else c.scale
        state[(g.current + m) * L + lane] = -factor * history


def prescribed(c, a, worker, workers, lane):
    """V, P and R = 0: phases given by BDF2 integration of the voltage, or directly."""
    v, L, state = c.prescribed, c.lanes, a.state
    for m in range(worker, v.total, workers):
        at = (v.state + m) * L + lane
        phase = across(c, a, v, m, lane)
        given = phase * THIRD4 - state[at] * THIRD1
        state[at] = phase
        kind = a.ints[v.kind + m]
        source = state[(c.sources.current + a.ints[v.other + m]) * L + lane]
        if kind == 1:
            given = source
        elif kind == 0:
            given += source * c.per_volt
        state[(v.current + m) * L + lane] = -given * c.scale


def sources(c, a, worker, workers, lane, i):
    """Values of the sources, and the work of current sources up to the last step.

    A dc or pwl is looked at again at its next corner only, while it is constant. The work is the
    integral of current over the flux that it is moved by: in a step of the mean of the currents
    before and after it.
    """
    src, L, state, counts = c.sources, c.lanes, a.state, a.counts
    time = i * c.step
    for k in range(worker, src.total, workers):
        at = (src.state + k * SOURCE_ROWS) * L + lane
        if i > 1 and time < state[at + DUE * L]:
            continue
        wave = (src.wave + k * WAVE_ROWS) * L + lane
        kind, length = counts[wave + W_KIND * L], counts[wave + W_LENGTH * L]
        begin = src.data + counts[wave + W_BEGIN * L]
        following = -math.inf
        if kind <= 1:
            slope, base, origin, corner = segment(
                kind, a.doubles, begin, length, counts, (src.cursor + k) * L + lane, time
            )
            value = base + slope * (time - origin)
            if slope == 0.0:
                following = corner
        elif kind == NOISE:
            value = _noise_source(c, a, a.ints[src.generator + k], lane, time)
        else:
            value = source_value(kind, a.doubles, begin, length, time)
        if kind != NOISE:
            value *= state[(src.factor + k) * L + lane]
        before = state[(src.current + k) * L + lane]
        if src.energy and k < src.currents and i > 0:
            phase = across(c, a, src, k, lane)
            if i > 1:
                moved = phase - state[at + MARK * L]
                state[at + WORK * L] += SIGMA * state[at + MEAN * L] * moved
            state[at + MARK * L] = phase
            state[at + MEAN * L] = 0.5 * (before + value)
        state[(src.current + k) * L + lane] = value
        # In the step after a change the mean is still another one.
        state[at + DUE * L] = following if value == before else -math.inf


def _noise_source(c, a, m, lane, time):
    """Value of the noise source whose generator is ``m``."""
    if time < 0.0:
        return 0.0
    sigma = a.state[(c.noise.state + m * NOISE_ROWS + SIGMA_ROW) * c.lanes + lane]
    return sigma * _noise_sample(c, a, m, lane, time)


def noise(c, a, worker, workers, lane, time):
    """Noise of junctions and resistors, as currents in parallel (``kernels.noise``)."""
    if time < 0.0:
        return
    n, jj, r, L, V, state = c.noise, c.junctions, c.resistors, c.lanes, c.value_lanes, a.state
    own = lane if V > 1 else 0
    for m in range(worker, n.total, workers):
        kind, element = a.ints[n.kind + m], a.ints[n.element + m]
        if kind == 2:
            continue
        sigma = state[(n.state + m * NOISE_ROWS + SIGMA_ROW) * L + lane]
        if kind == 0:
            normal = a.values[(jj.gap + GAP_ROWS * element + GAP_NORMAL) * V + own]
            delta = state[(jj.state + element * JUNCTION_ROWS + DELTA) * L + lane]
            if normal != 0.0 and delta == normal:
                sigma *= a.doubles[n.ratio + m]
        current = sigma * _noise_sample(c, a, m, lane, time)
        if kind == 0 and jj.in_series:
            current *= share_of(c, a, element, lane)
            q = (jj.coefficient + element * COEFFICIENT_ROWS + BEHIND) * V + own
            drop = (jj.state + element * JUNCTION_ROWS + DROP) * L + lane
            state[drop] += current * a.values[q]
        if kind == 1:
            if element >= c.plain:
                # Behind a series inductor the noise shifts the resistor's history instead.
                q = (r.coefficient + R_COEFFICIENTS * element) * V + own
                shift = -a.values[q + R_PER_AMPERE * V] * current
                state[(r.state + element * RESISTOR_ROWS + R_HISTORY) * L + lane] += shift
                current = -a.values[q + R_G * V] * shift
            state[(r.current + element) * L + lane] += current
            continue
        stored = jj.stored + element
        if kind == 3:
            shift = -a.values[(jj.per_ampere + element) * V + own] * current
            state[(jj.state + element * JUNCTION_ROWS + SHUNT_HISTORY) * L + lane] += shift
            q = (jj.coefficient + element * COEFFICIENT_ROWS + SHUNT_G) * V + own
            current = -a.values[q] * shift
            stored += jj.total
        if c.keep:
            state[stored * L + lane] += current
        state[(n.current + m) * L + lane] = current


def _noise_sample(c, a, m, lane, time):
    """Standard normal value of generator ``m`` at this time."""
    n, L, state = c.noise, c.lanes, a.state
    elapsed = time - a.doubles[n.delay + m]
    if elapsed < 0.0:
        return 0.0
    at = (n.state + m * NOISE_ROWS) * L + lane
    known = (n.sample + m) * L + lane
    place = elapsed / a.doubles[n.period + m]
    sample = int(math.floor(place))  # noqa: RUF046 - a double where a GPU is the target
    left, right = samples_around(
        a.counts[SEED * L + lane], m, sample, a.counts[known],
        state[at + LEFT * L], state[at + RIGHT * L],
    )  # fmt: skip
    state[at + LEFT * L] = left
    state[at + RIGHT * L] = right
    a.counts[known] = sample
    return left + (right - left) * (place - sample)
