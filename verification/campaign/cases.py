"""From a task to decks with all that is needed to judge them."""

from __future__ import annotations

import dataclasses
import hashlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netlist_gen.assembly.network_circuit import NetworkBench, network_bench
from netlist_gen.circuit.bench import NeuronView, neuron_bench, neuron_sites
from netlist_gen.deck.decks import network_deck, neuron_deck, prepare
from netlist_gen.deck.emit import Deck
from netlist_gen.deck.lint import lint
from netlist_gen.deck.manifest import read_manifest
from netlist_gen.errors import DeckError
from netlist_gen.library.cells import CellLibrary
from verification.campaign.plan import NetworkTask, NeuronTask, Run, Setup, Task
from verification.reference.expected import EventEnergy, bench_energies, network_energy
from verification.simulators.base import DeckJob
from verification.verdict.class_lines import LineExpectation, expect_lines
from verification.verdict.neuron import BiasSources
from verification.waves.readings import Readout


@dataclass(frozen=True, eq=False)
class Case:
    """One deck to run and to judge.

    Attributes:
        scope: "neurons" or "network".
        run: its windows.
        views: the neurons that are judged.
        sources: the bias sources of everything in the deck.
        bounds_s: times at which all of it rests, shape (parts + 1,): a neuron's windows, or
            before and after all windows of a network.
        reference_J: the energy that the reference expects between them, shape (parts,).
        job: the deck.
        lines: what the output stage of a network must give.
    """

    scope: str
    run: Run
    views: tuple[NeuronView, ...]
    sources: BiasSources
    bounds_s: NDArray[np.float64]
    reference_J: NDArray[np.float64]
    job: DeckJob
    lines: tuple[LineExpectation, ...] = ()

    @cached_property
    def judged_by(self) -> dict[str, Any]:
        """What besides the deck decides a verdict, for the ledger's key."""
        digest = hashlib.sha256()
        for view in self.views:
            site = view.site
            for part in (site.name, site.inputs, site.signs, site.theta, view.start_s):
                digest.update(repr(part).encode())
            digest.update(repr(dataclasses.astuple(view.phases)).encode())
            digest.update(view.stimulus.tobytes())
        for line in self.lines:
            digest.update(repr((line.name, line.label, line.edges_s.tolist())).encode())
            digest.update(line.pulses.tobytes())
        return {
            "scope": self.scope,
            "windows": self.run.stimulus.shape[0],
            "views": digest.hexdigest(),
            "reference_J": self.reference_J.tolist(),
        }


@dataclass(frozen=True)
class _Alike:
    """What decks of one neuron share: one of them (None where they are read) and the sources."""

    deck: Deck | None
    sources: BiasSources


class CaseBuilder:
    """Builds the cases of tasks, with one cell library and its table of energies.

    Args:
        setup: of the campaign.
        dialect: of the decks.
    """

    def __init__(self, setup: Setup, dialect: str) -> None:
        self.setup = setup
        self.dialect = dialect
        self._base = CellLibrary(setup.process)
        self._lock = threading.Lock()

    def cases(self, task: Task) -> Iterator[Case]:
        """The cases of a task, in the order of its runs.

        Raises:
            NetworkError: a neuron that can't be built.
            DeckError: a deck that breaks a rule of the linter, or is missing from ``decks``.
        """
        with self._lock:
            sites = [task.site] if isinstance(task, NeuronTask) else neuron_sites(task.network)
            prepare(self._base, sites)
            library = self._base.fork()
        energies = EventEnergy(library)
        like: _Alike | None = None
        for run in task.runs:
            if isinstance(task, NeuronTask):
                case, like = self._neuron(task, run, library, energies, like)
                yield case
            else:
                yield self._network(task, run, library, energies)

    def _neuron(
        self,
        task: NeuronTask,
        run: Run,
        library: CellLibrary,
        energies: EventEnergy,
        like: _Alike | None,
    ) -> tuple[Case, _Alike]:
        """A case and what those after it in the task share with it."""
        bench = neuron_bench(library, task.site, run.stimulus, self.setup.phases)
        view = bench.view
        bounds = view.boundaries_s()
        deck = None
        if self.setup.decks is None:
            known = like.deck if like else None
            deck = neuron_deck(library, bench, run.name, run.first, self.dialect, known)
        sources = like.sources if like else BiasSources.of(bench.circuit)
        case = Case(
            "neurons",
            run,
            (view,),
            sources,
            bounds,
            bench_energies(bench, energies),
            self._job(run.name, deck, Readout.at([bounds], [view.output.column])),
        )
        return case, _Alike(deck, sources)

    def _network(
        self, task: NetworkTask, run: Run, library: CellLibrary, energies: EventEnergy
    ) -> Case:
        bench = network_bench(task.network, library, run.stimulus, self.setup.phases)
        deck = None
        if self.setup.decks is None:
            deck = network_deck(library, bench, run.name, self.dialect)
        return Case(
            "network",
            run,
            bench.views,
            BiasSources.of(bench.circuit),
            np.array(bench.span_s()),
            np.array([network_energy(bench, energies)]),
            self._job(run.name, deck, network_readout(bench)),
            expect_lines(bench),
        )

    def _job(self, name: str, deck: Deck | None, readout: Readout) -> DeckJob:
        if deck is not None:
            return DeckJob(name, deck.text, readout)
        assert self.setup.decks is not None
        path = deck_path(self.setup.decks, name, self.dialect)
        text = _read_deck(path)
        if self.dialect == "josim":
            lint(text, str(path))
        return DeckJob(name, text, readout)


def deck_path(folder: Path, name: str, dialect: str) -> Path:
    """The file of a deck: the manifest's; without one NAME.DIALECT.cir or NAME.cir.

    Raises:
        DeckError: it is not there.
    """
    manifest = read_manifest(folder)
    if manifest is None:
        path = folder / f"{name}.{dialect}.cir"
        path = path if path.exists() else folder / f"{name}.cir"
    else:
        try:
            path = folder / manifest.files[name, dialect]
        except KeyError:
            dialects = sorted({other for _, other in manifest.files})
            raise DeckError(
                f"{folder / 'manifest.json'} lists no deck {name} in the dialect {dialect}; it has "
                f"{len(manifest.files)} decks in {', '.join(dialects) or 'no dialect'}"
            ) from None
    if not path.is_file():
        raise DeckError(f"{path}: the deck can't be read (No such file or directory)")
    return path


def network_readout(bench: NetworkBench) -> Readout:
    """What is read of a whole network: each layer's windows, the pulses of all outputs."""
    starts = {view.start_s: view for view in bench.views}
    times: list[NDArray[np.float64]] = [view.boundaries_s() for view in starts.values()]
    times.append(np.array(bench.span_s()))
    outputs = [view.output.column for view in bench.views]
    return Readout.at(times, [*outputs, *(probe.column for probe in bench.class_lines)])


def _read_deck(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise DeckError(f"{path}: the deck can't be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise DeckError(f"{path}: the deck is not text ({error})") from error
