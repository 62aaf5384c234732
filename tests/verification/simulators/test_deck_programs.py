"""Decks that would run commands are refused before a simulator sees them."""

from __future__ import annotations

import re
import shutil

import pytest

from netlist_gen.errors import DeckError
from verification.simulators.base import DeckJob
from verification.simulators.deck_programs import refuse_programs, refuse_unread
from verification.simulators.ngspice import NgspiceSimulator
from verification.simulators.wrspice import WrspiceSimulator

DECK = """* t
V1 1 0 pwl(0 0 1n 1)
R1 1 0 1
.options reltol=1e-4
.tran 1p 10p 0 1p uic
.save v(1)
{}
.end
{}"""
PROGRAMS = {"ngspice": NgspiceSimulator, "wrspice": WrspiceSimulator}
RUNS = ".control\nshell touch {}\n.endc\n"
"""Left a file with both programs; so did most of what is refused below, with one of them."""


@pytest.mark.parametrize(
    "text", [DECK.format("* .control", ""), "a title\n" + DECK.format("*signal", ""), "", "\n\n"]
)
def test_decks_that_run_nothing_pass(text):
    refuse_programs(text)


@pytest.mark.parametrize(
    ("line", "word", "does"),
    [
        (".control", ".control", "can run commands and programs"),
        ("  \t.CONTROL foo", ".CONTROL", "can run commands and programs"),
        (".controls", ".controls", "can run commands and programs"),
        ("* x\r.control", ".control", "can run commands and programs"),
        (".con\\", "\\", "at a line's end hides how the next begins"),
        (".exec", ".exec", "can run commands and programs"),
        (".postrun", ".postrun", "can run commands and programs"),
        (".script", ".script", "can run commands and programs"),
        ('.measure tran a avg v(1) exec "shell x"', ".measure", "can run commands and programs"),
        (".newjob", ".newjob", "can run commands and programs"),
        (".cache x", ".cache", "can run commands and programs"),
        (".check", ".check", "can run commands and programs"),
        (".verilog", ".verilog", "can run commands and programs"),
        ("*#shell x", "*#", "begins a command"),
        ("  *@ shell x", "*@", "begins a command"),
        (".include x", ".include", "reads another file, which can hold commands"),
        (".INC x", ".INC", "reads another file, which can hold commands"),
        (".lib x y", ".lib", "reads another file, which can hold commands"),
        (".spinclude x", ".spinclude", "reads another file, which can hold commands"),
        (".param a=`x`", "`", "can run a command"),
        (".model p d_process(process_file=x)", "d_process", "runs a program"),
        (".model p\n+ d_process(process_file=x)", "d_process", "runs a program"),
    ],
)
@pytest.mark.parametrize("after", [False, True])
def test_what_could_run_a_command(line, word, does, after):
    text = DECK.format("", line) if after else DECK.format(line, "")
    number = text.replace("\r", "\n")[: text.index(word)].count("\n") + 1
    if line.startswith(".model p\n"):
        number -= 1  # the place of a line is where it begins
    message = f"line {number}: {word} {does}; decks that do are run by simulate --trust-deck alone"
    with pytest.raises(DeckError, match=f"^{re.escape(message)}$"):
        refuse_programs(text)


@pytest.mark.parametrize(
    "title", ["*ng_script", " *NG_SCRIPT_with_params", ".control", "*#shell x"]
)
def test_a_first_line_that_is_more_than_a_title(title):
    with pytest.raises(DeckError, match=r"^line 1: .* decks that do are run by simulate --trust"):
        refuse_programs(title + "\n" + DECK.format("", ""))


@pytest.mark.parametrize("name", PROGRAMS)
def test_commands_run_in_trusted_decks_alone(name, tmp_path):
    if shutil.which(name) is None:
        pytest.skip(f"{name} is not on PATH")
    simulator, left = PROGRAMS[name](), tmp_path / "left"
    text = DECK.format(RUNS.format(left), "")
    with pytest.raises(
        DeckError, match=r"^deck d: line 7: \.control can run commands and programs;"
    ):
        simulator.run(DeckJob("d", text), timeout_s=20.0)
    assert not left.exists()
    simulator.run(DeckJob("d", text, trusted=True), timeout_s=20.0).require()
    assert left.exists()


@pytest.mark.parametrize("titled", [False, True])
def test_a_deck_that_is_read_whole_passes(titled):
    refuse_unread(DECK.format("* .if", "* behind\n\n  \n*"), titled=titled)
    refuse_unread("", titled=titled)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (DECK.format("", " V2 1 0\n+ dc 1"), "line 9: V2 1 0 dc 1 is behind .end, and not read"),
        (DECK.format("", ".End"), "line 9: .End is behind .end, and not read"),
        (DECK.format(".subckt a b\n.ends\n.SUBCKT A c", ""),
         "line 9: .SUBCKT A c: a deck that is judged has each subcircuit once, outside others, as "
         ".subckt"),
        (DECK.format(".subckt a b\n.subckt d c", ""),
         "line 8: .subckt d c: a deck that is judged has each subcircuit once, outside others, as "
         ".subckt"),
        (DECK.format(".macro a b", ""),
         "line 7: .macro a b: a deck that is judged has each subcircuit once, outside others, as "
         ".subckt"),
        (DECK.format(" .IF (0)", ""),
         "line 7: .IF: a deck that is judged has no branches"),
        (DECK.format(".endif", ""), "line 7: .endif: a deck that is judged has no branches"),
    ],
)  # fmt: skip
def test_what_may_not_be_read_is_refused(text, message):
    with pytest.raises(DeckError, match=f"^{re.escape(message)}$"):
        refuse_unread(text, titled=False)


def test_a_first_line_is_content_or_the_title():
    text = "I1 0 1 1\n" + DECK.format("", "")
    refuse_unread(text, titled=False)
    message = "line 1: I1 0 1 1 would be taken for the title; begin the deck with a comment (*)"
    with pytest.raises(DeckError, match=f"^{re.escape(message)}$"):
        refuse_unread(text, titled=True)
