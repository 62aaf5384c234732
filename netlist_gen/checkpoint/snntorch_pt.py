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
from pathlib import Path
from typing import TYPE_CHECKING

from netlist_gen.checkpoint.card import METADATA_KEY, StoredNetwork
from netlist_gen.checkpoint.real import Array
from netlist_gen.checkpoint.state_dict import parse_state_dict, state_arrays
from netlist_gen.errors import NetworkError
from netlist_gen.files import atomic_path
from netlist_gen.network import TernaryNetwork

if TYPE_CHECKING:
    import torch

_WRAPPERS = ("state_dict", "model_state_dict", "model", "net")


def read_pt(path: Path) -> StoredNetwork:
    """Read a snnTorch state_dict; pickled code is refused.

    Raises:
        NetworkError: naming the layer, the index and the value, or the rule that is not known.
    """
    loaded = _load(path)
    if not isinstance(loaded, Mapping):
        raise NetworkError(f"{path} holds a {type(loaded).__name__}; a state_dict is needed")
    wrapped = [loaded[key] for key in _WRAPPERS if isinstance(loaded.get(key), Mapping)]
    loaded = wrapped[0] if wrapped else loaded
    state = {str(key): _array(key, value) for key, value in loaded.items()}
    top = getattr(loaded, "_metadata", {}).get("", {})
    said = top.get(METADATA_KEY) if isinstance(top, Mapping) else None
    extra = dict(said) if isinstance(said, Mapping) else {}
    return StoredNetwork(parse_state_dict(state), extra, extra.get("population"))


def write_pt(network: TernaryNetwork, path: Path, extra: Mapping[str, object]) -> None:
    """Write the state_dict of the equal snnTorch Sequential; ``extra`` goes to its metadata."""
    import torch

    state: OrderedDict[str, torch.Tensor] = OrderedDict()
    metadata: OrderedDict[str, dict[str, object]] = OrderedDict()
    metadata[""] = {"version": 1, METADATA_KEY: {**extra, "population": network.population}}
    for key, value in state_arrays(network).items():
        state[key] = torch.from_numpy(value)
        metadata[key.partition(".")[0]] = {"version": 1}
    state._metadata = metadata  # type: ignore[attr-defined]  # where nn.Module itself puts it
    buffer = io.BytesIO()
    torch.save(state, buffer)
    with atomic_path(path) as temporary:
        temporary.write_bytes(_deflated(buffer.getvalue()))


def _load(path: Path) -> object:
    import torch

    try:
        loaded: object = torch.load(path, map_location="cpu", weights_only=True)
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
    return loaded


def _array(key: object, value: object) -> Array:
    import torch

    if not isinstance(value, torch.Tensor):
        raise NetworkError(
            f"entry '{key}' is a {type(value).__name__}; a state_dict of tensors is needed"
        )
    tensor = value.detach()
    if tensor.layout != torch.strided:
        tensor = tensor.to_dense()
    if tensor.dtype in (torch.bfloat16, torch.float16):
        tensor = tensor.float()
    return tensor.numpy()


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
