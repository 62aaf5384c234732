"""The value object that every simulator returns."""

from __future__ import annotations

import re

import numpy as np
import pytest

from netlist_gen.errors import WaveformError
from verification.waves.waveforms import Waveforms

TIME = np.array([0.0, 1e-12, 2e-12])


def test_signals_by_name_in_any_case():
    waves = Waveforms(TIME, ("P(B1|X1)", "V(A)"), np.arange(6.0).reshape(2, 3))
    assert waves.signal("p(b1|x1)").tolist() == [0.0, 1.0, 2.0]
    assert waves.signal("V(A)").tolist() == [3.0, 4.0, 5.0]


def test_a_signal_that_is_not_there_is_named_with_some_that_are():
    names = tuple(f"P(B{i})" for i in range(8))
    waves = Waveforms(TIME, names, np.zeros((8, 3)))
    message = (
        "the waveforms have no signal 'P(B9)'; they have P(B0), P(B1), P(B2), P(B3), P(B4), "
        "P(B5), ..."
    )
    with pytest.raises(WaveformError, match=f"^{re.escape(message)}$"):
        waves.signal("P(B9)")


@pytest.mark.parametrize(
    ("time", "values", "message"),
    [
        (
            TIME,
            np.zeros((2, 3)),
            "waveforms hold 2 rows of 3 samples, but 1 names and 3 times were given",
        ),
        (
            TIME,
            np.zeros((1, 4)),
            "waveforms hold 1 rows of 4 samples, but 1 names and 3 times were given",
        ),
        (
            np.array([0.0, 1e-12, 1e-12]),
            np.zeros((1, 3)),
            "time axis does not increase at sample 2 (1e-12 s, then 1e-12 s)",
        ),
        (
            np.array([0.0, np.nan, 1e-12]),
            np.zeros((1, 3)),
            "time axis does not increase at sample 1 (0 s, then nan s)",
        ),
    ],
)
def test_waveforms_that_are_none(time, values, message):
    with pytest.raises(WaveformError, match=f"^{re.escape(message)}$"):
        Waveforms(time, ("P(B1)",), values)
