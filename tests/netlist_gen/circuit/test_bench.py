from __future__ import annotations

import re

import numpy as np
import pytest
from deck_text import instance_counts, junction_count, source_currents
from hypothesis import given, settings
from hypothesis import strategies as st
from support import neuron_site, tiny_network

from netlist_gen.circuit.bench import TAIL_S, biased_probes, neuron_bench
from netlist_gen.circuit.elements import PulseSource
from netlist_gen.circuit.probe import Probe
from netlist_gen.circuit.sites import neuron_sites
from netlist_gen.circuit.view import GUARD_S, START_S
from netlist_gen.deck.decks import neuron_deck
from netlist_gen.errors import NetworkError
from netlist_gen.library.cells import CellLibrary
from netlist_gen.library.design import load_phases
from netlist_gen.network import TernaryNetwork


def network_of(weights, theta):
    return TernaryNetwork.from_arrays([np.array(weights)], [np.array(theta)])


def test_sites_follow_the_weights():
    sites = neuron_sites(tiny_network())
    assert [s.name for s in sites] == ["L0N0", "L0N1", "L0N2", "L1N0", "L1N1"]
    assert (sites[2].inputs, sites[2].signs, sites[2].theta) == ((0, 2), (-1, 1), 0)
    assert sites[2].labels == ("0", "2")


def test_names_have_as_many_digits_as_the_layer_needs():
    weights = np.zeros((11, 101), dtype=int)
    weights[3, [7, 100]] = 1, -1
    (site,) = neuron_sites(network_of(weights, np.ones(11, dtype=int)))
    assert (site.name, site.labels) == ("L0N03", ("007", "100"))


def test_neurons_without_a_circuit():
    assert [s.neuron for s in neuron_sites(network_of([[0, 0], [1, 0]], [1, 1]))] == [1]
    with pytest.raises(
        NetworkError,
        match=r"^layer 0, neuron 1 has no synapse but theta 0: it would fire at every clock, which "
        r"no neuron circuit does; theta must be at least 1$",
    ):
        neuron_sites(network_of([[1, 0], [0, 0]], [1, 0]))
    with pytest.raises(
        NetworkError,
        match=r"^layer 0 has no synapse, so there is nothing to build; at least one of its weights "
        r"must be -1 or 1$",
    ):
        neuron_sites(network_of([[0, 0]], [1]))


@pytest.mark.parametrize("shape", [(0, 2), (3, 1), (2,)])
def test_a_stimulus_of_another_shape(library, shape):
    message = (
        f"neuron L0N0: a stimulus of shape {shape} does not fit; it must be (windows, 2) with at "
        "least one window"
    )
    with pytest.raises(NetworkError, match=f"^{re.escape(message)}$"):
        neuron_bench(library, neuron_site([1, 1], 1), np.zeros(shape, dtype=bool))


def test_times_of_a_bench(library):
    phases = load_phases()
    stimulus = np.array([[1, 0], [0, 0], [1, 1]], dtype=bool)
    bench = neuron_bench(library, neuron_site([1, -1], 1), stimulus)
    sources = {e.name: e.times_s for e in bench.circuit.top.elements if isinstance(e, PulseSource)}
    period = phases.period
    assert sources["V0"] == pytest.approx([START_S, START_S + 2 * period], rel=1e-9, abs=0)
    assert sources["V1"] == pytest.approx([START_S + 2 * period], rel=1e-9, abs=0)
    assert sources["VC"] == pytest.approx(
        START_S + phases.decision + period * np.arange(3), rel=1e-9, abs=0
    )
    reset = START_S + phases.reset - phases.tree_stage
    assert sources["VR"] == pytest.approx(reset + period * np.arange(3), rel=1e-9, abs=0)
    assert bench.view.boundaries_s() == pytest.approx(
        START_S - GUARD_S + period * np.arange(4), rel=1e-9, abs=0
    )
    assert bench.view.decisions_s() == pytest.approx(
        START_S + phases.decision + period * np.arange(3), rel=1e-9, abs=0
    )
    assert bench.analysis().stop_s == pytest.approx(START_S + 3 * period + TAIL_S, rel=1e-9, abs=0)
    assert bench.analysis().stop_s > bench.view.boundaries_s()[-1]


@settings(deadline=None, max_examples=20)
@given(st.lists(st.sampled_from([-1, 1]), min_size=1, max_size=20), st.integers(-5, 8))
def test_counts_agree_with_the_flattened_text(signs, theta):
    library = CellLibrary()
    bench = neuron_bench(library, neuron_site(signs, theta), np.ones((1, len(signs)), dtype=bool))
    text = neuron_deck(library, bench, "L0N0", 0).text
    totals = bench.circuit.totals()
    assert totals.junctions == junction_count(text)
    currents = source_currents(text)
    assert totals.bias_A == pytest.approx(currents["bias"], rel=1e-9, abs=0)
    assert totals.flux_A == pytest.approx(currents["flux"], rel=1e-9, abs=0)
    placed = instance_counts(text)
    assert totals.cells["jtl"] == placed["jtl"]
    assert totals.cells["branch"] == len(signs)
    assert totals.cells["branch"] == sum(n for c, n in placed.items() if c.startswith("branch"))
    assert totals.cells.get("splitter", 0) == placed["splitter"] == len(signs) - 1


def test_every_bias_is_seen(library):
    bench = neuron_bench(library, neuron_site([1, -1], 1), np.ones((1, 2), dtype=bool))
    biases = sum(len(p.cell.biases()) for p in bench.circuit.walk())
    probes = biased_probes(bench.circuit)
    # Two pairs of biases share a junction: IBM and IBO's nodes lie apart, so none here.
    assert len(probes) == len(set(probes)) <= biases
    assert set(probes) <= set(bench.probes())
    assert Probe(("XO",), "B1") == bench.probes()[0]
    columns = [p.column for p in bench.probes()]
    assert len(columns) == len(set(columns))
