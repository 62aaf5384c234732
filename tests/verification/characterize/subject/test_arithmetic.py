"""Arithmetic in users' files: what it gives, and that nothing else is taken."""

from __future__ import annotations

import re

import pytest

from verification.characterize.subject.arithmetic import evaluate

NAMES = {"phi0": 2.0, "rules.offset": 0.5, "k": -3.0}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1.5e-3", 1.5e-3),
        (" 2 + 3 * 4 ", 14.0),
        ("-(2 - 5) / 2", 1.5),
        ("(rules.offset + 0.5) * phi0 / (k * k) ** 0.5", 2.0 / 3.0),
        ("2 ** -1", 0.5),
        ("+k", -3.0),
        ("-" * 298 + "1", 1.0),
        ("(" * 149 + "1" + ")" * 149, 1.0),
    ],
)
def test_values(text, value):
    assert evaluate(text, NAMES) == value


@pytest.mark.parametrize(
    "text",
    [
        "''.__class__",
        "().__class__.__bases__[0]",
        "__import__('os').system('true')",
        "open('/etc/passwd').read()",
        "lambda: 1",
        "[1][0]",
        "phi0.real",
        "rules",
        "offset",
        "phi",
        "True",
        "1 if k else 2",
        "1 < 2",
        "1 // 2",
        "(k := 1)",
        "'a' * 3",
        "1j",
        "",
        "1 +",
        "1; 2",
        "1" + "\0",
    ],
)
def test_what_is_no_arithmetic_is_refused(text):
    allowed = "; allowed are numbers, + - * / ** ( ) and phi0, rules.offset, k"
    with pytest.raises(ValueError, match=f"(has no meaning|no arithmetic){re.escape(allowed)}$"):
        evaluate(text, NAMES)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("1 / 0", "it has no value: float division by zero"),
        ("9**(9**9)", "it has no value: Numerical result out of range"),
        ("0x" + "f" * 290, "it has no value: int too large to convert to float"),
        (
            "(" * 150 + "1",
            "it is no arithmetic; allowed are numbers, + - * / ** ( ) and phi0, rules.offset, k",
        ),
        ("-" * 299 + "1 ", "it is longer than 300 characters"),
        ("9.0 ** 9 ** 9", "it has no value: Numerical result out of range"),
        ("k ** 0.5", "its value is not finite and real"),
        ("1e999", "its value is not finite and real"),
        ("1" + " + 1" * 80, "it is longer than 300 characters"),
    ],
)
def test_what_has_no_value_is_refused(text, sentence):
    with pytest.raises(ValueError, match=f"^{re.escape(sentence)}$"):
        evaluate(text, NAMES)
