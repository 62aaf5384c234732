"""Two simulators' results held against each other: what disagrees, and what of it is named."""

from __future__ import annotations

import dataclasses
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from verification.verdict.simulators import (
    SAME_DIALECT_TIME_TOLERANCE_S,
    SIMULATORS_ENERGY_TOLERANCE,
    TIME_TOLERANCE_S,
    Observed,
    compare_all,
    compare_two,
)

PS = 1e-12


def observed(name, dialect="josim", *, pulses=None, delays_ps=None, energies=None):
    """Two layers, three windows: two neurons, then one."""
    counts = [[[1, 0], [0, 1], [1, 1]], [[1], [0], [0]]] if pulses is None else pulses
    arrays = [np.array(layer, dtype=np.int8) for layer in counts]
    if delays_ps is None:
        delays = [np.where(a > 0, 20.0 * PS, np.nan) for a in arrays]
    else:
        delays = [np.array(layer, dtype=float) * PS for layer in delays_ps]
    known = {(0, 0, 0): 2e-17, (0, 1, 0): 3e-17, (1, 0, 0): 1e-17}
    return Observed(
        "neurons", name, dialect, arrays, delays, known if energies is None else energies
    )


NAN = float("nan")


def test_equal_results_agree():
    pair = compare_two(observed("a"), observed("b", "ngspice"))
    assert pair.agreed
    assert (pair.windows, pair.unmeasured, pair.count_differences, pair.pulses) == (9, 0, 0, 5)
    assert (pair.time_ps, pair.energy) == (0.0, 0.0)
    assert pair.to_json() == {
        "scope": "neurons",
        "between": ["a", "b"],
        "agreed": True,
        "windows": 9,
        "unmeasured": 0,
        "count_differences": 0,
        "pulses": 5,
        "time_ps": 0.0,
        "time_tolerance_ps": pytest.approx(0.2),
        "energy": 0.0,
        "energy_tolerance": 0.01,
        "difference": None,
    }


def test_runs_that_only_one_has_say_nothing_of_energy():
    pair = compare_two(observed("a", energies={}), observed("b"))
    assert (pair.energy, pair.agreed) == (0.0, True)
    lone = observed("a", energies={(1, 0, 0): 1e-17})
    assert compare_two(lone, observed("b")).energy == 0.0
    silent = observed("a", energies={(1, 0, 0): 0.0})
    assert compare_two(silent, silent).energy == 0.0
    assert compare_two(silent, observed("b")).energy == 1.0


def test_pulses_exactly_as_far_apart_as_allowed_agree():
    one = observed("a", delays_ps=[[[0.0, NAN], [NAN, 20], [20, 20]], [[20], [NAN], [NAN]]])
    for beyond, agreed in ((0.0, True), (1e-9, False)):
        other = observed("b")
        other.delays_s[0][0, 0] = SAME_DIALECT_TIME_TOLERANCE_S * (1 + beyond)
        assert compare_two(one, other).agreed == agreed


def test_readers_of_one_dialect_are_held_more_tightly():
    assert compare_two(observed("a"), observed("b")).time_tolerance_ps == pytest.approx(0.05)
    coarse = dataclasses.replace(observed("b"), time_error_s=0.05 * PS)
    assert compare_two(observed("a"), coarse).time_tolerance_ps == pytest.approx(0.1)
    other = compare_two(observed("a"), observed("b", "wrspice"))
    assert other.time_tolerance_ps == pytest.approx(0.2)
    assert TIME_TOLERANCE_S > SAME_DIALECT_TIME_TOLERANCE_S


