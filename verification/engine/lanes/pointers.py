"""Arrays as bare pointers for the Numba kernels.

A kernel of many arrays suffers from Numba's own array type: each one is seven values in every call
and is counted up and down even inside a time loop. A ``Pointer`` is the address alone. The Python
object holds the array, so whoever keeps the pointer keeps the memory; a compiled function can read
and write ``p[i]`` and has no size and no bounds check.
"""

# ruff: noqa: ARG001 - what Numba hands over has fixed places

from __future__ import annotations

import operator
from typing import Any

import numpy as np
from numba.core import types
from numba.extending import (
    NativeValue,
    lower_builtin,
    models,
    register_model,
    type_callable,
    typeof_impl,
    unbox,
)
from numba.np.numpy_support import from_dtype
from numpy.typing import NDArray


class Pointer:
    """A one-dimensional contiguous array, seen by kernels as its address."""

    __slots__ = ("address", "array")

    def __init__(self, array: NDArray[Any]) -> None:
        if array.ndim != 1 or not array.flags.c_contiguous:
            raise ValueError("a pointer takes a contiguous array of one dimension")
        self.array = array
        self.address = int(array.ctypes.data)


def doubles(array: Any) -> Pointer:
    """Pointer to the values as float64, in C order, flat."""
    return Pointer(np.ascontiguousarray(array, dtype=np.float64).reshape(-1))


def integers(array: Any) -> Pointer:
    """Pointer to the values as int32, in C order, flat."""
    return Pointer(np.ascontiguousarray(array, dtype=np.int32).reshape(-1))


def longs(array: Any) -> Pointer:
    """Pointer to the values as int64, in C order, flat."""
    return Pointer(np.ascontiguousarray(array, dtype=np.int64).reshape(-1))


class PointerType(types.Type):
    """Numba's type of a ``Pointer``."""

    def __init__(self, dtype: Any) -> None:
        self.dtype = dtype
        super().__init__(name=f"Pointer({dtype})")


@register_model(PointerType)
class _PointerModel(models.PrimitiveModel):
    def __init__(self, dmm: Any, fe_type: Any) -> None:
        super().__init__(dmm, fe_type, dmm.lookup(fe_type.dtype).get_data_type().as_pointer())


_TYPES: dict[Any, PointerType] = {}


@typeof_impl.register(Pointer)
def _typeof(value: Pointer, context: Any) -> PointerType:
    dtype = value.array.dtype
    if dtype not in _TYPES:
        _TYPES[dtype] = PointerType(from_dtype(dtype))
    return _TYPES[dtype]


@unbox(PointerType)
def _unbox(kind: Any, value: Any, c: Any) -> NativeValue:
    address = c.pyapi.object_getattr_string(value, "address")
    pointer = c.pyapi.long_as_voidptr(address)
    c.pyapi.decref(address)
    return NativeValue(c.builder.bitcast(pointer, c.context.get_value_type(kind)))


@type_callable(operator.getitem)
def _type_getitem(context):  # type: ignore[no-untyped-def]
    def typer(pointer, index):  # type: ignore[no-untyped-def]
        if isinstance(pointer, PointerType) and isinstance(index, types.Integer):
            return pointer.dtype
        return None

    return typer


@type_callable(operator.setitem)
def _type_setitem(context):  # type: ignore[no-untyped-def]
    def typer(pointer, index, value):  # type: ignore[no-untyped-def]
        if isinstance(pointer, PointerType) and isinstance(index, types.Integer):
            return types.none
        return None

    return typer


def _address(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    index = context.cast(builder, arguments[1], signature.args[1], types.intp)
    return builder.gep(arguments[0], [index])


@lower_builtin(operator.getitem, PointerType, types.Integer)
def _getitem(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    address = _address(context, builder, signature, arguments)
    return context.unpack_value(builder, signature.return_type, address)


@lower_builtin(operator.setitem, PointerType, types.Integer, types.Any)
def _setitem(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    dtype = signature.args[0].dtype
    value = context.cast(builder, arguments[2], signature.args[2], dtype)
    context.pack_value(builder, dtype, value, _address(context, builder, signature, arguments))
    return context.get_dummy_value()
