"""What an optimizer may change: names, patterns, bounds, steps; shunts follow."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from netlist_gen.errors import ConfigurationError
from verification.characterize.optimize.variables import (
    Range,
    Variable,
    Variables,
    parse_range,
    variables,
)


def test_without_ranges_the_design_is_changed_and_shunts_follow(cut):
    chosen = variables(cut("dff")).chosen
    assert [v.name for v in chosen] == [
        "LA", "BIN", "IIN", "LST", "BST", "IST", "LC", "BCK", "ICK", "BES", "LQ"
    ]  # fmt: skip
    assert {v.name: v.shunts for v in chosen if v.shunts} == {
        "BIN": ("RIN|XC",), "BST": ("RST|XC",), "BCK": ("RCK|XC",), "BES": ("RES|XC",)
    }  # fmt: skip
    assert {(v.low, v.high, v.step) for v in chosen} == {(0.5, 2.0, 0.005)}


def test_a_library_cells_vias_and_shunts_are_no_design(cut):
    names = [v.name for v in variables(cut("jtl")).chosen]
    assert names == ["LA", "B1", "IB1", "LQ"]


def test_what_closes_the_ports_of_a_bench_is_no_part_of_the_cell(cut):
    names = {v.name for v in variables(cut("decision")).chosen}
    assert {"IBT", "BT2_0"} <= names
    assert not {"ICB", "ICT", "LBI0"} & names


def test_a_shunt_keeps_ic_r(cut):
    chosen = variables(cut("dff"), [Range("BST")])
    factors = chosen.factors(np.array([1.25]))
    assert factors == {"BST|XC": 1.25, "RST|XC": 0.8}


def test_a_shunt_that_is_named_follows_no_more(cut):
    chosen = variables(cut("dff"), [Range("BST"), Range("RST")])
    assert [(v.name, v.shunts) for v in chosen.chosen] == [("BST", ()), ("RST", ())]


def test_patterns_ties_and_the_last_range_counts(cut):
    ranges = [Range("I*", 0.8, 1.2), Range("lst", 0.5, 3.0), Range("ICK", 0.9, 1.1)]
    found = {v.name: (v.low, v.high) for v in variables(cut("dff"), ranges).chosen}
    assert found == {"IIN": (0.8, 1.2), "LST": (0.5, 3.0), "IST": (0.8, 1.2), "ICK": (0.9, 1.1)}
    tied = variables(cut("dff"), [Range("BIN+BCK")])
    assert [v.name for v in tied.chosen] == ["BIN+BCK"]
    assert tied.factors(np.array([2.0])) == {
        "BIN|XC": 2.0, "BCK|XC": 2.0, "RIN|XC": 0.5, "RCK|XC": 0.5
    }  # fmt: skip


@given(
    low=st.floats(0.02, 0.99), high=st.floats(1.01, 50.0), step=st.sampled_from([0.001, 0.01, 0.1]),
    factor=st.floats(0.001, 100.0),
)  # fmt: skip
def test_factors_on_the_grid_are_multiples_between_the_bounds(low, high, step, factor):
    variable = Variable("L1", ("L1|XC",), 1e-12, low, high, step)
    found = variable.on_grid(factor)
    assert found / step == pytest.approx(round(found / step), abs=1e-6)
    if high - low > 2 * step:
        assert low - 1e-9 <= found <= high + 1e-9
        if low + step <= factor <= high - step:
            assert abs(found - factor) <= step / 2 + 1e-9
    assert Variables((variable,)).on_grid(np.array([factor])) == [found]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("LST", Range("LST", 0.5, 2.0, 0.005)),
        ("L*=0.8:1.25", Range("L*", 0.8, 1.25, 0.005)),
        ("B1+B2=.5:1.5:.1", Range("B1+B2", 0.5, 1.5, 0.1)),
    ],
)
def test_ranges_are_read(text, found):
    assert parse_range(text) == found


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            "LST=1:2:3:4",
            "--vary 'LST=1:2:3:4' is not NAME, NAME=LO:HI or NAME=LO:HI:STEP, e.g. 'L*=0.5:2:0.01'",
        ),
        (
            "LST=-1:2",
            "--vary 'LST=-1:2' is not NAME, NAME=LO:HI or NAME=LO:HI:STEP, e.g. 'L*=0.5:2:0.01'",
        ),
        (
            "LST=2:1",
            "--vary 'LST=2:1': LO must be below HI, both factors from 0.01 to 100, and STEP from "
            "0.0001 to HI - LO",
        ),
        (
            "LST=0.9:1.1:0.5",
            "--vary 'LST=0.9:1.1:0.5': LO must be below HI, both factors from 0.01 to 100, and "
            "STEP from 0.0001 to HI - LO",
        ),
    ],
)
def test_wrong_ranges_are_named(text, sentence):
    with pytest.raises(ConfigurationError, match=f"^{re.escape(sentence)}$"):
        parse_range(text)


def test_elements_that_there_are_not_are_named(cut):
    sentence = "--vary LSTO: cell dff has no such element; did you mean LST or LPST?"
    with pytest.raises(ConfigurationError, match=f"^{re.escape(sentence)}$"):
        variables(cut("dff"), [Range("LSTO")])
    sentence = "--vary bias: cell jtl has no such element; it has LA, B1, LGB1, RB1, LB1, IB1, LQ"
    with pytest.raises(ConfigurationError, match=f"^{re.escape(sentence)}$"):
        variables(cut("jtl"), [Range("bias")])


def test_a_coupling_stays_below_one(cut):
    with pytest.raises(ConfigurationError, match=f"^{re.escape('--vary KB: the coupling KB is ')}"):
        variables(cut("branch"), [Range("KB", 0.5, 9.0)])
