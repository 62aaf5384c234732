"""The linter takes every deck the generator writes and refuses what would read otherwise."""

from __future__ import annotations

import re

import numpy as np
import pytest
from deck_text import replace_line
from hypothesis import given, settings
from hypothesis import strategies as st
from support import neuron_site, tiny_network

from netlist_gen.assembly.network_circuit import network_bench
from netlist_gen.circuit.bench import neuron_bench
from netlist_gen.deck.decks import neuron_deck
from netlist_gen.deck.emit import emit
from netlist_gen.deck.lines import character
from netlist_gen.deck.lint import lint
from netlist_gen.errors import DeckError
from netlist_gen.library.cells import CellLibrary


def deck_of(signs=(1, -1), theta=1, windows=2):
    library = CellLibrary()
    stimulus = np.ones((windows, len(signs)), dtype=bool)
    return neuron_deck(library, neuron_bench(library, neuron_site(signs, theta), stimulus), "d", 0)


DECK = deck_of().text
LINES = DECK.splitlines()
ELEMENTS = [i for i, line in enumerate(LINES) if line and line[0] in "BLRXV"]
"""Lines with nodes; I sources are left out of those whose removal must be seen: a bias that is
missing leaves its node well connected."""


def complaint(text, name="d.cir"):
    with pytest.raises(DeckError) as caught:
        lint(text, name)
    return str(caught.value)


@settings(deadline=None, max_examples=15)
@given(
    st.lists(st.sampled_from([-1, 1]), min_size=1, max_size=12),
    st.integers(-4, 6),
    st.integers(1, 3),
)
def test_every_neuron_deck_is_accepted(signs, theta, windows):
    lint(deck_of(signs, theta, windows).text, "d.cir")


def test_a_whole_network_is_accepted():
    library = CellLibrary()
    bench = network_bench(tiny_network(), library, np.ones((2, 3), dtype=bool))
    lint(emit(bench.circuit, library.process, bench.analysis(), bench.probes(), name="n").text, "n")


@given(st.sampled_from(ELEMENTS), st.data())
def test_a_renamed_node_is_refused(index, data):
    words = LINES[index].split()
    last = len(words) - 1 if words[0][0] == "X" else 3
    at = data.draw(st.integers(1, last - 1))
    words[at] = "elsewhere"
    changed = [*LINES[:index], " ".join(words), *LINES[index + 1 :]]
    assert re.fullmatch(
        r"d\.cir: node [A-Z0-9_]+ of [\w ]+ is joined to one element only; every node needs at "
        r"least two",
        complaint("\n".join(changed)),
    )


@pytest.mark.parametrize(
    "pattern", ["LC0 ", "LA a n ", "XS0 ", "XI0 ", "RB1 n ", "XO o q", "VC ", "XD "]
)
def test_a_removed_line_is_refused(pattern):
    at = next(i for i, line in enumerate(LINES) if re.match(pattern, line))
    after = at + 1
    while LINES[after].startswith("+"):
        after += 1
    text = "\n".join(LINES[:at] + LINES[after:])
    assert re.fullmatch(
        r"d\.cir: node [A-Z0-9_]+ of [\w ]+ is joined to one element only; every node needs at "
        r"least two",
        complaint(text),
    )


@given(st.sampled_from(ELEMENTS))
def test_a_name_repeated_in_another_case_is_refused(index):
    words = LINES[index].split()
    changed = [
        *LINES[: index + 1],
        " ".join([words[0].swapcase(), *words[1:]]),
        *LINES[index + 1 :],
    ]
    if words[0][0] == "V":  # its continuation lines now follow the copy
        changed = [*LINES[:index], " ".join([words[0].swapcase(), "a", "0", "dc"]), *LINES[index:]]
        other = words[0]
    else:
        other = words[0].swapcase()
    assert re.fullmatch(
        rf"d\.cir, line {index + 2}: the name {re.escape(other)} is already used on line "
        rf"{index + 1} of [\w ]+ \(case is ignored\)",
        complaint("\n".join(changed)),
    )


@given(st.sampled_from([i for i in ELEMENTS if LINES[i][0] == "B"]))
def test_an_unknown_model_is_refused(index):
    changed = [*LINES]
    changed[index] = changed[index].replace("jjmit", "jjmitt")
    assert complaint("\n".join(changed)) == (
        f"d.cir, line {index + 1}: junction model JJMITT is not defined"
    )


@given(st.sampled_from([i for i, line in enumerate(LINES) if ")" in line and line[0] not in "*+"]))
def test_a_missing_bracket_is_refused(index):
    changed = [*LINES]
    changed[index] = changed[index].replace(")", "")
    assert complaint("\n".join(changed)) == (
        f"d.cir, line {index + 1}: brackets do not pair in {changed[index][:60]!r}"
    )


@given(st.sampled_from(ELEMENTS), st.sampled_from(".|"))
def test_a_reserved_character_in_a_name_is_refused(index, character):
    words = LINES[index].split()
    words[0] = f"{words[0]}{character}A"
    changed = [*LINES[:index], " ".join(words), *LINES[index + 1 :]]
    assert complaint("\n".join(changed)) == (
        f"d.cir, line {index + 1}: the name {words[0]} holds a reserved character (. or |)"
    )


