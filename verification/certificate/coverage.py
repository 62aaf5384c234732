"""How much of what a neuron can meet the windows of a run have met, neuron by neuron.

    tally = Tally(spikes, timed=True)
    tally.add(arrivals, late)         # the windows of a deck, in their order
    tally.met()

Seen is what was simulated and compared; whether it agreed is the verdict's to say.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from netlist_gen.records import Record
from netlist_gen.spikes import NeuronSpikes
from verification.certificate.classes import (
    HISTORIES,
    Asked,
    Kind,
    class_counts,
    decisive,
    transitions,
)

BoolArray = NDArray[np.bool_]


@dataclass(frozen=True)
class Covered(Record):
    """How many of something were seen, of those that there are."""

    seen: int = 0
    possible: int = 0

    def __add__(self, other: Covered) -> Covered:
        return Covered(self.seen + other.seen, self.possible + other.possible)

    @staticmethod
    def of(seen: BoolArray, possible: BoolArray | None = None) -> Covered:
        """Of arrays of one shape."""
        if possible is None:
            return Covered(int(seen.sum()), int(seen.size))
        return Covered(int((seen & possible).sum()), int(possible.sum()))

    @property
    def share(self) -> float | None:
        """Of 1; None where there is nothing to be seen."""
        return self.seen / self.possible if self.possible else None


@dataclass(frozen=True)
class CoverageCounts(Record):
    """What was seen of neurons.

    Attributes:
        classes: pairs of counts of excitatory and inhibitory pulses.
        decisive: synapses whose pulse decided a window: it would have ended otherwise without it.
        sides: of the thresholds: n = theta, and n = theta - 1.
        history: lines full and empty, each after a window in which they were full and after one in
            which they were empty.
        arrivals: of the output pulses: after data that all came as early as the network's timing
            lets them, and after data that all came as late.
    """

    classes: Covered = Covered()
    decisive: Covered = Covered()
    sides: Covered = Covered()
    history: Covered = Covered()
    arrivals: Covered = Covered()

    def parts(self) -> tuple[Covered, ...]:
        """All of them, in their order."""
        return self.classes, self.decisive, self.sides, self.history, self.arrivals

    def __add__(self, other: CoverageCounts) -> CoverageCounts:
        pairs = zip(self.parts(), other.parts(), strict=True)
        return CoverageCounts(*(mine + theirs for mine, theirs in pairs))

    @property
    def complete(self) -> bool:
        """Whether all that is possible was seen."""
        return all(part.seen == part.possible for part in self.parts())

    @property
    def share(self) -> float:
        """The mean of the shares of what is possible, of 1."""
        shares = [part.share for part in self.parts() if part.share is not None]
        return sum(shares) / len(shares) if shares else 1.0


COVERED = {
    "classes": "pairs of counts",
    "decisive": "synapses that decided",
    "sides": "sides of thresholds",
    "history": "lines after full and empty",
    "arrivals": "earliest and latest data",
}
"""What the parts of ``CoverageCounts`` are called, in their order."""


@dataclass(frozen=True)
class NeuronCoverage(Record):
    """Of one neuron.

    Attributes:
        layer: of the neuron.
        neuron: its place in the layer.
        windows: simulated of it.
        counts: what they met. Of made windows a class counts that was seen on another neuron of
            the same circuit.
        own_classes: those seen on this neuron.
    """

    layer: int
    neuron: int
    windows: int
    counts: CoverageCounts
    own_classes: int


@dataclass(frozen=True)
class LayerCoverage(Record):
    """Of a layer."""

    layer: int
    counts: CoverageCounts


@dataclass(frozen=True)
class Coverage(Record):
    """Of a run, in the scope that it names.

    Attributes:
        scope: "neurons" or "network".
        asked: which classes, in words.
        counts: of all neurons.
        layers: of each layer.
        least: the neuron of which least was seen.
        neurons: each.
    """

    scope: str
    asked: str
    counts: CoverageCounts
    layers: tuple[LayerCoverage, ...]
    least: NeuronCoverage
    neurons: tuple[NeuronCoverage, ...]

    @property
    def least_in_words(self) -> str:
        """Which neuron that is, and what it lacks."""
        one = self.least
        lacks = [
            f"{part.seen} of {part.possible} {words}"
            for part, words in zip(one.counts.parts(), COVERED.values(), strict=True)
            if part.seen < part.possible
        ]
        if not lacks:
            return "every neuron met all of it"
        return f"least covered: layer {one.layer}, neuron {one.neuron} ({', '.join(lacks)})"

    @staticmethod
    def of(scope: str, asked: str, neurons: Sequence[NeuronCoverage]) -> Coverage:
        """Of neurons in the order of layers, at least one."""
        layers = dict.fromkeys((one.layer for one in neurons), CoverageCounts())
        for one in neurons:
            layers[one.layer] += one.counts
        return Coverage(
            scope,
            asked,
            sum(layers.values(), CoverageCounts()),
            tuple(LayerCoverage(layer, counts) for layer, counts in layers.items()),
            min(neurons, key=lambda one: one.counts.share),
            tuple(neurons),
        )


class Tally:
    """What the windows of one neuron met.

    Args:
        spikes: of the neuron, in whatever windows: its synapses and threshold count.
        timed: whether it is known how early and how late data can come.
    """

    def __init__(self, spikes: NeuronSpikes, *, timed: bool) -> None:
        self.kind = Kind.of(spikes.signs, spikes.theta)
        self.windows = 0
        self._spikes = spikes
        self._timed = timed
        synapses = len(spikes.lines)
        self.classes = np.zeros(self.kind.shape, dtype=bool)
        self._decisive = np.zeros(synapses, dtype=bool)
        self._sides = np.zeros(2, dtype=bool)
        self._history = np.zeros((HISTORIES, synapses), dtype=bool)
        self._arrivals = np.zeros(2, dtype=bool)

    def add(self, spikes: NeuronSpikes, late: BoolArray | None = None) -> None:
        """Windows that followed one another in a deck.

        Args:
            spikes: of these windows.
            late: of windows whose pulses come at the ends of what timing allows which come late,
                shape (windows, synapses).
        """
        arrivals, signs, theta = spikes.arrivals, spikes.signs, spikes.theta
        self.windows += arrivals.shape[0]
        self.classes[class_counts(arrivals, signs)] = True
        self._decisive |= decisive(arrivals, signs, theta).any(axis=0)
        self._sides |= [bool((spikes.count == n).any()) for n in (theta, theta - 1)]
        self._history |= [seen.any(axis=0) for seen in transitions(arrivals)]
        if late is not None:
            fires = spikes.fires & arrivals.any(axis=1)
            for side, apart in enumerate((late, ~late)):
                self._arrivals[side] |= bool((fires & ~(arrivals & apart).any(axis=1)).any())

    def met(self, classes: BoolArray | None = None, near: int | None = None) -> CoverageCounts:
        """What was met.

        Args:
            classes: seen on other neurons of the same circuit, of ``kind.shape``.
            near: see ``Kind.classes``.
        """
        seen = self.classes if classes is None else self.classes | classes
        none = Covered()
        decides, fires = self.kind.decides, self._timed and self.kind.fires_with_pulses()
        return CoverageCounts(
            Covered.of(seen, self.kind.classes(near)),
            Covered.of(self._decisive) if decides else none,
            Covered.of(self._sides) if decides else none,
            Covered.of(self._history),
            Covered.of(self._arrivals) if fires else none,
        )


def covered(
    scope: str, tallies: Mapping[tuple[int, int], Tally], asked: Asked, *, shared: bool
) -> Coverage:
    """The coverage of a run.

    Args:
        scope: of the windows.
        tallies: the windows of each neuron by (layer, neuron), in order.
        asked: which classes count.
        shared: a class seen on one neuron is seen on all of the same circuit.
    """
    seen: dict[Kind, BoolArray] = {}
    if shared:
        for tally in tallies.values():
            seen[tally.kind] = seen.get(tally.kind, tally.classes) | tally.classes
    neurons = []
    for (layer, neuron), tally in tallies.items():
        near = asked.of(tally.kind)
        own = int((tally.classes & tally.kind.classes(near)).sum())
        counts = tally.met(seen.get(tally.kind), near)
        neurons.append(NeuronCoverage(layer, neuron, tally.windows, counts, own))
    words = asked.words(tally.kind for tally in tallies.values())
    return Coverage.of(scope, words, neurons)
