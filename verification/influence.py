"""How the cell before another changes its delay: what the cells' tables leave out.

The tables give each cell behind JTL stages. In a tree most cells are behind a splitter, and the
first one behind a pulse source: some 0.1 to 0.3 ps each. Here those neighbourhoods are simulated
in the embedded engine, a chain for each, and the differences from the tables returned.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from netlist_gen.cell_library import CellLibrary
from netlist_gen.circuit.bench import LOAD_OHM, START_S, NeuronSite, neuron_bench
from netlist_gen.circuit.delays import Delays, table_neuron
from netlist_gen.circuit.model import (
    GROUND,
    Circuit,
    CircuitBuilder,
    Instance,
    PulseSource,
    Resistor,
)
from netlist_gen.circuit.network_circuit import network_delays
from netlist_gen.emit import Analysis, Probe, emit
from netlist_gen.process import Process
from verification.engine.run import compile_deck
from verification.pulses import detect_phase
from verification.waveforms import Waveforms

CHAINS: tuple[tuple[tuple[str, ...], int, tuple[str, str, str]], ...] = (
    (("jtl", "jtl", "jtl"), 0, ("source", "jtl", "jtl")),
    (("jtl", "splitter", "splitter"), 0, ("source", "jtl", "splitter")),
    (("jtl", "jtl", "jtl"), 1, ("first", "jtl", "jtl")),
    (("jtl", "jtl", "splitter"), 1, ("first", "jtl", "splitter")),
    (("jtl", "splitter", "jtl"), 1, ("first", "splitter", "jtl")),
    (("jtl", "splitter", "splitter"), 1, ("first", "splitter", "splitter")),
    (("jtl", "jtl", "jtl", "jtl", "jtl"), 3, ("jtl", "jtl", "jtl")),
    (("jtl", "jtl", "jtl", "jtl", "splitter"), 3, ("jtl", "jtl", "splitter")),
    (("jtl", "jtl", "jtl", "splitter", "jtl"), 3, ("jtl", "splitter", "jtl")),
    (("jtl", "jtl", "jtl", "splitter", "splitter"), 3, ("jtl", "splitter", "splitter")),
    (("jtl", "jtl", "splitter", "jtl", "jtl"), 3, ("splitter", "jtl", "jtl")),
    (("jtl", "jtl", "splitter", "jtl", "splitter"), 3, ("splitter", "jtl", "splitter")),
    (("jtl", "jtl", "splitter", "splitter", "jtl"), 3, ("splitter", "splitter", "jtl")),
    (("jtl", "jtl", "splitter", "splitter", "splitter"), 3, ("splitter", "splitter", "splitter")),
    (("jtl", "jtl", "jtl", "merger", "jtl"), 2, ("jtl", "jtl", "merger")),
    (("jtl", "jtl", "jtl", "merger", "jtl"), 3, ("jtl", "merger", "jtl")),
    (("jtl", "jtl", "jtl", "merger", "jtl"), 4, ("merger", "jtl", "jtl")),
    (("jtl", "jtl", "jtl", "merger", "jtl", "merger", "jtl"), 4, ("merger", "jtl", "merger")),
)
"""A chain of cells behind a source, which of them is looked at, and what that stands for."""

PROBE = table_neuron(8)
"""The neuron on which the influence of a clock's splitter is measured."""


def measure_influence(library: CellLibrary, delays: Delays) -> dict[tuple[str, str, str], float]:
    """Differences from the tables, s by (driver, cell, load); see ``Delays``.

    Raises:
        SimulatorError, DeckError: a chain that does not run.
    """
    found = {}
    for chain, at, key in CHAINS:
        arrivals = _arrivals(library, chain)
        _, cell, load = key
        own = {"jtl": delays.jtl, "splitter": delays.splitter, "merger": delays.merger}[cell](load)
        found[key] = float(arrivals[at + 1] - arrivals[at]) - own
    clocked, _ = _neuron(library)
    signs, theta = PROBE
    found["splitter", "neuron", "jtl"] = clocked - float(
        delays.decide(signs, theta, np.array([theta]))[0]
    )
    return found


def influenced_delays(process: Process) -> Delays:
    """A process's delays with the influence of neighbours; measured once and kept."""
    return _influenced(process)


@lru_cache(maxsize=4)
def _influenced(process: Process) -> Delays:
    library = CellLibrary(process)
    delays = network_delays(library)
    return delays.with_influence(measure_influence(library, delays))


@dataclass(frozen=True)
class Junctions:
    """From a pulse's arrival at the port of a JTL stage to its junction's middle crossing, s.

    Attributes:
        after_neuron, after_merger: by what drives the stage.
    """

    after_neuron: float
    after_merger: float


@lru_cache(maxsize=4)
def junctions_after_ports(process: Process) -> Junctions:
    """The output stages of neurons and of class lines."""
    library = CellLibrary(process)
    chain = ("jtl", "jtl", "jtl", "merger", "jtl")
    merged = _junction(library, chain, 4) - float(_arrivals(library, chain)[4])
    return Junctions(_neuron(library)[1], merged)


