"""Which neurons of a network can fire at all, and which can't help it.

Followed from the inputs on: a line that never carries a pulse, or always does, moves no count. A
layer of which nothing can fire, or all always does, passes nothing on: such a network is dead.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from netlist_gen.errors import NetworkError
from netlist_gen.network import TernaryNetwork


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
        may, must = highest >= layer.theta, lowest >= layer.theta
        found.append(LayerFiring(may, must))
    return tuple(found)


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
