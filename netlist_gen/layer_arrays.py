"""The two arrays of a layer, checked: ternary weights and integer thresholds."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from netlist_gen.errors import NetworkError

WeightArray = NDArray[np.int8]
ThresholdArray = NDArray[np.int32]

_MAX_FAN_IN = 1 << 24
"""A float32 sum of ternary terms is exact while every partial sum is below it."""


def as_array(values: ArrayLike, what: str) -> NDArray[Any]:
    """Values as an array.

    Raises:
        NetworkError: rows of several lengths, or what is no array; it calls them ``what``.
    """
    try:
        return np.asarray(values)
    except (TypeError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise NetworkError(f"{what} can't be made an array ({reason})") from None


def ternary_matrix(weights: ArrayLike) -> WeightArray:
    """Ternary weights, shape (outputs, inputs), that nobody can write to.

    Raises:
        NetworkError: another shape or type, a value beside -1, 0 and 1, or 2**24 inputs or more.
    """
    array = as_array(weights, "weights")
    if array.ndim != 2:
        raise NetworkError(f"weights have shape {array.shape}; (outputs, inputs) is needed")
    if 0 in array.shape:
        raise NetworkError(f"weights have shape {array.shape}: an empty layer can't be built")
    if array.dtype.kind not in "iuf":
        raise NetworkError(f"weights have type {array.dtype}; int8 is needed")
    wrong = ~((array == 0) | (array == 1) | (array == -1))  # a NaN is none of them
    if wrong.any():
        row, column = (int(i) for i in np.argwhere(wrong)[0])
        raise NetworkError(
            f"weight [{row}, {column}] is {array[row, column]}; only -1, 0 and 1 are allowed"
        )
    if array.shape[1] >= _MAX_FAN_IN:
        raise NetworkError(f"weights have {array.shape[1]} inputs; fewer than 2**24 are allowed")
    ternary = array.astype(np.int8)
    ternary.flags.writeable = False
    return ternary


def integer_thresholds(theta: ArrayLike) -> ThresholdArray:
    """Integer thresholds, shape (outputs,), that nobody can write to.

    Raises:
        NetworkError: another shape or type, or a value that is no int32 whole number.
    """
    array = as_array(theta, "theta")
    if array.ndim != 1:
        raise NetworkError(f"theta has shape {array.shape}; (outputs,) is needed")
    if array.dtype.kind not in "iuf":
        raise NetworkError(f"theta has type {array.dtype}; int32 is needed")
    limits = np.iinfo(np.int32)
    with np.errstate(invalid="ignore"):
        whole = np.isfinite(array) & (array == np.floor(array))
    wrong = np.flatnonzero(~whole | (array < limits.min) | (array > limits.max))
    if wrong.size:
        index = int(wrong[0])
        raise NetworkError(f"theta [{index}] is {array[index]}; an int32 whole number is needed")
    integers = array.astype(np.int32)
    integers.flags.writeable = False
    return integers
