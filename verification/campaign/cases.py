"""From a task to decks with all that is needed to judge them."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from netlist_gen.assembly.network_circuit import NetworkBench
from netlist_gen.circuit.bench import NeuronBench
from netlist_gen.circuit.model import Circuit
from netlist_gen.circuit.view import GUARD_S, NeuronView
from netlist_gen.deck.decks import Built, build_network, build_neuron, neuron_deck
from netlist_gen.deck.emit import Deck
from netlist_gen.deck.lines import read_deck_text
from netlist_gen.deck.lint import lint
from netlist_gen.deck.manifest import read_manifest
from netlist_gen.deck.parameters import plain_deck
from netlist_gen.deck.plan import NetworkRun, NeuronRun, NeuronTask, Stands, Task
from netlist_gen.errors import DeckError
from netlist_gen.spikes import NetworkSpikes, NeuronSpikes
from verification.campaign.plan import Setup
from verification.reference.bus_energy import BusLoads
from verification.reference.event_energy import EventEnergy, bench_energies, network_energy
from verification.reference.timed import bench_times, expected_times, timed_reference
from verification.simulators.base import DeckJob
from verification.simulators.deck_programs import refuse_programs, refuse_unread
from verification.verdict.class_lines import WatchedLine, lines_of
from verification.verdict.deck_parts import DeckPart, read_parts
from verification.verdict.energy import ENERGY_TOLERANCE, BiasSources
from verification.verdict.neuron import Disagreement, Predicted
from verification.verdict.outcome import WHOLE_NETWORK
from verification.verdict.sources import first_difference
from verification.waves.readings import Readout

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class JudgedNeuron:
    """A neuron in a deck: where it is, what it must do, and, where times count, when."""

    view: NeuronView
    spikes: NeuronSpikes
    predicted: Predicted | None = None


@dataclass(frozen=True, eq=False)
class JudgedLines:
    """The class lines in a deck, what they must carry, and, where times count, when."""

    lines: tuple[WatchedLine, ...]
    spikes: NetworkSpikes
    times_s: dict[str, FloatArray] | None = None
    tolerance_s: float = 0.0


@dataclass(frozen=True, eq=False)
class Case:
    """One deck to run and to judge.

    Attributes:
        scope: "neurons" or "network".
        place: (layer, neuron), or ``WHOLE_NETWORK``.
        first: its first window's number among all.
        neurons: what is judged.
        sources: the bias sources of everything in the deck.
        bounds_s: times at which all of it rests, shape (parts + 1,): a neuron's windows, or
            before and after all windows of a network, or of a neuron whose stages before it do
            not rest between windows.
        reference_J: the energy that the reference expects between them, shape (parts,).
        job: the deck.
        lines: the output stage of a network.
        startup: how many of the windows, the first ones, are start-up windows.
        startup_J: what of ``reference_J`` is of those.
        stands: which windows a neuron's windows stand for; None is each for itself.
        design: the deck whose sources count, where it is not the one that runs.
        bus_bounds_s: times between which energies of the buses are told, shape (buses, parts +
            1); empty where there is none.
        bus_reference_J: what the reference expects of the buses between them, shape (parts,).
        bus_lead: how many of these parts, the first ones, ERSFQ buses need to settle.
    """

    scope: str
    place: tuple[int, int]
    first: int
    neurons: tuple[JudgedNeuron, ...]
    sources: BiasSources
    bounds_s: FloatArray
    reference_J: FloatArray
    job: DeckJob
    lines: JudgedLines | None = None
    startup: int = 0
    startup_J: float = 0.0
    stands: Stands | None = None
    design: str | None = None
    bus_bounds_s: FloatArray = field(default_factory=lambda: np.zeros((0, 0)))
    bus_reference_J: FloatArray = field(default_factory=lambda: np.zeros(0))
    bus_lead: int = 0

    @property
    def windows(self) -> int:
        """How many, start-up windows included."""
        return self.neurons[0].view.windows

    @cached_property
    def parts(self) -> dict[str, DeckPart]:
        """Sources and instances of the deck that runs, or of its design."""
        return read_parts(self.job.text if self.design is None else self.design)

    @cached_property
    def source_apart(self) -> Disagreement | None:
        """The first source that the deck has not as the design has it."""
        by_s = float(self.bounds_s[0])
        found = first_difference(self.parts, self.sources.circuit, by_s, ENERGY_TOLERANCE)
        return None if found is None else Disagreement(0, *found)

    @cached_property
    def judged_by(self) -> dict[str, object]:
        """What besides the deck decides a verdict, for the ledger's key."""
        digest = hashlib.sha256()

        def add(*parts: object) -> None:
            for part in parts:
                data = part.tobytes() if isinstance(part, np.ndarray) else repr(part).encode()
                digest.update(data + b"\0")

        for one in self.neurons:
            add(one.view.site, one.view.start_s, dataclasses.astuple(one.view.phases))
            add(one.spikes.lines, one.spikes.signs, one.spikes.theta)
            add(one.spikes.arrivals, one.spikes.fires)
            if one.spikes.reset is not None:
                add(one.spikes.clocked, one.spikes.reset, one.spikes.amount)
            if one.spikes.startup:
                add(one.spikes.startup)
            if one.predicted is not None:
                add(one.predicted.times_s, one.predicted.tolerance_s)
        if self.lines is not None:
            add(self.lines.spikes.votes())
            for line in self.lines.lines:
                add(line.name, line.label, line.members, line.edges_s)
        if self.bus_lead:
            add(self.bus_bounds_s)
        return {
            "scope": self.scope,
            "windows": self.windows,
            "judged": digest.hexdigest(),
            "reference_J": self.reference_J.tolist(),
        }


