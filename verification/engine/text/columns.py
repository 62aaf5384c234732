"""A scope's elements as columns: numbers of cards, nodes and instances, its ports still open.

Node numbers in a layout: 0 and up in the order in which the lines name them, -1 for ground, -2 - k
for port k. An instance of it is its columns with numbers added and its ports replaced, so that all
instances of one subcircuit in a scope are placed at once.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from verification.engine.text.circuit import IndexArray
from verification.engine.text.deck import Scope
from verification.engine.text.devices import GROUND, DeviceCard, InstanceCard
from verification.engine.text.lines import Place

LongArray = NDArray[np.int64]
GROUNDS = ("0", "GND")
"""What ground is called, in every scope."""


@dataclass(eq=False)
class Layout:
    """A scope with all that its instances hold.

    Attributes:
        card: as in ``FlatCircuit``, and so are those up to ``node_instance``.
        own_grounds: ports of the scope that are named as ground is.
        grounded: ports that have to be ground for an instance inside, which has such a port: the
            instance and that port's number.
        devices: the place among the elements of each device of the scope itself.
        inside: its instances by label, each with the scope and the place of its first element.
    """

    card: IndexArray
    instance: IndexArray
    nodes: IndexArray
    couplings: IndexArray
    node_name: IndexArray
    node_instance: IndexArray
    paths: list[str]
    own_grounds: list[int]
    grounded: list[tuple[int, InstanceCard, int]]
    devices: dict[str, int] = field(default_factory=dict)
    inside: dict[str, tuple[Scope, int]] = field(default_factory=dict)


@dataclass(eq=False)
class Body:
    """The cards of a scope, as the lists that a layout is made of.

    Attributes:
        known: number of each node that was named.
        names: of the nodes that are the scope's own.
        first: by own node, the number of the card that names it first.
        places: of these cards.
        devices: numbers of the cards that are devices, with ``device_nodes``, four each.
        inner: by scope placed, its layout, the numbers of its cards and the nodes at its ports.
        values: what instances set: number of a card, place of the element behind the first one
            that it makes, number of the element's own card.
    """

    known: dict[str, int]
    names: list[str] = field(default_factory=list)
    first: list[int] = field(default_factory=list)
    places: list[Place] = field(default_factory=list)
    devices: list[int] = field(default_factory=list)
    device_nodes: list[tuple[int, ...]] = field(default_factory=list)
    inner: dict[str, tuple[Layout, list[int], list[list[int]]]] = field(default_factory=dict)
    values: list[tuple[int, int, int]] = field(default_factory=list)

    def numbers(self, card: int, nodes: tuple[str, ...], place: Place) -> list[int]:
        """The nodes of a card; new ones get the next number."""
        found = []
        for name in nodes:
            number = self.known.get(name)
            if number is None:
                number = self.known[name] = len(self.names)
                self.names.append(name)
                self.first.append(card)
                self.places.append(place)
            found.append(number)
        return found


class _Columns:
    """Columns of a layout under construction."""

    def __init__(self, elements: int, nodes: int) -> None:
        self.card = np.zeros(elements, dtype=np.int32)
        self.instance = np.zeros(elements, dtype=np.int32)
        self.nodes = np.full((elements, 4), GROUND, dtype=np.int32)
        self.node_name = np.zeros(nodes, dtype=np.int32)
        self.node_instance = np.zeros(nodes, dtype=np.int32)

    def place(
        self, layout: Layout, begin: LongArray, ports: LongArray, node: LongArray, path: LongArray
    ) -> None:
        """Put instances of a layout in: where each one's elements, nodes and paths begin.

        Args:
            layout: of the scope placed.
            begin: by instance, the place of its first element.
            ports: by instance, the nodes at its ports.
            node: by instance, the number of its first own node.
            path: by instance, the number of its first path.
        """
        at = begin[:, None] + np.arange(layout.card.size)
        self.card[at] = layout.card
        self.instance[at] = layout.instance + path[:, None]
        # Column 0 is ground, 1 + k is port k, as -1 and -2 - k say.
        outside = np.concatenate([np.full((begin.size, 1), GROUND), ports], axis=1)
        codes = layout.nodes.reshape(-1)
        own = codes >= 0
        moved = np.empty((begin.size, codes.size), dtype=np.int32)
        moved[:, own] = node[:, None] + codes[own]
        moved[:, ~own] = outside[:, -1 - codes[~own]]
        self.nodes[at] = moved.reshape(begin.size, -1, 4)
        named = node[:, None] + np.arange(layout.node_name.size)
        self.node_name[named] = layout.node_name
        self.node_instance[named] = layout.node_instance + path[:, None]


def _sums(numbers: list[tuple[int, int, int]]) -> LongArray:
    """Columns summed up: row k holds the sums before place k, the last one all of them."""
    table = np.array(numbers, dtype=np.int64).reshape(-1, 3)
    return np.concatenate([np.zeros((1, 3), dtype=np.int64), np.cumsum(table, axis=0)]).T


def _numbered(number: LongArray, given: LongArray) -> LongArray:
    """Nodes with the numbers of own ones replaced; ports and ground stay."""
    return np.where(given >= 0, number[np.maximum(given, 0)], given)


def _own_couplings(
    cards: list[DeviceCard | InstanceCard], devices: dict[str, int], begin: LongArray
) -> LongArray:
    """The scope's own K, as in ``FlatCircuit.couplings``."""
    rows = [
        (begin[number], *(devices.get(label, -1) for label in card.element.pair))
        for number, card in enumerate(cards)
        if isinstance(card, DeviceCard) and card.element.kind == "K"
    ]
    return np.array(rows, dtype=np.int64).reshape(-1, 3)


