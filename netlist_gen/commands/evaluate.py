"""``netlist-gen evaluate``: accuracy of the integer model, and of noisy neurons."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from netlist_gen.commands.train import data_dir_option, price_of
from netlist_gen.errors import ConfigurationError
from netlist_gen.options import options_of
from netlist_gen.samples import read_samples
from netlist_gen.training.config import DATASETS
from netlist_gen.training.own_data import EncodeOptions

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from netlist_gen.checkpoint.survey import Checkpoint
    from netlist_gen.network import TernaryNetwork
    from netlist_gen.training.chips import ChipRun
    from netlist_gen.training.evaluate import Evaluation
    from netlist_gen.training.noise import FiringCurve


@click.command(context_settings={"show_default": True})
@click.argument("net", type=click.Path(path_type=Path))
@click.option(
    "--dataset",
    type=click.Choice(DATASETS),
    help="The held-out images of a data set, as one-bit inputs.",
)
@data_dir_option
@click.option(
    "--grey-level",
    "grey_levels",
    multiple=True,
    type=int,
    help="Pixels above it are 1; once per step and line of a pixel [default: what NET says].",
)
@click.option("--split-seed", type=int, help="Of the digits split [default: what NET says].")
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    help="Own data: an .npz file or a folder of .npy files with x_test and y_test, or x and y.",
)
@options_of(EncodeOptions)
@click.option(
    "--steps", type=click.IntRange(min=1), help="Of --data, if NET does not say how they are seen."
)
@click.option(
    "--write-spikes",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="X.npy",
    help="Write the spikes of --dataset or --data here, labels to X.labels.npy: for verify.",
)
@click.option("--inputs", type=click.Path(path_type=Path), help="Spikes (.npy), for own data.")
@click.option("--labels", type=click.Path(path_type=Path), help="Labels (.npy), for own data.")
@click.option("--noise", "noise_sigma", type=float, help="Spread of the thresholds, in synapses.")
@click.option(
    "--noise-flux", type=float, help="Spread of the decision's edge in Phi0, as thermal noise has."
)
@click.option(
    "--firing-curve",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Measured firing curve (CSV: margin_synapses or margin_Phi0, probability).",
)
@click.option("--repeats", type=click.IntRange(min=1), default=3, help="Evaluations with noise.")
@click.option(
    "--chips",
    type=click.IntRange(min=1),
    help="Accuracy over so many chips, their neurons' edges drawn by --spread, each decision by a "
    "firing curve [default: that measured at 4.2 K].",
)
@click.option(
    "--spread",
    type=float,
    metavar="S",
    help="Of --chips: relative standard deviation of every Ic, L and R, e.g. 0.02.",
)
@click.option("--seed", type=click.IntRange(min=0), default=0, help="Of noise and chips.")
@click.option("--json", "as_json", is_flag=True, help="Print the same as JSON.")
def evaluate(net: Path, as_json: bool, **options: Any) -> None:
    """Print the accuracy of NET's integer model, with ties decided in three ways.

    "lowest": a tie goes to the lowest class, as `verify` decides; "split": a tie of k classes
    counts 1/k; "wrong": a tie counts nothing.
    """
    import numpy as np

    from netlist_gen.assembly.cost import CircuitCost, flux_per_synapse
    from netlist_gen.checkpoint.registry import read_checkpoint
    from netlist_gen.training.evaluate import evaluate as exact
    from netlist_gen.training.evaluate import evaluate_with_noise

    if (options["chips"] is None) != (options["spread"] is None):
        raise ConfigurationError("--chips and --spread go together; give both or none")
    checkpoint = read_checkpoint(net)
    network = checkpoint.network
    x, y = _samples(net, checkpoint, options)
    if options["write_spikes"] is not None:
        _write_samples(options["write_spikes"], x, y)
    curve = chosen_curve(options["noise_sigma"], options["noise_flux"], options["firing_curve"])
    cost = price_of(network, CircuitCost(network.population, steps=network.steps))
    found = exact(network, x, y)
    facts: dict[str, object] = {
        "file": str(net),
        "synapses": network.synapses,
        "max_fan_in": network.max_fan_in,
        "junctions": None if cost is None else cost.junctions,
        "accuracy": found.to_json(),
    }
    noisy: list[Evaluation] = []
    if curve is not None:
        noisy = evaluate_with_noise(
            network,
            x,
            y,
            curve,
            seed=options["seed"],
            repeats=options["repeats"],
            flux_per_synapse=flux_per_synapse,
        )
        facts |= {"noisy": [e.to_json() for e in noisy], "seed": options["seed"]}
    chips = _chips(network, x, y, curve, options)
    if chips is not None:
        facts["chips"] = chips.to_json()
    if as_json:
        click.echo(json.dumps(facts, indent=2))
        return
    junctions = "" if cost is None else f", about {cost.junctions:.0f} junctions"
    click.echo(
        f"{net}: {found.lowest:.2%} of {found.samples} images (ties split {found.split:.2%}, ties "
        f"wrong {found.wrong:.2%}, tied {found.tied:.2%}); {network.synapses} synapses, fan-in up "
        f"to {network.max_fan_in}{junctions}"
    )
    if noisy:
        rates = [e.lowest for e in noisy]
        click.echo(
            f"with noise: {np.mean(rates):.2%} ({min(rates):.2%} to {max(rates):.2%} in "
            f"{len(rates)} evaluations, seed {options['seed']})"
        )
    if chips is not None:
        _print_chips(chips, found)


def _chips(
    network: TernaryNetwork,
    x: NDArray[np.bool_],
    y: NDArray[np.int64],
    curve: FiringCurve | None,
    options: Mapping[str, Any],
) -> ChipRun | None:
    """As many chips as the options say, by the library's spread and, unless told, firing curve."""
    if options["chips"] is None:
        return None
    from netlist_gen.assembly.cost import flux_per_synapse
    from netlist_gen.commands.common import progress_bars
    from netlist_gen.library.spread import load_spread
    from netlist_gen.resources import resource_dir
    from netlist_gen.training.chips import ChipFigures, ChipRun, EdgeShift, evaluate_chips
    from netlist_gen.training.noise import read_firing_curve

    table = load_spread()
    spread = table.at(options["spread"])
    noise = "as asked for"
    if curve is None:
        path = resource_dir("cells") / "design" / "firing_curve.csv"
        curve, noise = read_firing_curve(path), f"firing curve at 4.2 K ({path.name})"
    count, seed = options["chips"], options["seed"]
    with progress_bars() as progress:
        found = evaluate_chips(
            network,
            x,
            y,
            curve,
            EdgeShift(spread.local, spread.common),
            chips=count,
            seed=seed,
            flux_per_synapse=flux_per_synapse,
            tick=lambda done: progress("chips", done, count),
        )
    return ChipRun(
        spread=spread.elements,
        local_Phi0=spread.local,
        global_Phi0=spread.common,
        source=f"{table.path.name}: {table.source}",
        noise=noise,
        figures=ChipFigures.of(found, seed),
    )


