"""Delays of what a network is built of, from the cells' measured tables.

    delays = measured_delays(load_process())
    delays.tree(5, load="jtl")            # s, root to each leaf, shape (5,)
    delays.decisions.delay(signs, theta, counts)   # s, decision clock to output, as counts

Times are from port to port, each cell with the load it has (``netlist_gen.library.tables``).
Decisions are in ``decisions``, as ``Delays.decisions``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from netlist_gen.assembly.decisions import Decisions, branches_of
from netlist_gen.assembly.plan import ClockPlan
from netlist_gen.assembly.stages import Stage
from netlist_gen.assembly.unevenness import NeuronInfluence
from netlist_gen.circuit.lasting_neuron import design_of
from netlist_gen.circuit.neuron import Coupler, coupler_of
from netlist_gen.circuit.pulse_train import last_pulse_s
from netlist_gen.circuit.sites import SiteMemory
from netlist_gen.circuit.startup import STEP, startup_steps
from netlist_gen.circuit.table_neuron import TABLE_FAN_INS, table_neuron_cell
from netlist_gen.circuit.trees import merger_nodes, splitter_nodes
from netlist_gen.circuit.view import CLEAR, SET, START_S, start_s
from netlist_gen.errors import ConfigurationError
from netlist_gen.library.cells import CellLibrary
from netlist_gen.library.design import load_phases
from netlist_gen.library.process import Process
from netlist_gen.library.splitters import (
    CLOCKS,
    DATA,
    JTL_CELLS,
    LIBRARY,
    RESETS,
    SPLITTER_CELLS,
    stage_cells,
    tree_cells,
)
from netlist_gen.library.tables import CellTable, content_digest, find_tables, how_to_measure

FloatArray = NDArray[np.float64]


def table_cells(splitters: str) -> tuple[str, ...]:
    """Cells whose tables static timing needs, beside neurons of ``TABLE_FAN_INS``."""
    return (*stage_cells(splitters), "branch")


PORTS = {
    "merger": (("a", "q"), ("b", "q")),
    **dict.fromkeys(SPLITTER_CELLS, (("a", "q0"),)),
    **dict.fromkeys(JTL_CELLS, (("a", "q"),)),
}
"""Ways through each cell that is a stage; a splitter's outputs are alike."""

SETTLE_S = 9e-12
"""From a junction's middle crossing until it rests: a pulse is some 6 ps wide at its foot, and the
window's end is read where nothing moves, 3 ps before the next pulse's middle."""


SOONER_S, LATER_S = 3.0e-12, 1.0e-12
"""How much sooner and later than the table's a decision may come, by which synapses make up a
count: the digits example as neurons and as one deck, in JoSIM's equations."""


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


