"""What a network costs in hardware, as an argument of training.

Training knows no circuit. It takes any object with ``cost(layers)``; the one with the cell
library's prices is ``netlist_gen.assembly.cost.CircuitCost``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from netlist_gen.network import TernaryLayer, TernaryNetwork


@dataclass(frozen=True)
class HardwareCost:
    """Junctions and static power of a network."""

    junctions: float
    static_power_w: float


@dataclass(frozen=True)
class LayerLoad:
    """What the circuit of one layer, unrolled, has to carry: synapses of each neuron and line."""

    fan_in: NDArray[np.int64]
    fan_out: NDArray[np.int64]


class CostModel(Protocol):
    """Anything that prices a network.

    Where the price falls as a synapse is added, a budget is still kept, only perhaps not used up.
    """

    def cost(self, layers: Sequence[LayerLoad | TernaryLayer]) -> HardwareCost:
        """Quick price from fan-ins and fan-outs, asked thousands of times."""

    def exact(self, network: TernaryNetwork) -> HardwareCost:
        """What a whole circuit has, with all that fan-ins and fan-outs don't tell."""


def remove_dead(network: TernaryNetwork) -> TernaryNetwork:
    """The same function with fewer parts.

    Drops hidden neurons that can't fire (theta above their highest n, with a memory above that of
    all steps together) or that feed nothing, and synapses from lines that can't carry a pulse,
    until nothing changes. Inputs and outputs keep their number and order; an output that can't fire
    keeps its threshold and loses its synapses.
    """
    weights: list[NDArray[Any]] = [layer.weights.copy() for layer in network.layers]
    thetas: list[NDArray[Any]] = [layer.theta.copy() for layer in network.layers]
    last = len(weights) - 1
    memories = [layer.memory for layer in network.layers]
    left = [np.arange(layer.outputs) for layer in network.layers]  # of each layer's neurons
    changed = True
    while changed:
        changed = False
        for index in range(last + 1):
            highest = np.count_nonzero(weights[index] > 0, axis=1)
            if memories[index] is not None:
                # Of a sample of unknown length every count but 0 reaches any theta.
                highest = highest * (network.steps or np.iinfo(np.int32).max)
            silent = (highest < thetas[index]) & (thetas[index] >= 1)
            if weights[index][silent].any():
                weights[index][silent] = 0
                changed = True
            if index == last:
                break
            useful = ~silent & (weights[index + 1] != 0).any(axis=0)
            if not useful.any():
                useful[0] = True  # a layer can't be empty
            if not useful.all() and useful.sum() < len(useful):
                weights[index], thetas[index] = weights[index][useful], thetas[index][useful]
                left[index] = left[index][useful]
                own = memories[index]
                memories[index] = None if own is None else own.kept(useful)
                weights[index + 1] = weights[index + 1][:, useful]
                changed = True
    grids = [
        None if grid is None else grid.kept(lines.tolist())
        for grid, lines in zip(network.grids[1:], left, strict=False)
    ]
    kept = (*network.grids[:1], *grids)
    return TernaryNetwork.from_arrays(
        weights, thetas, network.population, kept, memories, network.steps
    )
