"""Nodes that join one resistor and one inductor in series alone, as in a junction's shunt."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from verification.engine.text.circuit import FlatCircuit

IndexArray = NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class SeriesNodes:
    """Nodes that are eliminated, in no order.

    Attributes:
        node: their numbers.
        resistor: by node, the place of its resistor among the circuit's elements.
        inductor: of its inductor.
    """

    node: IndexArray
    resistor: IndexArray
    inductor: IndexArray


def series_nodes(
    flat: FlatCircuit, kept: NDArray[np.bool_], coupled: NDArray[np.bool_]
) -> SeriesNodes:
    """Find them.

    Args:
        flat: the circuit.
        kept: by node, whether it has to stay an unknown.
        coupled: by element, whether it is a coupled inductor.
    """
    count = np.bincount(flat.nodes.reshape(-1) + 1, minlength=flat.node_count + 1)[1:]
    plain = np.array([card.kinetic_A is None for card in flat.cards], dtype=np.bool_)
    resistors = flat.of_kind("R")
    fits = (resistors | flat.of_kind("L")) & (flat.values > 0.0) & ~coupled
    fits &= plain[flat.card] & (flat.nodes[:, 0] != flat.nodes[:, 1])
    at = np.flatnonzero(fits)
    # Both ends of all of them, in the order of the deck; those of one node side by side.
    ends = flat.nodes[at, :2].reshape(-1)
    owner = np.repeat(at, 2)
    order = np.argsort(ends, kind="stable")
    ends, owner, place = ends[order], owner[order], order
    first = np.flatnonzero((ends[:-1] == ends[1:]) & (ends[:-1] >= 0))
    node, a, b = ends[first], owner[first], owner[first + 1]
    # Where more than two meet the count says so.
    good = (count[node] == 2) & ~kept[node] & (resistors[a] != resistors[b])
    node, a, b, place = node[good], a[good], b[good], place[first[good]]
    good = _apart(a, b, place, len(flat))
    node, a, b = node[good], a[good], b[good]
    resistor = np.where(resistors[a], a, b)
    return SeriesNodes(node, resistor.astype(np.int32), (a + b - resistor).astype(np.int32))


def _apart(
    a: NDArray[np.int64], b: NDArray[np.int64], place: NDArray[np.int64], elements: int
) -> NDArray[np.bool_]:
    """Which pairs to take so that no element is in two: of those that meet, the first in the deck.

    Args:
        a: first element of each pair.
        b: second one.
        place: by which pairs are ordered.
        elements: how many elements there are.
    """
    uses = np.bincount(np.concatenate([a, b]), minlength=elements)
    taken = (uses[a] == 1) & (uses[b] == 1)
    used: set[int] = set()
    rest = np.flatnonzero(~taken)
    for k in rest[np.argsort(place[rest])].tolist():
        pair = {int(a[k]), int(b[k])}
        if not used & pair:
            used |= pair
            taken[k] = True
    return taken
