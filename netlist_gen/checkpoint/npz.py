"""The plain ``.npz`` of the command-line contract.

For layer i = 0, 1, ...: ``w{i}`` int8 (outputs, inputs) in {-1, 0, 1} and ``theta{i}`` int32
(outputs,); other integers are taken where the values fit. A layer whose membranes last has a text
scalar ``reset{i}`` ("zero", "subtract", "none"), where that is "subtract" ``subtract{i}`` int32
(outputs,), what a pulse takes off, and where they leak a scalar ``beta{i}``, what is left after a
step. Two optional arrays: ``population``, an integer scalar (output
neurons per class, 1 if absent), and ``card``, a text scalar of JSON (source, grey level, accuracy,
steps, digest). Nothing else is allowed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from netlist_gen.checkpoint.archive import read_members
from netlist_gen.checkpoint.card import StoredNetwork, json_object
from netlist_gen.checkpoint.digest import DIGEST_KEY, network_digest
from netlist_gen.checkpoint.npy import NpyError, PickledError, parse_npy
from netlist_gen.checkpoint.real import Array
from netlist_gen.errors import NetworkError
from netlist_gen.files import atomic_path
from netlist_gen.memory import RESETS, Memory
from netlist_gen.network import TernaryNetwork

_ARRAY = re.compile(r"(w|theta|reset|subtract|beta)(0|[1-9][0-9]*)")
_OPTIONAL = {"population", "card"}


def read_npz(data: bytes, path: Path) -> StoredNetwork:
    """Read the contract's ``.npz``; raises NetworkError naming array, index and value."""
    arrays = _load(data, path)
    card = _card(arrays)
    digest = card.pop(DIGEST_KEY, None)
    return StoredNetwork(network_from_arrays(arrays), card, stated_population(arrays), digest)


def write_npz(network: TernaryNetwork, path: Path, extra: Mapping[str, object]) -> None:
    """Write the contract's ``.npz`` (compressed), with ``population`` and ``extra`` as a card."""
    arrays: dict[str, Array] = {}
    for index, layer in enumerate(network.layers):
        arrays[f"w{index}"] = layer.weights
        arrays[f"theta{index}"] = layer.theta
        if layer.memory is not None:
            arrays[f"reset{index}"] = np.asarray(layer.memory.reset)
            if layer.memory.reset == "subtract":
                arrays[f"subtract{index}"] = layer.memory.subtract
            if layer.memory.leaks:
                arrays[f"beta{index}"] = np.asarray(layer.memory.beta)
    arrays["population"] = np.asarray(network.population, dtype=np.int32)
    card = {**extra, DIGEST_KEY: network_digest(network)}
    arrays["card"] = np.asarray(json.dumps(card, sort_keys=True))
    with atomic_path(path) as temporary, temporary.open("wb") as stream:
        np.savez_compressed(stream, allow_pickle=False, **arrays)


def network_from_arrays(arrays: Mapping[str, Array]) -> TernaryNetwork:
    """Network, of population 1, from named arrays ``w{i}``, ``theta{i}`` and those of memories."""
    for name in arrays:
        if name not in _OPTIONAL and not _ARRAY.fullmatch(name):
            raise NetworkError(
                f"array '{name}' is not known; allowed are w0, theta0, w1, theta1, ..., of lasting "
                "membranes reset0, subtract0, beta0, ..., population and card"
            )
    layered = {name: _ARRAY.fullmatch(name) for name in sorted(set(arrays) - _OPTIONAL)}
    numbers = {name: (found[1], int(found[2])) for name, found in layered.items() if found}
    count = max(sum(kind == each for each, _ in numbers.values()) for kind in ("w", "theta"))
    if count == 0:
        raise NetworkError("there is no array 'w0': the file holds no layer")
    for name, (_, index) in numbers.items():
        if index >= count:
            raise NetworkError(
                f"array '{name}' has no layer before it; layers are numbered from 0 without gaps"
            )
    for index in range(count):
        for kind, wanted, axes in (("w", "int8", 2), ("theta", "int32", 1)):
            name = f"{kind}{index}"
            if name not in arrays:
                raise NetworkError(f"array '{name}' is missing; each layer needs both w and theta")
            array = arrays[name]
            if array.dtype.kind not in "iu":  # of any width: the values are looked at
                # A NaN or a 2.5 in a float array is better named than its type.
                _name_bad_value(name, array)
                raise NetworkError(f"array '{name}' has type {array.dtype}; {wanted} is needed")
            if array.ndim != axes:
                shape = "(outputs, inputs)" if axes == 2 else "(outputs,)"
                raise NetworkError(f"array '{name}' has shape {array.shape}; {shape} is needed")
    return TernaryNetwork.from_arrays(
        [arrays[f"w{i}"] for i in range(count)],
        [arrays[f"theta{i}"] for i in range(count)],
        memories=[_memory(arrays, i) for i in range(count)],
    )


