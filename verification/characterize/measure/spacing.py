"""Critical spacings: how close two inputs may come, and the shortest period.

For each pair of steps that follow one another in a stimulus, the second (with all after it)
is moved towards the first. Two limits are given: ``function``, where the counts stop being
right; and ``delay``, where also a delay has changed by more than ``MAX_CHANGE_S``. Both are
distances between the arrivals at the cell's ports: pulses that follow each other closely drift
apart in the sources. Setup is data before clock, hold is data after clock, recovery is one input
after itself.

A limit is found by sections of eight: as many as a tile of lanes holds.
"""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from verification.characterize.measure.timing import case_delays
from verification.characterize.subject.bench import make_bench
from verification.characterize.subject.stimulus import PS, START_S, Case, Step, causes
from verification.characterize.trials.cell import CellUnderTest
from verification.characterize.trials.trial import Outcome, Response

MAX_CHANGE_S = 1.0 * PS
"""Change of delay that counts as disturbed (TimEx uses 0.75 to 1 ps)."""

TOLERANCE_S = 0.1 * PS
LEAST_S = 4.5 * PS
"""No closer where both steps pulse one input, or cause one target: source pulses would overlap,
or answers be told apart no more."""

BEFORE_S = -30 * PS
"""Other steps may change places, so far: a negative spacing is the second before the first."""

SECTIONS = 8


@dataclass(frozen=True)
class Spacing:
    """How close a second step may follow a first.

    Attributes:
        case: of the stimulus. first, second: input classes ("a", "clk", "d" for any of d0..).
        first_text, second_text: the steps.
        kind: setup, hold, recovery or separation.
        criterion: function or delay.
        last_pass_s: the least spacing found to pass, between arrivals at the ports.
        first_fail_s: the largest found to fail below it; None where the closest tried passes
            (``LEAST_S`` between source pulses, ``BEFORE_S`` for steps that may change places).
    """

    case: str
    first: str
    second: str
    first_text: str
    second_text: str
    kind: str
    criterion: str
    last_pass_s: float
    first_fail_s: float | None


@dataclass
class _Search:
    """A limit between a spacing that passes and one that fails (or the floor)."""

    build: Callable[[float], Case]
    check: Callable[[Case, Response], bool]
    good: float
    bad: float
    floor: float
    unbounded: bool = False
    good_response: Response | None = None
    bad_response: Response | None = None

    def candidates(self) -> list[float]:
        return [float(s) for s in np.linspace(self.bad, self.good, SECTIONS + 2)[1:-1]]

    def done(self) -> bool:
        return self.unbounded or self.good - self.bad <= TOLERANCE_S


def _search(cell: CellUnderTest, searches: Sequence[_Search]) -> None:
    """Close all searches together."""
    pending = list(searches)
    cases = [s.build(s.floor) for s in pending]
    for s, case, outcome in zip(pending, cases, cell.run_cases(cases), strict=True):
        if isinstance(outcome, Response) and s.check(case, outcome):
            s.good, s.unbounded, s.good_response = s.floor, True, outcome
        elif isinstance(outcome, Response):
            s.bad_response = outcome
    pending = [s for s in pending if not s.done()]
    while pending:
        batch = [(s, x, s.build(x)) for s in pending for x in s.candidates()]
        outcomes = cell.run_cases([case for _, _, case in batch])
        passed: dict[int, list[tuple[float, bool, Outcome]]] = {}
        for (s, x, case), outcome in zip(batch, outcomes, strict=True):
            ok = isinstance(outcome, Response) and s.check(case, outcome)
            passed.setdefault(id(s), []).append((x, ok, outcome))
        for s in pending:
            # From the safe side down to the first failure.
            for x, ok, outcome in reversed(passed[id(s)]):
                response = outcome if isinstance(outcome, Response) else None
                if not ok:
                    s.bad, s.bad_response = x, response
                    break
                s.good, s.good_response = x, response
        pending = [s for s in pending if not s.done()]


def port_class(ports: Sequence[str]) -> str:
    """The inputs of a step without numbers, each once: d0 d1 is d."""
    return "+".join(dict.fromkeys(re.sub(r"\d+$", "", port) or port for port in ports))


def _kind(first: str, second: str, clock: str) -> str:
    if first == second:
        return "recovery"
    if clock and second == clock:
        return "setup"
    if clock and first == clock:
        return "hold"
    return "separation"


def critical_spacings(cell: CellUnderTest) -> list[Spacing]:
    """Both limits of every distinct pair of steps that follow one another."""
    todo: list[tuple[Spacing, _Search, Callable[[Response], float]]] = []
    known: set[tuple[str, ...]] = set()
    clock = port_class([cell.bench.subject.clock]) if cell.bench.subject.clock else ""
    for case in cell.cases:
        reference = case_delays(cell, case, cell.nominal[case.name])
        nominal = {(d.step, d.output): d.delay_s for d in reference}
        for k in range(len(case.steps) - 1):
            one, two = case.steps[k], case.steps[k + 1]
            first, second = port_class(one.inputs), port_class(two.inputs)
            answers = (*one.expect, *one.runs, "|", *two.expect, *two.runs)
            key = (case.name, first, second, *answers)
            if key in known:
                continue
            known.add(key)
            gap = two.time_s - one.time_s
            floor = _floor(cell, case, k)
            for criterion in ("function", "delay"):
                search = _Search(
                    _mover(case, k),
                    _checker(cell, nominal, MAX_CHANGE_S if criterion == "delay" else None),
                    gap,
                    floor,
                    floor,
                )
                kind = _kind(first, second, clock)
                spacing = Spacing(
                    case.name, first, second, one.text, two.text, kind, criterion, gap, None
                )
                search.good_response = cell.nominal[case.name]
                todo.append((spacing, search, _measurer(cell, case, k)))
    _search(cell, [search for _, search, _ in todo])
    return [
        dataclasses.replace(
            spacing,
            last_pass_s=at_ports(s.good_response) if s.good_response else s.good,
            first_fail_s=None
            if s.unbounded
            else (at_ports(s.bad_response) if s.bad_response else s.bad),
        )
        for spacing, s, at_ports in todo
    ]


