"""``netlist-gen characterize``: what a designer wants to know of a cell or neuron."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from netlist_gen.commands.common import progress_bars, tell_replaced
from netlist_gen.errors import ConfigurationError
from netlist_gen.library.bias import IDEAL
from netlist_gen.library.splitters import LIBRARY
from netlist_gen.options import completes, options_of
from verification.characterize.options import CharacterizeOptions

if TYPE_CHECKING:
    from collections.abc import Iterable

    from verification.characterize.measure.margins import Margins
    from verification.characterize.measure.noise import NoiseResult
    from verification.characterize.optimize.result import Optimized
    from verification.characterize.run import Characterization

BAR = 30
"""Half width of the terminal's margin bars, characters."""


def _cells() -> list[str]:
    """Cells of the library, and neurons, for a shell."""
    from netlist_gen.library.cells import CellLibrary
    from verification.characterize.subject.subject import subject_names

    return subject_names(CellLibrary())


@click.command()
@click.argument("cell", required=False, shell_complete=completes(_cells, files=True))
@click.option("-o", "--output", "out", type=click.Path(path_type=Path), help="Directory.")
@click.option("--all", "every", is_flag=True, help="Every library cell, and neurons 8, 16, 32, 64.")
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
@click.option(
    "--edge-spread",
    is_flag=True,
    help="Measure how far neurons' edges scatter with Ic, L and R, against the library's; with "
    "--tables: write it.",
)
@options_of(CharacterizeOptions)
def characterize(
    cell: str | None,
    out: Path | None,
    every: bool,
    tables: bool,
    check: bool,
    design: bool,
    edge_spread: bool,
    **options: Any,
) -> None:
    """Characterize CELL: a library cell, neuron16 (any fan-in), or a TOML file of your own cell.

    Always: delays by state, bias and load; critical spacings; shortest period; energies. Margins,
    sweeps, yield and noise are asked for; --optimize finds better values. Writes CSV,
    summary.json, Verilog with SDF, DOT, plots and an HTML page to the directory.
    """
    chosen = CharacterizeOptions(**options)
    if tables or check or design or edge_spread:
        _require_as_designed(chosen, spread=edge_spread, by_load=not (design or edge_spread))
    for flag, given, measure in (
        ("--design", design, _design),
        ("--edge-spread", edge_spread, _edge_spread),
    ):
        if given:
            if cell is not None or every or check or out or design == edge_spread:
                raise ConfigurationError(
                    f"{flag} takes no cell, directory, --all or --check, and no other such flag: "
                    "it measures one neuron"
                )
            measure(chosen, write=tables)
            return
    if (cell is None) != every and not (check and not tables):
        raise ConfigurationError("name a cell, or give --all: one of the two")
    if check and not tables:
        _check_tables(chosen, cell)
        return
    if out is None and not tables:
        raise ConfigurationError("the directory is missing: give -o DIR")
    from netlist_gen.library.cells import CellLibrary
    from verification.characterize.subject.subject import subject_names

    names = subject_names(CellLibrary(chosen.loaded_process())) if cell is None else [cell]
    if tables:
        _tables(names, chosen, out, check=check)
    else:
        assert out is not None
        _measure(names, chosen, out)


def _require_as_designed(options: CharacterizeOptions, *, spread: bool, by_load: bool) -> None:
    """Refuse options that make a cell or its bench another than the library's tables are of."""
    changing = (
        ("--annotate", options.annotate is not None),
        ("--crosstalk", options.crosstalk),
        ("--bias", spread and options.bias != IDEAL),
        ("--optimize", options.optimize),
        ("--load", options.load != "jtl"),
        ("--driver", options.driver != "jtl"),
    )
    if options.splitters != LIBRARY and not by_load:
        raise ConfigurationError(
            "--splitters goes with neither --design nor --edge-spread: what they measure does not "
            "depend on trees"
        )
    for flag, given in changing:
        if given:
            raise ConfigurationError(
                f"{flag} goes with none of --tables, --check, --design and --edge-spread: the "
                "library's tables are of its cells as designed"
            )


def _measure(names: list[str], options: CharacterizeOptions, out: Path) -> None:
    from verification.characterize.run import characterize_cells

    for name in names if len(names) > 1 else [""]:
        tell_replaced(out / name, "summary.json")
    with progress_bars() as progress:
        for result in characterize_cells(names, options, out, progress):
            for note in result.notes:
                click.echo(f"note: {note}", err=True)
            print_result(result)
            for path in result.files:
                if path.name.endswith(("_optimized.toml", "_optimized.cir")):
                    click.echo(f"  cell: {path}")
            click.echo(f"  page: {next(p for p in result.files if p.suffix == '.html')}")
    if len(names) > 1:
        click.echo(f"pages: {out / 'index.html'}")


