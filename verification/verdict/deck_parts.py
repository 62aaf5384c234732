"""What a deck that is judged holds, read from its text: sources, taps, instances, their nodes."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache

from netlist_gen.circuit.bias import METERS
from netlist_gen.deck.lines import logical_lines, split_deck
from netlist_gen.errors import DeckError
from verification.waves.josim_controls import read_number

TOP = ""
"""The name of what is outside all subcircuits."""

_RAMPED = re.compile(r"PWL *\( *(\S+) (\S+) (\S+) ([^\s)]+) *\)")
_RAMP_WORDS = 10
"""Most words of a line that ``_RAMPED`` fits, the source's name and nodes with them."""
_FEEDING = "IVP"
_ON_BUSES = ("RI", "BI", *METERS)
"""What names of elements begin with that set a tap's current, or measure a bus's."""

_LIMITING = ("XBI", *(f"X{name}" for name in METERS))
"""Likewise of a junction in ngspice's dialect."""

_REMARKS = ("*", "$", ";")
"""A word that begins with one begins a comment, in one simulator or another."""

_CRITICAL = re.compile(r"\b(?:ICRIT|IC) *= *([^\s,)]+)")
_SUPERCURRENT = re.compile(r"I=([^*]+)\*SIN\(.*")


@dataclass(frozen=True, slots=True)
class SourceLine:
    """A source as a deck has it.

    Attributes:
        nodes: in upper case.
        value: current (A), or voltage of a bus (V), that it is ramped to; None where its wave is
            another one.
        ramp_s: when it is there.
    """

    nodes: tuple[str, ...]
    value: float | None = None
    ramp_s: float = 0.0


@dataclass(frozen=True, slots=True)
class ElementLine:
    """An element that sets a tap's current, or measures a bus's, as a deck has it.

    Attributes:
        nodes: in upper case.
        value: resistance (ohm), or area of a junction; None where it can't be told.
        model: of a junction, in upper case.
    """

    nodes: tuple[str, ...]
    value: float | None = None
    model: str = ""


@dataclass(frozen=True, slots=True)
class DeckPart:
    """What a subcircuit holds, or what is outside them; names in upper case.

    Attributes:
        sources: by name.
        instances: the cell of each as it is written, by name.
        repeated: names of sources that are there more than once.
        elements: resistors and limiting junctions of taps, and meters of buses, by name.
        nodes: of every element and instance but the sources, by name.
        critical_A: critical currents of junction models, of area 1, by name; and, named "", that of
            a subcircuit that stands for a junction in ngspice's dialect.
    """

    sources: dict[str, SourceLine] = field(default_factory=dict)
    elements: dict[str, ElementLine] = field(default_factory=dict)
    instances: dict[str, str] = field(default_factory=dict)
    repeated: set[str] = field(default_factory=set)
    nodes: dict[str, tuple[str, ...]] = field(default_factory=dict)
    critical_A: dict[str, float | None] = field(default_factory=dict)

    def copy(self) -> DeckPart:
        """Another one of the same content, that can be added to."""
        return DeckPart(
            dict(self.sources),
            dict(self.elements),
            dict(self.instances),
            set(self.repeated),
            dict(self.nodes),
            dict(self.critical_A),
        )


def read_parts(text: str) -> dict[str, DeckPart]:
    """Sources, taps and instances of a deck in any dialect by subcircuit, ``TOP`` outside them."""
    inner, outer = split_deck(text)
    known, here = _read_inner(inner)
    parts = {name: part.copy() for name, part in known.items()}
    _read_into(parts, here, outer)
    return parts


@lru_cache(maxsize=4)  # many decks in a row have the same subcircuits
def _read_inner(text: str) -> tuple[dict[str, DeckPart], str]:
    """Parts of the text before the end of the last subcircuit, and which one is open there."""
    parts = {TOP: DeckPart()}
    return parts, _read_into(parts, TOP, text)


def _read_into(parts: dict[str, DeckPart], name: str, text: str) -> str:
    """Add what a text holds, which begins in the part ``name``; the part in which it ends."""
    here = parts[name]
    for _, line in logical_lines(enumerate(text.split("\n"), start=1)):
        first = line[0].upper()
        if first in _FEEDING:
            _add_source(here, line)
            continue
        words = _without_remark(line.upper().split())
        if words[0] == ".SUBCKT" and len(words) > 1:
            name = words[1]
            here = parts.setdefault(name, DeckPart())
        elif words[0] == ".ENDS":
            name, here = TOP, parts[TOP]
        elif words[0] == ".MODEL" and len(words) > 1:
            _add_model(here, words[1], _CRITICAL.search(" ".join(words)))
        elif first == "X":
            _add_instance(here, words, line.split()[len(words) - 1])
        elif first not in ".K":
            here.nodes[words[0]] = tuple(words[1:3])
            if words[0].startswith(_ON_BUSES):
                here.elements[words[0]] = _element(words)
            elif words[0] == "BJ":  # as ngspice's dialect writes a junction
                _add_model(here, "", _SUPERCURRENT.fullmatch(" ".join(words[3:])))
    return name


def _without_remark(words: list[str]) -> list[str]:
    for at, word in enumerate(words):
        if at and word.startswith(_REMARKS):
            return words[:at]
    return words


def _add_source(part: DeckPart, line: str) -> None:
    # Of a source that pulses, with its hundreds of numbers, the first words tell enough.
    words = _without_remark(line.upper().replace(",", " ").split(None, _RAMP_WORDS))
    if words[0] in part.sources:
        part.repeated.add(words[0])
    part.sources[words[0]] = _source(words)


def _add_instance(part: DeckPart, words: list[str], cell: str) -> None:
    part.nodes[words[0]] = tuple(words[1:-1])
    if words[0].startswith(_LIMITING):
        part.elements[words[0][1:]] = _element(words)
    else:
        part.instances[words[0]] = cell


def _add_model(part: DeckPart, name: str, found: re.Match[str] | None) -> None:
    """A junction model's critical current; one that is there twice has none that can be told."""
    again = name in part.critical_A
    part.critical_A[name] = None if again or found is None else _number(found[1])


def _number(token: str) -> float | None:
    """A number that means the same to all simulators; None for anything else.

    To ngspice an X behind it is a unit; to JoSIM it is a million.
    """
    if token.upper().endswith("X"):
        return None
    try:
        return read_number(token, 0)
    except DeckError:
        return None


def _source(words: list[str]) -> SourceLine:
    nodes = tuple(words[1:3])
    found = _RAMPED.fullmatch(" ".join(words[3:]))
    if found is None:
        return SourceLine(nodes)
    begin, rest, time, value = map(_number, found.groups())
    if begin != 0.0 or rest != 0.0 or time is None or value is None:
        return SourceLine(nodes)  # another wave, as far as can be told
    return SourceLine(nodes, value, time)


def _element(words: list[str]) -> ElementLine:
    """A resistor's line, or a junction's in any dialect: ``area=``, or the name of a subcircuit."""
    nodes = tuple(words[1:3])
    if words[0].startswith("R"):
        return ElementLine(nodes, _number(words[3]) if len(words) == 4 else None)
    if words[0].startswith("X"):  # ngspice: MODEL_0P175 stands for a junction of that area
        area = words[-1].rpartition("_")[2].replace("P", ".")
        return ElementLine(nodes, _number(area), words[-1])
    # A phase node may stand before the model; other words could change the area's meaning.
    if len(words) not in (5, 6) or not words[-1].startswith("AREA="):
        return ElementLine(nodes)
    return ElementLine(nodes, _number(words[-1].removeprefix("AREA=")), words[-2])
