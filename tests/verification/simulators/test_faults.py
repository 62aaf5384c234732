"""The faults that WRspice and ngspice can have, with real processes; ngspice's with ngspice itself.

What all classes share is tested with JoSIM's (``test_josim_faults``); here is what depends on how
each is called, what it writes, and how that is judged.
"""

from __future__ import annotations

import os
import re
import shutil
import time

import pytest

from netlist_gen.errors import SimulatorError
from verification.simulators import ngspice_shared
from verification.simulators.base import DeckJob, OutcomeKind
from verification.simulators.ngspice import NgspiceSimulator
from verification.simulators.process import Limits
from verification.simulators.wrspice import WrspiceSimulator

pytestmark = pytest.mark.skipif(os.name != "posix", reason="the programs are shell scripts")

NGSPICE = shutil.which("ngspice")
needs_ngspice = pytest.mark.skipif(NGSPICE is None, reason="ngspice is not on PATH")
needs_library = pytest.mark.skipif(
    not NgspiceSimulator(backend="shared").available(),
    reason="PySpice or libngspice is not installed",
)
BACKENDS = [
    pytest.param("subprocess", marks=[pytest.mark.ngspice, needs_ngspice]),
    pytest.param("shared", marks=[pytest.mark.ngspice, needs_library]),
]

WRSPICE_DECK = """* one junction
B1 1 0 ph1 jmit area=2
R1 1 0 3.4
.model jmit jj(rtype=1, vg=2.8m, delv=0.08m, icrit=0.1m, r0=160, rn=16, cap=0.07p)
IB 0 1 pwl(0 0 1p 150u)
* signal P(B1) = v(ph1)
.tran 0.5p 1p 0 0.05p uic
.save v(ph1)
.end
"""
NGSPICE_DECK = """* a resonator
L1 1 0 1p
C1 1 0 1p
R1 1 0 100
I1 0 1 pwl(0 0 1p 1m)
.tran 0.01p {stop} 0 0.01p uic
* signal V(1) = v(1)
.save v(1)
.end
"""
NGSPICE_SHORT, NGSPICE_LONG = (NGSPICE_DECK.format(stop=stop) for stop in ("20p", "1m"))
NGSPICE_THREE_POINTS = NGSPICE_DECK.format(stop="1p").replace("0.01p 1p", "0.5p 1p")

HEADER = "Title: t\\nFlags: real\\nNo. Variables: 2\\nNo. Points: 3\\n"
VARIABLES = "Command: version 4.3.23\\nVariables:\\n 0 time S\\n 1 {} V\\nValues:\\n"
POINTS = [" 0\\t0\\n\\t0\\n", " 1\\t5e-13\\n\\t1\\n", " 2\\t1e-12\\n\\t2\\n"]


def writes(points, vector):
    return f"printf '{HEADER}{VARIABLES.format(vector)}{''.join(points)}' > out.raw\n"


PROBE = (
    'if [ "$(head -n 1 deck.cir)" = "* version probe" ]; then\n'
    + writes(POINTS, "v(1)")
    + "exit 0\nfi\n"
)
VERSION = 'if [ "$1" = --version ]; then echo ngspice-39; exit 0; fi\n'


@pytest.fixture(params=["WRspice", "ngspice"])
def broken(request, install, monkeypatch):
    """``broken(shell_text)`` installs such a simulator; then it has ``run`` and ``good``."""
    monkeypatch.setattr(ngspice_shared, "library", lambda: None)

    class Broken:
        title = request.param
        vector = "v(ph1)" if request.param == "WRspice" else "v(1)"
        good = writes(POINTS, vector)
        deck = WRSPICE_DECK if request.param == "WRspice" else NGSPICE_THREE_POINTS

        def __call__(self, body):
            name, preamble = ("wrspice", PROBE) if self.title == "WRspice" else ("ngspice", VERSION)
            install(name, preamble + body + "\n")

        def simulator(self, **options):
            if self.title == "WRspice":
                return WrspiceSimulator(**options)
            return NgspiceSimulator(backend="subprocess", **options)

        def run(self, timeout_s=10.0, **options):
            job = DeckJob("one", f"* one\n{self.deck}")
            return self.simulator(**options).run(job, timeout_s=timeout_s)

    return Broken()


