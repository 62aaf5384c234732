"""The reference's energy: from counted events, never from waves.

Each cell's TOML file says which of its junctions advance by 2 pi in each event; a bias source of
current Ib whose node such a junction carries delivers ``Ib * Phi0`` for each advance. Which events
there are follows from the integer model's spikes and from the plan of the network.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from netlist_gen.assembly.plan import ClassLine, LayerPlan, NetworkPlan
from netlist_gen.circuit.bench import NeuronBench
from netlist_gen.circuit.lasting_neuron import branch_parameters
from netlist_gen.circuit.loops import neuron_loops
from netlist_gen.circuit.model import Cell, Circuit
from netlist_gen.circuit.neuron import decision_cell
from netlist_gen.circuit.pulse_train import pulse_train
from netlist_gen.circuit.sites import SiteMemory
from netlist_gen.circuit.trees import merger_nodes, splitter_tree
from netlist_gen.circuit.view import (
    CLEARING,
    DECISION,
    OWN_SPLIT,
    OWN_TREE,
    RESET_TREE,
    TRAIN,
    neuron_events,
)
from netlist_gen.constants import PHI0
from netlist_gen.errors import ConfigurationError
from netlist_gen.library.cells import CellLibrary
from netlist_gen.library.splitters import CLOCKS, DATA, RESETS
from netlist_gen.spikes import NetworkSpikes, NeuronSpikes

ALL_SUBCELLS = {"splitter_tree"}
"""Composite cells in which an event reaches every sub-cell as a pulse."""


class EventEnergy:
    """Energy that bias sources deliver for each event of a cell, from the cell's TOML file.

    Args:
        library: of the cells.
        factors: on bias currents, by kind of cell and name of the source; 1 where there is none.
    """

    def __init__(
        self, library: CellLibrary, factors: Mapping[tuple[str, str], float] | None = None
    ) -> None:
        self.library = library
        self.factors = factors or {}
        self._known: dict[tuple[str, str], float] = {}

    def in_place(self, designed: Circuit, annotated: Circuit) -> EventEnergy:
        """The energies of events in an annotated circuit: exact in the mean over all places.

        A fold over a plan counts events by what is built, not place by place; each source of each
        kind of cell gets the mean of its currents.
        """
        if annotated is designed:
            return self
        before, after = _total_biases(designed), _total_biases(annotated)
        factors = {key: after[key] / total for key, total in before.items() if total}
        return EventEnergy(self.library, {key: f for key, f in factors.items() if f != 1.0})

    def of(self, cell: Cell, event: str) -> float:
        """Energy in J of one ``event`` in ``cell``, its sub-cells included.

        Raises:
            ConfigurationError: the cell has no such event, or the event names a junction or
                instance the cell does not have.
        """
        key = (cell.name, event)
        if key not in self._known:
            self._known[key] = self._compute(cell, event)
        return self._known[key]

    def _compute(self, cell: Cell, event: str) -> float:
        inner = {i.name: i.cell for i in cell.instances}
        if cell.kind in ALL_SUBCELLS:
            return sum(self.of(sub, event) for sub in inner.values())
        if cell.kind == "pulse_train":
            return self._train(cell)
        description = self.library.description(cell.kind)
        if event not in description.events:
            raise ConfigurationError(
                f"{description.path}: cell {cell.kind} has no event {event!r}; "
                f"it has {', '.join(description.events) or 'none'}"
            )
        rule = description.events[event]
        below = [
            (name, inner_event)
            for place, inner_event in rule.instances
            for name in (inner if place == "*" else (place,))
        ]
        energy = 0.0
        for bias in cell.biases():
            junction = cell.biased_junction(bias)
            if junction is not None and rule.advanced(junction.name):
                energy += bias.value * self.factors.get((cell.kind, bias.name), 1.0) * PHI0
        return energy + sum(self.of(inner[name], e) for name, e in below)

    def _train(self, cell: Cell) -> float:
        """Energy in J of one pulse into a pulse train: each stage passes on what reaches it."""
        energy, pulses = 0.0, {"a": 1}
        for stage in cell.instances:  # each behind those that feed it
            events = ("pulse_a", "pulse_b") if stage.cell.kind == "merger" else ("pulse",)
            arrived = [pulses[net] for net in stage.nets[: len(events)]]
            for event, times in zip(events, arrived, strict=True):
                energy += times * self.of(stage.cell, event)
            pulses |= dict.fromkeys(stage.nets[len(events) :], sum(arrived))
        return energy


def _total_biases(circuit: Circuit) -> dict[tuple[str, str], float]:
    """Current in A of each bias source over all places, by kind of cell and name."""
    found: dict[tuple[str, str], float] = defaultdict(float)
    for cell in circuit.cells.values():
        for bias in cell.biases():
            found[cell.kind, bias.name] += bias.value * circuit.places[cell.name]
    return found


def bench_energies(
    bench: NeuronBench, spikes: NeuronSpikes, energies: EventEnergy
) -> NDArray[np.float64]:
    """Energy in J that the reference expects of a neuron's bench, shape (windows,).

    Raises:
        ConfigurationError: a cell's TOML file lacks an event it needs.
    """
    energy = np.zeros(bench.view.windows)
    events = bench.events(spikes)
    for placed in bench.circuit.walk():
        for event, times in events.get(placed.path, ()):
            energy += times * energies.of(placed.cell, event)
    return energy


def network_energy(plan: NetworkPlan, spikes: NetworkSpikes, energies: EventEnergy) -> float:
    """Energy in J that the reference expects of a whole network over all windows.

    A fold over the plan: each line's pulses pass its stages and its tree, a neuron gives as many
    as the integer model says, a merger tree passes on those of all its inputs.

    Raises:
        ConfigurationError: a cell's TOML file lacks an event it needs.
    """
    fold = _NetworkEnergy(energies, spikes)
    return fold.layers(plan) + fold.class_lines(plan)


class _NetworkEnergy:
    def __init__(self, energies: EventEnergy, spikes: NetworkSpikes) -> None:
        self.energies = energies
        self.library = energies.library
        self.spikes = spikes
        self.pulses = [layer.sum(axis=0, dtype=np.int64) for layer in spikes.layers]

    def _stage(self) -> float:
        return self.energies.of(self.library.cell("jtl"), "pulse")

    def _tree(self, leaves: int, drives: str) -> float:
        return self.energies.of(splitter_tree(self.library, leaves, drives), "pulse")

    def layers(self, plan: NetworkPlan) -> float:
        return sum(self._lines(layer) + self._clock(layer) + self._neurons(layer)
                   for layer in plan.layers)  # fmt: skip

    def _lines(self, layer: LayerPlan) -> float:
        energy = 0.0
        for number, line in layer.lines.items():
            tree = self._tree(len(line.users), DATA) if line.users else 0.0
            way = line.stages * self._stage() + tree
            energy += float(self.pulses[layer.index][number]) * way
        # Sources of lines without a circuit behind them give pulses in start-up windows alone.
        silent = sum(float(self.pulses[layer.index][number]) for _, number in layer.silent)
        return energy + silent * self._stage()

    def _clock(self, layer: LayerPlan) -> float:
        stages, count = layer.clock.reset_stages, len(layer.sites)
        clearing = int(self.spikes.clearing.sum())
        clocked = self.spikes.windows - clearing
        if layer.clock.lasting:
            clock = self._stage() + self._tree(count, CLOCKS)
            resets = self._stage() + self._tree(count, layer.clock.resets)
            return clocked * clock + clearing * (resets + stages * self._stage())
        splitter = self.library.cell("clock_splitter", f"{stages}", stages=float(stages))
        trees = self._tree(count, CLOCKS) + self._tree(count, layer.clock.resets)
        return clocked * (self._stage() + self.energies.of(splitter, "pulse") + trees)

    def _neurons(self, layer: LayerPlan) -> float:
        energy = 0.0
        for site in layer.sites:
            # What an event costs is the same in all branches, and in decision stages of a size.
            branches = len(site.branch_signs)
            known = {
                RESET_TREE: splitter_tree(self.library, branches, RESETS),
                DECISION: decision_cell(self.library, neuron_loops(site.stage_fan_in)),
            }
            branch = self.library.cell("branch")
            if site.memory is not None:
                known |= self._of_memory(site.memory)
                steps = site.memory.steps
                values = branch_parameters(self.library, site.memory)
                branch = self.library.cell("branch", f"memory{steps}", **values)
            spikes = self.spikes.neuron(site.layer, site.neuron)
            for name, events in neuron_events(site, spikes).items():
                cell = known.get(name, branch)
                for event, times in events:
                    energy += float(times.sum()) * self.energies.of(cell, event)
        return energy

    def _of_memory(self, memory: SiteMemory) -> dict[str, Cell]:
        """Cells that a neuron has whose membrane lasts, by the instance in it."""
        found = {
            TRAIN: pulse_train(self.library, memory.steps),
            OWN_SPLIT: self.library.cell("splitter"),
            CLEARING: self.library.cell("merger"),
        }
        if memory.subtract:
            found[OWN_TREE] = splitter_tree(self.library, memory.subtract, DATA)
        return found

    def class_lines(self, plan: NetworkPlan) -> float:
        return sum(self._class_line(line) for line in plan.class_lines)

    def _class_line(self, line: ClassLine) -> float:
        energy, counts = 0.0, defaultdict(int)
        for place, (member, chain) in enumerate(zip(line.members, line.chains(), strict=True)):
            counts[f"a{place}"] = int(self.pulses[-1][member])
            energy += counts[f"a{place}"] * len(chain) * self._stage()
        for node in merger_nodes(len(line.members)):
            arrived = [counts[net] for net in node.inputs]
            if node.cell == "merger":
                merger = self.library.cell("merger")
                for event, pulses in zip(("pulse_a", "pulse_b"), arrived, strict=True):
                    energy += pulses * self.energies.of(merger, event)
            else:
                energy += arrived[0] * self._stage()
            counts[node.outputs[0]] = sum(arrived)
        return energy + counts["q"] * self._stage()
