from __future__ import annotations

import pytest

from netlist_gen.deck.lines import logical_lines


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["a b", "+ c", "  +d ", "e"], [(1, "a b  c d"), (4, "e")]),
        (["", "* a comment", "a", "", "* between", "+b"], [(3, "a b")]),
        (["+a", "b"], [(1, "+a"), (2, "b")]),
        ([], []),
    ],
)
def test_continuations_are_joined(lines, expected):
    assert list(logical_lines(enumerate(lines, 1))) == expected


def test_comments_are_what_the_dialect_says():
    lines = ["* one", "# two", "three"]
    assert list(logical_lines(enumerate(lines, 1), "*#")) == [(3, "three")]
    assert [n for n, _ in logical_lines(enumerate(lines, 1), "")] == [1, 2, 3]
