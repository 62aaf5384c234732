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
from netlist_gen.network import TernaryNetwork


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
