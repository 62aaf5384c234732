from __future__ import annotations

import re

import numpy as np
import pytest
from engine_decks import MODEL, compile_deck, every_step, jtl, run

from netlist_gen.errors import DeckError
from verification.engine.equations.outputs import PrintSteps, hann_window
from verification.engine.text.deck import TransientAnalysis


@pytest.mark.parametrize("pieces", [1, 7, 400])
def test_printed_steps_are_josims(pieces):
    transient = TransientAnalysis(0.03e-12, 12e-12, 1e-12, 0.1e-12)
    expected, following = [], transient.print_start
    for i in range(transient.steps):  # Output.cpp, write_output
        if i * transient.step >= following:
            expected.append(i)
            following += transient.print_step
    prints = PrintSteps(transient)
    found = []
    size = -(-transient.steps // pieces)
    for first in range(0, transient.steps, size):
        found += prints.until(first, min(first + size, transient.steps), 10**6).tolist()
    assert found == expected


def test_the_filter_is_josims():
    taps = hann_window(1e-12, 0.1e-12)
    assert taps.size == 11
    assert taps.sum() == pytest.approx(1.0)
    deck = compile_deck(jtl(3))
    plain = deck.run(extract=every_step(deck)).waveforms
    filtered = run(jtl(3).replace("80p 0 0.05p", "80p 0 0.1p 1p"))
    taps = hann_window(1e-12, 0.05e-12)
    half = taps.size // 2
    for row, signal in enumerate(plain.values):
        padded = np.concatenate([[signal[0]] * half, signal, [signal[-1]] * half])
        every = np.convolve(padded, taps, "valid")
        at = np.round(filtered.time_s / 0.05e-12).astype(int)
        np.testing.assert_allclose(filtered.values[row], every[at], rtol=1e-12)


def test_all_nodes_are_printed_where_nothing_is_asked_for():
    w = run(jtl(2).split(".print")[0])
    assert set(w.names) >= {"P(N0)", "P(N1)", "P(N2)", "P(3|X0)"}


def test_a_voltage_is_the_derivative_of_its_phase():
    w = run(jtl(3, step="0.02p", extra=".print v(n1) v(n1,n2) p(n1) p(n1,n2) v(b1.x1) p(b1.x1)\n"))
    scale = 2.067833831170082e-15 / (2 * np.pi)
    for end in ("N1", "N1,N2", "B1|X1"):
        slope = scale * np.gradient(w.signal(f"P({end})"), w.time_s)
        np.testing.assert_allclose(w.signal(f"V({end})")[5:-5], slope[5:-5], atol=1.5e-5)


def test_currents_of_one_node_sum_to_nothing():
    text = MODEL + (
        "B1 1 0 jj1 area=2\nR1 1 0 4\nRS 1 5 3\nLS 5 0 1p\nC1 1 0 0.05p\nL1 1 2 2p\nR2 2 0 1\n"
        "LA 1 3 1p\nR3 3 0 1\nLB 4 0 1p\nR4 4 0 1\nKA LA LB 0.4\nT1 1 0 6 0 z0=3 td=1p\nR6 6 0 3\n"
        "G1 1 0 2 0 0.1\nI1 0 1 pwl(0 0 5p 0.3m 40p 0.3m)\n"
        ".tran 0.02p 40p 0 0.1p\n"
        ".print i(b1) i(r1) i(rs) i(c1) i(l1) i(la) i(t1) i(g1) i(i1) i(ls)\n"
    )
    w = run(text)
    total = sum(w.signal(f"I({name})") for name in ("B1", "R1", "RS", "C1", "L1", "LA", "T1", "G1"))
    np.testing.assert_allclose(total, w.signal("I(I1)"), atol=1e-15)
    np.testing.assert_array_equal(w.signal("I(RS)"), w.signal("I(LS)"))
    assert np.abs(w.signal("I(B1)")).max() > 1e-4


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (
            "devv X1_R1",
            "V(X1_R1): there is no device or node X1_R1; that is JSIM's name, JoSIM's is R1.X1",
        ),
        (
            "devi R1_X1",
            "I(R1_X1): there is no device R1_X1; that is JSIM's name, JoSIM's is R1.X1",
        ),
        ("nodev IN_A", "V(IN_A): there is no device or node IN_A; is IN_B meant?"),
        ("devv QQ", "V(QQ): there is no device or node QQ"),
        (
            "divv R1",
            "DIVV can't be printed; use V(..), P(..), I(..), @DEVICE[V], DEVV, DEVI, PHASE, NODEV "
            "or NODEP (is DEVV meant?)",
        ),
    ],
)
def test_names_that_are_not_there_are_compared_with_those_that_are(asked, message):
    text = (
        ".subckt cell a\nR1 a 0 5\n.ends\nX1 cell in_b\nI1 0 in_b dc 1u\n.tran 0.1p 9p\n"
        f".print {asked}\n"
    )
    with pytest.raises(DeckError, match=f"^d, line 7: {re.escape(message)}$"):
        compile_deck(text, name="d")


def test_a_negative_inductor_couples_with_negative_ones_alone():
    text = "L1 1 0 2p\nL2 2 0 -1p\nK1 L1 L2 0.1\nI1 0 1 dc 1u\n.tran 0.1p 9p\n.print v(1)\n"
    message = (
        "d, line 3: K1 couples a positive and a negative inductor (L1, L2); JoSIM's mutual "
        "inductance k sqrt(L1 L2) has no value there"
    )
    with pytest.raises(DeckError, match=f"^{re.escape(message)}$"):
        compile_deck(text, name="d")
