"""The timed reference: when each pulse of a network comes, from measured delays alone.

An event simulation over the plan, layer by layer and all windows at once. Pulses leave the input
sources, pass trees and stages with their delays (``influence`` adds what neighbours change), and
arrive at the neurons; a neuron counts those that arrive between its reset and its decision clock,
fires at the clock if there are enough, and its pulse leaves after a delay that falls with the flux
past the threshold. Nothing here has seen a waveform of the network.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from netlist_gen.assembly.delays import Delays, has_tables, measured_delays
from netlist_gen.assembly.plan import ClassLine, LayerPlan, NetworkPlan
from netlist_gen.assembly.stages import Stage, last_driver
from netlist_gen.assembly.timing_values import LayerTiming, TimingPlan
from netlist_gen.assembly.unevenness import unevenness
from netlist_gen.circuit.sites import NeuronSite, SiteMemory
from netlist_gen.circuit.view import NeuronView
from netlist_gen.library.process import Process
from netlist_gen.library.splitters import DATA, LIBRARY, RESETS
from netlist_gen.library.tables import how_to_measure
from netlist_gen.spikes import NeuronSpikes
from verification.reference.influence import (
    StageDelays,
    influenced_delays,
    junctions_after_ports,
)

FloatArray = NDArray[np.float64]

TOLERANCE_S = 1e-12
"""How far from its predicted time an output pulse may come, where nothing else is asked for. The
tables are good to 0.3 ps over a whole network (docs/networks.md)."""


WINDOW_S = 5e-12
"""How far from its expected time an output pulse may come in any run. The tables alone are good to
2 ps over a network of MNIST (docs/networks.md)."""


def window_s(slowness: float) -> float:
    """``WINDOW_S`` in a process that is so many times slower, s, to 0.1 ps."""
    return round(WINDOW_S * slowness, 13)


@dataclass(frozen=True, eq=False)
class NeuronTimes:
    """What the timed reference says of one neuron.

    Attributes:
        site: which.
        count: int64, shape (windows,): n, by arrivals between reset and decision.
        times_s: of the pulse at the junction of its output stage, NaN where it does not fire;
            shape (windows,).
        late: pulses that came after the decision of their window or before the reset of the one
            before, and so counted elsewhere.
    """

    site: NeuronSite
    count: NDArray[np.int64]
    times_s: FloatArray
    late: int

    @property
    def fires(self) -> NDArray[np.bool_]:
        """Whether it fires, shape (windows,)."""
        return np.isfinite(self.times_s)


@dataclass(frozen=True, eq=False)
class TimedReference:
    """All pulses of a network.

    Attributes:
        neurons: by (layer, neuron).
        lines: the pulses of each class line by its name, rising, s.
    """

    neurons: Mapping[tuple[int, int], NeuronTimes]
    lines: Mapping[str, FloatArray]


def timed_reference(
    plan: NetworkPlan,
    inputs: NDArray[np.bool_],
    process: Process,
    startup: int = 0,
    clearing: NDArray[np.bool_] | None = None,
) -> TimedReference:
    """Predict every pulse of a network.

    Args:
        plan: of the network, its timing closed.
        inputs: bool, shape (windows, inputs).
        process: whose cells they are.
        startup: how many of the windows, the first ones, are start-up windows: in the last of
            them every neuron fires, and lines without a circuit behind them carry a pulse too; in
            the others none fires.
        clearing: bool, shape (windows,): in which no neuron fires and membranes that last become 0
            (default: none).

    Raises:
        ConfigurationError: the process has no measured delays.
    """
    assert plan.timing is not None
    if clearing is None:
        clearing = np.zeros(inputs.shape[0], dtype=bool)
    fold = _Fold(plan, plan.timing, process, clearing, startup)
    period = plan.timing.period_s
    # Arrivals at the port of the JTL stage that every line begins with; NaN without a pulse.
    ports = np.where(inputs, fold.delays.start_s + period * fold.windows[:, None], np.nan)
    neurons: dict[tuple[int, int], NeuronTimes] = {}
    for layer, timing in zip(plan.layers, plan.timing.layers, strict=True):
        found, ports = fold.layer(layer, timing, ports)
        neurons |= found
    lines = {line.name: fold.class_line(line, ports) for line in plan.class_lines}
    return TimedReference(neurons, lines)


def bench_times(view: NeuronView, spikes: NeuronSpikes, process: Process) -> FloatArray:
    """When a neuron's pulses come on its bench, s, shape (windows,); NaN where it is silent."""
    delays = influenced_delays(process, view.phases.period)
    junctions = junctions_after_ports(process)
    times = np.full(view.windows, np.nan)
    fires = spikes.fires
    if fires.any():
        clock = view.decisions_s()[fires] + delays.stage(Stage("jtl", "source", "jtl"))
        decided = delays.decisions.delay(
            spikes.signs.tolist(), spikes.theta, spikes.count[fires], driver="first", load="end",
            memory=view.site.memory, uneven=_uneven(view.site, spikes.arrivals[fires]),
        )  # fmt: skip
        measured = delays.table_of(spikes.signs.tolist(), view.site.memory)
        times[fires] = clock + decided + junctions.after_neuron(measured, "end")
    return times


