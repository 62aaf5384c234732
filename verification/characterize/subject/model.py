"""A subject: a cell with its ports, what drives them, and what must come out."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from netlist_gen.circuit.elements import Element, LevelSource
from netlist_gen.circuit.model import Cell
from netlist_gen.library.annotations import Annotations
from netlist_gen.library.cells import CellLibrary
from netlist_gen.library.process import Process
from verification.characterize.subject.stimulus import SPACING_S, BenchCase


@dataclass(frozen=True, eq=False)
class Subject:
    """A cell to characterise.

    Attributes:
        process: gives the junction model.
        source: the file or rule it comes from.
        clock: the input that is a clock, or "".
        elements: what closes the cell's other ports; their nodes are ports of the cell.
        cases: stimuli; a trial passes where all of them do.
        levels: inputs that are driven by a current that goes up and down, with its source.
        turning: junctions of the cell that turn in the voltage state of an output.
        grouped: elements of the same name in cells of the same kind are one parameter (a neuron).
        whole: the process, where that of the junctions has its capacitances in capacitors; or None.
        annotations: extracted values that its benches have, or None.
    """

    name: str
    title: str
    cell: Cell
    library: CellLibrary
    process: Process
    source: str
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    clock: str = ""
    elements: tuple[Element, ...] = ()
    cases: tuple[BenchCase, ...] = ()
    levels: Mapping[str, LevelSource] = field(default_factory=dict)
    turning: tuple[str, ...] = ()
    grouped: bool = False
    whole: Process | None = None
    annotations: Annotations | None = None

    @property
    def longest_s(self) -> float:
        """From the beginning to the last step of the longest case."""
        return max(case.length_s for case in self.cases)

    @property
    def tail_s(self) -> float:
        """Simulated after the last step."""
        return max([SPACING_S, *(gap for case in self.cases for gap in case.gaps_s())])


def moved(element: Element, net: Callable[[str], str]) -> Element:
    """The element between other nets: ``net`` says which takes the place of each."""
    sides = {s: net(getattr(element, s)) for s in ("plus", "minus") if hasattr(element, s)}
    return dataclasses.replace(element, **sides)  # type: ignore[arg-type]
