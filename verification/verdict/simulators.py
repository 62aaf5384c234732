"""Simulators held against each other: the same pulses, at the same times, for the same energy.

Each simulator is also held against the reference (``compare``); here the question is whether
programs that share no code give one answer. Where the reference could be wrong, they would show
it by agreeing with each other and not with it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

TIME_TOLERANCE_S = 0.2e-12
"""How far two simulators' output pulses may be apart: a 350th of a window of 112 ps, and a tenth
of the spread of delays over a neuron's overdrives (13 ps)."""

SAME_DIALECT_TIME_TOLERANCE_S = 0.05e-12
"""Likewise where both read the same deck with the same junction model and time step."""

ENERGY_TOLERANCE = 0.01
"""Largest relative difference of the energy of one neuron's run."""


@dataclass(frozen=True, eq=False)
class Observed:
    """What one simulator measured of a network.

    Attributes:
        simulator: its name. dialect: of the decks that it read.
        pulses: for each layer, shape (windows, neurons): output pulses; -1 where not measured.
        delays_s: likewise: decision clock to output pulse; NaN where there is none.
        energies_J: of each run that ended, by (layer, neuron, first window).
        time_error_s: how far a pulse's time may be off for the spacing of the waveforms' samples,
            where that is coarser than that of neurons.
    """

    simulator: str
    dialect: str
    pulses: Sequence[NDArray[np.int8]]
    delays_s: Sequence[NDArray[np.float64]]
    energies_J: Mapping[tuple[int, int, int], float]
    time_error_s: float = 0.0


@dataclass(frozen=True)
class Agreement:
    """Two simulators on the same windows.

    Attributes:
        first, second: their names.
        windows: neuron windows that both measured.
        unmeasured: windows that at least one of them did not measure.
        count_differences: windows with different numbers of output pulses.
        pulses: windows in which both saw a pulse, whose times are compared.
        time_s: largest distance of two such pulses. time_tolerance_s: what is allowed.
        energy: largest relative difference of the energy of a neuron's run.
        energy_tolerance: what is allowed.
        difference: the first disagreement in words, or None.
    """

    first: str
    second: str
    windows: int
    unmeasured: int
    count_differences: int
    pulses: int
    time_s: float
    time_tolerance_s: float
    energy: float
    energy_tolerance: float
    difference: str | None

    @property
    def agreed(self) -> bool:
        """Whether there is no disagreement."""
        return self.difference is None

    def as_json(self) -> dict[str, object]:
        """The row of ``verify.json``'s table ``agreement``."""
        return {
            "between": [self.first, self.second],
            "agreed": self.agreed,
            "windows": self.windows,
            "unmeasured": self.unmeasured,
            "count_differences": self.count_differences,
            "pulses": self.pulses,
            "time_ps": self.time_s * 1e12,
            "time_tolerance_ps": self.time_tolerance_s * 1e12,
            "energy": self.energy,
            "energy_tolerance": self.energy_tolerance,
            "difference": self.difference,
        }


def compare_all(observed: Sequence[Observed]) -> list[Agreement]:
    """Every two of the simulators, in their order."""
    return [compare_two(one, other) for one, other in combinations(observed, 2)]


def compare_two(one: Observed, other: Observed) -> Agreement:
    """Two simulators' results on the same network and windows.

    They agree when both measured every window, saw the same number of output pulses in each,
    at times within the tolerance, and found the energy of each run within the tolerance.

    Raises:
        ValueError: the results are of different networks or windows.
    """
    if [p.shape for p in one.pulses] != [p.shape for p in other.pulses]:
        raise ValueError("the results of two simulators differ in layers, neurons or windows")
    same_deck = one.dialect == other.dialect
    allowed_s = SAME_DIALECT_TIME_TOLERANCE_S if same_deck else TIME_TOLERANCE_S
    sampled_s = max(one.time_error_s, other.time_error_s)
    allowed_s = max(allowed_s, SAME_DIALECT_TIME_TOLERANCE_S + sampled_s)
    windows = unmeasured = differences = pulses = 0
    apart_s = 0.0
    found: list[tuple[int, str]] = []
    for layer in range(len(one.pulses)):
        mine, theirs = one.pulses[layer], other.pulses[layer]
        both = (mine >= 0) & (theirs >= 0)
        windows += int(both.sum())
        unmeasured += int((~both).sum())
        counts = both & (mine != theirs)
        differences += int(counts.sum())
        distance = np.abs(one.delays_s[layer] - other.delays_s[layer])
        timed = both & np.isfinite(distance)
        pulses += int(timed.sum())
        if timed.any():
            apart_s = max(apart_s, float(distance[timed].max()))
        late = timed & (distance > allowed_s)
        found += [(w, _where(layer, n, w, "not measured by both")) for w, n in _first(~both)]
        found += [
            (w, _where(layer, n, w, f"{_pulses(mine[w, n])} against {_pulses(theirs[w, n])}"))
            for w, n in _first(counts)
        ]
        found += [
            (
                w,
                _where(
                    layer, n, w, f"pulses {distance[w, n] * 1e12:.3f} ps apart, allowed are "
                    f"{allowed_s * 1e12:g} ps",
                ),
            )
            for w, n in _first(late)
        ]  # fmt: skip
    energy, worst = _energy(one, other)
    if worst is not None and not energy <= ENERGY_TOLERANCE:
        layer, neuron, window = worst
        found.append(
            (
                window,
                f"layer {layer}, neuron {neuron}, windows from {window}: energies differ by "
                f"{100 * energy:.2g} %, allowed are {100 * ENERGY_TOLERANCE:g} %",
            )
        )
    first = min(found, default=None)
    return Agreement(
        one.simulator,
        other.simulator,
        windows,
        unmeasured,
        differences,
        pulses,
        apart_s,
        allowed_s,
        energy,
        ENERGY_TOLERANCE,
        None if first is None else f"{one.simulator} and {other.simulator}: {first[1]}",
    )


def _first(where: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """The first (window, neuron) that is set, if one is."""
    return [(int(w), int(n)) for w, n in np.argwhere(where)[:1]]


def _where(layer: int, neuron: int, window: int, what: str) -> str:
    return f"layer {layer}, neuron {neuron}, window {window}: {what}"


def _pulses(count: int) -> str:
    return f"{count} pulse" + ("" if count == 1 else "s")


def _energy(one: Observed, other: Observed) -> tuple[float, tuple[int, int, int] | None]:
    """Largest relative difference of a run that both ended, and which run that is."""
    worst, at = 0.0, None
    for key in one.energies_J:
        if key in other.energies_J:
            mine, theirs = one.energies_J[key], other.energies_J[key]
            larger = max(abs(mine), abs(theirs))
            apart = abs(mine - theirs) / larger if larger else 0.0
            if at is None or apart > worst:
                worst, at = apart, key
    return worst, at
