"""The made windows of a network's neurons as decks, and what they prove."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from netlist_gen.assembly.arrivals import ArrivalRange, Spacing, arrival_range, spacings
from netlist_gen.assembly.delays import Delays, measured_delays
from netlist_gen.assembly.plan import NetworkPlan
from netlist_gen.circuit.clock_line import port_phases
from netlist_gen.circuit.sites import NeuronSite, neuron_sites
from netlist_gen.deck.decks import build_neuron
from netlist_gen.deck.plan import Cut, NeuronRun, NeuronTask, Skew, Task
from netlist_gen.deck.windows import deck_name
from netlist_gen.network import TernaryNetwork
from netlist_gen.spikes import NetworkSpikes, driven_neuron
from verification.campaign.plan import Setup, cut_for
from verification.certificate.alike import branches_differ
from verification.certificate.classes import Asked, Kind, class_counts
from verification.certificate.made import Block, Maker, packed
from verification.certificate.statement import (
    ASSUMPTIONS,
    NEARBY,
    OUTSIDE,
    SHARED,
    TIMED,
    UNTIMED,
    Certificate,
)
from verification.verdict.measured import Measured

BoolArray = NDArray[np.bool_]
Place = tuple[int, int]


@dataclass(frozen=True)
class Making:
    """What windows are made.

    Attributes:
        asked: which classes.
        shared: each class for one neuron of a circuit; else for every neuron.
        neurons: for so many neurons, drawn; None is all.
        checks: neuron windows of the samples, drawn, that are simulated too.
        seed: of what is drawn.
        simulator: whose decks they are; "" for decks of the usual length.
    """

    asked: Asked
    shared: bool = True
    neurons: int | None = None
    checks: int = 0
    seed: int = 0
    simulator: str = ""


class MadeWindows:
    """Windows made for the neurons of a network.

    Args:
        network: the integer model.
        plan: of its circuit, for the arrivals at its neurons.
        setup: of the campaign.
        making: see there.
        given: bool, shape (windows, inputs): those of samples, of which some are simulated.
    """

    def __init__(
        self,
        network: TernaryNetwork,
        plan: NetworkPlan,
        setup: Setup,
        making: Making,
        given: BoolArray,
    ) -> None:
        self.network = network
        # Neurons of one kind are one circuit by design; extracted values and neighbours' couplings
        # are of each neuron alone.
        self._by_design = setup.annotations is None and not setup.crosstalk
        self.asked, self.shared = making.asked, making.shared and self._by_design
        self.checks = making.checks
        self._setup, self._making = setup, making
        self.sites = self._chosen(neuron_sites(network))
        self._kinds = {site.name: Kind.of(site.signs, site.theta) for site in self.sites}
        self._ranges = self._arrival_ranges(plan)
        self._samples = self._drawn(given) if making.checks else {}
        self._tasks = list(self._made())

    @property
    def kinds(self) -> Mapping[str, Kind]:
        """The circuit of each neuron by its name, up to the order of synapses."""
        return self._kinds

    @cached_property
    def doubt(self) -> str:
        """Why counts alone do not tell what a neuron does; "" where they do."""
        setup = self._setup
        if setup.crosstalk:
            return "neighbouring synapses are coupled (--crosstalk)"
        if setup.annotations is None:
            return ""
        library, seen = setup.library(), set()
        for task in self._tasks:
            if task.site.name in seen:
                continue
            seen.add(task.site.name)
            first = replace(task, runs=task.runs[:1])
            (built,) = build_neuron(first, library, setup.phases, (), setup.annotations)
            place = branches_differ(built.designed, built.bench.circuit)
            if place:
                return f"extracted values make branches differ ({place})"
        return ""

    @property
    def circuits(self) -> int:
        """How many different ones there may be, up to the order of synapses."""
        return len(set(self._kinds.values())) if self._by_design else len(self.sites)

    @property
    def skews_s(self) -> list[float]:
        """How far apart data may come at each circuit; none where no timing is known."""
        return [found.skew_s for found in self._ranges.values()]

    def _chosen(self, sites: list[NeuronSite]) -> list[NeuronSite]:
        count = self._making.neurons
        if count is None or count >= len(sites):
            return sites
        rng = np.random.default_rng(self._making.seed)
        return [sites[i] for i in np.sort(rng.choice(len(sites), count, replace=False))]

    def _arrival_ranges(self, plan: NetworkPlan) -> dict[Kind, ArrivalRange]:
        """Of each circuit, the tightest of its neurons; none where no timing was closed."""
        found = spacings(plan)
        least: dict[Kind, Spacing] = {}
        for site in self.sites if found else []:
            kind, own = self._kinds[site.name], found[site.layer, site.neuron]
            least[kind] = least[kind].least(own) if kind in least else own
        if not least:
            return {}
        setup, library = self._setup, self._setup.library()
        delays: Delays = measured_delays(setup.process)
        ranges = {}
        for kind, spacing in least.items():
            signs = [1] * kind.excitatory + [-1] * kind.inhibitory
            decision = port_phases(library, setup.phases, len(signs)).decision
            ranges[kind] = arrival_range(delays, spacing, signs, kind.theta, setup.phases, decision)
        return ranges

    def _drawn(self, given: BoolArray) -> dict[str, list[BoolArray]]:
        """Windows of samples by the neuron's name, each with the window before it."""
        rng = np.random.default_rng((self._making.seed, given.shape[0]))
        spikes = NetworkSpikes.of(self.network, given)
        found: dict[str, list[BoolArray]] = {}
        for at in rng.integers(len(self.sites), size=self._making.checks):
            site, window = self.sites[at], int(rng.integers(spikes.windows))
            rows = [max(0, window - 1), window]
            lines = spikes.layers[site.layer][np.ix_(rows, list(site.inputs))]
            found.setdefault(site.name, []).append(lines)
        return found

    def _made(self) -> Iterator[NeuronTask]:
        met: set[Kind] = set()
        for number, site in enumerate(self.sites):
            kind = self._kinds[site.name]
            maker = Maker(site.signs, site.theta, seed=number)
            drawn = self._samples.get(site.name, [])
            checks = [Block(pulses, np.zeros_like(pulses)) for pulses in drawn]
            groups = [[*maker.own_blocks(), *checks]]
            if kind not in met or not self.shared:
                groups.append(maker.class_blocks(self.asked.of(kind)))
            met.add(kind)
            yield from self._tasks_of(site, groups)

    def _tasks_of(
        self, site: NeuronSite, groups: Sequence[Sequence[Block]]
    ) -> Iterator[NeuronTask]:
        """A task for each group of blocks; its decks are of one length."""
        decks = [packed(blocks, self._most(blocks)) for blocks in groups]
        ends = np.cumsum([0, *(deck.windows for group in decks for deck in group)]).tolist()
        runs = list(pairwise(ends))
        place = self._ranges.get(self._kinds[site.name])
        firsts = iter(ends)
        for group in decks:
            yield NeuronTask(
                site,
                tuple(
                    NeuronRun(
                        deck_name(site.name, first, runs),
                        first,
                        deck.pulses,
                        driven_neuron(self.network, site.layer, site.neuron, deck.pulses),
                        skew=None if place is None else _skew(place, deck.late),
                    )
                    for deck, first in zip(group, firsts, strict=False)
                ),
            )

    def _most(self, blocks: Sequence[Block]) -> int:
        """Windows of a deck."""
        total = sum(block.windows for block in blocks)
        return cut_for(total, self._making.simulator, None, usual=False).neurons

    @cached_property
    def lengths(self) -> dict[Place, int]:
        """Windows of each neuron."""
        found: dict[Place, int] = {}
        for task in self._tasks:
            place = task.site.layer, task.site.neuron
            found[place] = found.get(place, 0) + sum(run.windows for run in task.runs)
        return found

    @cached_property
    def spikes(self) -> NetworkSpikes:
        """Row w has of each neuron its own window w: no window of the network, and no inputs."""
        rows = max(self.lengths.values())
        layers = [np.zeros((rows, layer.outputs), dtype=bool) for layer in self.network.layers]
        for task in self._tasks:
            for run in task.runs:
                own = layers[task.site.layer][:, task.site.neuron]
                own[run.first : run.first + run.windows] = run.spikes.fires
        return NetworkSpikes(
            self.network, (np.zeros((rows, self.network.inputs), dtype=bool), *layers)
        )

    def tasks(self, scope: str, cut: Cut) -> Iterator[Task]:
        """Some decks of each neuron in a task; there is only the scope "neurons"."""
        assert scope == "neurons"
        for task in self._tasks:
            for start in range(0, len(task.runs), cut.together):
                yield NeuronTask(task.site, task.runs[start : start + cut.together])

    def decks(self, scope: str, cut: Cut) -> int:  # noqa: ARG002
        """How many."""
        return sum(len(task.runs) for task in self._tasks)

    def spread_s(self, measured: Measured) -> float | None:
        """``Certificate.spread_ps``, in s."""
        ends: dict[tuple[Kind, int, int], tuple[float, float]] = {}
        for task in self._tasks:
            delays = measured.delays_s[task.site.layer][:, task.site.neuron]
            kind = self._kinds[task.site.name]
            for run in task.runs:
                counts = zip(*class_counts(run.stimulus, run.spikes.signs), strict=True)
                for (e, i), delay in zip(counts, delays[run.first :].tolist(), strict=False):
                    if not math.isnan(delay):  # there was a pulse
                        low, high = ends.get((kind, int(e), int(i)), (delay, delay))
                        ends[kind, int(e), int(i)] = min(low, delay), max(high, delay)
        return max((high - low for low, high in ends.values()), default=None)


