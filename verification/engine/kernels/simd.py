"""Explicit vectors of lanes for the Numba kernels.

Numba leaves vectorisation to LLVM, which does not manage it here: the loops over lanes are short,
many arrays could alias, and reductions over an index list stay scalar. A ``Lanes`` value is one
LLVM vector of doubles, so every operation on it is a SIMD instruction. How many lanes is the
length of a tuple ``w`` that the kernels are handed: a compile-time constant, so that the same
source serves tiles of ``WIDTH`` lanes and single runs of one. Arrays are bare pointers
(``views``): nothing here checks a bound.
"""

# ruff: noqa: ARG001 - what Numba hands over has fixed places

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic as numba_intrinsic
from numba.extending import lower_builtin, models, register_model, type_callable

from verification.engine.lanes.layout import WIDTH

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


def _pointer(builder: Any, data: Any, offset: Any, width: int) -> Any:
    """Address of a vector ``offset`` doubles behind ``data``."""
    return builder.bitcast(builder.gep(data, [offset]), _vector(width).as_pointer())


@intrinsic
def load(typingctx: Any, pointer: Any, offset: Any, w: Any) -> Any:
    """``pointer[offset : offset + len(w)]``."""
    width = w.count

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.load(_pointer(builder, arguments[0], arguments[1], width), align=8)

    return LanesType(width)(pointer, types.intp, w), codegen


@intrinsic
def store(typingctx: Any, pointer: Any, offset: Any, value: Any) -> Any:
    """``pointer[offset : offset + width] = value``."""

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        width = signature.args[2].width
        address = _pointer(builder, arguments[0], arguments[1], width)
        builder.store(arguments[2], address, align=8)
        return context.get_dummy_value()

    return types.void(pointer, types.intp, value), codegen


