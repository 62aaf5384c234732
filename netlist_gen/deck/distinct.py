"""Windows of a neuron that come again are simulated once: a walk over those that differ.

A window of a neuron is told by its pulses and by the window before it, as what that left behind is
all that the circuit can know of what was earlier (every window ends at rest, which is checked). The
windows of a series are the steps of a walk from pattern to pattern; of the steps that occur, each
is to be taken once. ``distinct_walk`` finds a walk of the fewest windows that does so: an Euler
walk over the steps as edges of a graph, with a jump wherever more leave a pattern than lead to it.

Where membranes last, it is whole samples that come again: each begins with emptied loops.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from netlist_gen.deck.windows import chunks

IntArray = NDArray[np.int64]

_REST = -1
"""Where the walk begins: no window was before."""


@dataclass(frozen=True, eq=False)
class Walk:
    """The windows of a neuron that are simulated.

    Attributes:
        windows: of each step of the walk a window of the series with its pulses, shape (steps,).
        rows: of each step the windows of the series that it stands for; none for one that only
            leads to the next.
        runs: how the walk is cut into decks: (first, beyond); each begins with the last sample of
            the one before, and all are of one length.
        sample: windows of a sample, 1 where each is for itself.
    """

    windows: IntArray
    rows: tuple[IntArray, ...]
    runs: tuple[tuple[int, int], ...]
    sample: int = 1


def distinct_walk(stimulus: NDArray[np.bool_], most: int, sample: int = 1) -> Walk | None:
    """The walk over the windows of a neuron that differ, or None where it is no shorter.

    Args:
        stimulus: bool, shape (windows, synapses): pulses in each window, in their order.
        most: windows of a deck, 2 samples at least.
        sample: windows that come again together or not at all.
    """
    if sample > 1:
        samples = distinct_walk(stimulus.reshape(stimulus.shape[0] // sample, -1), most // sample)
        return None if samples is None else _widened(samples, sample)
    windows = stimulus.shape[0]
    packed = np.packbits(stimulus, axis=1)  # in the same order, and sorted six times as fast
    _, shown, pattern = np.unique(packed, axis=0, return_index=True, return_inverse=True)
    pattern = pattern.reshape(-1)
    before = np.concatenate(([_REST], pattern[:-1]))
    key = (before + 1) * shown.size + pattern
    _, step = np.unique(key, return_inverse=True)
    step = step.reshape(-1)
    if int(step.max()) + 1 == windows:  # nothing comes again
        return None
    by_step = np.split(np.argsort(step, kind="stable"), np.cumsum(np.bincount(step))[:-1])
    rows = {(int(before[own[0]]), int(pattern[own[0]])): own for own in by_step}
    nodes = _euler(list(rows))
    none = np.zeros(0, dtype=np.int64)
    path = list(zip([_REST, *nodes[:-1]], nodes, strict=True))
    taken = [rows.pop(edge, none) for edge in path]
    # All but a first deck begin with one window more.
    each = max(2, most) - 1
    parts = chunks(len(nodes) - 1, each)
    length = max((beyond - first for first, beyond in parts), default=0)
    missing = 1 + length * len(parts) - len(nodes)
    walk = np.concatenate((shown[nodes], np.repeat(shown[nodes[-1:]], missing)))
    runs = tuple((k * length, (k + 1) * length + 1) for k in range(len(parts)))
    if sum(beyond - first for first, beyond in runs) >= windows:
        return None
    return Walk(walk, (*taken, *[none] * missing), runs)


def _widened(walk: Walk, sample: int) -> Walk:
    """A walk over samples as one over their windows."""
    inside = np.arange(sample)
    return Walk(
        (walk.windows[:, None] * sample + inside).reshape(-1),
        tuple(rows * sample + at for rows in walk.rows for at in inside),
        tuple((first * sample, beyond * sample) for first, beyond in walk.runs),
        sample,
    )


def _euler(edges: list[tuple[int, int]]) -> list[int]:
    """Patterns in an order in which every edge is a step, that from rest the first.

    Where more leaves than comes, or the other way round, edges from and to rest are added, so that
    one closed walk takes all (Hierholzer); without rest it is one of the fewest jumps.
    """
    leaving: dict[int, list[int]] = {}
    surplus: dict[int, int] = {}
    for one, other in edges:
        leaving.setdefault(one, []).append(other)
        surplus[one] = surplus.get(one, 0) + 1
        surplus[other] = surplus.get(other, 0) - 1
    (first,) = leaving[_REST]
    for node, more in surplus.items():
        if node != _REST:
            leaving[_REST] += [node] * more
            leaving.setdefault(node, []).extend([_REST] * -more)
    stack, closed = [_REST], []
    while stack:
        left = leaving[stack[-1]]
        if left:
            stack.append(left.pop())
        else:
            closed.append(stack.pop())
    closed = closed[:0:-1]  # in its order, the last return left out
    steps = list(zip(closed, [*closed[1:], _REST], strict=True))
    begin = steps.index((_REST, first))
    return [node for node in closed[begin:] + closed[:begin] if node != _REST]
