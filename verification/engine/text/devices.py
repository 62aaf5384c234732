"""Reading one device line: labels, nodes, values and options of each kind."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

from verification.engine.text.deck import ModelCard, ParsedDeck, Scope
from verification.engine.text.lines import Line, Place
from verification.engine.text.sources import SourceWave, parse_source

GROUND = -1
_NOWHERE = Place("", 0)
_FOUR_NODES = "EFGHT"
_NO_NAME = re.compile(r"[|=(),]")
"""What no label and no node name holds."""
# Marks of JSIM's optimiser that JoSIM reads over; they say nothing about the circuit.
_ANNOTATIONS = frozenset({"FCHECK", "NFREE"})
_OPTIONS = {
    "B": ("AREA", "IC", "TEMP", "NEB", "SPREAD"),
    "R": ("TEMP", "NEB", "SPREAD"),
    "L": ("SPREAD", "IK"),
    "C": ("SPREAD",),
    "T": ("TD", "Z0"),
}


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
        temperature: of its thermal noise, K; None takes the deck's.
        bandwidth: of its thermal noise, Hz; None takes the deck's.
        pair: flat labels of the two inductors of a K.
        kinetic_A: current at which an inductor's inductance has doubled; None where it is constant.
    """

    kind: str
    label: str
    nodes: tuple[int, ...]
    value: float = 0.0
    model: ModelCard | None = None
    wave: SourceWave | None = None
    delay: float = 0.0
    spread: float = 1.0
    temperature: float | None = None
    bandwidth: float | None = None
    pair: tuple[str, str] = ("", "")
    place: Place = _NOWHERE
    kinetic_A: float | None = None


class DeviceCard(NamedTuple):
    """One device line, read once for all instances of its scope."""

    line: Line
    nodes: tuple[str, ...]
    element: Element  # with local names and no nodes


class InstanceCard(NamedTuple):
    """One line that places a subcircuit; ``overrides`` are texts of values by label inside."""

    line: Line
    label: str
    scope: Scope
    nodes: tuple[str, ...]
    overrides: dict[str, str]


def read_instance(line: Line, scopes: dict[str, Scope]) -> InstanceCard:
    """An X line, with the name of its subcircuit first (JSIM) or last. Raises DeckError."""
    label, *plain = line.tokens
    overrides: dict[str, str] = {}
    given = [token for token in plain if "=" in token]
    if given:
        plain = [token for token in plain if "=" not in token]
    for token in given:
        key, _, value = token.partition("=")
        if not key or not value or key in overrides:
            raise line.place.error(f"{token}: an instance takes LABEL=value, each label once")
        if "." in key:
            inside = key.replace(".", "|")
            raise line.place.error(
                f"{token}: JoSIM finds no {key} and keeps the old value; write {inside}={value}"
            )
        overrides[key] = value
    _check_name(label, line.place)
    last = len(plain) - 1
    at = [i for i in ((0, last) if last else (0,)) if plain and plain[i] in scopes]
    if not at:
        raise line.place.error(f"{label}: neither the first nor the last word names a subcircuit")
    if len(at) == 2:
        at = [i for i in at if len(scopes[plain[i]].ports) == len(plain) - 1]
        if len(at) != 1:
            raise line.place.error(f"{label}: both {plain[0]} and {plain[-1]} name subcircuits")
    child = scopes[plain.pop(at[0])]
    if len(plain) != len(child.ports):
        raise line.place.error(
            f"{label} connects {len(plain)} nodes, but subcircuit {child.name} has "
            f"{len(child.ports)}"
        )
    if _NO_NAME.search(" ".join(plain)):
        for node in plain:
            _check_name(node, line.place)
    return InstanceCard(line, label, child, tuple(plain), overrides)


def read_device(
    raw: Line, scope: Scope, deck: ParsedDeck, directory: Path | None = None
) -> DeviceCard:
    """Any other line; ``cus`` waves look for their file in ``directory``. Raises DeckError."""
    line = Line(raw.place, _join_braces(raw))
    kind, label, place = line.tokens[0][0], line.tokens[0], raw.place
    _check_name(label, place)
    value = partial(scope.value, place=place, what=label)
    count = 4 if kind in _FOUR_NODES else 2
    if len(line.tokens) < count + 2:
        raise place.error(f"{line}: {kind} takes a label, {count} nodes and a value")
    nodes = line.tokens[1 : count + 1]
    for node in nodes:
        _check_name(node, place)
    rest = list(line.tokens[count + 1 :])
    if kind in "IVP":
        wave = parse_source(rest, place, value, directory)
        return DeviceCard(line, nodes, Element(kind, label, (), wave=wave, place=place))
    options = _take_options(rest, kind, place, value)
    model = None
    if kind == "B":
        model = _junction_model(rest, scope, deck, line)
        number = _area(options, model, line)
    elif kind == "T":
        return DeviceCard(line, nodes, _transmission_line(rest, options, line))
    elif len(rest) != 1:
        raise place.error(f"{line}: {kind} takes one value, found {' '.join(rest) or 'none'}")
    else:
        number = value(rest[0])
        if kind == "K":
            return DeviceCard(line, (), _coupling(number, line))
        _check_value(kind, label, number, place)
        if "IK" in options and not (options["IK"] > 0.0 and number > 0.0):
            raise place.error(
                f"{label}: an inductor with ik= must be above 0, and so must ik; here they are "
                f"{number:g} and {options['IK']:g}"
            )
    element = Element(
        kind,
        label,
        (),
        number,
        model,
        spread=options.get("SPREAD", 1.0),
        temperature=options.get("TEMP"),
        bandwidth=options.get("NEB"),
        place=place,
        kinetic_A=options.get("IK"),
    )
    return DeviceCard(line, nodes, element)


