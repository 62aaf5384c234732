"""The whole network as one circuit: input lines, fan-out trees, neurons, clock trees, read-out.

Layers form a pipeline: the output pulses of layer l, split to every synapse they feed, are
the data of layer l + 1 one part of a window later. Each layer has one clock source; a clock
splitter sends its pulses through a tree to the decisions and, some JTL stages later, through
another tree to the resets. Phases, chains and the JTL stages that hold early lines back are those
of the closed timing (``timing.close_timing``).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from netlist_gen.assembly.class_lines import ClassLine, ReadOut, one_line_each, plan_read_out
from netlist_gen.assembly.close_timing import close_timing, unclosed
from netlist_gen.assembly.delays import Delays, has_tables, process_delays
from netlist_gen.assembly.timing_values import CORNERS, Corner, LayerTiming, TimingPlan
from netlist_gen.circuit.bench import (
    GUARD_S,
    LOAD_OHM,
    START_S,
    TAIL_S,
    NeuronSite,
    NeuronView,
    biased_probes,
    drive,
    neuron_sites,
)
from netlist_gen.circuit.model import (
    GROUND,
    Cell,
    Circuit,
    CircuitBuilder,
    Resistor,
)
from netlist_gen.circuit.neuron import (
    ClockPhases,
    library_design,
    load_phases,
    neuron_cell,
    reset_depth,
)
from netlist_gen.circuit.trees import merger_tree, splitter_tree, tree_shape
from netlist_gen.deck.emit import Analysis, Probe
from netlist_gen.library.cells import CellLibrary
from netlist_gen.network import TernaryNetwork


@dataclass(frozen=True, eq=False)
class NetworkBench:
    """A network with its sources, and where to look at each neuron and class line.

    Attributes:
        circuit: everything.
        views: one for each neuron that has a circuit.
        read_out: the lines on which the classes' pulses leave.
        phases: clock phases of a neuron alone; those of the views are the closed timing's.
        plan: the closed timing.
        starts_s: data time of the first window in each layer, of its earliest neuron.
        depth: cells in series from an input source to a class line.
        windows: how many.
    """

    circuit: Circuit
    views: tuple[NeuronView, ...]
    read_out: ReadOut
    phases: ClockPhases
    plan: TimingPlan
    starts_s: tuple[float, ...]
    depth: int
    windows: int

    @property
    def class_lines(self) -> tuple[Probe, ...]:
        """The output junction of each class's lines."""
        return tuple(line.output for line in self.read_out.lines)

    def probes(self) -> tuple[Probe, ...]:
        """All that is watched and all that carries a bias."""
        watched = [p for view in self.views for p in view.watched()]
        return tuple(dict.fromkeys((*watched, *self.class_lines, *biased_probes(self.circuit))))

    def span_s(self) -> tuple[float, float]:
        """Two times at which all of the circuit rests: before and after all windows."""
        return START_S - GUARD_S, self.analysis().stop_s - 0.5 * TAIL_S

    def analysis(self) -> Analysis:
        """Times of the transient analysis: all windows through all layers and the read-out."""
        ends = [view.boundaries_s()[-1] for view in self.views]
        last = self.plan.period_s * (self.windows - 1)
        ends += [last + line.latest_s for line in self.read_out.lines]
        return Analysis(stop_s=float(max(ends)) + TAIL_S)


def network_delays(library: CellLibrary) -> Delays:
    """Measured delays of a library's process. Raises ConfigurationError where there are none."""
    return process_delays(library.process, library.description("branch").parameters["l_store"])


