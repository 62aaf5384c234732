"""Figures of a run beside the verdict in ``verify.json``: energy, circuit, layers, times."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from netlist_gen.records import Record


@dataclass(frozen=True)
class BusFigures(Record):
    """What the buses of a bias network gave, against the reference, and where it goes.

    Attributes:
        bias: which network.
        buses: of the whole network's circuit.
        voltage_V: of each; of an ERSFQ bus Phi0 times the clock.
        current_A: of all, at rest.
        measured_J: the integral of V*I, over all that was simulated in ``EnergyFigures.scope``; of
            a network's deck of many windows with ERSFQ from the eleventh on.
        reference_J: expected of the same.
        charging_J: what ERSFQ buses gave beyond the reference before that, once: the inductors of
            their feeding JTLs have it.
        relative_error: of the whole; None where no deck was judged.
        J_per_inference: by the reference at one inference after another, times measured over
            reference; the next four are its parts by the reference.
        resistors_J_per_inference: what resistors burn at rest.
        events_J_per_inference: what events get; with resistors what buses give less while
            junctions turn, and negative.
        limiters_J_per_inference: limiting junctions that turn in a node's stead.
        feeding_J_per_inference: feeding JTLs.
    """

    bias: str
    buses: int
    voltage_V: float
    current_A: float
    measured_J: float
    reference_J: float
    charging_J: float
    relative_error: float | None
    J_per_inference: float
    resistors_J_per_inference: float
    events_J_per_inference: float
    limiters_J_per_inference: float
    feeding_J_per_inference: float


@dataclass(frozen=True)
class EnergyFigures(Record):
    """Energies of the network's circuit where it was simulated, else of the neurons' benches.

    Attributes:
        scope: which of the two.
        measured_J: by the bias sources, over all samples and start-up windows.
        reference_J: expected of the same decks.
        startup_J: what of ``reference_J`` is of start-up windows; figures per inference are
            without it.
        relative_error: of the whole; None where no deck was judged.
        worst_window_error: of the neuron's window, or network's deck, in which it is largest.
        tolerance: largest relative error that agrees.
        dynamic_J_per_inference: measured, of one sample; where windows were made, of one of each
            neuron for each step, on the average.
        static_W: bias and control currents at the supply.
        static_J_per_inference: that power over one sample's windows.
        wall_plug_J_per_inference: both, with the cooling; of a bias network what its buses and
            the control lines get.
        cooling_W_per_W: watts at the wall for one at 4.2 K.
        supply_V: of the process.
        buses: of a bias network; absent with ideal sources.
    """

    scope: str
    measured_J: float
    reference_J: float
    relative_error: float | None
    worst_window_error: float
    tolerance: float
    dynamic_J_per_inference: float
    static_W: float
    static_J_per_inference: float
    wall_plug_J_per_inference: float
    cooling_W_per_W: float
    supply_V: float
    startup_J: float = 0.0
    buses: BusFigures | None = field(default=None, metadata={"absent": True})

    @property
    def wall_plug_J(self) -> float:
        """Energy at the wall of one inference."""
        return self.wall_plug_J_per_inference


@dataclass(frozen=True)
class CircuitFigures(Record):
    """The circuit of the whole network; ``cells`` counts the placed cells of each kind."""

    junctions: int
    bias_A: float
    flux_A: float
    cells: Mapping[str, int]


@dataclass(frozen=True)
class LayerFigures(Record):
    """A layer over all scopes.

    Attributes:
        layer: its number.
        neurons: in it.
        synapses: in it.
        fan_in: least and greatest.
        theta: least and greatest.
        checked: neuron windows compared.
        mismatches: of those.
        failed: runs of its neurons without a verdict.
        pulses: measured in the first scope.
        delay_ps: least and greatest time from decision clock to output in the first scope.
        energy_J: measured on the benches of its neurons; None without any.
        reference_J: expected of them.
    """

    layer: int
    neurons: int
    synapses: int
    fan_in: tuple[int, int]
    theta: tuple[int, int]
    checked: int
    mismatches: int
    failed: int
    pulses: int
    delay_ps: tuple[float, float] | None
    energy_J: float | None
    reference_J: float | None


@dataclass(frozen=True)
class Accuracy(Record):
    """Share of samples read as their label; ``simulated`` is None where pulses are missing."""

    reference: float
    simulated: float | None


@dataclass(frozen=True)
class TimingFigures(Record):
    """Output pulses against the times that the timed reference predicts.

    Attributes:
        tolerance_ps: what is allowed.
        pulses: compared.
        worst_ps: largest distance.
        mean_ps: of measured less predicted.
        sigma_ps: standard deviation of it.
        bins_ps: edges of the histogram.
        counts: pulses in each bin; beyond the outer edges they count in the outer bins.
    """

    tolerance_ps: float
    pulses: int
    worst_ps: float
    mean_ps: float
    sigma_ps: float
    bins_ps: tuple[float, ...]
    counts: tuple[int, ...]