def _print_chips(run: ChipRun, nominal: Evaluation) -> None:
    from rich.console import Console
    from rich.table import Table

    figures = run.figures
    title = f"{figures.chips} chips, seed {figures.seed}"
    table = Table(title=title, title_justify="left")
    table.add_column("chips", no_wrap=True)
    for rule in figures.quantiles:
        table.add_column(f"ties {rule}", justify="right")
    exact = (f"{getattr(nominal, rule):.2%}" for rule in figures.quantiles)
    table.add_row("as designed, no noise", *exact)
    for name in next(iter(figures.quantiles.values())):
        row = (f"{by_name[name]:.2%}" for by_name in figures.quantiles.values())
        table.add_row(f"{name} are below", *row)
    Console().print(table)
    click.echo(
        f"spread {run.spread:g} of Ic, L and R: edges by {run.local_Phi0:.4f} Phi0 from neuron to "
        f"neuron, {run.global_Phi0:.4f} Phi0 from chip to chip ({run.source}); noise: {run.noise}"
    )


def chosen_curve(
    noise_sigma: float | None, noise_flux: float | None, firing_curve: Path | None
) -> FiringCurve | None:
    """The firing curve that the options name, or None without any of them."""
    from netlist_gen.training.noise import normal_curve, read_firing_curve

    if sum(option is not None for option in (noise_sigma, noise_flux, firing_curve)) > 1:
        raise ConfigurationError(
            "--noise, --noise-flux and --firing-curve exclude each other; one of them is allowed"
        )
    if firing_curve is not None:
        return read_firing_curve(firing_curve)
    if noise_flux is not None:
        return normal_curve(noise_flux, "Phi0")
    return None if noise_sigma is None else normal_curve(noise_sigma)


