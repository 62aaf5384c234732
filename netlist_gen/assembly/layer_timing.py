"""The timing of one layer: arrivals of data and clock, and the phases of most slack.

Used by ``timing.close_timing``, which goes from layer to layer; what is checked is said there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from netlist_gen.assembly.delays import Delays
from netlist_gen.assembly.timing_values import (
    KINDS,
    MARGIN_S,
    MOST_RESET_STAGES,
    Corner,
    LayerTiming,
    Slack,
)
from netlist_gen.circuit.bench import START_S, NeuronSite
from netlist_gen.circuit.trees import tree_shape

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Lines:
    """What drives the lines of a layer, at one corner: arrivals at the source of each line's
    padding, s; shape (lines,) each, NaN for a line without a circuit."""

    earliest: FloatArray
    latest: FloatArray


@dataclass(frozen=True, eq=False)
class _Synapses:
    """The synapses of a layer that carry pulses, flat, neuron by neuron.

    Attributes:
        neuron: index into the layer's sites. line: input line. leaf: its place in the line's
            tree.
    """

    neuron: NDArray[np.int64]
    line: NDArray[np.int64]
    leaf: NDArray[np.int64]


@dataclass(eq=False)
class Layer:
    """A layer while its phases are sought."""

    index: int
    sites: list[NeuronSite]
    synapses: _Synapses
    fan_out: dict[int, int]
    lines: dict[str, Lines] = field(default_factory=dict)


def output_lines(layer: Layer, choice: Choice, delays: Delays, corner: Corner) -> Lines:
    """Arrivals at the JTL stage behind each neuron of a layer, at a corner."""
    width = max(site.neuron for site in layer.sites) + 1
    earliest, latest = np.full(width, np.nan), np.full(width, np.nan)
    decisions = choice.timing.clock_s + choice.clocks[corner.name].decision
    for site, at in zip(layer.sites, decisions, strict=True):
        least, most = delays.decide_range(site.signs, site.theta, corner.bias)
        earliest[site.neuron], latest[site.neuron] = at + least, at + most
    return Lines(earliest, latest)


def layer_of(index: int, sites: list[NeuronSite], wired: set[int] | None) -> Layer:
    fan_out: dict[int, int] = {}
    rows: list[tuple[int, int, int]] = []
    for number, site in enumerate(sites):
        for line in site.inputs:
            if wired is None or line in wired:
                rows.append((number, line, fan_out.get(line, 0)))
                fan_out[line] = fan_out.get(line, 0) + 1
    table = np.array(rows, dtype=np.int64).reshape(-1, 3)
    return Layer(index, sites, _Synapses(table[:, 0], table[:, 1], table[:, 2]), fan_out)


@dataclass(frozen=True, eq=False)
class Clocks:
    """Arrivals relative to the clock source: decision, and reset without its chain; (neurons,)."""

    decision: FloatArray
    reset: FloatArray


@dataclass(frozen=True, eq=False)
class Choice:
    """Padding, phases and slacks of a layer."""

    pads: dict[int, int]
    timing: LayerTiming
    clocks: dict[str, Clocks]
    slacks: list[Slack]

    @property
    def worst(self) -> Slack:
        return min(self.slacks, key=lambda s: s.slack_s)


def clock_arrivals(delays: Delays, fan_ins: Sequence[int], bias: float) -> Clocks:
    """Arrivals of a layer's clock at its neurons, from the source's pulse on."""
    count = len(fan_ins)
    root = delays.root_load(count)
    split = delays.jtl("splitter", bias)
    decision = split + delays.splitter(root, bias) + delays.tree(count, "jtl", bias)
    # With a chain its first stage loads the root splitter, its last one is loaded by the tree.
    reset = split + delays.splitter("jtl", bias) + delays.roots(fan_ins, bias)
    return Clocks(decision, reset)


def choose(layer: Layer, delays: Delays, period: float, corners: Sequence[Corner]) -> Choice:
    """The least padding whose least slack reaches ``MARGIN_S``, else the one of most slack."""
    nominal = corners[0]
    lines = layer.lines[nominal.name]
    stage = delays.jtl(bias=nominal.bias)
    reach = {
        line: (
            lines.earliest[line] + float(delays.tree(n, bias=nominal.bias).min()),
            lines.latest[line] + float(delays.tree(n, bias=nominal.bias).max()),
        )
        for line, n in layer.fan_out.items()
    }
    clocks = {
        c.name: clock_arrivals(delays, [len(s.inputs) for s in layer.sites], c.bias)
        for c in corners
    }
    limits = {c.name: _limits(layer, delays, c.bias) for c in corners}
    last = max((late for _, late in reach.values()), default=START_S)
    widest = last - min((early for early, _ in reach.values()), default=START_S)
    best: Choice | None = None
    for allowed in np.arange(np.ceil(widest / stage), -1, -1) * stage:
        # As much as the window asks for, and never so much that a line becomes the latest.
        pads = {
            line: max(0, min(int((last - allowed - early) / stage), int((last - late) / stage)))
            for line, (early, late) in reach.items()
        }
        choice = _phase(layer, delays, period, corners, pads, clocks, limits)
        if best is None or choice.worst.slack_s > best.worst.slack_s:
            best = choice
        if best.worst.slack_s >= MARGIN_S:
            break
    assert best is not None
    return best


def _limits(layer: Layer, delays: Delays, bias: float) -> dict[str, FloatArray]:
    known: dict[tuple[tuple[int, ...], int], tuple[float, ...]] = {}
    rows = []
    for site in layer.sites:
        key = (tuple(sorted(site.signs)), site.theta)
        if key not in known:
            found = delays.limits(*key, bias)
            known[key] = (found.setup, found.hold, found.keep, found.recovery)
        rows.append(known[key])
    return dict(zip(KINDS, np.array(rows).T, strict=True))


def _arrivals(
    layer: Layer, delays: Delays, pads: dict[int, int], corner: Corner
) -> tuple[FloatArray, FloatArray]:
    """Arrivals at each synapse's data port: earliest and latest, shape (synapses,)."""
    synapses, lines, bias = layer.synapses, layer.lines[corner.name], corner.bias
    offsets = np.zeros(synapses.line.size)
    start = np.zeros(max(layer.fan_out, default=0) + 1, dtype=np.int64)
    table: list[FloatArray] = []
    size = 0
    for line, count in layer.fan_out.items():
        root = delays.root_load(count)
        before = delays.chain(pads.get(line, 0) + 1, root, bias)
        table.append(before + delays.tree(count, "jtl", bias))
        start[line] = size
        size += count
    if table:
        offsets = np.concatenate(table)[start[synapses.line] + synapses.leaf]
    return lines.earliest[synapses.line] + offsets, lines.latest[synapses.line] + offsets


