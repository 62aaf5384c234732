"""Right-hand side of the junctions, and their piecewise linear quasiparticle branch.

JoSIM's stamps (its docs/tech_disc.md and JJ.cpp): BDF2 for phase and voltage, the phase inside the
sine predicted from the last voltages, so that the matrix stays the same below the gap.

Of a junction with an inductor in series only the phase X across both is known. The branch carries
I = g phi + c = (g X + c) / (1 + g a), a the inductor's phase per ampere, and the junction has
phi = X - a I = (X - a c) / (1 + g a): its share of X less what its own current c makes.
"""
# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

import math

from verification.engine.kernels.compiling import inlined, kernel
from verification.engine.kernels.simd import (
    absolute,
    fma,
    gather,
    largest,
    load,
    maximum,
    scatter,
    scatter_add,
    splat,
    store,
    turned,
)
from verification.engine.kernels.solve import value
from verification.engine.lanes.layout import (
    BEHIND,
    C1,
    COEFFICIENT_ROWS,
    DROP,
    LOW,
    MODEL_ROWS,
    OFFSET,
    PHASE,
    PREDICTED,
    SHARE,
    SHUNT_G,
    SHUNT_HISTORY,
    SHUNT_PART,
    SHUNT_PHASE,
    STATE_ROWS,
    STRENGTH,
    VOLTAGE,
    WIDTH,
    G,
)

THIRD4 = 4.0 / 3.0
THIRD1 = 1.0 / 3.0
_INVERSE_PI = 1.0 / math.pi
_PI_HIGH = -math.pi
_PI_LOW = -1.2246467991473532e-16  # pi minus its double, negated
_ROUND = 1.5 * 2.0**52
"""Added to a number below 2^51 it leaves no room for a fraction: the last bits are the integer."""
_S3, _S5, _S7, _S9, _S11, _S13, _S15, _S17 = (
    -0.16666666666666666, 0.008333333333333115, -0.00019841269841185962, 2.7557319207787027e-06,
    -2.505210660664464e-08, 1.6058927836772275e-10, -7.642712934980306e-13, 2.718496439404076e-15,
)  # fmt: skip
"""r + S3 r^3 + ... + S17 r^17 is nearest to sin r up to pi/2 (Remez' exchange): 2e-19 off, 4e-17
with the coefficients as doubles. Taylor's series needs a term more for 2.6e-16."""
_V = (0,) * WIDTH
_STATE = STATE_ROWS * WIDTH


@inlined
def sine(v):
    """sin in every lane: v = q pi + r with |r| <= pi/2, then the polynomial in r."""
    shifted = fma(v, _INVERSE_PI, _ROUND)
    q = shifted - _ROUND
    r = fma(q, _PI_HIGH, v)
    r = fma(q, _PI_LOW, r)
    z = r * r
    z2 = z * z
    # By halves (Estrin): what waits for what before it is half as long as in Horner's scheme.
    low = fma(fma(z, _S9, _S7), z2, fma(z, _S5, _S3))
    high = fma(fma(z, _S17, _S15), z2, fma(z, _S13, _S11))
    p = fma(high, z2 * z2, low)
    return turned(fma(p, z * r, r), shifted)


@kernel
def other_relation(kind, table, at, argument, strength):
    """Supercurrent of a junction with harmonics (kind 1) or the thermal relation (kind 2)."""
    count = int(table[at + 2])
    total = 0.0
    for m in range(count):
        total += table[at + 3 + m] * math.sin((m + 1) * argument)
    if kind == 1:
        return strength * total
    half = 0.0
    for m in range(count):
        half += table[at + 3 + m] * math.sin((m + 1) * argument / 2)
    root = math.sqrt(1.0 - table[at] * half * half)
    return strength * total / root * math.tanh(table[at + 1] * root)


@kernel
def _special(jj, part, k, argument, strength, w):
    """Supercurrents of a vector in which not all junctions are plain; left in jj.scratch."""
    scratch, o = jj.scratch, 3 * part * WIDTH
    store(scratch, o, sine(argument) * strength)
    store(scratch, o + WIDTH, argument)
    store(scratch, o + 2 * WIDTH, strength)
    for m in range(WIDTH):
        j = (k * WIDTH + m) // len(w)
        if j < jj.total and jj.kind[j] != 0:
            scratch[o + m] = other_relation(
                jj.kind[j], jj.table, jj.extra[j], scratch[o + WIDTH + m],
                scratch[o + 2 * WIDTH + m],
            )  # fmt: skip


