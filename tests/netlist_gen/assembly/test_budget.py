"""A chip's budget: sums over the circuit, islands, and a sentence for each limit."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from support import tiny_network

from netlist_gen.assembly.budget import chip_budget
from netlist_gen.assembly.network_circuit import network_outline
from netlist_gen.library.cells import CellLibrary
from netlist_gen.library.chip import load_profile
from netlist_gen.network import TernaryNetwork


@pytest.fixture(scope="module")
def bench():
    draw = np.random.default_rng(3)
    shapes = ((5, 6), (4, 5))
    weights = [draw.integers(-1, 2, size=shape) for shape in shapes]
    for layer in weights:
        layer[:, 0] = 1
    thetas = [np.ones(len(w), dtype=int) for w in weights]
    return network_outline(TernaryNetwork.from_arrays(weights, thetas, 2), CellLibrary())


def test_buses_hold_all_of_the_current(bench):
    totals, budget = bench.circuit.totals(), chip_budget(bench, load_profile(), 2.6e-3)
    assert sum(bus.bias_A for bus in budget.buses) == pytest.approx(totals.bias_A, rel=1e-12)
    assert sum(bus.control_A for bus in budget.buses) == pytest.approx(totals.flux_A, rel=1e-12)
    assert [bus.name for bus in budget.buses] == ["layer 0", "layer 1", "class lines"]
    assert budget.buses[0].bias_A > budget.buses[1].bias_A > 0


def test_without_limits(bench):
    totals, profile = bench.circuit.totals(), load_profile()
    budget = chip_budget(bench, profile, 2.6e-3)
    assert budget.exceeded == ()
    assert (budget.islands, budget.nets_between, budget.supply_V) == (1, 0, 2.6e-3)
    assert budget.area_m2["cells"] == pytest.approx(totals.junctions * 350e-12)
    assert budget.defects == pytest.approx(totals.junctions * 1e-6)
    assert (budget.input_pads, budget.output_pads, budget.clock_pads) == (6, 2, 2)
    assert budget.bias_pads == int(np.ceil(totals.supply_A / 0.1))
    assert budget.input_bits_per_s == pytest.approx(6 / bench.timing.period_s)
    assert budget.output_bits_per_s == pytest.approx(4 / bench.timing.period_s)
    # 6 lines into layer 0, 5 into layer 1, two clocks and four outputs
    assert budget.nets == 17


def test_islands_in_series(bench):
    totals = bench.circuit.totals()
    profile = dataclasses.replace(load_profile(), current=totals.supply_A / 1.5)
    budget = chip_budget(bench, profile, 2.6e-3)
    assert budget.islands == 2
    assert budget.island_A == totals.supply_A / 2
    assert budget.supply_V == 5.2e-3
    # A cut through one layer: of each net at most one coupler, and not none.
    assert 0 < budget.nets_between <= budget.nets
    assert budget.bias_pads == int(np.ceil(totals.supply_A / 2 / 0.1))


def test_each_limit_in_a_sentence(bench):
    tight = dataclasses.replace(
        load_profile("supersnn-5x5"), area=1e-9, pads=3, current=0.05, pad_rate=1e9
    )
    budget = chip_budget(bench, tight, 2.6e-3)
    area = budget.junctions * 350e-6
    assert budget.exceeded == (
        f"bias is {budget.current_A:.3g} A, supersnn-5x5 allows 0.05 A: {budget.islands} islands "
        f"in series at {budget.islands * 2.6:.4g} mV, with {budget.nets_between} couplers between "
        "them for 17 nets",
        f"area is {area:.4g} mm2 ({budget.junctions} junctions, density of cells), supersnn-5x5 "
        "allows 0.001 mm2",
        f"pads are {budget.pads} (6 inputs, 2 class lines, 2 clocks, {budget.bias_pads} bias), "
        "supersnn-5x5 allows 3",
        "an input pad carries 8.929 Gbit/s, supersnn-5x5 allows 1 Gbit/s",
    )


def test_a_limit_that_is_met_exactly_is_kept():
    bench = network_outline(tiny_network(), CellLibrary())
    first = chip_budget(bench, load_profile(), 2.6e-3)
    exact = dataclasses.replace(
        load_profile(), pads=first.pads, current=first.current_A, area=first.area_m2["cells"]
    )
    assert chip_budget(bench, exact, 2.6e-3).exceeded == ()
