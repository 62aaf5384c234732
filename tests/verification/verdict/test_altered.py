"""Lines in which two decks differ, numbered as in the file."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from verification.verdict.altered import AlteredDeck, ChangedLine, differences, statements

DECK = "* title\nR1 a b 1\n\n* note\nR2  b 0 2\nR3 b c 3\n.end\n"


def test_equal_decks_and_comments():
    assert differences(DECK, DECK) == []
    assert differences(DECK, DECK.replace("* note", "* another").replace("R2  b", "R2 b")) == []


def test_a_changed_a_missing_and_an_added_line():
    written = DECK
    assert differences(DECK.replace("R2  b 0 2", "R2 b 0 9"), written) == [
        (5, "R2 b 0 9", "R2 b 0 2")
    ]
    assert differences(DECK.replace("R3 b c 3\n", ""), written) == [(6, "", "R3 b c 3")]
    assert differences(DECK.replace(".end", "R4 a 0 1\n.end"), written) == [(7, "R4 a 0 1", "")]
    both = DECK.replace("R1 a b 1\n", "").replace("R3 b c 3", "R3 b c 4\nR5 c 0 1")
    assert {(one, other) for _, one, other in differences(both, written)} == {
        ("", "R1 a b 1"), ("R3 b c 4", "R3 b c 3"), ("R5 c 0 1", ""),
    }  # fmt: skip


lines = st.lists(st.sampled_from(["R1 a b 1", "R2 a b 2", "R3 a b 3", "* x", ""]), max_size=12)


@given(found=lines, written=lines)
def test_differences_are_told_where_there_are_some(found, written):
    ours, theirs = "\n".join(found), "\n".join(written)
    said = [line for _, line in statements(ours)], [line for _, line in statements(theirs)]
    told = differences(ours, theirs)
    assert bool(told) == (said[0] != said[1])
    numbered = dict(statements(ours))
    for number, one, _ in told:
        assert not one or numbered[number] == one


def test_in_words():
    line = ChangedLine(5, "cell c", "R2 b 0 9", "")
    deck = AlteredDeck("d.cir", 0, 1, 3, (line,))
    assert deck.sentence == (
        "d.cir is not the deck that `generate` wrote: line 5, cell c: R2 b 0 9; written was no "
        "line (and 2 more)"
    )
    assert AlteredDeck("d.cir", None, None, 0, ()).sentence == (
        "d.cir is not the deck that `generate` wrote: its comments differ"
    )
