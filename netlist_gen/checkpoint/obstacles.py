"""What stands between a checkpoint and its circuit: every reason at once, and what removes it."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from netlist_gen.checkpoint.layout import (
    Parts,
    default_items,
    fitting,
    loose_stack,
    parse_layers,
    parse_shape,
    stack_of,
)
from netlist_gen.checkpoint.modules import Neuron, Size, Stack
from netlist_gen.checkpoint.real import NeuronRule, RealNetwork, lasting_faults, ternary_and_scale
from netlist_gen.errors import ConfigurationError, NetworkError
from netlist_gen.firing import DEAD_REMEDY, firing
from netlist_gen.network import TernaryNetwork
from netlist_gen.records import Record

TERNARIZE = "convert --ternarize makes them so by magnitude, adapt fine-tunes them"
STATE = (
    "convert --steps 1 takes the network for a single step, where the rules agree; adapt "
    "fine-tunes it for several"
)
ADAPT = "adapt trains the circuit's neurons in its place"
EASY_FAN_IN = 64
"""What commands that are proposed cap the fan-in at: bias margins are wide there (neuron.md)."""

_DATA = "DATA.npz"
_OUT = "OUT.npz"


@dataclass(frozen=True)
class Obstacle(Record):
    """One reason why a checkpoint can't be built as it is.

    Attributes:
        kind: "weights", "state", "bias", "reset", "neuron", "layout", "form", "fan-in", "dead",
            "constant" or "numbers".
        place: in the network.
        reason: what is there and what is allowed.
        remedy: options and commands that remove it; "" where only the file's owner can.
    """

    kind: str
    place: str
    reason: str
    remedy: str

    @property
    def sentence(self) -> str:
        """All of it."""
        said = f"{self.place}: {self.reason}" if self.place else self.reason
        return f"{said}; {self.remedy}" if self.remedy else said


def merged(obstacles: Iterable[Obstacle]) -> tuple[Obstacle, ...]:
    """Obstacles with one reason in several places as one, in the order of the first."""
    places: dict[tuple[str, str, str], list[str]] = {}
    for each in obstacles:
        places.setdefault((each.kind, each.reason, each.remedy), []).append(each.place)
    return tuple(
        Obstacle(kind, ", ".join(at), reason, remedy)
        for (kind, reason, remedy), at in places.items()
    )


class ObstacleError(NetworkError):
    """A checkpoint that can't be built as it is; the message has the first reason."""

    def __init__(self, obstacles: Sequence[Obstacle]) -> None:
        self.obstacles = tuple(obstacles)
        more = len(obstacles) - 1
        tail = f" (inspect lists {more} more)" if more else ""
        super().__init__(obstacles[0].sentence + tail)


def resolve_layout(
    found: Stack | Parts, input_shape: str | None, layers: str | None
) -> tuple[Stack, str, tuple[Obstacle, ...]]:
    """The stack, the options that say how its modules stand, and what of it is not said.

    Where something is not said, the stack has no input shape.

    Raises:
        NetworkError: the modules do not fit each other as they are said to stand.
        ConfigurationError: options that name other modules than the file has.
    """
    given = [(flag, text) for flag, text in (("--input-shape", input_shape), ("--layers", layers))
             if text is not None]  # fmt: skip
    options = " ".join(f"{flag} {shlex.quote(text)}" for flag, text in given)
    if isinstance(found, Stack):
        if given:
            raise ConfigurationError(
                f"{given[0][0]} is given, but the file itself says how its modules stand"
            )
        return found, "", ()
    shape = None if input_shape is None else parse_shape(input_shape)
    items = default_items(found) if layers is None else parse_layers(layers)
    if not found.spatial:
        lines = found.weights[0].weights.shape[1:]
        return stack_of(found, shape or lines, items), options, ()
    if shape is not None and layers is not None:
        return stack_of(found, shape, items), options, ()
    layout, wanting = _unsaid(found, shape)
    return loose_stack(found), layout, (wanting,)


