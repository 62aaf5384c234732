"""Measured against expected: each window of a neuron, and the first counter-example in words.

A window agrees when the output junction gave exactly the expected pulse (one or none) on the
clock and no pulse backwards, when each storage loop took in and gave out exactly the fluxons
of its input line, and when the two SQUIDs of the decision hold no flux.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from netlist_gen.circuit.bench import NeuronView
from netlist_gen.circuit.model import Circuit
from netlist_gen.emit import Probe
from netlist_gen.errors import WaveformError
from verification.energy import bias_energy
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

    def sentence(self, sample: int, step: int | None, deck: str) -> str:
        """The disagreement in words; ``deck`` is the file that reproduces it."""
        at = f"sample {sample}" + (f", step {step}" if step is not None else "")
        return (
            f"{at}: layer {self.layer}, neuron {self.neuron}: expected {self.expected}, "
            f"measured {self.measured}; reproduce with {deck}"
        )


@dataclass(frozen=True, eq=False)
class NeuronVerdict:
    """What was measured on one neuron.

    Attributes:
        name: the neuron's name. layer, neuron: its place in the network.
        windows: windows compared. wrong: bool, shape (windows,).
        pulses: int, shape (windows,): output pulses measured in each window.
        delays_s: time from decision clock to output pulse, NaN where there is none.
        first: the first counter-example, or None.
    """

    name: str
    layer: int
    neuron: int
    wrong: NDArray[np.bool_]
    pulses: NDArray[np.int64]
    delays_s: NDArray[np.float64]
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


def _advances(view: NeuronView, waves: Waveforms) -> _Fluxons:
    bounds = view.boundaries_s()
    if waves.time_s[-1] < bounds[-1]:
        raise WaveformError(
            f"neuron {view.site.name}: the waveforms end at {waves.time_s[-1] * 1e12:.4g} ps; "
            f"the last window ends at {bounds[-1] * 1e12:.4g} ps"
        )
    at = np.searchsorted(waves.time_s, bounds)
    counts, residue = {}, {}
    for probe in view.watched():
        turns = (waves.signal(probe.column)[at] - waves.signal(probe.column)[at[0]]) / TWO_PI
        whole = np.rint(turns).astype(np.int64)
        counts[probe] = np.diff(whole)
        residue[probe] = np.abs(turns - whole)[1:]
    return _Fluxons(counts, residue)


def measured_energy(circuit: Circuit, waves: Waveforms, start_s: float, stop_s: float) -> float:
    """Energy in J that the circuit's bias sources deliver between two times of rest.

    The current of each source is constant there, so that its integral of V*I is
    ``Ib * Phi0 / (2 pi)`` times the advance of the phase at its node.

    Raises:
        WaveformError: a biased junction's phase is missing.
    """
    first, last = np.searchsorted(waves.time_s, [start_s, stop_s])
    energy = 0.0
    for placed in circuit.walk():
        for bias in placed.cell.biases():
            junction = placed.cell.biased_junction(bias)
            if junction is not None:
                phase = waves.signal(Probe(placed.path, junction.name).column)
                energy += bias_energy(bias.value, float(phase[last] - phase[first]))
    return energy


def compare(
    view: NeuronView, expected: NeuronExpectation, waves: Waveforms, deck: str
) -> NeuronVerdict:
    """Hold the waveforms of one neuron against the reference.

    Args:
        view: the neuron and its windows.
        expected: the reference's expectation for it.
        waves: what a simulator returned; needs what the view watches.
        deck: the deck's name or path, for the counter-example.

    Raises:
        WaveformError: a signal is missing, not finite or too short.
    """
    flux = _advances(view, waves)
    output = detect_phase(waves.time_s, waves.signal(view.output.column))
    decisions = view.decisions_s()
    windows = view.windows
    wrong = np.zeros(windows, dtype=bool)
    pulses = np.zeros(windows, dtype=np.int64)
    delays = np.full(windows, np.nan)
    first: CounterExample | None = None
    for w in range(windows):
        begin, end = decisions[w], decisions[w] + view.phases.period
        came, back = output.between(begin, end), output.negative_between(begin, end)
        pulses[w] = came.size
        if came.size:
            delays[w] = came[0] - begin
        complaint = _complaint(view, expected, flux, w, came - begin, back.size)
        if complaint is not None:
            wrong[w] = True
            if first is None:
                first = CounterExample(w, view.site.layer, view.site.neuron, *complaint, deck)
    early = output.times_s < decisions[0]
    if early.any() and not wrong[0]:
        wrong[0] = True
        first = CounterExample(
            0,
            view.site.layer,
            view.site.neuron,
            "no pulse before the first clock",
            f"a pulse at {output.times_s[0] * 1e12:.2f} ps",
            deck,
        )
    return NeuronVerdict(
        view.site.name,
        view.site.layer,
        view.site.neuron,
        wrong,
        pulses,
        delays,
        first,
    )


def _complaint(
    view: NeuronView,
    expected: NeuronExpectation,
    flux: _Fluxons,
    window: int,
    delays: NDArray[np.float64],
    backwards: int,
) -> tuple[str, str] | None:
    """(expected, measured) of the first thing wrong in a window, or None."""
    site, phases = view.site, view.phases
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
    for k, path in enumerate(view.branches()):
        stored = int(view.stimulus[window, k])
        for junction in ("BA", "BB"):
            seen = int(flux.counts[Probe(path, junction)][window])
            if seen != stored:
                return (
                    f"{_pulses(stored)} of {junction} in synapse {path[1]} (no flux left behind)",
                    _pulses(seen),
                )
    for junction, wanted in (
        ("BB1", fires),
        ("BB2", fires),
        ("BT1", not fires),
        ("BT2", not fires),
    ):
        seen = int(flux.counts[Probe((view.instance, "XD"), junction)][window])
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
