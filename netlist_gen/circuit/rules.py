"""The rules of drawing: what a process can draw of a cell, held against the cell's elements.

| rule | subjects | limit |
|---|---|---|
| smallest inductor | every inductor of a template or builder | ``[limits]`` |
| largest M over own inductance | every coupling | ``[transformer] mutual_share`` |
| largest k | couplings of an inductor that has two or more | ``[transformer] coupling`` |
| smallest junction, largest junction | every junction | ``[limits]`` |

The own inductance is that of the smaller one of the two coupled inductors. A coupling is one turn
of one line over the other. A control line lies over its coil alone, so that its k is bounded by the
share of M; a storage inductor lies with one half over each of two pick-ups, and neither can have
more than its half gives.

No subjects are the inductances that the process itself adds to a junction and its shunt (``LGB1``,
``LB1`` of the junction ``B1``): they are what vias and resistors have, nothing that is drawn. Nor
is crosstalk between neighbours, which is not wanted: rules are for cells without it.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from netlist_gen.circuit.elements import Coupling, Inductor
from netlist_gen.circuit.model import Cell, Circuit
from netlist_gen.library.process import Process
from netlist_gen.records import Record

SLACK = 1e-9
"""How far beyond its limit a value still keeps a rule, as a share of it: neurons are designed to
the limit, and a coefficient that is made of a limit differs from it by rounding."""


@dataclass(frozen=True)
class Rule:
    """A rule of drawing.

    Attributes:
        name: as reports have it.
        table: of the process file that has the limit.
        key: in that table.
        unit: of value and limit, SI; "1" for a ratio.
        least: whether the limit is the least that is allowed, else it is the most.
    """

    name: str
    table: str
    key: str
    unit: str
    least: bool

    def limit(self, process: Process) -> float | None:
        """The limit in a process; None where its file leaves the table out."""
        table = getattr(process.drawing, self.table)
        return None if table is None else float(getattr(table, self.key))

    def worse(self, one: float, other: float) -> bool:
        """Whether the first of two values is nearer to the limit, or farther beyond it."""
        return one < other if self.least else one > other

    def kept(self, value: float, limit: float) -> bool:
        """Whether a value keeps the rule."""
        room = SLACK * limit
        return value >= limit - room if self.least else value <= limit + room


INDUCTOR = Rule("smallest inductor", "limits", "smallest_inductor", "H", least=True)
SHARE = Rule("largest M over own inductance", "transformer", "mutual_share", "1", least=False)
COUPLED = Rule("largest k", "transformer", "coupling", "1", least=False)
SMALL = Rule("smallest junction", "limits", "smallest_junction", "A", least=True)
LARGE = Rule("largest junction", "limits", "largest_junction", "A", least=False)

RULES = (INDUCTOR, SHARE, COUPLED, SMALL, LARGE)
"""All of them, in the order of reports."""


@dataclass(frozen=True)
class Finding(Record):
    """The worst element of a rule.

    Attributes:
        rule: its name.
        element: with the instances that it is in, outside-in (``XS012.LBP``).
        value: of the element, SI.
        unit: of value and limit.
        limit: of the process, SI.
        kept: whether the value keeps it.
    """

    rule: str
    element: str
    value: float
    unit: str
    limit: float
    kept: bool

    @property
    def figures(self) -> tuple[str, str]:
        """Value and limit with the unit of process files."""
        factor, unit = {"H": (1e12, " pH"), "A": (1e6, " uA")}.get(self.unit, (1.0, ""))
        return f"{self.value * factor:.4g}{unit}", f"{self.limit * factor:.4g}{unit}"


def unchecked(process: Process) -> tuple[str, ...]:
    """Names of the rules for which a process file has no limit."""
    return tuple(rule.name for rule in RULES if rule.limit(process) is None)


def check_cell(cell: Cell, process: Process) -> tuple[Finding, ...]:
    """The worst element of each rule in a cell and all that is placed in it.

    Args:
        cell: without crosstalk.
        process: of its elements; rules that it has no limit for are passed over.
    """
    limits = {rule: rule.limit(process) for rule in RULES}
    worst: dict[Rule, tuple[float, str]] = {}
    seen: set[str] = set()
    for placed in Circuit(cell).walk():
        if placed.cell.name in seen:
            continue
        seen.add(placed.cell.name)
        for rule, element, value in _subjects(placed.cell, process):
            if rule not in worst or rule.worse(value, worst[rule][0]):
                worst[rule] = value, ".".join((*placed.path, element))
    found = []
    for rule, limit in limits.items():
        if limit is not None and rule in worst:
            value, element = worst[rule]
            kept = rule.kept(value, limit)
            found.append(Finding(rule.name, element, value, rule.unit, limit, kept))
    return tuple(found)


def _subjects(cell: Cell, process: Process) -> Iterator[tuple[Rule, str, float]]:
    """Each rule's elements in the cell itself, with their values in SI."""
    for junction in cell.junctions():
        critical_A = junction.area * process.model.critical_current
        yield SMALL, junction.name, critical_A
        yield LARGE, junction.name, critical_A
    added = cell.added_inductors()
    inductors = {e.name: e.value for e in cell.elements if isinstance(e, Inductor)}
    for name, value in inductors.items():
        if name not in added:
            yield INDUCTOR, name, value
    couplings = [e for e in cell.elements if isinstance(e, Coupling)]
    times = Counter(name for e in couplings for name in (e.first, e.second))
    for e in couplings:
        own, longer = sorted((inductors[e.first], inductors[e.second]))
        yield SHARE, e.name, abs(e.k) * math.sqrt(longer / own)
        if max(times[e.first], times[e.second]) > 1:
            yield COUPLED, e.name, abs(e.k)