def _phase(
    layer: Layer,
    delays: Delays,
    period: float,
    corners: Sequence[Corner],
    pads: dict[int, int],
    clocks: dict[str, Clocks],
    limits: dict[str, dict[str, FloatArray]],
) -> Choice:
    """The source's phase and the chain's length of most slack, for a given padding."""
    count = len(layer.sites)
    early, late, by_early, by_late = {}, {}, {}, {}
    for c in corners:
        first, last = _arrivals(layer, delays, pads, c)
        early[c.name], by_early[c.name] = _extreme(first, layer, count, least=True)
        late[c.name], by_late[c.name] = _extreme(last, layer, count, least=False)
    lowest = max(
        float(np.max(late[c.name] + limits[c.name]["setup"] - clocks[c.name].decision))
        for c in corners
    )
    keep = min(
        float(np.min(early[c.name] + period - clocks[c.name].decision - limits[c.name]["keep"]))
        for c in corners
    )
    best = (-np.inf, 0, 0.0)
    for stages in range(1, MOST_RESET_STAGES + 1):
        chain = {c.name: delays.chain(stages, delays.root_load(count), c.bias) for c in corners}
        hold = min(
            float(
                np.min(
                    _reset(clocks[c.name], chain[c.name])
                    - clocks[c.name].decision
                    - limits[c.name]["hold"]
                )
            )
            for c in corners
        )
        recovery = min(
            float(
                np.min(
                    early[c.name]
                    + period
                    - _reset(clocks[c.name], chain[c.name])
                    - limits[c.name]["recovery"]
                )
            )
            for c in corners
        )
        highest = min(keep, recovery)
        slack = min(hold, 0.5 * (highest - lowest))
        if slack > best[0]:
            best = (slack, stages, 0.5 * (highest + lowest))
    _, stages, clock = best
    nominal = corners[0].name
    slacks = []
    for c in corners:
        chain_s = delays.chain(stages, delays.root_load(count), c.bias)
        decision = clock + clocks[c.name].decision
        reset = clock + _reset(clocks[c.name], chain_s)
        slacks += _slacks(
            layer, c, period, limits[c.name], decision, reset,
            (early[c.name], by_early[c.name]), (late[c.name], by_late[c.name]), pads,
        )  # fmt: skip
        if c.name == nominal:
            timing = LayerTiming(
                clock, stages, decision, reset, early[c.name], late[c.name],
                _boundary(delays, period, limits[c.name], decision, reset, early[c.name]),
            )  # fmt: skip
    return Choice(pads, timing, clocks, slacks)


