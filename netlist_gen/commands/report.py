"""``netlist-gen report``: the HTML report again from a finished run, or a part of it."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--layer", type=click.IntRange(min=0), help="A page of this layer instead.")
@click.option("--neuron", metavar="LAYER:NEURON", help="A page of this neuron instead.")
def report(run: Path, layer: int | None, neuron: str | None) -> None:
    """Write RUN/report.html again from what a finished run left in RUN, or a page of a part."""
    from verification.report.html import write_report
    from verification.report.part import write_layer_page, write_neuron_page

    if layer is None and neuron is None:
        click.echo(write_report(run))
    if layer is not None:
        click.echo(write_layer_page(run, layer))
    if neuron is not None:
        click.echo(write_neuron_page(run, neuron))
