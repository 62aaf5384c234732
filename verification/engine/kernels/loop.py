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
    series_resistors,
    store_lines,
)
from verification.engine.kernels.record import energy, pulses, record, remember
from verification.engine.kernels.simd import load, splat, store
from verification.engine.kernels.solve import backward, factorise, forward
from verification.engine.kernels.sources import present_currents, sources
from verification.engine.lanes.layout import DONE, RESTLESS, TOO_FAST, WIDTH

_VECTOR = (0,) * WIDTH
_SHARED = (0,)
_SPECIAL, _PLAIN = (0,), (0, 0)
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
def _forward(tile, b, first, last, w):
    """Forward substitution of some rows."""
    if tile.own or tile.junctions.outside[0] > 0:
        forward(tile.matrix, b, tile.factors, first, last, w, w)
    else:
        forward(tile.matrix, b, tile.shared, first, last, _SHARED, w)


@kernel
def _backward(tile, b, w):
    """Backward substitution; with 0 for ground behind the solution."""
    if tile.own or tile.junctions.outside[0] > 0:
        backward(tile.matrix, b, tile.factors, w, w)
    else:
        backward(tile.matrix, b, tile.shared, _SHARED, w)
    store(b, tile.matrix.size * len(w), splat(0.0, w))


@kernel
def _elements(tile, start, x, b, i, w):
    """Right-hand side of junctions and resistors, chunk by chunk, with the rows eliminated so far.

    A chunk's elements touch no row that is eliminated before it, so that its rows are eliminated
    as soon as they are made: they are still in the first-level cache. Where other elements add to
    the right-hand side, or a junction is off the subgap branch, rows have to wait for that.

    Args:
        tile: the tile.
        start: what the right-hand side begins with.
        x: the last solution.
        b: gets the right-hand side.
        i: number of the step.
        w: a tuple as long as a tile has lanes.

    Returns:
        how many rows are eliminated, and how far the highest voltage is above its gap.
    """
    W = len(w)
    chunks, jj, r = tile.chunks, tile.junctions, tile.resistors
    fused = chunks.alone and jj.outside[0] == 0
    done, above = 0 * i, -1.0
    vector, plain, series, row = 0 * i, 0 * i, 0 * r.plain + r.plain, 0 * i
    for c in range(chunks.total):
        for k in range(row, chunks.begins[c]):
            o = chunks.begin[k] * W
            store(b, o, load(start, o, w))
        row = chunks.begins[c]
        if jj.any_special:
            above = max(above, junctions(jj, vector, chunks.vectors[c], x, b, i, _SPECIAL, w))
        else:
            above = max(above, junctions(jj, vector, chunks.vectors[c], x, b, i, _PLAIN, w))
        vector = chunks.vectors[c]
        resistors(r, plain, chunks.plain[c], x, b, w)
        plain = chunks.plain[c]
        series_resistors(r, series, chunks.series[c], x, b, w)
        series = chunks.series[c]
        fused = fused and not above >= 0.0
        if fused:
            _forward(tile, b, done, chunks.rows[c], w)
            done = chunks.rows[c]
    return done, above


@kernel
def _solve_kinetic(tile, b, w):
    """The same where inductors depend on their currents (see ``kinetic``)."""
    kinetic = tile.kinetic
    whole = (tile.matrix.size + 1) * len(w)
    for k in range(0, whole, WIDTH):
        store(kinetic.kept, k, load(b, k, _VECTOR))
    for _ in range(MOST_REPETITIONS):
        inject_kinetic(kinetic, b, w)
        _forward(tile, b, 0, tile.matrix.size, w)
        _backward(tile, b, w)
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
    m, jj = tile.matrix, tile.junctions
    printed = 0 * count  # a plain 0 is a type of its own, and all below would be compiled twice
    x, b = tile.xa, tile.xb
    if tile.flip[0]:
        x, b = tile.xb, tile.xa
    for i in range(first, last):
        time = i * step
        sources(tile.sources, time, w)
        start = present_currents(tile.sources, m.size + 1, w)
        done, above = _elements(tile, start, x, b, i, w)
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
        capacitors(tile.capacitors, x, b, w)
        noise_currents(tile.noise, jj, tile.resistors, tile.sources, b, time, w)
        prescribed(tile.prescribed, tile.sources.out, x, b, w)
        controlled(tile.controlled, x, b, w)
        lines(tile.lines, x, b, i, w)
        if tile.kinetic.total > 0:
            status = _solve_kinetic(tile, b, w)
            if status != DONE:
                return status
        else:
            _forward(tile, b, done, m.size, w)
            _backward(tile, b, w)
        x, b = b, x
        tile.flip[0] = not tile.flip[0]
        if i >= 0:
            now = printed < count and prints[printed] == i
            _outputs(tile, output, printed, now, x, b, i, step, w)
            if now:
                printed += 1
    return DONE
