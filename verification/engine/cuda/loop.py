"""The time loop of one lane.

On a GPU a thread is one worker of one lane, and ``meet`` has it wait for the other workers. A
single thread that is all workers of a lane, one after the other, does the same sums.
"""
# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

from verification.engine.cuda.elements import (
    capacitors,
    controlled,
    junctions,
    noise,
    prescribed,
    resistors,
    sources,
)
from verification.engine.cuda.layout import CHANGED
from verification.engine.cuda.outputs import pulses, record
from verification.engine.cuda.solve import backward, factorise, forward


def meet(workers):
    """Wait for all workers; a target has its own in the place of this (``port``)."""


def any_of(flag, workers):  # noqa: ARG001 - of the others
    """Whether the flag of any worker of any lane of the block is set; likewise."""
    return flag


def advance(c, a, output, prints, count, first, last, guard, me, end, workers, lane):
    """Steps first .. last - 1 of one lane.

    Args:
        c: the circuit.
        a: all arrays; the lanes as the step before ``first`` left them.
        output: room for the printed samples, count * signals rows of lanes.
        prints: which of the steps are printed.
        count: how many of them are.
        first: number of the first step; those before t = 0 are negative.
        last: where to stop.
        guard: steps after this one are checked against PHASE_LIMIT.
        me: number of the first worker that this thread is.
        end: and behind the last one.
        workers: how many there are.
        lane: number of the lane.
    """
    m = c.matrix
    sample = 0
    for i in range(first, last):
        changed = False
        for worker in range(me, end):
            sources(c, a, worker, workers, lane, i)
            if junctions(c, a, worker, workers, lane, i, guard):
                changed = True
            resistors(c, a, worker, workers, lane)
            capacitors(c, a, worker, workers, lane)
            controlled(c, a, worker, workers, lane)
        meet(workers)
        if c.later:
            for worker in range(me, end):
                noise(c, a, worker, workers, lane, i * c.step)
                prescribed(c, a, worker, workers, lane)
            meet(workers)
        if c.factor_lanes > 1 and any_of(changed, workers):
            if me == 0 and a.counts[CHANGED * c.lanes + lane] != 0:
                a.counts[CHANGED * c.lanes + lane] = 0
                factorise(c, a, lane)
            meet(workers)
        for level in range(m.forwards):
            for worker in range(me, end):
                forward(c, a, level, worker, workers, lane)
            meet(workers)
        for level in range(m.forwards, m.steps):
            for worker in range(me, end):
                backward(c, a, level, worker, workers, lane)
            meet(workers)
        if i >= 0:
            printed = sample < count and prints[sample] == i
            if printed or c.traces.any_derivative:
                for worker in range(me, end):
                    record(c, a, output, sample, printed, worker, workers, lane, i)
                meet(workers)
            if printed:
                sample += 1
            for worker in range(me, end):
                pulses(c, a, worker, workers, lane, i)


def anything_moved(c, a, lane):
    """Whether a lane's solution or any current is not 0."""
    # Currents are the first rows, the solution comes behind them.
    for row in range(c.matrix.x + c.matrix.size):  # noqa: SIM110 - no generators on a GPU
        if a.state[row * c.lanes + lane] != 0.0:
            return True
    return False
