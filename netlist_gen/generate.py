"""Decks of a network written to a directory, with the manifest that maps names both ways."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netlist_gen import __version__
from netlist_gen.cell_library import CellLibrary
from netlist_gen.circuit.bench import (
    NeuronBench,
    NeuronSite,
    NeuronView,
    neuron_bench,
    neuron_sites,
)
from netlist_gen.circuit.model import Circuit
from netlist_gen.circuit.network_circuit import NetworkBench, network_bench
from netlist_gen.circuit.neuron import ClockPhases
from netlist_gen.circuit.trees import splitter_tree
from netlist_gen.deck_windows import chunks, deck_name
from netlist_gen.emit import Deck, emit
from netlist_gen.errors import ConfigurationError
from netlist_gen.files import atomic_path
from netlist_gen.lint import lint
from netlist_gen.network import TernaryNetwork

SCOPES = ("neurons", "network")


def deck_notes(view: NeuronView, first: int) -> tuple[str, ...]:
    """Comment lines at the head of a neuron's deck; ``first`` is its first window."""
    site, phases = view.site, view.phases
    weights = " ".join(
        f"{label}{'+' if sign > 0 else '-'}"
        for label, sign in zip(site.labels, site.signs, strict=True)
    )
    return (
        f"layer {site.layer}, neuron {site.neuron}: fires when n >= {site.theta}",
        f"synapses (input line and sign): {weights}",
        f"windows {first} to {first + view.windows - 1}, {phases.period * 1e12:g} ps each; "
        f"decision {phases.decision * 1e12:g} ps, reset {phases.reset * 1e12:g} ps after the data",
    )


def neuron_deck(
    library: CellLibrary,
    bench: NeuronBench,
    name: str,
    first: int,
    dialect: str = "josim",
    like: Deck | None = None,
) -> Deck:
    """The deck of one neuron's bench, linted where there is a linter for its dialect.

    Args:
        library: the bench's.
        bench: what is written.
        name: the deck's.
        first: the number of its first window.
        dialect: as ``emit``.
        like: a deck of the same neuron, made before. Its probes are these, and as the two differ
            in the pulses of the sources alone, the linter need not read this one too.
    """
    deck = emit(
        bench.circuit,
        library.process,
        bench.analysis(),
        bench.probes() if like is None else like.probes,
        name=name,
        dialect=dialect,
        notes=deck_notes(bench.view, first),
    )
    if dialect == "josim" and like is None:
        lint(deck.text, f"{name}.cir")
    return deck


NETWORK_PRINT_S = 1e-12
"""Print step of whole networks: with thousands of columns the files would be twice as large at
that of neurons, and a pulse's time is still found within 0.05 ps."""


def network_deck(
    library: CellLibrary, bench: NetworkBench, name: str, dialect: str = "josim"
) -> Deck:
    """The deck of a whole network's bench, linted where there is a linter for its dialect."""
    deck = emit(
        bench.circuit,
        library.process,
        dataclasses.replace(bench.analysis(), print_step_s=NETWORK_PRINT_S),
        bench.probes(),
        name=name,
        dialect=dialect,
        notes=(f"{len(bench.views)} neurons, {bench.windows} windows in a pipeline",),
    )
    if dialect == "josim":
        lint(deck.text, f"{name}.cir")
    return deck


@dataclass(frozen=True)
class GenerateOptions:
    """Dialects and scopes to write, and what the manifest records of the source."""

    dialects: tuple[str, ...] = ("josim",)
    scopes: tuple[str, ...] = ("neurons",)
    source: str = ""


def prepare(library: CellLibrary, sites: Iterable[NeuronSite]) -> None:
    """Build the cells that neurons share, so that forks of the library have them."""
    for name in library.descriptions:
        library.cell(name)
    for fan_in in sorted({len(site.inputs) for site in sites}):
        splitter_tree(library, fan_in)


def file_name(name: str, dialect: str, dialects: Sequence[str]) -> str:
    """Name of a deck's file: with one dialect ``NAME.cir``, with several ``NAME.DIALECT.cir``."""
    return f"{name}.cir" if len(dialects) == 1 else f"{name}.{dialect}.cir"


