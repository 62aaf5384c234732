"""What reading may take: decks of a few kB that name more than a machine holds."""

from __future__ import annotations

import re
import time

import pytest

from netlist_gen.errors import DeckError, SimulatorError
from verification.engine.run import compile_deck, compile_deck_file
from verification.engine.text.budget import Budget

END = "I1 0 1 pwl(0 0 5p 0.1m)\nR1 1 0 5\n.tran 0.1p 5p\n.print nodev 1\n"


def seconds(text):
    start = time.perf_counter()
    compile_deck(text, name="d")
    return time.perf_counter() - start


def refusal(text, kind=DeckError, **options):
    with pytest.raises(kind) as caught:
        compile_deck(text, name="d", **options)
    return str(caught.value)


def test_a_chain_of_parameters_takes_time_by_its_length():
    """Each names the one after it: in the order of the deck none can be found until the last is."""

    def chain(length):
        links = [f".param p{n}=p{n + 1}+1\n" for n in range(length)]
        return "".join([*links, f".param p{length}=1\n", END.replace("R1 1 0 5", "R1 1 0 p0")])

    # Asked in the deck's order again and again, 20,000 would take 200 million readings: an hour.
    assert seconds(chain(20_000)) < 20.0


def test_many_scopes_do_not_copy_the_parameters():
    parameters = "".join(f".param p{n}=1\n" for n in range(3000))
    cells = "".join(f".subckt c{n} a\n.param q=p7\nR1 a 0 q\n.ends\n" for n in range(3000))
    assert seconds(parameters + cells + END) < 10.0


@pytest.mark.parametrize("opening", ["(", "-", "sin(", "{", "2^"])
def test_deep_expressions_are_refused(opening):
    found = refusal(END.replace("R1 1 0 5", f"RX 1 0 5\n.param a={opening * 5000}1"))
    assert found == "d, line 3: .param A: the expression nests deeper than 64"


def test_the_deepest_expression_that_is_read():
    def nested(depth):
        return END.replace("1 0 5", f"1 0 {'(' * depth}5{')' * depth}")

    compile_deck(nested(64), name="d")
    assert refusal(nested(65)) == "d, line 2: R1: the expression nests deeper than 64"


def test_subcircuits_nest_to_a_depth():
    def nested(depth):
        cells = [f".subckt s{n} a b\nX1 a b s{n + 1}\n.ends\n" for n in range(depth - 1)]
        last = f".subckt s{depth - 1} a b\nRX a b 1\n.ends\nX1 1 0 s0\n"
        return "".join([*cells, last, END])

    compile_deck(nested(100), name="d")
    assert refusal(nested(101)) == "d, line 301: subcircuits nest deeper than 100"
    assert refusal(nested(5000)) == "d, line 301: subcircuits nest deeper than 100"


def test_a_few_lines_do_not_expand_to_millions():
    cells = [f".subckt s{n} a\nX1 a s{n + 1}\nX2 a s{n + 1}\n.ends\n" for n in range(23)]
    text = "".join([*cells, ".subckt s23 a\nRX a 0 1\n.ends\nX1 1 s0\n", END])
    assert refusal(text) == (
        "d: 8388610 devices when expanded; the limit for a deck of 50 device lines is 150000"
    )


@pytest.mark.parametrize(
    "line",
    [
        ".subckt c " + " ".join(f"n{n}" for n in range(100_000)) + "\nRC n0 0 1\n.ends",
        "RX 1 0 {" + "1 + " * 40_000 + "1}",
        ".print " + "v( 1 ) " * 10_000,
        "IX 0 1 pwl(" + " ".join(f"{n}p 0" for n in range(100_000)) + ")",
        "RX 1 0 5\n" + "+ \n" * 100_000,
        "* x\n" * 300_000,
    ],
)
def test_long_lines_take_time_by_their_length(line):
    assert seconds(f"{line}\n{END}") < 5.0


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            ".model m jj(" + "rn=5 " * 30_000 + ")",
            "d, line 1: model M: its line has more than 100000 characters",
        ),
        (
            "RX 1 0 " + "1+" * 60_000 + "1",
            "d, line 1: RX: the expression has 120001 characters; at most 100000 are read",
        ),
        (
            ".param a=" + "(" * 60_000 + "1" + ")" * 60_000,
            "d, line 1: .param A: the expression has 120001 characters; at most 100000 are read",
        ),
        (".option seed=" + "9" * 5000, "d, line 1: OPTION SEED="),
        ("RX 1 0 " + "9" * 5000, "d, line 1: RX: the value of 999"),
    ],
)
def test_long_words_are_refused_in_a_sentence(line, message):
    found = refusal(f"{line}\n{END}")
    assert found.startswith(message)
    assert len(found) <= 1000


def test_the_deadline_covers_reading_and_building(tmp_path):
    deck = tmp_path / "d.cir"
    deck.write_text("RX 1 0 5\n" * 300 + END)
    message = f"{deck}: reading the deck took too long and was stopped"
    with pytest.raises(SimulatorError, match=f"^{re.escape(message)}$"):
        compile_deck_file(deck, lambda: True)
    text = "".join(f"RX{n} 1 0 5\n" for n in range(300)) + END
    assert refusal(text, SimulatorError, deadline=lambda: True).startswith("d: reading the deck")
    # Each stage by itself: the clock is looked at in every one.
    looks = iter(range(100))
    budget = Budget("d", lambda: next(looks) == 0)
    with pytest.raises(SimulatorError, match=r"^d: reading the deck took too long"):
        budget.look()
    budget.look()
