"""What a verification says: the values that ``verify.json`` holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from netlist_gen.deck.annotation import AnnotationFigures
from netlist_gen.records import Record
from verification.verdict.class_lines import LineVerdict
from verification.verdict.neuron import Disagreement, NeuronVerdict
from verification.verdict.simulators import Agreement

WHOLE_NETWORK = (-1, -1)
"""The place of a deck that is of no single neuron."""


@dataclass(frozen=True, eq=False)
class DeckResult(Record):
    """What became of a deck: verdicts, or the sentence that says why there are none.

    Attributes:
        scope: "neurons" or "network".
        name: of the deck.
        place: (layer, neuron) of the neuron, or ``WHOLE_NETWORK``.
        first: the number of its first window of a sample among all of them.
        windows: how many, the ``startup`` start-up windows at the beginning included.
        neurons: verdict on each neuron in the deck; none for a failed run.
        energies_J: measured, shape (parts,): of each window of a neuron, or of a network as a
            whole; empty for a failed run.
        reference_J: expected, likewise.
        lines: the class lines of a network.
        source: the first source that the deck has not as the design has it.
        failure: why there is no verdict.
        wall_s: of the simulation.
        deck: the deck's text where something is wrong.
        startup_J: what the reference expects of start-up windows.
    """

    scope: str
    name: str
    place: tuple[int, int]
    first: int
    windows: int
    neurons: tuple[NeuronVerdict, ...]
    energies_J: NDArray[np.float64]
    reference_J: NDArray[np.float64]
    lines: LineVerdict | None
    source: Disagreement | None
    failure: str
    wall_s: float
    deck: str | None
    startup: int = 0
    startup_J: float = 0.0

    @property
    def failed(self) -> bool:
        """Whether there is no verdict."""
        return not self.neurons

    @property
    def energy_J(self) -> float:
        """Energy measured over all windows; 0 for a run that failed."""
        return float(self.energies_J.sum())

    @property
    def mismatches(self) -> int:
        """Neuron windows that disagree."""
        return sum(v.mismatches for v in self.neurons)

    @property
    def checked(self) -> int:
        """Neuron windows compared."""
        return sum(v.windows for v in self.neurons)

    @property
    def lines_wrong(self) -> int:
        """Windows of classes that disagree."""
        return self.lines.wrong if self.lines else 0

    @property
    def agreed(self) -> bool:
        """Whether all of it agrees with the reference."""
        return not (self.failed or self.source or self.mismatches or self.lines_wrong)


@dataclass(frozen=True)
class Program(Record):
    """A simulator's name and version."""

    name: str
    version: str


@dataclass(frozen=True)
class NetworkFacts(Record):
    """What was verified."""

    source: str
    inputs: int
    neurons: int
    synapses: int
    classes: int
    population: int


