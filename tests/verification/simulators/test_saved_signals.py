"""What WRspice and ngspice decks save, and the names their output gets."""

from __future__ import annotations

import re

import numpy as np
import pytest

from netlist_gen.errors import DeckError, WaveformError
from verification.simulators.saved_signals import (
    canonical,
    read_saved,
    to_waveforms,
)
from verification.waves.readers.raw import RawFile

DECK = """* a title with .save v(9) in it
B1 1 0 ph1 jmit area=2
L1 1 2 2p
R1 2 0 1
* signal P(B1|X1) = v(PH1)
* signal I(L1|X1) = i(l1)
.tran 0.5p 10p 0 0.1p uic
.save v(ph1) v(2)
+ l1#branch
.end
.save v(3)
"""


def raw_file(**changes):
    time = np.arange(21) * 0.5e-12
    fields = {
        "producer": "version 4.3.23",
        "names": ("l1#branch", "v(2)", "v(ph1)"),
        "kinds": ("I", "V", "V"),
        "time_s": time,
        "values": np.vstack([time * 0 + 1, time * 0 + 2, time * 0 + 3]),
    }
    return RawFile(**(fields | changes))


def test_signals_in_the_order_of_the_deck_under_josims_names():
    saved = read_saved(DECK)
    assert saved.columns == ("P(B1|X1)", "V(2)", "I(L1|X1)")
    assert saved.vectors == ("ph1", "2", "l1#branch")
    assert (saved.step_s, saved.stop_s) == (0.5e-12, 10e-12)
    waveforms = to_waveforms(raw_file(), saved, "out.raw")
    assert waveforms.names == saved.columns
    assert waveforms.values[:, 0].tolist() == [3, 2, 1]


@pytest.mark.parametrize("title", ["R9 1 0 1", "", "\xfcber 3 k\u03a9", ".save v(9)", "+ x"])
def test_the_first_line_is_the_title_whatever_it_says(title):
    lines = DECK.split("\n")
    assert read_saved("\n".join([title, *lines[1:]])) == read_saved(DECK)


def test_a_unit_behind_a_time_changes_nothing():
    assert read_saved(DECK.replace("0.5p 10p", "0.5ps 10PS")) == read_saved(DECK)


@pytest.mark.parametrize(
    ("vector", "name"),
    [
        ("V(Ph.X1)", "ph.x1"),
        ("ph.x1", "ph.x1"),
        ("I(L1)", "l1#branch"),
        ("L1.X1#branch", "l1.x1#branch"),
        ("@r1[i]", "@r1[i]"),
    ],
)
def test_one_spelling_for_a_vector(vector, name):
    assert canonical(vector) == name


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"names": ("l1#branch", "v(2)", "v(other)")},
            "out.raw: no vector ph1 (1 of 3 asked for): no such node or element in the deck",
        ),
        (
            {"names": ("l1#branch", "v(2)", "v(ph1)", "v(9)"), "values": np.ones((4, 21))},
            "out.raw: the deck did not ask for vector 9",
        ),
        (
            {"time_s": np.arange(21) * 0.4e-12},
            "out.raw: the run stopped at 8e-12 s, before the deck's 1e-11 s",
        ),
        (
            {"time_s": np.sort(np.append(np.arange(1, 21), 20)) * 0.5e-12},
            "out.raw: time does not increase at point 20 (1e-11 s, then 1e-11 s)",
        ),
    ],
)
def test_output_that_is_not_what_was_asked_for(changes, message):
    with pytest.raises(WaveformError, match=f"^{re.escape(message)}$"):
        to_waveforms(raw_file(**changes), read_saved(DECK), "out.raw")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "L1 1 2 2p",
            "L1 1\u20032 2p",
            "line 3: EM SPACE (U+2003) at place 5; outside comments a deck holds printable ASCII "
            "characters, blanks and tabs",
        ),
        (".tran 0.5p 10p 0 0.1p uic\n", "", "the deck has no .tran line"),
        (".tran 0.5p 10p 0 0.1p uic", ".tran 1p", "line 7: .tran needs at least tstep and tstop"),
        (
            ".save v(ph1) v(2)\n+ l1#branch\n",
            "",
            "the deck has no .save line; the simulator would save every vector",
        ),
        (
            "+ l1#branch\n",
            "",
            "the deck names I(L1|X1) as vector 'l1#branch', but does not .save it",
        ),
        ("v(2)", "v(PH1)", "vector 'ph1' is saved twice"),
    ],
)
def test_decks_that_ask_for_nothing_certain(old, new, message):
    assert old in DECK
    with pytest.raises(DeckError, match=f"^{re.escape(message)}$"):
        read_saved(DECK.replace(old, new, 1))
