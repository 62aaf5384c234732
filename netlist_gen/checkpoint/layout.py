"""How the modules of a state_dict stand: what its user says, since the file does not.

``--layers "conv padding 2, max 2, leaky, flatten, linear, leaky"`` names the modules in order.
``conv``, ``linear``, ``norm`` and ``leaky`` take the file's next one; ``max``, ``avg`` and ``sum``
are pooling, with its window. Of a convolution ``stride``, ``padding`` and ``dilation`` may follow,
of pooling ``stride``. A size is one number or one for each axis (``3x1``). What is left out is as
in torch: stride 1, padding 0, dilation 1; pooling's stride is its window.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

from netlist_gen.checkpoint.modules import (
    Convolution,
    Dense,
    Flatten,
    Module,
    Neuron,
    Norm,
    Pool,
    Reals,
    Size,
    Stack,
    shape_after,
)
from netlist_gen.errors import ConfigurationError, NetworkError

KINDS = ("conv", "linear", "norm", "leaky", "max", "avg", "sum", "flatten")
_OPTIONS = {"conv": ("stride", "padding", "dilation"), "max": ("stride",), "avg": ("stride",)}
_OPTIONS["sum"] = _OPTIONS["max"]
_SIZE = re.compile(r"\d{1,4}(x\d{1,4})?")
_SIDES = (28, 32, 8, 16, 64, 48, 96, 128)
"""Of the images that people have: MNIST, CIFAR, digits, ..."""

_EVENT_SIDE = 34
"""Of N-MNIST's, whose two polarities are channels."""

_LONGEST = 512
"""Length of one axis that is tried."""


@dataclass(frozen=True, eq=False)
class WeightPart:
    """A layer with weights: (outputs, inputs), or (channels out, channels in / groups, *kernel)."""

    name: str
    weights: Reals
    bias: Reals

    @property
    def axes(self) -> int:
        """Of its kernel; 0 for a fully connected layer."""
        return self.weights.ndim - 2


@dataclass(frozen=True, eq=False)
class Parts:
    """What a file without an order holds.

    Attributes:
        weights: layers with weights, in order.
        neurons: as many.
        norms: batch norms, by the number of the layer before them.
        disorder: what speaks against the usual order (each layer, its batch norm, its neurons) in
            a file whose names are numbers, and so in the order of the modules; "" for nothing.
    """

    weights: tuple[WeightPart, ...]
    neurons: tuple[Neuron, ...]
    norms: Mapping[int, Norm]
    disorder: str = ""

    @property
    def spatial(self) -> bool:
        """Whether there are convolutions, about which the file does not say enough."""
        return any(part.axes for part in self.weights)


@dataclass(frozen=True)
class Item:
    """A module as ``--layers`` names it."""

    kind: str
    window: Size = ()
    stride: Size = ()
    padding: Size = ()
    dilation: Size = ()

    def __str__(self) -> str:
        words = [self.kind, "x".join(map(str, self.window))]
        for name in ("stride", "padding", "dilation"):
            if getattr(self, name):
                words += [name, "x".join(map(str, getattr(self, name)))]
        return " ".join(word for word in words if word)


def parse_shape(text: str) -> Size:
    """Channels and sides from ``1,28,28``.

    Raises:
        ConfigurationError: something else.
    """
    parts = [part.strip() for part in text.split(",")]
    if not 1 <= len(parts) <= 3 or not all(re.fullmatch(r"[1-9]\d{0,5}", part) for part in parts):
        raise ConfigurationError(
            f"--input-shape is {text!r}; write the lines (784), channels and length (2,100) or "
            "channels, height and width (1,28,28)"
        )
    return tuple(map(int, parts))


def parse_layers(text: str) -> tuple[Item, ...]:
    """The modules that a text names.

    Raises:
        ConfigurationError: a word that is not understood.
    """
    return tuple(_item(part) for part in text.split(",") if part.strip())


def default_items(parts: Parts) -> tuple[Item, ...]:
    """Each layer, its batch norm, its neurons: the order where nothing else is said.

    Raises:
        NetworkError: the file's names say another order.
    """
    if parts.disorder:
        raise NetworkError(
            f"{parts.disorder}; netlist-gen convert --layers says the order of the modules"
        )
    found = []
    for index, part in enumerate(parts.weights):
        found.append(Item("conv" if part.axes else "linear"))
        if index in parts.norms:
            found.append(Item("norm"))
        found.append(Item("leaky"))
    return tuple(found)


def stack_of(parts: Parts, input_shape: Size, items: tuple[Item, ...]) -> Stack:
    """The modules in the order of ``items``; a layer behind axes is flattened by itself.

    Raises:
        ConfigurationError: items that do not name each module once, or not in its place.
        NetworkError: shapes that do not fit.
    """
    weights, neurons = iter(parts.weights), iter(parts.neurons)
    norms = iter([parts.norms[index] for index in sorted(parts.norms)])
    modules: list[Module] = []
    shape = input_shape
    for place, item in enumerate(items):
        module: Module | None
        if item.kind in ("conv", "linear"):
            module = _weighted(next(weights, None), item, shape)
        elif item.kind == "norm":
            module = next(norms, None)
        elif item.kind == "leaky":
            module = next(neurons, None)
        elif item.kind == "flatten":
            module = Flatten()
        else:
            axes = len(shape) - 1
            name = f"{item.kind} {place}"
            window = _sized(item.window, axes, name)
            module = Pool(name, item.kind, window, _sized(item.stride or window, axes, name))
        if module is None:
            raise ConfigurationError(
                f"--layers has a {item.kind} as module {place + 1}; the file has no more of them"
            )
        if isinstance(module, Dense) and len(shape) > 1:
            modules.append(Flatten())
            shape = (math.prod(shape),)
        shape = shape_after(module, shape)
        modules.append(module)
    rests: tuple[tuple[str, Iterator[WeightPart | Norm | Neuron]], ...] = (
        ("layer", weights),
        ("batch norm", norms),
        ("neuron", neurons),
    )
    for kind, rest in rests:
        left = next(rest, None)
        if left is not None and not (isinstance(left, Neuron) and left.foreign):
            raise ConfigurationError(f"--layers leaves out the {kind} '{left.name}' of the file")
    if not modules or not isinstance(modules[-1], Neuron | Pool | Flatten):
        modules += neurons  # the one that stands for a last layer without neurons
    return Stack(tuple(modules), input_shape)


