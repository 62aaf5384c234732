"""Entries of ``manifest.json``, which maps names of the network to names in decks and back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from netlist_gen.assembly.network_circuit import NetworkBench
from netlist_gen.circuit.bench import NeuronBench, NeuronSite, NeuronView
from netlist_gen.circuit.model import Circuit
from netlist_gen.errors import DeckError


@dataclass(frozen=True)
class Manifest:
    """What a manifest says of the decks beside it.

    Attributes:
        process: name of the process. clock_ghz: of the windows.
        files: of the decks, by (name, dialect).
    """

    process: str
    clock_ghz: float
    files: Mapping[tuple[str, str], str]


def read_manifest(folder: Path) -> Manifest | None:
    """The manifest in a directory; None where the decks are not those of one ``generate``.

    Raises:
        DeckError: a manifest that can't be read.
    """
    path = folder / "manifest.json"
    try:
        written = path.stat()
    except FileNotFoundError:
        return None
    return _read(path, written.st_mtime_ns, written.st_size)


@lru_cache(maxsize=8)
def _read(path: Path, _time: int, _size: int) -> Manifest:
    files = {}
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        for entry in data["decks"]:
            for dialect, written in entry["files"].items():
                file = str(written["file"])
                name = file.removesuffix(".cir").removesuffix(f".{dialect}")
                files[name, dialect] = file
        return Manifest(str(data["process"]), float(data["clock_ghz"]), files)
    except OSError as error:
        raise DeckError(f"{path}: the manifest can't be read ({error.strerror})") from error
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise DeckError(f"{path} is no manifest of netlist-gen ({error!r})") from error


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
