"""What a checkpoint is, what its circuit would be and cost, and what stands in its way."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from netlist_gen.assembly.budget import ChipBudget, chip_budget
from netlist_gen.assembly.network_circuit import network_outline
from netlist_gen.checkpoint.card import SemanticsCard
from netlist_gen.checkpoint.modules import Neuron, describe
from netlist_gen.checkpoint.obstacles import Obstacle
from netlist_gen.checkpoint.registry import survey_checkpoint
from netlist_gen.checkpoint.survey import Survey
from netlist_gen.circuit.lasting_neuron import memory_phases
from netlist_gen.circuit.rules_report import RulesReport, report_rules
from netlist_gen.firing import LayerFiring, firing
from netlist_gen.library.cells import CellLibrary
from netlist_gen.library.chip import NO_PROFILE, ChipProfile, load_profile
from netlist_gen.library.design import load_rules
from netlist_gen.library.options import ClockOptions
from netlist_gen.network import TernaryLayer, TernaryNetwork
from netlist_gen.records import Json, Record


@dataclass(frozen=True)
class LayerInspection(Record):
    """A layer; of ``fan_in``, ``theta`` and ``n`` the least and the greatest.

    ``never`` and ``always`` count the neurons that can't fire and that can't help it. ``reset`` is
    that of membranes that last, None where each step counts for itself; of ``subtract``, what a
    pulse takes off, likewise the least and the greatest.
    """

    inputs: int
    outputs: int
    synapses: int
    fan_in: tuple[int, int]
    theta: tuple[int, int]
    n: tuple[int, int]
    never: int = 0
    always: int = 0
    reset: str | None = None
    subtract: tuple[int, int] | None = None

    @staticmethod
    def of(layer: TernaryLayer, able: LayerFiring) -> LayerInspection:
        """That of a layer, and what its neurons can do."""
        counts, memory = layer.count_range, layer.memory
        amounts = memory.subtract if memory and memory.reset == "subtract" else None
        return LayerInspection(
            layer.inputs,
            layer.outputs,
            layer.synapses,
            (int(layer.fan_in.min()), int(layer.fan_in.max())),
            (int(layer.theta.min()), int(layer.theta.max())),
            (int(counts[:, 0].min()), int(counts[:, 1].max())),
            able.never,
            able.always,
            None if memory is None else memory.reset,
            None if amounts is None else (int(amounts.min()), int(amounts.max())),
        )


@dataclass(frozen=True)
class CircuitInspection(Record):
    """The circuit of a whole network; times are None where no delays were measured."""

    process: str
    clock_ghz: float
    junctions: int
    junctions_per_synapse: float
    bias_A: float
    flux_A: float
    static_W: float
    depth: int
    latency_ps: float | None
    timing_closed: bool
    worst_slack_ps: float | None
    padding_stages: int
    cells: Mapping[str, int]
    supply_V: float
    budget: ChipBudget


@dataclass(frozen=True)
class Inspection:
    """A checkpoint in words and numbers.

    Attributes:
        file: its file.
        card: what its numbers mean.
        inputs: lines into the network.
        neurons: in all layers.
        synapses: in all layers.
        classes: that it tells apart.
        population: output neurons of each.
        layers: each; none where the network is not an integer one yet.
        circuit: of all of it; None where it can't be built.
        steps: of a sample, for which membranes that last have room; None where none does, or it is
            not said.
        rules: of drawing, held against it; None where that was not asked.
        modules: the file's own, in words.
        obstacles: every reason why it can't be built as it is.
        command: one that removes them all, "" where there is none.
    """

    file: str
    card: SemanticsCard
    inputs: int
    neurons: int
    synapses: int
    classes: int
    population: int
    layers: tuple[LayerInspection, ...]
    circuit: CircuitInspection | None
    steps: int | None = None
    rules: RulesReport | None = None
    modules: tuple[str, ...] = ()
    obstacles: tuple[Obstacle, ...] = ()
    command: str = ""

    def to_json(self) -> Json:
        """As ``inspect --json`` prints it."""
        plain: Json = {
            "file": self.file,
            "card": self.card.as_dict(),
            "inputs": self.inputs,
            "neurons": self.neurons,
            "synapses": self.synapses,
            "classes": self.classes,
            "population": self.population,
            "layers": [layer.to_json() for layer in self.layers],
            "circuit": None if self.circuit is None else self.circuit.to_json(),
            "steps": self.steps,
            "modules": list(self.modules),
            "obstacles": [each.to_json() for each in self.obstacles],
            "command": self.command,
        }
        return plain if self.rules is None else plain | {"rules": self.rules.to_json()}

    @property
    def open_steps(self) -> bool:
        """Whether membranes last, and it is not said for how many steps they need room."""
        return self.steps is None and any(layer.reset for layer in self.layers)


def inspect_checkpoint(
    path: Path,
    options: ClockOptions,
    *,
    rules: bool = False,
    profile: str = NO_PROFILE,
    steps: int | None = None,
    input_shape: str | None = None,
    layers: str | None = None,
) -> Inspection:
    """Read a checkpoint and count its circuit, or list all that stands in its way.

    Args:
        path: of the checkpoint.
        options: process and clock.
        rules: hold it against the rules of drawing too.
        profile: of the chip that its circuit is held against.
        steps: that it will run for; 1 admits neurons that carry state. Membranes that last have
            no circuit without them, whose rules and cost are then left out.
        input_shape: as ``--input-shape`` has it.
        layers: as ``--layers`` has it.

    Raises:
        NetworkError: the file is missing or damaged.
        TimingError: windows that can't be made to hold at the clock.
    """
    library, chip = CellLibrary(options.loaded_process()), load_profile(profile)
    found = survey_checkpoint(
        path,
        steps=steps,
        input_shape=input_shape,
        layers=layers,
        most_fan_in=load_rules(library.process).max_fan_in,
    )
    if found.network is None:
        return _outlined(found)
    network = found.network
    stopped = any(each.kind != "dead" for each in found.obstacles) or not all(
        layer.synapses for layer in network.layers
    )
    stopped = stopped or (network.has_memory and network.steps is None)
    able = firing(network)
    return Inspection(
        file=str(path),
        card=found.card,
        inputs=network.inputs,
        neurons=network.neurons,
        synapses=network.synapses,
        classes=network.classes,
        population=network.population,
        layers=tuple(map(LayerInspection.of, network.layers, able)),
        circuit=None if stopped else _circuit(network, library, options, chip),
        steps=network.steps,
        rules=report_rules(network, library.process) if rules and not stopped else None,
        modules=() if found.stack is None or found.integer else describe(found.stack),
        obstacles=found.obstacles,
        command=found.command,
    )


def _outlined(found: Survey) -> Inspection:
    """Of a network that is no integer one: what its modules say."""
    stack, card = found.stack, found.card
    shapes = [] if stack is None else list(stack.shapes())
    neurons = sum(math.prod(after) for module, _, after in shapes if isinstance(module, Neuron))
    outputs = math.prod(shapes[-1][2]) if shapes else 0
    return Inspection(
        file=str(found.file),
        card=card,
        inputs=0 if stack is None else math.prod(stack.input_shape),
        neurons=neurons,
        synapses=sum(int(np.count_nonzero(m.weights)) for m in (stack.weighted if stack else ())),
        classes=outputs // card.population,
        population=card.population,
        layers=(),
        circuit=None,
        modules=() if stack is None else describe(stack),
        obstacles=found.obstacles,
        command=found.command,
    )


def _circuit(
    network: TernaryNetwork, library: CellLibrary, options: ClockOptions, profile: ChipProfile
) -> CircuitInspection:
    phases = memory_phases(network, options.phases(library.process), options.clock_ghz)
    bench = network_outline(network, library, phases)
    totals, timing = bench.circuit.totals(), bench.timing
    closed = bool(timing.corners)
    supply = library.process.supply_voltage
    return CircuitInspection(
        process=library.process.name,
        clock_ghz=1e-9 / phases.period,
        junctions=totals.junctions,
        junctions_per_synapse=totals.junctions / network.synapses,
        bias_A=totals.bias_A,
        flux_A=totals.flux_A,
        static_W=totals.supply_A * supply,
        depth=bench.plan.depth,
        latency_ps=timing.latency_s * 1e12 if closed else None,
        timing_closed=closed,
        worst_slack_ps=timing.worst_s * 1e12 if closed else None,
        padding_stages=timing.padding,
        cells=totals.cells,
        supply_V=supply,
        budget=chip_budget(bench, profile, supply),
    )