def expected_times(
    view: NeuronView, spikes: NeuronSpikes, process: Process, *, behind: bool
) -> FloatArray:
    """When a neuron's pulses come by the tables alone, to ``WINDOW_S``; nothing is simulated.

    Args:
        view: the neuron.
        spikes: what it does.
        process: whose cells they are.
        behind: its clock comes from a source behind a JTL stage, as on a bench.

    Returns:
        s, shape (windows,), NaN where it is silent: the decision clock, the decision, half the
        delay of the output's JTL stage, in the middle of which its junction is.
    """
    delays = measured_delays(process)
    stage = delays.stage(Stage("jtl"))
    times = np.full(view.windows, np.nan)
    fires = spikes.fires
    if fires.any():
        neuron, memory = (spikes.signs.tolist(), spikes.theta), view.site.memory
        raised = _raised(delays, *neuron, view.windows, spikes.startup, memory)[fires]
        decided = delays.decisions.delay(*neuron, spikes.count[fires], raised=raised, memory=memory)
        times[fires] = view.decisions_s()[fires] + decided + (1.5 if behind else 0.5) * stage
    return times


def _raised(
    delays: Delays,
    signs: Sequence[int],
    theta: int,
    windows: int,
    startup: int,
    memory: SiteMemory | None,
) -> FloatArray:
    """Threshold flux added to a neuron's in each window, Phi0, shape (windows,)."""
    raised = np.zeros(windows)
    if startup:
        raised[startup - 1] = delays.raised(signs, theta, memory)
    return raised


def _uneven(site: NeuronSite, pulsed: NDArray[np.generic]) -> FloatArray | None:
    """How unevenly fluxons lie in a neuron's loops; not told where they stay from window to window.

    ``pulsed`` has shape (windows, synapses).
    """
    return None if site.memory is not None else unevenness(site.signs, pulsed)


