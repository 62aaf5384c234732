"""``netlist-gen search``: trials of training over a grid, accuracy against price."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from netlist_gen.commands.common import RunInterruptedError
from netlist_gen.commands.train import (
    begin,
    command_line,
    data_dir_option,
    device_option,
    precision_in,
    show_epoch,
    threads_option,
    training_of,
)
from netlist_gen.errors import ConfigurationError
from netlist_gen.options import completes, options_of
from netlist_gen.training.config import DATASETS, TrainingConfig
from netlist_gen.training.own_data import EncodeOptions

if TYPE_CHECKING:
    from netlist_gen.network import TernaryNetwork
    from netlist_gen.training.search import Point, Price, Trial

_SHOWN = {
    "synapses": "synapses",
    "junctions": "junctions",
    "current_A": "current, A",
    "static_nJ": "static energy at the wall, nJ",
}


@click.command(context_settings={"show_default": True})
@click.argument(
    "dataset", metavar="DATASET", shell_complete=completes(lambda: DATASETS, files=True)
)
@click.option(
    "-o",
    "--output",
    required=True,
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder for search.csv, search.svg and the networks.",
)
@click.option(
    "--vary",
    "vary",
    multiple=True,
    metavar="NAME=A,B,C",
    help="An option of train and its values; parts of a list joined by +. Once per option: all "
    "combinations are tried.",
)
@click.option(
    "--price",
    type=click.Choice(list(_SHOWN)),
    default="synapses",
    help="What the front holds accuracy against.",
)
@data_dir_option
@options_of(TrainingConfig, unset=True, leave_out=("reset", "beta"))
@options_of(EncodeOptions)
@threads_option
@device_option
def search(
    dataset: str,
    output: Path,
    vary: tuple[str, ...],
    price: str,
    threads: int,
    device: str,
    **options: Any,
) -> None:
    """Train DATASET by all combinations of what is varied; print and draw the Pareto front.

    Each trial's network and row are kept as it ends: the same command goes on with what is
    missing, and a trial that was interrupted where its last epoch ended. The front is chosen by
    validation accuracy, mean of the seeds.
    """
    from netlist_gen.assembly.cost import CircuitCost, flux_per_synapse
    from netlist_gen.training import search as trials
    from netlist_gen.training.save import save
    from netlist_gen.training.trainer import train

    grid = trials.variations(vary)
    place = begin(threads, device)
    output.mkdir(parents=True, exist_ok=True)
    encode = EncodeOptions.among(options)
    options = {name: value for name, value in options.items() if not hasattr(encode, name)}
    hidden = tuple(options.pop("hidden", ()))
    base, data = training_of(dataset, hidden, None, encode, options)
    base = replace(base, precision=precision_in(place, base.precision))
    if any("reset" in varied or "beta" in varied for varied in grid):
        raise ConfigurationError(
            "--vary names a reset or beta of membranes that last; a search holds accuracy against "
            "junctions and static energy, and takes these of neurons without memory only"
        )
    table = output / trials.TABLE
    rows = trials.read_table(table)
    for varied in grid:
        config = replace(base, **varied)
        key = trials.key_of(config)
        if key in {row.key for row in rows}:
            continue
        words = trials.in_words(varied)
        click.echo(f"{words or 'trial'}, seed {config.seed}", err=True)
        cost_model = CircuitCost(config.population)
        state = output / f"{key}.state"
        with _says_how_to_go_on():
            trained = train(
                config, show_epoch, cost_model=cost_model, flux_per_synapse=flux_per_synapse,
                state_file=state, resume=state.is_file(), cache_dir=output / "cache", data=data,
                place=place,
            )  # fmt: skip
        cost = cost_model.cost(trained.network.layers)
        save(trained, [output / f"{key}.pt"], command_line(sys.argv[1:]), cost)
        own = trained.evaluation
        rows.append(
            trials.Trial(
                key=key,
                varied=words,
                seed=config.seed,
                synapses=trained.network.synapses,
                max_fan_in=trained.network.max_fan_in,
                **asdict(_priced(trained.network, config.steps)),
                validation=(trained.validation or own).lowest,
                test_lowest=own.lowest,
                test_split=own.split,
                test_wrong=own.wrong,
                seconds=round(trained.seconds, 1),
            )
        )
        trials.write_table(table, rows)
        state.unlink(missing_ok=True)
    wanted = {trials.key_of(replace(base, **varied)) for varied in grid}
    _told(trials.points([row for row in rows if row.key in wanted], price))
    _drawn(rows, output / "search.svg")
    click.echo(f"{table}, {output / 'search.svg'}")


@contextmanager
def _says_how_to_go_on() -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        raise RunInterruptedError("interrupted; the same command goes on") from None


def _priced(network: TernaryNetwork, steps: int) -> Price:
    """A network's price by the cells of the library, at the design's clock."""
    from netlist_gen.assembly.cost import CircuitCost
    from netlist_gen.library.design import load_phases
    from netlist_gen.training.search import Price
    from verification.reference.options import COOLING_W_PER_W

    model = CircuitCost(network.population)
    cost = model.cost(network.layers)
    inference_J = cost.static_power_w * load_phases().period * steps
    return Price(
        junctions=round(cost.junctions),
        current_A=float(f"{cost.static_power_w / model.supply_voltage:.4g}"),
        static_nJ=float(f"{inference_J * COOLING_W_PER_W * 1e9:.4g}"),
    )


def _told(points: Sequence[Point]) -> None:
    """The points as a table, those on the front marked."""
    from rich.console import Console
    from rich.table import Table

    table = Table(title="Accuracy, mean of the seeds", title_justify="left")
    for name in ("", "varied"):
        table.add_column(name, overflow="fold")
    for name in ("seeds", *_SHOWN.values(), "validation", "test"):
        table.add_column(name, justify="right")
    for point in points:
        prices = (f"{point.mean(name):.4g}" for name in _SHOWN)
        table.add_row(
            "front" if point.front else "",
            point.varied,
            str(len(point.trials)),
            *prices,
            f"{point.mean('validation'):.2%}",
            f"{point.mean('test_lowest'):.2%}",
        )
    Console().print(table)


def _drawn(trials: Sequence[Trial], path: Path) -> None:
    """Accuracy on test images against each price, and the front of each."""
    from netlist_gen.training.save import plot_curves
    from netlist_gen.training.search import points

    panels = {}
    for column, label in _SHOWN.items():
        every = points(trials, column)
        panels[label] = {
            name: [(p.mean(column), p.mean("test_lowest")) for p in own]
            for name, own in (("trials", every), ("front", [p for p in every if p.front]))
        }
    plot_curves(panels, path, alone=("trials",))
