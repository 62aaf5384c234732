"""The time loop, compiled: one tile of lanes through a range of steps.

Each step builds the right-hand side from the histories (JoSIM's BDF2 stamps), with the phase
inside every sine predicted from the last steps, and solves with factors that stay the same while
no junction crosses its gap voltage. Arrays hold ``len(plan.w)`` doubles for each element, lane
fastest.

The functions are untyped for mypy because Numba infers the types.
"""
# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

import math

from numba import njit

from verification.engine.constants import SIGMA
from verification.engine.random_numbers import gaussian
from verification.engine.simd import (
    absolute,
    fma,
    largest,
    load,
    maximum,
    nearest,
    splat,
    store,
    subtract_products,
    subtract_products_own,
)
from verification.engine.waves import source_value

_4_3 = 4.0 / 3.0
_1_3 = 1.0 / 3.0
_INVERSE_PI = 1.0 / math.pi
_PI_HIGH = -math.pi
_PI_LOW = -1.2246467991473532e-16  # pi minus its double, negated
_S3, _S5, _S7, _S9, _S11, _S13, _S15, _S17, _S19 = (
    (-1.0) ** k / math.factorial(2 * k + 1) for k in range(1, 10)
)
PHASE_LIMIT = 0.20 * 2 * math.pi
"""Largest predicted change of a phase in one step, rad, before the step is halved (JoSIM)."""


@njit(inline="always")
def sine(v):
    """sin in every lane: v = q pi + r with |r| <= pi/2, then Taylor's series to r^19.

    The first term left out is 2.6e-16 at r = pi/2.
    """
    q = nearest(v * _INVERSE_PI)
    r = fma(q, _PI_HIGH, v)
    r = fma(q, _PI_LOW, r)
    half = q * 0.5
    sign = fma(absolute(half - nearest(half)), -4.0, 1.0)  # -1 where q is odd
    z = r * r
    p = fma(z, _S19, _S17)
    p = fma(p, z, _S15)
    p = fma(p, z, _S13)
    p = fma(p, z, _S11)
    p = fma(p, z, _S9)
    p = fma(p, z, _S7)
    p = fma(p, z, _S5)
    p = fma(p, z, _S3)
    return sign * fma(p * z, r, r)


@njit(inline="always")
def value(array, index, own, w):
    """Coefficient ``index``: one for each lane, or one for all."""
    return load(array, index * len(w), w) if own else splat(array[index], w)


@njit(cache=True, error_model="numpy")
def factorise(plan, a, own, factor):
    """Factorise in the given order: fills factor.lower, .upper and .inverse (each lane its own).

    Returns False if a pivot is zero or not finite.
    """
    w = plan.w
    W = len(w)
    inverse = factor.inverse
    lower = factor.lower
    upper = factor.upper
    work = factor.work
    a_columns = plan.a_columns
    a_rows = plan.a_rows
    l_columns = plan.l_columns
    l_order = plan.l_order
    l_rows = plan.l_rows
    u_columns = plan.u_columns
    u_rows = plan.u_rows
    good = True
    for i in range(plan.size):
        for e in range(a_rows[i], a_rows[i + 1]):
            store(work, a_columns[e] * W, value(a, e, own, w))
        for e in range(l_rows[i], l_rows[i + 1]):
            place = l_order[e]
            k = l_columns[place]
            multiplier = load(work, k * W, w) * load(inverse, k * W, w)
            store(lower, place * W, multiplier)
            store(work, k * W, splat(0.0, w))
            for f in range(u_rows[k], u_rows[k + 1]):
                c = u_columns[f] * W
                store(work, c, load(work, c, w) - multiplier * load(upper, f * W, w))
        pivot = load(work, i * W, w)
        store(work, i * W, splat(0.0, w))
        one_over = 1.0 / pivot
        if not largest(absolute(one_over)) < 1e300:
            good = False
        store(inverse, i * W, one_over)
        for f in range(u_rows[i], u_rows[i + 1]):
            c = u_columns[f] * W
            store(upper, f * W, load(work, c, w))
            store(work, c, splat(0.0, w))
    return good