class _Fold:
    def __init__(
        self,
        plan: NetworkPlan,
        timing: TimingPlan,
        process: Process,
        clearing: NDArray[np.bool_],
        startup: int,
    ) -> None:
        self.plan = plan
        self.period = timing.period_s
        self.windows = np.arange(clearing.size)
        self.startup = startup
        self.clearing = clearing
        self.silent = (self.windows < startup - 1) | clearing
        self.full = self.windows == startup - 1
        self.delays: Delays = influenced_delays(process, timing.period_s)
        self.junctions: StageDelays = junctions_after_ports(process)

    def layer(
        self, layer: LayerPlan, timing: LayerTiming, ports: FloatArray
    ) -> tuple[dict[tuple[int, int], NeuronTimes], FloatArray]:
        """Neurons of a layer, and the arrivals at their output stages, (windows, neurons)."""
        delays, count = self.delays, len(layer.sites)
        clocks, source = layer.clock, timing.clock_s
        decision = source + delays.path(clocks.decision_trunk())
        decisions = decision + delays.tree(count, driver=clocks.driver)
        reset = source + delays.path((*clocks.reset_trunk(), *clocks.reset_chain()))
        resets = reset + delays.reset_leaves(clocks)
        drivers, loads = delays.leaf_drivers(count), self.plan.output_loads(layer.index)
        arrivals = self._arrivals(layer, ports)
        unheard: list[list[int]] = [[] for _ in layer.sites]
        for user, line in layer.silent:
            unheard[user].append(layer.sites[user].inputs.index(line))
        found: dict[tuple[int, int], NeuronTimes] = {}
        after = np.full((self.windows.size, self.plan.widths[layer.index + 1]), np.nan)
        for number, site in enumerate(layer.sites):
            clock = decisions[number] + self.period * self.windows
            inner = float(delays.tree(len(site.inputs), drives=RESETS).min())
            cleared = resets[number] + inner + self.period * self.windows - delays.stored()
            if site.memory is not None:  # nothing is cleared from window to window
                cleared = clock
            # A pulse counts as late as the table's neuron lets it come: the clock reaches the stage
            # through a line of its own, 5 to 12 ps behind the port.
            setup = delays.limits(site.signs, site.theta, memory=site.memory).setup
            pulsed, late = self._count(site, arrivals[number], clock - setup, cleared)
            pulsed[np.ix_(self.full, unheard[number])] = 1
            counts = pulsed @ np.array(site.signs, dtype=np.int64)
            if site.memory is not None:
                counts = self._membrane(site.memory, counts, site.theta)
            fires = ((counts >= site.theta) & ~self.silent) | self.full
            load = loads.get(site.neuron, "end")
            raised = _raised(
                delays, site.signs, site.theta, self.windows.size, self.startup, site.memory
            )
            after[fires, site.neuron] = clock[fires] + delays.decisions.delay(
                site.signs, site.theta, counts[fires], driver=drivers[number], load=load,
                raised=raised[fires], memory=site.memory, uneven=_uneven(site, pulsed[fires]),
            )  # fmt: skip
            size = delays.table_of(site.signs, site.memory)
            times = after[:, site.neuron] + self.junctions.after_neuron(size, load)
            found[layer.index, site.neuron] = NeuronTimes(site, counts, times, late)
        return found, after

    def _arrivals(self, layer: LayerPlan, ports: FloatArray) -> list[list[tuple[int, FloatArray]]]:
        """For each neuron its synapses that hear a line, by place, and their pulses' arrivals."""
        offsets = {
            number: self.delays.path(line.chain())
            + self.delays.tree(
                len(line.users), driver=last_driver(line.stages, line.driver), drives=DATA
            )
            for number, line in layer.lines.items()
            if line.users
        }
        places = [{line: k for k, line in enumerate(site.inputs)} for site in layer.sites]
        found: list[list[tuple[int, FloatArray]]] = [[] for _ in layer.sites]
        for number, line, leaf in layer.synapses.tolist():
            arrival = ports[:, line] + offsets[line][leaf]
            found[number].append((places[number][line], arrival))
        return found

    def _count(
        self,
        site: NeuronSite,
        arrivals: list[tuple[int, FloatArray]],
        closed: FloatArray,
        cleared: FloatArray,
    ) -> tuple[NDArray[np.int64], int]:
        """Pulses that count in each window, and how many count where they were not meant to.

        Of each synapse, shape (windows, synapses). ``closed`` is when the last pulse of each
        window may come, ``cleared`` from when on those of the next.
        """
        found = np.zeros((self.windows.size, len(site.inputs)), dtype=np.int64)
        late = 0
        for place, arrival in arrivals:
            meant = np.flatnonzero(np.isfinite(arrival))
            pulses = arrival[meant]
            # The window in which a pulse is counted: the first that is still open.
            counted = np.searchsorted(closed, pulses)
            early = (counted > 0) & (pulses < cleared[np.maximum(counted - 1, 0)])
            late += int(((counted != meant) | early).sum())
            np.add.at(found[:, place], np.minimum(counted, self.windows.size - 1), 1)
        return found, late

    def _membrane(
        self, memory: SiteMemory, counts: NDArray[np.int64], theta: int
    ) -> NDArray[np.int64]:
        """The membrane as each window's decision sees it, of the counts of the windows."""
        rule, edge = memory.rule, np.array([theta])
        found, fires = np.zeros_like(counts), np.zeros(1, dtype=np.bool_)
        now = rule.start((1,))
        for window in range(counts.size):
            added = counts[window : window + 1]
            now = rule.start((1,)) if self.clearing[window] else rule.after(now, fires, added)
            found[window] = now[0]
            fires = (rule.fires(now, edge) & ~self.silent[window]) | self.full[window]
        return found

    def class_line(self, line: ClassLine, ports: FloatArray) -> FloatArray:
        """Pulses at the junction of a class line's output stage, rising."""
        passed = self.delays.merge(len(line.members))
        arrivals = [
            ports[:, member] + self.delays.path(chain) + behind
            for member, chain, behind in zip(line.members, line.chains(), passed, strict=True)
        ]
        flat = np.concatenate(arrivals)
        return np.sort(flat[np.isfinite(flat)]) + self.junctions.after_merger


def untimed_note(process: Process) -> str:
    """What is to be said where cells with their bias and splitters were not measured; else ""."""
    usual = process.network is None and process.splitters == LIBRARY
    if usual or has_tables(process):
        return ""
    by_load = "" if process.splitters == LIBRARY else f" and splitters {process.splitters}"
    return (
        f"no tables were measured with the bias {process.bias_kind}{by_load}: pulses are held to "
        f"the clock, not to expected times; {how_to_measure(process)} measures them"
    )
