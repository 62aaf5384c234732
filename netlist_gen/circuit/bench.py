"""Benches: a circuit with its sources, probes and clock windows, ready to be emitted.

``neuron_bench`` surrounds one neuron of a network with pulse sources on its inputs, decision
and reset clock, and an output JTL. Names lead from the network to the junction: layer 0,
neuron 7 is the instance XL0N07, its synapse from input line 12 the instance XS012 in it, the
set junction of that synapse ``BA.XS012.XL0N07``.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from netlist_gen.circuit.bias import Island, buses_of, with_bias
from netlist_gen.circuit.clock_line import port_phases
from netlist_gen.circuit.elements import GROUND, LOAD_OHM, PulseSource, Resistor
from netlist_gen.circuit.lasting_neuron import lasting_phases, site_cell
from netlist_gen.circuit.model import Circuit, CircuitBuilder
from netlist_gen.circuit.probe import Analysis, Probe
from netlist_gen.circuit.sites import NeuronSite
from netlist_gen.circuit.trees import tree_depth
from netlist_gen.circuit.view import (
    GUARD_S,
    START_S,
    Events,
    NeuronView,
    instance_name,
    start_s,
)
from netlist_gen.errors import NetworkError
from netlist_gen.library.cells import CellLibrary
from netlist_gen.library.design import ClockPhases, load_phases
from netlist_gen.spikes import NeuronSpikes

TAIL_S = 20e-12
"""Simulated after the last window, so that its end is seen at rest."""

CLOCK, RESET = "C", "R"
"""Sources of a neuron's decision clock and of its reset."""


@dataclass(frozen=True, eq=False)
class NeuronBench:
    """A neuron alone with sources, input and output JTLs, and where to look at it.

    Attributes:
        view: where to look.
        circuit: everything, on one bus where its bias is a network.
        start_s: data time of the first window.
    """

    view: NeuronView
    circuit: Circuit
    start_s: float = START_S

    def probes(self) -> tuple[Probe, ...]:
        """All that is watched and all that carries a bias."""
        return tuple(dict.fromkeys((*self.view.watched(), *biased_probes(self.circuit))))

    def analysis(self) -> Analysis:
        """Times of the transient analysis."""
        return Analysis(stop_s=self.start_s + self.view.phases.period * self.view.windows + TAIL_S)

    def events(self, spikes: NeuronSpikes) -> Events:
        """Events of everything on the bench in each window, where all does what it must."""
        view = self.view
        clocked, fires = spikes.clocked.astype(np.int64), spikes.fires.astype(np.int64)
        lasting = view.site.memory is not None
        pulses = {CLOCK: clocked, RESET: 1 - clocked if lasting else clocked}
        labels = dict(zip(view.site.inputs, view.site.labels, strict=True))
        for line, arrived in spikes.arrivals_by_line():
            if line in labels:
                pulses[labels[line]] = arrived.astype(np.int64)
        events = view.events(spikes) | {view.output.path: [("pulse", fires)]}
        return events | {(driver(name),): [("pulse", times)] for name, times in pulses.items()}


def biased_probes(circuit: Circuit) -> list[Probe]:
    """The junction that carries the flux at each bias source, once each, and the buses' meters."""
    fed = [Probe(*key) for key in dict.fromkeys(fed[:2] for fed in circuit.biased())]
    return [*fed, *(bus.probe for bus in buses_of(circuit))]


def driver(name: str) -> str:
    """Instance of the JTL stage behind the pulse source ``name``."""
    return f"XI{name}"


def drive(
    builder: CircuitBuilder, library: CellLibrary, name: str, times_s: Iterable[float]
) -> str:
    """A pulse source and a JTL stage; the net behind it, ``i{name}``, carries the pulses."""
    builder.add(PulseSource(f"V{name}", f"s{name}", GROUND, tuple(times_s)))
    builder.place(driver(name), library.cell("jtl"), f"s{name}", f"i{name}")
    return f"i{name}"


def neuron_bench(
    library: CellLibrary,
    site: NeuronSite,
    stimulus: NDArray[np.bool_],
    phases: ClockPhases | None = None,
    arrivals_s: NDArray[np.float64] | None = None,
    rest_s: float = -GUARD_S,
    *,
    clearing: NDArray[np.bool_] | None = None,
) -> NeuronBench:
    """Build the bench of one neuron.

    Args:
        library: cells of one process.
        site: the neuron.
        stimulus: bool, shape (windows, fan_in): which of its input lines carry a pulse.
        phases: clock phases (default: those of the design table).
        arrivals_s: how much later than the window's data time each pulse comes, s, of the
            stimulus's shape (default: not at all).
        rest_s: when the neuron rests between windows, s after their data time.
        clearing: bool, shape (windows,): in which no decision clock comes, and the loops of a
            neuron whose membrane lasts are emptied (default: none).

    Raises:
        NetworkError: a fan-in or threshold beyond the design table, or a stimulus or arrivals of
            another shape.
        ConfigurationError: windows too short for the loops to be emptied by the neuron's pulse.
    """
    phases = phases or load_phases(process=library.process)
    stimulus = np.asarray(stimulus, dtype=bool)
    if stimulus.ndim != 2 or stimulus.shape[1] != len(site.inputs) or stimulus.shape[0] < 1:
        raise NetworkError(
            f"neuron {site.name}: a stimulus of shape {stimulus.shape} does not fit; "
            f"it must be (windows, {len(site.inputs)}) with at least one window"
        )
    windows = stimulus.shape[0]
    fan_in = len(site.inputs)
    neuron = site_cell(library, site)
    if site.memory is not None:
        phases = lasting_phases(site, phases)
    phases = port_phases(library, phases, site.stage_fan_in)
    late = np.zeros(stimulus.shape) if arrivals_s is None else np.asarray(arrivals_s)
    if late.shape != stimulus.shape:
        raise NetworkError(
            f"neuron {site.name}: arrivals of shape {late.shape} do not fit the stimulus; "
            f"they must be {stimulus.shape}"
        )
    first = start_s(library.process)
    starts = [first + phases.period * w for w in range(windows)]
    builder = CircuitBuilder(
        f"bench_{site.name}", title=f"bench of neuron {site.name}, {windows} windows"
    )
    jtl = library.cell("jtl")

    def line(name: str, offset_s: NDArray[np.float64], active: NDArray[np.bool_]) -> str:
        pulses = zip(starts, offset_s, active, strict=True)
        return drive(builder, library, name, (float(t + late) for t, late, on in pulses if on))

    cleared = np.zeros(windows, dtype=bool) if clearing is None else clearing
    nets = [line(label, late[:, k], stimulus[:, k]) for k, label in enumerate(site.labels)]
    nets.append(line(CLOCK, np.full(windows, phases.decision), ~cleared))
    if site.memory is None:
        reset = phases.reset - phases.tree_stage * tree_depth(fan_in)
        nets.append(line(RESET, np.full(windows, reset), ~cleared))
    else:
        nets.append(line(RESET, np.full(windows, phases.decision), cleared))
    builder.place(instance_name(site), neuron, *nets, "o")
    builder.place("XO", jtl, "o", "q")
    builder.add(Resistor("RL", "q", GROUND, LOAD_OHM))
    begin = rest_s + GUARD_S  # of the view's windows, after the data time
    seen = dataclasses.replace(phases, decision=phases.decision - begin, reset=phases.reset - begin)
    view = NeuronView(site, seen, windows, first + begin, Probe(("XO",), "B1"))
    island = Island("0", tuple(t + phases.decision for t in starts))
    return NeuronBench(view, with_bias(builder.circuit(), library, [island]), first)
