"""Margins of made-up cells whose edges are known, islands among them."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netlist_gen.commands.characterize import margin_bars
from verification.characterize.measure.margins import margins
from verification.characterize.subject.parameters import Parameter

X = Parameter("X", ("X|XC",), 1e-12)
BIAS = Parameter("bias", ("I|XC",), 1e-6, shared=True)


def toy(*ranges: tuple[float, float]):
    """Passes where the factor of X lies in one of the ranges (and bias above 0.5)."""
    return lambda points: [
        any(a <= p.get(X, 1.0) <= b for a, b in ranges) and p.get(BIAS, 1.0) > 0.5 for p in points
    ]


@given(
    low=st.floats(0.11, 0.95),
    high=st.floats(1.05, 1.99),
    tolerance=st.sampled_from([0.02, 0.005, 0.0005]),
)
def test_edges_are_found_to_the_tolerance(low, high, tolerance):
    (found,) = margins([X], toy((low, high)), tolerance=tolerance).margins
    for side, edge, outwards in ((found.low, low, -1), (found.high, high, 1)):
        assert (edge - side.last_pass) * outwards >= 0
        assert (side.first_fail - edge) * outwards > 0
        assert abs(side.first_fail - side.last_pass) <= tolerance * 1.000001
        assert side.islands == ()


def test_a_tolerance_below_the_distance_of_floats_ends():
    (found,) = margins([X], toy((0.9, 1.2)), tolerance=1e-18).margins
    assert (found.low.last_pass, found.high.last_pass) == (0.9, 1.2)
    assert found.high.first_fail == math.nextafter(1.2, 2)


def test_an_island_is_reported_and_not_counted():
    (found,) = margins([X], toy((0.75, 1.25), (0.28, 0.42), (1.6, 2.0))).margins
    assert found.low.last_pass == pytest.approx(0.75, abs=0.005)
    assert found.low.islands == (pytest.approx((0.4, 0.3)),)
    assert found.high.last_pass == pytest.approx(1.25, abs=0.005)
    assert found.high.islands == (pytest.approx((1.6, 2.0)),)


def test_a_side_that_never_fails_has_no_first_fail():
    (found,) = margins([X], toy((0.0, 1.5))).margins
    assert found.low.last_pass == 0.1
    assert found.low.first_fail is None
    assert found.high.first_fail is not None


def test_the_critical_parameter_is_the_narrowest_single_one():
    found = margins([BIAS, X], toy((0.8, 1.1)))
    assert [m.parameter.name for m in found.margins] == ["bias", "X"]
    critical, side = found.critical
    assert (critical.parameter.name, side) == ("X", "+")
    assert found.margins[0].low.last_pass == pytest.approx(0.5, abs=0.006)
    only = margins([BIAS], toy((0.8, 1.1)))
    assert only.critical[0].parameter is BIAS


def test_bars_name_the_critical_side():
    lines = margin_bars(margins([BIAS, X], toy((0.8, 1.1))))
    assert lines[0].lstrip().startswith("bias")
    assert "critical+" in lines[1]
    assert lines[-1] == "  critical: X+ at 10.0 %, edges to 0.5 %"


def test_every_parameter_of_a_real_cell_is_scanned(cut):
    cell = cut("jtl")
    chosen = [cell.parameters[n] for n in ("bias", "B1")]
    found = margins(chosen, cell.passes, tolerance=0.02)
    assert all(m.low.last_pass < 1 < m.high.last_pass for m in found.margins)
    assert set(cell.parameters) == {
        "bias", "Ic", "L", "R", "LA", "B1", "LGB1", "RB1", "LB1", "IB1", "LQ"
    }  # fmt: skip