@dataclass(frozen=True)
class EnergyFigures(Record):
    """Energies of the network's circuit where it was simulated, else of the neurons' benches.

    Attributes:
        scope: which of the two.
        measured_J: by the bias sources, over all samples and start-up windows.
        reference_J: expected of the same decks.
        startup_J: what of ``reference_J`` is of start-up windows, and in no figure per inference.
        relative_error: of the whole; None where no deck was judged.
        worst_window_error: of the neuron's window, or network's deck, in which it is largest.
        tolerance: largest relative error that agrees.
        dynamic_J_per_inference: measured, of one sample.
        static_W: bias and control currents at the supply.
        static_J_per_inference: that power over one sample's windows.
        wall_plug_J_per_inference: both, with the cooling.
        cooling_W_per_W: watts at the wall for one at 4.2 K.
        supply_V: of the process.
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
class CounterExample(Record):
    """The first disagreement, with all that is needed to look at it.

    Attributes:
        scope: in which it was found.
        failed: whether a run failed, and nothing was measured.
        sample: number of the sample, the next one's of a start-up window.
        window: among all windows of samples, likewise.
        row: of the sample in its file.
        layer: of the neuron; None where it is of the whole network.
        neuron: its place in the layer.
        expected: in words.
        measured: in words.
        deck: the file of the deck, or its name where no directory is kept.
        sentence: all of it.
        simulator: which found it.
        startup: of a start-up window.
    """

    scope: str
    failed: bool
    sample: int
    window: int
    row: int
    layer: int | None
    neuron: int | None
    expected: str
    measured: str
    deck: str
    sentence: str
    simulator: str
    startup: bool = False


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


@dataclass(frozen=True)
class ScopeVerdict(Record):
    """One scope against the reference.

    Attributes:
        scope: "neurons" or "network".
        agreed: all of it.
        decks: simulated.
        checked: neuron windows compared, start-up windows included.
        mismatches: of those.
        class_lines_wrong: windows of class lines that disagree.
        sources_wrong: decks with other sources than the design's.
        failed: decks without a verdict.
        pulses: of all neurons, start-up windows not counted.
        energy_J: measured.
        energy_relative_error: against the reference; None where no deck was judged.
        from_ledger: decks that an earlier run had judged.
        wall_s: from first to last.
        within_ps: of its expected time each pulse had to come; None: "on the clock" was all.
        timing: how far they were, where the timed reference was asked.
    """

    scope: str
    agreed: bool
    decks: int
    checked: int
    mismatches: int
    class_lines_wrong: int
    sources_wrong: int
    failed: int
    pulses: int
    energy_J: float
    energy_relative_error: float | None
    from_ledger: int
    wall_s: float
    within_ps: float | None = None
    timing: TimingFigures | None = None


@dataclass(frozen=True)
class SimulatorVerdict(Record):
    """One simulator against the reference."""

    name: str
    version: str
    agreed: bool
    checked: int
    mismatches: int
    class_lines_wrong: int
    failed: int
    pulses: int
    energy_J: float
    energy_relative_error: float | None


@dataclass(frozen=True)
class ShownNeuron(Record):
    """The neuron whose waveforms are kept for the report; ``first_window`` is among all."""

    deck: str
    layer: int
    neuron: int
    theta: int
    first_window: int


@dataclass(frozen=True, repr=False)
class RunVerdict(Record):
    """The content of ``verify.json``.

    Attributes:
        agreed: every window equal, no run failed, energies right, simulators in agreement.
        checked: neuron windows compared.
        mismatches: of those.
        failed: a sentence for each run without a verdict.
        samples: how many.
        steps: windows of each.
        scope: all scopes, with commas.
        scopes: each.
        scope_difference: the first window in which two scopes differ, in words.
        network: what was verified.
        generator: version of this package.
        process: name of the process.
        clock_ghz: of the windows.
        energy: see there.
        circuit: see there.
        layers: each.
        accuracy: None without labels.
        from_ledger: decks that an earlier run had judged.
        seed: of the draw of samples.
        rows: rows of the samples in their file; None is all of them in order.
        simulator: the first; where nothing else is said, figures are its own.
        simulators: each.
        agreement: every two of them.
        counter_example: the first disagreement.
        example: whose waveforms are kept.
        wall_s: of all.
        annotation: what a table of extracted values set; absent where there was none.
        rules: "on" where the network was held against the rules of drawing, else "off".
        crosstalk: whether neighbouring synapses are coupled.
        startup: whether decks of the whole network began with start-up windows.
    """

    agreed: bool
    checked: int
    mismatches: int
    failed: tuple[str, ...]
    samples: int
    steps: int
    scope: str
    scopes: tuple[ScopeVerdict, ...]
    scope_difference: str | None
    network: NetworkFacts
    generator: str
    process: str
    clock_ghz: float
    energy: EnergyFigures
    circuit: CircuitFigures
    layers: tuple[LayerFigures, ...]
    accuracy: Accuracy | None
    from_ledger: int
    seed: int
    rows: tuple[int, ...] | None
    simulator: Program
    simulators: tuple[SimulatorVerdict, ...]
    agreement: tuple[Agreement, ...]
    counter_example: CounterExample | None
    example: ShownNeuron | None
    wall_s: float
    annotation: AnnotationFigures | None = field(default=None, metadata={"absent": True})
    rules: str = "off"
    crosstalk: bool = False
    startup: bool = False

    def __repr__(self) -> str:
        word = "AGREED" if self.agreed else "DISAGREED"
        failed = f", {len(self.failed)} failed runs" if self.failed else ""
        return (
            f"<RunVerdict: {word}, {self.checked} neuron windows, {self.mismatches} mismatches"
            f"{failed}, {', '.join(f'{one.name} {one.version}' for one in self.simulators)}>"
        )
