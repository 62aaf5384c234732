"""The sources of the deck that ran, read from its text, and held against the design's.

Energy is current times flux. The flux comes from the waveforms, the currents from here: those
that the simulator was given, not those that it should have been given. Of a bias network they are
what its resistors let through from their bus, or the critical currents of its limiting junctions.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from netlist_gen.circuit.bias import METERS
from netlist_gen.circuit.elements import (
    BusSource,
    CurrentSource,
    Junction,
    LevelSource,
    PulseSource,
    Resistor,
)
from netlist_gen.circuit.model import Cell, Circuit, Tap
from netlist_gen.deck.lines import logical_lines, split_deck
from netlist_gen.errors import DeckError
from verification.waves.josim_controls import read_number

TOP = ""
"""The name of what is outside all subcircuits."""

_RAMPED = re.compile(r"PWL\( *0 0 (\S+) ([^\s)]+) *\)")
_RAMP_WORDS = 9
"""Most words of a line that ``_RAMPED`` fits, the source's name and nodes with them."""
_FEEDING = "IVP"
_ON_BUSES = ("RI", "BI", *METERS)
"""What names of elements begin with that set a tap's current, or measure a bus's."""

_LIMITING = ("XBI", *(f"X{name}" for name in METERS))
"""Likewise of a junction in ngspice's dialect."""


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
    """

    nodes: tuple[str, ...]
    value: float | None = None


@dataclass(frozen=True, slots=True)
class DeckPart:
    """What a subcircuit holds, or what is outside them; names in upper case.

    Attributes:
        sources: by name.
        instances: the cell of each as it is written, by name.
        repeated: names of sources that are there more than once.
        elements: resistors and limiting junctions of taps, and meters of buses, by name.
    """

    sources: dict[str, SourceLine] = field(default_factory=dict)
    elements: dict[str, ElementLine] = field(default_factory=dict)
    instances: dict[str, str] = field(default_factory=dict)
    repeated: set[str] = field(default_factory=set)

    def copy(self) -> DeckPart:
        """Another one of the same content, that can be added to."""
        return DeckPart(
            dict(self.sources), dict(self.elements), dict(self.instances), set(self.repeated)
        )


def read_parts(text: str) -> dict[str, DeckPart]:
    """Sources and instances of a deck in any dialect by subcircuit, ``TOP`` outside them."""
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
        if first not in _FEEDING and first not in "X.":
            if line[:4].upper().startswith(_ON_BUSES):
                words = line.upper().split()
                here.elements[words[0]] = _element(words)
            continue
        # Of a source that pulses, with its hundreds of numbers, the first words tell enough.
        words = line.upper().split(None, _RAMP_WORDS if first in _FEEDING else -1)
        if words[0] == ".SUBCKT" and len(words) > 1:
            name = words[1]
            here = parts.setdefault(name, DeckPart())
        elif words[0] == ".ENDS":
            name, here = TOP, parts[TOP]
        elif first == "X" and words[0].startswith(_LIMITING):
            here.elements[words[0][1:]] = _element(words)
        elif first == "X":
            here.instances[words[0]] = line.split()[-1]
        elif first != ".":
            if words[0] in here.sources:
                here.repeated.add(words[0])
            here.sources[words[0]] = _source(words)
    return name


def _source(words: list[str]) -> SourceLine:
    nodes = tuple(words[1:3])
    found = _RAMPED.fullmatch(" ".join(words[3:]))
    if found is None:
        return SourceLine(nodes)
    try:
        time, current = (read_number(token, 0) for token in found.groups())
    except DeckError:  # an expression, or a unit: another wave, as far as can be told
        return SourceLine(nodes)
    return SourceLine(nodes, current, time)


def _element(words: list[str]) -> ElementLine:
    """A resistor's line, or a junction's in any dialect: ``area=``, or the name of a subcircuit."""
    nodes, last = tuple(words[1:3]), words[-1]
    token = last.removeprefix("AREA=")
    if words[0].startswith("X"):  # ngspice: MODEL_0P175 stands for a junction of that area
        token = last.rpartition("_")[2].replace("P", ".")
    try:
        return ElementLine(nodes, read_number(token, 0))
    except DeckError:
        return ElementLine(nodes)


def currents_in(parts: Mapping[str, DeckPart], circuit: Circuit) -> dict[tuple[str, str], float]:
    """Current in A of each of the circuit's current sources and taps as the deck has it.

    It is 0 where the deck has none, or one of another wave. All buses of a circuit have one
    voltage; one that has another in the deck is a fault by itself (``first_difference``).

    Returns:
        By name of the cell (of the top its own) and of the source.
    """
    found, supply = {}, _supply(parts, circuit)
    for part, cell in _cells(parts, circuit):
        for e in cell.elements:
            if isinstance(e, CurrentSource):
                line = part.sources.get(e.name.upper())
                found[cell.name, e.name] = (line and line.value) or 0.0
        for tap in cell.taps:
            element = part.elements.get(tap.element.upper())
            found[cell.name, tap.name] = _tap_current(tap, element, supply)
    return found


def _tap_current(tap: Tap, line: ElementLine | None, supply: float) -> float:
    """What a tap gives in a deck, A; ``supply`` is its bus's voltage over the design's."""
    if line is None or not line.value:
        return 0.0
    return tap.scale * line.value if tap.limited else tap.scale * supply / line.value


def _supply(parts: Mapping[str, DeckPart], circuit: Circuit) -> float:
    """Voltage of a circuit's first bus in the deck, over the design's; 1 where none has one."""
    for e in circuit.top.elements:
        if isinstance(e, BusSource) and e.is_voltage:
            line = parts[TOP].sources.get(e.name.upper())
            return ((line and line.value) or 0.0) / e.value
    return 1.0


def first_difference(
    parts: Mapping[str, DeckPart], circuit: Circuit, by_s: float, tolerance: float
) -> tuple[str, str] | None:
    """The first source that the deck has not as the design has it, or None.

    Args:
        parts: of the deck.
        circuit: the design.
        by_s: when every bias has to be there.
        tolerance: largest relative difference of a current.

    Returns:
        (expected, measured) in words.
    """
    for part, cell in _cells(parts, circuit):
        where = f"the cell {cell.name}" if cell is not circuit.top else "the circuit"
        faults = (
            *_sources_apart(part, cell, by_s, tolerance),
            *_taps_apart(part, cell, tolerance),
            *_instances_apart(parts, part, cell),
        )
        for name, expected, measured in faults:
            return f"{expected} {name} of {where}", measured
    return None


def _cells(parts: Mapping[str, DeckPart], circuit: Circuit) -> Iterator[tuple[DeckPart, Cell]]:
    yield parts[TOP], circuit.top
    for name, cell in circuit.cells.items():
        yield parts.get(name.upper(), DeckPart()), cell


def _sources_apart(
    part: DeckPart, cell: Cell, by_s: float, tolerance: float
) -> Iterator[tuple[str, str, str]]:
    known = set()
    for e in cell.elements:
        if not isinstance(e, CurrentSource | BusSource | PulseSource | LevelSource):
            continue
        known.add(e.name.upper())
        line = part.sources.get(e.name.upper())
        wanted = "the source"
        if isinstance(e, CurrentSource | BusSource):
            wanted = f"{_amount(e.name, e.value)} by"
        if line is None:
            yield e.name, wanted, "no such source in the deck that ran"
        elif e.name.upper() in part.repeated:
            yield e.name, wanted, "two sources of that name"
        elif line.nodes != (e.plus.upper(), e.minus.upper()):
            there = " and ".join(line.nodes).lower()
            yield e.name, f"the nodes {e.plus} and {e.minus} at", there
        elif isinstance(e, CurrentSource | BusSource):
            value = line.value
            if value is None or abs(value - e.value) > tolerance * abs(e.value):
                yield e.name, wanted, _in_words(e.name, line)
            elif line.ramp_s > by_s:
                yield e.name, wanted, f"it only at {line.ramp_s * 1e12:.4g} ps"
    for name in sorted(part.sources.keys() - known):
        yield name, "no source", f"one of {_in_words(name, part.sources[name])}"


def _taps_apart(part: DeckPart, cell: Cell, tolerance: float) -> Iterator[tuple[str, str, str]]:
    """Resistors and limiting junctions of taps, and meters, that are not the design's."""
    told = {tap.element for tap in cell.taps}
    for e in cell.elements:
        if not isinstance(e, Resistor | Junction) or not (
            e.name in told or e.name.startswith(METERS)
        ):
            continue
        line = part.elements.get(e.name.upper())
        own, unit = (e.value, "ohm") if isinstance(e, Resistor) else (e.area, "units of area")
        wanted = f"{own:.4g} {unit} by"
        if line is None:
            yield e.name, wanted, "no such element in the deck that ran"
        elif line.nodes != (e.plus.upper(), e.minus.upper()):
            there = " and ".join(line.nodes).lower()
            yield e.name, f"the nodes {e.plus} and {e.minus} at", there
        elif line.value is None or abs(line.value - own) > tolerance * own:
            found = "a value that can't be told" if line.value is None else f"{line.value:.4g}"
            yield e.name, wanted, found


