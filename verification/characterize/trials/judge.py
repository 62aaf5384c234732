"""Did the cell do what its stimulus says? Counts by window, order, and no flux left behind.

A target's pulses are counted between the source pulses that can cause it: from each step that
pulses such an input to the next one. Each window must hold exactly the pulses expected, all of
them forward. A target that runs is looked at in the second half of each window: the voltage state
or rest, as its step says. At the end every junction of the cell must have advanced as often as in
the nominal cell, so that no fluxon is left in a loop; those that turn in the voltage state are
left out. And each input must have got what was sent to it: else nothing was asked.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from verification.characterize.subject.bench import Bench
from verification.characterize.subject.stimulus import PS, RUNNING, START_S, BenchCase, causes
from verification.characterize.trials.trial import FloatArray, Response, TrialResult


def fault_of(
    bench: Bench,
    case: BenchCase,
    result: TrialResult,
    advances: Mapping[str, int] | None = None,
    latency_s: Mapping[str, float] | None = None,
) -> str:
    """What is wrong with one trial of a case, in words; "" where it passes.

    The ``advances`` are those of the nominal cell's junctions. In a dense stimulus an answer may
    come after the next question: with the latency of each target, from its source pulse, windows
    are about the times at which the nominal cell answers, and reach half-way to their neighbours.
    """
    if not isinstance(result, Response):
        return result.message
    cases = bench.subject.cases
    for target, inputs in causes(cases).items():
        latency = latency_s.get(target, 0.0) if latency_s is not None else None
        if fault := _counts(bench, case, result, target, inputs, latency):
            return fault
    for target, inputs in causes(cases, running=True).items():
        if fault := _runs(bench, case, result, target, inputs):
            return fault
    for port in bench.subject.inputs:
        given = case.pulses_before(len(case.steps), port)
        if (arrived := result.times_s[bench.target_label(port)].size) < given:
            return f"{port} got {arrived} of the {given} pulses that were sent to it"
    for label, expected in (advances or {}).items():
        if label not in bench.turning and result.advances(label) != expected:
            return (
                f"flux left behind: {label} advanced {result.advances(label)} times, the nominal "
                f"cell's {expected} times"
            )
    return ""


def _counts(
    bench: Bench,
    case: BenchCase,
    response: Response,
    target: str,
    inputs: frozenset[str],
    latency_s: float | None,
) -> str:
    """What is wrong with a target whose pulses are counted, or ""."""
    label = bench.target_label(target)
    times, signs = response.times_s[label], response.signs[label]
    if np.any(signs < 0):
        at = float(times[int(np.argmax(signs < 0))])
        return f"{target} gave a backward pulse at {at / PS:.4g} ps"
    steps = [s for s in case.steps if inputs & set(s.inputs)]
    if not steps:
        return _unasked(target, times)
    edges = np.array([START_S + s.time_s for s in steps])
    if latency_s is not None:
        gaps = np.diff(edges)
        # One step has no neighbour: its window begins with its source pulse.
        half = np.array([gaps[0], *gaps]) / 2 if gaps.size else latency_s
        edges = edges + latency_s - half
    found = np.searchsorted(times, edges)
    if found[0] > 0:
        return f"{target} gave a pulse before the first input"
    for step, count in zip(steps, np.diff([*found, times.size]), strict=True):
        if count != step.expect.count(target):
            return (
                f"step '{step.text}' at {step.time_s / PS:g} ps: {target} gave {count} pulses, "
                f"expected {step.expect.count(target)}"
            )
    return ""


def _runs(
    bench: Bench, case: BenchCase, response: Response, target: str, inputs: frozenset[str]
) -> str:
    """What is wrong with a target that is in the voltage state or at rest, or ""."""
    steps = [s for s in case.steps if inputs & set(s.inputs)]
    times = response.times_s[bench.target_label(target)]
    if not steps:
        return _unasked(target, times)
    starts = [START_S + s.time_s for s in steps]
    if np.any(times < starts[0]):
        return f"{target} gave a pulse before the first input"
    for step, start, end in zip(steps, starts, [*starts[1:], bench.analysis.stop_s], strict=True):
        count = int(np.sum((times >= (start + end) / 2) & (times < end)))
        runs = target in step.runs
        if (count < RUNNING) if runs else count:
            return (
                f"step '{step.text}' at {step.time_s / PS:g} ps: {target} gave {count} pulses in "
                f"the second half of its window, expected {'the voltage state' if runs else 'rest'}"
            )
    return ""


def _unasked(target: str, times: FloatArray) -> str:
    """What is wrong with a target that no step of the case can cause."""
    return f"{target} gave {times.size} pulses, expected 0" if times.size else ""
