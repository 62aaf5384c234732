"""Explicit vectors of lanes for the Numba kernels.

Numba leaves vectorisation to LLVM, which does not manage it here: the loops over lanes are short,
many arrays could alias, and reductions over an index list stay scalar. A ``Lanes`` value is one
LLVM vector of doubles, so every operation on it is a SIMD instruction. How many lanes is the
length of a tuple ``w`` that the kernels are handed: a compile-time constant, so that the same
source serves tiles of ``WIDTH`` lanes and single runs of one.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic as numba_intrinsic
from numba.extending import models, overload, register_model

WIDTH = 8
"""Lanes in one vector: one AVX-512 register of doubles, or two of AVX2."""

_DOUBLE = ir.DoubleType()
_INDEX = ir.IntType(32)


def intrinsic(function: Callable[..., Any]) -> Any:
    """Numba's decorator, typed as what it makes: a call in compiled code has no typing context."""
    return numba_intrinsic(function)


class LanesType(types.Type):
    """Numba's type of a vector of ``width`` lanes."""

    def __init__(self, width: int) -> None:
        self.width = width
        super().__init__(name=f"Lanes{width}")


@register_model(LanesType)
class _LanesModel(models.PrimitiveModel):
    def __init__(self, dmm: Any, fe_type: Any) -> None:
        super().__init__(dmm, fe_type, ir.VectorType(_DOUBLE, fe_type.width))


def _vector(width: int) -> Any:
    return ir.VectorType(_DOUBLE, width)


def _splat(builder: Any, value: Any, width: int) -> Any:
    undefined = ir.Constant(_vector(width), ir.Undefined)
    first = builder.insert_element(undefined, value, ir.Constant(_INDEX, 0))
    mask = ir.Constant(ir.VectorType(_INDEX, width), [0] * width)
    return builder.shuffle_vector(first, undefined, mask)


def _width_of(shape: Any) -> int:
    """The number of lanes that a tuple type stands for."""
    return int(shape.count)


def _pointer(context: Any, builder: Any, kind: Any, array: Any, offset: Any, width: int) -> Any:
    """Address of a vector at element ``offset`` of a one-dimensional array."""
    data = context.make_array(kind)(context, builder, array).data
    return builder.bitcast(builder.gep(data, [offset]), _vector(width).as_pointer())


@intrinsic
def load(typingctx: Any, array: Any, offset: Any, w: Any) -> Any:  # noqa: ARG001
    """``array[offset : offset + len(w)]`` of a one-dimensional C array; no bounds check."""
    width = _width_of(w)

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        address = _pointer(context, builder, signature.args[0], arguments[0], arguments[1], width)
        return builder.load(address, align=8)

    return LanesType(width)(array, types.intp, w), codegen


@intrinsic
def store(typingctx: Any, array: Any, offset: Any, value: Any) -> Any:  # noqa: ARG001
    """``array[offset : offset + width] = value``; no bounds check."""

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        width = signature.args[2].width
        address = _pointer(context, builder, signature.args[0], arguments[0], arguments[1], width)
        builder.store(arguments[2], address, align=8)
        return context.get_dummy_value()

    return types.void(array, types.intp, value), codegen


@intrinsic
def splat(typingctx: Any, value: Any, w: Any) -> Any:  # noqa: ARG001
    """The same double in all ``len(w)`` lanes."""
    width = _width_of(w)

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:  # noqa: ARG001
        return _splat(builder, arguments[0], width)

    return LanesType(width)(types.float64, w), codegen


def _lanes_of(*kinds: Any) -> Any:
    return next(kind for kind in kinds if isinstance(kind, LanesType))


def _operand(kind: Any) -> Any:
    return kind if isinstance(kind, LanesType) else types.float64


def _vectors(builder: Any, signature: Any, arguments: Any) -> list[Any]:
    """The arguments, with plain doubles spread over the lanes."""
    width = signature.return_type.width
    return [
        value if isinstance(kind, LanesType) else _splat(builder, value, width)
        for kind, value in zip(signature.args, arguments, strict=True)
    ]


def _binary(name: str) -> Any:
    @intrinsic
    def op(typingctx: Any, a: Any, b: Any) -> Any:  # noqa: ARG001
        def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:  # noqa: ARG001
            return getattr(builder, name)(*_vectors(builder, signature, arguments))

        return _lanes_of(a, b)(_operand(a), _operand(b)), codegen

    return op


_add, _sub, _mul, _div = (_binary(name) for name in ("fadd", "fsub", "fmul", "fdiv"))


def _function(builder: Any, llvm_name: str, width: int, count: int) -> Any:
    kind = ir.FunctionType(_vector(width), [_vector(width)] * count)
    return cgutils.get_or_insert_function(builder.module, kind, f"{llvm_name}.v{width}f64")