@kernel
def junctions(jj, part, first, last, x, start, b, i, s, w):  # noqa: PLR0915 - one pass, all in registers
    """Right-hand side of some vectors; returns how far the highest voltage is above its gap.

    A vector that is ``first`` begins the rows of its first ends with what ``start`` holds.
    ``jj.moved`` gets the largest predicted change of a phase in this part, by place. ``s`` is
    a tuple of one where a junction may have another relation than the sine, else of two: a call in
    the loop, even one that is never made, has all constants read from the stack.
    """
    state, keep = jj.state, jj.keep
    together = WIDTH // len(w)
    new, old = 1 - (i & 1), i & 1
    # JoSIM holds all voltages at 0 until t = 0.
    inverse_pc = jj.inverse_pc if i > 0 else 0.0
    moved = splat(0.0, _V)
    above = splat(-1.0, _V)
    for k in range(first, last):
        e = 4 * k * together
        at = k * _STATE
        q = k * COEFFICIENT_ROWS
        across = gather(x, jj.ends, e + 2 * together, w)
        if jj.grounded[k] == 0:
            across = across - gather(x, jj.ends, e + 3 * together, w)
        phase = across
        if jj.in_series:
            drop = load(state, at + DROP * WIDTH, _V)
            phase = fma(load(jj.share, k * WIDTH, _V), across, drop * (-1.0))
        last = load(state, at + (PHASE + new) * WIDTH, _V)
        before = fma(last, THIRD4, load(state, at + (PHASE + old) * WIDTH, _V) * (-THIRD1))
        v1 = (phase - before) * inverse_pc
        v2 = load(state, at + (VOLTAGE + new) * WIDTH, _V)
        v3 = load(state, at + (VOLTAGE + old) * WIDTH, _V)
        v0 = fma(v1, 2.5, fma(v2, -2.0, v3 * 0.5))
        history = fma(phase, THIRD4, last * (-THIRD1))
        predicted = fma(v0, jj.prediction, history)
        moved = maximum(absolute(predicted - phase), moved)
        g = value(jj.coefficient, q + G, jj.own, _V)
        c1 = value(jj.coefficient, q + C1, jj.own, _V)
        strength = value(jj.coefficient, q + STRENGTH, jj.own, _V)
        low = value(jj.model, k * MODEL_ROWS + LOW, len(w) == 1, _V)
        offset = value(jj.model, k * MODEL_ROWS + OFFSET, len(w) == 1, _V)
        # The sine comes last: all else is done while it is found.
        c = fma(v2, 0.25, v1 * (-1.0)) * c1  # C/2h is a fourth of 2C/h
        c = fma(g * (-1.0), history, c)
        if len(s) > 1 or jj.special[k] == 0:
            c = fma(strength, sine(predicted - offset), c)
        else:
            _special(jj, part, k, predicted - offset, strength, w)
            c = c + load(jj.scratch, 3 * part * WIDTH, _V)
        if jj.in_series:
            drop = c * value(jj.coefficient, q + BEHIND, jj.own, _V)
            store(state, at + DROP * WIDTH, drop)
        above = maximum(absolute(v0) - low, above)
        shunt = splat(0.0, _V)
        if jj.shunted:
            # Without the share of the inductor in series with the resistor across it.
            shunt_g = value(jj.coefficient, q + SHUNT_G, jj.own, _V)
            share = value(jj.coefficient, q + SHUNT_PART, jj.own, _V)
            effective = load(state, at + SHUNT_HISTORY * WIDTH, _V)
            inner = across - share * (across - effective)
            before = load(state, at + SHUNT_PHASE * WIDTH, _V)
            shunt_history = fma(inner, THIRD4, before * (-THIRD1))
            shunt = shunt_g * shunt_history
            store(state, at + SHUNT_HISTORY * WIDTH, shunt_history)
            store(state, at + SHUNT_PHASE * WIDTH, inner)
        if keep:
            store(jj.current, k * WIDTH, c)
            store(jj.shunt_current, k * WIDTH, shunt * (-1.0))
        c = shunt - c
        if jj.first[k] != 0:
            scatter(b, jj.ends, e, gather(start, jj.ends, e, w) + c, w)
        else:
            scatter_add(b, jj.ends, e, c, w)
        if jj.grounded[k] == 0:
            scatter_add(b, jj.ends, e + together, c * (-1.0), w)
        store(state, at + (PHASE + old) * WIDTH, phase)
        store(state, at + (VOLTAGE + old) * WIDTH, v1)
        store(state, at + PREDICTED * WIDTH, v0)
    store(jj.moved, part * WIDTH, maximum(load(jj.moved, part * WIDTH, _V), moved))
    return largest(above)


