"""The integer network: validation, exact forward pass, votes and ties."""

from __future__ import annotations

import re
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netlist_gen.errors import NetworkError
from netlist_gen.memory import Memory
from netlist_gen.network import TernaryLayer, TernaryNetwork
from netlist_gen.votes import count_votes, vote_accuracy


def make(seed: int, widths: tuple[int, ...] = (6, 5, 4), population: int = 2) -> TernaryNetwork:
    rng = np.random.default_rng(seed)
    weights = [rng.integers(-1, 2, (b, a)) for a, b in pairwise(widths)]
    return TernaryNetwork.from_arrays(
        weights, [rng.integers(-2, 4, len(w)) for w in weights], population
    )


@given(seed=st.integers(0, 10**6), steps=st.integers(1, 3))
@settings(max_examples=60, deadline=None)
def test_forward_is_the_rule_neuron_by_neuron(seed: int, steps: int) -> None:
    net = make(seed)
    x = np.random.default_rng(seed + 1).random((3, steps, 6)) < 0.5
    layers = net.forward(x)
    for sample in range(3):
        for step in range(steps):
            line = [int(v) for v in x[sample, step]]
            for layer, spikes in zip(net.layers, layers, strict=True):
                fired = []
                for w, theta in zip(layer.weights.tolist(), layer.theta.tolist(), strict=True):
                    fired.append(int(sum(a * b for a, b in zip(w, line, strict=True)) >= theta))
                assert spikes[sample, step].tolist() == [bool(f) for f in fired]
                line = fired


def test_step_axis_is_independent_steps() -> None:
    net = make(3)
    x = np.random.default_rng(0).random((4, 5, 6)) < 0.5
    whole = net.forward(x)
    for step in range(5):
        for a, b in zip(whole, net.forward(x[:, step]), strict=True):
            assert np.array_equal(a[:, step], b)
    assert np.array_equal(net.votes(x), sum(net.votes(x[:, s]) for s in range(5)))


def test_arrays_are_copies_and_read_only() -> None:
    w = np.ones((2, 3), dtype=np.int8)
    layer = TernaryLayer(w, np.ones(2, dtype=np.int32))
    w[0, 0] = 0
    assert layer.weights[0, 0] == 1
    with pytest.raises(ValueError, match="read-only"):
        layer.weights[0, 0] = 0
    with pytest.raises(ValueError, match="read-only"):
        layer.theta[0] = 7


def test_counts_and_ranges() -> None:
    net = TernaryNetwork.from_arrays([[[1, -1, 0], [1, 1, 1]]], [[1, 2]])
    layer = net.layers[0]
    assert layer.fan_in.tolist() == [2, 3]
    assert layer.fan_out.tolist() == [2, 2, 1]
    assert layer.count_range.tolist() == [[-1, 1], [0, 3]]
    assert (net.synapses, net.max_fan_in, net.theta_range) == (5, 3, (1, 2))


OK = [[1, -1], [0, 1]]
BAD = [
    ([[[1, 2], [0, 1]]], [[1, 1]], 1, "layer 0: weight [0, 1] is 2; only -1, 0 and 1 are allowed"),
    (
        [OK, [[1.0, float("nan")]]],
        [[1, 1], [1]],
        1,
        "layer 1: weight [0, 1] is nan; only -1, 0 and 1 are allowed",
    ),
    ([OK], [[1.5, 1]], 1, "layer 0: theta [0] is 1.5; an int32 whole number is needed"),
    ([OK], [[1, 2**31]], 1, f"layer 0: theta [1] is {2**31}; an int32 whole number is needed"),
    (
        [OK],
        [[1, 1, 1]],
        1,
        "layer 0: theta has 3 values for 2 neurons; there must be one threshold for each row of "
        "the weights",
    ),
    (
        [np.zeros((0, 2))],
        [[]],
        1,
        "layer 0: weights have shape (0, 2): an empty layer can't be built",
    ),
    ([[1, 0]], [[1]], 1, "layer 0: weights have shape (2,); (outputs, inputs) is needed"),
    (
        [OK, [[1, 1, 1]]],
        [[1, 1], [1]],
        1,
        "layer 1 takes 3 inputs but layer 0 has 2 outputs; the two must be equal",
    ),
    (
        [OK],
        [[1, 1]],
        3,
        "population is 3; it must be at least 1 and divide the 2 outputs of the last layer",
    ),
    ([], [], 1, "the network has no layer; at least one is needed"),
    ([OK], [], 1, "1 weight matrices but 0 threshold vectors; each layer needs one of both"),
    ([[["a", "b"]]], [[1]], 1, "layer 0: weights have type <U1; int8 is needed"),
    (
        [[[1, 0], [1]]],
        [[1, 1]],
        1,
        "layer 0: weights can't be made an array (setting an array element with a sequence. The "
        "requested array has an inhomogeneous shape after 1 dimensions. The detected shape was "
        "(2,) + inhomogeneous part.)",
    ),
]


