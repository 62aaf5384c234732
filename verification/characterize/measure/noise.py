"""Noise: how often a cell errs, against temperature, bias and overdrive.

Every run of the stimulus has its own seed, and errs or does not. Rates are errors per run, with
95 % Wilson intervals; a run holds ``decisions`` steps that could go wrong. Where no error was
counted, the rate is bounded from above only, and the curve of a Gaussian grey zone through the
other points says what may be expected there: such values are marked as extrapolated. Points are
put between those where errors are rare and those where they are the rule, until the curve is
determined.

Against temperature the curve's variable is ``1 / sqrt(T)``, since thermal noise grows as sqrt(T).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from netlist_gen.records import Record
from verification.characterize.subject.bench import make_bench
from verification.characterize.subject.parameters import Parameter
from verification.characterize.subject.stimulus import causes
from verification.characterize.trials.cell import CellUnderTest
from verification.characterize.trials.statistics import GreyZone, fit_grey_zone, wilson
from verification.characterize.trials.trial import Failure


@dataclass(frozen=True)
class ErrorRate(Record):
    """Errors at one point.

    Attributes:
        axis: bias (factor), temperature (K), overdrive (n - theta) or another parameter.
        x: place on it. temperature_K: of the noise.
        errors, runs: counted. decisions: steps in a run that could go wrong. failures: runs
            without a verdict, not counted.
        rate, low, high: counted rate and its 95 % interval.
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
class NoiseResult:
    """Error rates along an axis at a bias, the curve through them (or None), and the seed."""

    axis: str
    rates: tuple[ErrorRate, ...]
    curve: GreyZone | None
    seed: int
    bias: float = 1.0


def _count(
    cell: CellUnderTest,
    points: Sequence[Mapping[Parameter, float]],
    runs: int,
    seed: int,
) -> list[tuple[int, int, int]]:
    """(errors, runs judged, failures) at each point; run i has seed + i at every point."""
    spread = [p for p in points for _ in range(runs)]
    outcomes = cell.run(spread, seeds=[seed + i for _ in points for i in range(runs)])
    counts = []
    for k in range(len(points)):
        errors = judged = failures = 0
        for by_case in outcomes[k * runs : (k + 1) * runs]:
            if any(isinstance(o, Failure) for o in by_case.values()):
                failures += 1
                continue
            judged += 1
            errors += not cell.verdict(by_case).passed
        counts.append((errors, judged, failures))
    return counts


def _decisions(cell: CellUnderTest) -> int:
    return sum(
        any(inputs & set(step.inputs) for inputs in causes(cell.cases).values())
        for case in cell.cases
        for step in case.steps
    )


def _result(
    cell: CellUnderTest,
    axis: str,
    points: Sequence[tuple[float, float, float, tuple[int, int, int]]],
    seed: int,
    bias: float = 1.0,
) -> NoiseResult:
    """From (x, temperature, the curve's variable, counts) of each point."""
    curve = fit_grey_zone(
        [v for _, _, v, _ in points], [c[0] for *_, c in points], [c[1] for *_, c in points]
    )
    rates = []
    for x, kelvin, v, (errors, runs, failures) in points:
        low, high = wilson(errors, runs)
        extrapolated = curve.log10_rate(v) if curve is not None and errors == 0 else None
        rate = errors / runs if runs else math.nan
        rates.append(
            ErrorRate(
                axis,
                x,
                kelvin,
                errors,
                runs,
                _decisions(cell),
                failures,
                rate,
                low,
                high,
                extrapolated,
            )
        )
    return NoiseResult(axis, tuple(rates), curve, seed, bias)


def noisy(cell: CellUnderTest, kelvin: float) -> CellUnderTest:
    """The cell with the noise of a temperature; its process is at its own temperature."""
    bench = make_bench(
        cell.bench.subject,
        load=cell.bench.load,
        temperature_K=kelvin,
        step_s=cell.bench.analysis.step_s,
    )
    return CellUnderTest(bench, cell.runner)


def errors_against_parameter(
    cell: CellUnderTest,
    name: str,
    factors: Sequence[float],
    *,
    kelvin: float = 4.2,
    runs: int = 100,
    seed: int = 1,
) -> NoiseResult:
    """Error rate against a parameter's factor (``bias``, ...) at one temperature."""
    warm = noisy(cell, kelvin)
    parameter = cell.parameters[name]
    counted = dict(
        zip(factors, _count(warm, [{parameter: f} for f in factors], runs, seed), strict=True)
    )
    for _ in range(REFINEMENTS):
        new = _between(counted)
        if not new:
            break
        counts = _count(warm, [{parameter: f} for f in new], runs, seed)
        counted |= dict(zip(new, counts, strict=True))
    points = [(f, kelvin, f, counted[f]) for f in sorted(counted)]
    return _result(cell, name, points, seed)


REFINEMENTS = 3
"""Rounds in which points are put where the rate changes."""


def _between(counted: Mapping[float, tuple[int, int, int]]) -> list[float]:
    """Three points in each gap over which the rate changes by more than a third, until three
    rates lie between 5 and 95 %."""
    rate = {x: c[0] / max(1, c[1]) for x, c in counted.items()}
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
    point = {cell.parameters["bias"]: bias}
    points = []
    for kelvin in kelvins:
        (count,) = _count(noisy(cell, kelvin), [point], runs, seed)
        points.append((kelvin, kelvin, 1.0 / math.sqrt(kelvin), count))
    return _result(cell, "temperature", points, seed, bias)


def bias_points(low: float, high: float, *, points: int = 7, reach: float = 0.04) -> list[float]:
    """Bias factors about the nearer edge of the margin, where errors can be counted."""
    edge, sign = (low, 1.0) if 1.0 - low < high - 1.0 else (high, -1.0)
    inside = np.linspace(-0.25 * reach, reach, points)
    return [round(edge + sign * float(d), 6) for d in inside]
