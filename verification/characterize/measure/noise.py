"""Noise: how often a cell errs, against temperature, bias and overdrive.

Every run of the stimulus has its own seed, and errs or does not. Rates are errors per run, with
95 % Wilson intervals. Where no error was counted, the curve of a Gaussian grey zone through the
other points says what may be expected: such values are marked as extrapolated. Points are put
where the rate changes, until the curve is determined. Against temperature its variable is
``1 / sqrt(T)``, since thermal noise grows as sqrt(T).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from netlist_gen.records import Record
from verification.characterize.subject.parameters import Parameter
from verification.characterize.subject.stimulus import causes
from verification.characterize.trials.cell import CellUnderTest
from verification.characterize.trials.statistics import GreyZone, fit_grey_zone, wilson
from verification.characterize.trials.trial import Failure

REFINEMENTS = 3
"""Rounds in which points are put where the rate changes."""

REACH = 0.04
"""How far inside the edge of the bias margin errors are counted, as a factor."""


@dataclass(frozen=True)
class ErrorRate(Record):
    """Errors at one point.

    Attributes:
        axis: bias (factor), temperature (K) or overdrive (n - theta); ``x`` is the place on it.
        decisions: steps in a run that could go wrong.
        failures: runs without a verdict, not counted.
        extrapolated: log10 of (rate, low, high) by the curve, where no error was counted.
    """

    axis: str
    x: float
    temperature_K: float
    errors: int
    runs: int
    decisions: int
    failures: int
    rate: float
    low: float
    high: float
    extrapolated: tuple[float, float, float] | None = None


@dataclass(frozen=True)
class NoiseResult(Record):
    """Error rates along an axis, and the curve through them where they determine one."""

    axis: str
    bias: float
    seed: int
    curve: GreyZone | None = field(metadata={"json": "grey_zone"})
    rates: tuple[ErrorRate, ...]


class Count(NamedTuple):
    """What was counted at one place ``x`` of an axis.

    The curve of a grey zone has the rate of ``events`` in ``runs`` against ``variable``; runs
    without a verdict are failures, counted apart.
    """

    x: float
    temperature_K: float
    variable: float
    events: int
    runs: int
    failures: int


def noise_result(
    axis: str,
    counts: Sequence[Count],
    *,
    decisions: int,
    seed: int,
    bias: float = 1.0,
    right_from: float = math.inf,
) -> NoiseResult:
    """Error rates and the curve of events: those from x = ``right_from`` on are no errors."""
    curve = fit_grey_zone(
        [c.variable for c in counts], [c.events for c in counts], [c.runs for c in counts]
    )
    rates = []
    for c in counts:
        right = c.x >= right_from
        errors = c.runs - c.events if right else c.events
        extrapolated = None
        if curve is not None and errors == 0:
            extrapolated = curve.log10_rate(c.variable, side=-1.0 if right else 1.0)
        rate, interval = errors / c.runs if c.runs else math.nan, wilson(errors, c.runs)
        where = (axis, c.x, c.temperature_K)
        rates.append(
            ErrorRate(*where, errors, c.runs, decisions, c.failures, rate, *interval, extrapolated)
        )
    return NoiseResult(axis, bias, seed, curve, tuple(rates))


def _count(
    cell: CellUnderTest, points: Sequence[Mapping[Parameter, float]], runs: int, seed: int
) -> list[tuple[int, int, int]]:
    """(errors, runs judged, failures) at each point; run i has seed + i at every point."""
    spread = [p for p in points for _ in range(runs)]
    results = cell.run(spread, seeds=[seed + i for _ in points for i in range(runs)])
    counts = []
    for k in range(len(points)):
        judged = [
            bool(cell.fault(by_case))
            for by_case in results[k * runs : (k + 1) * runs]
            if not any(isinstance(r, Failure) for r in by_case.values())
        ]
        counts.append((sum(judged), len(judged), runs - len(judged)))
    return counts


def _decisions(cell: CellUnderTest) -> int:
    return sum(
        any(inputs & set(step.inputs) for inputs in causes(cell.cases).values())
        for case in cell.cases
        for step in case.steps
    )


def errors_against_bias(
    cell: CellUnderTest,
    factors: Sequence[float],
    *,
    kelvin: float = 4.2,
    runs: int = 100,
    seed: int = 1,
) -> NoiseResult:
    """Error rate against the factor on all biases at one temperature."""
    warm = cell.on(temperature_K=kelvin)
    bias = cell.parameter("bias")
    counted: dict[float, tuple[int, int, int]] = {}
    new = list(factors)
    for _ in range(1 + REFINEMENTS):
        counts = _count(warm, [{bias: f} for f in new], runs, seed)
        counted |= dict(zip(new, counts, strict=True))
        new = _between(counted)
        if not new:
            break
    points = [Count(f, kelvin, f, *counted[f]) for f in sorted(counted)]
    return noise_result("bias", points, decisions=_decisions(cell), seed=seed)


def _between(counted: Mapping[float, tuple[int, int, int]]) -> list[float]:
    """Three points in each gap over which the rate changes by more than a third.

    None where three rates lie between 5 and 95 %.
    """
    rate = {x: errors / max(1, judged) for x, (errors, judged, _) in counted.items()}
    if sum(0.05 < r < 0.95 for r in rate.values()) >= 3:
        return []
    return [
        round(float(x), 9)
        for left, right in pairwise(sorted(rate))
        if abs(rate[left] - rate[right]) > 1 / 3 and right - left > 1e-5
        for x in np.linspace(left, right, 5)[1:-1]
    ]


def errors_against_temperature(
    cell: CellUnderTest,
    kelvins: Sequence[float],
    *,
    bias: float = 1.0,
    runs: int = 100,
    seed: int = 1,
) -> NoiseResult:
    """Error rate against the temperature of the noise at one bias.

    Critical currents stay those of the process's own temperature: with them the edge itself
    would move, by more than it is wide.
    """
    point = {cell.parameter("bias"): bias}
    counts = []
    for kelvin in kelvins:
        (counted,) = _count(cell.on(temperature_K=kelvin), [point], runs, seed)
        counts.append(Count(kelvin, kelvin, 1.0 / math.sqrt(kelvin), *counted))
    decisions = _decisions(cell)
    return noise_result("temperature", counts, decisions=decisions, seed=seed, bias=bias)


def bias_points(low: float, high: float, *, points: int = 7) -> list[float]:
    """Bias factors about the nearer edge of the margin, where errors can be counted."""
    edge, sign = (low, 1.0) if 1.0 - low < high - 1.0 else (high, -1.0)
    inside = np.linspace(-0.25 * REACH, REACH, points)
    return [round(edge + sign * float(d), 6) for d in inside]