@njit(inline="always")
def _solve(plan, b, lower, upper, inverse):
    """Solve in place with factors shared by the lanes."""
    w = plan.w
    W = len(w)
    back = plan.back
    l_columns = plan.l_columns
    l_rows = plan.l_rows
    l_used = plan.l_used
    u_columns = plan.u_columns
    u_rows = plan.u_rows
    for i in range(plan.size):
        if l_used[i] > l_rows[i]:
            s = load(b, i * W, w)
            s = subtract_products(b, l_columns, lower, l_rows[i], l_used[i], s)
            store(b, i * W, s)
    for m in range(back.size):
        i = back[m]
        s = load(b, i * W, w)
        s = subtract_products(b, u_columns, upper, u_rows[i], u_rows[i + 1], s)
        store(b, i * W, s * inverse[i])


@njit(inline="always")
def _solve_own(plan, b, factor):
    """Solve in place with factors of each lane."""
    w = plan.w
    W = len(w)
    inverse = factor.inverse
    lower = factor.lower
    upper = factor.upper
    back = plan.back
    l_columns = plan.l_columns
    l_rows = plan.l_rows
    l_used = plan.l_used
    u_columns = plan.u_columns
    u_rows = plan.u_rows
    for i in range(plan.size):
        if l_used[i] > l_rows[i]:
            s = load(b, i * W, w)
            s = subtract_products_own(b, l_columns, lower, l_rows[i], l_used[i], s)
            store(b, i * W, s)
    for m in range(back.size):
        i = back[m]
        s = load(b, i * W, w)
        s = subtract_products_own(b, u_columns, upper, u_rows[i], u_rows[i + 1], s)
        store(b, i * W, s * load(inverse, i * W, w))


@njit(inline="always")
def _inject(b, p, n, current, w):
    """Current from p to n enters the balances of both nodes."""
    p, n = p * len(w), n * len(w)
    store(b, p, load(b, p, w) - current)
    if n != b.size - len(w):  # the last row stands for ground
        store(b, n, load(b, n, w) + current)


@njit(inline="always")
def _across(x, p, n, w):
    """Phase between two nodes."""
    phase = load(x, p * len(w), w)
    if n * len(w) != x.size - len(w):
        phase = phase - load(x, n * len(w), w)
    return phase


@njit
def _other_relation(plan, j, argument, strength_lane):
    """Supercurrent of a junction with harmonics or the thermal relation, one lane."""
    at = plan.j_extra[j]
    count = int(plan.j_table[at + 2])
    total = 0.0
    for m in range(count):
        total += plan.j_table[at + 3 + m] * math.sin((m + 1) * argument)
    if plan.j_kind[j] == 1:
        return strength_lane * total
    half = 0.0
    for m in range(count):
        half += plan.j_table[at + 3 + m] * math.sin((m + 1) * argument / 2)
    root = math.sqrt(1.0 - plan.j_table[at] * half * half)
    return strength_lane * total / root * math.tanh(plan.j_table[at + 1] * root)


@njit(inline="always")
def _branch(r_g, r_part, r_history, r_phase, r_c, r, phase, own, keep, w):
    """History current of a resistor with (or without) an inductor in series."""
    o = r * len(w)
    effective = load(r_history, o, w)
    part = value(r_part, r, own, w)
    inner = phase - part * (phase - effective)  # without the series inductor's share
    history = fma(inner, _4_3, load(r_phase, o, w) * (-_1_3))
    c = value(r_g, r, own, w) * history * (-1.0)
    if keep:
        store(r_c, o, c)
    store(r_history, o, history)
    store(r_phase, o, inner)
    return c


