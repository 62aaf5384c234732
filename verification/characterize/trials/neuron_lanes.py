"""One neuron under many thresholds, stimuli, biases and noises: lanes of one compiled circuit.

A lane's circuit is the bench of its own neuron, built as every bench is. Where it differs from
the first one (couplings, threshold current, scaled biases) the values are given to the engine
by label, so that all lanes of a fan-in are compiled once. The verdict is that of
``verification.verdict.neuron``: pulses on the clock, loops and SQUIDs left empty, all at rest.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from netlist_gen.circuit.bench import NeuronBench, neuron_bench
from netlist_gen.circuit.elements import BusSource, CurrentSource, Element, PulseSource, Role
from netlist_gen.circuit.model import Cell, Circuit
from netlist_gen.circuit.neuron import NeuronDesign
from netlist_gen.circuit.sites import NeuronSite, SiteMemory
from netlist_gen.circuit.view import BOTTOM_SOURCE, TOP_SOURCE, instance_name
from netlist_gen.deck.emit import Deck, emit
from netlist_gen.library.cells import CellLibrary
from netlist_gen.library.design import ClockPhases
from netlist_gen.library.process import Process
from netlist_gen.spikes import NeuronSpikes, lone_neuron
from verification.characterize.subject.parameters import element_value
from verification.characterize.trials.runner import bus_wave, pulse_wave
from verification.characterize.trials.trial import FloatArray
from verification.engine.run import Extract, compile_deck
from verification.engine.text.sources import SourceWave
from verification.verdict.neuron import NeuronVerdict, compare
from verification.waves.pulses import PulseTrain, most_pulses
from verification.waves.readings import SampledReadings

BoolArray = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class NeuronLane:
    """One neuron of threshold ``theta`` in one series of windows.

    Attributes:
        stimulus: shape (windows, fan_in): which lines carry a pulse.
        arrivals_s: how late each pulse comes, shape of the stimulus; None for not at all.
        bias: factor on all bias currents.
        control: factor on the two control currents.
        factors: on single elements, by flat label (``BA|XS0|XL0N0``).
    """

    theta: int
    stimulus: BoolArray
    arrivals_s: FloatArray | None = None
    bias: float = 1.0
    control: float = 1.0
    factors: Mapping[str, float] = field(default_factory=dict)
    seed: int = 0


def single_site(signs: Sequence[int], theta: int, memory: SiteMemory | None = None) -> NeuronSite:
    """A neuron that stands alone: input line k feeds synapse k."""
    digits = len(str(max(len(signs) - 1, 0)))
    return NeuronSite(
        layer=0,
        neuron=0,
        inputs=tuple(range(len(signs))),
        signs=tuple(int(s) for s in signs),
        theta=int(theta),
        name="L0N0",
        labels=tuple(f"{k:0{digits}d}" for k in range(len(signs))),
        memory=memory,
    )


def threshold_factors(design: NeuronDesign, threshold: float) -> dict[str, float]:
    """Factors on the control currents of the neuron of ``single_site`` for another threshold flux.

    Args:
        design: of the lane's neuron.
        threshold: Phi0, instead of the design's.
    """
    instance = instance_name(single_site((1,), 1))
    return {
        f"{BOTTOM_SOURCE}|{instance}": (design.common + threshold) / design.bottom,
        f"{TOP_SOURCE}|{instance}": (design.common - threshold) / design.top,
    }


def windows_of_counts(
    signs: Sequence[int] | NDArray[np.int64], counts: Iterable[int], rng: np.random.Generator
) -> BoolArray:
    """Windows with a given n each, and otherwise random: which lines carry a pulse.

    The number of inhibitory pulses is drawn evenly from what n allows, then the lines. The shape
    is (counts, fan_in).
    """
    sign = np.asarray(signs)
    plus, minus = np.flatnonzero(sign > 0), np.flatnonzero(sign < 0)
    wanted = list(counts)
    windows = np.zeros((len(wanted), sign.size), dtype=bool)
    for window, n in zip(windows, wanted, strict=True):
        down = int(rng.integers(max(0, -n), min(minus.size, plus.size - n) + 1))
        window[rng.choice(minus, down, replace=False)] = True
        window[rng.choice(plus, n + down, replace=False)] = True
    return windows


class NeuronLanes:
    """A neuron's circuit, compiled once, ready for lanes of as many windows.

    The clock phases are the design table's where no others are given; ``temperature_K`` is that of
    the thermal noise, 0 for none. With ``crosstalk`` neighbouring synapses are coupled. With a
    ``memory`` its membrane lasts: the windows are whole samples, each a clearing window and one for
    each of the memory's steps.
    """

    def __init__(
        self,
        process: Process | str,
        signs: Sequence[int],
        windows: int,
        *,
        phases: ClockPhases | None = None,
        temperature_K: float = 0.0,
        crosstalk: bool = False,
        memory: SiteMemory | None = None,
    ):
        self.signs = tuple(int(s) for s in signs)
        self._library = CellLibrary(process, crosstalk=crosstalk)
        self._memory = memory
        self._sample = 1 if memory is None else memory.steps + 1
        self._clearing = np.arange(windows) % self._sample == 0 if memory else None
        self._phases = phases
        self._temperature_K = temperature_K
        silent = NeuronLane(1, np.zeros((windows, len(self.signs)), dtype=bool))
        self._base = self.bench(silent)
        self.elements = flat_elements(self._base.circuit)
        """Of the bench by flat label, for ``NeuronLane.factors``."""
        self._compiled = compile_deck(self.deck(silent).text, name="neuron")

    @property
    def junctions(self) -> int:
        """Junctions of the bench, sources and loads included."""
        return self._base.circuit.totals().junctions

    def bench(self, lane: NeuronLane) -> NeuronBench:
        """The lane's own bench, biases scaled; single factors are not in it."""
        site = single_site(self.signs, lane.theta, self._memory)
        bench = neuron_bench(
            self._library, site, lane.stimulus, self._phases, lane.arrivals_s,
            clearing=self._clearing,
        )  # fmt: skip
        circuit = scaled_currents(bench.circuit, lane.bias, lane.control)
        return dataclasses.replace(bench, circuit=circuit)

    def deck(self, lane: NeuronLane) -> Deck:
        """The lane as a JoSIM deck that prints what the verdict needs."""
        bench = self.bench(lane)
        analysis = dataclasses.replace(bench.analysis(), temperature_K=self._temperature_K)
        process = self._library.process
        return emit(bench.circuit, process, analysis, bench.view.watched(), name="neuron")

    def spikes(self, lane: NeuronLane) -> NeuronSpikes:
        """What the lane's neuron must do."""
        kept = self._memory
        memory = None if kept is None else kept.rule
        return lone_neuron(self.signs, lane.theta, lane.stimulus, memory, self._sample)

    def run(self, lanes: Sequence[NeuronLane]) -> list[NeuronVerdict]:
        """The verdict on each lane, in their order.

        Raises:
            SimulatorError: a lane diverged.
        """
        benches = [self.bench(lane) for lane in lanes]
        bounds = self._base.view.boundaries_s()
        output = self._base.view.output.column
        waves = [dict(_waves(b.circuit)) for b in benches]
        results = self._compiled.run_parameter_lanes(
            [self._overrides(lane, bench) for lane, bench in zip(lanes, benches, strict=True)],
            stimuli=waves,
            seeds=[lane.seed for lane in lanes],
            extract=Extract(
                pulses=(output[2:-1],),
                sample_s=bounds,
                max_pulses=most_pulses(self._compiled.transient.stop),
            ),
        )
        verdicts = []
        for lane, bench, result in zip(lanes, benches, results, strict=True):
            assert result.waveforms is not None
            found = result.pulses[output[2:-1]]
            train = PulseTrain(found.time_s, found.sign, 0.0, float(found.sign.astype(int).sum()))
            readings = SampledReadings(bounds, result.waveforms, {output: train})
            spikes = self.spikes(lane)
            verdicts.append(compare(bench.view, spikes, readings))
        return verdicts

    def _overrides(self, lane: NeuronLane, bench: NeuronBench) -> dict[str, float]:
        """Values of the elements in which a lane differs from the compiled circuit."""
        return {
            label: element_value(element) * lane.factors.get(label, 1.0)
            for label, element in flat_elements(bench.circuit).items()
            if not _has_wave(element) and (label in lane.factors or element != self.elements[label])
        }


