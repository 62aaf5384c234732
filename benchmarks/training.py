"""Accuracy of the integer model against synapses and against junctions.

Of networks that are there (the table of docs/training.md)::

    python benchmarks/training.py networks examples/*.pt --data-dir MNIST -o table/

and of networks that one recipe trains for each size and seed::

    python benchmarks/training.py sweep digits --synapses 300 500 700 990 --seeds 5 -o sweep/
    python benchmarks/training.py sweep mnist --data-dir MNIST --synapses 4400 9000 36000 -o sweep/

Junctions are those of the cell library's own circuits (netlist_gen/assembly/cost.py). Each
finished network of a sweep is a line of ``sweep.csv``; a repeated command trains only what is
missing.
"""

from __future__ import annotations

import csv
import statistics
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from netlist_gen.assembly.cost import CircuitCost, flux_per_synapse
from netlist_gen.checkpoint import read_checkpoint
from netlist_gen.commands.train import configuration
from netlist_gen.errors import ConfigurationError, NetlistGenError
from netlist_gen.files import atomic_path
from netlist_gen.network import TernaryNetwork
from netlist_gen.training.config import TrainingConfig
from netlist_gen.training.datasets import GreyData, binarise, load_data
from netlist_gen.training.evaluate import evaluate, evaluate_with_noise
from netlist_gen.training.noise import normal_curve

COLUMNS = (
    "network", "target", "seed", "steps", "synapses", "junctions", "static_power_w", "max_fan_in",
    "validation", "test_lowest", "test_split", "test_wrong", "test_noisy", "seconds",
)  # fmt: skip
Row = dict[str, str]


def measure(
    network: TernaryNetwork, data: GreyData, levels: Sequence[int], seed: int, noise_phi0: float
) -> dict[str, float]:
    """Size, cost and test accuracy of a network; keys are columns."""
    cost = CircuitCost(network.population).cost(network.layers)
    x = binarise(data.test_images, levels)
    exact = evaluate(network, x, data.test_labels)
    curve = normal_curve(noise_phi0, "Phi0")
    (noisy,) = evaluate_with_noise(
        network, x, data.test_labels, curve, seed=seed, flux_per_synapse=flux_per_synapse
    )
    return {
        "steps": len(levels),
        "synapses": network.synapses,
        "junctions": round(cost.junctions),
        "static_power_w": float(f"{cost.static_power_w:.4g}"),
        "max_fan_in": network.max_fan_in,
        "test_lowest": exact.lowest,
        "test_split": exact.split,
        "test_wrong": exact.wrong,
        "test_noisy": noisy.lowest,
    }


def as_row(facts: dict[str, Any]) -> Row:
    """All columns as text; what is not known is empty."""
    return {name: str(facts.get(name, "")) for name in COLUMNS}


def read_rows(table: Path) -> list[Row]:
    """Rows of a table begun before, or none."""
    if not table.is_file():
        return []
    with table.open(newline="") as stream:
        reader = csv.DictReader(stream)
        if tuple(reader.fieldnames or ()) != COLUMNS:
            raise ConfigurationError(
                f"{table} has the columns {', '.join(reader.fieldnames or ())}; a table of this "
                f"command has {', '.join(COLUMNS)}"
            )
        return list(reader)


def write_rows(table: Path, rows: list[Row]) -> None:
    """The whole table, whole or not at all."""
    with atomic_path(table) as temporary, temporary.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)


def draw(rows: list[Row], path: Path) -> None:
    """Accuracy against synapses and against junctions, exact and with noise."""
    from netlist_gen.training.save import plot_curves

    lines = {"integer model": "test_lowest", "with noise": "test_noisy"}
    panels = {
        axis: {
            name: [(float(row[axis]), float(row[column])) for row in rows]
            for name, column in lines.items()
        }
        for axis in ("synapses", "junctions")
    }
    plot_curves(panels, path)


@click.group()
def main() -> None:
    """Accuracy against synapses and against junctions."""


