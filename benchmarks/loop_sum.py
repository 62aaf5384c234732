"""What loops lack in the sum of a decision stage: ``python benchmarks/loop_sum.py [LOOPS ...]``.

The numbers of ``lackN`` in cells/design/neuron.toml: for each stage the edges of patterns of one
count, some of which have loops of two fluxons, in the engine; fitted by the formula of
``netlist_gen.circuit.linear``, and printed beside what it gives. Two minutes a stage.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares

from netlist_gen.circuit.elements import Coupling
from netlist_gen.circuit.loops import neuron_deal
from netlist_gen.circuit.neuron import coupler_of, library_design
from netlist_gen.circuit.view import SYNAPSE_COUPLINGS
from netlist_gen.constants import PHI0
from netlist_gen.library.cells import CellLibrary
from netlist_gen.library.design import Lack, load_rules
from netlist_gen.library.process import DEFAULT_PROCESS
from verification.characterize.trials.neuron_lanes import (
    NeuronLane,
    NeuronLanes,
    threshold_factors,
)

COUPLINGS = (0.10, 0.14, 0.18, 0.21)
WIDE, POINTS, ROUNDS = 4, 6, 5
"""Edges are looked for within so many synapses: rounds of points, each between two of the last."""

Pattern = NDArray[np.int64]
"""Fluxons of each loop, signs counted."""


@dataclass(frozen=True)
class Pair:
    """Two patterns of one count, and by how much the edge of the first is higher.

    Attributes:
        strays: the first, with loops of two fluxons.
        even: the second.
        edge: threshold flux at which the first is on the edge, Phi0.
        higher: measured, in flux of the loops' sum, Phi0.
        flux: of a fluxon in its loop, Phi0.
    """

    strays: Pattern
    even: Pattern
    edge: float
    higher: float
    flux: float

    def told(self, bottom: Lack, top: Lack, common: float) -> float:
        """The same by the formula."""

        def lacking(pattern: Pattern) -> float:
            held = self.flux * pattern.astype(np.float64)
            low = bottom(common + self.edge + held)
            return float(np.sum(low - top(common - self.edge - held)))

        return lacking(self.strays) - lacking(self.even)


class Stage:
    """A neuron of a stage in lanes that differ in couplings and threshold."""

    def __init__(self, excitatory: int, inhibitory: int) -> None:
        self.signs = np.array([1] * excitatory + [-1] * inhibitory)
        library = CellLibrary(DEFAULT_PROCESS)
        self.loops = neuron_deal(self.signs.tolist())
        self._design = library_design(library, "stage", self.signs.tolist(), 1)
        self._storage = coupler_of(library).storage
        self._lanes = NeuronLanes(DEFAULT_PROCESS, self.signs.tolist(), 3)
        self._couplings = {
            label: abs(element.k)
            for label, element in self._lanes.elements.items()
            if isinstance(element, Coupling) and label.startswith(SYNAPSE_COUPLINGS)
        }

    def flux(self, coupling: float) -> float:
        """Of a fluxon in its loop, Phi0."""
        mutual = coupling * np.sqrt(self._storage * self._design.pickup)
        return float(mutual * load_rules().full / PHI0)

    def _lines(self, pattern: Pattern) -> NDArray[np.bool_]:
        """Lines that carry a pulse so that each loop holds its fluxons."""
        lines = np.zeros(self.signs.size, dtype=bool)
        for loop, held in zip(self.loops, pattern.tolist(), strict=True):
            alike = [k for k in loop if self.signs[k] * held > 0]
            lines[alike[: abs(held)]] = True
        return lines

    def edges(self, patterns: Sequence[Pattern], coupling: float) -> list[float]:
        """The threshold flux at which each pattern, behind an empty window, begins to fire."""
        stage = load_rules().edge(len(self.loops))
        unit = self.flux(coupling) / len(self.loops)
        middle = stage.offset - stage.screening * coupling**2
        scaled = {label: coupling / k for label, k in self._couplings.items()}
        spans = [
            (middle - unit * (int(p.sum()) + WIDE), middle - unit * (int(p.sum()) - WIDE))
            for p in patterns
        ]
        for _ in range(ROUNDS):
            grids = [np.linspace(*span, POINTS) for span in spans]
            lanes = []
            for pattern, grid in zip(patterns, grids, strict=True):
                stimulus = np.zeros((3, self.signs.size), dtype=bool)
                stimulus[1] = self._lines(pattern)
                for flux in grid.tolist():
                    factors = {**threshold_factors(self._design, flux), **scaled}
                    lanes.append(NeuronLane(1, stimulus, factors=factors))
            fires = np.array([v.pulses[1] == 1 for v in self._lanes.run(lanes)])
            first = fires.reshape(-1, POINTS).argmax(axis=1)
            spans = [(g[k - 1], g[k]) for g, k in zip(grids, first.tolist(), strict=True)]
        return [(low + high) / 2 for low, high in spans]

    def pairs(self, patterns: Sequence[tuple[Pattern, Pattern]]) -> list[Pair]:
        """What is measured of pairs of patterns at all couplings."""
        found = []
        for coupling in COUPLINGS:
            edges = self.edges([one for pair in patterns for one in pair], coupling)
            for (strays, even), high, low in zip(patterns, edges[::2], edges[1::2], strict=True):
                higher = (high - low) * len(self.loops)
                found.append(Pair(strays, even, high, higher, self.flux(coupling)))
        return found


def measured(loops: int) -> list[Pair]:
    """All pairs of a stage: loops that stray up and down, among mixed ones and among alike ones."""
    few = max(1, loops // 8)
    found = []
    for sign in (1, -1):
        plus, minus = (loops + few, loops - few) if sign > 0 else (loops - few, loops + few)
        mixed = Stage(plus, minus)
        two = np.array([len({mixed.signs[k] for k in loop}) == 1 for loop in mixed.loops])
        order = np.concatenate((np.flatnonzero(two), np.flatnonzero(~two)))

        def held(*numbers: int, order: Pattern = order) -> Pattern:
            pattern = np.zeros(order.size, dtype=np.int64)
            pattern[order[: len(numbers)]] = numbers
            return pattern

        full, single = [2 * sign] * few, [sign] * few
        found += mixed.pairs([
            (held(*full, *[-sign] * 2 * few), held(*single, *[-sign] * few)),
            (held(*full), held(*single, *single)),
        ])  # fmt: skip
        alike = Stage(*((2 * loops, 0) if sign > 0 else (0, 2 * loops)))
        some = max(1, loops // 4)
        full, single = [2 * sign] * some, [sign] * 2 * some
        plain = np.arange(loops)
        found += alike.pairs([(held(*full, order=plain), held(*single, order=plain))])
    return found


def fitted(pairs: Sequence[Pair]) -> tuple[Lack, Lack]:
    """The formula's numbers, by least relative squares."""
    common = load_rules().common

    def lacks(logs: NDArray[np.float64]) -> tuple[Lack, Lack]:
        bottom, low, top, high = np.exp(logs).tolist()
        return Lack(bottom, low), Lack(top, high)

    def apart(logs: NDArray[np.float64]) -> list[float]:
        told = [pair.told(*lacks(logs), common) for pair in pairs]
        return [
            (x - pair.higher) / (abs(pair.higher) + 0.02 * pair.flux)
            for x, pair in zip(told, pairs, strict=True)
        ]

    return lacks(least_squares(apart, np.log([0.094, 0.54, 0.095, 0.445])).x)


def main() -> None:
    """Measure, fit, print."""
    rules = load_rules()
    for loops in [int(word) for word in sys.argv[1:]] or rules.loops:
        pairs = measured(loops)
        bottom, top = fitted(pairs)
        stored = rules.lacks(loops)
        print(
            f"{loops} loops: bottom {bottom.size:.4f} Phi0, limit {bottom.limit:.4f} "
            f"({stored.bottom.size:.4f}, {stored.bottom.limit:.4f} stored); top {top.size:.4f}, "
            f"limit {top.limit:.4f} ({stored.top.size:.4f}, {stored.top.limit:.4f})"
        )
        for pair in pairs:
            told = pair.told(stored.bottom, stored.top, rules.common)
            two, count = int(np.sum(np.abs(pair.strays) == 2)), int(pair.strays.sum())
            print(
                f"  {pair.flux:.3f} Phi0 a fluxon, {two} loops of two, count {count:3d}: "
                f"{pair.higher / pair.flux:+.3f} synapses, {told / pair.flux:+.3f} by the formula",
                flush=True,
            )


if __name__ == "__main__":
    main()
