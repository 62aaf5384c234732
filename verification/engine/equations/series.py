"""Nodes that join two elements alone: a resistor or a junction, and an inductor in series with it.

A junction's shunt has such a node, and so has a junction with the inductance of its way to ground.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from verification.engine.text.circuit import FlatCircuit

IndexArray = NDArray[np.int32]
BoolArray = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class SeriesNodes:
    """Nodes that are eliminated, in no order.

    Attributes:
        node: their numbers.
        element: by node, the place of its resistor or junction among the circuit's elements.
        inductor: of its inductor.
    """

    node: IndexArray
    element: IndexArray
    inductor: IndexArray


def series_nodes(
    flat: FlatCircuit, kept: BoolArray, coupled: BoolArray
) -> tuple[SeriesNodes, SeriesNodes]:
    """Those of resistors, and those of junctions; no element is in two of them.

    Args:
        flat: the circuit.
        kept: by node, whether it has to stay an unknown.
        coupled: by element, whether it is a coupled inductor.
    """
    count = np.bincount(flat.nodes.reshape(-1) + 1, minlength=flat.node_count + 1)[1:]
    free = (count == 2) & ~kept
    plain = np.array([card.kinetic_A is None for card in flat.cards], dtype=np.bool_)
    apart = flat.nodes[:, 0] != flat.nodes[:, 1]
    inductors = flat.of_kind("L") & (flat.values > 0.0) & ~coupled & plain[flat.card] & apart
    resistors = flat.of_kind("R") & (flat.values > 0.0) & apart
    of_resistors = _joined(flat, free, resistors, inductors)
    inductors[of_resistors.inductor] = False
    return of_resistors, _joined(flat, free, flat.of_kind("B") & apart, inductors)


def _joined(
    flat: FlatCircuit, free: BoolArray, kind: BoolArray, inductors: BoolArray
) -> SeriesNodes:
    """Nodes of one element of a kind and one inductor."""
    at = np.flatnonzero(kind | inductors)
    # Both ends of all of them, in the order of the deck; those of one node side by side.
    ends = flat.nodes[at, :2].reshape(-1)
    owner = np.repeat(at, 2)
    order = np.argsort(ends, kind="stable")
    ends, owner, place = ends[order], owner[order], order
    first = np.flatnonzero((ends[:-1] == ends[1:]) & (ends[:-1] >= 0))
    node, a, b = ends[first], owner[first], owner[first + 1]
    # Where more than two meet they are not free.
    good = free[node] & (kind[a] != kind[b])
    node, a, b, place = node[good], a[good], b[good], place[first[good]]
    good = _apart(a, b, place, len(flat))
    node, a, b = node[good], a[good], b[good]
    element = np.where(kind[a], a, b)
    return SeriesNodes(node, element.astype(np.int32), (a + b - element).astype(np.int32))


def _apart(
    a: NDArray[np.int64], b: NDArray[np.int64], place: NDArray[np.int64], elements: int
) -> BoolArray:
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
