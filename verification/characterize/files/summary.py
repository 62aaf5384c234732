"""All that was measured of a cell, and ``summary.json``: results, conditions, definitions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from netlist_gen.deck.annotation import AnnotationFigures
from netlist_gen.notebook import html_table
from netlist_gen.records import Record
from verification.characterize.measure.energy import StepEnergy
from verification.characterize.measure.machine import Machine
from verification.characterize.measure.margins import Margins, Side
from verification.characterize.measure.neuron import ArrivalWindow, Leftover, Overdrive
from verification.characterize.measure.noise import NoiseResult
from verification.characterize.measure.spacing import Period, Spacing
from verification.characterize.measure.sweep import Axis, Sweep
from verification.characterize.measure.timing import Arc, Arcs, Pair, ThermalArc
from verification.characterize.measure.yields import Yield
from verification.characterize.optimize.result import Optimized
from verification.characterize.subject.bench import SOURCE_STAGES, STEP_S
from verification.characterize.subject.element_table import ElementRow
from verification.characterize.subject.model import Subject
from verification.characterize.subject.sizes import Size
from verification.characterize.subject.stimulus import PS
from verification.verdict.outcome import Program
from verification.waves.waveforms import Waveforms

DEFINITIONS = {
    "delay": "arrival at the output port less arrival at the input port; arrival: the node's "
    "phase crosses rest + pi, i.e. the integral of its voltage crosses Phi0/2; mean, least and "
    "most over the steps of the stimulus",
    "delay_junctions": "phase crossing of the first junction of the load less that of the last "
    "junction of the source",
    "delay_voltage": "the same from printed voltages: integral from rest crossing Phi0/2, valid "
    "from 0.9 Phi0",
    "delay_state": "delay of one input in one state of the cell (fluxons in its loops)",
    "jitter": "standard deviation of the delay over runs with thermal noise",
    "setup": "least spacing of data before clock, arrivals at the ports",
    "hold": "least spacing of data after clock, arrivals at the ports (negative: before it)",
    "recovery": "least spacing of two pulses at one input, arrivals at the port",
    "separation": "least spacing of pulses at two inputs, arrivals at the ports",
    "period": "least mean spacing of the stimulus's steps, all moved in proportion, repeated to "
    "12 steps where the stimulus can follow itself; a bound where nothing fails (no first_fail)",
    "energy": "work of the cell's bias sources that the event adds; static power not included",
    "energy_source": "the same, of one bias source",
    "static_power": "bias and control currents of the cell times the supply voltage",
    "margin": "factor of nominal at which the cell last passes, going outwards from 1; low and "
    "high: last pass and first fail; the pass: counts of every target in every window, forward "
    "pulses only, no flux left behind",
    "island": "passing grid points beyond the first failure: low and high are their ends",
    "yield": "share of passing samples with the 95 % Wilson interval; simulator failures apart",
    "error_rate": "runs of the stimulus that err over all runs (against n - theta: windows over "
    "windows), with the 95 % Wilson interval; log10 of the rate from the Gaussian grey zone where "
    "marked extrapolated",
    "overdrive_delay": "delay from the clock to q of a neuron at n - theta",
    "arrival_earliest": "how long before the decision clock data may come",
    "arrival_latest": "how long before the decision clock the last data must come",
    "leftover": "fluxons in the storage loops at the end of a window below threshold",
    "optimized": "what the cell was made from by --optimize: figures before and after, factors of "
    "all elements that changed or could, history of the searches (merit: the least margin; of a "
    "yield the share of drawn samples that pass, less what the others lack; of a delay its "
    "negative in ps, less 1000 ps for each unit of margin that is lacking)",
}


@dataclass(frozen=True, kw_only=True, repr=False)
class Characterization:
    """All that was measured of one cell; what was not asked for is None or empty.

    Attributes:
        source: the file or rule that the cell comes from.
        load: cell at the outputs; "" where there are none.
        driver: cell before the inputs.
        crosstalk: whether neighbouring synapses of a neuron are coupled.
        arcs: nominal delays; those by bias, load, source and temperature likewise.
        period: the shortest; None where it was not measured.
        trials_stored: results that the ledger had.
        notes: sentences that a user should read.
        annotation: what a table of extracted values set, or None.
        elements: of the cell, with nodes and values; none of a cell of too many.
        no_machine: why there is no state machine, and so no Verilog, SDF and DOT; "" where there
            is one.
        waves: the stimulus on the nominal cell, for eyes.
        optimized: how an optimizer found the cell, or None.
        subject: the cell that it found, or None.
    """

    cell: str
    title: str
    source: str
    process: str
    simulator: str
    version: str
    load: str
    seed: int
    crosstalk: bool
    junctions: int
    static_W: float
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    sizes: tuple[Size, ...]
    arcs: Arcs
    junction_delays: Mapping[Pair, float]
    voltage_delays: Mapping[Pair, float]
    by_bias: Mapping[float, Arcs]
    by_load: Mapping[str, Arcs]
    by_source: Mapping[str, Arcs]
    by_temperature: tuple[ThermalArc, ...]
    spacings: tuple[Spacing, ...]
    period: Period | None
    energies: tuple[StepEnergy, ...]
    machine: Machine | None
    margins: Margins | None
    sweep: Sweep | None
    yields: Yield | None
    noise: tuple[NoiseResult, ...]
    overdrive: tuple[Overdrive, ...]
    arrival: tuple[ArrivalWindow, ...]
    leftover: tuple[Leftover, ...]
    elements: tuple[ElementRow, ...] = ()
    no_machine: str = ""
    waves: Waveforms | None = None
    trials: int = 0
    trials_stored: int = 0
    wall_s: float = 0.0
    files: tuple[Path, ...] = ()
    notes: tuple[str, ...] = ()
    annotation: AnnotationFigures | None = None
    optimized: Optimized | None = None
    subject: Subject | None = None
    driver: str = "jtl"

    def __repr__(self) -> str:
        delays = "".join(f", {a.input} to {a.output} {a.mean_s / PS:.3f} ps" for a in self.arcs)
        junctions = "1 junction" if self.junctions == 1 else f"{self.junctions} junctions"
        by = f"{self.simulator} {self.version}"
        return f"<Characterization: {self.cell}, {junctions}{delays}, {by}>"

    def _repr_html_(self) -> str:
        header = ("from", "to", "mean, ps", "least, ps", "most, ps")
        rows = (
            (a.input, a.output, *(f"{x / PS:.3f}" for x in (a.mean_s, a.least_s, a.most_s)))
            for a in self.arcs
        )
        return html_table(repr(self)[1:-1], header, rows)


_ABSENT = {"absent": True}
"""Of a field that is left out where it is None."""


@dataclass(frozen=True)
class Conditions(Record):
    """Under which a cell was measured."""

    source: str
    process: str
    simulator: Program
    step_s: float = field(metadata={"json": "step_ps", "unit": PS})
    sources: str
    load: str
    seed: int
    crosstalk: bool = False


@dataclass(frozen=True)
class Critical(Record):
    """The parameter of least margin, on which side, and that margin."""

    parameter: str
    side: str
    margin: float


@dataclass(frozen=True)
class ParameterMargin(Record):
    """Both sides of a parameter's margin, and its nominal value."""

    low: Side
    high: Side
    nominal: float


