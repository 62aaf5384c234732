"""Compiled steps of training: weights, neurons and the optimiser, in few passes each.

Where a network is small a step of training costs what its passes over weights and counts cost, and
the calls that make them. Here each is one compiled loop that does what a dozen tensor operations
would, forward and backward. ``netlist_gen.training.model`` says what is computed and why; tests
hold each function to the same in tensor operations, and the neuron to snnTorch's own.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

REAL_LIMIT = 3.0
"""Greatest real weight, in mean magnitudes of its row: a ternary one could not follow it."""
SURROGATE_SLOPE = 2.0
SOFT_SLOPE = 2.0
LEAST_SPREAD = 0.5
"""Of a neuron's counts in a batch: one that hardly varies is not divided by nothing."""
_SIGN = np.uint32(0x80000000)
loop = numba.njit(cache=True, error_model="numpy", fastmath={"contract", "reassoc", "nsz", "arcp"})
piece = numba.njit(inline="always")
"""A piece of loops, of those in ``sparse`` too."""


class _Masked(torch.autograd.Function):
    """Weights from latent ones, (outputs, ...) contiguous; see ``ternary`` and ``sliding``."""

    @staticmethod
    def forward(ctx: Any, weight: Tensor, mask: Tensor, real: float | None, like: Any) -> Tensor:
        flat, kept = weight.detach().flatten(1), mask.flatten(1).view(torch.uint8)
        out = torch.empty(flat.shape, dtype=torch.float32)
        if real is None:
            _signs(_bits(flat), kept.numpy(), _bits(out))
        else:
            _slide(flat.numpy(), kept.numpy(), np.float32(real), out.numpy())
        ctx.kept = None if real is None else kept
        return out.to(like).reshape(weight.shape)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None, None, None]:
        (given,) = grads
        if ctx.kept is None:
            return given.to(torch.float32), None, None, None
        out = torch.empty(given.shape, dtype=torch.float32, memory_format=torch.contiguous_format)
        flat = given.reshape(ctx.kept.shape).contiguous()
        if given.dtype == torch.bfloat16:
            source = flat.view(torch.uint16).numpy()
            _masked_half(source, ctx.kept.numpy(), _bits(out.flatten(1)))
        else:
            _masked(flat.to(torch.float32).numpy(), ctx.kept.numpy(), out.flatten(1).numpy())
        return out, None, None, None


def ternary(weight: Tensor, mask: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
    """sign(weight) where the mask (bool) is set, else 0, in a type; straight-through gradient.

    The sign of a zero is its sign bit, here and in all else that asks for signs.

    Args:
        weight: latent, float32, (outputs, ...).
        mask: bool, same shape.
        dtype: of the result, that in which the product is computed.
    """
    result: Tensor = _Masked.apply(weight, mask, None, dtype)
    return result


def sliding(
    weight: Tensor, mask: Tensor, real: float, dtype: torch.dtype = torch.float32
) -> Tensor:
    """Between real and ternary weights, where the mask (bool) is set, else 0, in a type.

    (1 - real) sign(w) + real clip(w / typical, -3, 3), typical the mean magnitude of the row's
    weights that are kept. Straight-through gradient, but none for weights that are not kept.

    Args:
        weight: latent, float32, (outputs, ...).
        mask: bool, same shape.
        real: 1: real weights, 0: ternary ones.
        dtype: of the result.
    """
    result: Tensor = _Masked.apply(weight, mask, real, dtype)
    return result


@dataclass
class Statistics:
    """Running mean and spread of neurons' counts, (neurons,) float32 each, changed in place.

    Attributes:
        mean: of the counts.
        spread: their standard deviation.
        momentum: the share of a batch in them; 0: they stay.
        frozen: whether neurons decide by them, at the middle between two counts.
    """

    mean: Tensor
    spread: Tensor
    momentum: float
    frozen: bool


class _Decide(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, n: Tensor, shift: Tensor, running: Statistics, push: Tensor | None, limit: float
    ) -> tuple[Tensor, Tensor, Tensor]:
        counts = n.detach().to(torch.float32).contiguous()
        own = counts.numpy()
        # What is returned is not kept itself: the graph would keep itself alive, step after step.
        membrane, spikes = np.empty_like(own), np.empty_like(own)
        shifts = shift.detach().numpy()
        kept, excess = _decide(
            own, shifts, running.mean.numpy(), running.spread.numpy(),
            np.float32(running.momentum), running.frozen, np.float32(limit),
            *_noise(push, own), membrane, spikes,
        )  # fmt: skip
        ctx.saved = own, kept, shifts, membrane, np.float32(limit)
        ctx.dtype = n.dtype
        fired, membranes = torch.from_numpy(spikes).to(n.dtype), torch.from_numpy(membrane)
        return fired, membranes, torch.tensor(excess, dtype=torch.float32)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor, None, None, None]:
        by_spike, by_membrane, by_excess = grads
        n, kept, shifts, membrane, limit = ctx.saved
        given = by_spike.to(torch.float32).contiguous().numpy()
        pulled = by_membrane.contiguous().numpy()
        on_counts, on_shift = torch.empty(n.shape), torch.empty(n.shape[1])
        _undecide(
            given, pulled, np.float32(by_excess), n, kept, shifts, limit, membrane,
            on_counts.numpy(), on_shift.numpy(),
        )  # fmt: skip
        return on_counts.to(ctx.dtype), on_shift, None, None, None