@pytest.mark.parametrize(
    ("changes", "difference"),
    [
        (
            {"pulses": [[[1, 0], [0, 0], [1, 1]], [[1], [1], [0]]]},
            "layer 0, neuron 1, window 1: 1 pulse against 0 pulses",
        ),
        (
            {"pulses": [[[1, 0], [0, 1], [2, 1]], [[1], [0], [0]]]},
            "layer 0, neuron 0, window 2: 1 pulse against 2 pulses",
        ),
        (
            {"pulses": [[[1, 0], [0, 1], [1, 1]], [[-1], [-1], [-1]]]},
            "layer 1, neuron 0, window 0: not measured by both",
        ),
        (
            {"delays_ps": [[[20, NAN], [NAN, 20.26], [20, 20]], [[20], [NAN], [NAN]]]},
            "layer 0, neuron 1, window 1: pulses 0.260 ps apart, allowed are 0.2 ps",
        ),
        (
            {"energies": {(0, 0, 0): 2e-17, (0, 1, 0): 3.1e-17, (1, 0, 0): 1e-17}},
            "layer 0, neuron 1, windows from 0: energies differ by 3.2 %, allowed are 1 %",
        ),
    ],
)
def test_each_kind_of_disagreement_is_named(changes, difference):
    pair = compare_two(observed("a"), observed("b", "ngspice", **changes))
    assert not pair.agreed
    assert pair.difference == f"a and b: {difference}"


def test_the_first_window_with_a_disagreement_is_the_one_named():
    later = observed(
        "b",
        "ngspice",
        pulses=[[[1, 0], [0, 1], [0, 1]], [[1], [0], [0]]],
        delays_ps=[[[20, NAN], [NAN, 20], [NAN, 20]], [[21], [NAN], [NAN]]],
    )
    pair = compare_two(observed("a"), later)
    assert pair.difference == (
        "a and b: layer 1, neuron 0, window 0: pulses 1.000 ps apart, allowed are 0.2 ps"
    )
    assert pair.count_differences == 1
    assert pair.time_ps == pytest.approx(1, rel=1e-9)


def test_every_two_are_compared_once():
    pairs = compare_all([observed("a"), observed("b"), observed("c", "ngspice")])
    assert [p.between for p in pairs] == [("a", "b"), ("a", "c"), ("b", "c")]
    assert compare_all([observed("a")]) == []


def test_results_of_different_networks_are_not_compared():
    other = observed("b", pulses=[[[1, 0], [0, 1]], [[1], [0]]])
    message = "the results of two simulators differ in layers, neurons or windows"
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        compare_two(observed("a"), other)


@st.composite
def two_results(draw):
    """Random counts, delays and energies of two simulators, mostly alike."""
    windows, neurons = draw(st.integers(1, 4)), draw(st.integers(1, 3))
    shape = (windows, neurons)
    size = windows * neurons
    results = []
    base = draw(st.lists(st.integers(-1, 2), min_size=size, max_size=size))
    for name in "ab":
        counts = np.array(base, dtype=np.int8).reshape(shape)
        for _ in range(draw(st.integers(0, 1))):
            at = draw(st.integers(0, size - 1))
            counts.flat[at] = draw(st.integers(-1, 2))
        jitter = draw(st.lists(st.floats(-0.2, 0.2), min_size=size, max_size=size))
        delays = np.where(counts > 0, 20 + np.array(jitter).reshape(shape), np.nan) * PS
        energies = {
            (0, n, 0): 1e-17 * (1 + draw(st.sampled_from([0.0, 0.004, 0.02])))
            for n in range(neurons)
        }
        results.append(Observed("neurons", name, "josim", [counts], [delays], energies))
    return results


@given(two_results())
def test_the_verdict_does_not_depend_on_the_order_and_is_what_the_definition_says(results):
    one, other = results
    forth, back = compare_two(one, other), compare_two(other, one)
    assert forth.agreed == back.agreed
    for name in ("windows", "unmeasured", "count_differences", "pulses", "time_ps", "energy"):
        assert getattr(forth, name) == getattr(back, name)
    agreed = True
    for mine, theirs, when, then in zip(
        one.pulses[0].flat, other.pulses[0].flat, one.delays_s[0].flat, other.delays_s[0].flat,
        strict=True,
    ):  # fmt: skip
        agreed &= mine >= 0 and theirs >= 0 and mine == theirs
        if mine > 0 and theirs > 0:
            agreed &= abs(when - then) <= SAME_DIALECT_TIME_TOLERANCE_S
    for key, energy in one.energies_J.items():
        larger = max(energy, other.energies_J[key])
        agreed &= abs(energy - other.energies_J[key]) <= SIMULATORS_ENERGY_TOLERANCE * larger
    assert forth.agreed == agreed
