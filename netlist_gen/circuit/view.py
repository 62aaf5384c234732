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
from netlist_gen.circuit.sites import NeuronSite
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
        return {
            line: (Probe(path, SET), Probe(path, CLEAR)) for line, path in self.branches().items()
        }

    def squids(self) -> tuple[tuple[Probe, bool], ...]:
        """The junctions of the decision's SQUIDs, and whether each flips where the neuron fires."""
        path = (self.instance, DECISION)
        loops = range(neuron_loops(len(self.site.inputs)))
        return tuple(
            (Probe(path, name), near is BOTTOM[0])
            for near, far in (BOTTOM, TOP)
            for name in (near, *(f"{far}_{i}" for i in loops))
        )

    def watched(self) -> tuple[Probe, ...]:
        """Output, both junctions of each storage loop, those of the SQUIDs."""
        loops = [probe for pair in self.loops().values() for probe in pair]
        return (self.output, *loops, *(probe for probe, _ in self.squids()))

    def events(self, spikes: NeuronSpikes) -> Events:
        """Events of the neuron's own cells, by their paths, where it does what it must."""
        inside = neuron_events(self.site, spikes)
        return {(self.instance, name): events for name, events in inside.items()}


def neuron_events(site: NeuronSite, spikes: NeuronSpikes) -> dict[str, list[tuple[str, Counts]]]:
    """How often each event happens in each window, by the instance in the neuron.

    A synapse that the circuit lacks has none here: that it is missing is for the verdict to say.
    """
    fires = spikes.fires.astype(np.int64)
    every = np.ones_like(fires)
    events = {
        RESET_TREE: [("pulse", every)],
        DECISION: [("fire", fires), ("reject", every - fires)],
    }
    labels = dict(zip(site.inputs, site.labels, strict=True))
    for line, pulses in spikes.arrivals_by_line():
        if line in labels:
            stored = pulses.astype(np.int64)
            empty = every - stored
            events[f"{SYNAPSE}{labels[line]}"] = [
                ("data", stored),
                ("clear", stored),
                ("clear_empty", empty),
            ]
    return events
