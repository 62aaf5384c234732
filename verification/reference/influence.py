"""How its neighbours change a cell's delay: what the cells' tables leave out.

The tables give each cell behind JTL stages, a splitter with equal loads, and a neuron whose output
stage drives a JTL. In a tree most cells are behind a splitter, some splitters carry a splitter and
a JTL stage, and the first cell is behind a pulse source: 0.1 to 0.4 ps each. Here those
neighbourhoods are simulated in the embedded engine, each by itself, and the differences from the
tables returned.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache

import numpy as np
from numpy.typing import NDArray

from netlist_gen.assembly.delays import Delays, measured_delays
from netlist_gen.assembly.stages import Stage
from netlist_gen.assembly.unevenness import NeuronInfluence, unevenness
from netlist_gen.circuit.bench import drive
from netlist_gen.circuit.bias import Island, with_bias
from netlist_gen.circuit.elements import GROUND, PulseSource
from netlist_gen.circuit.model import CircuitBuilder
from netlist_gen.circuit.neuron import neuron_cell
from netlist_gen.circuit.probe import Analysis, Probe
from netlist_gen.circuit.table_neuron import lines_of_count, table_neuron
from netlist_gen.circuit.view import start_s
from netlist_gen.deck.emit import emit
from netlist_gen.library.cells import CellLibrary
from netlist_gen.library.design import load_phases
from netlist_gen.library.process import Process
from verification.characterize.trials.neuron_lanes import windows_of_counts
from verification.engine.run import compile_deck
from verification.reference.neighbourhoods import (
    BEFORE,
    BELOW,
    BESIDE,
    CLOCKED_BY,
    LAST,
    add_cell,
    add_load,
    chains,
    output_loads,
)
from verification.waves.pulses import detect_phase
from verification.waves.waveforms import Waveforms

FloatArray = NDArray[np.float64]

Beats = tuple[float, ...]
"""Times of a clock's pulses from the first on, s."""

FIRST: Beats = (0.0,)
"""One pulse after rest."""

BEATS = 3
"""Pulses of a clock after which no tap changes: of ``lr`` 0.1 % is missing at 60 ps."""

REST_S = 20e-12
"""Before the first pulse, when all rests."""

DRAWN, PATTERNS = 200, 9
"""Patterns of a count that are drawn, and of these simulated: evenly in order of unevenness."""

FIT_STEPS = 12
"""Of Gauss and Newton, 0.7 of each taken; the last one changes nothing in four digits."""


def clock_beats(process: Process, period_s: float) -> Beats:
    """When cells of a clock get pulses, of which the last one's delays are told.

    A tap with an inductor carries less after a pulse, and for a while: with resistors of ``lr``
    4 % of what a pulse took are still missing after 112 ps, and 18 % after 60 ps.
    """
    if process.network is None or not process.network.inductance:
        return FIRST
    return tuple(k * period_s for k in range(BEATS))


def measure_influence(
    library: CellLibrary,
    delays: Delays,
    beats: Beats = FIRST,
    neighbourhoods: Sequence[Stage] | None = None,
) -> dict[Stage, float]:
    """Differences from the tables, s; see ``Delays``.

    Args:
        library: of the cells.
        delays: of their tables.
        beats: pulses that each cell gets; of the last one delays are told.
        neighbourhoods: in trees and chains (default: all that there are with these splitters).

    Raises:
        SimulatorError, DeckError: a chain that does not run.
    """
    found = {}
    for stage in neighbourhoods or chains(library.process.splitters):
        arrivals = _arrivals(library, stage, beats)
        # The tables' cells are driven by a JTL stage, a splitter carries the same twice.
        found[stage] = arrivals.behind - arrivals.port - delays.stage(stage)
    for load in output_loads(library.process.splitters)[:-1]:
        seen = _neuron(library, BESIDE, "splitter", load, beats=beats)
        stage = Stage("jtl", "neuron", load)
        found[stage] = seen.behind - seen.port - delays.stage(stage)
    return found


def influenced_delays(process: Process, period_s: float) -> Delays:
    """A process's delays with the influence of neighbours, at a clock of that period, s.

    Measured once and kept.
    """
    return _influenced(process, clock_beats(process, period_s))


@lru_cache(maxsize=4)
def _influenced(process: Process, beats: Beats) -> Delays:
    library = CellLibrary(process)
    tables = measured_delays(process)
    delays = tables.with_influence(measure_influence(library, tables, beats))

    @cache
    def neurons(fan_in: int) -> NeuronInfluence:
        return _of_neurons(library, delays, fan_in, beats)

    return delays.with_influence(delays.influence, neurons)


