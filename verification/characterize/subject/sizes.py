"""What a layout has to draw for a cell: areas of junctions, squares of line and of resistor.

From the process's critical current density and sheet values. Lines and resistors are counted in
squares of their layer (inductance or resistance over the sheet's), without corners and contacts.
"""

from __future__ import annotations

from dataclasses import dataclass

from netlist_gen.circuit.elements import Inductor, Junction, Resistor
from netlist_gen.records import Record
from verification.characterize.subject.bench import Bench
from verification.characterize.subject.parameters import element_name


@dataclass(frozen=True)
class Size(Record):
    """One element of a cell, named as in the margins; its size is an area or squares of line."""

    name: str
    count: int
    value: float
    unit: str
    size: float
    size_unit: str


def sizes(bench: Bench) -> tuple[Size, ...]:
    """Junctions, inductors and resistors of the cell, each name once, in the order they stand."""
    process = bench.subject.process
    found: dict[str, Size] = {}
    for placed in bench.own_elements.values():
        name, element = element_name(bench, placed), placed.element
        count = found[name].count + 1 if name in found else 1
        if isinstance(element, Junction):
            current = element.area * process.model.critical_current
            area = current / process.current_density
            found[name] = Size(name, count, current, "A", area, "m2")
        elif isinstance(element, Inductor):
            squares = element.value / process.sheet_inductance
            found[name] = Size(name, count, element.value, "H", squares, "squares")
        elif isinstance(element, Resistor):
            squares = element.value / process.sheet_resistance
            found[name] = Size(name, count, element.value, "ohm", squares, "squares")
    return tuple(found.values())
