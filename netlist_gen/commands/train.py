"""``netlist-gen train``: parse, train, print. PyTorch is imported when the command runs."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

from netlist_gen.commands.common import RunInterruptedError
from netlist_gen.errors import ConfigurationError
from netlist_gen.options import completes, options_of
from netlist_gen.training.config import DATASETS, DEVICES, OWN, TrainingConfig
from netlist_gen.training.own_data import EncodeOptions

if TYPE_CHECKING:
    from netlist_gen.memory import Reset
    from netlist_gen.network import TernaryNetwork
    from netlist_gen.training.cost import CostModel, HardwareCost
    from netlist_gen.training.datasets import EncodedData
    from netlist_gen.training.places import Place
    from netlist_gen.training.trainer import EpochReport, TrainedNetwork

# What suits each data set; found on validation images (docs/training.md).
_PRESETS = {
    "digits": TrainingConfig(
        dataset="digits",
        hidden=("80",),
        population=3,
        fan_in=(16,),
        grey_levels=(5,),
        epochs=150,
        batch=32,
        learning_rate=1e-2,
        freeze_at=0.9,
        max_synapses=990,
    ),
    "mnist": TrainingConfig(
        dataset="mnist",
        hidden=("1024", "512"),
        population=20,
        fan_in=(32,),
        grey_levels=(100,),
        epochs=24,
        batch=256,
        learning_rate=3e-3,
        validation=5000,
        copies=12,
        distill=0.5,
        temperature=1.0,
        teacher_epochs=9,
        precision="bfloat16",
    ),
    OWN: TrainingConfig(
        dataset=OWN,
        hidden=("128",),
        population=4,
        fan_in=(32,),
        grey_levels=(),
        epochs=80,
        batch=64,
        learning_rate=5e-3,
        freeze_at=0.8,
    ),
}


output_option = click.option(
    "-o",
    "--output",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="Network to write: .pt, .npz, .safetensors or .nir.",
)
data_dir_option = click.option(
    "--data-dir",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder of the four MNIST IDX files, gzipped or not.",
)
threads_option = click.option(
    "--threads", type=click.IntRange(min=1), default=1, help="Threads of PyTorch."
)
device_option = click.option(
    "--device",
    type=click.Choice(DEVICES),
    default=DEVICES[0],
    help="Where network and teacher are trained: the processor or a GPU.",
)


@click.command(context_settings={"show_default": True})
@click.argument(
    "dataset", metavar="DATASET", shell_complete=completes(lambda: DATASETS, files=True)
)
@output_option
@click.option(
    "--also",
    multiple=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write the network here too, in the format of the extension.",
)
@data_dir_option
@options_of(TrainingConfig, unset=True)
@options_of(EncodeOptions)
@click.option(
    "--firing-curve",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Train with a measured firing curve (CSV: margin_synapses or margin_Phi0, probability).",
)
@threads_option
@device_option
@click.option(
    "--cache-dir",
    type=click.Path(path_type=Path, file_okay=False),
    help="Keep augmented images and the teacher's labels here between runs.",
)
@click.option("--resume", is_flag=True, help="Go on with an interrupted run (OUTPUT.state).")
@click.option(
    "--plot",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Plot validation accuracy against synapses and epochs (PNG or SVG).",
)
@click.argument("more_hidden", nargs=-1, metavar="")
def train(
    dataset: str,
    output: Path,
    also: tuple[Path, ...],
    threads: int,
    device: str,
    cache_dir: Path | None,
    resume: bool,
    plot: Path | None,
    more_hidden: tuple[str, ...],
    **options: Any,
) -> None:
    """Train a ternary spiking network on DATASET and write it to OUTPUT.

    DATASET is digits, mnist, or a user's own: an .npz file or a folder of .npy files with x_train,
    y_train, x_test and y_test, or x and y. Values become spikes by --encode.

    After each epoch the whole run is written to OUTPUT.state; an interrupted run goes on with
    --resume and ends with the same network as an unbroken one.
    """
    check_outputs((output, *also), plot)

    from netlist_gen.assembly.cost import CircuitCost, flux_per_synapse
    from netlist_gen.training.save import plot_history, save
    from netlist_gen.training.trainer import train as run_training

    place = begin(threads, device)
    hidden = (*options.pop("hidden", ()), *more_hidden)
    encode = EncodeOptions.among(options)
    options = {name: value for name, value in options.items() if not hasattr(encode, name)}
    curve = options.pop("firing_curve")
    config, data = training_of(dataset, hidden, curve, encode, options)
    config = replace(config, precision=precision_in(place, config.precision))
    check_membranes((output, *also), config)
    if data is not None:
        click.echo(f"{dataset}: {data.encoding.words}", err=True)
    cost_model = CircuitCost(config.population, steps=config.steps)
    state_file = state_of(output)
    click.echo(
        f"training on {dataset}: {' '.join(config.hidden)}, fan-in {config.fan_in}", err=True
    )
    with says_how_to_go_on(state_file):
        trained = run_training(
            config,
            show_epoch,
            cost_model=cost_model,
            flux_per_synapse=flux_per_synapse,
            state_file=state_file,
            resume=resume,
            cache_dir=cache_dir,
            data=data,
            place=place,
        )
    cost = price_of(trained.network, cost_model)
    save(trained, [output, *also], command_line(sys.argv[1:]), cost)
    if plot is not None:
        plot_history(trained.history, plot)
    state_file.unlink(missing_ok=True)
    show_result(output, trained, cost)


def begin(threads: int, device: str) -> Place:
    """Give PyTorch its threads; the place that a device is.

    Raises:
        ConfigurationError: there is no such device here.
    """
    import torch

    from netlist_gen.training.places import place_of

    torch.set_num_threads(threads)
    return place_of(device)


def precision_in(place: Place, asked: str) -> str:
    """The precision of a training as its place can do it; another than ``asked`` is told."""
    from netlist_gen.training.places import has_bfloat16

    if asked != "bfloat16" or has_bfloat16(place):
        return asked
    click.echo(
        "note: this processor has no instructions for bfloat16, PyTorch would take a hundred times "
        "as long: training in float32",
        err=True,
    )
    return "float32"


def check_outputs(networks: Sequence[Path], plot: Path | None = None) -> None:
    """Refuse files that can't be written before a run begins."""
    from netlist_gen.checkpoint.registry import known_suffix

    for path in (*networks, *([plot] if plot else [])):
        if not path.parent.is_dir():
            raise ConfigurationError(f"{path.parent} is not a directory; {path} can't be written")
    for path in networks:
        known_suffix(path)


