"""Benches: a circuit with its sources, probes and clock windows, ready to be emitted.

``neuron_bench`` surrounds one neuron of a network with pulse sources on its inputs, decision
and reset clock, and an output JTL. Names lead from the network to the junction: layer 0,
neuron 7 is the instance XL0N07, its synapse from input line 12 the instance XS012 in it, the
set junction of that synapse ``BA.XS012.XL0N07``.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from netlist_gen.circuit.model import GROUND, Circuit, CircuitBuilder, PulseSource, Resistor
from netlist_gen.circuit.neuron import ClockPhases, load_phases, neuron_cell, reset_depth
from netlist_gen.deck.emit import Analysis, Probe
from netlist_gen.errors import NetworkError
from netlist_gen.library.cells import CellLibrary
from netlist_gen.network import TernaryNetwork

START_S = 60e-12
"""Data pulses of the first window: the biases have ramped up (10 ps) and everything rests."""

TAIL_S = 20e-12
"""Simulated after the last window, so that its end is seen at rest."""

GUARD_S = 6e-12
"""Before the next window's data pulses, the time at which a window is read as finished."""

LOAD_OHM = 2.7436
"""Termination of output lines: the shunt of a JTL junction, so that pulses do not reflect."""


@dataclass(frozen=True)
class NeuronSite:
    """One neuron of a network: where it is, its synapses (weight 0 is none) and threshold.

    Attributes:
        layer, neuron: place in the network.
        inputs: input line of each synapse, rising.
        signs: +1 or -1 for each synapse.
        theta: integer threshold.
        name: e.g. ``L0N07``; the digits are as many as the layer needs.
        labels: e.g. ``012`` for each synapse.
    """

    layer: int
    neuron: int
    inputs: tuple[int, ...]
    signs: tuple[int, ...]
    theta: int
    name: str
    labels: tuple[str, ...]


def neuron_sites(network: TernaryNetwork) -> list[NeuronSite]:
    """All neurons of a network that need a circuit, in order.

    A neuron without synapses and with theta >= 1 never fires: weight 0 builds nothing, so it
    has no circuit and its line stays without pulses.

    Raises:
        NetworkError: a neuron without synapses that would always fire (theta <= 0), or a layer
            without any synapse.
    """
    sites = []
    for index, layer in enumerate(network.layers):
        outputs, inputs = layer.weights.shape
        wide, deep = len(str(outputs - 1)), len(str(inputs - 1))
        if not layer.synapses:
            raise NetworkError(
                f"layer {index} has no synapse, so there is nothing to build; at least one of its "
                "weights must be -1 or 1"
            )
        for j in range(outputs):
            lines = np.flatnonzero(layer.weights[j])
            if lines.size == 0:
                if layer.theta[j] < 1:
                    raise NetworkError(
                        f"layer {index}, neuron {j} has no synapse but theta {layer.theta[j]}: it "
                        "would fire at every clock, which no neuron circuit does; "
                        "theta must be at least 1"
                    )
                continue
            sites.append(
                NeuronSite(
                    layer=index,
                    neuron=j,
                    inputs=tuple(int(i) for i in lines),
                    signs=tuple(int(w) for w in layer.weights[j, lines]),
                    theta=int(layer.theta[j]),
                    name=f"L{index}N{j:0{wide}d}",
                    labels=tuple(f"{i:0{deep}d}" for i in lines),
                )
            )
    return sites


@dataclass(frozen=True, eq=False)
class NeuronView:
    """One neuron in a simulated circuit: where to look and when.

    Attributes:
        site: which neuron.
        phases: clock phases.
        stimulus: bool, shape (windows, fan_in): which input lines carry a pulse.
        start_s: data time of the first window.
        output: the junction whose pulses are the neuron's output.
    """

    site: NeuronSite
    phases: ClockPhases
    stimulus: NDArray[np.bool_]
    start_s: float
    output: Probe

    @property
    def windows(self) -> int:
        """How many clock windows are simulated."""
        return int(self.stimulus.shape[0])

    @property
    def instance(self) -> str:
        """Instance name of the neuron."""
        return f"X{self.site.name}"

    def boundaries_s(self) -> NDArray[np.float64]:
        """Times between windows, all at rest, shape (windows + 1,)."""
        steps = np.arange(self.windows + 1, dtype=np.float64)
        return np.asarray(self.start_s - GUARD_S + self.phases.period * steps)

    def decisions_s(self) -> NDArray[np.float64]:
        """Decision clock of each window, shape (windows,)."""
        first = self.start_s + self.phases.decision
        return np.asarray(first + self.phases.period * np.arange(self.windows, dtype=np.float64))

    def branches(self) -> tuple[tuple[str, str], ...]:
        """Path of each storage branch, in the order of the synapses."""
        return tuple((self.instance, f"XS{label}") for label in self.site.labels)

    def watched(self) -> tuple[Probe, ...]:
        """Output, both junctions of each storage loop, the four of the SQUIDs."""
        loops = [Probe(path, name) for path in self.branches() for name in ("BA", "BB")]
        squids = [Probe((self.instance, "XD"), name) for name in ("BB1", "BB2", "BT1", "BT2")]
        return (self.output, *loops, *squids)


