"""Small benches: each cell of the library alone, and neurons of several fan-ins.

Shared by the tests that hold dialects and simulators against each other.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cache

import numpy as np

from netlist_gen.checkpoint.registry import read_network
from netlist_gen.circuit.bench import NeuronBench, biased_probes, neuron_bench
from netlist_gen.circuit.elements import (
    GROUND,
    LOAD_OHM,
    CurrentSource,
    Inductor,
    PulseSource,
    Resistor,
    Role,
)
from netlist_gen.circuit.model import Circuit, CircuitBuilder
from netlist_gen.circuit.probe import Analysis, Probe
from netlist_gen.circuit.sites import NeuronSite
from netlist_gen.constants import PHI0
from netlist_gen.deck.emit import Deck, emit
from netlist_gen.library.bias import IDEAL
from netlist_gen.library.cells import CellLibrary
from netlist_gen.library.design import load_rules
from netlist_gen.library.process import load_process
from netlist_gen.library.splitters import LIBRARY, SMALL_CELLS
from netlist_gen.network import TernaryNetwork
from netlist_gen.resources import resource_dir
from netlist_gen.spikes import NetworkSpikes, NeuronSpikes, lone_neuron
from verification.characterize.subject.subject import load_subject
from verification.waves.pulses import PulseTrain

PS = 1e-12

INPUTS: dict[str, dict[str, tuple[float, ...]]] = {
    "jtl": {"a": (60 * PS, 120 * PS)},
    "splitter": {"a": (60 * PS, 120 * PS)},
    **{name: {"a": (60 * PS, 120 * PS)} for name in SMALL_CELLS},
    "merger": {"a": (60 * PS,), "b": (120 * PS,)},
    "branch": {"d": (60 * PS, 220 * PS), "r": (100 * PS, 160 * PS, 260 * PS)},
    "decision": {"clk": (60 * PS, 140 * PS)},
    "escape": {"r": (60 * PS, 120 * PS)},
    "clock_splitter": {"a": (60 * PS, 120 * PS)},
    "dc_sfq": {"a": (60 * PS, 140 * PS)},
    "sfq_dc": {"a": (60 * PS, 160 * PS)},
}
"""Pulses (of the DC to SFQ converter: rises of the current) at each input port; a branch sees a
data pulse kept, one reset without, and again."""

OUTPUTS = {
    "jtl": "q",
    "splitter": "q0 q1",
    **{name: "q0 q1" if name.endswith("splitter") else "q" for name in SMALL_CELLS},
    "merger": "q",
    "branch": "",
    "decision": "q",
    "escape": "s",
    "clock_splitter": "d r",
    "dc_sfq": "q",
    "sfq_dc": "",
}

EVENTS = {
    "jtl": {"pulse": 2},
    "splitter": {"pulse": 2},
    **{name: {"pulse": 2} for name in SMALL_CELLS},
    "merger": {"pulse_a": 1, "pulse_b": 1},
    "branch": {"data": 2, "clear": 2, "clear_empty": 1},
    "decision": {"fire": 2},
    "decision_reject": {"reject": 2},
    "escape": {"through": 2},
    "clock_splitter": {"pulse": 2},
    "dc_sfq": {"pulse": 2},
    "sfq_dc": {"on": 1, "off": 1},
}
"""What happens in each bench, by the names of the cell's TOML file."""

FLUX_FROM_EDGE = 0.15
"""Differential flux of the decision's bench, in Phi0, from where fire turns into reject."""

NEURON_FAN_INS = (2, 8, 16)
"""Of the neurons among the golden decks."""

BIASED_FAN_IN = 2
"""Of the neuron that is among them with each bias network."""


@dataclass(frozen=True, eq=False)
class CellBench:
    """A cell as instance XC between JTLs; ``cell`` is the library's name for it."""

    name: str
    cell: str
    library: CellLibrary
    circuit: Circuit

    def deck(self, dialect: str) -> Deck:
        """All junctions of the cell, and all that carry a bias, are printed."""
        own = [
            Probe(placed.path, junction.name)
            for placed in self.circuit.walk()
            if placed.path[:1] == ("XC",)
            for junction in placed.cell.junctions()
        ]
        probes = dict.fromkeys((*own, *biased_probes(self.circuit)))
        return emit(
            self.circuit,
            self.library.process,
            Analysis(320 * PS),
            tuple(probes),
            name=self.name,
            dialect=dialect,
        )

    def advances(self) -> dict[str, int]:
        """How often each junction that an event of the cell names turns, by its column."""
        events = self.library.description(self.cell).events
        cell = self.library.cell(self.cell)
        counts = {
            Probe(("XC",), junction.name).column: 0
            for junction in cell.junctions()
            if any(event.advanced(junction.name) for event in events.values())
        }
        for event, times in EVENTS[self.name].items():
            for junction in cell.junctions():
                if events[event].advanced(junction.name):
                    counts[Probe(("XC",), junction.name).column] += times
        return counts


