"""The characterization of one cell: everything asked for, in one value."""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from netlist_gen.errors import ConfigurationError
from netlist_gen.parallel import Progress, usable_cores
from verification.campaign.cluster import cluster
from verification.campaign.ledger import Ledger
from verification.characterize.files.results import write_results
from verification.characterize.files.summary import summary
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
from verification.characterize.measure.sweep import Sweep, sweep
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
from verification.characterize.measure.yields import Yield, monte_carlo
from verification.characterize.options import CharacterizeOptions
from verification.characterize.subject.bench import NEIGHBOURS, make_bench
from verification.characterize.subject.sizes import Size, sizes
from verification.characterize.subject.stimulus import PS
from verification.characterize.subject.subject import Subject, load_subject
from verification.characterize.trials.cell import CellUnderTest
from verification.characterize.trials.runner import Runner
from verification.report.cell_page import write_index
from verification.simulators.registry import chosen_simulators


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
    files: tuple[Path, ...] = ()


def characterize(
    subject: Subject, runner: Runner, options: CharacterizeOptions
) -> Characterization:
    """Measure a cell.

    Raises:
        SimulatorError: the simulator is missing or fails, or the nominal cell does not do what its
            stimulus says. ConfigurationError: an unknown parameter or load.
    """
    start = time.perf_counter()
    before = runner.trials_run, runner.trials_stored
    step_s = options.step_ps * PS
    bench = make_bench(subject, load=options.load, step_s=step_s)
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
        step_s=step_s,
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
    if options.sweeps:
        result.sweep = sweep(cell, options.axes(), seed=options.seed)
    if options.monte_carlo:
        spreads = options.spread()
        target = cell.with_capacitors() if spreads.needs_capacitors else cell
        result.yields = monte_carlo(
            target,
            options.monte_carlo,
            spreads,
            seed=options.seed,
            half_width=options.half_width,
        )
    if options.temperatures:
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


def _measure_noise(
    cell: CellUnderTest, result: Characterization, options: CharacterizeOptions
) -> None:
    seed, runs = options.seed, options.noise_runs
    warm = options.temperatures
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


@contextmanager
def runner_for(
    options: CharacterizeOptions, out: Path | None = None, progress: Progress | None = None
) -> Iterator[Runner]:
    """A runner on the simulator that the options name, with its ledger in ``out``.

    Raises:
        SimulatorError: the simulator is not there.
        ConfigurationError: the directory can't be made, or no scheduler answers.
    """
    (simulator,) = chosen_simulators(options.simulator)
    ledger = None
    if out is not None:
        try:
            out.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigurationError(f"{out} can't be made ({error.strerror})") from error
        if not options.resume:
            for path in out.glob("ledger.sqlite*"):
                path.unlink()
        ledger = Ledger(out / "ledger.sqlite")
    workers = options.jobs or usable_cores()
    runner = Runner(simulator.name, workers, ledger=ledger, timeout_s=options.timeout)
    done = 0

    def count(trials: int) -> None:
        nonlocal done
        done += trials
        if progress:
            progress("simulations", done, done)

    runner.tick = count
    try:
        with cluster(options.scheduler) as found:
            runner.executor = found.executor if found else None
            yield runner
    finally:
        runner.close()
        if ledger is not None:
            ledger.close()


def characterize_cells(
    names: Sequence[str],
    options: CharacterizeOptions,
    out: Path | None = None,
    progress: Progress | None = None,
) -> Iterator[Characterization]:
    """Measure cells one after the other; their files go to ``out``, of several each to a folder.

    Raises:
        NetlistGenError: wrong input, or a simulator that is missing or fails.
    """
    options.axes(), options.spread()  # refused before anything runs
    with runner_for(options, out, progress) as runner:
        summaries = []
        for name in names:
            subject = load_subject(name, options.process)
            result = characterize(subject, runner, options)
            if out is not None:
                place = out / subject.name if len(names) > 1 else out
                result.files = tuple(write_results(result, place))
                summaries.append(summary(result))
            yield result
    if out is not None and len(names) > 1:
        write_index(summaries, out)


def characterize_cell(
    name: str, options: CharacterizeOptions, out: Path | None = None
) -> Characterization:
    """Measure one cell. Raises as ``characterize_cells``."""
    (result,) = characterize_cells([name], options, out)
    return result
