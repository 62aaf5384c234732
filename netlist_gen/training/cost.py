"""What a network costs in hardware, as an argument of training.

Training knows no circuit. It takes any object with ``cost(masks)``; ``LinearCost`` is the one
whose numbers come from whoever knows the cells.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from netlist_gen.network import TernaryNetwork

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class HardwareCost:
    """Junctions and static power of a network."""

    junctions: float
    static_power_w: float


@dataclass(frozen=True)
class LayerLoad:
    """What the circuit of one layer has to carry.

    Attributes:
        fan_in: synapses of each neuron, (neurons,). For a convolution, of each unrolled neuron.
        fan_out: synapses that each input line feeds, (lines,).
    """

    fan_in: NDArray[np.int64]
    fan_out: NDArray[np.int64]


class CostModel(Protocol):
    """Anything that prices a network; must not fall when a synapse is added."""

    def cost(self, layers: Sequence[LayerLoad]) -> HardwareCost: ...


@dataclass(frozen=True)
class LinearCost:
    """Junctions and power by counting branches, neurons, splitters and clock lines.

    A line that feeds k synapses needs k - 1 splitters (one pulse in, two out); each neuron
    needs its decision clock and its branches' reset, so that the two clock trees have one
    splitter for each but the first.

    Attributes:
        per_synapse: junctions of one input branch, with its input line.
        per_neuron: junctions of the decision circuit and output line.
        per_splitter: junctions of one splitter.
        clock_leaves_per_neuron, clock_leaves_per_synapse: clock tree leaves.
        watts_per_junction: static power of an average junction: bias current times supply.
    """

    per_synapse: float
    per_neuron: float
    per_splitter: float
    watts_per_junction: float
    clock_leaves_per_neuron: float = 1.0
    clock_leaves_per_synapse: float = 1.0

    def cost(self, layers: Sequence[LayerLoad]) -> HardwareCost:
        """Cost of the layers; neurons without a synapse and lines without a load cost nothing."""
        junctions = 0.0
        for layer in layers:
            synapses = float(layer.fan_in.sum())
            neurons = float(np.count_nonzero(layer.fan_in))
            splitters = float(np.maximum(layer.fan_out - 1, 0).sum())
            leaves = (
                self.clock_leaves_per_neuron * neurons + self.clock_leaves_per_synapse * synapses
            )
            splitters += max(leaves - 1.0, 0.0)
            junctions += self.per_synapse * synapses + self.per_neuron * neurons
            junctions += self.per_splitter * splitters
        return HardwareCost(junctions, junctions * self.watts_per_junction)


def loads(network: TernaryNetwork) -> list[LayerLoad]:
    """Loads of a finished network."""
    return [LayerLoad(layer.fan_in, layer.fan_out) for layer in network.layers]


def remove_dead(network: TernaryNetwork) -> TernaryNetwork:
    """The same function with fewer parts.

    Drops hidden neurons that can't fire (theta above their highest n) or that feed nothing,
    and synapses from lines that can't carry a pulse, until nothing changes. Inputs and outputs
    keep their number and order; an output that can't fire keeps its threshold and loses its
    synapses.
    """
    weights: list[NDArray[Any]] = [layer.weights.copy() for layer in network.layers]
    thetas: list[NDArray[Any]] = [layer.theta.copy() for layer in network.layers]
    last = len(weights) - 1
    changed = True
    while changed:
        changed = False
        for index in range(last + 1):
            silent = (np.count_nonzero(weights[index] > 0, axis=1) < thetas[index]) & (
                thetas[index] >= 1
            )
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
                weights[index + 1] = weights[index + 1][:, useful]
                changed = True
    return TernaryNetwork.from_arrays(weights, thetas, network.population)
