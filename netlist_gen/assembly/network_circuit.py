"""The whole network as one circuit: input lines, fan-out trees, neurons, clock trees, class lines.

Layers form a pipeline: the output pulses of layer l, split to every synapse they feed, are
the data of layer l + 1 one part of a window later. Each layer has one clock source; a clock
splitter sends its pulses through a tree to the decisions and, some JTL stages later, through
another tree to the resets. What is placed is what ``plan.NetworkPlan`` says, its timing closed.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from netlist_gen.assembly.class_lines import one_line_each, plan_class_lines
from netlist_gen.assembly.close_timing import close_timing
from netlist_gen.assembly.delays import has_tables, measured_delays
from netlist_gen.assembly.plan import ClassLine, LayerPlan, NetworkPlan, outline
from netlist_gen.assembly.stages import Stage
from netlist_gen.assembly.timing_values import CORNERS, Corner, LayerTiming, TimingPlan
from netlist_gen.circuit.bench import TAIL_S, biased_probes, drive, driver
from netlist_gen.circuit.bias import Island, with_bias
from netlist_gen.circuit.elements import GROUND, LOAD_OHM, Resistor
from netlist_gen.circuit.lasting_neuron import design_site, site_cell
from netlist_gen.circuit.model import Cell, Circuit, CircuitBuilder
from netlist_gen.circuit.neuron import coupler_of
from netlist_gen.circuit.probe import Analysis, Probe
from netlist_gen.circuit.sites import NeuronSite
from netlist_gen.circuit.startup import StartupSupply
from netlist_gen.circuit.trees import merger_tree, splitter_tree, tree_depth
from netlist_gen.circuit.view import (
    GUARD_S,
    START_S,
    NeuronView,
    instance_name,
    output_stage,
    start_s,
)
from netlist_gen.library.cells import CellLibrary
from netlist_gen.library.design import ClockPhases, load_phases
from netlist_gen.library.splitters import CLOCKS, DATA
from netlist_gen.network import TernaryNetwork

CLASS_LINES = "Y"
"""The island of class lines, in the names of its bus (busY, BBUSY, ...)."""


@dataclass(frozen=True, eq=False)
class NetworkBench:
    """A network with its sources, and where to look at each neuron and class line.

    Attributes:
        circuit: everything.
        views: one for each neuron that has a circuit.
        plan: what was built, with its closed timing and class lines.
        timing: that closed timing.
        starts_s: data time of the first window in each layer, of its earliest neuron.
        windows: how many.
        startup: how many of them, the first ones, are start-up windows.
        bus_of: the bus that each instance of the top is on, by its place among the buses: its
            layer's, or the class lines' after them.
        start_s: data time of the first window at the network's inputs.
    """

    circuit: Circuit
    views: tuple[NeuronView, ...]
    plan: NetworkPlan
    timing: TimingPlan
    starts_s: tuple[float, ...]
    windows: int
    startup: int = 0
    bus_of: Mapping[str, int] = field(default_factory=dict)
    start_s: float = START_S

    @property
    def class_lines(self) -> tuple[Probe, ...]:
        """The output junction of each class's lines."""
        return tuple(line.output for line in self.plan.class_lines)

    def probes(self) -> tuple[Probe, ...]:
        """All that is watched and all that carries a bias."""
        watched = [p for view in self.views for p in view.watched()]
        fed = biased_probes(self.circuit)
        return tuple(dict.fromkeys((*watched, *self.class_lines, *fed)))

    def span_s(self) -> tuple[float, float]:
        """Two times at which all of the circuit rests: before and after all windows."""
        return self.start_s - GUARD_S, self.analysis().stop_s - 0.5 * TAIL_S

    def analysis(self) -> Analysis:
        """Times of the transient analysis: all windows through all layers and the class lines."""
        ends = [view.boundaries_s()[-1] for view in self.views]
        last = self.timing.period_s * (self.windows - 1)
        ends += [last + line.latest_s for line in self.plan.class_lines]
        return Analysis(stop_s=float(max(ends)) + TAIL_S)


