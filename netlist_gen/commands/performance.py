"""``netlist-gen performance``: throughput, latency, power and energy of a network."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from netlist_gen.commands.budget import print_budget
from netlist_gen.commands.common import names_network
from netlist_gen.options import options_of
from verification.reference.options import PerformanceOptions

if TYPE_CHECKING:
    from rich.table import Table

    from verification.reference.performance import Performance


@click.command()
@click.argument("net", type=click.Path(path_type=Path))
@click.option("--inputs", type=click.Path(path_type=Path), help="X.npy: samples.")
@click.option("--labels", type=click.Path(path_type=Path), help="Y.npy: the class of each sample.")
@click.option("--json", "as_json", is_flag=True, help="Print the same as JSON.")
@options_of(PerformanceOptions)
@names_network
def performance(
    net: Path, inputs: Path | None, labels: Path | None, as_json: bool, **options: Any
) -> None:
    """Print what NET's circuit does and costs: clock, power, energy, a chip's budget.

    The clock is one at which a run of verify simulated NET (--verified), the design's, or
    --clock-ghz; the highest at which static timing closes stands apart.
    """
    from rich.console import Console

    from netlist_gen import api

    found = api.performance(net, inputs, labels, **options)
    if as_json:
        click.echo(json.dumps(found.to_json(), indent=2))
        return
    console = Console()
    console.print(_figures(found, str(net)))
    console.print(_synaptic(found))
    print_budget(found.budget)
    console.print(_slacks(found))
    click.echo("Assumptions:")
    for sentence in found.assumptions:
        click.echo(f"- {sentence}")


def _figures(found: Performance, title: str) -> Table:
    from rich.table import Table

    from verification.report.numbers import engineering

    table = Table(title=title, title_justify="left")
    table.add_column("figure")
    table.add_column("this circuit", justify="right")
    table.add_column("source", justify="right")
    source = found.source
    accuracy = "-" if found.accuracy is None else f"{found.accuracy:.2%}"
    rows = (
        (
            f"clock, {'not simulated' if found.simulated is None else 'simulated'}",
            f"{found.clock_ghz:.2f} GHz",
            f"{source.clock_ghz:.2f} GHz",
        ),
        ("highest that closes by static timing", f"{found.highest_clock_ghz:.2f} GHz", ""),
        ("inferences a second", engineering(found.inferences_per_s, "/s"), ""),
        ("latency", f"{found.latency_ps:.0f} ps, {found.layers} layers", ""),
        ("junctions", f"{found.junctions} ({found.padding_stages} padding stages)", ""),
        ("bias, control lines", f"{found.bias_A:.3g} A, {found.flux_A:.3g} A", ""),
        ("static power", engineering(found.static_W, "W"), ""),
        ("dynamic power", engineering(found.dynamic_W, "W"), ""),
        ("per inference at 4 K: static", engineering(found.static_J_per_inference, "J"), ""),
        ("per inference at 4 K: dynamic", engineering(found.dynamic_J_per_inference, "J"), ""),
        (
            f"per inference at the wall ({found.cooling_W_per_W:g} W/W)",
            engineering(found.wall_plug_J_per_inference, "J"),
            engineering(source.wall_plug_J_per_inference, "J"),
        ),
        ("accuracy of these samples", accuracy, f"{source.accuracy:.1%} (MNIST)"),
    )
    for row in rows:
        table.add_row(*row)
    return table


def _synaptic(found: Performance) -> Table:
    from rich.table import Table

    from verification.reference.synaptic import FIELD
    from verification.report.numbers import engineering

    own = found.synaptic
    table = Table(title="Synaptic operations", title_justify="left")
    table.add_column("")
    for name in ("a second", "a second and watt", "with cooling", "J for one", "clock"):
        table.add_column(name, justify="right")
    for one in own.cooled:
        table.add_row(
            f"this circuit, {one.cooling_W_per_W:g} W/W",
            engineering(own.operations_per_s, "SOPS"),
            engineering(own.operations_per_s_per_W, "SOPS/W"),
            engineering(one.operations_per_s_per_W, "SOPS/W"),
            engineering(own.J_per_operation, "J"),
            f"{found.clock_ghz:.2f} GHz",
        )
    for other in FIELD:
        table.add_row(
            other.name,
            engineering(other.operations_per_s, "SOPS"),
            engineering(other.operations_per_s_per_W, "SOPS/W"),
            engineering(other.cooled_per_W, "SOPS/W"),
            engineering(other.J_per_operation, "J"),
            "-" if other.clock_ghz is None else f"{other.clock_ghz:g} GHz",
        )
    return table


def _slacks(found: Performance) -> Table:
    from rich.table import Table

    table = Table(title="Worst paths", title_justify="left")
    for name in ("slack, ps", "check", "corner", "path"):
        table.add_column(name)
    for one in found.slacks[:10]:
        table.add_row(f"{one.slack_ps:.2f}", one.kind, one.corner, one.path)
    return table
