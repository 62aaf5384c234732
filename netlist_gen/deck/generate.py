"""Decks of a network written to a directory, with the manifest that maps names both ways."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from netlist_gen import __version__
from netlist_gen.assembly.network_circuit import network_bench
from netlist_gen.circuit.bench import neuron_sites
from netlist_gen.circuit.neuron import ClockPhases
from netlist_gen.deck.decks import network_deck, prepare
from netlist_gen.deck.emit import check_dialect
from netlist_gen.deck.manifest import network_entry
from netlist_gen.deck.windows import chunks, deck_name, pipelines
from netlist_gen.deck.writer import NeuronWriter, write_deck, write_neurons
from netlist_gen.errors import ConfigurationError
from netlist_gen.files import atomic_path
from netlist_gen.library.cells import CellLibrary
from netlist_gen.network import TernaryNetwork

SCOPES = ("neurons", "network")


@dataclass(frozen=True)
class GenerateOptions:
    """What to write, and how.

    Attributes:
        dialects, scopes: which of each.
        source: what the manifest records as the network's origin.
        pipeline: windows in one deck of the scope "network"; None is all of them.
        jobs: processes that write neurons' decks.
    """

    dialects: tuple[str, ...] = ("josim",)
    scopes: tuple[str, ...] = ("neurons",)
    source: str = ""
    pipeline: int | None = None
    jobs: int = 1


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

    Windows are cut into decks as ``verify`` cuts them. One deck after another is built and
    written, so that memory does not grow with their number.
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
    for dialect in options.dialects:
        check_dialect(dialect)
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
    windows = inputs.shape[0]
    count = 0
    if "neurons" in options.scopes:
        count = len(neuron_sites(network)) * len(chunks(windows))
    if "network" in options.scopes:
        count += len(pipelines(windows, options.pipeline))
    total = count * len(options.dialects)
    head = {
        "format": "netlist-gen manifest 1",
        "generator": f"netlist-gen {__version__}",
        "source": options.source,
        "process": library.process.name,
        "clock_ghz": 1e-9 / phases.period,
        "windows": windows,
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
        for entry in _entries(network, inputs, library, phases, out, options):
            manifest.write((",\n  " if done else "\n  ") + entry)
            done += len(options.dialects)
            if progress:
                progress(done, total)
        manifest.write("\n ]\n}\n")
    return done


def _entries(
    network: TernaryNetwork,
    inputs: NDArray[np.bool_],
    library: CellLibrary,
    phases: ClockPhases,
    out: Path,
    options: GenerateOptions,
) -> Iterator[str]:
    """Write all decks; the manifest's entry of each."""
    if "neurons" in options.scopes:
        lines = [inputs, *network.forward(inputs)]
        sites = neuron_sites(network)
        prepare(library, sites)
        runs = tuple(chunks(inputs.shape[0]))
        writer = NeuronWriter(library.process, phases, out, options.dialects, runs)
        work = ((site, lines[site.layer][:, list(site.inputs)]) for site in sites)
        yield from write_neurons(writer, work, library, options.jobs)
    if "network" in options.scopes:
        cuts = pipelines(inputs.shape[0], options.pipeline)
        for first, beyond in cuts:
            name = deck_name("network", first, cuts)
            whole = network_bench(network, library.fork(), inputs[first:beyond], phases)
            decks = [(d, network_deck(library, whole, name, d)) for d in options.dialects]
            yield write_deck(out, name, decks, network_entry(whole, first))
