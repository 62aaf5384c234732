"""Prices of training against the circuit that is built."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netlist_gen.assembly.cost import CircuitCost, Part, flux_per_synapse
from netlist_gen.assembly.network_circuit import network_bench, network_outline
from netlist_gen.circuit.lasting_neuron import memory_phases
from netlist_gen.circuit.model import Circuit
from netlist_gen.circuit.neuron import coupler_of, design_neuron, neuron_cell
from netlist_gen.errors import NetworkError
from netlist_gen.library.cells import CellLibrary
from netlist_gen.library.design import load_phases
from netlist_gen.library.process import load_process
from netlist_gen.memory import RESETS, Memory, Reset
from netlist_gen.network import TernaryNetwork


def random_network(seed: int) -> TernaryNetwork:
    """Uneven fan-in and fan-out, with neurons and lines that are not built."""
    rng = np.random.default_rng(seed)
    population = int(rng.integers(1, 5))
    widths = [*rng.integers(2, 30, size=rng.integers(1, 4)), 3 * population]
    weights = []
    for a, b in zip([int(rng.integers(2, 40)), *widths], widths, strict=False):
        density = rng.random((1, a)) ** 2 * 0.8  # some lines feed many neurons, most few
        w = rng.choice([-1, 1], size=(b, a)) * (rng.random((b, a)) < density)
        w[0, 0] = 1  # a layer needs a synapse
        weights.append(w)
    thetas = [rng.integers(1, 4, len(w)) for w in weights]
    return TernaryNetwork.from_arrays(weights, thetas, population)


@given(
    seed=st.integers(0, 10**6),
    kind=st.sampled_from([("sfq5ee", "library"), ("stp2", "library"), ("sfq5ee", "by-load")]),
)
@settings(max_examples=25, deadline=None)
def test_junctions_are_those_of_the_circuit_and_power_is_not_less(
    seed: int, kind: tuple[str, str]
) -> None:
    network = random_network(seed)
    process, splitters = kind
    library = CellLibrary(load_process(process, splitters=splitters))
    totals = network_outline(network, library).circuit.totals()
    cost = CircuitCost(network.population, process, splitters=splitters).cost(network.layers)
    static = totals.supply_A * library.process.supply_voltage
    again = CellLibrary(library.process)
    bench = network_bench(network, again)  # closing the timing adds JTL stages
    added = bench.timing.padding + sum(layer.reset_stages for layer in bench.timing.layers)
    added += sum(sum(line.stages) for line in bench.plan.class_lines)
    assert bench.circuit.totals() == totals
    jtl = library.cell("jtl").biases()[0].value
    static -= added * jtl * library.process.supply_voltage
    assert cost.junctions == totals.junctions - added
    assert static * (1 - 1e-12) <= cost.static_power_w <= 1.2 * static


@pytest.mark.parametrize("reset", RESETS)
def test_neurons_whose_membranes_last_have_their_own_price(reset: Reset) -> None:
    """Junctions are those of the circuit that is built, also beside a layer without a memory."""
    rng = np.random.default_rng(5)
    weights = [rng.integers(-1, 2, (6, 7)), rng.integers(-1, 2, (4, 6))]
    thetas = [rng.integers(1, 4, 6), rng.integers(1, 4, 4)]
    memory = Memory.of(reset, 6, thetas[0] - 1 if reset == "subtract" else None)
    network = TernaryNetwork.from_arrays(weights, thetas, 2, memories=[memory, None], steps=3)
    cost = CircuitCost(2, steps=3)
    price = cost.cost(network.layers)
    phases = memory_phases(network, load_phases(), None)
    bench = network_bench(network, CellLibrary(), phases=phases)
    added = bench.timing.padding + sum(layer.reset_stages for layer in bench.timing.layers)
    added += sum(sum(line.stages) for line in bench.plan.class_lines)
    totals = bench.circuit.totals()
    assert price.junctions == totals.junctions - added
    static = totals.supply_A * CellLibrary().process.supply_voltage
    assert 0.95 * static <= price.static_power_w <= 1.3 * static
    message = (
        "the membranes of a layer last from step to step, and nothing says for how many: its "
        "price is not known"
    )
    with pytest.raises(NetworkError, match=f"^{message}$"):
        CircuitCost(2).cost(network.layers)


def test_fan_in_beyond_what_is_built_still_has_a_price() -> None:
    prices = [
        CircuitCost(1)
        .cost(TernaryNetwork.from_arrays([np.ones((1, k), int)], [[1]]).layers)
        .junctions
        for k in (64, 128, 256, 512)
    ]
    # Branch, splitters of input and reset: the price of a synapse does not depend on the fan-in.
    steps = [(b - a) / n for a, b, n in zip(prices, prices[1:], (64, 128, 256), strict=False)]
    assert steps == pytest.approx([steps[0]] * 3, rel=0.02)


def test_flux_per_synapse_is_the_designs() -> None:
    up, down, theta = np.array([3, 20, 0]), np.array([1, 12, 0]), np.array([2, 5, 1])
    found = flux_per_synapse(up, down, theta)
    coupler = coupler_of(CellLibrary("sfq5ee"))
    for j in range(2):
        signs = [1] * up[j] + [-1] * down[j]
        design = design_neuron(signs, int(theta[j]), coupler)
        noise = [coupler.rules.edge(loops).sigma for loops in (4, design.size.loops)]
        assert found[j] == pytest.approx(design.unit * noise[0] / noise[1], rel=1e-12)
    assert found[0] > found[1]  # a smaller stage has more flux for each synapse


def test_a_neurons_price_is_no_less_than_that_of_any_of_its_fan_in() -> None:
    """Its junctions are exact; its current is that of the threshold that needs most."""
    cost = CircuitCost(1)
    for fan_in in (1, 3):
        price = cost.price(Part("neuron", fan_in))
        dearest = 0.0
        for sign in (1, -1):
            for theta in range(-fan_in, fan_in + 2):
                name = f"n{fan_in}_{sign < 0}_{theta + fan_in}"
                cell = neuron_cell(cost.library, name, [sign] * fan_in, theta)
                totals = Circuit(cell).totals()
                assert totals.junctions == price.junctions
                dearest = max(dearest, totals.supply_A)
        assert dearest * (1 - 1e-12) <= price.supply_A <= 1.5 * dearest
