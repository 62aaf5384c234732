"""Reaches of rays of a made-up cell whose edges are known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from verification.characterize.optimize.reach import ROUGH, TOLERANCE, WIDTHS

ONES = np.ones(3)


def between(**edges):
    return lambda values: all(low <= values[n] <= high for n, (low, high) in edges.items())


def rays_of(prober):
    return {ray.name: number for number, ray in enumerate(prober.rays)}


def test_all_rays_are_measured_from_the_candidate_outwards(toy):
    prober = toy(between(A=(0.8, 1.3), B=(0.9, 1.45)))
    (one, other) = prober.whole([ONES, np.array([1.25, 1.0, 1.0])])
    at = rays_of(prober)
    assert one.works
    for name, edge in (("A-", 0.2), ("A+", 0.3), ("B-", 0.1)):
        assert edge - TOLERANCE <= one.reaches[at[name]] <= edge + 1e-9
    # Far beyond the shortest the level before the end is enough, and C ends nowhere.
    assert one.reaches[at["B+"]] == pytest.approx(0.4)
    assert one.reaches[at["C+"]] >= 0.3
    assert other.reaches[at["A+"]] == pytest.approx(1.3 / 1.25 - 1, abs=TOLERANCE)


def test_a_candidate_that_fails_has_no_reaches(toy):
    prober = toy(between(A=(0.8, 1.3)))
    (found,) = prober.whole([np.array([2.0, 1.0, 1.0])])
    assert not found.works
    assert np.isinf(found.reaches).all()
    assert prober.faults([ONES, 2 * ONES]) == ["", "it fails"]


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(edge=st.floats(0.02, 0.6), error=st.floats(-0.11, 0.11))
def test_a_reach_is_found_about_a_guess(toy, edge, error):
    prober = toy(between(A=(0.0, 1.0 + edge)))
    (found,) = prober.near([ONES], [1], np.array([[edge + error]]))
    assert found.reaches[1] == pytest.approx(edge, abs=ROUGH)
    assert np.isinf(np.delete(found.reaches, 1)).all()


def test_a_reach_far_beyond_the_guess_is_at_least_so_long(toy):
    prober = toy(between(A=(0.0, 1.9)))
    (found,) = prober.near([ONES], [1], np.array([[0.2]]))
    assert found.reaches[1] == pytest.approx(0.2 + WIDTHS[-1])


def test_rays_that_nobody_watched_are_tried_at_a_level(toy):
    prober = toy(between(A=(0.8, 1.3), C=(0.95, 9.0)))
    known = prober.near([ONES], [0], np.array([[0.2]]))
    level = np.full(6, known[0].reaches[0])
    (found,) = prober.confirmed([ONES], known, [level])
    at = rays_of(prober)
    assert found.reaches[at["A-"]] == known[0].reaches[0]
    assert found.reaches[at["C-"]] == pytest.approx(0.05, abs=ROUGH)
    assert np.isinf(found.reaches[at["A+"]])
