"""The cases of a verification: every neuron with the pulses the reference gives it.

In the scope "neurons" each neuron is simulated alone, its input lines carrying the pulses the
integer model predicts there. Windows follow one another in one deck, so that what a window
leaves behind is seen by the next.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from netlist_gen.cell_library import CellLibrary
from netlist_gen.circuit.bench import (
    NeuronBench,
    NeuronSite,
    neuron_bench,
    neuron_sites,
)
from netlist_gen.circuit.neuron import ClockPhases
from netlist_gen.errors import DeckError
from netlist_gen.generate import neuron_deck
from netlist_gen.lint import lint
from netlist_gen.network import TernaryNetwork
from verification.reference import EventEnergy, bench_energies, layer_inputs
from verification.simulators.base import DeckJob

WINDOWS_PER_DECK = 64
"""Longest run of windows in one deck: keeps a deck's waveforms to some tens of MB."""


@dataclass(frozen=True, eq=False)
class NeuronCase:
    """One deck: a neuron over a run of windows that starts at window ``first``.

    ``reference_J`` is the energy that the reference expects of each window, shape (windows,).
    """

    bench: NeuronBench
    reference_J: NDArray[np.float64]
    job: DeckJob
    first: int

    @property
    def site(self) -> NeuronSite:
        """The neuron."""
        return self.bench.view.site


def windows_of(inputs: NDArray[np.bool_]) -> tuple[NDArray[np.bool_], int]:
    """Inputs (samples, inputs) or (samples, steps, inputs) as windows, and steps per sample."""
    if inputs.ndim == 2:
        return inputs, 1
    return inputs.reshape(-1, inputs.shape[-1]), inputs.shape[1]


def chunks(windows: int, most: int = WINDOWS_PER_DECK) -> list[tuple[int, int]]:
    """Runs of at most ``most`` windows, as equal as can be: (first, beyond)."""
    parts = -(-windows // most)
    edges = [windows * i // parts for i in range(parts + 1)]
    return list(pairwise(edges))


def plan_neurons(
    network: TernaryNetwork,
    inputs: NDArray[np.bool_],
    library: CellLibrary,
    phases: ClockPhases | None = None,
    *,
    dialect: str = "josim",
    decks: Path | None = None,
) -> Iterator[NeuronCase]:
    """All cases of a network, neuron by neuron.

    Args:
        network: what is verified.
        inputs: bool, shape (windows, inputs).
        library: cells of one process.
        phases: clock phases (default: the design table's).
        dialect: of the decks.
        decks: a directory of decks written before; their text is taken instead of a new one,
            so that an edited deck is judged by the unedited network.

    Raises:
        NetworkError: a neuron that can't be built.
        DeckError: a deck that breaks a rule of the linter, or is missing from ``decks``.
    """
    lines = list(layer_inputs(network, inputs))
    energies = EventEnergy(library)
    runs = chunks(inputs.shape[0])
    for site in neuron_sites(network):
        for first, beyond in runs:
            stimulus = lines[site.layer][first:beyond, list(site.inputs)]
            bench = neuron_bench(library, site, stimulus, phases)
            name = deck_name(site, first, runs)
            if decks is None:
                text = neuron_deck(library, bench, name, first, dialect).text
            else:
                path = _deck_path(decks, name, dialect)
                text = _read_deck(path)
                if dialect == "josim":
                    lint(text, path.name)
            yield NeuronCase(bench, bench_energies(bench, energies), DeckJob(name, text), first)


def deck_name(site: NeuronSite, first: int, runs: Sequence[tuple[int, int]]) -> str:
    """Name of a neuron's deck: that of the neuron, with the first window if there are several."""
    return site.name if len(runs) == 1 else f"{site.name}_W{first:0{len(str(runs[-1][0]))}d}"


def _deck_path(decks: Path, name: str, dialect: str) -> Path:
    """The deck's file: ``generate`` names the dialect in it where it wrote several."""
    path = decks / f"{name}.{dialect}.cir"
    return path if path.exists() else decks / f"{name}.cir"


def _read_deck(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise DeckError(f"{path}: the deck can't be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise DeckError(f"{path}: the deck is not text ({error})") from error
