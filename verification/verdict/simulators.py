"""Simulators held against each other: the same pulses, at the same times, for the same energy.

Each simulator is also held against the reference (``compare``); here the question is whether
programs that share no code give one answer. Where the reference could be wrong, they would show
it by agreeing with each other and not with it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from netlist_gen.records import Record
from verification.waves.pulses import pulses_in_words

TIME_TOLERANCE_S = 0.2e-12
"""How far two simulators' output pulses may be apart: a 350th of a window of 112 ps, and a tenth
of the spread of delays over a neuron's overdrives (13 ps)."""

SAME_DIALECT_TIME_TOLERANCE_S = 0.05e-12
"""Likewise where both read the same deck with the same junction model and time step."""

SIMULATORS_ENERGY_TOLERANCE = 0.01
"""Largest relative difference of the energy of one neuron's run."""


@dataclass(frozen=True, eq=False)
class Observed:
    """What one simulator measured of a network in one scope.

    Attributes:
        scope: "neurons" or "network".
        simulator: its name.
        dialect: of the decks that it read.
        pulses: for each layer, shape (windows, neurons): output pulses; -1 where not measured.
        delays_s: likewise: decision clock to output pulse; NaN where there is none.
        energies_J: of each run that ended, by (layer, neuron, first window).
        time_error_s: how far a pulse's time may be off for the spacing of the waveforms' samples,
            where that is coarser than that of neurons.
        absent: places in the arrays where a neuron has no such window.
    """

    scope: str
    simulator: str
    dialect: str
    pulses: Sequence[NDArray[np.int8]]
    delays_s: Sequence[NDArray[np.float64]]
    energies_J: Mapping[tuple[int, int, int], float]
    time_error_s: float = 0.0
    absent: int = 0


@dataclass(frozen=True)
class Agreement(Record):
    """Two simulators on the same windows: a row of ``verify.json``'s table ``agreement``.

    Attributes:
        scope: "neurons" or "network".
        between: their names.
        agreed: whether there is no disagreement.
        windows: neuron windows that both measured.
        unmeasured: windows that at least one of them did not measure.
        count_differences: windows with different numbers of output pulses.
        pulses: windows in which both saw a pulse, whose times are compared.
        time_ps: largest distance of two such pulses.
        time_tolerance_ps: what is allowed.
        energy: largest relative difference of the energy of a run.
        energy_tolerance: what is allowed.
        difference: the first disagreement in words, or None.
    """

    scope: str
    between: tuple[str, str]
    agreed: bool
    windows: int
    unmeasured: int
    count_differences: int
    pulses: int
    time_ps: float
    time_tolerance_ps: float
    energy: float
    energy_tolerance: float
    difference: str | None


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
    allowed_s = _time_tolerance(one, other)
    mine, theirs = np.hstack(one.pulses), np.hstack(other.pulses)
    distance = np.abs(np.hstack(one.delays_s) - np.hstack(other.delays_s))
    both = (mine >= 0) & (theirs >= 0)
    unlike = both & (mine != theirs)
    timed = both & np.isfinite(distance)

    def counts(at: tuple[int, int]) -> str:
        return f"{pulses_in_words(mine[at])} against {pulses_in_words(theirs[at])}"

    def apart(at: tuple[int, int]) -> str:
        return f"pulses {distance[at] * 1e12:.3f} ps apart, allowed are {allowed_s * 1e12:g} ps"

    wrong: tuple[tuple[NDArray[np.bool_], Callable[[tuple[int, int]], str]], ...] = (
        (~both, lambda _: "not measured by both"),
        (unlike, counts),
        (timed & (distance > allowed_s), apart),
    )
    places = [(k, n) for k, layer in enumerate(one.pulses) for n in range(layer.shape[1])]
    found: list[tuple[int, str]] = []
    for where, words in wrong:
        for w, column in np.argwhere(where)[:1].tolist():
            layer, neuron = places[column]
            place = f"layer {layer}, neuron {neuron}, window {w}"
            found.append((w, f"{place}: {words((w, column))}"))
    energy, worst = _energy(one, other)
    if worst is not None and not energy <= SIMULATORS_ENERGY_TOLERANCE:
        layer, neuron, window = worst
        what = "the network" if layer < 0 else f"layer {layer}, neuron {neuron}"
        found.append(
            (
                window,
                f"{what}, windows from {window}: energies differ by {100 * energy:.2g} %, allowed "
                f"are {100 * SIMULATORS_ENERGY_TOLERANCE:g} %",
            )
        )
    first = min(found, default=None)
    return Agreement(
        scope=one.scope,
        between=(one.simulator, other.simulator),
        agreed=first is None,
        windows=int(both.sum()) - one.absent,
        unmeasured=int((~both).sum()),
        count_differences=int(unlike.sum()),
        pulses=int(timed.sum()),
        time_ps=float(distance[timed].max(initial=0.0)) * 1e12,
        time_tolerance_ps=allowed_s * 1e12,
        energy=energy,
        energy_tolerance=SIMULATORS_ENERGY_TOLERANCE,
        difference=first and f"{one.simulator} and {other.simulator}: {first[1]}",
    )


def _time_tolerance(one: Observed, other: Observed) -> float:
    same_deck = one.dialect == other.dialect
    allowed_s = SAME_DIALECT_TIME_TOLERANCE_S if same_deck else TIME_TOLERANCE_S
    sampled_s = max(one.time_error_s, other.time_error_s)
    return max(allowed_s, SAME_DIALECT_TIME_TOLERANCE_S + sampled_s)


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
