"""``netlist-gen characterize``: what a designer wants to know of a cell or neuron."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from netlist_gen.commands.common import default_jobs, process_option, progress_bars
from netlist_gen.errors import ConfigurationError, SimulatorError

if TYPE_CHECKING:
    from verification.characterize.measure.margins import Margins
    from verification.characterize.measure.yields import Spreads
    from verification.characterize.run import Characterization, Options
    from verification.characterize.trials.runner import Runner

BAR = 30
"""Half width of the terminal's margin bars, characters."""


@click.command(context_settings={"show_default": True})
@click.argument("cell", required=False)
@click.option("-o", "--output", "out", type=click.Path(path_type=Path), help="Directory.")
@click.option("--all", "every", is_flag=True, help="Every library cell, and neurons 2, 4, 8, 16.")
@click.option(
    "--sweep",
    "sweeps",
    multiple=True,
    metavar="NAME=LO:HI:N",
    help="An axis: a parameter's factor, period (factor) or temperature (K). Two make a shmoo.",
)
@click.option("--margins", is_flag=True, help="Global bias, then every parameter alone.")
@click.option("--tolerance", type=float, default=0.005, help="Of each margin, as a factor.")
@click.option("--monte-carlo", type=click.IntRange(min=1), help="Yield over so many samples.")
@click.option(
    "--spread",
    "spreads",
    multiple=True,
    metavar="KIND=GLOBAL[:LOCAL]",
    help="One sigma of Ic, L, R, C or bias, e.g. L=0.05:0.02 [default: 0.05:0.02 of Ic, L, R].",
)
@click.option(
    "--correlation",
    "correlations",
    multiple=True,
    metavar="KIND,KIND=RHO",
    help="Correlation of two kinds' draws, e.g. Ic,C=0.8.",
)
@click.option("--half-width", type=float, help="End when the yield's interval is so narrow.")
@click.option(
    "--temperature",
    "temperatures",
    type=float,
    multiple=True,
    metavar="K",
    help="Thermal noise: delay, jitter and error rates at this temperature.",
)
@click.option("--noise-runs", type=click.IntRange(min=1), default=100, help="Runs at each point.")
@click.option("--load", default="jtl", help="Cell at each output: jtl, splitter or merger.")
@click.option("--simulator", default="embedded", help="embedded, josim, wrspice, ngspice or auto.")
@click.option("--seed", type=click.IntRange(min=0), default=1, help="Of all draws.")
@click.option("--jobs", type=click.IntRange(min=1), help="Simulations at a time [default: cores].")
@click.option("--timeout", type=float, default=120.0, help="Seconds one simulation may take.")
@click.option("--scheduler", metavar="ADDRESS", help="Dask scheduler that runs the simulations.")
@click.option("--resume", is_flag=True, help="Go on with what a broken run left in the directory.")
@click.option("--tables", is_flag=True, help="Write the library's table (or to -o, if given).")
@click.option(
    "--check",
    is_flag=True,
    help="Are the library's tables up to date? With --tables: measure again.",
)
@click.option(
    "--design",
    is_flag=True,
    help="Measure the flux that neurons are designed by, against the library's; with --tables: "
    "write it.",
)
@process_option
def characterize(cell: str | None, out: Path | None, **options: Any) -> None:
    """Characterize CELL: a library cell, neuron16 (any fan-in), or a TOML file of your own cell.

    Always: delays by state, bias and load; critical spacings; shortest period; energies. Margins,
    sweeps, yield and noise are asked for. Writes CSV, summary.json, Verilog with SDF, DOT, plots
    and an HTML page to the directory.
    """
    every = options.pop("every")
    tables, check = options.pop("tables"), options.pop("check")
    process = options.pop("process")
    if options.pop("design"):
        if cell or every or check or out:
            raise ConfigurationError(
                "--design takes no cell, directory, --all or --check: it measures one neuron"
            )
        _design(process, write=tables)
        return
    if (cell is None) != every and not (check and not tables):
        raise ConfigurationError("name a cell, or give --all: one of the two")
    if check and not tables:
        _check_tables(process, cell)
        return
    if out is None and not tables:
        raise ConfigurationError("the directory is missing: give -o DIR")
    from verification.characterize.subject.subject import load_subject, subject_names

    if every:
        from netlist_gen.library.cells import CellLibrary

        names = subject_names(CellLibrary(process))
    else:
        names = [cell or ""]
    plan = _plan(options)
    with _runner(options, None if tables else out) as runner:
        click.echo(f"simulator {runner.simulator} {runner.version()}", err=True)
        if tables:
            (_compare_tables if check else _write_tables)(names, process, out, runner)
            return
        assert out is not None
        summaries = []
        for name in names:
            subject = load_subject(name, process)
            place = out / subject.name if every else out
            summaries.append(_one(subject, runner, plan, place))
    if every:
        from verification.report.cell_page import write_index

        click.echo(f"pages: {write_index(summaries, out)}")


