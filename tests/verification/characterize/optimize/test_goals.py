"""What is raised: merits, and the changes that linear programmes find."""

from __future__ import annotations

import numpy as np
import pytest

from verification.characterize.optimize.goals import (
    SHORTFALL_PS,
    Delay,
    LeastMargin,
    Linear,
    Slopes,
    Yield,
    drawn_rays,
    margin_rays,
)
from verification.characterize.optimize.reach import Measured
from verification.characterize.subject.parameters import Parameter

RAYS = margin_rays([Parameter("bias", ("I1|XC", "I2|XC"), 1e-4, True)])
NONE = Slopes(np.zeros((0, 1)), np.zeros((0, 1)))
SMALL, LARGE = np.array([-0.2]), np.array([0.2])


def measured(*reaches, works=True, delays_ps=()):
    return Measured(works, np.array(reaches), np.array(delays_ps) * 1e-12)


def linear(*reaches, slopes, delays_ps=(), delay_slopes=NONE):
    alike = np.array(slopes)
    active = list(range(len(reaches)))
    delays = np.array(delays_ps) * 1e-12
    return Linear(active, np.array(reaches), Slopes(alike, alike), delays, delay_slopes)


def test_both_sides_of_a_parameter_are_rays():
    assert [(r.name, r.most) for r in RAYS] == [("bias-", 0.9), ("bias+", 1.0)]
    assert RAYS[0].slopes == {"I1|XC": -1.0, "I2|XC": -1.0}


def test_a_margin_is_centred():
    goal = LeastMargin(RAYS)
    assert goal.merit(measured(0.5, 0.2)) == 0.2
    assert goal.merit(measured(0.5, 0.2, works=False)) == -np.inf
    change = goal.change(linear(0.5, 0.2, slopes=[[2.0], [-1.0]]), SMALL, LARGE)
    # 0.5 + 2 d = 0.2 - d at d = -0.1.
    assert change == pytest.approx([-0.1])
    assert goal.levels(measured(0.5, 0.2)).tolist() == [0.2, 0.2]


def test_a_change_that_adds_nothing_is_not_made():
    goal = LeastMargin(RAYS)
    change = goal.change(
        linear(0.5, 0.2, slopes=[[1.0, 0.0], [-1.0, 1e-5]]), -np.ones(2), np.ones(2)
    )
    assert change[1] == 0.0


def test_the_bounds_of_a_change_hold():
    change = LeastMargin(RAYS).change(linear(0.5, 0.2, slopes=[[0.0], [-1.0]]), SMALL, LARGE)
    assert change == pytest.approx([-0.2])


def test_a_figure_that_is_the_least_of_two_has_two_slopes():
    # min(d, -d): up -1, down +1; no change is best.
    kink = Slopes.of(np.array([[-1.0]]), np.array([[1.0]]))
    near = Linear([0], np.array([0.3]), kink, np.zeros(0), NONE)
    assert LeastMargin(RAYS).change(near, SMALL, LARGE) == pytest.approx([0.0])
    assert kink.change(np.array([0.1])) == pytest.approx([-0.1])
    assert kink.change(np.array([-0.1])) == pytest.approx([-0.1])
    # The greatest of two is no such figure: its mean slope is taken.
    mean = Slopes.of(np.array([[3.0]]), np.array([[1.0]]))
    assert (mean.up, mean.down) == (2.0, 2.0)


def test_a_yield_is_of_drawn_samples():
    rays = drawn_rays([{"L1|XC": 1.1, "R1|XC": 0.95}, {"L1|XC": 0.98}, {}])
    assert [round(r.need, 9) for r in rays] == [0.1, 0.02]
    assert rays[0].slopes == pytest.approx({"L1|XC": 1.0, "R1|XC": -0.5})
    goal = Yield(rays)
    found = measured(0.2, 0.01)
    assert goal.rate(found) == 0.5
    assert goal.merit(found) == pytest.approx(0.5 - 0.25)  # half of a need is lacking, of one of 2
    change = goal.change(linear(0.2, 0.01, slopes=[[-0.5], [0.1]]), SMALL, LARGE)
    assert change == pytest.approx([0.1])  # to 0.02, no farther


def test_a_delay_is_lessened_as_far_as_the_margin_allows():
    goal = Delay(RAYS, least_margin=0.2)
    assert goal.merit(measured(0.5, 0.25, delays_ps=[3.0, 4.0])) == pytest.approx(-4.0)
    lacking = goal.merit(measured(0.5, 0.19, delays_ps=[3.0]))
    assert lacking == pytest.approx(-3.0 - 0.01 * SHORTFALL_PS)
    faster = Slopes(np.array([[10.0]]), np.array([[10.0]]))  # 10 ps less at e times the value
    near = linear(0.5, 0.25, slopes=[[0.0], [-1.0]], delays_ps=[4.0], delay_slopes=faster)
    assert goal.change(near, SMALL, LARGE) == pytest.approx([0.05])
