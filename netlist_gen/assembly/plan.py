"""A network's lines, trees, clocks, pads and class lines as data.

Everything else about a whole network is a fold over this plan: the builder places a cell for each
stage, static timing and the timed reference add delays along its paths, price and reference energy
count its parts. A path is a sequence of ``Stage``; a tree's stages are those of ``circuit.trees``.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from netlist_gen.assembly.stages import Stage, jtl_chain
from netlist_gen.circuit.probe import Probe
from netlist_gen.circuit.sites import NeuronSite, SiteMemory, neuron_sites
from netlist_gen.circuit.trees import merger_nodes, tree_depth
from netlist_gen.library.splitters import CLOCKS, DATA, LIBRARY, RESETS, tree_cells
from netlist_gen.network import TernaryNetwork

if TYPE_CHECKING:
    from netlist_gen.assembly.timing_values import TimingPlan

IntArray = NDArray[np.int64]


@dataclass(frozen=True)
class LinePlan:
    """A line into a layer: JTL stages, then a splitter tree to the synapses that hear it.

    Attributes:
        line: its number.
        driver: "source" or "neuron".
        users: for each leaf of the tree the neuron there, as an index into the layer's sites;
            none where the line ends in a load.
        pads: JTL stages that hold it back.
        splitters: of which cells its tree is made (``library.splitters``).
    """

    line: int
    driver: str
    users: tuple[int, ...]
    pads: int = 0
    splitters: str = LIBRARY

    @property
    def stages(self) -> int:
        """JTL stages before the tree, the one behind the source or neuron included."""
        return 1 + self.pads

    @property
    def load(self) -> str:
        """What is at the end of the chain."""
        return tree_cells(self.splitters, DATA).root(len(self.users)) if self.users else "end"

    def chain(self) -> tuple[Stage, ...]:
        """The stages before the tree."""
        return jtl_chain(self.stages, self.driver, self.load)

    @property
    def depth(self) -> int:
        """Cells on the way to each synapse, without the stage behind the source or neuron."""
        return self.pads + (tree_depth(len(self.users)) if self.users else 0)


@dataclass(frozen=True)
class ClockPlan:
    """A layer's clock: a source, a splitter, a tree to the decisions, a chain and tree to resets.

    Where membranes last, decisions and resets have a source each: the second one's pulses come in
    clearing windows alone, the first one's in all others.

    Attributes:
        fan_ins: storage branches of each neuron, which a reset goes on to.
        reset_stages: JTL stages before the tree of the resets.
        lasting: whether membranes last.
        splitters: of which cells its trees are made (``library.splitters``).
    """

    fan_ins: tuple[int, ...]
    reset_stages: int = 0
    lasting: bool = False
    splitters: str = LIBRARY

    @property
    def root(self) -> str:
        """The cell at the root of the tree of the decisions."""
        return tree_cells(self.splitters, CLOCKS).root(len(self.fan_ins))

    @property
    def resets(self) -> str:
        """What the tree of the resets drives: trees of neurons, or trains of large cells."""
        return CLOCKS if self.lasting else RESETS

    @property
    def reset_root(self) -> str:
        """The cell at its root."""
        return tree_cells(self.splitters, self.resets).root(len(self.fan_ins))

    @property
    def driver(self) -> str:
        """What drives the tree of the decisions."""
        return "first" if self.lasting else "splitter"

    @property
    def reset_load(self) -> str:
        """What the resets' side of the trunk drives."""
        return "jtl" if self.reset_stages else self.reset_root

    def decision_trunk(self) -> tuple[Stage, ...]:
        """From the source to the tree of the decisions."""
        if self.lasting:
            return (Stage("jtl", "source", self.root),)
        reset = self.reset_load
        return (Stage("jtl", "source", "splitter"), Stage("splitter", "first", self.root, reset))

    def reset_trunk(self) -> tuple[Stage, ...]:
        """From the source to the chain of the resets."""
        reset = self.reset_load
        if self.lasting:
            return (Stage("jtl", "source", reset),)
        return (Stage("jtl", "source", "splitter"), Stage("splitter", "first", reset, self.root))

    def reset_chain(self) -> tuple[Stage, ...]:
        """From the trunk to the tree of the resets."""
        return jtl_chain(self.reset_stages, self.driver, self.reset_root)


