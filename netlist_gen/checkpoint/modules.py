"""What a file states of a network: its modules in order, in the file's own numbers.

A spiking network is a row of modules: layers with weights, batch norms, pooling, neurons. Readers
make a ``Stack`` of them, whatever the format; from it come the integer network
(``unroll.py``, ``real.py``), the list of what stands in its way (``obstacles.py``) and, in
training, the network that runs as its owner knows it.

A shape is (lines,), (channels, length) or (channels, height, width); lines are counted in row
order.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netlist_gen.errors import NetworkError
from netlist_gen.network import TernaryLayer, TernaryNetwork

Reals = NDArray[np.float64]
Size = tuple[int, ...]
Ternarize = Callable[[Reals], Reals]
"""Real weights (outputs, inputs) to ternary ones times a positive scale for each output."""

MOST_LINES = 1 << 17
"""Neurons or lines between two modules; the largest networks here have some 10,000."""


@dataclass(frozen=True, eq=False)
class Dense:
    """A fully connected layer: weights (outputs, inputs), bias (outputs,)."""

    name: str
    weights: Reals
    bias: Reals


@dataclass(frozen=True, eq=False)
class Convolution:
    """A convolution over one or two axes, as torch has it.

    Attributes:
        name: of the module.
        weights: (channels out, channels in / groups, *kernel).
        bias: (channels out,).
        stride: for each axis, likewise ``padding`` (zeros on both sides) and ``dilation``.
        padding: see there.
        dilation: see there.
        groups: of channels.
    """

    name: str
    weights: Reals
    bias: Reals
    stride: Size
    padding: Size
    dilation: Size
    groups: int = 1


@dataclass(frozen=True)
class Pool:
    """Pooling without padding: the largest, the mean or the sum of each window."""

    name: str
    kind: str  # "max", "avg" or "sum"
    window: Size
    stride: Size


@dataclass(frozen=True)
class Flatten:
    """All axes in row order."""

    name: str = "flatten"


@dataclass(frozen=True, eq=False)
class Norm:
    """``gain * x + shift`` for each channel or line; ``batch`` says that it is a batch norm's.

    ``behind``: so many axes are behind that of its numbers; None: they are of the channels.
    """

    name: str
    gain: Reals
    shift: Reals
    batch: bool = True
    behind: int | None = None


@dataclass(frozen=True, eq=False)
class Neuron:
    """A layer of neurons, snnTorch's ``Leaky`` unless ``foreign`` says what else.

    Attributes:
        name: of the module.
        threshold: one number, or of a shape that fits the layer's.
        beta: what is left of the membrane after a step, likewise.
        reset: "none", "zero" or "subtract".
        foreign: what it has that the circuit's neuron has not, in words; "" for ``Leaky``.
        reset_known: whether the file says the reset; if not, it is the likeliest.
    """

    name: str
    threshold: Reals
    beta: Reals
    reset: str
    foreign: str = ""
    reset_known: bool = True

    @property
    def lasts(self) -> bool:
        """Whether every membrane is as it was in the step after, but for its reset."""
        return not self.foreign and bool((self.beta == 1.0).all())

    @property
    def leaks(self) -> bool:
        """Whether every membrane keeps the same share from step to step, neither none nor all.

        And it is known what a pulse does to it.
        """
        share = self.beta.reshape(-1)[0]
        alike = bool(0.0 < share < 1.0 and (self.beta == share).all())
        return alike and self.reset_known and not self.foreign


Module = Dense | Convolution | Pool | Flatten | Norm | Neuron
WEIGHTED = (Dense, Convolution)


@dataclass(frozen=True, eq=False)
class Stack:
    """Modules in order.

    Attributes:
        modules: at least one with weights.
        input_shape: of the lines into the first.
    """

    modules: tuple[Module, ...]
    input_shape: Size

    @property
    def weighted(self) -> tuple[Dense | Convolution, ...]:
        """The modules with weights."""
        return tuple(m for m in self.modules if isinstance(m, WEIGHTED))

    @property
    def neurons(self) -> tuple[Neuron, ...]:
        """The layers of neurons."""
        return tuple(m for m in self.modules if isinstance(m, Neuron))

    @property
    def runs(self) -> bool:
        """Whether every neuron is snnTorch's ``Leaky``, so that it is known what the network does.

        Sums that are read after the last layer, without a neuron, are known too.
        """
        return not any(n.foreign for n in self.neurons[:-1]) and (
            self.neurons[-1].foreign in ("", NO_NEURON)
        )

    def layer_of(self, module: Module) -> int:
        """The number of the layer (counted by those with weights) that a module belongs to."""
        place = next(i for i, m in enumerate(self.modules) if m is module)
        before = sum(isinstance(m, WEIGHTED) for m in self.modules[: place + 1])
        return max(before - 1, 0)

    def shapes(self) -> Iterator[tuple[Module, Size, Size]]:
        """Each module with the shapes of what goes in and what comes out.

        Raises:
            NetworkError: shapes that don't fit; it names the module.
        """
        shape = self.input_shape
        for module in self.modules:
            after = shape_after(module, shape)
            yield module, shape, after
            shape = after

    def single_step(self) -> Stack:
        """The same for samples of one step, in which no membrane lasts."""

        def changed(module: Module) -> Module:
            if not isinstance(module, Neuron) or module.foreign:
                return module
            return replace(module, beta=np.zeros(()), reset="none")

        return replace(self, modules=tuple(changed(m) for m in self.modules))

    def ternarized(self, rule: Ternarize) -> Stack:
        """The same with ternary weights times a scale, by a rule for (outputs, inputs)."""

        def changed(module: Module) -> Module:
            if not isinstance(module, WEIGHTED):
                return module
            flat = rule(module.weights.reshape(len(module.weights), -1))
            return replace(module, weights=flat.reshape(module.weights.shape))

        return replace(self, modules=tuple(changed(m) for m in self.modules))


def integer_stack(network: TernaryNetwork) -> Stack:
    """The modules of an integer network, as ``leaky_numbers`` has their neurons."""
    modules: list[Module] = []
    for index, layer in enumerate(network.layers):
        weights = layer.weights.astype(np.float64)
        modules.append(Dense(f"w{index}", weights, np.zeros(layer.outputs)))
        threshold, beta, reset = leaky_numbers(layer)
        foreign = snntorch_lacks(layer)
        modules.append(Neuron(f"theta{index}", threshold, np.asarray(beta), reset, foreign))
    return Stack(tuple(modules), (network.inputs,))


def leaky_numbers(layer: TernaryLayer) -> tuple[Reals, float, str]:
    """Thresholds, beta and reset of snnTorch's ``Leaky`` that fires as a layer's neurons do.

    Strict U > theta - 1/2 is n >= theta, with the most room for a rounded sum. What fires may also
    be what a pulse takes off: then it is strict U > theta - 1.
    """
    theta = layer.theta.astype(np.float64)
    if layer.memory is None:
        return theta - 0.5, 0.0, "none"
    reset = layer.memory.reset
    return theta - (1.0 if reset == "subtract" else 0.5), layer.memory.beta, reset


def snntorch_lacks(layer: TernaryLayer) -> str:
    """Why no ``Leaky`` fires as a layer's neurons do, in words; "" where one does."""
    if layer.memory is None or layer.memory.reset != "subtract":
        return ""
    other = np.flatnonzero(layer.memory.subtract != layer.theta - 1)
    if not other.size:
        return ""
    j = other[0]
    return (
        f"a pulse of neuron {j} subtracts {layer.memory.subtract[j]} and it fires from "
        f"{layer.theta[j]} on; snnTorch's Leaky subtracts its threshold, one less than where it "
        "begins to fire"
    )