def _plan(options: dict[str, Any]) -> Options:
    from verification.characterize.measure.sweep import parse_axis
    from verification.characterize.run import Options

    for name in ("tolerance", "half_width"):
        value = options[name]
        if value is not None and not 0 < value < 1:
            raise ConfigurationError(
                f"--{name.replace('_', '-')} is {value:g}; it must be between 0 and 1"
            )
    for kelvin in options["temperatures"]:
        if not 0 < kelvin < 9:
            raise ConfigurationError(
                f"--temperature is {kelvin:g}; it must be above 0 and below 9 K"
            )
    return Options(
        sweep=tuple(parse_axis(text) for text in options["sweeps"]),
        margins=options["margins"],
        monte_carlo=options["monte_carlo"] or 0,
        spreads=_spreads(options["spreads"], options["correlations"]),
        half_width=options["half_width"],
        temperatures_K=tuple(options["temperatures"]),
        noise_runs=options["noise_runs"],
        load=options["load"],
        seed=options["seed"],
        tolerance=options["tolerance"],
    )


def _spreads(texts: tuple[str, ...], pairs: tuple[str, ...]) -> Spreads:
    from verification.characterize.measure.yields import KINDS, Spreads

    overall: dict[str, float] = {}
    local: dict[str, float] = {}
    for text in texts:
        match = re.fullmatch(r"(\w+)=([\d.eE+-]+)(?::([\d.eE+-]+))?", text)
        try:
            if match is None or match[1] not in (*KINDS, "bias"):
                raise ValueError
            overall[match[1]] = float(match[2])
            local[match[1]] = float(match[3] or 0)
        except ValueError:
            raise ConfigurationError(
                f"--spread {text!r} is not KIND=GLOBAL[:LOCAL] with KIND one of "
                f"{', '.join(KINDS)}, bias"
            ) from None
    correlation: dict[tuple[str, str], float] = {}
    for text in pairs:
        match = re.fullmatch(r"(\w+),(\w+)=(-?(?:\d+\.?\d*|\.\d+))", text)
        kinds = sorted((match[1], match[2]), key=KINDS.index) if match and {
            match[1], match[2]} <= set(KINDS) else []  # fmt: skip
        if match is None or len(set(kinds)) != 2 or not -1 <= float(match[3]) <= 1:
            raise ConfigurationError(
                f"--correlation {text!r} is not KIND,KIND=RHO with two of {', '.join(KINDS)} and "
                "-1 <= RHO <= 1"
            )
        correlation[kinds[0], kinds[1]] = float(match[3])
    if not texts:
        return Spreads(correlation=correlation)
    bias = overall.pop("bias", 0.0)
    local.pop("bias", None)
    return Spreads(overall, local, correlation, bias)


