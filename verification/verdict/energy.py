"""The energy that bias sources deliver, measured from phases and held against the reference's.

Reference and formula: ``verification.reference.energy``. The currents are those of the deck that
ran (``verification.verdict.sources``), which may not be the design's.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from netlist_gen.circuit.bias import Bus, buses_of
from netlist_gen.circuit.model import Circuit
from netlist_gen.circuit.probe import Probe
from verification.reference.energy import bias_energy
from verification.verdict.deck_parts import TOP, DeckPart
from verification.verdict.neuron import Disagreement, NeuronVerdict
from verification.verdict.sources import currents_in
from verification.waves.readings import Readings, readings_of
from verification.waves.waveforms import Waveforms

FloatArray = NDArray[np.float64]

ENERGY_TOLERANCE = 0.05
"""Largest relative difference between measured and reference energy that still agrees."""

QUIET_J = 1e-20
"""Largest energy where none is expected: a neuron in which nothing happens still settles, and its
bias gives up to 1e-21 J. One advance at 18 uA, the smallest bias, is 3.7e-20 J."""


@dataclass(frozen=True, eq=False)
class BiasSources:
    """A circuit's bias sources.

    Attributes:
        circuit: that they are in.
        columns: of the junctions that they feed.
        origins: cell and name of each different source.
        kinds: which of the origins each source is, shape (sources,).
        buses: that feed the circuit, where its bias is a network.
    """

    circuit: Circuit
    columns: tuple[str, ...]
    origins: tuple[tuple[str, str], ...]
    kinds: NDArray[np.int64]
    buses: tuple[Bus, ...] = ()

    @staticmethod
    def of(circuit: Circuit) -> BiasSources:
        """Those of a circuit: the same for decks that differ in their pulses alone."""
        fed = circuit.biased()
        origins: dict[tuple[str, str], int] = {}
        kinds = [origins.setdefault((b.cell, b.source.name), len(origins)) for b in fed]
        columns = tuple(Probe(b.path, b.junction).column for b in fed)
        numbers = np.array(kinds, dtype=np.int64)
        return BiasSources(circuit, columns, tuple(origins), numbers, buses_of(circuit))

    def currents_A(self, parts: Mapping[str, DeckPart]) -> FloatArray:
        """What each source gives in a deck, shape (sources,); 0 where it can't be told."""
        found = currents_in(parts, self.circuit)
        return np.array([found[origin] for origin in self.origins])[self.kinds]


def measured_energies(
    sources: BiasSources,
    currents_A: FloatArray,
    observed: Waveforms | Readings,
    bounds_s: FloatArray,
) -> FloatArray:
    """Energy in J that the circuit's bias sources deliver between times of rest.

    The current of each source is constant there, so that its integral of V*I is
    ``Ib * Phi0 / (2 pi)`` times the advance of the phase at its node.

    Args:
        sources: of the circuit.
        currents_A: of the sources in the deck that ran, shape (sources,).
        observed: what a simulator returned.
        bounds_s: rising times, shape (windows + 1,).

    Returns:
        shape (windows,).

    Raises:
        WaveformError: a biased junction's phase is missing, not finite or too short.
    """
    if not sources.columns:
        return np.zeros(bounds_s.size - 1)
    advances = np.diff(readings_of(observed).phases(sources.columns, bounds_s), axis=1)
    return bias_energy(currents_A, advances)


def bus_energies(
    sources: BiasSources,
    parts: Mapping[str, DeckPart],
    observed: Waveforms | Readings,
    bounds_s: FloatArray,
) -> FloatArray:
    """Energy in J that the buses give between times of rest: their integral of V*I.

    Args:
        sources: of the circuit.
        parts: of the deck that ran.
        observed: what a simulator returned.
        bounds_s: rising times for each bus, shape (buses, parts + 1).

    Returns:
        shape (parts,); none where there is no bus, and not a number where the deck does not say
        what feeds one.

    Raises:
        WaveformError: a meter's phase is missing, not finite or too short.
    """
    if not sources.buses:
        return np.zeros(0)
    columns = [bus.probe.column for bus in sources.buses]
    times = np.unique(bounds_s)
    phases = readings_of(observed).phases(columns, times)
    advances = np.diff(np.take_along_axis(phases, np.searchsorted(times, bounds_s), 1), axis=1)
    top = parts[TOP]
    factors = []
    for bus in sources.buses:
        source, meter = top.sources.get(bus.source.name.upper()), top.elements.get(bus.meter)
        value, ohm = (source and source.value) or 0.0, (meter and meter.value) or np.nan
        factors.append(bus.joule_per_rad(value, ohm))
    return np.asarray(np.array(factors) @ advances)


def energy_beyond(measured_J: FloatArray, reference_J: FloatArray) -> NDArray[np.bool_]:
    """Where a measured energy is beyond the tolerance of the reference's."""
    allowed = np.maximum(ENERGY_TOLERANCE * np.abs(reference_J), QUIET_J)
    return np.asarray(~(np.abs(measured_J - reference_J) <= allowed))


def judge_energy(
    verdict: NeuronVerdict, measured_J: FloatArray, reference_J: FloatArray
) -> NeuronVerdict:
    """The verdict with every window wrong whose energy is beyond the tolerance.

    Args:
        verdict: on pulses and flux.
        measured_J: shape (windows,).
        reference_J: shape (windows,).
    """
    beyond = energy_beyond(measured_J, reference_J)
    first = verdict.first
    if beyond.any():
        w = int(np.argmax(beyond))
        if first is None or w < first.window:
            first = Disagreement(
                w,
                f"an energy of {reference_J[w] * 1e18:.4g} aJ within {ENERGY_TOLERANCE:.0%}"
                if reference_J[w]
                else f"an energy of {QUIET_J * 1e18:g} aJ at the most",
                f"{measured_J[w] * 1e18:.4g} aJ",
            )
    return dataclasses.replace(verdict, wrong=verdict.wrong | beyond, first=first)