def describe(stack: Stack) -> tuple[str, ...]:
    """Each module in words, with the shape of what it gives."""
    return tuple(f"{_described(module)} -> {_words(after)}" for module, _, after in stack.shapes())


def _described(module: Module) -> str:
    if isinstance(module, Dense):
        return f"'{module.name}' fully connected"
    if isinstance(module, Convolution):
        words = [f"'{module.name}' convolution {_words(module.weights.shape[2:])}"]
        words += [f"{name} {_words(getattr(module, name))}" for name in ("stride", "padding")]
        return ", ".join(words)
    if isinstance(module, Pool):
        return f"pooling, {module.kind} of {_words(module.window)}"
    if isinstance(module, Flatten):
        return "flattened"
    if isinstance(module, Norm):
        return f"'{module.name}' {'batch norm' if module.batch else 'gain and shift'}"
    if module.foreign:
        return f"'{module.name}' not snn.Leaky"
    return f"'{module.name}' Leaky, beta {float(module.beta.max()):g}, reset {module.reset}"


NO_NEURON = "no neuron follows it: its sums are real numbers, and a circuit's output is pulses"
"""Why a layer that is read as it is can't be built."""


def shape_after(module: Module, shape: Size) -> Size:
    """The shape of what a module gives.

    Raises:
        NetworkError: it can't follow on this shape.
    """
    if isinstance(module, Dense):
        if shape != (module.weights.shape[1],):
            raise NetworkError(
                f"layer '{module.name}' takes {module.weights.shape[1]} inputs but what comes "
                f"before it gives {_words(shape)}; the two must be equal"
            )
        return (len(module.weights),)
    if isinstance(module, Convolution):
        return _convolved(module, shape)
    if isinstance(module, Pool):
        return _pooled(module, shape)
    if isinstance(module, Flatten):
        return (math.prod(shape),)
    if isinstance(module, Norm):
        if module.behind not in (None, len(shape) - 1):
            raise NetworkError(
                f"'{module.name}' adds {len(module.gain)} numbers along another axis of "
                f"{_words(shape)} than that of the channels; numbers of shape "
                f"{(shape[0], *(1 for _ in shape[1:]))} are needed"
            )
        if module.gain.shape not in ((), (shape[0],)):
            raise NetworkError(
                f"batch norm '{module.name}' has {len(module.gain)} channels; what comes before "
                f"it gives {_words(shape)}"
            )
        return shape
    for what, values in (("threshold", module.threshold), ("beta", module.beta)):
        spread(f"{module.name}.{what}", values, shape)
    return shape


