"""What the pickle of a ``.pt`` file would make, found without making it.

torch's reader with ``weights_only=True`` runs no code from a file, but it makes what the file
asks for: a sparse tensor of 4 TB, a tensor of one value seen 900 million times, a dictionary whose
keys take years to compare. This walk follows the same operations with stand-ins, and refuses all
but dictionaries, lists, scalars and dense tensors that lie in their storages. Only then is torch
given the file.
"""

from __future__ import annotations

import math
import pickletools
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, BinaryIO

from netlist_gen.errors import NetworkError

MOST_PICKLE = 2 << 20  # bytes; a tensor takes some 150

_ITEM_BYTES = {
    "DoubleStorage": 8, "FloatStorage": 4, "HalfStorage": 2, "BFloat16Storage": 2,
    "LongStorage": 8, "IntStorage": 4, "ShortStorage": 2, "CharStorage": 1, "ByteStorage": 1,
    "BoolStorage": 1,
}  # fmt: skip
_KINDS = {
    "torch._utils._rebuild_sparse_tensor": "a sparse tensor",
    "torch._utils._rebuild_qtensor": "a quantised tensor",
    "torch._utils._rebuild_meta_tensor_no_storage": "a meta tensor, which has no values",
    "torch._utils._rebuild_nested_tensor": "a nested tensor",
    "torch._utils._rebuild_tensor_v3": "a tensor of an unusual type",
    "torch._utils._rebuild_wrapper_subclass": "a tensor of a class of its own",
    "torch._tensor._rebuild_from_type_v2": "a tensor of a class of its own",
}
# What the arguments of the kinds above ask for; an error by kind says more than one by name.
_ASKED = {"torch.serialization._get_layout", "torch.per_tensor_affine", "torch.per_channel_affine"}
_TENSOR = "torch._utils._rebuild_tensor_v2"
_PARAMETER = "torch._utils._rebuild_parameter"
_MODULES = {"__builtin__": "builtins"}  # as Python 2 called it, and protocol 2 still does
_TYPE = re.compile(r"torch\.(bool|b?float|u?int|complex|half|double|long|short)[0-9]*")
_LIMIT = 1 << 48
_MOST_AXES = 16


class PickleError(Exception):
    """A pickle that is cut off or makes no sense; the message says where."""


class CodeError(Exception):
    """A pickle that asks for objects besides tensors, which would be code."""


@dataclass(frozen=True)
class Storage:
    """The values that tensors lie in.

    Attributes:
        key: names it in the file.
        values: how many it has.
        item_bytes: of each.
    """

    key: str
    values: int
    item_bytes: int

    @property
    def size(self) -> int:
        """In bytes."""
        return self.values * self.item_bytes


@dataclass(frozen=True)
class _Global:
    name: str


@dataclass(frozen=True)
class _Tensor:
    size: int  # bytes


class _Opaque:
    """Something harmless that no tensor is made of."""


class _Mark:
    """Where a list of arguments begins on the stack."""


