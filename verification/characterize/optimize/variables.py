"""What an optimizer may change: elements of the cell, with bounds and steps as factors.

A shunt follows its junction. It is a resistor across a junction, alone or in series with an
inductance; its value goes with one over the junction's area, so that Ic R, and with it the
damping, stays what the process has. A shunt that is named is a variable like any other, and
follows no more.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from netlist_gen.circuit.elements import (
    Capacitor,
    Coupling,
    Inductor,
    Junction,
    Resistor,
    ends,
)
from netlist_gen.errors import ConfigurationError
from netlist_gen.suggest import did_you_mean
from verification.characterize.subject.bench import PlacedElement
from verification.characterize.subject.parameters import Parameter
from verification.characterize.trials.cell import CellUnderTest
from verification.characterize.trials.trial import FloatArray

LOW, HIGH, STEP = 0.5, 2.0, 0.005
"""Bounds and step of a factor that names none."""

LEAST_FACTOR, MOST_FACTOR, LEAST_STEP = 0.01, 100.0, 1e-4
"""Bounds that can be asked for."""

_NUMBER = r"(\d+(?:\.\d*)?|\.\d+)"
_VARY = re.compile(rf"([^=\s]+)(?:={_NUMBER}:{_NUMBER}(?::{_NUMBER})?)?")


@dataclass(frozen=True)
class Range:
    """Elements that may be changed, by name or pattern, and between which factors of nominal.

    Those of a pattern whose parts are joined by ``+`` change alike.
    """

    pattern: str
    low: float = LOW
    high: float = HIGH
    step: float = STEP


@dataclass(frozen=True)
class Variable:
    """An element whose factor is looked for.

    Attributes:
        name: of the element.
        labels: of the element in the flat bench.
        nominal: its value, SI (a junction's area).
        low: least factor.
        high: greatest factor.
        step: factors are multiples of it.
        shunts: labels of resistors that follow, with one over the factor.
    """

    name: str
    labels: tuple[str, ...]
    nominal: float
    low: float
    high: float
    step: float
    shunts: tuple[str, ...] = ()

    def on_grid(self, factor: float) -> float:
        """The nearest multiple of the step between the bounds; 1 where the bounds are apart."""
        least, most = (round(side / self.step, 6) for side in (self.low, self.high))
        multiple = min(max(round(factor / self.step), int(-(-least // 1))), int(most // 1))
        return round(multiple * self.step, 12)


@dataclass(frozen=True)
class Variables:
    """All variables of a search. A candidate is their factors, shape (variables,)."""

    chosen: tuple[Variable, ...]

    @property
    def low(self) -> FloatArray:
        """Least factors, shape (variables,)."""
        return np.array([v.low for v in self.chosen])

    @property
    def high(self) -> FloatArray:
        """Greatest factors, shape (variables,)."""
        return np.array([v.high for v in self.chosen])

    @property
    def step(self) -> FloatArray:
        """Steps of factors, shape (variables,)."""
        return np.array([v.step for v in self.chosen])

    def on_grid(self, candidate: FloatArray) -> FloatArray:
        """The candidate on the grid of the steps."""
        pairs = zip(self.chosen, candidate, strict=True)
        return np.array([v.on_grid(float(x)) for v, x in pairs])

    def factors(self, candidate: FloatArray) -> dict[str, float]:
        """Factors of a candidate by flat label, those of shunts that follow too."""
        found: dict[str, float] = {}
        for variable, x in zip(self.chosen, candidate, strict=True):
            found |= dict.fromkeys(variable.labels, float(x))
            found |= dict.fromkeys(variable.shunts, 1.0 / float(x))
        return found


def parse_range(text: str) -> Range:
    """``NAME``, ``NAME=LO:HI`` or ``NAME=LO:HI:STEP``. Raises ConfigurationError."""
    match = _VARY.fullmatch(text)
    if match is None:
        raise ConfigurationError(
            f"--vary {text!r} is not NAME, NAME=LO:HI or NAME=LO:HI:STEP, e.g. 'L*=0.5:2:0.01'"
        )
    given = [None if part is None else float(part) for part in match.groups()[1:]]
    low, high, step = (
        default if part is None else part
        for part, default in zip(given, (LOW, HIGH, STEP), strict=True)
    )
    if not LEAST_FACTOR <= low < high <= MOST_FACTOR or not LEAST_STEP <= step <= high - low:
        raise ConfigurationError(
            f"--vary {text!r}: LO must be below HI, both factors from {LEAST_FACTOR:g} to "
            f"{MOST_FACTOR:g}, and STEP from {LEAST_STEP:g} to HI - LO"
        )
    return Range(match[1], low, high, step)


def variables(cell: CellUnderTest, ranges: Sequence[Range] = ()) -> Variables:
    """The variables of a search on a cell, in the order of its elements.

    Args:
        cell: whose elements.
        ranges: which; of several that fit an element the last one counts. Without any: all
            junctions, current sources, inductors and resistors but those of shunts, and but the
            inductances that a library cell's junctions come with.

    Raises:
        ConfigurationError: a range that fits no element, or lets a coupling reach 1.
    """
    inside = cell.bench.own_elements
    own = {
        name: p
        for name, p in cell.parameters.items()
        if not p.shared and {*p.labels} <= inside.keys()
    }
    shunts = _shunts(inside)
    asked: dict[tuple[str, ...], Range] = {}
    if not ranges:
        asked |= {(name,): Range(name) for name in _free(cell, own, shunts)}
    for one in ranges:
        parts = one.pattern.split("+")
        found = [name for part in parts for name in fitting_names(cell, own, "--vary", part)]
        fitting = list(dict.fromkeys(found))
        # What was asked before of an element is so no more.
        asked = {names: known for names, known in asked.items() if not {*names} & {*fitting}}
        groups = [fitting] if len(parts) > 1 else [[name] for name in fitting]
        asked |= dict.fromkeys(map(tuple, groups), one)
    named = {label for names in asked for name in names for label in own[name].labels}
    order = {name: place for place, name in enumerate(own)}
    chosen = []
    for names, one in sorted(asked.items(), key=lambda item: order[item[0][0]]):
        labels = [label for name in names for label in own[name].labels]
        followers = [s for label in labels for s in shunts.get(label, ()) if s not in named]
        _check_couplings(cell, labels, one)
        facts = "+".join(names), tuple(labels), own[names[0]].nominal
        chosen.append(Variable(*facts, one.low, one.high, one.step, tuple(followers)))
    return Variables(tuple(chosen))


def fitting_names(
    cell: CellUnderTest, known: Iterable[str], option: str, pattern: str, what: str = "element"
) -> list[str]:
    """Names of a cell's that fit a pattern, which was given to an option.

    Raises:
        ConfigurationError: none does; ``what`` is how the message calls them.
    """
    names = list(known)
    found = [name for name in names if fnmatch.fnmatchcase(name.upper(), pattern.upper())]
    if not found:
        raise ConfigurationError(
            f"{option} {pattern}: cell {cell.subject.name} has no such {what}; "
            f"{did_you_mean(pattern, names) or f'it has {_listed(names)}'}"
        )
    return found


def _check_couplings(cell: CellUnderTest, labels: Iterable[str], asked: Range) -> None:
    for label in labels:
        element = cell.bench.elements[label].element
        if isinstance(element, Coupling) and asked.high * abs(element.k) >= 1.0:
            raise ConfigurationError(
                f"--vary {asked.pattern}: the coupling {element.name} is {element.k:g}, and would "
                f"reach {asked.high * abs(element.k):g}; HI must keep it below 1"
            )


def _listed(names: Sequence[str], most: int = 40) -> str:
    """Names in a message, the first ones of many."""
    return f"{', '.join(names[:most])}{' and more' if len(names) > most else ''}"


def _free(
    cell: CellUnderTest, own: Mapping[str, Parameter], shunts: Mapping[str, Sequence[str]]
) -> Iterable[str]:
    """Names of the elements that are a cell's design."""
    following = {label for some in shunts.values() for label in some}
    placed = cell.bench.own_elements
    wiring = {label for r in following for label in _in_series(placed, r)}
    for name, parameter in own.items():
        label = parameter.labels[0]
        element = placed[label].element
        if isinstance(element, Coupling | Capacitor) or label in following | wiring:
            continue
        if element.name not in placed[label].cell.added_inductors():
            yield name


def _beside(placed: Mapping[str, PlacedElement], label: str) -> dict[str, PlacedElement]:
    """The elements of the cell that holds an element."""
    path = placed[label].path
    return {other: p for other, p in placed.items() if p.path == path}


def _in_series(placed: Mapping[str, PlacedElement], label: str) -> list[str]:
    """Labels of inductors that share a node with an element, and with nothing else."""
    here = _beside(placed, label)
    cell, element = placed[label].cell, placed[label].element
    at: dict[str, list[str]] = {}
    for other, p in here.items():
        for node in ends(p.element):
            at.setdefault(node, []).append(other)
    joined = {net for instance in cell.instances for net in instance.nets} | {*cell.ports}
    return [
        other
        for node in ends(element)
        if len(at[node]) == 2 and node not in joined
        for other in at[node]
        if other != label and isinstance(here[other].element, Inductor)
    ]


def _reached(placed: Mapping[str, PlacedElement], label: str) -> list[set[str]]:
    """The nodes at either end of an element, beyond inductors in series too."""
    found = [{node} for node in ends(placed[label].element)]
    for other in _in_series(placed, label):
        beyond = ends(placed[other].element)
        for side in found:
            if side & {*beyond}:
                side |= {*beyond}
    return found


def _shunts(placed: Mapping[str, PlacedElement]) -> dict[str, list[str]]:
    """Labels of each junction's shunts, by its own."""
    found: dict[str, list[str]] = {}
    for label, resistor in placed.items():
        if not isinstance(resistor.element, Resistor):
            continue
        ends = _reached(placed, label)
        for other, junction in _beside(placed, label).items():
            if isinstance(junction.element, Junction):
                sides = _reached(placed, other)
                straight = bool(ends[0] & sides[0] and ends[1] & sides[1])
                if straight or bool(ends[0] & sides[1] and ends[1] & sides[0]):
                    found.setdefault(other, []).append(label)
                    break
    return found
