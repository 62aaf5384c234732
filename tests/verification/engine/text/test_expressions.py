from __future__ import annotations

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verification.engine.text.expressions import (
    ExpressionError,
    evaluate,
    parse_number,
    resolve_parameters,
)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("5", 5.0), ("-2.5", -2.5), ("+.5", 0.5), ("1E-3", 1e-3), ("2E3K", 2e6),
        ("5F", 5e-15), ("5P", 5e-12), ("5N", 5e-9), ("5U", 5e-6), ("5M", 5e-3), ("5K", 5e3),
        ("5MEG", 5e6), ("5X", 5e6), ("5G", 5e9), ("5T", 5e12),
        ("2.8MV", 2.8e-3), ("2.07PH", 2.07e-12), ("5V", 5.0), ("5OHM", 5.0), ("3MEGOHM", 3e6),
    ],
)  # fmt: skip
def test_numbers_and_suffixes(text, value):
    assert parse_number(text) == pytest.approx(value, rel=1e-15)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2+3*4", 14), ("(2+3)*4", 20), ("{2+3}*[4-1]", 15), ("2^3^2", 512), ("-2^2", -4),
        ("2*-3", -6), ("2--3", 5), ("2^-1", 0.5), ("7/2/2", 1.75), ("SQRT(16)+1", 5),
        ("LOG10(1000)", 3), ("CBRT(27)", 3), ("COS(PI)", -1), ("EXP(LOG(5))", 5),
        ("ATAN(TAN(0.5))", 0.5), ("SINH(1)/COSH(1)-TANH(1)", 0), ("2P*3K", 6e-9),
        ("PHI_ZERO/2/PI-SIGMA", 0), ("A*B", 6), ("A^B", 8),
    ],
)  # fmt: skip
def test_expressions(text, value):
    assert evaluate(text, {"A": 2.0, "B": 3.0}) == pytest.approx(value, rel=1e-12, abs=1e-22)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the expression is empty"),
        ("2+", "the expression 2+ ends too early"),
        ("2*)", ") is not expected in the expression 2*)"),
        ("(2", "a bracket ( in the expression (2 is not closed"),
        ("{2)", "a bracket { in the expression {2) is not closed"),
        ("2 3)", ") is not expected in the expression 23)"),
        ("1/0", "division by zero in the expression 1/0"),
        ("NAME", "NAME is no parameter, function or constant"),
        ("SQRT(-1)", "SQRT(-1) has no finite value"),
        ("EXP(1K)", "EXP(1000) has no finite value"),
        ("0^-1", "0^-1 has no finite value"),
        ("(0-8)^0.5", "-8^0.5 is not real"),
        ("1E999", "the value of 1E999 is not finite"),
        ("2$3", "'$' has no meaning in the expression 2$3"),
        ("(" * 200 + "1" + ")" * 200, "the expression nests deeper than 64"),
    ],
)
def test_refusals(text, message):
    with pytest.raises(ExpressionError, match=f"^{re.escape(message)}$"):
        evaluate(text, {})


numbers = st.floats(0.01, 100, allow_nan=False).map(lambda x: float(f"{x:.6f}"))


@st.composite
def arithmetic(draw, depth=4):
    """The same expression for the deck and for Python."""
    if depth == 0 or draw(st.booleans()):
        text = f"{draw(numbers):.6f}"
        return text, text
    a, b = draw(arithmetic(depth=depth - 1)), draw(arithmetic(depth=depth - 1))
    sign = draw(st.sampled_from("+-*/"))
    if draw(st.booleans()):
        return f"({a[0]}{sign}{b[0]})", f"({a[1]}{sign}{b[1]})"
    return f"{{{a[0]}}}{sign}{b[0]}", f"({a[1]}){sign}{b[1]}"


@given(arithmetic())
def test_arithmetic_is_pythons(pair):
    ours, python = pair
    try:
        expected = eval(python)
    except ZeroDivisionError:
        return
    assert evaluate(ours, {}) == expected or math.isinf(expected)


def test_parameters_name_each_other_in_any_order():
    values, problems = resolve_parameters({"A": "2*B", "B": "C+1", "C": "3"}, {"C": 100.0})
    assert values == {"A": 8.0, "B": 4.0, "C": 3.0}
    assert problems == {}


def test_a_circle_of_parameters_has_no_value():
    values, problems = resolve_parameters({"A": "B", "B": "A", "C": "1"}, {})
    assert values == {"C": 1.0}
    assert {name: str(error) for name, error in problems.items()} == {
        "A": "B is no parameter, function or constant",
        "B": "A is no parameter, function or constant",
    }


@pytest.mark.parametrize("text", [":", "", "  ", "=", "\xe9", "\u0663"])
def test_what_holds_no_word_has_a_problem(text):
    values, problems = resolve_parameters({"A": text, "B": "1"}, {})
    assert values == {"B": 1.0}
    assert list(problems) == ["A"]


def test_an_expression_of_the_greatest_length_is_read_as_others_are():
    """What it names may come after it; one character more is refused.

    It ends in a name: that it is no number has to be seen without trying each part of its digits.
    """
    for zeros, problem in ((99_997, False), (99_998, True)):
        long = {"A": f"{'0' * zeros}1+B"}
        for expressions in (long | {"B": "1"}, {"B": "1"} | long):
            values, problems = resolve_parameters(expressions, {})
            assert ("A" in problems) == problem
            assert problem or values["A"] == 2.0
