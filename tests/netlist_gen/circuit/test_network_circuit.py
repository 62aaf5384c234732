from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from deck_text import instance_counts, junction_count, source_currents
from hypothesis import given, settings
from hypothesis import strategies as st
from support import tiny_network

from netlist_gen.cell_library import CellLibrary
from netlist_gen.circuit.bench import START_S
from netlist_gen.circuit.network_circuit import network_bench
from netlist_gen.circuit.neuron import load_phases
from netlist_gen.circuit.trees import tree_shape
from netlist_gen.emit import emit
from netlist_gen.lint import lint
from netlist_gen.network import TernaryNetwork


def text_of(bench, library):
    return emit(
        bench.circuit, library.process, bench.analysis(), bench.probes(), name="network"
    ).text


@st.composite
def networks(draw):
    """Networks of one to three layers in which every neuron has a synapse."""
    rng = np.random.default_rng(draw(st.integers(0, 2**31)))
    widths = draw(st.lists(st.integers(1, 5), min_size=2, max_size=4))
    weights, thetas = [], []
    for inputs, outputs in pairwise(widths):
        w = rng.integers(-1, 2, (outputs, inputs))
        w[np.arange(outputs), rng.integers(0, inputs, outputs)] = 1
        weights.append(w)
        thetas.append(rng.integers(-1, 3, outputs))
    return TernaryNetwork.from_arrays(weights, thetas)


@settings(deadline=None, max_examples=20)
@given(networks())
def test_counts_agree_with_the_flattened_text(network):
    library = CellLibrary()
    bench = network_bench(network, library)
    text = text_of(bench, library)
    lint(text, "network.cir")
    totals = bench.circuit.totals()
    assert totals.junctions == junction_count(text)
    currents = source_currents(text)
    assert totals.bias_A == pytest.approx(currents["bias"], rel=1e-9, abs=0)
    assert totals.flux_A == pytest.approx(currents["flux"], rel=1e-9, abs=0)
    placed = instance_counts(text)
    for kind in ("jtl", "splitter", "merger", "decision"):
        assert totals.cells.get(kind, 0) == placed[kind]
    assert totals.cells["branch"] == network.synapses
    assert totals.cells["neuron"] == network.neurons
    assert len(bench.views) == network.neurons
    assert len(bench.class_lines) == network.classes


def test_weight_zero_builds_nothing():
    library = CellLibrary()
    dense = tiny_network()
    one = network_bench(dense, library).circuit.totals()
    w = np.array(dense.layers[0].weights)
    w[0, 0] = 0
    sparse = TernaryNetwork.from_arrays(
        [w, dense.layers[1].weights], [layer.theta for layer in dense.layers]
    )
    two = network_bench(sparse, CellLibrary()).circuit.totals()
    assert two.cells["branch"] == one.cells["branch"] - 1
    assert two.junctions < one.junctions


def test_layers_start_one_after_the_other():
    bench = network_bench(tiny_network(), CellLibrary(), np.ones((3, 3), dtype=bool))
    phases = load_phases()
    assert len(bench.starts_s) == 2
    assert bench.starts_s[1] - bench.starts_s[0] >= phases.decision + phases.decide
    assert bench.windows == 3
    assert [v.windows for v in bench.views] == [3] * 5
    assert bench.analysis().stop_s > bench.views[-1].boundaries_s()[-1]
    expected = tiny_network().forward(np.ones((3, 3), dtype=bool))[0]
    assert (bench.views[3].stimulus == expected[:, [0, 1, 2]]).all()


def test_a_layer_that_only_hears_neurons_without_a_circuit():
    network = TernaryNetwork.from_arrays(
        [np.array([[1, 1], [0, 0]]), np.array([[0, 1]])], [np.array([1, 1]), np.array([1])]
    )
    bench = network_bench(network, CellLibrary())
    assert [v.site.name for v in bench.views] == ["L0N0", "L1N0"]


def test_the_read_out_is_staggered_within_a_population():
    network = TernaryNetwork.from_arrays([np.ones((4, 2), dtype=int)], [np.ones(4, dtype=int)], 2)
    bench = network_bench(network, CellLibrary())
    assert len(bench.class_lines) == 2
    assert bench.circuit.totals().cells["merger"] == 2


def fan_out_stages(bench, line):
    """Cells in series between the source of an input line and the neurons: held back, in all."""
    placed = {i.name: i for i in bench.circuit.top.instances}
    held = sum(name.startswith(f"XP0_{line}_") for name in placed)
    tree = bench.circuit.cells[placed[f"XF0_{line}"].cell]
    return held, held + max(1, tree_shape(len(tree.ports) - 1).depth)


@pytest.mark.parametrize("neurons", [2, 8, 9, 16, 17, 32])
def test_early_lines_are_held_back_until_the_skew_fits(neurons):
    """Line 0 feeds every neuron, line 1 a single one: its pulses would come too early."""
    weights = np.zeros((neurons, 2), dtype=int)
    weights[:, 0] = weights[0, 1] = 1
    network = TernaryNetwork.from_arrays([weights], [np.ones(neurons, dtype=int)])
    library = CellLibrary()
    bench = network_bench(network, library)
    lint(text_of(bench, library), "network.cir")
    phases = load_phases()
    late_held, late = fan_out_stages(bench, 0)
    early_held, early = fan_out_stages(bench, 1)
    assert late_held == 0
    apart = late - early
    assert apart * phases.tree_stage <= phases.skew
    if early_held:  # no stage more than the skew asks for
        assert (apart + 1) * phases.tree_stage > phases.skew
    else:
        assert late == max(1, tree_shape(neurons).depth)
    assert bench.starts_s[0] == pytest.approx(START_S + early * phases.tree_stage, abs=1e-15)
    read_out = 2  # cells of the neuron and of a class of one neuron, behind the input's JTL
    assert bench.depth == 1 + late + 1 + read_out
