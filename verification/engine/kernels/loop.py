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
from verification.engine.kernels.solve import backward, between, factorise, forward, segments
from verification.engine.kernels.sources import present_currents, sources
from verification.engine.kernels.threads import STATUS, meet
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
    for slot in range(tile.parts.total * WIDTH):
        if tile.junctions.moved[slot] > PHASE_LIMIT:
            # A vector of a tile of one lane holds that lane's junctions.
            tile.tripped[slot % tile.width] = True
    for lane in range(tile.used):
        if tile.tripped[lane]:
            fast += 1
    return fast >= tile.used


@kernel
def _highest(tile):
    """How far the highest voltage of all parts is above its gap."""
    above = tile.parts.above[0]
    for part in range(1, tile.parts.total):
        above = max(above, tile.parts.above[part])
    return above


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
        pulses(tile.watch, tile.junctions, x, i * step, step, i, w)
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
def _backward(tile, b, part, w):
    """Backward substitution of a part; of the rows between parts for the number of parts."""
    first, last = tile.parts.backs[part + 1], tile.parts.backs[part]
    if tile.own or tile.junctions.outside[0] > 0:
        backward(tile.matrix, b, tile.factors, first, last, w, w)
    else:
        backward(tile.matrix, b, tile.shared, first, last, _SHARED, w)


@kernel
def _segments(tile, b, part, w):
    if tile.own or tile.junctions.outside[0] > 0:
        segments(tile.parts, part, tile.matrix, b, tile.factors, w, w)
    else:
        segments(tile.parts, part, tile.matrix, b, tile.shared, _SHARED, w)


@kernel
def _between(tile, b, w):
    """All of the rows between parts; with 0 for ground behind the solution."""
    if tile.own or tile.junctions.outside[0] > 0:
        between(tile.parts, tile.matrix, b, tile.factors, w, w)
    else:
        between(tile.parts, tile.matrix, b, tile.shared, _SHARED, w)
    _backward(tile, b, tile.parts.total, w)
    store(b, tile.matrix.size * len(w), splat(0.0, w))


@kernel
def _elements(tile, part, x, b, i, w):
    """Right-hand side of a part's junctions and resistors, chunk by chunk.

    A chunk's elements touch no row that is eliminated before it, so that its rows are eliminated
    as soon as they are made: they are still in the first-level cache. Where other elements add to
    the right-hand side, or a junction is off the subgap branch, rows have to wait for that.

    Args:
        tile: the tile; its ``parts`` get how many rows are eliminated, and how far the highest
            voltage is above its gap.
        part: number of the part.
        x: the last solution.
        b: gets the right-hand side.
        i: number of the step.
        w: a tuple as long as a tile has lanes.
    """
    W = len(w)
    chunks, parts, jj, r = tile.chunks, tile.parts, tile.junctions, tile.resistors
    start = tile.sources.present
    fused = chunks.alone and jj.outside[0] == 0
    above = -1.0
    done = parts.rows[part]
    store(jj.moved, part * WIDTH, splat(0.0, _VECTOR))
    for c in range(parts.chunks[part], parts.chunks[part + 1]):
        for k in range(chunks.begins[c], chunks.begins[c + 1]):
            o = chunks.begin[k] * W
            store(b, o, load(start, o, w))
        first, last = chunks.vectors[c], chunks.vectors[c + 1]
        if jj.any_special:
            above = max(above, junctions(jj, part, first, last, x, start, b, i, _SPECIAL, w))
        else:
            above = max(above, junctions(jj, part, first, last, x, start, b, i, _PLAIN, w))
        resistors(r, chunks.plain[c], chunks.plain[c + 1], x, b, w)
        series_resistors(r, chunks.series[c], chunks.series[c + 1], x, b, w)
        fused = fused and not above >= 0.0
        if fused:
            _forward(tile, b, chunks.rows[c], chunks.rows[c + 1], w)
            done = chunks.rows[c + 1]
    parts.done[part] = done
    parts.above[part] = above


