"""Options and directories that are wrong: a sentence, status 2, nothing that looks whole."""

from __future__ import annotations

import os
import re

import pytest
from bad_files import assert_nothing_whole

RUNS_AS_ROOT = hasattr(os, "geteuid") and os.geteuid() == 0

OPTIONS = [
    (["--samples", "9"], "--samples is 9; there are 4 samples"),
    (
        ["--timeout", "0"],
        "--timeout is 0; it must be positive and finite",
    ),
    (
        ["--cooling", "nan"],
        "--cooling is nan; it must be positive and finite",
    ),
    (["--clock-ghz", "0"], "--clock-ghz is 0; it must be positive and finite"),
    (["--clock-ghz", "nan"], "--clock-ghz is nan; it must be positive and finite"),
    (
        ["--jobs", "0"],
        "Invalid value for '--jobs': 0 is not in the range x>=1. "
        "`netlist-gen verify --help` says what is allowed.",
    ),
]


@pytest.mark.parametrize(("words", "sentence"), OPTIONS, ids=[" ".join(w) for w, _ in OPTIONS])
def test_options_that_make_no_sense(cli, tiny, words, sentence):
    ran = cli("verify", tiny.net, "--inputs", tiny.x, "-o", tiny.run, *words)
    assert (ran.status, ran.out, ran.sentence) == (2, "", sentence)
    assert_nothing_whole(tiny.run)


PATTERNS = [
    (["--clock-ghz", "50"], r"a clock of 50 GHz leaves windows of 20 ps; .*"),
    (["--simulator", "spice3"], r"there is no simulator 'spice3'; allowed are auto, .*"),
    (
        ["--process", "cmos7"],
        r"no process 'cmos7'; the library has sfq5ee, sfq5ee_bare, sfq5ee_opened, stp2, or give a "
        r"\.toml file",
    ),
    (["--process", "no/such.toml"], r"no/such\.toml: can't be read \(No such file or directory\)"),
    (["--decks", "no/such/folder"], r"--decks: no/such/folder is not a directory of decks"),
]


@pytest.mark.parametrize(("words", "message"), PATTERNS, ids=[" ".join(w) for w, _ in PATTERNS])
def test_options_that_name_what_is_not_there(cli, tiny, words, message):
    ran = cli("verify", tiny.net, "--inputs", tiny.x, "-o", tiny.run, *words)
    assert (ran.status, ran.out) == (2, "")
    assert re.fullmatch(message, ran.sentence), ran.sentence
    assert_nothing_whole(tiny.run)


def test_a_process_file_that_is_not_whole(cli, tiny, tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text("[process\n")
    ran = cli("inspect", tiny.net, "--process", path)
    assert (ran.status, ran.out) == (2, "")
    assert ran.sentence.startswith(f"{path}: ")


@pytest.mark.parametrize("command", ["generate", "verify", "demo"])
def test_an_output_directory_that_cannot_be_made(cli, tiny, tmp_path, command):
    """Below a file: also root can't make it."""
    (tmp_path / "file").write_text("kept")
    out = tmp_path / "file" / "run"
    words = {
        "generate": [tiny.net],
        "verify": [tiny.net, "--inputs", tiny.x],
        "demo": ["--samples", 1],
    }
    ran = cli(command, *words[command], "-o", out)
    assert (ran.status, ran.out) == (2, "")
    assert ran.err.splitlines()[-1] == (
        f"netlist-gen: the output directory {out} can't be written (Not a directory)"
    )
    assert (tmp_path / "file").read_text() == "kept"


@pytest.mark.skipif(RUNS_AS_ROOT, reason="root may write everywhere")
@pytest.mark.parametrize("command", ["generate", "verify"])
def test_an_output_directory_that_is_read_only(cli, tiny, command):
    tiny.run.mkdir()
    tiny.run.chmod(0o500)
    words = {"generate": [], "verify": ["--inputs", tiny.x]}
    ran = cli(command, tiny.net, *words[command], "-o", tiny.run)
    assert (ran.status, ran.out) == (2, "")
    assert "can't be written" in ran.sentence


def test_an_output_directory_that_is_a_file(cli, tiny):
    tiny.run.write_text("kept")
    for words in (["generate", tiny.net], ["verify", tiny.net, "--inputs", tiny.x]):
        ran = cli(*words, "-o", tiny.run)
        assert (ran.status, ran.out) == (2, "")
        assert ran.sentence == (f"the output directory {tiny.run} can't be written (File exists)")
    assert tiny.run.read_text() == "kept"


def test_the_result_of_an_earlier_run_does_not_outlive_a_broken_one(cli, tiny):
    """A directory that held a finished run, and a new run that comes to nothing."""
    ran = cli("verify", tiny.net, "--inputs", tiny.x, "--simulator", "embedded", "-o", tiny.run)
    assert ran.status == 0, ran.err
    words = ("--decks", tiny.run.parent, "--simulator", "embedded", "--jobs", 1)
    ran = cli("verify", tiny.net, "--inputs", tiny.x, "-o", tiny.run, *words)
    missing = tiny.run.parent / "L0N0.cir"
    assert (ran.status, ran.sentence) == (
        2,
        f"{missing}: the deck can't be read (No such file or directory)",
    )
    assert_nothing_whole(tiny.run)
