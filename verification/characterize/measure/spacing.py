"""Critical spacings: how close two inputs may come, and the shortest period.

For each pair of steps that follow one another in a stimulus, the second (with all after it)
is moved towards the first. Two limits are given: ``function``, where the counts stop being
right; and ``delay``, where also a delay has changed by more than ``MAX_CHANGE_S``. Both are
distances between the arrivals at the cell's ports: pulses that follow each other closely drift
apart in the sources.

A limit is found by sections of eight: as many as a tile of lanes holds.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from netlist_gen.records import Record
from verification.characterize.measure.margins import Edge, close_edges
from verification.characterize.measure.timing import Delay, case_delays
from verification.characterize.subject.stimulus import PS, BenchCase, causes
from verification.characterize.trials.cell import CellUnderTest
from verification.characterize.trials.trial import Response, TrialResult

MAX_CHANGE_S = 1.0 * PS
"""Change of delay that counts as disturbed (TimEx uses 0.75 to 1 ps)."""

TOLERANCE_S = 0.1 * PS
LEAST_S = 4.5 * PS
"""No closer where both steps pulse one input, or cause one target: source pulses would overlap,
or answers be told apart no more."""

BEFORE_S = -30 * PS
"""Other steps may change places, so far: a negative spacing is the second before the first."""

SECTIONS = 8
TRAIN = 12
"""Steps in the trains by which the shortest period is found."""


@dataclass(frozen=True)
class Spacing(Record):
    """How close a second step may follow a first.

    Attributes:
        kind: setup, hold, recovery or separation.
        criterion: function or delay.
        last_pass_s: the least spacing found to pass, between arrivals at the ports.
        first_fail_s: the largest found to fail below it; None where the closest tried passes
            (``LEAST_S`` between source pulses, ``BEFORE_S`` for steps that may change places).
        first: class of the first step's inputs ("a", "clk", "d" for any of d0..).
    """

    kind: str
    first_text: str = field(metadata={"json": "first"})
    second_text: str = field(metadata={"json": "second"})
    criterion: str
    last_pass_s: float = field(metadata={"json": "last_pass", "unit": PS})
    first_fail_s: float | None = field(metadata={"json": "first_fail", "unit": PS})
    first: str = field(metadata={"json": None})
    second: str = field(metadata={"json": None})


@dataclass(frozen=True)
class Period(Record):
    """The shortest mean spacing of the stimulus's steps.

    Attributes:
        last_pass_s: the shortest found to pass.
        first_fail_s: the longest found to fail below it; None where nothing fails down to the
            search's floor, so that ``last_pass_s`` is a bound and no result.
        floor_s: of the search, between the closest two steps.
    """

    last_pass_s: float = field(metadata={"json": "last_pass", "unit": PS})
    first_fail_s: float | None = field(metadata={"json": "first_fail", "unit": PS})
    floor_s: float = field(metadata={"json": "floor", "unit": PS})

    def sentence(self) -> str:
        """What was found, in words: a bound is said to be one."""
        found = f"{self.last_pass_s / PS:.2f} ps"
        if self.first_fail_s is not None:
            return f"shortest period: {found}"
        return f"shortest period <= {found}: {self.bound()}"

    def bound(self) -> str:
        """Why it is a bound; "" where it is none."""
        if self.first_fail_s is not None:
            return ""
        return f"nothing failed down to the search's floor of {self.floor_s / PS:g} ps"


@dataclass(eq=False)
class _Limit(Edge):
    """How close the steps of a case may come: from where they are down to a floor."""

    cell: CellUnderTest
    case: BenchCase

    def moved(self, spacing: float) -> BenchCase:
        """The case with another spacing."""
        raise NotImplementedError

    def passes(self, spacing: float, result: TrialResult) -> bool:
        """Whether the cell does with that spacing what it should."""
        return not self.cell.fault_of(self.moved(spacing), result, dense=True)


def _find(limits: Sequence[_Limit], cell: CellUnderTest) -> None:
    """Find all limits together, on the bench of ``cell``."""

    def passes(tried: Sequence[tuple[_Limit, float]]) -> list[bool]:
        results = cell.run_cases([limit.moved(spacing) for limit, spacing in tried])
        return [limit.passes(x, result) for (limit, x), result in zip(tried, results, strict=True)]

    floors = [(limit, limit.outside or 0.0) for limit in limits]
    for (limit, floor), good in zip(floors, passes(floors), strict=True):
        if good:
            limit.inside, limit.outside = floor, None
    close_edges(limits, passes, sections=SECTIONS, tolerance=TOLERANCE_S)


@dataclass(eq=False)
class _StepLimit(_Limit):
    """How close step k + 1, and with it all later ones, may come to step k.

    Attributes:
        nominal: delays that may not change; empty where only the counts matter.
        at_ports: spacing of the arrivals at the ports by that of the source pulses.
    """

    k: int
    nominal: Sequence[Delay]
    at_ports: dict[float, float] = field(default_factory=dict)

    def moved(self, spacing: float) -> BenchCase:
        times = [s.time_s for s in self.case.steps]
        shift = times[self.k + 1] - times[self.k] - spacing
        moved = [t if i <= self.k else t - shift for i, t in enumerate(times)]
        # Where steps have changed places nothing comes before the cell has come to rest.
        early = max(0.0, times[0] - min(moved))
        return self.case.moved([t + early for t in moved])

    def passes(self, spacing: float, result: TrialResult) -> bool:
        if not isinstance(result, Response):
            return False
        self.at_ports[spacing] = self.measured(result)
        if not super().passes(spacing, result):
            return False
        found = case_delays(self.cell, self.moved(spacing), result)
        now = {(d.step, d.output): d.delay_s for d in found}
        return all(abs(now[d.step, d.output] - d.delay_s) <= MAX_CHANGE_S for d in self.nominal)

    def measured(self, response: Response) -> float:
        """From the last arrival of step k to the first of step k + 1, s; NaN where one lacks."""

        def arrivals(step: int) -> Iterator[float]:
            for port in self.case.steps[step].inputs:
                times = response.times_s[self.cell.bench.target_label(port)]
                rank = self.case.pulses_before(step, port)
                yield float(times[rank]) if rank < times.size else math.nan

        return min(arrivals(self.k + 1)) - max(arrivals(self.k))


def port_class(ports: Sequence[str]) -> str:
    """The inputs of a step without numbers, each once: d0 d1 is d."""
    return "+".join(dict.fromkeys(re.sub(r"\d+$", "", port) or port for port in ports))


def critical_spacings(cell: CellUnderTest) -> tuple[Spacing, ...]:
    """Both limits of every distinct pair of steps that follow one another."""
    pairs: dict[tuple[str, ...], tuple[BenchCase, int]] = {}
    for case in cell.cases:
        for k, (one, two) in enumerate(zip(case.steps, case.steps[1:], strict=False)):
            answers = (*one.expect, *one.runs, "|", *two.expect, *two.runs)
            key = (case.name, port_class(one.inputs), port_class(two.inputs), *answers)
            pairs.setdefault(key, (case, k))
    limits: list[_StepLimit] = []
    for case, k in pairs.values():
        nominal = cell.nominal[case.name]
        gap, floor = case.gaps_s()[k], _floor(cell, case, k)
        for kept in ([], case_delays(cell, case, nominal)):
            limit = _StepLimit(gap, floor, cell, case, k, kept)
            limit.at_ports[gap] = limit.measured(nominal)
            limits.append(limit)
    last = [step.time_s for x in limits for step in x.moved(x.outside or 0.0).steps]
    late = max(last, default=0.0)
    _find(limits, cell.on(length_s=late) if late > cell.subject.longest_s else cell)
    return tuple(
        _spacing(limit, criterion, cell.subject.clock)
        for pair in zip(limits[::2], limits[1::2], strict=True)
        for limit, criterion in zip(pair, ("function", "delay"), strict=True)
    )


def _spacing(limit: _StepLimit, criterion: str, clock: str) -> Spacing:
    one, two = limit.case.steps[limit.k : limit.k + 2]
    first, second = port_class(one.inputs), port_class(two.inputs)
    by_clock = {second: "setup", first: "hold"}.get(port_class([clock]), "separation")
    fail = limit.outside
    return Spacing(
        kind="recovery" if first == second else by_clock,
        first_text=one.text,
        second_text=two.text,
        criterion=criterion,
        # Where the simulator failed there are no arrivals: the source pulses' spacing stands.
        last_pass_s=limit.at_ports.get(limit.inside, limit.inside),
        first_fail_s=None if fail is None else limit.at_ports.get(fail, fail),
        first=first,
        second=second,
    )


def _floor(cell: CellUnderTest, case: BenchCase, k: int) -> float:
    """How near step k + 1, and with it all later ones, may come to step k."""
    gap, floor = case.gaps_s()[k], BEFORE_S
    for one, two in itertools.product(case.steps[: k + 1], case.steps[k + 1 :]):
        first, second = set(one.inputs), set(two.inputs)
        together = any(ins & first and ins & second for ins in causes(cell.cases).values())
        if together or first & second:  # they cause one target, or pulse one input
            floor = max(floor, gap + LEAST_S - (two.time_s - one.time_s))
    return floor


class _PeriodLimit(_Limit):
    """How close the closest two steps of a case may come, all moved in proportion."""

    def moved(self, spacing: float) -> BenchCase:
        factor = spacing / min(self.case.gaps_s())
        return self.case.moved([s.time_s * factor for s in self.case.steps])

    @property
    def mean(self) -> float:
        """The mean gap of the case over its least."""
        steps, gaps = self.case.steps, self.case.gaps_s()
        return (steps[-1].time_s - steps[0].time_s) / len(gaps) / min(gaps)


def shortest_period(cell: CellUnderTest) -> Period | None:
    """The least mean step spacing at which every case passes; None for cases of one step each.

    All steps of a case are moved together in proportion, down to ``LEAST_S`` between the closest.
    A stimulus that can follow itself is repeated to ``TRAIN`` steps, so that what builds up from
    pulse to pulse counts.
    """
    trains = [t for t in (_train(cell, case) for case in cell.cases) if t.gaps_s()]
    limits = [_PeriodLimit(min(train.gaps_s()), LEAST_S, cell, train) for train in trains]
    longest = max((train.length_s for train in trains), default=0.0)
    _find(limits, cell.on(length_s=longest))
    worst = max(limits, default=None, key=lambda limit: limit.inside * limit.mean)
    if worst is None:
        return None
    fail = None if worst.outside is None else worst.outside * worst.mean
    return Period(worst.inside * worst.mean, fail, LEAST_S)


def _train(cell: CellUnderTest, case: BenchCase) -> BenchCase:
    """The case repeated, where the nominal cell still answers rightly; else as it is."""
    period = case.length_s + cell.subject.tail_s
    steps = [
        dataclasses.replace(step, time_s=step.time_s + i * period)
        for i in range(max(1, -(-TRAIN // len(case.steps))))
        for step in case.steps
    ]
    train = dataclasses.replace(case, name=f"{case.name} train", steps=tuple(steps))
    longer = cell.on(length_s=max(cell.subject.longest_s, train.length_s))
    (result,) = longer.run_cases([train])
    return case if cell.fault_of(train, result) else train
