from __future__ import annotations

import pytest

from netlist_gen.deck.lines import logical_lines, numbered_lines, read_deck_text, split_deck
from netlist_gen.errors import DeckError


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


def test_lines_end_where_simulators_end_them():
    assert numbered_lines("a\r\nb\n* c\x0b\u2028\n", "d") == [
        (1, "a"),
        (2, "b"),
        (3, "* c\x0b\u2028"),
        (4, ""),
    ]


@pytest.mark.parametrize(
    ("text", "name", "message"),
    [
        ("a\n  b\u3000c", "d", "d, line 2: IDEOGRAPHIC SPACE (U+3000) at place 4; "),
        ("a\n# \xe9", "", "line 2: LATIN SMALL LETTER E WITH ACUTE (U+00E9) at place 3; "),
        ("a\rb\n", "d", "d, line 1: the control character U+000D at place 2; "),
    ],
)
def test_other_characters_are_refused_by_name(text, name, message):
    message += "outside comments a deck holds printable ASCII characters, blanks and tabs"
    with pytest.raises(DeckError) as caught:
        numbered_lines(text, name)
    assert str(caught.value) == message


def test_what_is_free_may_hold_any_text():
    assert numbered_lines("\xe9\nb", "d", free=lambda n, _: n == 1) == [(1, "\xe9"), (2, "b")]


@pytest.mark.parametrize(
    ("text", "inner", "outer"),
    [
        ("* a\n* b\nC\n* d\n.ends\nV1\n", "C\n* d\n", ".ends\nV1\n"),
        ("C\n.ENDS\nD\n.ends x\n.end", "C\n.ENDS\nD\n", ".ends x\n.end"),
        ("* Ma\xdfe \ufb01\n.ends\nV1", "", ".ends\nV1"),  # longer in upper case
        ("* a\nV1\n", "", "* a\nV1\n"),
        ("* a", "", "* a"),
        ("", "", ""),
    ],
)
def test_a_deck_is_cut_behind_its_subcircuits(text, inner, outer):
    assert split_deck(text) == (inner, outer)


def test_files_are_read_as_text_bytes_that_are_none_marked(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"* \xb5\r\nR1")
    assert read_deck_text(path, DeckError) == "* \ufffd\r\nR1"
    path.write_bytes(b"* \0")
    with pytest.raises(DeckError, match=r"^a NUL byte: this is not a text file$"):
        read_deck_text(path, DeckError)
    with pytest.raises(DeckError, match=r"^Is a directory$"):
        read_deck_text(tmp_path, DeckError)
    with pytest.raises(DeckError, match=r"^it has 3 bytes; at most 2 are read$"):
        read_deck_text(path, DeckError, limit=2)
