"""Membranes that last from step to step while a network is trained.

The rule is that of ``netlist_gen.memory``, in floating point and with gradients through time: a
membrane adds up the counts of a sample's steps, of which a share may leak from step to step, and a
pulse resets it before the next count is added. As in snnTorch no gradient goes through the
decision to reset.
"""

from __future__ import annotations

import torch
from torch import Tensor

from netlist_gen.memory import Reset


def by_step(rows: Tensor, steps: int) -> Tensor:
    """Rows (samples * steps, ...) as (samples, steps, ...)."""
    return rows.reshape(-1, steps, *rows.shape[1:])


def running_sums(counts: Tensor, steps: int, beta: float = 1.0) -> Tensor:
    """Counts added up within each sample, as a membrane without a reset has them.

    Args:
        counts: (samples * steps, ...).
        steps: of a sample.
        beta: what is left of a sum after a step.

    Returns:
        float32, the same shape.
    """
    given = by_step(counts.float(), steps)
    if beta == 1.0:
        return given.cumsum(dim=1).reshape(counts.shape)
    sums = [given[:, 0]]
    for added in given.unbind(dim=1)[1:]:
        sums.append(beta * sums[-1] + added)
    return torch.stack(sums, dim=1).reshape(counts.shape)


def integrate(
    counts: Tensor,
    steps: int,
    reset: Reset,
    edge: Tensor,
    push: Tensor | None = None,
    beta: float = 1.0,
) -> Tensor:
    """Membranes of neurons, as each decision sees them.

    Args:
        counts: n, (samples * steps, neurons) or (samples * steps, channels, height, width).
        steps: of a sample; each begins at a membrane of 0.
        reset: what a pulse does to the membrane; "subtract" takes ``edge - 1/2`` off, which is
            theta - 1 where edges are thresholds, of membranes that leak the edge.
        edge: the neuron fires where its membrane is above; of a shape that goes with counts.
        push: noise of each decision, in counts, of the shape of ``counts``; it is no part of the
            membrane.
        beta: what is left of a membrane after a step.

    Returns:
        float32, the shape of ``counts``.
    """
    edge = edge.detach().float()
    amount = edge - 0.5 if beta == 1.0 else edge
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
        if beta < 1.0:  # in the order of netlist_gen.memory, whose sums are rounded likewise
            left = beta * left
        total = left + added
        membranes.append(total - fired * amount if reset == "subtract" else total)
    return torch.stack(membranes, dim=1).reshape(counts.shape)
