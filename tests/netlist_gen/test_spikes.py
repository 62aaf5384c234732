"""What a network must do, from its integers alone."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import tiny_network

from netlist_gen.errors import NetworkError
from netlist_gen.network import TernaryNetwork
from netlist_gen.spikes import NetworkSpikes, lone_neuron


@settings(deadline=None, max_examples=40)
@given(st.data())
def test_a_neuron_fires_when_its_count_reaches_theta(data):
    signs = data.draw(st.lists(st.sampled_from([-1, 1]), min_size=1, max_size=6))
    theta = data.draw(st.integers(-3, 4))
    rows = st.lists(st.booleans(), min_size=len(signs), max_size=len(signs))
    arrivals = data.draw(st.lists(rows, min_size=1, max_size=5))
    spikes = lone_neuron(signs, theta, np.array(arrivals, dtype=bool))
    for row, count, fires in zip(arrivals, spikes.count, spikes.fires, strict=True):
        assert count == sum(sign for sign, on in zip(signs, row, strict=True) if on)
        assert fires == (count >= theta)


def test_each_layer_hears_the_one_before():
    network = tiny_network()
    x = np.array([[1, 0, 1], [0, 1, 1]], dtype=bool)
    spikes = NetworkSpikes.of(network, x)
    first, second, last = spikes.layers
    hidden, out = network.forward(x)
    assert (first == x).all()
    assert (second == hidden).all()
    assert (last == out).all()
    assert (spikes.votes() == network.votes(x)).all()
    assert spikes.windows == 2


def test_a_neuron_of_a_network():
    network = tiny_network()
    x = np.array(list(np.ndindex(2, 2, 2)), dtype=bool)
    own = NetworkSpikes.of(network, x).neuron(0, 1)  # weights 0 + +, theta 2
    assert (own.layer, own.neuron, own.theta, own.lines) == (0, 1, 2, (1, 2))
    assert own.signs.tolist() == [1, 1]
    assert (own.arrivals == x[:, [1, 2]]).all()
    assert (own.fires == (x[:, 1] & x[:, 2])).all()
    assert {line: on.tolist() for line, on in own.arrivals_by_line()} == {
        1: x[:, 1].tolist(), 2: x[:, 2].tolist(),
    }  # fmt: skip
    part = own.part(2, 5)
    assert (part.fires == own.fires[2:5]).all()
    assert (part.arrivals == own.arrivals[2:5]).all()


def test_a_part_of_the_windows():
    network = tiny_network()
    x = np.array(list(np.ndindex(2, 2, 2)), dtype=bool)
    part = NetworkSpikes.of(network, x).part(3, 6)
    again = NetworkSpikes.of(network, x[3:6])
    for one, other in zip(part.layers, again.layers, strict=True):
        assert (one == other).all()


def test_inputs_of_another_width():
    network = TernaryNetwork.from_arrays([[[1, 1]]], [[1]])
    with pytest.raises(
        NetworkError,
        match=r"^inputs have shape \(1, 3\), so 3 values for each step; the network has 2 inputs$",
    ):
        NetworkSpikes.of(network, np.zeros((1, 3), dtype=bool))


def test_start_up_windows_come_before_those_of_the_samples():
    weights = [np.array([[1, -1], [0, 0]]), np.array([[1, 1], [0, 0]])]
    network = TernaryNetwork.from_arrays(weights, [[1, 1], [-1, 1]])
    x = np.array([[1, 0], [0, 1], [0, 0]], dtype=bool)
    plain = NetworkSpikes.of(network, x)
    spikes = plain.with_startup()
    assert (plain.startup, spikes.startup, spikes.windows) == (0, 2, 5)
    for own, layer in zip(plain.layers, spikes.layers, strict=True):
        assert (layer[2:] == own).all()
        assert not layer[0].any()
    # The line of a neuron without a synapse carries a pulse, but no such neuron votes.
    assert [layer[1].tolist() for layer in spikes.layers] == [[True] * 2, [True] * 2, [True, False]]
    assert spikes.votes().tolist() == [[0, 0], [1, 0], *plain.votes().tolist()]
    neuron = spikes.neuron(1, 0)
    assert (neuron.startup, neuron.fires[:2].tolist()) == (2, [False, True])
    assert neuron.count[:2].tolist() == [0, 2]
    for first, beyond, left in [(0, 5, 2), (0, 2, 2), (0, 1, 1), (1, 4, 1), (2, 5, 0), (3, 4, 0)]:
        for part in (spikes.part(first, beyond), spikes.part(first, beyond).neuron(1, 0)):
            assert part.startup == left
        assert spikes.neuron(1, 0).part(first, beyond).startup == left
