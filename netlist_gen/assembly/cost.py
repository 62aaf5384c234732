"""What training pays for a network: the junctions and power of the circuit, without building it.

The circuit of a network (``circuit/network_circuit.py``) is made of a few cells and of trees whose
size follows from fan-in and fan-out alone. Each cell and each size of tree is built once and
counted; a network's cost is then a sum over its fan-ins and fan-outs, fast enough for pruning and
equal to what is in the circuit but for the JTL stages that closing the timing adds (those that hold
early lines back, the reset clocks' chains, the staggering of the read-out), which no fan-in or
fan-out tells (test_cost_estimate.py holds the two equal).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from netlist_gen.assembly.network_circuit import network_bench
from netlist_gen.circuit.model import Cell, Circuit
from netlist_gen.circuit.neuron import design_neuron, load_rules, neuron_cell
from netlist_gen.circuit.trees import merger_tree, splitter_tree
from netlist_gen.library.cells import CellLibrary
from netlist_gen.network import TernaryNetwork
from netlist_gen.training.cost import HardwareCost, LayerLoad

Counts = NDArray[np.int64]


@dataclass(frozen=True)
class CellCost:
    """Junctions, and all the current that the supplies carry (A), of one cell or of many."""

    junctions: float
    supply_A: float

    def __add__(self, other: CellCost) -> CellCost:
        return CellCost(self.junctions + other.junctions, self.supply_A + other.supply_A)

    def __mul__(self, times: float) -> CellCost:
        return CellCost(self.junctions * times, self.supply_A * times)


class CircuitCost:
    """A cost model (``training.cost.CostModel``) with the prices of the cell library.

    Junctions are exact but for timing's stages, some percent. Static power is an upper bound of
    the rest: the current of a neuron's threshold
    control line depends on its weights and threshold, and the largest that the design rules allow
    is taken; all other currents are exact.

    Args:
        population: output neurons per class, which the read-out merges.
        process: a process of the library.
    """

    def __init__(self, population: int, process: str = "sfq5ee") -> None:
        self.population = population
        self.process = process
        self.supply_voltage = CellLibrary(process).process.supply_voltage
        self._prices = _Prices(process)

    def cost(self, layers: Sequence[LayerLoad]) -> HardwareCost:
        """Cost of the layers; neurons without a synapse and lines without a load cost nothing."""
        total = CellCost(0.0, 0.0)
        pulsed: NDArray[np.bool_] | None = None  # lines that carry pulses at all
        for layer in layers:
            if pulsed is None:
                pulsed = layer.fan_out > 0
                total += self._prices.jtl * int(pulsed.sum())  # the input lines' sources
            total += self._lines(layer.fan_out, pulsed)
            total += self._neurons(layer.fan_in)
            pulsed = layer.fan_in > 0
        if pulsed is not None:
            total += self._read_out(pulsed)
        return HardwareCost(total.junctions, total.supply_A * self.supply_voltage)

    def exact(self, network: TernaryNetwork) -> HardwareCost:
        """Junctions and static power of the circuit that is built, timing's stages included."""
        totals = network_bench(network, CellLibrary(self.process)).circuit.totals()
        return HardwareCost(totals.junctions, totals.supply_A * self.supply_voltage)

    def _lines(self, fan_out: Counts, pulsed: NDArray[np.bool_]) -> CellCost:
        """Splitter trees and silent synapses."""
        prices = self._prices
        # A synapse on a line without a neuron behind it has a silent source of its own.
        total = prices.jtl * int(fan_out[~pulsed].sum())
        return total + _sum(prices.splitter_tree, fan_out[pulsed & (fan_out > 0)])

    def _neurons(self, fan_in: Counts) -> CellCost:
        """Neurons with their reset trees, output stages, and the layer's two clock trees."""
        prices = self._prices
        built = fan_in[fan_in > 0]
        if not built.size:
            return CellCost(0.0, 0.0)
        clocks = prices.jtl + prices.splitter + prices.splitter_tree(built.size) * 2
        return _sum(prices.neuron, built) + prices.jtl * built.size + clocks

    def _read_out(self, pulsed: NDArray[np.bool_]) -> CellCost:
        """Merger tree and output stage of each class."""
        prices = self._prices
        total = CellCost(0.0, 0.0)
        for group in pulsed.reshape(-1, self.population):
            if group.any():
                total += prices.jtl + prices.merger_tree(int(group.sum()))
        return total