@dataclass(frozen=True, eq=False)
class LayerPlan:
    """One layer.

    Attributes:
        index: its number.
        sites: its neurons that have a circuit.
        lines: its lines that have a circuit behind them, by number, in the order they are built.
        clock: of its neurons.
        silent: synapses on lines without a circuit, (index into the sites, line): each has a
            source of its own that never gives a pulse.
    """

    index: int
    sites: tuple[NeuronSite, ...]
    lines: Mapping[int, LinePlan]
    clock: ClockPlan
    silent: tuple[tuple[int, int], ...] = ()

    @cached_property
    def synapses(self) -> IntArray:
        """Synapses that hear a line, neuron by neuron, shape (synapses, 3).

        Rows are (index into the sites, line, leaf of the line's tree).
        """
        seen: Counter[int] = Counter()
        rows = []
        for number, site in enumerate(self.sites):
            for line in site.inputs:
                if line in self.lines:
                    rows.append((number, line, seen[line]))
                    seen[line] += 1
        return np.array(rows, dtype=np.int64).reshape(-1, 3)


@dataclass(frozen=True)
class ClassLine:
    """A line of a class.

    Attributes:
        label: the class.
        name: of the line, e.g. ``3`` or ``3_1`` where the class has several.
        members: neurons of the last layer that share it.
        stages: JTL stages before each of them.
        earliest_s: when its first pulse of the first window comes, nominal.
        latest_s: and its last.
    """

    label: int
    name: str
    members: tuple[int, ...]
    stages: tuple[int, ...]
    earliest_s: float = 0.0
    latest_s: float = 0.0

    @property
    def output(self) -> Probe:
        """The junction whose pulses are counted, of the JTL stage behind the merger tree."""
        return Probe((f"XY{self.name}",), "B1")

    def loads(self) -> tuple[str, ...]:
        """For each member the cell that takes its chain."""
        takes = {net: node.cell for node in merger_nodes(len(self.members)) for net in node.inputs}
        return tuple(takes[f"a{place}"] for place in range(len(self.members)))

    def chains(self) -> tuple[tuple[Stage, ...], ...]:
        """For each member the stages before the merger tree, its output stage first."""
        return tuple(
            jtl_chain(1 + stages, "neuron", load)
            for stages, load in zip(self.stages, self.loads(), strict=True)
        )

    @property
    def depth(self) -> int:
        """Most cells on a way from a neuron's output stage to the line's."""
        return max(self.stages) + tree_depth(len(self.members)) + 1


