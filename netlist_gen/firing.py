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
        if layer.memory is not None:
            beta = layer.memory.beta
            top = np.maximum(top, _last(top, top, network.steps, beta))
            if layer.memory.reset != "zero":  # which begins anew after the pulse of every step
                falls = bottom - layer.memory.subtract
                bottom = np.minimum(bottom, _last(bottom, falls, network.steps, beta))
        may, must = top > layer.edge, bottom > layer.edge
        found.append(LayerFiring(may, must))
    return tuple(found)


def _last(
    first: NDArray[np.float64], each: NDArray[np.float64], steps: int | None, beta: float
) -> NDArray[np.float64]:
    """The level of the last step where each after the first adds so much to what is left.

    Levels rise or fall all the way, so that the first or the last is the highest or lowest.
    """
    further = _ENDLESS if steps is None else min(steps - 1, _ENDLESS)
    if beta == 1.0:
        return np.asarray(first + further * each)
    kept = beta**further
    return np.asarray(kept * first + (1.0 - kept) / (1.0 - beta) * each)


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