def decide(
    n: Tensor, shift: Tensor, running: Statistics, push: Tensor | None, limit: float
) -> tuple[Tensor, Tensor, Tensor]:
    """Pulses of memoryless neurons for counts, with snnTorch's arctangent surrogate gradient.

    A neuron fires where (n - edge) / spread + push > 0, edge = mean - shift * spread of its own
    counts in the batch, never below 1/2, rounded to the middle between two counts where
    ``running.frozen``.

    Args:
        n: counts, (rows, neurons).
        shift: learned, (neurons,).
        running: statistics of earlier batches, which these counts join.
        push: noise of each decision, in spreads, of the shape of n; or None.
        limit: most of ``shift``, either way; beyond there is no gradient.

    Returns:
        Pulses in the type of n, membranes (float32) of the same shape, and the mean distance, in
        spreads, by which edges want to lie below 1/2.
    """
    result: tuple[Tensor, Tensor, Tensor] = _Decide.apply(n, shift, running, push, limit)
    return result


class _Readout(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, spikes: Tensor, membrane: Tensor, log_scale: Tensor, classes: int, steps: int
    ) -> tuple[Tensor, Tensor]:
        samples, population = len(spikes) // steps, spikes.shape[1] // classes
        fired = spikes.detach().to(torch.float32).contiguous().numpy()
        hard, soft = np.empty((2, samples, classes), np.float32)
        gain = np.float32(math.exp(float(log_scale)) / (steps * population))
        share = np.empty(fired.shape, np.float32)
        _vote(fired, membrane.detach().numpy(), gain, steps, population, share, hard,
              soft)  # fmt: skip
        ctx.saved = hard, soft, share, gain, steps, population
        ctx.dtype = spikes.dtype
        return torch.from_numpy(hard), torch.from_numpy(soft)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor, Tensor, None, None]:
        hard, soft, share, gain, steps, population = ctx.saved
        by_hard, by_soft = (grad.contiguous() for grad in grads)
        on_spike, on_membrane = torch.empty(share.shape), torch.empty(share.shape)
        _unvote(by_hard.numpy(), by_soft.numpy(), share, gain, steps, population,
                on_spike.numpy(), on_membrane.numpy())  # fmt: skip
        pull = float((by_hard.numpy() * hard).sum() + (by_soft.numpy() * soft).sum())
        on_scale = torch.tensor(pull, dtype=torch.float32)
        return on_spike.to(ctx.dtype), on_membrane, on_scale, None, None


def readout(
    spikes: Tensor, membrane: Tensor, log_scale: Tensor, classes: int, steps: int
) -> tuple[Tensor, Tensor]:
    """Class scores (samples, classes), hard and soft, each the learned scale times a mean.

    The hard ones are the mean over a class's neurons and steps of their pulses; the soft ones that
    of the sigmoid of ``SOFT_SLOPE`` times their membranes.

    Args:
        spikes: of the output neurons, (samples * steps, classes * population).
        membrane: likewise, float32.
        log_scale: of the scores, ().
        classes: that are told apart.
        steps: of a sample.
    """
    result: tuple[Tensor, Tensor] = _Readout.apply(spikes, membrane, log_scale, classes, steps)
    return result


