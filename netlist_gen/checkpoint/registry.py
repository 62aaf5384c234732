"""Which reader and writer serve which extension, and the card of what was read."""

from __future__ import annotations

import errno
import math
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from netlist_gen.checkpoint.card import THRESHOLD_RULE, SemanticsCard, StoredNetwork
from netlist_gen.checkpoint.digest import check_digest
from netlist_gen.checkpoint.limits import MOST_FILE_BYTES, check_neurons
from netlist_gen.checkpoint.modules import Stack, Ternarize, integer_stack
from netlist_gen.checkpoint.nir_file import read_nir, write_nir
from netlist_gen.checkpoint.npz import read_npz, write_npz
from netlist_gen.checkpoint.obstacles import (
    ADAPT,
    Obstacle,
    ObstacleError,
    command_for,
    merged,
    network_obstacles,
    resolve_layout,
    stack_obstacles,
)
from netlist_gen.checkpoint.onnx_file import read_onnx, write_onnx
from netlist_gen.checkpoint.real import FormError, NeuronRule
from netlist_gen.checkpoint.safetensors_file import read_safetensors, write_safetensors
from netlist_gen.checkpoint.snntorch_pt import read_pt, write_pt
from netlist_gen.checkpoint.unroll import unroll
from netlist_gen.errors import ConfigurationError, NetworkError
from netlist_gen.files import printable, read_bytes
from netlist_gen.grid import Grid
from netlist_gen.network import TernaryNetwork

GRIDS_KEY = "grids"
"""What a file says beside its network: where the lines of convolutions stand."""

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
    ".onnx": Format("onnx", read_onnx, write_onnx),
}


@dataclass(frozen=True)
class Checkpoint:
    """A network and the card that says how it was read.

    ``stack`` is the network in the file's own numbers; None where they are integers already.
    """

    network: TernaryNetwork
    card: SemanticsCard
    stack: Stack | None


@dataclass(frozen=True)
class Survey:
    """A checkpoint that could be read, whether it can be built or not.

    Attributes:
        file: its file.
        card: what its numbers mean.
        stack: its modules; None where the file and its user do not say how they stand.
        network: the integer network; None where something stands in its way.
        obstacles: every reason why it can't be built as it is.
        layout: the options that say how its modules stand, given or proposed; "" for none.
        integer: whether the file's numbers are integers already.
    """

    file: Path
    card: SemanticsCard
    stack: Stack | None
    network: TernaryNetwork | None
    obstacles: tuple[Obstacle, ...]
    layout: str
    integer: bool

    @property
    def command(self) -> str:
        """A command that removes all obstacles, or "" where there is none."""
        return command_for(self.file, self.obstacles, self.layout)

    def checkpoint(self) -> Checkpoint:
        """The network.

        Raises:
            ObstacleError: something stands in its way.
        """
        if self.network is None:
            raise ObstacleError(self.obstacles)
        return Checkpoint(self.network, self.card, None if self.integer else self.stack)


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
        steps: steps the network will run for, if known; 1 admits neurons that carry state.
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
            reading = _Reading(file, form, stored, population, steps, ternarize, most_fan_in)
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
    """Write a network in the format of the extension, with ``extra`` (JSON types) as metadata."""
    file = Path(path)
    facts = {key: value for key, value in (extra or {}).items() if key != GRIDS_KEY}
    if network.grids:
        facts[GRIDS_KEY] = [None if grid is None else grid.to_json() for grid in network.grids]
    FORMATS[known_suffix(file)].write(network, file, facts)


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