@njit
def _junctions(plan, coef, state, own, x, b, i, inverse_pc, prediction):  # noqa: PLR0915 - one pass over the junctions
    """Right-hand side of all junctions; returns (largest prediction per lane, highest |v|-gap)."""
    w = plan.w
    W = len(w)
    j_c1 = coef.j_c1
    j_c2 = coef.j_c2
    j_g = coef.j_g
    j_ic = coef.j_ic
    j_low = coef.j_low
    j_kind = plan.j_kind
    j_nb = plan.j_nb
    j_nx = plan.j_nx
    j_offset = plan.j_offset
    j_pb = plan.j_pb
    j_px = plan.j_px
    j_shunt = plan.j_shunt
    keep_currents = plan.keep_currents
    j_c = state.j_c
    j_history = state.j_history
    j_phase = state.j_phase
    j_v0 = state.j_v0
    j_v2 = state.j_v2
    j_v3 = state.j_v3
    moved_out = state.moved
    scratch = state.scratch
    r_g = coef.r_g
    r_part = coef.r_part
    r_history = state.r_history
    r_phase = state.r_phase
    r_c = state.r_c
    moved = splat(0.0, w)
    above = splat(-1.0, w)
    for j in range(j_pb.size):
        o = j * W
        phase = _across(x, j_px[j], j_nx[j], w)
        v1 = splat(0.0, w)
        if i > 0:
            v1 = (phase - load(j_history, o, w)) * inverse_pc
        v2 = load(j_v2, o, w)
        v0 = fma(v1, 2.5, fma(v2, -2.0, load(j_v3, o, w) * 0.5))
        history = fma(phase, _4_3, load(j_phase, o, w) * (-_1_3))
        predicted = fma(v0, prediction, history)
        moved = maximum(moved, absolute(predicted - phase))
        strength = value(j_ic, j, own, w)
        if j_kind[j] == 0:
            supercurrent = strength * sine(predicted - j_offset[j])
        else:
            store(scratch, 0, predicted - j_offset[j])
            store(scratch, W, strength)
            for lane in range(W):
                scratch[lane] = _other_relation(plan, j, scratch[lane], scratch[W + lane])
            supercurrent = load(scratch, 0, w)
        c = fma(value(j_c1, j, own, w) * (-1.0), v1, supercurrent)
        c = fma(value(j_c2, j, own, w), v2, c)
        c = fma(value(j_g, j, own, w) * (-1.0), history, c)
        above = maximum(above, absolute(v0) - j_low[j])
        if keep_currents:
            store(j_c, o, c)
        r = j_shunt[j]
        if r >= 0:  # a resistor across the junction: same nodes, one injection
            c = c + _branch(r_g, r_part, r_history, r_phase, r_c, r, phase, own, keep_currents, w)
        _inject(b, j_pb[j], j_nb[j], c, w)
        store(j_v0, o, v0)
        store(j_history, o, history)
        store(j_phase, o, phase)
        store(j_v3, o, v2)
        store(j_v2, o, v1)
    store(moved_out, 0, moved)
    return largest(above)


@njit
def _regions(plan, coef, state, own, b, inverse_pc):
    """Piecewise linear quasiparticle branch: regions by the predicted voltage.

    Adds the currents that the region makes of the history and of the step, and returns how many
    junctions are off the subgap branch and whether any conductance changed.
    """
    w = plan.w
    W = len(w)
    j_dg1 = coef.j_dg1
    j_dg2 = coef.j_dg2
    j_high = coef.j_high
    j_it = coef.j_it
    j_low = coef.j_low
    j_nb = plan.j_nb
    j_pb = plan.j_pb
    j_c = state.j_c
    j_delta = state.j_delta
    j_history = state.j_history
    j_v0 = state.j_v0
    scratch = state.scratch
    outside = 0
    changed = False
    for j in range(j_pb.size):
        if j_low[j] == math.inf:
            continue
        o = j * W
        any_now = False
        for lane in range(W):
            voltage = j_v0[o + lane]
            size = abs(voltage)
            at = o + lane if own else j
            delta = 0.0
            step_current = 0.0
            if size >= j_high[j]:
                delta = j_dg2[at]
            elif size >= j_low[j]:
                delta = j_dg1[at]
                step_current = j_it[at] if voltage >= 0 else -j_it[at]
            if delta != j_delta[o + lane]:
                changed = True
                j_delta[o + lane] = delta
            extra = step_current - delta * inverse_pc * j_history[o + lane]
            scratch[lane] = extra
            if delta != 0.0:
                any_now = True
        if any_now:
            outside += 1
            extra = load(scratch, 0, w)
            _inject(b, j_pb[j], j_nb[j], extra, w)
            store(j_c, o, load(j_c, o, w) + extra)
    return outside, changed


