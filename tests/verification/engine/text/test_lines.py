from __future__ import annotations

import re

import pytest

from netlist_gen.errors import DeckError, SimulatorError
from verification.engine.text import budget
from verification.engine.text.budget import Budget
from verification.engine.text.lines import read_lines


def tokens(text, directory=None):
    return [line.tokens for line in read_lines(text, "d", directory)]


def test_comments_blank_lines_case_and_what_follows_end():
    text = "* a comment\n# another\n\n  r1 a b 5\r\n.END\nnonsense"
    assert tokens(text) == [("R1", "A", "B", "5")]


def test_a_line_goes_on_with_a_plus_whatever_stands_between():
    text = "I1 0 1 pwl(0 0\n* between\n+ 5p 1u\n+10p 2u)"
    (line,) = read_lines(text, "d", None)
    assert line.tokens == ("I1", "0", "1", "PWL(0", "0", "5P", "1U", "10P", "2U)")
    assert str(line.place) == "d, line 1"


SIGNS = {
    "\v": "the control character U+000B",
    "\f": "the control character U+000C",
    "\x1c": "the control character U+001C",
    "\x7f": "the control character U+007F",
    "\r": "the control character U+000D",
    "\x85": "the control character U+0085",
    "\xa0": "NO-BREAK SPACE (U+00A0)",
    "\u2003": "EM SPACE (U+2003)",
    "\u2028": "LINE SEPARATOR (U+2028)",
    "\u2029": "PARAGRAPH SEPARATOR (U+2029)",
    "\u200b": "ZERO WIDTH SPACE (U+200B)",
    "\ufeff": "ZERO WIDTH NO-BREAK SPACE (U+FEFF)",
    "\u0663": "ARABIC-INDIC DIGIT THREE (U+0663)",
    "\uff15": "FULLWIDTH DIGIT FIVE (U+FF15)",
    "\u017f": "LATIN SMALL LETTER LONG S (U+017F)",
    "\ufffd": "a character that is not UTF-8 text",
}


@pytest.mark.parametrize("sign", SIGNS)
@pytest.mark.parametrize(
    ("text", "number", "at"),
    [("R1 1 0{}5\nR2 1 0 5", 1, 7), ("* t\n+ {}\nR1 1 0 5", 2, 3), ("* t\n{}* R1 1 0 5", 2, 1)],
)
def test_outside_comments_only_ascii_is_read(sign, text, number, at):
    message = (
        f"d, line {number}: {SIGNS[sign]} at place {at}; outside comments a deck holds printable "
        "ASCII characters, blanks and tabs"
    )
    # A carriage return before a line feed is JoSIM's line end too; elsewhere it drops it.
    text = text.format("\r5" if sign == "\r" else sign)
    with pytest.raises(DeckError, match=f"^{re.escape(message)}$"):
        read_lines(text, "d", None)


def test_comments_hold_any_text_and_lines_end_at_line_feeds_alone():
    text = "* a\u2028R9 1 0 9\r\n# b\x0cR9 1 0 9\n* c\rR9 1 0 9\n\tR1\t1 0 5\r\n * \xa0d\x85R9"
    assert tokens(text) == [("R1", "1", "0", "5")]


def test_names_of_files_may_be_of_any_script(tmp_path):
    (tmp_path / "\xfcbung.cir").write_text("R1 1 0 5\n")
    assert tokens(".include \xfcbung.cir\n.file \u03c9.csv", tmp_path) == [
        ("R1", "1", "0", "5"),
        (".FILE", "\u03c9.csv"),
    ]
    with pytest.raises(DeckError, match=r"^d, line 1: NO-BREAK SPACE \(U\+00A0\) at place 9; "):
        tokens(".include\xa0\xfcbung.cir", tmp_path)


