"""Measured against expected: each window of a neuron, and the first counter-example in words.

A window agrees when the output junction gave exactly the expected pulse (one or none) on the
clock and no pulse backwards, when each storage loop took in and gave out exactly the fluxons
of its input line, when the two SQUIDs of the decision hold no flux, and when the energy that
the bias sources delivered is the reference's within the tolerance.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from netlist_gen.circuit.bench import NeuronView
from netlist_gen.circuit.model import Circuit
from netlist_gen.deck.emit import Probe
from netlist_gen.errors import WaveformError
from verification.reference.energy import bias_energy
from verification.reference.expected import NeuronExpectation
from verification.waves.readings import Readings, readings_of
from verification.waves.waveforms import Waveforms

TWO_PI = 2 * np.pi

ENERGY_TOLERANCE = 0.05
"""Largest relative difference between measured and reference energy that still agrees."""

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

    def sentence(self, at: str, deck: str) -> str:
        """The disagreement in words; ``at`` is the sample, ``deck`` the file that reproduces it."""
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


@dataclass(frozen=True, eq=False)
class _Fluxons:
    """Whole 2 pi advances in each window, and how far from whole, of all that a view watches.

    Attributes:
        row: the row of each watched probe.
        counts, residue: shape (probes, windows).
    """

    row: dict[Probe, int]
    counts: NDArray[np.int64]
    residue: NDArray[np.float64]

    def of(self, path: tuple[str, ...], junction: str) -> NDArray[np.int64]:
        """Advances of one junction, shape (windows,)."""
        return self.counts[self.row[Probe(path, junction)]]


def _advances(view: NeuronView, readings: Readings) -> _Fluxons:
    watched = view.watched()
    try:
        phases = readings.phases([p.column for p in watched], view.boundaries_s())
    except WaveformError as error:
        raise WaveformError(f"neuron {view.site.name}: {error}") from None
    turns = (phases - phases[:, :1]) / TWO_PI
    whole = np.rint(turns)
    return _Fluxons(
        {probe: row for row, probe in enumerate(watched)},
        np.diff(whole, axis=1).astype(np.int64),
        np.abs(turns - whole)[:, 1:],
    )


@dataclass(frozen=True, eq=False)
class BiasSources:
    """A circuit's bias sources: the columns of the junctions they feed, and their currents (A)."""

    columns: tuple[str, ...]
    currents_A: NDArray[np.float64]

    @staticmethod
    def of(circuit: Circuit) -> BiasSources:
        """Those of a circuit: the same for decks that differ in their pulses alone."""
        fed = circuit.biased()
        return BiasSources(
            tuple(Probe(path, name).column for path, name, _ in fed),
            np.array([current for _, _, current in fed]),
        )