class Delays:
    """Delays and limits from tables.

    Args:
        tables: by cell; must hold those of ``table_cells`` and a neuron at least.
        coupler: of the branches, for the neurons' designs.
        influence: what a stage's neighbours change, s; the tables' cells are driven by a JTL
            stage. What is not there changes nothing.
        neurons: the same of neurons, by the fan-in of the table's.
        slowness: of the process (``library.design.ClockPhases.slowness``).
        start_s: data time of the first window (``circuit.view.start_s``).
        splitters: of which cells splitter trees are made (``library.splitters``).
    """

    def __init__(
        self,
        tables: Mapping[str, CellTable],
        coupler: Coupler,
        influence: Mapping[Stage, float] | None = None,
        slowness: float = 1.0,
        start_s: float = START_S,
        neurons: Callable[[int], NeuronInfluence] | None = None,
        splitters: str = LIBRARY,
    ) -> None:
        self.splitters = splitters
        self.tables = tables
        self.slowness = slowness
        self.start_s = start_s
        self.influence = influence or {}
        self._coupler = coupler
        missing = [c for c in table_cells(splitters) if c not in tables]
        if missing:
            raise ConfigurationError(f"static timing needs the measured table of {missing[0]}")
        self.decisions = Decisions(
            tables,
            coupler,
            neurons or (lambda _: NeuronInfluence()),
            lambda bias: self.stage(Stage("splitter", "neuron"), bias),
        )
        self._stages: dict[tuple[Stage, float], float] = {}
        self._trees: dict[tuple[object, ...], tuple[FloatArray, list[str]]] = {}

    def with_influence(
        self,
        influence: Mapping[Stage, float],
        neurons: Callable[[int], NeuronInfluence] | None = None,
    ) -> Delays:
        """The same delays, with what the neighbours of each cell, and of neurons, change."""
        return Delays(
            self.tables, self._coupler, influence, self.slowness, self.start_s, neurons,
            self.splitters,
        )  # fmt: skip

    def stage(self, stage: Stage, bias: float = 1.0) -> float:
        """One cell among its neighbours, s; of a merger the slower of its inputs."""
        key = (stage, bias)
        if key not in self._stages:
            table = self.tables[stage.cell]
            own = max(
                table.delay_s(source, target, load=stage.load, bias=bias)
                for source, target in PORTS[stage.cell]
            )
            self._stages[key] = own + self.influence.get(stage, 0.0)
        return self._stages[key]

    def path(self, stages: Iterable[Stage], bias: float = 1.0) -> float:
        """Cells in a row, s."""
        return sum(self.stage(stage, bias) for stage in stages)

    def tree(
        self,
        leaves: int,
        load: str | None = None,
        bias: float = 1.0,
        driver: str = "jtl",
        *,
        drives: str = CLOCKS,
    ) -> FloatArray:
        """Root to each leaf of ``trees.splitter_tree(leaves, drives)``, s.

        Each leaf carries ``load`` (default: as ``TreeCells.port`` says).
        """
        end = load or tree_cells(self.splitters, drives).port
        return self._tree(leaves, end, bias, driver, drives)[0]

    def leaf_drivers(self, leaves: int) -> list[str]:
        """The cell that drives each leaf of a tree of decision clocks: splitter or jtl."""
        return self._tree(leaves, "jtl", 1.0, "jtl", CLOCKS)[1]

    def _tree(
        self, leaves: int, load: str, bias: float, driver: str, drives: str
    ) -> tuple[FloatArray, list[str]]:
        key = (leaves, load, bias, driver, drives)
        if key not in self._trees:
            nodes = splitter_nodes(leaves, tree_cells(self.splitters, drives))
            takes = {net: node.cell for node in nodes for net in node.inputs}
            at = {"a": (0.0, driver)}
            for node in nodes:
                begin, by = at[node.inputs[0]]
                loads = [takes.get(net, load) for net in node.outputs]
                beside = loads[::-1] if len(loads) > 1 else [""]
                for net, own, other in zip(node.outputs, loads, beside, strict=True):
                    delay = self.stage(Stage(node.cell, by, own, other), bias)
                    at[net] = begin + delay, node.cell
            ends = [at[f"q{leaf}"] for leaf in range(leaves)]
            self._trees[key] = np.array([time for time, _ in ends]), [by for _, by in ends]
        return self._trees[key]

    def roots(self, fan_ins: Sequence[int], bias: float = 1.0) -> FloatArray:
        """Root to each leaf of a tree of resets, whose leaves are the roots of neurons' own, s."""
        loads = [tree_cells(self.splitters, RESETS).root(fan_in) for fan_in in fan_ins]
        count = len(fan_ins)
        trees = {load: self.tree(count, load, bias, drives=RESETS) for load in set(loads)}
        return np.array([trees[load][leaf] for leaf, load in enumerate(loads)])

    def reset_leaves(self, clock: ClockPlan, bias: float = 1.0) -> FloatArray:
        """Root of a layer's tree of resets to its neurons, s: to each one's own tree or train."""
        if clock.lasting:
            return self.tree(len(clock.fan_ins), "jtl", bias, drives=clock.resets)
        return self.roots(clock.fan_ins, bias)

    def merge(self, leaves: int, bias: float = 1.0) -> FloatArray:
        """Each input of ``trees.merger_tree(leaves)`` to its output, the slower way; (leaves,)."""
        feeds = {net: node.cell for node in merger_nodes(leaves) for net in node.outputs}
        left = {"q": 0.0}
        for node in reversed(merger_nodes(leaves)):
            out = node.outputs[0]
            # A stage between levels is taken as if a merger always followed it.
            feed = feeds.get(node.inputs[0], "")
            stage = Stage("jtl", feed, "merger") if node.between else Stage(node.cell)
            for net in node.inputs:
                left[net] = left[out] + self.stage(stage, bias)
        return np.array([left[f"a{leaf}"] for leaf in range(leaves)])

    def table_of(self, signs: Sequence[int], memory: SiteMemory | None = None) -> int:
        """Fan-in of the measured neuron that has the decision stage of one of these synapses."""
        return self.decisions.table_of(signs, memory)

    def raised(self, signs: Sequence[int], theta: int, memory: SiteMemory | None = None) -> float:
        """Threshold flux added where all lines carry a pulse and the neuron has to fire, Phi0."""
        design = design_of(signs, theta, self._coupler, memory)
        return STEP * startup_steps(design, signs, self._coupler.rules.startup)[1]

    def decide_range(
        self,
        signs: Sequence[int],
        theta: int,
        bias: float = 1.0,
        memory: SiteMemory | None = None,
    ) -> tuple[float, float]:
        """Least and greatest delay of a decision that fires, over all counts and patterns.

        A table has one pattern of pulses for each count; others are within ``SOONER_S`` and
        ``LATER_S`` of it.
        """
        steps = 1 if memory is None else memory.steps
        most = max(steps * sum(s > 0 for s in signs), theta)
        least = max(theta, -steps * sum(s < 0 for s in signs))
        counts = np.arange(least, most + 1)
        delays = self.decisions.delay(signs, theta, counts, bias=bias, memory=memory)
        sooner, later = SOONER_S * self.slowness, LATER_S * self.slowness
        return float(delays.min()) - sooner, float(delays.max()) + later

    def limits(
        self,
        signs: Sequence[int],
        theta: int,
        bias: float = 1.0,
        memory: SiteMemory | None = None,
    ) -> NeuronLimits:
        """Least spacings at a neuron's ports.

        Setup is that of the table's neuron. The others are kept at the loops themselves, so that
        nothing depends on one path being faster than another by chance: the reset reaches the
        first loop no sooner than the table's neuron allows, and new data reach a loop when its
        reset, the decision and the output have come to rest (``SETTLE_S``).

        Of a neuron whose membrane lasts the reset is a sample's start, in a window without a
        decision: it holds at any time, and recovery counts its whole train. A reset by its own
        pulse follows the decision; data are kept from it too.
        """
        fan_in = branches_of(signs, memory)
        nearest = self.table_of(signs, memory)
        table, branch = self.tables[f"neuron{nearest}"], self.tables["branch"]
        inner = self.tree(fan_in, bias=bias, drives=RESETS)  # reset port to the branches' ports
        own = self.tree(nearest, drives=RESETS)
        hold = table.spacing_s("clk", "rst") + float(own.min())  # at the branches
        stored, cleared = self.stored(bias), self.cleared(bias)
        settle = SETTLE_S * self.slowness
        _, decided = self.decide_range(signs, theta, bias, memory)
        emptied = max(cleared + settle - stored, branch.spacing_s("r", "d"))
        setup, keep = table.spacing_s("d", "clk"), decided + settle - stored
        if memory is None:
            recovery = float(inner.max()) + emptied
            return NeuronLimits(setup, hold - float(inner.min()), keep, recovery)
        recovery = self.train(memory, bias) + float(inner.max()) + emptied
        if memory.reset == "zero":
            keep = max(keep, decided + recovery)
        elif memory.subtract:
            tree = self.tree(memory.subtract, bias=bias, driver="splitter", drives=DATA)
            keep = max(keep, decided + float(tree.max()) + settle)
        return NeuronLimits(setup, -math.inf, keep, recovery)

    def train(self, memory: SiteMemory, bias: float = 1.0) -> float:
        """From a neuron's reset port, or the copy of its output, to its train's last pulse, s."""
        last = last_pulse_s(memory.steps, lambda cell: self.stage(Stage(cell), bias))
        before = self.stage(Stage("merger"), bias) if memory.reset == "zero" else 0.0
        return before + last

    def stored(self, bias: float = 1.0) -> float:
        """A branch's data port to its set junction, s."""
        return self.tables["branch"].delay_s("d", SET, bias=bias)

    def cleared(self, bias: float = 1.0) -> float:
        """A branch's reset port to its clear junction, s."""
        return self.tables["branch"].delay_s("r", CLEAR, bias=bias)


