"""WRspice's class against programs that behave as WRspice 4.3.23 was measured to behave.

WRspice itself is not needed: its exit status is 0 whatever happens, so all there is to test is
how its words and files are judged.
"""

from __future__ import annotations

import os
import re

import pytest

from netlist_gen.errors import DeckError, SimulatorError
from verification.simulators.base import DeckJob, OutcomeKind
from verification.simulators.wrspice import WrspiceSimulator

pytestmark = pytest.mark.skipif(os.name != "posix", reason="the programs are shell scripts")

DECK = """* one junction
B1 1 0 ph1 jmit area=2
R1 1 0 3.4
.model jmit jj(rtype=1, vg=2.8m, delv=0.08m, icrit=0.1m, r0=160, rn=16, cap=0.07p)
IB 0 1 pwl(0 0 1p 150u)
* signal P(B1) = v(ph1)
.tran 0.5p 1p 0 0.05p uic
.save v(ph1) v(1)
.end
"""


def raw(*, points=3, variables=("time S", "v(1) V", "v(ph1) V"), rows=3):
    text = "Title: * one junction\\nFlags: real\\n"
    text += f"No. Variables: {len(variables)}\\nNo. Points: {points:<8d}\\n"
    text += "Command: version 4.3.23\\nVariables:\\n"
    text += "".join(f" {n} {name}\\n" for n, name in enumerate(variables)) + "Values:\\n"
    for row in range(rows):
        text += f" {row}\\t{row * 0.5e-12:.15e}\\n"
        text += "".join(f"\\t{row + n / 10:.15e}\\n" for n in range(1, len(variables)))
    return f"printf '{text}' > out.raw\n"


PROBE_ANSWER = (
    'if [ "$(head -n 1 deck.cir)" = "* version probe" ]; then\n'
    + raw(variables=("time S", "v(1) V"))
    + "exit 0\nfi\n"
)


@pytest.fixture
def install_wrspice(install):
    return lambda body: install("wrspice", PROBE_ANSWER + body + "\nexit 0\n")


def run(deck=DECK):
    return WrspiceSimulator().run(DeckJob("one", deck), timeout_s=10.0)


def test_a_good_run(install_wrspice, scratch, tmp_path):
    install_wrspice(f'printf "%s\\n" "$*" > {tmp_path}/argv\n' + raw())
    simulator = WrspiceSimulator()
    assert simulator.available()
    assert simulator.version() == "4.3.23"
    waveforms = run().require()
    assert waveforms.names == ("P(B1)", "V(1)")
    assert waveforms.time_s.tolist() == [0.0, 0.5e-12, 1e-12]
    assert waveforms.signal("P(B1)").tolist() == [0.2, 1.2, 2.2]
    assert (tmp_path / "argv").read_text() == "-n -b -r out.raw deck.cir\n"
    assert list(scratch.iterdir()) == []


WORTHLESS = "it ended as if all were well, but said something that makes its output worthless: "


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("echo 'Simulation aborted'", WORTHLESS + "Simulation aborted"),
        (
            "printf 'Error: no such model\\n b1 1 0 ph1 jnot\\n' >&2\n" + raw(),
            WORTHLESS + "Error: no such model / b1 1 0 ph1 jnot",
        ),
        ("echo 'Fatal error in setup' >&2\n" + raw(), WORTHLESS + "Fatal error in setup"),
        (
            "echo 'Warning: r0 of jmit reset to 80' >&2\n" + raw(),
            WORTHLESS + "Warning: r0 of jmit reset to 80",
        ),
        (
            "echo 'Unrecognized parameter (vgap), ignored' >&2\n" + raw(),
            WORTHLESS + "Unrecognized parameter (vgap), ignored",
        ),
        ("", "it ended without a complaint but wrote no output"),
        (
            raw(variables=("time S", "v(1) V")),
            "out.raw: no vector ph1 (1 of 2 asked for): no such node or element in the deck",
        ),
        (
            raw(variables=("time S", "v(1) V", "v(2) V", "v(ph1) V")),
            "out.raw: the deck did not ask for vector 2",
        ),
        (
            raw(points=3, rows=2),
            "out.raw: 8 numbers, but 3 points of 3 variables and their indices take 12: the file "
            "was cut short",
        ),
        (
            raw(points=0, rows=0),
            "out.raw: the header says 0 points; the simulation stopped at once",
        ),
        (
            raw(points=2, rows=2).replace("5.000000000000000e-13", "1.000000000000000e-13"),
            "out.raw: the run stopped at 1e-13 s, before the deck's 1e-12 s",
        ),
    ],
)
def test_exit_status_0_is_no_proof(install_wrspice, scratch, body, message):
    install_wrspice(body)
    outcome = run()
    assert outcome.message == f"WRspice on deck 'one': {message}"
    assert outcome.kind is OutcomeKind.UNUSABLE
    assert list(scratch.iterdir()) == []


def test_an_old_output_is_never_taken_for_a_new_one(install_wrspice, tmp_path):
    kept = tmp_path / "runs" / "one"
    kept.mkdir(parents=True)
    install_wrspice(raw())
    simulator = WrspiceSimulator(keep_runs=tmp_path / "runs")
    simulator.run(DeckJob("one", DECK), timeout_s=10.0).require()
    assert (kept / "out.raw").exists()
    install_wrspice("")
    outcome = simulator.run(DeckJob("one", DECK), timeout_s=10.0)
    assert outcome.kind is OutcomeKind.UNUSABLE
    assert not (kept / "out.raw").exists()


def test_gnd_is_refused_before_anything_runs(install_wrspice):
    install_wrspice("")
    message = "deck one: line 3: node 'gnd' is not ground for WRspice and would float; write 0"
    with pytest.raises(DeckError, match=f"^{re.escape(message)}$"):
        run(DECK.replace("R1 1 0", "R1 1 gnd"))


def test_another_program_of_that_name(install):
    program = install("wrspice", "exit 0\n")
    message = (
        f"{program} does not run a deck of one resistor as WRspice does (exited, exit status 0, "
        "no usable out.raw)"
    )
    with pytest.raises(SimulatorError, match=f"^{re.escape(message)}$"):
        WrspiceSimulator().version()
