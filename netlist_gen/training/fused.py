"""Compiled steps of training: weights, neurons and the optimiser, in few passes each.

Where a network is small a step of training costs what its passes over weights and counts cost, and
the calls that make them. Here each is one compiled loop that does what a dozen tensor operations
would, forward and backward. ``netlist_gen.training.model`` says what is computed and why; tests
hold each function to the same in tensor operations, and the neuron to snnTorch's own.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

REAL_LIMIT = 3.0
"""Greatest real weight, in mean magnitudes of its row: a ternary one could not follow it."""
SURROGATE_SLOPE = 2.0
LEAST_SPREAD = 0.5
"""Of a neuron's counts in a batch: one that hardly varies is not divided by nothing."""
_SIGN = np.uint32(0x80000000)
_loop = numba.njit(cache=True, error_model="numpy", fastmath={"contract", "reassoc", "nsz", "arcp"})


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
        counts = n.detach().to(torch.float32)
        own = counts.contiguous().numpy()
        mean, spread = _moments(own)
        if running.momentum:
            for kept, value in ((running.mean, mean), (running.spread, spread)):
                kept.lerp_(torch.from_numpy(value), running.momentum)
        at = running.mean.numpy().copy() if running.frozen else mean
        wide = running.spread.numpy().copy() if running.frozen else spread
        shifts = shift.detach().clamp(-limit, limit).numpy()
        edge = at - shifts * wide
        settled = np.maximum(np.floor(edge) + np.float32(0.5) if running.frozen else edge, 0.5)
        settled = settled.astype(np.float32)
        membrane = torch.empty_like(counts, memory_format=torch.contiguous_format)
        spikes = torch.empty_like(membrane)
        _fire(own, settled, 1 / wide, *_noise(push, own), membrane.numpy(), spikes.numpy())
        short = np.maximum(0.5 - edge, 0) / wide
        ctx.saved = own, mean, spread, edge, settled, wide, shifts, membrane
        ctx.limit, ctx.shift, ctx.dtype = limit, shift.detach(), n.dtype
        excess = torch.tensor(short.mean(), dtype=torch.float32)
        return spikes.to(n.dtype), membrane, excess

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor, None, None, None]:
        by_spike, by_membrane, by_excess = grads
        n, mean, spread, edge, settled, wide, shifts, membrane = ctx.saved
        given = by_spike.to(torch.float32).contiguous().numpy()
        direct = torch.empty_like(membrane)
        pulled = by_membrane.to(torch.float32).contiguous().numpy()
        scale = (1 / wide).astype(np.float32)
        on_edge, on_scale = _through_spikes(
            given, pulled, n, settled, scale, membrane.numpy(), direct.numpy()
        )
        on_edge = on_edge - float(by_excess) / len(wide) * (edge < 0.5) / wide
        on_spread = -on_scale * scale**2 - on_edge * shifts
        inside = torch.from_numpy(np.abs(ctx.shift.numpy()) <= ctx.limit)
        on_shift = torch.from_numpy((-on_edge * wide).astype(np.float32)) * inside
        # The moments are the batch's, whatever the values were that decided.
        on_spread = np.where(spread > LEAST_SPREAD, on_spread / spread, 0.0) / len(n)
        _through_moments(
            (on_edge / len(n)).astype(np.float32), on_spread.astype(np.float32), n, mean,
            direct.numpy(),
        )  # fmt: skip
        return direct.to(ctx.dtype), on_shift, None, None, None


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


