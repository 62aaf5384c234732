"""The reference: pulses from integers, energy from counted events."""

from __future__ import annotations

import dataclasses
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import neuron_site, tiny_network

from netlist_gen.circuit.bench import neuron_bench
from netlist_gen.circuit.model import PHI0
from netlist_gen.errors import ConfigurationError
from netlist_gen.library.cells import CellLibrary
from verification.reference.expected import (
    EventEnergy,
    bench_energies,
    bench_energy,
    expect,
    layer_inputs,
)


def bench_of(signs, theta, stimulus, library):
    return neuron_bench(library, neuron_site(signs, theta), np.asarray(stimulus, dtype=bool))


@settings(deadline=None, max_examples=20)
@given(st.data())
def test_a_neuron_fires_when_its_count_reaches_theta(data):
    signs = data.draw(st.lists(st.sampled_from([-1, 1]), min_size=1, max_size=5))
    theta = data.draw(st.integers(-2, 3))
    rows = st.lists(st.booleans(), min_size=len(signs), max_size=len(signs))
    stimulus = data.draw(st.lists(rows, min_size=1, max_size=4))
    expected = expect(bench_of(signs, theta, stimulus, CellLibrary()).view)
    for row, count, fires in zip(stimulus, expected.count, expected.fires, strict=True):
        assert count == sum(sign for sign, on in zip(signs, row, strict=True) if on)
        assert fires == (count >= theta)


def test_inputs_of_each_layer_are_the_outputs_of_the_one_before():
    network = tiny_network()
    x = np.array([[1, 0, 1], [0, 1, 1]], dtype=bool)
    first, second, last = layer_inputs(network, x)
    assert (first == x).all()
    hidden, out = network.forward(x)
    assert (second == hidden).all()
    assert (last == out).all()


@pytest.mark.parametrize(("cell", "event"), [("jtl", "pulse"), ("splitter", "pulse")])
def test_an_event_costs_bias_times_flux_quantum_for_each_junction_that_advances(cell, event):
    library = CellLibrary()
    bench = bench_of([1, 1], 1, [[1, 1]], library)
    built = library.cell(cell)
    advances = library.description(cell).events[event].advances
    by_hand = sum(
        bias.value * PHI0
        for bias in built.biases()
        if (junction := built.biased_junction(bias)) is not None and junction.name in advances
    )
    assert by_hand > 0
    cost = EventEnergy(library).of(bench.circuit, built, event)
    assert cost == pytest.approx(by_hand, rel=1e-12, abs=0)


def test_energy_adds_over_windows_and_events():
    """Windows in any order cost the same; a pulse more costs more; silence costs the clocks."""
    library = CellLibrary()
    energies = EventEnergy(library)
    rows = [[0, 0], [1, 0], [1, 1]]
    costs = bench_energies(bench_of([1, 1], 2, rows, library), energies)
    assert costs.shape == (3,)
    assert 0 < costs[0] < costs[1] < costs[2]
    swapped = bench_energies(bench_of([1, 1], 2, rows[::-1], library), energies)
    assert swapped == pytest.approx(costs[::-1], rel=1e-12, abs=0)
    whole = bench_energy(bench_of([1, 1], 2, rows, library), energies)
    assert whole == pytest.approx(costs.sum(), rel=1e-12, abs=0)


def test_an_event_that_a_cell_does_not_have():
    library = CellLibrary()
    bench = bench_of([1], 1, [[1]], library)
    path = library.description("jtl").path
    with pytest.raises(
        ConfigurationError,
        match=f"^{re.escape(str(path))}: cell jtl has no event 'explode'; it has pulse$",
    ):
        EventEnergy(library).of(bench.circuit, library.cell("jtl"), "explode")


def test_an_event_that_names_a_junction_which_is_not_there(monkeypatch):
    library = CellLibrary()
    bench = bench_of([1], 1, [[1]], library)
    description = library.description("jtl")
    rule = dataclasses.replace(description.events["pulse"], advances=("B1", "B77"))
    changed = dataclasses.replace(description, events={"pulse": rule})
    monkeypatch.setattr(library, "description", lambda _: changed)
    with pytest.raises(
        ConfigurationError,
        match=rf"^{re.escape(str(description.path))}: \[events\] pulse names 'B77', which the "
        r"cell does not have$",
    ):
        EventEnergy(library).of(bench.circuit, library.cell("jtl"), "pulse")