def loose_stack(parts: Parts) -> Stack:
    """The modules in the usual order, of no shape: to look at their numbers alone."""
    modules: list[Module] = []
    for index, part in enumerate(parts.weights):
        one = (1,) * part.axes
        modules.append(
            Convolution(part.name, part.weights, part.bias, one, (0,) * part.axes, one)
            if part.axes
            else Dense(part.name, part.weights, part.bias)
        )
        if index in parts.norms:
            modules.append(parts.norms[index])
        modules.append(parts.neurons[index])
    return Stack(tuple(modules), ())


def fitting(parts: Parts, input_shape: Size | None) -> tuple[Size, tuple[Item, ...]] | None:
    """An input shape and modules that fit the file's sizes, the likeliest first; None for none.

    A guess to be shown, never one to be built: several may fit.
    """
    axes = next(part.axes for part in parts.weights if part.axes)
    channels = parts.weights[0].weights.shape[1]
    sides: Sequence[int] = (*_SIDES, _EVENT_SIDE) if channels == 2 else _SIDES
    if axes == 1:
        sides = range(1, _LONGEST)
    shapes = [input_shape] if input_shape else [(channels, *[side] * axes) for side in sides]
    for items, shape in product(_candidates(parts), shapes):
        try:
            stack_of(parts, shape, items)
        except NetworkError:
            continue
        return shape, items
    return None


def _candidates(parts: Parts) -> Iterator[tuple[Item, ...]]:
    gaps = _has_gaps(parts)
    pools = ([Item("max", (2,))], []) if gaps else ([], [Item("max", (2,))])
    for pool, stride, same in product(pools, (1, 2), (False, True)):
        items: list[Item] = []
        convolutions = iter([part for part in parts.weights if part.axes])
        for item in default_items(parts):
            if item.kind == "leaky" and items[-1].kind in ("conv", "norm") and _convolved(items):
                items += pool
            if item.kind != "conv":
                items.append(item)
                continue
            kernel = next(convolutions).weights.shape[2:]
            padding = tuple(k // 2 for k in kernel) if same and max(kernel) > 1 else ()
            items.append(
                Item("conv", stride=(stride,) if stride > 1 else (), padding=_short(padding))
            )
        yield tuple(items)


def _convolved(items: list[Item]) -> bool:
    """Whether the last layer with weights is a convolution."""
    return next(item.kind for item in reversed(items) if item.kind in ("conv", "linear")) == "conv"


def _has_gaps(parts: Parts) -> bool:
    """Whether the numbers of a Sequential leave room for modules without tensors."""
    first = parts.weights[0]
    if not (first.name.isdigit() and parts.neurons[0].name.isdigit()):
        return True
    between = int(parts.neurons[0].name) - int(first.name) - 1
    return between > (0 in parts.norms)


def _short(size: Size) -> Size:
    return size[:1] if len(set(size)) == 1 else size


def _weighted(part: WeightPart | None, item: Item, shape: Size) -> Dense | Convolution | None:
    if part is None:
        return None
    if (item.kind == "conv") != (part.axes > 0):
        raise ConfigurationError(
            f"--layers has a {item.kind} where the file has '{part.name}' with weights of shape "
            f"{part.weights.shape}"
        )
    if not part.axes:
        return Dense(part.name, part.weights, part.bias)
    each = part.weights.shape[1]
    groups = max(shape[0] // each, 1)
    return Convolution(
        part.name,
        part.weights,
        part.bias,
        _sized(item.stride or (1,), part.axes, "stride"),
        _sized(item.padding or (0,), part.axes, "padding"),
        _sized(item.dilation or (1,), part.axes, "dilation"),
        groups,
    )


def _sized(size: Size, axes: int, name: str) -> Size:
    if len(size) == 1:
        return size * axes
    if len(size) != axes:
        raise ConfigurationError(
            f"--layers gives {name} {len(size)} sizes where there are {axes} axes"
        )
    return size


def _item(text: str) -> Item:
    kind, *words = text.split()
    if kind not in KINDS:
        raise ConfigurationError(f"--layers has {kind!r}; known are {', '.join(KINDS)}")
    values: dict[str, Size] = {}
    if kind in ("max", "avg", "sum"):
        values["window"] = _size(text, words.pop(0) if words else "")
    while words:
        name = words.pop(0)
        if name not in _OPTIONS.get(kind, ()):
            allowed = ", ".join(_OPTIONS.get(kind, ())) or "nothing"
            raise ConfigurationError(
                f"--layers has {name!r} in {text.strip()!r}; {allowed} can follow"
            )
        values[name] = _size(text, words.pop(0) if words else "", zero=name == "padding")
    return Item(kind, **values)


def _size(text: str, word: str, *, zero: bool = False) -> Size:
    found = _SIZE.fullmatch(word)
    size = tuple(map(int, word.split("x"))) if found else ()
    if not size or (min(size) < 1 and not zero):
        raise ConfigurationError(
            f"--layers has {word!r} as a size in {text.strip()!r}; a number (2) or one for each "
            "axis (3x1) is needed"
        )
    return size
