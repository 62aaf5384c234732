"""Simulators, decks, ledgers that are wrong: a sentence, status 2 or 1, nothing looks whole."""

from __future__ import annotations

import re
import shutil

import pytest
from bad_files import assert_nothing_whole

pytestmark = pytest.mark.usefixtures("plots_aside")


def test_a_simulator_that_is_missing(cli, tiny, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    ran = cli("verify", tiny.net, "--inputs", tiny.x, "--simulator", "josim", "-o", tiny.run)
    assert (ran.status, ran.out) == (1, "")
    assert ran.sentence == (
        "the simulator josim is not here; netlist-gen doctor says how to get it"
    )
    assert_nothing_whole(tiny.run)


def test_a_simulator_that_is_too_old(cli, tiny, install_josim):
    program = install_josim("exit 0", version="v2.6.8 compiled long ago")
    ran = cli("verify", tiny.net, "--inputs", tiny.x, "--simulator", "josim", "-o", tiny.run)
    assert (ran.status, ran.out) == (1, "")
    assert ran.sentence == (
        f"JoSIM at {program} is version 2.6.8; 2.7 or later is needed "
        "(older ones read decks differently)"
    )
    assert_nothing_whole(tiny.run)


BROKEN = [
    ("kill -9 $$", r"killed by SIGKILL"),
    ("echo boom >&2; exit 3", r"exit status 3 \(stderr ends: boom\)"),
    ("exit 0", r"it ended without an error but wrote no output"),
    ("printf 'time,\"P(B1|XO)\"\\n0,0\\n1e-12,0' > out.csv", r".*"),
    ("echo > out.csv", r".*"),
    (
        "echo 'W: Model' >&2; echo 'unknown model, using the default' >&2; exit 0",
        r"it ended as if all were well, but said something .*unknown model.*",
    ),
]


@pytest.mark.parametrize(("body", "message"), BROKEN, ids=range(len(BROKEN)))
def test_a_simulator_that_breaks(cli, tiny, install_josim, body, message):
    """Every run fails: status 1, the first in words, and a verdict that says so."""
    install_josim(body)
    ran = cli("verify", tiny.net, "--inputs", tiny.x, "--simulator", "josim", "-o", tiny.run)
    assert ran.status == 1
    pattern = (
        r"0 of 0 neuron windows disagree, 5 runs failed; first: layer 0, neuron 0: "
        r"JoSIM on deck 'L0N0': " + message
    )
    assert re.fullmatch(pattern, ran.sentence), ran.sentence
    assert "\nDISAGREED\n" in ran.out


def test_output_that_is_cut_short(cli, tiny, install_josim):
    if install_josim.real is None:
        pytest.skip("josim-cli is not on PATH")
    install_josim(f'{install_josim.real} "$@" || exit; head -c 20000 out.csv > o; mv o out.csv')
    ran = cli("verify", tiny.net, "--inputs", tiny.x, "--simulator", "josim", "-o", tiny.run)
    assert ran.status == 1
    assert re.search(r"5 runs failed; first: layer 0, neuron 0: JoSIM on deck 'L0N0': ", ran.err)


def test_a_simulator_that_does_not_end(cli, tiny, install_josim):
    install_josim("exec sleep 100")
    ran = cli(
        "verify", tiny.net, "--inputs", tiny.x, "--simulator", "josim", "--timeout", "0.2",
        "-o", tiny.run,
    )  # fmt: skip
    assert ran.status == 1
    assert ran.sentence.endswith("JoSIM on deck 'L0N0': did not end within 0.2 s and was killed")


def test_decks_that_break_a_rule(cli, tiny, tmp_path):
    folder = tmp_path / "decks"
    assert cli("generate", tiny.net, "-o", folder, "--inputs", tiny.x).status == 0
    deck = folder / "L0N1.cir"
    good = deck.read_text()
    for bad, message in (
        (
            good.replace("area=", "area=(", 1),
            r".*/decks/L0N1\.cir, line \d+: brackets do not pair in .*",
        ),
        (good.replace(".end\n", "B9 x 0 other area=1\n.end\n"), r".*/decks/L0N1\.cir.*"),
        ("", r".*/decks/L0N1\.cir: it has 0 \.tran lines; it needs one"),
    ):
        deck.write_text(bad)
        words = ("--decks", folder, "--simulator", "embedded")
        ran = cli("verify", tiny.net, "--inputs", tiny.x, "-o", tiny.run, *words)
        assert (ran.status, ran.out) == (2, "")
        assert re.fullmatch(message, ran.sentence), ran.sentence
        assert_nothing_whole(tiny.run)
    for content, message in (
        (b"* \xff\n\0", ": the deck can't be read (a NUL byte: this is not a text file)"),
        (
            b"* \xff\nR1 1 0 \xff\n",
            ", line 2: a character that is not UTF-8 text at place 8; outside comments a deck "
            "holds printable ASCII characters, blanks and tabs",
        ),
    ):
        deck.write_bytes(content)
        ran = cli("verify", tiny.net, "--inputs", tiny.x, "-o", tiny.run, "--decks", folder)
        assert (ran.status, ran.sentence) == (2, f"{deck}{message}")


@pytest.mark.ngspice
@pytest.mark.skipif(shutil.which("ngspice") is None, reason="ngspice not on PATH")
def test_a_deck_that_could_run_programs_is_named(cli, tiny, tmp_path):
    folder = tmp_path / "decks"
    words = ("--inputs", tiny.x, "--dialect", "ngspice")
    assert cli("generate", tiny.net, "-o", folder, *words).status == 0
    deck = folder / "L0N1.cir"
    deck.write_text(f"* title\n.control\nshell true\n.endc\n{deck.read_text()}")
    words = ("--decks", folder, "--simulator", "ngspice")
    ran = cli("verify", tiny.net, "--inputs", tiny.x, "-o", tiny.run, *words)
    assert (ran.status, ran.sentence) == (
        2,
        f"{deck}: line 2: .control can run commands and programs; decks that do are run by "
        "simulate --trust-deck alone",
    )


def test_a_ledger_that_is_none(cli, tiny):
    tiny.run.mkdir()
    ledger = tiny.run / "ledger.sqlite"
    ledger.write_bytes(b"not a database, but long enough to be looked at as one" * 40)
    words = ("--simulator", "embedded", "--resume")
    ran = cli("verify", tiny.net, "--inputs", tiny.x, "-o", tiny.run, *words)
    assert (ran.status, ran.out) == (2, "")
    assert re.fullmatch(
        re.escape(str(ledger)) + r": not a usable ledger \(.*\); run without --resume to start "
        r"a new one",
        ran.sentence,
    )
    assert_nothing_whole(tiny.run)
