"""Did the cell do what its stimulus says? Counts by window, order, and no flux left behind.

A target's pulses are counted between the source pulses that can cause it: from each step that
pulses such an input to the next one. Each window must hold exactly the pulses expected, all of
them forward. A target that runs is looked at in the second half of each window: the voltage state
or rest, as its step says. At the end every junction of the cell must have advanced as often as in
the nominal cell, so that no fluxon is left in a loop; those that turn in the voltage state are
left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from verification.characterize.subject.bench import Bench
from verification.characterize.subject.stimulus import PS, RUNNING, START_S, Case, causes
from verification.characterize.trials.trial import Outcome, Response


@dataclass(frozen=True)
class Verdict:
    """Whether a trial passed, and in words why not."""

    passed: bool
    reason: str = ""


@dataclass(frozen=True, eq=False)
class Judge:
    """Judges the cases of one bench.

    Attributes:
        bench: what runs.
        nominal: advances of the cell's junctions in each case of the nominal cell, by case and
            label; empty before the nominal cell was run.
        latency_s: from source pulse to each target in the nominal cell; used for dense stimuli.
    """

    bench: Bench
    nominal: Mapping[str, Mapping[str, int]]
    latency_s: Mapping[str, float]

    def watched(self) -> tuple[str, ...]:
        """Labels to extract pulses from: ports, targets, and all junctions of the cell."""
        subject = self.bench.subject
        ports = [self.bench.target_label(p) for p in (*subject.inputs, *subject.outputs)]
        targets = [self.bench.target_label(t) for case in subject.cases for t in case.targets()]
        return tuple(dict.fromkeys((*ports, *targets, *self.bench.junctions)))

    def __call__(self, case: Case, outcome: Outcome, *, dense: bool = False) -> Verdict:
        """Judge one trial of a case.

        Args:
            dense: an answer may come after the next question. Windows are then about the times
                at which the nominal cell answers, each reaching half-way to its neighbours.
        """
        if not isinstance(outcome, Response):
            return Verdict(False, outcome.message)
        for target, inputs in causes(self.bench.subject.cases).items():
            verdict = _target(
                case, outcome, target, inputs, self.bench, self.latency_s if dense else None
            )
            if not verdict.passed:
                return verdict
        for target, inputs in causes(self.bench.subject.cases, running=True).items():
            verdict = _runs(case, outcome, target, inputs, self.bench)
            if not verdict.passed:
                return verdict
        for label, advances in self.nominal.get(case.name, {}).items():
            if label not in self.bench.turning and outcome.advances(label) != advances:
                return Verdict(
                    False,
                    f"flux left behind: {label} advanced {outcome.advances(label)} times, the "
                    f"nominal cell's {advances} times",
                )
        return Verdict(True)


def _target(
    case: Case,
    response: Response,
    target: str,
    inputs: frozenset[str],
    bench: Bench,
    latency_s: Mapping[str, float] | None,
) -> Verdict:
    label = bench.target_label(target)
    times, signs = response.times_s[label], response.signs[label]
    if np.any(signs < 0):
        at = float(times[int(np.argmax(signs < 0))])
        return Verdict(False, f"{target} gave a backward pulse at {at / PS:.4g} ps")
    steps = [s for s in case.steps if inputs & set(s.inputs)]
    if not steps:
        if times.size:
            return Verdict(False, f"{target} gave {times.size} pulses, expected 0")
        return Verdict(True)
    edges = [START_S + s.time_s for s in steps]
    if latency_s is not None:
        gaps = np.diff(edges)
        half = np.array([gaps[0] if gaps.size else 0.0, *gaps]) / 2
        edges = list(np.array(edges) + latency_s.get(target, 0.0) - half)
    found = np.searchsorted(times, edges)
    if found[0] > 0:
        return Verdict(False, f"{target} gave a pulse before the first input")
    counts = np.diff([*found, times.size])
    for step, count in zip(steps, counts, strict=True):
        if count != step.expect.count(target):
            return Verdict(
                False,
                f"step '{step.text}' at {step.time_s / PS:g} ps: {target} gave {count} pulses, "
                f"expected {step.expect.count(target)}",
            )
    return Verdict(True)


def _runs(
    case: Case, response: Response, target: str, inputs: frozenset[str], bench: Bench
) -> Verdict:
    """Whether a target is in the voltage state, or at rest, as each step says."""
    steps = [s for s in case.steps if inputs & set(s.inputs)]
    times = response.times_s[bench.target_label(target)]
    if not steps:
        return Verdict(times.size == 0, f"{target} gave {times.size} pulses, expected 0")
    starts = [START_S + s.time_s for s in steps]
    if np.any(times < starts[0]):
        return Verdict(False, f"{target} gave a pulse before the first input")
    for step, start, end in zip(steps, starts, [*starts[1:], bench.analysis.stop_s], strict=True):
        count = int(np.sum((times >= (start + end) / 2) & (times < end)))
        runs = target in step.runs
        if (count < RUNNING) if runs else count:
            state = "the voltage state" if runs else "rest"
            return Verdict(
                False,
                f"step '{step.text}' at {step.time_s / PS:g} ps: {target} gave {count} pulses in "
                f"the second half of its window, expected {state}",
            )
    return Verdict(True)
