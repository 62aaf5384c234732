"""The timing of one layer: arrivals of data and clock, and the phases of most slack.

Used by ``close_timing``, which goes from layer to layer; what is checked is said there.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from netlist_gen.assembly.delays import Delays
from netlist_gen.assembly.plan import ClockPlan, LayerPlan
from netlist_gen.assembly.stages import Stage, jtl_chain
from netlist_gen.assembly.timing_values import (
    KINDS,
    MARGIN_S,
    MOST_RESET_STAGES,
    Corner,
    LayerTiming,
    Slack,
)
from netlist_gen.circuit.trees import tree_depth
from netlist_gen.library.splitters import DATA

FloatArray = NDArray[np.float64]

QUIET_S = 100e-12
"""Of the rest between windows the last part, in which one may begin: at a slow clock the middle of
all of it would be before the simulation begins."""


@dataclass(frozen=True, eq=False)
class LineArrivals:
    """What drives the lines of a layer, at one corner: arrivals at each line's first JTL stage.

    Attributes:
        earliest: s, shape (lines,); NaN for a line without a circuit.
        latest: likewise.
    """

    earliest: FloatArray
    latest: FloatArray


@dataclass(frozen=True, eq=False)
class Clocks:
    """Arrivals of a layer's clock relative to its source.

    Attributes:
        decision: at the neurons, s, shape (neurons,).
        reset: likewise, without the chain of the resets.
    """

    decision: FloatArray
    reset: FloatArray


def clock_arrivals(delays: Delays, clock: ClockPlan, bias: float) -> Clocks:
    """Arrivals of a layer's clock at its neurons, from the source's pulse on."""
    decision = delays.path(clock.decision_trunk(), bias)
    reset = delays.path(clock.reset_trunk(), bias)
    return Clocks(
        decision + delays.tree(len(clock.fan_ins), "jtl", bias, clock.driver),
        reset + delays.reset_leaves(clock, bias),
    )


@dataclass(frozen=True, eq=False)
class Extremes:
    """Earliest or latest data of each neuron.

    Attributes:
        time_s: shape (neurons,).
        synapse: which of the layer's synapses it comes by, -1 where a neuron hears nothing.
    """

    time_s: FloatArray
    synapse: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Choice:
    """Padding, phases and slacks of a layer.

    Attributes:
        pads: JTL stages that hold back each line.
        timing: phases, nominal.
        clocks: by corner.
        slacks: the worst checks at each corner, of each kind.
    """

    pads: dict[int, int]
    timing: LayerTiming
    clocks: dict[str, Clocks]
    slacks: list[Slack]

    @property
    def worst(self) -> Slack:
        """The check of least slack."""
        return min(self.slacks, key=lambda s: s.slack_s)


class LayerTimer:
    """Finds the padding and phases of a layer.

    Args:
        layer: its plan; stages that timing adds are not looked at.
        delays: of the cells.
        period: of the clock, s.
        corners: the first is nominal.
        lines: what drives its lines, by corner.
    """

    def __init__(
        self,
        layer: LayerPlan,
        delays: Delays,
        period: float,
        corners: Sequence[Corner],
        lines: Mapping[str, LineArrivals],
    ) -> None:
        self.layer = layer
        self.delays = delays
        self.period = period
        self.corners = corners
        self.lines = lines
        self.fan_out = {n: len(line.users) for n, line in layer.lines.items() if line.users}
        # Any chain will do here: its delay is added later, its first stage loads the splitter.
        clock = dataclasses.replace(layer.clock, reset_stages=1)
        self.clocks = {c.name: clock_arrivals(delays, clock, c.bias) for c in corners}
        self.limits = {c.name: self._limits(c.bias) for c in corners}
        self._chains: dict[tuple[int, float], float] = {}

    def choose(self) -> Choice:
        """The least padding whose least slack reaches ``MARGIN_S``, else the one of most slack."""
        nominal, lines = self.corners[0], self.lines[self.corners[0].name]
        stage = self.delays.stage(Stage("jtl"), nominal.bias)
        reach = {}
        for line, leaves in self.fan_out.items():
            tree = self.delays.tree(leaves, bias=nominal.bias, drives=DATA)
            reach[line] = (
                lines.earliest[line] + float(tree.min()),
                lines.latest[line] + float(tree.max()),
            )
        last = max((late for _, late in reach.values()), default=self.delays.start_s)
        widest = last - min((early for early, _ in reach.values()), default=self.delays.start_s)
        best: Choice | None = None
        for allowed in np.arange(np.ceil(widest / stage), -1, -1) * stage:
            # As much as the window asks for, and never so much that a line becomes the latest.
            pads = {
                line: max(0, min(int((last - allowed - early) / stage), int((last - late) / stage)))
                for line, (early, late) in reach.items()
            }
            choice = self._phase(pads)
            if best is None or choice.worst.slack_s > best.worst.slack_s:
                best = choice
            if best.worst.slack_s >= MARGIN_S:
                break
        assert best is not None
        return best

    def outputs(self, choice: Choice, corner: Corner) -> LineArrivals:
        """Arrivals at the JTL stage behind each neuron, at a corner."""
        width = max(site.neuron for site in self.layer.sites) + 1
        earliest, latest = np.full(width, np.nan), np.full(width, np.nan)
        decisions = choice.timing.clock_s + choice.clocks[corner.name].decision
        for site, at in zip(self.layer.sites, decisions, strict=True):
            least, most = self.delays.decide_range(site.signs, site.theta, corner.bias, site.memory)
            earliest[site.neuron], latest[site.neuron] = at + least, at + most
        return LineArrivals(earliest, latest)

    def _limits(self, bias: float) -> dict[str, FloatArray]:
        known: dict[object, tuple[float, ...]] = {}
        rows = []
        for site in self.layer.sites:
            signs = tuple(sorted(site.signs))
            key = (signs, site.theta, site.memory)
            if key not in known:
                found = self.delays.limits(signs, site.theta, bias, site.memory)
                known[key] = (found.setup, found.hold, found.keep, found.recovery)
            rows.append(known[key])
        return dict(zip(KINDS, np.array(rows).T, strict=True))

    def _arrivals(self, pads: dict[int, int], corner: Corner) -> tuple[FloatArray, FloatArray]:
        """Arrivals at each synapse's data port: earliest and latest, shape (synapses,)."""
        _, line, leaf = self.layer.synapses.T
        lines, bias = self.lines[corner.name], corner.bias
        offsets = np.zeros(line.size)
        start = np.zeros(max(self.fan_out, default=0) + 1, dtype=np.int64)
        table: list[FloatArray] = []
        size = 0
        for number, count in self.fan_out.items():
            load = self.layer.lines[number].load
            before = self.delays.path(jtl_chain(1 + pads.get(number, 0), load=load), bias)
            table.append(before + self.delays.tree(count, bias=bias, drives=DATA))
            start[number] = size
            size += count
        if table:
            offsets = np.concatenate(table)[start[line] + leaf]
        return lines.earliest[line] + offsets, lines.latest[line] + offsets

    def _extreme(self, arrivals: FloatArray, *, least: bool) -> Extremes:
        """Least or greatest arrival at each neuron, and the synapse it is of."""
        neuron = self.layer.synapses[:, 0]
        order = np.lexsort((arrivals if least else -arrivals, neuron))
        neurons, first = np.unique(neuron[order], return_index=True)
        count = len(self.layer.sites)
        # A neuron that hears nothing has its data "at" the others' mean: nothing is missed.
        found = np.full(count, float(arrivals.mean()) if arrivals.size else self.delays.start_s)
        which = np.full(count, -1, dtype=np.int64)
        found[neurons] = arrivals[order[first]]
        which[neurons] = order[first]
        return Extremes(found, which)

    def _chain(self, stages: int, bias: float) -> float:
        """The chain of the resets, s."""
        key = stages, bias
        if key not in self._chains:  # a layer asks for the same ones with every padding it tries
            clock = dataclasses.replace(self.layer.clock, reset_stages=stages)
            self._chains[key] = self.delays.path(clock.reset_chain(), bias)
        return self._chains[key]

    def _phase(self, pads: dict[int, int]) -> Choice:
        """The source's phase and the chain's length of most slack, for a given padding."""
        early, late = {}, {}
        for c in self.corners:
            first, last = self._arrivals(pads, c)
            early[c.name] = self._extreme(first, least=True)
            late[c.name] = self._extreme(last, least=False)
        stages, clock = self._clock(early, late)
        nominal = self.corners[0].name
        slacks: list[Slack] = []
        found: dict[str, tuple[FloatArray, FloatArray]] = {}
        for c in self.corners:
            decision = clock + self.clocks[c.name].decision
            reset = clock + (self.clocks[c.name].reset + self._chain(stages, c.bias))
            found[c.name] = decision, reset
            slacks += self._slacks(c, decision, reset, early[c.name], late[c.name], pads)
        decision, reset = found[nominal]
        timing = LayerTiming(
            clock,
            stages,
            decision,
            reset,
            early[nominal].time_s,
            late[nominal].time_s,
            self._boundary(decision, reset, early[nominal].time_s),
        )
        return Choice(pads, timing, self.clocks, slacks)

    def _clock(
        self, early: Mapping[str, Extremes], late: Mapping[str, Extremes]
    ) -> tuple[int, float]:
        """Stages of the reset's chain, and the source's phase in s."""
        corners, clocks, limits = self.corners, self.clocks, self.limits

        def least(spacing: Mapping[str, FloatArray], kind: str) -> float:
            return min(float(np.min(spacing[c.name] - limits[c.name][kind])) for c in corners)

        lowest = max(
            float(np.max(late[c.name].time_s + limits[c.name]["setup"] - clocks[c.name].decision))
            for c in corners
        )
        following = {c.name: early[c.name].time_s + self.period for c in corners}
        keep = least({n: following[n] - clocks[n].decision for n in following}, "keep")
        best = (-np.inf, 0, 0.0)
        for stages in range(1, MOST_RESET_STAGES + 1):
            reset = {c.name: clocks[c.name].reset + self._chain(stages, c.bias) for c in corners}
            hold = least({n: reset[n] - clocks[n].decision for n in reset}, "hold")
            recovery = least({n: following[n] - reset[n] for n in reset}, "recovery")
            highest = min(keep, recovery)
            slack = min(hold, 0.5 * (highest - lowest))
            if slack > best[0]:
                best = (slack, stages, 0.5 * (highest + lowest))
        return best[1], best[2]

    def _boundary(self, decision: FloatArray, reset: FloatArray, early: FloatArray) -> FloatArray:
        """Between the end of one window's events and the next one's first.

        The limits hold the time of rest: 3 ps before the first loop's set junction and after all
        else has settled. As few different times as there can be, so that few need to be read:
        each is a point that the rests of several neurons share, on a grid of 0.1 ps.
        """
        limits = self.limits[self.corners[0].name]
        quiet = self.delays.stored() - 3e-12 * self.delays.slowness
        begin = np.maximum(decision + limits["keep"], reset + limits["recovery"])
        begin = begin - self.period + quiet
        end = early + quiet
        begin = np.maximum(begin, end - QUIET_S * self.delays.slowness)
        found = np.empty(begin.size)
        group: list[int] = []
        for j in [*np.argsort(end, kind="stable").tolist(), -1]:
            if j < 0 or (group and begin[j] > end[group[0]]):
                middle = 0.5 * (float(begin[group].max()) + float(end[group].min()))
                found[group] = np.round(middle, 13)
                group = []
            group.append(j)
        return found

    def _slacks(
        self,
        corner: Corner,
        decision: FloatArray,
        reset: FloatArray,
        early: Extremes,
        late: Extremes,
        pads: dict[int, int],
        most: int = 20,
    ) -> list[Slack]:
        """The worst checks at a corner, of each kind."""
        first, last = early.time_s + self.period, late.time_s
        checks = {
            "setup": (decision - last, last, decision, late.synapse),
            "hold": (reset - decision, reset, decision, None),
            "keep": (first - decision, first, decision, early.synapse),
            "recovery": (first - reset, first, reset, early.synapse),
        }
        found = []
        for kind, (spacing, data, clock, which) in checks.items():
            limits = self.limits[corner.name][kind]
            slack = spacing - limits
            for j in np.argsort(slack, kind="stable")[:most].tolist():
                if not np.isfinite(slack[j]):
                    break  # it holds at any time
                site = self.layer.sites[j]
                synapse = -1 if which is None else int(which[j])
                line = None if synapse < 0 else int(self.layer.synapses[synapse, 1])
                depth = 0
                if line is not None:
                    depth = 1 + pads.get(line, 0) + tree_depth(self.fan_out[line])
                found.append(
                    Slack(
                        kind=kind,
                        corner=corner.name,
                        layer=self.layer.index,
                        neuron=site.neuron,
                        name=site.name,
                        line=line,
                        data_s=float(data[j]),
                        clock_s=float(clock[j]),
                        limit_s=float(limits[j]),
                        slack_s=float(slack[j]),
                        depth=depth,
                    )
                )
        return found