@dataclass(frozen=True)
class _Reading:
    """A file that was read, and what is wanted of it."""

    file: Path
    form: Format
    stored: StoredNetwork
    population: int | None
    steps: int | None
    ternarize: Ternarize | None
    most_fan_in: int | None

    def survey(self, input_shape: str | None, layers: str | None) -> Survey:
        """All that is known of it."""
        stated = _whole_number(self.stored.population)
        count = stated if self.population is None else self.population
        found = self.stored.network
        if isinstance(found, TernaryNetwork):
            for flag, text in (("--input-shape", input_shape), ("--layers", layers)):
                if text is not None:
                    raise ConfigurationError(
                        f"{flag} is given, but {self.file} holds fully connected layers alone"
                    )
            if self.ternarize is not None:
                raise ConfigurationError(
                    f"{self.file} is ternary already: only .pt, .safetensors, .nir and .onnx hold "
                    "real weights"
                )
            check_neurons(sum(layer.outputs for layer in found.layers))
            network = self._placed(TernaryNetwork(found.layers, count))
            obstacles = merged(network_obstacles(network, self.most_fan_in))
            self._check_digest(network, stated)
            card = self._card(NeuronRule(), count, self.stored.notes, integer=True)
            stack = integer_stack(network)
            return Survey(self.file, card, stack, network, obstacles, "", True)
        stack, layout, wanting = resolve_layout(found, input_shape, layers)
        return self._stack(stack, layout, wanting, stated, count)

    def _stack(
        self, stack: Stack, layout: str, wanting: Sequence[Obstacle], stated: int, count: int
    ) -> Survey:
        if not wanting:
            check_neurons(sum(math.prod(after) for _, _, after in stack.shapes()))
        known = [NeuronRule(float(n.beta.max()), n.reset) for n in stack.neurons if not n.foreign]
        rule = NeuronRule.most(known) if known else NeuronRule()
        notes = list(self.stored.notes)
        network = None
        found = stack_obstacles(
            stack,
            steps=self.steps,
            ternarize=self.ternarize is not None,
            most_fan_in=None if self.ternarize else self.most_fan_in,
        )
        obstacles = merged((*wanting, *found))
        if obstacles and self.stored.digest is not None:
            raise ObstacleError(obstacles)  # it was written as a network that can be built
        if not [each for each in obstacles if each.kind != "fan-in"]:
            used = stack if self.ternarize is None else stack.ternarized(self.ternarize)
            try:
                network, folded = unroll(used).ternary(count)
            except FormError as error:
                obstacles = (Obstacle("form", "", str(error), ADAPT),)
            else:
                network = self._placed(network)
                obstacles = merged(network_obstacles(network, self.most_fan_in))
                notes += folded
                self._check_digest(network, stated, stack)
        card = self._card(rule, count, notes)
        return Survey(
            self.file, card, None if wanting else stack, network, obstacles, layout, False
        )

    def _placed(self, network: TernaryNetwork) -> TernaryNetwork:
        """The network with the grids that its file states, if it does."""
        stated = self.stored.extra.get(GRIDS_KEY)
        if stated is None:
            return network
        if not isinstance(stated, list):
            raise NetworkError(f"its '{GRIDS_KEY}' is a {type(stated).__name__}; a list is needed")
        return replace(network, grids=tuple(map(Grid.from_json, stated)))

    def _check_digest(
        self, network: TernaryNetwork, stated: int, stack: Stack | None = None
    ) -> None:
        """Refuse a network that is not the one its file was written with."""
        if self.stored.digest is None:
            return
        if stack is not None and self.ternarize is not None:
            network, _ = unroll(stack).ternary(stated)
        check_digest(TernaryNetwork(network.layers, stated), self.stored.digest)

    def _card(
        self, rule: NeuronRule, population: int, notes: Sequence[str], integer: bool = False
    ) -> SemanticsCard:
        extra = {k: v for k, v in self.stored.extra.items() if k != GRIDS_KEY}
        trained_for = extra.get("steps")
        return SemanticsCard(
            source_format=self.form.name,
            threshold_rule=_STATED_RULE if integer else THRESHOLD_RULE,
            reset=rule.reset,
            beta=rule.beta,
            max_steps=None if rule.memoryless else 1,
            population=population,
            steps=trained_for if type(trained_for) is int else None,
            notes=tuple(notes),
            extra=extra,
        )


def _whole_number(population: object) -> int:
    if population is None:
        return 1
    if type(population) is not int:  # bool is another type
        raise NetworkError(f"the stored population is {population!r}; a whole number is needed")
    return population
