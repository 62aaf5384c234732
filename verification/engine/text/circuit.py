"""The flat circuit as columns: which card each element is of, in which instance, at which nodes.

A deck of 100,000 junctions is one cell placed 100,000 times. What its cards say is read once and
kept once; an element is a row of numbers, and becomes an ``Element`` where somebody asks for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import overload

import numpy as np
from numpy.typing import NDArray

from verification.engine.text.deck import ParsedDeck
from verification.engine.text.devices import Element
from verification.engine.text.lines import Place

IndexArray = NDArray[np.int32]
_NODES = dict.fromkeys("EFGHT", 4) | {"K": 0}
"""Nodes of an element by its kind, where they are not two."""


@dataclass(frozen=True, eq=False)
class FlatCircuit:
    """All elements, in the order of the deck.

    Attributes:
        cards: what device lines say, with the labels that they have there and no nodes.
        paths: of each instance what its elements' labels end with: ``|X2|X1``; "" of the main
            design.
        card: by element, its place in ``cards``.
        instance: by element, its place in ``paths``.
        nodes: numbers of its nodes, -1 for ground, shape (elements, 4); what an element has no
            use for is -1 too.
        couplings: of each K its place among the elements and those of its two inductors, -1 for
            one that is not there, shape (couplings, 3).
        names: of nodes, as the lines that first name them do.
        places: of these lines.
        node_name: by node, its place in ``names``.
        node_instance: by node, its place in ``paths``.
    """

    deck: ParsedDeck
    cards: list[Element]
    paths: list[str]
    card: IndexArray
    instance: IndexArray
    nodes: IndexArray
    couplings: IndexArray
    names: list[str]
    places: list[Place]
    node_name: IndexArray
    node_instance: IndexArray

    def __len__(self) -> int:
        return int(self.card.size)

    @property
    def elements(self) -> Sequence[Element]:
        """The elements as objects, each made when it is asked for."""
        return _Elements(self)

    def of_kind(self, letters: str) -> NDArray[np.bool_]:
        """By element, whether the letter of its kind is among these."""
        flags = [card.kind in letters for card in self.cards]
        return np.array(flags, dtype=np.bool_)[self.card]

    @cached_property
    def values(self) -> NDArray[np.float64]:
        """By element its value."""
        return np.array([card.value for card in self.cards], dtype=np.float64)[self.card]

    @property
    def node_count(self) -> int:
        """How many nodes there are beside ground."""
        return int(self.node_name.size)

    @cached_property
    def node_names(self) -> list[str]:
        """Flat names of the nodes by number."""
        names, paths = self.names, self.paths
        places = zip(self.node_name.tolist(), self.node_instance.tolist(), strict=True)
        return [names[name] + paths[instance] for name, instance in places]

    def node_label(self, number: int) -> str:
        """Flat name of one node."""
        return self.names[self.node_name[number]] + self.paths[self.node_instance[number]]

    def label(self, at: int) -> str:
        """Flat label of one element."""
        return self.cards[self.card[at]].label + self.paths[self.instance[at]]

    def labels(self, at: IndexArray) -> list[str]:
        """Flat labels of some elements."""
        own, paths = [card.label for card in self.cards], self.paths
        rows = zip(self.card[at].tolist(), self.instance[at].tolist(), strict=True)
        return [own[card] + paths[instance] for card, instance in rows]

    def place(self, at: int) -> Place:
        """Where the line of one element is."""
        return self.cards[self.card[at]].place

    def element(self, at: int) -> Element:
        """One element, with its flat label and its nodes."""
        e, path = self.cards[self.card[at]], self.paths[self.instance[at]]
        nodes = tuple(self.nodes[at, : _NODES.get(e.kind, 2)].tolist())
        pair = (e.pair[0] + path, e.pair[1] + path) if e.pair[0] else e.pair
        return Element(
            e.kind, e.label + path, nodes, e.value, e.model, e.wave, e.delay, e.spread,
            e.temperature, e.bandwidth, pair, e.place, e.kinetic_A,
        )  # fmt: skip

    def where(self, holds: Callable[[Element], bool]) -> IndexArray:
        """Places of the elements whose card has a property; it is asked once for each card."""
        flags = np.fromiter(map(holds, self.cards), dtype=np.bool_, count=len(self.cards))
        if not flags.any():
            return np.zeros(0, dtype=np.int32)
        return np.flatnonzero(flags[self.card]).astype(np.int32)

    def find(self, label: str) -> int:
        """Place of the element with this flat label, which is no coupling; -1 for none."""
        return self._element_index.find(label)

    def find_node(self, name: str) -> int:
        """Number of the node with this flat name; -1 for none."""
        return self._node_index.find(name)

    @cached_property
    def _element_index(self) -> _Index:
        own = [card.label if card.kind != "K" else "" for card in self.cards]
        return _Index(own, self._path_index, self.card, self.instance)

    @cached_property
    def _node_index(self) -> _Index:
        return _Index(self.names, self._path_index, self.node_name, self.node_instance)

    @cached_property
    def _path_index(self) -> dict[str, int]:
        return {path: number for number, path in enumerate(self.paths)}


class _Index:
    """Rows by flat name: the names of an instance are looked at when it is first asked for.

    Args:
        own: names without their paths.
        paths: number of each path.
        name: by row, its place in ``own``.
        instance: by row, the number of its path.
    """

    def __init__(
        self, own: list[str], paths: dict[str, int], name: IndexArray, instance: IndexArray
    ) -> None:
        self._own = own
        self._paths = paths
        self._name = name
        self._rows = np.argsort(instance, kind="stable")
        self._begin = np.searchsorted(instance[self._rows], np.arange(len(paths) + 1))
        self._known: dict[int, dict[str, int]] = {}

    def find(self, name: str) -> int:
        """The row of this flat name; -1 for none."""
        own, bar, path = name.partition("|")
        instance = self._paths.get(bar + path)
        if instance is None or not own:
            return -1
        known = self._known.get(instance)
        if known is None:
            rows = self._rows[self._begin[instance] : self._begin[instance + 1]]
            names = map(self._own.__getitem__, self._name[rows].tolist())
            known = self._known[instance] = dict(zip(names, rows.tolist(), strict=True))
        return known.get(own, -1)


class _Elements(Sequence[Element]):
    """The elements of a circuit, made one by one."""

    def __init__(self, circuit: FlatCircuit) -> None:
        self._circuit = circuit

    def __len__(self) -> int:
        return len(self._circuit)

    @overload
    def __getitem__(self, at: int) -> Element: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[Element]: ...
    def __getitem__(self, at: int | slice) -> Element | Sequence[Element]:
        if isinstance(at, slice):
            return [self._circuit.element(k) for k in range(*at.indices(len(self)))]
        return self._circuit.element(at)

    def __iter__(self) -> Iterator[Element]:
        return map(self._circuit.element, range(len(self)))
