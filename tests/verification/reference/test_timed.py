"""The timed reference against simulation: every pulse of a small network, within 0.3 ps."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from support import tiny_network

from netlist_gen.assembly.network_circuit import network_bench
from netlist_gen.deck.decks import network_deck
from netlist_gen.library.cells import CellLibrary
from netlist_gen.library.design import load_phases
from netlist_gen.network import TernaryNetwork
from verification.campaign.cases import network_readout
from verification.reference.timed import timed_reference
from verification.simulators.base import DeckJob
from verification.simulators.embedded import EmbeddedSimulator

X = np.array([[1, 0, 1], [0, 1, 1], [1, 1, 0], [0, 0, 0], [1, 1, 1]], dtype=bool)


def voting():
    """Three inputs, six hidden neurons of several fan-outs, two classes of three votes."""
    rng = np.random.default_rng(5)
    hidden = rng.choice([-1, 1, 1], (6, 3))
    out = rng.choice([-1, 0, 1, 1], (6, 6))
    return TernaryNetwork.from_arrays([hidden, out], [[1, 1, 2, 1, 0, 1], [1, 1, 2, 1, 1, 2]], 3)


@pytest.mark.parametrize("network", [tiny_network(), voting()], ids=["tiny", "voting"])
@pytest.mark.parametrize("period_ps", [66.7, 112.0])
def test_every_pulse_comes_when_it_is_predicted(network, period_ps):
    library = CellLibrary()
    phases = load_phases().with_period(period_ps * 1e-12)
    bench = network_bench(network, library, X, phases)
    reference = timed_reference(bench.plan, X, library.process)
    deck = network_deck(library, bench, "network")
    outcome = EmbeddedSimulator().run(
        DeckJob("network", deck.text, network_readout(bench)), timeout_s=300
    )
    assert outcome.readings is not None, outcome.message
    spikes = network.forward(X)
    pulses = 0
    for view in bench.views:
        site = view.site
        predicted = reference.neurons[site.layer, site.neuron]
        assert (predicted.fires == spikes[site.layer][:, site.neuron]).all()
        assert predicted.late == 0
        times = predicted.times_s[predicted.fires]
        seen = outcome.readings.train(view.output.column).times_s
        assert seen.size == times.size
        np.testing.assert_allclose(seen, times, rtol=0, atol=0.3e-12)
        pulses += seen.size
    assert pulses > 5
    for line in bench.plan.class_lines:
        seen = outcome.readings.train(line.output.column).times_s
        assert seen.size == reference.lines[line.name].size
        np.testing.assert_allclose(seen, reference.lines[line.name], rtol=0, atol=0.3e-12)


def test_a_pulse_that_misses_its_clock_is_counted_in_the_next_window():
    """The clock of the first layer is moved to where its data have not come yet."""
    network = tiny_network()
    library = CellLibrary()
    bench = network_bench(network, library, X)
    first, second = bench.timing.layers
    early = dataclasses.replace(first, clock_s=first.clock_s - 60e-12)
    timing = dataclasses.replace(bench.timing, layers=(early, second))
    moved = dataclasses.replace(bench.plan, timing=timing)
    reference = timed_reference(moved, X, library.process)
    hidden = [reference.neurons[0, j] for j in range(3)]
    assert sum(one.late for one in hidden) > 0
    expected = network.layers[0].counts(X)
    # Window w now sees the pulses of window w - 1.
    np.testing.assert_array_equal(hidden[0].count[1:4], expected[:3, 0])
