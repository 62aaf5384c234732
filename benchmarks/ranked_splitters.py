"""Splitters sized by what they drive: ``python benchmarks/ranked_splitters.py [--search SECONDS]``.

Ranked critical currents (arXiv 2206.07817): a splitter that drives less may be smaller. A tree to
the data ports and a tree to the resets of eight storage branches, three ranks of splitters each,
are simulated with the library's splitter and with others: scaled (currents times a factor,
inductances divided by it), scaled more from rank to rank towards the root, and two that a search
has found for these loads. Every loop is set, cleared and found empty twice. Printed for each pair
of trees:

* bias current saved in the trees;
* lowest and highest factor on all bias currents at which all is right, and the same on the critical
  currents, inductors and shunts of all splitters;
* the delay from source to branches, what 5 % less bias adds to it, and the smallest junction.

``--search`` looks anew: the least bias current of a splitter of one tree at which all is right from
0.7 to 1.35 times the bias, as of the library's, and neither tree is slower or more sensitive than
with the scaled ones.
"""

from __future__ import annotations

import itertools
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from netlist_gen.circuit.bench import drive
from netlist_gen.circuit.elements import (
    GROUND,
    CurrentSource,
    Element,
    Inductor,
    Junction,
    Resistor,
    Role,
)
from netlist_gen.circuit.model import Cell, Circuit, CircuitBuilder
from netlist_gen.circuit.probe import Analysis, Probe
from netlist_gen.constants import TWO_PI
from netlist_gen.deck.emit import emit
from netlist_gen.library.cells import CellLibrary
from verification.characterize.subject.parameters import element_value
from verification.characterize.trials.neuron_lanes import flat_elements
from verification.engine.run import compile_deck

RANKS = 3
LEAVES = 2**RANKS
SPACING_S = 56e-12
FIRST_S = 60e-12
STEPS = "drrdrr"
"""Data set the loops, a reset clears them, the next finds them empty; twice."""

LOW, HIGH = 0.675, 1.36
"""Bias at which a search holds trees: a little more than x 0.7 to 1.35, at which those of the
library's splitter were designed to work (its file)."""

GRID = tuple(round(x, 3) for x in np.arange(0.4, 1.8001, 0.025).tolist())
CURRENTS = ("ic_in", "ib_in", "ic_out", "ib_out")
INDUCTORS = ("l_in", "l_mid", "l_out", "l_half")

Values = Mapping[str, float]
"""Parameters of a splitter, SI."""

DATA: Values = {
    "ic_in": 124.4e-6, "ib_in": 124.8e-6, "ic_out": 97.0e-6, "ib_out": 70.6e-6,
    "l_in": 0.86e-12, "l_mid": 0.70e-12, "l_out": 1.96e-12, "l_half": 2.09e-12,
}  # fmt: skip
RESET: Values = {
    "ic_in": 164.7e-6, "ib_in": 164.6e-6, "ic_out": 124.5e-6, "ib_out": 73.9e-6,
    "l_in": 0.76e-12, "l_mid": 0.63e-12, "l_out": 1.90e-12, "l_half": 1.74e-12,
}  # fmt: skip
"""What ``--search 29`` found for either tree."""


@dataclass(frozen=True)
class Trees:
    """Splitters of both trees, by rank from the leaves on; the last one's are those beyond."""

    name: str
    data: tuple[Values, ...]
    reset: tuple[Values, ...]


@dataclass(frozen=True)
class Found:
    """What trees do.

    Attributes:
        right: by the factors that were tried, whether all was right.
        delays_ps: from the source's pulse to the last branch's junction, data and reset, by factor.
    """

    right: Mapping[float, bool]
    delays_ps: Mapping[float, tuple[float, float]]

    def span(self) -> tuple[float, float]:
        """The least and the largest factor about 1 at which all is right."""
        down = [f for f in sorted(self.right, reverse=True) if f <= 1.0]
        up = [f for f in sorted(self.right) if f >= 1.0]
        low, high = (list(itertools.takewhile(self.right.__getitem__, w)) for w in (down, up))
        return (low or [1.0])[-1], (high or [1.0])[-1]


def scaled(values: Values, factor: float) -> Values:
    """A splitter whose currents are multiplied by a factor, its inductances divided by it."""
    powers = dict.fromkeys(CURRENTS, 1) | dict.fromkeys(INDUCTORS, -1)
    return {name: values[name] * factor**power for name, power in powers.items()}


def bias_A(values: Values) -> float:
    """Bias current of a splitter."""
    return values["ib_in"] + 2 * values["ib_out"]