@pytest.mark.parametrize(("weights", "thetas", "population", "message"), BAD)
def test_what_is_refused(weights: list, thetas: list, population: int, message: str) -> None:
    with pytest.raises(NetworkError, match=f"^{re.escape(message)}$"):
        TernaryNetwork.from_arrays(weights, thetas, population)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"memories": []}, "1 weight matrices but 0 memories; each layer needs one of both (None: "
         "no memory)"),
        ({"memories": ["zero"]}, "layer 0: the memory is 'zero'; only a Memory, or None, is "
         "allowed"),
        ({"memories": [Memory.of("zero", 2)], "steps": 2.5}, "a sample has 2.5 steps; a whole "
         "number is needed"),
        ({"memories": [Memory.of("zero", 2)], "steps": "2"}, "a sample has '2' steps; a whole "
         "number is needed"),
    ],
)  # fmt: skip
def test_memories_and_steps_that_are_refused(given: dict, message: str) -> None:
    with pytest.raises(NetworkError, match=f"^{re.escape(message)}$"):
        TernaryNetwork.from_arrays([OK], [[1, 1]], **given)


INPUTS = [
    (
        np.zeros((2, 5)),
        "inputs have shape (2, 5), so 5 values for each step; the network has 6 inputs",
    ),
    (
        np.zeros(6),
        "inputs have shape (6,); (samples, inputs) or (samples, steps, inputs) is needed",
    ),
    (np.full((1, 6), 2), "input [0, 0] is 2; a spike is 0 or 1 (false or true)"),
    (np.array([[0, 0, 0, np.nan, 0, 0]]), "input [0, 3] is nan; a spike is 0 or 1 (false or true)"),
    (np.zeros((1, 0, 6)), "inputs have shape (1, 0, 6): at least one step is needed"),
    (np.array([["0"] * 6]), "inputs have type <U1; bool or 0/1 integers are needed"),
]


@pytest.mark.parametrize(("x", "message"), INPUTS)
def test_inputs_that_are_refused(x: np.ndarray, message: str) -> None:
    with pytest.raises(NetworkError, match=f"^{re.escape(message)}$"):
        make(0).forward(x)


def test_tie_rules() -> None:
    votes = np.array([[2, 2, 0], [0, 1, 3], [1, 1, 1], [0, 2, 2]])
    labels = np.array([0, 2, 2, 0])
    assert vote_accuracy(votes, labels, "lowest") == 2 / 4
    assert vote_accuracy(votes, labels, "split") == pytest.approx((1 / 2 + 1 + 1 / 3) / 4)
    assert vote_accuracy(votes, labels, "wrong") == 1 / 4


def test_votes_group_neighbouring_outputs() -> None:
    spikes = np.array([[1, 1, 0, 1]], dtype=bool)
    assert count_votes(spikes, 2).tolist() == [[2, 1]]
    assert count_votes(np.stack([spikes, spikes], axis=1), 2).tolist() == [[4, 2]]


def test_labels_that_are_refused() -> None:
    votes = np.zeros((2, 3), dtype=np.int64)
    with pytest.raises(NetworkError, match=r"^label 1 is 3; the classes are 0 to 2$"):
        vote_accuracy(votes, [0, 3])
    with pytest.raises(NetworkError, match=r"^labels have shape \(3,\); \(2,\) is needed$"):
        vote_accuracy(votes, [0, 1, 2])
    with pytest.raises(NetworkError, match=r"^tie rule 'best' is unknown; allowed are lowest"):
        vote_accuracy(votes, [0, 1], "best")  # type: ignore[arg-type]


def test_equality_and_hash() -> None:
    assert make(1) == make(1)
    assert hash(make(1)) == hash(make(1))
    assert make(1) != make(2)
    assert make(1) != TernaryNetwork(make(1).layers, 1)


def test_no_samples_have_no_votes():
    network = TernaryNetwork.from_arrays([[[1, -1], [1, 1]]], [[1, 1]])
    assert network.votes(np.zeros((0, 2), dtype=bool)).shape == (0, 2)
    assert network.votes(np.zeros((0, 3, 2), dtype=bool)).shape == (0, 2)