def _of_neurons(library: CellLibrary, delays: Delays, fan_in: int, beats: Beats) -> NeuronInfluence:
    """What the table of a neuron leaves out."""
    # Decisions differ by pattern: against one of the same pattern, among the table's neighbours.
    table = _neuron(library, fan_in, "table", "jtl")

    def apart(driver: str, load: str) -> float:
        # The cells before the neuron are counted as ones that drive JTL stages.
        seen = _neuron(library, fan_in, driver, load, beats=beats)
        return seen.port - seen.before - delays.path(LAST[driver]) - (table.port - table.clock)

    loads = {load: apart("splitter", load) for load in output_loads(library.process.splitters)}
    drivers = {driver: apart(driver, "jtl") - loads["jtl"] for driver in LAST}
    behind = {
        Stage("neuron", driver, load): at_load + at_driver
        for driver, at_driver in drivers.items()
        for load, at_load in loads.items()
    }
    shift, faster = _of_patterns(library, delays, fan_in, table.port - table.clock)
    return NeuronInfluence(behind, shift, faster)


def _of_patterns(
    library: CellLibrary, delays: Delays, fan_in: int, table_s: float
) -> tuple[tuple[float, float], float]:
    """What spread and skew of a pattern's fluxons change (``assembly.unevenness``).

    Fitted to the delays of patterns at the threshold and one pulse past it, ``table_s`` being what
    that of the table is seen to take at the threshold.
    """
    signs, theta = table_neuron(fan_in)
    own = lines_of_count(signs, theta)
    # What the table's bench has otherwise than this one is told with a neuron's neighbours.
    begin = table_s - float(delays.decisions.delay(signs, theta, np.array([theta]))[0])
    counts, patterns, seen = [], [], []
    for count in (theta, theta + 1):
        for window in _patterns(signs, count):
            lines = tuple(np.flatnonzero(window).tolist())
            arrivals = _neuron(library, fan_in, "table", "jtl", () if lines == own else lines)
            seen.append(arrivals.port - arrivals.clock - begin)
            counts.append(count)
            patterns.append(window)
    moments = unevenness(signs, np.array(patterns))

    def expected(values: FloatArray) -> FloatArray:
        influence = NeuronInfluence({}, (values[0], values[1]), values[2] * 1e-12)
        told = delays.with_influence({}, lambda _: influence)
        return told.decisions.delay(signs, theta, np.array(counts), uneven=moments)

    found = np.zeros(3)  # pulses, pulses, ps
    for _ in range(FIT_STEPS):
        now = expected(found)
        slopes = [(expected(found + step) - now) / 1e-4 for step in 1e-4 * np.eye(found.size)]
        found += 0.7 * np.linalg.lstsq(np.array(slopes).T, np.array(seen) - now)[0]
    return (float(found[0]), float(found[1])), float(found[2]) * 1e-12


def _patterns(signs: Sequence[int], count: int) -> NDArray[np.bool_]:
    """Patterns of a count, no two of the same unevenness, from the most even to the most uneven."""
    windows = windows_of_counts(signs, [count] * DRAWN, np.random.default_rng(1))
    found, which = np.unique(unevenness(signs, windows).round(9), axis=0, return_index=True)
    return windows[which[np.linspace(0, len(found) - 1, min(PATTERNS, len(found))).astype(int)]]


@dataclass(frozen=True)
class StageDelays:
    """From a pulse's arrival at the port of a JTL stage to its junction's middle crossing, s.

    Attributes:
        library: of the cells.
        after_merger: of a class line's output stage.
    """

    library: CellLibrary
    after_merger: float

    def after_neuron(self, fan_in: int, load: str) -> float:
        """Of a neuron's output stage, by the fan-in of the table's neuron and what it drives."""
        arrivals = _neuron(self.library, fan_in, "splitter", load)
        return arrivals.junction - arrivals.port


@lru_cache(maxsize=4)
def junctions_after_ports(process: Process) -> StageDelays:
    """The output stages of neurons and of class lines."""
    library = CellLibrary(process)
    merged = _arrivals(library, Stage("jtl", "merger", "end"))
    return StageDelays(library, merged.junction - merged.port)


@dataclass(frozen=True)
class _Arrivals:
    """Arrivals at the ports before and behind a cell, and at its junction B1 between, s.

    Of a neuron's output stage, ``clock`` is the arrival at the neuron's decision port, ``before``
    that before the cells of ``LAST`` which drive it.
    """

    port: float
    junction: float
    behind: float
    clock: float = math.nan
    before: float = math.nan


