"""A user's own network as it runs: snnTorch's modules with the checkpoint's numbers.

It is the teacher of ``adapt`` and the measure of what an integer network loses. Its inputs are what
its owner feeds it: values that are the same in every step, or arrays with an axis of steps.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
import snntorch as snn
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor
from torch.nn import functional

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
    spread,
)
from netlist_gen.encoding import Values
from netlist_gen.errors import NetworkError
from netlist_gen.votes import vote_accuracy

TUTORIAL_STEPS = 25
"""Steps of snnTorch's tutorials, taken where neither file nor user says how many."""

_BATCH = 512


Step = Callable[[Tensor], Tensor]
"""What a module without memory does with a batch."""


class OwnNetwork:
    """A stack that runs.

    Args:
        stack: whose neurons are all ``Leaky``; the last layer may have none.

    Raises:
        NetworkError: another neuron, whose rule is not known here.
    """

    def __init__(self, stack: Stack) -> None:
        if not stack.runs:
            neuron = next(n for n in stack.neurons if n.foreign)
            raise NetworkError(f"neurons '{neuron.name}' can't be run: {neuron.foreign}")
        self.stack = stack
        self.modules = [_step(module, before) for module, before, _ in stack.shapes()]
        self.reads_sums = bool(stack.neurons[-1].foreign)
        rules = [n for n in stack.neurons if not n.foreign]
        self.memoryless = (
            all(not n.beta.any() and n.reset in ("none", "zero") for n in rules)
            and not self.reads_sums
        )

    def outputs(
        self, values: Values, steps: int, *, timed: bool
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Of each output, spikes added over all steps, and the mean of its membrane.

        Where the last layer has no neurons both are its sums.

        Args:
            values: (samples, ...) or, where ``timed``, (samples, steps, ...).
            steps: that it runs; those of the values where ``timed``.
            timed: whether the values have an axis of steps.
        """
        parts = [
            self._batch(values[at : at + _BATCH], steps, timed)
            for at in range(0, len(values), _BATCH)
        ]
        counts, membranes = (torch.cat([part[i] for part in parts]).numpy() for i in (0, 1))
        return counts, membranes

    def spikes(self, values: Values) -> Iterator[list[NDArray[np.bool_]]]:
        """Spikes of every layer of neurons, step by step.

        Args:
            values: (samples, steps, ...).
        """
        with torch.no_grad():
            for _, fired in self._steps(values, values.shape[1], True):
                yield [layer.numpy().astype(bool) for layer in fired]

    def accuracy(
        self, values: Values, labels: ArrayLike, population: int, steps: int, *, timed: bool
    ) -> float:
        """Share of samples read as their label (0..1); a tie goes to the lowest class."""
        counts, _ = self.outputs(values, steps, timed=timed)
        votes = counts.reshape(len(counts), -1, population).sum(axis=2)
        return vote_accuracy(votes, labels)

    def _batch(self, values: Values, steps: int, timed: bool) -> tuple[Tensor, Tensor]:
        counts = membrane = torch.zeros(())
        with torch.no_grad():
            for (out, mem), _ in self._steps(values, steps, timed):
                counts, membrane = counts + out, membrane + mem
        return counts.flatten(1), membrane.flatten(1) / steps

    def _steps(
        self, values: Values, steps: int, timed: bool
    ) -> Iterator[tuple[tuple[Tensor, Tensor], list[Tensor]]]:
        """Of each step, outputs and their membrane, and the spikes of all layers."""
        shape = self.stack.input_shape
        state: dict[int, Tensor] = {}
        if not timed:
            still = torch.tensor(np.asarray(values, dtype=np.float32))
        for step in range(steps):
            if timed:
                still = torch.tensor(np.asarray(values[:, step], dtype=np.float32))
            x = still.reshape(-1, *shape)
            fired = []
            membrane = x
            for index, module in enumerate(self.modules):
                if isinstance(module, snn.Leaky):
                    before = state.get(index, torch.zeros_like(x))
                    x, state[index] = module(x, before)
                    membrane = state[index]
                    fired.append(x)
                else:
                    x = membrane = module(x)
            yield (x, membrane), fired


def _step(module: Module, before: Size) -> Step | snn.Leaky:
    """A module as torch runs it, in float32."""
    if isinstance(module, Dense):
        return partial(functional.linear, weight=_real(module.weights), bias=_real(module.bias))
    if isinstance(module, Convolution):
        convolve: Callable[..., Tensor] = (functional.conv1d, functional.conv2d)[len(before) - 2]
        return partial(
            convolve,
            weight=_real(module.weights),
            bias=_real(module.bias),
            stride=module.stride,
            padding=module.padding,
            dilation=module.dilation,
            groups=module.groups,
        )
    if isinstance(module, Pool):
        return _pool(module)
    if isinstance(module, Flatten):
        return partial(torch.flatten, start_dim=1)
    if isinstance(module, Norm):
        return _norm(module, len(before) - 1)
    return _leaky(module, before)


def _real(values: Reals) -> Tensor:
    return torch.tensor(values, dtype=torch.float32)


def _norm(module: Norm, axes: int) -> Step:
    shape = (-1, *[1] * axes) if module.gain.ndim else ()
    gain = _real(module.gain).reshape(shape)
    shift = _real(np.broadcast_to(module.shift, module.gain.shape).copy()).reshape(shape)
    return lambda x: gain * x + shift


def _pool(module: Pool) -> Step:
    kinds: tuple[Callable[..., Tensor], ...] = (functional.avg_pool1d, functional.avg_pool2d)
    if module.kind == "max":
        kinds = (functional.max_pool1d, functional.max_pool2d)
    pool = partial(kinds[len(module.window) - 1], kernel_size=module.window, stride=module.stride)
    if module.kind != "sum":
        return pool
    count = math.prod(module.window)
    return lambda x: pool(x) * count


def _leaky(neuron: Neuron, shape: Size) -> Step | snn.Leaky:
    if neuron.foreign:
        return torch.nn.Identity()  # sums that are read as they are

    def numbers(name: str, values: Reals) -> Tensor:
        flat = spread(f"{neuron.name}.{name}", values, shape).reshape(shape)
        return _real(flat if values.size > 1 else values.reshape(()))

    return snn.Leaky(
        beta=numbers("beta", neuron.beta),
        threshold=numbers("threshold", neuron.threshold),
        reset_mechanism=neuron.reset,
    )
