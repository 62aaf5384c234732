"""What a JoSIM deck asks for, read as JoSIM reads it."""

from __future__ import annotations

import re
import shutil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netlist_gen.errors import DeckError
from verification.simulators.base import DeckJob
from verification.simulators.josim import JosimSimulator
from verification.waves.josim_controls import Transient, read_controls, read_number

needs_josim = pytest.mark.skipif(
    shutil.which("josim-cli") is None, reason="josim-cli is not on PATH"
)

DECK = """* every way to ask for a signal
.model jmit jj(rtype=1, vg=2.8m, cap=0.07p, r0=160, rn=16, icrit=0.1m)
.subckt cell 1 2
B1 1 0 jmit area=2
R1 1 0 3.4
L1 1 2 2p
.ends
.subckt outer 1 2
Xin 1 2 cell
.ends
IB 0 A pwl(0 0 1p 150u)
X1 A C outer
B2 C 0 jmit area=2
R2 C 0
+ 3.4
V5 D 0 pwl(0 0 1p 1m)
R5 D C 100
.tran 0.05p 3p 1p 0.5p
.print P(B1.Xin.X1) v(c) V(D,C) i(r2) R5#branch
.print phase b1.xin.x1
.print devp B2
.print devv B2
.print devi L1.Xin.X1
.print nodev C D
.print nodep C
.plot @R2[c]
.save P(B2) I(IB)
.control
print V(A)
.endc
.end
.print V(NOTHING)
"""


def test_columns_and_times_of_a_deck():
    controls = read_controls(DECK)
    assert controls.transient == Transient(0.05e-12, 3e-12, 1e-12, 0.5e-12)
    assert controls.columns == (
        "P(B1|XIN|X1)",
        "V(C)",
        "V(D,C)",
        "I(R2)",
        "I(R5)",
        "P(B1|XIN|X1)",
        "P(B2)",
        "V(B2)",
        "I(L1|XIN|X1)",
        "V(C,D)",
        "P(C)",
        "I(R2)",
        "P(B2)",
        "I(IB)",
        "V(A)",
    )


@pytest.mark.josim
@needs_josim
def test_josim_reads_the_deck_the_same_way():
    waveforms = JosimSimulator().run(DeckJob("ask", DECK), timeout_s=10.0).require()
    assert waveforms.names == read_controls(DECK).columns
    assert waveforms.time_s[0] == pytest.approx(1e-12, rel=1e-9, abs=0)


@pytest.mark.josim
@needs_josim
@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        # An unknown current source is dropped without a warning: only the header shows it.
        (
            "I(IB)",
            "I(INONE)",
            "out.csv: no column I(INONE) (1 of 15 asked for): no such node or device in the deck",
        ),
        (
            "P(B2) I(IB)",
            "P(B9)",
            "it ended as if all were well, but said something that makes its output worthless: "
            "W: Controls Unknown device/node B9 Cannot store results for this device/node. "
            "Ignoring this store request.",
        ),
        (
            "B2 C 0 jmit",
            "B2 C 0 jnot",
            "it ended as if all were well, but said something that makes its output worthless: "
            "W: Components The specified model is not defined. Missing model: JNOT "
            "Using default model as specified in the manual.",
        ),
    ],
)
def test_josims_silent_changes_are_errors(old, new, message):
    assert old in DECK
    deck = DeckJob("trap", DECK.replace(old, new))
    outcome = JosimSimulator().run(deck, timeout_s=10.0)
    assert outcome.message == f"JoSIM on deck 'trap': {message}"


@pytest.mark.parametrize(
    ("token", "value"),
    [
        ("0.25p", 0.25e-12),
        ("1e-12", 1e-12),
        ("5F", 5e-15),
        ("3MEG", 3e6),
        ("2X", 2e6),
        ("1m", 1e-3),
        (".5k", 500.0),
        ("-4u", -4e-6),
        ("7", 7.0),
        ("1.e3G", 1e12),
        ("2t", 2e12),
        ("8n", 8e-9),
    ],
)
def test_suffixes(token, value):
    assert read_number(token, 1) == pytest.approx(value, rel=1e-15, abs=0)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_number_python_writes_is_read_back(value):
    assert read_number(repr(value), 1) == value


@pytest.mark.parametrize("token", ["", "p", "1pp", "5Ohm", "2.5ps", "1*2", "nan", "{a}", "0x10"])
def test_what_is_no_plain_number_is_refused(token):
    message = (
        f"line 7: {token!r} is not a plain number with one of the suffixes F P N U M K MEG X G T"
    )
    with pytest.raises(DeckError, match=f"^{re.escape(message)}$"):
        read_number(token, 7)


@pytest.mark.parametrize(
    ("controls", "message"),
    [
        (".print P(B1)", "the deck has no .tran line; JoSIM needs one"),
        (
            ".tran 1p 10p",
            "the deck stores no signal; JoSIM would store every node, so .print at least one",
        ),
        (
            ".tran 1p 10p uic\n.print P(B1)",
            "line 2: 'UIC' is not a plain number with one of the suffixes F P N U M K MEG X G T",
        ),
        (
            ".tran 1p\n.print P(B1)",
            "line 2: .tran has 1 numbers; it takes tstep tstop [pstart [pstep]]",
        ),
        (
            ".tran 1p 10p 20p 1p\n.print P(B1)",
            "line 2: .tran 1P 10P 20P 1P is impossible; needed are 0 < tstep <= tstop, "
            "0 <= pstart < tstop and 0 < pstep <= tstop",
        ),
        (
            ".tran 1p 10p 0 1p 5p\n.print P(B1)",
            "line 2: .tran asks for a filter over 5P (its 5th number), which smears pulses; "
            "leave it out",
        ),
        (
            ".tran 1p 10p\n.print V(A, B)",
            "line 3: 'V(A,' is not a signal; allowed are V(x), V(x,y), I(x), P(x), x#branch, "
            "@x[c], and DEVI, DEVV, DEVP, NODEV, NODEP or PHASE with a name",
        ),
        (
            ".tran 1p 10p\nIB 0 1 pwl(0 0 1p 1m\n.print P(B1)",
            "line 3: 1 opening and 0 closing parentheses; JoSIM would read on without a word",
        ),
        (
            ".tran 1p 10p\n.print devv A B",
            "line 3: DEVV is followed by 2 names; 1 allowed on a line",
        ),
        (
            ".tran 1p 10p\n.print nodev A B C",
            "line 3: NODEV is followed by 3 names; 1 or 2 allowed on a line",
        ),
        (
            ".tran 1p 10p\n.spread 0.1\n.print P(B1)",
            "line 3: .spread draws values that no result records (and a normal distribution where "
            "its manual says uniform); draw them before the deck is written",
        ),
    ],
)
def test_what_josim_would_misread_is_refused(controls, message):
    with pytest.raises(DeckError, match=f"^{re.escape(message)}$"):
        read_controls(f"* title\n{controls}\n.end\n")


def test_a_step_longer_than_the_print_step_is_shortened_as_josim_does():
    controls = read_controls("* t\n.tran 0.5p 10p 0 0.25p\n.print P(B1)\n")
    assert controls.transient.step_s == 0.25e-12