@dataclass(frozen=True, eq=False)
class NeuronBench:
    """A neuron alone with sources, input and output JTLs, and where to look at it."""

    view: NeuronView
    circuit: Circuit

    def probes(self) -> tuple[Probe, ...]:
        """All that is watched and all that carries a bias."""
        return tuple(dict.fromkeys((*self.view.watched(), *biased_probes(self.circuit))))

    def analysis(self) -> Analysis:
        """Times of the transient analysis."""
        return Analysis(stop_s=START_S + self.view.phases.period * self.view.windows + TAIL_S)


def biased_probes(circuit: Circuit) -> list[Probe]:
    """The junction that carries the flux at each bias source, once each."""
    return [
        Probe(*key) for key in dict.fromkeys((path, name) for path, name, _ in circuit.biased())
    ]


def drive(
    builder: CircuitBuilder, library: CellLibrary, name: str, times_s: Iterable[float]
) -> str:
    """A pulse source and a JTL stage; the net behind it, ``i{name}``, carries the pulses."""
    builder.add(PulseSource(f"V{name}", f"s{name}", GROUND, tuple(times_s)))
    builder.place(f"XI{name}", library.cell("jtl"), f"s{name}", f"i{name}")
    return f"i{name}"


def neuron_bench(
    library: CellLibrary,
    site: NeuronSite,
    stimulus: NDArray[np.bool_],
    phases: ClockPhases | None = None,
    arrivals_s: NDArray[np.float64] | None = None,
) -> NeuronBench:
    """Build the bench of one neuron.

    Args:
        library: cells of one process.
        site: the neuron.
        stimulus: bool, shape (windows, fan_in): which of its input lines carry a pulse.
        phases: clock phases (default: those of the design table).
        arrivals_s: how much later than the window's data time each pulse comes, s, of the
            stimulus's shape (default: not at all).

    Raises:
        NetworkError: a fan-in or threshold beyond the design table, or a stimulus or arrivals of
            another shape.
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
    late = np.zeros(stimulus.shape) if arrivals_s is None else np.asarray(arrivals_s)
    if late.shape != stimulus.shape:
        raise NetworkError(
            f"neuron {site.name}: arrivals of shape {late.shape} do not fit the stimulus; "
            f"they must be {stimulus.shape}"
        )
    starts = [START_S + phases.period * w for w in range(windows)]
    builder = CircuitBuilder(
        f"bench_{site.name}", title=f"bench of neuron {site.name}, {windows} windows"
    )
    jtl = library.cell("jtl")

    def line(name: str, offset_s: NDArray[np.float64], active: NDArray[np.bool_]) -> str:
        pulses = zip(starts, offset_s, active, strict=True)
        return drive(builder, library, name, (float(t + late) for t, late, on in pulses if on))

    every = np.ones(windows, dtype=bool)
    nets = [line(label, late[:, k], stimulus[:, k]) for k, label in enumerate(site.labels)]
    nets.append(line("C", np.full(windows, phases.decision), every))
    reset = phases.reset - phases.tree_stage * reset_depth(fan_in)
    nets.append(line("R", np.full(windows, reset), every))
    neuron = neuron_cell(library, site.name, site.signs, site.theta, labels=site.labels)
    builder.place(f"X{site.name}", neuron, *nets, "o", needs=library.needs(neuron))
    builder.place("XO", jtl, "o", "q")
    builder.add(Resistor("RL", "q", GROUND, LOAD_OHM))
    view = NeuronView(site, phases, stimulus, START_S, Probe(("XO",), "B1"))
    return NeuronBench(view, builder.circuit())
