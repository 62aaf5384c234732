"""Sweeps: one or two axes, at each point whether the cell passes and how long its delays are.

An axis is a parameter (its values are factors of nominal), ``period`` (factors on all spacings
of the stimulus, so that 0.5 is twice the rate), or ``temperature`` (K: thermal noise, and the
critical currents and gap of that temperature).
"""

from __future__ import annotations

import dataclasses
import itertools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from netlist_gen.errors import ConfigurationError
from netlist_gen.records import Record
from verification.characterize.measure.timing import Arcs, arcs, case_delays
from verification.characterize.subject.parameters import trial
from verification.characterize.subject.processes import process_at
from verification.characterize.subject.stimulus import BenchCase
from verification.characterize.trials.cell import CellUnderTest
from verification.characterize.trials.trial import Response, TrialResult

BIAS_RATIOS = tuple(round(0.7 + 0.05 * i, 2) for i in range(13))
"""Bias ratios at which delays are tabulated; those at which the cell fails are left out."""

SPECIAL = ("period", "temperature")
_SWEEP = re.compile(r"([A-Za-z][\w.]*)=([-+.\deE]+):([-+.\deE]+):(\d+)")


@dataclass(frozen=True)
class Axis(Record):
    """What is varied, and its values."""

    name: str
    values: tuple[float, ...]


@dataclass(frozen=True)
class SweepPoint:
    """One point: its place on each axis, why the cell fails there (or ""), and its delays."""

    at: tuple[float, ...]
    reason: str
    arcs: Arcs

    @property
    def passed(self) -> bool:
        """Whether the cell passes."""
        return not self.reason


@dataclass(frozen=True)
class Sweep:
    """A sweep's axes and points, the last axis changing fastest."""

    axes: tuple[Axis, ...]
    points: tuple[SweepPoint, ...]

    def passed(self) -> NDArray[np.bool_]:
        """Whether the cell passes, shape (values of the first axis, values of the second, ...)."""
        shape = [len(axis.values) for axis in self.axes]
        return np.array([p.passed for p in self.points]).reshape(shape)


MOST_POINTS = 100_000
"""Of one axis."""


def parse_axis(text: str) -> Axis:
    """``NAME=LO:HI:N`` as an axis. Raises ConfigurationError."""
    match = _SWEEP.fullmatch(text)
    try:
        if match is None:
            raise ValueError
        low, high, count = float(match[2]), float(match[3]), int(match[4])
    except ValueError:
        raise ConfigurationError(
            f"--sweep {text!r} is not NAME=LO:HI:N, e.g. bias=0.7:1.3:25"
        ) from None
    if not low < high or not 2 <= count <= MOST_POINTS or not np.isfinite([low, high]).all():
        raise ConfigurationError(
            f"--sweep {text!r}: LO must be below HI, both finite, and N from 2 to {MOST_POINTS}"
        )
    return Axis(match[1], tuple(round(float(x), 12) for x in np.linspace(low, high, count)))


def sweep(cell: CellUnderTest, axes: Sequence[Axis], *, seed: int = 1) -> Sweep:
    """Run every point of the grid that the axes span.

    Raises:
        ConfigurationError: an unknown parameter, one named twice, or a factor that is not positive.
    """
    names = [axis.name for axis in axes]
    if len(set(names)) != len(names):
        raise ConfigurationError(f"the sweep names an axis twice: {', '.join(names)}")
    for axis in axes:
        if axis.name not in SPECIAL:
            cell.parameter(axis.name)
        if axis.name != "temperature" and min(axis.values) <= 0:
            raise ConfigurationError(
                f"--sweep {axis.name}: the factor {min(axis.values):g} must be above 0"
            )
    places = list(itertools.product(*(axis.values for axis in axes)))
    points = [dict(zip(names, place, strict=True)) for place in places]
    kelvins = [point.get("temperature", cell.bench.temperature_K) for point in points]
    found: dict[int, SweepPoint] = {}
    for kelvin in sorted(set(kelvins)):
        chosen = {i: p for i, p in enumerate(points) if kelvins[i] == kelvin}
        found |= _at_temperature(cell, chosen, kelvin, seed)
    return Sweep(tuple(axes), tuple(found[i] for i in range(len(points))))


def _at_temperature(
    cell: CellUnderTest, points: Mapping[int, Mapping[str, float]], kelvin: float, seed: int
) -> dict[int, SweepPoint]:
    """The points of one temperature, by number; factors by name of the axis."""
    subject = cell.subject
    if any("temperature" in point for point in points.values()):
        subject = dataclasses.replace(subject, process=process_at(subject.process, kelvin))
    longest = subject.longest_s * max(1.0, *(p.get("period", 1.0) for p in points.values()))
    warm = cell.on(subject=subject, temperature_K=kelvin, length_s=longest)
    cases, trials = [], []
    for i, point in points.items():
        factors = {cell.parameter(name): x for name, x in point.items() if name not in SPECIAL}
        for case in cell.cases:
            moved = case.moved([s.time_s * point.get("period", 1.0) for s in case.steps])
            cases.append(moved)
            trials.append(trial(warm.bench, moved, factors, seed=seed + i))
    ran = iter(zip(cases, warm.runner.run(warm.bench, trials, cell.watched), strict=True))
    return {i: _point(cell, point, [next(ran) for _ in cell.cases]) for i, point in points.items()}


def _point(
    cell: CellUnderTest, point: Mapping[str, float], ran: Sequence[tuple[BenchCase, TrialResult]]
) -> SweepPoint:
    place, found = tuple(point.values()), []
    for case, result in ran:
        fault = cell.fault_of(case, result, dense=point.get("period", 1.0) < 1.0)
        if fault or not isinstance(result, Response):
            return SweepPoint(place, case.told(fault), ())
        found += case_delays(cell, case, result)
    return SweepPoint(place, "", arcs(found))


def delay_against_bias(
    cell: CellUnderTest, ratios: Sequence[float] = BIAS_RATIOS
) -> dict[float, Arcs]:
    """Arcs at each bias ratio at which the cell passes."""
    if "bias" not in cell.parameters:
        return {}
    points = sweep(cell, [Axis("bias", tuple(ratios))]).points
    return {point.at[0]: point.arcs for point in points if point.passed}
