"""Searches on made-up cells whose best values are known."""

from __future__ import annotations

import re

import numpy as np
import pytest

from netlist_gen.errors import ConfigurationError
from verification.characterize.optimize.goals import Delay, LeastMargin
from verification.characterize.optimize.search import Search


def box(values):
    """Best at 2 / (1 / low + 1 / high) of each value: the margin of A is then the least one."""
    return 0.6 <= values["A"] <= 1.9 and 0.3 <= values["B"] <= 3.0


BEST_A, BEST_MARGIN = 1.25, 0.52


def coupled(values):
    """A's upper edge goes with B, whose own edges are near: the least margin is a compromise."""
    return 0.6 <= values["A"] <= 1.9 * values["B"] and 0.7 <= values["B"] <= 1.3


def test_the_best_values_are_found_and_what_adds_nothing_stays(toy):
    prober = toy(box)
    found = Search(prober, LeastMargin(prober.rays)).run()
    assert found.fault == ""
    assert found.measured.reaches.min() == pytest.approx(BEST_MARGIN, abs=0.006)
    assert found.candidate[0] == pytest.approx(BEST_A, abs=0.02)
    assert found.candidate[2] == 1.0


def test_values_lie_on_the_steps(toy):
    prober = toy(box, step=0.2)
    found = Search(prober, LeastMargin(prober.rays)).run()
    assert found.candidate[0] in (1.2, 1.4)
    assert found.candidate / 0.2 == pytest.approx(np.round(found.candidate / 0.2))


def test_steps_that_are_too_coarse_leave_the_cell_as_it_is(toy):
    prober = toy(lambda v: 0.8 <= v["A"] <= 1.2, step=0.7)
    found = Search(prober, LeastMargin(prober.rays)).run()
    assert (found.candidate == 1.0).all()
    assert found.measured is found.nominal


def test_a_compromise_of_two_values(toy):
    prober = toy(coupled)
    found = Search(prober, LeastMargin(prober.rays)).run()
    grid = np.linspace(0.5, 2.0, 301)
    a, b = np.meshgrid(grid, grid)
    margins = [1 - 0.6 / a, 1.9 * b / a - 1, 1 - a / 1.9 / b, 1 - 0.7 / b, 1.3 / b - 1]
    best = float(np.min(margins, axis=0).max())
    assert found.measured.reaches.min() == pytest.approx(best, abs=0.01)


def test_a_cell_that_fails_is_begun_where_it_works(toy):
    prober = toy(lambda v: 1.3 <= v["A"] <= 2.6 and box({**v, "A": 1.0}))
    found = Search(prober, LeastMargin(prober.rays)).run()
    assert (found.fault, found.nominal.works) == ("it fails", False)
    assert found.measured.reaches.min() == pytest.approx(1 / 3, abs=0.006)


def test_a_cell_that_works_nowhere_is_refused(toy):
    prober = toy(lambda _: False)
    sentence = (
        "cell toy fails as designed (it fails), and so do 1864 cells of other values between the "
        "bounds"
    )
    with pytest.raises(ConfigurationError, match=f"^{re.escape(sentence)}$"):
        Search(prober, LeastMargin(prober.rays)).run()


def test_the_same_seed_gives_the_same_search(toy):
    runs = []
    for seed in (1, 1, 2):
        prober = toy(coupled)
        runs.append(Search(prober, LeastMargin(prober.rays), seed=seed).run(starts=2))
    assert runs[0].history == runs[1].history
    assert (runs[0].candidate == runs[1].candidate).all()
    assert runs[0].history != runs[2].history
    assert {s.start for s in runs[0].history} == {0, 1, 2}
    for start in (0, 1):
        merits = [s.merit for s in runs[0].history if s.start == start]
        assert merits == sorted(merits)


def test_rounds_end_a_search(toy):
    prober = toy(box)
    found = Search(prober, LeastMargin(prober.rays), rounds=1).run()
    assert [(s.start, s.round) for s in found.history] == [(0, 0), (0, 1), (1, 0)]


def test_a_delay_is_lessened_until_the_margin_is_used_up(toy):
    prober = toy(box)  # the delay goes with A
    found = Search(prober, Delay(prober.rays, least_margin=0.3)).run()
    # 1 - 0.6 / A = 0.3
    assert found.candidate[0] == pytest.approx(0.6 / 0.7, abs=0.02)
    assert found.measured.reaches.min() >= 0.3 - 0.002