def _has_wave(element: Element) -> bool:
    """Whether a lane gives the engine its wave, not a value."""
    voltage = isinstance(element, BusSource) and element.is_voltage
    return voltage or isinstance(element, PulseSource)


def _waves(circuit: Circuit) -> Iterator[tuple[str, SourceWave]]:
    """Waves of the sources of pulses, and of buses that are fed by a voltage, by name."""
    for e in circuit.top.elements:
        if isinstance(e, PulseSource):
            yield e.name, pulse_wave(e.times_s)
        elif isinstance(e, BusSource) and e.is_voltage:
            yield e.name, bus_wave(e, e.value)


def flat_elements(circuit: Circuit) -> dict[str, Element]:
    """Every element of a circuit by its flat label in JoSIM's order, innermost first."""
    return {
        "|".join((element.name, *reversed(placed.path))): element
        for placed in circuit.walk()
        for element in placed.cell.elements
    }


def scaled_currents(circuit: Circuit, bias: float, control: float) -> Circuit:
    """The circuit with all bias currents, or its buses, and all control currents scaled."""
    if bias == control == 1.0:
        return circuit

    def one(e: Element) -> Element:
        if isinstance(e, CurrentSource):
            return dataclasses.replace(
                e, value=e.value * (bias if e.role is Role.BIAS else control)
            )
        if isinstance(e, BusSource):
            return dataclasses.replace(e, value=e.value * bias)
        return e

    def scaled(cell: Cell) -> Cell:
        return dataclasses.replace(cell, elements=tuple(one(e) for e in cell.elements))

    return circuit.changed(scaled)
