"""``netlist-gen inspect``: what a network is and what its circuit costs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from netlist_gen.commands.budget import print_budget
from netlist_gen.commands.common import STEPS_HELP, layout_options, names_network
from netlist_gen.errors import ConfigurationError, NetworkError
from netlist_gen.library.chip import NO_PROFILE, ProfileOptions
from netlist_gen.library.options import ClockOptions
from netlist_gen.options import options_of
from netlist_gen.training.own_data import EncodeOptions

if TYPE_CHECKING:
    from netlist_gen.circuit.rules_report import RulesReport
    from netlist_gen.inspection import Inspection, LayerInspection
    from netlist_gen.training.adapt import Stage


@click.command("inspect")
@click.argument("net", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print the same as JSON.")
@click.option("--rules", is_flag=True, help="Hold it against the process's rules of drawing.")
@click.option("--steps", type=click.IntRange(min=1), help=STEPS_HELP)
@layout_options
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    help="What NET is fed (.npz, or a folder of .npy): tell the accuracy that is lost on the way.",
)
@click.option(
    "--own-steps", type=click.IntRange(min=1), help="With --data: steps for which NET itself runs."
)
@options_of(EncodeOptions)
@options_of(ClockOptions)
@options_of(ProfileOptions)
@names_network
def inspect(
    net: Path,
    as_json: bool,
    rules: bool,
    steps: int | None,
    input_shape: str | None,
    layers: str | None,
    data: Path | None,
    own_steps: int | None,
    **options: Any,
) -> None:
    """Print the semantics, layers and circuit cost of NET; with --rules, what can't be drawn.

    With --profile, what it takes of a chip is printed, and what is more than that chip has.

    Where NET can't be built as it is, every reason is listed, with what removes it and one command
    that removes all; the exit status is then 2. With --data the accuracy of NET is told as it is,
    on the circuit's spikes, without memory, and made ternary by magnitude.
    """
    from netlist_gen.inspection import inspect_checkpoint

    found = inspect_checkpoint(
        net,
        ClockOptions.among(options),
        rules=rules,
        profile=ProfileOptions.among(options).profile,
        steps=steps,
        input_shape=input_shape,
        layers=layers,
    )
    costs: tuple[Stage, ...] = ()
    if data is not None:
        from netlist_gen.checkpoint.registry import survey_checkpoint
        from netlist_gen.commands.adapt import prepared_run
        from netlist_gen.training.adapt import rough_stages
        from netlist_gen.training.adapt_options import AdaptOptions

        survey = survey_checkpoint(net, steps=steps, input_shape=input_shape, layers=layers)
        if not found.obstacles:
            raise ConfigurationError(
                f"{net} can be built as it is; `netlist-gen evaluate {net} --data {data}` tells "
                "its accuracy"
            )
        chosen = AdaptOptions(own_steps=own_steps, steps=steps)
        run = prepared_run(survey, data, EncodeOptions.among(options), chosen)
        costs = rough_stages(run)
    if as_json:
        facts = found.to_json()
        if data is not None:
            facts["stages"] = [stage.to_json() for stage in costs]
        click.echo(json.dumps(facts, indent=2))
    else:
        print_inspection(found)
        for stage in costs:
            click.echo(stage.line)
    if found.obstacles:
        reasons = "1 reason" if len(found.obstacles) == 1 else f"{len(found.obstacles)} reasons"
        raise NetworkError(f"{net}: it can't be built as it is, for {reasons} (listed above)")


def print_inspection(found: Inspection) -> None:
    """What a network is, in lines."""
    card, circuit = found.card, found.circuit
    click.echo(f"{found.file}: {card.source_format}, {card.threshold_rule}")
    click.echo(
        f"reset {card.reset}, beta {card.beta:g}, population {found.population} x "
        f"{found.classes} classes, tie to the {card.tie_rule}"
    )
    for note in card.notes:
        click.echo(f"note: {note}")
    for line in found.modules:
        click.echo(f"module {line}")
    for index, layer in enumerate(found.layers):
        click.echo(
            f"layer {index}: {layer.inputs} -> {layer.outputs}, {layer.synapses} synapses, fan-in "
            "{} to {}, theta {} to {}, n {} to {}".format(*layer.fan_in, *layer.theta, *layer.n)
            + _lasting(layer)
        )
        if layer.never or layer.always:
            click.echo(
                f"note: of layer {index}, {layer.never} neurons can never fire, {layer.always} "
                "always do"
            )
    if found.open_steps:
        click.echo(
            "note: membranes last, and NET does not say for how many steps; with --steps their "
            "circuit is counted"
        )
    elif found.steps is not None:
        click.echo(f"steps: membranes have room for samples of up to {found.steps}")
    if circuit is not None:
        click.echo(
            f"circuit ({circuit.process}): {circuit.junctions} junctions, "
            f"{circuit.junctions_per_synapse:.1f} per synapse, "
            f"bias {circuit.bias_A * 1e3:.1f} mA, control lines {circuit.flux_A * 1e3:.1f} mA, "
            f"static {circuit.static_W * 1e3:.3f} mW at {circuit.supply_V * 1e3:g} mV, "
            f"depth {circuit.depth} cells"
        )
        if circuit.budget.profile != NO_PROFILE:
            print_budget(circuit.budget)
    if found.rules is not None:
        print_rules(found.rules)
    for obstacle in found.obstacles:
        click.echo(f"obstacle ({obstacle.kind}): {obstacle.sentence}")
    if found.command:
        click.echo(f"all at once: {found.command}")


def _lasting(layer: LayerInspection) -> str:
    """What a layer's line says of membranes that last."""
    if layer.reset is None:
        return ""
    amounts = "" if layer.subtract is None else " {} to {}".format(*layer.subtract)
    return f", membranes last, reset {layer.reset}{amounts}"


def print_rules(report: RulesReport) -> None:
    """The rules of drawing, one by one for each kind of neuron and each cell between them."""
    from rich.console import Console
    from rich.table import Table

    console = Console()
    for kind in report.kinds:
        name = f"{kind.neurons} {kind.kind}" if kind.neurons else kind.kind
        table = Table(title=f"{name}, process {report.process}", title_justify="left")
        for head in ("rule", "worst element"):
            table.add_column(head, overflow="fold")
        for head in ("value", "limit", ""):
            table.add_column(head, justify="right", no_wrap=True)
        for found in kind.findings:
            word = "kept" if found.kept else "BROKEN"
            table.add_row(found.rule, found.element, *found.figures, word)
        console.print(table)
    if report.unchecked:
        click.echo(
            f"not checked, as the file of {report.process} leaves out "
            f"{', '.join(f'[{name}]' for name in report.left_out)}: {', '.join(report.unchecked)}"
        )