def _unsaid(found: Parts, shape: Size | None) -> tuple[str, Obstacle]:
    """The options that would fit, "" for none, and the obstacle."""
    part = next(part for part in found.weights if part.axes)
    guess = fitting(found, shape)
    layout = ""
    if guess is None:
        remedy = "--input-shape 1,28,28 and --layers 'conv, max 2, leaky, linear, leaky' say such"
    else:
        sizes = ",".join(map(str, guess[0]))
        names = ", ".join(map(str, guess[1]))
        layout = f"--input-shape {sizes} --layers {shlex.quote(names)}"
        remedy = f"{layout} says one that fits the file's sizes, if it is yours"
    reason = (
        f"a convolution (weight of shape {part.weights.shape}): the file does not say the input's "
        "shape, strides, padding or pooling"
    )
    place = f"layer {found.weights.index(part)} ('{part.name}')"
    return layout, Obstacle("layout", place, reason, remedy)


def stack_obstacles(
    stack: Stack, *, steps: int | None, ternarize: bool, most_fan_in: int | None
) -> Iterator[Obstacle]:
    """All obstacles in a stack, layer by layer.

    Args:
        stack: the modules.
        steps: that the network will run for; None: any number.
        ternarize: whether weights are made ternary on the way.
        most_fan_in: that a neuron can have; None: not asked.
    """
    for index, module in enumerate(stack.weighted):
        place = f"layer {index} ('{module.name}')"
        flat = module.weights.reshape(len(module.weights), -1)
        if not np.isfinite(flat).all():
            where = np.argwhere(~np.isfinite(module.weights))[0].tolist()
            value = module.weights[tuple(where)]
            reason = f"weight {where} is {value}; a finite number is needed"
            yield Obstacle("numbers", place, reason, "")
            continue
        if not ternarize:
            try:
                ternary_and_scale(flat, module.weights.shape)
            except NetworkError as error:
                yield Obstacle("weights", place, str(error), TERNARIZE)
        fan_in = int(np.count_nonzero(flat, axis=1).max())
        if most_fan_in is not None and fan_in > most_fan_in:
            yield _fan_in(place, fan_in, most_fan_in, f"{_CUT}, {_CHOOSE}")
    for neuron in stack.neurons:
        place = f"layer {stack.layer_of(neuron)}, neurons '{neuron.name}'"
        if neuron.foreign:
            yield Obstacle("neuron", place, neuron.foreign, ADAPT)
            continue
        reason = _state_reason(neuron, steps)
        if reason:
            kind = "leak" if neuron.leaks and steps != 1 else "state"
            yield Obstacle(kind, place, reason, STATE if steps != 1 else ADAPT)


def lasting_obstacles(stack: Stack, network: RealNetwork) -> Iterator[Obstacle]:
    """The obstacles of membranes that last, layer by layer.

    Args:
        stack: the modules.
        network: the same unrolled.
    """
    numbers = {module.name: index for index, module in enumerate(stack.weighted)}
    for index, layer in enumerate(network.layers):
        if layer.lasts is None or layer.beta < 1.0 or not np.isfinite(layer.weights).all():
            continue
        place = f"layer {numbers.get(layer.name, index)} ('{layer.name}')"
        for kind, reason in lasting_faults(layer):
            yield Obstacle(kind, place, reason, STATE)


