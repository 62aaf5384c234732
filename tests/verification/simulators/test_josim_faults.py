"""Every way in which a simulator can fail, each with a real process."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import threading
import time

import pytest

from netlist_gen.errors import DeckError, SimulatorError
from verification.simulators.base import DeckJob, OutcomeKind
from verification.simulators.josim import JosimSimulator
from verification.simulators.process import Limits

pytestmark = pytest.mark.skipif(os.name != "posix", reason="the programs are shell scripts")

DECK = """* one junction
.model jmit jj(rtype=1, vg=2.8m, cap=0.07p, r0=160, rn=16, icrit=0.1m)
IB 0 1 pwl(0 0 1p 150u 9p 150u)
B1 1 0 jmit area=2
R1 1 0 3.4
.tran 0.25p 2p 0 0.5p
.print P(B1)
.end
"""
JOB = DeckJob("one", DECK)
HEADER = r"time,\"P(B1)\""
ROWS = ["0.000000e+00,0.0", "5.000000e-13,0.1", "1.000000e-12,0.2", "1.500000e-12,0.3"]


def writes(rows, end="\\n"):
    return f'printf "{HEADER}\\n' + "\\n".join(rows) + end + '" > out.csv\n'


def outcome_of(timeout_s=10.0, **options):
    return JosimSimulator(**options).run(JOB, timeout_s=timeout_s)


def test_a_good_run_gives_waveforms_and_leaves_nothing(install_josim, scratch):
    install_josim(writes(ROWS))
    waveforms = outcome_of().require()
    assert waveforms.names == ("P(B1)",)
    assert waveforms.time_s.tolist() == [0.0, 0.5e-12, 1e-12, 1.5e-12]
    assert waveforms.values.tolist() == [[0.0, 0.1, 0.2, 0.3]]
    assert list(scratch.iterdir()) == []


@pytest.mark.usefixtures("scratch")
def test_it_is_called_in_its_own_directory_with_a_value_for_m(install_josim, tmp_path):
    install_josim(f'echo "$@" > {tmp_path}/argv; pwd > {tmp_path}/cwd\n' + writes(ROWS))
    JosimSimulator().run(DeckJob("a=b c", DECK), timeout_s=10.0).require()
    assert (tmp_path / "argv").read_text() == "-m 1 -o out.csv deck.cir\n"
    name = (tmp_path / "cwd").read_text().strip().rpartition("/")[2]
    assert name.startswith("netlist-gen-a_b_c-")


@pytest.mark.usefixtures("scratch")
def test_a_deck_makes_it_write_nothing_else(install_josim, tmp_path):
    """JoSIM takes FILE without its dot everywhere, IV inside .control."""
    install_josim(f"cp deck.cir {tmp_path}/seen\n" + writes(ROWS))
    asks = (
        ".file /elsewhere/x.csv\n FILE\ty.csv\n.IV jmit\n* between\n+ 1m z.csv\n"
        ".control\niv jmit 1m a\n.endc\nIV 1 0 pwl(0 0 1p 1u)\n+ \n"
    )
    JosimSimulator().run(DeckJob("d", DECK.replace(".end\n", asks)), timeout_s=10.0).require()
    seen = (tmp_path / "seen").read_bytes().decode().partition("P(B1)\n")[2]
    assert seen == (
        "* .file /elsewhere/x.csv\n*  FILE\ty.csv\n* .IV jmit\n* between\n* + 1m z.csv\n"
        ".control\n* iv jmit 1m a\n.endc\nIV 1 0 pwl(0 0 1p 1u)\n+ \n"
    )
    included = DECK.replace("IB 0 1", "include x\nIB 0 1")
    message = (
        "line 3: include: JoSIM is given decks that are whole; put in its place what it includes"
    )
    with pytest.raises(DeckError, match=f"^{re.escape(message)}$"):
        JosimSimulator().run(DeckJob("d", included), timeout_s=10.0)


def test_missing(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    simulator = JosimSimulator()
    assert not simulator.available()
    message = (
        "JoSIM is not there: no program 'josim-cli' on PATH; `netlist-gen doctor` says how to "
        "get it"
    )
    with pytest.raises(SimulatorError, match=f"^{re.escape(message)}$"):
        simulator.run(JOB, timeout_s=1.0)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (
            "echo v2.6.8",
            "JoSIM at {} is version 2.6.8; 2.7 or later is needed (older ones read decks "
            "differently)",
        ),
        ("echo hello", "{} does not answer --version as JoSIM does; it says 'hello'"),
    ],
)
def test_another_program_or_an_old_version(install, body, message):
    program = install("josim-cli", body + "\n")
    with pytest.raises(SimulatorError, match=f"^{re.escape(message.format(program))}$"):
        JosimSimulator().version()


@pytest.mark.usefixtures("scratch")
def test_not_a_program(install):
    program = install("josim-cli", "")
    program.write_bytes(b"\x7fELF not really")
    with pytest.raises(SimulatorError, match=r"cannot be started: Exec format error$"):
        JosimSimulator().version()


@pytest.mark.parametrize(
    ("body", "kind", "message"),
    [
        (
            r'printf "\nW: Components\nThe specified model is not defined.\n\n" >&2'
            + "\n"
            + writes(ROWS),
            OutcomeKind.UNUSABLE,
            "it ended as if all were well, but said something that makes its output worthless: "
            "W: Components The specified model is not defined.",
        ),
        (
            r'printf "\nE: Input\nInput file deck.cir cannot be found\n\n" >&2; exit 255' + "\n",
            OutcomeKind.CRASHED,
            "exit status 255: E: Input Input file deck.cir cannot be found",
        ),
        (
            "exit 0\n",
            OutcomeKind.UNUSABLE,
            "it ended without an error but wrote no output",
        ),
        (
            "echo out of luck >&2; exit 3\n",
            OutcomeKind.CRASHED,
            "exit status 3 (stderr ends: out of luck)",
        ),
        (
            writes(ROWS[:2]) + "kill -9 $$\n",
            OutcomeKind.CRASHED,
            "killed by SIGKILL",
        ),
        (
            writes(ROWS[:2]) + "kill -11 $$\n",
            OutcomeKind.CRASHED,
            "killed by SIGSEGV",
        ),
        (
            writes(ROWS[:3]),
            OutcomeKind.UNUSABLE,
            "out.csv: the output was cut short: it holds 3, but .tran to 2e-12 s in prints of "
            "5e-13 s makes 4 samples",
        ),
        (
            writes(ROWS, end=""),
            OutcomeKind.UNUSABLE,
            "out.csv: the last line was cut off (no end of line)",
        ),
        (
            r'printf "time\n0.0\n5e-13\n" > out.csv' + "\n",
            OutcomeKind.UNUSABLE,
            "out.csv: no column P(B1) (1 of 1 asked for): no such node or device in the deck",
        ),
        (": > out.csv\n", OutcomeKind.UNUSABLE, "out.csv: the file is empty"),
        (
            "mkdir out.csv\n",
            OutcomeKind.UNUSABLE,
            "out.csv: cannot be read: Is a directory",
        ),
    ],
)
def test_failures_are_outcomes_with_a_sentence(install_josim, scratch, body, kind, message):
    install_josim(body)
    outcome = outcome_of()
    assert outcome.message == f"JoSIM on deck 'one': {message}"
    assert outcome.kind is kind
    assert outcome.waveforms is None
    with pytest.raises(SimulatorError, match=f"^{re.escape(outcome.message)}$"):
        outcome.require()
    assert list(scratch.iterdir()) == []


def test_a_hanging_program_is_killed_with_its_children(
    install_josim, scratch, hanging, wait_for_ends
):
    install_josim(hanging)
    started = time.monotonic()
    outcome = outcome_of(timeout_s=1.5)
    assert time.monotonic() - started < 10.0
    assert outcome.kind is OutcomeKind.TIMED_OUT
    assert outcome.message == "JoSIM on deck 'one': did not end within 1.5 s and was killed"
    assert wait_for_ends() == 2
    assert list(scratch.iterdir()) == []


@pytest.mark.usefixtures("scratch")
def test_a_killed_parent_takes_its_simulators_with_it(install_josim, hanging, pids, wait_for_ends):
    install_josim(hanging)
    script = (
        "from verification.simulators.base import DeckJob\n"
        "from verification.simulators.josim import JosimSimulator\n"
        f"jobs = [DeckJob(str(n), {DECK!r}) for n in range(3)]\n"
        "list(JosimSimulator().run_many(jobs, workers=3, timeout_s=600.0))\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", script])
    try:
        deadline = time.monotonic() + 30.0
        while len(list(pids.iterdir())) < 6:
            assert parent.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.02)
    finally:
        parent.kill()  # SIGKILL
        parent.wait()
    assert wait_for_ends() == 6


@pytest.mark.usefixtures("scratch")
def test_a_child_left_behind_is_killed_too(install_josim, pids, wait_for_ends):
    install_josim(f"sleep 600 & echo $! > {pids}/$!\n" + writes(ROWS))
    assert outcome_of().kind is OutcomeKind.OK
    assert wait_for_ends() == 1


@pytest.mark.usefixtures("scratch")
def test_megabytes_of_chatter_do_not_hurt(install_josim):
    install_josim("head -c 20000000 /dev/zero | tr '\\0' x\n" + writes(ROWS))
    assert outcome_of().kind is OutcomeKind.OK


def test_endless_chatter_is_stopped(install_josim, scratch):
    install_josim("yes\n")
    outcome = outcome_of(limits=Limits(0.0, log_bytes=1_000_000))
    assert outcome.kind is OutcomeKind.CRASHED
    assert outcome.message == "JoSIM on deck 'one': printed more than 1 MB and was stopped"
    assert list(scratch.iterdir()) == []


def test_a_program_that_fills_the_disk_is_stopped(install_josim, scratch):
    install_josim("cat /dev/zero > out.csv\n")
    outcome = outcome_of(limits=Limits(0.0, disk_bytes=2_000_000))
    assert outcome.kind is OutcomeKind.CRASHED
    assert outcome.message == "JoSIM on deck 'one': wrote more than 2 MB and was stopped"
    assert list(scratch.iterdir()) == []


@pytest.mark.josim
@pytest.mark.skipif(shutil.which("josim-cli") is None, reason="josim-cli is not on PATH")
def test_josim_on_a_full_disk_is_not_taken_for_a_short_run(tiny_disk, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tiny_disk))
    long = DECK.replace(".tran 0.25p 2p 0 0.5p", ".tran 0.25p 2000p 0 0.25p")
    outcome = JosimSimulator().run(DeckJob("one", long), timeout_s=20.0)
    assert outcome.kind is OutcomeKind.UNUSABLE
    assert re.match(
        r"^JoSIM on deck 'one': out\.csv: (the last line was cut off|the output was cut short).*; "
        r"the disk of the run directory is full$",
        outcome.message,
    )
    assert list(tiny_disk.iterdir()) == []


def test_a_deck_that_does_not_fit_on_the_disk_is_an_outcome(tiny_disk, monkeypatch, install_josim):
    install_josim(writes(ROWS))
    simulator = JosimSimulator()
    simulator.version()
    monkeypatch.setattr("tempfile.tempdir", str(tiny_disk))
    outcome = simulator.run(DeckJob("one", DECK + "*" * 200_000), timeout_s=5.0)
    assert outcome.kind is OutcomeKind.CRASHED
    assert outcome.message == (
        "JoSIM on deck 'one': could not be run: No space left on device; the "
        "disk of the run directory is full"
    )
    assert list(tiny_disk.iterdir()) == []


def test_a_hundred_runs_leave_no_process_and_no_directory(install_josim, hundred_runs):
    hundred_runs(install_josim, JosimSimulator(), DECK, good=writes(ROWS), short=writes(ROWS[:1]))


def test_a_campaign_that_stops_early_stops_its_runs(install_josim, scratch, pids, is_alive):
    install_josim(
        f"echo $$ > {pids}/$$\n"
        f'case "$(head -n 1 deck.cir)" in *slow) sleep 600;; *) {writes(ROWS).strip()};; esac\n'
    )
    jobs = [DeckJob("quick", DECK), *(DeckJob(f"s{n}", f"* slow\n{DECK}") for n in range(50))]
    # The process may hold threads of other tests (a cluster's event loop): only new ones count.
    threads = set(threading.enumerate())
    runs = JosimSimulator().run_many(jobs, workers=4, timeout_s=600.0)
    assert next(runs).job.name == "quick"
    started = time.monotonic()
    runs.close()
    assert time.monotonic() - started < 5.0
    started_runs = [int(path.name) for path in pids.iterdir()]
    assert len(started_runs) <= 8
    assert not any(is_alive(pid) for pid in started_runs)
    assert list(scratch.iterdir()) == []
    assert set(threading.enumerate()) <= threads


@pytest.mark.usefixtures("scratch")
def test_kept_runs_stay_where_they_were_asked_for(install_josim, tmp_path):
    install_josim(writes(ROWS))
    for _ in range(2):
        JosimSimulator(keep_runs=tmp_path / "runs").run(JOB, timeout_s=5.0).require()
    kept = sorted(path.name for path in (tmp_path / "runs" / "one").iterdir())
    assert kept == ["deck.cir", "out.csv", "stderr.txt", "stdout.txt"]
    assert (tmp_path / "runs" / "one" / "deck.cir").read_text() == DECK


def test_no_workers_is_refused(install_josim):
    install_josim("")
    with pytest.raises(SimulatorError, match=r"^0 workers asked for; at least 1 is needed$"):
        list(JosimSimulator().run_many([JOB], workers=0, timeout_s=1.0))


def test_a_deck_that_asks_for_nothing_never_runs(install_josim, tmp_path):
    install_josim(f"touch {tmp_path}/ran")
    message = "the deck stores no signal; JoSIM would store every node, so .print at least one"
    with pytest.raises(DeckError, match=f"^{re.escape(message)}$"):
        JosimSimulator().run(DeckJob("one", DECK.replace(".print P(B1)\n", "")), timeout_s=1.0)
    assert not (tmp_path / "ran").exists()
