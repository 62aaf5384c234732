"""``netlist-gen convert``: a network in another format, made ternary on the way if asked."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from netlist_gen.commands.common import (
    STEPS_HELP,
    layout_options,
    names_network,
)
from netlist_gen.commands.train import output_option
from netlist_gen.errors import ConfigurationError
from netlist_gen.library.options import TIME_FIRST_HELP

if TYPE_CHECKING:
    from netlist_gen.checkpoint.survey import Checkpoint
    from netlist_gen.network import TernaryNetwork
    from netlist_gen.samples import Samples


LOSS_WORTH_A_WORD = 0.01
"""Share of samples lost from which making weights ternary is said to be too rough."""


@click.command()
@click.argument("net", type=click.Path(path_type=Path))
@output_option
@click.option("--ternarize", is_flag=True, help="Make weights ternary that are not.")
@click.option(
    "--fan-in", type=int, help="With --ternarize: most synapses per neuron, the largest weights."
)
@click.option("--steps", type=int, help=STEPS_HELP)
@click.option("--population", type=int, help="Output neurons per class, if NET does not say.")
@layout_options
@click.option("--inputs", type=click.Path(path_type=Path), help="Spikes (.npy), for the accuracy.")
@click.option("--labels", type=click.Path(path_type=Path), help="Labels (.npy), for the accuracy.")
@click.option("--time-first", is_flag=True, help=TIME_FIRST_HELP)
@click.option(
    "--own-steps",
    type=click.IntRange(min=1),
    help="Steps for which NET itself was trained, for its own accuracy [default: those of the "
    "spikes].",
)
@click.option("--allow-dead", is_flag=True, help="Write a network with a dead layer.")
@names_network
def convert(
    net: Path,
    output: Path,
    ternarize: bool,
    fan_in: int | None,
    steps: int | None,
    population: int | None,
    input_shape: str | None,
    layers: str | None,
    inputs: Path | None,
    labels: Path | None,
    time_first: bool,
    own_steps: int | None,
    allow_dead: bool,
) -> None:
    """Read NET and write it to OUTPUT, with what was changed on the way.

    Weights of each neuron that are ternary times one scale, biases and batch norms are folded
    exactly, convolutions and pooling unrolled. Membranes that last (beta 1) stay, without biases;
    --steps says for how many steps a circuit gives them room. Other weights are refused, or made
    ternary with --ternarize: those within 0.7 of the mean magnitude of their neuron become 0, the
    others -1 or +1 times their mean magnitude. What that costs is told where spikes and labels are
    given; `netlist-gen adapt` loses less.
    """
    from netlist_gen.checkpoint.real import by_magnitude
    from netlist_gen.checkpoint.registry import read_checkpoint, write_network
    from netlist_gen.firing import require_alive
    from netlist_gen.samples import read_samples

    if fan_in is not None and not ternarize:
        raise ConfigurationError("--fan-in drops weights: it needs --ternarize")
    if (inputs is None) != (labels is None):
        raise ConfigurationError("an accuracy needs both --inputs and --labels")
    found = read_checkpoint(
        net,
        steps=steps,
        population=population,
        ternarize=by_magnitude(fan_in) if ternarize else None,
        input_shape=input_shape,
        layers=layers,
    )
    network, card = found.network, found.card
    if not allow_dead:
        require_alive(network)
    extra = {**card.extra, "converted_from": {**card.as_dict(), "extra": {}}}
    if steps is not None:
        extra["steps"] = steps
    made: dict[str, object] = {"fan_in": fan_in}
    for note in card.notes:
        click.echo(f"note: {note}")
    rough = found.stack is not None and (ternarize or card.max_steps == 1)
    if inputs is not None:
        samples = read_samples(network, inputs, labels, steps=steps, time_first=time_first)
        made |= _accuracies(found, samples, own_steps if rough else None, rough=rough)
    elif rough:
        click.echo(
            "note: what this costs is not known; --inputs and --labels tell it, `netlist-gen "
            f"adapt {net} --data DATA.npz -o {output}` loses less"
        )
    write_network(network, output, {**extra, "ternarized": made} if ternarize else extra)
    low, high = network.theta_range
    click.echo(
        f"{output}: {network.synapses} synapses, fan-in up to {network.max_fan_in}, "
        f"theta {low} to {high}{_lasting(network)}"
    )


def _lasting(network: TernaryNetwork) -> str:
    """What is said of membranes that last."""
    if not network.has_memory:
        return ""
    room = "a number of steps left open" if network.steps is None else f"{network.steps} steps"
    return f", membranes last, room for {room}"


def _accuracies(
    found: Checkpoint, samples: Samples, own_steps: int | None, *, rough: bool
) -> dict[str, object]:
    """Accuracy of the integer network, and of the file's own where it is another; printed."""
    x, y = samples.inputs, samples.labels
    assert y is not None
    after = found.network.accuracy(x, y)
    if not rough:
        click.echo(f"accuracy: {after:.2%} of {len(y)} samples")
        return {}
    from netlist_gen.training.own_network import OwnNetwork

    assert found.stack is not None
    timed = x.ndim == 3
    steps = x.shape[1] if timed else own_steps or 1
    own = OwnNetwork(found.stack)
    before = own.accuracy(x, y, found.network.population, steps, timed=timed)
    click.echo(
        f"accuracy: {before:.2%} as the file has it ({steps} step{'s' if steps > 1 else ''}), "
        f"{after:.2%} as it is written ({len(y)} samples)"
    )
    if before - after >= LOSS_WORTH_A_WORD:
        click.echo(
            f"warning: {100 * (before - after):.1f} points are lost; `netlist-gen adapt` "
            "fine-tunes the network on its owner's data",
            err=True,
        )
    return {"samples": len(y), "before": before, "after": after}
