"""Lanes on one of NVIDIA's GPUs, through Numba.

Imported only where a GPU is asked for (``devices``). With NUMBA_ENABLE_CUDASIM=1 Numba runs the
same kernels thread by thread in Python: slow, for tests.
"""
# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

import sys
from typing import Any

import numpy as np
from numba import config
from numba import cuda as _cuda
from numpy.typing import NDArray

from verification.engine.cuda import loop, solve
from verification.engine.cuda.layout import Arrays, Circuit
from verification.engine.cuda.port import ported

cuda: Any = _cuda  # its types do not know what a kernel may call
SIMULATED = bool(getattr(config, "ENABLE_CUDASIM", False))
TOGETHER = 2 if SIMULATED else 32
"""Lanes in a block: a warp's 32 threads are 32 lanes at the same element, and what they read lies
side by side. The simulator has a thread of Python for each."""
MOST_WORKERS = 16
"""Threads at one lane at most: with those of 32 lanes a block has 512."""
_REGISTERS = 128
"""Of a thread at most: 512 threads have 65,536, all that a multiprocessor has."""
_FULL = 512
"""Threads that a multiprocessor has registers for."""
_SHARE = 0.8
"""Of the free memory that lanes may take."""

_NONE, _ONE = np.int32(0), np.int32(1)


@cuda.jit(device=True)
def _meet(workers):
    if workers > 1:
        cuda.syncthreads()


@cuda.jit(device=True)
def _any_of(flag, workers):
    # One worker has nobody to wait for; its lanes go on by themselves.
    if workers == 1:
        return flag
    return cuda.syncthreads_or(_ONE if flag else _NONE) != 0


def _decorated(function: Any) -> Any:
    return function if SIMULATED else cuda.jit(device=True)(function)


_OURS = {loop.meet: _meet, loop.any_of: _any_of}
_advance = ported(loop.advance, _decorated, _OURS)
_factorise = ported(solve.factorise, _decorated, _OURS)
_anything_moved = ported(loop.anything_moved, _decorated, _OURS)


def _advance_lanes(c, a, output, prints, count, first, last, guard, workers):
    lane = cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x
    me = cuda.threadIdx.y
    _advance(c, a, output, prints, count, first, last, guard, me, me + 1, workers, lane)


def _factorise_lanes(c, a):
    _factorise(c, a, cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x)


def _look_at_lanes(c, a, moved):
    if _anything_moved(c, a, cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x):
        moved[0] = 1


def _clear(array, lanes):
    for k in range(cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x, array.size, lanes):
        array[k] = 0


_LIMITED: dict[str, Any] = {} if SIMULATED else {"max_registers": _REGISTERS}
_advance_kernel = cuda.jit(**_LIMITED)(_advance_lanes)
_factorise_kernel = cuda.jit(_factorise_lanes)
_look_kernel = cuda.jit(_look_at_lanes)
_clear_kernel = cuda.jit(_clear)


class Gpu:
    """The current GPU (see ``target.Target``).

    Args:
        workers: threads at each lane; by default as many as keep the GPU busy.

    Raises:
        numba.cuda.CudaSupportError: there is none that can be used.
    """

    together = TOGETHER

    def __init__(self, workers: int | None = None) -> None:
        cuda.current_context()
        self._workers = workers
        self._processors = 0 if SIMULATED else cuda.get_current_device().MULTIPROCESSOR_COUNT

    def workers(self, lanes: int) -> int:
        """A power of two, so that all lanes' threads keep all multiprocessors busy."""
        if self._workers is not None:
            return self._workers
        wanted = self._processors * _FULL // max(1, lanes)
        return 1 << min(MOST_WORKERS, max(1, wanted)).bit_length() - 1

    def free_bytes(self) -> int:
        """Most of the memory that is free now."""
        free = cuda.current_context().get_memory_info().free
        return int(_SHARE * min(free, sys.maxsize))  # the simulator's is infinite

    def array(self, values: NDArray[Any]) -> Any:
        """A copy of the values on the GPU."""
        return cuda.to_device(values)

    def zeros(self, rows: int, lanes: int, kind: type[np.generic]) -> Any:
        """Rows of lanes, a multiple of ``together``, all 0."""
        array = cuda.device_array(rows * lanes, kind)
        _clear_kernel[self._blocks(lanes), (TOGETHER, 1)](array, lanes)
        return array

    def put(self, array: Any, first: int, values: NDArray[Any]) -> None:
        """Have an array hold these values from place ``first`` on."""
        array[first : first + values.size].copy_to_device(values)

    def host(self, array: Any, first: int, last: int) -> NDArray[Any]:
        """A copy of places first .. last - 1 of an array of the GPU."""
        return np.asarray(array[first:last].copy_to_host())

    def factorise(self, circuit: Circuit, arrays: Arrays) -> None:
        """Factorise the matrix of every lane, each by one thread."""
        _factorise_kernel[self._blocks(circuit.lanes), (TOGETHER, 1)](circuit, arrays)

    def anything_moved(self, circuit: Circuit, arrays: Arrays) -> bool:
        """Whether any number of a solution or a current is not 0."""
        moved = self.array(np.zeros(1, dtype=np.int32))
        _look_kernel[self._blocks(circuit.lanes), (TOGETHER, 1)](circuit, arrays, moved)
        return bool(self.host(moved, 0, 1)[0])

    def advance(
        self, circuit: Circuit, arrays: Arrays, output: Any, prints: NDArray[np.int64], *,
        first: int, last: int, guard: int, workers: int,
    ) -> None:  # fmt: skip
        """See ``loop.advance``; it is done when this returns."""
        some = self.array(prints if prints.size else np.zeros(1, dtype=np.int64))
        _advance_kernel[self._blocks(circuit.lanes), (TOGETHER, workers)](
            circuit, arrays, output, some, prints.size, first, last, guard, workers
        )
        cuda.synchronize()

    @staticmethod
    def _blocks(lanes: int) -> int:
        return lanes // TOGETHER