@lru_cache(maxsize=8)
def measured_delays(process: Process) -> Delays:
    """The delays of a process's library, from the tables measured of its cells.

    Raises:
        ConfigurationError: a cell that was not measured as it is in this process.
    """
    library = CellLibrary(process)
    stage = [library.cell(name) for name in stage_cells(process.splitters)]
    cells = {name: library.cell(name) for name in table_cells(process.splitters)}
    for fan_in in TABLE_FAN_INS:
        cells[f"neuron{fan_in}"] = table_neuron_cell(library, fan_in)
    digests = {name: content_digest(process, cell, stage) for name, cell in cells.items()}
    tables = find_tables(process, digests)
    missing = [name for name in cells if name not in tables]
    if missing:
        with_bias = "" if process.network is None else f" with the bias {process.bias_kind}"
        by_load = "" if process.splitters == LIBRARY else f", splitters {process.splitters}"
        raise ConfigurationError(
            f"no table was measured of cell {missing[0]} as it is in process {process.name}"
            f"{with_bias}{by_load} ({process.origin or 'made by a program'}); "
            f"{how_to_measure(process)} makes the {len(missing)} that are missing"
        )
    slowness = load_phases(process=process).slowness
    return Delays(
        tables, coupler_of(library), slowness=slowness, start_s=start_s(process),
        splitters=process.splitters,
    )  # fmt: skip


def has_tables(process: Process) -> bool:
    """Whether the cells of a process have been measured."""
    try:
        measured_delays(process)
    except ConfigurationError:
        return False
    return True
