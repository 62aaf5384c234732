"""The characterization of cells: everything asked for, measured, written, in one value each."""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from netlist_gen.deck.annotation import AnnotationFigures, check_annotations
from netlist_gen.errors import ConfigurationError
from netlist_gen.library.options import annotations_of
from netlist_gen.library.splitters import neighbours
from netlist_gen.parallel import Progress, usable_cores
from verification.campaign.cluster import cluster
from verification.campaign.ledger import Ledger
from verification.characterize.files.results import write_results
from verification.characterize.files.summary import Characterization, summary
from verification.characterize.measure.energy import static_power_W, step_energies
from verification.characterize.measure.machine import find_machine, why_no_machine
from verification.characterize.measure.margins import Margins, margins
from verification.characterize.measure.neuron import (
    arrival_window,
    delay_against_overdrive,
    errors_against_overdrive,
    leftover_flux,
)
from verification.characterize.measure.noise import (
    NoiseResult,
    bias_points,
    errors_against_bias,
    errors_against_temperature,
)
from verification.characterize.measure.spacing import critical_spacings, shortest_period
from verification.characterize.measure.sweep import delay_against_bias, sweep
from verification.characterize.measure.timing import (
    arcs,
    delay_against_neighbour,
    delay_against_temperature,
    delays,
    junction_delays,
    voltage_delays,
)
from verification.characterize.measure.waves import stimulus_waves
from verification.characterize.measure.yields import monte_carlo
from verification.characterize.optimize.run import optimize
from verification.characterize.options import CharacterizeOptions
from verification.characterize.subject.bench import make_bench
from verification.characterize.subject.element_table import element_table
from verification.characterize.subject.model import Subject
from verification.characterize.subject.sizes import sizes
from verification.characterize.subject.subject import has_neighbours, load_subject
from verification.characterize.trials.cell import CellUnderTest
from verification.characterize.trials.runner import Runner
from verification.report.cell_page import write_index
from verification.simulators.registry import chosen_simulators

TEMPERATURE_FACTORS = (0.5, 0.7, 1.4, 2.0)
"""Temperatures of noise beside those asked for, as factors of the first."""


def characterize(
    subject: Subject, runner: Runner, options: CharacterizeOptions
) -> Characterization:
    """Measure a cell.

    Raises:
        SimulatorError: the simulator is missing or fails, or the nominal cell does not do what its
            stimulus says.
        ConfigurationError: an unknown parameter or load.
    """
    start, run, stored = time.perf_counter(), runner.trials_run, runner.trials_stored
    cell = CellUnderTest(make_bench(subject, load=options.load, driver=options.driver), runner)
    neuron = subject.grouped
    bench = cell.bench
    loads, drivers = neighbours(subject.name, subject.library.process.splitters)
    loads = tuple(kind for kind in loads if kind != bench.load) if subject.outputs else ()
    drivers = tuple(kind for kind in drivers if kind != bench.source)
    warm, seed = options.temperatures, options.seed
    result = Characterization(
        cell=subject.name,
        title=subject.title,
        source=subject.source,
        process=subject.process.name,
        simulator=runner.simulator,
        version=runner.version(),
        load=bench.load if subject.outputs else "",
        driver=bench.source,
        seed=seed,
        junctions=len(cell.bench.junctions),
        static_W=static_power_W(cell),
        inputs=subject.inputs,
        outputs=subject.outputs,
        sizes=sizes(cell.bench),
        crosstalk=subject.library.crosstalk is not None and neuron,
        arcs=arcs(delays(cell, cell.nominal)),
        junction_delays=junction_delays(cell),
        voltage_delays=voltage_delays(cell),
        by_bias=delay_against_bias(cell),
        by_load=delay_against_neighbour(cell, "load", loads),
        by_source=delay_against_neighbour(cell, "source", drivers),
        spacings=critical_spacings(cell),
        energies=step_energies(cell),
        machine=find_machine(cell),
        no_machine=why_no_machine(cell),
        elements=element_table(cell.bench),
        waves=stimulus_waves(cell),
        overdrive=delay_against_overdrive(cell) if neuron else (),
        arrival=arrival_window(cell) if neuron else (),
        leftover=leftover_flux(cell) if neuron else (),
        period=None if neuron else shortest_period(cell),
        margins=_margins(cell, options.tolerance) if options.margins else None,
        sweep=sweep(cell, options.axes(), seed=seed) if options.sweeps else None,
        yields=monte_carlo(
            cell, options.monte_carlo, options.spread(), seed=seed, half_width=options.half_width
        )
        if options.monte_carlo
        else None,
        by_temperature=delay_against_temperature(cell, warm, seed=seed),
        noise=_noise(cell, options) if warm and "bias" in cell.parameters else (),
    )
    notes: tuple[str, ...] = ()
    if result.margins and "C" not in [m.parameter.name for m in result.margins.margins]:
        notes = (
            f"{subject.name}: the margin of C is not there: with its junctions' capacitances in "
            "capacitors beside them the cell fails",
        )
    return dataclasses.replace(
        result,
        trials=runner.trials_run - run,
        trials_stored=runner.trials_stored - stored,
        wall_s=time.perf_counter() - start,
        notes=notes,
    )