class Walk:
    """The walk through the pickles of one file.

    Attributes:
        storages: by key.
        tensor_bytes: of all tensors, those twice that share a storage.
    """

    def __init__(self) -> None:
        self.storages: dict[str, Storage] = {}
        self.tensor_bytes = 0
        self._stack: list[Any] = []
        self._memo: dict[int, Any] = {}

    def walk(self, stream: BinaryIO) -> object:
        """Follow one pickle to its end; gives what it makes, tensors as stand-ins.

        Raises:
            PickleError: it is damaged.
            CodeError: it holds more than tensors and plain values.
            NetworkError: a tensor that can't be read, by its name.
        """
        self._stack, self._memo = [], {}
        at = stream.tell()
        try:
            for op, argument, position in pickletools.genops(stream):
                at = position or 0
                if op.name == "STOP":
                    return self._pop()
                handler = _HANDLERS.get(op.name)
                if handler is None:
                    raise PickleError(f"its pickle has the operation {op.name} at byte {at}")
                handler(self, argument)
        except (NetworkError, PickleError, CodeError):
            raise
        except (ValueError, IndexError, KeyError, TypeError, AttributeError, OverflowError):
            # pickletools' words for a cut argument, or an operation that finds not what it needs.
            raise PickleError(f"its pickle makes no sense at byte {at}") from None
        raise PickleError("its pickle has no end")

    def _push(self, value: object) -> None:
        self._stack.append(value)

    def _pop(self) -> Any:
        value = self._stack.pop()
        if value is _Mark:
            raise IndexError
        return value

    def _items(self) -> list[Any]:
        """What lies on the stack above the last mark."""
        stack = self._stack
        at = len(stack) - 1
        while stack[at] is not _Mark:
            at -= 1
            if at < 0:
                raise IndexError
        items = stack[at + 1 :]
        del stack[at:]
        return items

    def _protocol(self, number: int) -> None:
        if number != 2:
            raise PickleError(f"its pickle has protocol {number}; torch.save writes 2")

    def _tuple(self, count: int | None) -> None:
        items = self._items() if count is None else [self._pop() for _ in range(count)][::-1]
        self._push(tuple(items))

    def _put(self, key: int) -> None:
        if self._stack[-1] is _Mark:
            raise IndexError
        self._memo[key] = self._stack[-1]

    def _append(self, items: list[Any]) -> None:
        target = self._stack[-1]
        if type(target) is not list:
            raise TypeError
        target.extend(items)

    def _set(self, items: list[Any]) -> None:
        target = self._stack[-1]
        if type(target) is not dict or len(items) % 2:
            raise TypeError
        for key, value in zip(items[::2], items[1::2], strict=True):
            _check_key(key)
            if key in target:
                raise NetworkError(f"entry '{key}' is in a dictionary twice")
            target[key] = value

    def _global(self, argument: str) -> None:
        module, _, name = argument.partition(" ")
        full = f"{_MODULES.get(module, module)}.{name}"
        storage = module == "torch" and name.endswith("Storage")
        known = full in _CALLS or full in _KINDS or full in _ASKED or _TYPE.fullmatch(full)
        if not storage and not known:
            raise CodeError
        self._push(_Global(full))

    def _persistent(self, _argument: None) -> None:
        found = self._pop()
        kind, storage, key, location, values, *view = found
        if kind != "storage" or not isinstance(storage, _Global) or view not in ([], [None]):
            raise TypeError
        name = storage.name.removeprefix("torch.")
        if name not in _ITEM_BYTES:
            kind = "quantised" if name.startswith("Q") else f"of a {name}"
            raise NetworkError(f"{self._place()} is {kind}; a dense tensor of numbers is needed")
        if location == "meta":
            raise NetworkError(f"{self._place()} is a meta tensor; its values are needed")
        if type(key) is not str or type(location) is not str or not _whole(values):
            raise TypeError
        made = Storage(key, values, _ITEM_BYTES[name])
        if self.storages.setdefault(key, made) != made:
            raise PickleError(f"its storage '{key}' has two sizes or types")
        self._push(made)

    def _place(self) -> str:
        """The name under which what is being made will be stored: the last text below it."""
        texts = (x for x in reversed(self._stack) if type(x) is str and x != "storage")
        return f"entry '{next(texts, '')}'"

    def _reduce(self, _argument: None) -> None:
        arguments, function = self._pop(), self._pop()
        if not isinstance(function, _Global) or type(arguments) is not tuple:
            raise CodeError
        if function.name in _KINDS:
            raise NetworkError(
                f"{self._place()} is {_KINDS[function.name]}; a dense tensor of numbers is needed"
            )
        if function.name == _TENSOR:
            made = self._tensor(*arguments)
            self.tensor_bytes += made.size
            self._push(made)
        elif function.name in _CALLS:
            self._push(_CALLS[function.name](*arguments))
        else:
            self._push(_Opaque())  # a layout: of the sparse tensor that is refused next

    def _tensor(
        self, storage: Any, offset: Any, size: Any, stride: Any, _grad: Any, _hooks: Any
    ) -> _Tensor:
        if not isinstance(storage, Storage) or not _whole(offset):
            raise NetworkError(f"{self._place()} is a tensor without a storage or an offset")
        if not _axes(size) or not _axes(stride) or len(size) != len(stride):
            raise NetworkError(
                f"{self._place()} has a size and strides that are not as many whole numbers of 0 "
                "and above"
            )
        values = math.prod(size)
        reach = 0
        # From the shortest stride up, each axis must step over all that lies below it.
        for step, count in sorted((s, n) for s, n in zip(stride, size, strict=True) if n > 1):
            if step <= reach and values:
                raise NetworkError(
                    f"{self._place()} has size {size} and strides {stride}, so that one stored "
                    "value stands in several places; save a copy (tensor.clone())"
                )
            reach += step * (count - 1)
        if values and offset + reach >= storage.values:
            raise NetworkError(
                f"{self._place()} reaches to value {offset + reach} of its storage, which has "
                f"{storage.values} from 0"
            )
        return _Tensor(values * storage.item_bytes)

    def _build(self, _argument: None) -> None:
        state, target = self._pop(), self._stack[-1]
        # torch puts the state among the attributes of an OrderedDict: no more than its own.
        if type(target) is not dict or type(state) is not dict or set(state) != {"_metadata"}:
            raise CodeError