def _call(llvm_name: str, count: int) -> Any:
    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:  # noqa: ARG001
        function = _function(builder, llvm_name, signature.return_type.width, count)
        return builder.call(function, _vectors(builder, signature, arguments))

    return codegen


@intrinsic
def fma(typingctx: Any, a: Any, b: Any, c: Any) -> Any:  # noqa: ARG001
    """a * b + c in each lane; plain doubles stand for all lanes."""
    signature = _lanes_of(a, b, c)(_operand(a), _operand(b), _operand(c))
    return signature, _call("llvm.fmuladd", 3)


@intrinsic
def maximum(typingctx: Any, a: Any, b: Any) -> Any:  # noqa: ARG001
    """The larger one in each lane."""
    return a(a, b), _call("llvm.maxnum", 2)


@intrinsic
def absolute(typingctx: Any, a: Any) -> Any:  # noqa: ARG001
    """The magnitude in each lane."""
    return a(a), _call("llvm.fabs", 1)


@intrinsic
def nearest(typingctx: Any, a: Any) -> Any:  # noqa: ARG001
    """The nearest integer in each lane."""
    return a(a), _call("llvm.rint", 1)


@intrinsic
def largest(typingctx: Any, a: Any) -> Any:  # noqa: ARG001
    """The largest lane."""
    width = a.width

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:  # noqa: ARG001
        if width == 1:
            return builder.extract_element(arguments[0], ir.Constant(_INDEX, 0))
        kind = ir.FunctionType(_DOUBLE, [_vector(width)])
        name = f"llvm.vector.reduce.fmax.v{width}f64"
        function = cgutils.get_or_insert_function(builder.module, kind, name)
        return builder.call(function, arguments)

    return types.float64(a), codegen


@intrinsic
def subtract_products(
    typingctx: Any,  # noqa: ARG001
    lanes: Any,
    index: Any,
    value: Any,
    begin: Any,
    end: Any,
    start: Any,
) -> Any:
    """``start - sum(value[k] * lanes[index[k]])`` for k from begin to end, in every lane.

    ``value`` holds one double for each k (float64 array shared by the lanes).
    """
    return start(lanes, index, value, begin, end, start), _product_loop(per_lane=False)


@intrinsic
def subtract_products_own(
    typingctx: Any,  # noqa: ARG001
    lanes: Any,
    index: Any,
    value: Any,
    begin: Any,
    end: Any,
    start: Any,
) -> Any:
    """The same with one double of ``value`` for each k and lane: lanes have their own factors."""
    return start(lanes, index, value, begin, end, start), _product_loop(per_lane=True)


def _product_loop(*, per_lane: bool) -> Any:
    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        lanes, index, value, begin, end, start = arguments
        size = signature.return_type.width
        columns = context.make_array(signature.args[1])(context, builder, index).data
        factors = context.make_array(signature.args[2])(context, builder, value).data
        integer = begin.type
        width = ir.Constant(integer, size)
        total = cgutils.alloca_once_value(builder, start)
        fused = _function(builder, "llvm.fmuladd", size, 3)
        with cgutils.for_range_slice(
            builder, begin, end, ir.Constant(integer, 1), integer, inc=True
        ) as (k, _):
            column = builder.load(builder.gep(columns, [k]))
            if column.type != integer:
                column = builder.zext(column, integer)
            offset = builder.mul(column, width)
            address = _pointer(context, builder, signature.args[0], lanes, offset, size)
            other = builder.load(address, align=8)
            if per_lane:
                offset = builder.mul(k, width)
                address = _pointer(context, builder, signature.args[2], value, offset, size)
                factor = builder.load(address, align=8)
            else:
                factor = _splat(builder, builder.load(builder.gep(factors, [k])), size)
            negative = builder.fneg(factor)
            builder.store(builder.call(fused, [negative, other, builder.load(total)]), total)
        return builder.load(total)

    return codegen


def _register(python_operator: Any, function: Any) -> None:
    # Numba compares this signature with that of the lambda, so it can't have annotations.
    @overload(python_operator)
    def implementation(a, b):  # type: ignore[no-untyped-def]
        known = isinstance(a, LanesType | types.Float) and isinstance(b, LanesType | types.Float)
        if known and (isinstance(a, LanesType) or isinstance(b, LanesType)):
            # Numba wants a Python function here; an intrinsic is none.
            return lambda a, b: function(a, b)  # noqa: PLW0108
        return None


for _python, _own in (
    (operator.add, _add),
    (operator.sub, _sub),
    (operator.mul, _mul),
    (operator.truediv, _div),
):
    _register(_python, _own)
