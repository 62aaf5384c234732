from __future__ import annotations

import pytest
from engine_decks import MODEL, refused

from verification.engine.text.deck import Spread
from verification.engine.text.reader import read_deck

R = "R1 1 0 1\nV1 1 0 dc 1\n"


def controls(text):
    return read_deck(R + text, name="d")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (".tran 0.1p 10p", (0.1, 10, 0, 0.1, 0, True)),
        (".tran 0.1p 10p 2p", (0.1, 10, 2, 0.1, 0, True)),
        (".tran 0.1p 10p 2p 0.5p", (0.1, 10, 2, 0.5, 0, True)),
        (".tran 0.1p 10p 2p 0.5p 1p", (0.1, 10, 2, 0.5, 1, True)),
        (".tran 0.1p 10p 0 0.05p", (0.05, 10, 0, 0.05, 0, True)),  # never above the print step
        (".tran 0.1p 10p dst", (0.1, 10, 0, 0.1, 0, False)),
        (".tran {1p/10} 10p", (0.1, 10, 0, 0.1, 0, True)),
    ],
)
def test_forms_of_tran(line, expected):
    t = controls(line).transient
    found = (t.step, t.stop, t.print_start, t.print_step, t.window)
    assert found == pytest.approx(tuple(x * 1e-12 for x in expected[:5]))
    assert t.startup is expected[5]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (".print v(1)", [("V", ("1",))]),
        (".print tran v(1) p(1) i(r1)", [("V", ("1",)), ("P", ("1",)), ("I", ("R1",))]),
        (".plot v(1,2)", [("V", ("1", "2"))]),
        (".print v(1, 2) i(v1)", [("V", ("1", "2")), ("I", ("V1",))]),
        (".save @b1[p] @r1[c] @r1[v]", [("P", ("B1",)), ("I", ("R1",)), ("V", ("R1",))]),
        (".save v1#branch", [("I", ("V1",))]),
        (".print devv r1", [("V", ("R1",))]),
        (".print devi r1", [("I", ("R1",))]),
        (".print devp b1.x1", [("P", ("B1|X1",))]),
        (".print phase b1.x1", [("P", ("B1|X1",))]),
        (".print nodev 1 0", [("V", ("1", "0"))]),
        (".print nodep 1.x1", [("P", ("1|X1",))]),
        (".save", []),
    ],
)
def test_forms_of_print(line, expected):
    prints = controls(line + "\n.tran 0.1p 10p").prints
    assert [(request.kind, request.names) for request in prints] == expected


def test_the_other_controls():
    deck = controls(
        ".tran 0.1p 10p\n.temp 4.2\n.neb 1T\n.spread 0.2 L=0.1 R={0.3}\n.option seed=17\n"
        ".print v(1)\n.file a.csv\n.print i(r1)\n.model jj1 jj()\n.iv jj1 1m out.csv\n"
    )
    assert deck.temperature == 4.2
    assert deck.noise_bandwidth == 1e12
    assert deck.spread == Spread(0.2, inductor=0.1, resistor=0.3)
    assert deck.seed == 17
    assert [(line.name, f"{line.place}") for line in deck.files] == [("a.csv", "d, line 9")]
    assert [request.file for request in deck.prints] == [-1, 0]
    (curve,) = deck.curves
    assert (curve.model.name, curve.most_A, curve.name) == ("JJ1", 1e-3, "out.csv")
    assert deck.notes == []
    assert controls(".tran 0.1p 10p\n.option seed = auto").seed is None
    assert controls(".tran 0.1p 10p\n.option seed={2*3}").seed == 6
    assert controls(".tran 0.1p 10p\n.option seed=0.0").seed == 0


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (".tran 0.1p", ".tran takes TSTEP TSTOP [PSTART [PSTEP [PWINDOW]]] [DST]"),
        (".tran 0.1p 10p uic",
         "uic is not JoSIM's; DST at the end of .tran leaves out settling"),
        (".tran 0 10p", "TRAN 0 10P: time step and stop time must be above 0"),
        (".tran 0.1p 10p -1p", "TRAN 0.1P 10P -1P: print start and window can't be negative, the "
         "print step must be above 0"),
        (".tran 1f 1", "TRAN 1F 1: more than 1e+10 steps"),
        (".tran 1p 0.5p", "TRAN 1P 0.5P: the stop time is below one time step"),
        (".tran 1p 10p 20p", "TRAN 1P 10P 20P: printing would start after the end of the run"),
        (".tran 1p x", "TRAN 1P X: X is no parameter, function or constant"),
        (".tran 1p 10p\n.tran 1p 10p", "a second .tran; a deck has one"),
        (".print", ".print names nothing to print"),
        (".print q(1)", "Q(1) can't be printed; use V(..), P(..), I(..), @DEVICE[V], DEVV, DEVI, "
         "PHASE, NODEV or NODEP"),
        (".print v(1", "a bracket in V(1 is not closed"),
        (".print i(1,2)", "I(1,2): a current is that of one device"),
        (".print devv", "DEVV takes one device"),
        (".print nodev 1 2 3", "NODEV takes one node or two"),
        (".temp", ".temp takes one value in kelvin"),
        (".temp -1", "TEMP -1: the value must be above 0"),
        (".neb 0", "NEB 0: the value must be above 0"),
        (".spread", ".spread takes a value and L=, B=, C=, R="),
        (".spread Q=1", "Q=1: .spread takes a value and L=, B=, C=, R="),
        (".spread L=-1", "L=-1: a spread can't be negative"),
        (".option gmin=1", "OPTION GMIN=1: the only option is seed="),
        (".option seed=1.5", "OPTION SEED=1.5: the seed must be an integer from 0 to 2^64 - 1"),
        (".option seed=-1", "OPTION SEED=-1: the seed must be an integer from 0 to 2^64 - 1"),
        (".option seed=1e30", "OPTION SEED=1E30: the seed must be an integer from 0 to 2^64 - 1"),
        (".print v123", "V123 can't be printed; use V(..), P(..), I(..), @DEVICE[V], DEVV, DEVI, "
         "PHASE, NODEV or NODEP"),
        (".print v(1)x", "V(1)X can't be printed; use V(..), P(..), I(..), @DEVICE[V], DEVV, DEVI, "
         "PHASE, NODEV or NODEP"),
        (".file", ".file takes one file name, without blanks"),
    ],
)  # fmt: skip
def test_refusals(line, message):
    number = 4 if line.count("\n") else 3
    refused(R + line + "\n.tran 1p 10p", f"d, line {number}: {message}")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (".print v(9)", "V(9): there is no device or node 9"),
        (".print i(r9)", "I(R9): there is no device R9"),
        (".print v(r1,1)", "V(R1,1): a difference can be printed of nodes, not of devices"),
        (".print p(b1.x1)", "P(B1|X1): there is no device or node B1|X1"),
    ],
)
def test_prints_of_what_is_not_there(line, message):
    refused(R + line + "\n.tran 1p 10p", f"d, line 3: {message}")


def test_a_node_of_an_instance_can_be_printed():
    deck = MODEL + ".subckt s 1\nB1 1 2 jj1\nR1 2 0 1\n.ends\nX1 s a\nI1 0 a dc 10u\n"
    prints = read_deck(deck + ".print v(2.x1)\n.tran 0.1p 1p").prints
    assert prints[0].names == ("2|X1",)