def override(card: DeviceCard, scope: Scope, deck: ParsedDeck, text: str) -> Element:
    """The device with ``text`` instead of its value, as an instance sets it. Raises DeckError."""
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
    return read_device(Line(card.line.place, tuple(tokens)), scope, deck).element


def _take_options(
    rest: list[str], kind: str, place: Place, value: Callable[[str], float]
) -> dict[str, float]:
    """Take KEY=value tokens out of ``rest``."""
    options: dict[str, float] = {}
    for token in list(rest):
        key, sign, text = token.partition("=")
        if not sign:
            if token in _ANNOTATIONS and kind in "RLC":
                rest.remove(token)
            continue
        allowed = _OPTIONS.get(kind, ())
        if key not in allowed or not text or key in options:
            names = ", ".join(f"{name.lower()}=" for name in allowed)
            raise place.error(f"{token}: {kind} takes {names or 'no such option'}, each once")
        options[key] = value(text)
        rest.remove(token)
    for key in ("TEMP", "SPREAD"):
        if options.get(key, 0.0) < 0.0:
            raise place.error(f"{key.lower()}={options[key]:g} can't be negative")
    if options.get("NEB", 1.0) <= 0.0:
        raise place.error(f"neb={options['NEB']:g} must be above 0")
    return options


def _junction_model(rest: list[str], scope: Scope, deck: ParsedDeck, line: Line) -> ModelCard:
    if len(rest) not in (1, 2):
        raise line.place.error(
            f"{line}: a junction takes two nodes, perhaps a phase node, a model, area= or ic="
        )
    model = scope.models.get(rest[-1]) or deck.main.models.get(rest[-1])
    if model is None:
        raise line.place.error(f"{line.tokens[0]}: unknown junction model {rest[-1]}")
    return model


def _area(options: dict[str, float], model: ModelCard, line: Line) -> float:
    if "AREA" in options and "IC" in options:
        raise line.place.error(f"{line.tokens[0]} has both area= and ic=")
    area = options["IC"] / model.icrit if "IC" in options else options.get("AREA", 1.0)
    if area <= 0.0:
        raise line.place.error(f"{line.tokens[0]}: area is {area:g}; it must be above 0")
    return area


def _transmission_line(rest: list[str], options: dict[str, float], line: Line) -> Element:
    # LOSSLESS is WRspice's word; JoSIM reads over it, its lines have no loss.
    if rest not in ([], ["LOSSLESS"]) or set(options) != {"TD", "Z0"}:
        raise line.place.error(f"{line.tokens[0]}: a line takes four nodes, td= and z0=")
    if options["TD"] <= 0.0 or options["Z0"] <= 0.0:
        raise line.place.error(f"{line.tokens[0]}: td and z0 must be above 0")
    return Element("T", line.tokens[0], (), options["Z0"], delay=options["TD"], place=line.place)


def _coupling(value: float, line: Line) -> Element:
    label, first, second = line.tokens[:3]
    if abs(value) > 1.0:
        raise line.place.error(f"{label}: the coupling factor is {value:g}; it must be -1 to 1")
    if first == second:
        raise line.place.error(f"{label} couples {first} with itself")
    for name in (first, second):
        if name[0] != "L":
            raise line.place.error(f"{label}: {name} is no inductor")
    return Element("K", label, (), value, pair=(first, second), place=line.place)


def _check_value(kind: str, label: str, value: float, place: Place) -> None:
    # A negative L is the middle leg of the T that stands for two coupled inductors.
    if kind == "R" and value < 0.0:
        raise place.error(f"{label} is {value:g}; a negative R can't be simulated")
    if kind == "C" and value <= 0.0:
        raise place.error(f"{label} is {value:g}; a capacitance must be above 0")
    if kind in "EFGH" and value == 0.0:
        raise place.error(f"{label}: the gain can't be 0")


def _join_braces(line: Line) -> tuple[str, ...]:
    """Make one token of ``{a + b}``, without the blanks."""
    together = "".join(line.tokens)
    if "{" not in together and "}" not in together:
        return line.tokens
    joined: list[list[str]] = []
    depth = 0
    for token in line.tokens:
        if depth:
            joined[-1].append(token)
        else:
            joined.append([token])
        depth += token.count("{") - token.count("}")
        if depth < 0:
            break
    if depth:
        raise line.place.error("a brace is not closed, or closed and not opened")
    return tuple("".join(parts) for parts in joined)


def _check_name(name: str, place: Place) -> None:
    if _NO_NAME.search(name) is None:
        return
    if "|" in name:
        raise place.error(f"{name}: '|' can't be in a label or node name")
    raise place.error(f"{name} can't be a label or node name")
