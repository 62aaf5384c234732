"""Measured against expected: each window of a neuron, and the first counter-example in words.

A window agrees when the output junction gave exactly the expected pulse (one or none) on the
clock and no pulse backwards, when each storage loop took in and gave out exactly the fluxons
of its input line, and when the two SQUIDs of the decision hold no flux.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from netlist_gen.circuit.bench import NeuronBench
from netlist_gen.circuit.model import PHI0
from netlist_gen.emit import Probe
from netlist_gen.errors import WaveformError
from verification.pulses import detect_phase
from verification.reference import NeuronExpectation
from verification.waveforms import Waveforms

TWO_PI = 2 * np.pi

REST_TOLERANCE_FLUXONS = 0.15
"""How far from a whole number of fluxons a phase may be where a window ends. At rest it is
within 0.02; a tenth of a turn more means that the circuit has not come to rest."""


@dataclass(frozen=True)
class CounterExample:
    """The first disagreement of a neuron, with all that is needed to look at it."""

    window: int
    layer: int
    neuron: int
    expected: str
    measured: str
    deck: str

    def sentence(self, sample: int, step: int | None) -> str:
        """The disagreement in words."""
        at = f"sample {sample}" + (f", step {step}" if step is not None else "")
        return (
            f"{at} (window {self.window}): layer {self.layer}, neuron {self.neuron}: expected "
            f"{self.expected}, measured {self.measured}; deck {self.deck}"
        )


@dataclass(frozen=True, eq=False)
class NeuronVerdict:
    """What was measured on one neuron.

    Attributes:
        name: the neuron's name. layer, neuron: its place in the network.
        windows: windows compared. wrong: bool, shape (windows,).
        pulses: int, shape (windows,): output pulses measured in each window.
        delays_s: time from decision clock to output pulse, NaN where there is none.
        energy_J: measured: integral of V*I over the bias sources, all windows.
        reference_J: the reference's. first: the first counter-example, or None.
    """

    name: str
    layer: int
    neuron: int
    wrong: NDArray[np.bool_]
    pulses: NDArray[np.int64]
    delays_s: NDArray[np.float64]
    energy_J: float
    reference_J: float
    first: CounterExample | None

    @property
    def windows(self) -> int:
        """Windows compared."""
        return int(self.wrong.size)

    @property
    def mismatches(self) -> int:
        """Windows that disagree."""
        return int(self.wrong.sum())


@dataclass(frozen=True)
class _Fluxons:
    """Whole 2 pi advances of each probe in each window, and how far from whole they are."""

    counts: dict[Probe, NDArray[np.int64]]
    residue: dict[Probe, NDArray[np.float64]]


def _advances(bench: NeuronBench, waves: Waveforms) -> _Fluxons:
    bounds = bench.boundaries_s()
    if waves.time_s[-1] < bounds[-1]:
        raise WaveformError(
            f"neuron {bench.site.name}: the waveforms end at {waves.time_s[-1] * 1e12:.4g} ps; "
            f"the last window ends at {bounds[-1] * 1e12:.4g} ps"
        )
    at = np.searchsorted(waves.time_s, bounds)
    counts, residue = {}, {}
    for probe in bench.probes():
        turns = (waves.signal(probe.column)[at] - waves.signal(probe.column)[at[0]]) / TWO_PI
        whole = np.rint(turns).astype(np.int64)
        counts[probe] = np.diff(whole)
        residue[probe] = np.abs(turns - whole)[1:]
    return _Fluxons(counts, residue)


def measured_energy(bench: NeuronBench, waves: Waveforms) -> float:
    """Energy in J that the bias sources deliver from the first to the last window boundary.

    The current of each source is constant there, so that its integral of V*I is
    ``Ib * Phi0 / (2 pi)`` times the advance of the phase at its node.
    """
    bounds = bench.boundaries_s()
    first, last = np.searchsorted(waves.time_s, [bounds[0], bounds[-1]])
    energy = 0.0
    for placed in bench.circuit.walk():
        for bias in placed.cell.biases():
            junction = placed.cell.biased_junction(bias)
            if junction is not None:
                phase = waves.signal(Probe(placed.path, junction.name).column)
                energy += bias.value * PHI0 * float(phase[last] - phase[first]) / TWO_PI
    return energy


def compare(
    bench: NeuronBench, expected: NeuronExpectation, waves: Waveforms, deck: str
) -> NeuronVerdict:
    """Hold the waveforms of one neuron's bench against the reference.

    Args:
        bench: the bench that was simulated.
        expected: the reference's expectation for it.
        waves: what a simulator returned; needs the bench's probes.
        deck: the deck's name or path, for the counter-example.

    Raises:
        WaveformError: a signal is missing, not finite or too short.
    """
    flux = _advances(bench, waves)
    output = detect_phase(waves.time_s, waves.signal(bench.output.column))
    decisions = bench.decisions_s()
    windows = bench.windows
    wrong = np.zeros(windows, dtype=bool)
    pulses = np.zeros(windows, dtype=np.int64)
    delays = np.full(windows, np.nan)
    first: CounterExample | None = None
    for w in range(windows):
        begin, end = decisions[w], decisions[w] + bench.phases.period
        came, back = output.between(begin, end), output.negative_between(begin, end)
        pulses[w] = came.size
        if came.size:
            delays[w] = came[0] - begin
        complaint = _complaint(bench, expected, flux, w, came - begin, back.size)
        if complaint is not None:
            wrong[w] = True
            if first is None:
                first = CounterExample(w, bench.site.layer, bench.site.neuron, *complaint, deck)
    early = output.times_s < decisions[0]
    if early.any() and first is None:
        wrong[0] = True
        first = CounterExample(
            0,
            bench.site.layer,
            bench.site.neuron,
            "no pulse before the first clock",
            f"a pulse at {output.times_s[0] * 1e12:.2f} ps",
            deck,
        )
    return NeuronVerdict(
        bench.site.name,
        bench.site.layer,
        bench.site.neuron,
        wrong,
        pulses,
        delays,
        measured_energy(bench, waves),
        expected.energy_J,
        first,
    )


def _complaint(
    bench: NeuronBench,
    expected: NeuronExpectation,
    flux: _Fluxons,
    window: int,
    delays: NDArray[np.float64],
    backwards: int,
) -> tuple[str, str] | None:
    """(expected, measured) of the first thing wrong in a window, or None."""
    site, phases = bench.site, bench.phases
    fires = bool(expected.fires[window])
    why = f"n = {expected.count[window]}, theta = {site.theta}"
    if delays.size != int(fires):
        return f"{_pulses(int(fires))} ({why})", _pulses(delays.size)
    if backwards:
        return f"no pulse backwards ({why})", f"{backwards} backwards at the output"
    if fires and not phases.earliest <= delays[0] <= phases.latest:
        return (
            f"the pulse {phases.earliest * 1e12:.3g} to {phases.latest * 1e12:.3g} ps after the "
            "decision clock",
            f"{delays[0] * 1e12:.2f} ps",
        )
    for k, path in enumerate(bench.branches()):
        stored = int(bench.stimulus[window, k])
        for junction in ("BA", "BB"):
            seen = int(flux.counts[Probe(path, junction)][window])
            if seen != stored:
                return (
                    f"{_pulses(stored)} of {junction} in synapse {path[1]} (no flux left behind)",
                    _pulses(seen),
                )
    for junction, wanted in (("BB1", fires), ("BB2", fires), ("BT1", not fires), ("BT2", not fires)):
        seen = int(flux.counts[Probe((bench.instance, "XD"), junction)][window])
        if seen != int(wanted):
            return f"{_pulses(int(wanted))} of {junction} in the decision stage", _pulses(seen)
    for probe, residue in flux.residue.items():
        if residue[window] > REST_TOLERANCE_FLUXONS:
            return (
                f"{probe.column} at rest where the window ends",
                f"{residue[window]:.2f} fluxons from it",
            )
    return None


def _pulses(count: int) -> str:
    return f"{count} pulse" + ("" if count == 1 else "s")
