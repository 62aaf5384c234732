"""From scopes to one flat list of elements with numbers for nodes and values.

Names follow JoSIM: junction B1 in instance X2 inside instance X1 is ``B1|X2|X1``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from netlist_gen.errors import DeckError
from verification.engine.text.deck import Deck, JunctionModel, Scope
from verification.engine.text.expressions import ExpressionError, evaluate
from verification.engine.text.lines import Line, Place
from verification.engine.text.sources import SourceWave, parse_source

GROUND = -1
_NOWHERE = Place("", 0)
MAX_ELEMENTS = 20_000_000
_FOUR_NODES = "EFGHT"
# Marks of JSIM's optimiser that JoSIM reads over; they say nothing about the circuit.
_ANNOTATIONS = frozenset({"FCHECK", "NFREE"})


@dataclass(frozen=True, slots=True)
class Element:
    """One device of the flat circuit.

    Attributes:
        kind: its letter.
        label: its flat name.
        nodes: node numbers, -1 for ground; for K the positions of the inductors are in ``pair``.
        value: H, ohm, F, gain, coupling factor, area of a junction, or z0 of a line.
        model: a junction's model.
        wave: a source's wave.
        delay: delay of a transmission line, s.
        spread: own relative spread; 1 means none.
        temperature, bandwidth: of its thermal noise; None takes the deck's.
        pair: flat labels of the two inductors of a K.
    """

    kind: str
    label: str
    nodes: tuple[int, ...]
    value: float = 0.0
    model: JunctionModel | None = None
    wave: SourceWave | None = None
    delay: float = 0.0
    spread: float = 1.0
    temperature: float | None = None
    bandwidth: float | None = None
    pair: tuple[str, str] = ("", "")
    place: Place = _NOWHERE


@dataclass
class FlatCircuit:
    """All elements, and the names of the nodes by number."""

    deck: Deck
    elements: list[Element] = field(default_factory=list)
    node_names: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Card:
    """One device line, read once for all instances of its scope."""

    line: Line
    nodes: tuple[str, ...]
    element: Element  # with local names and no nodes


@dataclass(frozen=True, slots=True)
class _Instance:
    line: Line
    label: str
    scope: Scope
    nodes: tuple[str, ...]
    overrides: dict[str, str]


def flatten(deck: Deck, directory: Path | None = None) -> FlatCircuit:
    """Expand all instances.

    Raises:
        DeckError: an unknown subcircuit, model or label, a wrong number of nodes, a recursion, a
            node that JoSIM would take for ground for the GND in its name.
    """
    return _Flattener(deck, directory).run()


class _Flattener:
    def __init__(self, deck: Deck, directory: Path | None) -> None:
        self._deck = deck
        self._directory = directory
        self._flat = FlatCircuit(deck)
        self._read: dict[str, list[_Card | _Instance]] = {}
        self._sizes: dict[str, int] = {}

    def run(self) -> FlatCircuit:
        size = self._size("", ())
        if size > MAX_ELEMENTS:
            raise DeckError(
                f"{self._deck.name}: {size} devices when expanded; the limit is {MAX_ELEMENTS}"
            )
        self._expand(self._deck.main, "", {}, {})
        _check_unique(self._flat.elements)
        return self._flat

    def _size(self, name: str, stack: tuple[str, ...]) -> int:
        """Devices of a scope when expanded; also reads its cards and finds recursion."""
        if name in self._sizes:
            return self._sizes[name]
        scope = self._deck.scopes[name]
        if name in stack:
            raise scope.place.error(f"subcircuit {name} contains itself")
        total = 0
        for card in self._cards(scope):
            if isinstance(card, _Instance):
                total += self._size(card.scope.name, (*stack, name))
            else:
                total += 1
        self._sizes[name] = total
        return total

    def _cards(self, scope: Scope) -> list[_Card | _Instance]:
        if scope.name not in self._read:
            self._read[scope.name] = [
                self._instance(line) if line.tokens[0][0] == "X" else self._card(line, scope)
                for line in scope.cards
            ]
        return self._read[scope.name]

    def _expand(
        self, scope: Scope, path: str, ports: dict[str, int], overrides: dict[str, str]
    ) -> None:
        nodes = dict(ports)
        nodes["0"] = nodes["GND"] = GROUND
        names, elements = self._flat.node_names, self._flat.elements
        suffix = f"|{path}" if path else ""

        def number(name: str, place: Place) -> int:
            found = nodes.get(name)
            if found is None:
                flat_name = name + suffix
                # JoSIM looks at the flat name, so an instance's label grounds the nodes inside.
                if "GND" in flat_name:
                    raise place.error(
                        f"{flat_name}: JoSIM takes every node with GND in its name for ground"
                    )
                found = nodes[name] = len(names)
                names.append(flat_name)
            return found

        unused = dict(overrides)
        for card in self._cards(scope):
            if isinstance(card, _Instance):
                own = f"{card.label}|"
                inner = dict(card.overrides)
                for key in [key for key in unused if key.endswith("|" + card.label)]:
                    inner[key[: -len(own)]] = unused.pop(key)
                inner_ports = {
                    port: number(node, card.line.place)
                    for port, node in zip(card.scope.ports, card.nodes, strict=True)
                }
                for ground in ("0", "GND"):
                    if inner_ports.get(ground, GROUND) != GROUND:
                        raise card.line.place.error(
                            f"{card.label}: port {ground} of {card.scope.name} is ground and "
                            "can't be connected to another node"
                        )
                self._expand(card.scope, card.label + suffix, inner_ports, inner)
                continue
            element = card.element
            if unused and element.label in unused:
                element = self._overridden(card, scope, unused.pop(element.label))
            pair = element.pair
            if pair[0]:
                pair = (pair[0] + suffix, pair[1] + suffix)
            elements.append(
                Element(
                    element.kind,
                    element.label + suffix,
                    tuple([number(node, element.place) for node in card.nodes]),
                    element.value,
                    element.model,
                    element.wave,
                    element.delay,
                    element.spread,
                    element.temperature,
                    element.bandwidth,
                    pair,
                    element.place,
                )
            )
        if unused:
            label = next(iter(unused))
            raise scope.place.error(
                f"instance {path} sets {label}, but subcircuit {scope.name} has no such device"
            )

    def _evaluator(self, line: Line, scope: Scope) -> Callable[[str], float]:
        def value(text: str) -> float:
            try:
                return evaluate(text, scope.parameters)
            except ExpressionError as error:
                raise line.place.error(f"{line.tokens[0]}: {error}") from error

        return value

    def _overridden(self, card: _Card, scope: Scope, text: str) -> Element:
        tokens = list(card.line.tokens)
        kind = card.element.kind
        if kind in "RLCK":
            tokens[3] = text
        elif kind in "EFGH":
            tokens[5] = text
        else:
            keys = ("TD=",) if kind == "T" else ("AREA=", "IC=")
            found = [i for i, token in enumerate(tokens) if token.startswith(keys)]
            if kind not in "TB" or not found:
                raise card.line.place.error(
                    f"{card.element.label} can't be set from the instance: it has no value to "
                    "replace (a junction needs area= or ic=)"
                )
            key = tokens[found[0]].partition("=")[0]
            tokens[found[0]] = f"{key}={text}"
        return self._card(Line(card.line.place, tuple(tokens)), scope).element

    def _instance(self, line: Line) -> _Instance:
        tokens = line.tokens[1:]
        plain = [token for token in tokens if "=" not in token]
        overrides: dict[str, str] = {}
        for token in tokens:
            key, sign, value = token.partition("=")
            if not sign:
                continue
            if not key or not value or key in overrides:
                raise line.place.error(f"{token}: an instance takes LABEL=value, each label once")
            overrides[key.replace(".", "|")] = value
        _check_name(line.tokens[0], line.place)
        at = [i for i in (0, len(plain) - 1) if plain and plain[i] in self._deck.scopes]
        at = sorted(set(at))
        if not at:
            raise line.place.error(
                f"{line.tokens[0]}: neither the first nor the last word names a subcircuit"
            )
        if len(at) == 2:
            fitting = [i for i in at if len(self._deck.scopes[plain[i]].ports) == len(plain) - 1]
            if len(fitting) != 1:
                raise line.place.error(
                    f"{line.tokens[0]}: both {plain[0]} and {plain[-1]} name subcircuits"
                )
            at = fitting
        child = self._deck.scopes[plain[at[0]]]
        nodes = tuple(plain[: at[0]] + plain[at[0] + 1 :])
        if len(nodes) != len(child.ports):
            raise line.place.error(
                f"{line.tokens[0]} connects {len(nodes)} nodes, but subcircuit {child.name} has "
                f"{len(child.ports)}"
            )
        for node in nodes:
            _check_name(node, line.place)
        return _Instance(line, line.tokens[0], child, nodes, overrides)

    def _card(self, raw: Line, scope: Scope) -> _Card:
        line = Line(raw.place, _join_braces(raw))
        kind, label, place = line.tokens[0][0], line.tokens[0], raw.place
        _check_name(label, place)
        value = self._evaluator(line, scope)
        count = 4 if kind in _FOUR_NODES else 2
        if len(line.tokens) < count + 2:
            raise place.error(f"{line}: {kind} takes a label, {count} nodes and a value")
        nodes = line.tokens[1 : count + 1]
        for node in nodes:
            _check_name(node, place)
        rest = list(line.tokens[count + 1 :])
        if kind in "IVP":
            wave = parse_source(rest, place, value, self._directory)
            return _Card(line, nodes, Element(kind, label, (), wave=wave, place=place))
        options = _options(rest, place, value, kind)
        if kind == "B":
            element = self._junction(rest, options, scope, line)
        elif kind == "T":
            element = _line_element(rest, options, line)
        else:
            element = _two_terminal(kind, rest, options, line, value)
        if kind == "K":
            return _Card(line, (), element)
        return _Card(line, nodes, element)

    def _junction(
        self, rest: list[str], options: dict[str, float], scope: Scope, line: Line
    ) -> Element:
        if len(rest) not in (1, 2):
            raise line.place.error(
                f"{line}: a junction takes two nodes, perhaps a phase node, a model, area= or ic="
            )
        model = scope.models.get(rest[-1]) or self._deck.main.models.get(rest[-1])
        if model is None:
            raise line.place.error(f"{line.tokens[0]}: unknown junction model {rest[-1]}")
        if "AREA" in options and "IC" in options:
            raise line.place.error(f"{line.tokens[0]} has both area= and ic=")
        area = options.get("AREA", 1.0)
        if "IC" in options:
            area = options["IC"] / model.icrit
        if area <= 0.0:
            raise line.place.error(f"{line.tokens[0]}: area is {area:g}; it must be above 0")
        return Element(
            "B",
            line.tokens[0],
            (),
            area,
            model,
            spread=options.get("SPREAD", 1.0),
            temperature=options.get("TEMP"),
            bandwidth=options.get("NEB"),
            place=line.place,
        )


_ALLOWED = {
    "B": ("AREA", "IC", "TEMP", "NEB", "SPREAD"),
    "R": ("TEMP", "NEB", "SPREAD"),
    "L": ("SPREAD",),
    "C": ("SPREAD",),
    "T": ("TD", "Z0"),
}


def _options(
    rest: list[str], place: Place, value: Callable[[str], float], kind: str
) -> dict[str, float]:
    """Take KEY=value tokens out of ``rest``."""
    options: dict[str, float] = {}
    for token in list(rest):
        key, sign, text = token.partition("=")
        if not sign:
            if token in _ANNOTATIONS and kind in "RLC":
                rest.remove(token)
            continue
        if key not in _ALLOWED.get(kind, ()) or not text or key in options:
            allowed = ", ".join(f"{name.lower()}=" for name in _ALLOWED.get(kind, ()))
            raise place.error(f"{token}: {kind} takes {allowed or 'no such option'}, each once")
        options[key] = value(text)
        rest.remove(token)
    for key in ("TEMP", "SPREAD"):
        if options.get(key, 0.0) < 0.0:
            raise place.error(f"{key.lower()}={options[key]:g} can't be negative")
    if options.get("NEB", 1.0) <= 0.0:
        raise place.error(f"neb={options['NEB']:g} must be above 0")
    return options


def _line_element(rest: list[str], options: dict[str, float], line: Line) -> Element:
    if rest == ["LOSSLESS"]:  # WRspice's word; JoSIM reads over it, its lines have no loss
        rest = []
    if rest or set(options) != {"TD", "Z0"}:
        raise line.place.error(f"{line.tokens[0]}: a line takes four nodes, td= and z0=")
    if options["TD"] <= 0.0 or options["Z0"] <= 0.0:
        raise line.place.error(f"{line.tokens[0]}: td and z0 must be above 0")
    return Element("T", line.tokens[0], (), options["Z0"], delay=options["TD"], place=line.place)


def _two_terminal(
    kind: str,
    rest: list[str],
    options: dict[str, float],
    line: Line,
    evaluate_text: Callable[[str], float],
) -> Element:
    label, place = line.tokens[0], line.place
    if len(rest) != 1:
        raise place.error(f"{line}: {kind} takes one value, found {' '.join(rest) or 'none'}")
    value = evaluate_text(rest[0])
    if kind == "K":
        if abs(value) > 1.0:
            raise place.error(f"{label}: the coupling factor is {value:g}; it must be -1 to 1")
        if line.tokens[1] == line.tokens[2]:
            raise place.error(f"{label} couples {line.tokens[1]} with itself")
        pair = (line.tokens[1], line.tokens[2])
        for name in pair:
            if name[0] != "L":
                raise place.error(f"{label}: {name} is no inductor")
        return Element(kind, label, (), value, pair=pair, place=place)
    if kind in "RL" and value < 0.0:
        raise place.error(f"{label} is {value:g}; a negative {kind} can't be simulated")
    if kind == "C" and value <= 0.0:
        raise place.error(f"{label} is {value:g}; a capacitance must be above 0")
    if kind in "EFGH" and value == 0.0:
        raise place.error(f"{label}: the gain can't be 0")
    return Element(
        kind,
        label,
        (),
        value,
        spread=options.get("SPREAD", 1.0),
        temperature=options.get("TEMP"),
        bandwidth=options.get("NEB"),
        place=place,
    )


def _join_braces(line: Line) -> tuple[str, ...]:
    """Make one token of ``{a + b}``, without the blanks."""
    if not any("{" in token for token in line.tokens) and not any(
        "}" in token for token in line.tokens
    ):
        return line.tokens
    joined: list[str] = []
    depth = 0
    for token in line.tokens:
        if depth:
            joined[-1] += token
        else:
            joined.append(token)
        depth += token.count("{") - token.count("}")
        if depth < 0:
            break
    if depth:
        raise line.place.error("a brace is not closed, or closed and not opened")
    return tuple(joined)


def _check_name(name: str, place: Place) -> None:
    if "|" in name:
        raise place.error(f"{name}: '|' can't be in a label or node name")
    if "=" in name or "(" in name or ")" in name or "," in name:
        raise place.error(f"{name} can't be a label or node name")


def _check_unique(elements: list[Element]) -> None:
    seen: set[str] = set()
    for element in elements:
        if element.kind == "K":
            continue
        if element.label in seen:
            raise element.place.error(f"{element.label} is there twice")
        seen.add(element.label)
