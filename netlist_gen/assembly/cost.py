"""What training pays for a network: the junctions and power of the circuit, without building it.

The circuit of a network (``assembly/network_circuit.py``) is made of a few cells and of trees whose
size follows from fan-in and fan-out alone. Each cell and each size of tree is built once and
counted; a network's cost is then a sum over its fan-ins and fan-outs, fast enough for pruning and
equal to what is in the circuit but for the JTL stages that closing the timing adds (those that hold
early lines back, the reset clocks' chains, the staggering of the class lines), which no fan-in or
fan-out tells (tests/netlist_gen/assembly/test_cost.py holds the two equal).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from netlist_gen.assembly.network_circuit import network_bench
from netlist_gen.assembly.plan import TREES, Part, census
from netlist_gen.circuit.lasting_neuron import design_site, site_cell
from netlist_gen.circuit.model import Circuit
from netlist_gen.circuit.neuron import (
    coupler_of,
    design_neuron,
    library_design,
    neuron_cell,
)
from netlist_gen.circuit.sites import NeuronSite, SiteMemory, site_memory
from netlist_gen.circuit.trees import merger_tree, splitter_tree
from netlist_gen.errors import NetworkError
from netlist_gen.library.cells import CellLibrary
from netlist_gen.library.process import DEFAULT_PROCESS, load_process
from netlist_gen.library.splitters import LIBRARY, RESETS
from netlist_gen.network import TernaryLayer, TernaryNetwork
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
    the rest: the current of a neuron's threshold control line depends on its weights and
    threshold, and the largest that the design rules allow is taken; all other currents are exact.

    Layers whose membranes last are priced as finished layers are (``TernaryLayer``); what one's
    neurons have more is known of the network, not of fan-ins.

    Args:
        population: output neurons per class, whose pulses the class lines merge.
        process: a process of the library.
        steps: of a sample, for layers whose membranes last.
        splitters: of which cells splitter trees are made (``library.splitters``).
    """

    def __init__(
        self,
        population: int,
        process: str = DEFAULT_PROCESS,
        steps: int | None = None,
        splitters: str = LIBRARY,
    ) -> None:
        self.population = population
        self.steps = steps
        self.library = CellLibrary(load_process(process, splitters=splitters))
        self.supply_voltage = self.library.process.supply_voltage
        self._prices: dict[Part, CellCost] = {}
        # A control line's current is proportional to its flux: one neuron shows by how much.
        probe = library_design(self.library, "price_probe", [1], 1)
        flux_A = Circuit(neuron_cell(self.library, "price_probe", [1], 1)).totals().flux_A
        self._amperes_per_phi0 = flux_A / (abs(probe.bottom) + abs(probe.top))

    def cost(self, layers: Sequence[LayerLoad | TernaryLayer]) -> HardwareCost:
        """Cost of the layers; neurons without a synapse and lines without a load cost nothing."""
        fan_ins, fan_outs = [x.fan_in for x in layers], [x.fan_out for x in layers]
        total = CellCost(0.0, 0.0)
        memories = [self._memories(layer) for layer in layers]
        for part, times in census(fan_ins, fan_outs, self.population, memories).items():
            total += self.price(part) * times
        return HardwareCost(total.junctions, total.supply_A * self.supply_voltage)

    def _memories(self, layer: LayerLoad | TernaryLayer) -> list[SiteMemory] | None:
        """Of each neuron; None for a layer without."""
        if not isinstance(layer, TernaryLayer) or layer.memory is None:
            return None
        if self.steps is None:
            raise NetworkError(
                "the membranes of a layer last from step to step, and nothing says for how many: "
                "its price is not known"
            )
        kept = (site_memory(layer.memory, j, self.steps) for j in range(layer.outputs))
        return [one for one in kept if one is not None]

    def exact(self, network: TernaryNetwork) -> HardwareCost:
        """Junctions and static power of the circuit that is built, timing's stages included."""
        totals = network_bench(network, self.library).circuit.totals()
        return HardwareCost(totals.junctions, totals.supply_A * self.supply_voltage)

    def price(self, part: Part) -> CellCost:
        """Of one part; each is built and counted once."""
        if part not in self._prices:
            self._prices[part] = self._count(part)
        return self._prices[part]

    def _count(self, part: Part) -> CellCost:
        if part.kind == "neuron":
            return self._neuron(part.size, part.memory)
        drives = {kind: drives for drives, kind in TREES.items()}
        if part.kind in drives:
            cell = splitter_tree(self.library, part.size, drives[part.kind])
        elif part.kind == "merger_tree":
            cell = merger_tree(self.library, part.size)
        else:
            cell = self.library.cell(part.kind)
        totals = Circuit(cell).totals()
        return CellCost(totals.junctions, totals.supply_A)

    def _neuron(self, fan_in: int, memory: SiteMemory | None) -> CellCost:
        """A neuron of so many synapses, its control lines at the largest current.

        ``design_neuron``: bottom and top lines carry common + threshold and common - threshold,
        with threshold = offset - unit * edge and abs(edge) within 1/2 of the most fluxons that its
        loops hold. A fan-in beyond what is built is priced as the largest that is, with branches
        and leaves of the tree more.
        """
        coupler = coupler_of(self.library)
        most = coupler.rules.max_fan_in
        if memory is None and fan_in > most:
            more = self.price(Part("branch")) * (fan_in - most)
            trees = [self.price(Part(TREES[RESETS], size)) for size in (fan_in, most)]
            return self.price(Part("neuron", most)) + more + trees[0] + trees[1] * -1.0
        lines = tuple(range(fan_in))
        labels = tuple(map(str, lines))
        site = NeuronSite(0, 0, lines, (1,) * fan_in, 1, "price", labels, memory)
        design = design_site(site, coupler)
        totals = Circuit(site_cell(self.library, site)).totals()
        held = fan_in if memory is None else memory.steps * (fan_in + memory.subtract)
        threshold = abs(design.threshold) + design.unit * (held + 1.0)
        flux = 2 * max(abs(design.common), threshold)
        return CellCost(totals.junctions, totals.bias_A + flux * self._amperes_per_phi0)


def flux_per_synapse(excitatory: Counts, inhibitory: Counts, theta: Counts) -> NDArray[np.float64]:
    """Flux of one synapse (Phi0) of each neuron, against the noise of the smallest decision stage.

    Larger stages have less flux per synapse and less noise; a firing curve is measured on the
    smallest one. So the flux that the library designs is given times the ratio of their sigmas.

    Args:
        excitatory: synapses of weight +1, integers of shape (neurons,).
        inhibitory: synapses of weight -1, likewise.
        theta: thresholds, likewise.

    Returns:
        Shape (neurons,). A neuron without synapses gets the largest flux: it has no circuit. A
        fan-in beyond what is built gets what the same rules would give.
    """
    coupler = coupler_of(CellLibrary())
    anything = replace(coupler.rules, max_fan_in=int(np.iinfo(np.int32).max))
    coupler = replace(coupler, rules=anything)
    neurons = np.stack([excitatory, inhibitory, theta], axis=1)
    kinds, kind = np.unique(neurons, axis=0, return_inverse=True)
    found = np.full(len(kinds), design_neuron([1], 1, coupler).unit)
    for j, (up, down, edge) in enumerate(kinds.tolist()):
        if up + down:
            design = design_neuron([1] * up + [-1] * down, edge, coupler)
            noise = anything.edge(design.size.loops).sigma / anything.edges[0].sigma
            found[j] = design.unit / noise
    return found[kind.reshape(-1)]