def test_files_are_included_from_the_folder_of_the_including_one(tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "a.cir").write_text("R1 1 0 1\n.include b.cir\n")
    (tmp_path / "sub" / "b.cir").write_text("R2 1 0 2\n.end\nR9 1 0 9\n")
    lines = read_lines(".include sub/a.cir\nR3 1 0 3", "d", tmp_path)
    assert [line.tokens[0] for line in lines] == ["R1", "R2", "R3"]
    assert [str(line.place) for line in lines] == [
        "sub/a.cir, line 1",
        "b.cir, line 1",
        "d, line 2",
    ]


def test_names_of_output_files_keep_their_case():
    assert tokens(".file Out_One.csv") == [(".FILE", "Out_One.csv")]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("+ 5p", "d, line 1: a line that continues (+) has no line before it"),
        ("R1 1 0 \0", "d, line 1: a NUL byte: this is not a text file"),
        (
            ".include x.cir",
            "d, line 1: .include x.cir: a deck that is no file can't include one",
        ),
    ],
)
def test_refusals(text, message):
    with pytest.raises(DeckError, match=f"^{re.escape(message)}$"):
        read_lines(text, "d", None)


def test_includes_that_can_not_be(tmp_path):
    (tmp_path / "loop.cir").write_text(".include loop.cir\n")
    for text, message in (
        (".include none.cir", "d, line 1: .include none.cir: No such file or directory"),
        (".include .", "d, line 1: .include .: Is a directory"),
        (
            ".include /dev/zero",
            "d, line 1: .include /dev/zero: it is a device; an ordinary file is needed",
        ),
        (".include a b", "d, line 1: .include takes one file name, without blanks"),
        (".include loop.cir", "loop.cir, line 1: .include loop.cir: the file includes itself"),
    ):
        with pytest.raises(DeckError, match=f"^{re.escape(message)}$"):
            read_lines(text, "d", tmp_path)


def test_files_that_include_each_other_again_and_again_are_bounded(tmp_path):
    """Three includes in each of 15 files: 14 million readings of a few bytes."""
    for n in range(15):
        (tmp_path / f"g{n}").write_text(f".include g{n + 1}\n" * 3)
    (tmp_path / "g15").write_text("* end\n")
    message = r"^g\d+, line \d: \.include g\d+: the deck includes more than 1000 files$"
    with pytest.raises(DeckError, match=message):
        read_lines(".include g0", "d", tmp_path)


def test_included_text_is_bounded_and_so_is_its_depth(tmp_path, monkeypatch):
    (tmp_path / "big").write_text("* 45 characters, which are read four times...\n")
    monkeypatch.setattr(budget, "MOST_REPEATED", 100)
    message = "d, line 4: .include big: files that are included again have more than 100 characters"
    with pytest.raises(DeckError, match=f"^{message}$"):
        read_lines(".include big\n" * 5, "d", tmp_path)
    monkeypatch.undo()
    for n in range(30):
        (tmp_path / f"g{n}").write_text(f".include g{n + 1}\n")
    message = "g19, line 1: .include g20: files are included deeper than 20"
    with pytest.raises(DeckError, match=f"^{message}$"):
        read_lines(".include g0", "d", tmp_path)


def test_reading_ends_when_time_is_up():
    text = "R1 1 0 5\n" * 1000
    late = Budget("d", lambda: True)
    message = "d: reading the deck took too long and was stopped"
    with pytest.raises(SimulatorError, match=f"^{message}$"):
        read_lines(text, "d", None, late)
    assert len(read_lines(text, "d", None, Budget("d", lambda: False))) == 1000


@pytest.mark.parametrize(("files", "fine"), [(20, True), (21, False)])
def test_how_deep_files_may_include_one_another(tmp_path, files, fine):
    for number in range(1, files):
        (tmp_path / f"{number}.cir").write_text(f".include {number + 1}.cir\n")
    (tmp_path / f"{files}.cir").write_text("R1 1 0 1\n")
    if fine:
        assert tokens(".include 1.cir", tmp_path) == [("R1", "1", "0", "1")]
        return
    with pytest.raises(
        DeckError, match=r"^20\.cir, line 1: \.include 21\.cir: files are included deeper than 20$"
    ):
        read_lines(".include 1.cir", "d", tmp_path)
