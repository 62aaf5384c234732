"""Classes of windows and what decides them, held against the integer model itself."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netlist_gen.spikes import lone_neuron
from verification.certificate.classes import (
    ALL_CLASSES,
    NEAR,
    Asked,
    Kind,
    class_counts,
    decisive,
    transitions,
)


@st.composite
def neurons(draw, most=6):
    signs = draw(st.lists(st.sampled_from([-1, 1]), min_size=1, max_size=most))
    return signs, draw(st.integers(-len(signs) - 1, len(signs) + 2))


def every_window(synapses):
    return np.array(np.unravel_index(np.arange(2**synapses), (2,) * synapses), dtype=bool).T


@settings(max_examples=40)
@given(neurons())
def test_a_pulse_decides_where_its_window_would_end_otherwise_without_it(neuron):
    signs, theta = neuron
    arrivals = every_window(len(signs))
    found = decisive(arrivals, np.array(signs, dtype=np.int8), theta)
    fires = lone_neuron(signs, theta, arrivals).fires
    for synapse in range(len(signs)):
        without = arrivals.copy()
        without[:, synapse] = False
        changed = lone_neuron(signs, theta, without).fires != fires
        assert (found[:, synapse] == changed).all()
    # That a synapse can decide is what Kind.decides says, of every synapse.
    assert (found.any(axis=0) == Kind.of(signs, theta).decides).all()


@settings(max_examples=40)
@given(neurons())
def test_classes_are_what_all_windows_have(neuron):
    signs, theta = neuron
    kind = Kind.of(signs, theta)
    spikes = lone_neuron(signs, theta, every_window(len(signs)))
    excitatory, inhibitory = class_counts(spikes.arrivals, spikes.signs)
    seen = np.zeros(kind.shape, dtype=bool)
    seen[excitatory, inhibitory] = True
    assert seen.all()
    assert (kind.sums()[excitatory, inhibitory] == spikes.count).all()
    fires = bool((spikes.fires & spikes.arrivals.any(axis=1)).any())
    assert kind.fires_with_pulses() == fires


def test_classes_near_the_threshold_and_the_corners():
    kind = Kind(3, 2, 1)
    # n: rows are excitatory pulses 0 to 3, columns inhibitory ones 0 to 2.
    assert kind.classes(1).astype(int).tolist() == [
        [1, 0, 1],  # 0 and two corners
        [1, 1, 0],
        [0, 1, 1],
        [1, 0, 1],
    ]
    assert kind.classes(None).all()
    assert kind.classes(99).all()


def test_what_is_asked_for():
    small, large = Kind(16, ALL_CLASSES - 16, 2), Kind(16, ALL_CLASSES - 15, 2)
    usual = Asked.by(None)
    assert (usual.of(small), usual.of(large)) == (None, NEAR)
    assert Asked.by(2).of(small) == 2
    assert Asked.every().of(Kind(200, 56, 3)) is None
    near = "pairs of counts within 4 of the threshold, and the corners of the range"
    assert usual.words([small]) == "all pairs of counts"
    assert usual.words([large]) == near
    assert usual.words([small, large]) == (
        f"all pairs of counts; of neurons of more than 32 synapses {near}"
    )
    assert [usual.some(kinds) for kinds in ([small], [small, large])] == [False, True]


def test_lines_full_and_empty_after_full_and_empty():
    arrivals = np.array([[0, 1], [1, 1], [1, 0], [0, 0], [0, 1]], dtype=bool)
    found = [t.any(axis=0).tolist() for t in transitions(arrivals)]
    assert found == [[True, True], [True, True], [True, True], [True, True]]
    found = [t.astype(int).tolist() for t in transitions(arrivals[:2])]
    assert found == [[[0, 0]], [[1, 0]], [[0, 0]], [[0, 1]]]
    assert all(t.shape == (0, 2) for t in transitions(arrivals[:1]))


@pytest.mark.parametrize(
    ("signs", "theta", "decides"),
    [([1], 1, True), ([1], 2, False), ([1], 0, False), ([-1], 0, True), ([-1], 1, False)],
)
def test_a_threshold_that_no_count_reaches_is_decided_by_none(signs, theta, decides):
    assert Kind.of(signs, theta).decides == decides
