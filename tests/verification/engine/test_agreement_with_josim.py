"""The engine against JoSIM itself: our cells and neurons, JTLs, and JoSIM's own examples.

JoSIM prints seven digits, so phases can be held against it to half of the seventh: 5e-6 rad below
100 rad. Its examples are not ours to keep; ``JOSIM_EXAMPLES`` names a folder that holds them.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from cell_benches import EVENTS, NEURON_FAN_INS, cell_bench, random_neuron_bench
from engine_decks import JOSIM, compile_deck, josim, jtl

from netlist_gen.deck.emit import emit
from netlist_gen.errors import DeckError
from verification.engine.run import compile_deck_file
from verification.waves.pulses import detect_phase
from verification.waves.waveforms import Waveforms

pytestmark = list(JOSIM)

PHASE_RAD = 1e-5
"""Largest difference of a phase (issue: 1e-3)."""
TIME_S = 0.02e-12
DIGITS = 1e-6
"""Of a column's largest value: what seven digits leave, with room for the sum of two."""

FOLDER = os.environ.get("JOSIM_EXAMPLES", "")
EXAMPLES = sorted(Path(FOLDER).rglob("*.cir")) if FOLDER else []
REFUSED = {
    "test_param_undef.cir": "FOUR is no parameter, function or constant",
    "test_output.cir": "there is no device R2",
    "ex_gen_pp_ipht.cir": "there is no device or node X1_L6",
}
"""Examples that name what is not there: JoSIM drops the column, the engine refuses."""


def compare(ours: Waveforms, theirs: Waveforms) -> None:
    assert ours.names == theirs.names
    assert ours.time_s.size == theirs.time_s.size
    for name in ours.names:
        a, b = ours.signal(name), theirs.signal(name)
        digits = DIGITS * max(float(np.abs(b).max()), 1e-300)
        if name.startswith("P("):
            np.testing.assert_allclose(a, b, rtol=0, atol=max(PHASE_RAD, digits), err_msg=name)
            if np.abs(np.diff(b)).max() > np.pi / 2:  # volts across a resistor, no pulses
                continue
            mine, other = detect_phase(ours.time_s, a), detect_phase(ours.time_s, b)
            np.testing.assert_array_equal(mine.signs, other.signs)
            np.testing.assert_allclose(mine.times_s, other.times_s, rtol=0, atol=TIME_S)
        else:
            np.testing.assert_allclose(a, b, rtol=0, atol=digits + 1e-12, err_msg=name)


def check(text: str, tmp_path: Path) -> None:
    path = tmp_path / "deck.cir"
    path.write_text(text)
    ours = compile_deck(text, name="deck").run().waveforms
    assert ours is not None
    compare(ours, josim(path, tmp_path))


@pytest.mark.parametrize("name", EVENTS)
def test_cells(name, tmp_path):
    check(cell_bench(name).deck("josim").text, tmp_path)


@pytest.mark.parametrize("fan_in", NEURON_FAN_INS)
def test_neurons(fan_in, tmp_path):
    library, bench, _ = random_neuron_bench(fan_in, windows=1)
    watched = list(bench.view.watched())
    deck = emit(bench.circuit, library.process, bench.analysis(), watched, name="neuron")
    check(deck.text, tmp_path)


@pytest.mark.parametrize(("stages", "stop"), [(1, "80p"), (40, "300p"), (1000, "100p")])
def test_transmission_lines_of_junctions(stages, stop, tmp_path):
    check(jtl(stages, stop, extra=".print i(l1.x0) v(n1)\n"), tmp_path)


def test_the_step_is_halved_alike(tmp_path):
    check(jtl(4, step="0.5p"), tmp_path)


def test_random_elements_together(tmp_path):
    check(
        ".model m jj(rtype=1, vg=1m, cap=0.1p, r0=50, rn=8, icrit=0.1m, cpr={0.9, 0.1}, phi=0.2)\n"
        "B1 1 0 m area=2\nR1 1 0 4\nL1 1 2 2p\nL2 2 0 3p\nL3 3 0 2p\nK1 L2 L3 0.4\nR3 3 0 2\n"
        "C1 2 0 0.1p\nT1 2 0 4 0 z0=4 td=1p\nR4 4 0 4\nE1 5 0 3 0 2\nR5 5 0 1\n"
        "G1 6 0 1 0 0.2\nR6 6 0 1\nV1 7 0 sin(0 1m 40g)\nR7 7 1 3\n"
        "I1 0 1 pulse(0 0.8m 5p 2p 2p 6p 20p)\n"
        ".tran 0.05p 100p 2p 0.3p\n"
        ".print p(b1) v(1) i(l1) i(l2) i(r1) v(5) v(6) i(e1) i(t1) i(v1) i(b1)\n",
        tmp_path,
    )


