"""Membranes that last: against snnTorch's own forward, and step by step by hand."""

from __future__ import annotations

import re

import numpy as np
import pytest
import snntorch
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from netlist_gen.errors import NetworkError
from netlist_gen.memory import RESETS, Memory, fired
from netlist_gen.network import TernaryLayer, TernaryNetwork


@settings(max_examples=60, deadline=None)
@given(
    reset=st.sampled_from(RESETS),
    threshold=st.integers(0, 5),
    steps=st.integers(1, 9),
    seed=st.integers(0, 10_000),
)
def test_a_layer_is_snntorchs_leaky(reset, threshold, steps, seed):
    """Whole thresholds, so that membranes lie on them as often as not: ties are decided alike."""
    rng = np.random.default_rng(seed)
    weights = rng.integers(-1, 2, (6, 7))
    x = rng.random((5, steps, 7)) < 0.5
    memory = Memory.of(reset, 6, threshold if reset == "subtract" else None)
    layer = TernaryLayer(weights, np.full(6, threshold + 1), memory)
    neuron = snntorch.Leaky(beta=1.0, threshold=float(threshold), reset_mechanism=reset)
    state = neuron.init_leaky()
    wanted = []
    for step in range(steps):
        given_now = torch.tensor(x[:, step] @ weights.T, dtype=torch.float64)
        pulses, state = neuron(given_now, state)
        wanted.append(pulses.detach().numpy() > 0)
    assert np.array_equal(layer.forward(x), np.stack(wanted, axis=1))


@settings(max_examples=80, deadline=None)
@given(
    reset=st.sampled_from(RESETS),
    beta=st.sampled_from([0.9, 0.5, 0.25, 0.3, 1 / 3, 0.999, 1e-3]),
    threshold=st.integers(0, 5),
    steps=st.integers(1, 12),
    seed=st.integers(0, 10_000),
)
def test_a_layer_that_leaks_is_snntorchs_leaky(reset, beta, threshold, steps, seed):
    """To the bit, membranes too: float32 in the same order; by halves many lie on thresholds."""
    rng = np.random.default_rng(seed)
    weights = rng.integers(-1, 2, (6, 7))
    x = rng.random((5, steps, 7)) < 0.5
    memory = Memory.of(reset, 6, threshold if reset == "subtract" else None, beta)
    layer = TernaryLayer(weights, np.full(6, threshold + 1), memory)
    at = float(threshold) if reset == "subtract" else threshold + 0.5
    neuron = snntorch.Leaky(beta=beta, threshold=at, reset_mechanism=reset)
    state = neuron.init_leaky()
    wanted, states = [], []
    for step in range(steps):
        given_now = torch.tensor(x[:, step] @ weights.T, dtype=torch.float32)
        pulses, state = neuron(given_now, state)
        wanted.append(pulses.detach().numpy() > 0)
        states.append(state.detach().numpy())
    membrane, fires = memory.integrate(layer.counts(x), layer.theta)
    assert membrane.dtype == np.float32
    assert np.array_equal(membrane, np.stack(states, axis=1))
    assert np.array_equal(fires, np.stack(wanted, axis=1))
    assert np.array_equal(layer.forward(x), fires)


def test_a_leak_is_part_of_what_a_memory_is():
    half, whole = Memory.of("none", 2, beta=0.5), Memory.of("none", 2)
    assert half != whole
    assert half == Memory.of("none", 2, beta=0.5)
    assert hash(half) == hash(Memory.of("none", 2, beta=0.5))
    assert (half.leaks, whole.leaks) == (True, False)
    assert Memory.of("none", 1, beta=0.9).beta == float(np.float32(0.9))
    assert half.kept(np.array([True, False])) == Memory.of("none", 1, beta=0.5)
    assert half.edge([1, 3]).tolist() == [0.5, 2.5]
    assert Memory.of("subtract", 2, [0, 2], 0.5).edge([1, 3]).tolist() == [0, 2]