@main.command("networks", context_settings={"show_default": True})
@click.argument("nets", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--data-dir", type=click.Path(path_type=Path, file_okay=False, exists=True))
@click.option("--noise-flux", type=float, default=0.01, help="Spread of a decision, in Phi0.")
@click.option("-o", "--output", type=click.Path(path_type=Path, file_okay=False), required=True)
def networks(
    nets: tuple[Path, ...], data_dir: Path | None, noise_flux: float, output: Path
) -> None:
    """Measure NETS (trained by `netlist-gen train`) on their test images; one plot a data set."""
    output.mkdir(parents=True, exist_ok=True)
    rows: dict[str, list[Row]] = {}
    for net in nets:
        found = read_checkpoint(net)
        try:
            config = TrainingConfig.from_dict(found.card.extra["config"])
        except KeyError:
            raise ConfigurationError(f"{net} does not say how it was trained") from None
        directory = None if data_dir is None else str(data_dir)
        split = config.seed if config.split_seed is None else config.split_seed
        data = load_data(config.dataset, directory, seed=split)
        facts = measure(found.network, data, config.grey_levels, config.seed, noise_flux)
        rows.setdefault(config.dataset, []).append(
            as_row({"network": net.stem, "seed": config.seed, **facts})
        )
        click.echo(
            f"{net.stem}: {facts['test_lowest']:.2%} (split {facts['test_split']:.2%}, wrong "
            f"{facts['test_wrong']:.2%}, noise {facts['test_noisy']:.2%}), {facts['synapses']} "
            f"synapses, {facts['junctions']} junctions, fan-in {facts['max_fan_in']}"
        )
    write_rows(output / "networks.csv", [row for part in rows.values() for row in part])
    for dataset, part in rows.items():
        draw(part, output / f"{dataset}.svg")


@main.command("sweep", context_settings={"show_default": True})
@click.argument("dataset", type=click.Choice(["digits", "mnist"]))
@click.option("--data-dir", type=click.Path(path_type=Path, file_okay=False, exists=True))
@click.option("--synapses", "first", type=int, required=True, help="Sizes to train for.")
@click.argument("more", nargs=-1, type=int)
@click.option("--hidden", multiple=True, default=None)
@click.option("--population", type=int)
@click.option("--fan-in", multiple=True, type=int)
@click.option("--steps", type=int)
@click.option("--grey-level", "grey_levels", multiple=True, type=int)
@click.option("--epochs", type=int)
@click.option("--batch", type=int)
@click.option("--copies", type=int)
@click.option("--distill", type=float)
@click.option("--temperature", type=float)
@click.option("--teacher-epochs", type=int)
@click.option("--seeds", type=int, default=1, help="Seeds 0, 1, ... for each size.")
@click.option("--noise-flux", type=float, default=0.01, help="Spread of a decision, in Phi0.")
@click.option("-o", "--output", type=click.Path(path_type=Path, file_okay=False), required=True)
def sweep(
    dataset: str,
    first: int,
    more: tuple[int, ...],
    hidden: tuple[str, ...],
    seeds: int,
    noise_flux: float,
    output: Path,
    **options: Any,
) -> None:
    """Train DATASET networks of several sizes; table and plot go to OUTPUT."""
    import torch

    from netlist_gen.training.trainer import train

    torch.set_num_threads(1)
    output.mkdir(parents=True, exist_ok=True)
    table = output / "sweep.csv"
    base = configuration(dataset, hidden, None, options)
    rows = read_rows(table)
    done = {(int(row["target"]), int(row["seed"])) for row in rows}
    for target in (first, *more):
        for seed in range(seeds):
            if (target, seed) in done:
                continue
            config = replace(base, max_synapses=target, seed=seed)
            trained = train(config, cache_dir=output / "cache")
            data = load_data(dataset, config.data_dir, seed=seed, validation=config.validation)
            facts = measure(trained.network, data, config.grey_levels, seed, noise_flux)
            facts["seconds"] = round(trained.seconds)
            if trained.validation is not None:
                facts["validation"] = trained.validation.lowest
            rows.append(as_row({"network": dataset, "target": target, "seed": seed, **facts}))
            write_rows(table, rows)
            click.echo(
                f"{target} synapses, seed {seed}: {facts['test_lowest']:.2%} with "
                f"{facts['synapses']} synapses, {facts['junctions']} junctions"
            )
        found = [float(row["test_lowest"]) for row in rows if int(row["target"]) == target]
        click.echo(
            f"{target} synapses: mean {statistics.mean(found):.2%} of {len(found)} "
            f"({min(found):.2%} to {max(found):.2%})"
        )
    draw(rows, output / "sweep.svg")
    click.echo(f"{table}, {output / 'sweep.svg'}")


if __name__ == "__main__":
    try:
        main()
    except NetlistGenError as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(error.exit_status)
