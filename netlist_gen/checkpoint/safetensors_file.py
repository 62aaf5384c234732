"""``.safetensors``: a snnTorch state_dict, or the arrays of the plain ``.npz``.

The format keeps no order of its tensors, so that modules are taken in the natural order of
their names ("2" before "10"), and a wrong order shows as widths that don't fit.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netlist_gen.checkpoint.card import SemanticsCard
from netlist_gen.checkpoint.npz import NPZ_RULE, network_from_arrays
from netlist_gen.checkpoint.snntorch_pt import (
    METADATA_KEY,
    state_arrays,
    stored_population,
    stored_steps,
)
from netlist_gen.checkpoint.state_dict import (
    AffineLayer,
    NeuronRule,
    Ternarize,
    card_for,
    natural_key,
    network_from_layers,
    parse_state_dict,
)
from netlist_gen.errors import NetworkError
from netlist_gen.files import atomic_path
from netlist_gen.network import TernaryNetwork


def read_safetensors(
    path: Path,
    *,
    steps: int | None = None,
    population: int | None = None,
    ternarize: Ternarize | None = None,
) -> tuple[TernaryNetwork, SemanticsCard]:
    """Read a network; arguments and errors as in ``snntorch_pt.read_pt``."""
    arrays, extra = _load(path)
    try:
        count = population if population is not None else stored_population(extra)
        if "w0" in arrays:
            network = network_from_arrays(arrays)
            if population is not None or "population" not in arrays:
                network = TernaryNetwork(network.layers, count)
            card = SemanticsCard(
                "safetensors", threshold_rule=NPZ_RULE, population=network.population
            )
        else:
            layers, rule = _parse(arrays)
            network, notes = network_from_layers(layers, count, ternarize)
            card = card_for(
                rule,
                layers,
                source_format="safetensors",
                steps=steps,
                population=count,
                notes=notes,
            )
    except NetworkError as error:
        raise NetworkError(f"{path}: {error}") from None
    return network, replace(card, extra=extra, steps=stored_steps(extra))


def read_safetensors_layers(path: Path) -> tuple[list[AffineLayer], NeuronRule, dict[str, Any]]:
    """The layers in real numbers, the neuron rule, and the file's own metadata."""
    arrays, extra = _load(path)
    try:
        layers, rule = _parse(arrays)
    except NetworkError as error:
        raise NetworkError(f"{path}: {error}") from None
    return layers, rule, extra


def write_safetensors(
    network: TernaryNetwork, path: Path, extra: Mapping[str, Any] | None = None
) -> None:
    """Write the same names as the ``.pt`` writer, with ``extra`` in the file's metadata."""
    from safetensors.numpy import save

    facts = {**(extra or {}), "population": network.population}
    # ascontiguousarray would turn scalars into vectors; these arrays are contiguous already.
    data = save(state_arrays(network), metadata={METADATA_KEY: json.dumps(facts, sort_keys=True)})
    with atomic_path(path) as temporary:
        temporary.write_bytes(data)


def _parse(arrays: Mapping[str, NDArray[Any]]) -> tuple[list[AffineLayer], NeuronRule]:
    return parse_state_dict({key: arrays[key] for key in sorted(arrays, key=natural_key)})


def _load(path: Path) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    from safetensors import SafetensorError, safe_open

    if not path.is_file():
        raise NetworkError(f"{path}: no such file")
    try:
        with safe_open(path, framework="numpy") as stream:
            arrays = {key: np.asarray(stream.get_tensor(key)) for key in stream.keys()}  # noqa: SIM118
            metadata = stream.metadata() or {}
    except (SafetensorError, OSError, ValueError, TypeError) as error:
        raise NetworkError(f"{path} is not a whole .safetensors file: {error}") from None
    try:
        extra = json.loads(metadata.get(METADATA_KEY, "{}"))
    except json.JSONDecodeError as error:
        raise NetworkError(f"{path}: metadata '{METADATA_KEY}' is not JSON: {error}") from None
    return arrays, extra if isinstance(extra, dict) else {}
