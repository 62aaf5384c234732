"""What the differential neuron does, in figures: exactness, margins, yield, grey zone, cost.

One command prints the whole table, or the parts that are named::

    python benchmarks/neuron.py                     # everything
    python benchmarks/neuron.py exact --josim       # exactness, in josim-cli too
    python benchmarks/neuron.py search --figure docs/images/neuron-search.png
    python benchmarks/neuron.py curve --firing-curve cells/design/firing_curve.csv

All runs use the embedded engine in lanes; ``--josim`` runs the exactness decks in JoSIM as well.
Definitions are printed with the figures.
"""

from __future__ import annotations

from pathlib import Path

import click
from neuron_cases import Drawn
from neuron_cost import cost
from neuron_exactness import exact, window
from neuron_margins import bias, parameters, spread
from neuron_noise import curve, grey
from neuron_search import search

PARTS = ("exact", "window", "bias", "parameters", "spread", "grey", "curve", "cost", "search")


@click.command(context_settings={"show_default": True})
@click.argument("parts", nargs=-1, type=click.Choice(PARTS))
@click.option("--fan-in", "fan_ins", multiple=True, type=int, help="Instead of 2 4 8 16 32 64.")
@click.option("--windows", default=200, help="Consecutive windows of each exactness run.")
@click.option("--noisy-windows", default=10_000, help="Windows of each grey-zone run.")
@click.option("--samples", default=400, help="Neurons of each yield figure.")
@click.option("--josim", is_flag=True, help="Run exactness in josim-cli as well.")
@click.option("--process", default="sfq5ee", help="Of the cells.")
@click.option(
    "--crosstalk/--no-crosstalk",
    default=True,
    help="Couple neighbouring synapses, at the process's values (not for curve and cost).",
)
@click.option("--firing-curve", type=click.Path(path_type=Path), help="Write the firing curve.")
@click.option("--figure", type=click.Path(path_type=Path), help="Draw the search into a PNG.")
def main(
    parts: tuple[str, ...],
    fan_ins: tuple[int, ...],
    windows: int,
    noisy_windows: int,
    samples: int,
    josim: bool,
    process: str,
    crosstalk: bool,
    firing_curve: Path | None,
    figure: Path | None,
) -> None:
    """Print the neuron's figures."""
    if "search" in parts and figure is None:
        raise click.UsageError("search draws a picture: name its file with --figure")
    wanted = parts or PARTS
    drawn = Drawn(process, crosstalk)
    print(f"Process {process}, {'with' if crosstalk else 'without'} crosstalk.")
    pair = list(fan_ins) or [16, 64]
    if "exact" in wanted:
        exact(drawn, list(fan_ins) or [2, 4, 8, 16, 32, 64], windows, josim)
    if "window" in wanted:
        window(drawn, pair, 40)
    if "bias" in wanted:
        bias(drawn, pair, 40)
    if "parameters" in wanted:
        parameters(drawn, fan_ins[0] if fan_ins else 16, 24)
    if "spread" in wanted:
        spread(drawn, fan_ins[0] if fan_ins else 16, samples, 24)
    if "grey" in wanted:
        grey(drawn, pair, noisy_windows)
    if "curve" in wanted:
        curve(Drawn(process), firing_curve)
    if "search" in wanted and figure is not None:
        search(drawn, figure)
    if "cost" in wanted:
        cost(Drawn(process), list(fan_ins) or [8, 16, 32, 64])


if __name__ == "__main__":
    main()