def _skew(place: ArrivalRange, late: BoolArray) -> Skew:
    return Skew(place.phases, late, place.skew_s, place.rest_s)


def certificate(
    windows: MadeWindows, measured: Measured, samples: int, *, complete: bool
) -> Certificate:
    """What made windows prove.

    Args:
        windows: that were made.
        measured: of them.
        samples: given beside them.
        complete: whether all that is asked for was seen.
    """
    network, sites, kinds = windows.network, windows.sites, set(windows.kinds.values())
    built = len(neuron_sites(network))
    proven = complete and measured.agreed and not windows.doubt
    every = len(sites) == built
    if proven:
        whose = f"{len(sites)} of {built} neurons give"
        if every:
            whose = f"each of the {built} neurons gives" if built > 1 else "the one neuron gives"
        sentence = (
            f"{whose} the pulse of the integer model, or none, for every input that its "
            "lines can bring"
        )
        if samples and every:
            sentence += f"; the outcome of the {samples} samples follows from the integer model"
    elif measured.agreed and windows.doubt:
        sentence = (
            f"nothing is proven of inputs that were not simulated: {windows.doubt}, so that counts "
            "alone do not decide"
        )
    elif measured.agreed:
        sentence = "nothing is proven: not all that is asked for was seen"
    else:
        sentence = "nothing is proven: there are disagreements"
    skews, spread = windows.skews_s, windows.spread_s(measured)
    return Certificate(
        proven=proven,
        sentence=sentence,
        assumptions=(
            *(ASSUMPTIONS[1:] if windows.doubt else ASSUMPTIONS),
            *([SHARED] if windows.shared else []),
            *([NEARBY] if windows.asked.some(kinds) else []),
            TIMED if skews else UNTIMED,
            OUTSIDE,
        ),
        neurons=len(sites),
        of_neurons=built,
        circuits=windows.circuits,
        windows=measured.simulated,
        asked=windows.asked.words(kinds),
        shared=windows.shared,
        skew_ps=(min(skews) * 1e12, max(skews) * 1e12) if skews else None,
        spread_ps=None if spread is None else spread * 1e12,
        samples=samples,
        sampled=windows.checks,
    )
