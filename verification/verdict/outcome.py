"""What a verification says: the values that ``verify.json`` holds."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from netlist_gen.circuit.probe import STEP_PS
from netlist_gen.deck.annotation import AnnotationFigures
from netlist_gen.deck.plan import Stands
from netlist_gen.records import Record
from verification.certificate.coverage import Coverage
from verification.certificate.statement import Certificate, Mutation
from verification.verdict.altered import AlteredDeck
from verification.verdict.class_lines import LineVerdict
from verification.verdict.figures import (
    Accuracy,
    CircuitFigures,
    EnergyFigures,
    LayerFigures,
    TimingFigures,
)
from verification.verdict.neuron import Disagreement, NeuronVerdict
from verification.verdict.origin import Origin
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
        stands: which windows its windows stand for; None is each for itself.
        buses_J: that the buses of a bias network gave, shape (parts,); empty without one.
        bus_reference_J: expected of them, likewise.
        bus_lead: how many of these parts, the first ones, ERSFQ buses need to settle.
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
    stands: Stands | None = field(default=None, metadata={"json": None})
    buses_J: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    bus_reference_J: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    bus_lead: int = 0

    @property
    def failed(self) -> bool:
        """Whether there is no verdict."""
        return not self.neurons

    @property
    def settled_J(self) -> tuple[float, float]:
        """What the buses gave and were expected to give, once they had settled."""
        if self.bus_lead:
            settled = slice(self.bus_lead, None)
            return float(self.buses_J[settled].sum()), float(self.bus_reference_J[settled].sum())
        return self.all_of(self.buses_J), self.all_of(self.bus_reference_J)

    @property
    def charging_J(self) -> float:
        """What the buses gave beyond what was expected before they had settled."""
        lead = slice(0, self.bus_lead)
        return float(self.buses_J[lead].sum() - self.bus_reference_J[lead].sum())

    def all_of(self, each: NDArray[np.float64]) -> float:
        """The sum of what each part cost over all windows that the parts stand for."""
        if self.stands is None or not each.size:
            return float(each.sum())
        return float((each * self.stands.times).sum())

    @property
    def energy_J(self) -> float:
        """Energy measured over all windows; 0 for a run that failed."""
        return self.all_of(self.energies_J)

    @property
    def expected_J(self) -> float:
        """Energy expected over the same windows."""
        return self.all_of(self.reference_J)

    def wrong_of(self, verdict: NeuronVerdict) -> int:
        """Windows of one of its neurons that disagree; one that only leads in counts once."""
        if self.stands is None:
            return verdict.mismatches
        return int(np.maximum(self.stands.times, 1)[verdict.wrong].sum())

    def checked_of(self, verdict: NeuronVerdict) -> int:
        """Windows of one of its neurons that were compared, each as often as it occurs."""
        return verdict.windows if self.stands is None else int(self.stands.times.sum())

    @property
    def mismatches(self) -> int:
        """Neuron windows that disagree."""
        return sum(self.wrong_of(v) for v in self.neurons)

    @property
    def checked(self) -> int:
        """Neuron windows compared."""
        return sum(self.checked_of(v) for v in self.neurons)

    @property
    def simulated(self) -> int:
        """Neuron windows simulated: each of the deck once."""
        return sum(v.windows for v in self.neurons)

    def window(self, own: int) -> int:
        """The number among all of one of its windows."""
        if self.stands is None:
            return self.first - self.startup + own
        return int(self.stands.shown[own])

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
    """What was verified; ``sha256`` is the network's own digest, whatever the format."""

    source: str
    inputs: int
    neurons: int
    synapses: int
    classes: int
    population: int
    sha256: str | None = None


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
        simulated: neuron windows simulated, some for several that were compared.
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
    simulated: int = 0


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
    """The neuron whose waveforms are kept; ``first_window`` is among all, ``waves`` the files."""

    deck: str
    layer: int
    neuron: int
    theta: int
    first_window: int
    waves: tuple[str, ...] = ()


def step_in_words(place: int, steps: int, *, clearing: bool) -> str:
    """A window by its place in its sample, e.g. ``, step 2``; "" where a sample has one.

    Args:
        place: from 0 on.
        steps: windows of a sample.
        clearing: whether the first is a clearing window.
    """
    if steps == 1:
        return ""
    if clearing and place == 0:
        return ", clearing window"
    return f", step {place - clearing}"


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
        clearing: whether membranes last and each sample begins with a clearing window.
        time_step_ps: of the decks.
        coverage: what the windows met, in each scope.
        certificate: what the run proves, where windows were made for that; else absent.
        mutation: how many faults the windows find, where that was asked; else absent.
        altered: decks that were judged and are not those that ``generate`` wrote.
        origin: when, where and by what it was made.
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
    clearing: bool = False
    time_step_ps: float = STEP_PS
    coverage: tuple[Coverage, ...] = ()
    certificate: Certificate | None = field(default=None, metadata={"absent": True})
    mutation: Mutation | None = field(default=None, metadata={"absent": True})
    altered: tuple[AlteredDeck, ...] = ()
    origin: Origin | None = None

    def step(self, window: int) -> str:
        """Which of its sample's windows it is, as ``step_in_words``."""
        return step_in_words(window % self.steps, self.steps, clearing=self.clearing)

    def __repr__(self) -> str:
        word = "AGREED" if self.agreed else "DISAGREED"
        failed = f", {len(self.failed)} failed runs" if self.failed else ""
        return (
            f"<RunVerdict: {word}, {self.checked} neuron windows, {self.mismatches} mismatches"
            f"{failed}, {', '.join(f'{one.name} {one.version}' for one in self.simulators)}>"
        )
