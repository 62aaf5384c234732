"""What a neuron and its synapses cost: junctions, energy, power (see ``neuron.py``)."""

from __future__ import annotations

import numpy as np
from neuron_cases import Drawn, balanced, lane

from netlist_gen.assembly.network_circuit import network_bench
from netlist_gen.network import TernaryNetwork
from netlist_gen.spikes import lone_neuron
from verification.reference.event_energy import EventEnergy, bench_energies
from verification.reference.options import COOLING_W_PER_W


def cost(drawn: Drawn, fan_ins: list[int]) -> None:
    """Junctions, energy and power of a neuron and per synapse, trees included."""
    print(
        "\nCost: a layer of 32 neurons on its input lines, with fan-out trees, reset and clock "
        "trees and output stages;\nenergy of a neuron alone at half its lines pulsed, per window."
    )
    library = drawn.library
    for fan_in in fan_ins:
        rng = np.random.default_rng(fan_in)
        weights = np.zeros((32, max(fan_in, 64)), dtype=np.int8)
        for row in weights:
            row[rng.choice(row.size, fan_in, replace=False)] = rng.choice([-1, 1], fan_in)
        network = TernaryNetwork.from_arrays([weights], [np.ones(32, dtype=np.int32)])
        totals = network_bench(network, drawn.library).circuit.totals()
        synapses = 32 * fan_in
        signs = balanced(fan_in, rng)
        lanes = drawn.lanes(signs, 20)
        case = lane(signs, 1, 20, rng, near=0.0)
        spikes = lone_neuron(signs.tolist(), 1, case.stimulus)
        energy = bench_energies(lanes.bench(case), spikes, EventEnergy(library)).mean()
        watts = totals.supply_A * library.process.supply_voltage
        print(
            f"  fan-in {fan_in:3d}: {totals.junctions / synapses:.1f} junctions and "
            f"{watts / synapses * 1e6:.2f} uW static per synapse; neuron "
            f"{energy * 1e18:.0f} aJ dynamic per window ({energy / fan_in * 1e18:.1f} aJ per "
            f"synapse), {energy * COOLING_W_PER_W * 1e15:.2f} fJ with cooling of "
            f"{COOLING_W_PER_W:g} W/W",
            flush=True,
        )
