"""Results of a scope, laid out by layer and window."""

from __future__ import annotations

import numpy as np
import pytest
from scope_results import NONE, PLACES, SPIKES, all_right, neuron, result, scope

from verification.verdict.energy import ENERGY_TOLERANCE
from verification.verdict.measured import scope_difference, timing_figures


def test_a_scope_that_agrees():
    found = scope(*reversed(all_right()))
    assert [r.place for r in found.results] == PLACES
    assert found.agreed
    assert (found.checked, found.mismatches, found.lines_wrong, found.failures) == (20, 0, 0, ())
    assert (found.from_ledger, found.wall_s) == (1, 1.5)
    assert found.energy_error == found.worst_error == 0.0
    assert found.pulse_count == sum(int(layer.sum()) for layer in SPIKES.layers[1:])
    for layer, pulses in enumerate(found.pulses):
        np.testing.assert_array_equal(pulses, SPIKES.layers[layer + 1])
    np.testing.assert_array_equal(found.votes(1), SPIKES.layers[-1])
    np.testing.assert_array_equal(found.votes(2), SPIKES.layers[-1].reshape(2, 2, 2).sum(axis=1))
    frame = found.frame()
    assert len(frame) == 20
    assert frame.agreed.all()
    row = frame[(frame.layer == 1) & (frame.neuron == 1) & (frame.window == 2)].iloc[0]
    assert row.expected == row.measured == int(SPIKES.layers[2][2, 1])
    assert np.isnan(row.delay_ps) == (row.measured == 0)
    fired = frame[(frame.layer == 0) & (frame.neuron == 2) & (frame.measured == 1)]
    assert len(fired) > 0
    assert fired.delay_ps.to_numpy() == pytest.approx(30.0)


def test_parts_of_a_neurons_windows_are_put_where_they_belong():
    parts = [
        result((0, 1), [neuron(0, 1, first=first, windows=2, wrong=wrong)], first=first)
        for first, wrong in ((2, (1,)), (0, ()))
    ]
    found = scope(*parts)
    assert [r.first for r in found.results] == [0, 2]
    np.testing.assert_array_equal(np.argwhere(found.wrong[0]), [[3, 1]])
    np.testing.assert_array_equal(found.pulses[0][:3, 1], SPIKES.layers[1][:3, 1])
    assert found.pulses[0][3, 1] == 1 - SPIKES.layers[1][3, 1]
    assert (found.pulses[0][:, [0, 2]] == -1).all()
    assert (found.checked, found.mismatches, found.votes(1)) == (4, 1, None)


def test_a_run_that_failed_has_no_energy_and_no_share_in_the_worst_error():
    right = all_right()[:2]
    failed = result((0, 2), failure="it crashed")
    found = scope(result((1, 0), [neuron(1, 0)], energy=0.9), failed, *right)
    assert found.worst_error == pytest.approx(-0.1)
    assert found.energy_error == pytest.approx(-0.1 / 3)
    assert found.failures == ("it crashed",)
    assert not found.agreed
    nothing = scope(failed)
    assert (nothing.worst_error, nothing.energy_error, nothing.agreed) == (0.0, None, False)


def test_the_energy_of_the_whole_may_be_off_by_the_tolerance():
    for factor in (1 + 0.99 * ENERGY_TOLERANCE, 1 + 1.01 * ENERGY_TOLERANCE):
        results = [result(place, [neuron(*place)], energy=factor) for place in PLACES]
        assert scope(*results).agreed == (factor < 1 + ENERGY_TOLERANCE)


def test_what_a_scope_says_of_time():
    late = neuron(0, 0, apart_s=np.array([1e-13, np.nan, -3e-13, np.nan]))
    found = scope(result((0, 0), [late]))
    np.testing.assert_allclose(found.apart_s, [1e-13, -3e-13])
    assert found.verdict(None, None).within_ps is None
    assert found.verdict(None, 5e-12).within_ps == pytest.approx(5.0)
    both = found.verdict(1e-12, 5e-12)
    assert both.within_ps == pytest.approx(1.0)
    assert both.timing == timing_figures(found.apart_s, 1e-12)
    assert (both.timing.pulses, both.timing.worst_ps) == (2, pytest.approx(0.3))
    assert (both.timing.mean_ps, both.timing.sigma_ps) == pytest.approx((-0.1, 0.2))
    assert (both.timing.bins_ps[0], both.timing.bins_ps[-1]) == (-1.0, 1.0)
    beyond = timing_figures(np.array([-9e-12, 2e-12, 3e-12]), 1e-12)
    assert (beyond.counts[0], beyond.counts[-1], sum(beyond.counts)) == (1, 2, 3)
    assert timing_figures(NONE, 1e-12).worst_ps == 0.0


def test_scopes_that_saw_other_pulses():
    right = scope(*all_right())
    other = [result(p, [neuron(*p, wrong=(2,) if p == (1, 1) else ())]) for p in PLACES]
    mine = int(SPIKES.layers[2][2, 1])
    assert scope_difference([right, scope(*other, name="network")]) == (
        f"window 2: layer 1, neuron 1: {mine} pulses in the scope neurons, {1 - mine} in the "
        "scope network"
    )
    assert scope_difference([right, right]) is None
    assert scope_difference([right, scope(other[0])]) is None  # what was not measured is no pulse
