"""From scopes to one flat list of elements with numbers for nodes and values.

Names follow JoSIM: junction B1 in instance X2 inside instance X1 is ``B1|X2|X1``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from netlist_gen.errors import DeckError
from verification.engine.text.budget import DEEPEST_SUBCIRCUIT, Budget
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


@dataclass
class FlatCircuit:
    """All elements, and the names of the nodes by number."""

    deck: ParsedDeck
    elements: list[Element] = field(default_factory=list)
    node_names: list[str] = field(default_factory=list)


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
    flattener.expand(deck.main, "", {}, {})
    seen: set[str] = set()
    for element in flattener.flat.elements:
        if element.kind != "K":
            if element.label in seen:
                raise element.place.error(f"{element.label} is there twice")
            seen.add(element.label)
    return flattener.flat


class _Flattener:
    def __init__(self, deck: ParsedDeck, directory: Path | None, budget: Budget) -> None:
        self.flat = FlatCircuit(deck)
        self._budget = budget
        self._deck = deck
        self._directory = directory
        self._read: dict[str, list[DeviceCard | InstanceCard]] = {}
        self._sizes: dict[str, int] = {}

    def size(self, name: str, stack: tuple[str, ...]) -> int:
        """Devices of a scope when expanded; also reads its cards and finds recursion."""
        if name not in self._sizes:
            scope = self._deck.scopes[name]
            if name in stack:
                raise scope.place.error(f"subcircuit {name} contains itself")
            if len(stack) > DEEPEST_SUBCIRCUIT:
                raise scope.place.error(f"subcircuits nest deeper than {DEEPEST_SUBCIRCUIT}")
            total = 0
            for card in self._cards(scope):
                if isinstance(card, InstanceCard):
                    total += self.size(card.scope.name, (*stack, name))
                else:
                    total += 1
            self._sizes[name] = total
        return self._sizes[name]

    def _cards(self, scope: Scope) -> list[DeviceCard | InstanceCard]:
        if scope.name not in self._read:
            self._read[scope.name] = [self._card(line, scope) for line in scope.cards]
        return self._read[scope.name]

    def _card(self, line: Line, scope: Scope) -> DeviceCard | InstanceCard:
        self._budget.step()
        if line.tokens[0][0] == "X":
            return read_instance(line, self._deck.scopes)
        return read_device(line, scope, self._deck, self._directory)

    def expand(
        self, scope: Scope, path: str, ports: dict[str, int], overrides: dict[str, str]
    ) -> None:
        """Append the devices of an instance, with those of the instances in it.

        Args:
            scope: of which it is an instance.
            path: its flat name; empty for the main design.
            ports: number of the node at each port.
            overrides: texts of values by label inside the instance.
        """
        self._budget.step()
        nodes = {**ports, "0": GROUND, "GND": GROUND}
        suffix = f"|{path}" if path else ""
        unused = dict(overrides)
        for card in self._cards(scope):
            if isinstance(card, InstanceCard):
                ports_inside, own = self._inside(card, suffix, nodes, unused)
                self.expand(card.scope, card.label + suffix, ports_inside, own)
                continue
            e = card.element
            if unused and e.label in unused:
                e = override(card, scope, self._deck, unused.pop(e.label))
            at = tuple([self._number(node, nodes, suffix, e.place) for node in card.nodes])
            pair = (e.pair[0] + suffix, e.pair[1] + suffix) if e.pair[0] else e.pair
            self.flat.elements.append(
                Element(
                    e.kind, e.label + suffix, at, e.value, e.model, e.wave, e.delay, e.spread,
                    e.temperature, e.bandwidth, pair, e.place, e.kinetic_A,
                )
            )  # fmt: skip
        if unused:
            label = next(iter(unused))
            raise scope.place.error(
                f"instance {path} sets {label}, but subcircuit {scope.name} has no such device"
            )

    def _inside(
        self, card: InstanceCard, suffix: str, nodes: dict[str, int], unused: dict[str, str]
    ) -> tuple[dict[str, int], dict[str, str]]:
        """Ports and overrides of an instance; those that come from outside leave ``unused``."""
        place, own = card.line.place, f"|{card.label}"
        overrides = dict(card.overrides)
        for key in [key for key in unused if key.endswith(own)]:
            overrides[key.removesuffix(own)] = unused.pop(key)
        ports = {
            port: self._number(node, nodes, suffix, place)
            for port, node in zip(card.scope.ports, card.nodes, strict=True)
        }
        for ground in ("0", "GND"):
            if ports.get(ground, GROUND) != GROUND:
                raise place.error(
                    f"{card.label}: port {ground} of {card.scope.name} is ground and "
                    "can't be connected to another node"
                )
        return ports, overrides

    def _number(self, name: str, nodes: dict[str, int], suffix: str, place: Place) -> int:
        found = nodes.get(name)
        if found is None:
            flat_name = name + suffix
            # JoSIM looks at the flat name, so an instance's label grounds the nodes inside.
            if "GND" in flat_name:
                raise place.error(
                    f"{flat_name}: JoSIM takes every node with GND in its name for ground"
                )
            found = nodes[name] = len(self.flat.node_names)
            self.flat.node_names.append(flat_name)
        return found