def _amount(name: str, value: float) -> str:
    """A source's value in words: a name that begins with V is of a voltage."""
    return f"{value * 1e3:.4g} mV" if name.upper().startswith("V") else f"{value * 1e6:.4g} uA"


def _in_words(name: str, line: SourceLine) -> str:
    if line.value is None:
        return "another wave than a current that is ramped up"
    return _amount(name, line.value)


def _instances_apart(
    parts: Mapping[str, DeckPart], part: DeckPart, cell: Cell
) -> Iterator[tuple[str, str, str]]:
    known = {x.name.upper(): x.cell.name for x in cell.instances}
    for name, wanted in known.items():
        found = part.instances.get(name)
        if found is None:
            yield name, f"a cell {wanted} at", "none in the deck that ran"
        elif found.upper() != wanted.upper():
            yield name, f"a cell {wanted} at", found
    for name, found in part.instances.items():
        if name not in known and _feeds(parts, found):
            yield name, "no cell at", f"{found}, which has sources"


def _feeds(parts: Mapping[str, DeckPart], name: str, depth: int = 20) -> bool:
    part = parts.get(name.upper())
    if part is None or not depth:
        return part is not None
    return bool(part.sources) or any(
        _feeds(parts, inner, depth - 1) for inner in part.instances.values()
    )
