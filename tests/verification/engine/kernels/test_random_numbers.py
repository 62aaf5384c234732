from __future__ import annotations

import numpy as np
from numba import njit
from scipy import stats

from verification.engine.kernels.random_numbers import gaussian


@njit
def draw(seed, stream, first, count):
    out = np.empty(count)
    for k in range(count):
        out[k] = gaussian(seed, stream, first + k)
    return out


def test_numbers_are_standard_normal():
    numbers = draw(7, 3, 0, 100_000)
    assert stats.kstest(numbers, "norm").pvalue > 1e-3
    assert abs(stats.kurtosis(numbers)) < 0.06


def test_a_number_depends_on_seed_stream_and_place_alone():
    assert np.array_equal(draw(7, 3, 0, 100)[40:], draw(7, 3, 40, 60))
    assert not np.array_equal(draw(7, 3, 0, 100), draw(8, 3, 0, 100))
    assert not np.array_equal(draw(7, 3, 0, 100), draw(7, 4, 0, 100))


def test_streams_and_neighbours_are_independent():
    a, b = draw(1, 0, 0, 50_000), draw(1, 1, 0, 50_000)
    c = draw(2, 0, 0, 50_000)
    for x, y in ((a, b), (a, c), (a[1:], a[:-1])):
        assert abs(np.corrcoef(x, y)[0, 1]) < 5 / np.sqrt(x.size)
