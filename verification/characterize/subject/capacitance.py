"""Junction capacitances as elements of their own, so that they can be varied apart from Ic.

A junction's capacitance is part of its model and scales with its area. Here the model keeps a
thousandth of it; the rest stands as a capacitor ``C`` + name across each junction of the cell.
Sources and loads share the model, so that theirs are split too (but not varied).
"""

from __future__ import annotations

import dataclasses

from netlist_gen.circuit.model import Capacitor, Cell, Circuit
from netlist_gen.library.cells import CellLibrary
from netlist_gen.library.process import Process
from verification.characterize.subject.subject import Subject

KEPT = 1e-3
"""Share of the capacitance that stays in the model: simulators want one above 0."""


def split_capacitance(subject: Subject) -> Subject:
    """The subject with capacitors across all junctions, and the model's capacitance cut."""
    process = subject.process
    per_area = (1.0 - KEPT) * process.model.capacitance
    model = dataclasses.replace(process.model, capacitance=KEPT * process.model.capacitance)
    return dataclasses.replace(
        subject,
        cell=Circuit(subject.cell).changed(lambda cell: _split(cell, per_area)).top,
        library=_SplitLibrary(subject.library.process, per_area),
        process=dataclasses.replace(process, model=model),
    )


def _split(cell: Cell, per_area: float) -> Cell:
    extra = tuple(
        Capacitor(f"C{j.name}", j.plus, j.minus, per_area * j.area) for j in cell.junctions()
    )
    return dataclasses.replace(cell, elements=(*cell.elements, *extra))


class _SplitLibrary(CellLibrary):
    """The library's cells with capacitors across their junctions."""

    def __init__(self, process: Process, per_area: float):
        super().__init__(process)
        self._per_area = per_area
        self._split: dict[str, Cell] = {}

    def cell(self, kind: str, /, variant: str = "", **overrides: float) -> Cell:
        """As the library's, split; the cells inside it come from here too."""
        plain = super().cell(kind, variant, **overrides)
        if plain.name not in self._split:
            self._split[plain.name] = _split(plain, self._per_area)
        return self._split[plain.name]
