"""``netlist-gen generate``: decks and manifest of a network."""

from __future__ import annotations

from pathlib import Path

import click

from netlist_gen.commands.common import (
    clock_option,
    clock_phases,
    default_jobs,
    names_network,
    pipeline_option,
    process_option,
    progress_bars,
    read_samples,
    split_list,
)

MANY_SYNAPSES = 20_000
"""From so many on several processes write decks: to begin one takes as long as some 5,000."""


@click.command()
@click.argument("net", type=click.Path(path_type=Path))
@click.option("-o", "--output", "out", required=True, type=click.Path(path_type=Path))
@click.option("--dialect", default="josim", show_default=True, help="Comma list of dialects.")
@click.option("--scope", default="neurons", show_default=True, help="neurons, network, or both.")
@click.option(
    "--inputs",
    type=click.Path(path_type=Path),
    help="X.npy: pulses of each sample [default: one window, every line pulsed].",
)
@pipeline_option
@process_option
@clock_option
@click.option(
    "--jobs",
    type=click.IntRange(min=1),
    help="Processes that write decks [default: cores, one where decks are few].",
)
@names_network
def generate(
    net: Path,
    out: Path,
    dialect: str,
    scope: str,
    inputs: Path | None,
    pipeline: int | None,
    process: str,
    clock_ghz: float | None,
    jobs: int | None,
) -> None:
    """Write the decks of NET and manifest.json into a directory."""
    from netlist_gen.checkpoint.registry import read_network
    from netlist_gen.deck.generate import GenerateOptions
    from netlist_gen.deck.generate import generate as write_decks
    from netlist_gen.library.cells import CellLibrary

    network = read_network(net)
    windows = None
    if inputs is not None:
        x, _ = read_samples(network, inputs, None)
        windows = x.reshape(-1, x.shape[-1])
    library = CellLibrary(process)
    if jobs is None:
        jobs = default_jobs() if network.synapses >= MANY_SYNAPSES else 1
    source = str(net)
    options = GenerateOptions(split_list(dialect), split_list(scope), source, pipeline, jobs)
    with progress_bars() as tick:
        files = write_decks(
            network,
            windows,
            library,
            clock_phases(clock_ghz, library.process),
            out,
            options,
            lambda done, total: tick("decks", done, total),
        )
    click.echo(f"{files} decks and manifest.json in {out}")
