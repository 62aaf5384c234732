"""Entries of ``manifest.json``, which maps names of the network to names in decks and back."""

from __future__ import annotations

from typing import Any

from netlist_gen.circuit.bench import NeuronBench, NeuronSite, NeuronView
from netlist_gen.circuit.model import Circuit
from netlist_gen.circuit.network_circuit import NetworkBench


def neuron_entry(bench: NeuronBench, first: int) -> dict[str, Any]:
    """The manifest's entry of one neuron's deck; ``first`` is its first window."""
    view = bench.view
    return {
        "scope": "neurons",
        "first_window": first,
        "windows": view.windows,
        **_site_entry(view.site, view),
        **_totals(bench.circuit),
    }


def network_entry(bench: NetworkBench, first: int) -> dict[str, Any]:
    """The manifest's entry of a whole network's deck; ``first`` is its first window."""
    return {
        "scope": "network",
        "first_window": first,
        "windows": bench.windows,
        "depth": bench.depth,
        "layer_starts_ps": [s * 1e12 for s in bench.starts_s],
        **_totals(bench.circuit),
        "neurons": [_site_entry(v.site, v) for v in bench.views],
        "class_lines": [p.column for p in bench.class_lines],
    }


def _site_entry(site: NeuronSite, view: NeuronView) -> dict[str, Any]:
    return {
        "name": site.name,
        "layer": site.layer,
        "neuron": site.neuron,
        "theta": site.theta,
        "instance": view.instance,
        "output": view.output.column,
        "synapses": [
            {
                "input": line,
                "weight": sign,
                "instance": ".".join(path),
                "set": f"P(BA|{path[1]}|{path[0]})".upper(),
                "clear": f"P(BB|{path[1]}|{path[0]})".upper(),
            }
            for line, sign, path in zip(site.inputs, site.signs, view.branches(), strict=True)
        ],
    }


def _totals(circuit: Circuit) -> dict[str, Any]:
    totals = circuit.totals()
    return {
        "junctions": totals.junctions,
        "bias_uA": totals.bias_A * 1e6,
        "flux_uA": totals.flux_A * 1e6,
        "cells": totals.cells,
    }