def test_gnd_in_labels_and_ports(tmp_path):
    check(
        ".subckt leafgnd agnd\nRGND agnd gnd 4\n.ends\n"
        ".subckt mid a\nXGND leafgnd a\nR1 a m 1\nR2 m 0 2\n.ends\n"
        "X1 mid 1\nXGND leafgnd 2\nL_GND 1 2 2p\nLGND 2 0 3p\nKGND L_GND LGND 0.4\n"
        "I_GND 0 1 pwl(0 0 5p 0.1m)\n.tran 0.05p 40p 0 0.1p\n"
        ".print v(1) v(2) v(1,gnd) v(m.x1,gnd.x1) i(l_gnd) i(lgnd) v(rgnd.xgnd) i(i_gnd)\n",
        tmp_path,
    )


T_LEGS = (
    "R1 a 0 5\nI1 0 a pwl(0 0 10p 100u)\nL1 a m 12p\nL2 m b 12p\nR2 b 0 5\n{}\n"
    ".tran 0.1p 100p 0 0.1p\n.print i(l2) i(l1) v(m) v(b)\n"
)
"""Two coupled inductors as a T: its middle leg is minus the mutual inductance."""


@pytest.mark.parametrize(
    "leg",
    [
        "LM m 0 -2p",
        "LM m 0 -6p",  # the stiffnesses of the three legs add up to 0
        "LM m x -2p\nRX x 0 3",
        "LM m x -2p\nLN x 0 -1p\nK1 LM LN 0.3",
        "LM m 0 -2p\nLK a d 4p\nRK d 0 3\nK1 L1 LK 0.4\nK2 L1 L2 0.1",
        "LM m 0 -2p\n.model jj jj(rtype=1, vg=2.8m, icrit=0.1m, r0=160, rn=16, cap=0.07p)\n"
        "B1 b 0 jj\nLB b c 3p\nRB c 0 4",
    ],
)
def test_negative_inductors(leg, tmp_path):
    check(T_LEGS.format(leg), tmp_path)


REMARKS = """* t
.model jj jj(rtype=1, vg=2.8m, icrit=0.1m, r0=160, rn=16, cap=0.07p)
.subckt cell a b
R1 a b 5
.ends{ENDS}
B1 1 0 jj area=1
R1 1 0 5{R}
L1 1 2 2p{L}
L2 2 3 2p
K1 L1 L2 0.1{K}
C1 3 0 0.1p{C}
T1 3 0 4 0 td=1p z0=5{T}
R4 4 0 5
X1 1 2 cell
I1 0 1 pwl(0 0{PWL}5p 0.15m){I}
E1 5 0 1 0 2{E}
R5 5 0 1
.tran 0.1p 20p 0 0.1p
.print phase B1{PHASE}
.print devi L1{DEVI}
.file x{FILE}
.end
"""
PLACES = ("ENDS", "R", "L", "K", "C", "T", "I", "E", "PHASE", "DEVI", "FILE")


def remarked(place, words):
    fill = dict.fromkeys(PLACES, "") | {"PWL": " "} | {place: words}
    return REMARKS.format(**fill)


@pytest.mark.parametrize("words", [" *SHUNT=6.8", " * some words 3", " *3", "\t*** x"])
@pytest.mark.parametrize("place", PLACES)
def test_comments_behind_values_change_nothing(place, words, tmp_path):
    text = remarked(place, words).replace(".file x", ".file x" if place == "FILE" else "* x")
    if place != "FILE":  # else JoSIM writes to the file
        check(text, tmp_path)
    deck = compile_deck(text, name="d")
    number = text[: text.index(words)].count("\n") + 1
    assert deck.deck.notes == [f"d, line {number}: the words from * on are a comment, as to JoSIM"]
    plain = compile_deck(remarked("", ""), name="d").run().waveforms
    assert np.array_equal(deck.run().waveforms.values, plain.values)


@pytest.mark.skipif(not EXAMPLES, reason="JOSIM_EXAMPLES names no folder with decks")
@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_examples_of_josim(path, tmp_path):
    if path.name in REFUSED:
        with pytest.raises(DeckError, match=REFUSED[path.name]):
            compile_deck_file(path)
        return
    ours = compile_deck_file(path).run(seed=1).waveforms
    assert ours is not None
    compare(ours, josim(path, tmp_path))
