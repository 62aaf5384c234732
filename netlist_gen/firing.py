"""Which neurons of a network can fire at all, and which can't help it.

Followed from the inputs on: a line that never carries a pulse, or always does, moves no count. A
layer of which nothing can fire, or all always does, passes nothing on: such a network is dead.

A membrane that lasts goes up by the highest count in every step, until it fires: no reset has acted
before, so that all resets let the same neurons fire. It goes lowest by the lowest count in every
step, less what its own pulses take off.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from netlist_gen.errors import NetworkError
from netlist_gen.network import TernaryNetwork

# Steps after which a membrane that moves by 1 in each is beyond any int32 threshold, while one that
# moves by an int32 is still an int64.
_ENDLESS = (1 << 31) + (1 << 25)


@dataclass(frozen=True, eq=False)
class LayerFiring:
    """Of a layer's neurons, bool of shape (neurons,): ``can`` fire, and ``must`` in every step."""

    can: NDArray[np.bool_]
    must: NDArray[np.bool_]

    @property
    def dead(self) -> str:
        """What is wrong with the layer as a whole, in words; "" for nothing."""
        if not self.can.any():
            return f"none of its {self.can.size} neurons can fire, whatever the inputs"
        if self.must.all():
            return f"all of its {self.must.size} neurons fire in every step, whatever the inputs"
        return ""

    @property
    def never(self) -> int:
        """How many can't fire."""
        return int((~self.can).sum())

    @property
    def always(self) -> int:
        """How many always do."""
        return int(self.must.sum())


def firing(network: TernaryNetwork) -> tuple[LayerFiring, ...]:
    """What each layer's neurons can do, all inputs being free."""
    may, must = np.ones(network.inputs, dtype=bool), np.zeros(network.inputs, dtype=bool)
    found = []
    for layer in network.layers:
        up, down = (layer.weights > 0).astype(np.int64), (layer.weights < 0).astype(np.int64)
        highest, lowest = up @ may - down @ must, up @ must - down @ may
        top, bottom = highest.astype(np.float64), lowest.astype(np.float64)
        edge = layer.theta - 0.5
        if layer.memory is not None:
            falls = lowest - layer.memory.subtract
            edge = layer.memory.edge(layer.theta)
            top = _at_most(highest, highest, _rises(network.steps, layer.memory.beta))
            if layer.memory.reset != "zero":  # which begins anew after the pulse of every step
                bottom = -_at_most(-lowest, -falls, _rises(network.steps))
        may, must = top > edge, bottom > edge
        found.append(LayerFiring(may, must))
    return tuple(found)


def _rises(steps: int | None, beta: float = 1.0) -> float:
    """How often what a step adds is added after the first, less what has leaked of it."""
    further = _ENDLESS if steps is None else min(steps - 1, _ENDLESS)
    return further if beta == 1.0 else beta * (1.0 - beta**further) / (1.0 - beta)


def _at_most(
    first: NDArray[np.int64], each: NDArray[np.int64], rises: float
) -> NDArray[np.float64]:
    """The most that a first step's level becomes where each further step adds so much."""
    return np.asarray(first + rises * np.maximum(each, 0), dtype=np.float64)


DEAD_REMEDY = "adapt trains it again; --allow-dead takes it as it is"


def require_alive(network: TernaryNetwork) -> None:
    """Refuse a network with a dead layer; one without a synapse is refused where it is built.

    Raises:
        NetworkError: it names the first such layer.
    """
    for index, layer in enumerate(firing(network)):
        if not network.layers[index].synapses:
            return
        if layer.dead:
            raise NetworkError(f"layer {index}: {layer.dead}; {DEAD_REMEDY}")
