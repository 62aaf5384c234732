"""The loops of a decision stage: how many a neuron has, and which synapses lie in each.

A loop has places for a few pick-ups. Its sum with the others is linear while no loop strays far
from the rest, so that synapses are dealt out evenly and every loop gets excitatory and inhibitory
ones as far as there are both.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from netlist_gen.errors import NetworkError
from netlist_gen.library.design import load_rules


@dataclass(frozen=True)
class LoopSize:
    """A decision stage that is built: its number of loops, and the places of each."""

    loops: int
    places: int

    @property
    def synapses(self) -> int:
        """The most that it takes."""
        return self.loops * self.places


def loop_size(synapses: int, built: Sequence[int], places: int, most: int) -> LoopSize:
    """The smallest stage that takes so many synapses.

    Args:
        synapses: branches of the neuron.
        built: numbers of loops that are built, rising.
        places: of a loop; where the largest stage is too small, loops get twice as many, and
            so on.
        most: largest fan-in shown to work.

    Raises:
        NetworkError: none or more synapses than that.
    """
    if not 1 <= synapses <= most:
        raise NetworkError(
            f"a neuron of fan-in {synapses} can't be built: shown to work are 1 to {most}"
        )
    for loops in built:
        if synapses <= loops * places:
            return LoopSize(loops, places)
    while synapses > built[-1] * places:
        places *= 2
    return LoopSize(built[-1], places)


def _neuron_size(fan_in: int) -> LoopSize:
    rules = load_rules()
    return loop_size(fan_in, rules.loops, rules.places, rules.max_fan_in)


def neuron_loops(fan_in: int) -> int:
    """Loops of the decision stage of a neuron of so many synapses.

    Raises:
        NetworkError: more synapses than were shown to work.
    """
    return _neuron_size(fan_in).loops


LASTING_LOOPS = 8
"""The least of a neuron whose membrane lasts. From bias x 0.9 to x 1.1 the edges of stages of 8, 16
and 32 loops move by 0.0004 Phi0 at the most, that of 4 by 0.002: half a pulse over eight steps."""


def lasting_size(branches: int) -> LoopSize | None:
    """The stage of so many branches that count, where it is not the usual one."""
    return LoopSize(LASTING_LOOPS, 1) if branches <= LASTING_LOOPS else None


def stage_fan_in(branches: int, *, lasting: bool) -> int:
    """Synapses of a neuron without a memory that has the same decision stage."""
    if lasting and branches <= LASTING_LOOPS:
        return load_rules().places * LASTING_LOOPS
    return branches


def neuron_deal(signs: Sequence[int]) -> tuple[tuple[int, ...], ...]:
    """The synapses of each loop of a neuron of these signs.

    Raises:
        NetworkError: more synapses than were shown to work.
    """
    return deal(signs, _neuron_size(len(signs)))


@lru_cache(maxsize=4096)
def loop_shares(
    excitatory: int, inhibitory: int, size: LoopSize
) -> tuple[tuple[int, int, int], ...]:
    """Loops, excitatory and inhibitory synapses of each kind of loop that ``deal`` gives."""
    signs = [1] * excitatory + [-1] * inhibitory
    loops = deal(signs, size)
    found = Counter(
        (sum(signs[k] > 0 for k in loop), sum(signs[k] < 0 for k in loop)) for loop in loops
    )
    return tuple((count, *pair) for pair, count in sorted(found.items()))


def deal(signs: Sequence[int], size: LoopSize) -> tuple[tuple[int, ...], ...]:
    """The synapses of each loop, rising.

    Excitatory ones are spread over the loops as evenly as can be; each inhibitory one goes to the
    loop that has fewest synapses then, of those the one with most excitatory ones.
    """
    loops: list[list[int]] = [[] for _ in range(size.loops)]
    excitatory = [k for k, sign in enumerate(signs) if sign > 0]
    for place, synapse in enumerate(excitatory):
        loops[place % size.loops].append(synapse)
    excess = [len(loop) for loop in loops]
    for synapse, sign in enumerate(signs):
        if sign < 0:
            at = min(range(size.loops), key=lambda i: (len(loops[i]), -excess[i], i))
            loops[at].append(synapse)
            excess[at] -= 1
    return tuple(tuple(sorted(loop)) for loop in loops)
