"""Walks over distinct windows: every step of the series once, each after the right window."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netlist_gen.circuit.sites import neuron_sites
from netlist_gen.deck.distinct import distinct_walk
from netlist_gen.deck.plan import Cut, count_decks, plan_decks
from netlist_gen.network import TernaryNetwork
from netlist_gen.spikes import NetworkSpikes


@st.composite
def series(draw):
    windows, synapses = draw(st.integers(1, 60)), draw(st.integers(1, 3))
    flat = draw(st.lists(st.booleans(), min_size=windows * synapses, max_size=windows * synapses))
    return np.array(flat, dtype=bool).reshape(windows, synapses)


@settings(max_examples=40)
@given(series(), st.integers(2, 20))
def test_every_window_is_stood_for_once_after_the_window_before_it(stimulus, most):
    walk = distinct_walk(stimulus, most)
    if walk is None:
        return
    stood = np.concatenate(walk.rows)
    assert sorted(stood.tolist()) == list(range(len(stimulus)))
    for step, rows in enumerate(walk.rows):
        for row in rows.tolist():
            assert (stimulus[walk.windows[step]] == stimulus[row]).all()
            if row:
                assert (stimulus[walk.windows[step - 1]] == stimulus[row - 1]).all()
            else:
                assert step == 0
    # Decks of one length, each from the last window of the one before on.
    firsts = [first for first, _ in walk.runs]
    assert firsts[0] == 0
    assert [beyond - 1 for _, beyond in walk.runs] == [*firsts[1:], len(walk.windows) - 1]
    assert len({beyond - first for first, beyond in walk.runs}) == 1
    assert all(beyond - first <= most for first, beyond in walk.runs)
    assert sum(beyond - first for first, beyond in walk.runs) < len(stimulus)


@settings(max_examples=40)
@given(series(), st.integers(2, 20))
def test_none_is_for_series_that_would_be_no_shorter(stimulus, most):
    patterns = [tuple(row) for row in stimulus.tolist()]
    steps = {*zip([None, *patterns], patterns, strict=False)}
    if distinct_walk(stimulus, most) is not None:
        assert len(steps) < len(stimulus)
    else:  # one window more in each deck but the first, and jumps, at the most two a step
        assert len(stimulus) <= 4 * len(steps) + most


def test_a_series_of_one_window_again_and_again():
    walk = distinct_walk(np.ones((9, 2), dtype=bool), 4)
    assert walk is not None
    assert walk.windows.tolist() == [0, 1] or walk.windows.size <= 4
    assert [rows.tolist() for rows in walk.rows[:2]] == [[0], list(range(1, 9))]


@pytest.mark.parametrize("distinct", [False, True])
def test_tasks_hold_the_windows_that_their_neuron_hears(distinct):
    network = TernaryNetwork.from_arrays([[[1, -1, 0], [1, 1, 1]]], [[1, 2]])
    x = np.random.default_rng(0).random((90, 3)) < 0.5
    spikes = NetworkSpikes.of(network, x)
    cut = Cut(neurons=8)
    tasks = list(plan_decks(spikes, "neurons", cut, distinct=distinct))
    decks = sum(len(task.runs) for task in tasks)
    assert decks == count_decks(spikes, "neurons", cut, distinct=distinct)
    simulated = sum(run.windows for task in tasks for run in task.runs)
    assert simulated < 2 * 90 if distinct else simulated == 2 * 90
    assert len({run.name for task in tasks for run in task.runs}) == decks
    for task, site in zip(tasks, neuron_sites(network), strict=True):
        stood = []
        for run in task.runs:
            shown = run.first + np.arange(run.windows) if run.stands is None else run.stands.shown
            assert (run.stimulus == x[shown][:, list(site.inputs)]).all()
            assert (run.spikes.arrivals == run.stimulus).all()
            assert (run.spikes.fires == spikes.layers[1][shown, site.neuron]).all()
            if run.stands is not None:
                stood += np.concatenate(run.stands.rows).tolist()
                assert run.stands.times.sum() == sum(map(len, run.stands.rows))
        assert not distinct or sorted(stood) == list(range(90))
