"""Decks written to files, those of many neurons by this process or by several.

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
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from itertools import islice
from multiprocessing.connection import wait
from pathlib import Path

from netlist_gen.circuit.probe import STEP_S
from netlist_gen.deck.decks import build_network, build_neuron
from netlist_gen.deck.emit import Deck
from netlist_gen.deck.manifest import DeckFile, network_entry, neuron_entry
from netlist_gen.deck.plan import NeuronTask, Task
from netlist_gen.errors import WorkerError
from netlist_gen.files import atomic_path
from netlist_gen.library.annotations import Annotations
from netlist_gen.library.cells import CellLibrary
from netlist_gen.library.design import ClockPhases
from netlist_gen.library.process import Process
from netlist_gen.parallel import bounded

_TASKS = 16
"""Neurons that a process is handed at a time: some 50 ms of work."""


def file_name(name: str, dialect: str, dialects: Sequence[str]) -> str:
    """Name of a deck's file: with one dialect ``NAME.cir``, with several ``NAME.DIALECT.cir``."""
    return f"{name}.cir" if len(dialects) == 1 else f"{name}.{dialect}.cir"


def write_decks(out: Path, decks: Mapping[str, Deck]) -> dict[str, DeckFile]:
    """Write the dialects of one deck; their files, by dialect."""
    files = {}
    for dialect, deck in decks.items():
        file = file_name(deck.name, dialect, list(decks))
        data = deck.text.encode()
        with atomic_path(out / file) as target:
            target.write_bytes(data)
        files[dialect] = DeckFile(file, hashlib.sha256(data).hexdigest())
    return files


@dataclass(frozen=True, eq=False)
class DeckWriter:
    """Writes the decks of tasks; what it holds travels to other processes.

    Attributes:
        process: of the cells.
        phases: clock phases.
        out: directory of the decks.
        dialects: which to write.
        annotations: extracted values, or None.
        crosstalk: of the cell library.
        notes: of the cell library.
        parameters: whether decks have factors of their values at their head.
        step_s: of the cell library.
    """

    process: Process
    phases: ClockPhases
    out: Path
    dialects: tuple[str, ...]
    annotations: Annotations | None = None
    crosstalk: bool = False
    notes: tuple[str, ...] = ()
    parameters: bool = False
    step_s: float = STEP_S

    def library(self) -> CellLibrary:
        """A cell library of this process's own."""
        return CellLibrary(
            self.process, crosstalk=self.crosstalk, notes=self.notes, step_s=self.step_s
        )

    def write(self, tasks: Iterable[Task], library: CellLibrary) -> Iterator[str]:
        """Entries of the manifest as JSON, one for each deck, in the order of the tasks."""
        how = (self.phases, self.dialects, self.annotations, self.parameters)
        for task in tasks:
            if isinstance(task, NeuronTask):
                for neuron in build_neuron(task, library, *how):
                    files = write_decks(self.out, neuron.decks)
                    entry = neuron_entry(neuron.bench, neuron.run.first, files)
                    yield json.dumps(entry.to_json())
            else:
                for network in build_network(task, library, *how):
                    files = write_decks(self.out, network.decks)
                    whole = network_entry(network.bench, network.run.first, files)
                    yield json.dumps(whole.to_json())


def write_tasks(
    writer: DeckWriter, tasks: Iterable[Task], library: CellLibrary, jobs: int
) -> Iterator[str]:
    """As ``DeckWriter.write``, by ``jobs`` processes, handed no more than they can take in soon.

    Raises:
        NetworkError, ConfigurationError: as building and writing raise them.
        WorkerError: one of the processes was killed.
    """
    if jobs == 1:
        yield from writer.write(tasks, library)
        return
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(jobs, context, initializer=_begin, initargs=(writer,))
    left = iter(tasks)
    parts = iter(lambda: list(islice(left, _TASKS)), [])
    try:
        for _, entries in bounded(pool, _write_part, parts, 3 * jobs, ordered=True):
            yield from entries
    except BrokenProcessPool as error:
        raise WorkerError(
            "a process that wrote decks was killed, perhaps for want of memory; with --jobs 1 "
            "this one writes them all"
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


_here: list[tuple[DeckWriter, CellLibrary]] = []
"""What a process that writes for another was begun with."""


def _begin(writer: DeckWriter) -> None:
    """Of a process that writes for another: it ends with that one, and leaves Ctrl-C to it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _here[:] = [(writer, writer.library())]


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)


def _write_part(tasks: Sequence[Task]) -> list[str]:
    writer, library = _here[0]
    return list(writer.write(tasks, library))
