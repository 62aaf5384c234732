"""Crosstalk between neighbouring synapses of a neuron, at the values of the process's drawing.

Neighbours are synapses that follow each other in the order in which they are drawn: loop after
loop, and in each loop place after place. Between two neighbours there is a coupling of

* the pick-ups: bottom with bottom and top with top;
* the storage inductors;
* the storage inductor of either with both pick-ups of the other (stray).

Signs. All pick-ups are drawn in one sense, and all storage inductors in one, whatever the weight:
every coupling between neighbours is positive. What of a storage inductor's flux reaches the
neighbour's pick-ups could also have the sense of its own coupling, or the opposite one, if its two
halves are seen apart; docs/neuron.md has the edge under all three.

What crosstalk does to the sum is known beforehand, so that thresholds are set for it (``moved``).
The pick-ups' coupling makes loops longer, which moves the edge of the empty neuron. A full storage
loop drives a little current backwards through its neighbours', so that a synapse counts less
beside those of its own sign, and more beside the others. What strays into the neighbour's pick-ups
is common to both SQUIDs, and moves the edge a little whatever the sign.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise

from netlist_gen.circuit.elements import Coupling
from netlist_gen.circuit.lift import lifted, lifted_name
from netlist_gen.circuit.loops import LoopSize, deal
from netlist_gen.circuit.model import Cell
from netlist_gen.circuit.view import BOTTOM_PICKUP, STORAGE, TOP_PICKUP
from netlist_gen.library.design import DesignRules
from netlist_gen.library.drawing import Crosstalk

COUPLED = (STORAGE, BOTTOM_PICKUP, TOP_PICKUP)
"""Of a branch's inductors, those that neighbours couple with."""


def drawn_order(signs: Sequence[int], size: LoopSize) -> tuple[int, ...]:
    """The branches in the order in which they are drawn: loop after loop, in each excitatory first.

    Loops of one place are drawn so that both signs alternate as evenly as can be. So neurons of as
    many branches of either sign have the same neighbours, whatever their lines, and those of one
    sign have much the same.
    """
    loops = [sorted(loop, key=lambda k: -signs[k]) for loop in deal(signs, size)]
    drawn = [branch for loop in loops for branch in loop]
    if size.places > 1:
        return tuple(drawn)
    sides = [[k for k in drawn if signs[k] == sign] for sign in (1, -1)]
    at = {k: (place + 0.5) / len(side) for side in sides for place, k in enumerate(side)}
    return tuple(sorted(drawn, key=at.__getitem__))


@dataclass(frozen=True)
class Moved:
    """What crosstalk does to a neuron, for either sign: excitatory, inhibitory.

    Attributes:
        flux: by which the edge of the empty neuron moves up, Phi0.
        gains: shares by which a fluxon counts more.
        both: flux by which a fluxon moves the edge up beside what it counts, Phi0.
    """

    flux: float
    gains: tuple[float, float]
    both: tuple[float, float]

    def trimmed(
        self, unit: float, excitatory: int, inhibitory: int
    ) -> tuple[float, tuple[float, float]]:
        """Both signs made to count the same, by less coupling of the one that counts more.

        Args:
            unit: flux of a fluxon without crosstalk, Phi0.
            excitatory: branches of the neuron.
            inhibitory: the others.

        Returns:
            What a fluxon counts, Phi0, and the share of the coupling that either sign has.
        """
        up, down = (unit * (1 + gain) for gain in self.gains)
        both_up, both_down = self.both
        there = [
            flux
            for flux, count in ((up - both_up, excitatory), (down + both_down, inhibitory))
            if count
        ]
        counted = min(there)
        return counted, (
            (counted + both_up) / up if excitatory else 1.0,
            (counted - both_down) / down if inhibitory else 1.0,
        )


NOT_MOVED = Moved(0.0, (0.0, 0.0), (0.0, 0.0))
"""Without crosstalk."""


