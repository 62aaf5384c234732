"""What the differential neuron does, in figures: exactness, margins, yield, grey zone, cost.

One command prints the whole table, or the parts that are named::

    python benchmarks/neuron.py                     # everything
    python benchmarks/neuron.py exact --josim       # exactness, in josim-cli too
    python benchmarks/neuron.py curve --firing-curve cells/design/firing_curve.csv

All runs use the embedded engine in lanes; ``--josim`` runs the exactness decks in JoSIM as well.
Definitions are printed with the figures.
"""

from __future__ import annotations

from pathlib import Path

import click
from neuron_cost import cost
from neuron_exactness import exact, window
from neuron_margins import bias, parameters, spread
from neuron_noise import curve, grey

PARTS = ("exact", "window", "bias", "parameters", "spread", "grey", "curve", "cost")


@click.command(context_settings={"show_default": True})
@click.argument("parts", nargs=-1, type=click.Choice(PARTS))
@click.option("--fan-in", "fan_ins", multiple=True, type=int, help="Instead of 2 4 8 16 32 64.")
@click.option("--windows", default=200, help="Consecutive windows of each exactness run.")
@click.option("--noisy-windows", default=10_000, help="Windows of each grey-zone run.")
@click.option("--samples", default=400, help="Neurons of each yield figure.")
@click.option("--josim", is_flag=True, help="Run exactness in josim-cli as well.")
@click.option("--firing-curve", type=click.Path(path_type=Path), help="Write the firing curve.")
def main(
    parts: tuple[str, ...],
    fan_ins: tuple[int, ...],
    windows: int,
    noisy_windows: int,
    samples: int,
    josim: bool,
    firing_curve: Path | None,
) -> None:
    """Print the neuron's figures."""
    wanted = parts or PARTS
    pair = list(fan_ins) or [16, 64]
    if "exact" in wanted:
        exact(list(fan_ins) or [2, 4, 8, 16, 32, 64], windows, josim)
    if "window" in wanted:
        window(pair, 40)
    if "bias" in wanted:
        bias(pair, 40)
    if "parameters" in wanted:
        parameters(fan_ins[0] if fan_ins else 16, 24)
    if "spread" in wanted:
        spread(fan_ins[0] if fan_ins else 16, samples, 24)
    if "grey" in wanted:
        grey(pair, noisy_windows)
    if "curve" in wanted:
        curve(firing_curve)
    if "cost" in wanted:
        cost(list(fan_ins) or [8, 16, 32, 64])


if __name__ == "__main__":
    main()
