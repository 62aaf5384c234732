"""Splitters sized by what they drive: ``python benchmarks/ranked_splitters.py [--search SECONDS]``.
With ``--trees``: trees of the library's cells, by ``--splitters``.

Ranked critical currents (arXiv 2206.07817): a splitter that drives less may be smaller. A tree to
the data ports and a tree to the resets of eight storage branches, three ranks of splitters each,
are simulated with the library's splitter and with others: scaled (currents times a factor,
inductances divided by it), scaled more from rank to rank towards the root, and the two that there
are in the library for these loads (``--splitters by-load``). Every loop is set, cleared and found
empty twice. Printed for each pair of trees:

* bias current saved in the trees;
* lowest and highest factor on all bias currents at which all is right, and the same on the critical
  currents, inductors and shunts of all splitters;
* the delay from source to branches, what 5 % less bias adds to it, and the smallest junction.

``--search`` looks anew: the least bias current of a splitter of one tree of 20 leaves, five ranks
deep, at which all is right from 0.7 to 1.325 times the bias, as of the library's, and the tree is
no slower and by at most 0.1 ps more sensitive to 5 % less bias than with those.

``--trees`` prints the same of trees of 1 to 20 leaves, of cells for any load and of cells by load:
with the JTL stages that take a splitter's place, and the neuron's reset tree behind a layer's.
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
    LOAD_OHM,
    CurrentSource,
    Element,
    Inductor,
    Junction,
    Resistor,
    Role,
)
from netlist_gen.circuit.model import Cell, Circuit, CircuitBuilder
from netlist_gen.circuit.probe import Analysis, Probe
from netlist_gen.circuit.trees import splitter_tree
from netlist_gen.constants import TWO_PI
from netlist_gen.deck.emit import emit
from netlist_gen.library.cells import CellLibrary
from netlist_gen.library.process import load_process
from netlist_gen.library.splitters import BY_LOAD, DATA, LIBRARY, RESETS, SPLITTERS, tree_cells
from verification.characterize.subject.parameters import element_value
from verification.characterize.trials.neuron_lanes import flat_elements
from verification.engine.run import compile_deck

RANKS = 3
LEAVES = 2**RANKS
SPACING_S = 56e-12
FIRST_S = 60e-12
STEPS = "drrdrr"
"""Data set the loops, a reset clears them, the next finds them empty; twice."""

LOW, HIGH = 0.7, 1.325
"""Bias at which trees of the library's splitter of ``DEEP`` leaves work."""

DEEP = 20
"""Leaves of the trees that a search is for: of a line of the digits, and with a rank more than most
neurons' resets."""

SIZES = (1, 2, 3, 5, 8, DEEP)
"""Leaves of trees that ``--trees`` shows."""

GRID = tuple(round(x, 3) for x in np.arange(0.4, 1.8001, 0.025).tolist())
CURRENTS = ("ic_in", "ib_in", "ic_out", "ib_out")
INDUCTORS = ("l_in", "l_mid", "l_out", "l_half")

Values = Mapping[str, float]
"""Parameters of a splitter, SI."""


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
    add_branches(builder, library, nets)
    return builder.circuit()


def tree_circuit(library: CellLibrary, leaves: int, behind: int = 0) -> Circuit:
    """Trees of the library's cells, to the data ports and to the resets of so many branches.

    With ``behind`` the tree of the resets is one of so many neurons' behind a layer's tree.
    """
    builder = CircuitBuilder("trees")
    nets: dict[str, list[str]] = {}
    for port, drives in (("d", DATA), ("r", RESETS)):
        times = [FIRST_S + SPACING_S * k for k, step in enumerate(STEPS) if step == port]
        root = drive(builder, library, port.upper(), times)
        nets[port] = [f"{port}{k}" for k in range(leaves)]
        if port == "r" and behind:
            neurons = [f"n{k}" for k in range(behind)]
            builder.place("XSL", splitter_tree(library, behind, drives), root, *neurons)
            for net in neurons[1:]:
                ends = [f"{net}_{k}" for k in range(2)]
                builder.place(f"XS{net}", splitter_tree(library, 2, drives), net, *ends)
                for end in ends:
                    builder.add(Resistor(f"R{end}", end, GROUND, LOAD_OHM))
            root = neurons[0]
        builder.place(f"XS{port}", splitter_tree(library, leaves, drives), root, *nets[port])
    add_branches(builder, library, nets)
    return builder.circuit()


