"""``.safetensors``: a snnTorch state_dict, or the arrays of the plain ``.npz``.

The format keeps no order of its tensors, so that modules are taken in the natural order of
their names ("2" before "10"), and a wrong order shows as widths that don't fit.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from netlist_gen.checkpoint.card import METADATA_KEY, StoredNetwork, metadata_object
from netlist_gen.checkpoint.npz import network_from_arrays, stated_population
from netlist_gen.checkpoint.state_dict import natural_key, parse_state_dict, state_arrays
from netlist_gen.errors import NetworkError
from netlist_gen.files import atomic_path
from netlist_gen.network import TernaryNetwork


def read_safetensors(path: Path) -> StoredNetwork:
    """Read a network; errors as in ``snntorch_pt.read_pt``."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as stream:
            arrays = {key: np.asarray(stream.get_tensor(key)) for key in stream.keys()}  # noqa: SIM118
            metadata = stream.metadata() or {}
    except (SafetensorError, OSError, ValueError, TypeError) as error:
        raise NetworkError(f"{path} is not a whole .safetensors file: {error}") from None
    extra = metadata_object(metadata.get(METADATA_KEY, "{}"))
    population = extra.get("population")
    if "w0" in arrays:
        stated = stated_population(arrays)
        return StoredNetwork(
            network_from_arrays(arrays), extra, population if stated is None else stated
        )
    network = parse_state_dict({key: arrays[key] for key in sorted(arrays, key=natural_key)})
    return StoredNetwork(network, extra, population)


def write_safetensors(network: TernaryNetwork, path: Path, extra: Mapping[str, object]) -> None:
    """Write the same names as the ``.pt`` writer, with ``extra`` in the file's metadata."""
    from safetensors.numpy import save

    facts = {**extra, "population": network.population}
    # ascontiguousarray would turn scalars into vectors; these arrays are contiguous already.
    data = save(state_arrays(network), metadata={METADATA_KEY: json.dumps(facts, sort_keys=True)})
    with atomic_path(path) as temporary:
        temporary.write_bytes(data)
