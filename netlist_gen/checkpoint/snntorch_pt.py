"""snnTorch ``.pt``: a state_dict of nn.Linear and snn.Leaky, read with ``weights_only=True``.

The writer makes the state_dict of ``nn.Sequential(nn.Linear(..., bias=False), snn.Leaky(
beta=0, reset_mechanism="none", threshold=theta - 0.5), ...)``, which ``load_state_dict`` takes
as it is; where membranes last, beta is 1, and where their pulses subtract, the threshold theta - 1.
What is not a tensor (population, configuration, metrics) lies where PyTorch keeps its own version
numbers, in the state_dict's ``_metadata``.

torch reads what ``archive.py`` and ``pickles.py`` have found whole and harmless, packed anew, so
that it can't see another file than they did.
"""

from __future__ import annotations

import io
import warnings
import zipfile
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from netlist_gen.checkpoint.archive import read_members
from netlist_gen.checkpoint.card import METADATA_KEY, StoredNetwork, json_mapping
from netlist_gen.checkpoint.digest import DIGEST_KEY, network_digest
from netlist_gen.checkpoint.limits import check_unpacked
from netlist_gen.checkpoint.pickles import MOST_PICKLE, CodeError, PickleError, Storage, Walk
from netlist_gen.checkpoint.real import Array
from netlist_gen.checkpoint.state_dict import parse_state_dict, state_arrays
from netlist_gen.errors import NetworkError
from netlist_gen.files import atomic_path
from netlist_gen.network import TernaryNetwork

if TYPE_CHECKING:
    import torch

_STREAM = (0x1950A86A20F9469CFC6C, 1001)  # torch.serialization: MAGIC_NUMBER, PROTOCOL_VERSION
_WRAPPERS = ("state_dict", "model_state_dict", "model", "net")


def read_pt(data: bytes, path: Path) -> StoredNetwork:
    """Read a snnTorch state_dict; pickled code is refused.

    Raises:
        NetworkError: naming the layer, the index and the value, or the rule that is not known.
    """
    loaded = _load(data, path)
    if not isinstance(loaded, Mapping):
        raise NetworkError(f"{path} holds a {type(loaded).__name__}; a state_dict is needed")
    wrapped = [loaded[key] for key in _WRAPPERS if isinstance(loaded.get(key), Mapping)]
    loaded = wrapped[0] if wrapped else loaded
    state = {str(key): _array(key, value) for key, value in loaded.items()}
    if len(state) < len(loaded):
        raise NetworkError("two entries of the state_dict have one name, as a number and as text")
    metadata = getattr(loaded, "_metadata", None)
    top = metadata.get("") if isinstance(metadata, Mapping) else None
    top = top if isinstance(top, Mapping) else {}
    said = top.get(METADATA_KEY)
    place = f"metadata '{METADATA_KEY}'"
    extra = json_mapping(said, place) if isinstance(said, Mapping) else {}
    return StoredNetwork(
        parse_state_dict(state), extra, extra.get("population"), top.get(DIGEST_KEY)
    )


def write_pt(network: TernaryNetwork, path: Path, extra: Mapping[str, object]) -> None:
    """Write the state_dict of the equal snnTorch Sequential; ``extra`` goes to its metadata."""
    import torch

    state: OrderedDict[str, torch.Tensor] = OrderedDict()
    metadata: OrderedDict[str, dict[str, object]] = OrderedDict()
    metadata[""] = {
        "version": 1,
        METADATA_KEY: {**extra, "population": network.population},
        DIGEST_KEY: network_digest(network),
    }
    for key, value in state_arrays(network).items():
        state[key] = torch.from_numpy(value)
        metadata[key.partition(".")[0]] = {"version": 1}
    state._metadata = metadata  # type: ignore[attr-defined]  # where nn.Module itself puts it
    buffer = io.BytesIO()
    torch.save(state, buffer)
    with atomic_path(path) as temporary:
        temporary.write_bytes(_deflated(buffer.getvalue()))


