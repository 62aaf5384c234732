"""What a network's circuit does and costs, beside the source's figures, with every assumption.

The source is the abstract of arXiv 2402.16384: 8.92 GHz, 1.5 nJ per inference with the cooling to
4 K, 96.1 % on MNIST. What it leaves open (cooling factor, static power, time steps) is said in
docs/source.md; nothing here claims to be its reproduction.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from netlist_gen.assembly.budget import ChipBudget, chip_budget
from netlist_gen.assembly.close_timing import shortest_period
from netlist_gen.assembly.delays import measured_delays
from netlist_gen.assembly.network_circuit import network_bench
from netlist_gen.assembly.plan import outline
from netlist_gen.assembly.timing_values import CORNERS, Corner
from netlist_gen.circuit.lasting_neuron import memory_phases
from netlist_gen.errors import ConfigurationError
from netlist_gen.library.bias import ERSFQ
from netlist_gen.library.cells import CellLibrary
from netlist_gen.library.chip import load_profile
from netlist_gen.library.process import Process, load_process
from netlist_gen.network import TernaryNetwork
from netlist_gen.notebook import html_table
from netlist_gen.records import Record
from netlist_gen.spikes import NetworkSpikes, windows_of, with_room
from verification.reference.bus_energy import BusLoads
from verification.reference.energy import EnergyLedger
from verification.reference.event_energy import EventEnergy, network_energy
from verification.reference.options import PerformanceOptions
from verification.reference.synaptic import SynapticFigures, synaptic_figures


@dataclass(frozen=True)
class SourceFigures(Record):
    """What the abstract of arXiv 2402.16384 says."""

    clock_ghz: float = 8.92
    wall_plug_J_per_inference: float = 1.5e-9
    accuracy: float = 0.961


@dataclass(frozen=True)
class SimulatedClock(Record):
    """A run that simulated the network, every window right.

    ``windows`` are neuron windows, ``scope`` says of neurons alone, or of the network as one deck.
    """

    clock_ghz: float
    simulator: str
    scope: str
    windows: int


@dataclass(frozen=True)
class SlackFigures(Record):
    """A check of the timing: what is left beyond its limit, at which corner, on which path."""

    slack_ps: float
    kind: str
    corner: str
    path: str


@dataclass(frozen=True, repr=False)
class Performance(Record):
    """Figures of one network at one clock.

    Attributes:
        clock_ghz: the clock of all figures below.
        simulated: the run in which this network was right at that clock; None: none was given.
        shortest_period_ps: at which static timing still closes, by itself no proof.
        highest_clock_ghz: the same as a clock.
        inferences_per_s: one every ``steps`` windows.
        latency_ps: from the input pulses to the last layer's latest output.
        layers: stages of the pipeline.
        steps: windows for one inference, where membranes last its clearing window included.
        junctions: of the circuit.
        padding_stages: JTL stages on early lines, among them.
        bias_A: junctions' bias.
        flux_A: control lines.
        static_W: both at the supply.
        dynamic_W: at one inference after another.
        static_J_per_inference: of that power.
        dynamic_J_per_inference: mean over the samples.
        at_4K_J_per_inference: both; of a bias network what its buses and the control lines get
            (``reference.bus_energy``).
        wall_plug_J_per_inference: that, with cooling.
        cooling_W_per_W: watts at the wall for one at 4.2 K.
        bias: how junctions are biased.
        buses: how many buses feed them; 0 with ideal sources.
        bus_A: what these carry, A.
        bus_V: and at which voltage, V.
        ideal_clock_ghz: the highest clock at which the timing closes with ideal bias sources.
        accuracy: of the integer model on the given labels, or None.
        source: what the source says.
        synaptic: the same in the field's unit.
        budget: what it takes of a chip.
        slacks: the worst checks of the timing, worst first.
        assumptions: sentences.
    """

    clock_ghz: float
    simulated: SimulatedClock | None
    shortest_period_ps: float
    highest_clock_ghz: float
    inferences_per_s: float
    latency_ps: float
    layers: int
    steps: int
    junctions: int
    padding_stages: int
    bias_A: float
    flux_A: float
    static_W: float
    dynamic_W: float
    static_J_per_inference: float
    dynamic_J_per_inference: float
    at_4K_J_per_inference: float
    wall_plug_J_per_inference: float
    cooling_W_per_W: float
    bias: str
    buses: int
    bus_A: float
    bus_V: float
    ideal_clock_ghz: float
    accuracy: float | None
    source: SourceFigures
    synaptic: SynapticFigures
    budget: ChipBudget
    slacks: tuple[SlackFigures, ...]
    assumptions: tuple[str, ...]

    def __repr__(self) -> str:
        return (
            f"<Performance: {self.clock_ghz:.2f} GHz, {self.inferences_per_s:.3g} inferences/s, "
            f"{self.wall_plug_J_per_inference:.3g} J at the wall for each>"
        )

    def _repr_html_(self) -> str:
        plain = {k: v for k, v in self.to_json().items() if isinstance(v, int | float)}
        rows = ((name, f"{value:.4g}") for name, value in plain.items())
        return html_table(repr(self)[1:-1], ("figure", "value"), rows)


def performance(
    network: TernaryNetwork,
    inputs: NDArray[np.bool_] | None,
    labels: NDArray[np.int64] | None,
    options: PerformanceOptions,
    corners: Sequence[Corner] = CORNERS,
    simulated: SimulatedClock | None = None,
    sample_steps: int | None = None,
) -> Performance:
    """Figures of a network.

    Args:
        network: what is built.
        inputs: bool, shape (samples, inputs) or (samples, steps, inputs): the dynamic energy is
            the mean over them; None: that of a window with a pulse on every input line.
        labels: shape (samples,), or None.
        options: see there; ``samples`` and ``verified`` are not looked at.
        corners: at which the timing must hold.
        simulated: the run of ``options.verified``; its clock is taken where none is given.
        sample_steps: of an inference where there are no inputs; None: as many as membranes have
            room for, else 1.

    Raises:
        TimingError: the timing does not close.
        ConfigurationError: the process has no measured delays, there are no samples, or the clock
            is not that of the run.
    """
    given = inputs is not None
    if inputs is None:
        inputs = np.ones((1, sample_steps or network.steps or 1, network.inputs), dtype=bool)
    else:
        network = with_room(network, inputs)
    inputs = network.check_inputs(inputs)
    if not inputs.shape[0]:
        raise ConfigurationError("there are no samples to take the dynamic energy of; give one")
    steps = 1 if inputs.ndim == 2 else int(inputs.shape[1])
    windows, sample = windows_of(network, inputs)
    spikes = NetworkSpikes.of(network, windows, sample)
    if simulated is not None and options.clock_ghz is None:
        options = dataclasses.replace(options, clock_ghz=simulated.clock_ghz)
    library = CellLibrary(options.loaded_process())
    phases = memory_phases(network, options.phases(library.process), options.clock_ghz)
    period = phases.period
    if simulated is not None and not math.isclose(simulated.clock_ghz, 1e-9 / period, rel_tol=1e-6):
        raise ConfigurationError(
            f"--clock-ghz is {1e-9 / period:.6g}, the run simulated {simulated.clock_ghz:.6g} GHz; "
            "leave out one of them"
        )
    shortest = _shortest(network, library.process, corners)
    bench = network_bench(
        network, library, spikes.layers[0], phases, clearing=spikes.clearing, corners=corners
    )
    totals = bench.circuit.totals()
    per_second = 1.0 / (period * sample)
    dynamic_J = network_energy(bench.plan, spikes, EventEnergy(library)) / inputs.shape[0]
    loads = BusLoads.of(bench.circuit, library.process)
    ledger = EnergyLedger(
        dynamic_J=dynamic_J,
        supply_A=totals.supply_A,
        supply_V=library.process.supply_voltage,
        duration_s=1.0 / per_second,
        cooling_W_per_W=options.cooling,
        rest_W=None if loads is None else loads.rest_W,
        given_J=None if loads is None else loads.given_J(1.0 / per_second, sample, dynamic_J),
    )
    arrived = sum(
        int((here.sum(axis=0, dtype=np.int64) * layer.fan_out).sum())
        for here, layer in zip(spikes.layers, network.layers, strict=False)
    )
    return Performance(
        clock_ghz=1e-9 / period,
        simulated=simulated,
        shortest_period_ps=shortest * 1e12,
        highest_clock_ghz=1e-9 / shortest,
        inferences_per_s=per_second,
        latency_ps=bench.timing.latency_s * 1e12,
        layers=len(network.layers),
        steps=sample,
        junctions=totals.junctions,
        padding_stages=bench.timing.padding,
        bias_A=totals.bias_A,
        flux_A=totals.flux_A,
        static_W=ledger.static_W,
        dynamic_W=ledger.dynamic_J * per_second,
        static_J_per_inference=ledger.static_J,
        dynamic_J_per_inference=ledger.dynamic_J,
        at_4K_J_per_inference=ledger.at_4K_J,
        wall_plug_J_per_inference=ledger.wall_plug_J,
        cooling_W_per_W=options.cooling,
        bias=options.bias,
        buses=0 if loads is None else len(loads.buses),
        bus_A=0.0 if loads is None else loads.fed_A,
        bus_V=0.0 if loads is None else loads.bus_V(period),
        ideal_clock_ghz=1e-9 / (shortest if loads is None else _ideal_period(network, options)),
        accuracy=None if labels is None else network.accuracy(inputs, labels),
        source=SourceFigures(),
        synaptic=synaptic_figures(
            network.synapses, steps, per_second, ledger.at_4K_J, arrived / inputs.shape[0]
        ),
        budget=chip_budget(
            bench,
            load_profile(options.profile),
            library.process.supply_voltage if loads is None else loads.bus_V(period),
            feeding_A=0.0 if loads is None else loads.fed_A - loads.taps_A,
        ),
        slacks=tuple(
            SlackFigures(s.slack_s * 1e12, s.kind, s.corner, s.path()) for s in bench.timing.slacks
        ),
        assumptions=_assumptions(
            options, library, simulated, corners, sample, inputs.shape[0] if given else None
        ),
    )


def _ideal_period(network: TernaryNetwork, options: PerformanceOptions) -> float:
    """The shortest period at which the timing closes with ideal bias sources, s."""
    return _shortest(network, load_process(options.process, splitters=options.splitters))


def _shortest(
    network: TernaryNetwork, process: Process, corners: Sequence[Corner] = CORNERS
) -> float:
    return shortest_period(outline(network, process.splitters), measured_delays(process), corners)


def _bias_sentence(library: CellLibrary) -> str:
    """What power is charged for."""
    supply = f"{library.process.supply_voltage * 1e3:g} mV"
    network = library.process.network
    if network is None:
        return (
            f"static power: all bias and control-line currents at {supply}, resistors "
            "that make them from that supply; no current recycling, nothing switched off"
        )
    if network.kind == ERSFQ:
        return (
            "power: ERSFQ buses at Phi0 times the clock, feeding JTLs and limiting junctions "
            f"counted; control-line currents at {supply} from resistors"
        )
    return (
        f"power: buses of {network.voltage * 1e3:g} mV, which give less while junctions turn; "
        f"control-line currents at {supply} from resistors; no current recycling"
    )


def _assumptions(
    options: PerformanceOptions,
    library: CellLibrary,
    simulated: SimulatedClock | None,
    corners: Sequence[Corner],
    steps: int,
    samples: int | None,
) -> tuple[str, ...]:
    if simulated is None:
        basis = (
            "no run of this network is named (--verified RUN): at this clock it was not simulated"
        )
    else:
        basis = (
            f"{simulated.simulator} simulated this network at it, scope {simulated.scope}, "
            f"{simulated.windows} neuron windows, all right"
        )
    mean = (
        f"mean over {samples} samples"
        if samples is not None
        else "in a window with a pulse on every input line, as no samples were given"
    )
    return (
        f"clock: {basis}; the highest clock that closes is that of static timing with the "
        "measured delays, at " + ", ".join(corner.name for corner in corners),
        f"throughput: one inference in {steps} window{'s' if steps > 1 else ''}, the layers "
        "working as a pipeline; latency counts the layers, not the class lines",
        _bias_sentence(library),
        "dynamic energy: bias current times the flux quantum for each 2 pi advance of every "
        f"event, {mean}; pulse sources are not counted",
        f"cooling: {options.cooling:g} W at the wall for one at 4.2 K (values in use: 300 to "
        "1000); input and output to room temperature are not counted",
        "circuit: synapses, neurons, fan-out, clock and reset trees, padding and class lines; no "
        "wiring beyond the cells' inductances, no weight loading, weights fixed in the layout",
        "synaptic operation: a synapse taking part in a decision, each once a window, with a pulse "
        "or without; pulses that arrive at synapses are counted beside",
        "source: abstract of arXiv 2402.16384; its cooling factor and static power are not "
        "given there, so the energies are not on the same basis",
    )