@lru_cache(maxsize=4)
def _neuron(library: CellLibrary) -> tuple[float, float]:
    """A neuron whose clock comes from a splitter, as in a network: decision port to output port,
    and from there to the junction of its output stage, s."""
    signs, theta = PROBE
    labels = tuple(str(i) for i in range(len(signs)))
    site = NeuronSite(0, 0, tuple(range(len(signs))), signs, theta, "probe", labels)
    stimulus = np.zeros((1, len(signs)), dtype=bool)
    stimulus[0, [i for i, s in enumerate(signs) if s > 0][:theta]] = True
    bench = neuron_bench(library.fork(), site, stimulus)
    top = bench.circuit.top
    # Between the clock's JTL stage and the neuron: a splitter whose other side ends in a stage.
    added = (
        Instance("XK", "splitter", ("iC", "kd", "ke")),
        Instance("XKE", "jtl", ("ke", "kf")),
    )
    placed = tuple(
        replace(i, nets=tuple("kd" if net == "iC" else net for net in i.nets))
        if i.name == bench.view.instance
        else i
        for i in top.instances
    )
    top = replace(
        top,
        elements=(*top.elements, Resistor("RK", "kf", GROUND, LOAD_OHM)),
        instances=(*placed, *added),
    )
    cells = {**bench.circuit.cells, "splitter": library.cell("splitter")}
    analysis = replace(bench.analysis(), print_step_s=0.2e-12)
    deck = emit(Circuit(top, cells), library.process, analysis, [bench.view.output], name="probe")
    waves = _simulate(deck.text, ("kd", "o"))
    rest = START_S - 20e-12
    clock, port = (
        float(detect_phase(waves.time_s, waves.signal(f"P({n})"), rest_at_s=rest).times_s[0])
        for n in ("KD", "O")
    )
    junction = detect_phase(waves.time_s, waves.signal(bench.view.output.column)).times_s[0]
    return port - clock, float(junction) - port


def _arrivals(library: CellLibrary, chain: tuple[str, ...]) -> NDArray[np.float64]:
    """Arrivals at each cell's port, s: where the port's flux crosses half a quantum."""
    waves = _run(library, chain)
    columns = [f"P(N{i})" for i in range(len(chain) + 1)]
    rest = START_S - 20e-12
    return np.array(
        [detect_phase(waves.time_s, waves.signal(c), rest_at_s=rest).times_s[0] for c in columns]
    )


def _junction(library: CellLibrary, chain: tuple[str, ...], at: int) -> float:
    waves = _run(library, chain)
    return float(detect_phase(waves.time_s, waves.signal(f"P(B1|X{at})")).times_s[0])


@lru_cache(maxsize=64)
def _run(library: CellLibrary, chain: tuple[str, ...]) -> Waveforms:
    """A chain between a source and two JTL stages; a splitter's other side carries the same kind
    of cell as its first, as in a tree, and a merger's second input an idle stage."""
    builder = CircuitBuilder("chain")
    jtl, splitter = library.cell("jtl"), library.cell("splitter")
    builder.add(PulseSource("V0", "n0", GROUND, (START_S,)))

    def end(net: str) -> None:
        builder.place(f"XE{net}", jtl, net, f"e{net}")
        builder.add(Resistor(f"R{net}", f"e{net}", GROUND, LOAD_OHM))

    kinds = [*chain, "jtl", "jtl"]
    for i, kind in enumerate(kinds):
        if kind == "jtl":
            builder.place(f"X{i}", jtl, f"n{i}", f"n{i + 1}")
            continue
        if kind == "merger":
            builder.place(f"X{i}", library.cell("merger"), f"n{i}", f"b{i}", f"n{i + 1}")
            builder.place(f"XB{i}", jtl, f"a{i}", f"b{i}")
            builder.add(Resistor(f"RB{i}", f"a{i}", GROUND, LOAD_OHM))
            continue
        builder.place(f"X{i}", splitter, f"n{i}", f"n{i + 1}", f"m{i}")
        if kinds[i + 1] == "splitter":
            builder.place(f"XS{i}", splitter, f"m{i}", f"ma{i}", f"mb{i}")
            end(f"ma{i}")
            end(f"mb{i}")
        else:
            end(f"m{i}")
    builder.add(Resistor("RL", f"n{len(kinds)}", GROUND, LOAD_OHM))
    analysis = Analysis(START_S + 80e-12, print_step_s=0.2e-12)
    probes = [Probe((f"X{i}",), "B1") for i in range(len(kinds))]
    deck = emit(builder.circuit(), library.process, analysis, probes, name="chain")
    return _simulate(deck.text, [f"n{i}" for i in range(len(chain) + 1)])


def _simulate(deck: str, nodes: Sequence[str]) -> Waveforms:
    """Run a deck with the phases of some nodes beside what it prints."""
    printed = "".join(f".print p({node})\n" for node in nodes)
    waves = compile_deck(deck.replace(".end\n", f"{printed}.end\n"), name="probe").run().waveforms
    assert waves is not None
    return waves