def network_bench(
    network: TernaryNetwork,
    library: CellLibrary,
    inputs: NDArray[np.bool_] | None = None,
    phases: ClockPhases | None = None,
    *,
    corners: Sequence[Corner] = CORNERS,
) -> NetworkBench:
    """Build the circuit of a whole network, its timing closed.

    Args:
        network: what to build.
        library: cells of one process.
        inputs: bool, shape (windows, inputs): pulses on the input lines; default one window
            without pulses (enough to count junctions).
        phases: clock phases of a neuron alone; the period is the clock's (default: the design
            table's).
        corners: at which every window must hold.

    Raises:
        NetworkError: a neuron that can't be built.
        TimingError: the windows can't be made to hold at this clock.
        ConfigurationError: the process has no measured delays.
    """
    phases = phases or load_phases(process=library.process)
    if inputs is None:
        inputs = np.zeros((1, network.inputs), dtype=bool)
    sites = neuron_sites(network)
    for site in sites:  # a neuron that can't be built is named before any timing is
        library_design(library, site.name, site.signs, site.theta)
    delays = network_delays(library)
    plan = close_timing(network, delays, phases.period, corners)
    read_out = plan_read_out(network, sites, plan, delays)
    return _build(network, library, inputs, phases, plan, read_out)


def _build(
    network: TernaryNetwork,
    library: CellLibrary,
    inputs: NDArray[np.bool_],
    phases: ClockPhases,
    plan: TimingPlan,
    read_out: ReadOut,
) -> NetworkBench:
    """The circuit of a plan."""
    sites = neuron_sites(network)
    windows = int(inputs.shape[0])
    builder = CircuitBuilder("network", title=f"network of {len(sites)} neurons")
    parts = _Parts(library, builder, phases, windows, plan)
    spikes = [inputs, *network.forward(inputs)]
    lines = _input_lines(parts, network, inputs)
    views: list[NeuronView] = []
    starts: list[float] = []
    depth = 1
    for index in range(len(network.layers)):
        here = [site for site in sites if site.layer == index]
        taps, deep = _fan_out(parts, index, here, lines)
        depth += deep
        added = _layer(parts, here, taps, spikes[index])
        starts.append(min((view.start_s for view in added), default=START_S))
        views += added
        lines = {site.neuron: f"o{site.name}" for site in here}
        depth += 1
    depth += _read_out(parts, read_out, lines)
    return NetworkBench(
        builder.circuit(), tuple(views), read_out, phases, plan, tuple(starts), depth, windows
    )


def network_outline(
    network: TernaryNetwork, library: CellLibrary, phases: ClockPhases | None = None
) -> NetworkBench:
    """A whole network's circuit to be counted, without pulses.

    The stages that timing adds are part of it where the process has measured delays; without
    them the plan has no corners, and the circuit can be counted but not clocked.
    """
    phases = phases or load_phases(process=library.process)
    if has_tables(library.process):
        return network_bench(network, library, phases=phases)
    silent = np.zeros((1, network.inputs), dtype=bool)
    plan = unclosed(network, phases.period)
    return _build(network, library, silent, phases, plan, one_line_each(network))


@dataclass(frozen=True)
class _Parts:
    """What every step of the construction needs."""

    library: CellLibrary
    builder: CircuitBuilder
    phases: ClockPhases
    windows: int
    plan: TimingPlan

    def place(self, name: str, cell: Cell, *nets: str) -> None:
        self.builder.place(name, cell, *nets, needs=self.library.needs(cell))

    def source(self, name: str, first_s: float, active: Sequence[bool]) -> None:
        """A pulse source and a JTL stage: net ``i{name}`` carries its pulses."""
        times = (first_s + self.phases.period * w for w, on in enumerate(active) if on)
        drive(self.builder, self.library, name, times)

    def tree(self, name: str, root: str, nets: Sequence[str]) -> None:
        self.place(name, splitter_tree(self.library, len(nets)), root, *nets)

    def chain(self, name: str, net: str, stages: int) -> str:
        """JTL stages in a row behind ``net``; the net behind the last."""
        jtl = self.library.cell("jtl")
        for stage in range(stages):
            after = f"{name}_{stage}"
            self.place(f"X{name}_{stage}", jtl, net, after)
            net = after
        return net


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
) -> tuple[dict[tuple[str, int], str], int]:
    """Splitter tree of each line: net by (neuron's name, line); greatest depth."""
    users: dict[int, list[NeuronSite]] = {}
    for site in sites:
        for line in site.inputs:
            users.setdefault(line, []).append(site)
    taps: dict[tuple[str, int], str] = {}
    deepest = 1
    for line, net in lines.items():
        fed = users.get(line, [])
        if not fed:  # an output that no neuron of the next layer uses ends in a load
            parts.builder.add(Resistor(f"RU{index}_{line}", net, GROUND, LOAD_OHM))
            continue
        pads = parts.plan.pads.get((index, line), 0)
        root = parts.chain(f"P{index}_{line}", net, pads)
        nets = [f"{net}_{site.name}" for site in fed]
        parts.tree(f"XF{index}_{line}", root, nets)
        taps |= {(site.name, line): n for site, n in zip(fed, nets, strict=True)}
        deepest = max(deepest, pads + tree_shape(len(fed)).depth)
    for site in sites:  # a line without a circuit behind it is a synapse that never gets a pulse
        for line in site.inputs:
            if (site.name, line) not in taps:
                name = f"Q{site.name}_{line}"
                parts.source(name, START_S, [False] * parts.windows)
                taps[site.name, line] = f"i{name}"
    return taps, deepest