@lru_cache(maxsize=256)
def _arrivals(library: CellLibrary, key: Stage, beats: Beats = FIRST) -> _Arrivals:
    """A cell among its neighbours, behind a source; of the last beat."""
    builder = CircuitBuilder("chain")
    start = start_s(library.process)
    times = tuple(start + beat for beat in beats)
    builder.add(PulseSource("V0", "n0", GROUND, times))
    before = BEFORE[key.driver]
    for k, kind in enumerate(before):
        add_cell(builder, library, f"X{k}", kind, (f"n{k}", f"n{k + 1}"), BELOW[key.cell])
    port, behind = f"n{len(before)}", f"n{len(before) + 1}"
    beside = BELOW.get(key.beside, ("jtl",))
    add_cell(builder, library, "XC", key.cell, (port, behind), beside)
    add_load(builder, library, behind, *BELOW[key.load])
    analysis = Analysis(times[-1] + 80e-12, print_step_s=0.2e-12)
    circuit = with_bias(builder.circuit(), library, [Island("0", times)])
    deck = emit(circuit, library.process, analysis, [Probe(("XC",), "B1")], name="chain")
    waves = _simulate(deck.text, (port, behind))
    rest = start - REST_S
    return _Arrivals(_port(waves, port, rest), _junction(waves, rest), _port(waves, behind, rest))


@lru_cache(maxsize=64)
def _neuron(
    library: CellLibrary,
    fan_in: int,
    driver: str,
    load: str,
    pulsed: tuple[int, ...] = (),
    beats: Beats = FIRST,
) -> _Arrivals:
    """The output stage of a table's neuron whose clock is driven by a cell of ``CLOCKED_BY``.

    ``pulsed`` are the lines with data (default: as many excitatory ones as the threshold); they
    come before the last of the clock's beats.
    """
    signs, theta = table_neuron(fan_in)
    pulsed = pulsed or lines_of_count(signs, theta)
    labels = tuple(str(i) for i in range(len(signs)))
    builder = CircuitBuilder("probe")
    phases = load_phases(process=library.process)
    start = start_s(library.process)
    nets = [
        drive(builder, library, label, (start + beats[-1],) * (k in pulsed))
        for k, label in enumerate(labels)
    ]
    ticks = tuple(start + beat + phases.decision for beat in beats)
    port = drive(builder, library, "C", ticks)
    passed = ["sC", port]
    reset = drive(builder, library, "R", ())
    clock = CLOCKED_BY[driver]
    for k, kind in enumerate(clock):
        beside = (*BELOW["splitter"], "jtl", "neuron")[-(len(clock) - k) :]
        add_cell(builder, library, f"XK{k}", kind, (port, f"k{k}"), beside)
        port = f"k{k}"
        passed.append(port)
    before = passed[-1 - len(LAST.get(driver, ("",)))]
    neuron = neuron_cell(library, "probe", signs, theta, labels=labels)
    builder.place("XN", neuron, *nets, port, reset, "o")
    builder.place("XC", library.cell("jtl"), "o", "q")
    add_load(builder, library, "q", load)
    analysis = Analysis(start + beats[-1] + phases.period, print_step_s=0.2e-12)
    circuit = with_bias(builder.circuit(), library, [Island("0", ticks)])
    deck = emit(circuit, library.process, analysis, [Probe(("XC",), "B1")], name="probe")
    waves = _simulate(deck.text, (before, port, "o", "q"))
    rest = start - REST_S
    return _Arrivals(
        _port(waves, "o", rest),
        _junction(waves, rest),
        _port(waves, "q", rest),
        clock=_port(waves, port, rest),
        before=_port(waves, before, rest),
    )


def _port(waves: Waveforms, net: str, rest_s: float) -> float:
    """Where a port's flux last crosses the middle between quanta above that at ``rest_s``, s."""
    phase = waves.signal(f"P({net.upper()})")
    return float(detect_phase(waves.time_s, phase, rest_at_s=rest_s).times_s[-1])


def _junction(waves: Waveforms, rest_s: float) -> float:
    """Where the phase of the cell's junction last flips, as pulses are timed, s."""
    phase = waves.signal("P(B1|XC)")
    return float([t for t in detect_phase(waves.time_s, phase).times_s if t > rest_s][-1])


def _simulate(deck: str, nodes: Sequence[str]) -> Waveforms:
    """Run a deck with the phases of some nodes beside what it prints."""
    printed = "".join(f".print p({node})\n" for node in nodes)
    waves = compile_deck(deck.replace(".end\n", f"{printed}.end\n"), name="probe").run().waveforms
    assert waves is not None
    return waves
