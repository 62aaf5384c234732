"""The output stage of a network: pulses on the class lines, expected against measured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from netlist_gen.assembly.network_circuit import NetworkBench
from verification.reference.expected import expect
from verification.waves.readings import Readings


@dataclass(frozen=True, eq=False)
class LineExpectation:
    """What a class line must give.

    Attributes:
        label: the class. name: of the line. column: of its output junction.
        edges_s: between windows as they leave on this line, shape (windows + 1,).
        pulses: votes of the neurons that share the line, shape (windows,).
    """

    label: int
    name: str
    column: str
    edges_s: NDArray[np.float64]
    pulses: NDArray[np.int64]


@dataclass(frozen=True)
class LineVerdict:
    """Windows of lines that disagree, and the first of them: its window and in words."""

    wrong: int
    first: str | None
    window: int = 0


def expect_lines(bench: NetworkBench) -> tuple[LineExpectation, ...]:
    """What each class line of a network must give: one pulse for each vote."""
    last = len(bench.plan.layers) - 1
    fires = {v.site.neuron: expect(v).fires for v in bench.views if v.site.layer == last}
    found = []
    for line in bench.read_out.lines:
        votes = sum(fires[member].astype(np.int64) for member in line.members)
        # Half of what a window leaves beside the line's pulses goes before them.
        spare = bench.plan.period_s - (line.latest_s - line.earliest_s)
        first = line.earliest_s - 0.5 * spare
        edges = first + bench.plan.period_s * np.arange(bench.windows + 1, dtype=np.float64)
        found.append(
            LineExpectation(
                line.label, line.name, line.output.column, np.asarray(edges), np.asarray(votes)
            )
        )
    return tuple(found)


def judge_lines(lines: Sequence[LineExpectation], readings: Readings) -> LineVerdict:
    """Compare every window of every line; pulses outside all windows and backward ones count too.

    Raises:
        WaveformError: a line was not read.
    """
    wrong = 0
    found: list[tuple[int, str]] = []
    for line in lines:
        train = readings.train(line.column)
        forward = train.times_s[train.signs > 0]
        counts = np.diff(np.searchsorted(forward, line.edges_s))
        unlike = np.flatnonzero(counts != line.pulses)
        stray = train.count - int(counts.sum())
        wrong += unlike.size + (1 if stray else 0)
        name = f"class {line.label}, line {line.name}"
        if unlike.size:
            w = int(unlike[0])
            found.append((w, f"{name}: expected {line.pulses[w]} pulses, measured {counts[w]}"))
        elif stray:
            found.append((0, f"{name}: {stray} pulses outside all windows"))
    if not found:
        return LineVerdict(wrong, None)
    window, first = min(found, key=lambda each: each[0])
    return LineVerdict(wrong, first, window)