@given(st.sampled_from(ELEMENTS), st.sampled_from(".|"))
def test_a_reserved_character_in_a_node_is_refused(index, character):
    words = LINES[index].split()
    words[1] = f"{words[1]}{character}a"
    changed = [*LINES[:index], " ".join(words), *LINES[index + 1 :]]
    assert complaint("\n".join(changed)) == (
        f"d.cir, line {index + 1}: the node {words[1].upper()} holds a reserved character (. or |)"
    )


def line_of(text, start):
    return next(i for i, line in enumerate(text.splitlines(), 1) if line.startswith(start))


@pytest.mark.parametrize(
    ("pattern", "new", "message"),
    [
        (r"\.tran .*", "", "d.cir: it has 0 .tran lines; it needs one"),
        (r"\.tran .*", ".tran 1 2\n.tran 1 2", "d.cir: it has 2 .tran lines; it needs one"),
        (r"\.tran .*", ".tran 1e-12 1e-9 5e-10 1e-12",
         "d.cir, line {at}: the print begins at 5e-10 s; it must begin at 0"),
        (r"\.end", ".wrspice", "d.cir, line {at}: .wrspice is not a control the generator writes; "
         "allowed are .end, .ends, .model, .print, .subckt, .tran"),
        (r"XL0N0 (.*) L0N0", "XL0N0 s0 L0N0",
         "d.cir, line {at}: instance XL0N0 has 1 nets; subcircuit L0N0 has 5 ports"),
        (r"XL0N0 (.*) L0N0", "XL0N0 s0 L0N9", "d.cir, line {at}: subcircuit L0N9 is not defined"),
        (r"\.subckt jtl a q", ".subckt jtl", "d.cir, line {at}: '.subckt jtl' lacks a name or what "
         "follows it"),
        (r"\.model .*", ".model", "d.cir, line {at}: '.model' lacks a name or what follows it"),
        (r"RL q 0 .*", "RL q 0 1\nRZ q jtl 1\nRY jtl 0 1",
         "d.cir: node JTL of the top level has the name of a subcircuit; "
         "name one of them otherwise"),
        (r"RL q 0 .*", "RL q 0", "d.cir, line {at}: RL needs two nodes and a value"),
        (r"RL q 0 .*", "ZL q 0 1", "d.cir, line {at}: ZL is not an element the generator writes"),
        (r"KCT_0 LCT_0 LT_0 .*", "KCT_0 LCT_0 LT_0",
         "d.cir, line {at}: a coupling needs two inductors and a coefficient"),
        (r"KCT_0 LCT_0 LT_0 .*", "KCT_0 LCT_0 LT_0 1.0",
         "d.cir, line {at}: coupling KCT_0 is 1.0; it must lie in (-1, 1)"),
        (r"KCT_0 LCT_0 LT_0 .*", "KCT_0 LCT_0 LT_0 nan",
         "d.cir, line {at}: coupling KCT_0 is nan; it must lie in (-1, 1)"),
        (r"KCT_0 LCT_0 LT_0 .*", "KCT_0 LCT_0 LT_0 k",
         "d.cir, line {at}: coupling KCT_0: 'k' is no number"),
        (r"KCT_0 LCT_0 LT_0 .*", "KCT_0 LCT_0 LXX 0.1",
         "d.cir, line {at}: KCT_0 couples LXX, which is not an inductor of decision_4"),
        (r"KCT_0 LCT_0 LT_0 .*", "KCT_0 LXX LT_0 0.1",
         "d.cir, line {at}: KCT_0 couples LXX, which is not an inductor of decision_4"),
        (r"\.subckt splitter .*", ".subckt jtl a q0 q1",
         "d.cir, line {at}: subcircuit jtl is defined twice"),
    ],
)  # fmt: skip
def test_other_rules(pattern, new, message):
    text = replace_line(DECK, pattern, new)
    at = next((i for i, line in enumerate(text.splitlines(), 1) if new and line == new), 0)
    assert complaint(text) == message.format(at=at)


def test_no_print():
    text = "\n".join(line for line in LINES if not line.startswith(".print"))
    assert complaint(text) == "d.cir: it has no .print line, so nothing would be measured"


def test_subcircuits_that_do_not_end_or_begin():
    start = line_of(DECK, ".subckt jtl")
    text = DECK.replace(".ends\n", "", 1)
    at = line_of(text, ".subckt splitter")
    assert complaint(text) == f"d.cir, line {at}: subcircuit splitter begins inside jtl"
    cut = "\n".join(LINES[: start + 2])
    assert complaint(cut) == f"d.cir: subcircuit jtl (line {start}) has no .ends"
    assert complaint(f".ends\n{DECK}") == "d.cir, line 1: .ends without a .subckt before it"