def spread(place: str, values: Reals, shape: Size) -> Reals:
    """Values of a neuron as (neurons,), from one number or a shape that fits the layer's.

    Raises:
        NetworkError: they don't fit.
    """
    given = values.reshape(()) if values.size == 1 else values
    if given.ndim == 1 and len(shape) > 1 and given.shape == shape[:1] != shape[-1:]:
        # One for each channel; where the last axis is as long, it is meant, as for PyTorch.
        given = given.reshape(-1, *[1] * (len(shape) - 1))
    if given.ndim > len(shape) and given.shape[0] == 1:
        given = given[0]
    try:
        return np.asarray(np.broadcast_to(given, shape).reshape(-1))
    except ValueError:
        wanted = shape if len(shape) == 1 else f"({shape[0]},)"
        raise NetworkError(
            f"'{place}' has shape {values.shape}; a scalar or {wanted} is needed"
        ) from None


def windows(
    length: int, kernel: int, stride: int, padding: int = 0, dilation: int = 1
) -> NDArray[np.int64]:
    """The places that each output of one axis looks at, (outputs, kernel); -1 is padding."""
    reach = dilation * (kernel - 1) + 1
    count = (length + 2 * padding - reach) // stride + 1
    at = np.arange(count)[:, None] * stride - padding + np.arange(kernel) * dilation
    return np.where((at >= 0) & (at < length), at, -1)


def _convolved(module: Convolution, shape: Size) -> Size:
    kernel = module.weights.shape[2:]
    axes = len(kernel)
    if len(shape) != axes + 1:
        raise NetworkError(
            f"convolution '{module.name}' has {axes} axes; what comes before it gives "
            f"{_words(shape)}"
        )
    channels = module.weights.shape[1] * module.groups
    if shape[0] != channels or len(module.weights) % module.groups:
        raise NetworkError(
            f"convolution '{module.name}' takes {channels} channels in {module.groups} groups; "
            f"what comes before it gives {_words(shape)}"
        )
    each = zip(shape[1:], kernel, module.stride, module.padding, module.dilation, strict=True)
    sides = tuple(
        (length + 2 * padding - dilation * (k - 1) - 1) // stride + 1
        for length, k, stride, padding, dilation in each
    )
    return _checked(module.name, (len(module.weights), *sides))


def _pooled(module: Pool, shape: Size) -> Size:
    if len(shape) != len(module.window) + 1:
        raise NetworkError(
            f"pooling '{module.name}' has {len(module.window)} axes; what comes before it gives "
            f"{_words(shape)}"
        )
    each = zip(shape[1:], module.window, module.stride, strict=True)
    sides = tuple((length - window) // stride + 1 for length, window, stride in each)
    return _checked(module.name, (shape[0], *sides))


def _checked(name: str, shape: Size) -> Size:
    if min(shape) < 1:
        raise NetworkError(f"'{name}' leaves nothing: its output would have {_words(shape)}")
    if math.prod(shape) > MOST_LINES:
        raise NetworkError(
            f"'{name}' has {_words(shape)} neurons; at most {MOST_LINES} can be unrolled"
        )
    return shape


def _words(shape: Size) -> str:
    return " x ".join(map(str, shape))


def real_array(place: str, values: Any) -> Reals:
    """Finite real numbers of any shape.

    Raises:
        NetworkError: another type, or a number that is not finite.
    """
    array = np.asarray(values)
    if array.dtype.kind not in "iufb":
        raise NetworkError(f"'{place}' has type {array.dtype}; numbers are needed")
    result = array.astype(np.float64)
    if not np.isfinite(result).all():
        where = np.argwhere(~np.isfinite(result))[0].tolist()
        raise NetworkError(
            f"'{place}' {where} is {result[tuple(where)]}; a finite number is needed"
        )
    return result
