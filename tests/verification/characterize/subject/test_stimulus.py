"""Steps of a stimulus as they are written, and what is refused."""

from __future__ import annotations

import re

import pytest

from netlist_gen.errors import ConfigurationError
from verification.characterize.subject.stimulus import PS, START_S, BenchCase, causes, parse_steps

INPUTS = ("a", "b", "clk")


def steps(*lines: str):
    return parse_steps(lines, 50 * PS, INPUTS, "cell.toml: [bench]")


def test_steps_follow_in_the_spacing_unless_they_name_a_time():
    found = steps("a -> q", "a b -> q q", "130: clk", "clk -> B1|XD1")
    assert [s.time_s / PS for s in found] == pytest.approx([0, 50, 130, 180])
    assert [s.inputs for s in found] == [("a",), ("a", "b"), ("clk",), ("clk",)]
    assert [s.expect for s in found] == [("q",), ("q", "q"), (), ("B1|XD1",)]
    assert [s.text for s in found] == ["a -> q", "a b -> q q", "clk", "clk -> B1|XD1"]


def test_a_target_that_runs_is_not_counted():
    case = BenchCase("", steps("a -> B1 q~", "a -> B2"))
    assert [s.expect for s in case.steps] == [("B1",), ("B2",)]
    assert [s.runs for s in case.steps] == [("q",), ()]
    assert case.steps[0].text == "a -> B1 q~"
    assert case.targets() == ["B1", "q", "B2"]
    assert set(causes([case])) == {"B1", "B2"}
    assert causes([case], running=True) == {"q": {"a"}}
    assert case.moved([0.0, 60 * PS]).steps[0].runs == ("q",)


@pytest.mark.parametrize(
    ("lines", "sentence"),
    [
        ((), "cell.toml: [bench]: the stimulus has no step"),
        (
            ("-> q",),
            "cell.toml: [bench]: '-> q' is no step; write e.g. 'a -> q', or '45: clk -> q' with a "
            "time in ps",
        ),
        (
            ("d -> q",),
            "cell.toml: [bench]: step 'd -> q' pulses 'd'; the inputs are a, b, clk",
        ),
        (
            ("1.2.3: a",),
            "cell.toml: [bench]: step '1.2.3: a' pulses '1.2.3:'; the inputs are a, b, clk",
        ),
        (("a a",), "cell.toml: [bench]: step 'a a' pulses one input twice"),
        (
            ("a", "0: b"),
            "cell.toml: [bench]: step '0: b' comes at 0 ps, not after the one before (0 ps)",
        ),
    ],
)
def test_what_is_no_stimulus_is_named(lines, sentence):
    with pytest.raises(ConfigurationError, match=f"^{re.escape(sentence)}$"):
        steps(*lines)


def test_pulses_and_causes_of_a_case():
    case = BenchCase("", steps("a", "clk -> q", "b", "clk"))
    pulses = case.pulses()
    assert pulses["clk"] == pytest.approx((START_S + 50 * PS, START_S + 150 * PS))
    assert case.targets() == ["q"]
    assert causes([case]) == {"q": {"clk"}}
    moved = case.moved([0.0, 1e-12, 2e-12, 3e-12])
    assert moved.length_s == 3e-12
    assert [s.text for s in moved.steps] == [s.text for s in case.steps]