def closed_plan(
    network: TernaryNetwork,
    library: CellLibrary,
    period_s: float,
    corners: Sequence[Corner] = CORNERS,
) -> NetworkPlan:
    """The plan of a network, its timing closed and its class lines staggered.

    Raises:
        NetworkError: a neuron that can't be built.
        TimingError: the windows can't be made to hold at this clock.
        ConfigurationError: the process has no measured delays.
    """
    plan, coupler = outline(network, library.process.splitters), coupler_of(library)
    for site in plan.sites:  # a neuron that can't be built is named before any timing is
        design_site(site, coupler)
    delays = measured_delays(library.process)
    plan = plan.with_timing(close_timing(plan, delays, period_s, corners))
    return plan.with_class_lines(plan_class_lines(plan, delays))


def network_bench(
    network: TernaryNetwork,
    library: CellLibrary,
    inputs: NDArray[np.bool_] | None = None,
    phases: ClockPhases | None = None,
    *,
    startup: int = 0,
    clearing: NDArray[np.bool_] | None = None,
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
        startup: how many of the windows, the first ones, are start-up windows: in the last of
            them every neuron fires, in the others none does.
        clearing: bool, shape (windows,): in which of them no decision clock comes and the loops of
            neurons whose membranes last are emptied (default: none).
        corners: at which every window must hold.

    Raises:
        NetworkError: a neuron that can't be built.
        TimingError: the windows can't be made to hold at this clock.
        ConfigurationError: the process has no measured delays.
    """
    phases = phases or load_phases(process=library.process)
    if inputs is None:
        inputs = np.zeros((1, network.inputs), dtype=bool)
    plan = closed_plan(network, library, phases.period, corners)
    return _Builder(library, plan, phases, inputs, startup=startup, clearing=clearing).bench()


def network_outline(
    network: TernaryNetwork, library: CellLibrary, phases: ClockPhases | None = None
) -> NetworkBench:
    """A whole network's circuit to be counted, without pulses.

    The stages that timing adds are part of it where the process has measured delays; without
    them the timing has no corners, and the circuit can be counted but not clocked.
    """
    phases = phases or load_phases(process=library.process)
    if has_tables(library.process):
        return network_bench(network, library, phases=phases)
    plan = outline(network, library.process.splitters)
    none = [np.zeros(len(layer.sites)) for layer in plan.layers]
    layers = tuple(LayerTiming(0.0, 0, z, z, z, z, z) for z in none)
    plan = plan.with_timing(TimingPlan(phases.period, (), {}, layers, (), 0.0))
    plan = plan.with_class_lines(one_line_each(plan))
    silent = np.zeros((1, network.inputs), dtype=bool)
    return _Builder(library, plan, phases, silent).bench()


class _Builder:
    """Places what a plan says."""

    def __init__(
        self,
        library: CellLibrary,
        plan: NetworkPlan,
        phases: ClockPhases,
        inputs: NDArray[np.bool_],
        *,
        startup: int = 0,
        clearing: NDArray[np.bool_] | None = None,
    ) -> None:
        assert plan.timing is not None
        self.library = library
        self.plan = plan
        self.timing = plan.timing
        self.phases = phases
        self.inputs = inputs
        self.windows = int(inputs.shape[0])
        self.startup = startup
        self.clearing = np.zeros(self.windows, dtype=bool) if clearing is None else clearing
        title = f"network of {len(plan.sites)} neurons"
        self.builder = CircuitBuilder("network", title=title)
        self.start_s = start_s(library.process)
        self.bus_now = 0
        self.bus_of: dict[str, int] = {}

    def bench(self) -> NetworkBench:
        """The finished circuit and where to look at it."""
        nets = self._input_lines()
        views: list[NeuronView] = []
        starts: list[float] = []
        for layer, timing in zip(self.plan.layers, self.timing.layers, strict=True):
            self.bus_now = layer.index
            taps = self._fan_out(layer, timing, nets)
            added = self._layer(layer, timing, taps)
            starts.append(min((view.start_s for view in added), default=self.start_s))
            views += added
            nets = {site.neuron: f"o{site.name}" for site in layer.sites}
        for line in self.plan.class_lines:
            self._class_line(line, nets, len(self.plan.layers))
        circuit = with_bias(self.builder.circuit(), self.library, self._islands(), self.bus_of)
        return NetworkBench(
            circuit,
            tuple(views),
            self.plan,
            self.timing,
            tuple(starts),
            self.windows,
            self.startup,
            self.bus_of,
            self.start_s,
        )

    def place(self, name: str, cell: Cell, *nets: str) -> None:
        """Place a cell in the layer, and on its bus, that is built just now."""
        self.bus_of[name] = self.bus_now
        self.builder.place(name, cell, *nets)

    def _islands(self) -> list[Island]:
        """A bus for each layer, and one for what its members share of class lines.

        There more than one pulse may come in a window. The taps of an ERSFQ bus that turns less
        often lose 2 % of their current with each pulse too many.
        """
        every = self.phases.period * np.arange(self.windows)
        islands = [
            Island(f"{layer.index}", tuple((timing.clock_s + every).tolist()))
            for layer, timing in zip(self.plan.layers, self.timing.layers, strict=True)
        ]
        lines = self.plan.class_lines
        if not lines:
            return islands
        most = max(len(line.members) for line in lines)
        within = self.phases.period / most * np.arange(most)
        first = min(line.earliest_s for line in lines)
        times = (first + every[:, None] + within).ravel()
        return [*islands, Island(CLASS_LINES, tuple(times.tolist()))]

    def _jtl(self) -> Cell:
        return self.library.cell("jtl")

    def _source(self, name: str, first_s: float, active: Iterable[bool]) -> str:
        """A pulse source and a JTL stage; the net that carries its pulses."""
        times = (first_s + self.phases.period * w for w, on in enumerate(active) if on)
        self.bus_of[driver(name)] = self.bus_now
        return drive(self.builder, self.library, name, times)

    def _tree(self, name: str, root: str, nets: Sequence[str], drives: str) -> None:
        self.place(name, splitter_tree(self.library, len(nets), drives), root, *nets)

    def _chain(self, name: str, net: str, stages: int) -> str:
        """JTL stages in a row behind ``net``; the net behind the last."""
        for stage in range(stages):
            after = f"{name}_{stage}"
            self.place(f"X{name}_{stage}", self._jtl(), net, after)
            net = after
        return net

    def _load(self, name: str, net: str) -> None:
        self.builder.add(Resistor(name, net, GROUND, LOAD_OHM))

    def _input_lines(self) -> dict[int, str]:
        """Sources of the input lines that any neuron uses: net by line."""
        wide = len(str(self.plan.widths[0] - 1))
        return {
            line: self._source(f"{line:0{wide}d}", self.start_s, self.inputs[:, line].tolist())
            for line in self.plan.layers[0].lines
        }

    def _fan_out(
        self, layer: LayerPlan, timing: LayerTiming, nets: dict[int, str]
    ) -> dict[tuple[str, int], str]:
        """Splitter tree of each line: net by (neuron's name, line)."""
        taps: dict[tuple[str, int], str] = {}
        for number, line in layer.lines.items():
            net = nets[number]
            if not line.users:  # an output that no neuron of the next layer uses
                self._load(f"RU{layer.index}_{number}", net)
                continue
            root = self._chain(f"P{layer.index}_{number}", net, line.pads)
            fed = [layer.sites[user].name for user in line.users]
            leaves = [f"{net}_{name}" for name in fed]
            self._tree(f"XF{layer.index}_{number}", root, leaves, DATA)
            taps |= {(name, number): leaf for name, leaf in zip(fed, leaves, strict=True)}
        # Lines without a circuit behind them carry a pulse where every neuron fires.
        once = [window == self.startup - 1 for window in range(self.startup)]
        delay = self._source_delay() if layer.silent and self.startup else 0.0
        for user, number in layer.silent:
            name = layer.sites[user].name
            taps[name, number] = self._source(
                f"Q{name}_{number}", float(timing.earliest[user]) - delay, once
            )
        return taps

    def _layer(
        self, layer: LayerPlan, timing: LayerTiming, taps: dict[tuple[str, int], str]
    ) -> list[NeuronView]:
        """Neurons of one layer with their clock trees; the output of each passes a JTL."""
        index = layer.index
        decision, reset = self._clocks(layer, timing)
        self._tree(f"XC{index}", decision, [f"c{site.name}" for site in layer.sites], CLOCKS)
        resets = [f"r{site.name}" for site in layer.sites]
        self._tree(f"XR{index}", reset, resets, layer.clock.resets)
        supply = self._startup(timing)
        views = []
        for number, site in enumerate(layer.sites):
            added = None if supply is None else supply.cell(self.library, site)
            cell = site_cell(self.library, site, added)
            nets = [taps[site.name, line] for line in site.inputs]
            ports = (*nets, f"c{site.name}", f"r{site.name}", f"q{site.name}")
            self.place(instance_name(site), cell, *ports)
            stage = output_stage(site)
            self.place(stage, self._jtl(), f"q{site.name}", f"o{site.name}")
            start, phases = self._window(timing, number, site)
            views.append(NeuronView(site, phases, self.windows, start, Probe((stage,), "B1")))
        return views

    def _clocks(self, layer: LayerPlan, timing: LayerTiming) -> tuple[str, str]:
        """Nets of a layer's decision clock and of its resets, at the roots of their trees."""
        index, stages = layer.index, layer.clock.reset_stages
        net = self._source(f"C{index}", timing.clock_s, (~self.clearing).tolist())
        if layer.clock.lasting:
            begin = self._source(f"B{index}", timing.clock_s, self.clearing.tolist())
            return net, self._chain(f"K{index}", begin, stages)
        clock = self.library.cell("clock_splitter", f"{stages}", stages=float(stages))
        self.place(f"XK{index}", clock, net, f"k{index}d", f"k{index}r")
        return f"k{index}d", f"k{index}r"

    def _startup(self, timing: LayerTiming) -> StartupSupply | None:
        """The start-up supply of a layer; its neurons' windows are read where it gives nothing."""
        if not self.startup:
            return None
        period = self.phases.period
        begin, end = float(timing.boundary.max()), float(timing.boundary.min()) + period
        return StartupSupply(self.startup, begin, end, period, self.phases.slowness)

    def _source_delay(self) -> float:
        """From the middle of a source's pulse to the neuron behind its JTL stage, s."""
        return measured_delays(self.library.process).stage(Stage("jtl", "source"))

    def _window(
        self, timing: LayerTiming, number: int, site: NeuronSite
    ) -> tuple[float, ClockPhases]:
        """A neuron's window: its start, and its phases relative to that."""
        start = float(timing.boundary[number]) + GUARD_S
        inner = tree_depth(len(site.branch_signs)) * self.phases.tree_stage
        return start, dataclasses.replace(
            self.phases,
            decision=float(timing.decision[number]) - start,
            reset=float(timing.reset[number]) + inner - start,
        )

    def _class_line(self, line: ClassLine, outputs: dict[int, str], bus: int) -> None:
        """Merger tree of a class line, its inputs staggered by JTL stages.

        These have at most one pulse in a window; from the tree on it is on the class lines' bus.
        """
        name = line.name
        nets = [
            self._chain(f"G{name}_{place}", outputs[member], stages)
            for place, (member, stages) in enumerate(zip(line.members, line.stages, strict=True))
        ]
        self.bus_now, before = bus, self.bus_now
        self.place(f"XM{name}", merger_tree(self.library, len(nets)), *nets, f"m{name}")
        (stage,) = line.output.path
        self.place(stage, self._jtl(), f"m{name}", f"y{name}")
        self.bus_now = before
        self._load(f"RY{name}", f"y{name}")
