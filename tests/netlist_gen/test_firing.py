"""Which neurons can fire, against all inputs of small networks."""

from __future__ import annotations

import re
from itertools import pairwise, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netlist_gen.errors import NetworkError
from netlist_gen.firing import firing, require_alive
from netlist_gen.memory import RESETS, Memory, Reset
from netlist_gen.network import TernaryLayer, TernaryNetwork


@given(seed=st.integers(0, 10**6))
@settings(max_examples=60, deadline=None)
def test_of_one_layer_it_is_exact_and_beyond_it_never_wrong(seed: int) -> None:
    rng = np.random.default_rng(seed)
    widths = rng.integers(1, 6, 4)
    weights = [rng.integers(-1, 2, (b, a)) for a, b in pairwise(widths)]
    network = TernaryNetwork.from_arrays(weights, [rng.integers(-3, 4, len(w)) for w in weights])
    x = np.array(list(product((0, 1), repeat=int(widths[0]))))
    found = firing(network)
    for spikes, layer in zip(network.forward(x), found, strict=True):
        assert not (spikes.any(axis=0) & ~layer.can).any()
        assert not (~spikes.all(axis=0) & layer.must).any()
    first = network.forward(x)[0]
    assert np.array_equal(found[0].can, first.any(axis=0))
    assert np.array_equal(found[0].must, first.all(axis=0))


@given(
    seed=st.integers(0, 10**6),
    resets=st.tuples(*[st.sampled_from([*RESETS, None])] * 2),
    steps=st.integers(1, 4),
    theta=st.integers(-6, 7),
    beta=st.sampled_from([1.0, 1.0, 0.6, 0.25]),
)
@settings(max_examples=150, deadline=None)
def test_of_membranes_that_last_too(
    seed: int, resets: tuple[Reset | None, ...], steps: int, theta: int, beta: float
) -> None:
    """All samples of so many steps: the first layer is exact, others and leaks never wrong."""
    rng = np.random.default_rng(seed)
    inputs, first, second = 3 if steps < 4 else 2, 3, 2
    weights = [rng.integers(-1, 2, (first, inputs)), rng.integers(-1, 2, (second, first))]
    thetas = [theta + rng.integers(-1, 2, first), rng.integers(-2, 5, second)]
    amounts = [rng.integers(0, 4, n) if reset == "subtract" else None
               for n, reset in zip((first, second), resets, strict=True)]  # fmt: skip
    memories = [
        None if reset is None else Memory.of(reset, len(t), a, beta)
        for reset, t, a in zip(resets, thetas, amounts, strict=True)
    ]
    network = TernaryNetwork.from_arrays(weights, thetas, memories=memories, steps=steps)
    bits = steps * inputs
    x = (np.arange(1 << bits)[:, None] >> np.arange(bits) & 1).reshape(-1, steps, inputs)
    spikes = [layer.reshape(-1, layer.shape[-1]) for layer in network.forward(x)]
    found = firing(network)
    if not (resets[0] and beta < 1):
        assert np.array_equal(found[0].can, spikes[0].any(axis=0))
        assert np.array_equal(found[0].must, spikes[0].all(axis=0))
    # For any number of steps: what fires in these can, what does not always needn't.
    for able in (found, firing(network.with_steps(None)), firing(network.with_steps(9))):
        for layer, one in zip(spikes, able, strict=True):
            assert not (layer.any(axis=0) & ~one.can).any()
            assert not (~layer.all(axis=0) & one.must).any()


@pytest.mark.parametrize("reset", RESETS)
@pytest.mark.parametrize(
    ("weights", "theta", "steps", "can", "must"),
    [
        ([1, 0], 5, None, True, False), ([1, 0], 5, 4, False, False), ([1, 0], 5, 5, True, False),
        ([0, -1], 1, None, False, False), ([0, -1], 0, None, True, False),
        ([1, 1], 0, None, True, True), ([1, 1], 2**31 - 1, None, True, False),
        ([1, -1], -3, 3, True, True), ([1, -1], -2, 3, True, False),
        ([1, -1], -(2**31), None, True, False),
    ],
)  # fmt: skip
def test_how_far_membranes_get(
    reset: Reset, weights: list[int], theta: int, steps: int | None, can: bool, must: bool
) -> None:
    network = TernaryNetwork.from_arrays(
        [[weights]],
        [[theta]],
        memories=[Memory.of(reset, 1, 0 if reset == "subtract" else None)],
        steps=steps,
    )
    (found,) = firing(network)
    if reset == "zero" and weights == [1, -1]:  # it begins anew after each pulse
        must = True
    assert (found.can.item(), found.must.item()) == (can, must)


def test_pulses_that_subtract_let_a_membrane_fall() -> None:
    weights, memory = [[[1, 0], [1, 0]]], Memory.of("subtract", 2, [0, 1])
    network = TernaryNetwork.from_arrays(weights, [[-3, -3]], memories=[memory])
    for steps, must in ((4, [True, True]), (5, [True, False]), (None, [True, False])):
        assert firing(network.with_steps(steps))[0].must.tolist() == must


REMEDY = "; adapt trains it again; --allow-dead takes it as it is"


@pytest.mark.parametrize(
    ("weights", "thetas", "message"),
    [
        ([[[1, 1]]], [[3]], "layer 0: none of its 1 neurons can fire, whatever the inputs"),
        ([[[1, -1]]], [[-1]], "layer 0: all of its 1 neurons fire in every step, whatever the "
         "inputs"),
        # The first layer has one line that never fires, which the second counts on.
        ([[[1, 1], [1, 1]], [[1, 1]]], [[1, 3], [2]], "layer 1: none of its 1 neurons can fire, "
         "whatever the inputs"),
    ],
)  # fmt: skip
def test_a_dead_layer_is_refused(weights: list, thetas: list, message: str) -> None:
    with pytest.raises(NetworkError, match=f"^{re.escape(message + REMEDY)}$"):
        require_alive(TernaryNetwork.from_arrays(weights, thetas))


def test_a_network_of_which_a_part_is_dead_is_taken() -> None:
    require_alive(TernaryNetwork.from_arrays([[[1, 1], [1, 1]]], [[3, 1]]))


def test_how_far_membranes_get_that_leak() -> None:
    """Two lines, eight steps, half of it left: 2 + 1 + 1/2 + ..., 3.98 at the most."""
    for theta, can in ((4, True), (5, False)):
        memory = Memory.of("none", 1, beta=0.5)
        network = TernaryNetwork.from_arrays([[[1, 1]]], [[theta]], memories=[memory], steps=8)
        assert firing(network)[0].can.tolist() == [can]
        assert network.forward(np.ones((1, 8, 2)))[0].any() == can


def test_a_leak_lets_always_on_lines_miss() -> None:
    """Five lines that always pulse, theta 5, 4 taken off: 5, then 0.5 + 5 - 4, then 0.15 + 5."""
    constant = TernaryLayer(np.zeros((5, 1)), np.zeros(5))
    memory = Memory.of("subtract", 1, 4, 0.1)
    network = TernaryNetwork((constant, TernaryLayer([[1] * 5], [5], memory)), steps=8)  # type: ignore[arg-type]
    assert network.forward(np.zeros((1, 8, 1)))[1].ravel().tolist() == [True, False] * 4
    assert firing(network)[1].can.all()
    assert not firing(network)[1].must.any()
