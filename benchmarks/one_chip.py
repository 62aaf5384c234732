"""A network of three digit classes that one chip of the profile supersnn-5x5 can hold.

    python benchmarks/one_chip.py --data-dir DIR -o OUT [--images 100]

SuperSNN's chip (arXiv 2509.05532) tells {0, 1, 2} with 86.2 %. Here 28 x 28 pixels become 5 x 5
(means of 4 x 4 without the outer four rows and columns, 1 above grey level 64), so that every input
has a pad of its own. The network is trained, its accuracy told on all test images of these classes,
all its neurons certified, images simulated as one deck, and its budget printed.
"""

from __future__ import annotations

from pathlib import Path

import click
import numpy as np
import torch
from numpy.typing import NDArray
from stopwatch import timed

import netlist_gen as ng
from netlist_gen.assembly.cost import CircuitCost
from netlist_gen.checkpoint.registry import write_network
from netlist_gen.commands.budget import print_budget
from netlist_gen.commands.train import own_training
from netlist_gen.training.datasets import load_data
from netlist_gen.training.own_data import EncodeOptions
from netlist_gen.training.trainer import train

CLASSES = (0, 1, 2)
GREY = 64
SUPERSNN = 0.862


def reduced(images: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Images (samples, 28, 28) as 25 lines."""
    inner = images[:, 4:24, 4:24].astype(float)
    means = inner.reshape(-1, 5, 4, 5, 4).mean(axis=(2, 4))
    return np.asarray(means.reshape(-1, 25) > GREY)


@click.command()
@click.option("--data-dir", type=click.Path(path_type=Path, exists=True), required=True)
@click.option("--synapses", default=600)
@click.option("--images", default=100, help="Images that are simulated as one deck.")
@click.option("-o", "--output", type=click.Path(path_type=Path, file_okay=False), required=True)
def main(data_dir: Path, synapses: int, images: int, output: Path) -> None:
    """Train, count, certify and simulate."""
    torch.set_num_threads(1)
    output.mkdir(parents=True, exist_ok=True)
    data = load_data("mnist", str(data_dir))
    arrays = {}
    for name, own, labels in (
        ("train", data.train_images, data.train_labels),
        ("test", data.test_images, data.test_labels),
    ):
        chosen = np.isin(labels, CLASSES)
        arrays[f"x_{name}"] = reduced(own[chosen])
        arrays[f"y_{name}"] = labels[chosen].astype(np.int64)
    file = output / "three_classes.npz"
    np.savez_compressed(file, allow_pickle=False, **arrays)
    options = {
        "population": 4, "fan_in": (16,), "max_synapses": synapses, "validation": 2000,
        "epochs": 20,
    }  # fmt: skip
    config, encoded = own_training(file, ("40",), None, EncodeOptions(), options)
    with timed("training"):
        trained = train(config, cost_model=CircuitCost(config.population), data=encoded)
    network, x, y = trained.network, arrays["x_test"], arrays["y_test"]
    write_network(network, output / "three_classes.pt")
    click.echo(
        f"{network.synapses} synapses: {network.accuracy(x, y):.2%} of {len(x)} test images of "
        f"{', '.join(map(str, CLASSES))}; SuperSNN's chip {SUPERSNN:.1%}"
    )
    with timed("every neuron certified"):
        click.echo(repr(ng.verify(network, exhaustive=True, simulator="embedded")))
    with timed(f"{images} images as one deck"):
        run = ng.verify(
            network, x, y, output / "run", samples=images, scopes="network", simulator="embedded"
        )
        click.echo(repr(run))
    found = ng.performance(
        network, x, y, verified=output / "run", profile="supersnn-5x5", samples=1000
    )
    click.echo(repr(found))
    print_budget(found.budget)


if __name__ == "__main__":
    main()
