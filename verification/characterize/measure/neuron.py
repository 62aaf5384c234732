"""What only neurons have: delay and errors against overdrive, arrival window, leftover flux.

Overdrive is n - theta: how far the count is past the threshold. Each value of n gets windows of
its own; the order of lines is fixed (see ``neuron_windows``).
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass

import numpy as np

from netlist_gen.circuit.neuron import table_neuron
from netlist_gen.circuit.view import loop_side
from netlist_gen.errors import ConfigurationError
from netlist_gen.library.design import load_phases
from netlist_gen.records import Record
from verification.characterize.measure.noise import ErrorRate, NoiseResult
from verification.characterize.measure.timing import case_delays
from verification.characterize.subject.bench import make_bench
from verification.characterize.subject.parameters import trial
from verification.characterize.subject.stimulus import PS, START_S, Case
from verification.characterize.subject.subject import Subject, neuron_subject
from verification.characterize.trials.cell import CellUnderTest
from verification.characterize.trials.judge import Judge
from verification.characterize.trials.runner import Runner
from verification.characterize.trials.statistics import fit_grey_zone, wilson
from verification.characterize.trials.trial import Response


@dataclass(frozen=True)
class Overdrive(Record):
    """Answer of a neuron at one n: excess n - theta, whether it fired, delay from clock to q, s."""

    excess: int
    fired: bool
    delay_s: float | None


@dataclass(frozen=True)
class ArrivalWindow(Record):
    """When data may arrive, s relative to the decision clock's arrival.

    Attributes:
        excess: n - theta in the window tested (0 must fire, -1 must not).
        earliest_s: how long before the clock data may come (limited by the reset before it).
        latest_s: how long before the clock the last data pulse must have come.
    """

    excess: int
    earliest_s: float
    latest_s: float


@dataclass(frozen=True)
class Leftover(Record):
    """Flux left in the neuron's loops after a window below threshold, as advances.

    Attributes:
        excess: n - theta of the window. fluxons: sum over storage loops of set less clear
            advances at the end of the window; 0 is empty. after: whether the next window, at
            threshold, fires and the one below does not.
    """

    excess: int
    fluxons: int
    next_right: bool


def fan_in_of(subject: Subject) -> int:
    """Fan-in of a neuron subject. Raises ConfigurationError for another subject."""
    if not subject.grouped:
        raise ConfigurationError(f"{subject.name} is no neuron")
    return len(subject.inputs) - 2


def theta_of(subject: Subject) -> int:
    """The threshold that ``neuron_subject`` gives by default."""
    return table_neuron(fan_in_of(subject))[1]


def _lines(signs: tuple[int, ...], n: int) -> tuple[int, ...]:
    plus = [i for i, s in enumerate(signs) if s > 0]
    minus = [i for i, s in enumerate(signs) if s < 0]
    return tuple(plus[:n]) if n >= 0 else tuple(minus[:-n])


def delay_against_overdrive(subject: Subject, runner: Runner) -> list[Overdrive]:
    """Two windows of each n of the signed range, the second told apart from what the first left.

    Every n has a run of its own: three windows (n, theta - 1, n).
    """
    fan_in, theta = fan_in_of(subject), theta_of(subject)
    signs, _ = table_neuron(fan_in)
    low, high = -sum(s < 0 for s in signs), sum(s > 0 for s in signs)
    cases = []
    for n in range(low, high + 1):
        windows = [_lines(signs, n), _lines(signs, theta - 1), _lines(signs, n)]
        one = neuron_subject(subject.library, fan_in, windows=windows)
        cases.append(dataclasses.replace(one.cases[0], name=f"n{n}"))
    whole = dataclasses.replace(subject, cases=tuple(cases))
    cell = CellUnderTest(make_bench(whole), runner)
    found = []
    outcomes = cell.run_cases(cases)

    judge = Judge(cell.bench, {}, {})
    for n, case, outcome in zip(range(low, high + 1), cases, outcomes, strict=True):
        right = judge(case, outcome).passed
        fires = n >= theta
        delay = None
        if right and fires and isinstance(outcome, Response):
            values = [d.delay_s for d in case_delays(cell, case, outcome) if d.output == "q"]
            delay = float(np.mean(values))
        found.append(Overdrive(n - theta, fires if right else not fires, delay))
    return found


def arrival_window(
    subject: Subject, runner: Runner, *, step_s: float = 1 * PS
) -> list[ArrivalWindow]:
    """How early and how late the data of a window may come, by scanning their time.

    All data lines of the second of three windows are moved together in steps of ``step_s``; the
    passing range that holds the nominal time is the window.
    """
    fan_in, theta = fan_in_of(subject), theta_of(subject)
    signs, _ = table_neuron(fan_in)
    phases = load_phases(process=subject.process)
    found = []
    for excess in (0, -1):
        n = theta + excess
        windows = [_lines(signs, theta), _lines(signs, n), _lines(signs, theta)]
        base = neuron_subject(subject.library, fan_in, windows=windows)
        cell = CellUnderTest(make_bench(base), runner)
        case = cell.cases[0]
        data = [k for k, s in enumerate(case.steps) if s.inputs[0].startswith("d")]
        clocks = [k for k, s in enumerate(case.steps) if s.inputs == ("clk",)]
        if len(data) < 2 or not _lines(signs, n):
            continue
        clock = case.steps[clocks[1]].time_s
        nominal = case.steps[data[1]].time_s
        offsets = np.arange(-40 * PS, phases.decision + 10 * PS, step_s)
        moved = [_with_step_at(case, data[1], nominal + float(o)) for o in offsets]

        judge = Judge(cell.bench, {}, {})
        ok = [judge(c, o).passed for c, o in zip(moved, cell.run_cases(moved), strict=True)]
        centre = int(np.argmin(np.abs(offsets)))
        first = last = centre
        while first > 0 and ok[first - 1]:
            first -= 1
        while last < len(ok) - 1 and ok[last + 1]:
            last += 1
        lead = clock - nominal
        found.append(
            ArrivalWindow(excess, lead - float(offsets[first]), lead - float(offsets[last]))
        )
    return found


def _with_step_at(case: Case, index: int, time_s: float) -> Case:
    steps = list(case.steps)
    steps[index] = dataclasses.replace(steps[index], time_s=time_s)
    steps.sort(key=lambda s: s.time_s)
    return Case(case.name, tuple(steps), case.settings)


def leftover_flux(subject: Subject, runner: Runner) -> list[Leftover]:
    """For every n below theta: is a loop left full, and is the next window decided rightly?"""
    fan_in, theta = fan_in_of(subject), theta_of(subject)
    signs, _ = table_neuron(fan_in)
    low = -sum(s < 0 for s in signs)
    cases = []
    for n in range(low, theta):
        windows = [_lines(signs, n), _lines(signs, theta), _lines(signs, theta - 1)]
        one = neuron_subject(subject.library, fan_in, windows=windows)
        cases.append(dataclasses.replace(one.cases[0], name=f"n{n}"))
    whole = dataclasses.replace(subject, cases=tuple(cases))
    cell = CellUnderTest(make_bench(whole), runner)

    judge = Judge(cell.bench, {}, {})
    phases = load_phases(process=subject.process)
    end = START_S + phases.period - 6 * PS
    found = []
    for n, case, outcome in zip(range(low, theta), cases, cell.run_cases(cases), strict=True):
        fluxons = 0
        if isinstance(outcome, Response):
            for label in cell.bench.junctions:
                side = loop_side(label)
                if side:
                    keep = outcome.times_s[label] < end
                    fluxons += side * int(outcome.signs[label][keep].sum())
        found.append(Leftover(n - theta, fluxons, judge(case, outcome).passed))
    return found


def errors_against_overdrive(
    subject: Subject,
    runner: Runner,
    *,
    kelvin: float = 4.2,
    reach: int = 3,
    windows: int = 8,
    runs: int = 25,
    seed: int = 1,
) -> NoiseResult:
    """How often a neuron decides wrongly at each n - theta, with thermal noise.

    Every n has runs of ``windows`` windows that all hold n; each window is a decision. The
    curve is that of firing, ``Phi(a + b (n - theta + 1/2))``: its tail below theta and what it
    lacks of 1 from theta on are the error rates.

    Args:
        reach: n - theta from -reach to reach - 1, as far as the lines go.
    """
    fan_in, theta = fan_in_of(subject), theta_of(subject)
    signs, _ = table_neuron(fan_in)
    low, high = -sum(s < 0 for s in signs), sum(s > 0 for s in signs)
    excesses = [e for e in range(-reach, reach) if low <= theta + e <= high]
    cases = [
        dataclasses.replace(
            neuron_subject(
                subject.library, fan_in, windows=[_lines(signs, theta + e)] * windows
            ).cases[0],
            name=f"e{e}",
        )
        for e in excesses
    ]
    whole = dataclasses.replace(subject, cases=tuple(cases))
    bench = make_bench(whole, temperature_K=kelvin)
    trials = [trial(bench, case, seed=seed + i) for case in cases for i in range(runs)]
    label = bench.target_label("q")
    outcomes = iter(runner.run(bench, trials, (label,)))
    points = []
    for excess, case in zip(excesses, cases, strict=True):
        clocks = [START_S + s.time_s for s in case.steps if s.inputs == ("clk",)]
        fired = decided = failures = 0
        for _ in range(runs):
            outcome = next(outcomes)
            if not isinstance(outcome, Response):
                failures += 1
                continue
            times = outcome.times_s[label]
            counts = np.diff([*np.searchsorted(times, clocks), times.size])
            fired += int((counts > 0).sum())
            decided += len(clocks)
        points.append((excess, fired, decided, failures))
    return _overdrive_result(points, kelvin, seed)


def _overdrive_result(
    points: list[tuple[int, int, int, int]], kelvin: float, seed: int
) -> NoiseResult:
    """From (n - theta, windows that fired, windows, failed runs)."""
    curve = fit_grey_zone(
        [e + 0.5 for e, *_ in points], [f for _, f, _, _ in points], [n for _, _, n, _ in points]
    )
    rates = []
    for excess, fired, decided, failures in points:
        errors = decided - fired if excess >= 0 else fired
        low, high = wilson(errors, decided)
        extrapolated = None
        if errors == 0 and curve is not None:
            side = -1.0 if excess >= 0 else 1.0
            extrapolated = curve.log10_rate(excess + 0.5, side=side)
        rate = errors / decided if decided else math.nan
        rates.append(
            ErrorRate(
                "overdrive", excess, kelvin, errors, decided, 1, failures, rate, low, high,
                extrapolated,
            )
        )  # fmt: skip
    return NoiseResult("overdrive", tuple(rates), curve, seed)
