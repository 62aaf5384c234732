"""Circuits of the engine's benchmark: transmission lines of junctions, a neuron of 16 inputs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from netlist_gen.circuit.bench import neuron_bench
from netlist_gen.circuit.sites import NeuronSite
from netlist_gen.deck.emit import emit
from netlist_gen.library.cells import CellLibrary

_MODEL = ".model jj1 jj(rtype=1, vg=2.8m, cap=0.07p, r0=160, rn=16, icrit=0.1m)\n"
_STAGE = """.subckt stage 1 2
B1 1 3 jj1 area=2.5
LP1 3 0 0.2p
RS1 1 4 2.74
LS1 4 0 1.5p
L1 1 2 2.07p
IB 0 1 pwl(0 0 5p 175u)
.ends
"""
_INPUT = "IIN 0 N0 pwl(0 0 20p 0 22p 500u 24p 0 50p 0 52p 500u 54p 0)\n"


def jtl(stages: int, stop_ps: float, print_ps: float = 1.0) -> str:
    """A JTL of shunted, biased junctions, one for each stage, in steps of 0.05 ps."""
    body = "".join(f"X{k} N{k} N{k + 1} stage\n" for k in range(stages))
    return _MODEL + _STAGE + _INPUT + body + _controls(stages, stop_ps, print_ps)


def _controls(stages: int, stop_ps: float, print_ps: float) -> str:
    return (
        f"RL N{stages} 0 2\n.tran 0.05p {stop_ps:g}p 0 {print_ps:g}p\n"
        f".print P(B1.X0)\n.print P(B1.X{stages - 1})\n.end\n"
    )


@dataclass(frozen=True)
class NeuronDeck:
    """A neuron's bench: its deck, and the junction whose pulses are its answers."""

    name: str
    text: str
    output: str


def neuron_deck(stimulus: NDArray[np.bool_]) -> NeuronDeck:
    """A neuron of 8 excitatory and 8 inhibitory synapses, theta 1; stimulus (windows, 16)."""
    signs = (1, -1) * 8
    labels = tuple(f"{k:02d}" for k in range(16))
    site = NeuronSite(0, 0, tuple(range(16)), signs, 1, "N16", labels)
    library = CellLibrary()
    bench = neuron_bench(library, site, stimulus)
    watched = list(bench.view.watched())[:1]
    deck = emit(bench.circuit, library.process, bench.analysis(), watched, name="neuron16")
    return NeuronDeck("neuron16", deck.text, watched[0].column[2:-1])
