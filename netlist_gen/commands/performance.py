"""``netlist-gen performance``: throughput, latency, power and energy of a network."""

from __future__ import annotations

import json
from pathlib import Path

import click

from netlist_gen.commands.common import (
    check_cooling,
    clock_option,
    clock_phases,
    names_network,
    process_option,
    read_samples,
)


@click.command(context_settings={"show_default": True})
@click.argument("net", type=click.Path(path_type=Path))
@click.option("--inputs", required=True, type=click.Path(path_type=Path), help="X.npy: samples.")
@click.option("--labels", type=click.Path(path_type=Path), help="Y.npy: the class of each sample.")
@click.option("--samples", type=click.IntRange(min=1), default=100, help="Take the first so many.")
@click.option("--cooling", type=float, default=400.0, help="Wall-plug watts for one at 4.2 K.")
@click.option("--json", "as_json", is_flag=True, help="Print the same as JSON.")
@process_option
@clock_option
@names_network
def performance(
    net: Path,
    inputs: Path,
    labels: Path | None,
    samples: int,
    cooling: float,
    as_json: bool,
    process: str,
    clock_ghz: float | None,
) -> None:
    """Print what NET's circuit does and costs at its highest clock, or at --clock-ghz."""
    from rich.console import Console
    from rich.table import Table

    from netlist_gen.checkpoint.registry import read_network
    from netlist_gen.library.cells import CellLibrary
    from verification.reference.performance import SOURCE
    from verification.reference.performance import performance as measure
    from verification.report.html import engineering

    check_cooling(cooling)
    network = read_network(net)
    x, y = read_samples(network, inputs, labels)
    library = CellLibrary(process)
    found = measure(
        network,
        x[:samples],
        None if y is None else y[:samples],
        library,
        clock_phases(clock_ghz, library.process),
        at_shortest=clock_ghz is None,
        cooling_W_per_W=cooling,
    )
    if as_json:
        click.echo(json.dumps(found.as_json(), indent=2))
        return
    table = Table(title=str(net), title_justify="left")
    table.add_column("figure")
    table.add_column("this circuit", justify="right")
    table.add_column("source", justify="right")
    accuracy = "-" if found.accuracy is None else f"{found.accuracy:.2%}"
    rows = (
        ("clock", f"{found.clock_Hz * 1e-9:.2f} GHz", f"{SOURCE['clock_ghz']:.2f} GHz"),
        ("highest clock that closes", f"{1e-9 / found.shortest_period_s:.2f} GHz", ""),
        ("inferences a second", engineering(found.inferences_per_s, "/s"), ""),
        ("latency", f"{found.latency_s * 1e12:.0f} ps, {found.layers} layers", ""),
        ("junctions", f"{found.junctions} ({found.padding} padding stages)", ""),
        ("bias, control lines", f"{found.bias_A:.3g} A, {found.flux_A:.3g} A", ""),
        ("static power", engineering(found.static_W, "W"), ""),
        ("dynamic power", engineering(found.dynamic_W, "W"), ""),
        ("per inference at 4 K: static", engineering(found.static_J, "J"), ""),
        ("per inference at 4 K: dynamic", engineering(found.dynamic_J, "J"), ""),
        (
            f"per inference at the wall ({found.cooling_W_per_W:g} W/W)",
            engineering(found.wall_plug_J, "J"),
            engineering(SOURCE["wall_plug_J_per_inference"], "J"),
        ),
        ("accuracy of these samples", accuracy, f"{SOURCE['accuracy']:.1%} (MNIST)"),
    )
    for row in rows:
        table.add_row(*row)
    console = Console()
    console.print(table)
    slacks = Table(title="Worst paths", title_justify="left")
    for name in ("slack, ps", "check", "corner", "path"):
        slacks.add_column(name)
    for one in found.slacks[:10]:
        slacks.add_row(f"{one.slack_s * 1e12:.2f}", one.kind, one.corner, one.path())
    console.print(slacks)
    click.echo("Assumptions:")
    for sentence in found.assumptions:
        click.echo(f"- {sentence}")
