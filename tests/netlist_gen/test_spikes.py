"""What a network must do, from its integers alone."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import tiny_network

from netlist_gen.errors import NetworkError
from netlist_gen.memory import RESETS, Memory
from netlist_gen.network import TernaryNetwork
from netlist_gen.spikes import NetworkSpikes, lone_neuron, steps_of, windows_of, with_room


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


def lasting(reset, amount=0, theta=2, steps=3):
    memory = Memory.of(reset, 1, amount)
    return TernaryNetwork.from_arrays([[[1, 1, -1]]], [[theta]], memories=[memory], steps=steps)


SAMPLES = np.array([
    [[1, 0, 0], [1, 0, 0], [1, 1, 1]],
    [[0, 1, 0], [0, 0, 0], [1, 0, 0]],
], dtype=bool)  # fmt: skip


@pytest.mark.parametrize(
    ("reset", "amount", "membrane", "leaving"),
    [
        # What leaves by window: behind the second step's and the last pulse, or as samples begin.
        ("zero", 0, [0, 1, 2, 1, 0, 1, 1, 2], {2: [2, 0, 0], 4: [1, 1, 1], 7: [1, 1, 0]}),
        ("none", 0, [0, 1, 2, 3, 0, 1, 1, 2], {4: [3, 1, 1]}),
        ("subtract", 1, [0, 1, 2, 2, 0, 1, 1, 2], {4: [3, 1, 1, 2]}),
    ],
)  # fmt: skip
def test_what_loops_hold_and_give_out(reset, amount, membrane, leaving):
    network = lasting(reset, amount)
    windows, sample = windows_of(network, SAMPLES)
    assert (windows.shape, sample) == ((8, 3), 4)
    spikes = NetworkSpikes.of(network, windows, sample)
    assert spikes.clearing.tolist() == [True, False, False, False] * 2
    own = spikes.neuron(0, 0)
    assert own.clocked.tolist() == (~spikes.clearing).tolist()
    assert own.count.tolist() == membrane
    wide = 3 + amount
    assert own.leaving.tolist() == [leaving.get(w, [0] * wide) for w in range(8)]
    assert own.own.tolist() == [[f] * amount for f in own.fires.tolist()]
    assert own.emptied.tolist() == [
        clear or (reset == "zero" and fires)
        for clear, fires in zip(spikes.clearing.tolist(), own.fires.tolist(), strict=True)
    ]
    # A deck that begins with the second sample finds nothing to clear.
    assert not own.part(4, 8).leaving[0].any()
    assert (own.part(4, 8).count == own.count[4:]).all()


@settings(deadline=None, max_examples=60)
@given(
    reset=st.sampled_from(RESETS),
    startup=st.booleans(),
    seed=st.integers(0, 10_000),
    steps=st.integers(1, 5),
)
def test_every_fluxon_that_goes_in_comes_out_or_is_there(reset, startup, seed, steps):
    rng = np.random.default_rng(seed)
    weights = rng.integers(-1, 2, (4, 5))
    amounts = rng.integers(0, 3, 4) if reset == "subtract" else None
    network = TernaryNetwork.from_arrays(
        [weights], [rng.integers(-1, 4, 4)], memories=[Memory.of(reset, 4, amounts)], steps=steps
    )
    windows, sample = windows_of(network, rng.random((3, steps, 5)) < 0.5)
    spikes = NetworkSpikes.of(network, windows, sample)
    spikes = spikes.with_startup() if startup else spikes
    for neuron in range(4):
        own = spikes.neuron(0, neuron)
        into = np.hstack([own.arrivals, own.own]).astype(int)
        held = np.cumsum(into - own.leaving, axis=0)
        assert (held >= 0).all()
        assert held.max(initial=0) <= steps
        first = 2 * startup
        assert (held[first:][own.emptied[first:]] == 0).all()
        fires = own.clocked & (own.count >= own.theta)
        assert (own.fires[first:] == fires[first:]).all()


def test_windows_that_are_no_samples():
    network = lasting("zero")
    message = "membranes last: a sample needs a clearing window without pulses, and a step"
    for windows, sample in ((np.zeros((2, 3)), 1), (np.ones((4, 3)), 4)):
        with pytest.raises(NetworkError, match=f"^{message}$"):
            NetworkSpikes.of(network, windows.astype(bool), sample)
    message = "samples of 4 steps: a storage loop has room for the pulses of 3"
    with pytest.raises(NetworkError, match=f"^{message}$"):
        NetworkSpikes.of(network, *windows_of(network, np.zeros((1, 4, 3), dtype=bool)))
    assert with_room(network, SAMPLES) is network
    assert with_room(lasting("zero", steps=None), SAMPLES).steps == 3
    assert (steps_of(network, *windows_of(network, SAMPLES)) == SAMPLES).all()
