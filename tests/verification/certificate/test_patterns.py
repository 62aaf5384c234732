"""Pulses of a class spread over the loops: the right numbers, apart and together."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from netlist_gen.circuit.loops import neuron_deal
from verification.certificate.patterns import Patterns


@st.composite
def windows(draw):
    signs = draw(st.lists(st.sampled_from([-1, 1]), min_size=1, max_size=40))
    excitatory = draw(st.integers(0, signs.count(1)))
    inhibitory = draw(st.integers(0, signs.count(-1)))
    return signs, excitatory, inhibitory, draw(st.integers(0, 50))


@settings(max_examples=25, deadline=None)
@given(windows())
def test_a_window_has_the_pulses_that_were_asked_for(window):
    signs, excitatory, inhibitory, turn = window
    patterns, given_signs = Patterns(signs), np.array(signs)
    rng = np.random.default_rng(turn)
    for pulses in (
        patterns.window(excitatory, inhibitory, apart=False, turn=turn),
        patterns.window(excitatory, inhibitory, apart=True, turn=turn),
        patterns.any_window(excitatory, inhibitory, rng),
    ):
        assert pulses[given_signs > 0].sum() == excitatory
        assert pulses[given_signs < 0].sum() == inhibitory


def imbalance(signs, pulses):
    """By how much the loops differ from each other."""
    sums = [sum(signs[k] for k in loop if pulses[k]) for loop in neuron_deal(signs)]
    return np.abs(np.array(sums) - np.mean(sums)).sum()


@settings(max_examples=25, deadline=None)
@given(windows())
def test_no_window_at_random_is_less_even_or_more_than_the_two_are(window):
    signs, excitatory, inhibitory, turn = window
    patterns, rng = Patterns(signs), np.random.default_rng(turn)
    ends = [
        imbalance(signs, patterns.window(excitatory, inhibitory, apart=apart, turn=turn))
        for apart in (False, True)
    ]
    for _ in range(5):
        found = imbalance(signs, patterns.any_window(excitatory, inhibitory, rng))
        assert ends[0] - 1e-9 <= found <= ends[1] + 1e-9


def test_other_lines_have_their_turn():
    patterns = Patterns([1, -1] * 8)
    seen = np.zeros(16, dtype=bool)
    for turn in range(8):
        seen |= patterns.window(2, 2, apart=True, turn=turn)
    assert seen.all()
