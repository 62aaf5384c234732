"""Prices for training's cost model, taken from circuits that the library builds.

Nothing is assumed about cells here: three small networks are built and their totals
subtracted, so that branches, clock trees and input lines are in the prices as they are built.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from netlist_gen.cell_library import CellLibrary
from netlist_gen.circuit.model import Totals
from netlist_gen.circuit.network_circuit import network_bench
from netlist_gen.network import TernaryNetwork
from netlist_gen.training.cost import LinearCost

_FEW, _MANY = 8, 16  # synapses of the probes: in the middle of what networks have


@cache
def linear_cost(process: str = "sfq5ee") -> LinearCost:
    """Junctions per synapse, neuron and splitter, and static power per junction, of a process."""
    library = CellLibrary(process)

    def totals(neurons: int, synapses: int) -> Totals:
        weights = np.ones((neurons, synapses), dtype=np.int8)
        network = TernaryNetwork.from_arrays([weights], [np.full(neurons, synapses // 2)])
        return network_bench(network, CellLibrary(process)).circuit.totals()

    splitter = len(library.cell("splitter").junctions())
    second = [totals(2, k).junctions - totals(1, k).junctions for k in (_FEW, _MANY)]
    # A second neuron on the same lines costs itself, and per line a synapse and a splitter.
    per_line = (second[1] - second[0]) / (_MANY - _FEW)
    whole = totals(2, _MANY)
    return LinearCost(
        per_synapse=per_line - splitter,
        per_neuron=second[0] - _FEW * per_line,
        per_splitter=splitter,
        watts_per_junction=whole.supply_A * library.process.supply_voltage / whole.junctions,
        clock_leaves_per_neuron=0.0,  # the probes' clock trees are in the prices above
        clock_leaves_per_synapse=0.0,
    )
