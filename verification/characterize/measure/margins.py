"""Margins: how far each parameter alone may go, to either side, before the cell fails.

Each parameter is scanned over a grid of factors, all parameters and grid points in one batch.
From nominal outwards, the first failing grid point closes each side, and the edge between it
and the passing point before it is found to the tolerance. Passing points beyond a failing one
are islands: they are reported, not counted as margin. Islands and holes narrower than the
grid's step can hide between its points.

The critical parameter is that with the least margin of any side among single elements; global
factors are listed first and apart, the bias before all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

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
    """Margins of a cell.

    Attributes:
        margins: globals first, bias before all.
        tolerance: of each edge. step: of the scan for islands. low, high: its ends.
        trials: points simulated.
    """

    margins: tuple[Margin, ...]
    tolerance: float
    step: float
    low: float
    high: float
    trials: int

    @property
    def critical(self) -> tuple[Margin, str]:
        """The single element of least margin and its side (of globals where there is no other)."""
        single = [m for m in self.margins if not m.parameter.shared] or list(self.margins)
        worst = min(single, key=lambda m: m.least[0])
        return worst, worst.least[1]


@dataclass
class _Edge:
    parameter: Parameter
    inside: float
    outside: float | None
    islands: list[tuple[float, float]] = field(default_factory=list)

    def open(self, tolerance: float) -> bool:
        return self.outside is not None and abs(self.outside - self.inside) > tolerance * 1.0000001

    def points(self) -> list[float]:
        assert self.outside is not None
        return [float(x) for x in np.linspace(self.inside, self.outside, SECTIONS + 2)[1:-1]]


def margins(
    chosen: Sequence[Parameter],
    passes: Passes,
    *,
    low: float = LOW,
    high: float = HIGH,
    grid: int = GRID,
    tolerance: float = TOLERANCE,
) -> Margins:
    """Margins of each parameter alone.

    Args:
        chosen: parameters, in the order they are reported.
        passes: whether the cell passes at each of many points. The nominal point must pass.
        low, high: ends of the scan, factors of nominal. grid: its points.
        tolerance: on the factor, absolute.
    """
    factors = [round(float(x), 12) for x in np.linspace(low, high, grid)]
    batch = [{p: x} for p in chosen for x in factors if x != 1.0]
    flat = iter(passes(batch))
    trials = len(batch)
    edges: list[_Edge] = []
    for p in chosen:
        ok = {x: (x == 1.0 or next(flat)) for x in factors}
        below = [x for x in reversed(factors) if x < 1.0]
        above = [x for x in factors if x > 1.0]
        edges += [_edge(p, below, ok), _edge(p, above, ok)]
    while True:
        todo = [e for e in edges if e.open(tolerance)]
        if not todo:
            break
        batch = [{e.parameter: x} for e in todo for x in e.points()]
        flat = iter(passes(batch))
        trials += len(batch)
        for e in todo:
            results = [(x, next(flat)) for x in e.points()]
            for x, good in results:
                if not good:
                    e.outside = x
                    break
                e.inside = x
    return Margins(
        tuple(
            Margin(a.parameter, _side(a), _side(b))
            for a, b in zip(edges[::2], edges[1::2], strict=True)
        ),
        tolerance,
        (high - low) / (grid - 1),
        low,
        high,
        trials,
    )


def _edge(parameter: Parameter, outwards: Sequence[float], ok: Mapping[float, bool]) -> _Edge:
    edge = _Edge(parameter, 1.0, None)
    start: float | None = None
    last = 1.0
    for x in outwards:
        if edge.outside is None:
            if ok[x]:
                edge.inside = x
            else:
                edge.outside = x
        elif ok[x]:
            start = x if start is None else start
            last = x
        elif start is not None:
            edge.islands.append((start, last))
            start = None
    if start is not None:
        edge.islands.append((start, last))
    return edge


def _side(edge: _Edge) -> Side:
    return Side(edge.inside, edge.outside, tuple(edge.islands))