@njit
def _matrix_with_regions(plan, a, own, state, out, inverse_pc):
    """A for every lane with the conductances of junctions off the subgap branch."""
    w = plan.w
    W = len(w)
    for e in range(plan.a_columns.size):
        store(out, e * W, value(a, e, own, w))
    for j in range(plan.j_pb.size):
        delta = load(state.j_delta, j * W, w)
        if largest(absolute(delta)) > 0.0:
            g = delta * inverse_pc
            for slot in range(4):
                place = plan.j_a[j, slot]
                if place >= 0:
                    sign = 1.0 if slot < 2 else -1.0
                    store(out, place * W, load(out, place * W, w) + g * sign)


@njit
def _resistors(plan, coef, state, own, x, b):
    """Resistors that are not across a junction: plain ones, then those with an inductor."""
    w = plan.w
    W = len(w)
    r_g = coef.r_g
    r_nb = plan.r_nb
    r_nx = plan.r_nx
    r_pb = plan.r_pb
    r_plain = plan.r_plain
    r_px = plan.r_px
    r_single = plan.r_single
    r_c = state.r_c
    r_phase = state.r_phase
    r_part = coef.r_part
    r_history = state.r_history
    for r in range(r_plain):
        o = r * W
        phase = _across(x, r_px[r], r_nx[r], w)
        history = fma(phase, _4_3, load(r_phase, o, w) * (-_1_3))
        c = value(r_g, r, own, w) * history * (-1.0)
        _inject(b, r_pb[r], r_nb[r], c, w)
        store(r_c, o, c)
        store(r_phase, o, phase)
    for r in range(r_plain, r_single):
        phase = _across(x, r_px[r], r_nx[r], w)
        c = _branch(r_g, r_part, r_history, r_phase, r_c, r, phase, own, True, w)
        _inject(b, r_pb[r], r_nb[r], c, w)


@njit
def _capacitors(plan, coef, state, own, x, b):
    w = plan.w
    W = len(w)
    c_g = coef.c_g
    c_nb = plan.c_nb
    c_nx = plan.c_nx
    c_pb = plan.c_pb
    c_px = plan.c_px
    c_c = state.c_c
    c_p2 = state.c_p2
    c_p3 = state.c_p3
    c_p4 = state.c_p4
    for k in range(c_pb.size):
        o = k * W
        p1 = load(x, c_px[k] * W, w) - load(x, c_nx[k] * W, w)
        p2 = load(c_p2, o, w)
        p3 = load(c_p3, o, w)
        history = p1 * (8.0 / 3.0) - p2 * (22.0 / 9.0)
        history = history + p3 * (8.0 / 9.0) - load(c_p4, o, w) * (1.0 / 9.0)
        c = value(c_g, k, own, w) * history * (-1.0)
        _inject(b, c_pb[k], c_nb[k], c, w)
        store(c_c, o, c)
        store(c_p4, o, p3)
        store(c_p3, o, p2)
        store(c_p2, o, p1)


