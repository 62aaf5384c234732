"""Accuracy of the integer model against synapses and against junctions.

One command trains each size with the same recipe and draws both curves::

    python benchmarks/training.py digits --synapses 300 500 700 1000 -o sweep/
    python benchmarks/training.py mnist --data-dir MNIST --synapses 3000 4500 8000 16000 -o sweep/

Junctions are those of the cell library's own circuits (netlist_gen/cost_estimate.py). Each
finished size is a line of ``sweep.csv``; a repeated command trains only what is missing.
"""

from __future__ import annotations

import csv
import sys
from dataclasses import replace
from pathlib import Path

import click

from netlist_gen.commands.train import preset
from netlist_gen.cost_estimate import linear_cost
from netlist_gen.errors import NetlistGenError
from netlist_gen.files import atomic_path
from netlist_gen.training.config import TrainingConfig
from netlist_gen.training.cost import loads
from netlist_gen.training.evaluate import evaluate_with_noise, normal_firing_curve

COLUMNS = (
    "target", "seed", "synapses", "junctions", "static_power_w", "max_fan_in",
    "validation", "test_lowest", "test_split", "test_wrong", "test_noisy", "seconds",
)  # fmt: skip


def measure(config: TrainingConfig, cache_dir: Path, noise: float) -> dict[str, float]:
    """Train one size and measure it; keys are COLUMNS without target and seed."""
    from netlist_gen.training.datasets import binarise, load_data
    from netlist_gen.training.trainer import train

    trained = train(config, cache_dir=cache_dir)
    network = trained.network
    cost = linear_cost().cost(loads(network))
    data = load_data(
        config.dataset, config.data_dir, seed=config.seed, validation=config.validation
    )
    (noisy,) = evaluate_with_noise(
        network,
        binarise(data.test_images, config.grey_levels),
        data.test_labels,
        normal_firing_curve(noise),
        seed=config.seed,
    )
    return {
        "synapses": network.synapses,
        "junctions": cost.junctions,
        "static_power_w": cost.static_power_w,
        "max_fan_in": network.max_fan_in,
        "validation": trained.validation.lowest if trained.validation else float("nan"),
        "test_lowest": trained.evaluation.lowest,
        "test_split": trained.evaluation.split,
        "test_wrong": trained.evaluation.wrong,
        "test_noisy": noisy.lowest,
        "seconds": trained.seconds,
    }


def read_rows(table: Path) -> list[dict[str, str]]:
    """Rows of a table begun before, or none."""
    if not table.is_file():
        return []
    with table.open(newline="") as stream:
        return list(csv.DictReader(stream))


def write_rows(table: Path, rows: list[dict[str, str]]) -> None:
    """The whole table, whole or not at all."""
    with atomic_path(table) as temporary, temporary.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)


def draw(rows: list[dict[str, str]], path: Path) -> None:
    """Accuracy against synapses and against junctions."""
    from netlist_gen.training.save import plot_curves

    lines = {"test": "test_lowest", "test, noisy neurons": "test_noisy"}
    panels = {
        axis: {
            name: [(float(row[axis]), float(row[column])) for row in rows]
            for name, column in lines.items()
        }
        for axis in ("synapses", "junctions")
    }
    plot_curves(panels, path)


@click.command(context_settings={"show_default": True})
@click.argument("dataset", type=click.Choice(["digits", "mnist"]))
@click.option("--data-dir", type=click.Path(path_type=Path, file_okay=False, exists=True))
@click.option("--synapses", "first", type=int, required=True, help="Sizes to train for.")
@click.argument("more", nargs=-1, type=int)
@click.option("--hidden", multiple=True, default=None)
@click.option("--fan-in", type=int, default=None)
@click.option("--epochs", type=int, default=None)
@click.option("--seeds", type=int, default=1, help="Seeds 0, 1, ... for each size.")
@click.option("--noise", type=float, default=0.3, help="Spread of a threshold, in synapses.")
@click.option("-o", "--output", type=click.Path(path_type=Path, file_okay=False), required=True)
def main(
    dataset: str,
    data_dir: Path | None,
    first: int,
    more: tuple[int, ...],
    hidden: tuple[str, ...],
    fan_in: int | None,
    epochs: int | None,
    seeds: int,
    noise: float,
    output: Path,
) -> None:
    """Train DATASET networks of several sizes; table and plot go to OUTPUT."""
    import torch

    torch.set_num_threads(1)
    output.mkdir(parents=True, exist_ok=True)
    table = output / "sweep.csv"
    values = preset(dataset)
    if data_dir is not None:
        values["data_dir"] = str(data_dir)
    if hidden:
        values["hidden"] = hidden
    if fan_in is not None:
        values["fan_in"] = (fan_in,)
    if epochs is not None:
        values["epochs"] = epochs
    base = TrainingConfig(**values)
    rows = read_rows(table)
    done = {(int(row["target"]), int(row["seed"])) for row in rows}
    for target in (first, *more):
        for seed in range(seeds):
            if (target, seed) in done:
                continue
            config = replace(base, max_synapses=target, seed=seed)
            found = measure(config, output / "cache", noise)
            rows.append({k: str(v) for k, v in {"target": target, "seed": seed, **found}.items()})
            write_rows(table, rows)
            click.echo(
                f"{target} synapses, seed {seed}: {found['test_lowest']:.2%} with "
                f"{found['synapses']} synapses, {found['junctions']:.0f} junctions"
            )
    draw(rows, output / "sweep.svg")
    click.echo(f"{table}, {output / 'sweep.svg'}")


if __name__ == "__main__":
    try:
        main()
    except NetlistGenError as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(error.exit_status)
