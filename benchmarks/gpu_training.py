"""Training on a GPU: ``python benchmarks/gpu_training.py``; some three minutes on a large one.

First some steps from the same weights are made on both devices and held against each other. Then
networks of three sizes are trained on both: seconds of an epoch (the median without the first) and
test accuracy; last the teacher. Names of figures pick some. Images are MNIST's with ``--data-dir``,
else scikit-learn's digits, enlarged to 28 x 28 and distorted, as many as MNIST has for training.
Without a GPU it says so and ends; ``--here`` runs a GPU's operations on the processor, to try the
script itself.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import replace

import click
import numpy as np
import torch
from torch.nn import functional

from netlist_gen.errors import ConfigurationError, NetlistGenError
from netlist_gen.training.augment import Distortion, distort
from netlist_gen.training.config import TrainingConfig
from netlist_gen.training.datasets import Grey, GreyData, load_data
from netlist_gen.training.places import PROCESSOR, TENSORS, Place, place_of
from netlist_gen.training.pool import Pool
from netlist_gen.training.teacher import train_teacher
from netlist_gen.training.trainer import EpochReport, _TrainingRun, train

SIDE = 28
WHITE = 255
BASE = TrainingConfig(
    fan_in=(32,), population=10, grey_levels=(100,), batch=256, learning_rate=3e-3, epochs=8
)
NETWORKS = {
    "256": replace(BASE, hidden=("256",)),
    "1024-512": replace(BASE, hidden=("1024", "512")),
    "2048-1024": replace(BASE, hidden=("2048", "1024"), epochs=4),
}
KINDS = {
    "ternary": BASE,
    "sliding, noise on membranes": replace(BASE, slide_to=0.6, membrane_noise=0.3),
    "membranes that last": replace(BASE, steps=3, grey_levels=(50, 100, 200), reset="zero"),
    "convolution": replace(BASE, hidden=("c8k5s2", "p2", "64")),
}
STEPS = 10
WITHIN = 1e-3
"""What losses of the first steps may differ by, a share; noise is drawn anew on each device."""


def images(data_dir: str | None, count: int) -> GreyData:
    """MNIST, or as many enlarged and distorted digits."""
    if data_dir is not None:
        mnist = load_data("mnist", data_dir)
        return replace(
            mnist, train_images=mnist.train_images[:count], train_labels=mnist.train_labels[:count]
        )
    digits = load_data("digits")

    def enlarged(small: Grey) -> Grey:
        grey = torch.from_numpy(small).float().unsqueeze(1) * (WHITE / digits.brightest)
        large = functional.interpolate(grey, (SIDE, SIDE), mode="bilinear", align_corners=False)
        found: Grey = large.squeeze(1).round().to(torch.uint8).numpy()
        return found

    train_images = enlarged(digits.train_images)
    copies = -(-count // len(train_images))
    each = [distort(train_images, k + 1, Distortion(), WHITE) for k in range(copies)]
    return GreyData(
        np.concatenate(each)[:count],
        np.tile(digits.train_labels, copies)[:count],
        enlarged(digits.validation_images),
        digits.validation_labels,
        enlarged(digits.test_images),
        digits.test_labels,
        WHITE,
    )


def agreement(data: GreyData, place: Place) -> bool:
    """The first steps of each kind of network on both devices; whether they are the same."""
    good = True
    pool = Pool(data.train_images, data.train_labels, None, len(data.train_labels), None)
    for name, config in KINDS.items():
        losses = []
        for where in (PROCESSOR, place):
            run = _TrainingRun(config, data, pool, None, None, where)
            rows = np.random.default_rng(0).permutation(len(data.train_labels))
            found = []
            for step in range(STEPS):
                run._prepare(step)
                for layer in run.net.trained:
                    layer.noise = 0.0  # its draws are those of the device
                chosen = np.sort(rows[step * config.batch :][: config.batch])
                found.append(float(run._step(chosen)))
            losses.append(found)
        apart = [abs(a - b) / abs(a) for a, b in zip(*losses, strict=True)]
        # Later steps drift apart, since a decision that turns by rounding moves all that follows.
        agrees = apart[0] < WITHIN
        good = good and agrees
        click.echo(
            f"agreement, {name}: losses of the first step differ by {apart[0]:.1e}, of {STEPS} by "
            f"up to {max(apart):.1e}; {'agrees' if agrees else 'THEY DIFFER'}"
        )
    return good


def epochs(data: GreyData, places: dict[str, Place], precisions: Sequence[str]) -> None:
    """Seconds of an epoch and test accuracy of each network on each device."""
    for name, config in NETWORKS.items():
        for precision in precisions:
            alone = 0.0
            for where, place in places.items():
                ends: list[float] = []

                def note(line: EpochReport, ends: list[float] = ends) -> None:
                    if line.epoch:
                        ends.append(line.seconds)

                trained = train(replace(config, precision=precision), note, data=data, place=place)
                epoch = statistics.median(np.diff(ends).tolist())
                alone = alone or epoch
                click.echo(
                    f"epochs, {name}, {precision}, {where}: {epoch:.2f} s an epoch of "
                    f"{len(data.train_labels)} images ({alone / epoch:.1f} times the processor), "
                    f"the first {ends[0]:.2f} s with all that precedes it; after {config.epochs} "
                    f"{trained.evaluation.lowest:.2%} of {trained.evaluation.samples} test images"
                )


def teacher(data: GreyData, places: dict[str, Place]) -> None:
    """An epoch of the teacher on each device, with its labels of all images."""
    config = replace(BASE, teacher_epochs=1, precision="bfloat16")
    for where, place in places.items():
        begin = time.perf_counter()
        made = train_teacher(
            data.train_images, data.train_labels, data, config, lambda _: None, place.device
        )
        made.soft_labels(data.train_images)
        seconds = time.perf_counter() - begin
        right = np.mean(made.soft_labels(data.test_images).argmax(axis=1) == data.test_labels)
        click.echo(
            f"teacher, bfloat16, {where}: an epoch and {len(data.train_labels)} labels take "
            f"{seconds:.1f} s; {right:.2%} of the test images"
        )


@click.command(context_settings={"show_default": True})
@click.argument("figures", nargs=-1, type=click.Choice(["agreement", "epochs", "teacher"]))
@click.option("--data-dir", help="Folder of MNIST's four IDX files.")
@click.option("--images", "count", default=55_000, help="Training images.")
@click.option("--precision", default="float32", help="With commas, e.g. float32,bfloat16.")
@click.option("--threads", default=1, help="Threads of the processor.")
@click.option("--here", is_flag=True, help="A GPU's operations on the processor, without a GPU.")
def run(
    figures: tuple[str, ...],
    data_dir: str | None,
    count: int,
    precision: str,
    threads: int,
    here: bool,
) -> None:
    """Measure the FIGURES, all by default."""
    torch.set_num_threads(threads)
    place = Place(PROCESSOR.device, TENSORS) if here else place_of("cuda")
    name = "tensor operations" if here else torch.cuda.get_device_name(place.device)
    places = {f"processor, {threads} thread{'s' if threads > 1 else ''}": PROCESSOR, name: place}
    data = images(data_dir, count)
    click.echo(f"{name}; PyTorch {torch.__version__}; {count} images")
    if (not figures or "agreement" in figures) and not agreement(data, place):
        raise ConfigurationError("the devices differ by more than rounding")
    if not figures or "epochs" in figures:
        epochs(data, places, precision.split(","))
    if not figures or "teacher" in figures:
        teacher(data, places)


if __name__ == "__main__":
    try:
        run()
    except NetlistGenError as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(error.exit_status)