class CaseBuilder:
    """Builds the cases of tasks, with one cell library and its table of energies.

    Args:
        setup: of the campaign.
        dialect: of the decks.
    """

    def __init__(self, setup: Setup, dialect: str) -> None:
        self.setup = setup
        self.dialect = dialect
        self.library = setup.library()

    def cases(self, task: Task) -> Iterator[Case]:
        """The cases of a task, in the order of its runs.

        Raises:
            NetworkError: a neuron that can't be built.
            DeckError: a deck that breaks a rule of the linter, or is missing from ``decks``.
        """
        dialects = (self.dialect,) if self.setup.decks is None else ()
        how = (self.library, self.setup.phases, dialects, self.setup.annotations)
        energies = EventEnergy(self.library)
        if isinstance(task, NeuronTask):
            sources: BiasSources | None = None
            for neuron in build_neuron(task, *how):
                sources = sources or BiasSources.of(neuron.bench.circuit)  # the same for all
                yield self._neuron(neuron, sources, energies)
        else:
            for network in build_network(task, *how):
                yield self._network(
                    network, energies.in_place(network.designed, network.bench.circuit)
                )

    def broken(self, task: NeuronTask, change: Callable[[Circuit], Circuit]) -> Iterator[Case]:
        """The cases of a task whose decks have another circuit than they are held against.

        Args:
            task: decks of one neuron.
            change: makes the circuit that is simulated from that of a bench.
        """
        how = (self.library, self.setup.phases, (self.dialect,), self.setup.annotations)
        energies = EventEnergy(self.library)
        for built in build_neuron(task, *how):
            run, deck = built.run, built.decks[self.dialect]
            bench = dataclasses.replace(built.bench, circuit=change(built.bench.circuit))
            other = neuron_deck(self.library, bench, run.name, run.first, self.dialect, deck)
            sources = BiasSources.of(built.bench.circuit)
            own = self._neuron(
                dataclasses.replace(built, decks={self.dialect: other}), sources, energies
            )
            yield dataclasses.replace(own, design=deck.text)

    def _neuron(
        self,
        built: Built[NeuronRun, NeuronBench],
        sources: BiasSources,
        energies: EventEnergy,
    ) -> Case:
        view, spikes, skew = built.bench.view, built.run.spikes, built.run.skew
        bounds = charged = view.boundaries_s()
        reference = bench_energies(built.bench, spikes, energies)
        if skew is not None and skew.rest_s > -GUARD_S:
            # The sources' stages move before the neuron rests: no window's energy is its own.
            charged, reference = bounds[[0, -1]], reference.sum(keepdims=True)
        bus_bounds, of_buses = self._of_buses(
            sources.circuit, reference, lambda loads: np.tile(charged, (len(loads.buses), 1))
        )
        predicted = self._expected(view, spikes, behind=True)
        if self.setup.tolerance_s is not None:
            times = bench_times(view, spikes, self.setup.process)
            predicted = Predicted(times, self.setup.tolerance_s)
        return Case(
            scope="neurons",
            place=(view.site.layer, view.site.neuron),
            first=built.run.first,
            neurons=(JudgedNeuron(view, spikes, predicted),),
            sources=sources,
            bounds_s=charged,
            reference_J=reference,
            job=self._job(
                built.run.name, built.decks.get(self.dialect),
                Readout.at([bounds], [view.output.column]),
            ),
            stands=built.run.stands,
            bus_bounds_s=bus_bounds,
            bus_reference_J=of_buses,
        )  # fmt: skip

    def _of_buses(
        self,
        circuit: Circuit,
        events_J: FloatArray,
        bounds_of: Callable[[BusLoads], FloatArray],
    ) -> tuple[FloatArray, FloatArray]:
        """Times between which buses are read, and what they are expected to give; see ``Case``."""
        loads = BusLoads.of(circuit, self.setup.process)
        if loads is None:
            return np.zeros((0, 0)), np.zeros(0)
        bounds = bounds_of(loads)
        return bounds, loads.expected_J(bounds, events_J)

    def _network(self, built: Built[NetworkRun, NetworkBench], energies: EventEnergy) -> Case:
        bench, spikes, tolerance = built.bench, built.run.spikes, self.setup.tolerance_s
        timed = None
        if tolerance is not None:
            inputs = spikes.layers[0]
            timed = timed_reference(
                bench.plan, inputs, self.setup.process, spikes.startup, spikes.clearing
            )
        bounds = np.array(bench.span_s())
        events = np.array([network_energy(bench.plan, spikes, energies)])
        bus_bounds, of_buses = self._of_buses(
            bench.circuit, events, lambda loads: loads.settled_s(*bench.span_s())
        )
        neurons = []
        for view in bench.views:
            place = view.site.layer, view.site.neuron
            own = spikes.neuron(*place)
            predicted = self._expected(view, own, behind=False)
            if timed is not None and tolerance is not None:
                predicted = Predicted(timed.neurons[place].times_s, tolerance)
            neurons.append(JudgedNeuron(view, own, predicted))
        return Case(
            scope="network",
            place=WHOLE_NETWORK,
            first=built.run.first,
            neurons=tuple(neurons),
            sources=BiasSources.of(bench.circuit),
            bounds_s=bounds,
            reference_J=events,
            job=self._job(
                built.run.name, built.decks.get(self.dialect),
                network_readout(bench, bus_bounds.ravel()),
            ),
            lines=JudgedLines(
                lines_of(bench),
                spikes,
                None if timed is None else dict(timed.lines),
                tolerance or 0.0,
            ),
            bus_bounds_s=bus_bounds,
            bus_reference_J=of_buses,
            bus_lead=max(0, of_buses.size - 1),
            startup=spikes.startup,
            startup_J=network_energy(bench.plan, spikes.part(0, spikes.startup), energies),
        )  # fmt: skip

    def _expected(
        self, view: NeuronView, spikes: NeuronSpikes, *, behind: bool
    ) -> Predicted | None:
        if self.setup.window_s is None:
            return None
        times = expected_times(view, spikes, self.setup.process, behind=behind)
        return Predicted(times, self.setup.window_s)

    def _job(self, name: str, deck: Deck | None, readout: Readout) -> DeckJob:
        if deck is not None:
            return DeckJob(name, deck.text, readout)
        assert self.setup.decks is not None
        path = deck_path(self.setup.decks, name, self.dialect)
        text = read_deck_text(
            path, lambda why: DeckError(f"{path}: the deck can't be read ({why})")
        )
        josim = self.dialect == "josim"
        try:
            refuse_unread(text, titled=not josim)
            if not josim:
                refuse_programs(text)
        except DeckError as error:
            raise DeckError(f"{path}: {error}") from error
        text = plain_deck(text, str(path))
        if josim:
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
        files = manifest.files
        if (name, dialect) not in files:
            dialects = sorted({other for _, other in files})
            raise DeckError(
                f"{folder / 'manifest.json'} lists no deck {name} in the dialect {dialect}; it has "
                f"{len(files)} decks in {', '.join(dialects) or 'no dialect'}"
            )
        path = folder / files[name, dialect]
    if not path.is_file():
        raise DeckError(f"{path}: the deck can't be read (No such file or directory)")
    return path


def network_readout(bench: NetworkBench, also_s: FloatArray | None = None) -> Readout:
    """What is read of a whole network: each layer's windows, the pulses of all outputs.

    Also phases at further times.
    """
    starts = {view.start_s: view for view in bench.views}
    times: list[FloatArray] = [view.boundaries_s() for view in starts.values()]
    times.append(np.array(bench.span_s()))
    if also_s is not None:
        times.append(also_s)
    outputs = [view.output.column for view in bench.views]
    return Readout.at(times, [*outputs, *(probe.column for probe in bench.class_lines)])
