"""Thermal noise: Gaussian numbers 1/neb apart, joined by lines, as currents in parallel."""
# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

import math

from verification.engine.kernels.compiling import kernel
from verification.engine.kernels.junctions import coefficient_at, row_of, rows_of
from verification.engine.kernels.random_numbers import gaussian
from verification.engine.kernels.simd import load, store
from verification.engine.kernels.solve import inject, value
from verification.engine.lanes.layout import BEHIND, DROP, SHUNT_G, SHUNT_HISTORY


@kernel
def samples_around(seed, stream, sample, known, left, right):
    """Numbers ``sample`` and the next one of a stream; those of ``known`` are left and right."""
    if sample != known:
        left = right if sample == known + 1 else gaussian(seed, stream, sample)
        right = gaussian(seed, stream, sample + 1)
    return left, right


@kernel
def _sample(noise, m, lane, W, time):
    """Standard normal value of generator ``m`` in one lane at this time."""
    at = m * W + lane
    elapsed = time - noise.delay[m]
    if elapsed < 0.0:
        return 0.0
    place = elapsed / noise.period[m]
    sample = math.floor(place)
    left, right = samples_around(
        noise.seed[lane], m, sample, noise.sample[at], noise.left[at], noise.right[at]
    )
    noise.left[at], noise.right[at], noise.sample[at] = left, right, sample
    return left + (right - left) * (place - sample)


@kernel
def _behind(jj, slot, current):
    """What a noise current across a junction makes in its branch; its drop follows."""
    current *= jj.share[slot]
    jj.state[row_of(slot, DROP)] += current * jj.coefficient[coefficient_at(jj, slot, BEHIND)]
    return current


@kernel
def _shunt_shift(jj, slot, j, current):
    """Noise of the resistor across a junction: shifts its history; the current that this makes."""
    at = coefficient_at(jj, slot, SHUNT_G)
    shift = -jj.shunt_per_ampere[slot if jj.gap_own else j] * current
    jj.state[row_of(slot, SHUNT_HISTORY)] += shift
    return -jj.coefficient[at] * shift


@kernel
def noise_currents(noise, jj, r, src, b, time, w):
    """Add the noise of this time to the right-hand side and to the currents that are recorded."""
    W = len(w)
    if time < 0.0:
        return
    for m in range(noise.total):
        kind, index = noise.kind[m], noise.element[m]
        for lane in range(W):
            sigma = noise.sigma[m * W + lane]
            if kind == 0:
                slot = index * W + lane
                normal = jj.gap[(slot if jj.gap_own else index) * 3 + 1]
                if normal != 0.0 and jj.delta[slot] == normal:
                    sigma *= noise.ratio[m]
            jj.scratch[lane] = sigma * _sample(noise, m, lane, W, time)
        if kind == 2:
            value_now = load(jj.scratch, 0, w)
            store(src.out, index * W, value_now)
            if index < src.currents:
                inject(b, src.ends, index, value_now, w)
            continue
        if kind == 1:
            current = load(jj.scratch, 0, w)
            if index >= r.plain:
                # Behind a series inductor the noise shifts the resistor's history instead.
                shift = value(r.per_ampere, index, r.own, w) * current * (-1.0)
                store(r.history, index * W, load(r.history, index * W, w) + shift)
                current = value(r.g, index, r.own, w) * shift * (-1.0)
            inject(b, r.ends, index, current, w)
            store(r.current, index * W, load(r.current, index * W, w) + current)
            continue
        p, n = rows_of(jj, index, W)
        for lane in range(W):
            slot = index * W + lane
            current_here = jj.scratch[lane]
            if kind == 0:
                if jj.in_series:
                    current_here = _behind(jj, slot, current_here)
                jj.current[slot] += current_here
            else:
                current_here = _shunt_shift(jj, slot, index, current_here)
                jj.shunt_current[slot] += current_here
            b[p + lane] -= current_here
            b[n + lane] += current_here
