"""The reference: what the circuit must do, from integers and counted events, never from waves.

Spikes come from the integer model of ``netlist_gen.network``. Energy comes from events: each
cell's TOML file says which of its junctions advance by 2 pi in each event; a bias source of
current Ib whose node such a junction carries delivers ``Ib * Phi0`` for each advance.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from netlist_gen.assembly.network_circuit import NetworkBench
from netlist_gen.circuit.bench import NeuronBench, NeuronView
from netlist_gen.circuit.model import PHI0, Cell, Circuit, PulseSource
from netlist_gen.errors import ConfigurationError
from netlist_gen.library.cells import CellLibrary
from netlist_gen.network import TernaryNetwork

ALL_SUBCELLS = {"splitter_tree"}
"""Composite cells in which an event reaches every sub-cell as a pulse."""


@dataclass(frozen=True)
class NeuronExpectation:
    """What one neuron must do in each window.

    Attributes:
        count: int32, shape (windows,): n, excitatory minus inhibitory pulses.
        fires: bool, shape (windows,): n >= theta.
    """

    count: NDArray[np.int32]
    fires: NDArray[np.bool_]


class EventEnergy:
    """Energy that bias sources deliver for each event of a cell, from the cell's TOML file."""

    def __init__(self, library: CellLibrary):
        self._library = library
        self._known: dict[tuple[str, str], float] = {}

    def of(self, circuit: Circuit, cell: Cell, event: str) -> float:
        """Energy in J of one ``event`` in ``cell``, its sub-cells included.

        Raises:
            ConfigurationError: the cell has no such event, or the event names a junction or
                instance the cell does not have.
        """
        key = (cell.name, event)
        if key not in self._known:
            self._known[key] = self._compute(circuit, cell, event)
        return self._known[key]

    def _compute(self, circuit: Circuit, cell: Cell, event: str) -> float:
        inner = {i.name: circuit.cells[i.cell] for i in cell.instances}
        if cell.kind in ALL_SUBCELLS:
            return sum(self.of(circuit, sub, event) for sub in inner.values())
        description = self._library.description(cell.kind)
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
        unknown = set(rule.advances) - {j.name for j in cell.junctions()}
        unknown |= {name for name, _ in below} - set(inner)
        if unknown:
            raise ConfigurationError(
                f"{description.path}: [events] {event} names {sorted(unknown)[0]!r}, which the "
                "cell does not have"
            )
        energy = 0.0
        for bias in cell.biases():
            junction = cell.biased_junction(bias)
            if junction is not None and junction.name in rule.advances:
                energy += bias.value * PHI0
        return energy + sum(self.of(circuit, inner[name], e) for name, e in below)


def expect(view: NeuronView) -> NeuronExpectation:
    """What the integer model says of one neuron in each window."""
    signs = np.asarray(view.site.signs, dtype=np.int32)
    count = view.stimulus.astype(np.int32) @ signs
    return NeuronExpectation(count, count >= view.site.theta)


Events = dict[tuple[str, ...], list[tuple[str, NDArray[np.int64]]]]
"""How often each event happens in each window, by the path of the placed cell it happens in."""


def neuron_events(view: NeuronView, fires: NDArray[np.bool_]) -> Events:
    """Events of a neuron's own cells in each window."""
    every, firing = np.ones(view.windows, dtype=np.int64), fires.astype(np.int64)
    events: Events = {
        (view.instance, "XRT"): [("pulse", every)],
        (view.instance, "XD"): [("fire", firing), ("reject", every - firing)],
    }
    for path, pulses in zip(view.branches(), view.stimulus.T, strict=True):
        stored = pulses.astype(np.int64)
        events[path] = [("data", stored), ("clear", stored), ("clear_empty", every - stored)]
    return events


def bench_energies(bench: NeuronBench, energies: EventEnergy) -> NDArray[np.float64]:
    """Energy in J that the reference expects of a neuron's bench, shape (windows,).

    Raises:
        ConfigurationError: a cell's TOML file lacks an event it needs.
    """
    view = bench.view
    fires = expect(view).fires
    every = np.ones(view.windows, dtype=np.int64)
    events = neuron_events(view, fires)
    events |= {("XIC",): [("pulse", every)], ("XIR",): [("pulse", every)]}
    events |= {("XO",): [("pulse", fires.astype(np.int64))]}
    for label, pulses in zip(view.site.labels, view.stimulus.T, strict=True):
        events[(f"XI{label}",)] = [("pulse", pulses.astype(np.int64))]
    return total_energy(bench.circuit, events, energies, view.windows)


def bench_energy(bench: NeuronBench, energies: EventEnergy) -> float:
    """Energy in J that the reference expects of a neuron's bench over all windows."""
    return float(bench_energies(bench, energies).sum())


def total_energy(
    circuit: Circuit, events: Events, energies: EventEnergy, windows: int
) -> NDArray[np.float64]:
    """Energy in J of all events in a circuit, shape (windows,)."""
    energy = np.zeros(windows)
    for placed in circuit.walk():
        for event, times in events.get(placed.path, ()):
            energy += times * energies.of(circuit, placed.cell, event)
    return energy


def network_energy(bench: NetworkBench, energies: EventEnergy) -> float:
    """Energy in J that the reference expects of a whole network over all windows.

    Pulses are counted from the sources on: a cell of one input passes its pulses to each output,
    a merger those of both inputs, a neuron gives as many as the integer model says.

    Raises:
        ConfigurationError: a cell's TOML file lacks an event it needs.
    """
    circuit, top = bench.circuit, bench.circuit.top
    views = {view.instance: view for view in bench.views}
    pulses = {e.plus: len(e.times_s) for e in top.elements if isinstance(e, PulseSource)}
    events: Events = {}
    for instance in top.instances:
        cell = circuit.cells[instance.cell]
        if instance.name in views:
            view = views[instance.name]
            fires = expect(view).fires
            for path, counts in neuron_events(view, fires).items():
                events[path] = [(event, times.sum(keepdims=True)) for event, times in counts]
            pulses[instance.nets[-1]] = int(fires.sum())
        else:
            _pass_on(circuit, cell, instance.nets, pulses, (instance.name,), events)
    return float(total_energy(circuit, events, energies, 1)[0])


def _pass_on(
    circuit: Circuit,
    cell: Cell,
    nets: tuple[str, ...],
    pulses: dict[str, int],
    path: tuple[str, ...],
    events: Events,
) -> None:
    """Count the pulses of a cell's outputs, and its events, from those of its inputs."""
    if cell.kind == "merger":
        a, b, q = nets
        events[path] = [("pulse_a", np.array([pulses[a]])), ("pulse_b", np.array([pulses[b]]))]
        pulses[q] = pulses[a] + pulses[b]
    elif cell.kind == "merger_tree":
        inner = dict(zip(cell.ports, (pulses.get(net, 0) for net in nets), strict=True))
        for instance in cell.instances:
            below = circuit.cells[instance.cell]
            _pass_on(circuit, below, instance.nets, inner, (*path, instance.name), events)
        pulses[nets[-1]] = inner[cell.ports[-1]]
    else:  # one input, every output a copy
        events[path] = [("pulse", np.array([pulses[nets[0]]]))]
        pulses |= dict.fromkeys(nets[1:], pulses[nets[0]])


def layer_inputs(network: TernaryNetwork, inputs: NDArray[np.bool_]) -> Iterable[NDArray[np.bool_]]:
    """Spikes at the inputs of each layer, then the outputs of the last.

    Args:
        network: the network.
        inputs: bool, shape (windows, inputs); each window is one step of one sample.
    """
    yield inputs
    yield from network.forward(inputs)
