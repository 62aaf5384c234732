"""Made windows: they cover all that is asked for, in few windows and with worst predecessors."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netlist_gen.spikes import lone_neuron
from verification.certificate.classes import Asked, class_counts
from verification.certificate.coverage import Tally
from verification.certificate.made import OWN_BLOCKS, Block, Maker, packed


@st.composite
def neurons(draw):
    signs = draw(st.lists(st.sampled_from([-1, 1]), min_size=1, max_size=40))
    return signs, draw(st.integers(-len(signs) - 2, len(signs) + 2))


@settings(max_examples=40, deadline=None)
@given(neurons(), st.sampled_from([4, 48, 64]))
def test_they_cover_all_that_is_asked_for(neuron, length):
    signs, theta = neuron
    maker = Maker(signs, theta)
    near = Asked.by(None).of(maker.kind)
    own = packed(maker.own_blocks(), length)
    tally = Tally(lone_neuron(signs, theta, own[0].pulses), timed=True)
    for deck in own:
        tally.add(lone_neuron(signs, theta, deck.pulses), deck.late)
    met = tally.met(near=near)
    for part in (met.decisive, met.sides, met.history, met.arrivals):
        assert part.seen == part.possible
    for deck in packed(maker.class_blocks(near), length):
        tally.add(lone_neuron(signs, theta, deck.pulses), deck.late)
    assert tally.met(near=near).complete


@settings(max_examples=20, deadline=None)
@given(neurons())
def test_both_sides_of_the_threshold_come_after_a_full_and_after_an_empty_window(neuron):
    signs, theta = neuron
    maker = Maker(signs, theta)
    if not maker.kind.decides:
        return
    met = set()
    for block in maker.own_blocks():
        n = lone_neuron(signs, theta, block.pulses).count
        for before, now in zip(block.pulses, n[1:], strict=False):
            if before.all() or not before.any():
                met.add((bool(before.all()), int(now) - theta))
    assert {(full, side) for full in (False, True) for side in (0, -1)} <= met


def test_classes_next_to_the_threshold_come_twice_after_full_and_empty_ones():
    signs, theta = [1] * 16 + [-1] * 16, 2
    blocks = Maker(signs, theta).class_blocks(None)
    windows = sum(block.windows for block in blocks)
    assert windows <= 17 * 17 + 2 * 17 + 2  # each class once, those next to the threshold twice
    given_signs = np.array(signs, dtype=np.int8)
    before: dict[tuple[int, int], list[int]] = {}
    for block in blocks:
        excitatory, inhibitory = class_counts(block.pulses, given_signs)
        if int(excitatory[1] - inhibitory[1]) in (theta, theta - 1):
            pair = int(excitatory[1]), int(inhibitory[1])
            before.setdefault(pair, []).append(int(block.pulses[0].sum()))
    assert len(before) == 15 + 16
    for after in before.values():
        assert min(after) < 12
        assert max(after) > 20


def test_the_same_windows_each_time():
    one, other = (Maker([1, -1, 1], 1, seed=3) for _ in range(2))
    for mine, theirs in zip(one.own_blocks(), other.own_blocks(), strict=True):
        assert (mine.pulses == theirs.pulses).all()
        assert (mine.late == theirs.late).all()
    assert len(Maker([1, -1, 1], 1).own_blocks()) == OWN_BLOCKS


@pytest.mark.parametrize(("sizes", "most"), [([4, 4, 2, 2, 2], 4), ([4] * 9, 16), ([2, 4], 64)])
def test_decks_are_of_one_length_and_hold_whole_blocks(sizes, most):
    blocks = [
        Block(np.full((size, 1), True), np.full((size, 1), k % 2 == 0))
        for k, size in enumerate(sizes)
    ]
    decks = packed(blocks, most)
    assert len({deck.windows for deck in decks}) == 1
    assert sum(deck.windows for deck in decks) >= sum(sizes)
    assert decks[0].windows <= most + 1
    assert (decks[0].late[: sizes[0]] == blocks[0].late).all()


def test_further_windows_are_next_to_the_threshold():
    maker = Maker([1, 1, -1, 1, -1], 2)
    for block in maker.more_blocks(3):
        n = lone_neuron([1, 1, -1, 1, -1], 2, block.pulses).count
        assert (n[1], n[3]) == (2, 1)
