"""Ternary weights with exact caps: which latent weights become synapses, and their gradient.

A latent real weight becomes sign(w) where its mask is set and 0 elsewhere; the backward pass
treats this as the identity (straight-through estimator, Bengio et al., arXiv 1308.3432), so
that a masked weight keeps learning and can come back until masks are frozen.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor


class _SignMasked(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, weight: Tensor, mask: Tensor) -> Tensor:  # noqa: ARG004
        # copysign is some ten times faster than where.
        return torch.copysign(mask, weight.to(mask.dtype))

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None]:  # noqa: ARG004
        return grads[0].to(torch.float32), None


def ternary(weight: Tensor, mask: Tensor) -> Tensor:
    """sign(weight) where mask is 1, else 0, in the mask's type; straight-through gradient.

    The sign of a zero is its sign bit, here and in all else that asks for signs.

    Args:
        weight: latent, (outputs, ...).
        mask: 0 or 1, same shape, in the type that the product is computed in.
    """
    result: Tensor = _SignMasked.apply(weight, mask)
    return result


def cap_rows(weight: Tensor, cap: int, max_count: int | None = None) -> Tensor:
    """Mask (bool) of the ``cap`` largest magnitudes of each row, exactly.

    Args:
        weight: (outputs, ...), compared within a row.
        cap: most synapses per neuron.
        max_count: most positive and most negative synapses per neuron each.
    """
    magnitude = weight.detach().abs().flatten(1)
    if max_count is not None and max_count < magnitude.shape[1]:
        allowed = torch.zeros_like(magnitude, dtype=torch.bool)
        negative = torch.signbit(weight.detach().flatten(1))
        for side in (~negative, negative):
            order = torch.where(side, magnitude, -1.0).topk(max_count, dim=1).indices
            allowed |= torch.zeros_like(allowed).scatter_(1, order, True) & side
        magnitude = torch.where(allowed, magnitude, -1.0)
    if cap >= magnitude.shape[1]:
        mask = magnitude >= 0
    else:
        keep = magnitude.topk(cap, dim=1).indices
        mask = torch.zeros_like(magnitude, dtype=torch.bool).scatter_(1, keep, True)
        mask &= magnitude >= 0
    return mask.reshape(weight.shape)


def prune_to_budget(
    scores: Sequence[Tensor],
    masks: Sequence[Tensor],
    fits: Callable[[Sequence[Tensor]], bool],
) -> list[Tensor]:
    """Drop the lowest scores of all layers together until ``fits(masks)``.

    Args:
        scores: one tensor per layer, comparable across layers (magnitude per unit of cost).
        masks: bool, same shapes: what the caps allow.
        fits: says whether a set of masks is within the budget; must hold for empty masks and
            be monotonic (fewer synapses never cost more).

    Returns:
        Masks with as many of the highest scores as fit, found by bisection.
    """
    if fits(masks):
        return list(masks)
    ordered = torch.cat([s[m] for s, m in zip(scores, masks, strict=True)]).sort().values
    low, high = 0, ordered.numel()  # dropping `low` does not fit, dropping `high` does
    while high - low > 1:
        middle = (low + high) // 2
        if fits(_above(scores, masks, ordered[middle - 1])):
            high = middle
        else:
            low = middle
    return _above(scores, masks, ordered[high - 1])


def cubic(progress: float, start: float, end: float) -> float:
    """Gradual pruning schedule of Zhu and Gupta, arXiv 1710.01878: fast first, then gently."""
    share = min(max(progress, 0.0), 1.0)
    return end + (start - end) * (1.0 - share) ** 3


def _above(scores: Sequence[Tensor], masks: Sequence[Tensor], edge: Tensor) -> list[Tensor]:
    return [m & (s > edge) for s, m in zip(scores, masks, strict=True)]
