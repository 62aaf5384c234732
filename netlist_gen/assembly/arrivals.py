"""How early and how late data reach a neuron by a network's closed timing, on a bench of its own.

The data of the bench may come as close to its clocks, on both sides, as the plan lets them come in
the network. A neuron that is right at both ends is right at its place, as far as its surroundings
are those of the bench.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

from netlist_gen.assembly.delays import Delays
from netlist_gen.assembly.plan import NetworkPlan
from netlist_gen.assembly.stages import Stage
from netlist_gen.circuit.trees import tree_depth
from netlist_gen.circuit.view import GUARD_S
from netlist_gen.library.design import ClockPhases


@dataclass(frozen=True)
class Spacing:
    """Spacings of arrivals at a neuron's ports, nominal, s (``close_timing`` says of what).

    Attributes:
        setup: from the latest data to the decision.
        hold: from the decision to the reset.
        keep: from the decision to the next window's earliest data.
        recovery: from the reset to the next window's earliest data.
    """

    setup: float
    hold: float
    keep: float
    recovery: float

    def least(self, other: Spacing) -> Spacing:
        """The tighter of two, each by itself."""
        mine, theirs = dataclasses.astuple(self), dataclasses.astuple(other)
        return Spacing(*map(min, mine, theirs))


@dataclass(frozen=True)
class ArrivalRange:
    """Where a bench has its clocks, and how its data may come.

    Attributes:
        phases: of the bench: decision and reset as far from its data as the plan has them.
        skew_s: how much later than its data time the last data of a window come.
        rest_s: when the neuron rests between two windows, s after the data time.
    """

    phases: ClockPhases
    skew_s: float
    rest_s: float


def spacings(plan: NetworkPlan) -> dict[tuple[int, int], Spacing]:
    """Of each neuron that has a circuit, by (layer, neuron); nothing where no timing was closed."""
    timing = plan.timing
    if timing is None or not timing.corners:
        return {}
    found = {}
    for layer, phases in zip(plan.layers, timing.layers, strict=True):
        following = phases.earliest + timing.period_s
        columns = (
            phases.decision - phases.latest,
            phases.reset - phases.decision,
            following - phases.decision,
            following - phases.reset,
        )
        for number, site in enumerate(layer.sites):
            values = (float(column[number]) for column in columns)
            found[site.layer, site.neuron] = Spacing(*values)
    return found


def arrival_range(
    delays: Delays,
    spacing: Spacing,
    signs: Sequence[int],
    theta: int,
    phases: ClockPhases,
    decision_s: float,
) -> ArrivalRange:
    """The range of a neuron's data on its bench.

    Args:
        delays: of the cells.
        spacing: of the neuron, or the least of several.
        signs: +1 or -1 for each of its synapses.
        theta: its threshold.
        phases: of the bench.
        decision_s: when the decision clock comes to the neuron's port (``clock_line.port_phases``).
    """
    reset = decision_s + spacing.hold
    following = max(decision_s + spacing.keep, reset + spacing.recovery)
    earliest = following - phases.period
    at_branches = reset + phases.tree_stage * tree_depth(len(signs))
    # Data pass one JTL stage from their source to the port; 3 ps before the first loop's set
    # junction flips the neuron rests (``layer_timing``), and it does so as long as nothing moves.
    quiet = delays.stage(Stage("jtl", "source", "jtl")) + delays.stored() - 3e-12 * delays.slowness
    limits = delays.limits(tuple(signs), theta)
    ready = max(decision_s + limits.keep, reset + limits.recovery) - following + quiet
    return ArrivalRange(
        dataclasses.replace(
            phases, decision=phases.decision - earliest, reset=at_branches - earliest
        ),
        decision_s - spacing.setup - earliest,
        min(max(-GUARD_S, ready), quiet),
    )
