"""The work of ``generate`` and ``verify``: which decks there are, and what each must do.

In the scope "neurons" each neuron is simulated alone, its input lines carrying the pulses the
integer model predicts there. In the scope "network" everything is one circuit, and only the
network's inputs are driven. Windows follow one another in a deck, so that what a window leaves
behind is seen by the next; long series are cut into decks of equal length. What is expected comes
from the integer model, once for all decks, and travels with them.

A task is small and can be sent to another process: the decks are built where they are used.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from netlist_gen.circuit.sites import NeuronSite, neuron_sites
from netlist_gen.deck.windows import WINDOWS_PER_DECK, chunks, deck_name, pipelines
from netlist_gen.errors import ConfigurationError
from netlist_gen.spikes import NetworkSpikes, NeuronSpikes

SCOPES = ("neurons", "network")

RUNS_PER_TASK = 32
"""Decks in one task at most: what a broken run loses, and what comes back at once."""


@dataclass(frozen=True)
class Cut:
    """How windows are cut into decks.

    Attributes:
        neurons: most windows in a deck of one neuron.
        network: most windows in a deck of the whole network; None for all of them.
        together: most decks of a neuron in one task.
        startup: whether decks of the whole network begin with start-up windows.
    """

    neurons: int = WINDOWS_PER_DECK
    network: int | None = None
    together: int = RUNS_PER_TASK
    startup: bool = False

    def of(self, scope: str, windows: int) -> list[tuple[int, int]]:
        """The runs of windows of each neuron, or of the network: (first, beyond)."""
        if scope == "network":
            return pipelines(windows, self.network)
        return chunks(windows, self.neurons)


@dataclass(frozen=True, eq=False)
class NeuronRun:
    """Windows of one neuron in one deck.

    Attributes:
        name: of the deck.
        first: the first window's number among all.
        stimulus: bool, shape (windows, fan_in): pulses on the lines that the circuit hears.
        spikes: what the neuron must do.
    """

    name: str
    first: int
    stimulus: NDArray[np.bool_]
    spikes: NeuronSpikes

    @property
    def windows(self) -> int:
        """How many."""
        return int(self.stimulus.shape[0])


@dataclass(frozen=True, eq=False)
class NetworkRun:
    """Windows of a whole network in one deck.

    Attributes:
        name: of the deck.
        first: the first window's number among those of all samples.
        spikes: the pulses on the network's inputs, and what all of it must do.
    """

    name: str
    first: int
    spikes: NetworkSpikes

    @property
    def windows(self) -> int:
        """How many."""
        return self.spikes.windows


@dataclass(frozen=True, eq=False)
class NeuronTask:
    """Decks of one neuron."""

    site: NeuronSite
    runs: tuple[NeuronRun, ...]


@dataclass(frozen=True, eq=False)
class NetworkTask:
    """Decks of a whole network."""

    runs: tuple[NetworkRun, ...]


Task = NeuronTask | NetworkTask


def check_scopes(scopes: tuple[str, ...]) -> None:
    """Raises ConfigurationError for no scope, one that there is not, or one that is there twice."""
    unknown = [scope for scope in scopes if scope not in SCOPES]
    if not scopes or unknown or len(set(scopes)) != len(scopes):
        raise ConfigurationError(
            f"the scopes are {', '.join(scopes) or 'none'}; allowed are {' and '.join(SCOPES)}, "
            "each once"
        )


def plan_decks(spikes: NetworkSpikes, scope: str, cut: Cut) -> Iterator[Task]:
    """The tasks of a scope, neuron by neuron.

    Args:
        spikes: of the integer model, for all windows.
        scope: "neurons" or "network".
        cut: how windows are cut into decks.

    Raises:
        NetworkError: a neuron that can't be built.
    """
    runs = cut.of(scope, spikes.windows)
    if scope == "network":
        for first, beyond in runs:
            part = spikes.part(first, beyond)
            part = part.with_startup() if cut.startup else part
            yield NetworkTask((NetworkRun(deck_name("network", first, runs), first, part),))
        return
    for site in neuron_sites(spikes.network):
        stimulus = spikes.layers[site.layer][:, list(site.inputs)]
        own = spikes.neuron(site.layer, site.neuron)
        decks = [
            NeuronRun(
                deck_name(site.name, first, runs),
                first,
                stimulus[first:beyond],
                own.part(first, beyond),
            )
            for first, beyond in runs
        ]
        for start in range(0, len(decks), cut.together):
            yield NeuronTask(site, tuple(decks[start : start + cut.together]))


def count_decks(spikes: NetworkSpikes, scope: str, cut: Cut) -> int:
    """How many decks the tasks of a scope hold."""
    each = len(cut.of(scope, spikes.windows))
    return each if scope == "network" else each * len(neuron_sites(spikes.network))
