"""Values of source waves against their definitions (JoSIM syntax guide, "Sources")."""

from __future__ import annotations

import numpy as np
import pytest
from numba import njit
from scipy.interpolate import CubicSpline

from verification.engine.kernels.waves import source_value as compiled
from verification.engine.text.expressions import evaluate
from verification.engine.text.lines import Place
from verification.engine.text.sources import parse_source

STEP, STOP = 0.1, 100.0


@njit
def source_value(kind, data, begin, length, time):
    return compiled(kind, data, begin, length, time)


def values(text, times, directory=None):
    wave = parse_source(
        text.upper().split(), Place("d", 1), lambda item: evaluate(item, {}), directory
    )
    coded = np.concatenate([[9.0], wave.encoded(STEP, STOP)])  # begins anywhere in the table
    return np.array([source_value(wave.kind, coded, 1, coded.size - 1, t) for t in times])


T = np.arange(-5.0, 40.0, 0.37)


def test_constant():
    assert set(values("dc 3", T)) == {3.0}


def test_straight_lines():
    expected = np.interp(T, [0, 10, 12, 20], [1, 1, 5, 3])
    expected[T < 0] = 0.0
    np.testing.assert_allclose(values("pwl(0 1 10 1 12 5 20 3)", T), expected)


def test_half_cosines():
    expected = np.full(T.size, 1.0)
    inside = (T > 0) & (T < 10)
    expected[inside] = 1 + 4 * 0.5 * (1 - np.cos(np.pi * T[inside] / 10))
    expected[T >= 10] = 5.0
    np.testing.assert_allclose(values("pws(0 1 10 5)", T), expected)


def test_pulses():
    low, high, delay, rise, fall, width, period = 1, 3, 2, 1, 2, 4, 12
    phase = (T - delay) % period
    expected = np.interp(
        phase, [0, rise, rise + width, rise + width + fall], [low, high, high, low]
    )
    expected[delay > T] = low
    np.testing.assert_allclose(values("pulse(1 3 2 1 2 4 12)", T), expected)


def test_sines():
    expected = 1 + 2 * np.sin(2 * np.pi * 0.1 * (T - 3) + np.pi / 6) * np.exp(-0.05 * (T - 3))
    expected[T < 3] = 1
    np.testing.assert_allclose(values("sin(1 2 0.1 3 0.05 30)", T), expected)
    expected[T - 3 >= 20] = 1  # two cycles
    np.testing.assert_allclose(values("sin(1 2 0.1 3 0.05 30 2)", T), expected)


def test_exponentials():
    expected = np.where(T < 2, 1.0, 1 + 2 * (1 - np.exp(-(T - 2) / 3)))
    expected = expected + np.where(T < 10, 0, -2 * (1 - np.exp(-(T - 10) / 4)))
    np.testing.assert_allclose(values("exp(1 3 2 3 10 4)", T), expected)


DATA = [0.0, 1.0, 4.0, 2.0, 3.0]


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "w.txt").write_text(" ".join(map(str, DATA)))
    return tmp_path


def test_custom_steps(folder):
    inside = (T >= 0) & (T <= 10)
    found = values("cus(w.txt 2 1 0)", T, folder)
    index = np.minimum((T[inside] / 2).astype(int), 4)
    np.testing.assert_allclose(found[inside], np.array(DATA)[index])
    assert not found[~inside].any()


def test_custom_lines(folder):
    found = values("cus(w.txt 2 3 1)", T, folder)
    inside = (T >= 0) & (T <= 10)
    knots = np.concatenate([[0.0], DATA])  # JoSIM's line comes from the value before
    np.testing.assert_allclose(found[inside], 3 * np.interp(T[inside] / 2, np.arange(6), knots))


def test_custom_spline(folder):
    found = values("cus(w.txt 2 1 2)", T, folder)
    inside = (T >= 0) & (T <= 8)
    spline = CubicSpline(2 * np.arange(5), DATA, bc_type="natural")
    np.testing.assert_allclose(found[inside], spline(T[inside]), atol=1e-12)


def test_custom_waves_repeat(folder):
    once = values("cus(w.txt 2 1 0 0 0)", np.arange(0.5, 10, 1), folder)
    again = values("cus(w.txt 2 1 0 0 1)", np.arange(20.5, 30, 1), folder)
    np.testing.assert_allclose(again, once)
