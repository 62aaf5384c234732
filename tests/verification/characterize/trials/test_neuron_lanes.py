"""Neurons as lanes: stimuli, labels of what differs, and verdicts that see what is wrong."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import NO_JOSIM

from netlist_gen.circuit.elements import CurrentSource, Junction, PulseSource, Role
from netlist_gen.spikes import lone_neuron
from verification.characterize.subject.parameters import element_value
from verification.characterize.trials.neuron_lanes import (
    NeuronLane,
    NeuronLanes,
    flat_elements,
    scaled_currents,
    single_site,
    windows_of_counts,
)
from verification.simulators.base import DeckJob
from verification.verdict.neuron import compare

SIGNS = (1, -1, 1)
STIMULUS = np.array([[1, 0, 0], [1, 0, 1], [1, 1, 1], [0, 0, 0]], dtype=bool)  # n: 1 2 1 0


@given(st.lists(st.sampled_from([-1, 1]), min_size=1, max_size=40), st.data())
def test_windows_have_the_count_asked_for(signs, data):
    low, high = -signs.count(-1), signs.count(1)
    counts = data.draw(st.lists(st.integers(low, high), min_size=1, max_size=8))
    windows = windows_of_counts(signs, counts, np.random.default_rng(0))
    assert (windows.astype(int) @ np.array(signs)).tolist() == counts


@pytest.fixture(scope="module")
def lanes():
    return NeuronLanes("sfq5ee", SIGNS, len(STIMULUS))


def test_lanes_of_other_thresholds_decide_as_the_integer_model(lanes):
    cases = [NeuronLane(theta, STIMULUS) for theta in (0, 1, 2, 3)]
    for case, verdict in zip(cases, lanes.run(cases), strict=True):
        assert verdict.first is None
        assert verdict.pulses.tolist() == [int(n >= case.theta) for n in (1, 2, 1, 0)]


def test_late_pulses_and_scaled_biases_are_simulated(lanes):
    late = np.full(STIMULUS.shape, 15e-12)
    slow, fast = lanes.run(
        [NeuronLane(2, STIMULUS, late, bias=0.85), NeuronLane(2, STIMULUS, late, bias=1.15)]
    )
    assert slow.first is None
    assert fast.first is None
    assert np.nanmin(slow.delays_s) > np.nanmax(fast.delays_s) + 2e-12, "low bias is slow"


def test_what_is_broken_is_seen(lanes):
    """No bias at all, a threshold current far off, one branch's set junction twice as large."""
    cases = [
        NeuronLane(2, STIMULUS, bias=0.2),
        NeuronLane(2, STIMULUS, control=-1.0),
        NeuronLane(2, STIMULUS, factors={"BA|XS0|XL0N0": 3.0}),
        NeuronLane(2, STIMULUS),
    ]
    assert [v.first is not None for v in lanes.run(cases)] == [True, True, True, False]


def test_labels_are_those_of_the_compiled_deck(lanes):
    elements = lanes.elements
    assert isinstance(elements["BA|XS0|XL0N0"], Junction)
    assert isinstance(elements["VC"], PulseSource)
    assert element_value(elements["BB1|XD|XL0N0"]) == elements["BB1|XD|XL0N0"].area
    with pytest.raises(TypeError, match=r"^the source VC has no value$"):
        element_value(elements["VC"])
    bench = lanes.bench(NeuronLane(1, STIMULUS, bias=2.0, control=0.5))
    for label, element in flat_elements(bench.circuit).items():
        if isinstance(element, CurrentSource):
            factor = 2.0 if element.role is Role.BIAS else 0.5
            expected = elements[label].value * factor
            assert element.value == pytest.approx(expected, rel=1e-12, abs=0)
    same = scaled_currents(bench.circuit, 1.0, 1.0)
    assert same is bench.circuit


def test_a_site_stands_alone():
    site = single_site([1] * 11, 3)
    assert site.labels[0] == "00"
    assert site.labels[-1] == "10"
    assert site.inputs == tuple(range(11))


@pytest.mark.josim
@NO_JOSIM
def test_a_lane_is_a_deck_that_josim_judges_alike(josim, lanes):
    case = NeuronLane(2, STIMULUS, np.full(STIMULUS.shape, 5e-12), bias=1.1)
    waves = josim.run(DeckJob("neuron", lanes.deck(case).text), timeout_s=120.0).require()
    view = lanes.bench(case).view
    (here,) = lanes.run([case])
    there = compare(view, lone_neuron(SIGNS, case.theta, STIMULUS), waves)
    assert there.pulses.tolist() == here.pulses.tolist()
    assert there.delays_s == pytest.approx(here.delays_s, abs=0.02e-12, nan_ok=True)


def test_crosstalk_moves_the_edge_a_little_and_changes_no_verdict():
    signs, stimulus = (1, -1, 1, 1), np.array([[1, 0, 0, 1], [1, 1, 0, 0]], dtype=bool)  # n: 2 0
    for theta in (1, 2):
        plain, coupled = (
            NeuronLanes("sfq5ee", signs, 2, crosstalk=crosstalk) for crosstalk in (False, True)
        )
        assert plain.junctions == coupled.junctions
        assert "LST_XS0|XL0N0" in coupled.elements
        assert "LST|XS0|XL0N0" in plain.elements
        one, two = (lanes.run([NeuronLane(theta, stimulus)])[0] for lanes in (plain, coupled))
        assert (one.mismatches, two.mismatches) == (0, 0)
        later = (two.delays_s - one.delays_s)[one.pulses > 0]
        assert ((abs(later) > 1e-15) & (abs(later) < 5e-12)).all()


@pytest.mark.parametrize(
    ("signs", "thetas"),
    [
        ((1, -1, 1, 1, -1, 1, 1, 1), range(-2, 8)),
        ((1,) * 8, range(1, 9)),
        ((1, 1, 1, -1) * 4, (-3, 1, 6, 12)),
        ((1,) * 16, (1, 8, 16)),
        ((1, -1) * 16, (1, 8)),  # without a threshold for crosstalk it is off by half a synapse
    ],
)
def test_neurons_with_crosstalk_decide_next_to_their_thresholds(signs, thetas):
    """Pulses within 20 ps, half of the counts next to the threshold, the others anywhere."""
    windows, rng = 16, np.random.default_rng(len(signs))
    low, high = -signs.count(-1), signs.count(1)
    cases = []
    for theta in thetas:
        near = np.clip(rng.integers(theta - 1, theta + 1, windows // 2), low, high)
        counts = np.concatenate([near, rng.integers(low, high + 1, windows - near.size)])
        stimulus = windows_of_counts(signs, rng.permutation(counts).tolist(), rng)
        cases.append(NeuronLane(theta, stimulus, rng.uniform(0.0, 20e-12, stimulus.shape)))
    found = NeuronLanes("sfq5ee", signs, windows, crosstalk=True).run(cases)
    assert [verdict.first for verdict in found] == [None] * len(cases)