def check_membranes(networks: Sequence[Path], config: TrainingConfig) -> None:
    """Refuse formats that can't hold a run's membranes before it begins."""
    from netlist_gen.checkpoint.registry import check_holds
    from netlist_gen.memory import Memory

    if config.reset is not None:
        amount = 1 if config.reset == "subtract" else None
        memory = Memory.of(cast("Reset", config.reset), 1, amount, config.beta)
        for path in networks:
            check_holds(path, [memory])


def state_of(output: Path) -> Path:
    """Where a run keeps its state after each epoch."""
    return output.with_name(output.name + ".state")


@contextmanager
def says_how_to_go_on(state_file: Path) -> Iterator[None]:
    """An interrupted run names the file from which it goes on."""
    try:
        yield
    except KeyboardInterrupt:
        kept = f"; go on with --resume from {state_file}" if state_file.is_file() else ""
        raise RunInterruptedError(f"interrupted{kept}") from None


def training_of(
    dataset: str,
    hidden: tuple[str, ...],
    firing_curve: Path | None,
    encode: EncodeOptions,
    options: Mapping[str, Any],
) -> tuple[TrainingConfig, EncodedData | None]:
    """A run on a data set of the tool's, or on a user's own and these; None for the tool's."""
    if dataset not in DATASETS:
        return own_training(Path(dataset), hidden, firing_curve, encode, options)
    if encode != EncodeOptions():
        raise ConfigurationError(
            f"--encode and its like are of own data; {dataset} has --grey-level"
        )
    return configuration(dataset, hidden, firing_curve, options), None


def own_training(
    path: Path,
    hidden: tuple[str, ...],
    firing_curve: Path | None,
    encode: EncodeOptions,
    options: Mapping[str, Any],
) -> tuple[TrainingConfig, EncodedData]:
    """A run on a user's own data, and these, encoded and split."""
    from netlist_gen.training.own_data import read_own_data

    if not path.exists():
        raise ConfigurationError(
            f"DATASET is {str(path)!r}; allowed are {', '.join(DATASETS)}, an .npz file or a "
            "folder of .npy files"
        )
    if options.get("grey_levels") or options.get("data_dir"):
        raise ConfigurationError("--grey-level and --data-dir are of digits and mnist")
    if options.get("distill") or options.get("copies"):
        raise ConfigurationError(
            "--distill and --copies are of digits and mnist; adapt is taught by a network of one's "
            "own"
        )
    own = read_own_data(path, encode)
    encoding = own.encoding(encode, options.get("steps"))
    data = own.encoded(encoding, options.get("validation", 0))
    given = {**options, "steps": encoding.steps, "own": own.name(encoding)}
    given["split_seed"] = encode.data_seed
    return configuration(OWN, hidden, firing_curve, given), data


