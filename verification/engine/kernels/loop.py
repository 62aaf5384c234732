"""The time loop: one tile of lanes through a range of steps.

Each step builds the right-hand side from the histories, with the phase inside every sine
predicted from the last steps, and solves with factors that stay the same while no junction
crosses its gap voltage.
"""
# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

import math

from verification.engine.equations.constants import SIGMA
from verification.engine.kernels.compiling import kernel
from verification.engine.kernels.junctions import junctions, matrix_with_regions, regions
from verification.engine.kernels.kinetic import (
    MOST_REPETITIONS,
    STANDS_STILL,
    find_kinetic,
    inject_kinetic,
)
from verification.engine.kernels.noise import noise_currents
from verification.engine.kernels.passive import (
    capacitors,
    controlled,
    lines,
    prescribed,
    resistors,
    store_lines,
)
from verification.engine.kernels.record import energy, pulses, record, remember
from verification.engine.kernels.simd import load, splat, store
from verification.engine.kernels.solve import factorise, solve
from verification.engine.kernels.sources import inject_sources, sources
from verification.engine.lanes.layout import DONE, RESTLESS, TOO_FAST, WIDTH

_VECTOR = (0,) * WIDTH
_SHARED = (0,)
PHASE_LIMIT = 0.20 * 2 * math.pi
"""Largest predicted change of a phase in one step, rad, before the step is halved (JoSIM)."""


@kernel
def _too_fast(tile):
    """Mark lanes whose phases move too far in a step; whether all lanes in use do."""
    fast = 0
    for lane in range(tile.used):
        if tile.junctions.moved[lane] > PHASE_LIMIT:
            tile.tripped[lane] = True
        if tile.tripped[lane]:
            fast += 1
    return fast >= tile.used


@kernel
def _outputs(tile, output, row, prints, x, before, i, step, w):
    """What is taken from step ``i``; ``prints`` is whether it is a printed one."""
    if tile.lines.total > 0:
        store_lines(tile.lines, x, i, w)
    if prints:
        if i == 0:
            remember(tile.traces, x, i == 0, w)
        voltage_scale = (3.0 * SIGMA) / (2.0 * step) if i > 0 else 0.0
        record(tile, output, row, x, i, voltage_scale, w)
    if tile.traces.any_derivative:
        remember(tile.traces, x, i == 0, w)
    if tile.watch.junctions > 0:
        pulses(tile.watch, x, i * step, step, i, w)
    if tile.watch.energy:
        energy(tile.watch, tile.sources, x, before, i, w)


@kernel
def _solve(tile, b, w):
    """The solution in the place of its right-hand side, with 0 for ground behind it."""
    m = tile.matrix
    if tile.own or tile.junctions.outside[0] > 0:
        solve(m, b, tile.factors, w, w)
    else:
        solve(m, b, tile.shared, _SHARED, w)
    store(b, m.size * len(w), splat(0.0, w))


@kernel
def _solve_kinetic(tile, b, w):
    """The same where inductors depend on their currents (see ``kinetic``)."""
    kinetic = tile.kinetic
    whole = (tile.matrix.size + 1) * len(w)
    for k in range(0, whole, WIDTH):
        store(kinetic.kept, k, load(b, k, _VECTOR))
    for _ in range(MOST_REPETITIONS):
        inject_kinetic(kinetic, b, w)
        _solve(tile, b, w)
        if not find_kinetic(kinetic, b, w) > STANDS_STILL:
            return DONE
        for k in range(0, whole, WIDTH):
            store(b, k, load(kinetic.kept, k, _VECTOR))
    return RESTLESS


@kernel
def advance(tile, output, prints, count, first, last, step, guard, w):
    """Steps first .. last - 1 of one tile; returns how it ended (see ``solve``).

    Args:
        tile: as the step before ``first`` left it.
        output: room for the printed samples, shape (count, signals, lanes).
        prints: which of the steps are printed.
        count: how many of them are.
        first: number of the first step; those before t = 0 are negative.
        last: where to stop.
        step: time step, s.
        guard: steps after this one are checked against PHASE_LIMIT.
        w: a tuple as long as a tile has lanes.
    """
    W = len(w)
    m, jj = tile.matrix, tile.junctions
    printed = 0 * count  # a plain 0 is a type of its own, and all below would be compiled twice
    x, b = tile.xa, tile.xb
    if tile.flip[0]:
        x, b = tile.xb, tile.xa
    for i in range(first, last):
        time = i * step
        sources(tile.sources, time, w)
        for k in range(0, (m.size + 1) * W, WIDTH):  # arrays are filled up to whole vectors
            store(b, k, load(tile.sources.constant, k, _VECTOR))
        above = junctions(jj, x, b, i, w)
        if i > guard and _too_fast(tile):
            return TOO_FAST
        if above >= 0.0 or jj.outside[0] > 0:
            outside, changed = regions(jj, b, i, w)
            jj.outside[0] = outside
            if changed and (outside > 0 or tile.own):
                matrix_with_regions(m, jj, tile.shared.a, tile.own, tile.factors.a, w)
                status = factorise(m, tile.factors.a, True, tile.factors, w)
                if status != DONE:
                    return status
        resistors(tile.resistors, x, b, w)
        capacitors(tile.capacitors, x, b, w)
        noise_currents(tile.noise, jj, tile.resistors, tile.sources.out, b, time, w)
        inject_sources(tile.sources, b, w)
        prescribed(tile.prescribed, tile.sources.out, x, b, w)
        controlled(tile.controlled, x, b, w)
        lines(tile.lines, x, b, i, w)
        if tile.kinetic.total > 0:
            status = _solve_kinetic(tile, b, w)
            if status != DONE:
                return status
        else:
            _solve(tile, b, w)
        x, b = b, x
        tile.flip[0] = not tile.flip[0]
        if i >= 0:
            now = printed < count and prints[printed] == i
            _outputs(tile, output, printed, now, x, b, i, step, w)
            if now:
                printed += 1
    return DONE
