"""Membranes that last from step to step while a network is trained.

The rule is that of ``netlist_gen.memory``, in floating point and with gradients through time: a
membrane adds up the counts of a sample's steps, and a pulse resets it before the next count is
added. As in snnTorch no gradient goes through the decision to reset.
"""

from __future__ import annotations

import torch
from torch import Tensor

from netlist_gen.memory import Reset


def by_step(rows: Tensor, steps: int) -> Tensor:
    """Rows (samples * steps, ...) as (samples, steps, ...)."""
    return rows.reshape(-1, steps, *rows.shape[1:])


def running_sums(counts: Tensor, steps: int) -> Tensor:
    """Counts added up within each sample, as a membrane without a reset has them.

    Args:
        counts: (samples * steps, ...).
        steps: of a sample.

    Returns:
        float32, the same shape.
    """
    return by_step(counts.float(), steps).cumsum(dim=1).reshape(counts.shape)


def integrate(
    counts: Tensor,
    steps: int,
    reset: Reset,
    edge: Tensor,
    push: Tensor | None = None,
) -> Tensor:
    """Membranes of neurons, as each decision sees them.

    Args:
        counts: n, (samples * steps, neurons) or (samples * steps, channels, height, width).
        steps: of a sample; each begins at a membrane of 0.
        reset: what a pulse does to the membrane; "subtract" takes ``edge - 1/2`` off, which is
            theta - 1 where edges are thresholds.
        edge: the neuron fires where its membrane is above; of a shape that goes with counts.
        push: noise of each decision, in counts, of the shape of ``counts``; it is no part of the
            membrane.

    Returns:
        float32, the shape of ``counts``.
    """
    edge = edge.detach().float()
    given = by_step(counts.float(), steps).unbind(dim=1)
    edges = [edge] * steps
    if push is not None:
        edges = list((edge.unsqueeze(1) - by_step(push.detach().float(), steps)).unbind(dim=1))
    membranes = [given[0]]
    for added, decided_at in zip(given[1:], edges[:-1], strict=True):
        left = membranes[-1]
        fired = left.detach() > decided_at
        if reset == "zero":
            left = left * ~fired
        elif reset == "subtract":
            left = left - fired * (edge - 0.5)
        membranes.append(left + added)
    return torch.stack(membranes, dim=1).reshape(counts.shape)
