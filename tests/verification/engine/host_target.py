"""The GPU's kernels compiled for the processor: the same bodies, one lane after the other."""

from __future__ import annotations

import functools
from typing import NamedTuple

import numpy as np
from numba import njit

from verification.engine.cuda import loop, solve
from verification.engine.cuda.port import ported
from verification.engine.kernels import views  # noqa: F401 - Numba's type of a pointer
from verification.engine.kernels.compiling import kernel
from verification.engine.lanes.pointers import Pointer


@kernel
def _meet(workers):
    pass


@kernel
def _any_of(flag, workers):  # noqa: ARG001
    return flag


@functools.cache
def _kernels():
    """Loops over lanes; a thread is all workers of its lane, one after the other."""
    ours = {loop.meet: _meet, loop.any_of: _any_of}
    advance, factorise, moved = (
        ported(body, kernel, ours) for body in (loop.advance, solve.factorise, loop.anything_moved)
    )

    @njit
    def advance_lanes(c, a, output, prints, count, first, last, guard, workers):
        for lane in range(c.lanes):
            advance(c, a, output, prints, count, first, last, guard, 0, workers, workers, lane)

    @njit
    def factorise_lanes(c, a):
        for lane in range(c.lanes):
            factorise(c, a, lane)

    @njit
    def any_moved(c, a):
        for lane in range(c.lanes):  # noqa: SIM110 - Numba
            if moved(c, a, lane):
                return True
        return False

    return advance_lanes, factorise_lanes, any_moved


class Launch(NamedTuple):
    """Steps first .. last - 1 of so many lanes."""

    lanes: int
    factor_lanes: int
    first: int
    last: int


class HostTarget:
    """See ``verification.engine.cuda.target``; ``launches`` tells what was run."""

    def __init__(self, workers=1, together=4, room=2**30):
        self.together = together
        self._workers = workers
        self._room = room
        self.launches = []

    def workers(self, lanes):  # noqa: ARG002
        return self._workers

    def free_bytes(self):
        return self._room

    def array(self, values):
        assert values.size
        return Pointer(values.copy())

    def zeros(self, rows, lanes, kind):
        assert lanes % self.together == 0
        return Pointer(np.zeros(rows * lanes, dtype=kind))

    def put(self, array, first, values):
        array.array[first : first + values.size] = values

    def host(self, array, first, last):
        assert last <= array.array.size
        return array.array[first:last].copy()

    def factorise(self, circuit, arrays):
        _kernels()[1](circuit, arrays)

    def anything_moved(self, circuit, arrays):
        return _kernels()[2](circuit, arrays)

    def advance(self, circuit, arrays, output, prints, *, first, last, guard, workers):
        self.launches.append(Launch(circuit.lanes, circuit.factor_lanes, first, last))
        some = Pointer(np.append(prints, 0))
        _kernels()[0](circuit, arrays, output, some, prints.size, first, last, guard, workers)
