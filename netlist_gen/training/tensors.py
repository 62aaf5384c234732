"""Steps of training in tensor operations: what a GPU runs, where ``fused`` is the processor's.

Each function is that of ``netlist_gen.training.fused`` (weights, decisions, votes), ``packed``
(batches) or ``optimiser`` (Adam) of the same name and computes the same, forward and backward, on
any device of PyTorch's; tests hold the two together on the processor. None of them waits for the
device or copies anything back from it: a step is a queue of operations.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from netlist_gen.training.fused import (
    LEAST_SPREAD,
    REAL_LIMIT,
    SOFT_SLOPE,
    SURROGATE_SLOPE,
    Statistics,
)
from netlist_gen.training.optimiser import Constants, Part
from netlist_gen.training.packed import PackedSpikes


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


def moments(n: Tensor, axes: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    """Mean and spread of a batch, (outputs,) each; never a spread below 1/2."""
    counts = n.float()  # two plain passes: torch.std_mean is several times slower
    mean = counts.mean(dim=axes, keepdim=True)
    spread = (counts - mean).square().mean(dim=axes).clamp(min=LEAST_SPREAD**2).sqrt()
    return mean.flatten(), spread


def toward(value: Tensor, learned: Tensor) -> Tensor:
    """A value that has the gradient of another."""
    return value.detach() + (learned - learned.detach())


class _Masked(torch.autograd.Function):
    """Weights from latent ones; see ``fused.ternary`` and ``fused.sliding``."""

    @staticmethod
    def forward(ctx: Any, weight: Tensor, mask: Tensor, real: float | None, like: Any) -> Tensor:
        found = torch.where(weight.signbit(), -1.0, 1.0)
        ctx.mask = None
        if real is not None:
            ctx.mask = mask
            magnitude = torch.where(mask, weight.abs(), 0.0).flatten(1).sum(dim=1)
            typical = magnitude / mask.flatten(1).sum(dim=1).clamp(min=1)
            gain = (1 / typical.clamp(min=1e-12)).view(-1, *[1] * (weight.ndim - 1))
            sized = (weight * gain).clamp(-REAL_LIMIT, REAL_LIMIT)
            found = real * sized + (1 - real) * found
        return torch.where(mask, found, 0.0).to(like)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None, None, None]:
        given = grads[0].float()
        return given if ctx.mask is None else given * ctx.mask, None, None, None


def ternary(weight: Tensor, mask: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
    """See ``fused.ternary``."""
    result: Tensor = _Masked.apply(weight, mask, None, dtype)
    return result


def sliding(
    weight: Tensor, mask: Tensor, real: float, dtype: torch.dtype = torch.float32
) -> Tensor:
    """See ``fused.sliding``."""
    result: Tensor = _Masked.apply(weight, mask, real, dtype)
    return result


def decide(
    n: Tensor, shift: Tensor, running: Statistics, push: Tensor | None, limit: float
) -> tuple[Tensor, Tensor, Tensor]:
    """See ``fused.decide``."""
    counts = n.float()
    mean, spread = moments(counts, (0,))
    if running.momentum:
        running.mean.lerp_(mean.detach(), running.momentum)
        running.spread.lerp_(spread.detach(), running.momentum)
    if running.frozen:  # running values, the batch's gradient
        mean, spread = toward(running.mean, mean), toward(running.spread, spread)
    edge = mean - shift.clamp(-limit, limit) * spread
    excess = functional.relu((0.5 - edge) / spread.detach()).mean()
    at = edge.detach()
    if running.frozen:
        at = torch.floor(at) + 0.5
    membrane = (counts - toward(at.clamp(min=0.5), edge)) / spread
    if push is not None:
        membrane = membrane + push.detach().float()
    return atan_spike(membrane).to(n.dtype), membrane, excess


def readout(
    spikes: Tensor, membrane: Tensor, log_scale: Tensor, classes: int, steps: int
) -> tuple[Tensor, Tensor]:
    """See ``fused.readout``."""
    scale = log_scale.exp()

    def scores(shares: Tensor) -> Tensor:
        each = shares.view(len(shares) // steps, steps, classes, -1)
        return each.mean(dim=(1, 3)) * scale

    return scores(spikes.float()), scores(torch.sigmoid(SOFT_SLOPE * membrane))


def adam(parts: Sequence[Part], constants: Constants) -> None:
    """See ``optimiser.adam``."""
    first, second, size, root, epsilon = map(float, constants)
    with torch.no_grad():
        for value, gradient, m, v in parts:
            m.lerp_(gradient, 1 - first)
            v.mul_(second).addcmul_(gradient, gradient, value=1 - second)
            value.addcdiv_(m, v.sqrt().div_(root).add_(epsilon), value=-size)


def unpack(
    packed: PackedSpikes, rows: NDArray[np.int64], dtype: torch.dtype, device: torch.device
) -> Tensor:
    """See ``packed.unpack``; the bits are what is copied to the device."""
    bits = moved_to(device, packed.bits[rows]).unsqueeze(-1)
    each = torch.arange(7, -1, -1, dtype=torch.uint8, device=device)
    lines = (bits.bitwise_right_shift(each) & 1).flatten(1)[:, : math.prod(packed.shape)]
    return lines.to(dtype).view(len(rows), *packed.shape)


def moved_to(device: torch.device, array: NDArray[Any]) -> Tensor:
    """An array on a device; the host need not wait, since it is copied aside first."""
    return torch.from_numpy(array).to(device, non_blocking=True)
