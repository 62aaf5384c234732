"""Sources and noise of all lanes as tables."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from netlist_gen.errors import ConfigurationError
from verification.engine.equations.constants import BOLTZMANN
from verification.engine.equations.plan import Plan
from verification.engine.equations.topology import Topology
from verification.engine.equations.values import Values
from verification.engine.text.deck import TransientAnalysis
from verification.engine.text.devices import Element
from verification.engine.text.sources import DC, NOISE, PWL, SourceWave

FloatArray = NDArray[np.float64]
Stimulus = Mapping[str, SourceWave]


@dataclass(frozen=True, eq=False)
class SourceTable:
    """Waves of all sources (current sources first, then V and P) in all lanes.

    Attributes:
        waves: kind, begin and length in ``data``, shape (sources, lanes, 3).
        data: the encoded waves one after the other.
        factor: on current sources, shape (sources, lanes).
        of_phase: for each prescribed phase the number of its source.
    """

    waves: NDArray[np.int64]
    data: FloatArray
    factor: FloatArray
    of_phase: NDArray[np.int32]

    @property
    def count(self) -> int:
        """How many sources there are."""
        return int(self.waves.shape[0])

    def piecewise_linear(self, lanes: Sequence[int]) -> NDArray[np.bool_]:
        """By source, whether it is a pwl or dc in all of these lanes."""
        kinds = self.waves[:, lanes, 0]
        return np.asarray(np.all((kinds == DC) | (kinds == PWL), axis=1))


def _sources(topology: Topology) -> NDArray[np.int32]:
    """All sources, as places in the circuit: current sources, then voltage and phase sources."""
    prescribed = topology.phase_rows.at
    return np.concatenate(
        [topology.current_sources.at, prescribed[topology.flat.of_kind("VP")[prescribed]]]
    )


def source_table(
    topology: Topology, transient: TransientAnalysis, values: Values, stimuli: Sequence[Stimulus]
) -> SourceTable:
    """The waves of all lanes. Raises ConfigurationError for a label that is no source."""
    flat, sources = topology.flat, _sources(topology)
    lanes = len(stimuli)
    waves = np.zeros((sources.size, lanes, 3), dtype=np.int64)
    chunks: list[FloatArray] = []
    known: dict[int, tuple[int, int, int]] = {}
    total = 0

    def place(wave: SourceWave) -> tuple[int, int, int]:
        nonlocal total
        if id(wave) not in known:
            coded = wave.encoded(transient.step, transient.stop)
            chunks.append(coded)
            known[id(wave)] = (wave.kind, total, coded.size)
            total += coded.size
        return known[id(wave)]

    cards, first, which = np.unique(flat.card[sources], return_index=True, return_inverse=True)
    own = np.zeros((cards.size, 3), dtype=np.int64)
    for k in np.argsort(first).tolist():  # in the order in which they come
        wave = flat.cards[cards[k]].wave
        if wave is not None:
            own[k] = place(wave)
    waves[:] = own[which][:, None]
    index = dict(zip(sources.tolist(), range(sources.size), strict=True)) if any(stimuli) else {}
    found: dict[str, int] = {}
    cells: list[tuple[int, int]] = []
    coded: list[tuple[int, int, int]] = []
    for lane, stimulus in enumerate(stimuli):
        for label, wave in stimulus.items():
            at = found.get(label)
            if at is None:
                at = index.get(flat.find(label.upper().replace(".", "|")))
                if at is None:
                    some = flat.labels(sources[:6])
                    raise ConfigurationError(
                        f"{flat.deck.name} has no source {label}; it has "
                        f"{', '.join(some)}{', ...' if sources.size > 6 else ''}"
                    )
                found[label] = at
            cells.append((at, lane))
            coded.append(place(wave))
    if cells:
        waves[tuple(np.array(cells).T)] = coded
    factor = np.ones((sources.size, lanes))
    factor[: len(topology.current_sources)] = values.currents
    has_wave = flat.of_kind("VP")[topology.phase_rows.at]
    of_phase = len(topology.current_sources) + np.cumsum(has_wave) - 1
    of_phase[~has_wave] = 0
    return SourceTable(
        waves, np.concatenate([*chunks, np.zeros(1)]), factor, of_phase.astype(np.int32)
    )


@dataclass(frozen=True, eq=False)
class NoiseTable:
    """Noise generators (see ``layout.Noise``); sigma in A of shape (generators, lanes)."""

    kind: NDArray[np.int32]
    element: NDArray[np.int32]
    period: FloatArray
    delay: FloatArray
    ratio: FloatArray
    sigma: FloatArray
    seed: NDArray[np.uint64]


@dataclass(frozen=True)
class _Generator:
    kind: int
    element: int
    period: float
    delay: float
    sigma: FloatArray
    """At the sampling period, A, shape (lanes,) or (1,)."""
    ratio: float = 1.0


def noise_table(
    topology: Topology,
    plan: Plan,
    transient: TransientAnalysis,
    values: Values,
    stimuli: Sequence[Stimulus],
    seeds: Sequence[int],
    *,
    each_step: bool = False,
) -> NoiseTable:
    """Thermal noise of resistors and junctions, and noise sources.

    A resistance R at temperature T gives a current of spectral density sqrt(4 k T / R); sampled
    every 1/neb its standard deviation is that times sqrt(neb / 2), as in JoSIM.

    Args:
        topology: the circuit.
        plan: its unknowns.
        transient: the run.
        values: of all lanes.
        stimuli: of each lane.
        seeds: of each lane.
        each_step: draw anew in every step, of the same deviation, as JoSIM 2.7 does: its
            ``Function::return_noise`` means to wait for the next sample, but moves that to the
            present as soon as rounding has put a step past one.

    Raises:
        ConfigurationError: lanes that differ in a noise source.
    """
    found = [*_thermal(topology, plan, values), *_noise_sources(topology, transient, stimuli)]
    if each_step:
        found = [replace(generator, period=transient.step) for generator in found]
    lanes = len(stimuli)
    sigma = np.zeros((len(found), lanes))
    for m, generator in enumerate(found):
        sigma[m] = generator.sigma
    return NoiseTable(
        np.array([g.kind for g in found], dtype=np.int32),
        np.array([g.element for g in found], dtype=np.int32),
        np.array([g.period for g in found], dtype=np.float64),
        np.array([g.delay for g in found], dtype=np.float64),
        np.array([g.ratio for g in found], dtype=np.float64),
        sigma,
        np.array([seed % 2**64 for seed in seeds], dtype=np.uint64),
    )


def _thermal(topology: Topology, plan: Plan, values: Values) -> list[_Generator]:
    deck, flat = topology.flat.deck, topology.flat
    if not deck.temperature and not any(card.temperature for card in flat.cards):
        return []
    found = []

    def add(kind: int, at: int, element: Element, resistance: FloatArray, ratio: float) -> None:
        kelvin = deck.temperature if element.temperature is None else element.temperature
        if kelvin:
            band = element.bandwidth or deck.noise_bandwidth
            density = np.sqrt(4.0 * BOLTZMANN * kelvin / resistance)
            sigma = np.asarray(density * math.sqrt(band / 2.0))
            found.append(_Generator(kind, at, 1.0 / band, 0.0, sigma, ratio))

    models = [topology.models[k] for k in topology.model.tolist()]
    junctions = zip(topology.junctions.elements, models, strict=True)
    for j, (element, model) in enumerate(junctions):
        subgap = model.rn if model.rtype == 0 else model.r0
        add(
            0,
            int(plan.order.place[j]),
            element,
            subgap / values.area[j],
            math.sqrt(model.r0 / model.rn),
        )
    across = {int(r): int(plan.order.place[j]) for j, r in enumerate(plan.shunt) if r >= 0}
    slot = {int(r): k for k, r in enumerate(plan.order.resistors)}
    for r, element in enumerate(topology.resistors.elements):
        kind, at = (3, across[r]) if r in across else (1, slot[r])
        add(kind, at, element, values.resistance[r], 1.0)
    return found


def _noise_sources(
    topology: Topology, transient: TransientAnalysis, stimuli: Sequence[Stimulus]
) -> list[_Generator]:
    found = []
    flat, sources = topology.flat, _sources(topology)
    own = np.isin(
        sources, flat.where(lambda card: card.wave is not None and card.wave.kind == NOISE)
    )
    if any(wave.kind == NOISE for stimulus in stimuli for wave in stimulus.values()):
        own[:] = True
    for s in np.flatnonzero(own).tolist():
        element = flat.element(int(sources[s]))
        waves = [stimulus.get(element.label, element.wave) for stimulus in stimuli]
        noisy = [wave for wave in waves if wave is not None and wave.kind == NOISE]
        if not noisy:
            continue
        if any(wave is None or not wave.same_as(noisy[0]) for wave in waves):
            raise ConfigurationError(f"{element.label}: lanes can't differ in a noise source")
        amplitude, delay, period = noisy[0].encoded(transient.step, transient.stop)
        sigma = np.array([amplitude / math.sqrt(2.0 * period)])
        found.append(_Generator(2, s, float(period), float(delay), sigma))
    return found