@njit
def _sources(plan, waves, state, tile, time):  # noqa: PLR0915 - one pass over the sources
    """Values of all sources in all lanes at this time.

    A pwl runs on a line until its next corner, so that most steps are one multiply-add. Where
    that line is flat in all lanes, a current source is part of ``state.constant``, with which
    every right-hand side begins.
    """
    w = plan.w
    W = len(w)
    i_nb = plan.i_nb
    i_pb = plan.i_pb
    constant = state.constant
    s_base = state.s_base
    s_flat = state.s_flat
    s_next = state.s_next
    s_origin = state.s_origin
    s_out = state.s_out
    s_slope = state.s_slope
    all_lines = waves.all_lines
    begin = waves.begin
    count = waves.sources
    data = waves.data
    kind = waves.kind
    length = waves.length
    scale = waves.scale
    scaled = waves.scaled
    s_cursor = state.s_cursor
    for s in range(count):
        o = s * W
        if all_lines[tile * count + s]:
            if time >= s_next[s]:
                if s_flat[s] and s < i_pb.size:  # it leaves the constant part
                    before = load(s_base, o, w) * (-1.0)
                    _inject(constant, i_pb[s], i_nb[s], before, w)
                following = math.inf
                flat = True
                for lane in range(W):
                    place = (tile * count + s) * W + lane
                    slope, base, origin, corner = _segment(
                        kind[place], data, begin[place], length[place], s_cursor, o + lane, time
                    )
                    factor = scale[place]
                    s_slope[o + lane] = slope * factor
                    s_base[o + lane] = base * factor
                    s_origin[o + lane] = origin
                    following = min(following, corner)
                    if slope != 0.0:
                        flat = False
                s_next[s] = following
                s_flat[s] = flat
                if flat:
                    store(s_out, o, load(s_base, o, w))
                    if s < i_pb.size:
                        _inject(constant, i_pb[s], i_nb[s], load(s_base, o, w), w)
            if not s_flat[s]:
                elapsed = time - load(s_origin, o, w)
                store(s_out, o, fma(load(s_slope, o, w), elapsed, load(s_base, o, w)))
        else:
            for lane in range(W):
                place = (tile * count + s) * W + lane
                s_out[o + lane] = source_value(kind[place], data, begin[place], length[place], time)
            if scaled:
                factors = load(scale, (tile * count + s) * W, w)
                store(s_out, o, load(s_out, o, w) * factors)


@njit
def _segment(kind, data, begin, length, cursor, slot, time):
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


@njit
def _prescribed(plan, state, sources, x, b, step):
    """V, P and R = 0: phases given by BDF2 integration of the voltage, or directly."""
    w = plan.w
    W = len(w)
    k_v = 2.0 * step / (3.0 * SIGMA)
    for m in range(plan.v_row.size):
        o = m * W
        phase = load(x, plan.v_px[m] * W, w) - load(x, plan.v_nx[m] * W, w)
        history = fma(phase, _4_3, load(state.v_phase, o, w) * (-_1_3))
        store(state.v_phase, o, phase)
        kind = plan.v_kind[m]
        if kind == 1:
            given = load(state.s_out, sources.of_phase[m] * W, w)
        elif kind == 0:
            given = fma(load(state.s_out, sources.of_phase[m] * W, w), k_v, history)
        else:
            given = history
        store(b, plan.v_row[m] * W, given * plan.v_scale)


@njit
def _controlled(plan, coef, state, own, x, b):
    w = plan.w
    W = len(w)
    for m in range(plan.g_kind.size):
        o = m * W
        phase = load(x, plan.g_px[m] * W, w) - load(x, plan.g_nx[m] * W, w)
        history = fma(phase, _4_3, load(state.g_phase, o, w) * (-_1_3))
        store(state.g_phase, o, phase)
        if plan.g_kind[m] == 0:
            c = value(coef.g_g, m, own, w) * history * (-1.0)
            _inject(b, plan.g_pb[m], plan.g_nb[m], c, w)
            store(state.g_c, o, c)
        else:
            store(b, plan.g_pb[m] * W, history * plan.v_scale)


@njit
def _lines(plan, coef, state, own, delays, x, b, i):
    """Transmission lines: what left one end arrives ``delay`` steps later at the other."""
    w = plan.w
    W = len(w)
    for k in range(delays.size):
        delay = delays[k]
        ring = state.t_ring
        for end in range(2):
            me = 2 * k + end
            other = 2 * k + 1 - end
            if i > 0:
                store(state.t_p2, me * W, load(state.t_p1, me * W, w))
                here = load(x, plan.t_px[me] * W, w) - load(x, plan.t_nx[me] * W, w)
                store(state.t_p1, me * W, here)
            given = fma(load(state.t_p1, me * W, w), _4_3, load(state.t_p2, me * W, w) * (-_1_3))
            if i >= delay:
                length = state.t_length[k]
                base = state.t_begin[k] + (other - 2 * k) * 2 * length
                back0 = (i - delay) % length
                given = given + load(ring, (base + back0) * W, w)
                wave = load(ring, (base + length + back0) * W, w) / value(coef.t_g, k, own, w)
                given = given + wave
                if i > delay:
                    back1 = (i - delay - 1) % length
                    given = given - load(ring, (base + back1) * W, w) * _4_3
                if i > delay + 1:
                    back2 = (i - delay - 2) % length
                    given = given + load(ring, (base + back2) * W, w) * _1_3
            c = value(coef.t_g, k, own, w) * given * (-1.0)
            _inject(b, plan.t_pb[me], plan.t_nb[me], c, w)
            store(state.t_c, me * W, c)