@kernel
def _solve_kinetic(tile, b, w):
    """The same where inductors depend on their currents (see ``kinetic``)."""
    kinetic = tile.kinetic
    whole = (tile.matrix.size + 1) * len(w)
    for k in range(0, whole, WIDTH):
        store(kinetic.kept, k, load(b, k, _VECTOR))
    for _ in range(MOST_REPETITIONS):
        inject_kinetic(kinetic, b, w)
        _forward(tile, b, tile.parts.rows[0], tile.parts.rows[1], w)
        _backward(tile, b, tile.parts.total - 1, w)  # the only one: no type of its own, as 0 is
        store(b, tile.matrix.size * len(w), splat(0.0, w))
        if not find_kinetic(kinetic, b, w) > STANDS_STILL:
            return DONE
        for k in range(0, whole, WIDTH):
            store(b, k, load(kinetic.kept, k, _VECTOR))
    return RESTLESS


@kernel
def _off_subgap(tile, b, i, w):
    """Currents and factors of the junctions off the subgap branch; how it ended."""
    m, jj = tile.matrix, tile.junctions
    outside, changed = regions(jj, b, i, w)
    jj.outside[0] = outside
    if changed and (outside > 0 or tile.own):
        matrix_with_regions(m, jj, tile.shared.a, tile.own, tile.factors.a, w)
        # A plain True is a type of its own, and it would be compiled twice.
        return factorise(m, tile.factors.a, tile.width > 0, tile.factors, w)
    return DONE


@kernel
def _others(tile, x, b, i, time, w):
    """Right-hand side of all other elements; those that have no part are run by one thread."""
    capacitors(tile.capacitors, x, b, w)
    noise_currents(tile.noise, tile.junctions, tile.resistors, tile.sources, b, time, w)
    prescribed(tile.prescribed, tile.sources.out, x, b, w)
    controlled(tile.controlled, x, b, w)
    lines(tile.lines, x, b, i, w)


@kernel
def advance(tile, output, prints, count, first, last, step, guard, me, threads, w):
    """Steps first .. last - 1 of one tile; returns how it ended (see ``solve``).

    Several threads may call it at once, with the same arguments but ``me``: each takes some parts,
    and thread 0 takes all that belongs to none. The results do not depend on how many there are.

    Args:
        tile: as the step before ``first`` left it.
        output: room for the printed samples, shape (count, signals, lanes).
        prints: which of the steps are printed.
        count: how many of them are.
        first: number of the first step; those before t = 0 are negative.
        last: where to stop.
        step: time step, s.
        guard: steps after this one are checked against PHASE_LIMIT.
        me: number of this thread.
        threads: how many there are.
        w: a tuple as long as a tile has lanes.
    """
    m, jj, parts = tile.matrix, tile.junctions, tile.parts
    printed = 0 * count  # a plain 0 is a type of its own, and all below would be compiled twice
    x, b = tile.xa, tile.xb
    if tile.flip[0]:
        x, b = tile.xb, tile.xa
    mine, end = me * parts.total // threads, (me + 1) * parts.total // threads
    for i in range(first, last):
        time = i * step
        if me == 0:
            sources(tile.sources, time, w)
            present_currents(tile.sources, m.size + 1, w)
        meet(parts.meeting, threads)
        for part in range(mine, end):
            _elements(tile, part, x, b, i, w)
        meet(parts.meeting, threads)
        if i > guard and _too_fast(tile):
            return TOO_FAST
        if _highest(tile) >= 0.0 or jj.outside[0] > 0:
            meet(parts.meeting, threads)  # nobody asks for jj.outside any more
            if me == 0:
                parts.meeting[STATUS] = _off_subgap(tile, b, i, w)
            meet(parts.meeting, threads)
            if parts.meeting[STATUS] != DONE:
                return parts.meeting[STATUS]
        if not tile.chunks.alone:
            _others(tile, x, b, i, time, w)
        if tile.kinetic.total > 0:
            status = _solve_kinetic(tile, b, w)
            if status != DONE:
                return status
        else:
            for part in range(mine, end):
                _forward(tile, b, parts.done[part], parts.rows[part + 1], w)
                _segments(tile, b, part, w)
            meet(parts.meeting, threads)
            if me == 0:
                _between(tile, b, w)
            meet(parts.meeting, threads)
            for part in range(mine, end):
                _backward(tile, b, part, w)
            meet(parts.meeting, threads)
        x, b = b, x
        if me == 0:
            tile.flip[0] = not tile.flip[0]
        if i >= 0:
            now = printed < count and prints[printed] == i
            if me == 0:
                _outputs(tile, output, printed, now, x, b, i, step, w)
            if now:
                printed += 1
    meet(parts.meeting, threads)
    return DONE
