"""Warnings of junctions that nobody makes."""

from __future__ import annotations

import numpy as np
import pytest
from engine_circuits import jtl, neuron_deck

import netlist_gen as ng
from verification.engine.model_units import model_warnings
from verification.engine.run import compile_deck

CARD = "rtype=1, vg=2.8m, cap=0.07p, r0=160, rn=16, icrit=0.1m"


def warnings(card=CARD, shunt=6.86):
    text = (
        f".model m jj({card})\nB1 1 0 m area=2\nR1 1 2 {shunt / 2}\nLS 2 0 1p\n"
        "I1 0 1 pwl(0 0 1p 1u)\n.tran 0.1p 2p\n.print p(b1)\n"
    )
    return model_warnings(compile_deck(text, name="d").topology)


@pytest.mark.parametrize(
    "card",
    [
        CARD,
        "rtype=1, vg=2.8m, cap=0.218p, r0=200, rn=17, icrit=0.1m",  # 2.5 kA/cm2
        "rtype=1, vg=2.6m, cap=0.07p, r0=165, rn=16.5, icrit=0.1m",  # WRspice's own
        "rtype=0, rn=7, cap=0.07p, icrit=0.1m",  # self-shunted
    ],
)
def test_junctions_that_are_made_have_none(card):
    assert warnings(card, shunt=3.0) == []


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("cap=0.07p", "cap=70p", "model M: cap/icrit is 700 pF/mA; junctions have 0.1 to 20: is a "
         "unit of cap=7e-11 or icrit=0.0001 wrong?"),
        ("icrit=0.1m", "icrit=0.1", "model M: icrit*rn is 1.6e+03 mV; junctions have 0.1 to 2.2 "
         "(pi/4 of vg): is a unit of icrit=0.1 or rn=16 wrong?"),
        ("rn=16", "rn=0.16", "model M: icrit*rn is 0.016 mV; junctions have 0.1 to 2.2 (pi/4 of "
         "vg): is a unit of icrit=0.0001 or rn=0.16 wrong?"),
        ("vg=2.8m", "vg=2.8", "model M: vg is 2.8e+03 mV; superconductors have 0.3 to 6: is its "
         "unit wrong?"),
        ("r0=160", "r0=8", "model M: the subgap resistance r0=8 is below the normal one, rn=16"),
    ],
)  # fmt: skip
def test_a_wrong_unit_is_told_with_its_number(old, new, words):
    assert f"d: {words}" in warnings(CARD.replace(old, new))


def test_a_shunt_that_does_not_damp():
    assert warnings(shunt=68.6) == [
        "d: B1 with the resistor across it has beta_c = 49; shunted junctions are made with 0.3 to "
        "3, and ring above 10: is the resistor, or cap of the model, too large?"
    ]


def test_this_projects_own_decks_have_none():
    for text in (jtl(3, 1.0), neuron_deck(np.ones((1, 16), dtype=bool)).text):
        assert model_warnings(compile_deck(text).topology) == []


def test_simulate_says_it(tmp_path):
    deck = tmp_path / "d.cir"
    deck.write_text(jtl(2, 1.0).replace("cap=0.07p", "cap=70p"))
    notes = []
    ng.simulate(deck, simulator="embedded", note=notes.append)
    assert notes[0].startswith(f"warning: {deck}: model JJ1: cap/icrit is 700 pF/mA; ")
