"""Included files are put in place, relative to the file that includes them."""

from __future__ import annotations

import re

import pytest

from netlist_gen.errors import DeckError
from verification.simulators.includes import read_with_includes


def files(folder, **texts):
    for name, text in texts.items():
        path = folder / name.replace("__", "/")
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    return folder / "deck"


def test_names_are_relative_to_the_including_file(tmp_path):
    deck = files(
        tmp_path,
        deck="* deck\n.include sub/a\nR1 1 0 1\n.end\n",
        sub__a=" .INCLUDE b\nR2 1 0 2\n.end\nR9 never read\n",
        sub__b="R3 1 0 3\n",
    )
    assert read_with_includes(deck) == "* deck\nR3 1 0 3\nR2 1 0 2\nR1 1 0 1\n.end\n"


def test_a_deck_without_includes_is_left_as_it_is(tmp_path):
    text = "* deck\n\n+ odd\r\n.end\n\n"
    assert read_with_includes(files(tmp_path, deck=text.replace("\r", ""))) == text.replace(
        "\r", ""
    )


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (
            {"deck": "*\n.include gone\n"},
            "{0}/deck, line 2: .include gone: {0}/gone: can't be read (No such file or directory)",
        ),
        (
            {"deck": "*\n.include deck\n"},
            "{0}/deck, line 2: .include deck: the file includes itself",
        ),
        (
            {"deck": "*\n.include a\n", "a": "R1 1 0 1\n.include deck\n"},
            "{0}/deck, line 2: .include a: {0}/a, line 2: .include deck: the file includes itself",
        ),
        (
            {"deck": "*\n.include a b\n"},
            "{0}/deck, line 2: .include takes one file name, without blanks",
        ),
    ],
)
def test_what_cannot_be_included(tmp_path, texts, message):
    with pytest.raises(DeckError, match=f"^{re.escape(message.format(tmp_path))}$"):
        read_with_includes(files(tmp_path, **texts))