def circuit_of(library: CellLibrary, trees: Trees) -> Circuit:
    """Both trees with their branches and sources."""
    builder = CircuitBuilder("trees")
    nets: dict[str, list[str]] = {}
    for port, ranks in (("d", trees.data), ("r", trees.reset)):
        times = [FIRST_S + SPACING_S * k for k, step in enumerate(STEPS) if step == port]
        level = [drive(builder, library, port.upper(), times)]
        for rank in reversed(range(RANKS)):
            values = ranks[min(rank, len(ranks) - 1)]
            cell: Cell = library.cell("splitter", f"{port}{rank}", **values)
            below = [f"{port}{rank}_{k}" for k in range(2 * len(level))]
            for k, net in enumerate(level):
                builder.place(f"XS{port}{rank}_{k}", cell, net, *below[2 * k : 2 * k + 2])
            level = below
        nets[port] = level
    branch = library.cell("branch")
    for k in range(LEAVES):
        pickups = [f"p{port}{k}" for port in branch.ports[2:]]
        builder.place(f"XB{k}", branch, nets["d"][k], nets["r"][k], *pickups)
        for net in pickups:
            builder.add(Resistor(f"R{net}", net, GROUND, 1.0))
    return builder.circuit()


def biases(_: str, e: Element) -> bool:
    """Whether an element is a bias source."""
    return isinstance(e, CurrentSource) and e.role is Role.BIAS


def of_splitters(kind: type) -> Callable[[str, Element], bool]:
    """Which elements are of a kind, in splitters."""
    return lambda label, e: isinstance(e, kind) and "|XS" in label


SWEPT = {
    "bias": biases,
    "Ic": of_splitters(Junction),
    "L": of_splitters(Inductor),
    "R": of_splitters(Resistor),
}


class Bench:
    """Trees, compiled once, under factors on some of their elements."""

    def __init__(self, library: CellLibrary, trees: Trees) -> None:
        circuit = circuit_of(library, trees)
        names = ("BD", "BA", "BB", "BR|XE", "BE|XE")
        self.probes = [
            Probe((f"XB{k}", *name.split("|")[1:]), name.split("|")[0])
            for k in range(LEAVES)
            for name in names
        ]
        stop = FIRST_S + SPACING_S * len(STEPS) + 10e-12
        analysis = Analysis(stop, print_step_s=0.1e-12)
        text = emit(circuit, library.process, analysis, self.probes, name="trees").text
        self.elements = flat_elements(circuit)
        self.compiled = compile_deck(text, name="trees")

    def under(self, which: Callable[[str, Element], bool], factors: Sequence[float]) -> Found:
        """What the trees do where these elements are multiplied by each of the factors."""
        known = {k: element_value(e) for k, e in self.elements.items() if which(k, e)}
        lanes = [{label: value * f for label, value in known.items()} for f in factors]
        at = FIRST_S + SPACING_S * np.arange(len(STEPS) + 1) - 8e-12
        after = [f"{before}{now}" for before, now in itertools.pairwise(f" {STEPS}")]
        wanted = {
            "BD": [pair[1] == "d" for pair in after],
            "BA": [pair[1] == "d" for pair in after],
            "BB": [pair == "dr" for pair in after],
            "BR": [pair[1] == "r" for pair in after],
            "BE": [pair == "rr" for pair in after],
        }
        first = {"BD": STEPS.index("d"), "BR": STEPS.index("r")}
        right: dict[float, bool] = {}
        delays: dict[float, tuple[float, float]] = {}
        for factor, result in zip(factors, self.compiled.run_parameter_lanes(lanes), strict=True):
            waves = result.waveforms
            assert waves is not None
            rows = np.searchsorted(waves.time_s, at)
            last = dict.fromkeys(first, 0.0)
            ok = True
            for probe in self.probes:
                phase = waves.signal(probe.column) / TWO_PI
                ok &= bool(np.array_equal(np.rint(np.diff(phase[rows])), wanted[probe.junction]))
                if probe.junction in first:
                    crossed = int(np.argmax(phase > phase[rows[0]] + 0.5))
                    begin = FIRST_S + SPACING_S * first[probe.junction]
                    late = float(waves.time_s[crossed]) - begin
                    last[probe.junction] = max(last[probe.junction], late * 1e12)
            right[factor], delays[factor] = ok, (last["BD"], last["BR"])
        return Found(right, delays)


