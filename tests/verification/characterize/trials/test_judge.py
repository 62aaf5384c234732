"""Verdicts on made-up responses: late, missing, extra and backward pulses, flux left behind."""

from __future__ import annotations

import numpy as np
import pytest

from verification.characterize.trials.trial import Failure, Response


def changed(cell, **pulses) -> Response:
    """The nominal response with other pulses at some labels: label -> [(time in ps, sign)]."""
    base = cell.nominal[""]
    times, signs = dict(base.times_s), dict(base.signs)
    for label, events in pulses.items():
        key = label.replace("__", "|")
        times[key] = np.array([t for t, _ in events]) * 1e-12
        signs[key] = np.array([s for _, s in events], dtype=np.int8)
    return Response(times, signs)


@pytest.fixture
def jtl(cut):
    return cut("jtl")


@pytest.mark.parametrize(
    ("pulses", "reason"),
    [
        ([(46, 1), (96, 1)], ""),
        ([(46, 1)], "step 'a -> q' at 50 ps: q gave 0 pulses, expected 1"),
        ([(46, 1), (60, 1), (96, 1)], "step 'a -> q' at 0 ps: q gave 2 pulses, expected 1"),
        ([(92, 1), (96, 1)], "step 'a -> q' at 0 ps: q gave 0 pulses, expected 1"),
        ([(46, 1), (60, -1), (96, 1)], "q gave a backward pulse at 60 ps"),
        ([(38, 1), (46, 1), (96, 1)], "q gave a pulse before the first input"),
    ],
)
def test_windows(jtl, pulses, reason):
    assert jtl.fault_of(jtl.cases[0], changed(jtl, BP_Q=pulses)) == reason


def test_flux_left_behind_is_seen(jtl):
    response = changed(jtl, B1__XC=[(45, 1), (95, 1), (97, 1)])
    assert jtl.fault_of(jtl.cases[0], response) == (
        "flux left behind: B1|XC advanced 3 times, the nominal cell's 2 times"
    )


def test_a_failure_does_not_pass_and_says_why(jtl):
    assert jtl.fault_of(jtl.cases[0], Failure("it broke")) == "it broke"


def test_dense_windows_reach_half_way_to_the_neighbours(jtl):
    case = jtl.cases[0].moved([0.0, 6e-12])
    late = jtl.latency_s["q"] * 1e12
    good = changed(jtl, BP_Q=[(40 + late + 1, 1), (46 + late + 1, 1)])
    assert jtl.fault_of(case, good, dense=True) == ""
    swapped = changed(jtl, BP_Q=[(40 + late + 3.5, 1), (46 + late, 1)])
    assert jtl.fault_of(case, swapped, dense=True)


@pytest.mark.parametrize(
    ("times_ps", "reason"),
    [
        ([110, 130, 150, 350, 370, 390], ""),
        ([350, 370, 390], "step 'a -> B5 B8~' at 0 ps: B8 gave 0 pulses in the second half of its "
         "window, expected the voltage state"),
        ([110, 130, 150, 250, 350, 370], "step 'a -> B4' at 120 ps: B8 gave 1 pulses in the second "
         "half of its window, expected rest"),
        ([20, 110, 130, 350, 370], "B8 gave a pulse before the first input"),
    ],
)  # fmt: skip
def test_an_output_that_runs(cut, times_ps, reason):
    cell = cut("sfq_dc")
    response = changed(cell, B8__XC=[(t, 1) for t in times_ps])
    assert cell.fault_of(cell.cases[0], response) == reason
