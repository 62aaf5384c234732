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
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from netlist_gen.circuit.elements import Coupling
from netlist_gen.circuit.lift import lifted, lifted_name
from netlist_gen.circuit.loops import LoopSize, deal
from netlist_gen.circuit.model import Cell
from netlist_gen.circuit.view import BOTTOM_PICKUP, STORAGE, TOP_PICKUP
from netlist_gen.library.drawing import Crosstalk

COUPLED = (STORAGE, BOTTOM_PICKUP, TOP_PICKUP)
"""Of a branch's inductors, those that neighbours couple with."""


def drawn_order(signs: Sequence[int], size: LoopSize) -> tuple[int, ...]:
    """The branches in the order in which they are drawn: loop after loop, place after place."""
    return tuple(branch for loop in deal(signs, size) for branch in loop)


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
