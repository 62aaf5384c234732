"""The characterization of one cell: everything asked for, in one value."""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from verification.characterize.measure.energy import EventEnergy, event_energies, static_power_W
from verification.characterize.measure.machine import MAX_INPUTS, Machine, find_machine
from verification.characterize.measure.margins import Margins, margins
from verification.characterize.measure.neuron import (
    ArrivalWindow,
    Leftover,
    Overdrive,
    arrival_window,
    delay_against_overdrive,
    errors_against_overdrive,
    leftover_flux,
)
from verification.characterize.measure.noise import (
    NoiseResult,
    bias_points,
    errors_against_parameter,
    errors_against_temperature,
)
from verification.characterize.measure.spacing import Spacing, critical_spacings, shortest_period
from verification.characterize.measure.sweep import Axis, Sweep, sweep
from verification.characterize.measure.timing import (
    Arc,
    ThermalArc,
    arcs,
    delay_against_bias,
    delay_against_neighbour,
    delay_against_temperature,
    delays,
    junction_delays,
    voltage_delays,
)
from verification.characterize.measure.yields import Spreads, Yield, monte_carlo
from verification.characterize.subject.bench import NEIGHBOURS, make_bench
from verification.characterize.subject.sizes import Size, sizes
from verification.characterize.subject.stimulus import PS
from verification.characterize.subject.subject import Subject
from verification.characterize.trials.cell import CellUnderTest
from verification.characterize.trials.runner import Runner


@dataclass(frozen=True)
class Options:
    """What to measure beside delays, spacings, energies and the state machine.

    Attributes:
        sweep: axes of one grid. margins: of every parameter.
        monte_carlo: samples, 0 for none. spreads: what scatters. half_width: ends it early.
        temperatures_K: of noise: delays and jitter at each, error rates about the bias margin.
        noise_runs: runs at each point of an error rate.
        load: at the outputs. seed: of all draws. step_s: of the simulation.
    """

    sweep: tuple[Axis, ...] = ()
    margins: bool = False
    monte_carlo: int = 0
    spreads: Spreads = field(default_factory=Spreads)
    half_width: float | None = None
    temperatures_K: tuple[float, ...] = ()
    noise_runs: int = 100
    load: str = "jtl"
    seed: int = 1
    step_s: float = 0.05 * PS
    tolerance: float = 0.005


@dataclass
class Characterization:
    """All that was measured of one cell."""

    cell: str
    title: str
    source: str
    process: str
    simulator: str
    version: str
    load: str
    seed: int
    step_s: float
    junctions: int
    static_W: float
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    sizes: list[Size] = field(default_factory=list)
    arcs: list[Arc] = field(default_factory=list)
    junction_delays: Mapping[tuple[str, str], float] = field(default_factory=dict)
    voltage_delays: Mapping[tuple[str, str], float] = field(default_factory=dict)
    by_bias: Mapping[float, list[Arc]] = field(default_factory=dict)
    by_load: Mapping[str, list[Arc]] = field(default_factory=dict)
    by_source: Mapping[str, list[Arc]] = field(default_factory=dict)
    by_temperature: list[ThermalArc] = field(default_factory=list)
    spacings: list[Spacing] = field(default_factory=list)
    period_s: tuple[float, float] = (0.0, 0.0)
    energies: list[EventEnergy] = field(default_factory=list)
    machine: Machine | None = None
    margins: Margins | None = None
    sweep: Sweep | None = None
    yields: Yield | None = None
    noise: list[NoiseResult] = field(default_factory=list)
    overdrive: list[Overdrive] = field(default_factory=list)
    arrival: list[ArrivalWindow] = field(default_factory=list)
    leftover: list[Leftover] = field(default_factory=list)
    trials: int = 0
    trials_stored: int = 0
    wall_s: float = 0.0
    settings: tuple[tuple[str, float], ...] = ()


