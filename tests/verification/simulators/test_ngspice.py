"""ngspice, both ways, on small decks with a junction as a subcircuit; pulses held against JoSIM."""

from __future__ import annotations

import re
import shutil

import numpy as np
import pytest

from netlist_gen.errors import SimulatorError
from verification.simulators import ngspice_shared
from verification.simulators.base import DeckJob, OutcomeKind
from verification.simulators.josim import JosimSimulator
from verification.simulators.ngspice import NgspiceSimulator
from verification.waves.pulses import detect_phase

needs_program = pytest.mark.skipif(shutil.which("ngspice") is None, reason="ngspice not on PATH")
needs_library = pytest.mark.skipif(
    not NgspiceSimulator(backend="shared").available(),
    reason="PySpice or libngspice is not installed",
)
BACKENDS = [
    pytest.param("subprocess", marks=[pytest.mark.ngspice, needs_program]),
    pytest.param("shared", marks=[pytest.mark.ngspice, needs_library]),
]

DECK = """* two junctions of a transmission line
.subckt jj p n ph
BJ p n I = 2.5e-4*sin(V(ph))
CJ p n 1.75e-13
RJ p n 64
GPH 0 ph p n 3.0385348961546e15
CPH ph 0 1
.ends
X1 1 0 ph1 jj
X2 2 0 ph2 jj
RS1 1 0 2.74
RS2 2 0 2.74
L1 1 2 4e-12
IB1 0 1 pwl(0 0 5e-12 175e-6)
IB2 0 2 pwl(0 0 5e-12 175e-6)
IIN 0 1 pwl(0 0 20e-12 0 22e-12 500e-6 24e-12 0)
.options method=gear reltol=1e-4
.tran 5e-14 60e-12 0 5e-14 uic
* signal P(B1) = v(ph1)
* signal P(B2) = v(ph2)
.save v(ph1) v(ph2) i(l1)
.end
"""

JOSIM_DECK = """* the same
.model jmit jj(rtype=1, vg=2.8e-3, cap=0.07e-12, r0=160, rn=16, icrit=0.1e-3)
B1 1 0 jmit area=2.5
B2 2 0 jmit area=2.5
RS1 1 0 2.74
RS2 2 0 2.74
L1 1 2 4e-12
IB1 0 1 pwl(0 0 5e-12 175e-6)
IB2 0 2 pwl(0 0 5e-12 175e-6)
IIN 0 1 pwl(0 0 20e-12 0 22e-12 500e-6 24e-12 0)
.tran 0.02e-12 60e-12 0 0.1e-12
.print P(B1) P(B2) I(L1)
.end
"""


def run(deck, backend, timeout_s=20.0):
    return NgspiceSimulator(backend=backend).run(DeckJob("line", deck), timeout_s=timeout_s)


@pytest.mark.parametrize("backend", BACKENDS)
def test_one_pulse_passes_both_junctions(backend, scratch):
    simulator = NgspiceSimulator(backend=backend)
    assert re.fullmatch(r"\d+(\.\d+)*", simulator.version())
    waveforms = run(DECK, backend).require()
    assert waveforms.names == ("P(B1)", "P(B2)", "I(L1)")
    for name in ("P(B1)", "P(B2)"):
        train = detect_phase(waveforms.time_s, waveforms.signal(name))
        assert train.signs.tolist() == [1]
        assert round(train.final_fluxons) == 1
    assert np.abs(waveforms.signal("I(L1)")[-1]) < 1e-7
    assert list(scratch.iterdir()) == []


@pytest.mark.josim
@pytest.mark.skipif(shutil.which("josim-cli") is None, reason="josim-cli is not on PATH")
@pytest.mark.parametrize("backend", BACKENDS)
def test_the_pulses_are_josims(backend):
    ours = run(DECK, backend).require()
    josims = JosimSimulator().run(DeckJob("line", JOSIM_DECK), timeout_s=20.0).require()
    for name in ("P(B1)", "P(B2)"):
        one = detect_phase(ours.time_s, ours.signal(name))
        other = detect_phase(josims.time_s, josims.signal(name))
        assert one.times_s == pytest.approx(other.times_s, abs=0.05e-12)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    ("old", "new", "kind", "words"),
    [
        ("ph1 jj", "ph1 nothing", OutcomeKind.CRASHED, "exit status 1: Error: unknown subckt"),
        (
            "RS1 1 0 2.74",
            "RS1 1 0 2.74 foo=3",
            OutcomeKind.CRASHED,
            "exit status 1: Error on line 11 or its substitute: / rs1 1 0 2.74 foo=3 / "
            "unknown parameter (foo)",
        ),
        (
            ".save v(ph1) v(ph2)",
            ".save v(ph1) v(ph2) v(nowhere)",
            OutcomeKind.UNUSABLE,
            "out.raw: no vector nowhere (1 of 4 asked for): no such node or element in the deck",
        ),
        (
            "RS1 1 0 2.74",
            "RS1 9 0 2.74\nC9 8 7 1p",
            OutcomeKind.TIMED_OUT,
            "did not end within 1.5 s and was killed",
        ),
    ],
)
def test_bad_decks_are_outcomes(backend, old, new, kind, words):
    assert old in DECK
    patience = 1.5 if kind is OutcomeKind.TIMED_OUT else 20.0
    outcome = run(DECK.replace(old, new, 1), backend, timeout_s=patience)
    assert outcome.kind is kind
    assert outcome.message.startswith(f"ngspice on deck 'line': {words}")


def test_without_the_library_the_program_is_used(monkeypatch, install):
    monkeypatch.setattr(ngspice_shared, "library", lambda: None)
    program = install("ngspice", "echo '** ngspice-42 : Circuit level simulation program'\n")
    simulator = NgspiceSimulator()
    assert simulator.backend == "subprocess"
    assert simulator.path() == program
    assert simulator.version() == "42"
    message = (
        "ngspice's shared library is not there: it takes `pip install PySpice` and libngspice, "
        "found by the linker or named by NGSPICE_LIBRARY_PATH"
    )
    with pytest.raises(SimulatorError, match=f"^{re.escape(message)}$"):
        NgspiceSimulator(backend="shared").version()


def test_a_library_that_cannot_be_loaded_is_said_so(monkeypatch):
    pytest.importorskip("PySpice")
    monkeypatch.setenv(ngspice_shared.LIBRARY_VARIABLE, "/nowhere/libngspice.so")
    with pytest.raises(SimulatorError, match=r"gives no version; it says .*/nowhere/libngspice"):
        NgspiceSimulator(backend="shared").version()


def test_a_user_may_name_the_library(monkeypatch):
    monkeypatch.setenv(ngspice_shared.LIBRARY_VARIABLE, "/somewhere/libngspice.so.9")
    assert ngspice_shared.library() == "/somewhere/libngspice.so.9"


def test_a_complaint_with_exit_status_0_is_found(install, monkeypatch):
    monkeypatch.setattr(ngspice_shared, "library", lambda: None)
    install(
        "ngspice",
        'if [ "$1" = --version ]; then echo ngspice-39; exit 0; fi\n'
        "echo 'Note: No compatibility mode selected!'\n"
        "echo 'Warning: singular matrix:  check node 7' >&2\n",
    )
    outcome = run(DECK, "subprocess")
    assert outcome.kind is OutcomeKind.UNUSABLE
    assert outcome.message == (
        "ngspice on deck 'line': it ended as if all were well, but said something that makes its "
        "output worthless: Warning: singular matrix:  check node 7 / Note: No compatibility mode "
        "selected!"
    )
