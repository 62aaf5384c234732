"""``netlist-gen generate``: decks and manifest of a network."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from netlist_gen.commands.common import names_network, progress_bars, tell_replaced
from netlist_gen.deck.options import GenerateOptions
from netlist_gen.options import options_of


@click.command()
@click.argument("net", type=click.Path(path_type=Path))
@click.option("-o", "--output", "out", required=True, type=click.Path(path_type=Path))
@click.option(
    "--inputs",
    type=click.Path(path_type=Path),
    help="X.npy: pulses of each sample [default: one window, every line pulsed].",
)
@options_of(GenerateOptions)
@names_network
def generate(net: Path, out: Path, inputs: Path | None, **options: Any) -> None:
    """Write the decks of NET and manifest.json into a directory."""
    from netlist_gen import api
    from netlist_gen.deck.manifest import read_manifest

    tell_replaced(out, "manifest.json")
    with progress_bars() as progress:
        files = api.generate(net, inputs, out, progress=progress, **options)
    click.echo(f"{files} decks and manifest.json in {out}")
    if options["annotate"] is not None:
        manifest = read_manifest(out)
        if manifest is not None and manifest.annotation is not None:
            click.echo(manifest.annotation.sentence)
