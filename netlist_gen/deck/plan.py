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
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from netlist_gen.circuit.sites import NeuronSite, neuron_sites
from netlist_gen.deck.distinct import Walk, distinct_walk
from netlist_gen.deck.windows import WINDOWS_PER_DECK, chunks, deck_name, pipelines
from netlist_gen.errors import ConfigurationError
from netlist_gen.library.design import ClockPhases
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

    def of(self, scope: str, spikes: NetworkSpikes) -> list[tuple[int, int]]:
        """The runs of windows of each neuron, or of the network: (first, beyond)."""
        each = spikes.inseparable
        pieces = spikes.windows // each
        if scope == "network":
            most = None if self.network is None else max(1, self.network // each)
            found = pipelines(pieces, most)
        else:
            found = chunks(pieces, max(1, self.neurons // each))
        return [(first * each, beyond * each) for first, beyond in found]


@dataclass(frozen=True, eq=False)
class Skew:
    """When the pulses of a neuron's windows come, where not all of them at the data time.

    Attributes:
        phases: of the bench.
        late: bool, shape (windows, fan_in): which pulses come late.
        by_s: how late these are.
        rest_s: when the neuron rests between windows, s after their data time.
    """

    phases: ClockPhases
    late: NDArray[np.bool_]
    by_s: float
    rest_s: float

    def part(self, first: int, beyond: int) -> Skew:
        """Of the windows from ``first`` up to, not including, ``beyond``."""
        return replace(self, late=self.late[first:beyond])

    @property
    def arrivals_s(self) -> NDArray[np.float64]:
        """After the data time, of ``late``'s shape."""
        return np.where(self.late, self.by_s, 0.0)


@dataclass(frozen=True, eq=False)
class Stands:
    """Which windows the windows of a deck stand for, where a window is simulated once.

    Attributes:
        shown: for each window of the deck one of the same pulses among all.
        rows: for each all those it stands for; none for one that only leads in.
    """

    shown: NDArray[np.int64]
    rows: tuple[NDArray[np.int64], ...]

    @property
    def times(self) -> NDArray[np.int64]:
        """How many each stands for, shape (windows,)."""
        return np.array([row.size for row in self.rows], dtype=np.int64)


@dataclass(frozen=True, eq=False)
class NeuronRun:
    """Windows of one neuron in one deck.

    Attributes:
        name: of the deck.
        first: the first window's number among all.
        stimulus: bool, shape (windows, fan_in): pulses on the lines that the circuit hears.
        spikes: what the neuron must do.
        skew: when the pulses come; None is at the data time.
        stands: what the windows stand for; None is each for itself, in their order.
    """

    name: str
    first: int
    stimulus: NDArray[np.bool_]
    spikes: NeuronSpikes
    skew: Skew | None = None
    stands: Stands | None = None

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


def plan_decks(
    spikes: NetworkSpikes, scope: str, cut: Cut, *, distinct: bool = False
) -> Iterator[Task]:
    """The tasks of a scope, neuron by neuron.

    Args:
        spikes: of the integer model, for all windows.
        scope: "neurons" or "network".
        cut: how windows are cut into decks.
        distinct: a neuron's window is simulated once where it comes again with the same pulses
            after the same window, if that makes less of them (``deck.distinct``).

    Raises:
        NetworkError: a neuron that can't be built.
    """
    if scope == "network":
        runs = cut.of(scope, spikes)
        for first, beyond in runs:
            part = spikes.part(first, beyond)
            part = part.with_startup() if cut.startup else part
            yield NetworkTask((NetworkRun(deck_name("network", first, runs), first, part),))
        return
    for site in neuron_sites(spikes.network):
        decks = _neuron_runs(spikes, site, cut, distinct=distinct)
        for start in range(0, len(decks), cut.together):
            yield NeuronTask(site, tuple(decks[start : start + cut.together]))


def _neuron_runs(
    spikes: NetworkSpikes, site: NeuronSite, cut: Cut, *, distinct: bool
) -> list[NeuronRun]:
    stimulus = spikes.layers[site.layer][:, list(site.inputs)]
    own = spikes.neuron(site.layer, site.neuron)
    walk = distinct_walk(stimulus, cut.neurons, spikes.inseparable) if distinct else None
    if walk is not None:
        return [
            NeuronRun(
                deck_name(site.name, first, walk.runs),
                first,
                stimulus[walk.windows[first:beyond]],
                own.taken(rows),
                stands=_stands(walk, first, beyond),
            )
            for first, beyond in walk.runs
            for rows in [walk.windows[first:beyond]]
        ]
    runs = cut.of("neurons", spikes)
    return [
        NeuronRun(
            deck_name(site.name, first, runs),
            first,
            stimulus[first:beyond],
            own.part(first, beyond),
        )
        for first, beyond in runs
    ]


def _stands(walk: Walk, first: int, beyond: int) -> Stands:
    """Of a deck of a walk; where it begins with another's last ones, these lead in."""
    rows = list(walk.rows[first:beyond])
    if first:
        rows[: walk.sample] = [row[:0] for row in rows[: walk.sample]]
    return Stands(walk.windows[first:beyond], tuple(rows))


def count_decks(spikes: NetworkSpikes, scope: str, cut: Cut, *, distinct: bool = False) -> int:
    """How many decks the tasks of a scope hold."""
    if distinct and scope == "neurons":
        sites = neuron_sites(spikes.network)
        return sum(len(_neuron_runs(spikes, site, cut, distinct=True)) for site in sites)
    each = len(cut.of(scope, spikes))
    return each if scope == "network" else each * len(neuron_sites(spikes.network))