def characterize(subject: Subject, runner: Runner, options: Options) -> Characterization:
    """Measure a cell.

    Raises:
        SimulatorError: the simulator is missing or fails, or the nominal cell does not do what its
            stimulus says. ConfigurationError: an unknown parameter or load.
    """
    start = time.perf_counter()
    before = runner.trials_run, runner.trials_stored
    bench = make_bench(subject, load=options.load, step_s=options.step_s)
    cell = CellUnderTest(bench, runner)
    result = Characterization(
        cell=subject.name,
        title=subject.title,
        source=subject.source,
        process=subject.process.name,
        simulator=runner.simulator,
        version=runner.version(),
        load=options.load if subject.outputs else "",
        seed=options.seed,
        step_s=options.step_s,
        junctions=len(bench.junctions),
        static_W=static_power_W(cell),
        inputs=subject.inputs,
        outputs=subject.outputs,
        sizes=sizes(bench),
    )
    result.arcs = arcs(delays(cell, cell.nominal))
    result.junction_delays = junction_delays(cell)
    result.voltage_delays = voltage_delays(cell)
    result.by_bias = delay_against_bias(cell)
    if subject.outputs:
        others = [k for k in NEIGHBOURS if k != options.load]
        result.by_load = delay_against_neighbour(cell, "load", others)
    result.by_source = delay_against_neighbour(cell, "source", NEIGHBOURS[1:])
    result.spacings = critical_spacings(cell)
    result.energies = event_energies(cell)
    if len(subject.inputs) <= MAX_INPUTS and not subject.grouped:
        result.machine = find_machine(cell)
    if subject.grouped:
        result.overdrive = delay_against_overdrive(subject, runner)
        result.arrival = arrival_window(subject, runner)
        result.leftover = leftover_flux(subject, runner)
    else:
        result.period_s = shortest_period(cell)
    if options.margins:
        result.margins = all_margins(cell, options.tolerance)
    if options.sweep:
        result.sweep = sweep(cell, options.sweep, seed=options.seed)
    if options.monte_carlo:
        target = cell.with_capacitors() if options.spreads.needs_capacitors else cell
        result.yields = monte_carlo(
            target,
            options.monte_carlo,
            options.spreads,
            seed=options.seed,
            half_width=options.half_width,
        )
    if options.temperatures_K:
        _measure_noise(cell, result, options)
    result.trials = runner.trials_run - before[0]
    result.trials_stored = runner.trials_stored - before[1]
    result.wall_s = time.perf_counter() - start
    return result


def all_margins(cell: CellUnderTest, tolerance: float) -> Margins:
    """Margins of the global bias, the other globals, every element, and of the capacitance."""
    known = list(cell.parameters.values())
    found = margins(known, cell.passes, tolerance=tolerance)
    split = cell.with_capacitors()
    capacitance = split.parameters["C"]
    extra = margins([capacitance], split.passes, tolerance=tolerance)
    place = sum(m.parameter.shared for m in found.margins)
    merged = (*found.margins[:place], *extra.margins, *found.margins[place:])
    return dataclasses.replace(found, margins=merged, trials=found.trials + extra.trials)


def _measure_noise(cell: CellUnderTest, result: Characterization, options: Options) -> None:
    seed, runs = options.seed, options.noise_runs
    warm = options.temperatures_K
    result.by_temperature = delay_against_temperature(cell, warm, seed=seed)
    if "bias" not in cell.parameters:
        return
    bias = cell.parameters["bias"]
    (margin,) = margins([bias], cell.passes, tolerance=options.tolerance).margins
    points = bias_points(margin.low.last_pass, margin.high.last_pass)
    for kelvin in warm:
        result.noise.append(
            errors_against_parameter(cell, "bias", points, kelvin=kelvin, runs=runs, seed=seed)
        )
    if cell.bench.subject.grouped:
        for kelvin in warm:
            result.noise.append(
                errors_against_overdrive(
                    cell.bench.subject,
                    cell.runner,
                    kelvin=kelvin,
                    runs=max(1, runs // 4),
                    seed=seed,
                )
            )
        return
    curve = result.noise[-len(warm)].curve
    if curve is not None:
        # Half a grey zone inside the edge, so that errors can be counted at most temperatures.
        inside = math.copysign(0.5 * curve.width, 1.0 - curve.centre)
        kelvins = sorted({*warm, *(round(warm[0] * f, 3) for f in TEMPERATURE_FACTORS)})
        result.noise.append(
            errors_against_temperature(
                cell, kelvins, bias=round(curve.centre + inside, 6), runs=runs, seed=seed
            )
        )


TEMPERATURE_FACTORS = (0.5, 0.7, 1.4, 2.0)
"""Temperatures of noise beside those asked for, as factors of the first."""