def _margins(cell: CellUnderTest, tolerance: float) -> Margins:
    """Margins of the global bias, the other globals, every element, and of the capacitance.

    That of the capacitance is left out where the cell does not work with it apart, as one may that
    has two states to start in (a loop with a pi junction).
    """
    found = margins([*cell.parameters.values()], cell.passes, tolerance=tolerance)
    split = cell.with_capacitors()
    if split.fault_as_designed():
        return found
    extra = margins([split.parameter("C")], split.passes, tolerance=tolerance)
    place = sum(m.parameter.shared for m in found.margins)
    merged = (*found.margins[:place], *extra.margins, *found.margins[place:])
    return dataclasses.replace(found, margins=merged)


def _noise(cell: CellUnderTest, options: CharacterizeOptions) -> tuple[NoiseResult, ...]:
    """Error rates about the edge of the bias margin; of a neuron also against the overdrive."""
    seed, runs, warm = options.seed, options.noise_runs, options.temperatures
    bias = cell.parameter("bias")
    (margin,) = margins([bias], cell.passes, tolerance=options.tolerance).margins
    points = bias_points(margin.low.last_pass, margin.high.last_pass)
    found = [errors_against_bias(cell, points, kelvin=k, runs=runs, seed=seed) for k in warm]
    if cell.subject.grouped:
        fewer = max(1, runs // 4)
        found += [errors_against_overdrive(cell, kelvin=k, runs=fewer, seed=seed) for k in warm]
        return tuple(found)
    curve = found[0].curve
    if curve is not None:
        # Half a grey zone inside the edge, so that errors can be counted at most temperatures.
        inside = math.copysign(0.5 * curve.width, 1.0 - curve.centre)
        kelvins = sorted({*warm, *(round(warm[0] * f, 3) for f in TEMPERATURE_FACTORS)})
        centre = round(curve.centre + inside, 6)
        found.append(errors_against_temperature(cell, kelvins, bias=centre, runs=runs, seed=seed))
    return tuple(found)


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
    runner = Runner(
        simulator.name,
        options.jobs or usable_cores(),
        ledger=ledger,
        timeout_s=options.timeout,
        progress=progress,
    )
    try:
        with cluster(options.scheduler) as found:
            if found:
                runner.executor, runner.workers = found.executor, found.count
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
    _require_allowed(names, options)
    with runner_for(options, out, progress) as runner:
        summaries = []
        process = options.loaded_process()
        for name in names:
            loaded = load_subject(name, process, crosstalk=options.crosstalk)
            subject, figures = _annotated(loaded, options)
            if options.optimize:
                result = _optimized(subject, runner, options)
            else:
                result = characterize(subject, runner, options)
            result = dataclasses.replace(result, annotation=figures)
            note = runner.ledger.sentence() if runner.ledger else ""
            notes = (*result.notes, *((note,) if note else ()))
            result = dataclasses.replace(result, notes=notes)
            if out is not None:
                place = out / result.cell if len(names) > 1 else out
                result = dataclasses.replace(
                    result, files=write_results(result, place, options.waves)
                )
                summaries.append(summary(result))
            yield result
    if out is not None and len(names) > 1:
        write_index(summaries, out)


def _optimized(subject: Subject, runner: Runner, options: CharacterizeOptions) -> Characterization:
    """The cell that an optimizer makes of a subject, measured with its margins."""
    begin, run, stored = time.perf_counter(), runner.trials_run, runner.trials_stored
    cell = CellUnderTest(make_bench(subject, load=options.load, driver=options.driver), runner)
    best, found = optimize(cell, options)
    result = characterize(best, runner, dataclasses.replace(options, margins=True))
    return dataclasses.replace(
        result,
        optimized=found,
        subject=best,
        trials=runner.trials_run - run,
        trials_stored=runner.trials_stored - stored,
        wall_s=time.perf_counter() - begin,
    )


def _require_allowed(names: Sequence[str], options: CharacterizeOptions) -> None:
    """Refuse what is of one cell where there are several, and crosstalk where none is a neuron."""
    if options.optimize and len(names) > 1:
        raise ConfigurationError(
            f"--optimize is of one cell, and there are {len(names)} cells; name one"
        )
    if options.annotate is not None and len(names) > 1:
        raise ConfigurationError(
            f"--annotate is of one cell's bench, and there are {len(names)} cells; name one"
        )
    if options.crosstalk and not any(map(has_neighbours, names)):
        raise ConfigurationError(
            "--crosstalk is for neurons (neuron16), whose synapses have neighbours; "
            f"{', '.join(names)} has none"
        )


def _annotated(
    subject: Subject, options: CharacterizeOptions
) -> tuple[Subject, AnnotationFigures | None]:
    """The subject with the table that the options name, and what that sets on its bench.

    Benches with other neighbours may lack an element of a neighbour: there its line does nothing.
    """
    annotations = annotations_of(options.annotate, subject.process)
    if annotations is None:
        return subject, None
    bench = make_bench(subject, load=options.load, driver=options.driver)
    where = f"the bench of {subject.name}"
    figures = check_annotations(annotations, {subject.name: [bench.circuit]}, where)
    return dataclasses.replace(subject, annotations=annotations), figures


def characterize_cell(
    name: str, options: CharacterizeOptions, out: Path | None = None
) -> Characterization:
    """Measure one cell. Raises as ``characterize_cells``."""
    (result,) = characterize_cells([name], options, out)
    return result
