"""Sweeps and error rates."""

from __future__ import annotations

import re

import numpy as np
import pytest

from netlist_gen.errors import ConfigurationError
from verification.characterize.measure.margins import margins
from verification.characterize.measure.noise import (
    bias_points,
    errors_against_bias,
    errors_against_temperature,
)
from verification.characterize.measure.sweep import Axis, parse_axis, sweep


def test_axis_as_it_is_written():
    axis = parse_axis("B1.XD1=0.5:1.5:3")
    assert axis == Axis("B1.XD1", (0.5, 1.0, 1.5))


@pytest.mark.parametrize("text", ["bias", "bias=1:2", "bias=1:2:x", "=1:2:3", "bias=1e:2:3"])
def test_what_is_no_axis_is_named(text):
    sentence = f"--sweep {text!r} is not NAME=LO:HI:N, e.g. bias=0.7:1.3:25"
    with pytest.raises(ConfigurationError, match=f"^{re.escape(sentence)}$"):
        parse_axis(text)


@pytest.mark.parametrize("text", ["bias=2:1:5", "bias=1:2:1", "bias=1:inf:5"])
def test_axis_without_range_is_refused(text):
    with pytest.raises(ConfigurationError):
        parse_axis(text)


def test_shmoo_agrees_with_single_runs(cut):
    cell = cut("jtl")
    axes = [parse_axis("bias=0.2:1.8:5"), parse_axis("B1=0.6:1.4:3")]
    found = sweep(cell, axes)
    assert found.passed().shape == (5, 3)
    bias, b1 = cell.parameters["bias"], cell.parameters["B1"]
    points = [{bias: x, b1: y} for x in axes[0].values for y in axes[1].values]
    assert found.passed().ravel().tolist() == cell.passes(points)
    assert 0 < found.passed().sum() < 15
    for point in found.points:
        assert point.passed == (point.reason == "")
        assert bool(point.arcs) == point.passed


def test_period_axis_finds_the_rate_at_which_a_line_fails(cut):
    found = sweep(cut("jtl"), [Axis("period", (0.09, 0.2, 1.0, 1.5))])
    assert found.passed()[1:].all()


def test_temperature_axis_slows_and_speeds(cut):
    """At higher temperature critical currents fall: the same bias current drives harder."""
    found = sweep(cut("jtl"), [Axis("temperature", (2.0, 6.0))], seed=3)
    cold, warm = (p.arcs[0].mean_s for p in found.points)
    assert warm < cold


@pytest.mark.parametrize(
    ("axes", "sentence"),
    [
        ([Axis("B9", (0.5, 1.0))], "cell jtl has no parameter 'B9'; it has bias, Ic, L, R, "),
        ([Axis("bias", (0.5, 1.0))] * 2, "the sweep names an axis twice: bias, bias"),
        ([Axis("bias", (0.0, 1.0))], "--sweep bias: the factor 0 must be above 0"),
    ],
)
def test_impossible_sweeps_are_named(cut, axes, sentence):
    with pytest.raises(ConfigurationError, match=f"^{re.escape(sentence)}"):
        sweep(cut("jtl"), axes)


def test_errors_rise_towards_the_edge_and_tails_are_marked(cut):
    cell = cut("splitter")
    bias = cell.parameters["bias"]
    (edge,) = margins([bias], cell.passes, tolerance=0.002).margins
    points = bias_points(edge.low.last_pass, edge.high.last_pass, points=4)
    found = errors_against_bias(cell, points, runs=24)
    rates = {r.x: r for r in found.rates}
    assert found.curve is not None
    far = max(rates, key=lambda x: abs(x - found.curve.centre))
    inside = [r for r in found.rates if r.errors == 0]
    assert inside
    assert all(r.extrapolated is not None for r in inside)
    assert all(r.extrapolated is None for r in found.rates if r.errors)
    assert rates[far].low == 0.0
    assert rates[far].high == pytest.approx(3.84 / (24 + 3.84), abs=0.01)
    assert all(r.runs + r.failures == 24 for r in found.rates)
    assert rates[far].decisions == 2


def test_errors_grow_with_temperature(cut):
    cell = cut("splitter")
    bias = cell.parameters["bias"]
    (edge,) = margins([bias], cell.passes, tolerance=0.002).margins
    side = edge.low if 1 - edge.low.last_pass < edge.high.last_pass - 1 else edge.high
    inwards = np.sign(1.0 - side.last_pass)
    found = errors_against_temperature(
        cell, (0.1, 60.0), bias=side.last_pass + inwards * 0.003, runs=48
    )
    cold, hot = found.rates
    assert cold.errors < hot.errors


def test_the_same_seed_gives_the_same_errors(cut):
    cell = cut("jtl")
    one, two = (errors_against_bias(cell, [0.34, 0.5], runs=8, seed=9) for _ in range(2))
    assert one.rates == two.rates
