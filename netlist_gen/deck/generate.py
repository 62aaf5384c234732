"""Decks of a network written to a directory, with the manifest that maps names both ways."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from netlist_gen.checkpoint.digest import network_digest
from netlist_gen.circuit.lasting_neuron import memory_phases
from netlist_gen.deck.annotation import AnnotationFigures, network_annotations
from netlist_gen.deck.emit import check_dialects
from netlist_gen.deck.manifest import FORMAT, Manifest, NetworkShape, windows_digest
from netlist_gen.deck.options import GenerateOptions
from netlist_gen.deck.plan import Cut, check_scopes, count_decks, plan_decks
from netlist_gen.deck.writer import DeckWriter, write_tasks
from netlist_gen.errors import ConfigurationError
from netlist_gen.files import atomic_path
from netlist_gen.library.options import annotations_of
from netlist_gen.library.process import Process
from netlist_gen.network import TernaryNetwork
from netlist_gen.parallel import Progress, usable_cores
from netlist_gen.spikes import NetworkSpikes, windows_of, with_room
from netlist_gen.version import __version__

MANY_SYNAPSES = 20_000
"""From so many on several processes write decks: to begin one takes as long as some 5,000."""


def generate(
    network: TernaryNetwork,
    inputs: NDArray[np.bool_] | None,
    out: Path,
    options: GenerateOptions,
    progress: Progress | None = None,
) -> int:
    """Write decks and ``manifest.json`` into ``out``; returns how many decks.

    Windows are cut into decks as ``verify`` cuts them. One deck after another is built and
    written, so that memory does not grow with their number.
    The manifest appears last: a directory without one is unfinished.

    Args:
        network: what to write.
        inputs: bool, shape (samples, inputs) or (samples, steps, inputs); default one sample with
            every line pulsed, in as many steps as the network has room for.
        out: directory, made if it is not there.
        options: see there.
        progress: told of decks.

    Raises:
        ConfigurationError: unknown scope or dialect, a table of extracted values that does not
            fit the network, or the directory can't be written.
        NetworkError: a neuron that can't be built, or that breaks a rule of drawing.
        TimingError: a network's windows that can't be made to hold.
    """
    check_scopes(options.scopes)
    check_dialects(options.dialects)
    if inputs is None:
        inputs = np.ones((1, network.steps or 1, network.inputs), dtype=bool)
    else:
        network = with_room(network, inputs)
    windows, sample = windows_of(network, inputs)
    process = options.loaded_process()
    options.require_sound(network, process)
    digests = network_digest(network), windows_digest(windows)
    library = options.library(process, options.head(*digests))
    phases = memory_phases(network, options.phases(process), options.clock_ghz)
    spikes = NetworkSpikes.of(network, windows, sample)
    cut = Cut(network=options.pipeline, startup=options.startup_windows)
    total = sum(count_decks(spikes, scope, cut) for scope in options.scopes)
    total *= len(options.dialects)
    annotations = annotations_of(options.annotate, library.process)
    figures = None
    if annotations is not None:
        figures = network_annotations(annotations, network, options.scopes, library, phases)
    _make_ready(out)
    head = _head(spikes, library.process, 1e-9 / phases.period, options, figures, digests)
    writer = DeckWriter(
        library.process, phases, out, options.dialects, annotations, options.crosstalk,
        library.notes, options.parameters, library.step_s,
    )  # fmt: skip

    def entries() -> Iterator[str]:
        for scope in options.scopes:
            jobs = _processes(network, options.jobs) if scope == "neurons" else 1
            yield from write_tasks(writer, plan_decks(spikes, scope, cut), library, jobs)

    done = 0
    with (
        atomic_path(out / "manifest.json") as path,
        path.open("w", encoding="utf-8") as manifest,
    ):
        manifest.write(head.head())
        for entry in entries():  # a line for each, written as they come
            manifest.write((",\n  " if done else "\n  ") + entry)
            done += len(options.dialects)
            if progress:
                progress("decks", done, total)
        manifest.write("\n ]\n}\n")
    return done


def _head(
    spikes: NetworkSpikes,
    process: Process,
    clock_ghz: float,
    options: GenerateOptions,
    annotation: AnnotationFigures | None,
    digests: tuple[str, str],
) -> Manifest:
    """The manifest, still without decks."""
    return Manifest(
        format=FORMAT,
        generator=f"netlist-gen {__version__}",
        source=options.source,
        process=process.name,
        process_sha256=process.digest(),
        clock_ghz=clock_ghz,
        windows=spikes.windows,
        rules=options.rules,
        crosstalk=options.crosstalk,
        bias=options.bias,
        splitters=options.splitters,
        startup=options.startup_windows,
        time_step_ps=options.step,
        network=NetworkShape.of(spikes.network),
        network_sha256=digests[0],
        windows_sha256=digests[1],
        decks=(),
        annotation=annotation,
    )


def _make_ready(out: Path) -> None:
    """A directory without a manifest: it is unfinished from here on."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        (out / "manifest.json").unlink(missing_ok=True)
    except OSError as error:
        raise ConfigurationError(
            f"the output directory {out} can't be written ({error.strerror})"
        ) from error


def _processes(network: TernaryNetwork, jobs: int | None) -> int:
    if jobs is not None:
        return jobs
    return usable_cores() if network.synapses >= MANY_SYNAPSES else 1