def test_membranes_by_hand():
    counts = np.array([[1], [1], [2], [-1], [3]])
    theta = np.array([2])
    membranes = {
        "zero": [1, 2, 2, -1, 2],
        "subtract": [1, 2, 3, 1, 4],  # by 1
        "none": [1, 2, 4, 3, 6],
    }
    for reset, wanted in membranes.items():
        memory = Memory.of(reset, 1, 1 if reset == "subtract" else None)
        found, fires = memory.integrate(counts, theta)
        assert found[:, 0].tolist() == wanted
        assert fires[:, 0].tolist() == [m >= 2 for m in wanted]


def test_a_network_keeps_memories_of_its_layers_apart():
    memory = Memory.of("zero", 1)
    both = TernaryNetwork.from_arrays([[[1, 1]], [[1]]], [[3], [1]], memories=[memory, None])
    x = np.array([[[1, 0], [1, 1], [0, 1]], [[1, 1], [0, 1], [0, 0]]], dtype=bool)
    assert both.has_memory
    assert [one[..., 0].tolist() for one in both.forward(x)] == [
        [[False, True, False], [False, True, False]]
    ] * 2
    # Samples of one step begin at 0 each.
    assert not both.forward(x[:, 0])[0].any()
    assert both.with_steps(3) != both
    assert both.with_steps(3) == both.with_steps(3)
    assert hash(both.with_steps(3)) == hash(both.with_steps(3))
    assert both.with_steps(3).steps == 3
    without = TernaryNetwork.from_arrays([[[1, 1]], [[1]]], [[3], [1]])
    assert without != both
    assert without.with_steps(3).steps is None


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: Memory.of("half", 2),  # type: ignore[arg-type]
            "the reset of a membrane is 'half'; allowed are zero, subtract, none",
        ),
        (
            lambda: Memory.of("subtract", 2),
            "the reset is 'subtract'; the amount that a pulse takes is needed",
        ),
        (
            lambda: Memory.of("subtract", 2, [1.0, 0.5]),
            "a pulse of neuron 1 subtracts 0.5; a whole number from 0 on is needed",
        ),
        (
            lambda: Memory.of("subtract", 3, [1, 2]),
            "2 amounts that pulses subtract for 3 neurons; there must be one for each",
        ),
        (
            lambda: Memory.of("subtract", 2, np.ones((2, 2))),
            "the amounts that pulses subtract have shape (2, 2) and type float64; whole numbers, "
            "one for each neuron, are needed",
        ),
        (
            lambda: Memory.of("zero", 2, beta=0),
            "beta, what is left of a membrane after a step, is 0; above 0 and at most 1 is "
            "allowed, in float32",
        ),
        (
            lambda: Memory.of("zero", 2, beta=1e-50),
            "beta, what is left of a membrane after a step, is 1e-50; above 0 and at most 1 is "
            "allowed, in float32",
        ),
        (
            lambda: Memory.of("zero", 2, beta=float("nan")),
            "beta, what is left of a membrane after a step, is nan; above 0 and at most 1 is "
            "allowed, in float32",
        ),
        (
            lambda: Memory.of("none", 2, [0, 1]),
            "a pulse of neuron 1 subtracts 1, but its reset is 'none'",
        ),
        (
            lambda: TernaryLayer([[1], [1]], [1, 1], Memory.of("none", 3)),  # type: ignore[arg-type]
            "the memory is of 3 neurons, the layer has 2",
        ),
        (
            lambda: fired(np.zeros(2, dtype=int), np.ones(2, dtype=int), Memory.of("none", 2)),
            "counts have shape (2,); a layer with a memory needs (..., steps, neurons)",
        ),
        (
            lambda: TernaryNetwork.from_arrays(
                [[[1]]], [[1]], memories=[Memory.of("none", 1)], steps=0
            ),
            "a sample has 0 steps; at least 1 is allowed",
        ),
    ],
)
def test_what_is_refused(make, message):
    with pytest.raises(NetworkError, match=f"^{re.escape(message)}$"):
        make()
