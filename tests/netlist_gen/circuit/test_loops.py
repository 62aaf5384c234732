"""Stages of the right size, and synapses dealt out evenly."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netlist_gen.circuit.loops import LoopSize, deal, loop_size
from netlist_gen.errors import NetworkError

BUILT = (4, 8, 16)


@pytest.mark.parametrize(
    ("synapses", "size"),
    [
        (1, LoopSize(4, 2)),
        (8, LoopSize(4, 2)),
        (9, LoopSize(8, 2)),
        (32, LoopSize(16, 2)),
        (33, LoopSize(16, 4)),
        (64, LoopSize(16, 4)),
        (65, LoopSize(16, 8)),
    ],
)
def test_the_smallest_stage_that_takes_them(synapses, size):
    assert loop_size(synapses, BUILT, 2, 100) == size
    assert size.synapses >= synapses


@pytest.mark.parametrize("synapses", [0, 101])
def test_more_than_was_shown_to_work(synapses):
    message = f"a neuron of fan-in {synapses} can't be built: shown to work are 1 to 100"
    with pytest.raises(NetworkError, match=f"^{re.escape(message)}$"):
        loop_size(synapses, BUILT, 2, 100)


@given(st.lists(st.sampled_from([-1, 1]), min_size=1, max_size=64))
def test_every_synapse_lies_in_one_loop_and_loops_are_even(signs):
    size = loop_size(len(signs), BUILT, 2, 64)
    loops = deal(signs, size)
    assert len(loops) == size.loops
    assert sorted(k for loop in loops for k in loop) == list(range(len(signs)))
    assert all(list(loop) == sorted(loop) and len(loop) <= size.places for loop in loops)
    assert max(map(len, loops)) - min(map(len, loops)) <= 1
    excitatory = [sum(signs[k] > 0 for k in loop) for loop in loops]
    assert max(excitatory) - min(excitatory) <= 1


def test_balanced_signs_make_balanced_loops():
    signs = [1] * 8 + [-1] * 8
    assert all(sum(signs[k] for k in loop) == 0 for loop in deal(signs, LoopSize(8, 2)))
