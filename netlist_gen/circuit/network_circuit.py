"""The whole network as one circuit: input lines, fan-out trees, neurons, clock trees, read-out.

Layers form a pipeline: the output pulses of layer l, split to every synapse they feed, are
the data of layer l + 1 one part of a window later. Each layer has a decision and a reset clock,
each a pulse source at the root of a splitter tree; the phases of the sources make up for the
delay of the trees. The population of each class is read out through a merger tree whose inputs
are staggered by JTLs by more than the merger's dead time: the class line carries as many
pulses as the class has votes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from netlist_gen.cell_library import CellLibrary
from netlist_gen.circuit.bench import (
    GUARD_S,
    LOAD_OHM,
    START_S,
    TAIL_S,
    NeuronSite,
    NeuronView,
    biased_probes,
    neuron_sites,
)
from netlist_gen.circuit.model import (
    GROUND,
    Cell,
    Circuit,
    CircuitBuilder,
    PulseSource,
    Resistor,
)
from netlist_gen.circuit.neuron import ClockPhases, load_phases, neuron_cell, reset_depth
from netlist_gen.circuit.trees import merger_tree, splitter_tree, tree_shape
from netlist_gen.emit import Analysis, Probe
from netlist_gen.network import TernaryNetwork

STAGGER_STAGES = 8
"""JTL stages between neighbouring inputs of a read-out merger: some 30 ps, beyond its dead
time."""


@dataclass(frozen=True, eq=False)
class NetworkBench:
    """A network with its sources, and where to look at each neuron and class line.

    Attributes:
        circuit: everything.
        views: one for each neuron that has a circuit.
        class_lines: the output junction of each class's merged line.
        phases: clock phases of every layer.
        starts_s: data time of the first window in each layer.
        depth: cells in series from an input source to a class line.
        windows: how many.
    """

    circuit: Circuit
    views: tuple[NeuronView, ...]
    class_lines: tuple[Probe, ...]
    phases: ClockPhases
    starts_s: tuple[float, ...]
    depth: int
    windows: int

    def probes(self) -> tuple[Probe, ...]:
        """All that is watched and all that carries a bias."""
        watched = [p for view in self.views for p in view.watched()]
        return tuple(dict.fromkeys((*watched, *self.class_lines, *biased_probes(self.circuit))))

    def span_s(self) -> tuple[float, float]:
        """Two times at which all of the circuit rests: before and after all windows."""
        return START_S - GUARD_S, self.analysis().stop_s - 0.5 * TAIL_S

    def analysis(self) -> Analysis:
        """Times of the transient analysis: all windows through all layers and the read-out."""
        last = self.starts_s[-1] + self.phases.period * (self.windows + 1)
        return Analysis(stop_s=last + TAIL_S)


def network_bench(
    network: TernaryNetwork,
    library: CellLibrary,
    inputs: NDArray[np.bool_] | None = None,
    phases: ClockPhases | None = None,
) -> NetworkBench:
    """Build the circuit of a whole network.

    Args:
        network: what to build.
        library: cells of one process.
        inputs: bool, shape (windows, inputs): pulses on the input lines; default one window
            without pulses (enough to count junctions).
        phases: clock phases (default: the design table's).

    Raises:
        NetworkError: a neuron that can't be built.
    """
    phases = phases or load_phases()
    if inputs is None:
        inputs = np.zeros((1, network.inputs), dtype=bool)
    windows = int(inputs.shape[0])
    sites = neuron_sites(network)
    builder = CircuitBuilder("network", title=f"network of {len(sites)} neurons")
    parts = _Parts(library, builder, phases, windows)
    spikes = [inputs, *network.forward(inputs)]
    lines = _input_lines(parts, network, inputs)
    views: list[NeuronView] = []
    starts: list[float] = []
    start, depth = START_S, 1
    for index in range(len(network.layers)):
        here = [site for site in sites if site.layer == index]
        taps, shallow, deep = _fan_out(parts, index, here, lines)
        start += shallow * phases.tree_stage
        depth += deep
        starts.append(start)
        views += _layer(parts, here, taps, spikes[index], start)
        lines = {site.neuron: f"o{site.name}" for site in here}
        start += phases.decision + phases.decide
        depth += 1
    class_lines, merge_depth = _read_out(parts, network, lines)
    return NetworkBench(
        builder.circuit(),
        tuple(views),
        class_lines,
        phases,
        tuple(starts),
        depth + merge_depth,
        windows,
    )


@dataclass(frozen=True)
class _Parts:
    """What every step of the construction needs."""

    library: CellLibrary
    builder: CircuitBuilder
    phases: ClockPhases
    windows: int

    def place(self, name: str, cell: Cell, *nets: str) -> None:
        self.builder.place(name, cell, *nets, needs=self.library.needs(cell))

    def source(self, name: str, first_s: float, active: Sequence[bool]) -> None:
        """A pulse source and a JTL stage: net ``i{name}`` carries its pulses."""
        times = (first_s + self.phases.period * w for w, on in enumerate(active) if on)
        self.builder.add(PulseSource(f"V{name}", f"s{name}", GROUND, tuple(times)))
        self.place(f"XI{name}", self.library.cell("jtl"), f"s{name}", f"i{name}")

    def tree(self, name: str, root: str, nets: Sequence[str]) -> None:
        self.place(name, splitter_tree(self.library, len(nets)), root, *nets)


def _input_lines(
    parts: _Parts, network: TernaryNetwork, inputs: NDArray[np.bool_]
) -> dict[int, str]:
    """Sources of the input lines that any neuron uses: net by line."""
    wide = len(str(network.inputs - 1))
    lines = {}
    for line in np.flatnonzero(network.layers[0].fan_out):
        name = f"{line:0{wide}d}"
        parts.source(name, START_S, inputs[:, line].tolist())
        lines[int(line)] = f"i{name}"
    return lines


def _fan_out(
    parts: _Parts, index: int, sites: Sequence[NeuronSite], lines: dict[int, str]
) -> tuple[dict[tuple[str, int], str], int, int]:
    """Splitter tree of each line: net by (neuron's name, line); least and greatest depth."""
    users: dict[int, list[NeuronSite]] = {}
    for site in sites:
        for line in site.inputs:
            users.setdefault(line, []).append(site)
    taps: dict[tuple[str, int], str] = {}
    depths = {line: max(1, tree_shape(len(fed)).depth) for line, fed in users.items()}
    deep = max(depths.values())
    # Lines of little fan-out would be early: JTL stages hold them back until the skew fits.
    shallow = max(min(depths.values()), deep - int(parts.phases.skew / parts.phases.tree_stage))
    for line, net in lines.items():
        fed = users.get(line, [])
        if not fed:  # an output that no neuron of the next layer uses ends in a load
            parts.builder.add(Resistor(f"RU{index}_{line}", net, GROUND, LOAD_OHM))
            continue
        root = net
        for stage in range(shallow - depths[line]):
            held = f"{net}_p{stage}"
            parts.place(f"XP{index}_{line}_{stage}", parts.library.cell("jtl"), root, held)
            root = held
        nets = [f"{net}_{site.name}" for site in fed]
        parts.tree(f"XF{index}_{line}", root, nets)
        taps |= {(site.name, line): n for site, n in zip(fed, nets, strict=True)}
    for site in sites:  # a line without a circuit behind it is a synapse that never gets a pulse
        for line in site.inputs:
            if (site.name, line) not in taps:
                name = f"Q{site.name}_{line}"
                parts.source(name, START_S, [False] * parts.windows)
                taps[site.name, line] = f"i{name}"
    return taps, shallow, deep


def _layer(
    parts: _Parts,
    sites: Sequence[NeuronSite],
    taps: dict[tuple[str, int], str],
    spikes: NDArray[np.bool_],
    start_s: float,
) -> list[NeuronView]:
    """Neurons of one layer with their clock trees; the output of each passes a JTL."""
    phases, index = parts.phases, sites[0].layer
    every = [True] * parts.windows
    clock = max(1, tree_shape(len(sites)).depth) * phases.tree_stage
    parts.source(f"C{index}", start_s + phases.decision - clock, every)
    parts.tree(f"XC{index}", f"iC{index}", [f"c{site.name}" for site in sites])
    # Neurons of less fan-in have a shallower reset tree: their reset comes a few ps sooner.
    deepest = max(reset_depth(len(site.inputs)) for site in sites) * phases.tree_stage
    parts.source(f"R{index}", start_s + phases.reset - deepest - clock, every)
    parts.tree(f"XR{index}", f"iR{index}", [f"r{site.name}" for site in sites])
    views = []
    for site in sites:
        cell = neuron_cell(parts.library, site.name, site.signs, site.theta, labels=site.labels)
        nets = [taps[site.name, line] for line in site.inputs]
        ports = (*nets, f"c{site.name}", f"r{site.name}", f"q{site.name}")
        parts.place(f"X{site.name}", cell, *ports)
        parts.place(f"XO{site.name}", parts.library.cell("jtl"), f"q{site.name}", f"o{site.name}")
        views.append(
            NeuronView(
                site,
                phases,
                spikes[:, list(site.inputs)],
                start_s,
                Probe((f"XO{site.name}",), "B1"),
            )
        )
    return views


def _read_out(
    parts: _Parts, network: TernaryNetwork, lines: dict[int, str]
) -> tuple[tuple[Probe, ...], int]:
    """Merger tree of each class over its population, staggered; class junctions and depth."""
    jtl = parts.library.cell("jtl")
    population = network.population
    probes = []
    for label in range(network.classes):
        nets = []
        for member in range(population):
            net = lines.get(label * population + member)
            if net is None:
                continue
            for stage in range(STAGGER_STAGES * member):
                out = f"g{label}_{member}_{stage}"
                parts.place(f"XG{label}_{member}_{stage}", jtl, net, out)
                net = out
            nets.append(net)
        if not nets:
            continue
        tree = merger_tree(parts.library, len(nets))
        parts.place(f"XM{label}", tree, *nets, f"m{label}")
        parts.place(f"XY{label}", jtl, f"m{label}", f"y{label}")
        parts.builder.add(Resistor(f"RY{label}", f"y{label}", GROUND, LOAD_OHM))
        probes.append(Probe((f"XY{label}",), "B1"))
    staggered = STAGGER_STAGES * (population - 1)
    return tuple(probes), staggered + max(1, tree_shape(population).depth) + 1
