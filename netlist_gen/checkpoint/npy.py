"""The ``.npy`` format: the header checked against the bytes that follow, before room is made."""

from __future__ import annotations

import io
import math
from typing import Any

import numpy as np
from numpy.lib import format as npy_format
from numpy.typing import NDArray

_MAGIC = b"\x93NUMPY"
_READERS = {
    (1, 0): npy_format.read_array_header_1_0,
    (2, 0): npy_format.read_array_header_2_0,
}


class NpyError(Exception):
    """Bytes that are no ``.npy`` array; the message is the reason, without a place."""


class PickledError(NpyError):
    """Python objects where numbers are needed."""


def parse_npy(data: bytes) -> NDArray[Any]:
    """The array in the bytes of a ``.npy`` file, read-only.

    Raises:
        NpyError: the header is none, or declares another number of bytes than follow.
        PickledError: the values are Python objects.
    """
    stream = io.BytesIO(data)
    if not data.startswith(_MAGIC):
        raise NpyError("it does not begin as .npy files do")
    try:
        version = npy_format.read_magic(stream)
        if version not in _READERS:
            raise NpyError(f"its format has version {version}; (1, 0) and (2, 0) are known")
        shape, fortran, dtype = _READERS[version](stream)
    except NpyError:
        raise
    except Exception as error:  # the header is a Python literal, which numpy takes apart
        words = " ".join(str(error).split())
        raise NpyError(f"its header can't be read: {type(error).__name__} {words}") from None
    if dtype.hasobject:
        raise PickledError("it holds pickled Python objects")
    if not dtype.itemsize or any(n < 0 for n in shape):
        raise NpyError(f"its header declares shape {shape} of type {dtype}")
    values, have = math.prod(shape), len(data) - stream.tell()
    if values * dtype.itemsize > have:
        raise NpyError(
            f"Failed to read all data for shape {shape} of type {dtype}: "
            f"{values * dtype.itemsize} bytes are declared, {have} are there"
        )
    if values * dtype.itemsize < have:
        raise NpyError(
            f"{have - values * dtype.itemsize} bytes follow the {values} values of its array"
        )
    flat: NDArray[Any] = np.frombuffer(data, dtype=dtype, count=values, offset=stream.tell())
    try:
        return flat.reshape(shape[::-1]).T if fortran else flat.reshape(shape)
    except ValueError as error:  # more axes than numpy has, or (0, 10**30)
        raise NpyError(f"its header declares an array that can't be: {error}") from None
