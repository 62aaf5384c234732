"""The output stage: the pulses of a class's population on as few lines as the clock allows.

The neurons of a class vote by firing. Their pulses are staggered by JTL stages and merged, so
that a line carries as many pulses in a window as its neurons have votes. Two pulses on a line
must be further apart than a merger's dead time, whatever the decisions' overdrive; as many
neurons share a line as that leaves room for in a window.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from netlist_gen.assembly.delays import Delays
from netlist_gen.assembly.plan import ClassLine, NetworkPlan
from netlist_gen.assembly.stages import Stage
from netlist_gen.assembly.timing_values import TimingPlan
from netlist_gen.errors import TimingError

MARGIN_S = 2e-12
"""Beyond the dead time: for the influence of a cell on the delay of the one after it."""


def line_spacing(delays: Delays) -> float:
    """Least spacing of two pulses on a line, s."""
    table = delays.tables["merger"]
    dead = max(table.spacing_s(first, second) for first in ("a", "b") for second in ("a", "b"))
    return dead + MARGIN_S


def plan_class_lines(plan: NetworkPlan, delays: Delays) -> tuple[ClassLine, ...]:
    """Lines of all classes.

    Args:
        plan: with its closed timing.
        delays: of the cells.

    Raises:
        TimingError: the window is too short even for one neuron's pulses.
    """
    assert plan.timing is not None
    period = plan.timing.period_s
    spacing = line_spacing(delays)
    arrival = _output_arrivals(plan, plan.timing, delays)
    lines: list[ClassLine] = []
    for label, members in plan.members():
        groups: list[list[_Staggered]] = []
        for member in members:
            # A line takes one more neuron while the window has room for all of their pulses.
            if groups:
                together = [*(one.member for one in groups[-1]), member]
                staggered = _stagger(together, arrival, delays, spacing)
                if _span(staggered) + spacing <= period:
                    groups[-1] = staggered
                    continue
            groups.append(_stagger([member], arrival, delays, spacing))
            needed = _span(groups[-1]) + spacing
            if needed > period:
                raise TimingError(
                    f"the output of layer {len(plan.layers) - 1}, neuron {member} needs "
                    f"{needed * 1e12:.1f} ps in a window of {period * 1e12:.4g} ps"
                )
        last_stages = 2 * delays.stage(Stage("jtl"))  # the neuron's output stage and the line's
        for number, group in enumerate(groups):
            lines.append(
                ClassLine(
                    label=label,
                    name=f"{label}" if len(groups) == 1 else f"{label}_{number}",
                    members=tuple(one.member for one in group),
                    stages=tuple(one.stages for one in group),
                    earliest_s=min(one.earliest for one in group) + last_stages,
                    latest_s=max(one.latest for one in group) + last_stages,
                )
            )
    return tuple(lines)


def one_line_each(plan: NetworkPlan) -> tuple[ClassLine, ...]:
    """A line for each class, not staggered: enough to count a circuit, not to run it."""
    return tuple(
        ClassLine(label, str(label), members, (0,) * len(members))
        for label, members in plan.members()
        if members
    )


def _output_arrivals(
    plan: NetworkPlan, timing: TimingPlan, delays: Delays
) -> dict[int, tuple[float, float]]:
    """When each neuron's pulse reaches its output stage: earliest and latest, s."""
    slow = min(timing.corners, key=lambda c: c.bias).bias
    found = {}
    for site, decision in zip(plan.layers[-1].sites, timing.layers[-1].decision, strict=True):
        spread = [delays.decide_range(site.signs, site.theta, bias) for bias in (1.0, slow)]
        # At a corner all decisions come later; how far they are apart is what counts.
        least = spread[0][0]
        most = least + max(high - low for low, high in spread)
        found[site.neuron] = (float(decision) + least, float(decision) + most)
    return found


@dataclass(frozen=True)
class _Staggered:
    """A neuron on a line: JTL stages before the merger tree, arrivals behind it, s."""

    member: int
    stages: int
    earliest: float
    latest: float


def _stagger(
    members: Sequence[int],
    arrival: dict[int, tuple[float, float]],
    delays: Delays,
    spacing: float,
) -> list[_Staggered]:
    """Stages that put each neuron's pulses ``spacing`` behind those of the neuron before it.

    What is so far apart behind the tree is so at every merger in it: from a merger on, the way
    of its two sides is the same.
    """
    stage = delays.stage(Stage("jtl"))
    found: list[_Staggered] = []
    for member, passed in zip(members, delays.merge(len(members)), strict=True):
        early, late = (float(t + passed) for t in arrival[member])
        stages = 0
        if found:
            stages = max(0, math.ceil((found[-1].latest + spacing - early) / stage))
        found.append(_Staggered(member, stages, early + stages * stage, late + stages * stage))
    return found


def _span(staggered: Sequence[_Staggered]) -> float:
    return max(one.latest for one in staggered) - min(one.earliest for one in staggered)
