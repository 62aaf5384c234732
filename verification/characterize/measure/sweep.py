"""Sweeps: one or two axes, at each point whether the cell passes and how long its delays are.

An axis is a parameter (its values are factors of nominal), ``period`` (factors on all spacings
of the stimulus, so that 0.5 is twice the rate), or ``temperature`` (K: thermal noise, and the
critical currents and gap of that temperature).
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from netlist_gen.errors import ConfigurationError
from verification.characterize.measure.timing import Arc, arcs, case_delays
from verification.characterize.subject.bench import make_bench
from verification.characterize.subject.parameters import get_parameter, trial
from verification.characterize.subject.thermal import process_at
from verification.characterize.trials.cell import CellUnderTest
from verification.characterize.trials.trial import Response

SPECIAL = ("period", "temperature")
_SWEEP = re.compile(r"([A-Za-z][\w.]*)=([-+.\deE]+):([-+.\deE]+):(\d+)")


@dataclass(frozen=True)
class Axis:
    """What is varied, and its values."""

    name: str
    values: tuple[float, ...]


@dataclass(frozen=True)
class SweepPoint:
    """One point: its place on each axis, whether the cell passes, why not, and its delays."""

    at: tuple[float, ...]
    passed: bool
    reason: str
    arcs: tuple[Arc, ...]


@dataclass(frozen=True)
class Sweep:
    """A sweep's axes and points, the last axis changing fastest."""

    axes: tuple[Axis, ...]
    points: tuple[SweepPoint, ...]

    def passed(self) -> np.ndarray:
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
            get_parameter(cell.parameters, axis.name, cell.name)
        if axis.name != "temperature" and min(axis.values) <= 0:
            raise ConfigurationError(
                f"--sweep {axis.name}: the factor {min(axis.values):g} must be above 0"
            )
    grid = np.stack(np.meshgrid(*(a.values for a in axes), indexing="ij"), -1)
    places = grid.reshape(-1, len(axes))
    results: dict[int, SweepPoint] = {}
    kelvins = _column(places, names, "temperature", cell.bench.analysis.temperature_K)
    for kelvin in np.unique(kelvins):
        chosen = np.flatnonzero(kelvins == kelvin)
        results |= _at_temperature(cell, names, places, chosen, float(kelvin), seed)
    return Sweep(tuple(axes), tuple(results[i] for i in range(len(places))))


def _column(places: np.ndarray, names: Sequence[str], name: str, default: float) -> np.ndarray:
    if name in names:
        return np.asarray(places[:, names.index(name)])
    return np.full(len(places), default)


def _at_temperature(
    cell: CellUnderTest,
    names: Sequence[str],
    places: np.ndarray,
    chosen: np.ndarray,
    kelvin: float,
    seed: int,
) -> dict[int, SweepPoint]:
    stretches = _column(places, names, "period", 1.0)
    longest = max(case.length_s for case in cell.cases) * max(1.0, float(stretches.max()))
    subject = cell.bench.subject
    if "temperature" in names:
        subject = dataclasses.replace(subject, process=process_at(subject.process, kelvin))
    bench = make_bench(
        subject,
        load=cell.bench.load,
        temperature_K=kelvin,
        step_s=cell.bench.analysis.step_s,
        length_s=longest,
    )
    known = cell.parameters
    trials, cases = [], []
    for i in chosen:
        factors = {
            known[name]: float(x)
            for name, x in zip(names, places[i], strict=True)
            if name not in SPECIAL
        }
        for case in cell.cases:
            moved = case
            if stretches[i] != 1.0:
                moved = case.moved([s.time_s * float(stretches[i]) for s in case.steps])
            cases.append(moved)
            trials.append(trial(bench, moved, factors, seed=seed + int(i)))
    outcomes = cell.runner.run(bench, trials, cell.watched)
    found = {}
    per = len(cell.cases)
    for k, i in enumerate(chosen):
        reason, delays = "", []
        for case, outcome in zip(
            cases[k * per : (k + 1) * per], outcomes[k * per : (k + 1) * per], strict=True
        ):
            verdict = cell.judge(case, outcome, dense=stretches[i] < 1.0)
            if not verdict.passed:
                reason = f"case {case.name}: {verdict.reason}" if case.name else verdict.reason
                break
            assert isinstance(outcome, Response)
            delays += case_delays(cell, case, outcome)
        place = tuple(float(x) for x in places[i])
        found[int(i)] = SweepPoint(place, not reason, reason, () if reason else tuple(arcs(delays)))
    return found
