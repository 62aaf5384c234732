"""Numba's types of what ``lanes.pointers`` hands over: pointers, and views of tables of words.

A view is the address of a table; its attributes are those of the named tuple that the table was
made of. So a function gets one argument for a tile of two hundred arrays, which keeps compilation
short. The tables do not change while a kernel runs, and LLVM is told so: an attribute that a loop
reads again and again is loaded once.
"""

# ruff: noqa: ARG001 - what Numba hands over has fixed places

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any, get_type_hints

from llvmlite import ir
from numba.core import types
from numba.core.imputils import lower_getattr_generic
from numba.core.typing.templates import AttributeTemplate, infer_getattr
from numba.extending import (
    NativeValue,
    intrinsic,
    lower_builtin,
    models,
    register_model,
    type_callable,
    typeof_impl,
    unbox,
)
from numba.np.numpy_support import from_dtype

from verification.engine.lanes.pointers import Pointer

_WORD = ir.IntType(64)


class PointerType(types.Type):
    """Numba's type of a ``Pointer``."""

    def __init__(self, dtype: Any) -> None:
        self.dtype = dtype
        super().__init__(name=f"Pointer({dtype})")


@register_model(PointerType)
class _PointerModel(models.PrimitiveModel):
    def __init__(self, dmm: Any, fe_type: Any) -> None:
        super().__init__(dmm, fe_type, dmm.lookup(fe_type.dtype).get_data_type().as_pointer())


@typeof_impl.register(Pointer)
def _typeof(value: Pointer, context: Any) -> PointerType:
    return PointerType(from_dtype(value.array.dtype))


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


class ViewType(types.Type):
    """Numba's type of a table made of the named tuple ``of``.

    Attributes:
        members: type and first word of each member.
        size: words in all.
    """

    def __init__(self, of: type) -> None:
        self.members: dict[str, tuple[types.Type, int]] = {}
        self.size = 0
        for name, hint in get_type_hints(of, include_extras=True).items():
            kind = _member(hint)
            self.members[name] = (kind, self.size)
            self.size += kind.size if isinstance(kind, ViewType) else 1
        super().__init__(name=f"View({of.__module__}.{of.__qualname__})")


def _member(hint: Any) -> types.Type:
    if hint in (int, bool, float):
        return {int: types.int64, bool: types.boolean, float: types.float64}[hint]
    if getattr(hint, "__origin__", None) is Pointer:
        return PointerType(from_dtype(hint.__metadata__[0]))
    return ViewType(hint)


@register_model(ViewType)
class _ViewModel(models.PrimitiveModel):
    def __init__(self, dmm: Any, fe_type: Any) -> None:
        super().__init__(dmm, fe_type, _WORD.as_pointer())


@infer_getattr
class _ViewAttributes(AttributeTemplate):
    key = ViewType

    def generic_resolve(self, typ: Any, attr: str) -> Any:  # type: ignore[override]
        found = typ.members.get(attr)
        return None if found is None else found[0]


@lower_getattr_generic(ViewType)
def _getattr(context: Any, builder: Any, typ: Any, value: Any, attr: str) -> Any:
    kind, at = typ.members[attr]
    place = builder.gep(value, [ir.Constant(_WORD, at)])
    if isinstance(kind, ViewType):
        return place
    word = builder.load(place, align=8)
    word.set_metadata("invariant.load", builder.module.add_metadata([]))
    if kind == types.boolean:
        return builder.icmp_unsigned("!=", word, ir.Constant(_WORD, 0))
    if kind == types.float64:
        return builder.bitcast(word, ir.DoubleType())
    if isinstance(kind, PointerType):
        return builder.inttoptr(word, context.get_value_type(kind))
    return word


def _at(kind: types.Type) -> Callable[..., Any]:
    """A function of compiled code: what stands at an address."""

    @intrinsic
    def at(typingctx: Any, address: Any) -> Any:
        def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            return builder.inttoptr(arguments[0], context.get_value_type(kind))

        return kind(types.int64), codegen

    return at


def view_at(of: type) -> Callable[..., Any]:
    """A function of compiled code: the table of ``of`` at an address."""
    return _at(ViewType(of))


doubles_at = _at(PointerType(types.float64))
integers_at = _at(PointerType(types.int32))
longs_at = _at(PointerType(types.int64))
flags_at = _at(PointerType(types.boolean))
