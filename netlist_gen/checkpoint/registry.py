"""Which reader and writer serve which extension."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from netlist_gen.checkpoint.card import StoredNetwork
from netlist_gen.checkpoint.lasting import refuse_memory
from netlist_gen.checkpoint.limits import MOST_FILE_BYTES
from netlist_gen.checkpoint.modules import Ternarize
from netlist_gen.checkpoint.nir_file import read_nir, write_nir
from netlist_gen.checkpoint.npz import read_npz, write_npz
from netlist_gen.checkpoint.obstacles import ObstacleError
from netlist_gen.checkpoint.onnx_file import read_onnx, write_onnx
from netlist_gen.checkpoint.safetensors_file import read_safetensors, write_safetensors
from netlist_gen.checkpoint.snntorch_pt import read_pt, write_pt
from netlist_gen.checkpoint.survey import GRIDS_KEY, STEPS_KEY, Checkpoint, Reading, Survey
from netlist_gen.errors import ConfigurationError, NetworkError
from netlist_gen.files import printable, read_bytes
from netlist_gen.memory import Memory
from netlist_gen.network import TernaryNetwork


@dataclass(frozen=True)
class Format:
    """How networks are kept in files of one kind."""

    name: str  # in the card
    read: Callable[[bytes, Path], StoredNetwork]  # errors may leave out the file
    write: Callable[[TernaryNetwork, Path, Mapping[str, object]], None]
    lacks: str = ""  # why it can't hold every membrane that lasts, if it can't
    resets: tuple[str, ...] = ()  # of those that it holds nevertheless


_SNNTORCH = Format("snntorch-pt", read_pt, write_pt)
FORMATS = {
    ".npz": Format("npz", read_npz, write_npz),
    ".pt": _SNNTORCH,
    ".pth": _SNNTORCH,
    ".safetensors": Format("safetensors", read_safetensors, write_safetensors),
    ".nir": Format("nir", read_nir, write_nir, "NIR's IF has the reset 'zero' alone", ("zero",)),
    ".onnx": Format("onnx", read_onnx, write_onnx, "ONNX compares the sums of a single step"),
}


def survey_checkpoint(
    path: str | os.PathLike[str],
    *,
    steps: int | None = None,
    population: int | None = None,
    ternarize: Ternarize | None = None,
    input_shape: str | None = None,
    layers: str | None = None,
    most_fan_in: int | None = None,
) -> Survey:
    """Read a checkpoint of any known format, with all that stands between it and a circuit.

    Args:
        path: .npz, .pt, .pth, .safetensors, .nir or .onnx.
        steps: steps the network will run for, if known; 1 admits neurons that carry state. Of
            membranes that last they are the network's; default: what the file says.
        population: output neurons per class; default: what the file says, else 1.
        ternarize: see ``checkpoint.real.by_magnitude``; not for what is ternary already.
        input_shape: of the lines that go in, as ``--input-shape`` has it.
        layers: how the modules stand, as ``--layers`` has it.
        most_fan_in: that a circuit's neuron can have; None: fan-ins are not looked at.

    Raises:
        NetworkError: the file is missing or damaged, or its layers do not fit each other.
        ConfigurationError: unknown extension, a wrong layout, or ternarize for a network that is
            ternary.
    """
    file = Path(path)
    form = FORMATS[known_suffix(file)]
    data = _content(file)
    if steps is not None and steps < 1:
        raise ConfigurationError(f"steps is {steps}; at least 1 is needed")
    try:
        # What is not finite is refused by name; a warning of numpy would be a second line.
        with np.errstate(all="ignore"):
            stored = form.read(data, file)
            wanted = population, steps, ternarize, most_fan_in
            reading = Reading(file, form.name, stored, *wanted)
            return reading.survey(input_shape, layers)
    except NetworkError as error:
        raise _named(file, error) from None
    except MemoryError:
        raise NetworkError(f"{file} needs more memory than there is") from None


def read_checkpoint(
    path: str | os.PathLike[str],
    *,
    steps: int | None = None,
    population: int | None = None,
    ternarize: Ternarize | None = None,
    input_shape: str | None = None,
    layers: str | None = None,
) -> Checkpoint:
    """The network of a checkpoint; see ``survey_checkpoint``.

    Raises:
        NetworkError: the file is missing, damaged, or not what the hardware can be.
        ConfigurationError: as there.
    """
    found = survey_checkpoint(
        path,
        steps=steps,
        population=population,
        ternarize=ternarize,
        input_shape=input_shape,
        layers=layers,
    )
    try:
        return found.checkpoint()
    except ObstacleError as error:
        raise _named(found.file, error) from None


def read_network(path: str | os.PathLike[str]) -> TernaryNetwork:
    """The network alone; see read_checkpoint."""
    return read_checkpoint(path).network


def write_network(
    network: TernaryNetwork,
    path: str | os.PathLike[str],
    extra: Mapping[str, object] | None = None,
) -> None:
    """Write a network in the format of the extension, with ``extra`` (JSON types) as metadata.

    Where membranes last, the steps in it are the network's, whatever ``extra`` has.

    Raises:
        NetworkError: membranes that last, which the format can't hold.
        ConfigurationError: unknown extension, or a place that can't be written.
    """
    file = Path(path)
    facts = {key: value for key, value in (extra or {}).items() if key != GRIDS_KEY}
    if network.has_memory:
        facts.pop(STEPS_KEY, None)
        if network.steps is not None:
            facts[STEPS_KEY] = network.steps
    if network.grids:
        facts[GRIDS_KEY] = [None if grid is None else grid.to_json() for grid in network.grids]
    check_holds(file, (layer.memory for layer in network.layers))
    FORMATS[known_suffix(file)].write(network, file, facts)


def check_holds(file: Path, memories: Iterable[Memory | None]) -> None:
    """Refuse a file whose format can't hold layers of these memories.

    Raises:
        NetworkError: membranes that last, which the format can't hold.
        ConfigurationError: unknown extension.
    """
    form = FORMATS[known_suffix(file)]
    if form.lacks:
        refuse_memory(memories, file, form.lacks, form.resets)


def known_suffix(file: Path) -> str:
    """The extension, lower case; ConfigurationError if no format has it."""
    suffix = file.suffix.lower()
    if suffix not in FORMATS:
        raise ConfigurationError(
            f"{file} has the extension '{file.suffix}'; a network is one of {', '.join(FORMATS)}"
        )
    return suffix


def _content(file: Path) -> bytes:
    def refused(reason: str) -> NetworkError:
        words = {
            errno.EISDIR: f"{file} is a directory; a network is one of {', '.join(FORMATS)}",
            errno.ENOENT: f"{file}: no such file",
        }
        known = {os.strerror(number): sentence for number, sentence in words.items()}
        return NetworkError(printable(known.get(reason, f"{file} can't be read ({reason})")))

    return read_bytes(file, MOST_FILE_BYTES, refused)


def _named(file: Path, error: NetworkError) -> NetworkError:
    """The same error, its message beginning with the file."""
    named = str(error).startswith(str(file))
    message = printable(str(error) if named else f"{file}: {error}")
    return NetworkError(message)
