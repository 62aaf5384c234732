"""Included files are put in place, relative to the file that includes them."""

from __future__ import annotations

import re

import pytest

from netlist_gen.errors import DeckError, SimulatorError
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


def test_a_title_is_not_read(tmp_path):
    deck = files(tmp_path, deck="\xfcber 3 k\u03a9\nR1 1 0 1\n")
    assert read_with_includes(deck, title=True) == "\xfcber 3 k\u03a9\nR1 1 0 1\n"


def test_fan_out_depth_and_time_are_bounded(tmp_path):
    for n in range(25):
        files(tmp_path, **{f"g{n}": f".include g{n + 1}\n" * (3 if n < 15 else 1)})
    deck = files(tmp_path, deck=".include g0\n", g15="* end\n")
    found = rf"{re.escape(str(tmp_path))}/g\d+, line \d: \.include g\d+: "
    with pytest.raises(DeckError, match=f"^{found}the deck includes more than 1000 files$"):
        read_with_includes(deck)
    files(tmp_path, g14=".include g15\n", g15=".include g16\n")
    with pytest.raises(DeckError, match=f"^{found}files are included deeper than 20$"):
        read_with_includes(deck)
    message = f"{deck}: reading the deck took too long and was stopped"
    with pytest.raises(SimulatorError, match=f"^{re.escape(message)}$"):
        read_with_includes(deck, lambda: True)


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
            {"deck": "*\n.include /dev/zero\n"},
            "{0}/deck, line 2: .include /dev/zero: /dev/zero: can't be read (it is a device; an "
            "ordinary file is needed)",
        ),
        (
            {"deck": "*\n.include a\n", "a": "* \xb5\nR1 1\xa00 1\n"},
            "{0}/deck, line 2: .include a: {0}/a, line 2: NO-BREAK SPACE (U+00A0) at place 5; "
            "outside comments a deck holds printable ASCII characters, blanks and tabs",
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