def _check_key(key: object) -> None:
    # Numbers as keys can be chosen so that comparing them takes for ever; these can't.
    if not (type(key) in (str, bool) or key is None or (type(key) is int and abs(key) < 2**31)):
        raise CodeError


def _whole(number: object) -> bool:
    return type(number) is int and 0 <= number < _LIMIT


def _axes(numbers: object) -> bool:
    return type(numbers) is tuple and len(numbers) <= _MOST_AXES and all(map(_whole, numbers))


def _empty() -> dict[object, object]:
    return {}


def _parameter(tensor: object, _grad: object, _hooks: object) -> object:
    if not isinstance(tensor, _Tensor):
        raise TypeError
    return tensor


def _counter(found: object) -> object:
    if type(found) is not dict:
        raise TypeError
    return _Opaque()


def _set_of(items: object) -> object:
    if type(items) is not list:
        raise TypeError
    for item in items:
        _check_key(item)
    return _Opaque()


def _numbers(items: object) -> object:
    if type(items) is not tuple or not all(_whole(n) for n in items):
        raise TypeError
    return items


def _scalars(*items: object) -> object:
    if len(items) > 2 or not all(type(x) in (str, int, float) for x in items):
        raise TypeError
    return _Opaque()


def _encoded(text: object, coding: object) -> object:
    if type(text) is not str or coding != "latin1":
        raise TypeError
    return _Opaque()


_CALLS: dict[str, Callable[..., object]] = {
    _TENSOR: _empty,  # taken before
    _PARAMETER: _parameter,
    "collections.OrderedDict": _empty,
    "collections.Counter": _counter,
    "builtins.set": _set_of,
    "builtins.complex": _scalars,
    "torch.device": _scalars,
    "torch.Size": _numbers,
    "_codecs.encode": _encoded,
}

_Handler = Callable[[Walk, Any], None]
_HANDLERS: dict[str, _Handler] = {
    "PROTO": Walk._protocol,
    "GLOBAL": Walk._global,
    "REDUCE": Walk._reduce,
    "BUILD": Walk._build,
    "BINPERSID": Walk._persistent,
    "MARK": lambda walk, _: walk._push(_Mark),
    "TUPLE": lambda walk, _: walk._tuple(None),
    "TUPLE1": lambda walk, _: walk._tuple(1),
    "TUPLE2": lambda walk, _: walk._tuple(2),
    "TUPLE3": lambda walk, _: walk._tuple(3),
    "EMPTY_TUPLE": lambda walk, _: walk._push(()),
    "EMPTY_LIST": lambda walk, _: walk._push([]),
    "EMPTY_DICT": lambda walk, _: walk._push({}),
    "APPEND": lambda walk, _: walk._append([walk._pop()]),
    "APPENDS": lambda walk, _: walk._append(walk._items()),
    "SETITEM": lambda walk, _: walk._set([walk._pop(), walk._pop()][::-1]),
    "SETITEMS": lambda walk, _: walk._set(walk._items()),
    "NONE": lambda walk, _: walk._push(None),
    "NEWTRUE": lambda walk, _: walk._push(True),
    "NEWFALSE": lambda walk, _: walk._push(False),
    "BINPUT": Walk._put,
    "LONG_BINPUT": Walk._put,
    "BINGET": lambda walk, key: walk._push(walk._memo[key]),
    "LONG_BINGET": lambda walk, key: walk._push(walk._memo[key]),
}
for _name in ("BININT", "BININT1", "BININT2", "BINFLOAT", "BINUNICODE", "LONG1", "SHORT_BINSTRING"):
    _HANDLERS[_name] = Walk._push