def moved(
    excitatory: int,
    inhibitory: int,
    size: LoopSize,
    crosstalk: Crosstalk,
    rules: DesignRules,
    capacity: int = 1,
    share: float = 1.0,
) -> Moved:
    """What crosstalk does to a neuron of so many branches.

    What was measured of the process grows with its coefficients: the flux with that of pick-ups,
    gains with that of storage inductors, what both signs do alike with the stray coupling.

    Args:
        excitatory: branches of the neuron.
        inhibitory: the others.
        size: of its stage.
        crosstalk: coefficients.
        rules: of the design; nothing moves where they have no measurement of crosstalk.
        capacity: fluxons that each branch stores in an inductor as many times as long: the mutual
            inductance of a stray coupling goes with the root of both inductors.
        share: of a loop's inductance that its storage inductor is, against that of a loop of one
            fluxon. What a full loop drives back through its neighbours goes with it, and the
            current of a fluxon with ``share / capacity``.
    """
    measured = rules.neighbours
    if measured is None:
        return NOT_MOVED
    # It goes with the pairs of neighbours and the inductance of a pick-up, which places share.
    pairs = (excitatory + inhibitory - 1) / (size.loops * rules.places - 1)
    flux = rules.edge(size.loops).crosstalk * pairs * rules.places / size.places
    flux *= crosstalk.pickups / measured.crosstalk.pickups
    stray = crosstalk.stray / measured.crosstalk.stray * measured.both / size.loops
    stray *= math.sqrt(max(1.0, rules.places / size.places) * capacity) * share / capacity
    share *= crosstalk.storages / measured.crosstalk.storages
    up, down = _neighbours(excitatory, inhibitory, size)

    def gain(alike: float, other: float) -> float:
        return share * (measured.alike * alike + measured.other * other)

    return Moved(flux, (gain(*up), gain(*down)), (stray * sum(up), stray * sum(down)))


@lru_cache(maxsize=4096)
def _neighbours(
    excitatory: int, inhibitory: int, size: LoopSize
) -> tuple[tuple[float, float], tuple[float, float]]:
    """Mean neighbours of an excitatory, and of an inhibitory synapse: of its sign, of the other."""
    signs = [1] * excitatory + [-1] * inhibitory
    drawn = [signs[branch] for branch in drawn_order(signs, size)]
    alike, other = {1: 0, -1: 0}, {1: 0, -1: 0}
    for one, next_one in pairwise(drawn):
        found = alike if one == next_one else other
        found[one] += 1
        found[next_one] += 1
    up, down = max(1, excitatory), max(1, inhibitory)
    return (alike[1] / up, other[1] / up), (alike[-1] / down, other[-1] / down)


def with_crosstalk(neuron: Cell, branches: Sequence[str], crosstalk: Crosstalk) -> Cell:
    """A neuron whose neighbouring synapses are coupled.

    Args:
        neuron: the cell that places the branches.
        branches: names of their instances in the order in which they are drawn.
        crosstalk: coefficients between neighbours.
    """
    if len(branches) < 2:
        return neuron
    open_cell = lifted(neuron, dict.fromkeys(branches, COUPLED))
    couplings = tuple(k for pair in pairwise(branches) for k in _between(*pair, crosstalk))
    return replace(open_cell, elements=(*open_cell.elements, *couplings))


def _between(one: str, other: str, crosstalk: Crosstalk) -> list[Coupling]:
    """All couplings of two neighbouring branches."""

    def coupling(name: str, first: str, second: str, k: float, pair: tuple[str, str]) -> Coupling:
        a, b = pair
        ends = lifted_name(first, a), lifted_name(second, b)
        return Coupling(f"{name}_{a}_{b}", *ends, k)

    here, back = (one, other), (other, one)
    return [
        coupling("KNB", BOTTOM_PICKUP, BOTTOM_PICKUP, crosstalk.pickups, here),
        coupling("KNT", TOP_PICKUP, TOP_PICKUP, crosstalk.pickups, here),
        coupling("KNS", STORAGE, STORAGE, crosstalk.storages, here),
        *(
            coupling(name, STORAGE, pickup, crosstalk.stray, pair)
            for pair in (here, back)
            for name, pickup in (("KSB", BOTTOM_PICKUP), ("KST", TOP_PICKUP))
        ),
    ]