def _load(data: bytes, path: Path) -> object:
    damaged = f"{path} is not a whole PyTorch checkpoint"
    try:
        checked = _checked_archive(data, damaged) if _is_archive(data) else _checked_stream(data)
    except PickleError as error:
        raise NetworkError(f"{damaged}: {error}") from None
    except CodeError:
        raise NetworkError(
            f"{path} holds pickled Python objects besides tensors; save "
            "net.state_dict(), since code from a file is never run"
        ) from None
    import torch  # takes seconds, which a file that is refused need not

    try:
        with warnings.catch_warnings():  # of storage classes that are to go, in torch's own code
            warnings.simplefilter("ignore")
            loaded: object = torch.load(checked, map_location="cpu", weights_only=True)
    except Exception as error:  # its reader raises what its parts do
        # PyTorch goes on for sentences about what may have happened to the file.
        first = str(error).splitlines()[0].split(". ")[0] if str(error) else type(error).__name__
        raise NetworkError(f"{damaged}: {first}") from None
    return loaded


def _is_archive(data: bytes) -> bool:
    """Since PyTorch 1.6; before, a row of pickles, which ``torch.save`` can still write."""
    return data[:2] == b"PK" or data[:1] != b"\x80"


def _checked_archive(data: bytes, damaged: str) -> io.BytesIO:
    """The archive anew, after all that its pickle asks for was found in it."""
    members = read_members(data, damaged)
    pickles = [name for name in members if name.endswith("/data.pkl")]
    if len(pickles) != 1 or pickles[0].count("/") != 1:
        raise NetworkError(f"{damaged}: it has no data.pkl")
    folder = pickles[0].removesuffix("data.pkl")
    content = members[pickles[0]]
    _check_length(content)
    walk = Walk()
    walk.walk(io.BytesIO(content))
    for storage in walk.storages.values():
        record = members.get(f"{folder}data/{storage.key}")
        if record is None:
            raise NetworkError(f"{damaged}: its storage '{storage.key}' is missing")
        if len(record) != storage.size:
            raise NetworkError(
                f"{damaged}: its storage '{storage.key}' has {len(record)} bytes, not the "
                f"{storage.size} that its pickle says"
            )
    check_unpacked(walk.tensor_bytes, len(data))
    result = io.BytesIO()
    with zipfile.ZipFile(result, "w") as stored:
        for name, record in members.items():
            if not name.startswith(folder):
                raise NetworkError(f"{damaged}: '{name}' lies outside its folder '{folder}'")
            stored.writestr(zipfile.ZipInfo(name), record)
    result.seek(0)
    return result


def _checked_stream(data: bytes) -> io.BytesIO:
    """A file of the older kind: four pickles, the keys of the storages, the storages."""
    stream = io.BytesIO(data)
    magic, version, _system = (Walk().walk(stream) for _ in range(3))
    if (magic, version) != _STREAM:
        raise PickleError("it does not begin as PyTorch's files do")
    walk = Walk()
    walk.walk(stream)
    keys = Walk().walk(stream)
    if not isinstance(keys, list) or sorted(map(str, keys)) != sorted(walk.storages):
        raise PickleError("its list of storages is another than its tensors need")
    _check_length(data[: stream.tell()])
    for key in keys:
        storage: Storage = walk.storages[str(key)]
        if int.from_bytes(stream.read(8), "little") != storage.values:
            raise PickleError(f"its storage '{key}' has another length than its pickle says")
        if len(stream.read(storage.size)) != storage.size:
            raise PickleError(f"its storage '{key}' is cut off")
    if stream.read(1):
        raise PickleError("bytes follow its last storage")
    check_unpacked(walk.tensor_bytes, len(data))
    stream.seek(0)
    return stream


def _check_length(pickled: bytes) -> None:
    if len(pickled) > MOST_PICKLE:
        raise NetworkError(f"its pickle has {len(pickled)} bytes; at most {MOST_PICKLE} are read")


def _array(key: object, value: object) -> Array:
    import torch

    if not isinstance(value, torch.Tensor):
        raise NetworkError(
            f"entry '{key}' is a {type(value).__name__}; a state_dict of tensors is needed"
        )
    tensor = value.detach()
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
