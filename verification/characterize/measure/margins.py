"""Margins: how far each parameter alone may go, to either side, before the cell fails.

Each parameter is scanned over a grid of factors, all parameters and grid points in one batch.
From nominal outwards, the first failing grid point closes each side, and the edge between it
and the passing point before it is found to the tolerance. Passing points beyond a failing one
are islands: they are reported, not counted as margin. Islands and holes narrower than the
grid's step can hide between its points.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from netlist_gen.records import Record
from verification.characterize.subject.parameters import Parameter

LOW, HIGH, GRID = 0.1, 2.0, 20
"""Factors scanned by default: 0.1 to 2.0 in steps of 0.1, as JOINUS's -90 % to +100 %."""

TOLERANCE = 0.005
"""Distance of last pass and first fail, as a share of nominal."""

SECTIONS = 3
"""Points put into each open interval in one round: an interval shrinks to a quarter."""

Passes = Callable[[Sequence[Mapping[Parameter, float]]], list[bool]]


AnyEdge = TypeVar("AnyEdge", bound="Edge")


@dataclass(eq=False)
class Edge:
    """The last value found to pass, and the first beyond it found to fail (None: none does)."""

    inside: float
    outside: float | None


def close_edges(
    edges: Sequence[AnyEdge],
    passes: Callable[[Sequence[tuple[AnyEdge, float]]], Sequence[bool]],
    *,
    sections: int,
    tolerance: float,
) -> None:
    """Narrow all edges until the two values of each are within the tolerance.

    All values of a round, so many in each open interval, are tried together.
    """
    while True:
        tried = [
            (edge, float(x))
            for edge in edges
            # What is closed but for rounding is closed.
            if edge.outside is not None and abs(edge.outside - edge.inside) > tolerance * 1.0000001
            for x in np.linspace(edge.outside, edge.inside, sections + 2)[-2:0:-1]
            if x not in (edge.outside, edge.inside)  # neighbouring floats have nothing between
        ]
        if not tried:
            return
        failed: set[AnyEdge] = set()
        for (edge, x), good in zip(tried, passes(tried), strict=True):
            # From the side that passes on to the first failure.
            if edge in failed:
                continue
            if good:
                edge.inside = x
            else:
                edge.outside = x
                failed.add(edge)


@dataclass(frozen=True)
class Side(Record):
    """One side of a margin, as factors of nominal.

    Attributes:
        last_pass: farthest factor found to pass, going outwards from nominal.
        first_fail: nearest factor beyond it found to fail; None where the scan's end passes.
        islands: (first, last) passing grid points beyond ``first_fail``.
    """

    last_pass: float
    first_fail: float | None
    islands: tuple[tuple[float, float], ...] = ()

    @property
    def margin(self) -> float:
        """Last pass from nominal, as a share: 0.2 is 20 %."""
        return abs(self.last_pass - 1.0)


@dataclass(frozen=True)
class Margin:
    """Both sides of one parameter."""

    parameter: Parameter
    low: Side
    high: Side

    @property
    def least(self) -> tuple[float, str]:
        """The smaller side's margin, and the side: "-" or "+"."""
        return min((self.low.margin, "-"), (self.high.margin, "+"))


@dataclass(frozen=True)
class Margins:
    """Margins of a cell, globals first; the edges' tolerance; step and ends of the first scan."""

    margins: tuple[Margin, ...]
    tolerance: float
    step: float
    low: float
    high: float

    @property
    def critical(self) -> tuple[Margin, str]:
        """The single element of least margin and its side (of globals where there is no other)."""
        single = [m for m in self.margins if not m.parameter.shared] or list(self.margins)
        worst = min(single, key=lambda m: m.least[0])
        return worst, worst.least[1]


@dataclass(eq=False)
class _SideEdge(Edge):
    """One side of a parameter's margin while it is looked for."""

    parameter: Parameter
    islands: tuple[tuple[float, float], ...]


def _scanned(parameter: Parameter, outwards: Sequence[tuple[float, bool]]) -> _SideEdge:
    """A side from whether the factors of a grid pass, from nominal outwards."""
    groups = itertools.groupby([(1.0, True), *outwards], key=lambda point: point[1])
    runs = [(passed, [x for x, _ in run]) for passed, run in groups]
    islands = tuple((run[0], run[-1]) for passed, run in runs[1:] if passed)
    return _SideEdge(runs[0][1][-1], runs[1][1][0] if len(runs) > 1 else None, parameter, islands)


def margins(
    chosen: Sequence[Parameter],
    passes: Passes,
    *,
    low: float = LOW,
    high: float = HIGH,
    grid: int = GRID,
    tolerance: float = TOLERANCE,
) -> Margins:
    """Margins of each parameter alone, in the order they are given.

    The nominal point must pass. The scan has ``grid`` points from ``low`` to ``high``; edges are
    found to the tolerance, absolute on the factor.
    """
    factors = [round(float(x), 12) for x in np.linspace(low, high, grid)]
    below, above = [x for x in reversed(factors) if x < 1.0], [x for x in factors if x > 1.0]
    points = [(p, x) for p in chosen for x in factors if x != 1.0]
    passed = dict(zip(points, passes([{p: x} for p, x in points]), strict=True))
    edges = [
        _scanned(p, [(x, passed[p, x]) for x in side]) for p in chosen for side in (below, above)
    ]
    close_edges(
        edges,
        lambda tried: passes([{edge.parameter: x} for edge, x in tried]),
        sections=SECTIONS,
        tolerance=tolerance,
    )
    sides = [Side(edge.inside, edge.outside, edge.islands) for edge in edges]
    found = [Margin(*both) for both in zip(chosen, sides[::2], sides[1::2], strict=True)]
    return Margins(tuple(found), tolerance, (high - low) / (grid - 1), low, high)
