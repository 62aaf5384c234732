"""Neurons whose lines share storage branches: mergers before loops that count.

Up to four lines of one sign are staggered by JTL stages and merged onto one branch, whose loop
stores a fluxon for each pulse; its storage inductor is as many times longer, so that the current
of a full loop is that of any branch. The reset clock carries as many pulses as a loop can hold.
Fewer, larger pick-ups pass the same flux; the window grows by the staggers of data and reset.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from netlist_gen.circuit.bench import CLOCK, RESET, TAIL_S, biased_probes, drive
from netlist_gen.circuit.bias import Island, with_bias
from netlist_gen.circuit.clock_line import port_phases
from netlist_gen.circuit.elements import GROUND, LOAD_OHM, Resistor
from netlist_gen.circuit.model import Cell, Circuit, CircuitBuilder
from netlist_gen.circuit.neuron import (
    add_decision,
    branch_cells,
    coupler_of,
    design_neuron,
    finished,
    loop_nets,
)
from netlist_gen.circuit.probe import Analysis, Probe
from netlist_gen.circuit.trees import merger_tree, splitter_tree, tree_depth
from netlist_gen.circuit.view import CLEAR, RESET_TREE, SET, START_S, SYNAPSE, start_s
from netlist_gen.errors import NetworkError
from netlist_gen.library.cells import CellLibrary
from netlist_gen.library.design import ClockPhases, load_phases
from netlist_gen.library.process import Process
from netlist_gen.library.splitters import RESETS

LINES_MAX = 4
"""Fluxons that a storage branch counts rightly at any bias from x 0.55 to x 1.4 (branch.toml)."""

STAGGER_S = 18e-12
"""Between pulses on one branch. The merger needs 7 ps (cells/tables), the loop 12 ps."""

STAGGER_STAGES = 10
"""JTL stages of 1.87 ps (cells/tables): at least ``STAGGER_S`` against the line before."""

MERGE_S = 12e-12
"""A merger tree of two levels and what JTL stages take beyond the stagger."""

AFTER_RESET_S = 20e-12
"""From the last reset pulse to the next data."""


def group_lines(signs: Sequence[int], most: int) -> list[tuple[int, tuple[int, ...]]]:
    """Lines that share a branch: (sign, lines), at most ``most`` of one sign, in rising order.

    Raises:
        NetworkError: more lines on a branch than its loop can count.
    """
    if not 1 <= most <= LINES_MAX:
        raise NetworkError(f"{most} lines on a branch: its loop counts 1 to {LINES_MAX}")
    groups = []
    for sign in (1, -1):
        lines = [k for k, s in enumerate(signs) if s == sign]
        groups += [(sign, tuple(lines[i : i + most])) for i in range(0, len(lines), most)]
    return sorted(groups, key=lambda group: group[1])


def merged_phases(lines_per_branch: int, process: Process | None = None) -> ClockPhases:
    """Clock phases with room for the staggers of data and reset (of a process: ``load_phases``)."""
    short = load_phases("timing_short")
    wait = (lines_per_branch - 1) * STAGGER_S
    decision = short.decision + wait + (MERGE_S if lines_per_branch > 1 else 0.0)
    reset = decision + (short.reset - short.decision)
    fast = dataclasses.replace(
        short, decision=decision, reset=reset, period=reset + wait + AFTER_RESET_S
    )
    return fast.slowed(load_phases(process=process).slowness)


def merged_neuron_cell(
    library: CellLibrary, name: str, signs: Sequence[int], theta: int, lines_per_branch: int
) -> Cell:
    """A neuron with ports d0 .. d{n-1}, clk, rst, q, whose lines share branches.

    Args:
        library: cells of one process.
        name: the subcircuit's name.
        signs: +1 or -1 for each line.
        theta: fires when n >= theta.
        lines_per_branch: at most so many lines of one sign share a branch; the reset port wants
            as many pulses, ``STAGGER_S`` apart.

    Raises:
        NetworkError: a wrong sign, or more lines than were shown to work.
    """
    groups = group_lines(signs, lines_per_branch)
    coupler = coupler_of(library)
    design = design_neuron(signs, theta, coupler, branches=len(groups), capacity=lines_per_branch)
    long = lines_per_branch * coupler.storage
    branches = branch_cells(library, name, signs, design, l_store=long)
    count = len(signs)
    builder = CircuitBuilder(
        name,
        (*(f"d{i}" for i in range(count)), "clk", "rst", "q"),
        kind="merged_neuron",
        title=f"neuron {name}: {count} lines on {len(groups)} branches, theta {theta}, "
        f"{design.unit:.4g} Phi0 each",
    )
    resets = [f"r{g}" for g in range(len(groups))]
    builder.place(RESET_TREE, splitter_tree(library, len(groups), RESETS), "rst", *resets)
    jtl = library.cell("jtl")
    own = [sign for sign, _ in groups]
    pickups = loop_nets(builder, own, design)
    for g, (sign, lines) in enumerate(groups):
        nets = []
        for place, line in enumerate(lines):
            net = f"d{line}"
            for stage in range(place * STAGGER_STAGES):
                out = f"w{line}_{stage}"
                builder.place(f"XW{line}_{stage}", jtl, net, out)
                net = out
            nets.append(net)
        data = nets[0]
        if len(nets) > 1:
            data = f"m{g}"
            builder.place(f"XM{g}", merger_tree(library, len(nets)), *nets, data)
        builder.place(f"{SYNAPSE}{g}", branches[sign], data, resets[g], *pickups[g])
    add_decision(library, builder, design)
    return finished(library, builder, own, [str(g) for g in range(len(groups))], design)


@dataclass(frozen=True, eq=False)
class MergedBench:
    """A merged neuron alone with its sources, and where to look.

    Attributes:
        circuit: everything.
        phases: clock phases.
        windows: how many.
        groups: (sign, lines) of each branch.
        output: the junction whose pulses are the neuron's output.
        loops: for each branch its set and clear junctions.
        start_s: data time of the first window.
    """

    circuit: Circuit
    phases: ClockPhases
    windows: int
    groups: tuple[tuple[int, tuple[int, ...]], ...]
    output: Probe
    loops: tuple[tuple[Probe, Probe], ...]
    start_s: float = START_S

    def probes(self) -> tuple[Probe, ...]:
        """All that is watched and all that carries a bias."""
        watched = (self.output, *(probe for pair in self.loops for probe in pair))
        return tuple(dict.fromkeys((*watched, *biased_probes(self.circuit))))

    def analysis(self) -> Analysis:
        """Times of the transient analysis."""
        return Analysis(stop_s=self.start_s + self.phases.period * self.windows + TAIL_S)


def merged_bench(
    library: CellLibrary,
    signs: Sequence[int],
    theta: int,
    lines_per_branch: int,
    stimulus: NDArray[np.bool_],
) -> MergedBench:
    """The bench of one merged neuron: stimulus bool, shape (windows, lines).

    Raises:
        NetworkError: as ``merged_neuron_cell``, or a stimulus of another width.
    """
    if stimulus.ndim != 2 or stimulus.shape[1] != len(signs):
        raise NetworkError(
            f"a stimulus of shape {stimulus.shape} does not fit; it must be (windows, {len(signs)})"
        )
    groups = group_lines(signs, lines_per_branch)
    phases = merged_phases(lines_per_branch, library.process)
    phases = port_phases(library, phases, len(groups))
    windows = stimulus.shape[0]
    first_s = start_s(library.process)
    starts = first_s + phases.period * np.arange(windows)
    builder = CircuitBuilder("bench", title=f"bench of a neuron of {len(signs)} merged lines")
    jtl = library.cell("jtl")

    def line(name: str, times: NDArray[np.floating]) -> str:
        return drive(builder, library, name, times.tolist())

    nets = [line(str(k), starts[stimulus[:, k]]) for k in range(len(signs))]
    nets.append(line(CLOCK, starts + phases.decision))
    first = phases.reset - phases.tree_stage * tree_depth(len(groups))
    train = first + STAGGER_S * phases.slowness * np.arange(lines_per_branch)
    nets.append(line(RESET, (starts[:, None] + train).ravel()))
    neuron = merged_neuron_cell(library, "merged", signs, theta, lines_per_branch)
    builder.place("XN", neuron, *nets, "o")
    builder.place("XO", jtl, "o", "q")
    builder.add(Resistor("RL", "q", GROUND, LOAD_OHM))
    loops = tuple(
        (Probe(("XN", f"{SYNAPSE}{g}"), SET), Probe(("XN", f"{SYNAPSE}{g}"), CLEAR))
        for g in range(len(groups))
    )
    island = Island("0", tuple((starts + phases.decision).tolist()))
    circuit = with_bias(builder.circuit(), library, [island])
    return MergedBench(
        circuit, phases, windows, tuple(groups), Probe(("XO",), "B1"), loops, first_s
    )