class _Prices:
    """Cells and trees of one process, each built and counted once."""

    def __init__(self, process: str) -> None:
        self._library = CellLibrary(process)
        self._trees: dict[tuple[str, int], CellCost] = {}
        self.jtl = self._count(self._library.cell("jtl"))
        self.splitter = self._count(self._library.cell("splitter"))
        self._branch = self._count(self._library.cell("branch"))
        self._decision = self._count(self._library.cell("decision"))
        # A control line's current is proportional to its flux: one neuron shows by how much.
        probe = design_neuron([1], 1, self._library.description("branch").parameters["l_store"])
        cell = neuron_cell(self._library, "price_probe", [1], 1)
        flux_A = Circuit(cell, self._library.needs(cell)).totals().flux_A
        self._amperes_per_phi0 = flux_A / (abs(probe.common) + abs(probe.threshold))
        self._rules = load_rules()

    def splitter_tree(self, leaves: int) -> CellCost:
        """A tree of any number of leaves."""
        return self._tree("split", leaves, splitter_tree)

    def merger_tree(self, leaves: int) -> CellCost:
        """A tree of any number of leaves."""
        return self._tree("merge", leaves, merger_tree)

    def neuron(self, fan_in: int) -> CellCost:
        """A neuron of so many synapses, its threshold's control line at the largest current.

        ``design_neuron``: threshold = offset - unit * edge with unit * abs(edge) within reach
        and abs(edge) within fan_in + 1/2.
        """
        rules = self._rules
        threshold = abs(rules.offset) + min(rules.reach, rules.unit_max * (fan_in + 0.5))
        control = CellCost(0.0, (abs(rules.common) + threshold) * self._amperes_per_phi0)
        return self._branch * fan_in + self._decision + self.splitter_tree(fan_in) + control

    def _tree(self, kind: str, leaves: int, build: Callable[[CellLibrary, int], Cell]) -> CellCost:
        if (kind, leaves) not in self._trees:
            self._trees[kind, leaves] = self._count(build(self._library, leaves))
        return self._trees[kind, leaves]

    def _count(self, cell: Cell) -> CellCost:
        totals = Circuit(cell, self._library.needs(cell)).totals()
        return CellCost(totals.junctions, totals.supply_A)


def flux_per_synapse(excitatory: Counts, inhibitory: Counts, theta: Counts) -> NDArray[np.float64]:
    """Flux of one synapse in the decision loops (Phi0) of each neuron, as the library designs it.

    Args:
        excitatory, inhibitory, theta: integers, shape (neurons,).

    Returns:
        Shape (neurons,). A neuron without synapses gets the largest flux: it has no circuit. A
        fan-in beyond what is built gets what the same rules would give.
    """
    storage = CellLibrary("sfq5ee").description("branch").parameters["l_store"]
    rules = load_rules()
    anything = replace(rules, max_fan_in=int(np.iinfo(np.int32).max))
    result = np.full(len(theta), rules.unit_max)
    for j, (up, down, edge) in enumerate(zip(excitatory, inhibitory, theta, strict=True)):
        if up + down:
            signs = [1] * int(up) + [-1] * int(down)
            result[j] = design_neuron(signs, int(edge), storage, anything).unit
    return result


def _sum(price: Callable[[int], CellCost], sizes: Counts) -> CellCost:
    total = CellCost(0.0, 0.0)
    for size, times in zip(*np.unique(sizes, return_counts=True), strict=True):
        total += price(int(size)) * int(times)
    return total