def cell_bench(name: str) -> CellBench:
    """``name`` is that of a cell, or ``decision_reject``."""
    library = CellLibrary()
    kind = name.removesuffix("_reject")
    cell, jtl = library.cell(kind), library.cell("jtl")
    builder = CircuitBuilder(f"bench_{name}", title=f"bench of cell {name}")
    nets = {port: f"n_{port}" for port in cell.ports}
    for port, times in INPUTS[kind].items():
        if kind == "dc_sfq":
            level = load_subject(kind).levels[port]
            builder.add(replace(level, minus=nets[port], times_s=times))
            continue
        builder.add(PulseSource(f"V{port}", f"s_{port}", GROUND, times))
        builder.place(f"XI{port}", jtl, f"s_{port}", nets[port])
    builder.place("XC", cell, *nets.values())
    for port in OUTPUTS[kind].split():
        builder.place(f"XO{port}", jtl, nets[port], f"o_{port}")
        builder.add(Resistor(f"R{port}", f"o_{port}", GROUND, LOAD_OHM))
    if kind == "sfq_dc":  # a line to the voltmeter
        builder.add(Resistor("RQ", nets["q"], GROUND, 50.0))
    if kind == "branch":  # pick-ups closed over resistors: they carry no current at rest
        for inner, outer in (("bi", "bo"), ("ti", "to")):
            builder.add(Resistor(f"R{inner}", nets[inner], GROUND, 1.0))
            builder.add(Resistor(f"R{outer}", nets[outer], GROUND, 1.0))
    if kind == "decision":  # the loops are closed as the branches of a neuron close them
        rules, stage = load_rules(), library.description("decision").parameters
        for i in range(int(stage["loops"])):
            for side in "bt":
                ends = nets[f"{side}i{i}"], nets[f"{side}o{i}"]
                builder.add(Inductor(f"L{side}{i}", *ends, value=rules.pickup_total))
        control = stage["k_control"] * math.sqrt(stage["l_control"] * stage["l_coil"])
        away = -FLUX_FROM_EDGE if name.endswith("_reject") else FLUX_FROM_EDGE
        threshold = rules.edges[0].offset + away
        for side, flux in (("b", rules.common + threshold), ("t", rules.common - threshold)):
            current = flux * PHI0 / control
            builder.add(CurrentSource(f"I{side}c", GROUND, nets[f"{side}c"], current, Role.FLUX))
            builder.add(Inductor(f"L{side}d", nets[f"{side}d"], GROUND, 1e-12))
    return CellBench(name, kind, library, builder.circuit())


def swings(column: str) -> bool:
    """Whether a signal is a near junction's, which may swing slowly before its SQUID decides."""
    return column.startswith(("P(BB1|XD", "P(BT1|XD"))


def settled(train: PulseTrain) -> PulseTrain:
    """Without pulses that are taken back within 10 ps.

    A junction of the SQUID that does not flip may swing half-way and back.
    """
    kept: list[int] = []
    for index, (time, sign) in enumerate(zip(train.times_s, train.signs, strict=True)):
        back = bool(kept) and sign == -train.signs[kept[-1]]
        if back and time - train.times_s[kept[-1]] < 10e-12:
            kept.pop()
        else:
            kept.append(index)
    return replace(train, times_s=train.times_s[kept], signs=train.signs[kept])


def random_neuron_bench(
    fan_in: int, seed: int = 0, windows: int = 3, bias: str = IDEAL, splitters: str = LIBRARY
) -> tuple[CellLibrary, NeuronBench, NeuronSpikes]:
    """A neuron of random signs and threshold; its first window decides for a pulse."""
    random = np.random.default_rng([seed, fan_in])
    signs = random.choice([-1, 1], fan_in)
    signs[0] = 1
    stimulus = random.random((windows, fan_in)) < 0.6
    stimulus[0] = signs > 0
    low, high = -int((signs < 0).sum()), int((signs > 0).sum())
    theta = int(random.integers(low + 1, high + 1))
    library = CellLibrary(load_process(bias_kind=bias, splitters=splitters))
    site = NeuronSite(
        layer=0,
        neuron=0,
        inputs=tuple(range(fan_in)),
        signs=tuple(int(sign) for sign in signs),
        theta=theta,
        name=f"N{fan_in}",
        labels=tuple(f"{line:02d}" for line in range(fan_in)),
    )
    spikes = lone_neuron(site.signs, site.theta, stimulus)
    return library, neuron_bench(library, site, stimulus), spikes


def digits_neuron_bench(
    site: NeuronSite, windows: int = 2
) -> tuple[CellLibrary, NeuronBench, NeuronSpikes]:
    """A neuron of the digits example on held-out images; it fires at the first, if at any.

    The images are the first one at which the neuron fires and those that follow it.
    """
    spikes = _digits_spikes()
    own = spikes.neuron(site.layer, site.neuron)
    fires = np.flatnonzero(own.fires[: spikes.windows - windows])
    first = int(fires[0]) if fires.size else 0
    library, part = CellLibrary(), own.part(first, first + windows)
    stimulus = spikes.layers[site.layer][first : first + windows, list(site.inputs)]
    return library, neuron_bench(library, site, stimulus), part


@cache
def digits_network() -> TernaryNetwork:
    """The trained example."""
    return read_network(resource_dir("examples") / "digits.npz")


@cache
def _digits_spikes() -> NetworkSpikes:
    images = np.load(resource_dir("examples") / "digits_inputs.npy").astype(bool)
    return NetworkSpikes.of(digits_network(), images)
