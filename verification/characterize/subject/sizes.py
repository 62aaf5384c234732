"""What a layout has to draw for a cell: areas of junctions, lengths of line, squares of resistor.

From the process's critical current density, its signal line and its sheets. An inductor is a piece
of the narrowest line over ground (``[geometry] line``, inductance per length); of a process whose
file has no geometry it is counted in squares of ``[wiring] sheet_inductance``. Resistors are in
squares of their layer. All without corners and contacts. The inductances that a library cell's
junctions and shunts come with (``LGB1``, ``LB1`` of B1) are left out: no line is drawn for them.
"""

from __future__ import annotations

from dataclasses import dataclass

from netlist_gen.circuit.elements import Element, Inductor, Junction, Resistor
from netlist_gen.library.process import Process
from netlist_gen.records import Record
from verification.characterize.subject.bench import Bench
from verification.characterize.subject.parameters import element_name


@dataclass(frozen=True)
class Size(Record):
    """One element of a cell, named as in the margins.

    Attributes:
        name: in a neuron it stands for all cells of a kind.
        count: how many elements have the name.
        value: of the first, SI.
        unit: of the value.
        size: an area, a length or squares.
        size_unit: "m2", "m" or "squares".
    """

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
        element = placed.element
        drawn = _drawn(element, process)
        if drawn is None or element.name in placed.cell.added_inductors():
            continue
        name = element_name(bench, placed)
        count = found[name].count + 1 if name in found else 1
        found[name] = Size(name, count, *drawn)
    return tuple(found.values())


def _drawn(element: Element, process: Process) -> tuple[float, str, float, str] | None:
    """Value, its unit, size and its unit; None for what has no size of its own."""
    if isinstance(element, Junction):
        current = element.area * process.model_of(element.model).critical_current
        return current, "A", current / process.current_density, "m2"
    if isinstance(element, Inductor):
        geometry = process.drawing.geometry
        if geometry is not None:
            return element.value, "H", element.value / geometry.line, "m"
        return element.value, "H", element.value / process.sheet_inductance, "squares"
    if isinstance(element, Resistor):
        return element.value, "ohm", element.value / process.sheet_resistance, "squares"
    return None
