from __future__ import annotations

import pytest
from engine_decks import MODEL, refused

from netlist_gen.errors import DeckError
from verification.engine.text.reader import read_deck, read_deck_file

END = "\n.tran 0.1p 10p\n"


def test_scopes_hold_their_cards_models_and_parameters():
    deck = read_deck(
        ".param a=2\n.subckt one p q\n.param b=a*3\nR1 p q b\n"
        ".model m jj(icrit={b*1u})\n.ends\nX1 one 1 0\nR2 1 0 a" + END
    )
    assert deck.scopes["ONE"].ports == ("P", "Q")
    assert deck.scopes["ONE"].parameters == {"A": 2.0, "B": 6.0}
    assert deck.scopes["ONE"].models["M"].icrit == pytest.approx(6e-6)
    assert [line.tokens[0] for line in deck.main.cards] == ["X1", "R2"]


def test_a_subcircuits_parameter_hides_the_outer_one():
    deck = read_deck(".param a=2\n.subckt s p\n.param a=5\nR1 p 0 a\n.ends\nX1 s 1" + END)
    assert deck.scopes["S"].parameters["A"] == 5.0
    assert deck.main.parameters["A"] == 2.0


def test_every_parameter_of_a_junction_model():
    deck = read_deck(
        ".model a jj(rtype=0, vgap=1m, icrit=2m, rn=3, r0=4, c=5p, delv=6m, icfct=0.7, phi=0.8,"
        " cpr={0.9, 0.1}, t=4, tc=9, d=0.2)\n.model b jj\nB1 1 0 a" + END
    )
    a, b = deck.main.models["A"], deck.main.models["B"]
    assert (a.rtype, a.vg, a.icrit, a.rn, a.r0, a.cap) == (0, 1e-3, 2e-3, 3.0, 4.0, 5e-12)
    assert (a.delv, a.icfact, a.phi, a.cpr) == (6e-3, 0.7, 0.8, (0.9, 0.1))
    assert (a.temperature, a.critical_temperature, a.transparency, a.thermal) == (4, 9, 0.2, True)
    # JoSIM's defaults (syntax guide, "Model").
    assert (b.rtype, b.vg, b.icrit, b.rn, b.r0, b.cap) == (1, 2.8e-3, 1e-3, 5.0, 30.0, 2.5e-12)
    assert (b.delv, b.phi, b.cpr, b.thermal) == (0.1e-3, 0.0, (1.0,), False)


def test_controls_stand_in_a_control_block_without_points():
    deck = read_deck("R1 1 0 1\nV1 1 0 dc 1\n.control\ntran 0.1p 10p\nprint v(1)\n.endc\n")
    assert deck.transient.stop == pytest.approx(10e-12)
    assert deck.prints[0].names == ("1",)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "d: the deck is empty"),
        (".tran 0.1p 10p", "d: the main design has no device"),
        ("Q1 1 0 5" + END, "d, line 1: Q1 is no device; devices begin with one of B L R C K I V P "
         "T E F G H X"),
        (".ends" + END, "d, line 1: .ends without .subckt"),
        (".subckt a 1\nR1 1 0 1" + END, "d, line 3: .TRAN inside subcircuit A; controls belong "
         "outside (is an .ends missing?)"),
        (".subckt a 1\nR1 1 0 1\n.ends\n.subckt a 1\n.ends" + END,
         "d, line 4: subcircuit A is there already (d, line 1)"),
        (".subckt a 1\n.subckt b 1\n.ends" + END,
         "d, line 2: .subckt inside subcircuit A (is an .ends missing?)"),
        (".subckt a", "d, line 1: .subckt needs a name and at least one node"),
        (".subckt a 1 1", "d, line 1: node 1 is named twice in .subckt A"),
        (".subckt a 1 w=3", "d, line 1: W=3: subcircuits take no parameters; use .param inside, or "
         "LABEL=value on the instance"),
        ("R1 1 0 1\n.subckt a 1\nR1 1 0 1", "d, line 2: subcircuit A has no .ends"),
        (".what 1" + END, "d, line 1: unknown control .WHAT"),
        (".param 1a=2" + END, "d, line 1: 1A can't be the name of a parameter"),
        (".param a" + END, "d, line 1: .param takes NAME=EXPRESSION"),
        (".param a=1\n.param a=2" + END,
         "d, line 2: parameter A is there already (d, line 1)"),
        (".param a=b" + END,
         "d, line 1: .param A: B is no parameter, function or constant"),
        (MODEL + ".model jj1 jj(rn=5)" + END,
         "d, line 2: model JJ1 is there already (d, line 1) and differs"),
        (".model m bjt(rn=5)" + END,
         "d, line 1: model M: the only model type is jj, not BJT(RN=5)"),
        (".model m jj(rn=5" + END, "d, line 1: model M: the bracket is not closed"),
        (".model m jj rn=5)" + END, "d, line 1: model M: the bracket is not opened"),
        (".model m jj(foo=5)" + END, "d, line 1: model M: jj has no parameter FOO"),
        (".model m jj(rn=5, rn=6)" + END, "d, line 1: model M: RN is given twice"),
        (".model m jj(rn=0)" + END, "d, line 1: model M: rn is 0; it must be above 0"),
        (".model m jj(cap=-1p)" + END,
         "d, line 1: model M: cap is -1e-12; it can't be negative"),
        (".model m jj(rtype=2)" + END, "d, line 1: model M: rtype is 2; it can be 0 or 1"),
        (".model m jj(d=2)" + END, "d, line 1: model M: d is 2; it must be 0 to 1"),
        (".model m jj(t=10)" + END, "d, line 1: model M: t is 10; it must be below tc = 9.1"),
        (".model m jj(r-n=5)" + END,
         "d, line 1: model M: expected PARAMETER=value, found 'R-N'"),
        (".model m jj(rn=)" + END, "d, line 1: model M: expected PARAMETER=value, found 'RN'"),
        (".model m jj(=5)" + END, "d, line 1: model M: expected PARAMETER=value, found '5'"),
        (".model m jj(rn)" + END, "d, line 1: model M: expected PARAMETER=value, found 'RN'"),
        (".model m jj(cpr={1" + END, "d, line 1: model M: the bracket is not closed"),
        ("R1 1 0 1", "d, line 1: the deck has no .tran line"),
    ],
)  # fmt: skip
def test_refusals_name_file_and_line(text, message):
    refused(text, message)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(DeckError, match="No such file"):
        read_deck_file(tmp_path / "none.cir")


def test_places_in_an_included_file(tmp_path):
    (tmp_path / "cells.cir").write_text("* cells\nR1 1 0\n")
    refused(".include cells.cir" + END, "cells.cir, line 2: R1 1 0: R takes a label, 2 nodes and a "
            "value", tmp_path)  # fmt: skip
