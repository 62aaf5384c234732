"""The sources of the deck that ran, read from its text, and held against the design's.

Energy is current times flux. The flux comes from the waveforms, the currents from here: those
that the simulator was given, not those that it should have been given.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from netlist_gen.circuit.elements import CurrentSource, LevelSource, PulseSource
from netlist_gen.circuit.model import Cell, Circuit
from netlist_gen.deck.lines import logical_lines
from netlist_gen.errors import DeckError
from verification.waves.josim_controls import read_number

TOP = ""
"""The name of what is outside all subcircuits."""

_RAMPED = re.compile(r"PWL\( *0 0 (\S+) ([^\s)]+) *\)")
_FEEDING = "IVP"


@dataclass(frozen=True, slots=True)
class SourceLine:
    """A source as a deck has it.

    Attributes:
        nodes: in upper case.
        current_A: that it is ramped to; None where its wave is another one.
        ramp_s: when it is there.
    """

    nodes: tuple[str, ...]
    current_A: float | None = None
    ramp_s: float = 0.0


@dataclass(frozen=True, slots=True)
class DeckPart:
    """What a subcircuit holds, or what is outside them; names in upper case.

    Attributes:
        sources: by name.
        instances: the cell of each as it is written, by name.
        repeated: names of sources that are there more than once.
    """

    sources: dict[str, SourceLine] = field(default_factory=dict)
    instances: dict[str, str] = field(default_factory=dict)
    repeated: set[str] = field(default_factory=set)


def read_parts(text: str) -> dict[str, DeckPart]:
    """Sources and instances of a deck in any dialect by subcircuit, ``TOP`` outside them."""
    parts = {TOP: DeckPart()}
    here = parts[TOP]
    for _, line in logical_lines(enumerate(text.split("\n"), start=1)):
        first = line[0].upper()
        if first not in _FEEDING and first not in "X.":
            continue
        words = line.upper().split()
        if words[0] == ".SUBCKT" and len(words) > 1:
            here = parts.setdefault(words[1], DeckPart())
        elif words[0] == ".ENDS":
            here = parts[TOP]
        elif first == "X":
            here.instances[words[0]] = line.split()[-1]
        elif first != ".":
            if words[0] in here.sources:
                here.repeated.add(words[0])
            here.sources[words[0]] = _source(words)
    return parts


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


def currents_in(parts: Mapping[str, DeckPart], circuit: Circuit) -> dict[tuple[str, str], float]:
    """Current in A of each of the circuit's current sources as the deck has it.

    It is 0 where the deck has none, or one of another wave.

    Returns:
        By name of the cell (of the top its own) and of the source.
    """
    found = {}
    for part, cell in _cells(parts, circuit):
        for e in cell.elements:
            if isinstance(e, CurrentSource):
                line = part.sources.get(e.name.upper())
                found[cell.name, e.name] = (line and line.current_A) or 0.0
    return found


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
        if not isinstance(e, CurrentSource | PulseSource | LevelSource):
            continue
        known.add(e.name.upper())
        line = part.sources.get(e.name.upper())
        wanted = f"{e.value * 1e6:.4g} uA by" if isinstance(e, CurrentSource) else "the source"
        if line is None:
            yield e.name, wanted, "no such source in the deck that ran"
        elif e.name.upper() in part.repeated:
            yield e.name, wanted, "two sources of that name"
        elif line.nodes != (e.plus.upper(), e.minus.upper()):
            there = " and ".join(line.nodes).lower()
            yield e.name, f"the nodes {e.plus} and {e.minus} at", there
        elif isinstance(e, CurrentSource):
            current = line.current_A
            if current is None or abs(current - e.value) > tolerance * abs(e.value):
                yield e.name, wanted, _in_words(line)
            elif line.ramp_s > by_s:
                yield e.name, wanted, f"it only at {line.ramp_s * 1e12:.4g} ps"
    for name in sorted(part.sources.keys() - known):
        yield name, "no source", f"one of {_in_words(part.sources[name])}"


def _in_words(line: SourceLine) -> str:
    if line.current_A is None:
        return "another wave than a current that is ramped up"
    return f"{line.current_A * 1e6:.4g} uA"


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
