from __future__ import annotations

import pytest
from engine_decks import MODEL, flat, refused

from verification.engine.text.devices import GROUND

END = "\n.tran 0.1p 10p\n"


def elements(text):
    circuit = flat(text)
    names = [*circuit.node_names, "0"]
    return {e.label: (e, tuple(names[node] for node in e.nodes)) for e in circuit.elements}


def test_every_kind_of_element():
    found = elements(
        MODEL + "B1 1 0 jj1 area=2\nB2 1 0 jj1 ic=0.3m\nB3 1 0 5 jj1\nL1 1 2 2p\nL2 2 0 3p\n"
        "K1 L1 L2 0.5\n"
        "R1 1 0 5 temp=4 neb=1G\nC1 2 0 1f\nI1 0 1 dc 1u\nV1 3 0 dc 1m\nP1 4 0 pwl(0 0 1p 1)\n"
        "T1 1 0 2 0 td=2p z0=5\nE1 5 0 1 2 2\nF1 6 0 1 2 3\nG1 7 0 1 2 4\nH1 8 0 1 2 5\n"
        "R5 5 0 1\nR6 6 0 1\nR7 7 0 1\nR8 8 0 1\nR3 3 0 1\nR4 4 0 1"
    )
    assert found["B1"][0].value == 2.0
    assert found["B2"][0].value == pytest.approx(3.0)  # over the model's icrit
    assert found["B3"][1] == ("1", "0")  # a phase node, which JoSIM reads over
    assert found["L1"][1] == ("1", "2")
    assert found["K1"][0].pair == ("L1", "L2")
    assert found["K1"][0].value == 0.5
    assert (found["R1"][0].temperature, found["R1"][0].bandwidth) == (4.0, 1e9)
    assert (found["T1"][0].delay, found["T1"][0].value) == (2e-12, 5.0)
    assert found["T1"][1] == ("1", "0", "2", "0")
    for label, gain in (("E1", 2), ("F1", 3), ("G1", 4), ("H1", 5)):
        assert found[label][0].value == gain
        assert found[label][1][2:] == ("1", "2")


NESTED = """.subckt inner a b
R1 a b {r}
.ends
.param r=7
.subckt outer p
{first}
RX m 0 2
.ends
{second}
"""


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("XI inner p m", "XO outer 1"),
        ("XI p m inner", "XO 1 outer"),
    ],
)
def test_both_orders_of_the_x_line_and_names_of_what_is_inside(first, second):
    text = NESTED.replace("{first}", first).replace("{second}", second)
    found = elements(text)
    assert found["R1|XI|XO"][0].value == 7.0
    assert found["R1|XI|XO"][1] == ("1", "M|XO")
    assert found["RX|XO"][1] == ("M|XO", "0")


def test_where_both_ends_of_an_x_line_name_a_subcircuit_the_number_of_nodes_decides():
    text = ".subckt a p\nR1 p 0 1\n.ends\n.subckt b p q r\nR2 p q 1\nR3 r 0 1\n.ends\nX1 b a"
    found = elements(text)
    assert set(found) == {"R1|X1"}
    assert found["R1|X1"][1] == ("B", "0")


def test_values_are_set_from_the_instance_at_any_depth():
    text = (
        MODEL
        + ".subckt leaf a\nB1 a 0 jj1 area=1\nR1 a 0 5\nL1 a 0 1p\n.ends\n"
        + ".subckt mid a\nX1 leaf a\n.ends\nXA mid 1 R1|X1=9 B1|X1=2\nXB leaf 1 L1={2p*3} R1=1\n"
    )
    found = elements(text)
    assert found["R1|X1|XA"][0].value == 9.0
    assert found["B1|X1|XA"][0].value == 2.0
    assert found["L1|XB"][0].value == pytest.approx(6e-12)
    assert found["L1|X1|XA"][0].value == 1e-12


def test_ground_is_the_same_node_everywhere():
    found = elements(".subckt s a\nR1 a 0 1\nR2 a gnd 1\n.ends\nX1 s 1\nR3 1 gnd 1")
    assert {e.nodes[1] for e, _ in found.values()} == {GROUND}


def test_gnd_in_other_names_than_those_of_nodes():
    found = elements(
        MODEL.replace("jj1", "jgnd") + ".subckt leafgnd agnd\nRGND agnd 0 1\n.ends\n"
        ".subckt mid a\nXGND leafgnd a\n.ends\n"
        "XM mid 1\nXGND leafgnd 2\nL_GND 1 2 1p\nLGND 2 0 1p\nKGND L_GND LGND 0.5\n"
        "B_GND 1 0 jgnd\nI_GND 0 1 dc 1u"
    )
    assert found["RGND|XGND|XM"][1] == ("1", "0")
    assert found["RGND|XGND"][1] == ("2", "0")
    assert found["L_GND"][1] == ("1", "2")
    assert found["KGND"][0].pair == ("L_GND", "LGND")
    assert found["B_GND"][0].model.name == "JGND"
    assert found["I_GND"][1] == ("0", "1")


