"""What only neurons have: delay and errors against overdrive, arrival window, leftover flux.

Overdrive is n - theta: how far the count is past the threshold. Each value of n gets windows of
its own; the order of lines is fixed (see ``neuron_windows``).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from netlist_gen.circuit.table_neuron import lines_of_count, table_neuron
from netlist_gen.circuit.view import loop_side
from netlist_gen.records import Record
from verification.characterize.measure.noise import Count, NoiseResult, noise_result
from verification.characterize.measure.timing import case_delays
from verification.characterize.subject.neuron import NeuronKind, neuron_case
from verification.characterize.subject.parameters import trial
from verification.characterize.subject.stimulus import PS, START_S, BenchCase
from verification.characterize.trials.cell import CellUnderTest
from verification.characterize.trials.judge import fault_of
from verification.characterize.trials.trial import Response

REACH = 3
"""Errors are counted at n - theta from -REACH to REACH - 1, as far as the lines go."""


@dataclass(frozen=True)
class Overdrive(Record):
    """Answer of a neuron at one n: excess n - theta, whether it fired, delay from clock to q, s."""

    excess: int
    fired: bool
    delay_s: float | None


@dataclass(frozen=True)
class ArrivalWindow(Record):
    """How long before the decision clock the data of a window may come, at earliest and latest.

    Attributes:
        excess: n - theta in the window (0 must fire, -1 must not).
        earliest_s: how early.
        latest_s: how late.
        earliest_open: nothing failed to the scan's beginning: ``earliest_s`` is a bound.
        latest_open: nothing failed to its end: ``latest_s`` is a bound.
    """

    excess: int
    earliest_s: float
    latest_s: float
    earliest_open: bool
    latest_open: bool


@dataclass(frozen=True)
class Leftover(Record):
    """Fluxons left in the storage loops after a window below threshold, of excess n - theta.

    Then comes a window at threshold and one below: whether these are decided rightly.
    """

    excess: int
    fluxons: int
    next_right: bool


class _NeuronWindows:
    """A neuron under test, and its stimuli of windows that each hold a count."""

    def __init__(self, cell: CellUnderTest) -> None:
        self._cell = cell
        kind = NeuronKind.named(cell.subject.name)
        assert kind is not None
        self.kind = kind
        self.phases = kind.phases(cell.subject.library)
        self.signs, self.theta = table_neuron(kind.fan_in)
        self.low, self.high = -sum(s < 0 for s in self.signs), sum(s > 0 for s in self.signs)

    def case(self, counts: Iterable[int], name: str = "") -> BenchCase:
        """A window of each count; with a memory each is a sample of its own."""
        samples = [[lines_of_count(self.signs, n)] for n in counts]
        return neuron_case(self._cell.subject.library, self.kind, samples, name)

    def under(self, cases: Sequence[BenchCase], temperature_K: float = 0.0) -> CellUnderTest:
        """The neuron on a bench for these cases."""
        subject = dataclasses.replace(self._cell.subject, cases=tuple(cases))
        return self._cell.on(subject=subject, temperature_K=temperature_K)


def delay_against_overdrive(cell: CellUnderTest) -> tuple[Overdrive, ...]:
    """Two windows of each n of the signed range, the second told apart from what the first left.

    Every n has a run of its own: three windows (n, theta - 1, n).
    """
    neuron = _NeuronWindows(cell)
    theta, counts = neuron.theta, range(neuron.low, neuron.high + 1)
    cases = [neuron.case((n, theta - 1, n), f"n{n}") for n in counts]
    under = neuron.under(cases)
    found = []
    for n, case, result in zip(counts, cases, under.run_cases(cases), strict=True):
        right = not fault_of(under.bench, case, result)
        delay = None
        if right and n >= theta and isinstance(result, Response):
            values = [d.delay_s for d in case_delays(under, case, result) if d.output == "q"]
            delay = float(np.mean(values))
        found.append(Overdrive(n - theta, (n >= theta) == right, delay))
    return tuple(found)


def arrival_window(cell: CellUnderTest, *, step_s: float = 1 * PS) -> tuple[ArrivalWindow, ...]:
    """How early and how late the data of a window may come, by scanning their time.

    All data lines of the second of three windows are moved together in steps of ``step_s``; the
    passing range that holds the nominal time is the window.
    """
    neuron = _NeuronWindows(cell)
    theta, phases = neuron.theta, neuron.phases
    found = []
    for excess in (0, -1):
        if theta + excess == 0:  # no data to move
            continue
        case = neuron.case((theta, theta + excess, theta))
        under = neuron.under([case])
        data = [k for k, s in enumerate(case.steps) if s.inputs[0].startswith("d")]
        clocks = [s.time_s for s in case.steps if s.inputs == ("clk",)]
        nominal = case.steps[data[1]].time_s
        offsets = np.arange(-40 * PS, phases.decision + 10 * PS, step_s)
        moved = [_with_step_at(case, data[1], nominal + float(o)) for o in offsets]
        results = zip(moved, under.run_cases(moved), strict=True)
        ok = [not fault_of(under.bench, case, result) for case, result in results]
        first = last = int(np.argmin(np.abs(offsets)))
        while first > 0 and ok[first - 1]:
            first -= 1
        while last < len(ok) - 1 and ok[last + 1]:
            last += 1
        lead = clocks[1] - nominal
        ends = (lead - float(offsets[first]), lead - float(offsets[last]))
        found.append(ArrivalWindow(excess, *ends, first == 0, last == len(ok) - 1))
    return tuple(found)


def _with_step_at(case: BenchCase, index: int, time_s: float) -> BenchCase:
    steps = list(case.steps)
    steps[index] = dataclasses.replace(steps[index], time_s=time_s)
    return dataclasses.replace(case, steps=tuple(sorted(steps, key=lambda s: s.time_s)))


def leftover_flux(cell: CellUnderTest) -> tuple[Leftover, ...]:
    """For every n below theta: is a loop left full, and is the next window decided rightly?"""
    neuron = _NeuronWindows(cell)
    theta, counts = neuron.theta, range(neuron.low, neuron.theta)
    cases = [neuron.case((n, theta, theta - 1), f"n{n}") for n in counts]
    under = neuron.under(cases)
    # Where the membrane lasts, loops are emptied by the sample's start behind it.
    windows = 1 if neuron.kind.memory is None else 3
    end = START_S + windows * neuron.phases.period - 6 * PS
    found = []
    for n, case, result in zip(counts, cases, under.run_cases(cases), strict=True):
        fluxons = 0
        if isinstance(result, Response):
            for label in under.bench.junctions:
                before = result.signs[label][result.times_s[label] < end]
                fluxons += loop_side(label) * int(before.sum())
        found.append(Leftover(n - theta, fluxons, not fault_of(under.bench, case, result)))
    return tuple(found)


def errors_against_overdrive(
    cell: CellUnderTest, *, kelvin: float = 4.2, windows: int = 8, runs: int = 25, seed: int = 1
) -> NoiseResult:
    """How often a neuron decides wrongly at each n - theta, with thermal noise.

    Every n has runs of ``windows`` windows that all hold n; each window is a decision. The
    curve is that of firing, ``Phi(a + b (n - theta + 1/2))``: its tail below theta and what it
    lacks of 1 from theta on are the error rates.
    """
    neuron = _NeuronWindows(cell)
    excesses = [e for e in range(-REACH, REACH) if neuron.low <= neuron.theta + e <= neuron.high]
    cases = [neuron.case([neuron.theta + e] * windows, f"e{e}") for e in excesses]
    under = neuron.under(cases, kelvin)
    trials = [trial(under.bench, case, seed=seed + i) for case in cases for i in range(runs)]
    label = under.bench.target_label("q")
    results = iter(cell.runner.run(under.bench, trials, (label,)))
    counts = []
    for excess, case in zip(excesses, cases, strict=True):
        clocks = [START_S + s.time_s for s in case.steps if s.inputs == ("clk",)]
        ran = [next(results) for _ in range(runs)]
        times = [r.times_s[label] for r in ran if isinstance(r, Response)]
        fired = sum(
            int((np.diff([*np.searchsorted(at, clocks), at.size]) > 0).sum()) for at in times
        )
        decided, failures = len(times) * len(clocks), runs - len(times)
        counts.append(Count(excess, kelvin, excess + 0.5, fired, decided, failures))
    return noise_result("overdrive", counts, decisions=1, seed=seed, right_from=0)