@dataclass(frozen=True, eq=False)
class NetworkPlan:
    """A whole network.

    Attributes:
        layers: in order.
        population: output neurons of a class.
        widths: lines into the first layer, then neurons of each layer, built or not.
        timing: the closed timing; None where stages that timing adds are not there.
        class_lines: the lines on which the classes' pulses leave.
    """

    layers: tuple[LayerPlan, ...]
    population: int
    widths: tuple[int, ...]
    timing: TimingPlan | None = None
    class_lines: tuple[ClassLine, ...] = ()

    @property
    def sites(self) -> tuple[NeuronSite, ...]:
        """All neurons that have a circuit."""
        return tuple(site for layer in self.layers for site in layer.sites)

    @property
    def depth(self) -> int:
        """Most cells in series from an input source to a class line."""
        ways = [max((line.depth for line in layer.lines.values()), default=1) + 1
                for layer in self.layers]  # fmt: skip
        return 1 + sum(ways) + max((line.depth for line in self.class_lines), default=0)

    def members(self) -> Iterator[tuple[int, tuple[int, ...]]]:
        """Each class with the neurons of the last layer that vote for it and have a circuit."""
        built = {site.neuron for site in self.layers[-1].sites}
        for label in range(self.widths[-1] // self.population):
            first = label * self.population
            own = range(first, first + self.population)
            yield label, tuple(neuron for neuron in own if neuron in built)

    def output_loads(self, layer: int) -> dict[int, str]:
        """What the output stage of each neuron of a layer drives: a cell, or the "end"."""
        if layer + 1 < len(self.layers):
            lines = self.layers[layer + 1].lines.values()
            return {line.line: "jtl" if line.pads else line.load for line in lines}
        return {
            member: "jtl" if stages else load
            for line in self.class_lines
            for member, stages, load in zip(line.members, line.stages, line.loads(), strict=True)
        }

    def with_timing(self, timing: TimingPlan) -> NetworkPlan:
        """The plan with the stages that a closed timing adds."""
        layers = []
        for layer, phases in zip(self.layers, timing.layers, strict=True):
            pads = {line: timing.pads.get((layer.index, line), 0) for line in layer.lines}
            lines = {n: dataclasses.replace(one, pads=pads[n]) for n, one in layer.lines.items()}
            clock = dataclasses.replace(layer.clock, reset_stages=phases.reset_stages)
            layers.append(dataclasses.replace(layer, lines=lines, clock=clock))
        return dataclasses.replace(self, layers=tuple(layers), timing=timing)

    def with_class_lines(self, lines: Sequence[ClassLine]) -> NetworkPlan:
        """The plan with its output stage."""
        return dataclasses.replace(self, class_lines=tuple(lines))


def outline(network: TernaryNetwork, splitters: str = LIBRARY) -> NetworkPlan:
    """The plan of a network before its timing is closed.

    Args:
        network: what is planned.
        splitters: of which cells splitter trees are made (``library.splitters``).

    Raises:
        NetworkError: a neuron that can't be built (``sites.neuron_sites``).
    """
    layers = []
    sites = neuron_sites(network)
    wired, driver = np.flatnonzero(network.layers[0].fan_out).tolist(), "source"
    for index in range(len(network.layers)):
        here = tuple(site for site in sites if site.layer == index)
        users: dict[int, list[int]] = {line: [] for line in wired}
        silent = []
        for number, site in enumerate(here):
            for line in site.inputs:
                if line in users:
                    users[line].append(number)
                else:
                    silent.append((number, line))
        lines = {
            line: LinePlan(line, driver, tuple(fed), splitters=splitters)
            for line, fed in users.items()
        }
        clock = ClockPlan(
            tuple(len(site.branch_signs) for site in here),
            lasting=network.layers[index].memory is not None,
            splitters=splitters,
        )
        layers.append(LayerPlan(index, here, lines, clock, tuple(silent)))
        wired, driver = [site.neuron for site in here], "neuron"
    widths = (network.inputs, *(layer.outputs for layer in network.layers))
    return NetworkPlan(tuple(layers), network.population, widths)


TREES = {CLOCKS: "clock_tree", DATA: "data_tree", RESETS: "reset_tree"}
"""Kinds of splitter trees among the parts of a network, by what they drive."""


class Part(NamedTuple):
    """Something a network is made of: a cell, or a tree or neuron of a size."""

    kind: str
    size: int = 1
    memory: SiteMemory | None = None


def census(
    fan_ins: Sequence[IntArray],
    fan_outs: Sequence[IntArray],
    population: int,
    memories: Sequence[Sequence[SiteMemory] | None] = (),
) -> Counter[Part]:
    """How many of each part a network has, from fan-ins and fan-outs alone.

    What timing adds is not in it: no fan-in or fan-out tells.

    Args:
        fan_ins: of each layer, shape (neurons,).
        fan_outs: of each layer's lines, shape (lines,).
        population: output neurons of a class.
        memories: of each neuron of each layer, or None for a layer without; none for no layer.
    """
    parts: Counter[Part] = Counter()
    kept = memories or [None] * len(fan_ins)
    pulsed = fan_outs[0] > 0
    parts[Part("jtl")] += int(pulsed.sum())  # behind the sources
    for fan_in, fan_out, memory in zip(fan_ins, fan_outs, kept, strict=True):
        # A synapse on a line without a neuron behind it has a silent source of its own.
        parts[Part("jtl")] += int(fan_out[~pulsed].sum())
        _count(parts, TREES[DATA], fan_out[pulsed & (fan_out > 0)])
        built = fan_in[fan_in > 0]
        if memory is None:
            _count(parts, "neuron", built)
        else:
            parts.update(
                Part("neuron", int(size), memory[j]) for j, size in enumerate(fan_in) if size
            )
        if built.size:
            parts[Part("jtl")] += int(built.size) + 1  # output stages, and the clock's
            # One source's clock is split; decisions and resets of lasting membranes have two.
            parts[Part("splitter" if memory is None else "jtl")] += 1
            parts[Part(TREES[CLOCKS], int(built.size))] += 1
            parts[Part(TREES[RESETS if memory is None else CLOCKS], int(built.size))] += 1
        pulsed = fan_in > 0
    for group in pulsed.reshape(-1, population):
        if group.any():
            parts[Part("merger_tree", int(group.sum()))] += 1
            parts[Part("jtl")] += 1
    return parts


def _count(parts: Counter[Part], kind: str, sizes: IntArray) -> None:
    for size, times in zip(*np.unique(sizes, return_counts=True), strict=True):
        parts[Part(kind, int(size))] += int(times)
