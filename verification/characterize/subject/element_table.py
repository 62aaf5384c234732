"""The elements of a cell with their nodes and values: a schematic in words."""

from __future__ import annotations

from dataclasses import dataclass

from netlist_gen.circuit.elements import (
    Capacitor,
    Coupling,
    CurrentSource,
    Element,
    Inductor,
    Junction,
    Resistor,
)
from netlist_gen.library.process import Process
from netlist_gen.records import Record
from verification.characterize.subject.bench import CELL, Bench

MOST_ELEMENTS = 120
"""Of a cell with more (a neuron) the table would say nothing to anybody."""


@dataclass(frozen=True)
class ElementRow(Record):
    """An element of a cell.

    Attributes:
        name: in the cell; of a cell inside by its path.
        kind: in words.
        nodes: its two nodes, or the inductors that it couples.
        value: SI; of a junction its critical current.
        unit: of the value, "" for a number.
    """

    name: str
    kind: str
    nodes: tuple[str, str]
    value: float
    unit: str


def element_table(bench: Bench) -> tuple[ElementRow, ...]:
    """The elements of the cell in their order; none of a cell of too many."""
    own = bench.own_elements
    if len(own) > MOST_ELEMENTS:
        return ()
    process = bench.subject.process
    rows = []
    for label, placed in own.items():
        found = element_facts(placed.element, process)
        if found is not None:
            rows.append(ElementRow(label.removesuffix(f"|{CELL}"), *found))
    return tuple(rows)


def element_facts(e: Element, process: Process) -> tuple[str, tuple[str, str], float, str] | None:
    """Kind, nodes, value and unit of an element; None for a source of pulses or levels."""
    if isinstance(e, Junction):
        model = process.model_of(e.model)
        words = "junction" if not e.model else f"junction {e.model}"
        return words, (e.plus, e.minus), e.area * model.critical_current, "A"
    if isinstance(e, Coupling):
        return "coupling", (e.first, e.second), e.k, ""
    if isinstance(e, CurrentSource):
        return f"{e.role.value} current", (e.plus, e.minus), e.value, "A"
    for kind, name, unit in (
        (Inductor, "inductor", "H"), (Resistor, "resistor", "Ω"), (Capacitor, "capacitor", "F"),
    ):  # fmt: skip
        if isinstance(e, kind):
            return name, (e.plus, e.minus), e.value, unit
    return None
