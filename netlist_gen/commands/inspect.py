"""``netlist-gen inspect``: what a network is and what its circuit costs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from netlist_gen.commands.common import names_network
from netlist_gen.library.options import ClockOptions
from netlist_gen.options import options_of


@click.command("inspect")
@click.argument("net", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print the same as JSON.")
@options_of(ClockOptions)
@names_network
def inspect(net: Path, as_json: bool, **options: Any) -> None:
    """Print the semantics, layers and circuit cost of NET."""
    from netlist_gen.inspection import inspect_checkpoint

    found = inspect_checkpoint(net, ClockOptions(**options))
    if as_json:
        click.echo(json.dumps(found.to_json(), indent=2))
        return
    card, circuit = found.card, found.circuit
    click.echo(f"{net}: {card.source_format}, {card.threshold_rule}")
    click.echo(
        f"reset {card.reset}, beta {card.beta:g}, population {found.population} x "
        f"{found.classes} classes, tie to the {card.tie_rule}"
    )
    for note in card.notes:
        click.echo(f"note: {note}")
    for index, layer in enumerate(found.layers):
        click.echo(
            f"layer {index}: {layer.inputs} -> {layer.outputs}, {layer.synapses} synapses, fan-in "
            "{} to {}, theta {} to {}, n {} to {}".format(*layer.fan_in, *layer.theta, *layer.n)
        )
    click.echo(
        f"circuit ({circuit.process}): {circuit.junctions} junctions, "
        f"{circuit.junctions_per_synapse:.1f} per synapse, "
        f"bias {circuit.bias_A * 1e3:.1f} mA, control lines {circuit.flux_A * 1e3:.1f} mA, "
        f"static {circuit.static_W * 1e3:.3f} mW at {circuit.supply_V * 1e3:g} mV, "
        f"depth {circuit.depth} cells"
    )
