"""Convolutions and pooling unrolled: from a stack of modules to fully connected layers.

Between two layers of spikes stand, in this order, mean or sum pooling, one module with weights, a
batch norm, mean pooling, largest-value pooling. All of it but the last is one matrix, exactly: the
mean of k lines is 1/k times their sum, which is a scale of ternary weights.

The largest of a window's currents is above the threshold when one of them is: an OR behind the
neurons, itself a neuron of weights +1 and theta 1. Where a negative gain follows, all have to be:
an AND, theta the number of them. After neurons, pooling is the same OR of their spikes. Before
neurons whose membranes last it has no such form.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from itertools import product

import numpy as np
from numpy.typing import NDArray

from netlist_gen.checkpoint.affine import AffineLayer
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
    spread,
    windows,
)
from netlist_gen.checkpoint.real import Array, FormError, NeuronRule, RealNetwork
from netlist_gen.errors import NetworkError
from netlist_gen.grid import Grid
from netlist_gen.memory import RESETS

MOST_WEIGHTS = 1 << 26
"""Of an unrolled layer, zeros too: 0.5 GB in float64."""


def unroll(stack: Stack) -> RealNetwork:
    """The fully connected layers of a stack, each with its neurons, and their rule.

    Raises:
        FormError: modules in an order that has no such form.
        NetworkError: a layer that is too large.
    """
    layers: list[AffineLayer] = []
    rules: list[NeuronRule] = []
    shape = stack.input_shape
    shapes = [shape]
    part = _Part()
    for module in stack.modules:
        after = shape_after(module, shape)
        if isinstance(module, Neuron):
            made = part.fire(module, shape)
            layers += made
            shapes += [part.wide, after][-len(made) :]
            rules.append(NeuronRule(float(module.beta.max()), module.reset))
            part = _Part()
        elif isinstance(module, Pool) and module.kind == "max" and part.matrix is None:
            layers.append(_gate(module.name, pool_matrix(module, shape) > 0, None))
            shapes.append(after)
            part = _Part()
        else:
            part.add(module, shape, after)
        shape = after
    if part.matrix is not None:
        raise FormError(f"layer '{part.name}' is followed by no neuron")
    # What is behind a Flatten stands in no grid any more; a network of lines alone in none.
    grids = tuple(Grid(each) if len(each) > 1 else None for each in shapes)
    return RealNetwork(layers, NeuronRule.most(rules), grids if any(grids[1:]) else ())


def unroll_kernel(
    name: str, weights: Array, shape: Size, stride: Size, padding: Size, dilation: Size, groups: int
) -> Array:
    """The fully connected form (outputs, inputs) of a convolution, in the type of its weights.

    Args:
        name: for messages.
        weights: (channels out, channels in / groups, *kernel).
        shape: of what goes in, (channels, *sides).
        stride: for each axis, likewise ``padding`` (zeros) and ``dilation``.
        padding: see there.
        dilation: see there.
        groups: of channels.

    Raises:
        NetworkError: it has more than ``MOST_WEIGHTS``.
    """
    (out, each), kernel = weights.shape[:2], weights.shape[2:]
    given = zip(shape[1:], kernel, stride, padding, dilation, strict=True)
    axes = [windows(*one) for one in given]
    count = math.prod(len(axis) for axis in axes)
    _check_size(name, out * count, math.prod(shape))
    dense = np.zeros((out, count, shape[0], math.prod(shape[1:])), weights.dtype)
    per_group = out // groups
    taps = weights.reshape(out, each, -1)
    for number, tap in enumerate(product(*map(range, kernel))):
        rows, columns = _tap(axes, tap, shape[1:])
        for group in range(groups):
            outs = slice(group * per_group, (group + 1) * per_group)
            ins = slice(group * each, (group + 1) * each)
            # Two index arrays apart: numpy puts their common axis first.
            dense[outs, :, ins][:, rows, :, columns] += taps[outs, :, number]
    return dense.reshape(out * count, math.prod(shape))


def pool_matrix(module: Pool, shape: Size) -> Reals:
    """Pooling as a matrix (outputs, inputs): 1 for each line of a window."""
    axes = [windows(*one) for one in zip(shape[1:], module.window, module.stride, strict=True)]
    count = math.prod(len(axis) for axis in axes)
    _check_size(module.name, shape[0] * count, math.prod(shape))
    one = np.zeros((count, math.prod(shape[1:])))
    for tap in product(*map(range, module.window)):
        rows, columns = _tap(axes, tap, shape[1:])
        one[rows, columns] = 1.0
    return np.asarray(np.kron(np.eye(shape[0]), one), dtype=np.float64)


def _tap(
    axes: list[NDArray[np.int64]], tap: tuple[int, ...], sides: Size
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Of one place of a kernel: which outputs it looks from, and at which input of a channel."""
    grids = np.meshgrid(*(axis[:, at] for axis, at in zip(axes, tap, strict=True)), indexing="ij")
    inside = np.logical_and.reduce([grid >= 0 for grid in grids]).reshape(-1)
    flat = np.ravel_multi_index([np.maximum(grid, 0) for grid in grids], sides).reshape(-1)
    rows = np.flatnonzero(inside)
    return rows, flat[rows]


def _check_size(name: str, outputs: int, inputs: int) -> None:
    if outputs * inputs > MOST_WEIGHTS:
        raise NetworkError(
            f"'{name}' unrolled has {outputs} x {inputs} weights; at most {MOST_WEIGHTS} are made"
        )


def _gate(name: str, inside: NDArray[np.bool_], all_of: NDArray[np.bool_] | None) -> AffineLayer:
    """OR over the lines of each row, AND where ``all_of`` says so."""
    count = inside.sum(axis=1)
    needed = np.ones_like(count) if all_of is None else np.where(all_of, count, 1)
    zero, one = np.zeros(len(inside)), np.ones(len(inside))
    return AffineLayer(name, inside.astype(np.float64), zero, needed - 0.5, one, zero)


