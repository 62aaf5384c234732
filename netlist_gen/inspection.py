"""What a checkpoint is, and what its circuit would be and cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from netlist_gen.assembly.network_circuit import network_outline
from netlist_gen.checkpoint.card import SemanticsCard
from netlist_gen.checkpoint.registry import read_checkpoint
from netlist_gen.circuit.rules_report import RulesReport, report_rules
from netlist_gen.library.cells import CellLibrary
from netlist_gen.library.options import ClockOptions
from netlist_gen.network import TernaryLayer
from netlist_gen.records import Json, Record


@dataclass(frozen=True)
class LayerInspection(Record):
    """A layer; of ``fan_in``, ``theta`` and ``n`` the least and the greatest."""

    inputs: int
    outputs: int
    synapses: int
    fan_in: tuple[int, int]
    theta: tuple[int, int]
    n: tuple[int, int]

    @staticmethod
    def of(layer: TernaryLayer) -> LayerInspection:
        """That of a layer."""
        counts = layer.count_range
        return LayerInspection(
            layer.inputs,
            layer.outputs,
            layer.synapses,
            (int(layer.fan_in.min()), int(layer.fan_in.max())),
            (int(layer.theta.min()), int(layer.theta.max())),
            (int(counts[:, 0].min()), int(counts[:, 1].max())),
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
        layers: each.
        circuit: of all of it.
        rules: of drawing, held against it; None where that was not asked.
    """

    file: str
    card: SemanticsCard
    inputs: int
    neurons: int
    synapses: int
    classes: int
    population: int
    layers: tuple[LayerInspection, ...]
    circuit: CircuitInspection
    rules: RulesReport | None = None

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
            "circuit": self.circuit.to_json(),
        }
        return plain if self.rules is None else plain | {"rules": self.rules.to_json()}


def inspect_checkpoint(path: Path, options: ClockOptions, *, rules: bool = False) -> Inspection:
    """Read a checkpoint and count its circuit.

    Args:
        path: of the checkpoint.
        options: process and clock.
        rules: hold it against the rules of drawing too.

    Raises:
        NetworkError: the file is missing, damaged, or not what the hardware can be.
        TimingError: windows that can't be made to hold at the clock.
    """
    checkpoint = read_checkpoint(path)
    network = checkpoint.network
    library = CellLibrary(options.process)
    phases = options.phases(library.process)
    bench = network_outline(network, library, phases)
    totals, timing = bench.circuit.totals(), bench.timing
    closed = bool(timing.corners)
    supply = library.process.supply_voltage
    return Inspection(
        file=str(path),
        card=checkpoint.card,
        inputs=network.inputs,
        neurons=network.neurons,
        synapses=network.synapses,
        classes=network.classes,
        population=network.population,
        layers=tuple(LayerInspection.of(layer) for layer in network.layers),
        circuit=CircuitInspection(
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
        ),
        rules=report_rules(network, library.process) if rules else None,
    )