def saved(ranks: Sequence[Values], whole: Values) -> float:
    """The share of bias current that a tree saves against the splitter ``whole`` in all of it."""
    counts = [2 ** (RANKS - 1 - rank) for rank in range(RANKS)]
    used = [bias_A(ranks[min(rank, len(ranks) - 1)]) / bias_A(whole) for rank in range(RANKS)]
    return 1.0 - float(np.dot(counts, used)) / sum(counts)


def show(library: CellLibrary, trees: Trees, whole: Values) -> None:
    """A line for a pair of trees."""
    bench = Bench(library, trees)
    found = {name: bench.under(which, GRID) for name, which in SWEPT.items()}
    share = (saved(trees.data, whole) + saved(trees.reset, whole)) / 2
    spans = "  ".join(f"{name} {low:.3f}..{high:.3f}" for name, (low, high) in
                      ((name, one.span()) for name, one in found.items()))  # fmt: skip
    at = found["bias"].delays_ps
    delays = ", ".join(f"{now:.1f} +{then - now:.1f}" for now, then in
                       zip(at[1.0], at[0.95], strict=True))  # fmt: skip
    least = min(values["ic_out"] for values in (*trees.data, *trees.reset)) * 1e6
    print(f"{trees.name:34} {share:5.1%}  {spans}  {delays} ps  {least:.0f} uA", flush=True)


def search(
    library: CellLibrary, port: str, begin: Values, beside: Values, seconds: float
) -> Values:
    """The least bias current found of a splitter of one tree, ``beside`` being that of the other.

    A random walk: half of the parameters change by 5 % (one sigma) from the best so far.
    """

    def tried(values: Values) -> Found:
        pair = [(values,) if port == which else (beside,) for which in "dr"]
        return Bench(library, Trees("", *pair)).under(biases, (LOW, 0.95, 1.0, HIGH))

    def delays(found: Found) -> tuple[float, ...]:
        nominal, slow = found.delays_ps[1.0], found.delays_ps[0.95]
        return (*nominal, *(s - n for n, s in zip(nominal, slow, strict=True)))

    rng = np.random.default_rng(1)
    best = begin
    allowed = np.array(delays(tried(begin))) + 0.05
    end = time.process_time() + seconds
    while time.process_time() < end:
        steps = np.exp(rng.normal(0.0, 0.05, len(best)) * (rng.random(len(best)) < 0.5))
        other = {k: v * float(s) for (k, v), s in zip(best.items(), steps, strict=True)}
        if min(other[name] for name in INDUCTORS) < 0.5e-12 or bias_A(other) >= bias_A(best):
            continue
        # A library keeps every cell that it has built by name.
        library = CellLibrary(library.process)
        found = tried(other)
        if all(found.right.values()) and np.all(np.array(delays(found)) <= allowed):
            best = other
    return best


def main(arguments: Sequence[str]) -> None:
    """Print a line for each pair of trees; with ``--search`` what a search of both finds."""
    library = CellLibrary()
    given = library.description("splitter").parameters
    whole: Values = {name: given[name] for name in (*CURRENTS, *INDUCTORS)}
    if arguments:
        seconds = float(arguments[1])
        best: Values = whole
        for name, port, factor in (("data", "d", 0.8), ("reset", "r", 0.8)):
            best = search(library, port, scaled(whole, factor), best, seconds)
            text = ", ".join(f"{k} {v * 1e6 if k in CURRENTS else v * 1e12:.4g}" for k, v in
                             best.items())  # fmt: skip
            print(f"{name}: {text}; {bias_A(best) / bias_A(whole):.1%} of the bias current")
        return
    print("trees  saved  factors at which all is right  delays of data, resets; at 5 % less bias")
    ranks = [scaled(whole, factor) for factor in (1.0, 0.8, 0.64)]
    below = [scaled(whole, factor) for factor in (0.8, 0.64, 0.51)]
    for trees in (
        Trees("the library's splitter", (whole,), (whole,)),
        Trees("ranked, 0.8 for each", tuple(below), tuple(ranks)),
        Trees("scaled, 0.8 and 0.8", (scaled(whole, 0.8),), (scaled(whole, 0.8),)),
        Trees("scaled, 0.7 and 0.77", (scaled(whole, 0.7),), (scaled(whole, 0.77),)),
        Trees("scaled, 0.7 and 0.7", (scaled(whole, 0.7),), (scaled(whole, 0.7),)),
        Trees("searched for data and for resets", (DATA,), (RESET,)),
    ):
        show(CellLibrary(), trees, whole)


if __name__ == "__main__":
    main(sys.argv[1:])