def _tied(cell: CellUnderTest, one: Step, two: Step) -> bool:
    """Whether two steps pulse one input, or can cause the same target."""
    if set(one.inputs) & set(two.inputs):
        return True
    return any(
        inputs & set(one.inputs) and inputs & set(two.inputs)
        for inputs in causes(cell.cases).values()
    )


def _floor(cell: CellUnderTest, case: Case, k: int) -> float:
    """How near step k + 1, and with it all later ones, may come to step k."""
    gap = case.steps[k + 1].time_s - case.steps[k].time_s
    tied = [
        gap + LEAST_S - (later.time_s - earlier.time_s)
        for earlier in case.steps[: k + 1]
        for later in case.steps[k + 1 :]
        if _tied(cell, earlier, later)
    ]
    return max([BEFORE_S, *tied])


def _measurer(cell: CellUnderTest, case: Case, k: int) -> Callable[[Response], float]:
    """From the last arrival of step k to the first of step k + 1, s."""

    def arrival(response: Response, index: int) -> list[float]:
        found = []
        for port in case.steps[index].inputs:
            times = response.times_s[cell.bench.target_label(port)]
            rank = sum(port in s.inputs for s in case.steps[:index])
            found.append(float(times[rank]) if rank < times.size else math.nan)
        return found

    def at_ports(response: Response) -> float:
        return min(arrival(response, k + 1)) - max(arrival(response, k))

    return at_ports


def _mover(case: Case, k: int) -> Callable[[float], Case]:
    times = [s.time_s for s in case.steps]

    def build(spacing: float) -> Case:
        shift = times[k + 1] - times[k] - spacing
        return case.moved([*times[: k + 1], *(t - shift for t in times[k + 1 :])])

    return build


def _checker(
    cell: CellUnderTest, nominal: dict[tuple[int, str], float], max_change_s: float | None
) -> Callable[[Case, Response], bool]:
    def check(case: Case, response: Response) -> bool:
        if not cell.judge(case, response, dense=True).passed:
            return False
        if max_change_s is None:
            return True
        return all(
            abs(d.delay_s - nominal[d.step, d.output]) <= max_change_s
            for d in case_delays(cell, case, response)
        )

    return check


TRAIN = 12
"""Steps in the trains by which the shortest period is found."""


def _trains(cell: CellUnderTest) -> list[Case]:
    """Each case repeated, where the nominal cell still answers rightly; else as it is."""
    found = []
    for case in cell.cases:
        period = case.length_s + cell.bench.subject.tail_s
        room = cell.bench.analysis.stop_s - START_S - cell.bench.subject.tail_s
        times = max(1, -(-TRAIN // len(case.steps)))
        steps = [
            dataclasses.replace(s, time_s=s.time_s + i * period)
            for i in range(times)
            for s in case.steps
        ]
        train = Case(f"{case.name} train", tuple(steps), case.settings)
        bench = make_bench(
            cell.bench.subject, load=cell.bench.load, length_s=max(room, train.length_s)
        )
        longer = CellUnderTest(bench, cell.runner)
        (outcome,) = longer.run_cases([train])
        found.append(train if cell.judge(train, outcome).passed else case)
    return [case for case in found if len(case.steps) > 1]


def shortest_period(cell: CellUnderTest) -> tuple[float, float]:
    """The least mean step spacing at which every case passes, and the largest found to fail, s.

    All steps of a case are moved together in proportion. 0 for the second where nothing fails
    down to ``LEAST_S`` between the closest steps. A stimulus that can follow itself is repeated to
    ``TRAIN`` steps, so that what builds up from pulse to pulse counts.
    """
    best, worst = 0.0, 0.0
    searches = []
    trains = _trains(cell)
    longest = max((case.length_s for case in trains), default=0.0)
    longer = CellUnderTest(
        make_bench(cell.bench.subject, load=cell.bench.load, length_s=longest), cell.runner
    )
    for case in trains:
        times = np.array([s.time_s for s in case.steps])
        closest = float(np.diff(times).min())

        def build(gap: float, case: Case = case, times=times, closest=closest) -> Case:  # type: ignore[no-untyped-def]
            return case.moved([float(t) for t in times * (gap / closest)])

        searches.append(
            (_Search(build, _checker(cell, {}, None), closest, LEAST_S, LEAST_S), times, closest)
        )
    _search(longer, [s for s, _, _ in searches])
    for s, times, closest in searches:
        mean = float(times[-1] - times[0]) / (times.size - 1) / closest
        if s.good * mean > best:
            best, worst = s.good * mean, 0.0 if s.unbounded else s.bad * mean
    return best, worst
