"""``summary.json``: results of a characterization, conditions, the definition of every quantity."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from netlist_gen.records import Record
from verification.characterize.files.measurements import DEFINITIONS
from verification.characterize.measure.margins import Margins, Side
from verification.characterize.measure.neuron import ArrivalWindow, Leftover, Overdrive
from verification.characterize.measure.noise import ErrorRate, NoiseResult
from verification.characterize.measure.yields import Yield
from verification.characterize.subject.bench import SOURCE_STAGES
from verification.characterize.subject.sizes import Size
from verification.characterize.subject.stimulus import PS
from verification.verdict.outcome import Program

if TYPE_CHECKING:
    from verification.characterize.run import Characterization


_ABSENT = {"absent": True}
"""Of a field that is left out where it is None."""


@dataclass(frozen=True)
class Conditions(Record):
    """Under which a cell was measured."""

    source: str
    process: str
    simulator: Program
    step_ps: float
    sources: str
    load: str
    seed: int


@dataclass(frozen=True)
class DelayFigures(Record):
    """Delay of an arc, ps: mean, least and most over the steps of the stimulus."""

    input: str
    output: str
    mean: float
    least: float
    most: float


@dataclass(frozen=True)
class SpacingFigures(Record):
    """A critical spacing, ps; ``first_fail`` is None where nothing failed."""

    kind: str
    first: str
    second: str
    criterion: str
    last_pass: float
    first_fail: float | None


@dataclass(frozen=True)
class EnergyOfEvent(Record):
    """Energy of an event after another one, J."""

    event: str
    after: str
    energy: float


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
class MarginFigures(Record):
    """Margins; ``scan`` is lowest and highest factor and step of the search for islands."""

    tolerance: float
    scan: tuple[float, float, float]
    critical: Critical
    parameters: Mapping[str, ParameterMargin]

    @staticmethod
    def of(margins: Margins) -> MarginFigures:
        """Those of a measurement."""
        critical, side = margins.critical
        return MarginFigures(
            margins.tolerance,
            (margins.low, margins.high, margins.step),
            Critical(critical.parameter.name, side, critical.least[0]),
            {
                m.parameter.name: ParameterMargin(m.low, m.high, m.parameter.nominal)
                for m in margins.margins
            },
        )


@dataclass(frozen=True)
class AxisFigures(Record):
    """An axis of a sweep."""

    name: str
    values: tuple[float, ...]


@dataclass(frozen=True, eq=False)
class SweepFigures(Record):
    """A sweep: whether each point passed, with a dimension for each axis."""

    axes: tuple[AxisFigures, ...]
    passed: NDArray[np.bool_]


@dataclass(frozen=True)
class SpreadFigures(Record):
    """What scattered."""

    overall: Mapping[str, float] = field(metadata={"json": "global"})
    local: Mapping[str, float]
    bias: float
    clip_sigma: float
    correlation: Mapping[str, float]


@dataclass(frozen=True)
class YieldFigures(Record):
    """A yield with its 95 % Wilson interval."""

    rate: float | None
    low: float
    high: float
    passed: int
    samples: int
    simulator_failures: int
    seed: int
    stopped_by: str
    reasons: Mapping[str, int]
    spreads: SpreadFigures

    @staticmethod
    def of(y: Yield) -> YieldFigures:
        """Those of a measurement."""
        return YieldFigures(
            rate=None if math.isnan(y.rate) else y.rate,
            low=y.low,
            high=y.high,
            passed=y.passed,
            samples=y.samples,
            simulator_failures=y.failures,
            seed=y.seed,
            stopped_by=y.stopped,
            reasons=dict(y.reasons),
            spreads=SpreadFigures(
                dict(y.spreads.overall),
                dict(y.spreads.local),
                y.spreads.bias,
                y.spreads.clip,
                {f"{a},{b}": r for (a, b), r in y.spreads.correlation.items()},
            ),
        )


@dataclass(frozen=True)
class GreyZoneFigures(Record):
    """Where half of the runs err, and the width from 10 to 90 %."""

    centre: float
    width_10_to_90: float


@dataclass(frozen=True)
class NoiseFigures(Record):
    """Error rates along an axis."""

    axis: str
    bias: float
    seed: int
    grey_zone: GreyZoneFigures | None
    rates: tuple[ErrorRate, ...]

    @staticmethod
    def of(noise: NoiseResult) -> NoiseFigures:
        """Those of a measurement."""
        curve = noise.curve
        zone = GreyZoneFigures(curve.centre, curve.width) if curve else None
        return NoiseFigures(noise.axis, noise.bias, noise.seed, zone, noise.rates)


@dataclass(frozen=True)
class NeuronFigures(Record):
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
    delays_ps: tuple[DelayFigures, ...]
    spacings_ps: tuple[SpacingFigures, ...]
    period_ps: float | None
    energies_J: tuple[EnergyOfEvent, ...]
    trials: int
    trials_from_ledger: int
    wall_s: float
    definitions: Mapping[str, str]
    states: int | None = field(default=None, metadata=_ABSENT)
    margins: MarginFigures | None = field(default=None, metadata=_ABSENT)
    sweep: SweepFigures | None = field(default=None, metadata=_ABSENT)
    yields: YieldFigures | None = field(default=None, metadata={"json": "yield", "absent": True})
    noise: tuple[NoiseFigures, ...] | None = field(default=None, metadata=_ABSENT)
    neuron: NeuronFigures | None = field(default=None, metadata=_ABSENT)


def summary(result: Characterization) -> Summary:
    """The summary of a characterization."""
    neuron = None
    if result.overdrive:
        neuron = NeuronFigures(
            tuple(result.overdrive), tuple(result.arrival), tuple(result.leftover)
        )
    sweep = None
    if result.sweep:
        axes = tuple(AxisFigures(a.name, tuple(a.values)) for a in result.sweep.axes)
        sweep = SweepFigures(axes, result.sweep.passed())
    return Summary(
        cell=result.cell,
        title=result.title,
        conditions=Conditions(
            source=result.source,
            process=result.process,
            simulator=Program(result.simulator, result.version),
            step_ps=result.step_s / PS,
            sources=f"{SOURCE_STAGES} JTL stages at each input",
            load=result.load and f"{result.load}, then a JTL ended by a resistor",
            seed=result.seed,
        ),
        junctions=result.junctions,
        static_power_W=result.static_W,
        sizes=tuple(result.sizes),
        delays_ps=tuple(
            DelayFigures(a.input, a.output, a.mean_s / PS, a.least_s / PS, a.most_s / PS)
            for a in result.arcs
        ),
        spacings_ps=tuple(
            SpacingFigures(
                s.kind,
                s.first_text,
                s.second_text,
                s.criterion,
                s.last_pass_s / PS,
                None if s.first_fail_s is None else s.first_fail_s / PS,
            )
            for s in result.spacings
        ),
        period_ps=result.period_s[0] / PS or None,
        energies_J=tuple(EnergyOfEvent(e.event, e.before, e.energy_J) for e in result.energies),
        trials=result.trials,
        trials_from_ledger=result.trials_stored,
        wall_s=result.wall_s,
        definitions=DEFINITIONS,
        states=len(result.machine.states) if result.machine else None,
        margins=MarginFigures.of(result.margins) if result.margins else None,
        sweep=sweep,
        yields=YieldFigures.of(result.yields) if result.yields else None,
        noise=tuple(NoiseFigures.of(n) for n in result.noise) or None,
        neuron=neuron,
    )
