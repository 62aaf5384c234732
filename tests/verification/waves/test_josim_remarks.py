"""Comments at the end of a line: where JoSIM reads over them, and where it would not."""

from __future__ import annotations

import re

import pytest

from netlist_gen.errors import DeckError
from verification.engine.run import compile_deck
from verification.waves.josim_controls import read_controls
from verification.waves.josim_remarks import remark_at

LINES = """.model jj jj(rtype=1, vg=2.8m)
.subckt cell a b
B1 1 0 jj area=1
B2 1 0 jj
X1 1 2 cell
I2 0 2 dc 10u
I2 0 2 10u
V3 1 0 {a*2}
.tran 0.1p 20p
.temp 4.2
.print nodev 1
.print devv R1
R1 1 0
.option seed=3
T1 1 0 2 0 td=1p"""


@pytest.mark.parametrize("line", LINES.split("\n"))
def test_where_josim_does_not_read_over_words(line):
    """JoSIM makes a port, a model, a factor or a name of them, or ends."""
    message = (
        "*X: JoSIM does not read over words behind this line's values; a comment must be on a line "
        "of its own"
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        remark_at([*line.upper().split(), "*X"])


@pytest.mark.parametrize(
    ("line", "at"),
    [
        (".PARAM Q=2 *3", -1),
        ("R1 1 0 {2 *3 }", -1),
        ("R1 1 0 {2 *3 } *4", 6),
        ("I1 0 1 PWL(0 0 5P 2 *3)", -1),
        ("R1 1 0 5", -1),
        (".PRINT V(1) I(R1) *X", 3),
        (".PRINT @R1[C] * X", 2),
    ],
)
def test_where_a_comment_begins(line, at):
    assert remark_at(line.split()) == at


@pytest.mark.parametrize("option", ["TEMP=4", "NEB=1G", "SPREAD=0.1"])
def test_an_option_behind_a_star_would_count(option):
    with pytest.raises(ValueError, match=r"^\*OLD: JoSIM does not read over words"):
        remark_at(["R1", "1", "0", "5", "*OLD", option])


def test_the_engine_and_josims_controls_read_the_same():
    text = "R1 1 0 5 *a\nI1 0 1 pwl(0 0 1p 1u) *b\n.tran 0.1p 9p\n.print devi R1 *c\n.end\n"
    deck = compile_deck(text, name="d")
    assert deck.deck.notes == [
        "d, line 1: the words from * on are a comment, as to JoSIM (3 such lines)"
    ]
    assert tuple(trace.name for trace in deck.traces) == read_controls(text).columns == ("I(R1)",)
    text = text.replace("devi R1 *c", "nodev 1 *c")
    words = "line 4: *C: JoSIM does not read over words behind this line's values; a comment must "
    for read, place in ((read_controls, ""), (lambda t: compile_deck(t, name="d"), "d, ")):
        with pytest.raises(DeckError, match=f"^{place}{re.escape(words)}be on a line of its own$"):
            read(text)