def measured_energies(
    sources: BiasSources, observed: Waveforms | Readings, bounds_s: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Energy in J that the circuit's bias sources deliver between times of rest.

    The current of each source is constant there, so that its integral of V*I is
    ``Ib * Phi0 / (2 pi)`` times the advance of the phase at its node.

    Args:
        sources: of the circuit. observed: what a simulator returned.
        bounds_s: rising times, shape (windows + 1,).

    Returns:
        shape (windows,).

    Raises:
        WaveformError: a biased junction's phase is missing, not finite or too short.
    """
    if not sources.columns:
        return np.zeros(bounds_s.size - 1)
    advances = np.diff(readings_of(observed).phases(sources.columns, bounds_s), axis=1)
    # bias_energy is linear in both: one product for all sources and windows.
    return np.asarray(bias_energy(1.0, 1.0) * (sources.currents_A @ advances))


def measured_energy(
    circuit: Circuit, observed: Waveforms | Readings, start_s: float, stop_s: float
) -> float:
    """Energy in J that the circuit's bias sources deliver between two times of rest.

    Raises:
        WaveformError: as ``measured_energies``.
    """
    sources = BiasSources.of(circuit)
    return float(measured_energies(sources, observed, np.array([start_s, stop_s]))[0])


def judge_energy(
    verdict: NeuronVerdict,
    measured_J: NDArray[np.float64],
    reference_J: NDArray[np.float64],
    deck: str,
) -> NeuronVerdict:
    """The verdict with every window wrong whose energy is beyond the tolerance.

    Args:
        verdict: on pulses and flux. measured_J, reference_J: shape (windows,).
        deck: the deck's name or path, for the counter-example.
    """
    beyond = ~(np.abs(measured_J - reference_J) <= ENERGY_TOLERANCE * np.abs(reference_J))
    first = verdict.first
    if beyond.any():
        w = int(np.argmax(beyond))
        if first is None or w < first.window:
            first = CounterExample(
                w,
                verdict.layer,
                verdict.neuron,
                f"an energy of {reference_J[w] * 1e18:.4g} aJ within {ENERGY_TOLERANCE:.0%}",
                f"{measured_J[w] * 1e18:.4g} aJ",
                deck,
            )
    return dataclasses.replace(verdict, wrong=verdict.wrong | beyond, first=first)


def compare(
    view: NeuronView,
    expected: NeuronExpectation,
    observed: Waveforms | Readings,
    deck: str,
) -> NeuronVerdict:
    """Hold what a simulation says of one neuron against the reference.

    Args:
        view: the neuron and its windows.
        expected: the reference's expectation for it.
        observed: what a simulator returned; needs what the view watches.
        deck: the deck's name or path, for the counter-example.

    Raises:
        WaveformError: a signal is missing, not finite or too short.
    """
    readings = readings_of(observed)
    flux = _advances(view, readings)
    output = readings.train(view.output.column)
    forward = output.times_s[output.signs > 0]
    backward = output.times_s[output.signs < 0]
    decisions = view.decisions_s()
    edges = np.append(decisions, decisions[-1] + view.phases.period)
    begin = np.searchsorted(forward, edges)
    pulses = np.diff(begin)
    back = np.diff(np.searchsorted(backward, edges))
    delays = np.full(view.windows, np.nan)
    came = pulses > 0
    delays[came] = forward[begin[:-1][came]] - decisions[came]
    wrong = _wrong(view, expected, flux, pulses, delays, back)
    first: CounterExample | None = None
    if wrong.any():
        w = int(np.argmax(wrong))
        complaint = _complaint(view, expected, flux, w, int(pulses[w]), delays[w], int(back[w]))
        first = CounterExample(w, view.site.layer, view.site.neuron, *complaint, deck)
    early = output.times_s[output.times_s < decisions[0]]
    if early.size and not wrong[0]:
        wrong[0] = True
        first = CounterExample(
            0,
            view.site.layer,
            view.site.neuron,
            "no pulse before the first clock",
            f"a pulse at {early[0] * 1e12:.2f} ps",
            deck,
        )
    return NeuronVerdict(
        view.site.name, view.site.layer, view.site.neuron, wrong, pulses, delays, first
    )


def _wrong(
    view: NeuronView,
    expected: NeuronExpectation,
    flux: _Fluxons,
    pulses: NDArray[np.int64],
    delays: NDArray[np.float64],
    backwards: NDArray[np.int64],
) -> NDArray[np.bool_]:
    """Windows in which anything disagrees: the checks of ``_complaint``, all windows at once."""
    fires = expected.fires
    wrong = (pulses != fires) | (backwards > 0)
    wrong |= fires & ~((delays >= view.phases.earliest) & (delays <= view.phases.latest))
    branches = view.branches()
    for junction in ("BA", "BB"):
        rows = [flux.row[Probe(path, junction)] for path in branches]
        wrong |= (flux.counts[rows] != view.stimulus.T).any(axis=0)
    squids = (view.instance, "XD")
    for junction, wanted in _decided(fires):
        wrong |= flux.of(squids, junction) != wanted
    return np.asarray(wrong | (flux.residue > REST_TOLERANCE_FLUXONS).any(axis=0))


def _decided(fires: NDArray[np.bool_]) -> list[tuple[str, NDArray[np.bool_]]]:
    """Which junctions of the decision stage advance in each window."""
    return [("BB1", fires), ("BB2", fires), ("BT1", ~fires), ("BT2", ~fires)]


def _complaint(
    view: NeuronView,
    expected: NeuronExpectation,
    flux: _Fluxons,
    window: int,
    pulses: int,
    delay_s: float,
    backwards: int,
) -> tuple[str, str]:
    """(expected, measured) of the first thing wrong in a window that is wrong."""
    site, phases = view.site, view.phases
    fires = bool(expected.fires[window])
    why = f"n = {expected.count[window]}, theta = {site.theta}"
    if pulses != int(fires):
        return f"{_pulses(int(fires))} ({why})", _pulses(pulses)
    if backwards:
        return f"no pulse backwards ({why})", f"{backwards} backwards at the output"
    if fires and not phases.earliest <= delay_s <= phases.latest:
        return (
            f"the pulse {phases.earliest * 1e12:.3g} to {phases.latest * 1e12:.3g} ps after the "
            "decision clock",
            f"{delay_s * 1e12:.2f} ps",
        )
    for k, path in enumerate(view.branches()):
        stored = int(view.stimulus[window, k])
        for junction in ("BA", "BB"):
            seen = int(flux.of(path, junction)[window])
            if seen != stored:
                return (
                    f"{_pulses(stored)} of {junction} in synapse {path[1]} (no flux left behind)",
                    _pulses(seen),
                )
    for junction, wanted in _decided(expected.fires):
        seen = int(flux.of((view.instance, "XD"), junction)[window])
        if seen != int(wanted[window]):
            return (
                f"{_pulses(int(wanted[window]))} of {junction} in the decision stage",
                _pulses(seen),
            )
    probe = max(flux.row, key=lambda p: float(flux.residue[flux.row[p], window]))
    return (
        f"{probe.column} at rest where the window ends",
        f"{flux.residue[flux.row[probe], window]:.2f} fluxons from it",
    )


def _pulses(count: int) -> str:
    return f"{count} pulse" + ("" if count == 1 else "s")
