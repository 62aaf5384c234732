"""Which reader and writer serve which extension, and the card of what was read."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from netlist_gen.checkpoint.card import THRESHOLD_RULE, SemanticsCard, StoredNetwork
from netlist_gen.checkpoint.digest import check_digest
from netlist_gen.checkpoint.limits import MOST_FILE_BYTES, check_neurons
from netlist_gen.checkpoint.nir_file import read_nir, write_nir
from netlist_gen.checkpoint.npz import read_npz, write_npz
from netlist_gen.checkpoint.real import NeuronRule, RealNetwork, Ternarize
from netlist_gen.checkpoint.safetensors_file import read_safetensors, write_safetensors
from netlist_gen.checkpoint.snntorch_pt import read_pt, write_pt
from netlist_gen.errors import ConfigurationError, NetworkError
from netlist_gen.files import printable, read_bytes
from netlist_gen.network import TernaryNetwork

_STATED_RULE = "fires when n >= theta (stated by the file)"


@dataclass(frozen=True)
class Format:
    """How networks are kept in files of one kind."""

    name: str  # in the card
    read: Callable[[bytes, Path], StoredNetwork]  # errors may leave out the file
    write: Callable[[TernaryNetwork, Path, Mapping[str, object]], None]


_SNNTORCH = Format("snntorch-pt", read_pt, write_pt)
FORMATS = {
    ".npz": Format("npz", read_npz, write_npz),
    ".pt": _SNNTORCH,
    ".pth": _SNNTORCH,
    ".safetensors": Format("safetensors", read_safetensors, write_safetensors),
    ".nir": Format("nir", read_nir, write_nir),
}


@dataclass(frozen=True)
class Checkpoint:
    """A network and the card that says how it was read.

    ``real`` is the network in the file's own numbers; None where they are ternary already.
    """

    network: TernaryNetwork
    card: SemanticsCard
    real: RealNetwork | None


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
        ternarize: see ``checkpoint.real.by_magnitude``; not for what is ternary already.

    Raises:
        NetworkError: the file is missing, damaged, or not what the hardware can be.
        ConfigurationError: unknown extension, or ternarize for a network that is ternary.
    """
    file = Path(path)
    form = FORMATS[known_suffix(file)]
    data = _content(file)
    if steps is not None and steps < 1:
        raise ConfigurationError(f"steps is {steps}; at least 1 is needed")
    try:
        # What is not finite is refused by name; a warning of numpy would be a second line.
        with np.errstate(all="ignore"):
            found = _read(form, data, file, population, ternarize)
        if found.real is not None:
            found.real.check_steps(steps)
    except NetworkError as error:
        named = str(error).startswith(str(file))
        raise NetworkError(printable(str(error) if named else f"{file}: {error}")) from None
    except MemoryError:
        raise NetworkError(f"{file} needs more memory than there is") from None
    return found


def read_network(path: str | os.PathLike[str]) -> TernaryNetwork:
    """The network alone; see read_checkpoint."""
    return read_checkpoint(path).network


def write_network(
    network: TernaryNetwork,
    path: str | os.PathLike[str],
    extra: Mapping[str, object] | None = None,
) -> None:
    """Write a network in the format of the extension, with ``extra`` (JSON types) as metadata."""
    file = Path(path)
    FORMATS[known_suffix(file)].write(network, file, extra or {})


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


def _read(
    form: Format, data: bytes, file: Path, population: int | None, ternarize: Ternarize | None
) -> Checkpoint:
    stored = form.read(data, file)
    extra, rule, real, notes = stored.extra, NeuronRule(), None, list(stored.notes)
    stated = _whole_number(stored.population)
    count = stated if population is None else population
    check_neurons(sum(len(layer.weights) for layer in stored.network.layers))
    if isinstance(stored.network, RealNetwork):
        real, rule = stored.network, stored.network.rule
        network, folded = real.ternary(count, ternarize)
        notes += folded
    elif ternarize is None:
        network = TernaryNetwork(stored.network.layers, count)
    else:
        raise ConfigurationError(
            f"{file} is ternary already: only .pt, .safetensors and .nir hold real weights"
        )
    if stored.digest is not None:
        exact = real.ternary(stated)[0] if real is not None and ternarize else network
        check_digest(TernaryNetwork(exact.layers, stated), stored.digest)
    trained_for = extra.get("steps")
    card = SemanticsCard(
        source_format=form.name,
        threshold_rule=_STATED_RULE if real is None else THRESHOLD_RULE,
        reset=rule.reset,
        beta=rule.beta,
        max_steps=None if rule.memoryless else 1,
        population=count,
        steps=trained_for if type(trained_for) is int else None,
        notes=tuple(notes),
        extra=extra,
    )
    return Checkpoint(network, card, real)


def _whole_number(population: object) -> int:
    if population is None:
        return 1
    if type(population) is not int:  # bool is another type
        raise NetworkError(f"the stored population is {population!r}; a whole number is needed")
    return population
