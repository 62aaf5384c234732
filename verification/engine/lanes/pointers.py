"""Arrays as bare pointers, and tuples of them as tables of words, for the compiled kernels.

A kernel of many arrays suffers from Numba's own array type: each one is seven values in every call
and is counted up and down even inside a time loop. A ``Pointer`` is the address alone. The Python
object holds the array, so whoever keeps the pointer keeps the memory; a compiled function can read
and write ``p[i]`` and has no size and no bounds check (``kernels.views``).
"""

from __future__ import annotations

import struct
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray

_LINE = 64
"""Bytes of a cache line, and of a vector of 8 doubles."""


class Pointer:
    """A one-dimensional contiguous array, seen by kernels as its address."""

    __slots__ = ("address", "array")

    def __init__(self, array: NDArray[Any]) -> None:
        if array.ndim != 1 or not array.flags.c_contiguous:
            raise ValueError("a pointer takes a contiguous array of one dimension")
        self.array = array
        self.address = int(array.ctypes.data)


Doubles = Annotated[Pointer, np.float64]
Integers = Annotated[Pointer, np.int32]
Longs = Annotated[Pointer, np.int64]
Flags = Annotated[Pointer, np.bool_]
Words = Annotated[Pointer, np.uint64]
"""Pointers by what they lead to, as ``layout`` names them."""


def empty(count: int) -> Pointer:
    """Room for so many doubles, at a whole cache line: no vector of 8 lies in two of them.

    Vectors that do cost a quarter of the time of a step.
    """
    room = np.empty(count + _LINE // 8)
    first = -room.ctypes.data % _LINE // 8
    return Pointer(room[first : first + count])


def zeros(count: int) -> Pointer:
    """The same, filled with 0."""
    found = empty(count)
    found.array.fill(0.0)
    return found


def doubles(array: Any) -> Pointer:
    """Pointer to a copy of the values as float64, in C order, flat, at a whole cache line."""
    values = np.asarray(array, dtype=np.float64)
    found = empty(values.size)
    found.array.reshape(values.shape)[...] = values
    return found


def integers(array: Any) -> Pointer:
    """Pointer to the values as int32, in C order, flat."""
    return Pointer(np.ascontiguousarray(array, dtype=np.int32).reshape(-1))


def longs(array: Any) -> Pointer:
    """Pointer to the values as int64, in C order, flat."""
    return Pointer(np.ascontiguousarray(array, dtype=np.int64).reshape(-1))


def words(members: tuple[Any, ...]) -> Pointer:
    """A named tuple, with the tuples in it, as one word of 8 bytes for each member.

    An integer and a flag become an int64, a double its bits, a pointer its address.
    """
    found: list[int] = []
    _append(found, members)
    return Pointer(np.array(found, dtype=np.int64))


def _append(found: list[int], members: tuple[Any, ...]) -> None:
    for member in members:
        if isinstance(member, tuple):
            _append(found, member)
        elif isinstance(member, Pointer):
            found.append(member.address)
        elif isinstance(member, float):
            found.append(struct.unpack("<q", struct.pack("<d", member))[0])
        else:
            found.append(int(member))