@njit
def _store_lines(plan, coef, state, own, delays, x, i):
    w = plan.w
    W = len(w)
    for k in range(delays.size):
        length = state.t_length[k]
        for end in range(2):
            me = 2 * k + end
            phase = load(x, plan.t_px[me] * W, w) - load(x, plan.t_nx[me] * W, w)
            current = fma(value(coef.t_g, k, own, w), phase, load(state.t_c, me * W, w))
            base = state.t_begin[k] + end * 2 * length
            store(state.t_ring, (base + i % length) * W, phase)
            store(state.t_ring, (base + length + i % length) * W, current)


@njit
def _noise(plan, coef, state, noise, own, tile, b, time):
    """Thermal noise: Gaussian numbers 1/neb apart, joined by lines, as currents in parallel."""
    w = plan.w
    W = len(w)
    if time < 0.0:
        return
    for m in range(noise.kind.size):
        for lane in range(W):
            at = m * W + lane
            period = noise.period[m]
            elapsed = time - noise.delay[m]
            if elapsed < 0.0:
                state.scratch[lane] = 0.0
                continue
            sample = math.floor(elapsed / period)
            if sample != state.n_sample[at]:
                seed = noise.seed[tile * W + lane]
                if sample == state.n_sample[at] + 1:
                    state.n_left[at] = state.n_right[at]
                else:
                    state.n_left[at] = gaussian(seed, m, sample)
                state.n_right[at] = gaussian(seed, m, sample + 1)
                state.n_sample[at] = sample
            left, right = state.n_left[at], state.n_right[at]
            sigma = noise.sigma[(tile * noise.kind.size + m) * W + lane]
            if noise.kind[m] == 0:
                j = noise.element[m]
                normal = coef.j_dg2[j * W + lane if own else j]
                if normal != 0.0 and state.j_delta[j * W + lane] == normal:
                    sigma *= noise.normal_ratio[m]
            fraction = elapsed / period - sample
            state.scratch[lane] = sigma * (left + (right - left) * fraction)
        index = noise.element[m]
        current = load(state.scratch, 0, w)
        if noise.kind[m] == 0:
            _inject(b, plan.j_pb[index], plan.j_nb[index], current, w)
            store(state.j_c, index * W, load(state.j_c, index * W, w) + current)
        elif noise.kind[m] == 1:
            if index >= plan.r_plain:
                # Behind a series inductor the noise shifts the resistor's history instead.
                shift = value(coef.r_per_ampere, index, own, w) * current * (-1.0)
                store(state.r_history, index * W, load(state.r_history, index * W, w) + shift)
                current = value(coef.r_g, index, own, w) * shift * (-1.0)
            _inject(b, plan.r_pb[index], plan.r_nb[index], current, w)
            store(state.r_c, index * W, load(state.r_c, index * W, w) + current)
        else:  # a noise source: its value, which is used with those of the other sources
            store(state.s_out, index * W, current)


