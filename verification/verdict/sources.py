"""The sources of the deck that ran, held against the design's.

Energy is current times flux. The flux comes from the waveforms, the currents from here: those
that the simulator was given, not those that it should have been given. Of a bias network they are
what its resistors let through from their bus, or the critical currents of its limiting junctions;
nothing else may be joined to the nodes of its taps.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from netlist_gen.circuit.bias import BUS, METERS, tap_parts
from netlist_gen.circuit.elements import (
    GROUND,
    BusSource,
    CurrentSource,
    Junction,
    LevelSource,
    PulseSource,
    Resistor,
    ends,
)
from netlist_gen.circuit.model import Cell, Circuit
from verification.verdict.deck_parts import TOP, DeckPart, ElementLine, SourceLine


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
            own = part.elements.get(tap.element.upper())
            if own is None:
                current = 0.0
            elif tap.limited:
                current = _critical_A(parts, part, own) or 0.0
            else:
                current = tap.scale * supply / own.value if own.value else 0.0
            found[cell.name, tap.name] = current
    return found


def _critical_A(parts: Mapping[str, DeckPart], part: DeckPart, line: ElementLine) -> float | None:
    """Critical current of a junction as a deck has it, A; None where it can't be told."""
    stand_in = parts.get(line.model)
    if stand_in is not None and "" in stand_in.critical_A:
        return stand_in.critical_A[""]
    unit = part.critical_A.get(line.model, parts[TOP].critical_A.get(line.model))
    return None if unit is None or line.value is None else unit * line.value


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
    on_buses = any(isinstance(e, BusSource) for e in circuit.top.elements)
    for part, cell in _cells(parts, circuit):
        where = f"the cell {cell.name}" if cell is not circuit.top else "the circuit"
        faults = (
            *_sources_apart(part, cell, by_s, tolerance),
            *_taps_apart(parts, part, cell, tolerance),
            *_instances_apart(parts, part, cell),
            *(_nodes_apart(part, cell) if on_buses else ()),
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


def _taps_apart(
    parts: Mapping[str, DeckPart], part: DeckPart, cell: Cell, tolerance: float
) -> Iterator[tuple[str, str, str]]:
    """Resistors and limiting junctions of taps, and meters, that are not the design's."""
    told = {tap.element: tap for tap in cell.taps}
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
        elif isinstance(e, Junction) and e.name in told:
            critical, limit = _critical_A(parts, part, line), told[e.name].scale * own
            if critical is None or abs(critical - limit) > tolerance * limit:
                found = "one that can't be told" if critical is None else _amount("I", critical)
                yield e.name, f"a critical current of {_amount('I', limit)} of", found


def _nodes_apart(part: DeckPart, cell: Cell) -> Iterator[tuple[str, str, str]]:
    """What is joined to a bus or a tap otherwise than in the design: its current is not counted."""
    elements = {e.name: e for e in cell.elements}
    own = [name for name in elements if name.startswith((*METERS, "LBUS", "VBUS", "IBUS"))]
    own += [name for tap in cell.taps for name in tap_parts(tap.name) if name in elements]
    nets = {node for name in own for node in ends(elements[name])}
    nets -= {GROUND, *(tap.node for tap in cell.taps)}
    nets |= {tap.bus for tap in cell.taps} | ({BUS} & {*cell.ports})
    watched = {net.upper() for net in nets}
    known = {e.name.upper(): tuple(n.upper() for n in ends(e)) for e in cell.elements}
    known |= {x.name.upper(): tuple(n.upper() for n in x.nets) for x in cell.instances}
    for name, nodes in part.nodes.items():
        wanted = known.get(name, known.get(name[1:]) if name[0] == "X" else None)
        if wanted is None:
            if watched.intersection(nodes):
                yield name, "no element", f"one at {' and '.join(nodes).lower()}"
        elif nodes[: len(wanted)] != wanted and watched.intersection((*nodes, *wanted)):
            places = " and ".join(wanted).lower()
            yield name, f"the nodes {places} at", " and ".join(nodes).lower()
    there = part.nodes.keys() | {name[1:] for name in part.nodes if name[0] == "X"}
    for name in own:
        if name[0] not in "VI" and name.upper() not in there:
            yield name, "the element", "no such element in the deck that ran"


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
