"""Is the time step small enough? The same deck with the step and with half of it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from netlist_gen.errors import ConfigurationError, SimulatorError
from verification.engine.run import CompiledDeck
from verification.engine.text.sources import NOISE

FloatArray = NDArray[np.float64]
PHASE_TOLERANCE = 0.1
"""Largest difference of final phases that is no lost or gained pulse, fluxons."""
TIME_TOLERANCE_S = 0.1e-12
"""Largest shift of a pulse between step and half step, s.

A pulse's shift converges at second order: a third of it is left to the exact solution.
"""
ERROR_TOLERANCE = 0.2
"""Largest difference of a signal, of its own range.

Wide, since a steep pulse that shifts by a hundredth of its width moves a tenth of its height.
"""


@dataclass(frozen=True)
class StepCheck:
    """What changed when the step was halved.

    Attributes:
        name: the deck.
        step_s: the step used (after JoSIM's own halvings).
        pulses_equal: whether all printed phases end in the same well.
        shift_s: largest shift of a phase's half-way crossings, s.
        error: largest difference of any printed signal over its own range.
    """

    name: str
    step_s: float
    pulses_equal: bool
    shift_s: float
    error: float

    def sentence(self) -> str:
        """The finding in words."""
        pulses = "the same pulses" if self.pulses_equal else "other pulses"
        return (
            f"{self.name}: {self.step_s * 1e12:.4g} ps and half of it give {pulses}; pulses shift "
            f"by at most {self.shift_s * 1e15:.3g} fs, signals by {self.error:.2e} of their range"
        )

    def require(self) -> None:
        """Raises SimulatorError where the step is too large."""
        shifted = self.shift_s > TIME_TOLERANCE_S or self.error > ERROR_TOLERANCE
        if shifted or not self.pulses_equal:
            raise SimulatorError(f"{self.sentence()}; use a smaller step in .tran")


def check_step(
    compiled: CompiledDeck, *, seed: int | None = None, deadline: Callable[[], bool] | None = None
) -> StepCheck:
    """Run with the deck's step and with half of it, and compare all printed signals.

    Raises:
        ConfigurationError: the deck has a noise source whose samples come with the time steps.
        DeckError, SimulatorError: as ``CompiledDeck.run``.
    """
    for element in compiled.topology.flat.elements:
        wave = element.wave
        if wave is not None and wave.kind == NOISE and math.isnan(wave.values[2]):
            raise ConfigurationError(
                f"{compiled.deck.name}: {element.label} draws a number at each time step, so two "
                "steps are two signals; give noise(..) its third number"
            )
    seed = compiled.draw_seed(seed)
    full = compiled.run(seed=seed, deadline=deadline)
    half = compiled.run(seed=seed, step_s=full.step_s / 2, deadline=deadline)
    if full.waveforms is None or half.waveforms is None:
        raise AssertionError("a run without a sink keeps its waveforms")
    a, fine = full.waveforms, half.waveforms
    b = np.stack([np.interp(a.time_s, fine.time_s, row) for row in fine.values])
    ranges = np.ptp(b, axis=1)
    ranges[ranges == 0.0] = 1.0
    error = float(np.max(np.abs(a.values - b) / ranges[:, None], initial=0.0))
    shift, equal = 0.0, True
    for row, name in enumerate(a.names):
        if name.startswith("P("):
            final = abs(a.values[row, -1] - b[row, -1]) / (2 * math.pi)
            equal = equal and final < PHASE_TOLERANCE
            shift = max(shift, _shift(a.time_s, a.values[row], b[row]))
    return StepCheck(compiled.deck.name, full.step_s, equal, shift, error)


def _shift(time_s: FloatArray, a: FloatArray, b: FloatArray) -> float:
    """Largest distance in time of the crossings of odd multiples of pi, in order."""
    found = [_crossings(time_s, phase) for phase in (a, b)]
    if found[0].size != found[1].size:
        return math.inf
    return float(np.max(np.abs(found[0] - found[1]), initial=0.0))


def _crossings(time_s: FloatArray, phase: FloatArray) -> FloatArray:
    well = np.floor(phase / (2 * math.pi) + 0.5)
    at = np.flatnonzero(np.diff(well) != 0)
    level = (np.maximum(well[at], well[at + 1]) - 0.5) * 2 * math.pi
    share = (level - phase[at]) / (phase[at + 1] - phase[at])
    return np.asarray(time_s[at] + share * (time_s[at + 1] - time_s[at]))