@njit
def _record(plan, coef, state, own, record, output, row, x, voltage_scale):
    """One printed sample of every trace."""
    w = plan.w
    W = len(w)
    for q in range(record.signals):
        total = splat(0.0, w)
        for e in range(record.rows[q], record.rows[q + 1]):
            kind, index = record.kind[e], record.place[e]
            if kind == 0:  # an unknown times a factor
                term = load(x, index * W, w) * record.factor[e]
            elif kind == 1:  # an unknown times a coefficient
                term = load(x, index * W, w) * value(coef.listed, record.other[e], own, w)
                term = term * record.factor[e]
            elif kind == 2:  # a stored current or voltage
                term = _stored(plan, state, record.other[e], index) * record.factor[e]
            elif kind == 3:  # a junction's conductance off the subgap branch
                term = load(state.j_delta, record.other[e] * W, w) * load(x, index * W, w)
                term = term * record.factor[e]
            else:  # a source
                term = load(state.s_out, index * W, w) * record.factor[e]
            total = total + term
        if record.derivative[q]:
            d1 = load(state.d1, q * W, w)
            d2 = load(state.d2, q * W, w)
            voltage = (total - d1 * _4_3 + d2 * _1_3) * voltage_scale
            store(output, (row * record.signals + q) * W, voltage)
        else:
            store(output, (row * record.signals + q) * W, total)


@njit(inline="always")
def _stored(plan, state, which, index):
    w = plan.w
    W = len(w)
    if which == 0:
        result = load(state.j_c, index * W, w)
    elif which == 1:
        result = load(state.r_c, index * W, w)
    elif which == 2:
        result = load(state.c_c, index * W, w)
    elif which == 3:
        result = load(state.t_c, index * W, w)
    elif which == 4:
        result = load(state.g_c, index * W, w)
    else:
        result = load(state.j_history, index * W, w)
    return result


@njit
def _remember(plan, state, record, x, first):
    """Phases of the traces that are voltages, for their derivative at the next samples."""
    w = plan.w
    W = len(w)
    for q in range(record.signals):
        if record.derivative[q]:
            total = splat(0.0, w)
            for e in range(record.rows[q], record.rows[q + 1]):
                total = total + load(x, record.place[e] * W, w) * record.factor[e]
            if first:
                store(state.d2, q * W, total)
            else:
                store(state.d2, q * W, load(state.d1, q * W, w))
            store(state.d1, q * W, total)


@njit
def _pulses(plan, state, watch, x, time, step, i):
    """Advances of the watched phases by 2 pi: the last crossing of the middle, with hysteresis."""
    w = plan.w
    W = len(w)
    for m in range(watch.junction.size):
        j = watch.junction[m]
        now = load(x, plan.j_px[j] * W, w) - load(x, plan.j_nx[j] * W, w)
        if i == watch.rest_step:
            store(state.w_rest, m * W, now)
        if i <= watch.rest_step:
            continue
        rest = load(state.w_rest, m * W, w)
        if largest(absolute(now - rest)) <= math.pi:
            continue
        for lane in range(W):
            at = m * W + lane
            after = x[plan.j_px[j] * W + lane] - x[plan.j_nx[j] * W + lane] - state.w_rest[at]
            before = state.j_phase[j * W + lane] - state.w_rest[at]
            if abs(after) <= math.pi:
                continue
            sign = 1.0 if after > 0 else -1.0
            if before * sign <= math.pi:
                part = (math.pi - before * sign) / (after * sign - before * sign)
                state.w_time[at] = time - step + part * step
            if after * sign > math.pi + watch.hysteresis:
                count = state.w_count[at]
                if count < watch.capacity:
                    slot = (at * watch.capacity) + count
                    state.w_times[slot] = state.w_time[at] * sign
                state.w_count[at] = count + 1
                state.w_rest[at] += sign * 2 * math.pi


@njit
def _energy(plan, state, x, x_before, i):
    """Work of the current sources: the integral of current over the flux they are moved by.

    While a source is constant nothing is done: its work is current times the whole advance, and
    is added when it changes (or, at the end of the run, by the caller).
    """
    w = plan.w
    W = len(w)
    for s in range(plan.i_pb.size):
        if state.s_idle[s] and state.s_flat[s]:
            continue
        o = s * W
        current = load(state.s_out, o, w)
        now = load(x, plan.i_nx[s] * W, w) - load(x, plan.i_px[s] * W, w)
        if i > 0:
            last = load(x_before, plan.i_nx[s] * W, w) - load(x_before, plan.i_px[s] * W, w)
            before = load(state.s_before, o, w)
            work = (current + before) * 0.5 * (now - last)
            work = work + before * (last - load(state.s_mark, o, w))
            store(state.s_energy, o, fma(work, SIGMA, load(state.s_energy, o, w)))
        store(state.s_before, o, current)
        store(state.s_mark, o, now)
        state.s_idle[s] = state.s_flat[s]


