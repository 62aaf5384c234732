"""One neuron in a circuit: the names of its parts, where to look at it and when, what happens.

Names lead from the network to the junction: layer 0, neuron 7 is the instance XL0N07, its synapse
from input line 12 the instance XS012 in it, the set junction of that synapse ``BA.XS012.XL0N07``.
The names of cells' own junctions are those of ``templates/cells/branch.j2`` and ``decision.j2``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from netlist_gen.circuit.loops import neuron_loops
from netlist_gen.circuit.probe import Probe
from netlist_gen.circuit.pulse_train import train_length
from netlist_gen.circuit.sites import NeuronSite, SiteMemory, own_labels
from netlist_gen.library.design import ClockPhases
from netlist_gen.library.process import Process
from netlist_gen.spikes import NeuronSpikes

START_S = 60e-12
"""Data pulses of the first window: ideal biases have ramped up (10 ps) and everything rests."""

AFTER_BIAS_S = 50e-12
"""From the end of a bias network's start until the data pulses of the first window."""

GUARD_S = 6e-12
"""Before the next window's data pulses, the time at which a window is read as finished."""

SYNAPSE = "XS"
"""Begins the instance's name of each storage branch; its label follows."""

RESET_TREE, DECISION, STARTUP = "XRT", "XD", "XUP"
"""Instances of the tree of resets, the decision stage and the start-up supply."""

TRAIN, CLEARING, OWN_SPLIT, OWN_TREE = "XPT", "XCM", "XOS", "XOT"
"""Instances of a neuron whose membrane lasts: the pulse train of its resets, the merger before it,
the splitter of its output, the tree to the branches that count its own pulses."""

BOTTOM_SOURCE, TOP_SOURCE = "ICB", "ICT"
"""Current sources of the control lines of the bottom and the top loops."""

SET, CLEAR = "BA", "BB"
"""Junctions of a storage loop: a data pulse flips the first, a reset that finds it the second."""

STORAGE, BOTTOM_PICKUP, TOP_PICKUP = "LST", "LBP", "LTP"
"""Inductors of a branch: of its storage loop, and in a loop of the bottom and of the top SQUID."""

SYNAPSE_COUPLINGS = ("KB", "KT")
"""Couplings of a branch's storage inductor with the bottom and the top loop."""

BOTTOM, TOP = ("BB1", "BB2"), ("BT1", "BT2")
"""Near and far junctions of the decision's SQUIDs, of the far ones one in each loop (``BB2_0``):
the bottom SQUID flips where the neuron fires, else the top one."""

Counts = NDArray[np.int64]
Events = dict[tuple[str, ...], list[tuple[str, Counts]]]
"""How often each event happens in each window, by the path of the placed cell it happens in."""


def start_s(process: Process) -> float:
    """Data pulses of the first window, s: all biases of the process's circuits are there."""
    return START_S if process.network is None else process.network.settled_s + AFTER_BIAS_S


def later_s(process: Process) -> float:
    """By how much data come later than with ideal bias sources, s."""
    return start_s(process) - START_S


def instance_name(site: NeuronSite) -> str:
    """Name of a neuron's instance."""
    return f"X{site.name}"


def output_stage(site: NeuronSite) -> str:
    """Name of the JTL stage behind a neuron of a network."""
    return f"XO{site.name}"


def loop_side(label: str) -> int:
    """What a junction (``BA|XS0|XL0N0``) does to a storage loop: 1 sets, -1 clears, 0 neither."""
    name, _, path = label.partition("|")
    if not path.startswith(SYNAPSE):
        return 0
    return {SET: 1, CLEAR: -1}.get(name, 0)