@dataclass(frozen=True)
class MarginsByName(Record):
    """Margins; ``scan`` is lowest and highest factor and step of the search for islands."""

    tolerance: float
    scan: tuple[float, float, float]
    critical: Critical
    parameters: Mapping[str, ParameterMargin]

    @staticmethod
    def of(margins: Margins) -> MarginsByName:
        """Those of a measurement."""
        critical, side = margins.critical
        return MarginsByName(
            margins.tolerance,
            (margins.low, margins.high, margins.step),
            Critical(critical.parameter.name, side, critical.least[0]),
            {
                m.parameter.name: ParameterMargin(m.low, m.high, m.parameter.nominal)
                for m in margins.margins
            },
        )


@dataclass(frozen=True, eq=False)
class SweepGrid(Record):
    """A sweep: whether each point passed, with a dimension for each axis."""

    axes: tuple[Axis, ...]
    passed: NDArray[np.bool_]


@dataclass(frozen=True)
class NeuronMeasured(Record):
    """What is measured of neurons alone."""

    overdrive: tuple[Overdrive, ...]
    arrival_window: tuple[ArrivalWindow, ...]
    leftover: tuple[Leftover, ...]


@dataclass(frozen=True)
class Summary(Record):
    """The content of ``summary.json``; what was not measured is not there."""

    cell: str
    title: str
    conditions: Conditions
    junctions: int
    static_power_W: float
    sizes: tuple[Size, ...]
    delays: tuple[Arc, ...] = field(metadata={"json": "delays_ps"})
    spacings: tuple[Spacing, ...] = field(metadata={"json": "spacings_ps"})
    period: Period | None = field(metadata={"json": "period_ps"})
    energies: tuple[StepEnergy, ...] = field(metadata={"json": "energies_J"})
    trials: int
    trials_from_ledger: int
    wall_s: float
    definitions: Mapping[str, str]
    states: int | None = field(metadata=_ABSENT)
    margins: MarginsByName | None = field(metadata=_ABSENT)
    sweep: SweepGrid | None = field(metadata=_ABSENT)
    yields: Yield | None = field(metadata={"json": "yield", "absent": True})
    noise: tuple[NoiseResult, ...] | None = field(metadata=_ABSENT)
    neuron: NeuronMeasured | None = field(metadata=_ABSENT)
    annotation: AnnotationFigures | None = field(metadata=_ABSENT)
    optimized: Optimized | None = field(metadata=_ABSENT)


def summary(result: Characterization) -> Summary:
    """The summary of a characterization."""
    neuron = NeuronMeasured(result.overdrive, result.arrival, result.leftover)
    return Summary(
        cell=result.cell,
        title=result.title,
        conditions=Conditions(
            source=result.source,
            process=result.process,
            simulator=Program(result.simulator, result.version),
            step_s=STEP_S,
            sources=f"{SOURCE_STAGES} JTL stages at each input"
            if result.driver == "jtl"
            else f"a JTL stage, then {result.driver}, at each input",
            load=result.load and f"{result.load}, then a JTL ended by a resistor",
            seed=result.seed,
            crosstalk=result.crosstalk,
        ),
        junctions=result.junctions,
        static_power_W=result.static_W,
        sizes=result.sizes,
        delays=result.arcs,
        spacings=result.spacings,
        period=result.period,
        energies=result.energies,
        trials=result.trials,
        trials_from_ledger=result.trials_stored,
        wall_s=result.wall_s,
        definitions=DEFINITIONS,
        states=len(result.machine.states) if result.machine else None,
        margins=MarginsByName.of(result.margins) if result.margins else None,
        sweep=SweepGrid(result.sweep.axes, result.sweep.passed()) if result.sweep else None,
        yields=result.yields,
        noise=result.noise or None,
        neuron=neuron if result.overdrive else None,
        annotation=result.annotation,
        optimized=result.optimized,
    )