def add_branches(
    builder: CircuitBuilder, library: CellLibrary, nets: Mapping[str, Sequence[str]]
) -> None:
    """Storage branches at the leaves of both trees."""
    branch = library.cell("branch")
    for k, (data, reset) in enumerate(zip(nets["d"], nets["r"], strict=True)):
        pickups = [f"p{port}{k}" for port in branch.ports[2:]]
        builder.place(f"XB{k}", branch, data, reset, *pickups)
        for net in pickups:
            builder.add(Resistor(f"R{net}", net, GROUND, 1.0))


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

    def __init__(self, library: CellLibrary, circuit: Circuit, leaves: int = LEAVES) -> None:
        names = ("BD", "BA", "BB", "BR|XE", "BE|XE")
        self.probes = [
            Probe((f"XB{k}", *name.split("|")[1:]), name.split("|")[0])
            for k in range(leaves)
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
    bench = Bench(library, circuit_of(library, trees))
    found = {name: bench.under(which, GRID) for name, which in SWEPT.items()}
    share = (saved(trees.data, whole) + saved(trees.reset, whole)) / 2
    spans = "  ".join(f"{name} {low:.3f}..{high:.3f}" for name, (low, high) in
                      ((name, one.span()) for name, one in found.items()))  # fmt: skip
    at = found["bias"].delays_ps
    delays = ", ".join(f"{now:.1f} +{then - now:.1f}" for now, then in
                       zip(at[1.0], at[0.95], strict=True))  # fmt: skip
    least = min(values["ic_out"] for values in (*trees.data, *trees.reset)) * 1e6
    print(f"{trees.name:34} {share:5.1%}  {spans}  {delays} ps  {least:.0f} uA", flush=True)


def show_trees(splitters: str, leaves: int, behind: int = 0) -> None:
    """A line for trees of the library's cells."""
    library = CellLibrary(load_process(splitters=splitters))
    circuit = tree_circuit(library, leaves, behind)
    bench = Bench(library, circuit, leaves)
    found = {name: bench.under(SWEPT[name], GRID) for name in ("bias", "Ic")}
    (low, high), (least, most) = (one.span() for one in found.values())
    at = found["bias"].delays_ps
    delays = ", ".join(f"{now:.1f} +{then - now:.1f}" for now, then in
                       zip(at[1.0], at[0.95], strict=True))  # fmt: skip
    place = f"{leaves} leaves" + (f", behind a tree of {behind}" if behind else "")
    spans = f"bias {low:.3f}..{high:.3f}  Ic {least:.3f}..{most:.3f}"
    total = f"{circuit.totals().bias_A * 1e3:.3f} mA with branches"
    print(f"{splitters:8} {place:26} {spans}  {delays} ps  {total}", flush=True)


def search(drives: str, begin: Values, seconds: float) -> Values:
    """The least bias current found of the splitter of trees that drive ``DATA`` or ``RESETS``.

    A random walk: half of the parameters change by 5 % (one sigma) from the best so far.
    """

    def tried(splitters: str, values: Values) -> tuple[bool, float, float]:
        """Whether all is right, the tree's delay, and what 5 % less bias adds; ps."""
        library = CellLibrary(load_process(splitters=splitters))
        library.description(tree_cells(splitters, drives).splitter).parameters.update(values)
        found = Bench(library, tree_circuit(library, DEEP), DEEP).under(
            biases, (LOW, 0.95, 1.0, HIGH)
        )
        own = 0 if drives == DATA else 1
        nominal, slow = found.delays_ps[1.0][own], found.delays_ps[0.95][own]
        return all(found.right.values()), nominal, slow - nominal

    rng = np.random.default_rng(1)
    best = begin
    _, latest, most = tried(LIBRARY, {})
    end = time.process_time() + seconds
    while time.process_time() < end:
        steps = np.exp(rng.normal(0.0, 0.05, len(best)) * (rng.random(len(best)) < 0.5))
        other = {k: v * float(s) for (k, v), s in zip(best.items(), steps, strict=True)}
        if min(other[name] for name in INDUCTORS) < 0.5e-12 or bias_A(other) >= bias_A(best):
            continue
        right, delay, sensitivity = tried(BY_LOAD, other)
        if right and delay <= latest + 0.05 and sensitivity <= most + 0.11:
            best = other
    return best


def main(arguments: Sequence[str]) -> None:
    """Print a line for each pair of trees; with ``--search`` what a search of each finds."""
    library = CellLibrary()

    def parameters(cell: str) -> Values:
        given = library.description(cell).parameters
        return {name: given[name] for name in (*CURRENTS, *INDUCTORS)}

    whole = parameters("splitter")
    if arguments[:1] == ["--trees"]:
        for splitters in SPLITTERS:
            for leaves in SIZES:
                show_trees(splitters, leaves)
            show_trees(splitters, 5, behind=3)
        return
    if arguments:
        seconds = float(arguments[1])
        for drives in (DATA, RESETS):
            best = search(drives, scaled(whole, 0.85), seconds)
            text = ", ".join(f"{k} {v * 1e6 if k in CURRENTS else v * 1e12:.4g}" for k, v in
                             best.items())  # fmt: skip
            print(f"{drives}: {text}; {bias_A(best) / bias_A(whole):.1%} of the bias current")
        return
    print("trees  saved  factors at which all is right  delays of data, resets; at 5 % less bias")
    ranks = [scaled(whole, factor) for factor in (1.0, 0.8, 0.64)]
    below = [scaled(whole, factor) for factor in (0.8, 0.64, 0.51)]
    small = [(parameters(name),) for name in ("data_splitter", "reset_splitter")]
    for trees in (
        Trees("the library's splitter", (whole,), (whole,)),
        Trees("ranked, 0.8 for each", tuple(below), tuple(ranks)),
        Trees("scaled, 0.8 and 0.8", (scaled(whole, 0.8),), (scaled(whole, 0.8),)),
        Trees("scaled, 0.7 and 0.77", (scaled(whole, 0.7),), (scaled(whole, 0.77),)),
        Trees("scaled, 0.7 and 0.7", (scaled(whole, 0.7),), (scaled(whole, 0.7),)),
        Trees("data_splitter and reset_splitter", *small),
    ):
        show(CellLibrary(), trees, whole)


if __name__ == "__main__":
    main(sys.argv[1:])
