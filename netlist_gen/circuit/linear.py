"""How far the loops of a decision stage add up: where some hold much more flux than the others.

The near junction sees the sum of what the loops' far junctions let through, and a far junction
lets less through for each fluxon as its loop's flux f rises. A bottom loop lacks, in the flux of
the sum::

    lack(f) = size**2 / (limit - f)

and a top loop the same with its own numbers (``cells/design/neuron.toml``; a few per cent off what
was measured). Of two patterns of the same count the one whose bottom loops lack more has its edge
higher, the one whose top loops lack more has it lower: by the sum over all loops of ``lack(bottom)
- lack(top)``. Which pattern moves it most is found exactly, loop by loop: the most that so many
loops can make of each sum of counts. A stage's offset is measured with windows of count 0 at random
(``characterize.measure.design``), in which a quarter of the loops hold a fluxon and a quarter one
less than none: shifts are told against these.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from netlist_gen.circuit.loops import LoopSize
from netlist_gen.library.design import DesignRules

USUAL_SHARE = 0.25
"""Of the most that patterns of a count move the edge, what the threshold is set for: most move it
by less, so that a pattern of the one extreme is as far from it as one of the other."""


@dataclass(frozen=True)
class LoopSum:
    """The sum of a neuron's loops.

    Attributes:
        size: of its stage.
        shares: (loops, excitatory, inhibitory branches) of each kind of loop.
        capacity: fluxons that a branch stores.
        rules: of the design.
        coupling: of storage and pick-up inductors for each Phi0 of the unit.
    """

    size: LoopSize
    shares: tuple[tuple[int, int, int], ...]
    capacity: int
    rules: DesignRules
    coupling: float

    def missing(self, unit: float, taken: float) -> float:
        """The share by which a fluxon counts less where not all places are taken.

        Args:
            unit: as in ``linear_unit``.
            taken: share of the places, of its loop or of all.
        """
        return self.rules.alone * (self.coupling * unit) ** 2 * (1.0 - taken)

    def linear_unit(self, unit: float, edge: float, offset: float) -> float:
        """The largest unit, ``unit`` at the most, at which no pattern is too near to the threshold.

        Args:
            unit: flux of one fluxon as the decision sees it, Phi0.
            edge: count on the edge.
            offset: of the decision stage, Phi0.
        """
        return _linear_unit(self, unit, edge, offset)

    def shift(self, unit: float, edge: float, offset: float) -> float:
        """How much nearer to the threshold than usual ones the worst pattern can be, synapses."""
        up, down = self.shifts(unit, edge, offset)
        return max(up - _allowed(up, down), down + _allowed(up, down))

    def allowed(self, unit: float, edge: float, offset: float) -> float:
        """By how much the threshold is higher than the edge of usual patterns, synapses."""
        return _allowed(*self.shifts(unit, edge, offset))

    def shifts(self, unit: float, edge: float, offset: float) -> tuple[float, float]:
        """The most by which a pattern next to the edge moves it, synapses.

        Returns:
            How far a pattern that fires moves it up, and one that does not moves it down.
        """
        threshold, common = offset - unit * edge, self.rules.common
        spread = _Spread(self, unit, (common + threshold, common - threshold))
        measured = spread.measured((common + offset, common - offset))
        up, down = spread.most(round(edge + 0.5), up=True), spread.most(round(edge - 0.5), up=False)
        return up - measured, down + measured


def _allowed(up: float, down: float) -> float:
    return USUAL_SHARE * (up - down)


@lru_cache(maxsize=4096)
def _linear_unit(loops: LoopSum, unit: float, edge: float, offset: float) -> float:
    def beyond(smaller: float) -> float:
        return loops.shift(smaller, edge, offset) - loops.rules.shift

    if beyond(unit) <= 0.0:
        return unit
    return float(brentq(beyond, 0.0, unit, xtol=1e-13, rtol=1e-13))


@dataclass(frozen=True)
class _Spread:
    """Patterns of fluxons in the loops of a neuron, and how far each moves the edge.

    Attributes:
        of: the loops.
        unit: flux of one fluxon as the decision sees it, Phi0.
        rest: flux of bottom and top loops without a fluxon, Phi0.
    """

    of: LoopSum
    unit: float
    rest: tuple[float, float]

    @property
    def flux(self) -> float:
        """Of a fluxon in its loop, Phi0."""
        return self.unit * self.of.size.loops

    def most(self, total: int, *, up: bool) -> float:
        """The most by which a pattern of a count moves the edge from an even spread's, fluxons.

        It is 0 where there is no such pattern.
        """
        kinds, capacity, size = self.of.shares, self.of.capacity, self.of.size
        least = -capacity * sum(count * negative for count, _, negative in kinds)
        highest = capacity * sum(count * positive for count, positive, _ in kinds)
        if not least <= total <= highest or not self.flux:
            return 0.0
        sign = 1.0 if up else -1.0
        best = np.zeros(1)  # of the loops so far, by the sum of their fluxons above the least
        missing = [self.of.missing(self.unit, (p + m) / size.places) for _, p, m in kinds]
        usual = sum(c * less for (c, _, _), less in zip(kinds, missing, strict=True))
        for (count, positive, negative), less in zip(kinds, missing, strict=True):
            held = np.arange(-negative * capacity, positive * capacity + 1)
            counts_less = self.flux * held * (less - usual / size.loops)
            lacking = sign * (self._lacking(held, self.rest) + counts_less)
            for _ in range(count):
                best = _both(best, lacking)
        (even,) = sign * self._lacking(np.array([total / size.loops]), self.rest)
        return float(best[total - least] - size.loops * even) / self.flux

    def measured(self, rest: tuple[float, float]) -> float:
        """By how much the edge at which offsets are measured is above an even spread's, fluxons.

        Args:
            rest: at the threshold of a count of 0.
        """
        if not self.flux:
            return 0.0
        less, none, one = self._lacking(np.array([-1, 0, 1]), rest)
        return self.of.size.loops / 4 * float(less + one - 2 * none) / self.flux

    def _lacking(
        self, fluxons: NDArray[np.generic], rest: tuple[float, float]
    ) -> NDArray[np.float64]:
        """What a loop with so many fluxons makes the edge higher, Phi0."""
        bottom, top = rest
        held = self.flux * fluxons.astype(np.float64)
        lacks = self.of.rules.lacks(self.of.size.loops)
        return lacks.bottom(bottom + held) - lacks.top(top - held)


def _both(some: NDArray[np.float64], one: NDArray[np.float64]) -> NDArray[np.float64]:
    """The most that loops and one more make of each sum: of all that give it, the largest."""
    found = np.full(some.size + one.size - 1, -np.inf)
    for more, lacking in enumerate(one):
        part = found[more : more + some.size]
        np.maximum(part, some + lacking, out=part)
    return found
