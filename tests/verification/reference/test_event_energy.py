"""The reference: pulses from integers, energy from counted events."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
from support import neuron_site, site_spikes

from netlist_gen.assembly.network_circuit import network_bench
from netlist_gen.circuit.annotate import Annotator, Setting
from netlist_gen.circuit.bench import neuron_bench
from netlist_gen.circuit.elements import CurrentSource, Inductor
from netlist_gen.circuit.model import CircuitBuilder
from netlist_gen.constants import PHI0
from netlist_gen.errors import ConfigurationError
from netlist_gen.library.cells import CellLibrary
from netlist_gen.network import TernaryNetwork
from netlist_gen.spikes import NetworkSpikes
from verification.reference.event_energy import EventEnergy, bench_energies, network_energy


def energies_of(signs, theta, stimulus):
    """What the reference expects of a neuron's bench."""
    library, site = CellLibrary(), neuron_site(signs, theta)
    bench = neuron_bench(library, site, np.asarray(stimulus, dtype=bool))
    return bench_energies(bench, site_spikes(site, stimulus), EventEnergy(library))


@pytest.mark.parametrize(("cell", "event"), [("jtl", "pulse"), ("splitter", "pulse")])
def test_an_event_costs_bias_times_flux_quantum_for_each_junction_that_advances(cell, event):
    library = CellLibrary()
    built = library.cell(cell)
    advances = library.description(cell).events[event].advances
    by_hand = sum(
        bias.value * PHI0
        for bias in built.biases()
        if (junction := built.biased_junction(bias)) is not None and junction.name in advances
    )
    assert by_hand > 0
    cost = EventEnergy(library).of(built, event)
    assert cost == pytest.approx(by_hand, rel=1e-12, abs=0)


def test_energy_adds_over_windows_and_events():
    """Windows in any order cost the same; a pulse more costs more; silence costs the clocks."""
    rows = [[0, 0], [1, 0], [1, 1]]
    costs = energies_of([1, 1], 2, rows)
    assert costs.shape == (3,)
    assert 0 < costs[0] < costs[1] < costs[2]
    assert energies_of([1, 1], 2, rows[::-1]) == pytest.approx(costs[::-1], rel=1e-12, abs=0)


def test_an_event_that_a_cell_does_not_have():
    library = CellLibrary()
    path = library.description("jtl").path
    with pytest.raises(
        ConfigurationError,
        match=f"^{re.escape(str(path))}: cell jtl has no event 'explode'; it has pulse$",
    ):
        EventEnergy(library).of(library.cell("jtl"), "explode")


def test_of_annotated_currents_each_kind_has_the_mean_of_its_places():
    library = CellLibrary()
    top = CircuitBuilder("top")
    for name in ("X1", "X2", "X3", "X4"):
        top.place(name, library.cell("jtl"), f"a{name}", f"q{name}")
    designed = top.circuit()
    table = [
        Setting("IB1.X1", {CurrentSource: 200e-6}, "t"),
        Setting("LA.X2", {Inductor: 1.0}, "t"),
    ]
    annotated = Annotator(table).apply(designed)
    plain = EventEnergy(library)
    found = plain.in_place(designed, annotated).of(library.cell("jtl"), "pulse")
    assert found == pytest.approx((3 * 175e-6 + 200e-6) / 4 * PHI0, rel=1e-12)
    assert plain.in_place(designed, designed) is plain


def test_each_stage_on_a_way_costs_each_of_its_pulses():
    """A stage more before a layer's line, or on a class's way, is passed by the pulses of it."""
    weights = [np.ones((5, 3), int), np.ones((4, 5), int)]
    network = TernaryNetwork.from_arrays(weights, [[1, 2, 1, 3, 1], [5, 5, 4, 3]], 2)
    inputs = np.array([[1, 0, 1], [0, 1, 0], [1, 1, 1], [0, 0, 0]], dtype=bool)
    spikes, library = NetworkSpikes.of(network, inputs), CellLibrary()
    plan, energies = network_bench(network, library, inputs).plan, EventEnergy(library)
    stage = energies.of(library.cell("jtl"), "pulse")

    def more(change):
        return network_energy(replace(plan, **change), spikes, energies) / stage - all_ / stage

    all_ = network_energy(plan, spikes, energies)
    for extra in (1, 3):
        lines = [
            replace(line, stages=tuple(n + extra for n in line.stages)) for line in plan.class_lines
        ]
        pulses = int(spikes.layers[2].sum())
        assert more({"class_lines": tuple(lines)}) == pytest.approx(extra * pulses)
        first, *rest = plan.layers
        longer = {n: replace(line, pads=line.pads + extra) for n, line in first.lines.items()}
        layers = (replace(first, lines=longer), *rest)
        assert more({"layers": layers}) == pytest.approx(extra * int(inputs.sum()))
    silent = NetworkSpikes.of(network, np.zeros_like(inputs))
    lone = replace(plan, class_lines=())
    assert network_energy(plan, silent, energies) == network_energy(lone, silent, energies)
    assert all_ > network_energy(lone, spikes, energies)