def assembled(
    cards: list[DeviceCard | InstanceCard],
    layouts: list[Layout | None],
    body: Body,
    first_card: int,
    first_name: int,
) -> dict[str, Any]:
    """The columns of a scope's layout.

    Args:
        cards: of the scope.
        layouts: by card, that of the instance which it is.
        body: what was found of them.
        first_card: number of its first device among all cards.
        first_name: number of its first node among all names.
    """
    sizes = [
        (1, 0, 0) if inner is None else (inner.card.size, inner.node_name.size, len(inner.paths))
        for inner in layouts
    ]
    # By card: where its elements begin, nodes and paths of the instances before it.
    begin, nodes_before, paths_before = _sums(sizes)
    first = np.array(body.first, dtype=np.int64)
    # Own nodes come with the card that names them first, before those inside that card.
    number = np.append(np.arange(first.size) + nodes_before[first], 0)
    out = _Columns(int(begin[-1]), first.size + int(nodes_before[-1]))
    out.node_name[number[:-1]] = first_name + np.arange(first.size)
    own = np.array(body.devices, dtype=np.int64)
    out.card[begin[own]] = first_card + np.arange(own.size)
    given = np.array(body.device_nodes, dtype=np.int64).reshape(-1, 4)
    out.nodes[begin[own]] = _numbered(number, given)
    devices = {
        card.element.label: place
        for card, place in zip(cards, begin.tolist(), strict=False)
        if isinstance(card, DeviceCard) and card.element.kind != "K"
    }
    couplings = [_own_couplings(cards, devices, begin)]
    for layout, placed, ports in body.inner.values():
        at = np.array(placed, dtype=np.int64)
        given = np.array(ports, dtype=np.int64).reshape(at.size, -1)
        outside = _numbered(number, given)
        base = nodes_before[at] + np.searchsorted(first, at, side="right")
        out.place(layout, begin[at], outside, base, 1 + paths_before[at])
        moved = layout.couplings[None] + begin[at][:, None, None]
        couplings.append(np.where(layout.couplings[None] < 0, -1, moved).reshape(-1, 3))
    for number_of_card, inside, new in body.values:
        out.card[begin[number_of_card] + inside] = new
    joined = np.concatenate(couplings)
    names = [""]
    for card, inner in zip(cards, layouts, strict=True):
        if isinstance(card, InstanceCard) and inner is not None:
            end = f"|{card.label}"
            names += [path + end for path in inner.paths]
    return {
        **vars(out),
        "couplings": joined[np.argsort(joined[:, 0], kind="stable")].astype(np.int32),
        "paths": names,
        "devices": devices,
        "inside": {
            card.label: (card.scope, place)
            for card, place in zip(cards, begin.tolist(), strict=False)
            if isinstance(card, InstanceCard)
        },
    }