def _rows(builder: Any, rows: Any, at: Any, width: int) -> list[Any]:
    """Positions of rows ``rows[at]``, ``rows[at + 1]``, ..., as many as fill one vector."""
    found = []
    for m in range(WIDTH // width):
        place = builder.add(at, ir.Constant(at.type, m))
        row = builder.sext(builder.load(builder.gep(rows, [place])), at.type)
        found.append(builder.mul(row, ir.Constant(at.type, width)))
    return found


@intrinsic
def gather(typingctx: Any, pointer: Any, rows: Any, at: Any, w: Any) -> Any:
    """One vector from rows ``rows[at]`` on of ``pointer``, each ``len(w)`` doubles wide.

    With 8 lanes that is one row; with one lane the vector holds 8 rows.
    """
    width = w.count

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        data, table, first, _ = arguments
        places = _rows(builder, table, first, width)
        if width == WIDTH:
            return builder.load(_pointer(builder, data, places[0], width), align=8)
        result = ir.Constant(_vector(WIDTH), ir.Undefined)
        for m, place in enumerate(places):
            one = builder.load(builder.gep(data, [place]))
            result = builder.insert_element(result, one, ir.Constant(_INDEX, m))
        return result

    return LanesType(WIDTH)(pointer, rows, types.intp, w), codegen


def _scattered(width: int, *, add: bool) -> Any:
    """Code that puts a vector in rows, or adds it to what they hold."""

    def put(builder: Any, address: Any, value: Any, align: int | None = None) -> None:
        if add:
            value = builder.fadd(builder.load(address, align=align), value)
        builder.store(value, address, align=align)

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        data, table, first, vector, _ = arguments
        places = _rows(builder, table, first, width)
        if width == WIDTH:
            put(builder, _pointer(builder, data, places[0], width), vector, align=8)
            return context.get_dummy_value()
        for m, place in enumerate(places):
            one = builder.extract_element(vector, ir.Constant(_INDEX, m))
            put(builder, builder.gep(data, [place]), one)
        return context.get_dummy_value()

    return codegen


@intrinsic
def scatter_add(typingctx: Any, pointer: Any, rows: Any, at: Any, value: Any, w: Any) -> Any:
    """Add a vector to the rows that ``gather`` would take it from; a row may come twice."""
    return types.void(pointer, rows, types.intp, value, w), _scattered(w.count, add=True)


@intrinsic
def scatter(typingctx: Any, pointer: Any, rows: Any, at: Any, value: Any, w: Any) -> Any:
    """Store a vector in the rows that ``gather`` would take it from."""
    return types.void(pointer, rows, types.intp, value, w), _scattered(w.count, add=False)


@intrinsic
def splat(typingctx: Any, value: Any, w: Any) -> Any:
    """The same double in all ``len(w)`` lanes."""
    width = w.count

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
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


def _function(builder: Any, llvm_name: str, width: int, count: int) -> Any:
    kind = ir.FunctionType(_vector(width), [_vector(width)] * count)
    return cgutils.get_or_insert_function(builder.module, kind, f"{llvm_name}.v{width}f64")


def _call(llvm_name: str, count: int) -> Any:
    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        function = _function(builder, llvm_name, signature.return_type.width, count)
        return builder.call(function, _vectors(builder, signature, arguments))

    return codegen


@intrinsic
def fma(typingctx: Any, a: Any, b: Any, c: Any) -> Any:
    """a * b + c in each lane; plain doubles stand for all lanes."""
    signature = _lanes_of(a, b, c)(_operand(a), _operand(b), _operand(c))
    return signature, _call("llvm.fmuladd", 3)


@intrinsic
def maximum(typingctx: Any, a: Any, b: Any) -> Any:
    """The larger one in each lane; ``b`` where ``a`` is no number."""

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.select(builder.fcmp_ordered(">", *arguments), *arguments)

    return a(a, b), codegen


@intrinsic
def absolute(typingctx: Any, a: Any) -> Any:
    """The magnitude in each lane."""
    return a(a), _call("llvm.fabs", 1)


@intrinsic
def turned(typingctx: Any, a: Any, parity: Any) -> Any:
    """``a`` with its sign changed where the last bit of ``parity`` is set, in each lane."""

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        width = signature.return_type.width
        kind = ir.VectorType(ir.IntType(64), width)
        bits, last = (builder.bitcast(value, kind) for value in arguments)
        sign = builder.shl(last, ir.Constant(kind, [63] * width))
        return builder.bitcast(builder.xor(bits, sign), _vector(width))

    return a(a, parity), codegen


@intrinsic
def largest(typingctx: Any, a: Any) -> Any:
    """The largest lane."""
    width = a.width

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        if width == 1:
            return builder.extract_element(arguments[0], ir.Constant(_INDEX, 0))
        kind = ir.FunctionType(_DOUBLE, [_vector(width)])
        name = f"llvm.vector.reduce.fmax.v{width}f64"
        function = cgutils.get_or_insert_function(builder.module, kind, name)
        return builder.call(function, arguments)

    return types.float64(a), codegen


def _factor(builder: Any, factors: Any, k: Any, shape: Any, width: int) -> Any:
    """Number ``k`` of each lane; one for all lanes where ``shape`` stands for a single one."""
    if shape.count == 1:
        return _splat(builder, builder.load(builder.gep(factors, [k])), width)
    place = builder.mul(k, ir.Constant(k.type, width))
    return builder.load(_pointer(builder, factors, place, width), align=8)


@intrinsic
def times_factor(typingctx: Any, a: Any, factors: Any, k: Any, v: Any) -> Any:
    """``a`` times number ``k`` of ``factors``, which hold ``len(v)`` doubles for each.

    That is one for each lane, or a single one for all.
    """

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        vector, data, place, _ = arguments
        return builder.fmul(vector, _factor(builder, data, place, v, a.width))

    return a(a, factors, types.intp, v), codegen


@intrinsic
def subtract_products(
    typingctx: Any, lanes: Any, index: Any, factors: Any, begin: Any, end: Any, start: Any, v: Any
) -> Any:
    """``start - sum(factors[k] * lanes[index[k]])`` for k from begin to end, in every lane.

    ``factors`` hold ``len(v)`` doubles for each k: one for each lane, or a single one for all.
    """
    size = start.width

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        data, columns, values, first, last, total_before, _ = arguments
        integer = first.type
        width = ir.Constant(integer, size)
        total = cgutils.alloca_once_value(builder, total_before)
        fused = _function(builder, "llvm.fmuladd", size, 3)
        with cgutils.for_range_slice(
            builder, first, last, ir.Constant(integer, 1), integer, inc=True
        ) as (k, _):
            column = builder.sext(builder.load(builder.gep(columns, [k])), integer)
            offset = builder.mul(column, width)
            other = builder.load(_pointer(builder, data, offset, size), align=8)
            negative = builder.fneg(_factor(builder, values, k, v, size))
            builder.store(builder.call(fused, [negative, other, builder.load(total)]), total)
        return builder.load(total)

    return start(lanes, index, factors, types.intp, types.intp, start, v), codegen


def _register(python_operator: Any, llvm_name: str) -> None:
    """``+ - * /`` of lanes with lanes, and of lanes with doubles."""

    def typed(context: Any) -> Any:
        # Numba compares this signature with that of the operator: two plain positions.
        def typer(a, b):  # type: ignore[no-untyped-def]
            kinds = (a, b)
            lanes = [kind for kind in kinds if isinstance(kind, LanesType)]
            if lanes and all(isinstance(kind, LanesType | types.Float) for kind in kinds):
                return lanes[0]
            return None

        return typer

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return getattr(builder, llvm_name)(*_vectors(builder, signature, arguments))

    type_callable(python_operator)(typed)
    for a, b in ((LanesType, LanesType), (LanesType, types.Float), (types.Float, LanesType)):
        lower_builtin(python_operator, a, b)(codegen)


for _python, _llvm in (
    (operator.add, "fadd"),
    (operator.sub, "fsub"),
    (operator.mul, "fmul"),
    (operator.truediv, "fdiv"),
):
    _register(_python, _llvm)
