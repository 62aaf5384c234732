"""Decks that WRspice would read as another circuit."""

from __future__ import annotations

import re

import pytest

from netlist_gen.errors import DeckError
from verification.simulators.wrspice_rules import check_wrspice_deck

DECK = """* title B9 gnd
B1 1 0 ph1 jmit area=2.5
R1 1 0 3.4
.model jmit jj(rtype=1, vg=2.8m, delv=0.08m, icrit=0.1m,
+ r0=160, rn=16, cap=0.07p)
.tran 1p 10p
.save v(ph1)
.end
"""


def test_a_good_deck_passes():
    check_wrspice_deck(DECK)


def test_force_keeps_a_model_out_of_range():
    check_wrspice_deck(DECK.replace("r0=160", "r0=30 force=1"))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "R1 1 0",
            "R1 1 GND",
            "line 3: node 'gnd' is not ground for WRspice and would float; write 0",
        ),
        (
            "1 0 ph1 jmit",
            "1 0 jmit",
            "line 2: junction 'b1' has 3 words before its parameters; needed are two nodes, a "
            "phase node and a model",
        ),
        (
            "area=2.5",
            "area=a*1.2",
            "line 2: 'a*1.2' is not a plain number with one of the suffixes F P N U M K MEG X G T",
        ),
        (
            "area=2.5",
            "ic=2.5",
            "line 2: junction 'b1' has ic=, which is not its size in every simulator; write area=",
        ),
        (
            "delv=0.08m, ",
            "",
            "line 4: model 'jmit' leaves delv to WRspice's defaults, which are not JoSIM's; write "
            "vg, delv, icrit, r0, rn, cap",
        ),
        (
            "r0=160",
            "r0=30",
            "line 4: model 'jmit' has r0 * icrit = 3 mV; outside 8 to 100 mV WRspice resets r0 "
            "(force=1 keeps it)",
        ),
        (
            "rn=16",
            "rn=4",
            "line 4: model 'jmit' has rn * icrit = 0.4 mV; outside 0.5 to 2.199 mV WRspice resets "
            "rn (force=1 keeps it)",
        ),
        (
            "rn=16",
            "rn=23",
            "line 4: model 'jmit' has rn * icrit = 2.3 mV; outside 0.5 to 2.199 mV WRspice resets "
            "rn (force=1 keeps it)",
        ),
        (
            "r0=160",
            "r0=15 force=1",
            "line 4: model 'jmit' has r0 = 15 below rn = 16; WRspice resets rn",
        ),
        (
            "vg=2.8m",
            "vg=28m force=1",
            "line 4: model 'jmit' has vg = 0.028; outside 0.0001 to 0.01 WRspice resets it, with "
            "force=1 too",
        ),
        (
            "delv=0.08m",
            "delv=0.8m",
            "line 4: model 'jmit' has delv = 0.0008; outside 2.8e-06 to 0.00056 WRspice resets "
            "it, with force=1 too",
        ),
        (
            "cap=0.07p",
            "cap=0.7n",
            "line 4: model 'jmit' has cap = 7e-10; outside 0 to 1e-10 WRspice resets it, with "
            "force=1 too",
        ),
    ],
)
def test_what_would_be_read_otherwise_is_refused(old, new, message):
    assert old in DECK
    with pytest.raises(DeckError, match=f"^{re.escape(message)}$"):
        check_wrspice_deck(DECK.replace(old, new, 1))


OWN = """an ordinary title with gnd in it
b1 1 0 jj1 area=1
b2 1 0 3 jj1 ics=0.2mA
r1 1 0 5ohm
i1 0 1 pwl(0 0 10ps 150uA)
.model jj1 jj(rtype=1, cct=1, icon=10m, icrit=0.1mA)
.tran 0.1ps 100ps 0 0.1ps uic
.save v(1)
.control
run gnd
.endc
.end
"""


def test_wrspices_own_decks_are_read_as_it_reads_them():
    check_wrspice_deck(OWN, own=True)
    with pytest.raises(DeckError, match=r"^line 2: junction 'b1' has 3 words before its "):
        check_wrspice_deck(OWN)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "r1 1 0",
            "r1 1 gnd",
            "line 4: node 'gnd' is not ground for WRspice and would float; write 0",
        ),
        (
            "area=1",
            "area=1*2",
            "line 2: junction 'b1' has area=1*2; WRspice cuts an expression there at its first "
            "operator, so write a number",
        ),
    ],
)
def test_what_wrspice_itself_misreads_is_refused_there_too(old, new, message):
    with pytest.raises(DeckError, match=f"^{re.escape(message)}$"):
        check_wrspice_deck(OWN.replace(old, new), own=True)