def print_result(result: Characterization) -> None:
    """The short form on stdout."""
    load = f", load {result.load}" if result.load else ""
    load += ", neighbouring synapses coupled" if result.crosstalk else ""
    click.echo(
        f"{result.cell}: {result.junctions} junctions, process {result.process}{load}, "
        f"{result.simulator} {result.version}, {result.trials} simulations, {result.wall_s:.1f} s"
    )
    if result.optimized:
        for line in optimized_lines(result.optimized):
            click.echo(line)
    if result.annotation:
        click.echo(f"  {result.annotation.sentence}")
    for a in result.arcs:
        spread = ""
        if a.most_s - a.least_s > 5e-15:
            spread = f" ({a.least_s * 1e12:.3f} to {a.most_s * 1e12:.3f})"
        click.echo(f"  delay {a.input} to {a.output}: {a.mean_s * 1e12:.3f} ps{spread}")
    if result.period is not None:
        click.echo(f"  {result.period.sentence()}")
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
        rate = "-" if y.rate is None else f"{y.rate:.2%}"
        click.echo(
            f"  yield: {y.passed} of {y.samples} = {rate} (95 %: {y.low:.2%} to "
            f"{y.high:.2%}), simulator failures {y.failures}, seed {y.seed}"
        )
    for noise in result.noise:
        _print_noise(noise)


def optimized_lines(found: Optimized) -> list[str]:
    """What an optimizer gained, and the elements that it changed."""
    from verification.report.numbers import engineering

    times = "1 search" if found.starts == 1 else f"{found.starts} searches"
    lines = [f"  {found.sentence()}: {times}, {found.trials} simulations, seed {found.seed}"]
    changed = [c for c in found.changes if c.factor != 1.0]
    wide = max((len(c.element) for c in changed), default=0)
    for c in changed:
        before, after = (engineering(x, c.unit).strip() for x in (c.before, c.after))
        follows = "" if c.low != c.high else ", follows its junction"
        lines.append(f"  {c.element:{wide}}  {before} to {after}  (x {c.factor:.4g}{follows})")
    return lines


def _print_noise(noise: NoiseResult) -> None:
    for r in noise.rates:
        tail = f"; extrapolated 1e{r.extrapolated[0]:.1f}" if r.extrapolated else ""
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


def _tables(
    names: list[str], options: CharacterizeOptions, out: Path | None, *, check: bool
) -> None:
    """Write the tables of cells, or measure them again and compare."""
    from verification.characterize.files.tables import measure_again, write_tables
    from verification.characterize.run import runner_for

    with progress_bars() as progress, runner_for(options, None, progress) as runner:
        if not check:
            for path in write_tables(names, options.loaded_process(), out, runner):
                click.echo(f"{path}")
            return
        differences = list(measure_again(names, options.loaded_process(), out, runner))
    _require_none(differences, f"{len(names)} tables measured again: all the same")


def _design(options: CharacterizeOptions, *, write: bool) -> None:
    from netlist_gen.library.design import load_rules
    from verification.characterize.measure.design import design_path, measure_design, write_design

    process = options.loaded_process()
    found = measure_design(process)
    for edge in found.edges:
        click.echo(
            f"{edge.loops} loops: offset {edge.offset:.5f} Phi0, screening {edge.screening:.5f} "
            f"Phi0, sigma {edge.sigma:.5f} Phi0, crosstalk {edge.crosstalk:.5f} Phi0"
        )
    click.echo(
        f"fluxon {found.full * 1e6:.2f} uA; right to {found.decided_to:.2f} Phi0 from the edge, at "
        f"rest down to a threshold of -{found.rests_to:.2f} Phi0 (bias x 0.9 to 1.1)"
    )
    if found.neighbours is not None:
        click.echo(
            f"crosstalk: a neighbour of the same sign adds {found.neighbours.alike:+.2%} to a "
            f"synapse, one of the other sign {found.neighbours.other:+.2%}"
        )
    if write:
        write_design(found, design_path(process), process)
        click.echo(f"{design_path(process)}")
    else:
        _require_none(found.differences(load_rules(process)), "as in the library")


def _edge_spread(options: CharacterizeOptions, *, write: bool) -> None:
    from netlist_gen.library.spread import load_spread
    from verification.characterize.measure.spread import SPREADS, measure_spread, write_spread

    process = options.process
    with progress_bars() as progress:
        found = measure_spread(process, SPREADS, progress=progress)
    for point in found:
        lost = f"; {point.lost} draws without an edge" if point.lost else ""
        click.echo(
            f"Ic, L and R by {point.elements:g}: edges by {point.local:.4f} Phi0 from neuron to "
            f"neuron, {point.common:.4f} Phi0 from chip to chip ({point.samples} of each{lost})"
        )
    if write:
        click.echo(f"{write_spread(found, process)}")
    else:
        stored = load_spread()
        differences = (d for p in found for d in p.differences(stored.at(p.elements)))
        _require_none(differences, "as in the library")


def _check_tables(options: CharacterizeOptions, cell: str | None) -> None:
    from verification.characterize.files.tables import stale_tables
    from verification.characterize.measure.design import design_is_stale
    from verification.characterize.measure.spread import spread_is_stale

    process = options.loaded_process()
    reasons = [stale.reason for stale in stale_tables(process, only=cell)]
    if cell is None:
        reasons += [reason for reason in (design_is_stale(process), spread_is_stale()) if reason]
    _require_none(reasons, "tables are up to date")


def _require_none(differences: Iterable[str], otherwise: str) -> None:
    """Print what differs and end with status 1, or say that nothing does."""
    lines = list(differences)
    for line in lines:
        click.echo(line)
    if lines:
        raise click.exceptions.Exit(1)
    click.echo(otherwise)