def configuration(
    dataset: str,
    hidden: tuple[str, ...],
    firing_curve: Path | None,
    options: Mapping[str, Any],
) -> TrainingConfig:
    """What suits a data set, with the options that were given (those not None) on top."""
    from netlist_gen.training.noise import read_firing_curve

    base = _PRESETS[dataset]
    values = {k: v for k, v in options.items() if v is not None and v != ()}
    if "data_dir" in values:
        values["data_dir"] = str(values["data_dir"])
    if hidden:
        values["hidden"] = hidden
    levels = values.get("grey_levels", base.grey_levels)
    lines = max(values.get("pixel_lines", base.pixel_lines), 1)
    steps = values.setdefault("steps", max(len(levels) // lines, 1))
    if len(levels) != steps * lines and dataset != OWN and "grey_levels" not in values:
        values["grey_levels"] = spread_levels(steps * lines, 255 if dataset == "mnist" else 16)
    if firing_curve is not None:
        curve = read_firing_curve(firing_curve)
        values["firing_curve"] = tuple(zip(curve.margin, curve.probability, strict=True))
        values["firing_curve_unit"] = curve.unit
    return replace(base, **values)


_PLACES = (
    "--data-dir", "--data", "--cache-dir", "--plot", "--threads", "--also", "-o", "--output",
)  # fmt: skip


def command_line(arguments: Sequence[str]) -> str:
    """The command for a card: what decides the network, without places of one machine."""
    told: list[str] = []
    rest = iter(arguments)
    for argument in rest:
        name, equals, value = argument.partition("=")
        if name == "--resume":
            continue
        if name in _PLACES:
            value = value if equals else next(rest, "")
            if name == "--data":
                told += [name, Path(value).name]
            elif name == "--data-dir":
                told += [name, "DIR"]
            elif name in ("--also", "-o", "--output"):
                told += [name, Path(value).name]
        else:
            told.append(Path(argument).name if "/" in argument else argument)
    return shlex.join(["netlist-gen", *told])


def spread_levels(steps: int, brightest: int) -> tuple[int, ...]:
    """Grey levels that cut the range of grey into equal parts, highest first."""
    return tuple(round(brightest * (steps - i) / (steps + 1)) for i in range(steps))


def show_epoch(line: EpochReport) -> None:
    """What an epoch came to, or a note, on stderr."""
    if line.epoch == 0:
        click.echo(f"  {line.note}", err=True)
        return
    validation = "" if line.validation is None else f", validation {line.validation:.2%}"
    click.echo(
        f"  epoch {line.epoch:>4} of {line.epochs}: loss {line.loss:.4f}{validation}, "
        f"{line.synapses} synapses, {line.seconds:.0f} s",
        err=True,
    )


def price_of(network: TernaryNetwork, cost_model: CostModel) -> HardwareCost | None:
    """The quick price of a network's circuit; None where none is made, or for unknown steps."""
    if network.leaks or (network.has_memory and network.steps is None):
        return None
    return cost_model.cost(network.layers)


def show_result(output: Path, trained: TrainedNetwork, cost: HardwareCost | None) -> None:
    """The network's figures, on stdout."""
    junctions = "" if cost is None else f", {cost.junctions:.0f} junctions"
    network, accuracy = trained.network, trained.evaluation
    low, high = network.theta_range
    click.echo(
        f"{output}: {accuracy.lowest:.2%} of {accuracy.samples} held-out images "
        f"(ties split {accuracy.split:.2%}, ties wrong {accuracy.wrong:.2%}); "
        f"{network.synapses} synapses{junctions}, "
        f"fan-in up to {network.max_fan_in}, theta {low} to {high}, seed {trained.config.seed}"
    )
    if trained.noisy is not None:
        click.echo(f"with noise: {trained.noisy.lowest:.2%} of the held-out images")
