"""How far the loops of a decision stage add up: where one holds much more flux than the others.

The near junction sees the sum of what the loops' far junctions let through, and a far junction
lets less through for each fluxon as its loop's flux f rises. In units of one synapse a loop at f
lacks::

    lack(f) = share * (exp((f - at) / width) - exp((from - at) / width))    above from, else 0

so that a neuron whose k loops hold p fluxons each, while the others make up for it, has its edge
moved by ``k lack(f_k) + (S - k) lack(f_rest) - S lack(f_mean)`` against an even spread. A fluxon
of a branch that holds C of them has a C-th of the flux, and C times as many are lacking.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from netlist_gen.circuit.loops import LoopSize
from netlist_gen.library.design import DesignRules, Lack

_STEPS = 24
"""Halvings in the search for a unit: to a ten-millionth of it."""


@dataclass(frozen=True)
class LoopSum:
    """The sum of a neuron's loops.

    Attributes:
        size: of its stage.
        shares: (loops, excitatory, inhibitory branches) of each kind of loop.
        capacity: fluxons that a branch stores.
        rules: of the design.
    """

    size: LoopSize
    shares: Sequence[tuple[int, int, int]]
    capacity: int
    rules: DesignRules

    def linear_unit(self, unit: float, edge: float, offset: float) -> float:
        """The largest unit, ``unit`` at the most, at which no pattern moves the edge too far.

        Args:
            unit: flux of one fluxon as the decision sees it, Phi0.
            edge: count on the edge.
            offset: of the decision stage, Phi0.
        """
        if self.shift(unit, edge, offset) <= self.rules.shift:
            return unit
        low, high = 0.0, unit
        for _ in range(_STEPS):
            middle = (low + high) / 2
            if self.shift(middle, edge, offset) <= self.rules.shift:
                low = middle
            else:
                high = middle
        return low

    def shift(self, unit: float, edge: float, offset: float) -> float:
        """The most by which a pattern of counts next to the edge moves it, synapses."""
        return max(self.shifts(unit, edge, offset))

    def shifts(self, unit: float, edge: float, offset: float) -> tuple[float, float]:
        """The same, apart: how far bottom loops move it up, and top loops down."""
        threshold = offset - unit * edge
        plus = self.capacity * sum(count * positive for count, positive, _ in self.shares)
        minus = self.capacity * sum(count * negative for count, _, negative in self.shares)
        flux, common = unit * self.size.loops, self.rules.common
        each = self.size.loops, self.capacity
        bottom = _Side(*each, common + threshold, flux, self.rules.bottom)
        top = _Side(*each, common - threshold, flux, self.rules.top)
        kinds = self.shares
        up = (bottom.shift(k, self.capacity * p, edge + 0.5, minus) for k, p, _ in kinds)
        down = (top.shift(k, self.capacity * m, 0.5 - edge, plus) for k, _, m in kinds)
        return max(up), max(down)


@dataclass(frozen=True)
class _Side:
    """The loops of one SQUID: their flux at rest, and with each fluxon, Phi0."""

    loops: int
    capacity: int
    rest: float
    flux: float
    lack: Lack

    def shift(self, count: int, most: int, total: float, against: int) -> float:
        """The most by which ``count`` loops of up to ``most`` fluxons move the edge.

        All loops together hold ``total`` fluxons; the others can have ``against`` less than none.
        """
        if most == 0:
            return 0.0
        worst = 0.0
        even = self.loops * self.lack(self.rest + self.flux * total / self.loops)
        for k in range(1, count + 1):
            if k * most > total + against:
                if self.capacity > 1 and total > 0:
                    # Loops that count need not be full: these few hold all that there is.
                    found = k * self.lack(self.rest + self.flux * total / k)
                    found += (self.loops - k) * self.lack(self.rest) - even
                    worst = max(worst, found)
                break
            others = self.loops - k
            found = k * self.lack(self.rest + self.flux * most) - even
            if others:
                left = (total - k * most) / others
                found += others * self.lack(self.rest + self.flux * left)
            worst = max(worst, found)
        return self.capacity * worst
