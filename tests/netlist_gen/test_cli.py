"""The command line itself: help, exit statuses, and errors as one sentence."""

from __future__ import annotations

import importlib
import json
import os
import re
import signal
import subprocess
import sys
import time

import click
import pytest
from click.testing import CliRunner

from netlist_gen import __version__, errors
from netlist_gen.cli import COMMANDS, cli

HEAVY = ("torch", "snntorch", "numba", "matplotlib", "pandas", "scipy", "sklearn", "rich")

CONTRACT = {
    "demo": {"-o"},
    "train": {
        "--data-dir", "--hidden", "--population", "--fan-in", "--steps", "--epochs", "--seed", "-o",
    },
    "inspect": {"--json"},
    "generate": {"-o", "--dialect", "--scope", "--inputs", "--process", "--clock-ghz"},
    "verify": {"--inputs", "--labels", "--simulator", "--jobs", "--resume", "-o"},
    "simulate": {"-o", "--simulator"},
    "doctor": {"--json"},
    "report": set(),
    "compare": {"--signals", "--json"},
    "plot": {"--signals", "-o"},
    "run": set(),
}  # fmt: skip
"""Options that scripts outside the project use: none may be renamed or dropped."""


def python(*words: object, **options) -> subprocess.CompletedProcess[str]:
    """The program in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "netlist_gen.cli", *map(str, words)],
        capture_output=True, text=True, timeout=300, check=False, **options,
    )  # fmt: skip


@pytest.mark.parametrize("flag", ["--version", "-V"])
def test_version(flag):
    result = CliRunner().invoke(cli, [flag])
    assert (result.exit_code, result.output) == (0, f"netlist-gen, version {__version__}\n")


def test_help_lists_every_command_with_what_it_does():
    result = CliRunner().invoke(cli, ["--help"], terminal_width=100)
    assert result.exit_code == 0
    listed = result.output.partition("Commands:\n")[2].splitlines()
    assert [line.split()[0] for line in listed] == list(COMMANDS)
    for line, (name, says) in zip(listed, COMMANDS.items(), strict=True):
        assert line.split(name, 1)[1].strip() == says


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_has_help_and_is_where_its_name_says(cli, name):
    ran = cli(name, "--help")
    assert (ran.status, ran.err) == (0, "")
    assert ran.out.startswith(f"Usage: netlist-gen {name} ")
    assert importlib.import_module(f"netlist_gen.commands.{name}")


def test_without_a_standard_output():
    ran = subprocess.run(
        f"{sys.executable} -m netlist_gen.cli doctor >&-",
        shell=True, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert (ran.returncode, ran.stderr) == (0, "")


@pytest.mark.parametrize("name", CONTRACT)
def test_options_that_scripts_rely_on(name):
    command = getattr(importlib.import_module(f"netlist_gen.commands.{name}"), name)
    options = {o for p in command.params if isinstance(p, click.Option) for o in p.opts}
    assert options >= CONTRACT[name]


def test_help_imports_nothing_heavy():
    """``--help`` of the program and of each command: what takes long to import is not touched."""
    script = (
        "import sys, json\n"
        "from click.testing import CliRunner\n"
        "from netlist_gen.cli import COMMANDS, cli\n"
        "for words in ([], *([name] for name in COMMANDS)):\n"
        "    assert CliRunner().invoke(cli, [*words, '--help']).exit_code == 0, words\n"
        "print(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=100
    )
    assert not set(json.loads(done.stdout)) & set(HEAVY)


def test_help_of_the_program_imports_no_command():
    script = (
        "import sys\n"
        "sys.argv = ['netlist-gen', '--help']\n"
        "from netlist_gen.cli import main\n"
        "try:\n"
        "    main()\n"
        "except SystemExit as end:\n"
        "    assert end.code == 0\n"
        "print(sorted(n for n in sys.modules if n.startswith('netlist_gen.commands.')))\n"
        "print('numpy' in sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=100
    )
    assert done.stdout.splitlines()[-2:] == ["[]", "False"]


def test_without_a_command_it_says_what_there_is(cli):
    ran = cli()
    assert ran.status == 2
    assert "Commands:" in ran.out + ran.err


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (
            ["nothing"],
            "No such command 'nothing'. `netlist-gen --help` says what is allowed.",
        ),
        (
            ["inspect"],
            "Missing argument 'NET'. `netlist-gen inspect --help` says what is allowed.",
        ),
        (
            ["verify", "n.pt", "--inputs", "x.npy"],
            "Missing option '-o' / '--output'. `netlist-gen verify --help` says what is allowed.",
        ),
        (
            ["demo", "--samples", "0"],
            "Invalid value for '--samples': 0 is not in the range x>=1. "
            "`netlist-gen demo --help` says what is allowed.",
        ),
        (
            ["doctor", "extra"],
            "Got unexpected extra argument (extra). `netlist-gen doctor --help` says what is "
            "allowed.",
        ),
        (
            ["report", "run", "--colour", "red"],
            "No such option '--colour'. `netlist-gen report --help` says what is allowed.",
        ),
    ],
)
def test_a_wrong_command_is_one_sentence(cli, words, sentence):
    ran = cli(*words)
    assert (ran.status, ran.out, ran.sentence) == (2, "", sentence)


FAULTS = [
    (errors.NetlistGenError("a, b."), 2, "a, b."),
    (errors.NetworkError("net.pt: layer 0"), 2, "net.pt: layer 0"),
    (errors.DeckError("d.cir, line 3"), 2, "d.cir, line 3"),
    (errors.ConfigurationError("--x is 3"), 2, "--x is 3"),
    (errors.SimulatorError("it died"), 1, "it died"),
    (errors.WaveformError("NaN"), 1, "NaN"),
    (errors.MismatchError("1 of 3"), 1, "1 of 3"),
    (OSError(28, "No space left on device", "run/x"), 1, "run/x: No space left on device"),
    (OSError("odd"), 1, "odd"),
    (KeyboardInterrupt(), 130, "interrupted"),
    (errors.NetworkError("a\nb\x1b[0m.npz: no such file"), 2, r"a\nb\x1b[0m.npz: no such file"),
    (
        ZeroDivisionError("division\nby zero"),
        1,
        "an error of the program itself (ZeroDivisionError division by zero); --debug shows where",
    ),
]


@pytest.mark.parametrize(("error", "status", "sentence"), FAULTS, ids=lambda v: type(v).__name__)
def test_every_error_becomes_a_sentence_and_a_status(cli, monkeypatch, error, status, sentence):
    def fail(**_):
        raise error

    from netlist_gen.commands.doctor import doctor

    monkeypatch.setattr(doctor, "callback", fail)
    ran = cli("doctor")
    assert (ran.status, ran.out, ran.sentence) == (status, "", sentence)


@pytest.mark.parametrize(
    "words", [["--debug", "inspect", "no.pt"], ["inspect", "no.pt", "--debug"]]
)
def test_debug_shows_the_traceback_wherever_it_stands(words):
    done = python(*words)
    assert done.returncode == 1
    assert "Traceback (most recent call last)" in done.stderr
    assert "netlist_gen.errors.NetworkError: no.pt: no such file" in done.stderr


def test_a_real_process_gives_the_sentence_and_the_status():
    done = python("inspect", "no.pt")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "netlist-gen: no.pt: no such file\n"


def test_a_reader_that_goes_away_is_no_error(tiny):
    read, write = os.pipe()
    os.close(read)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "netlist_gen.cli", "inspect", str(tiny.net)],
            stdout=write, stderr=subprocess.PIPE, text=True, timeout=100, check=False,
        )  # fmt: skip
    finally:
        os.close(write)
    assert (done.returncode, done.stderr) == (1, "")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_a_signal_stops_the_simulators_and_leaves_no_result(tiny, tmp_path, number):
    folder, pids = tmp_path / "bin", tmp_path / "pids"
    folder.mkdir()
    program = folder / "josim-cli"
    program.write_text(
        '#!/bin/sh\nif [ "$1" = --version ]; then echo v2.7.0 compiled; exit 0; fi\n'
        f"echo $$ >> {pids}\nexec sleep 300\n"
    )
    program.chmod(0o755)
    child = subprocess.Popen(
        [sys.executable, "-m", "netlist_gen.cli", "verify", str(tiny.net), "--inputs", str(tiny.x),
         "--simulator", "josim", "--jobs", "2", "-o", str(tiny.run)],
        env={**os.environ, "PATH": f"{folder}:{os.environ['PATH']}"},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        deadline = time.monotonic() + 300  # of patience with a machine that is busy
        while not (pids.exists() and len(pids.read_text().split()) == 2):
            assert time.monotonic() < deadline, "the simulators were not started"
            assert child.poll() is None, child.stderr.read()
            time.sleep(0.05)
        child.send_signal(number)
        out, err = child.communicate(timeout=300)
    finally:
        child.kill()
    assert child.returncode == 130
    assert out == ""
    assert "Traceback" not in err
    again = "netlist-gen: interrupted; go on with `netlist-gen verify "
    assert err.splitlines()[-1].startswith(again)
    for pid in pids.read_text().split():
        assert not re.match(r"\d+ \(sleep\) [^Z]", _stat(pid)), "a simulator still runs"
    left = {path.name for path in tiny.run.iterdir()}
    assert not left & {"verify.json", "results.npz", "report.html"}


def _stat(pid: str) -> str:
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
            return file.read()
    except OSError:
        return ""


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["verfy"], "there is no command 'verfy'; did you mean verify? "
                    "`netlist-gen --help` says what is allowed."),
        (["doctor", "--jso"], "No such option '--jso'. Did you mean '--json'? "
                              "`netlist-gen doctor --help` says what is allowed."),
        (["xyzzy"], "No such command 'xyzzy'. `netlist-gen --help` says what is allowed."),
    ],
)  # fmt: skip
def test_what_may_be_meant(words, sentence):
    ran = python(*words)
    assert (ran.returncode, ran.stdout, ran.stderr) == (2, "", f"netlist-gen: {sentence}\n")


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("pl", ["plot"]),
        ("plot w.csv --layout c", ["combined"]),
        ("verify n --simulator installed,jo", ["installed,josim"]),
        ("verify n --process stp", ["stp2"]),
        ("characterize spl", ["splitter"]),
        ("characterize my", ["my"]),  # a file
        ("characterize x --optimize --goal y", ["yield"]),
        ("characterize x --driver me", ["merger"]),
        ("inspect n --profile superc", ["superc"]),  # a file
        ("train m", ["mnist"]),
        ("train digits --precision b", ["bfloat16"]),
        ("train digits --encode l", ["levels", "latency"]),
        ("generate n --dialect josim,w", ["josim,wrspice"]),
    ],
)
def test_a_shell_completes_commands_and_values(words, found):
    given = {"COMP_WORDS": f"netlist-gen {words}", "COMP_CWORD": str(len(words.split()))}
    shell = {**os.environ, **given, "_NETLIST_GEN_COMPLETE": "bash_complete"}
    ran = python(env=shell)
    assert [line.split(",", 1)[1] for line in ran.stdout.split()] == found, ran.stderr


def test_the_completion_script_names_the_program():
    for shell in ("bash", "zsh", "fish"):
        ran = CliRunner().invoke(cli, ["completion", shell])
        assert ran.exit_code == 0
        assert "_NETLIST_GEN_COMPLETE" in ran.output
