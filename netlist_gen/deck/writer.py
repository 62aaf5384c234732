"""Decks of many neurons written to files, by this process or by several.

Each neuron's decks depend on that neuron alone, so any process may write them; the bytes are the
same. One deck after another is built and written: memory does not grow with their number.
"""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from itertools import islice
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netlist_gen.circuit.bench import NeuronSite, neuron_bench
from netlist_gen.circuit.neuron import ClockPhases
from netlist_gen.deck.decks import neuron_deck, prepare
from netlist_gen.deck.emit import Deck
from netlist_gen.deck.manifest import neuron_entry
from netlist_gen.deck.windows import deck_name
from netlist_gen.errors import WorkerError
from netlist_gen.files import atomic_path
from netlist_gen.library.cells import CellLibrary
from netlist_gen.library.process import Process

_SITES = 16
"""Neurons that a process is handed at a time: some 50 ms of work."""

Work = tuple[NeuronSite, NDArray[np.bool_]]
"""A neuron, and which of its input lines carry a pulse: bool, shape (windows, fan_in)."""


def file_name(name: str, dialect: str, dialects: Sequence[str]) -> str:
    """Name of a deck's file: with one dialect ``NAME.cir``, with several ``NAME.DIALECT.cir``."""
    return f"{name}.cir" if len(dialects) == 1 else f"{name}.{dialect}.cir"


def write_deck(
    out: Path, name: str, decks: Sequence[tuple[str, Deck]], entry: dict[str, Any]
) -> str:
    """Write a deck's dialects; the manifest's entry as JSON, completed by the files."""
    entry["files"] = {}
    for dialect, deck in decks:
        file = file_name(name, dialect, [d for d, _ in decks])
        data = deck.text.encode()
        with atomic_path(out / file) as target:
            target.write_bytes(data)
        digest = hashlib.sha256(data).hexdigest()
        entry["files"][dialect] = {"file": file, "sha256": digest}
    return json.dumps(entry)


@dataclass(frozen=True, eq=False)
class NeuronWriter:
    """Writes decks of a network's neurons; what it holds travels to other processes.

    Attributes:
        process: of the cells.
        phases: clock phases.
        out: directory of the decks.
        dialects: which to write.
        runs: windows of each deck, as of ``chunks``.
    """

    process: Process
    phases: ClockPhases
    out: Path
    dialects: tuple[str, ...]
    runs: tuple[tuple[int, int], ...]

    def write(self, work: Iterable[Work], library: CellLibrary) -> Iterator[str]:
        """Entries of the manifest, one for each deck, in the order of the work."""
        for site, stimulus in work:
            own = library.fork()  # what only this neuron is made of goes when its decks are written
            like: dict[str, Deck] = {}
            for first, beyond in self.runs:
                name = deck_name(site.name, first, self.runs)
                bench = neuron_bench(own, site, stimulus[first:beyond], self.phases)
                like = {
                    d: neuron_deck(own, bench, name, first, d, like.get(d)) for d in self.dialects
                }
                yield write_deck(self.out, name, list(like.items()), neuron_entry(bench, first))


def write_neurons(
    writer: NeuronWriter, work: Iterable[Work], library: CellLibrary, jobs: int
) -> Iterator[str]:
    """As ``NeuronWriter.write``, by ``jobs`` processes.

    ``library`` has been prepared; other processes are handed no more than it can take in soon.

    Raises:
        NetworkError, ConfigurationError: as building and writing raise them.
        WorkerError: one of the processes was killed.
    """
    if jobs == 1:
        yield from writer.write(work, library)
        return
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(jobs, context, initializer=_begin, initargs=(writer,))
    running: deque[Future[list[str]]] = deque()
    try:
        left = iter(work)
        while part := list(islice(left, _SITES)):
            running.append(pool.submit(_write_part, part))
            if len(running) > 3 * jobs:
                yield from running.popleft().result()
        while running:
            yield from running.popleft().result()
    except BrokenProcessPool as error:
        raise WorkerError(
            "a process that wrote decks was killed, perhaps for want of memory; with --jobs 1 "
            "this one writes them all"
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


_here: list[tuple[NeuronWriter, CellLibrary]] = []
"""What a process that writes for another was begun with."""


def _begin(writer: NeuronWriter) -> None:
    """Of a process that writes for another: it ends with that one, and leaves Ctrl-C to it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _here[:] = [(writer, CellLibrary(writer.process))]


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)


def _write_part(work: Sequence[Work]) -> list[str]:
    writer, library = _here[0]
    prepare(library, [site for site, _ in work])
    return list(writer.write(work, library))