def _reset(clocks: Clocks, chain: float) -> FloatArray:
    return clocks.reset + chain


def _extreme(
    arrivals: FloatArray, layer: Layer, count: int, *, least: bool
) -> tuple[FloatArray, NDArray[np.int64]]:
    """Least or greatest arrival at each neuron, and the synapse it is of (-1: it has none)."""
    signed = arrivals if least else -arrivals
    order = np.lexsort((signed, layer.synapses.neuron))
    neurons, first = np.unique(layer.synapses.neuron[order], return_index=True)
    # A neuron that hears nothing has its data "at" the others' mean, so that nothing is missed.
    found = np.full(count, float(arrivals.mean()) if arrivals.size else START_S)
    which = np.full(count, -1, dtype=np.int64)
    found[neurons] = arrivals[order[first]]
    which[neurons] = order[first]
    return found, which


def _boundary(
    delays: Delays,
    period: float,
    limits: dict[str, FloatArray],
    decision: FloatArray,
    reset: FloatArray,
    early: FloatArray,
) -> FloatArray:
    """Between the end of one window's events and the next one's first: the limits hold the time
    of rest, 3 ps before the first loop's set junction and after all else has settled.

    As few different times as there can be, so that few need to be read: each is a point that the
    rests of several neurons share, on a grid of 0.1 ps.
    """
    quiet = delays.stored() - 3e-12 * delays.slowness
    begin = np.maximum(decision + limits["keep"], reset + limits["recovery"]) - period + quiet
    end = early + quiet
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
    layer: Layer,
    corner: Corner,
    period: float,
    limits: dict[str, FloatArray],
    decision: FloatArray,
    reset: FloatArray,
    early: tuple[FloatArray, NDArray[np.int64]],
    late: tuple[FloatArray, NDArray[np.int64]],
    pads: dict[int, int],
    most: int = 20,
) -> list[Slack]:
    """The worst checks of a layer at a corner, of each kind."""
    first, last = early[0] + period, late[0]
    checks = {
        "setup": (decision - last, last, decision, late[1]),
        "hold": (reset - decision, reset, decision, None),
        "keep": (first - decision, first, decision, early[1]),
        "recovery": (first - reset, first, reset, early[1]),
    }
    found = []
    for kind, (spacing, data, clock, which) in checks.items():
        slack = spacing - limits[kind]
        for j in np.argsort(slack, kind="stable")[:most].tolist():
            site = layer.sites[j]
            synapse = -1 if which is None else int(which[j])
            line = None if synapse < 0 else int(layer.synapses.line[synapse])
            depth = 0
            if line is not None:
                depth = 1 + pads.get(line, 0) + max(1, tree_shape(layer.fan_out[line]).depth)
            found.append(
                Slack(
                    kind,
                    corner.name,
                    layer.index,
                    site.neuron,
                    site.name,
                    line,
                    float(data[j]),
                    float(clock[j]),
                    float(limits[kind][j]),
                    float(slack[j]),
                    depth,
                )
            )
    return found
