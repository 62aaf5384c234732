"""``.safetensors``: a snnTorch state_dict, or the arrays of the plain ``.npz``.

The format keeps no order of its tensors, so that modules are taken in the natural order of
their names ("2" before "10"). A wrong order shows as widths that don't fit, or is noted. It has no
checksums either: our own files carry the digest of their network.

The header is read here: the library's reader takes the last of two tensors of one name.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from itertools import pairwise, permutations
from pathlib import Path
from typing import Any

import numpy as np

from netlist_gen.checkpoint.card import (
    METADATA_KEY,
    StoredNetwork,
    json_object,
    metadata_object,
)
from netlist_gen.checkpoint.digest import DIGEST_KEY, network_digest
from netlist_gen.checkpoint.layout import Parts
from netlist_gen.checkpoint.npz import network_from_arrays, stated_population
from netlist_gen.checkpoint.real import Array
from netlist_gen.checkpoint.state_dict import natural_key, parse_state_dict, state_arrays
from netlist_gen.errors import NetworkError
from netlist_gen.files import atomic_path
from netlist_gen.network import TernaryNetwork

_MOST_HEADER = 4 << 20  # bytes of JSON; some 100 for each tensor
_TYPES = {
    "F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2", "I64": "<i8", "I32": "<i4",
    "I16": "<i2", "I8": "i1", "U64": "<u8", "U32": "<u4", "U16": "<u2", "U8": "u1", "BOOL": "?",
}  # fmt: skip
_METADATA = "__metadata__"
_MOST_ORDERS = 7
"""Of so many layers all orders are tried."""


def read_safetensors(data: bytes, path: Path) -> StoredNetwork:
    """Read a network; errors as in ``snntorch_pt.read_pt``."""
    damaged = f"{path} is not a whole .safetensors file"
    header, begin = _header(data, damaged)
    metadata = header.pop(_METADATA, {})
    if not isinstance(metadata, dict) or any(type(v) is not str for v in metadata.values()):
        raise NetworkError(f"{damaged}: '{_METADATA}' must be an object of texts")
    arrays = _arrays(header, memoryview(data)[begin:], damaged)
    extra = metadata_object(metadata.get(METADATA_KEY, "{}"))
    population, digest = extra.get("population"), metadata.get(DIGEST_KEY)
    if "w0" in arrays:
        stated = stated_population(arrays)
        return StoredNetwork(
            network_from_arrays(arrays), extra, population if stated is None else stated, digest
        )
    parts = parse_state_dict({key: arrays[key] for key in sorted(arrays, key=natural_key)})
    return StoredNetwork(parts, extra, population, digest, _open_order(parts))


def _open_order(parts: Parts) -> tuple[str, ...]:
    """A note where layers whose names are no numbers would fit in another order, too."""
    names = [part.name for part in parts.weights]
    sizes = [part.weights.shape[1::-1] for part in parts.weights]
    if all(name.rpartition(".")[2].isdigit() for name in names):
        return ()
    if len(sizes) > _MOST_ORDERS:
        others = len(set(sizes)) < len(sizes)
    else:
        orders = (order for order in permutations(range(len(sizes))) if _fits(sizes, order))
        others = next(orders, None) is not None and next(orders, None) is not None
    if not others:
        return ()
    return (
        f"layers are taken in the order of their names ({', '.join(names)}): a .safetensors file "
        "keeps no other, and their sizes allow one; a .pt keeps it",
    )


def _fits(sizes: Sequence[tuple[int, ...]], order: Sequence[int]) -> bool:
    return all(sizes[a][1] == sizes[b][0] for a, b in pairwise(order))


def write_safetensors(network: TernaryNetwork, path: Path, extra: Mapping[str, object]) -> None:
    """Write the same names as the ``.pt`` writer, with ``extra`` in the file's metadata."""
    from safetensors.numpy import save

    facts = {**extra, "population": network.population}
    # The digest lies apart: a bit turned in the name of one of them leaves the other.
    metadata = {
        METADATA_KEY: json.dumps(facts, sort_keys=True),
        DIGEST_KEY: network_digest(network),
    }
    # ascontiguousarray would turn scalars into vectors; these arrays are contiguous already.
    data = _in_order(save(state_arrays(network), metadata=metadata))
    with atomic_path(path) as temporary:
        temporary.write_bytes(data)


