"""The windows of a campaign: those of samples, or those that are made to certify neurons."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from netlist_gen.circuit.sites import NeuronSite, neuron_sites
from netlist_gen.deck.plan import Cut, NeuronTask, Task, count_decks, plan_decks
from netlist_gen.spikes import NetworkSpikes, NeuronSpikes
from verification.certificate.classes import Asked
from verification.certificate.coverage import Coverage, Tally, covered
from verification.verdict.measured import Measured

BoolArray = NDArray[np.bool_]


class WindowPlan(Protocol):
    """Which windows there are, and in which decks they are simulated."""

    @property
    def spikes(self) -> NetworkSpikes:
        """What is expected: a row for each window."""
        ...

    @property
    def sites(self) -> Sequence[NeuronSite]:
        """The neurons that have windows."""
        ...

    @property
    def lengths(self) -> Mapping[tuple[int, int], int] | None:
        """Rows that each neuron has, by (layer, neuron); None is all."""
        ...

    @property
    def asked(self) -> Asked:
        """Which classes coverage asks for."""
        ...

    @property
    def shared(self) -> bool:
        """Whether a class seen on one neuron counts for all of the same circuit."""
        ...

    def tasks(self, scope: str, cut: Cut) -> Iterator[Task]:
        """The decks of a scope."""
        ...

    def decks(self, scope: str, cut: Cut) -> int:
        """How many."""
        ...


@dataclass(frozen=True, eq=False)
class SampleWindows:
    """The windows of samples, in their order.

    Attributes:
        spikes: of the integer model.
        asked: which classes coverage asks for.
        distinct: windows of a neuron that come again are simulated once.
    """

    spikes: NetworkSpikes
    asked: Asked
    distinct: bool = False
    shared: bool = False
    lengths: Mapping[tuple[int, int], int] | None = None

    @property
    def sites(self) -> list[NeuronSite]:
        """All neurons that have a circuit."""
        return neuron_sites(self.spikes.network)

    def tasks(self, scope: str, cut: Cut) -> Iterator[Task]:
        """The decks of a scope (``deck.plan.plan_decks``)."""
        return plan_decks(self.spikes, scope, cut, distinct=self.distinct)

    def decks(self, scope: str, cut: Cut) -> int:
        """How many."""
        return count_decks(self.spikes, scope, cut, distinct=self.distinct)


def coverage_of(plan: WindowPlan, measured: Measured, cut: Cut, *, timed: bool) -> Coverage | None:
    """What the windows met that a simulator ran in one scope.

    None where no deck ended, or where membranes last.

    Args:
        plan: of the windows.
        measured: of that scope.
        cut: into decks.
        timed: whether it is known how early and how late data can come.
    """
    if plan.spikes.network.has_memory:  # what a window is for a neuron depends on those before
        return None
    ended = {result.name for result in measured.results if not result.failed}
    tallies: dict[tuple[int, int], Tally] = {}
    for task in plan.tasks(measured.scope, cut):
        for name, place, spikes, late in _runs(task):
            tally = tallies.setdefault(place, Tally(spikes, timed=timed))
            if name in ended:
                tally.add(spikes, late)
    if not ended:
        return None
    return covered(measured.scope, dict(sorted(tallies.items())), plan.asked, shared=plan.shared)


def _runs(task: Task) -> Iterator[tuple[str, tuple[int, int], NeuronSpikes, BoolArray | None]]:
    """Deck, place, spikes and late pulses of every neuron in a task."""
    if isinstance(task, NeuronTask):
        place = task.site.layer, task.site.neuron
        for run in task.runs:
            yield run.name, place, run.spikes, None if run.skew is None else run.skew.late
    else:
        for whole in task.runs:
            for site in neuron_sites(whole.spikes.network):
                place = site.layer, site.neuron
                yield whole.name, place, whole.spikes.neuron(*place), None