def test_models_of_the_main_design_are_seen_inside_and_own_models_hide_them():
    text = (
        ".model m jj(rn=5)\n.subckt s a\n.model m jj(rn=6)\nB1 a 0 m\n.ends\n"
        ".subckt t a\nB1 a 0 m\n.ends\nX1 s 1\nX2 t 1\n"
    )
    found = elements(text)
    assert found["B1|X1"][0].model.rn == 6.0
    assert found["B1|X2"][0].model.rn == 5.0


S = ".subckt s a\nR1 a 0 1\n.ends\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("B1 1 0 none", "1: B1: unknown junction model NONE"),
        (MODEL + "B1 1 0 jj1 area=0", "2: B1: area is 0; it must be above 0"),
        (MODEL + "B1 1 0 jj1 area=1 ic=1", "2: B1 has both area= and ic="),
        (MODEL + "B1 1 0 jj1 width=1", "2: WIDTH=1: B takes area=, ic=, temp=, neb=, spread=, each "
         "once"),
        ("R1 1 0 -5", "1: R1 is -5; a negative R can't be simulated"),
        ("C1 1 0 0", "1: C1 is 0; a capacitance must be above 0"),
        ("E1 1 0 2 0 0", "1: E1: the gain can't be 0"),
        ("L1 1 0 1p 2p", "1: L1 1 0 1P 2P: L takes one value, found 1P 2P"),
        ("L1 1 0 1p\nL2 1 0 1p\nK1 L1 L2 2",
         "3: K1: the coupling factor is 2; it must be -1 to 1"),
        ("L1 1 0 1p\nK1 L1 L1 0.5", "2: K1 couples L1 with itself"),
        ("L1 1 0 1p\nR1 1 0 1\nK1 L1 R1 0.5", "3: K1: R1 is no inductor"),
        ("L1 1 0 1p\nK1 L1 L9 0.5", "2: K1: no inductor L9"),
        ("L1 1 0 1p\nL2 1 0 1p\nK1 L1 L2 0.5\nK2 L2 L1 0.1", "4: L2 and L1 are coupled twice"),
        ("T1 1 0 2 0 td=1p", "1: T1: a line takes four nodes, td= and z0="),
        ("T1 1 0 2 0 td=0 z0=1", "1: T1: td and z0 must be above 0"),
        ("R1 1 0 1\nR1 1 0 2", "2: R1 is there twice"),
        ("X1 none 1", "1: X1: neither the first nor the last word names a subcircuit"),
        (S + "X1 s 1 2", "4: X1 connects 2 nodes, but subcircuit S has 1"),
        (S + "X1 s 1 R9=2", "1: instance X1 sets R9, but subcircuit S has no such device"),
        (".subckt t a\nX1 s a\n.ends\n" + S + "X1 t 1 R1.X1=2",
         "7: R1.X1=2: JoSIM finds no R1.X1 and keeps the old value; write R1|X1=2"),
        (S + "X1 s 1 R1=2 R1=3", "4: R1=3: an instance takes LABEL=value, each label once"),
        (".subckt s a\nX1 s a\n.ends\nX1 s 1", "1: subcircuit S contains itself"),
        ("R1 mygnd 0 1", "1: MYGND: JoSIM takes every node with GND in its name for ground"),
        ("R1 1 0 1\nR2 1 gnd1 1",
         "2: GND1: JoSIM takes every node with GND in its name for ground"),
        (S + "X1 s agnd", "4: AGND: JoSIM takes every node with GND in its name for ground"),
        (".subckt s a\nR1 a m 1\nR2 m 0 1\n.ends\nXGND s 1",
         "2: M|XGND: JoSIM takes every node with GND in its name for ground"),
        (S + ".subckt t a\nR2 a m 1\nX1 s m\n.ends\nXGND t 1",
         "5: M|XGND: JoSIM takes every node with GND in its name for ground"),
        ("R_GND 1 0 1\n.print v(rgnd)", "2: V(RGND): there is no device or node RGND; is "
         "R_GND meant?"),
        ("R1 a|b 0 1", "1: A|B: '|' can't be in a label or node name"),
        ("R1 1 0 {1+", "1: a brace is not closed, or closed and not opened"),
        ("R1 1 0 q", "1: R1: Q is no parameter, function or constant"),
        ("R1 1 0 1 temp=-4", "1: temp=-4 can't be negative"),
    ],
)  # fmt: skip
def test_refusals(text, message):
    refused(text + END, f"d, line {message}")


def test_braces_with_blanks_are_one_value():
    found = elements("R1 1 0 { 2 * ( 1 + 2 ) }\nR2 1 0 {1}\nR3 1 0 {{1 + 1} * 2}")
    assert [found[label][0].value for label in ("R1", "R2", "R3")] == [6.0, 1.0, 4.0]
    for value in ("{1 + 2", "1 + 2}", "} 1 {", "} {"):
        refused(
            f"R1 1 0 {value}" + END, "d, line 1: a brace is not closed, or closed and not opened"
        )


@pytest.mark.parametrize("value", ["0", "-1"])
def test_a_noise_bandwidth_is_above_nothing(value):
    refused(f"R1 1 0 5 temp=4 neb={value}" + END, f"d, line 1: neb={value} must be above 0")