@dataclass
class _Part:
    """What stands between two layers of spikes: ``gain * (matrix @ x / divisor + bias) + shift``.

    ``largest`` says which of these lines, of shape ``wide``, each window of largest-value pooling
    behind them looks at, and ``all_of`` the windows in which all have to be above the threshold.
    """

    name: str = ""
    matrix: Reals | None = None
    divisor: int = 1
    bias: Reals = field(default_factory=lambda: np.zeros(1))
    gain: Reals = field(default_factory=lambda: np.ones(1))
    shift: Reals = field(default_factory=lambda: np.zeros(1))
    weighted: bool = False
    scaled: bool = False
    batch: bool = False
    largest: NDArray[np.bool_] | None = None
    largest_name: str = ""
    wide: Size = ()
    all_of: NDArray[np.bool_] | None = None

    def add(self, module: Module, shape: Size, after: Size) -> None:
        """Put a module behind what is there."""
        if isinstance(module, Flatten):
            return
        if self.largest is not None and not isinstance(module, Norm):
            raise FormError(
                f"'{module.name}' follows largest-value pooling '{self.largest_name}' without "
                "neurons between; only neurons can follow it"
            )
        if isinstance(module, Norm):
            self._norm(module, after)
        elif isinstance(module, Pool):
            self._pool(module, shape)
        elif isinstance(module, Dense | Convolution):
            self._weights(module, shape, after)

    def _weights(self, module: Dense | Convolution, shape: Size, after: Size) -> None:
        if self.weighted:
            raise FormError(
                f"layers '{self.name}' and '{module.name}' have no neurons between them; each "
                "needs its own"
            )
        self.name, self.weighted = module.name, True
        dense = module.weights
        if isinstance(module, Convolution):
            how = module.stride, module.padding, module.dilation, module.groups
            dense = unroll_kernel(module.name, dense, shape, *how)
        self.matrix = dense if self.matrix is None else dense @ self.matrix
        self.bias = np.repeat(module.bias, math.prod(after) // len(module.bias))

    def _pool(self, module: Pool, shape: Size) -> None:
        inside = pool_matrix(module, shape)
        if module.kind == "max":
            self.largest, self.largest_name, self.wide = inside > 0, module.name, shape
            return
        self.name = self.name or module.name
        count = math.prod(module.window)
        if module.kind == "avg":
            self.divisor *= count
        elif self.scaled:
            raise FormError(
                f"batch norm before '{module.name}' has no neurons behind it; only mean or "
                "largest-value pooling can stand between them"
            )
        if self.matrix is None:
            self.matrix = inside
            return
        # Bias, gain and shift are the same in all of a window: each channel has one.
        first = inside.argmax(axis=1)
        before = inside.shape[1]
        self.bias, self.gain, self.shift = (
            np.broadcast_to(v, before)[first] for v in (self.bias, self.gain, self.shift)
        )
        if module.kind == "sum":
            self.bias = self.bias * count
        self.matrix = inside @ self.matrix

    def _norm(self, module: Norm, after: Size) -> None:
        if self.matrix is None:
            raise FormError(f"batch norm '{module.name}' follows no layer with weights")
        each = math.prod(after[1:])
        gain = np.repeat(np.broadcast_to(module.gain, after[:1]), each)
        shift = np.repeat(np.broadcast_to(module.shift, after[:1]), each)
        if self.largest is not None:
            turned = gain < 0
            self.all_of = turned if self.all_of is None else turned ^ self.all_of
            gain, shift = (self._before_pooling(v, module.name) for v in (gain, shift))
        self.gain, self.shift = gain * self.gain, gain * self.shift + shift
        self.scaled, self.batch = True, self.batch or module.batch

    def _before_pooling(self, values: Reals, name: str) -> Reals:
        """Of each line before largest-value pooling, the value of the windows that look at it."""
        assert self.largest is not None
        found = np.full(self.largest.shape[1], values[0])  # of lines that no window looks at
        for window, value in zip(self.largest, values, strict=True):
            found[window] = value
        seen = np.where(self.largest, found, values[:, None])
        if (seen != values[:, None]).any():
            raise FormError(
                f"'{name}' differs between windows of pooling '{self.largest_name}' that "
                "overlap; one value for each channel is needed"
            )
        return found

    def fire(self, neuron: Neuron, shape: Size) -> list[AffineLayer]:
        """The layer of neurons, and the gates of its pooling, if it has any."""
        if self.matrix is None:
            raise FormError(f"neuron '{neuron.name}' follows no layer with weights")
        place = f"{neuron.name}.threshold"
        threshold = spread(place, neuron.threshold, shape)
        gates = []
        keeps = neuron.lasts or neuron.leaks
        lasts = next(r for r in RESETS if r == neuron.reset) if keeps else None
        if self.largest is not None:
            if lasts is not None:
                raise FormError(
                    f"largest-value pooling '{self.largest_name}' stands before the neurons "
                    f"'{neuron.name}', whose membranes last: the largest of each step adds up, "
                    "which no OR of neurons does; it is built behind neurons"
                )
            threshold = self._before_pooling(threshold, place)
            gates = [_gate(self.largest_name, self.largest, self.all_of)]
        bias, gain, shift = (
            np.broadcast_to(v, len(self.matrix)) for v in (self.bias, self.gain, self.shift)
        )
        layer = AffineLayer(
            self.name, self.matrix, bias, threshold, gain, shift, self.batch, self.divisor, lasts,
            float(neuron.beta.max()) if keeps else 1.0,
        )  # fmt: skip
        return [layer, *gates]
