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
from netlist_gen.assembly.timing_values import TimingPlan
from netlist_gen.circuit.bench import NeuronSite
from netlist_gen.deck.emit import Probe
from netlist_gen.errors import TimingError
from netlist_gen.network import TernaryNetwork

MARGIN_S = 2e-12
"""Beyond the dead time: for the influence of a cell on the delay of the one after it."""


@dataclass(frozen=True)
class ClassLine:
    """A line of a class.

    Attributes:
        label: the class. name: of the line, e.g. ``3`` or ``3_1`` where the class has several.
        members: neurons of the last layer that share it. stages: JTL stages before each.
        output: the junction whose pulses are counted.
        earliest_s, latest_s: when its pulses of the first window come, nominal.
    """

    label: int
    name: str
    members: tuple[int, ...]
    stages: tuple[int, ...]
    output: Probe
    earliest_s: float
    latest_s: float


@dataclass(frozen=True)
class ReadOut:
    """All lines, class by class, and the least spacing of two pulses on a line."""

    lines: tuple[ClassLine, ...]
    spacing_s: float


def plan_read_out(
    network: TernaryNetwork, sites: Sequence[NeuronSite], plan: TimingPlan, delays: Delays
) -> ReadOut:
    """Lines of all classes.

    Args:
        network: with its population.
        sites: the neurons that have a circuit.
        plan: closed timing. delays: of the cells.

    Raises:
        TimingError: the window is too short even for one neuron's pulses.
    """
    timing = plan.layers[-1]
    last = [site for site in sites if site.layer == len(network.layers) - 1]
    slow = min(plan.corners, key=lambda c: c.bias).bias
    table = delays.tables["merger"]
    dead = max(table.spacing_s(first, second) for first in ("a", "b") for second in ("a", "b"))
    arrival: dict[int, tuple[float, float]] = {}
    for number, site in enumerate(last):
        spread = [delays.decide_range(site.signs, site.theta, bias) for bias in (1.0, slow)]
        # At a corner all decisions come later; how far they are apart is what counts.
        least = spread[0][0]
        most = least + max(high - low for low, high in spread)
        at = float(timing.decision[number])
        arrival[site.neuron] = (at + least, at + most)
    lines: list[ClassLine] = []
    for label in range(network.classes):
        own = range(label * network.population, (label + 1) * network.population)
        members = [member for member in own if member in arrival]
        groups: list[list[int]] = []
        for member in members:
            # A line takes one more neuron while the window has room for all of their pulses.
            together = [*groups[-1], member] if groups else [member]
            staggered = _stagger(together, arrival, delays, dead + MARGIN_S)
            if groups and _span(staggered) + dead + MARGIN_S <= plan.period_s:
                groups[-1] = together
            else:
                groups.append([member])
        for number, group in enumerate(groups):
            staggered = _stagger(group, arrival, delays, dead + MARGIN_S)
            if _span(staggered) + dead + MARGIN_S > plan.period_s:
                raise TimingError(
                    f"the output of layer {len(network.layers) - 1}, neuron {group[0]} needs "
                    f"{(_span(staggered) + dead + MARGIN_S) * 1e12:.1f} ps in a window of "
                    f"{plan.period_s * 1e12:.4g} ps"
                )
            name = f"{label}" if len(groups) == 1 else f"{label}_{number}"
            last_stages = 2 * delays.jtl()  # the neuron's output stage and the line's
            lines.append(
                ClassLine(
                    label,
                    name,
                    tuple(group),
                    tuple(one.stages for one in staggered),
                    Probe((f"XY{name}",), "B1"),
                    min(one.earliest for one in staggered) + last_stages,
                    max(one.latest for one in staggered) + last_stages,
                )
            )
    return ReadOut(tuple(lines), dead + MARGIN_S)


@dataclass(frozen=True)
class _Staggered:
    """A neuron on a line: JTL stages before the merger tree, arrivals behind it, s."""

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
    stage = delays.jtl()
    found: list[_Staggered] = []
    for member, passed in zip(members, delays.merge(len(members)), strict=True):
        early, late = (float(t + passed) for t in arrival[member])
        stages = 0
        if found:
            stages = max(0, math.ceil((found[-1].latest + spacing - early) / stage))
        found.append(_Staggered(stages, early + stages * stage, late + stages * stage))
    return found


def _span(staggered: Sequence[_Staggered]) -> float:
    return max(one.latest for one in staggered) - min(one.earliest for one in staggered)


def one_line_each(network: TernaryNetwork) -> ReadOut:
    """A line for each class, not staggered: enough to count a circuit, not to run it."""
    built = network.layers[-1].fan_in > 0
    lines = []
    for label in range(network.classes):
        own = range(label * network.population, (label + 1) * network.population)
        members = tuple(j for j in own if built[j])
        if members:
            nothing = (0,) * len(members)
            name = str(label)
            output = Probe((f"XY{name}",), "B1")
            lines.append(ClassLine(label, name, members, nothing, output, 0.0, 0.0))
    return ReadOut(tuple(lines), 0.0)
