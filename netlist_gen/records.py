"""Values with a JSON form: frozen dataclasses to plain data and back, and their JSON schema.

    @dataclass(frozen=True)
    class Point(Record):
        x_ps: float
        label: str | None = None

    Point(1.0).to_json()                          # {"x_ps": 1.0, "label": None}
    Point.from_json({"x_ps": 1.0}, "file.json")   # Point(x_ps=1.0, label=None)

A field's metadata may say ``json``, the key where it is not the field's name (None: the field is
no part of the JSON, and needs a default if the record is read), ``unit``, what the JSON counts a
number in (``1e-12``: kept in s, written in ps), and ``absent``: the key is left out where the value
is None. A field may be a string, a number, a truth value, a list
of fixed or any length (``tuple``), a table (``Mapping[str, X]``), another record, a NumPy array,
or any of these or None. Numbers that are not finite have no JSON: they become null, and null in an
array of numbers is read as NaN.
"""

from __future__ import annotations

import contextlib
import dataclasses
import math
import types
from collections.abc import Mapping
from typing import Any, Literal, Self, Union, get_args, get_origin, get_type_hints

import numpy as np

from netlist_gen.errors import ConfigurationError
from netlist_gen.files import shown

Json = dict[str, Any]
"""An object of JSON: what is written to a file, or was read from one and not yet checked."""


class Record:
    """Base of frozen dataclasses that have a JSON form."""

    def to_json(self) -> Json:
        """The record as JSON has it, in the order of its fields."""
        found = {}
        for field, key in _written(type(self)):
            value = getattr(self, field.name)
            if value is not None and "unit" in field.metadata:
                value = value / field.metadata["unit"]
            if value is not None or not field.metadata.get("absent"):
                found[key] = _plain(value)
        return found

    @classmethod
    def from_json(cls, data: object, where: str) -> Self:
        """The record that ``data`` is; keys that it does not know are passed over.

        Args:
            data: what was read.
            where: its place in words, for messages.

        Raises:
            ConfigurationError: a key that is missing, or a value of another kind.
        """
        if not isinstance(data, Mapping):
            raise ConfigurationError(f"{where}: {shown(data, 40)} is no table")
        values = {}
        for field, key in _written(cls):
            if key in data:
                value = _read(_hints(cls)[field.name], data[key], f"{where}: {key}")
                if value is not None and "unit" in field.metadata:
                    value *= field.metadata["unit"]
                values[field.name] = value
            elif field.default is field.default_factory is dataclasses.MISSING:
                raise ConfigurationError(f"{where}: {key!r} is missing")
        return cls(**values)

    @classmethod
    def schema(cls) -> Json:
        """The JSON schema (draft 2020-12) of the record."""
        definitions: Json = {}
        body = _object_schema(cls, definitions)
        head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": cls.__name__}
        return {**head, **body, "$defs": dict(sorted(definitions.items()))}


def _written(cls: type) -> list[tuple[dataclasses.Field[Any], str]]:
    """The fields that are part of the JSON, each with its key."""
    fields = dataclasses.fields(cls)
    keys = ((field, field.metadata.get("json", field.name)) for field in fields)
    return [(field, key) for field, key in keys if key is not None]


_HINTS: dict[type, dict[str, Any]] = {}


def _hints(cls: type) -> dict[str, Any]:
    if cls not in _HINTS:
        _HINTS[cls] = get_type_hints(cls)
    return _HINTS[cls]


def _plain(value: Any) -> Any:
    match value:
        case Record():
            return value.to_json()
        case np.ndarray():
            return _plain(value.tolist())
        case np.generic():
            return _plain(value.item())
        case float():
            return value if math.isfinite(value) else None
        case tuple() | list():
            return [_plain(item) for item in value]
        case Mapping():
            return {key: _plain(item) for key, item in value.items()}
        case str() | int() | None:  # bool is an int
            return value
    raise TypeError(f"a {type(value).__name__} has no JSON form")


