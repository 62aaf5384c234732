"""Netlist dictionaries to decks."""

from __future__ import annotations

import copy
import re

import numpy as np
import pytest
from engine_circuits import jtl

from netlist_gen.errors import ConfigurationError
from verification.engine.netlist import deck_of
from verification.engine.run import compile_deck

MODELS = {"jj1": "jj(rtype=1, vg=2.8m, cap=0.07p, r0=160, rn=16, icrit=0.1m)"}
STAGE = {
    "instances": {
        "b1": {"component": "jj", "settings": {"area": 2.5}},
        "lp": {"component": "inductor", "settings": {"L": 0.2e-12}},
        "rs": {"component": "resistor", "settings": {"R": 2.74}},
        "ls": {"component": "inductor", "settings": {"L": 1.5e-12}},
        "l1": {"component": "inductor", "settings": {"L": 2.07e-12}},
        "ib": {"component": "current", "settings": {"wave": "pwl(0 0 5p 175u)"}},
        "gnd": {"component": "ground"},
    },
    "nets": [
        {"p1": "b1,n", "p2": "lp,p"},
        {"p1": "lp,n", "p2": "gnd,0"},
        {"p1": "b1,p", "p2": "rs,p"},
        {"p1": "rs,n", "p2": "ls,p"},
        {"p1": "ls,n", "p2": "gnd,0"},
        {"p1": "b1,p", "p2": "l1,p"},
        {"p1": "ib,n", "p2": "b1,p"},
        {"p1": "ib,p", "p2": "gnd,0"},
    ],
    "ports": {"in": "b1,p", "out": "l1,n"},
}
PULSES = "pwl(0 0 20p 0 22p 500u 24p 0 50p 0 52p 500u 54p 0)"


def line(stages):
    return {
        "stage": STAGE,
        "top": {
            "instances": {
                **{f"s{k}": {"component": "stage"} for k in range(stages)},
                "iin": {"component": "current", "settings": {"wave": PULSES}},
                "rl": {"component": "resistor", "settings": {"R": 2}},
                "gnd": {"component": "ground"},
            },
            "connections": {
                "iin,n": "s0,in",
                "iin,p": "gnd,0",
                "rl,n": "gnd,0",
                f"s{stages - 1},out": "rl,p",
                **{f"s{k},out": f"s{k + 1},in" for k in range(stages - 1)},
            },
        },
    }


def deck(netlists, **changes):
    options = {"models": MODELS, "tran": "0.05p 100p 0 1p", "prints": ["P(B_b1|X_s2)"]} | changes
    return deck_of(netlists, "top", **options)


def test_a_line_of_stages_is_the_deck_written_by_hand():
    text = deck(line(3))
    ours = compile_deck(text, name="d").run().waveforms
    assert ours.names == ("P(B_B1|X_S2)",)
    theirs = compile_deck(jtl(3, 100.0)).run().waveforms
    np.testing.assert_allclose(ours.values[0], theirs.signal("P(B1|X2)"), rtol=0, atol=1e-9)
    assert ours.values[0, -1] > 4 * np.pi


def test_kinetic_inductors_and_other_models():
    netlists = line(2)
    netlists["stage"] = copy.deepcopy(STAGE)
    netlists["stage"]["instances"]["l1"]["settings"]["ik"] = 1e-3
    netlists["stage"]["instances"]["b1"]["settings"]["model"] = "other"
    text = deck(netlists, models={**MODELS, "other": "jj(icrit=0.1m)"}, prints=["P(B_b1|X_s1)"])
    assert "L_l1 p_in p_out 2.07e-12 ik=0.001\n" in text
    assert "B_b1 p_in" in text
    assert " other area=2.5" in text
    compile_deck(text)


def changed(path, value):
    netlists = copy.deepcopy(line(2))
    place = netlists
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return netlists


TOP = ("top", "instances")


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ((*TOP, "q"), {"component": "squid"}, "netlist top, instance q: there is no component "
         "'squid'; there are jj, inductor, resistor, capacitor, current, voltage, ground, stage, "
         "top"),
        ((*TOP, "rl", "settings"), {}, "netlist top, instance rl: resistor has no setting R"),
        ((*TOP, "rl", "settings"), {"R": 2, "L": 1}, "netlist top, instance rl: resistor has no "
         "setting 'L'; it has R"),
        ((*TOP, "rl", "settings"), {"R": "2\n.include x"}, "netlist top, instance rl: "
         "'2\\n.include x' is not allowed; it may be a finite number in SI"),
        ((*TOP, "iin", "settings"), {"wave": "pwl(0 0)\n.include x"}, "netlist top, instance iin: "
         "'pwl(0 0)\\n.include x' is not allowed; it may be a wave as JoSIM has it, or a number"),
        ((*TOP, "a b"), {"component": "ground"}, "netlist top, instances: 'a b' is not allowed; it "
         "may be a letter, then letters, digits and _"),
        (("top", "connections", "s0,q"), "rl,p", "netlist top, nets: there is no 's0,q'; ends are "
         "instance,port"),
        (("stage", "ports", "also"), "b1,p", "netlist stage, port also: its node has another port "
         "already, or is ground"),
        (("stage", "instances", "s"), {"component": "stage"}, "netlist stage: it contains itself"),
        (("stage", "ports"), {}, "netlist stage: it is placed in another and has no ports"),
        (("stage", "instances"), {}, "netlist stage: it has no instances"),
    ],
)  # fmt: skip
def test_what_is_no_netlist_is_refused(path, value, message):
    with pytest.raises(ConfigurationError, match=f"^{re.escape(message)}$"):
        deck(changed(path, value))


def test_other_words_can_not_become_lines_of_the_deck():
    for options, message in (
        ({"tran": "1p 2p\n.include x"}, "tran: '1p 2p\\n.include x' is not allowed; it may be "
         "numbers"),
        ({"prints": ["P(B1)\n.include x"]}, "prints: 'P(B1)\\n.include x' is not allowed; it may "
         "be P(..), V(..) or I(..) of devices or nodes"),
        ({"models": {"m": "jj()\n.include x"}}, "model m: 'jj()\\n.include x' is not allowed; it "
         "may be one line of jj(...)"),
    ):  # fmt: skip
        with pytest.raises(ConfigurationError, match=f"^{re.escape(message)}$"):
            deck(line(2), **options)
    with pytest.raises(ConfigurationError, match=r"^there is no netlist 'no'; there are top$"):
        deck_of({"top": {}}, "no", models={}, tran="1p 2p", prints=[])
