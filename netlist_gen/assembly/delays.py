"""Delays of what a network is built of, from the cells' measured tables.

    delays = network_delays(CellLibrary())  # of network_circuit
    delays.tree(5, load="jtl")            # s, root to each leaf, shape (5,)
    delays.decide(signs, theta, counts)   # s, decision clock to output, shape of counts

Times are from port to port, each cell with the load it has (``netlist_gen.library.tables``). The
delay of a decision falls with the flux by which the count is past the threshold,
``x = unit * (n - theta + 1/2)``; the tables' neurons of several fan-ins give one curve of x.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from netlist_gen.circuit.neuron import design_neuron, load_phases
from netlist_gen.circuit.trees import tree_shape
from netlist_gen.errors import ConfigurationError
from netlist_gen.library.process import Process
from netlist_gen.library.tables import CellTable, load_tables

FloatArray = NDArray[np.float64]

SETTLE_S = 9e-12
"""From a junction's middle crossing until it rests: a pulse is some 6 ps wide at its foot, and the
window's end is read where nothing moves, 3 ps before the next pulse's middle."""


def table_neuron(fan_in: int) -> tuple[tuple[int, ...], int]:
    """Signs and theta of the neuron that the table ``neuron{fan_in}`` was measured on: every
    fourth synapse inhibitory, theta half of the excitatory ones (at least 1)."""
    signs = tuple(-1 if i % 4 == 3 else 1 for i in range(fan_in))
    return signs, max(1, sum(s > 0 for s in signs) // 2)


@dataclass(frozen=True)
class NeuronLimits:
    """Least spacings of arrivals at a neuron's ports, s; negative where the order may turn.

    Attributes:
        setup: from the last data pulse to the decision clock.
        hold: from the decision clock to the reset.
        keep: from the decision clock to the next window's first data pulse.
        recovery: from the reset to the next window's first data pulse.
    """

    setup: float
    hold: float
    keep: float
    recovery: float


class Neighbours(NamedTuple):
    """A cell among others: what drives it, the cell, what it drives, and beside that.

    A driver is "source" (a pulse source), "first" (the JTL stage behind one), "jtl", "splitter",
    "merger" or "neuron"; ``beside`` is what a splitter's other output carries. A neuron's load is
    what its output stage, a JTL stage, drives.
    """

    driver: str
    cell: str
    load: str
    beside: str = ""


class Delays:
    """Delays and limits from tables.

    Args:
        tables: by cell; must hold jtl, splitter, merger, branch and a neuron at least.
        storage_H: the branches' storage inductor, for the neurons' designs.
        slowness: of the process (``neuron.ClockPhases.slowness``).
        influence: what neighbours change, s; the tables' cells are driven by a JTL stage. What is
            not there changes nothing.
    """

    def __init__(
        self,
        tables: Mapping[str, CellTable],
        storage_H: float,
        influence: Mapping[Neighbours, float] | None = None,
        slowness: float = 1.0,
    ) -> None:
        self.tables = tables
        self.slowness = slowness
        self._influence = influence or {}
        self._storage = storage_H
        missing = [c for c in ("jtl", "splitter", "merger", "branch") if c not in tables]
        if missing or not self._fan_ins:
            raise ConfigurationError(
                f"static timing needs the measured table of {missing[0] if missing else 'a neuron'}"
            )
        self._trees: dict[tuple[int, str, float, str], tuple[FloatArray, list[str]]] = {}

    def with_influence(self, influence: Mapping[Neighbours, float]) -> Delays:
        """The same delays, with what the neighbours of each cell change."""
        return Delays(self.tables, self._storage, influence, self.slowness)

    @cached_property
    def _fan_ins(self) -> list[int]:
        names = (name.removeprefix("neuron") for name in self.tables if name.startswith("neuron"))
        return sorted(int(name) for name in names if name.isdigit())

    def jtl(self, load: str = "jtl", bias: float = 1.0, driver: str = "jtl") -> float:
        """One JTL stage, s."""
        own = self.tables["jtl"].delay_s("a", "q", load=load, bias=bias)
        return own + self._influence.get(Neighbours(driver, "jtl", load), 0.0)

    def chain(
        self, stages: int, load: str = "jtl", bias: float = 1.0, driver: str = "jtl"
    ) -> float:
        """JTL stages in a row, the first behind ``driver``, the last with ``load``, s."""
        if not stages:
            return 0.0
        drivers = [driver, "first" if driver == "source" else "jtl", *["jtl"] * stages]
        loads = [*["jtl"] * (stages - 1), load]
        return sum(self.jtl(x, bias, d) for x, d in zip(loads, drivers, strict=False))

    def splitter(
        self,
        load: str = "jtl",
        bias: float = 1.0,
        driver: str = "jtl",
        beside: str | None = None,
    ) -> float:
        """One splitter to the output that carries ``load``, s; the other one carries ``beside``,
        or the same."""
        own = self.tables["splitter"].delay_s("a", "q0", load=load, bias=bias)
        place = Neighbours(driver, "splitter", load, beside or load)
        return own + self._influence.get(place, 0.0)

    def merger(self, load: str = "jtl", bias: float = 1.0, driver: str = "jtl") -> float:
        """One merger, the slower of its inputs, s."""
        table = self.tables["merger"]
        own = max(table.delay_s(port, "q", load=load, bias=bias) for port in ("a", "b"))
        return own + self._influence.get(Neighbours(driver, "merger", load), 0.0)

    def tree(
        self, leaves: int, load: str = "jtl", bias: float = 1.0, driver: str = "jtl"
    ) -> FloatArray:
        """Root to each leaf of ``trees.splitter_tree(leaves)``, s; each leaf carries ``load``."""
        return self._tree(leaves, load, bias, driver)[0]

    def roots(self, fan_ins: Sequence[int], bias: float = 1.0) -> FloatArray:
        """Root to each leaf of a tree whose leaves are the roots of trees themselves, s."""
        trees = {load: self.tree(len(fan_ins), load, bias) for load in ("jtl", "splitter")}
        return np.array([trees[self.root_load(f)][leaf] for leaf, f in enumerate(fan_ins)])

    def leaf_drivers(self, leaves: int) -> list[str]:
        """The cell that drives each leaf of ``trees.splitter_tree(leaves)``: splitter or jtl."""
        return self._tree(leaves, "jtl", 1.0, "jtl")[1]

    def _tree(
        self, leaves: int, load: str, bias: float, driver: str
    ) -> tuple[FloatArray, list[str]]:
        key = (leaves, load, bias, driver)
        if key not in self._trees:
            depth = tree_shape(leaves).depth
            out, drivers = np.zeros(leaves), ["jtl"] * leaves
            if depth == 0:
                out[0] = self.jtl(load, bias, driver)
            else:
                self._grow(out, drivers, 0, depth, (0, leaves), 0.0, load, bias, driver)
            self._trees[key] = out, drivers
        return self._trees[key]

    def _grow(
        self,
        out: FloatArray,
        drivers: list[str],
        level: int,
        depth: int,
        span: tuple[int, int],
        arrival: float,
        load: str,
        bias: float,
        driver: str,
    ) -> None:
        """Arrivals at the leaves (first, count) under a node: the walk of ``splitter_tree``."""
        first, count = span
        if level == depth:
            out[first], drivers[first] = arrival, driver
            return

        def next_load(size: int) -> str:
            if level + 1 == depth:
                return load
            return "splitter" if size > 1 else "jtl"

        if count == 1:
            later = arrival + self.jtl(next_load(1), bias, driver)
            self._grow(out, drivers, level + 1, depth, (first, 1), later, load, bias, "jtl")
            return
        left = (count + 1) // 2
        right = count - left
        for start, size, other in ((first, left, right), (first + left, right, left)):
            later = arrival + self.splitter(next_load(size), bias, driver, next_load(other))
            span = (start, size)
            self._grow(out, drivers, level + 1, depth, span, later, load, bias, "splitter")

    def merge(self, leaves: int, bias: float = 1.0) -> FloatArray:
        """Each input of ``trees.merger_tree(leaves)`` to its output, the slower way; (leaves,)."""
        depth = max(1, tree_shape(leaves).depth)
        out = np.zeros(leaves)
        place, width = np.arange(leaves), leaves
        for level in range(depth, 0, -1):
            alone = (place == width - 1) & (width % 2 == 1)  # its place is taken by a JTL stage
            out += np.where(alone, self.jtl(bias=bias), self.merger(bias=bias))
            if level > 1:
                stages = [self.jtl("merger", bias, driver) for driver in ("jtl", "merger")]
                out += np.where(alone, *stages)
            place, width = place // 2, (width + 1) // 2
        return out

    def root_load(self, leaves: int) -> str:
        """What a splitter tree's root is to the cell before it."""
        return "splitter" if leaves > 1 else "jtl"

    @cached_property
    def _curve(self) -> tuple[FloatArray, FloatArray]:
        """Logarithm of the flux past the edge (Phi0), rising, and delay (s), of the tables'
        neurons."""
        points: list[tuple[float, float]] = []
        for fan_in in self._fan_ins:
            table = self.tables[f"neuron{fan_in}"]
            signs, theta = table_neuron(fan_in)
            unit = design_neuron(signs, theta, self._storage).unit
            points += [(unit * (n + 0.5), delay) for n, delay in table.overdrive_s]
        if not points:
            raise ConfigurationError("the tables' neurons have no delay against overdrive")
        points.sort()
        flux, delay = np.array(points).T
        return np.log(flux), delay

    def _slower(self, bias: float) -> float:
        """How much longer a decision takes at a bias ratio: of all table neurons the most."""
        if bias == 1.0:
            return 0.0
        found = []
        for fan_in in self._fan_ins:
            table = self.tables[f"neuron{fan_in}"]
            found.append(table.delay_s("clk", "q", bias=bias) - table.delay_s("clk", "q"))
        return max(found)

    def decide(
        self,
        signs: Sequence[int],
        theta: int,
        counts: NDArray[np.int64],
        *,
        load: str = "jtl",
        bias: float = 1.0,
        driver: str = "jtl",
    ) -> FloatArray:
        """Decision clock to output, s, for each count n >= theta; shape as ``counts``.

        ``driver`` is the last cell of the clock's tree, ``load`` what the output stage drives.

        The delay falls with the logarithm of the flux past the edge, as the instability at a
        comparator's edge grows by the same factor in equal times; between measured fluxes it is a
        line in that. Beyond them the nearest one's delay is taken, below them the line through
        the two smallest is continued.
        """
        unit, edge = self._edge(tuple(signs), theta)
        x = np.log(unit * (counts - edge))
        fluxes, delays = self._curve
        found = np.interp(x, fluxes, delays)
        slope = (delays[1] - delays[0]) / (fluxes[1] - fluxes[0])
        found = np.where(x < fluxes[0], delays[0] + slope * (x - fluxes[0]), found)
        behind = self._influence.get(Neighbours(driver, "neuron", load), 0.0)
        return np.asarray(found + self._slower(bias) + behind)

    def decide_range(
        self, signs: Sequence[int], theta: int, bias: float = 1.0
    ) -> tuple[float, float]:
        """Least and greatest delay of a decision that fires, over all counts there can be."""
        most = max(sum(s > 0 for s in signs), theta)
        least = max(theta, -sum(s < 0 for s in signs))
        delays = self.decide(signs, theta, np.arange(least, most + 1), bias=bias)
        return float(delays.min()), float(delays.max())

    def _edge(self, signs: tuple[int, ...], theta: int) -> tuple[float, float]:
        """Flux per synapse and the count on the edge, as the neuron's builder has them."""
        return _neuron_edge(signs, theta, self._storage)

    def limits(self, signs: Sequence[int], theta: int, bias: float = 1.0) -> NeuronLimits:
        """Least spacings at a neuron's ports.

        Setup is that of the table's neuron. The others are kept at the loops themselves, so that
        nothing depends on one path being faster than another by chance: the reset reaches the
        first loop no sooner than the table's neuron allows, and new data reach a loop when its
        reset, the decision and the output have come to rest (``SETTLE_S``).
        """
        fan_in = len(signs)
        nearest = min((f for f in self._fan_ins if f >= fan_in), default=self._fan_ins[-1])
        table, branch = self.tables[f"neuron{nearest}"], self.tables["branch"]
        inner = self.tree(fan_in, bias=bias)  # reset port to the branches' ports
        hold = table.spacing_s("clk", "rst") + float(self.tree(nearest).min())  # at the branches
        stored, cleared = self.stored(bias), self.cleared(bias)
        settle = SETTLE_S * self.slowness
        _, decided = self.decide_range(signs, theta, bias)
        return NeuronLimits(
            setup=table.spacing_s("d", "clk"),
            hold=hold - float(inner.min()),
            keep=decided + settle - stored,
            recovery=max(
                float(inner.max()) + cleared + settle - stored,
                float(inner.max()) + branch.spacing_s("r", "d"),
            ),
        )

    def stored(self, bias: float = 1.0) -> float:
        """A branch's data port to its set junction, s."""
        return self.tables["branch"].delay_s("d", "BA", bias=bias)

    def cleared(self, bias: float = 1.0) -> float:
        """A branch's reset port to its clear junction, s."""
        return self.tables["branch"].delay_s("r", "BB", bias=bias)


@cache
def _neuron_edge(signs: tuple[int, ...], theta: int, storage_H: float) -> tuple[float, float]:
    plus = sum(s > 0 for s in signs)
    edge = min(max(theta, plus - len(signs)), plus + 1) - 0.5
    return design_neuron(signs, theta, storage_H).unit, edge


def process_delays(process: Process, storage_H: float) -> Delays:
    """The delays of a process's tables. Raises ConfigurationError where there are none."""
    return Delays(_tables(process.name), storage_H, slowness=load_phases(process=process).slowness)


def has_tables(process: Process) -> bool:
    """Whether the cells of a process have been measured."""
    try:
        return bool(_tables(process.name))
    except ConfigurationError:
        return False


@cache
def _tables(process: str) -> Mapping[str, CellTable]:
    return load_tables(process)
