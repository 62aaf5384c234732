"""Decks of neurons and networks: a task's circuits, analyses and probes, written and linted."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from netlist_gen.assembly.network_circuit import NetworkBench, network_bench
from netlist_gen.circuit.annotate import Annotator, Made
from netlist_gen.circuit.bench import NeuronBench, neuron_bench
from netlist_gen.circuit.model import Circuit
from netlist_gen.circuit.view import NeuronView
from netlist_gen.deck.emit import Deck, emit
from netlist_gen.deck.lint import lint
from netlist_gen.deck.parameters import plain_deck
from netlist_gen.deck.plan import NetworkRun, NetworkTask, NeuronRun, NeuronTask
from netlist_gen.library.annotations import Annotations, annotator_of
from netlist_gen.library.cells import CellLibrary
from netlist_gen.library.design import ClockPhases

NETWORK_PRINT_S = 1e-12
"""Print step of whole networks: with thousands of columns the files would be twice as large at
that of neurons, and a pulse's time is still found within ``NETWORK_TIME_ERROR_S``."""

NETWORK_TIME_ERROR_S = 0.05e-12
"""How far a pulse's time may be off for that print step."""

Run = TypeVar("Run", NeuronRun, NetworkRun)
Bench = TypeVar("Bench", NeuronBench, NetworkBench)


@dataclass(frozen=True, eq=False)
class Built(Generic[Run, Bench]):
    """A run of windows as a circuit and as decks.

    Attributes:
        run: the windows, and what must happen in them.
        bench: the circuit, and where to look at it.
        decks: by dialect, those that were asked for.
        designed: the circuit before extracted values were put into it.
    """

    run: Run
    bench: Bench
    decks: Mapping[str, Deck]
    designed: Circuit


def build_neuron(
    task: NeuronTask,
    library: CellLibrary,
    phases: ClockPhases,
    dialects: Sequence[str],
    annotations: Annotations | None = None,
    parameters: bool = False,
) -> Iterator[Built[NeuronRun, NeuronBench]]:
    """The circuits and decks of one neuron, with extracted values where there are any.

    Raises:
        NetworkError: a neuron that can't be built.
        DeckError: a deck that breaks a rule of the linter.
    """
    like: Mapping[str, Deck] = {}
    annotate = _Annotate.of(annotations)
    for run in task.runs:
        skew = run.skew
        if skew is None:
            clearing = ~run.spikes.clocked
            bench = neuron_bench(library, task.site, run.stimulus, phases, clearing=clearing)
        else:
            times = (skew.phases, skew.arrivals_s, skew.rest_s)
            bench = neuron_bench(library, task.site, run.stimulus, *times)
        designed = bench.circuit
        bench = dataclasses.replace(bench, circuit=annotate.circuit(designed))
        decks = {
            d: neuron_deck(
                library, bench, run.name, run.first, d, like.get(d), annotate.notes, parameters
            )
            for d in dialects
        }
        like = decks
        yield Built(run, bench, decks, designed)


def build_network(
    task: NetworkTask,
    library: CellLibrary,
    phases: ClockPhases,
    dialects: Sequence[str],
    annotations: Annotations | None = None,
    parameters: bool = False,
) -> Iterator[Built[NetworkRun, NetworkBench]]:
    """The circuits and decks of a whole network, with extracted values where there are any.

    Raises:
        NetworkError: a neuron that can't be built.
        TimingError: windows that can't be made to hold.
        DeckError: a deck that breaks a rule of the linter.
    """
    annotate = _Annotate.of(annotations)
    for run in task.runs:
        spikes = run.spikes
        bench = network_bench(
            spikes.network, library, spikes.layers[0], phases,
            startup=spikes.startup, clearing=spikes.clearing,
        )  # fmt: skip
        designed = bench.circuit
        bench = dataclasses.replace(bench, circuit=annotate.circuit(designed))
        decks = {
            d: network_deck(library, bench, run.name, d, annotate.notes, parameters)
            for d in dialects
        }
        yield Built(run, bench, decks, designed)


