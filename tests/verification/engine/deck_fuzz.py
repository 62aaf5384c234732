"""Malformed decks: random damage to decks that hold every element, source and control.

``outcome`` says what the engine makes of one. A refusal or a run is right, anything else is not.
"""

from __future__ import annotations

import random
import time
import warnings

import numpy as np

from netlist_gen.errors import DeckError, SimulatorError
from verification.engine.run import compile_deck

SEEDS = (
    """* cells in cells
.param a=2
.param b=a*1.5
.model jj1 jj(rtype=1, vg=2.8m, cap=0.07p, r0=160, rn=16, icrit=0.1m)
.subckt stage in out
B1 in 3 jj1 area={a}
LP 3 0 0.2p
RS in 4 2.7
LS 4 0 1.5p
L1 in out 2p
IB 0 in pwl(0 0 5p 175u)
.ends
.subckt two x y
XA x m stage
XB stage m y
.ends
X1 two n0 n1 B1|XA=2.5
IIN 0 n0 pwl(0 0 10p 0 12p 500u
+ 14p 0)
RL n1 0 b
.tran 0.1p 20p 0 0.2p
.print p(b1.xa.x1) v(n1)
.save @rl[c]
.end
""",
    """* sources and controlled sources
.model m jj(rtype=0, rn=5, icrit=0.2m, phi=0.1, cpr={0.9, 0.1})
B1 1 0 m ic=0.3m
V1 2 0 pulse(0 1m 1p 1p 1p 3p 8p)
R1 2 1 3
I1 0 1 sin(0 10u 50g 1p 0 30)
I2 0 3 exp(0 10u 1p 2p 6p 2p)
I3 0 3 pws(0 0 4p 20u)
P1 4 0 pwl(0 0 5p 1)
R4 4 3 2
R3 3 0 2 temp=4.2 neb=1T
I4 0 3 noise(1p 1p 0.5p)
E1 5 0 1 0 2
R5 5 0 1
G1 6 0 1 0 0.1
R6 6 0 1
F1 7 0 2 1 2
R7 7 0 1
H1 8 0 3 0 2
R8 8 0 1
.option seed=4
.tran 0.1p 10p dst
.plot i(b1) v(1,3)
.print devv r5
""",
    """* lines, couplings, spread
L1 1 0 2p
L2 2 0 3p
L3 3 0 2p spread=0.1
K1 L1 L2 0.4
K2 L2 L3 -0.3
R1 1 0 2
R2 2 0 2
R3 3 4 2
T1 1 0 5 0 z0=3 td=1p
R5 5 0 3
C1 4 0 0.1p
I1 0 1 pwl(0 0 2p 1m)
.spread 0.2 R=0.1
.temp 4.2
.neb 10G
.tran 0.05p 8p 1p 0.1p 0.4p
.print nodev 5 2
.print i(t1) i(l2) p(3)
.file out.csv
.print i(c1)
""",
)
_TOKENS = """
0 1 -1 gnd 1e308 1e-308 nan inf -0 5F 2.8MEG 1E+ {a} {1/0} ( ) { } = , + - * .ends .subckt x1 b1
jj1 area= ic= temp=-1 td=0 pwl( pwl() v( i() | . # .param .model jj( .tran .print 1p 1T K1 L1 L2
sqrt(-1) \0 \v ü .include .end two stage spread=9 999999999999999999999 -1p 1e-30 v1 n0 xa m
""".strip().split(None)


def damage(rng: random.Random) -> str:
    """A deck with one to four random faults."""
    text = rng.choice(SEEDS)
    for _ in range(rng.randint(1, 4)):
        kind = rng.randrange(8)
        lines = text.split("\n")
        row = rng.randrange(len(lines))
        tokens = lines[row].split(" ")
        at = rng.randrange(len(tokens))
        if kind == 0:
            del lines[row]
        elif kind == 1:
            lines.insert(rng.randrange(len(lines)), lines[row])
        elif kind == 2:
            del tokens[at]
            lines[row] = " ".join(tokens)
        elif kind == 3:
            tokens[at] = rng.choice(_TOKENS)
            lines[row] = " ".join(tokens)
        elif kind == 4:
            tokens.insert(at, rng.choice(_TOKENS))
            lines[row] = " ".join(tokens)
        elif kind == 5 and lines[row]:
            place = rng.randrange(len(lines[row]))
            sign = chr(rng.choice([rng.randrange(32, 127), rng.randrange(1, 0x2FF)]))
            lines[row] = lines[row][:place] + sign + lines[row][place + rng.randrange(2) :]
        elif kind == 6:
            lines[row], lines[row - 1] = lines[row - 1], lines[row]
        else:
            lines = lines[: row + 1]
            lines[row] = lines[row][: rng.randrange(len(lines[row]) + 1)]
        text = "\n".join(lines)
    return text


def outcome(text: str, seconds: float = 2.0) -> str:
    """``refused``, ``diverged``, ``late`` or ``ran``; raises whatever else happens.

    A run has as many finite columns as were asked for; a refusal is one line that names the deck.
    """
    end = time.monotonic() + seconds
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            deck = compile_deck(text, name="fuzz")
            result = deck.run(seed=1, deadline=lambda: time.monotonic() > end)
    except DeckError as error:
        message = str(error)
        if "\n" in message or not message.startswith("fuzz"):
            raise AssertionError(f"the refusal {message!r} does not name the deck") from error
        return "refused"
    except SimulatorError as error:
        return "late" if "too long" in str(error) else "diverged"
    waveforms = result.waveforms
    if waveforms is None or len(waveforms.names) != len(deck.traces):
        raise AssertionError("columns are missing")
    if not np.all(np.isfinite(waveforms.values)):
        raise AssertionError("a value is not finite")
    return "ran"