def _memory(arrays: Mapping[str, Array], index: int) -> Memory | None:
    """That of a layer."""
    name, amounts = f"reset{index}", arrays.get(f"subtract{index}")
    if name not in arrays:
        for alone in (f"subtract{index}", f"beta{index}"):
            if alone in arrays:
                raise NetworkError(
                    f"array '{alone}' has no array '{name}' beside it, which says that "
                    "membranes last"
                )
        return None
    given = arrays[name]
    if given.shape != () or given.dtype.kind != "U":
        raise NetworkError(
            f"array '{name}' has shape {given.shape} and type {given.dtype}; one text is needed"
        )
    reset = next((known for known in RESETS if known == str(given)), None)
    if reset is None:
        raise NetworkError(f"array '{name}' is {str(given)!r}; allowed are {', '.join(RESETS)}")
    if (reset == "subtract") != (amounts is not None):
        raise NetworkError(
            f"array 'subtract{index}' is {'missing' if amounts is None else 'there'}, but array "
            f"'{name}' is {reset!r}; it belongs to 'subtract'"
        )
    outputs = len(arrays[f"w{index}"])
    if amounts is not None and (amounts.dtype.kind not in "iu" or amounts.shape != (outputs,)):
        raise NetworkError(
            f"array 'subtract{index}' has shape {amounts.shape} and type {amounts.dtype}; int32 of "
            f"shape ({outputs},) is needed"
        )
    left = arrays.get(f"beta{index}", np.ones(()))
    if left.shape != () or left.dtype.kind != "f":
        raise NetworkError(
            f"array 'beta{index}' has shape {left.shape} and type {left.dtype}; one float is needed"
        )
    try:
        return Memory.of(reset, outputs, amounts, float(left))
    except NetworkError as error:
        raise NetworkError(f"layer {index}: {error}") from None


def stated_population(arrays: Mapping[str, Array]) -> int | None:
    """The array ``population``, or None where there is none."""
    if "population" not in arrays:
        return None
    stored = arrays["population"]
    if stored.shape not in ((), (1,)) or stored.dtype.kind not in "iu":
        raise NetworkError(
            f"array 'population' has shape {stored.shape} and type {stored.dtype}; "
            "an integer scalar is needed"
        )
    return int(stored.reshape(-1)[0])


def _name_bad_value(name: str, array: Array) -> None:
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        place = np.argwhere(~np.isfinite(array))[0].tolist()
        raise NetworkError(
            f"array '{name}' {place} is {array[tuple(place)]} (type {array.dtype}); "
            "finite integers are needed"
        )


def _load(data: bytes, path: Path) -> dict[str, Array]:
    arrays: dict[str, Array] = {}
    for member, content in read_members(data, f"{path} is not a whole .npz archive").items():
        name = member.removesuffix(".npy")
        if name in arrays:
            raise NetworkError(f"the archive holds '{name}' with and without .npy; once is needed")
        try:
            arrays[name] = parse_npy(content)
        except PickledError:
            raise NetworkError(
                f"{path} holds pickled Python objects; only plain arrays are read"
            ) from None
        except NpyError as error:
            raise NetworkError(f"'{member}' in the archive is no .npy array: {error}") from None
    return arrays


def _card(arrays: Mapping[str, Array]) -> dict[str, object]:
    if "card" not in arrays:
        return {}
    array = arrays["card"]
    if array.shape != () or array.dtype.kind != "U":
        raise NetworkError(f"array 'card' must be one text of JSON, not {array.dtype}")
    card = json_object(str(array), "array 'card'")
    if card is None:
        raise NetworkError("array 'card' must be a JSON object")
    return card
