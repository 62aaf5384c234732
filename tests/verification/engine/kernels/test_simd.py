from __future__ import annotations

import numpy as np
import pytest
from numba import njit

from verification.engine.kernels.junctions import sine
from verification.engine.kernels.simd import load, store
from verification.engine.lanes.layout import WIDTH
from verification.engine.lanes.pointers import Pointer, doubles


@njit
def sines(x, out, count, w):
    """``sine`` of an array; ``count`` is a multiple of ``len(w)``."""
    for i in range(count // len(w)):
        store(out, i * len(w), sine(load(x, i * len(w), w)))


@pytest.mark.parametrize("width", [1, WIDTH])
def test_sine_is_exact_to_rounding(width):
    rng = np.random.default_rng(0)
    x = np.concatenate(
        [
            rng.uniform(-10, 10, 4000),
            rng.uniform(-1e4, 1e4, 4000),
            np.arange(-400, 400) * np.pi / 2,
            np.zeros(8),
        ]
    )
    out = np.zeros(x.size)
    sines(doubles(x), Pointer(out), x.size, (0,) * width)
    # Beyond the rounding of the argument itself, which sin() of the same double shares.
    np.testing.assert_allclose(out, np.sin(x), rtol=0, atol=4e-16 + 2.3e-16 * np.abs(x).max() / 1e3)
    near = np.abs(x) < 10
    np.testing.assert_allclose(out[near], np.sin(x[near]), rtol=0, atol=4e-16)


def test_both_widths_give_the_same_bits():
    x = np.linspace(-30, 30, 800)
    one, eight = np.zeros(800), np.zeros(800)
    sines(doubles(x), Pointer(one), 800, (0,))
    sines(doubles(x), Pointer(eight), 800, (0,) * WIDTH)
    np.testing.assert_array_equal(one, eight)
