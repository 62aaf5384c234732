"""``netlist-gen adapt``: a user's own network made legal, on the user's own data."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from netlist_gen.commands.common import layout_options, names_network
from netlist_gen.commands.train import (
    begin,
    check_membranes,
    check_outputs,
    command_line,
    device_option,
    output_option,
    precision_in,
    price_of,
    says_how_to_go_on,
    show_epoch,
    show_result,
    state_of,
    threads_option,
)
from netlist_gen.options import options_of
from netlist_gen.training.adapt_options import AdaptOptions
from netlist_gen.training.own_data import EncodeOptions

if TYPE_CHECKING:
    from netlist_gen.checkpoint.survey import Survey
    from netlist_gen.training.adapt import Adaptation


@click.command(context_settings={"show_default": True})
@click.argument("net", type=click.Path(path_type=Path))
@click.option(
    "--data",
    required=True,
    type=click.Path(path_type=Path),
    help="What NET is fed: an .npz file or a folder of .npy files with x_train, y_train, x_test "
    "and y_test, or x and y.",
)
@output_option
@options_of(AdaptOptions)
@options_of(EncodeOptions)
@layout_options
@click.option(
    "--own-population",
    type=click.IntRange(min=1),
    help="NET's own output neurons per class [default: what it says, else 1].",
)
@threads_option
@device_option
@click.option("--resume", is_flag=True, help="Go on with an interrupted run (OUTPUT.state).")
@names_network
def adapt(
    net: Path,
    data: Path,
    output: Path,
    input_shape: str | None,
    layers: str | None,
    own_population: int | None,
    threads: int,
    device: str,
    resume: bool,
    **options: Any,
) -> None:
    """Make any snnTorch network NET one that the circuit computes exactly; write it to OUTPUT.

    NET may have any beta and reset, real weights, convolutions and pooling. Its structure and
    weights are what training starts from, and NET itself, running on the values of --data for its
    own steps, is the teacher. OUTPUT has ternary weights, at most --fan-in synapses per neuron and
    integer thresholds, and sees --steps steps of spikes, without memory or with --reset. The
    accuracy on held-out samples is told step by step.
    """
    check_outputs([output])
    place = begin(threads, device)
    from netlist_gen.checkpoint.registry import survey_checkpoint

    found = survey_checkpoint(
        net, population=own_population, input_shape=input_shape, layers=layers
    )
    chosen = AdaptOptions.among(options)
    chosen = replace(chosen, precision=precision_in(place, chosen.precision))
    run = prepared_run(found, data, EncodeOptions.among(options), chosen)
    check_membranes([output], run.config)

    from netlist_gen.assembly.cost import CircuitCost
    from netlist_gen.training.adapt import adapt as run_adaptation
    from netlist_gen.training.save import save

    click.echo(
        f"adapting {net}: {' '.join((*run.config.hidden, str(run.classes)))} x "
        f"{chosen.population}, {run.data.encoding.words}",
        err=True,
    )
    cost_model = CircuitCost(chosen.population, steps=run.config.steps)
    with says_how_to_go_on(state_of(output)):
        adapted = run_adaptation(
            run, show_epoch, cost_model=cost_model, state_file=state_of(output), resume=resume,
            place=place,
        )  # fmt: skip
    cost = price_of(adapted.trained.network, cost_model)
    more: dict[str, object] = {
        "adapted_from": {**found.card.as_dict(), "file": net.name, "extra": {}},
        "taught_by": adapted.taught,
        "stages": [stage.to_json() for stage in adapted.stages],
    }
    save(adapted.trained, [output], command_line(sys.argv[1:]), cost, more)
    state_of(output).unlink(missing_ok=True)
    click.echo(f"held out: {run.own.split}; taught by {adapted.taught}")
    for stage in adapted.stages:
        click.echo(stage.line)
    show_result(output, adapted.trained, cost)


def prepared_run(
    found: Survey, data: Path, encode: EncodeOptions, options: AdaptOptions
) -> Adaptation:
    """An adaptation, its network and data held against each other.

    Raises:
        NetlistGenError: modules that are not known, or data that do not go with the network.
    """
    import math

    from netlist_gen.checkpoint.obstacles import ObstacleError
    from netlist_gen.training.adapt import prepare
    from netlist_gen.training.own_data import read_own_data

    lost = [each for each in found.obstacles if each.kind in ("layout", "numbers")]
    if found.stack is None or lost:
        raise ObstacleError(lost)
    own = read_own_data(data, encode, math.prod(found.stack.input_shape))
    encoding = own.encoding(encode, options.steps)
    encoded = own.encoded(encoding, options.validation, found.stack.input_shape)
    return prepare(found.stack, found.card.population, own, encoded, options, found.card.steps)
