"""``netlist-gen verify``: simulate a network's neurons and hold them against the reference."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from netlist_gen.commands.certified import (
    certificate_lines,
    coverage_lines,
    coverage_table,
    mutation_lines,
)
from netlist_gen.commands.common import (
    command_line,
    names_network,
    progress_bars,
    resumed_by,
    tell_replaced,
)
from netlist_gen.errors import MismatchError
from netlist_gen.options import options_of
from verification.campaign.options import VerifyOptions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.table import Table

    from verification.campaign.result import Verification
    from verification.verdict.figures import BusFigures
    from verification.verdict.outcome import RunVerdict, ScopeVerdict, SimulatorVerdict
    from verification.verdict.simulators import Agreement


@click.command()
@click.argument("net", type=click.Path(path_type=Path))
@click.option(
    "--inputs",
    type=click.Path(path_type=Path),
    help="X.npy: samples; with --exhaustive they may be left out.",
)
@click.option("--labels", type=click.Path(path_type=Path), help="Y.npy: the class of each sample.")
@click.option("-o", "--output", "out", required=True, type=click.Path(path_type=Path))
@options_of(VerifyOptions)
@click.option("--json", "as_json", is_flag=True, help="Print verify.json instead of tables.")
@click.option("--junit", type=click.Path(path_type=Path), help="JUnit XML: a test for each deck.")
@names_network
def verify(
    net: Path,
    inputs: Path | None,
    labels: Path | None,
    out: Path,
    as_json: bool,
    junit: Path | None,
    **options: Any,
) -> None:
    """Verify every neuron of NET on the samples in X.npy; write verify.json and report.html.

    With --exhaustive the windows are made, so that they certify each neuron for all its inputs.
    """
    tell_replaced(out, "verify.json", "ledger.sqlite", options["resume"])
    run_verification(net, inputs, labels, out, as_json=as_json, junit=junit, **options)


def run_verification(
    net: Path,
    inputs: Path | None,
    labels: Path | None,
    out: Path,
    *,
    as_json: bool = False,
    junit: Path | None = None,
    **options: Any,
) -> None:
    """Verify with progress bars, print the result, as JSON or as tables.

    Raises:
        NetlistGenError: wrong input, or a simulator that is not there.
        MismatchError: a disagreement, the first in words.
    """
    from netlist_gen import api
    from verification.report.junit import write_junit
    from verification.verdict.in_words import disagreements

    options.setdefault("command", command_line())
    with progress_bars() as progress, resumed_by(out / "ledger.sqlite"):
        result = api.verify(net, inputs, labels, out, progress=progress, **options)
    for note in result.notes:
        click.echo(f"note: {note}", err=True)
    if junit is not None:
        write_junit(result.windows.measured, junit)
    if as_json:
        click.echo(json.dumps(result.verdict.to_json(), indent=2))
    else:
        print_result(result)
    if not result.agreed:
        first = result.verdict.counter_example
        facts = ", ".join(disagreements(result.verdict))
        raise MismatchError(facts + (f"; first: {first.sentence}" if first else ""))


def print_result(result: Verification) -> None:
    """The short tables and figures on stdout."""
    from rich.console import Console

    verdict = result.verdict
    console = Console()
    console.print(_layers(verdict))
    if len(verdict.scopes) > 1:
        console.print(_scopes(verdict.scopes))
    if len(verdict.simulators) > 1:
        console.print(_simulators(verdict.simulators))
        for scope in dict.fromkeys(row.scope for row in verdict.agreement):
            rows = [row for row in verdict.agreement if row.scope == scope]
            console.print(_agreement(rows, scope))
    for coverage in verdict.coverage:
        console.print(coverage_table(coverage))
    for line in _figures(verdict):
        click.echo(line)
    if result.directory:
        click.echo(f"report: {result.directory / 'report.html'}")


def _table(title: str, first: str, *others: str) -> Table:
    from rich.table import Table

    table = Table(title=title, title_justify="left")
    table.add_column(first, no_wrap=True)
    for name in others:
        table.add_column(name, justify="right")
    return table


def _layers(verdict: RunVerdict) -> Table:
    from verification.report.numbers import engineering

    title = f"{verdict.simulator.name} {verdict.simulator.version}"
    table = _table(title, "layer", "neurons", "synapses", "windows", "mismatches", "energy")
    for row in verdict.layers:
        cells = (row.layer, row.neurons, row.synapses, row.checked, row.mismatches)
        table.add_row(*map(str, cells), engineering(row.energy_J, "J"))
    return table


def _scopes(rows: Sequence[ScopeVerdict]) -> Table:
    from verification.report.numbers import engineering, percent

    columns = ("decks", "windows", "wrong", "failed", "pulses", "energy", "error, %")
    table = _table("Scopes against the reference", "scope", *columns)
    for row in rows:
        counts = (row.decks, row.checked, row.mismatches, row.failed, row.pulses)
        error = percent(row.energy_relative_error).removesuffix(" %")
        table.add_row(row.scope, *map(str, counts), engineering(row.energy_J, "J"), error)
    return table


def _simulators(rows: Sequence[SimulatorVerdict]) -> Table:
    from verification.report.numbers import engineering, percent

    columns = ("windows", "wrong", "failed", "pulses", "energy", "error, %")
    table = _table("Simulators against the reference", "simulator", *columns)
    for row in rows:
        counts = (row.checked, row.mismatches, row.failed, row.pulses)
        error = percent(row.energy_relative_error).removesuffix(" %")
        name = f"{row.name} {row.version}"
        table.add_row(name, *map(str, counts), engineering(row.energy_J, "J"), error)
    return table


def _agreement(rows: Sequence[Agreement], scope: str) -> Table:
    columns = ("windows", "wrong", "pulses", "apart, ps", "energy, %")
    table = _table(f"Simulators against each other ({scope})", "", *columns)
    for row in rows:
        table.add_row(
            ", ".join(row.between),
            str(row.windows),
            str(row.count_differences),
            str(row.pulses),
            f"{row.time_ps:.3f} of {row.time_tolerance_ps:g}",
            f"{100 * row.energy:.2g} of {100 * row.energy_tolerance:g}",
        )
    return table


def _figures(verdict: RunVerdict) -> list[str]:
    """What is said below the tables."""
    from verification.report.numbers import engineering, percent

    energy = verdict.energy
    ran = sum(scope.simulated for scope in verdict.scopes)
    once = "" if ran == verdict.checked else f" ({ran} simulated)"
    lines = [
        f"windows compared {verdict.checked}{once}, mismatches {verdict.mismatches}, failed runs "
        f"{len(verdict.failed)}",
        f"energy measured {engineering(energy.measured_J, 'J')}, reference "
        f"{engineering(energy.reference_J, 'J')}, error {percent(energy.relative_error)}, "
        f"largest of a window or network's deck {percent(energy.worst_window_error)}",
        f"per inference: dynamic {engineering(energy.dynamic_J_per_inference, 'J')}, static "
        f"{engineering(energy.static_J_per_inference, 'J')}, wall plug "
        f"{engineering(energy.wall_plug_J, 'J')} ({energy.cooling_W_per_W:g} W/W)",
    ]
    if energy.buses:
        lines += _bus_lines(energy.buses)
    lines += [
        f"times of {scope.timing.pulses} pulses, scope {scope.scope}: at most "
        f"{scope.timing.worst_ps:.3f} ps from the timed reference (allowed "
        f"{scope.timing.tolerance_ps:g} ps), standard deviation {scope.timing.sigma_ps:.3f} ps"
        for scope in verdict.scopes
        if scope.timing
    ]
    if verdict.accuracy:
        simulated = verdict.accuracy.simulated
        lines.append(
            f"accuracy on {verdict.samples} samples: reference {verdict.accuracy.reference:.2%}, "
            f"simulated {'-' if simulated is None else format(simulated, '.2%')}"
        )
    if verdict.scope_difference:
        lines.append(f"the scopes differ: {verdict.scope_difference}")
    lines += [pair.difference for pair in verdict.agreement if pair.difference]
    if verdict.annotation:
        lines.append(verdict.annotation.sentence)
    if verdict.crosstalk:
        lines.append("crosstalk between neighbouring synapses is in the decks")
    if verdict.startup:
        lines.append(
            "decks of the whole network begin with start-up windows: "
            f"{engineering(energy.startup_J, 'J')} in all, in no figure per inference"
        )
    if verdict.rules == "off":
        lines.append("rules of drawing were not checked")
    for coverage in verdict.coverage:
        lines += coverage_lines(coverage)
    if verdict.mutation:
        lines += mutation_lines(verdict.mutation)
    if verdict.certificate:
        lines += certificate_lines(verdict.certificate)
    if verdict.counter_example:
        lines.append(f"first disagreement: {verdict.counter_example.sentence}")
    lines.append("AGREED" if verdict.agreed else "DISAGREED")
    return lines


def _bus_lines(buses: BusFigures) -> list[str]:
    """What the buses of a bias network gave."""
    from verification.report.numbers import engineering, percent

    shares = (
        ("resistors at rest", buses.resistors_J_per_inference),
        ("events", buses.events_J_per_inference),
        ("limiting junctions", buses.limiters_J_per_inference),
        ("feeding JTLs", buses.feeding_J_per_inference),
    )
    parts = ", ".join(f"{name} {engineering(value, 'J')}" for name, value in shares if value)
    charging = ""
    if buses.charging_J:
        charging = f"; {engineering(buses.charging_J, 'J')} more while they settled"
    return [
        f"bias {buses.bias}: {buses.buses} bus{'es' if buses.buses > 1 else ''} of "
        f"{engineering(buses.current_A, 'A')} in all at {engineering(buses.voltage_V, 'V')} gave "
        f"{engineering(buses.measured_J, 'J')}, expected {engineering(buses.reference_J, 'J')}, "
        f"error {percent(buses.relative_error)}{charging}",
        f"per inference the buses give {engineering(buses.J_per_inference, 'J')}: {parts}",
    ]
