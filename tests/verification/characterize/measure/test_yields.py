"""Yield: zero spread, the draws' own statistics, stopping, failures apart."""

from __future__ import annotations

import re

import numpy as np
import pytest

from netlist_gen.errors import ConfigurationError
from verification.characterize.measure import yields
from verification.characterize.measure.yields import Spreads, draw, monte_carlo
from verification.characterize.trials.trial import Failure

NONE = Spreads({}, {})


def test_zero_spread_is_yield_one_with_wilsons_interval(cut):
    found = monte_carlo(cut("jtl"), 40, NONE, seed=5)
    assert (found.passed, found.samples, found.failures) == (40, 40, 0)
    assert found.rate == 1.0
    # Wilson's lower end at all of n: n / (n + z^2).
    assert (found.low, found.high) == (pytest.approx(40 / (40 + 3.8415), abs=1e-4), 1.0)
    assert found.seed == 5


def test_it_stops_when_the_interval_is_narrow(cut):
    found = monte_carlo(cut("jtl"), 2000, NONE, half_width=0.01)
    assert found.samples == yields.BATCH
    assert found.stopped == "interval"


def test_draws_have_the_spreads_asked_for(cut):
    cell = cut("splitter")
    spreads = Spreads({"Ic": 0.06, "L": 0.04}, {"Ic": 0.03}, clip=6.0, correlation={"Ic,L": 0.8})
    samples = draw(cell, spreads, seed=2, batch=0, count=4000)
    b1, b2, l1, l2 = (
        np.array([s.get(label, 1.0) for s in samples])
        for label in ("B1|XC", "B2|XC", "L1|XC", "L2|XC")
    )
    assert np.std(b1) == pytest.approx(np.hypot(0.06, 0.03), rel=0.05)
    assert np.std(l1) == pytest.approx(0.04, rel=0.05)
    np.testing.assert_array_equal(l1, l2)  # L has no spread of its own
    assert np.corrcoef(b1, b2)[0, 1] == pytest.approx(0.06**2 / (0.06**2 + 0.03**2), abs=0.05)
    assert np.corrcoef(b1, l1)[0, 1] == pytest.approx(0.8 * 0.06 / np.hypot(0.06, 0.03), abs=0.05)
    assert not any("RB1|XC" in s for s in samples)
    assert not any("B1|XIA0" in s for s in samples)  # sources and loads stay


def test_capacitance_follows_area_and_scatters_on_its_own(cut):
    cell = cut("splitter").with_capacitors()
    spreads = Spreads({"Ic": 0.05, "C": 0.05}, {}, clip=6.0, correlation={"Ic,C": -1.0})
    sample = draw(cell, spreads, seed=2, batch=0, count=1)[0]
    # Against each other and of one size: what is left is the product (1 + g)(1 - g).
    shift = sample["B1|XC"] - 1.0
    assert shift != 0.0
    assert sample["CB1|XC"] == pytest.approx((1 + shift) * (1 - shift))


def test_the_same_seed_draws_the_same_whatever_the_number(cut):
    cell = cut("jtl")
    spreads = Spreads()
    assert draw(cell, spreads, 7, 1)[:3] == draw(cell, spreads, 7, 1)[:3]
    assert draw(cell, spreads, 7, 1)[0] != draw(cell, spreads, 8, 1)[0]
    assert draw(cell, spreads, 7, 1)[0] != draw(cell, spreads, 7, 0)[0]


def test_wide_spreads_fail_and_say_how(cut):
    found = monte_carlo(cut("splitter"), 128, Spreads({"Ic": 0.3}, {}), seed=1)
    assert 0 < found.passed < found.samples
    assert sum(found.reasons.values()) == found.samples - found.passed
    assert found.low < found.rate < found.high


def test_failures_of_the_simulator_are_counted_apart(cut, monkeypatch):
    cell = cut("jtl")
    real = type(cell).run

    def broken(self, points, **options):
        outcomes = real(self, points, **options)
        outcomes[3] = {case: Failure("no licence") for case in outcomes[3]}
        return outcomes

    monkeypatch.setattr(type(cell), "run", broken)
    found = monte_carlo(cell, 20, NONE)
    assert (found.passed, found.samples, found.failures) == (19, 19, 1)
    assert found.verdicts[3] == "simulator: no licence"
    assert found.rate == 1.0


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (
            ({"X": 0.1}, {}),
            "a spread of X = 0.1 is not allowed; kinds are Ic, L, R, C, and the standard deviation "
            "0 <= sigma < 1",
        ),
        (
            ({"L": 0.3}, {"L": 0.1}),
            "spreads of L reach 120% at 3 sigma; a value would not be positive",
        ),
        (
            ({}, {}, 0.0, 3.0, {"Ic,L": 1.0, "L,R": 1.0, "Ic,R": -1.0}),
            "the correlations of the spreads contradict each other: their matrix is not positive "
            "semidefinite",
        ),
    ],
)
def test_impossible_spreads_are_refused(arguments, sentence):
    with pytest.raises(ConfigurationError, match=f"^{re.escape(sentence)}$"):
        Spreads(*arguments)