@njit(cache=True, nogil=True, error_model="numpy")
def run_tile(  # noqa: PLR0915 - the time loop, from right-hand side to outputs
    plan, coef, shared, factor, waves, sources, noise, delays, record, watch, state, output,
    tile, first, last, step, print_first, guard,
):  # fmt: skip
    """Steps first .. last - 1 of one tile.

    Args:
        print_first: index in ``record.steps`` of the next printed sample.
        guard: steps after this one are checked against PHASE_LIMIT.

    Returns:
        (next printed sample, status): status 0 is done, 1 every lane moves too fast for the
        step, 2 a matrix that can't be factorised.
    """
    w = plan.w
    W = len(w)
    own = coef.own
    inverse_pc, prediction = coef.inverse_pc, coef.prediction
    voltage_scale = (3.0 * SIGMA) / (2.0 * step)
    printed = print_first
    ground = plan.size * W
    x, b = state.xa, state.xb
    if state.flip[0]:
        x, b = state.xb, state.xa
    for i in range(first, last):
        time = i * step
        _sources(plan, waves, state, tile, time)
        b[:] = state.constant
        above = _junctions(plan, coef, state, own, x, b, i, inverse_pc, prediction)
        if i > guard:
            fast = 0
            for lane in range(W):
                if state.moved[lane] > PHASE_LIMIT:
                    state.tripped[lane] = True
                if state.tripped[lane]:
                    fast += 1
            if fast >= coef.lanes_used[tile]:
                return printed, 1
        use_own = own
        if above >= 0.0 or state.outside[0] > 0:
            outside, changed = _regions(plan, coef, state, own, b, inverse_pc)
            state.outside[0] = outside
            if changed and (outside > 0 or own):
                _matrix_with_regions(plan, shared.a, own, state, factor.a, inverse_pc)
                if not factorise(plan, factor.a, True, factor):
                    return printed, 2
            use_own = own or outside > 0
        _resistors(plan, coef, state, own, x, b)
        _capacitors(plan, coef, state, own, x, b)
        _noise(plan, coef, state, noise, own, tile, b, time)
        for s in range(plan.i_pb.size):
            if not state.s_flat[s]:
                _inject(b, plan.i_pb[s], plan.i_nb[s], load(state.s_out, s * W, w), w)
        _prescribed(plan, state, sources, x, b, step)
        _controlled(plan, coef, state, own, x, b)
        _lines(plan, coef, state, own, delays, x, b, i)
        if use_own:
            _solve_own(plan, b, factor)
        else:
            _solve(plan, b, shared.lower, shared.upper, shared.inverse)
        store(b, ground, splat(0.0, w))
        x, b = b, x
        state.flip[0] = not state.flip[0]
        if i >= 0:
            if delays.size > 0:
                _store_lines(plan, coef, state, own, delays, x, i)
            if printed < record.steps.size and record.steps[printed] == i:
                if i == 0:
                    _remember(plan, state, record, x, True)
                _record(
                    plan, coef, state, own, record, output, printed - print_first, x,
                    voltage_scale if i > 0 else 0.0,
                )  # fmt: skip
                printed += 1
            if record.any_derivative:
                _remember(plan, state, record, x, i == 0)
            if watch.junction.size > 0:
                _pulses(plan, state, watch, x, time, step, i)
            if watch.energy:
                _energy(plan, state, x, b, i)
    return printed, 0


@njit(cache=True)
def sines(x, out, w):
    """``sine`` of an array, for the tests; the length must be a multiple of len(w)."""
    for i in range(x.size // len(w)):
        store(out, i * len(w), sine(load(x, i * len(w), w)))


@njit(cache=True, error_model="numpy")
def factorise_shared(plan, a, factor):
    """Factorise one set of values (plan.w of length 1): lower, upper, inverse pivots, success."""
    good = factorise(plan, a, False, factor)
    return factor.lower, factor.upper, factor.inverse, good