def _layer(
    parts: _Parts,
    sites: Sequence[NeuronSite],
    taps: dict[tuple[str, int], str],
    spikes: NDArray[np.bool_],
) -> list[NeuronView]:
    """Neurons of one layer with their clock trees; the output of each passes a JTL."""
    index = sites[0].layer
    timing = parts.plan.layers[index]
    parts.source(f"C{index}", timing.clock_s, [True] * parts.windows)
    clock = parts.library.cell(
        "clock_splitter", f"{timing.reset_stages}", stages=float(timing.reset_stages)
    )
    parts.place(f"XK{index}", clock, f"iC{index}", f"k{index}d", f"k{index}r")
    parts.tree(f"XC{index}", f"k{index}d", [f"c{site.name}" for site in sites])
    parts.tree(f"XR{index}", f"k{index}r", [f"r{site.name}" for site in sites])
    views = []
    for number, site in enumerate(sites):
        cell = neuron_cell(parts.library, site.name, site.signs, site.theta, labels=site.labels)
        nets = [taps[site.name, line] for line in site.inputs]
        ports = (*nets, f"c{site.name}", f"r{site.name}", f"q{site.name}")
        parts.place(f"X{site.name}", cell, *ports)
        parts.place(f"XO{site.name}", parts.library.cell("jtl"), f"q{site.name}", f"o{site.name}")
        start, phases = _window(parts, timing, number, site)
        stimulus = spikes[:, list(site.inputs)]
        views.append(NeuronView(site, phases, stimulus, start, Probe((f"XO{site.name}",), "B1")))
    return views


def _window(
    parts: _Parts, timing: LayerTiming, number: int, site: NeuronSite
) -> tuple[float, ClockPhases]:
    """A neuron's window: its start, and its phases relative to that."""
    start = float(timing.boundary[number]) + GUARD_S
    inner = reset_depth(len(site.inputs)) * parts.phases.tree_stage
    return start, dataclasses.replace(
        parts.phases,
        decision=float(timing.decision[number]) - start,
        reset=float(timing.reset[number]) + inner - start,
    )


def _read_out(parts: _Parts, read_out: ReadOut, lines: dict[int, str]) -> int:
    """Merger trees of the class lines, their inputs staggered by JTL stages; greatest depth."""
    deepest = 0
    for line in read_out.lines:
        nets = [
            parts.chain(f"G{line.name}_{place}", lines[member], stages)
            for place, (member, stages) in enumerate(zip(line.members, line.stages, strict=True))
        ]
        _merge(parts, line, nets)
        deepest = max(deepest, max(line.stages) + max(1, tree_shape(len(nets)).depth) + 1)
    return deepest


def _merge(parts: _Parts, line: ClassLine, nets: Sequence[str]) -> None:
    name = line.name
    parts.place(f"XM{name}", merger_tree(parts.library, len(nets)), *nets, f"m{name}")
    parts.place(f"XY{name}", parts.library.cell("jtl"), f"m{name}", f"y{name}")
    parts.builder.add(Resistor(f"RY{name}", f"y{name}", GROUND, LOAD_OHM))
