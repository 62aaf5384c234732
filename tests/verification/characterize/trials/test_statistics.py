"""Wilson intervals against published ones; the grey zone's curve against drawn counts."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import ndtr

from verification.characterize.trials.statistics import fit_grey_zone, wilson


def test_known_intervals():
    assert wilson(90, 128) == pytest.approx((0.619, 0.775), abs=0.0005)
    assert wilson(0, 10) == pytest.approx((0.0, 0.2775), abs=0.0001)
    assert wilson(10, 10) == pytest.approx((0.7225, 1.0), abs=0.0001)
    assert wilson(0, 0) == (0.0, 1.0)


@given(st.integers(0, 500), st.integers(1, 500))
def test_interval_holds_the_rate_and_mirrors(hits, total):
    hits = min(hits, total)
    low, high = wilson(hits, total)
    assert 0 <= low <= hits / total <= high <= 1
    assert wilson(total - hits, total) == pytest.approx((1 - high, 1 - low))


@pytest.mark.parametrize("slope", [-250.0, 120.0])
def test_curve_is_recovered_with_its_uncertainty(slope):
    rng = np.random.default_rng(3)
    x = np.linspace(0.98, 1.02, 9)
    true = slope * (x - 1.003)
    errors = rng.binomial(400, ndtr(true))
    curve = fit_grey_zone(x, errors, [400] * x.size)
    assert curve is not None
    assert curve.centre == pytest.approx(1.003, abs=0.0005)
    assert curve.width == pytest.approx(2.563 / abs(slope), rel=0.15)
    far = 1.003 - 4.0 / slope
    rate, low, high = curve.log10_rate(far)
    assert low < math.log10(ndtr(-4.0)) < high
    assert low < rate < high


@pytest.mark.parametrize("errors", [[0, 0, 0], [0, 0, 50], [0, 50, 50]])
def test_counts_that_determine_nothing_give_no_curve(errors):
    assert fit_grey_zone([1.0, 2.0, 3.0], errors, [50] * 3) is None
