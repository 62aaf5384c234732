"""Which lines carry the pulses of a class: spread over the loops of the decision as far as can be.

The loops of a neuron add up linearly while none strays far from the others (``circuit.linear``), so
that of the many windows of one class two are worst: **apart**, in which the excitatory pulses fill
as few loops as they can and the inhibitory ones others, and **together**, in which every loop gets
as many of one sign as of the other. Turn by turn the pulses fall on other lines.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from netlist_gen.circuit.loops import neuron_deal

BoolArray = NDArray[np.bool_]


class Patterns:
    """Windows of a neuron by class.

    Args:
        signs: +1 or -1 for each synapse.

    Raises:
        NetworkError: a fan-in that can't be built.
    """

    def __init__(self, signs: Sequence[int]) -> None:
        self.signs = np.array(signs, dtype=np.int8)
        loops = neuron_deal(signs)
        self._positive = [[k for k in loop if signs[k] > 0] for loop in loops]
        self._negative = [[k for k in loop if signs[k] < 0] for loop in loops]

    @property
    def synapses(self) -> int:
        """How many."""
        return int(self.signs.size)

    def window(self, excitatory: int, inhibitory: int, *, apart: bool, turn: int = 0) -> BoolArray:
        """A window of so many pulses, shape (synapses,).

        Args:
            excitatory: pulses on lines of +1; no more than there are.
            inhibitory: and of -1.
            apart: which of the two spreads.
            turn: 0, 1, ...: other loops, and other lines of a loop, come first.
        """
        places = len(self._positive)
        order = [(place + turn) % places for place in range(places)]
        positive = [_turned(own, turn) for own in self._positive]
        negative = [_turned(own, turn) for own in self._negative]
        if apart:
            first = sorted(order, key=lambda i: len(negative[i]) - len(positive[i]))
            chosen = _filled(positive, first, excitatory)
            second = sorted(order, key=lambda i: (len(chosen[i]), -len(negative[i])))
            against = _filled(negative, second, inhibitory)
        else:
            first = sorted(order, key=lambda i: -len(negative[i]))
            chosen = _dealt(positive, first, excitatory)
            second = sorted(order, key=lambda i: -len(chosen[i]))
            against = _dealt(negative, second, inhibitory)
        pulses = np.zeros(self.synapses, dtype=bool)
        for own in (*chosen, *against):
            pulses[own] = True
        return pulses

    def any_window(self, excitatory: int, inhibitory: int, rng: np.random.Generator) -> BoolArray:
        """A window of so many pulses on lines at random, shape (synapses,)."""
        pulses = np.zeros(self.synapses, dtype=bool)
        for sign, count in ((1, excitatory), (-1, inhibitory)):
            lines = np.flatnonzero(self.signs == sign)
            pulses[rng.permutation(lines)[:count]] = True
        return pulses


def _turned(own: list[int], turn: int) -> list[int]:
    at = turn % len(own) if own else 0
    return own[at:] + own[:at]


def _filled(loops: list[list[int]], order: list[int], count: int) -> list[list[int]]:
    """So many synapses, loop after loop."""
    chosen: list[list[int]] = [[] for _ in loops]
    for place in order:
        chosen[place] = loops[place][: max(0, count)]
        count -= len(chosen[place])
    return chosen


def _dealt(loops: list[list[int]], order: list[int], count: int) -> list[list[int]]:
    """So many synapses, one of each loop in turn."""
    chosen: list[list[int]] = [[] for _ in loops]
    for place in (p for k in range(max(map(len, loops))) for p in order if k < len(loops[p])):
        if not count:
            break
        chosen[place].append(loops[place][len(chosen[place])])
        count -= 1
    return chosen