def _samples(
    net: Path, checkpoint: Checkpoint, options: Mapping[str, Any]
) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    """Spikes and labels that the options name."""
    given = (options["inputs"], options["labels"])
    ways = [options["dataset"], options["data"], None if given == (None, None) else given]
    if sum(way is not None for way in ways) != 1 or (ways[2] is not None and None in given):
        raise ConfigurationError(
            "images are needed: either --dataset, or --data, or --inputs and --labels"
        )
    encode = EncodeOptions.among(options)
    if options["data"] is None and replace(encode, time_first=False) != EncodeOptions():
        raise ConfigurationError("--encode and its like are of --data")
    if options["write_spikes"] and ways[2] is not None:
        raise ConfigurationError(
            "--write-spikes is of --dataset and --data; --inputs are spikes already"
        )
    if options["data"] is not None:
        return _own_samples(net, checkpoint, encode, options)
    if options["dataset"] is None:
        found = read_samples(
            checkpoint.network,
            *given,
            steps=checkpoint.card.steps,
            time_first=options["time_first"],
        )
        assert found.labels is not None
        return found.inputs, found.labels
    return _images(net, checkpoint.card.extra, checkpoint.network.inputs, options)


def _own_samples(
    net: Path, checkpoint: Checkpoint, encode: EncodeOptions, options: Mapping[str, Any]
) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    """Spikes and labels of a user's held-out data, seen as the network's card says."""
    from netlist_gen.encoding import Encoding
    from netlist_gen.training.own_data import read_own_data, whole

    extra = checkpoint.card.extra
    stated, config = extra.get("encoding"), extra.get("config")
    config = config if isinstance(config, Mapping) else {}
    split_seed = config.get("split_seed")
    if type(split_seed) is int and not encode.data_seed:
        encode = replace(encode, data_seed=split_seed)
    known = None if stated is None else Encoding.from_json(stated, f"{net}: encoding")
    told = encode.encode is not None or encode.level is not None
    if known is not None and known.timed and not encode.time_first:
        encode = replace(encode, timed=True)
    own = read_own_data(options["data"], encode, checkpoint.network.inputs)
    if own.split != "x_test":
        if not str(config.get("own")).startswith(own.digest):
            own = whole(own)  # it was trained on others
        elif type(split_seed) is int and encode.data_seed != split_seed:
            raise ConfigurationError(
                f"--data-seed is {encode.data_seed}; {net} was trained on these data with "
                f"{split_seed}, and samples of its training would be measured"
            )
    if known is None or told:
        known = own.encoding(encode, options["steps"] or checkpoint.card.steps)
    elif own.timed != known.timed:
        raise ConfigurationError(
            f"{options['data']}: its samples have {'an' if own.timed else 'no'} axis of steps; "
            f"{net} was trained on {known.words}"
        )
    spikes = checkpoint.network.check_inputs(known(own.test))
    click.echo(f"note: {options['data']}: measured on {own.split}", err=True)
    return spikes, own.test_labels


def _write_samples(path: Path, x: NDArray[np.bool_], labels: NDArray[np.int64]) -> None:
    """Spikes to a file, and labels beside it, in the form that verify takes."""
    import numpy as np

    from netlist_gen.files import atomic_path

    for target, array in ((path, x), (path.with_suffix(".labels.npy"), labels)):
        with atomic_path(target) as part, part.open("wb") as stream:
            np.save(stream, array)


def _images(
    net: Path, extra: Mapping[str, object], width: int, options: Mapping[str, Any]
) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    """Spikes and labels of a data set's held-out images."""
    from netlist_gen.training.datasets import binarise, load_data

    dataset = options["dataset"]
    levels = options["grey_levels"] or extra.get("grey_levels")
    if not isinstance(levels, list | tuple) or not levels:
        raise ConfigurationError(f"{net} does not say its grey level; --grey-level does")
    seed = options["split_seed"]
    if seed is None and dataset == "digits":
        config = extra.get("config")
        given = config if isinstance(config, Mapping) else {}
        seed = given.get("split_seed")
        seed = given.get("seed") if seed is None else seed
        if seed is None:
            raise ConfigurationError(
                f"{net} does not say which digits it was trained on; --split-seed does"
            )
    directory = options["data_dir"]
    data = load_data(dataset, None if directory is None else str(directory), seed=seed or 0)
    lines, rest = divmod(width, data.side**2)
    if rest or not lines:
        raise ConfigurationError(
            f"{net} has {width} inputs; images of {dataset} have {data.side**2} pixels, and as "
            "many or a multiple of them are needed"
        )
    if len(levels) % lines:
        raise ConfigurationError(
            f"{net} has {lines} lines of a pixel, and {len(levels)} grey levels are given; a "
            f"multiple of {lines} is needed"
        )
    return binarise(data.test_images, levels, lines), data.test_labels
