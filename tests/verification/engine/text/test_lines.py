from __future__ import annotations

import re

import pytest

from netlist_gen.errors import DeckError
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


def test_only_line_feeds_end_a_line():
    assert tokens("R1 1 0\x0c5\nR2 1 0 5") == [("R1", "1", "0", "5"), ("R2", "1", "0", "5")]


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
        (".include a b", "d, line 1: .include takes one file name, without blanks"),
        (".include loop.cir", "loop.cir, line 1: .include loop.cir: the file includes itself"),
    ):
        with pytest.raises(DeckError, match=f"^{re.escape(message)}$"):
            read_lines(text, "d", tmp_path)


@pytest.mark.parametrize(("files", "fine"), [(20, True), (21, False)])
def test_how_deep_files_may_include_one_another(tmp_path, files, fine):
    for number in range(1, files):
        (tmp_path / f"{number}.cir").write_text(f".include {number + 1}.cir\n")
    (tmp_path / f"{files}.cir").write_text("R1 1 0 1\n")
    if fine:
        assert tokens(".include 1.cir", tmp_path) == [("R1", "1", "0", "1")]
        return
    with pytest.raises(
        DeckError, match=r"^20\.cir, line 1: \.include 21\.cir: the file includes itself$"
    ):
        read_lines(".include 1.cir", "d", tmp_path)