def _state_reason(neuron: Neuron, steps: int | None) -> str:
    rule = NeuronRule(float(neuron.beta.max()), neuron.reset)
    if not rule.memoryless and not neuron.lasts and steps != 1:
        wanted = "any number of steps" if steps is None else f"{steps} steps"
        what = f"beta {rule.beta:g} with reset '{rule.reset}'"
        least = float(neuron.beta.min())
        if least < rule.beta:
            return (
                f"beta is {least:g} for some neurons of the layer and {rule.beta:g} for others; "
                f"one for all of a layer is allowed: {wanted} can't be built"
            )
        if rule.beta == 0:
            return (
                f"{what} carries the reset from step to step, which the circuit's neuron does not "
                f"(it has beta 0 with reset 'none' or 'zero', or beta 1): {wanted} can't be built"
            )
        return f"{_leak(rule.beta, rule.reset)}: {wanted} can't be built"
    below = np.flatnonzero(neuron.threshold < 0)
    lasts = neuron.lasts and steps != 1  # lasting_obstacles has these
    if rule.reset == "subtract" and below.size and not lasts:
        # Leaky takes the reset from the membrane before the step: 0 > threshold at the start.
        return (
            f"threshold [{below[0]}] is {neuron.threshold.reshape(-1)[below[0]]:g} with reset "
            "'subtract', which then acts in the first step already; 0 or more is allowed"
        )
    return ""


def _leak(beta: float, reset: str) -> str:
    return (
        f"beta {beta:g} with reset '{reset}' lets the membrane decay from step to step, for which "
        "storage loops would need resistors (L/R); beta 0 with reset 'none' or 'zero' and beta 1, "
        "membranes that last, are allowed"
    )


def network_obstacles(network: TernaryNetwork, most_fan_in: int | None) -> Iterator[Obstacle]:
    """The obstacles of an integer network.

    Args:
        network: as it would be built.
        most_fan_in: that a neuron can have; None: not asked.
    """
    for index, (layer, able) in enumerate(zip(network.layers, firing(network), strict=True)):
        place = f"layer {index}"
        if not layer.synapses:
            reason = "it has no synapse, so there is nothing to build"
            yield Obstacle("dead", place, reason, "adapt trains it again")
            continue
        if able.dead:
            yield Obstacle("dead", place, able.dead, DEAD_REMEDY)
        if layer.memory is not None and layer.memory.leaks:
            reason = f"{_leak(layer.memory.beta, layer.memory.reset)}: no circuit is made of it"
            yield Obstacle("leak", place, reason, STATE)
        constant = np.flatnonzero((layer.fan_in == 0) & (layer.theta < 1))
        if constant.size:
            reason = (
                f"{constant.size} neurons (first: {constant[0]}) have no synapse but theta "
                f"{layer.theta[constant[0]]}: they would fire at every clock, which no neuron "
                "circuit does; theta must be at least 1"
            )
            yield Obstacle("constant", place, reason, "adapt trains it again")
        if most_fan_in is not None and layer.fan_in.max() > most_fan_in:
            yield _fan_in(place, int(layer.fan_in.max()), most_fan_in, _CHOOSE)


_CUT = f"convert --ternarize --fan-in {EASY_FAN_IN} keeps the largest weights"
_CHOOSE = f"adapt --fan-in {EASY_FAN_IN} chooses them in training"


def _fan_in(place: str, fan_in: int, most: int, remedy: str) -> Obstacle:
    reason = f"a neuron has fan-in {fan_in}; 1 to {most} was shown to work"
    return Obstacle("fan-in", place, reason, remedy)


def command_for(path: Path, obstacles: Sequence[Obstacle], layout: str) -> str:
    """One command that removes all obstacles; "" where there is none.

    Args:
        path: of the checkpoint.
        obstacles: all of them.
        layout: ``--input-shape`` and ``--layers`` as they were given or are proposed, or "".
    """
    kinds = {obstacle.kind for obstacle in obstacles}
    if not kinds or "numbers" in kinds or ("layout" in kinds and not layout):
        return ""
    words = [layout] if layout else []
    if kinds == {"layout"}:
        return " ".join(["netlist-gen convert", shlex.quote(str(path)), *words, "-o", _OUT])
    data = ["--data", _DATA]
    return " ".join(["netlist-gen adapt", shlex.quote(str(path)), *data, *words, "-o", _OUT])
