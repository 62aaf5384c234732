"""Accuracy of the integer model against synapses and against junctions.

Of networks that are there (the table of docs/training.md)::

    python benchmarks/training.py networks examples/*.pt --data-dir MNIST -o table/

Junctions are those of the cell library's own circuits (netlist_gen/assembly/cost.py). Networks that
one recipe trains for each size and seed are ``netlist-gen search``'s.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from netlist_gen.assembly.cost import CircuitCost, flux_per_synapse
from netlist_gen.checkpoint import read_checkpoint
from netlist_gen.errors import ConfigurationError, NetlistGenError
from netlist_gen.files import atomic_path
from netlist_gen.network import TernaryNetwork
from netlist_gen.training.config import TrainingConfig
from netlist_gen.training.datasets import GreyData, binarise, load_data
from netlist_gen.training.evaluate import evaluate, evaluate_with_noise
from netlist_gen.training.noise import normal_curve

COLUMNS = (
    "network", "seed", "steps", "synapses", "junctions", "static_power_w", "max_fan_in",
    "test_lowest", "test_split", "test_wrong", "test_noisy",
)  # fmt: skip
Row = dict[str, str]


def measure(
    network: TernaryNetwork, data: GreyData, levels: Sequence[int], seed: int, noise_phi0: float
) -> dict[str, float]:
    """Size, cost and test accuracy of a network; keys are columns."""
    cost = CircuitCost(network.population).cost(network.layers)
    x = binarise(data.test_images, levels, network.inputs // data.side**2)
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
    plot_curves(panels, path, alone=tuple(lines))  # networks of several kinds: no line joins them


@click.group()
def main() -> None:
    """Accuracy against synapses and against junctions."""


@main.command("networks", context_settings={"show_default": True})
@click.argument("nets", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--data-dir", type=click.Path(path_type=Path, file_okay=False, exists=True))
@click.option("--noise-flux", type=float, default=0.0031, help="Spread of a decision, in Phi0.")
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


if __name__ == "__main__":
    try:
        main()
    except NetlistGenError as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(error.exit_status)