def test_a_deck_cut_short_anywhere_is_refused():
    # Whatever is lost at the end, .tran or .print goes with it; a cut among .print lines alone
    # leaves a deck that is whole but measures less, and comparison complains of that.
    last = line_of(DECK, ".tran")
    for keep in range(1, last, 7):
        assert complaint("\n".join(LINES[:keep])).startswith("d.cir")


@given(
    st.lists(
        st.sampled_from(
            [*"+*.()0", " ", "\n", ".model", ".subckt", ".ends", ".tran", ".print", "X1", "B1",
             "K1", "L1", "a", "jj", "1e-12"]
        ),
        max_size=30,
    ).map("".join) | st.text(max_size=60)
)  # fmt: skip
def test_any_text_is_refused_with_a_sentence(text):
    assert complaint(text).startswith("d.cir")


@pytest.mark.parametrize("sign", ["\xa0", "\u2028", "\x85", "\v", "\f", "\x1c", "\u0663"])
def test_a_character_that_simulators_read_otherwise_is_refused(sign):
    index = next(i for i, line in enumerate(LINES) if line.startswith("L"))
    line = LINES[index]
    place = line.index(" ") + 1
    text = "\n".join([*LINES[:index], line.replace(" ", sign, 1), *LINES[index + 1 :]])
    words = f"{character(sign)} at place {place}; outside comments a deck holds printable ASCII "
    assert complaint(text) == f"d.cir, line {index + 1}: {words}characters, blanks and tabs"


def test_comments_hold_any_text():
    lint("\n".join(["* \u03a9\xa0\u2028.tran 1p 2p\x85.end", *LINES]), "d.cir")
    lint(DECK.replace("\n", "\r\n"), "d.cir")


def test_numbers_are_those_of_the_line_also_in_subcircuits_that_passed_before():
    """A subcircuit that passed is not read again, wherever it stands in the next deck."""
    lint(DECK, "d.cir")
    lines = ["* one more", "", "* and one more", *LINES]
    at = next(i for i, line in enumerate(lines, 1) if line.startswith("B"))
    assert complaint("\n".join(line for line in lines if not line.startswith(".model"))) == (
        f"d.cir, line {at - sum(x.startswith('.model') for x in lines[:at])}: "
        "junction model JJMIT is not defined"
    )
    head = ".subckt splitter a q0 q1"
    first = lines.index(head)
    without = [*lines[:first], *lines[lines.index(".ends", first) + 1 :]]
    at = next(i for i, line in enumerate(without, 1) if re.match(r"X\S+ .* splitter$", line))
    assert complaint("\n".join(without)) == (
        f"d.cir, line {at}: subcircuit SPLITTER is not defined"
    )
    more = [*lines]
    more[first : first + 1] = [f"{head} r", "RR r 0 1", "RS r a 1"]
    at = next(i for i, line in enumerate(more, 1) if re.match(r"X\S+ .* splitter$", line))
    assert complaint("\n".join(more)) == (
        f"d.cir, line {at}: instance {more[at - 1].split()[0]} has 3 nets; subcircuit SPLITTER has "
        "4 ports"
    )


def test_a_known_subcircuit_twice_or_with_a_line_that_goes_on_is_read_again():
    lint(DECK, "d.cir")
    first = LINES.index(".subckt jtl a q")
    end = LINES.index(".ends", first)
    block = LINES[first : end + 1]
    twice = [*LINES[: end + 1], *block, *LINES[end + 1 :]]
    assert complaint("\n".join(twice)) == (
        f"d.cir, line {end + 2}: subcircuit jtl is defined twice"
    )
    gone_on = [*LINES[: end + 1], "+ (", *LINES[end + 1 :]]
    assert complaint("\n".join(gone_on)) == (
        f"d.cir, line {end + 1}: brackets do not pair in '.ends  ('"
    )


def test_an_error_in_a_subcircuit_that_is_new_is_on_its_line():
    """Names, couplings and nodes of the third subcircuit, behind others that are known."""
    lint(DECK, "d.cir")
    at = next(i for i, line in enumerate(LINES) if line.startswith("KCT_0 LCT_0 LT_0"))
    changed = ["*", *LINES[:at], LINES[at].replace("LT_0", "LQQ"), *LINES[at + 1 :]]
    assert complaint("\n".join(changed)) == (
        f"d.cir, line {at + 2}: KCT_0 couples LQQ, which is not an inductor of decision_4"
    )


def test_a_subcircuit_of_one_port_and_the_shortest_deck():
    text = ".model m jj(icrit=1m)\n.subckt one a\nB1 a 0 m\nR1 a 0 1\n.ends\nX1 p one\nR2 p 0 1\n"
    lint(f"{text}.tran 1p 2p\n.print phase B1.X1", "d.cir")
    lint(f"{text}.tran 1p 2p\n.print phase B1.X1\n.end", "d.cir")


def test_a_model_inside_a_subcircuit_is_read_each_time():
    text = ".subckt one a\n.model m jj(icrit=1m)\nB1 a 0 m\nR1 a 0 1\n.ends\nX1 p one\nR2 p 0 1\n"
    for _ in range(2):
        lint(f"{text}.tran 1p 2p\n.print phase B1.X1", "d.cir")
