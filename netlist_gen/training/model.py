"""The network being trained: ternary layers, snnTorch neurons, learned integer thresholds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import snntorch as snn
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from netlist_gen.errors import ConfigurationError
from netlist_gen.network import TernaryNetwork
from netlist_gen.training.config import TrainingConfig
from netlist_gen.training.quantise import ternary

SURROGATE_SLOPE = 2.0
SOFT_SLOPE = 2.0
# A threshold further than this from the mean count, in spreads, makes a neuron that never
# fires and never learns again.
MAX_SHIFT = 2.0
_STATISTICS_MOMENTUM = 0.05
_NOISE_EDGES = 1024  # draws of a noisy edge: the tails end at a probability of 1/2048


class _AtanSpike(torch.autograd.Function):
    """snntorch.surrogate.atan, kept in the input's own type and with one pass each way."""

    @staticmethod
    def forward(ctx: Any, u: Tensor) -> Tensor:
        ctx.save_for_backward(u)
        return torch.sign(u).clamp_(min=0)  # some ten times faster than a comparison

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Tensor:
        (u,) = ctx.saved_tensors
        half = SURROGATE_SLOPE / 2
        return grads[0] * half / (1 + (math.pi * half * u).square_())


def atan_spike(u: Tensor) -> Tensor:
    """1 where u > 0, with snnTorch's arctangent surrogate gradient of slope 2."""
    result: Tensor = _AtanSpike.apply(u)
    return result