@contextmanager
def _runner(options: dict[str, Any], out: Path | None) -> Iterator[Runner]:
    from verification.campaign.cluster import cluster
    from verification.campaign.ledger import Ledger
    from verification.characterize.trials.runner import Runner
    from verification.simulators.registry import automatic, get_simulator

    name = automatic() if options["simulator"] == "auto" else options["simulator"]
    if not options["timeout"] > 0:
        raise ConfigurationError(f"--timeout is {options['timeout']:g}; it must be positive")
    if not get_simulator(name).available():
        raise SimulatorError(
            f"the simulator {name} is not here; netlist-gen doctor says how to get it"
        )
    ledger = None
    if out is not None:
        try:
            out.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigurationError(f"{out} can't be made ({error.strerror})") from error
        path = out / "ledger.sqlite"
        if not options["resume"]:
            for suffix in ("", "-wal", "-shm"):
                path.with_name(path.name + suffix).unlink(missing_ok=True)
        ledger = Ledger(path)
    runner = Runner(
        name, options["jobs"] or default_jobs(), ledger=ledger, timeout_s=options["timeout"]
    )
    try:
        with cluster(options["scheduler"]) as workers, progress_bars() as tick:
            runner.executor = workers.executor if workers else None
            done = 0

            def count(trials: int) -> None:
                nonlocal done
                done += trials
                tick("simulations", done, done)

            runner.tick = count
            yield runner
    finally:
        runner.close()
        if ledger is not None:
            ledger.close()


def _one(subject: Any, runner: Runner, plan: Options, place: Path) -> dict[str, Any]:
    from verification.characterize.result_files import summary, write_results
    from verification.characterize.run import characterize as measure

    result = measure(subject, runner, plan)
    written = write_results(result, place)
    print_result(result)
    click.echo(f"  page: {next(p for p in written if p.suffix == '.html')}")
    return summary(result)


def print_result(result: Characterization) -> None:
    """The short form on stdout."""
    load = f", load {result.load}" if result.load else ""
    click.echo(
        f"{result.cell}: {result.junctions} junctions, process {result.process}{load}, "
        f"{result.simulator} {result.version}, {result.trials} simulations, {result.wall_s:.1f} s"
    )
    for a in result.arcs:
        spread = ""
        if a.most_s - a.least_s > 5e-15:
            spread = f" ({a.least_s * 1e12:.3f} to {a.most_s * 1e12:.3f})"
        click.echo(f"  delay {a.input} to {a.output}: {a.mean_s * 1e12:.3f} ps{spread}")
    if result.period_s[0]:
        click.echo(f"  shortest period: {result.period_s[0] * 1e12:.2f} ps")
    for e in result.energies:
        after = f" after {e.before}" if e.before else ""
        click.echo(f"  energy of '{e.event}'{after}: {e.energy_J * 1e18:.3f} aJ")
    if result.margins:
        for line in margin_bars(result.margins):
            click.echo(line)
    if result.sweep:
        passed = result.sweep.passed()
        click.echo(f"  sweep: {int(passed.sum())} of {passed.size} points pass")
    if result.yields:
        y = result.yields
        click.echo(
            f"  yield: {y.passed} of {y.samples} = {y.rate:.2%} (95 %: {y.low:.2%} to "
            f"{y.high:.2%}), simulator failures {y.failures}, seed {y.seed}"
        )
    for noise in result.noise:
        for r in noise.rates:
            tail = ""
            if r.extrapolated:
                tail = f"; extrapolated 1e{r.extrapolated[0]:.1f}"
            click.echo(
                f"  errors at {noise.axis} {r.x:g}, {r.temperature_K:g} K: {r.errors} of "
                f"{r.runs} runs (95 %: {r.low:.2g} to {r.high:.2g}{tail})"
            )


