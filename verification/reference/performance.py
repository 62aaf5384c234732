"""What a network's circuit does and costs, beside the source's figures, with every assumption.

The source is the abstract of arXiv 2402.16384: 8.92 GHz, 1.5 nJ per inference with the cooling to
4 K, 96.1 % on MNIST. What it leaves open (cooling factor, static power, time steps) is said in
docs/source.md; nothing here claims to be its reproduction.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from netlist_gen.assembly.close_timing import shortest_period
from netlist_gen.assembly.network_circuit import network_bench, network_delays
from netlist_gen.assembly.timing_values import CORNERS, Corner, Slack
from netlist_gen.circuit.neuron import ClockPhases
from netlist_gen.errors import ConfigurationError
from netlist_gen.library.cells import CellLibrary
from netlist_gen.network import TernaryNetwork
from verification.reference.energy import COOLING_W_PER_W, static_power, wall_plug
from verification.reference.expected import EventEnergy, network_energy

SOURCE = {"clock_ghz": 8.92, "wall_plug_J_per_inference": 1.5e-9, "accuracy": 0.961}
"""arXiv 2402.16384, abstract."""


@dataclass(frozen=True)
class Performance:
    """Figures of one network at one clock.

    Attributes:
        clock_Hz: the clock. shortest_period_s: at which the timing still closes.
        steps: windows for one inference. inferences_per_s: one every ``steps`` windows.
        latency_s: from the input pulses to the last layer's latest output.
        layers: stages of the pipeline.
        junctions, padding: of the circuit; JTL stages on early lines.
        bias_A: junctions' bias. flux_A: control lines.
        static_W: both at the supply. dynamic_W: at one inference after another.
        static_J, dynamic_J: per inference.
        cooling_W_per_W: wall-plug watts for one at 4.2 K.
        accuracy: of the integer model on the given labels, or None.
        slacks: the worst checks of the timing, worst first.
        assumptions: sentences.
    """

    clock_Hz: float
    shortest_period_s: float
    steps: int
    latency_s: float
    layers: int
    junctions: int
    padding: int
    bias_A: float
    flux_A: float
    static_W: float
    dynamic_J: float
    cooling_W_per_W: float
    accuracy: float | None
    slacks: tuple[Slack, ...]
    assumptions: tuple[str, ...]

    @property
    def inferences_per_s(self) -> float:
        """Throughput of the pipeline."""
        return self.clock_Hz / self.steps

    @property
    def static_J(self) -> float:
        """Static energy per inference."""
        return self.static_W / self.inferences_per_s

    @property
    def dynamic_W(self) -> float:
        """Dynamic power at full throughput."""
        return self.dynamic_J * self.inferences_per_s

    @property
    def wall_plug_J(self) -> float:
        """Energy per inference with cooling."""
        return wall_plug(self.static_J + self.dynamic_J, self.cooling_W_per_W)

    def as_json(self) -> dict[str, object]:
        """All figures, in SI."""
        return {
            "clock_ghz": self.clock_Hz * 1e-9,
            "shortest_period_ps": self.shortest_period_s * 1e12,
            "highest_clock_ghz": 1e-9 / self.shortest_period_s,
            "inferences_per_s": self.inferences_per_s,
            "latency_ps": self.latency_s * 1e12,
            "layers": self.layers,
            "steps": self.steps,
            "junctions": self.junctions,
            "padding_stages": self.padding,
            "bias_A": self.bias_A,
            "flux_A": self.flux_A,
            "static_W": self.static_W,
            "dynamic_W": self.dynamic_W,
            "static_J_per_inference": self.static_J,
            "dynamic_J_per_inference": self.dynamic_J,
            "at_4K_J_per_inference": self.static_J + self.dynamic_J,
            "wall_plug_J_per_inference": self.wall_plug_J,
            "cooling_W_per_W": self.cooling_W_per_W,
            "accuracy": self.accuracy,
            "source": dict(SOURCE),
            "slacks": [
                {"slack_ps": s.slack_s * 1e12, "kind": s.kind, "corner": s.corner, "path": s.path()}
                for s in self.slacks
            ],
            "assumptions": list(self.assumptions),
        }


def performance(
    network: TernaryNetwork,
    inputs: NDArray[np.bool_],
    labels: NDArray[np.int64] | None,
    library: CellLibrary,
    phases: ClockPhases,
    *,
    at_shortest: bool = True,
    cooling_W_per_W: float = COOLING_W_PER_W,
    corners: Sequence[Corner] = CORNERS,
) -> Performance:
    """Figures of a network.

    Args:
        network: what is built.
        inputs: bool, shape (samples, inputs) or (samples, steps, inputs): the dynamic energy is
            the mean over them.
        labels: shape (samples,), or None.
        library: cells of one process.
        phases: whose period is the clock where ``at_shortest`` is not set.
        at_shortest: take the shortest period at which the timing closes.
        cooling_W_per_W: wall-plug watts for one at 4.2 K.
        corners: at which the timing must hold.

    Raises:
        TimingError: the timing does not close.
        ConfigurationError: the process has no measured delays, or there are no samples.
    """
    inputs = network.check_inputs(inputs)
    if not inputs.shape[0]:
        raise ConfigurationError("there are no samples to take the dynamic energy of; give one")
    steps = 1 if inputs.ndim == 2 else int(inputs.shape[1])
    windows = inputs.reshape(-1, inputs.shape[-1])
    shortest = shortest_period(network, network_delays(library), corners)
    period = shortest if at_shortest else phases.period
    shown = phases.short().period
    bench = network_bench(
        network, library, windows, dataclasses.replace(phases, period=period), corners=corners
    )
    totals = bench.circuit.totals()
    supply = library.process.supply_voltage
    dynamic = network_energy(bench, EventEnergy(library)) / inputs.shape[0]
    return Performance(
        clock_Hz=1.0 / period,
        shortest_period_s=shortest,
        steps=steps,
        latency_s=bench.plan.latency_s,
        layers=len(network.layers),
        junctions=totals.junctions,
        padding=bench.plan.padding,
        bias_A=totals.bias_A,
        flux_A=totals.flux_A,
        static_W=static_power(totals.supply_A, supply),
        dynamic_J=dynamic,
        cooling_W_per_W=cooling_W_per_W,
        accuracy=None if labels is None else network.accuracy(inputs, labels),
        slacks=bench.plan.slacks,
        assumptions=(
            f"clock: the {'shortest period at which' if at_shortest else 'given clock, at which'} "
            "static timing closes with the measured delays, at "
            + ", ".join(corner.name for corner in corners)
            + f"; simulated, every window right, are windows down to {shown * 1e12:.4g} ps "
            f"({1e-9 / shown:.4g} GHz)",
            f"throughput: one inference in {steps} window{'s' if steps > 1 else ''}, the layers "
            "working as a pipeline; latency counts the layers, not the read-out",
            f"static power: all bias and control-line currents at {supply * 1e3:g} mV, resistors "
            "that make them from that supply; no current recycling, nothing switched off",
            "dynamic energy: bias current times the flux quantum for each 2 pi advance of every "
            f"event, mean over {inputs.shape[0]} samples; pulse sources are not counted",
            f"cooling: {cooling_W_per_W:g} W at the wall for one at 4.2 K (values in use: 300 to "
            "1000); input and output to room temperature are not counted",
            "circuit: synapses, neurons, fan-out, clock and reset trees, padding and read-out; no "
            "wiring beyond the cells' inductances, no weight loading, weights fixed in the layout",
            "source: abstract of arXiv 2402.16384; its cooling factor and static power are not "
            "given there, so the energies are not on the same basis",
        ),
    )
