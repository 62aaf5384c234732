"""Which reader and writer serve which extension."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from netlist_gen.checkpoint.card import SemanticsCard
from netlist_gen.checkpoint.state_dict import AffineLayer, Ternarize
from netlist_gen.errors import ConfigurationError, NetworkError
from netlist_gen.network import TernaryNetwork

Result = tuple[TernaryNetwork, SemanticsCard]
_TERNARY = "{file} is ternary already: only .pt, .safetensors and .nir hold real weights"
FORMATS = (".npz", ".pt", ".pth", ".safetensors", ".nir")


@dataclass(frozen=True)
class Checkpoint:
    """A network and the card that says how it was read."""

    network: TernaryNetwork
    card: SemanticsCard


def read_checkpoint(
    path: str | os.PathLike[str],
    *,
    steps: int | None = None,
    population: int | None = None,
    ternarize: Ternarize | None = None,
) -> Checkpoint:
    """Read a network of any known format.

    Args:
        path: .npz, .pt, .pth, .safetensors or .nir.
        steps: steps the network will run for, if known; 1 admits neurons that carry state.
        population: output neurons per class; default: what the file says, else 1.
        ternarize: see ``checkpoint.ternarize.by_magnitude``; not for .npz, which is ternary.

    Raises:
        NetworkError: the file is missing, damaged, or not what the hardware can be.
        ConfigurationError: unknown extension, or ternarize for a .npz.
    """
    file = Path(path)
    suffix = known_suffix(file)
    if file.is_dir():
        raise NetworkError(f"{file} is a directory; a network is one of {', '.join(FORMATS)}")
    if ternarize is not None and suffix == ".npz":
        raise ConfigurationError(_TERNARY.format(file=file))
    if steps is not None and steps < 1:
        raise ConfigurationError(f"steps is {steps}; at least 1 is needed")
    if suffix == ".npz":
        from netlist_gen.checkpoint.npz import read_npz

        network, card = read_npz(file, steps=steps)
        if population is not None:
            try:
                network = TernaryNetwork(network.layers, population)
            except NetworkError as error:
                raise NetworkError(f"{file}: {error}") from None
            card = replace(card, population=population)
        return Checkpoint(network, card)
    reader = _reader(suffix)
    return Checkpoint(*reader(file, steps=steps, population=population, ternarize=ternarize))


def read_layers(path: str | os.PathLike[str]) -> list[AffineLayer]:
    """The layers of a file in its own real numbers, before they become ternary.

    Raises:
        NetworkError: as ``read_checkpoint``. ConfigurationError: a ``.npz``, which is ternary.
    """
    file = Path(path)
    suffix = known_suffix(file)
    if suffix == ".npz":
        raise ConfigurationError(_TERNARY.format(file=file))
    if suffix == ".safetensors":
        from netlist_gen.checkpoint.safetensors_file import read_safetensors_layers

        return read_safetensors_layers(file)[0]
    if suffix == ".nir":
        from netlist_gen.checkpoint.nir_file import read_nir_layers

        return read_nir_layers(file)[0]
    from netlist_gen.checkpoint.snntorch_pt import read_pt_layers

    return read_pt_layers(file)[0]


def read_network(path: str | os.PathLike[str]) -> TernaryNetwork:
    """The network alone; see read_checkpoint."""
    return read_checkpoint(path).network


def write_network(
    network: TernaryNetwork,
    path: str | os.PathLike[str],
    extra: Mapping[str, Any] | None = None,
) -> None:
    """Write a network in the format of the extension, with ``extra`` (JSON types) as metadata."""
    file = Path(path)
    _writer(known_suffix(file))(network, file, extra)


def known_suffix(file: Path) -> str:
    """The extension, lower case; ConfigurationError if no format has it."""
    suffix = file.suffix.lower()
    if suffix not in FORMATS:
        raise ConfigurationError(
            f"{file} has the extension '{file.suffix}'; a network is one of {', '.join(FORMATS)}"
        )
    return suffix


def _reader(suffix: str) -> Callable[..., Result]:
    if suffix in (".pt", ".pth"):
        from netlist_gen.checkpoint.snntorch_pt import read_pt

        return read_pt
    if suffix == ".safetensors":
        from netlist_gen.checkpoint.safetensors_file import read_safetensors

        return read_safetensors
    from netlist_gen.checkpoint.nir_file import read_nir

    return read_nir


def _writer(
    suffix: str,
) -> Callable[[TernaryNetwork, Path, Mapping[str, Any] | None], None]:
    if suffix == ".npz":
        from netlist_gen.checkpoint.npz import write_npz

        return write_npz
    if suffix in (".pt", ".pth"):
        from netlist_gen.checkpoint.snntorch_pt import write_pt

        return write_pt
    if suffix == ".safetensors":
        from netlist_gen.checkpoint.safetensors_file import write_safetensors

        return write_safetensors
    from netlist_gen.checkpoint.nir_file import write_nir

    return write_nir
