"""The networks of snnTorch's tutorials, trained and adapted: accuracy before and after.

::

    python benchmarks/adapt.py digits -o DIR
    python benchmarks/adapt.py mnist --data-dir MNIST -o DIR

``digits``: the fully connected network (beta 0.95, subtract, 25 steps, 1000 hidden neurons) on
scikit-learn's digits. ``mnist``: the convolutional one (12C5-MP2-64C5-MP2-1024FC10, beta 0.5). Each
is trained as its tutorial does, by the cross entropy of the output membranes over all steps, then
adapted by the command that is printed. One thread.
"""

from __future__ import annotations

import shlex
import time
from pathlib import Path

import click
import numpy as np
import snntorch as snn
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from netlist_gen.commands.adapt import adapt
from netlist_gen.training.datasets import GreyData, load_data

CONVOLUTIONAL = "conv, max 2, leaky, conv, max 2, leaky, linear, leaky"


def fully_connected() -> nn.Sequential:
    """That of tutorial 5, for 64 inputs."""
    return nn.Sequential(
        nn.Linear(64, 1000), snn.Leaky(beta=0.95), nn.Linear(1000, 10), snn.Leaky(beta=0.95)
    )


def convolutional() -> nn.Sequential:
    """That of tutorial 6."""
    return nn.Sequential(
        nn.Conv2d(1, 12, 5), nn.MaxPool2d(2), snn.Leaky(beta=0.5),
        nn.Conv2d(12, 64, 5), nn.MaxPool2d(2), snn.Leaky(beta=0.5),
        nn.Flatten(), nn.Linear(64 * 4 * 4, 10), snn.Leaky(beta=0.5),
    )  # fmt: skip


def run(net: nn.Sequential, x: Tensor, steps: int) -> tuple[Tensor, Tensor]:
    """Output spikes and membranes of all steps, (steps, samples, classes)."""
    memory: dict[int, Tensor] = {}
    spikes, membranes = [], []
    first = net[0](x)  # the same in every step
    for _ in range(steps):
        flow = first
        for index, module in enumerate(list(net)[1:]):
            if isinstance(module, snn.Leaky):
                flow, memory[index] = module(flow, memory.get(index, torch.zeros_like(flow)))
            else:
                flow = module(flow)
        spikes.append(flow)
        membranes.append(memory[len(net) - 2])
    return torch.stack(spikes), torch.stack(membranes)


def teach(
    net: nn.Sequential, x: Tensor, y: Tensor, *, steps: int, epochs: int, batch: int, rate: float
) -> None:
    """Train a network as the tutorials do."""
    optimiser = torch.optim.Adam(net.parameters(), lr=rate)
    total, done = epochs * (len(x) // batch), 0
    for epoch in range(epochs):
        began, running = time.monotonic(), 0.0
        for chosen in torch.randperm(len(x))[: len(x) // batch * batch].split(batch):
            for group in optimiser.param_groups:
                group["lr"] = rate * (1 + np.cos(np.pi * done / total)) / 2
            _, membranes = run(net, x[chosen], steps)
            wanted = y[chosen].repeat(steps)
            loss = functional.cross_entropy(membranes.flatten(0, 1), wanted) * steps
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            running, done = running + float(loss.detach()), done + 1
        click.echo(
            f"own training, epoch {epoch + 1} of {epochs}: loss {running * epochs / total:.3f}, "
            f"{time.monotonic() - began:.0f} s",
            err=True,
        )


def values(images: NDArray[np.uint8], data: GreyData) -> NDArray[np.float32]:
    """From 0 to 1, (samples, channels, height, width)."""
    scaled = (images / data.brightest).astype(np.float32)
    return scaled.reshape(len(images), *data.shape)


def keep(data: GreyData, path: Path) -> None:
    """Write the data as ``adapt`` takes them."""
    np.savez_compressed(
        path,
        x_train=values(data.train_images, data),
        y_train=data.train_labels,
        x_test=values(data.test_images, data),
        y_test=data.test_labels,
    )


def made_legal(net: nn.Sequential, folder: Path, words: list[str]) -> None:
    """Save a network and run the command on it."""
    torch.save(net.state_dict(), folder / "own.pt")
    given = [str(folder / "own.pt"), "--data", str(folder / "data.npz"), *words]
    given += ["-o", str(folder / "adapted.npz")]
    click.echo(shlex.join(["netlist-gen", "adapt", *given]))
    began = time.monotonic()
    adapt.main(given, standalone_mode=False)
    click.echo(f"adapted in {time.monotonic() - began:.0f} s")


@click.group()
def main() -> None:
    """The networks of snnTorch's tutorials, adapted."""
    torch.set_num_threads(1)
    torch.manual_seed(0)


_output = click.option(
    "-o", "--output", required=True, type=click.Path(path_type=Path, file_okay=False)
)


@main.command()
@_output
@click.option("--epochs", default=60, show_default=True, help="Of the adaptation.")
def digits(output: Path, epochs: int) -> None:
    """The fully connected one, on digits, to 4 steps."""
    output.mkdir(parents=True, exist_ok=True)
    data = load_data("digits")
    keep(data, output / "data.npz")
    net = fully_connected()
    x = torch.from_numpy(values(data.train_images, data)).flatten(1)
    y = torch.from_numpy(data.train_labels)
    teach(net, x, y, steps=25, epochs=15, batch=64, rate=1e-3)
    made_legal(net, output, ["--epochs", str(epochs)])


@main.command()
@_output
@click.option("--data-dir", required=True, type=click.Path(path_type=Path, file_okay=False))
@click.option("--own-steps", default=25, show_default=True, help="Of the network itself.")
@click.option("--own-epochs", default=1, show_default=True, help="Of its own training.")
@click.option("--own-rate", default=1e-2, show_default=True, help="Learning rate of that.")
@click.option("--epochs", default=10, show_default=True, help="Of the adaptation.")
def mnist(
    output: Path, data_dir: Path, own_steps: int, own_epochs: int, own_rate: float, epochs: int
) -> None:
    """The convolutional one, on MNIST, to 4 steps and a fan-in of 64."""
    output.mkdir(parents=True, exist_ok=True)
    data = load_data("mnist", str(data_dir))
    keep(data, output / "data.npz")
    net = convolutional()
    x = torch.from_numpy(values(data.train_images, data))
    y = torch.from_numpy(data.train_labels)
    teach(net, x, y, steps=own_steps, epochs=own_epochs, batch=128, rate=own_rate)
    words = ["--input-shape", "1,28,28", "--layers", CONVOLUTIONAL, "--own-steps", str(own_steps)]
    words += ["--epochs", str(epochs), "--batch", "128", "--precision", "bfloat16"]
    made_legal(net, output, words)


if __name__ == "__main__":
    main()
