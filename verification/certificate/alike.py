"""Whether the branches of a neuron are still one circuit once extracted values are put into it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from netlist_gen.circuit.elements import VALUE_FIELDS, Element
from netlist_gen.circuit.model import Cell, Circuit, Instance

_WHOLE = ("neuron", "decision", "splitter_tree")
"""Kinds of the cells that have what is each branch's, or each loop's, side by side."""

_NUMBER = re.compile(r"\d+")


def branches_differ(designed: Circuit, annotated: Circuit) -> str:
    """The first place in which branches that are equal in the design are not; "" for none.

    Args:
        designed: a neuron on its bench.
        annotated: the same with extracted values: of the same instances and elements.
    """
    for before, after in _cells(designed.top, annotated.top):
        if before.kind in _WHOLE:
            place = _elements_differ(before, after) or _instances_differ(before, after)
            if place:
                return place
    return ""


def _cells(before: Cell, after: Cell) -> Iterator[tuple[Cell, Cell]]:
    yield before, after
    for one, other in zip(before.instances, after.instances, strict=True):
        yield from _cells(one.cell, other.cell)


def _elements_differ(before: Cell, after: Cell) -> str:
    """An element that was equal to one before it of the same name but for numbers, and is not."""
    new: dict[tuple[object, ...], float] = {}
    for e, other in zip(before.elements, after.elements, strict=True):
        if type(e) not in VALUE_FIELDS:
            continue
        alike = type(e), _NUMBER.sub("#", e.name), _value(e)
        if new.setdefault(alike, _value(other)) != _value(other):
            return f"{e.name} of cell {before.name}"
    return ""


def _instances_differ(before: Cell, after: Cell) -> str:
    """An instance that was of the same cell as one before it, and is not."""
    new: dict[str, Cell] = {}
    pairs: Iterator[tuple[Instance, Instance]] = zip(before.instances, after.instances, strict=True)
    for one, other in pairs:
        if new.setdefault(one.cell.name, other.cell) != other.cell:
            return f"{one.name} of cell {before.name}"
    return ""


def _value(element: Element) -> float:
    return float(getattr(element, VALUE_FIELDS[type(element)]))
