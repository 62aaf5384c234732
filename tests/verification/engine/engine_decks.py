"""Decks and runs that the engine's tests share."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from netlist_gen.errors import DeckError
from verification.engine.run import CompiledDeck, Extract, LaneResult, compile_deck
from verification.engine.text.flatten import FlatCircuit, flatten
from verification.engine.text.reader import read_deck
from verification.waves.readers.josim_csv import read_josim_csv
from verification.waves.waveforms import Waveforms

MODEL = ".model jj1 jj(rtype=1, vg=2.8m, cap=0.07p, r0=160, rn=16, icrit=0.1m)\n"

JOSIM = (
    pytest.mark.josim,
    pytest.mark.skipif(shutil.which("josim-cli") is None, reason="josim-cli is not on PATH"),
)


def flat(text: str, directory: Path | None = None) -> FlatCircuit:
    """Elements of a deck to which ``.tran`` is added."""
    return flatten(read_deck(text + "\n.tran 0.1p 10p\n", name="d", directory=directory), directory)


def refused(text: str, message: str, directory: Path | None = None) -> None:
    """The deck is refused with exactly this message."""
    with pytest.raises(DeckError, match=f"^{re.escape(message)}$"):
        compile_deck(text, name="d", directory=directory).run()


def run(text: str, **options: object) -> Waveforms:
    """Printed signals of a deck."""
    waveforms = compile_deck(text, name="d").run(**options).waveforms
    assert waveforms is not None
    return waveforms


def every_step(deck: CompiledDeck, **extract: object) -> Extract:
    """Samples at all steps: where print and time step are equal JoSIM leaves out a few, since it
    adds up print times and multiplies step times."""
    steps = np.arange(deck.transient.steps)
    return Extract(sample_s=steps * deck.transient.step, **extract)


def jtl(stages: int, stop: str = "80p", step: str = "0.05p", extra: str = "") -> str:
    """A JTL with two pulses at its input; prints the phase of the first and last junction."""
    return (
        MODEL
        + """.subckt stage 1 2
B1 1 3 jj1 area=2.5
LP1 3 0 0.2p
RS1 1 4 2.74
LS1 4 0 1.5p
L1 1 2 2.07p
IB 0 1 pwl(0 0 5p 175u)
.ends
IIN 0 N0 pwl(0 0 20p 0 22p 500u 24p 0 50p 0 52p 500u 54p 0)
"""
        + "".join(f"X{k} N{k} N{k + 1} stage\n" for k in range(stages))
        + f"RL N{stages} 0 2\n.tran {step} {stop} 0 {step}\n"
        + f".print P(B1.X0)\n.print P(B1.X{stages - 1})\n"
        + extra
        + ".end\n"
    )


def mesh(nodes: int, stop: str = "60p", step: str = "0.05p") -> str:
    """A closed JTL whose stages hang together across the ring too, each by two weak junctions.

    Its factors fill in, unlike a line's. A pulse starts at stage 0; prints 0 and a tenth of a turn.
    """
    lines = []
    for k, other in enumerate(np.random.default_rng(1).permutation(nodes)):
        lines += [f"B{k} n{k} 0 jj1 area=2.5", f"R{k} n{k} 0 2.7", f"I{k} 0 n{k} pwl(0 0 5p 175u)"]
        lines.append(f"L{k} n{k} n{(k + 1) % nodes} 2.07p")
        for at, to in ((f"n{k}", f"p{k}"), (f"p{k}", f"q{k}"), (f"q{k}", f"n{other}")):
            lines.append(f"L{at}{to} {at} {to} 40p")
        for chord in "pq":
            lines += [f"B{chord}{k} {chord}{k} 0 jj1", f"R{chord}{k} {chord}{k} 0 7"]
    return (
        MODEL
        + "\n".join(lines)
        + "\nIIN 0 n0 pwl(0 0 20p 0 22p 1m 24p 0)\n"
        + f".tran {step} {stop} 0 {step}\n.print P(B0)\n.print P(B{nodes // 10})\n.end\n"
    )


def same(a: LaneResult, b: LaneResult, tolerance: float = 0.0) -> None:
    """Two lanes gave the same samples (up to a tolerance in rad)."""
    assert a.waveforms is not None
    assert b.waveforms is not None
    assert a.waveforms.names == b.waveforms.names
    assert a.step_s == b.step_s
    np.testing.assert_allclose(a.waveforms.values, b.waveforms.values, rtol=0, atol=tolerance)


def josim(path: Path, folder: Path) -> Waveforms:
    """What josim-cli makes of a deck file."""
    out = folder / "out.csv"
    subprocess.run(
        ["josim-cli", "-m", "1", "-o", str(out), path.name],
        cwd=path.parent, capture_output=True, check=True, timeout=120,
    )  # fmt: skip
    return read_josim_csv(out)


__all__ = ["CompiledDeck", "Extract", "compile_deck"]