@dataclass(frozen=True, eq=False)
class NeuronView:
    """One neuron in a simulated circuit: where to look and when.

    Attributes:
        site: which neuron.
        phases: clock phases.
        windows: how many clock windows are simulated.
        start_s: data time of the first window.
        output: the junction whose pulses are the neuron's output.
    """

    site: NeuronSite
    phases: ClockPhases
    windows: int
    start_s: float
    output: Probe

    @property
    def instance(self) -> str:
        """Instance name of the neuron."""
        return instance_name(self.site)

    def boundaries_s(self) -> NDArray[np.float64]:
        """Times between windows, all at rest, shape (windows + 1,)."""
        steps = np.arange(self.windows + 1, dtype=np.float64)
        return np.asarray(self.start_s - GUARD_S + self.phases.period * steps)

    def decisions_s(self) -> NDArray[np.float64]:
        """Decision clock of each window, shape (windows,)."""
        first = self.start_s + self.phases.decision
        return np.asarray(first + self.phases.period * np.arange(self.windows, dtype=np.float64))

    def branches(self) -> dict[int, tuple[str, ...]]:
        """Path of each storage branch by the input line that it hears, in the order of synapses."""
        return {
            line: (self.instance, f"{SYNAPSE}{label}")
            for line, label in zip(self.site.inputs, self.site.labels, strict=True)
        }

    def loops(self) -> dict[int, tuple[Probe, Probe]]:
        """Set and clear junction of each storage loop by its input line."""
        return {line: _loop(path) for line, path in self.branches().items()}

    def own_loops(self) -> tuple[tuple[Probe, Probe], ...]:
        """The same of the loops that count the neuron's own pulses."""
        labels = own_labels(self.site.memory)
        return tuple(_loop((self.instance, f"{SYNAPSE}{label}")) for label in labels)

    def squids(self) -> tuple[tuple[Probe, bool], ...]:
        """The junctions of the decision's SQUIDs, and whether each flips where the neuron fires."""
        path = (self.instance, DECISION)
        loops = range(neuron_loops(self.site.stage_fan_in))
        return tuple(
            (Probe(path, name), near is BOTTOM[0])
            for near, far in (BOTTOM, TOP)
            for name in (near, *(f"{far}_{i}" for i in loops))
        )

    def watched(self) -> tuple[Probe, ...]:
        """Output, both junctions of each storage loop, those of the SQUIDs."""
        pairs = (*self.loops().values(), *self.own_loops())
        loops = [probe for pair in pairs for probe in pair]
        return (self.output, *loops, *(probe for probe, _ in self.squids()))

    def events(self, spikes: NeuronSpikes) -> Events:
        """Events of the neuron's own cells, by their paths, where it does what it must."""
        inside = neuron_events(self.site, spikes)
        return {(self.instance, name): events for name, events in inside.items()}


def _loop(path: tuple[str, ...]) -> tuple[Probe, Probe]:
    return Probe(path, SET), Probe(path, CLEAR)


def neuron_events(site: NeuronSite, spikes: NeuronSpikes) -> dict[str, list[tuple[str, Counts]]]:
    """How often each event happens in each window, by the instance in the neuron.

    A synapse that the circuit lacks has none here: that it is missing is for the verdict to say.
    """
    fires = spikes.fires.astype(np.int64)
    emptied = spikes.emptied.astype(np.int64)
    clocked = spikes.clocked.astype(np.int64)
    resets = emptied * (1 if site.memory is None else train_length(site.memory.steps))
    events = {
        RESET_TREE: [("pulse", resets)],
        DECISION: [("fire", fires), ("reject", clocked - fires)],
    }
    if site.memory is not None:
        events |= _memory_events(site.memory, fires, emptied, clocked)
    labels = dict(zip(site.inputs, site.labels, strict=True))
    own = own_labels(site.memory)
    named = [labels.get(line, "") for line in spikes.lines] + list(own)
    into = np.hstack([spikes.arrivals, spikes.own])
    for label, pulses, leaving in zip(named, into.T, spikes.leaving.T, strict=False):
        if label:
            events[f"{SYNAPSE}{label}"] = [
                ("data", pulses.astype(np.int64)),
                ("clear", leaving),
                ("clear_empty", resets - leaving),
            ]
    return events


def _memory_events(
    memory: SiteMemory, fires: Counts, emptied: Counts, clocked: Counts
) -> dict[str, list[tuple[str, Counts]]]:
    """Of what makes the membrane last; it is emptied by the sample's start where no clock comes."""
    events = {TRAIN: [("pulse", emptied)]}
    if memory.feeds_back:
        events[OWN_SPLIT] = [("pulse", fires)]
    if memory.reset == "zero":
        events[CLEARING] = [("pulse_a", fires), ("pulse_b", 1 - clocked)]
    if memory.subtract:
        events[OWN_TREE] = [("pulse", fires)]
    return events