class TernaryThresholdLayer(nn.Module):
    """Ternary synapses into snn.Leaky neurons (beta 0, no reset) with a trainable threshold.

    The neuron fires when n > edge, edge = mean - shift * spread of its own counts n, shift
    learned, never below 1/2. At first mean and spread are the batch's, as in batch norm. After
    ``freeze()`` they are running values and the edge is rounded to the middle between two
    counts in the forward pass (straight-through), so that training sees the neuron that is
    exported; after ``hold()`` the running values stay as they are. The gradient of the
    weights stays centred throughout: a change that moves all counts of a neuron alike is the
    threshold's business (without that, training breaks up where thresholds are frozen).
    The membrane is (n - edge) / spread, and fires on the strict U > 0.
    """

    mask: Tensor
    mean: Tensor
    spread: Tensor
    flux: Tensor
    frozen: Tensor
    held: Tensor
    fresh: Tensor

    def __init__(self, shape: tuple[int, ...], cap: int, *, stride: int = 0) -> None:
        super().__init__()
        self.stride = stride  # 0: fully connected
        width = math.prod(shape[1:])
        self.cap = min(cap, width)
        self.weight = nn.Parameter(torch.empty(shape).uniform_(-1, 1) / math.sqrt(width))
        self.shift = nn.Parameter(torch.full((shape[0],), -0.2))
        self.register_buffer("mask", torch.ones(shape, dtype=torch.bool))
        self.register_buffer("mean", torch.zeros(shape[0]))
        self.register_buffer("spread", torch.ones(shape[0]))
        # Flux of a synapse where noise is in flux; 1 where it is in synapses.
        self.register_buffer("flux", torch.ones(shape[0]))
        self.register_buffer("frozen", torch.zeros((), dtype=torch.bool))
        self.register_buffer("held", torch.zeros((), dtype=torch.bool))
        self.register_buffer("fresh", torch.ones((), dtype=torch.bool))
        self.neuron = snn.Leaky(
            beta=0.0, threshold=0.0, reset_mechanism="none", spike_grad=atan_spike
        )
        self._typed_mask: Tensor | None = None
        # Mean distance, in spreads, by which thresholds want to lie below 1; for the loss.
        self.excess: Tensor | None = None

    def set_mask(self, mask: Tensor) -> None:
        """Take a new mask (bool, shape of the weight)."""
        self.mask.copy_(mask)
        self._typed_mask = None

    def freeze(self) -> None:
        """From here on thresholds are integers."""
        self.frozen.fill_(True)

    def hold(self) -> None:
        """From here on mean and spread stay: the last epochs see the very thresholds."""
        self.held.fill_(True)

    def integer_theta(self) -> Tensor:
        """Threshold of the exported neuron: n >= theta, at least 1 (a silent input is silent)."""
        return torch.clamp(torch.floor(self._edge(self.mean, self.spread).detach()) + 1, min=1.0)

    def sides(self) -> tuple[Tensor, Tensor]:
        """Excitatory and inhibitory synapses of each neuron, (outputs,) each."""
        mask, negative = self.mask.flatten(1), torch.signbit(self.weight.detach().flatten(1))
        return (mask & ~negative).sum(dim=1), (mask & negative).sum(dim=1)

    def _edge(self, mean: Tensor, spread: Tensor) -> Tensor:
        return mean - self.shift.clamp(-MAX_SHIFT, MAX_SHIFT) * spread

    def forward(self, x: Tensor, edges: Tensor | None = None) -> Tensor:
        """Spikes (0 or 1 in x's type).

        Args:
            x: (rows, inputs) or (rows, channels, height, width).
            edges: equally likely edges of the noisy neuron, times ``flux`` in their unit; each
                decision draws one. None: no noise.
        """
        typed = self._typed_mask
        if typed is None or typed.dtype != x.dtype:
            typed = self._typed_mask = self.mask.to(x.dtype)
        if self.training and bool(self.fresh):
            self._face_inputs(x)
        n = self._counts(x, ternary(self.weight, typed))
        view, axes = ((1, -1, 1, 1), (0, 2, 3)) if self.stride else ((1, -1), (0,))
        mean, spread = self._statistics(n, axes)
        edge = self._edge(mean, spread)
        scale = 1 / spread
        self.excess = (
            functional.relu((0.5 - edge) / spread.detach()).mean() if self.training else None
        )
        wanted = edge.detach()
        if bool(self.frozen):
            wanted = torch.floor(wanted) + 0.5
        # No threshold below 1, from the start: freezing must not change the network.
        edge = edge + (wanted.clamp(min=0.5) - edge.detach())
        u = (n - edge.view(view).to(n.dtype)) * scale.view(view).to(n.dtype)
        if edges is not None:
            drawn = edges[torch.randint(len(edges), u.shape)]
            u = u - drawn * (scale.detach() / self.flux).view(view).to(u.dtype)
        spikes: Tensor = self.neuron(u, torch.zeros((), dtype=u.dtype).expand_as(u))[0]
        return spikes

    def _counts(self, x: Tensor, w: Tensor) -> Tensor:
        if not self.stride:
            return functional.linear(x, w)
        w = w.contiguous(memory_format=torch.channels_last)
        return functional.conv2d(x, w, stride=self.stride, padding=w.shape[-1] // 2)

    def _face_inputs(self, x: Tensor) -> None:
        """Negate the neurons whose mean count is negative: with theta >= 1 they start silent."""
        with torch.no_grad():
            dense = torch.ones_like(self.weight, dtype=x.dtype)
            n = self._counts(x, ternary(self.weight, dense)).float()
            mean = n.mean(dim=(0, 2, 3) if self.stride else 0)
            negative = (mean < 0).view(-1, *[1] * (self.weight.ndim - 1))
            self.weight.copy_(torch.where(negative, -self.weight, self.weight))
        self.fresh.fill_(False)

    def _statistics(self, n: Tensor, axes: tuple[int, ...]) -> tuple[Tensor, Tensor]:
        """Mean and spread of the counts, (outputs,), with their gradient while training."""
        if not self.training:
            return self.mean, self.spread
        counts = n.float()  # two plain passes: torch.std_mean is several times slower
        mean = counts.mean(dim=axes, keepdim=True)
        spread = (counts - mean).square().mean(dim=axes).clamp(min=0.25).sqrt()
        mean = mean.flatten()
        if not bool(self.held):
            with torch.no_grad():
                self.mean.lerp_(mean, _STATISTICS_MOMENTUM)
                self.spread.lerp_(spread, _STATISTICS_MOMENTUM)
        if not bool(self.frozen):
            return mean, spread
        # Running values, the batch's gradient.
        return (
            self.mean + (mean - mean.detach()),
            self.spread + (spread - spread.detach()),
        )


class OrPool(nn.Module):
    """OR over windows: a threshold neuron with +1 weights and theta 1, nothing to learn."""

    def __init__(self, window: int) -> None:
        super().__init__()
        self.window = window

    def forward(self, x: Tensor) -> Tensor:
        return functional.max_pool2d(x, self.window)


class TernarySpikingNet(nn.Module):
    """A stack of ternary layers and the population readout with a learned scale."""

    def __init__(self, config: TrainingConfig, side: int, classes: int) -> None:
        super().__init__()
        self.side, self.classes, self.population = side, classes, config.population
        self.flux_counts = config.curve is not None and config.curve.unit == "Phi0"
        self._edges = None
        if config.curve is not None:
            self._edges = torch.from_numpy(config.curve.edges(_NOISE_EDGES))
        caps = iter(config.caps)
        stack: list[nn.Module] = []
        shape: tuple[int, ...] = (1, side, side)
        self.spatial = bool(config.layers) and config.layers[0].kind != "full"
        self.input_shapes: list[tuple[int, ...]] = []
        for spec in config.layers:
            self.input_shapes.append(shape)
            if spec.kind == "full":
                stack.append(TernaryThresholdLayer((spec.size, math.prod(shape)), next(caps)))
                shape = (spec.size,)
                continue
            if len(shape) != 3:
                raise ConfigurationError(
                    "a convolution or pooling can't follow a fully connected layer"
                )
            if spec.kind == "pool":
                stack.append(OrPool(spec.size))
                shape = (shape[0], shape[1] // spec.size, shape[2] // spec.size)
            else:
                size = (spec.size, shape[0], spec.kernel, spec.kernel)
                stack.append(TernaryThresholdLayer(size, next(caps), stride=spec.stride))
                reach = 2 * (spec.kernel // 2) - spec.kernel
                shape = (spec.size, *((s + reach) // spec.stride + 1 for s in shape[1:]))
        self.input_shapes.append(shape)
        outputs = classes * config.population
        stack.append(TernaryThresholdLayer((outputs, math.prod(shape)), next(caps)))
        self.stack = nn.ModuleList(stack)
        self.log_scale = nn.Parameter(torch.tensor(math.log(8.0)))

    @property
    def trained(self) -> list[TernaryThresholdLayer]:
        return [layer for layer in self.stack if isinstance(layer, TernaryThresholdLayer)]

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Class scores (samples, classes), hard and soft, from spikes (samples, [steps,] pixels).

        The hard scores are the votes, which are what counts; they come in few values. The soft
        ones take a sigmoid of the output membranes instead of the spikes: a smoother guide.
        """
        steps = x.shape[1] if x.ndim == 3 else 1
        rows = x.reshape(-1, x.shape[-1])
        if self.spatial:
            rows = rows.reshape(-1, 1, self.side, self.side)
            rows = rows.contiguous(memory_format=torch.channels_last)
        noise = None
        if self.training and self._edges is not None:
            noise = self._edges = self._edges.to(x.dtype)
        for layer in self.stack:
            if isinstance(layer, TernaryThresholdLayer):
                if rows.ndim == 4 and not layer.stride:
                    rows = rows.flatten(1)
                rows = layer(rows, noise)
            else:
                rows = layer(rows)
        scale = self.log_scale.exp()
        # snn.Leaky keeps its membrane, here (n - theta + 1/2) / spread.
        membrane = torch.sigmoid(SOFT_SLOPE * self.trained[-1].neuron.mem.float())
        hard, soft = (
            part.view(-1, steps, self.classes, self.population).mean(dim=(1, 3)) * scale
            for part in (rows.float(), membrane)
        )
        return hard, soft

    def freeze_thresholds(self) -> None:
        for layer in self.trained:
            layer.freeze()

    def hold_thresholds(self) -> None:
        for layer in self.trained:
            layer.hold()

    def export(self) -> TernaryNetwork:
        """The integer network that the hardware gets, convolutions unrolled."""
        weights, thetas = [], []
        for layer, shape in zip(self.stack, self.input_shapes, strict=True):
            if isinstance(layer, OrPool):
                w, theta = unroll_pool(shape, layer.window)
            elif isinstance(layer, TernaryThresholdLayer):
                w = ternary(layer.weight.detach(), layer.mask.float()).to(torch.int8).numpy()
                theta = layer.integer_theta().to(torch.int32).numpy()
                if layer.stride:
                    w, theta = unroll_convolution(w, theta, shape, layer.stride)
            weights.append(w)
            thetas.append(theta)
        return TernaryNetwork.from_arrays(weights, thetas, self.population)


def unroll_convolution(
    kernel: NDArray[Any], theta: NDArray[Any], shape: Sequence[int], stride: int
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Fully connected form of a convolution with padding kernel // 2.

    Args:
        kernel: (channels out, channels in, k, k).
        theta: (channels out,).
        shape: input (channels, height, width), flattened in that order.

    Returns:
        weights (channels out * height out * width out, inputs) and theta for each neuron.
    """
    out, channels, k, _ = kernel.shape
    _, height, width = shape
    rows = (height + 2 * (k // 2) - k) // stride + 1
    columns = (width + 2 * (k // 2) - k) // stride + 1
    dense = np.zeros((out, rows, columns, channels, height, width), dtype=kernel.dtype)
    for r in range(rows):
        for c in range(columns):
            top, left = r * stride - k // 2, c * stride - k // 2
            r0, r1 = max(top, 0), min(top + k, height)
            c0, c1 = max(left, 0), min(left + k, width)
            part = kernel[:, :, r0 - top : r1 - top, c0 - left : c1 - left]
            dense[:, r, c, :, r0:r1, c0:c1] = part
    flat = dense.reshape(out * rows * columns, channels * height * width)
    return flat, np.repeat(theta, rows * columns)


def unroll_pool(shape: Sequence[int], window: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """OR-pooling as a layer of +1 weights and theta 1; input (channels, height, width)."""
    channels, height, width = shape
    rows, columns = height // window, width // window
    dense = np.zeros((channels, rows, columns, channels, height, width), dtype=np.int8)
    for channel in range(channels):
        for r in range(rows):
            for c in range(columns):
                high, wide = r * window, c * window
                dense[channel, r, c, channel, high : high + window, wide : wide + window] = 1
    flat = dense.reshape(channels * rows * columns, channels * height * width)
    return flat, np.ones(len(flat), dtype=np.int32)