@inlined
def row_of(slot, row):
    """Where one junction's number of ``row`` stands in the state."""
    return (slot // WIDTH) * _STATE + row * WIDTH + slot % WIDTH


@inlined
def phases_of(jj, place, across, w):
    """Phases of one junction in all lanes, of the phases across it and what is in series."""
    if not jj.in_series:
        return across
    share = load(jj.share, place * len(w), w)
    return fma(share, across, load(jj.state, row_of(place * len(w), DROP), w) * (-1.0))


@inlined
def coefficient_at(jj, slot, row):
    """Where one junction's coefficient of ``row`` stands."""
    at = (slot // WIDTH) * COEFFICIENT_ROWS + row
    return at * WIDTH + slot % WIDTH if jj.own else at


@inlined
def model_at(j, row, W):
    """Where what one junction's model says stands."""
    if W == 1:
        return ((j // WIDTH) * MODEL_ROWS + row) * WIDTH + j % WIDTH
    return j * MODEL_ROWS + row


@kernel
def history_of(jj, slot, i):
    """The phase history that the last right-hand side (step i) used, of one junction and lane."""
    new, old = 1 - (i & 1), i & 1
    return (
        jj.state[row_of(slot, PHASE + old)] * THIRD4 - jj.state[row_of(slot, PHASE + new)] * THIRD1
    )


@inlined
def rows_of(jj, j, W):
    """Where in b both ends of a junction stand."""
    together = WIDTH // W
    at = (j * W) // WIDTH * 4 * together + (j * W) % WIDTH // W
    return jj.ends[at] * W, jj.ends[at + together] * W


@inlined
def region_share(jj, j, w):
    """By how much less a branch conducts more than its junction, in all lanes: product of shares.

    x/(1 + a x) at two conductances x differs by their difference over both denominators.
    """
    if not jj.in_series:
        return splat(1.0, w)
    W = len(w)
    now = load(jj.share, j * W, w)
    at = coefficient_at(jj, j * W, SHARE)
    return now * (load(jj.coefficient, at, w) if jj.own else splat(jj.coefficient[at], w))


@kernel
def regions(jj, b, i, w):
    """Piecewise linear quasiparticle branch: regions by the predicted voltage.

    Adds the currents that the region makes of the history and of the step, and returns how many
    junctions are off the subgap branch and whether any conductance changed.
    """
    W = len(w)
    outside = 0
    changed = False
    for j in range(jj.total):
        any_now = False
        p, n = rows_of(jj, j, W)
        for lane in range(W):
            slot = j * W + lane
            low = jj.model[model_at(j, LOW, W)]
            voltage = jj.state[row_of(slot, PREDICTED)]
            size = abs(voltage)
            at = (slot if jj.gap_own else j) * 3
            delta = 0.0
            step_current = 0.0
            if size >= low:
                if size >= jj.high[j]:
                    delta = jj.gap[at + 1]
                else:
                    delta = jj.gap[at]
                    step_current = jj.gap[at + 2] if voltage >= 0 else -jj.gap[at + 2]
            if delta != jj.delta[slot]:
                changed = True
                jj.delta[slot] = delta
                if jj.in_series:
                    share = jj.coefficient[coefficient_at(jj, slot, SHARE)]
                    behind = jj.coefficient[coefficient_at(jj, slot, BEHIND)]
                    jj.share[slot] = share / (1.0 + share * behind * delta * jj.inverse_pc)
            if delta != 0.0:
                any_now = True
                extra = step_current - delta * jj.inverse_pc * history_of(jj, slot, i)
                if jj.in_series:
                    extra = _behind(jj, slot, extra)
                b[p + lane] -= extra
                b[n + lane] += extra
                jj.current[slot] += extra
        if any_now:
            outside += 1
    return outside, changed


@kernel
def _behind(jj, slot, extra):
    """What a junction's further current adds to that of its branch; its drop follows."""
    behind = jj.coefficient[coefficient_at(jj, slot, BEHIND)]
    if behind == 0.0:
        return extra
    before = jj.state[row_of(slot, DROP)] / behind
    own = before / jj.coefficient[coefficient_at(jj, slot, SHARE)] + extra
    jj.state[row_of(slot, DROP)] = own * jj.share[slot] * behind
    return own * jj.share[slot] - before


@kernel
def matrix_with_regions(m, jj, a, own, out, w):
    """A for every lane with the conductances of junctions off the subgap branch."""
    W = len(w)
    for e in range(m.entries):
        store(out, e * W, value(a, e, own, w))
    for j in range(jj.total):
        delta = load(jj.delta, j * W, w)
        if largest(absolute(delta)) > 0.0:
            g = delta * jj.inverse_pc * region_share(jj, j, w)
            for corner in range(4):
                place = jj.places[4 * j + corner]
                if place >= 0:
                    sign = 1.0 if corner < 2 else -1.0
                    store(out, place * W, load(out, place * W, w) + g * sign)
