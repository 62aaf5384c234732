"""``netlist-gen simulate``: any JoSIM deck on any simulator that reads it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from netlist_gen.options import options_of
from verification.simulators.options import SimulateOptions

if TYPE_CHECKING:
    from verification.waves.waveforms import Waveforms


@click.command()
@click.argument("deck", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    "out",
    required=True,
    type=click.Path(path_type=Path),
    help=".csv (JoSIM's columns), .parquet, .npz, .raw (SPICE), .vcd (pulses), or - for CSV on "
    "standard output.",
)
@options_of(SimulateOptions)
def simulate(deck: Path, out: Path, **options: Any) -> None:
    """Simulate DECK and write its printed signals.

    The files that a JoSIM deck names (.file) are written beneath the folder of the output. The
    embedded engine alone takes --seed, --noise, --check-step, --checkpoint and --threads, cus files
    and .iv.
    """
    from netlist_gen import api

    if str(out) == "-":
        waves = api.simulate(deck, note=lambda words: click.echo(words, err=True), **options)
        _print_csv(waves)
        return
    done = api.simulate(deck, out, note=lambda words: click.echo(words, err=True), **options)
    click.echo(
        f"{out}: {done.signals} signals, {done.samples} times, {done.simulator} {done.version}"
    )


def _print_csv(waves: Waveforms) -> None:
    import shutil
    import sys
    import tempfile

    from verification.waves.files import write_waveforms

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "waves.csv"
        write_waveforms(path, waves)
        with path.open(encoding="ascii") as file:
            shutil.copyfileobj(file, sys.stdout)
