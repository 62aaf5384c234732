"""The output stage of a network: pulses on the class lines, expected against measured.

What is expected are the votes of each class, from the integer model: the lines of a class carry
as many pulses in a window as its neurons have votes, however they share them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from netlist_gen.assembly.network_circuit import NetworkBench
from netlist_gen.assembly.plan import ClassLine
from netlist_gen.records import Record
from netlist_gen.spikes import NetworkSpikes
from verification.verdict.neuron import Disagreement
from verification.waves.pulses import pulses_in_words
from verification.waves.readings import Readings

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class WatchedLine:
    """A class line to be read.

    Attributes:
        label: the class.
        name: of the line.
        members: neurons of the last layer whose pulses it was built to carry.
        column: of its output junction.
        edges_s: between windows as they leave on this line, shape (windows + 1,).
    """

    label: int
    name: str
    members: tuple[int, ...]
    column: str
    edges_s: FloatArray

    def words(self) -> str:
        """Which line it is."""
        return f"class {self.label}, line {self.name}"


@dataclass(frozen=True)
class LineVerdict(Record):
    """Class lines against the votes.

    Attributes:
        wrong: windows of classes that disagree, and stray pulses on lines.
        apart_s: largest distance of a pulse from its predicted time; 0 without any.
        first: the first disagreement, or None.
    """

    wrong: int
    apart_s: float
    first: Disagreement | None


def lines_of(bench: NetworkBench) -> tuple[WatchedLine, ...]:
    """The class lines of a network and when their windows are."""
    period = bench.timing.period_s
    steps = np.arange(bench.windows + 1, dtype=np.float64)
    return tuple(
        WatchedLine(
            line.label,
            line.name,
            line.members,
            line.output.column,
            np.asarray(_first_edge(line, period) + period * steps),
        )
        for line in bench.plan.class_lines
    )


def _first_edge(line: ClassLine, period: float) -> float:
    # Half of what a window leaves beside the line's pulses goes before them.
    return line.earliest_s - 0.5 * (period - (line.latest_s - line.earliest_s))


def judge_lines(
    lines: Sequence[WatchedLine],
    spikes: NetworkSpikes,
    readings: Readings,
    predicted: Mapping[str, FloatArray] | None = None,
    tolerance_s: float = 0.0,
) -> LineVerdict:
    """Compare every window of every class.

    Pulses outside all windows and backward ones disagree too.

    Args:
        lines: of the circuit.
        spikes: of the integer model.
        readings: of a simulator.
        predicted: times of each line's pulses by its name, rising, s; None where no times count.
        tolerance_s: how far off one may be.

    Raises:
        WaveformError: a line was not read.
    """
    votes = spikes.votes()
    measured = np.zeros_like(votes)
    found: list[Disagreement] = []
    apart = 0.0
    for line in lines:
        train = readings.train(line.column)
        forward = train.times_s[train.signs > 0]
        counts = np.diff(np.searchsorted(forward, line.edges_s))
        measured[:, line.label] += counts
        stray = train.count - int(counts.sum())
        if stray:
            wanted = f"{line.words()}: no pulses outside all windows"
            found.append(Disagreement(0, wanted, pulses_in_words(stray)))
        if predicted is not None and forward.size == predicted[line.name].size:
            distance = forward - predicted[line.name]
            apart = max(apart, float(np.abs(distance).max(initial=0.0)))
            found += _off_time(line, forward, distance, tolerance_s)
    built = _built_otherwise(lines, spikes)
    if built is not None:
        found.append(built)
    unlike = measured != votes
    wrong = len(found) + int(unlike.sum())
    if unlike.any():
        w, label = np.argwhere(unlike)[0].tolist()
        lost = "" if label in {line.label for line in lines} else " (it has no line)"
        found.append(
            Disagreement(
                w,
                f"{pulses_in_words(votes[w, label])} on the lines of class {label}, its "
                "neurons' votes",
                f"{pulses_in_words(measured[w, label])}{lost}",
            )
        )
    return LineVerdict(wrong, apart, min(found, key=lambda each: each.window, default=None))


def _off_time(
    line: WatchedLine, forward: FloatArray, distance: FloatArray, tolerance_s: float
) -> list[Disagreement]:
    """The first pulse of a line that is too far from its predicted time."""
    late = np.flatnonzero(np.abs(distance) > tolerance_s)
    if not late.size:
        return []
    seen, off = forward[late[0]], distance[late[0]]
    window = max(0, int(np.searchsorted(line.edges_s, seen)) - 1)
    wanted = f"a pulse at {(seen - off) * 1e12:.2f} ps within {tolerance_s * 1e12:g} ps"
    return [Disagreement(window, f"{line.words()}: {wanted}", f"it at {seen * 1e12:.2f} ps")]


def _built_otherwise(lines: Sequence[WatchedLine], spikes: NetworkSpikes) -> Disagreement | None:
    """Where a class's lines were built for other neurons than the network's."""
    network = spikes.network
    built = network.layers[-1].fan_in > 0
    for label in range(network.classes):
        own = range(label * network.population, (label + 1) * network.population)
        wanted = [neuron for neuron in own if built[neuron]]
        members = sorted(m for line in lines if line.label == label for m in line.members)
        if members != wanted:
            last = len(network.layers) - 1
            return Disagreement(
                0,
                f"class {label} on lines of the neurons {wanted} of layer {last}",
                f"lines built for the neurons {members}",
            )
    return None