def test_missing(broken, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert not broken.simulator().available()
    message = (
        f"{broken.title} is not there: no program '{broken.title.lower()}' on PATH; "
        "`netlist-gen doctor` says how to get it"
    )
    with pytest.raises(SimulatorError, match=f"^{re.escape(message)}$"):
        broken.run()


@pytest.mark.parametrize(
    ("body", "kind", "message"),
    [
        ("GOOD kill -9 $$", OutcomeKind.CRASHED, "killed by SIGKILL"),
        ("GOOD echo 'out of memory'; exit 3", OutcomeKind.CRASHED,
         "exit status 3 (stdout ends: out of memory)"),
        ("GOOD echo 'Error: no such model' >&2", OutcomeKind.UNUSABLE,
         "it ended as if all were well, but said something that makes its output worthless: "
         "Error: no such model"),
        ("", OutcomeKind.UNUSABLE, "it ended without a complaint but wrote no output"),
        ("SHORT", OutcomeKind.UNUSABLE,
         "out.raw: 6 numbers, but 3 points of 2 variables and their indices take 9: the file was "
         "cut short"),
        (": > out.raw", OutcomeKind.UNUSABLE, "out.raw: the file is empty"),
        ("mkdir out.raw", OutcomeKind.UNUSABLE, "out.raw: cannot be read: Is a directory"),
    ],
)  # fmt: skip
def test_failures_are_outcomes(broken, scratch, body, kind, message):
    short = writes(POINTS[:2], broken.vector)
    broken(body.replace("GOOD", broken.good).replace("SHORT", short))
    outcome = broken.run()
    assert outcome.message == f"{broken.title} on deck 'one': {message}"
    assert (outcome.kind, outcome.waveforms) == (kind, None)
    assert list(scratch.iterdir()) == []


def test_a_hanging_program_is_killed_with_its_children(broken, scratch, hanging, wait_for_ends):
    broken(hanging)
    outcome = broken.run(timeout_s=0.7)
    assert outcome.kind is OutcomeKind.TIMED_OUT
    assert (
        outcome.message == f"{broken.title} on deck 'one': did not end within 0.7 s and was killed"
    )
    assert wait_for_ends() == 2
    assert list(scratch.iterdir()) == []


@pytest.mark.usefixtures("scratch")
def test_megabytes_of_chatter_do_not_hurt(broken):
    broken("head -c 20000000 /dev/zero | tr '\\0' x\n" + broken.good)
    assert broken.run().kind is OutcomeKind.OK


def test_endless_chatter_and_a_filled_disk_are_stopped(broken, scratch):
    whose = f"{broken.title} on deck 'one': "
    broken("yes")
    outcome = broken.run(limits=Limits(0.0, log_bytes=1_000_000))
    assert outcome.message == whose + "printed more than 1 MB and was stopped"
    broken("cat /dev/zero > out.raw")
    outcome = broken.run(limits=Limits(0.0, disk_bytes=2_000_000))
    assert outcome.message == whose + "wrote more than 2 MB and was stopped"
    assert list(scratch.iterdir()) == []


def test_a_hundred_runs_leave_no_process_and_no_directory(broken, hundred_runs):
    short = writes(POINTS[:1], broken.vector)
    hundred_runs(broken, broken.simulator(), broken.deck, good=broken.good, short=short)


# From here on ngspice itself.


def real(backend, text, timeout_s=20.0, **options):
    return NgspiceSimulator(backend=backend, **options).run(DeckJob("r", text), timeout_s=timeout_s)


@pytest.mark.parametrize("backend", BACKENDS)
def test_ngspice_runs_and_a_long_run_is_killed(backend, scratch):
    assert real(backend, NGSPICE_SHORT).kind is OutcomeKind.OK
    started = time.monotonic()
    outcome = real(backend, NGSPICE_LONG, timeout_s=1.0)
    assert outcome.kind is OutcomeKind.TIMED_OUT
    assert time.monotonic() - started < 8.0
    assert list(scratch.iterdir()) == []


@pytest.mark.ngspice
@needs_ngspice
@pytest.mark.parametrize(
    ("status", "kind", "message"),
    [
        ('exit "$?"', OutcomeKind.CRASHED, r"exit status 137"),
        ("exit 0", OutcomeKind.UNUSABLE, r"out\.raw: the header says 0 points"),
    ],
)
def test_ngspice_killed_half_way_is_no_short_run(install, scratch, status, kind, message):
    install(
        "ngspice",
        f'if [ "$1" = --version ]; then exec {NGSPICE} "$@"; fi\n'
        f'{NGSPICE} "$@" & child=$!\n'
        "until [ -s out.raw ]; do sleep 0.02; done\n"
        f"kill -9 $child; wait $child; {status}\n",
    )
    outcome = real("subprocess", NGSPICE_LONG)
    assert outcome.kind is kind
    assert re.match(rf"^ngspice on deck 'r': {message}", outcome.message)
    assert list(scratch.iterdir()) == []


@pytest.mark.parametrize("backend", BACKENDS)
def test_ngspice_on_a_full_disk_is_not_taken_for_a_short_run(backend, tiny_disk, monkeypatch):
    simulator = NgspiceSimulator(backend=backend)
    simulator.version()
    monkeypatch.setattr("tempfile.tempdir", str(tiny_disk))
    deck = NGSPICE_DECK.format(stop="200p")
    outcome = simulator.run(DeckJob("r", deck), timeout_s=20.0)
    assert outcome.kind in (OutcomeKind.UNUSABLE, OutcomeKind.CRASHED)
    assert outcome.message.endswith("; the disk of the run directory is full")
    assert list(tiny_disk.iterdir()) == []