def _in_order(data: bytes) -> bytes:
    """The same file with its metadata sorted, which the library writes in an order of chance."""
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    header[_METADATA] = dict(sorted(header[_METADATA].items()))
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # the tensors stay aligned to 8 bytes
    return len(text).to_bytes(8, "little") + text + data[8 + length :]


def _header(data: bytes, damaged: str) -> tuple[dict[str, Any], int]:
    """The header, and where the tensors begin."""
    length = int.from_bytes(data[:8], "little")
    if len(data) < 8 or length > len(data) - 8:
        raise NetworkError(f"{damaged}: its header is cut off")
    if length > _MOST_HEADER:
        raise NetworkError(f"its header has {length} bytes; at most {_MOST_HEADER} are read")
    try:
        text = data[8 : 8 + length].decode("utf-8")
    except UnicodeDecodeError as error:
        raise NetworkError(f"{damaged}: its header is not text: {error}") from None
    header = json_object(text, f"{damaged}: its header", _MOST_HEADER)
    if header is None:
        raise NetworkError(f"{damaged}: its header is no object")
    return header, 8 + length


def _arrays(header: dict[str, Any], values: memoryview, damaged: str) -> dict[str, Array]:
    """The tensors of a header, which cover the values without a gap or an overlap."""
    spans = sorted((_span(key, entry, damaged), key) for key, entry in header.items())
    at = 0
    for (begin, end), key in spans:
        if begin != at:
            raise NetworkError(
                f"{damaged}: tensor '{key}' begins at byte {begin} where the one before ends "
                f"at {at}"
            )
        at = end
    if at != len(values):
        raise NetworkError(
            f"{damaged}: its tensors take {at} bytes; {len(values)} bytes follow its header"
        )
    return {key: _array(header[key], values[begin:end]) for (begin, end), key in spans}


def _span(key: str, entry: object, damaged: str) -> tuple[int, int]:
    fields = entry if isinstance(entry, dict) else {}
    kind: Any = fields.get("dtype")
    shape: Any = fields.get("shape")
    offsets: Any = fields.get("data_offsets")
    if set(fields) != {"dtype", "shape", "data_offsets"}:
        raise NetworkError(f"{damaged}: tensor '{key}' must have dtype, shape and data_offsets")
    if not isinstance(kind, str) or kind not in _TYPES:
        raise NetworkError(
            f"tensor '{key}' has type {kind!r}; one of {', '.join(_TYPES)} is needed"
        )
    if not _whole_numbers(shape) or not _whole_numbers(offsets) or len(offsets) != 2:
        raise NetworkError(
            f"{damaged}: tensor '{key}' has shape {shape!r} and data_offsets {offsets!r}; whole "
            "numbers of 0 and above are needed"
        )
    begin, end = offsets
    size = math.prod(shape) * np.dtype(_TYPES[kind]).itemsize
    if end - begin != size:
        raise NetworkError(
            f"{damaged}: tensor '{key}' of type {kind} and shape {shape} takes {size} bytes, but "
            f"has {end - begin}"
        )
    return begin, end


def _whole_numbers(values: Any) -> bool:
    # Eight axes at most: the product of a million numbers would take its time.
    return (
        isinstance(values, list)
        and len(values) <= 8
        and all(type(n) is int and 0 <= n < 2**48 for n in values)
    )


def _array(entry: dict[str, Any], values: memoryview) -> Array:
    array = np.frombuffer(values, dtype=_TYPES[entry["dtype"]])
    if entry["dtype"] == "BF16":  # the upper half of a float32
        array = (array.astype(np.uint32) << 16).view(np.float32)
    return array.reshape(entry["shape"])
