"""``netlist-gen convert``: a network in another format, made ternary on the way if asked."""

from __future__ import annotations

from pathlib import Path

import click

from netlist_gen.commands.common import names_network
from netlist_gen.commands.train import output_option
from netlist_gen.errors import ConfigurationError


@click.command()
@click.argument("net", type=click.Path(path_type=Path))
@output_option
@click.option("--ternarize", is_flag=True, help="Make weights ternary that are not.")
@click.option(
    "--fan-in", type=int, help="With --ternarize: most synapses per neuron, the largest weights."
)
@click.option("--steps", type=int, help="Steps it will run for; 1 admits neurons with memory.")
@click.option("--population", type=int, help="Output neurons per class, if NET does not say.")
@click.option("--inputs", type=click.Path(path_type=Path), help="Spikes (.npy), for the accuracy.")
@click.option("--labels", type=click.Path(path_type=Path), help="Labels (.npy), for the accuracy.")
@names_network
def convert(
    net: Path,
    output: Path,
    ternarize: bool,
    fan_in: int | None,
    steps: int | None,
    population: int | None,
    inputs: Path | None,
    labels: Path | None,
) -> None:
    """Read NET and write it to OUTPUT, with what was changed on the way.

    Weights of each neuron that are ternary times one scale, biases and batch norms are folded
    exactly. Other weights are refused, or made ternary with --ternarize: those within 0.7 of the
    mean magnitude of their neuron become 0, the others -1 or +1 times their mean magnitude.
    """
    from netlist_gen.checkpoint.real import by_magnitude
    from netlist_gen.checkpoint.registry import read_checkpoint, write_network
    from netlist_gen.samples import read_samples

    if fan_in is not None and not ternarize:
        raise ConfigurationError("--fan-in drops weights: it needs --ternarize")
    if (inputs is None) != (labels is None):
        raise ConfigurationError("an accuracy needs both --inputs and --labels")
    rule = by_magnitude(fan_in) if ternarize else None
    found = read_checkpoint(net, steps=steps, population=population, ternarize=rule)
    network, card = found.network, found.card
    extra = {**card.extra, "converted_from": {**card.as_dict(), "extra": {}}}
    made: dict[str, object] = {"fan_in": fan_in}
    for note in card.notes:
        click.echo(f"note: {note}")
    if inputs is not None:
        samples = read_samples(network, inputs, labels)
        x, y = samples.inputs, samples.labels
        assert y is not None
        after = network.accuracy(x, y)
        if ternarize and found.real is not None:
            before = found.real.accuracy(x, y, network.population)
            made |= {"samples": len(y), "before": before, "after": after}
            click.echo(
                f"accuracy: {before:.2%} with the file's own weights, {after:.2%} "
                f"with ternary ones ({len(y)} samples)"
            )
        else:
            click.echo(f"accuracy: {after:.2%} of {len(y)} samples")
    write_network(network, output, {**extra, "ternarized": made} if ternarize else extra)
    low, high = network.theta_range
    click.echo(
        f"{output}: {network.synapses} synapses, fan-in up to {network.max_fan_in}, "
        f"theta {low} to {high}"
    )
