"""From scopes to one flat circuit with numbers for nodes and values.

Names follow JoSIM: junction B1 in instance X2 inside instance X1 is ``B1|X2|X1``. Each subcircuit
is laid out once, as columns in which its ports are open; placing it is arithmetic on these columns,
for all of its instances in a scope at once.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from netlist_gen.errors import DeckError
from verification.engine.text.budget import DEEPEST_SUBCIRCUIT, Budget
from verification.engine.text.circuit import FlatCircuit
from verification.engine.text.columns import GROUNDS, Body, Layout, assembled
from verification.engine.text.deck import ParsedDeck, Scope
from verification.engine.text.devices import (
    GROUND,
    DeviceCard,
    Element,
    InstanceCard,
    override,
    read_device,
    read_instance,
)
from verification.engine.text.lines import Line, Place

MAX_ELEMENTS = 20_000_000
_EXPANDED = 100_000
_EXPANDED_PER_LINE = 1000
"""A deck may expand to so many devices, and so many for each of its lines: a few lines that each
place the subcircuit before them twice name more than any machine holds."""

_NO_NODES = (GROUND,) * 4


def flatten(
    deck: ParsedDeck, directory: Path | None = None, budget: Budget | None = None
) -> FlatCircuit:
    """Expand all instances.

    Raises:
        DeckError: an unknown subcircuit, model or label, a wrong number of nodes, a recursion, a
            node that JoSIM would take for ground for the GND in its name.
        SimulatorError: time is up.
    """
    flattener = _Flattener(deck, directory, budget or Budget(deck.name))
    size = flattener.size("", ())
    lines = sum(len(scope.cards) for scope in deck.scopes.values())
    limit = min(MAX_ELEMENTS, _EXPANDED + _EXPANDED_PER_LINE * lines)
    if size > limit:
        raise DeckError(
            f"{deck.name}: {size} devices when expanded; the limit for a deck of {lines} device "
            f"lines is {limit}"
        )
    return flattener.circuit()


class _Flattener:
    def __init__(self, deck: ParsedDeck, directory: Path | None, budget: Budget) -> None:
        self._budget = budget
        self._deck = deck
        self._directory = directory
        self._read: dict[str, list[DeviceCard | InstanceCard]] = {}
        self._sizes: dict[str, int] = {}
        self._layouts: dict[str, Layout] = {}
        self._cards: list[Element] = []
        self._origins: list[tuple[DeviceCard, Scope]] = []
        self._names: list[str] = []
        self._places: list[Place] = []
        self._doubtful = False

    def size(self, name: str, stack: tuple[str, ...]) -> int:
        """Devices of a scope when expanded; also reads its cards and finds recursion."""
        if name not in self._sizes:
            scope = self._deck.scopes[name]
            if name in stack:
                raise scope.place.error(f"subcircuit {name} contains itself")
            if len(stack) > DEEPEST_SUBCIRCUIT:
                raise scope.place.error(f"subcircuits nest deeper than {DEEPEST_SUBCIRCUIT}")
            total = 0
            for card in self._cards_of(scope):
                if isinstance(card, InstanceCard):
                    inner = card.scope.name
                    known = self._sizes.get(inner)
                    total += self.size(inner, (*stack, name)) if known is None else known
                else:
                    total += 1
            self._sizes[name] = total
        return self._sizes[name]

    def _cards_of(self, scope: Scope) -> list[DeviceCard | InstanceCard]:
        if scope.name not in self._read:
            self._read[scope.name] = [self._card(line, scope) for line in scope.cards]
        return self._read[scope.name]

    def _card(self, line: Line, scope: Scope) -> DeviceCard | InstanceCard:
        self._budget.step()
        if line.tokens[0][0] == "X":
            return read_instance(line, self._deck.scopes)
        return read_device(line, scope, self._deck, self._directory)

    def circuit(self) -> FlatCircuit:
        """The main design, expanded. Raises DeckError."""
        whole = self._layout(self._deck.main, "")
        flat = FlatCircuit(
            self._deck, self._cards, whole.paths, whole.card, whole.instance, whole.nodes,
            whole.couplings, self._names, self._places, whole.node_name, whole.node_instance,
        )  # fmt: skip
        self._check_nodes(flat)
        if self._doubtful:
            self._check_labels(flat)
        return flat

    def _check_nodes(self, flat: FlatCircuit) -> None:
        # JoSIM looks at the flat name, so an instance's label grounds the nodes inside.
        names, paths = (
            np.array(["GND" in text for text in texts], dtype=np.bool_)
            for texts in (flat.names, flat.paths)
        )
        wrong = names[flat.node_name] | paths[flat.node_instance]
        if wrong.any():
            at = int(wrong.argmax())
            raise flat.places[flat.node_name[at]].error(
                f"{flat.node_label(at)}: JoSIM takes every node with GND in its name for ground"
            )

    def _check_labels(self, flat: FlatCircuit) -> None:
        at = np.flatnonzero(~flat.of_kind("K")).astype(np.int32)
        seen: set[str] = set()
        for place, label in zip(at.tolist(), flat.labels(at), strict=True):
            if label in seen:
                raise flat.place(place).error(f"{label} is there twice")
            seen.add(label)

    def _layout(self, scope: Scope, path: str) -> Layout:
        """The layout of a scope; ``path`` is the flat name of its first instance."""
        known = self._layouts.get(scope.name)
        if known is None:
            known = self._layouts[scope.name] = self._made(scope, path)
        return known

    def _made(self, scope: Scope, path: str) -> Layout:
        cards = self._cards_of(scope)
        ports = {port: -2 - k for k, port in enumerate(scope.ports)}
        body = Body({**ports, **dict.fromkeys(GROUNDS, GROUND)})
        grounded: list[tuple[int, InstanceCard, int]] = []
        own: list[DeviceCard] = []
        layouts: list[Layout | None] = []
        for number, card in enumerate(cards):
            if isinstance(card, DeviceCard):
                nodes = body.numbers(number, card.nodes, card.line.place)
                body.devices.append(number)
                body.device_nodes.append((*nodes, *_NO_NODES[len(nodes) :]))
                own.append(card)
                layouts.append(None)
                continue
            self._budget.step()
            nodes = body.numbers(number, card.nodes, card.line.place)
            layout = self._layout(card.scope, _within(card.label, path))
            layouts.append(layout)
            if layout.grounded or layout.own_grounds:
                grounded += _still_open(card, layout, nodes)
            group = body.inner.get(card.scope.name)
            if group is None:
                group = body.inner[card.scope.name] = (layout, [], [])
            group[1].append(number)
            group[2].append(nodes)
            if card.overrides:
                body.values += self._overridden(card, layout, number, path)
        labels = [card.element.label for card in own if card.element.kind != "K"]
        placed = [card.label for card in cards if isinstance(card, InstanceCard)]
        if len(set(labels)) < len(labels) or len(set(placed)) < len(placed):
            self._doubtful = True
        first_card = len(self._cards)
        self._cards += [card.element for card in own]
        self._origins += [(card, scope) for card in own]
        first_name = len(self._names)
        self._names += body.names
        self._places += body.places
        columns = assembled(cards, layouts, body, first_card, first_name)
        own_grounds = [k for k, port in enumerate(scope.ports) if port in GROUNDS]
        return Layout(**columns, own_grounds=own_grounds, grounded=grounded)

    def _overridden(
        self, card: InstanceCard, layout: Layout, number: int, path: str
    ) -> list[tuple[int, int, int]]:
        """For each value that an instance sets: its card, place inside and new card's number."""
        found = []
        for key, text in card.overrides.items():
            scope, within, at = card.scope, layout, 0
            where, rest = _within(card.label, path), key
            while True:
                label, _, last = rest.rpartition("|")
                inner = within.inside.get(last) if label else None
                if inner is None:
                    break
                rest, where = label, _within(last, where)
                scope, at = inner[0], at + inner[1]
                within = self._layouts[scope.name]
            place = within.devices.get(rest)
            if place is None:
                raise scope.place.error(
                    f"instance {where} sets {rest}, but subcircuit {scope.name} has no such device"
                )
            base, origin = self._origins[within.card[place]]
            self._cards.append(override(base, origin, self._deck, text))
            self._origins.append((base, origin))
            found.append((number, at + place, len(self._cards) - 1))
        return found


def _within(label: str, path: str) -> str:
    return f"{label}|{path}" if path else label


def _still_open(
    card: InstanceCard, layout: Layout, nodes: list[int]
) -> list[tuple[int, InstanceCard, int]]:
    """Ports of the scope around an instance that have to be ground for it. Raises DeckError."""
    found = []
    for k, of, port in [*layout.grounded, *((k, card, k) for k in layout.own_grounds)]:
        if nodes[k] >= 0:
            raise of.line.place.error(
                f"{of.label}: port {of.scope.ports[port]} of {of.scope.name} is ground and can't "
                "be connected to another node"
            )
        if nodes[k] != GROUND:
            found.append((-2 - nodes[k], of, port))
    return found
