"""``netlist-gen plot``: waveforms of a file or a deck as a picture or an interactive page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from netlist_gen.options import completes, options_of
from verification.simulators.registry import NAMES
from verification.waves.options import PlotOptions


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    "out",
    required=True,
    type=click.Path(path_type=Path),
    help=".png, .svg, .pdf, or .html: an interactive page in one file.",
)
@click.option(
    "--signals",
    multiple=True,
    metavar="PATTERN",
    help="Name or pattern, P(B1*|XL0N00); may be repeated [default: all in a page, 24 in a "
    "picture].",
)
@options_of(PlotOptions)
@click.option(
    "--simulator",
    default="auto",
    show_default=True,
    help=f"Of a deck: auto, {', '.join(NAMES)}.",
    shell_complete=completes(lambda: ("auto", *NAMES)),
)
@click.option("--open", "opened", is_flag=True, help="Show the result in a browser.")
def plot(
    file: Path,
    out: Path,
    signals: tuple[str, ...],
    simulator: str,
    opened: bool,
    **options: Any,
) -> None:
    """Draw the waveforms in FILE (.csv, .raw, .parquet, .npz), or of a deck, which is simulated.

    Layouts are josim-plot's: stacked, grid, combined. A page holds hundreds of signals, of long
    runs the least and greatest value of each stretch; it says so.
    """
    from netlist_gen import api

    api.plot(file, list(signals) or None, out, simulator=simulator, **options)
    click.echo(out)
    if opened:
        import webbrowser

        webbrowser.open(out.resolve().as_uri())