@dataclass(frozen=True)
class _Annotate:
    """Puts extracted values into circuits, if there are any.

    Attributes:
        annotator: does it, or None.
        notes: lines at the head of the decks that say so.
        made: cells of circuits before.
    """

    annotator: Annotator | None = None
    notes: tuple[str, ...] = ()
    made: Made = field(default_factory=dict)

    @staticmethod
    def of(annotations: Annotations | None) -> _Annotate:
        if annotations is None:
            return _Annotate()
        return _Annotate(annotator_of(annotations), (annotations.note,))

    def circuit(self, designed: Circuit) -> Circuit:
        return designed if self.annotator is None else self.annotator.apply(designed, self.made)


def deck_notes(view: NeuronView, first: int) -> tuple[str, ...]:
    """Comment lines at the head of a neuron's deck; ``first`` is its first window."""
    site, phases = view.site, view.phases
    weights = " ".join(
        f"{label}{'+' if sign > 0 else '-'}"
        for label, sign in zip(site.labels, site.signs, strict=True)
    )
    clocks = f"decision {phases.decision * 1e12:g} ps"
    if site.memory is None:
        clocks += f", reset {phases.reset * 1e12:g} ps after the data"
    else:
        clocks += " after the data; where a sample begins, the pulse that empties the loops instead"
    head = f"layer {site.layer}, neuron {site.neuron}: fires when n >= {site.theta}"
    if site.memory is not None:
        head += f", n of all of a sample's steps, {site.memory.in_words}"
    return (
        head,
        f"synapses (input line and sign): {weights}",
        f"windows {first} to {first + view.windows - 1}, {phases.period * 1e12:g} ps each; "
        f"{clocks}",
    )


def neuron_deck(
    library: CellLibrary,
    bench: NeuronBench,
    name: str,
    first: int,
    dialect: str = "josim",
    like: Deck | None = None,
    notes: tuple[str, ...] = (),
    parameters: bool = False,
) -> Deck:
    """The deck of one neuron's bench, linted where there is a linter for its dialect.

    Args:
        library: the bench's; its notes are comment lines, too, its step is the analysis's.
        bench: what is written.
        name: the deck's.
        first: the number of its first window.
        dialect: as ``emit``.
        like: a deck of the same neuron, made before. Its probes are these, and as the two differ
            in the pulses of the sources alone, the linter need not read this one too.
        notes: comment lines beside those of every neuron's deck and the library's.
        parameters: as ``emit``.
    """
    deck = emit(
        bench.circuit,
        library.process,
        dataclasses.replace(bench.analysis(), step_s=library.step_s),
        bench.probes() if like is None else like.probes,
        name=name,
        dialect=dialect,
        notes=(*deck_notes(bench.view, first), *notes, *library.notes),
        parameters=parameters,
    )
    if dialect == "josim" and like is None:
        lint(plain_deck(deck.text), f"{name}.cir")
    return deck


def _windows_in_words(bench: NetworkBench) -> str:
    before = f"{bench.startup} start-up windows and " if bench.startup else ""
    return f"{before}{bench.windows - bench.startup} windows"


def network_deck(
    library: CellLibrary,
    bench: NetworkBench,
    name: str,
    dialect: str = "josim",
    notes: tuple[str, ...] = (),
    parameters: bool = False,
) -> Deck:
    """The deck of a whole network's bench, linted where there is a linter for its dialect.

    ``notes`` are comment lines beside the one of every network's deck and the library's,
    ``parameters`` as for ``emit``.
    """
    deck = emit(
        bench.circuit,
        library.process,
        dataclasses.replace(bench.analysis(), step_s=library.step_s, print_step_s=NETWORK_PRINT_S),
        bench.probes(),
        name=name,
        dialect=dialect,
        notes=(
            f"{len(bench.views)} neurons, {_windows_in_words(bench)} in a pipeline",
            *notes,
            *library.notes,
        ),
        parameters=parameters,
    )
    if dialect == "josim":
        lint(plain_deck(deck.text), f"{name}.cir")
    return deck