def _bits(tensor: Tensor) -> NDArray[np.uint32]:
    bits: NDArray[np.uint32] = tensor.numpy().view(np.uint32)
    return bits


def _noise(push: Tensor | None, counts: NDArray[Any]) -> tuple[NDArray[Any], bool]:
    """The noise and whether there is any."""
    if push is None:
        return counts, False
    return push.detach().to(torch.float32).contiguous().numpy(), True


@piece
def row_gain(total, kept):  # type: ignore[no-untyped-def]
    """What a real weight is multiplied by: one over the mean magnitude of those that are kept."""
    one = np.float32(1.0)
    return one / max(total / max(kept, one), np.float32(1e-12))


@piece
def slid(weight, gain, real):  # type: ignore[no-untyped-def]
    """A weight between real (real = 1) and ternary."""
    one, limit = np.float32(1.0), np.float32(REAL_LIMIT)
    sized = min(max(weight * gain, -limit), limit)
    return real * sized + (one - real) * np.float32(math.copysign(one, weight))


@piece
def settled(j, mean, spread, shift, running_mean, running_spread, momentum, frozen, limit):  # type: ignore[no-untyped-def]
    """Where neuron j decides, by the mean and spread of its counts; moves the running ones.

    Returns its edge, the edge it decides by, the spread it is held against, and the distance, in
    spreads, by which the edge lies below 1/2.
    """
    nothing, half = np.float32(0.0), np.float32(0.5)
    running_mean[j] += momentum * (mean - running_mean[j])
    running_spread[j] += momentum * (spread - running_spread[j])
    at = running_mean[j] if frozen else mean
    against = running_spread[j] if frozen else spread
    edge = at - min(max(shift[j], -limit), limit) * against
    decided = np.float32(math.floor(edge)) + half if frozen else edge
    return edge, max(decided, half), against, max(half - edge, nothing) / against


@piece
def neuron_slopes(  # type: ignore[no-untyped-def]
    on_edge, on_scale, edge, spread, against, shift, limit, by_excess, rows
):
    """What a neuron's shift and each of its counts get, by the slopes of edge and 1 / spread.

    ``by_excess`` is the slope of its own distance below 1/2, ``rows`` how many counts it has.
    Returns the slope of the shift; that of a count, and for each unit it is apart from the mean.
    """
    nothing, scale = np.float32(0.0), np.float32(1.0) / against
    if edge < np.float32(0.5):
        on_edge -= by_excess * scale
    on_shift = -on_edge * against if abs(shift) <= limit else nothing
    # The moments are the batch's, whatever the values were that decided.
    by_spread = -on_scale * scale * scale - on_edge * min(max(shift, -limit), limit)
    apart = by_spread / spread / rows if spread > np.float32(LEAST_SPREAD) else nothing
    return on_shift, on_edge / rows, apart


@loop
def _signs(weight, mask, out):  # type: ignore[no-untyped-def]
    """Bits of the sign of a weight where it is kept."""
    one = np.uint32(0x3F800000)
    for i in range(weight.shape[0]):
        for j in range(weight.shape[1]):
            out[i, j] = (one | weight[i, j] & _SIGN) * np.uint32(mask[i, j])


@loop
def _slide(weight, mask, real, out):  # type: ignore[no-untyped-def]
    for i in range(weight.shape[0]):
        total, kept = np.float32(0.0), np.float32(0.0)
        for j in range(weight.shape[1]):
            total += abs(weight[i, j]) * np.float32(mask[i, j])
            kept += np.float32(mask[i, j])
        gain = row_gain(total, kept)
        for j in range(weight.shape[1]):
            out[i, j] = np.float32(mask[i, j]) * slid(weight[i, j], gain, real)


@loop
def _masked(given, mask, out):  # type: ignore[no-untyped-def]
    for i in range(given.shape[0]):
        for j in range(given.shape[1]):
            out[i, j] = given[i, j] * np.float32(mask[i, j])


@loop
def _masked_half(given, mask, out):  # type: ignore[no-untyped-def]
    """Bits of float32 from those of bfloat16, its upper half."""
    for i in range(given.shape[0]):
        for j in range(given.shape[1]):
            out[i, j] = (np.uint32(given[i, j]) << np.uint32(16)) * np.uint32(mask[i, j])


