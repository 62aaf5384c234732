"""``.iv``: the curve of a junction, by theory and beside JoSIM."""

from __future__ import annotations

import os
import re
import shutil
import subprocess

import numpy as np
import pytest
from engine_decks import compile_deck

from netlist_gen.errors import DeckError, SimulatorError
from verification.engine.iv_curve import iv_curve, write_curve

MODELS = """.model gap jj(rtype=1, vg=2.8m, cap=0.07p, r0=160, rn=16, icrit=0.1m)
.model flat jj(rtype=0, cap=0.001p, rn=2, icrit=0.1m)
"""
REST = "B1 1 0 flat\nI1 0 1 dc 1u\n.tran 0.1p 5p\n.print v(1)\n"


def curve(line):
    deck = compile_deck(MODELS + REST + line, name="d")
    (asked,) = deck.deck.curves
    return asked, iv_curve(asked.model, asked.most_A, asked.place)


def test_a_junction_without_hysteresis_is_what_theory_says():
    """V = R sqrt(I^2 - Ic^2) above Ic, and none below."""
    _, found = curve(".iv flat 0.201m out.csv")
    volt, ampere = found.T
    assert (ampere.max(), ampere.min()) == pytest.approx((202.5e-6, -202.5e-6))  # one beyond
    below = np.abs(ampere) < 95e-6
    assert np.abs(volt[below]).max() < 1e-8
    above = np.abs(ampere) > 150e-6
    theory = 2.0 * np.sqrt(ampere[above] ** 2 - 1e-8) * np.sign(ampere[above])
    # The mean over 250 ps holds no whole number of periods of some 10 ps.
    np.testing.assert_allclose(volt[above], theory, rtol=0.03)


def test_a_junction_with_a_gap_has_a_hysteresis():
    """Up to Ic there is no voltage; coming back from beyond, it stays at the gap."""
    _, found = curve(".iv gap 0.12m out.csv")
    up = found[: np.argmax(found[:, 1]) + 1]
    down = found[up.shape[0] : 2 * up.shape[0] - 2]
    at = np.abs(up[:, 1] - 60e-6).argmin(), np.abs(down[:, 1] - 60e-6).argmin()
    assert abs(up[at[0], 0]) < 1e-8
    assert down[at[1], 0] == pytest.approx(2.7e-3, abs=0.15e-3)
    np.testing.assert_allclose(found[1:4, 1], [5e-6, 7.5e-6, 10e-6])


@pytest.mark.josim
@pytest.mark.skipif(shutil.which("josim-cli") is None, reason="josim-cli is not on PATH")
def test_josims_curve(tmp_path):
    (tmp_path / "d.cir").write_text(MODELS + REST + ".iv gap 0.11m out.csv\n.end\n")
    subprocess.run(["josim-cli", "-m", "1", "-o", "o.csv", "d.cir"], cwd=tmp_path, check=True)
    found = np.loadtxt(tmp_path / "OUT.CSV", delimiter=",", skiprows=1)  # JoSIM's capitals
    _, own = curve(".iv gap 0.11m out.csv")
    np.testing.assert_allclose(own[:, 1], found[:, 1], atol=1e-12)
    # Half of 500 ps begins a step earlier or later: 1 uV of 2.8 mV.
    np.testing.assert_allclose(own[:, 0], found[:, 0], atol=1e-6)


def test_the_file(tmp_path):
    asked, found = curve(".iv flat 6u Out.csv")
    out = tmp_path / "o.csv"
    write_curve(asked, out)
    lines = (tmp_path / "Out.csv").read_text().splitlines()
    assert lines[0] == "V,I"
    assert [line.split(",")[1] for line in lines[1:4]] == [
        "2.500000e-06",
        "5.000000e-06",
        "7.500000e-06",
    ]
    assert len(lines) == 1 + len(found)
    write_curve(asked, out)  # again, over its own
    (tmp_path / "Out.csv").write_text("mine\n")
    there = tmp_path / "Out.csv"
    message = f"d, line 7: Out.csv: {there} is there and is no such file; it is not replaced"
    with pytest.raises(DeckError, match=f"^{re.escape(message)}$"):
        write_curve(asked, out)
    os.remove(tmp_path / "Out.csv")
    with pytest.raises(SimulatorError, match=r"^d, line 7: \.iv: the run took too long$"):
        write_curve(asked, out, lambda: True)
    assert not (tmp_path / "Out.csv").exists()


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (".iv flat 1m", ".iv takes a model, its largest current and one file name"),
        (".iv none 1m a.csv", ".iv none: there is no model NONE"),
        (".iv flat|s 1m a.csv", ".iv flat|s: there is no model FLAT in subcircuit S"),
        (".iv flat 0 a.csv",
         ".iv flat: a largest current of 0 A; it must be above 0 and at most 0.05"),
        (".iv flat 51m a.csv",
         ".iv flat: a largest current of 0.051 A; it must be above 0 and at most 0.05"),
    ],
)  # fmt: skip
def test_refusals(line, why):
    message = re.escape(f"d, line 7: {why}")
    with pytest.raises(DeckError, match=f"^{message}$"):
        compile_deck(MODELS + REST + line, name="d")


def test_a_model_of_a_subcircuit_and_a_parameter():
    deck = compile_deck(
        f"{MODELS}.param most=2u\n.subckt s 1\n.model own jj(icrit=0.3m)\nB1 1 0 own\n.ends\n{REST}"
        ".iv own.s {most*2} a.csv\n",
        name="d",
    )
    (asked,) = deck.deck.curves
    assert (asked.model.icrit, asked.most_A, asked.name) == (0.3e-3, pytest.approx(4e-6), "a.csv")