def generate(
    network: TernaryNetwork,
    inputs: NDArray[np.bool_] | None,
    library: CellLibrary,
    phases: ClockPhases,
    out: Path,
    options: GenerateOptions,
    progress: Callable[[int, int], None] | None = None,
) -> int:
    """Write decks and ``manifest.json`` into ``out``; returns how many decks.

    Args:
        network: what to write.
        inputs: bool, shape (windows, inputs); default one window with every line pulsed.
        library: cells of one process.
        phases: clock phases.
        out: directory, made if it is not there.
        options: dialects and scopes.
        progress: called with (decks done, decks in all).

    A neuron's windows are cut into decks as ``verify`` cuts them; a network's are one deck. One
    deck after another is built and written, so that memory does not grow with their number.
    The manifest appears last: a directory without one is unfinished.

    Raises:
        ConfigurationError: unknown scope or dialect, or the directory can't be written.
        NetworkError: a neuron that can't be built.
    """
    for what, names in (("dialect", options.dialects), ("scope", options.scopes)):
        if not names:
            raise ConfigurationError(f"no {what} is named, so there would be no deck; name one")
    for scope in options.scopes:
        if scope not in SCOPES:
            raise ConfigurationError(f"no scope {scope!r}; allowed are {', '.join(SCOPES)}")
    if inputs is None:
        inputs = np.ones((1, network.inputs), dtype=bool)
    inputs = network.check_inputs(inputs)
    try:
        out.mkdir(parents=True, exist_ok=True)
        (out / "manifest.json").unlink(missing_ok=True)
    except OSError as error:
        raise ConfigurationError(
            f"the output directory {out} can't be written ({error.strerror})"
        ) from error
    count = 0
    if "neurons" in options.scopes:
        count = len(neuron_sites(network)) * len(chunks(inputs.shape[0]))
    total = (count + ("network" in options.scopes)) * len(options.dialects)
    head = {
        "format": "netlist-gen manifest 1",
        "generator": f"netlist-gen {__version__}",
        "source": options.source,
        "process": library.process.name,
        "clock_ghz": 1e-9 / phases.period,
        "windows": int(inputs.shape[0]),
        "network": {
            "inputs": network.inputs,
            "layers": [layer.outputs for layer in network.layers],
            "population": network.population,
            "synapses": network.synapses,
        },
    }
    done = 0
    with (
        atomic_path(out / "manifest.json") as path,
        path.open("w", encoding="utf-8") as manifest,
    ):
        # The list of decks, a line for each, is written as they come.
        manifest.write(json.dumps(head, indent=1).removesuffix("\n}") + ',\n "decks": [')
        for name, decks, entry in _decks(network, inputs, library, phases, options):
            entry["files"] = {}
            for dialect, deck in decks:
                file = file_name(name, dialect, options.dialects)
                data = deck.text.encode()
                with atomic_path(out / file) as target:
                    target.write_bytes(data)
                digest = hashlib.sha256(data).hexdigest()
                entry["files"][dialect] = {"file": file, "sha256": digest}
            manifest.write((",\n  " if done else "\n  ") + json.dumps(entry))
            done += len(decks)
            if progress:
                progress(done, total)
        manifest.write("\n ]\n}\n")
    return done


def _decks(
    network: TernaryNetwork,
    inputs: NDArray[np.bool_],
    library: CellLibrary,
    phases: ClockPhases,
    options: GenerateOptions,
) -> Iterator[tuple[str, list[tuple[str, Deck]], dict[str, Any]]]:
    if "neurons" in options.scopes:
        lines = [inputs, *network.forward(inputs)]
        sites = neuron_sites(network)
        prepare(library, sites)
        runs = chunks(inputs.shape[0])
        for site in sites:
            own = library.fork()  # what only this neuron is made of goes when its decks are written
            stimulus = lines[site.layer][:, list(site.inputs)]
            like: dict[str, Deck] = {}
            for first, beyond in runs:
                name = deck_name(site.name, first, runs)
                bench = neuron_bench(own, site, stimulus[first:beyond], phases)
                like = {
                    d: neuron_deck(own, bench, name, first, d, like.get(d))
                    for d in options.dialects
                }
                yield name, list(like.items()), neuron_entry(bench, first)
    if "network" in options.scopes:
        whole = network_bench(network, library, inputs, phases)
        decks = [(d, network_deck(library, whole, "network", d)) for d in options.dialects]
        yield (
            "network",
            decks,
            {
                "scope": "network",
                "depth": whole.depth,
                "layer_starts_ps": [s * 1e12 for s in whole.starts_s],
                **_totals(whole.circuit),
                "neurons": [_site_entry(v.site, v) for v in whole.views],
                "class_lines": [p.column for p in whole.class_lines],
            },
        )


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
