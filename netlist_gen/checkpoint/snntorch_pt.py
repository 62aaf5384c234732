"""snnTorch ``.pt``: a state_dict of nn.Linear and snn.Leaky, read with ``weights_only=True``.

The writer makes the state_dict of ``nn.Sequential(nn.Linear(..., bias=False), snn.Leaky(
beta=0, reset_mechanism="none", threshold=theta - 0.5), ...)``, which ``load_state_dict`` takes
as it is. What is not a tensor (population, configuration, metrics) lies where PyTorch keeps
its own version numbers, in the state_dict's ``_metadata``.
"""

from __future__ import annotations

import io
import pickle
import zipfile
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netlist_gen.checkpoint.card import SemanticsCard
from netlist_gen.checkpoint.state_dict import (
    AffineLayer,
    NeuronRule,
    Ternarize,
    card_for,
    network_from_layers,
    parse_state_dict,
)
from netlist_gen.errors import NetworkError
from netlist_gen.files import atomic_path
from netlist_gen.network import TernaryNetwork

METADATA_KEY = "netlist_gen"
_WRAPPERS = ("state_dict", "model_state_dict", "model", "net")


def read_pt(
    path: Path,
    *,
    steps: int | None = None,
    population: int | None = None,
    ternarize: Ternarize | None = None,
) -> tuple[TernaryNetwork, SemanticsCard]:
    """Read a snnTorch state_dict.

    Args:
        path: the file; pickled code is refused.
        steps: steps the network will run for, if known; 1 admits neurons that carry state.
        population: output neurons per class; default: what the file says, else 1.
        ternarize: makes weights ternary; without it other weights are refused.

    Raises:
        NetworkError: naming file, layer, index and value, or the rule that can't be built.
    """
    layers, rule, extra = read_pt_layers(path)
    try:
        count = population if population is not None else stored_population(extra)
        network, notes = network_from_layers(layers, count, ternarize)
        card = card_for(
            rule, layers, source_format="snntorch-pt", steps=steps, population=count, notes=notes
        )
    except NetworkError as error:
        raise NetworkError(f"{path}: {error}") from None
    return network, replace(card, extra=extra, steps=stored_steps(extra))


def read_pt_layers(path: Path) -> tuple[list[AffineLayer], NeuronRule, dict[str, Any]]:
    """The layers in real numbers, the neuron rule, and the file's own metadata."""
    state, extra = _load(path)
    try:
        layers, rule = parse_state_dict(state)
    except NetworkError as error:
        raise NetworkError(f"{path}: {error}") from None
    return layers, rule, extra


def write_pt(network: TernaryNetwork, path: Path, extra: Mapping[str, Any] | None = None) -> None:
    """Write the state_dict of the equal snnTorch Sequential; ``extra`` goes to its metadata."""
    import torch

    state: OrderedDict[str, torch.Tensor] = OrderedDict()
    metadata: OrderedDict[str, dict[str, Any]] = OrderedDict()
    metadata[""] = {
        "version": 1,
        METADATA_KEY: {**(extra or {}), "population": network.population},
    }
    for key, value in state_arrays(network).items():
        state[key] = torch.from_numpy(value)
        metadata[key.partition(".")[0]] = {"version": 1}
    state._metadata = metadata  # type: ignore[attr-defined]  # where nn.Module itself puts it
    buffer = io.BytesIO()
    torch.save(state, buffer)
    with atomic_path(path) as temporary:
        temporary.write_bytes(_deflated(buffer.getvalue()))


def state_arrays(network: TernaryNetwork) -> dict[str, NDArray[Any]]:
    """Named arrays of the equal ``nn.Sequential`` of nn.Linear and snn.Leaky, in order."""
    state: dict[str, NDArray[Any]] = {}
    for index, layer in enumerate(network.layers):
        linear, leaky = str(2 * index), str(2 * index + 1)
        state[f"{linear}.weight"] = layer.weights.astype(np.float32)
        # Strict U > theta - 0.5 is n >= theta, with the most room for a rounded sum.
        state[f"{leaky}.threshold"] = (layer.theta - 0.5).astype(np.float32)
        state[f"{leaky}.graded_spikes_factor"] = np.asarray(1.0, dtype=np.float32)
        state[f"{leaky}.reset_mechanism_val"] = np.asarray(2, dtype=np.int64)
        state[f"{leaky}.beta"] = np.asarray(0.0, dtype=np.float32)
    return state


def stored_population(extra: Mapping[str, Any]) -> int:
    """``population`` of a file's metadata, 1 where it says nothing."""
    value = extra.get("population", 1)
    if isinstance(value, bool) or not isinstance(value, int):
        raise NetworkError(f"the stored population is {value!r}; a whole number is needed")
    return value


def stored_steps(extra: Mapping[str, Any]) -> int | None:
    """Steps for which the file says the network was trained, if it does."""
    value = extra.get("steps")
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _load(path: Path) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    import torch

    if not path.is_file():
        raise NetworkError(f"{path}: no such file")
    try:
        loaded = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        reason = str(error)
        if "Unsupported" in reason or "weights_only" in reason.lower():
            raise NetworkError(
                f"{path} holds pickled Python objects besides tensors; save "
                "net.state_dict(), since code from a file is never run"
            ) from None
        raise NetworkError(f"{path} is not a whole PyTorch checkpoint") from None
    except (RuntimeError, EOFError, OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        # PyTorch goes on for sentences about what may have happened to the file.
        first = str(error).splitlines()[0].split(". ")[0] if str(error) else type(error).__name__
        raise NetworkError(f"{path} is not a whole PyTorch checkpoint: {first}") from None
    if isinstance(loaded, Mapping):
        for wrapper in _WRAPPERS:
            if isinstance(loaded.get(wrapper), Mapping):
                loaded = loaded[wrapper]
                break
    if not isinstance(loaded, Mapping):
        raise NetworkError(f"{path} holds a {type(loaded).__name__}; a state_dict is needed")
    state: dict[str, NDArray[Any]] = {}
    for key, value in loaded.items():
        if not isinstance(value, torch.Tensor):
            raise NetworkError(
                f"{path}: entry '{key}' is a {type(value).__name__}; a state_dict of tensors "
                "is needed"
            )
        tensor = value.detach()
        if tensor.layout != torch.strided:
            tensor = tensor.to_dense()
        if tensor.dtype in (torch.bfloat16, torch.float16):
            tensor = tensor.float()
        state[str(key)] = tensor.numpy()
    top = getattr(loaded, "_metadata", {}).get("", {})
    extra = top.get(METADATA_KEY, {}) if isinstance(top, Mapping) else {}
    return state, dict(extra) if isinstance(extra, Mapping) else {}


def _deflated(archive: bytes) -> bytes:
    """The same zip, compressed: ternary weights as float32 shrink some twenty times.

    PyTorch's reader inflates records by itself (it only can't memory-map them).
    """
    result = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(archive)) as stored,
        zipfile.ZipFile(result, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as packed,
    ):
        for entry in stored.infolist():
            fixed = zipfile.ZipInfo(entry.filename, date_time=(1980, 1, 1, 0, 0, 0))
            fixed.compress_type = zipfile.ZIP_DEFLATED
            packed.writestr(fixed, stored.read(entry))
    return result.getvalue()