def _read(hint: Any, value: Any, where: str) -> Any:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        if value is None and type(None) in arguments:
            return None
        return _read(_chosen(arguments, value, where), value, where)
    if isinstance(hint, type) and issubclass(hint, Record):
        return hint.from_json(value, where)
    if origin is np.ndarray:
        return _read_array(np.dtype(get_args(arguments[1])[0]), value, where)
    if origin is tuple and isinstance(value, list):
        if arguments[-1] is Ellipsis:
            return tuple(_read(arguments[0], v, f"{where} [{i}]") for i, v in enumerate(value))
        if len(value) == len(arguments):
            pairs = enumerate(zip(arguments, value, strict=True))
            return tuple(_read(kind, v, f"{where} [{i}]") for i, (kind, v) in pairs)
    elif origin is Literal and value in arguments:
        return value
    elif origin is not None and isinstance(value, Mapping) and issubclass(origin, Mapping):
        return {key: _read(arguments[1], item, f"{where}: {key}") for key, item in value.items()}
    elif hint is float and isinstance(value, int | float) and not isinstance(value, bool):
        with contextlib.suppress(OverflowError):  # a whole number beyond the largest float
            return float(value)
    elif hint in (str, bool, int) and type(value) is hint:
        return value
    raise ConfigurationError(f"{where}: {shown(value, 40)} is not {_kind(hint)}")


def _chosen(kinds: tuple[Any, ...], value: Any, where: str) -> Any:
    """Which of several kinds a value is: of records the one whose ``Literal`` fields it has."""
    kinds = tuple(kind for kind in kinds if kind is not type(None))
    if len(kinds) == 1:
        return kinds[0]
    for kind in kinds:
        told = {n: get_args(h) for n, h in _hints(kind).items() if get_origin(h) is Literal}
        if isinstance(value, Mapping) and all(value.get(n) in told[n] for n in told):
            return kind
    raise ConfigurationError(f"{where}: {shown(value, 40)} is none of the kinds that are allowed")


def _read_array(dtype: np.dtype[Any], value: Any, where: str) -> Any:
    if dtype.kind == "f" and isinstance(value, list):
        value = [math.nan if item is None else item for item in value]
    try:
        array = np.array(value, dtype=None if value else dtype)
    except (TypeError, ValueError, OverflowError, RecursionError):
        array = np.array(None)
    safe = {"f": "if", "i": "i", "b": "b"}[dtype.kind]
    if not isinstance(value, list) or array.dtype.kind not in safe:
        raise ConfigurationError(f"{where}: {shown(value, 40)} is not a list of {dtype.name}")
    return array.astype(dtype)


def _kind(hint: Any) -> str:
    names = {str: "a text", bool: "true or false", int: "a whole number", float: "a number"}
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Literal:
        return f"one of {', '.join(map(str, arguments))}"
    if origin is tuple:
        return "a list" if arguments[-1] is Ellipsis else f"a list of {len(arguments)}"
    return names.get(hint, "a table")


def _object_schema(cls: type, definitions: Json) -> Json:
    fields = _written(cls)
    return {
        "type": "object",
        "properties": {key: _schema(_hints(cls)[f.name], definitions) for f, key in fields},
        "required": [key for f, key in fields if not f.metadata.get("absent")],
    }


def _schema(hint: Any, definitions: Json) -> Json:
    origin, arguments = get_origin(hint), get_args(hint)
    plain = {str: "string", bool: "boolean", int: "integer", float: "number"}
    if origin in (Union, types.UnionType):
        return {"anyOf": [_schema(kind, definitions) for kind in arguments]}
    if isinstance(hint, type) and issubclass(hint, Record):
        if hint.__name__ not in definitions:
            definitions[hint.__name__] = {}  # a record may hold others of its kind
            definitions[hint.__name__] = _object_schema(hint, definitions)
        return {"$ref": f"#/$defs/{hint.__name__}"}
    if origin is np.ndarray:
        number = {"type": {"f": ["number", "null"], "i": "integer", "b": "boolean"}[
            np.dtype(get_args(arguments[1])[0]).kind]}  # fmt: skip
        return {"type": "array", "items": {"anyOf": [number, {"type": "array"}]}}
    if origin is tuple and arguments[-1] is Ellipsis:
        return {"type": "array", "items": _schema(arguments[0], definitions)}
    if origin is tuple:
        items = [_schema(kind, definitions) for kind in arguments]
        return {"type": "array", "prefixItems": items, "minItems": len(items), "items": False}
    if origin is Literal:
        return {"enum": list(arguments)}
    if origin is not None and issubclass(origin, Mapping):
        return {"type": "object", "additionalProperties": _schema(arguments[1], definitions)}
    return {"type": "null" if hint is type(None) else plain[hint]}
