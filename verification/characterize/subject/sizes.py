"""What a layout has to draw for a cell: areas of junctions, squares of line and of resistor.

From the process's critical current density and sheet values. Lines and resistors are counted in
squares of their layer (inductance or resistance over the sheet's), without corners and contacts.
"""

from __future__ import annotations

from dataclasses import dataclass

from netlist_gen.circuit.model import Inductor, Junction, Resistor
from netlist_gen.records import Record
from verification.characterize.subject.bench import CELL, Bench
from verification.characterize.subject.parameters import element_name


@dataclass(frozen=True)
class Size(Record):
    """One element of a cell.

    Attributes:
        name: as in the margins: ``B1``, ``B1.XD1``; in a neuron the cell's kind before it.
        count: elements of that name.
        value: critical current (A), inductance (H) or resistance (ohm).
        unit: A, H or ohm.
        size: area in m2, or squares.
        size_unit: m2 or squares.
    """

    name: str
    count: int
    value: float
    unit: str
    size: float
    size_unit: str


def sizes(bench: Bench) -> list[Size]:
    """Junctions, inductors and resistors of the cell, each name once, in the order they stand."""
    process = bench.subject.process
    found: dict[str, Size] = {}
    for path, cell, element in bench.elements.values():
        if path[:1] != (CELL,):
            continue
        name = element_name(bench, path, cell, element)
        if isinstance(element, Junction):
            current = element.area * process.model.critical_current
            new = Size(name, 1, current, "A", current / process.current_density, "m2")
        elif isinstance(element, Inductor):
            squares = element.value / process.sheet_inductance
            new = Size(name, 1, element.value, "H", squares, "squares")
        elif isinstance(element, Resistor):
            squares = element.value / process.sheet_resistance
            new = Size(name, 1, element.value, "ohm", squares, "squares")
        else:
            continue
        before = found.get(name)
        count = before.count + 1 if before else 1
        found[name] = Size(name, count, new.value, new.unit, new.size, new.size_unit)
    return list(found.values())
