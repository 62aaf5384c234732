"""Static timing of a whole network: arrivals, slacks, padding and clock phases.

Every layer has one clock source. Its pulse is split: one side goes through a splitter tree to the
decision port of each neuron, the other through a chain of JTL stages and a tree of its own to the
resets. Data come from the input sources or from the decisions of the layer before, through a
splitter tree for each line; early lines are held back by JTL stages before their tree.

A window holds at a neuron when, at each corner,

    setup      decision - latest data               >= limit
    hold       reset - decision                     >= limit
    keep       next earliest data - decision        >= limit
    recovery   next earliest data - reset           >= limit

where the limits come from the cells' tables (``delays.NeuronLimits``). The source's phase and the
length of the reset's chain are chosen for the largest least slack.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from netlist_gen.assembly.delays import Delays
from netlist_gen.assembly.layer_timing import LayerTimer, LineArrivals
from netlist_gen.assembly.plan import NetworkPlan
from netlist_gen.assembly.timing_values import CORNERS, Corner, LayerTiming, Slack, TimingPlan
from netlist_gen.errors import TimingError

CLOCK_PERIODS_S = (20e-12, 2000e-12)
"""Range in which the shortest period is looked for."""


def close_timing(
    plan: NetworkPlan,
    delays: Delays,
    period_s: float,
    corners: Sequence[Corner] = CORNERS,
    *,
    worst: int = 20,
) -> TimingPlan:
    """Padding and clock phases with which every window of a network holds at every corner.

    Args:
        plan: what is to be built (``plan.outline``); stages of an earlier timing do not count.
        delays: of the cells.
        period_s: of the clock.
        corners: the first is nominal; the phases of the views are taken there.
        worst: how many slacks to keep.

    Raises:
        TimingError: a layer whose windows can't be made to hold; it names the worst path and the
            picoseconds that are missing.
    """
    pads: dict[tuple[int, int], int] = {}
    layers: list[LayerTiming] = []
    slacks: list[Slack] = []
    driven = np.full(plan.widths[0], np.nan)
    driven[list(plan.layers[0].lines)] = delays.start_s
    lines = {c.name: LineArrivals(driven, driven) for c in corners}
    for layer in plan.layers:
        timer = LayerTimer(layer, delays, period_s, corners, lines)
        choice = timer.choose()
        worst_here = choice.worst
        if worst_here.slack_s < 0:
            raise TimingError(
                f"layer {layer.index} does not hold at {1e-9 / period_s:.4g} GHz, corner "
                f"{worst_here.corner}: {worst_here.path()} misses "
                f"{-worst_here.slack_s * 1e12:.2f} ps of {worst_here.kind}"
            )
        pads |= {(layer.index, line): n for line, n in choice.pads.items() if n}
        layers.append(choice.timing)
        slacks = sorted([*slacks, *choice.slacks], key=lambda s: s.slack_s)[:worst]
        lines = {c.name: timer.outputs(choice, c) for c in corners}
    latency = float(np.nanmax(lines[corners[0].name].latest)) - delays.start_s
    return TimingPlan(period_s, tuple(corners), pads, tuple(layers), tuple(slacks), latency)


def shortest_period(
    plan: NetworkPlan, delays: Delays, corners: Sequence[Corner] = CORNERS
) -> float:
    """The shortest period at which the timing closes, to 0.01 ps.

    Raises:
        TimingError: it closes at no period up to the end of ``CLOCK_PERIODS_S``.
    """
    low, high = CLOCK_PERIODS_S
    close_timing(plan, delays, high, corners)
    while high - low > 0.01e-12:
        middle = 0.5 * (low + high)
        try:
            close_timing(plan, delays, middle, corners)
            high = middle
        except TimingError:
            low = middle
    return high
