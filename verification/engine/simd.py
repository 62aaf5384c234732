"""Explicit vectors of lanes for the Numba kernels.

Numba leaves vectorisation to LLVM, which does not manage it here: the loops over lanes are short,
many arrays could alias, and reductions over an index list stay scalar. A ``Lanes`` value is one
LLVM vector of ``WIDTH`` doubles, so every operation on it is a SIMD instruction.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic, models, overload, register_model

WIDTH = 8
"""Lanes in one vector: one AVX-512 register of doubles, or two of AVX2."""

_DOUBLE = ir.DoubleType()
_VECTOR = ir.VectorType(_DOUBLE, WIDTH)


class LanesType(types.Type):
    """Numba's type of a vector of lanes."""

    def __init__(self) -> None:
        super().__init__(name=f"Lanes{WIDTH}")


LANES = LanesType()


@register_model(LanesType)
class _LanesModel(models.PrimitiveModel):
    def __init__(self, dmm: Any, fe_type: Any) -> None:
        super().__init__(dmm, fe_type, _VECTOR)


def _pointer(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    """Address of element ``arguments[1]`` of the one-dimensional array ``arguments[0]``."""
    array = context.make_array(signature.args[0])(context, builder, arguments[0])
    return builder.gep(array.data, [arguments[1]])


@intrinsic
def load(typingctx: Any, array: Any, offset: Any) -> Any:  # noqa: ARG001
    """``array[offset : offset + WIDTH]`` of a one-dimensional C array; no bounds check."""

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        address = _pointer(context, builder, signature, arguments)
        return builder.load(builder.bitcast(address, _VECTOR.as_pointer()), align=8)

    return LANES(array, offset), codegen


@intrinsic
def store(typingctx: Any, array: Any, offset: Any, value: Any) -> Any:  # noqa: ARG001
    """``array[offset : offset + WIDTH] = value``; no bounds check."""

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        address = _pointer(context, builder, signature, arguments)
        builder.store(
            arguments[2], builder.bitcast(address, _VECTOR.as_pointer()), align=8
        )
        return context.get_dummy_value()

    return types.void(array, offset, value), codegen


@intrinsic
def splat(typingctx: Any, value: Any) -> Any:  # noqa: ARG001
    """The same double in all lanes."""

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:  # noqa: ARG001
        first = builder.insert_element(
            ir.Constant(_VECTOR, ir.Undefined), arguments[0], ir.Constant(ir.IntType(32), 0)
        )
        mask = ir.Constant(ir.VectorType(ir.IntType(32), WIDTH), [0] * WIDTH)
        return builder.shuffle_vector(first, ir.Constant(_VECTOR, ir.Undefined), mask)

    return LANES(types.float64), codegen


def _binary(name: str) -> Any:
    @intrinsic
    def op(typingctx: Any, a: Any, b: Any) -> Any:  # noqa: ARG001
        def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:  # noqa: ARG001
            return getattr(builder, name)(arguments[0], arguments[1])

        return LANES(LANES, LANES), codegen

    return op


_add, _sub, _mul, _div = (_binary(name) for name in ("fadd", "fsub", "fmul", "fdiv"))


def _call(llvm_name: str, count: int) -> Callable[[Any, Any, Any], Any]:
    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:  # noqa: ARG001
        kind = ir.FunctionType(_VECTOR, [_VECTOR] * count)
        name = f"{llvm_name}.v{WIDTH}f64"
        function = cgutils.get_or_insert_function(builder.module, kind, name)
        return builder.call(function, arguments)

    return codegen  # type: ignore[return-value]


@intrinsic
def fma(typingctx: Any, a: Any, b: Any, c: Any) -> Any:  # noqa: ARG001
    """a * b + c in each lane."""
    return LANES(LANES, LANES, LANES), _call("llvm.fmuladd", 3)


@intrinsic
def maximum(typingctx: Any, a: Any, b: Any) -> Any:  # noqa: ARG001
    """The larger one in each lane."""
    return LANES(LANES, LANES), _call("llvm.maxnum", 2)


@intrinsic
def absolute(typingctx: Any, a: Any) -> Any:  # noqa: ARG001
    """The magnitude in each lane."""
    return LANES(LANES), _call("llvm.fabs", 1)


@intrinsic
def nearest(typingctx: Any, a: Any) -> Any:  # noqa: ARG001
    """The nearest integer in each lane."""
    return LANES(LANES), _call("llvm.rint", 1)


@intrinsic
def square_root(typingctx: Any, a: Any) -> Any:  # noqa: ARG001
    """The square root in each lane."""
    return LANES(LANES), _call("llvm.sqrt", 1)


@intrinsic
def largest(typingctx: Any, a: Any) -> Any:  # noqa: ARG001
    """The largest lane."""

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:  # noqa: ARG001
        kind = ir.FunctionType(_DOUBLE, [_VECTOR])
        name = f"llvm.vector.reduce.fmax.v{WIDTH}f64"
        function = cgutils.get_or_insert_function(builder.module, kind, name)
        return builder.call(function, arguments)

    return types.float64(LANES), codegen


@intrinsic
def subtract_products(
    typingctx: Any, lanes: Any, index: Any, value: Any, begin: Any, end: Any, start: Any  # noqa: ARG001
) -> Any:
    """``start - sum(value[k] * lanes[index[k]])`` for k from begin to end, in every lane.

    ``value`` holds one double for each k (float64 array shared by the lanes).
    """
    return LANES(lanes, index, value, begin, end, LANES), _product_loop(per_lane=False)


@intrinsic
def subtract_products_own(
    typingctx: Any, lanes: Any, index: Any, value: Any, begin: Any, end: Any, start: Any  # noqa: ARG001
) -> Any:
    """The same with ``WIDTH`` doubles of ``value`` for each k: every lane has its own factors."""
    return LANES(lanes, index, value, begin, end, LANES), _product_loop(per_lane=True)


def _product_loop(*, per_lane: bool) -> Callable[[Any, Any, Any, Any], Any]:
    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        lanes, index, value, begin, end, start = arguments
        data = [
            context.make_array(kind)(context, builder, item).data
            for kind, item in zip(signature.args[:3], (lanes, index, value), strict=True)
        ]
        integer = begin.type
        width = ir.Constant(integer, WIDTH)
        total = cgutils.alloca_once_value(builder, start)
        fused = cgutils.get_or_insert_function(
            builder.module, ir.FunctionType(_VECTOR, [_VECTOR] * 3), f"llvm.fmuladd.v{WIDTH}f64"
        )
        with cgutils.for_range_slice(
            builder, begin, end, ir.Constant(integer, 1), integer, inc=True
        ) as (k, _):
            column = builder.load(builder.gep(data[1], [k]))
            column = builder.zext(column, integer) if column.type != integer else column
            address = builder.gep(data[0], [builder.mul(column, width)])
            other = builder.load(builder.bitcast(address, _VECTOR.as_pointer()), align=8)
            if per_lane:
                address = builder.gep(data[2], [builder.mul(k, width)])
                factor = builder.load(builder.bitcast(address, _VECTOR.as_pointer()), align=8)
            else:
                scalar = builder.load(builder.gep(data[2], [k]))
                factor = builder.insert_element(
                    ir.Constant(_VECTOR, ir.Undefined), scalar, ir.Constant(ir.IntType(32), 0)
                )
                mask = ir.Constant(ir.VectorType(ir.IntType(32), WIDTH), [0] * WIDTH)
                factor = builder.shuffle_vector(
                    factor, ir.Constant(_VECTOR, ir.Undefined), mask
                )
            negative = builder.fneg(factor)
            builder.store(
                builder.call(fused, [negative, other, builder.load(total)]), total
            )
        return builder.load(total)

    return codegen  # type: ignore[return-value]


def _register(python_operator: Any, function: Any) -> None:
    # Numba compares this signature with that of the lambdas, so it can't have annotations.
    @overload(python_operator)
    def implementation(a, b):  # type: ignore[no-untyped-def]
        if isinstance(a, LanesType) and isinstance(b, LanesType):
            return lambda a, b: function(a, b)
        if isinstance(a, LanesType) and isinstance(b, types.Float):
            return lambda a, b: function(a, splat(b))
        if isinstance(a, types.Float) and isinstance(b, LanesType):
            return lambda a, b: function(splat(a), b)
        return None


for _operator, _function in (
    (operator.add, _add),
    (operator.sub, _sub),
    (operator.mul, _mul),
    (operator.truediv, _div),
):
    _register(_operator, _function)


