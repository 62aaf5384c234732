"""What an optimizer found, and the cell that it makes."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from netlist_gen.circuit.elements import VALUE_FIELDS, Element
from netlist_gen.circuit.model import Circuit
from netlist_gen.records import Record
from verification.characterize.subject.bench import CELL, Bench, flattened
from verification.characterize.subject.element_table import element_facts
from verification.characterize.subject.model import Subject
from verification.characterize.subject.parameters import element_value
from verification.characterize.subject.stimulus import PS

DIGITS = 6
"""Of a value that was changed: what a file holds is what was measured."""


@dataclass(frozen=True)
class Figures(Record):
    """Of a cell: its least margin with parameter and side; yield and delay where they are sought.

    Attributes:
        margin: as a share of nominal.
        critical: the side that it is of, as "bias+".
        passed: share of the search's own samples that pass.
        delay_s: the longest mean delay to an output.
    """

    margin: float | None = None
    critical: str = ""
    passed: float | None = field(default=None, metadata={"absent": True})
    delay_s: float | None = field(
        default=None, metadata={"json": "delay_ps", "unit": PS, "absent": True}
    )


@dataclass(frozen=True)
class Change(Record):
    """An element's value before and after.

    Attributes:
        before: SI; of a junction its critical current.
        low: least factor that was allowed, high the greatest; both 1 of a shunt that follows.
    """

    element: str
    unit: str
    before: float
    after: float
    factor: float
    low: float
    high: float


@dataclass(frozen=True)
class HistoryStep(Record):
    """A round of a search: the best merit then, its radius, the simulations so far."""

    start: int
    round: int
    merit: float
    radius: float
    trials: int


@dataclass(frozen=True)
class Optimized(Record):
    """What an optimizer found.

    Attributes:
        goal: "margin", "yield" or "delay".
        against: parameters whose margins count, in order.
        before: figures of the cell as it was; None where it failed.
        fault: how it failed, or "".
        after: figures of the best cell.
        changes: of all elements that could change, and of shunts that follow.
        history: every round of every search.
    """

    goal: str
    seed: int
    starts: int
    against: tuple[str, ...]
    before: Figures | None
    fault: str
    after: Figures
    changes: tuple[Change, ...]
    history: tuple[HistoryStep, ...]

    @property
    def trials(self) -> int:
        """Simulations in all."""
        return self.history[-1].trials

    def sentence(self) -> str:
        """What was gained, in words."""
        began = self.told(self.before) if self.before else f"failed ({self.fault})"
        what = {"margin": "least margin", "yield": "yield", "delay": "delay"}[self.goal]
        return (
            f"{what} raised" if self.goal != "delay" else "delay lessened"
        ) + f" from {began} to {self.told(self.after)}"

    def told(self, figures: Figures) -> str:
        """The figures that the goal is about, in words."""
        margin = f"{100 * (figures.margin or 0.0):.1f} % ({figures.critical})"
        if self.goal == "yield":
            return f"{100 * (figures.passed or 0.0):.1f} %"
        if self.goal == "delay":
            return f"{(figures.delay_s or 0.0) / PS:.3f} ps at a least margin of {margin}"
        return margin


def changes(
    bench: Bench, factors: Mapping[str, float], bounds: Mapping[str, tuple[float, float]]
) -> tuple[Change, ...]:
    """The changes of elements by flat label; ``bounds`` are those of factors, of some of them."""
    found = []
    for label, factor in factors.items():
        element = bench.elements[label].element
        facts = element_facts(element, bench.subject.process)
        assert facts is not None
        _, _, before, unit = facts
        low, high = bounds.get(label, (1.0, 1.0))
        after = before * _rounded(element_value(element) * factor) / element_value(element)
        name = label.removesuffix(f"|{CELL}")
        found.append(Change(name, unit, before, after, factor, low, high))
    return tuple(found)


def with_factors(bench: Bench, factors: Mapping[str, float], name: str) -> Subject:
    """The bench's subject with elements changed by factors, by flat label: a flat cell.

    Elements of instances are named as a user's nested subcircuit's are (``B1__XD1``).
    """
    subject = bench.subject
    values = {
        label.removesuffix(f"|{CELL}"): _rounded(element_value(bench.elements[label].element) * x)
        for label, x in factors.items()
        if x != 1.0
    }
    cell = subject.cell
    if cell.instances:
        elements: tuple[Element, ...] = flattened(Circuit(cell), values, {}).top.elements
        cell = dataclasses.replace(cell, elements=elements, instances=())
    else:
        cell = dataclasses.replace(cell, elements=tuple(_with(e, values) for e in cell.elements))
    cases = tuple(
        dataclasses.replace(
            case,
            steps=tuple(
                dataclasses.replace(
                    step, expect=tuple(map(_flat, step.expect)), runs=tuple(map(_flat, step.runs))
                )
                for step in case.steps
            ),
        )
        for case in subject.cases
    )
    return dataclasses.replace(
        subject,
        name=name,
        cell=dataclasses.replace(cell, name=name, kind=name),
        cases=cases,
        turning=tuple(map(_flat, subject.turning)),
    )


def _with(element: Element, values: Mapping[str, float]) -> Element:
    value = values.get(element.name.upper())
    if value is None:
        return element
    changes: dict[str, Any] = {VALUE_FIELDS[type(element)]: value}
    changed: Element = dataclasses.replace(element, **changes)
    return changed


def _flat(target: str) -> str:
    """A target of the stimulus in a cell without instances."""
    return target.replace("|", "__")


def _rounded(value: float) -> float:
    return float(f"{value:.{DIGITS}g}")