@loop
def _decide(  # type: ignore[no-untyped-def]
    n, shift, running_mean, running_spread, momentum, frozen, limit, push, noisy, membrane, spikes
):
    """Membranes and spikes; moves the running statistics.

    Returns what the gradient needs of each neuron, rows of mean and spread of the batch, edge,
    the edge it decides by and the spread it is held against; and the mean distance, in spreads,
    by which edges lie below 1/2.
    """
    rows, wide = n.shape
    mean, square = np.zeros(wide), np.zeros(wide)  # double: they sum many rows
    for i in range(rows):
        for j in range(wide):
            mean[j] += n[i, j]
    for j in range(wide):
        mean[j] /= rows
    for i in range(rows):
        for j in range(wide):
            apart = n[i, j] - mean[j]
            square[j] += apart * apart
    kept = np.empty((5, wide), np.float32)
    one, nothing = np.float32(1.0), np.float32(0.0)
    excess = 0.0
    for j in range(wide):
        own_mean = np.float32(mean[j])
        own_spread = np.float32(max(math.sqrt(square[j] / rows), LEAST_SPREAD))
        edge, decided, against, below = settled(
            j, own_mean, own_spread, shift, running_mean, running_spread, momentum, frozen, limit
        )
        kept[0, j], kept[1, j], kept[2, j] = own_mean, own_spread, edge
        kept[3, j], kept[4, j] = decided, against
        excess += below
    for i in range(rows):
        for j in range(wide):
            membrane[i, j] = (n[i, j] - kept[3, j]) / kept[4, j]
        if noisy:
            for j in range(wide):
                membrane[i, j] += push[i, j]
        for j in range(wide):
            spikes[i, j] = one if membrane[i, j] > 0 else nothing
    return kept, excess / wide


@loop
def _undecide(  # type: ignore[no-untyped-def]
    given, pulled, by_excess, n, kept, shift, limit, membrane, on_counts, on_shift
):
    """Gradients of counts and shifts from those of spikes, membranes and excess."""
    one, slope = np.float32(1.0), np.float32(math.pi * SURROGATE_SLOPE / 2)
    half = np.float32(SURROGATE_SLOPE / 2)
    rows, wide = n.shape
    mean, spread, edge, decided, against = kept[0], kept[1], kept[2], kept[3], kept[4]
    scale = one / against
    on_edge, on_scale = np.zeros(wide, np.float32), np.zeros(wide, np.float32)
    for i in range(rows):
        for j in range(wide):
            steep = slope * membrane[i, j]
            g = pulled[i, j] + given[i, j] * half / (one + steep * steep)
            on_counts[i, j] = g * scale[j]
            on_edge[j] -= g * scale[j]
            on_scale[j] += g * (n[i, j] - decided[j])
    for j in range(wide):
        on_shift[j], on_edge[j], on_scale[j] = neuron_slopes(
            on_edge[j], on_scale[j], edge[j], spread[j], against[j], shift[j], limit,
            by_excess / np.float32(wide), np.float32(rows),
        )  # fmt: skip
    for i in range(rows):
        for j in range(wide):
            on_counts[i, j] += on_edge[j] + on_scale[j] * (n[i, j] - mean[j])


@loop
def _vote(spikes, membrane, gain, steps, population, share, hard, soft):  # type: ignore[no-untyped-def]
    one, slope = np.float32(1.0), np.float32(SOFT_SLOPE)
    for sample in range(hard.shape[0]):
        hard[sample], soft[sample] = 0.0, 0.0
        for row in range(sample * steps, (sample + 1) * steps):
            for j in range(spikes.shape[1]):
                share[row, j] = one / (one + np.exp(-slope * membrane[row, j]))
                hard[sample, j // population] += gain * spikes[row, j]
                soft[sample, j // population] += gain * share[row, j]


@loop
def _unvote(by_hard, by_soft, share, gain, steps, population, on_spike, on_membrane):  # type: ignore[no-untyped-def]
    one, slope = np.float32(1.0), np.float32(SOFT_SLOPE)
    for row in range(share.shape[0]):
        for j in range(share.shape[1]):
            hard, soft = (
                by_hard[row // steps, j // population],
                by_soft[row // steps, j // population],
            )
            on_spike[row, j] = gain * hard
            on_membrane[row, j] = gain * soft * slope * share[row, j] * (one - share[row, j])
