"""``netlist-gen inspect``: what a network is and what its circuit costs."""

from __future__ import annotations

import json
from pathlib import Path

import click

from netlist_gen.commands.common import clock_option, clock_phases, names_network, process_option


@click.command("inspect")
@click.argument("net", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print the same as JSON.")
@process_option
@clock_option
@names_network
def inspect(net: Path, as_json: bool, process: str, clock_ghz: float | None) -> None:
    """Print the semantics, layers and circuit cost of NET."""
    from netlist_gen.assembly.network_circuit import network_outline
    from netlist_gen.checkpoint.registry import read_checkpoint
    from netlist_gen.library.cells import CellLibrary

    checkpoint = read_checkpoint(net)
    network, card = checkpoint.network, checkpoint.card
    library = CellLibrary(process)
    phases = clock_phases(clock_ghz, library.process)
    bench = network_outline(network, library, phases)
    totals = bench.circuit.totals()
    static = totals.supply_A * library.process.supply_voltage
    facts = {
        "file": str(net),
        "card": card.as_dict(),
        "inputs": network.inputs,
        "neurons": network.neurons,
        "synapses": network.synapses,
        "classes": network.classes,
        "population": network.population,
        "layers": [
            {
                "inputs": layer.inputs,
                "outputs": layer.outputs,
                "synapses": layer.synapses,
                "fan_in": [int(layer.fan_in.min()), int(layer.fan_in.max())],
                "theta": [int(layer.theta.min()), int(layer.theta.max())],
                "n": [int(layer.count_range[:, 0].min()), int(layer.count_range[:, 1].max())],
            }
            for layer in network.layers
        ],
        "circuit": {
            "process": library.process.name,
            "clock_ghz": 1e-9 / phases.period,
            "junctions": totals.junctions,
            "junctions_per_synapse": totals.junctions / network.synapses,
            "bias_A": totals.bias_A,
            "flux_A": totals.flux_A,
            "static_W": static,
            "depth": bench.depth,
            "latency_ps": bench.plan.latency_s * 1e12 if bench.plan.corners else None,
            "timing_closed": bool(bench.plan.corners),
            "worst_slack_ps": bench.plan.worst_s * 1e12 if bench.plan.corners else None,
            "padding_stages": bench.plan.padding,
            "cells": totals.cells,
        },
    }
    if as_json:
        click.echo(json.dumps(facts, indent=2))
        return
    click.echo(f"{net}: {card.source_format}, {card.threshold_rule}")
    click.echo(
        f"reset {card.reset}, beta {card.beta:g}, population {network.population} x "
        f"{network.classes} classes, tie to the {card.tie_rule}"
    )
    for note in card.notes:
        click.echo(f"note: {note}")
    for index, layer in enumerate(network.layers):
        low, high = layer.count_range[:, 0].min(), layer.count_range[:, 1].max()
        click.echo(
            f"layer {index}: {layer.inputs} -> {layer.outputs}, {layer.synapses} synapses, fan-in "
            f"{layer.fan_in.min()} to {layer.fan_in.max()}, theta {layer.theta.min()} to "
            f"{layer.theta.max()}, n {low} to {high}"
        )
    click.echo(
        f"circuit ({library.process.name}): {totals.junctions} junctions, "
        f"{totals.junctions / network.synapses:.1f} per synapse, "
        f"bias {totals.bias_A * 1e3:.1f} mA, control lines {totals.flux_A * 1e3:.1f} mA, "
        f"static {static * 1e3:.3f} mW at {library.process.supply_voltage * 1e3:g} mV, "
        f"depth {bench.depth} cells"
    )