class PackedSpikes:
    """Spikes of many samples, a bit each, handed out as tensors of 0 and 1.

    Attributes:
        shape: of a sample: ([steps,] lines).
    """

    def __init__(self, parts: Iterable[NDArray[np.bool_]]) -> None:
        """Pack spikes (samples, [steps,] lines), given in parts of as many samples as one likes."""
        packed = []
        for part in parts:
            self.shape = part.shape[1:]
            packed.append(np.packbits(part.reshape(len(part), -1), axis=1))
        self._packed = np.concatenate(packed)

    def __call__(self, rows: NDArray[np.int64], dtype: torch.dtype) -> Tensor:
        """Spikes of these samples, float32 or bfloat16."""
        out = torch.empty((len(rows), math.prod(self.shape)), dtype=dtype)
        if dtype == torch.bfloat16:
            _unpack(self._packed, rows, np.uint16(0x3F80), out.view(torch.uint16).numpy())
        else:
            _unpack(self._packed, rows, np.uint32(0x3F800000), _bits(out))
        return out.view(len(rows), *self.shape)


class Adam:
    """Adam (Kingma and Ba, arXiv 1412.6980) with its usual constants, one pass a parameter.

    Attributes:
        learning_rate: to be set by a schedule.
    """

    _DECAY = 0.9, 0.999
    _EPSILON = 1e-8

    def __init__(self, parameters: Iterable[nn.Parameter], learning_rate: float) -> None:
        self.parameters, self.learning_rate, self.steps = list(parameters), learning_rate, 0
        self._first = [torch.zeros_like(p) for p in self.parameters]
        self._second = [torch.zeros_like(p) for p in self.parameters]

    def zero_grad(self) -> None:
        """Forget the gradients."""
        for parameter in self.parameters:
            parameter.grad = None

    def step(self) -> None:
        """Move the parameters that have a gradient."""
        self.steps += 1
        first, second = self._DECAY
        size = self.learning_rate / (1 - first**self.steps)
        root = math.sqrt(1 - second**self.steps)
        for parameter, m, v in zip(self.parameters, self._first, self._second, strict=True):
            if parameter.grad is None:
                continue
            moved = (parameter.detach(), parameter.grad.contiguous(), m, v)
            _adam(
                *(part.view(-1).numpy() for part in moved),
                *map(np.float32, (first, second, size, root, self._EPSILON)),
            )

    def state_dict(self) -> dict[str, Any]:
        """What ``load_state_dict`` takes."""
        return {"steps": self.steps, "first": self._first, "second": self._second}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a state."""
        self.steps, self._first, self._second = state["steps"], state["first"], state["second"]


def _bits(tensor: Tensor) -> NDArray[np.uint32]:
    bits: NDArray[np.uint32] = tensor.numpy().view(np.uint32)
    return bits


def _noise(push: Tensor | None, counts: NDArray[Any]) -> tuple[NDArray[Any], bool]:
    """The noise and whether there is any."""
    if push is None:
        return counts, False
    return push.detach().to(torch.float32).contiguous().numpy(), True


@_loop
def _signs(weight, mask, out):  # type: ignore[no-untyped-def]
    """Bits of the sign of a weight where it is kept."""
    one = np.uint32(0x3F800000)
    for i in range(weight.shape[0]):
        for j in range(weight.shape[1]):
            out[i, j] = (one | weight[i, j] & _SIGN) * np.uint32(mask[i, j])


@_loop
def _slide(weight, mask, real, out):  # type: ignore[no-untyped-def]
    one, limit = np.float32(1.0), np.float32(REAL_LIMIT)
    for i in range(weight.shape[0]):
        total, kept = np.float32(0.0), np.float32(0.0)
        for j in range(weight.shape[1]):
            total += abs(weight[i, j]) * np.float32(mask[i, j])
            kept += np.float32(mask[i, j])
        gain = one / max(total / max(kept, one), np.float32(1e-12))
        for j in range(weight.shape[1]):
            w = weight[i, j]
            sized = min(max(w * gain, -limit), limit)
            sign = np.float32(math.copysign(one, w))
            out[i, j] = np.float32(mask[i, j]) * (real * sized + (one - real) * sign)


@_loop
def _masked(given, mask, out):  # type: ignore[no-untyped-def]
    for i in range(given.shape[0]):
        for j in range(given.shape[1]):
            out[i, j] = given[i, j] * np.float32(mask[i, j])


@_loop
def _masked_half(given, mask, out):  # type: ignore[no-untyped-def]
    """Bits of float32 from those of bfloat16, its upper half."""
    for i in range(given.shape[0]):
        for j in range(given.shape[1]):
            out[i, j] = (np.uint32(given[i, j]) << np.uint32(16)) * np.uint32(mask[i, j])


@_loop
def _moments(n):  # type: ignore[no-untyped-def]
    """Mean and spread of each column, float32; sums in double precision."""
    rows, wide = n.shape
    mean, square = np.zeros(wide), np.zeros(wide)
    for i in range(rows):
        for j in range(wide):
            mean[j] += n[i, j]
    for j in range(wide):
        mean[j] /= rows
    for i in range(rows):
        for j in range(wide):
            apart = n[i, j] - mean[j]
            square[j] += apart * apart
    spread = np.empty(wide, np.float32)
    for j in range(wide):
        spread[j] = max(math.sqrt(square[j] / rows), LEAST_SPREAD)
    return mean.astype(np.float32), spread


@_loop
def _fire(n, edge, scale, push, noisy, membrane, spikes):  # type: ignore[no-untyped-def]
    one, nothing = np.float32(1.0), np.float32(0.0)
    for i in range(n.shape[0]):
        for j in range(n.shape[1]):
            membrane[i, j] = (n[i, j] - edge[j]) * scale[j]
        if noisy:
            for j in range(n.shape[1]):
                membrane[i, j] += push[i, j]
        for j in range(n.shape[1]):
            spikes[i, j] = one if membrane[i, j] > 0 else nothing


@_loop
def _through_spikes(given, pulled, n, edge, scale, membrane, out):  # type: ignore[no-untyped-def]
    """Gradient of the counts as they stand, and of edges and scales (neurons,)."""
    one, slope = np.float32(1.0), np.float32(math.pi * SURROGATE_SLOPE / 2)
    half = np.float32(SURROGATE_SLOPE / 2)
    wide = n.shape[1]
    on_edge, on_scale = np.zeros(wide, np.float32), np.zeros(wide, np.float32)
    for i in range(n.shape[0]):
        for j in range(wide):
            steep = slope * membrane[i, j]
            g = pulled[i, j] + given[i, j] * half / (one + steep * steep)
            out[i, j] = g * scale[j]
            on_edge[j] -= g * scale[j]
            on_scale[j] += g * (n[i, j] - edge[j])
    return on_edge, on_scale


@_loop
def _through_moments(on_mean, on_square, n, mean, out):  # type: ignore[no-untyped-def]
    for i in range(n.shape[0]):
        for j in range(n.shape[1]):
            out[i, j] += on_mean[j] + on_square[j] * (n[i, j] - mean[j])


@_loop
def _unpack(packed, rows, one, out):  # type: ignore[no-untyped-def]
    """Bits of 0 or 1, of packed rows."""
    wide = out.shape[1]
    for i in range(rows.size):
        line = packed[rows[i]]
        for k in range(wide // 8):
            for b in range(8):
                out[i, 8 * k + b] = ((line[k] >> (7 - b)) & 1) * one
        for j in range(wide // 8 * 8, wide):
            out[i, j] = ((line[j // 8] >> (7 - j % 8)) & 1) * one


@_loop
def _adam(p, g, m, v, first, second, size, root, epsilon):  # type: ignore[no-untyped-def]
    one, nothing, tiny = np.float32(1.0), np.float32(0.0), np.float32(1e-30)
    for i in range(p.size):
        mean = m[i] + (one - first) * (g[i] - m[i])
        # Where a gradient stays away it would fade into subnormal numbers, a hundred times slower.
        mean = mean if abs(mean) > tiny else nothing
        square = second * v[i] + (one - second) * g[i] * g[i]
        square = square if square > tiny else nothing
        m[i], v[i] = mean, square
        p[i] -= size * mean / (np.float32(math.sqrt(square)) / root + epsilon)