def margin_bars(margins: Margins, most: int = 40) -> list[str]:
    """Margins as bars about nominal, globals first; of the others the ``most`` narrowest."""
    critical, side = margins.critical
    singles = sorted((m for m in margins.margins if not m.parameter.shared), key=lambda m: m.least)
    kept = {id(m) for m in singles[:most]}
    shown = [m for m in margins.margins if m.parameter.shared or id(m) in kept]
    wide = max(len(m.parameter.name) for m in shown)
    reach = max(1.0 - margins.low, margins.high - 1.0)
    lines = []
    for m in shown:
        low = round(m.low.margin / reach * BAR)
        high = round(m.high.margin / reach * BAR)
        bar = "━" * low
        mark = " critical" + side if m is critical else ""
        island = " islands" if m.low.islands or m.high.islands else ""
        open_low = "≤" if m.low.first_fail is None else " "
        open_high = "≥" if m.high.first_fail is None else " "
        lines.append(
            f"  {m.parameter.name:{wide}} {open_low}{-100 * m.low.margin:6.1f} % "
            f"{bar:>{BAR}}│{'━' * high:{BAR}} {open_high}+{100 * m.high.margin:.1f} %{mark}{island}"
        )
    lines.append(
        f"  critical: {critical.parameter.name}{side} at {100 * critical.least[0]:.1f} %, edges to "
        f"{100 * margins.tolerance:g} %"
    )
    return lines


def _write_tables(names: list[str], process: str, out: Path | None, runner: Runner) -> None:
    from verification.characterize.files.tables import measure_table, table_path, write_table
    from verification.characterize.subject.subject import load_subject

    for name in names:
        subject = load_subject(name, process)
        path = table_path(process, subject.name, out)
        write_table(measure_table(subject, runner), path)
        click.echo(f"{path}")


def _compare_tables(names: list[str], process: str, out: Path | None, runner: Runner) -> None:
    import tempfile

    from netlist_gen.library.tables import read_table
    from verification.characterize.files.tables import (
        changed,
        measure_table,
        table_path,
        write_table,
    )
    from verification.characterize.subject.subject import load_subject

    differences = []
    with tempfile.TemporaryDirectory() as folder:
        for name in names:
            subject = load_subject(name, process)
            new = write_table(measure_table(subject, runner), Path(folder) / f"{subject.name}.toml")
            differences += changed(read_table(table_path(process, subject.name, out)), new)
    for line in differences:
        click.echo(line)
    if differences:
        raise click.exceptions.Exit(1)
    click.echo(f"{len(names)} tables measured again: all the same")


def _design(process: str, *, write: bool) -> None:
    from netlist_gen.circuit.neuron import load_rules
    from verification.characterize.measure.design import design_path, measure_design, write_design

    found = measure_design(process)
    click.echo(
        f"offset {found.offset:.5f} Phi0, screening {found.screening:.5f} Phi0, fluxon "
        f"{found.full * 1e6:.2f} uA; right to {found.decided_to:.2f} Phi0 from the edge, at rest "
        f"down to a threshold of -{found.rests_to:.2f} Phi0 (bias x 0.9 to 1.1)"
    )
    if write:
        write_design(found, design_path(), process)
        click.echo(f"{design_path()}")
        return
    differences = found.differences(load_rules())
    for line in differences:
        click.echo(line)
    if differences:
        raise click.exceptions.Exit(1)
    click.echo("as in the library")


def _check_tables(process: str, cell: str | None) -> None:
    from netlist_gen.library.cells import CellLibrary
    from verification.characterize.files.tables import stale_tables
    from verification.characterize.measure.design import design_is_stale
    from verification.characterize.subject.subject import load_subject, subject_names

    if cell is not None:
        load_subject(cell, process)  # refused if there is no such cell
        if cell not in subject_names(CellLibrary(process)):
            raise ConfigurationError(
                f"{cell}: the library has no table of it to check; with --tables -o DIR one that "
                "was written there is measured again"
            )
    stale = [s.reason for s in stale_tables(process) if cell in (None, s.cell)]
    stale += [reason for reason in [design_is_stale()] if reason and cell is None]
    for reason in stale:
        click.echo(reason)
    if stale:
        raise click.exceptions.Exit(1)
    click.echo("tables are up to date")
