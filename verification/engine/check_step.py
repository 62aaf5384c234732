"""Is the time step small enough? The same deck with the step, its half, its quarter and so on.

Two steps that agree prove nothing by themselves: a circuit that is on its way into another state
may look the same at both. Steps are halved until a half agrees with its whole and the difference no
longer grows; the deck's own step is then held against the finest.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from netlist_gen.errors import ConfigurationError, SimulatorError
from verification.engine.run import CompiledDeck
from verification.engine.text.devices import Element
from verification.engine.text.sources import NOISE
from verification.waves.waveforms import Waveforms

FloatArray = NDArray[np.float64]
PHASE_TOLERANCE = 0.1
"""Largest difference of phases, at any time, that is no lost or gained pulse, fluxons."""
TIME_TOLERANCE_S = 0.1e-12
"""Largest shift of a pulse between two steps, s."""
ERROR_TOLERANCE = 0.2
"""Largest difference of a signal beside junctions, of its own range.

Wide, since a steep pulse that shifts by a hundredth of its width moves a tenth of its height.
"""
LINEAR_TOLERANCE = 0.01
"""The same in a circuit without junctions, where nothing is steep but what its sources are."""
NEGLIGIBLE = 0.1
"""Differences of this share of what is allowed need not shrink further: times of crossings are
interpolated to some fs."""
MOST_HALVINGS = 7
"""Beyond that the run would take more than 250 times as long as the deck's own."""


@dataclass(frozen=True)
class Difference:
    """What differs between two runs of a deck.

    Attributes:
        phase: largest difference of a phase at one time, fluxons.
        shift_s: largest shift of a phase's half-way crossings, s; infinite where one has more.
        error: largest difference of any printed signal over its own range.
        allowed: of ``error``.
    """

    phase: float
    shift_s: float
    error: float
    allowed: float

    @property
    def pulses_equal(self) -> bool:
        """Whether all printed phases make the same turns."""
        return self.phase < PHASE_TOLERANCE and math.isfinite(self.shift_s)

    @property
    def share(self) -> float:
        """The largest of the three over what is allowed of it."""
        return max(
            self.phase / PHASE_TOLERANCE,
            self.shift_s / TIME_TOLERANCE_S,
            self.error / self.allowed,
        )

    @property
    def agrees(self) -> bool:
        """Whether it is within what is allowed."""
        return self.pulses_equal and self.share <= 1.0

    def words(self) -> str:
        """All of it, in words."""
        signals = f"signals differ by at most {self.error:.2e} of their range"
        if not math.isfinite(self.shift_s):
            return f"other pulses: not as many; {signals}"
        pulses = "the same pulses" if self.pulses_equal else "other pulses"
        return f"{pulses}: they shift by at most {self.shift_s * 1e15:.3g} fs; {signals}"


@dataclass(frozen=True)
class StepCheck:
    """What changed when the step was halved until nothing did.

    Attributes:
        name: the deck.
        step_s: the step used (after JoSIM's own halvings).
        finest_s: the finest that was tried.
        found: how the deck's step differs from the finest.
        enough_s: the largest step from which on all agree with the finest; None where the two
            finest still differ.
    """

    name: str
    step_s: float
    finest_s: float
    found: Difference
    enough_s: float | None

    def sentence(self) -> str:
        """The finding in words."""
        steps = f"{self.step_s * 1e12:.4g} ps and {self.finest_s * 1e12:.4g} ps"
        return f"{self.name}: steps of {steps} give {self.found.words()}"

    def require(self) -> None:
        """Raises SimulatorError where the step is too large, or none was found that is not."""
        if self.enough_s is None:
            raise SimulatorError(
                f"{self.sentence()}; down to the finest, steps and their halves differ, so that "
                "no result of this deck can be trusted"
            )
        if not self.found.agrees:
            raise SimulatorError(
                f"{self.sentence()}; use a step of at most {self.enough_s * 1e12:.4g} ps in .tran"
            )


def check_step(
    compiled: CompiledDeck, *, seed: int | None = None, deadline: Callable[[], bool] | None = None
) -> StepCheck:
    """Run with the deck's step and with halves of it, and compare all printed signals.

    Args:
        compiled: the deck.
        seed: of its noise, the same for all steps.
        deadline: whether time is up.

    Raises:
        ConfigurationError: the deck has a noise source whose samples come with the time steps.
        DeckError, SimulatorError: as ``CompiledDeck.run``.
    """
    flat = compiled.topology.flat
    drawn = flat.where(_drawn_at_each_step)
    if drawn.size:
        raise ConfigurationError(
            f"{compiled.deck.name}: {flat.label(int(drawn[0]))} draws a number at each time step, "
            "so two steps are two signals; give noise(..) its third number"
        )
    seed = compiled.draw_seed(seed)
    allowed = ERROR_TOLERANCE if flat.of_kind("B").any() else LINEAR_TOLERANCE
    first = compiled.run(seed=seed, deadline=deadline)
    steps, runs = [first.step_s], [_kept(first.waveforms)]
    shares: list[float] = []
    settled = False
    while not settled and len(shares) < MOST_HALVINGS:
        # Half of what was taken: JoSIM's own halvings may have made it less than was asked for.
        half = compiled.run(seed=seed, step_s=steps[-1] / 2, deadline=deadline)
        steps.append(half.step_s)
        runs.append(_kept(half.waveforms))
        now = _difference(runs[-2], runs[-1], allowed)
        shares.append(now.share)
        shrinks = len(shares) > 1 and now.share <= 0.7 * shares[-2]
        settled = now.agrees and (shrinks or (len(shares) > 1 and now.share < NEGLIGIBLE))
    against = [_difference(run, runs[-1], allowed) for run in runs]
    enough = None
    if settled:
        late = max((i for i, one in enumerate(against) if not one.agrees), default=-1)
        enough = steps[late + 1]
    return StepCheck(compiled.deck.name, steps[0], steps[-1], against[0], enough)


def _drawn_at_each_step(card: Element) -> bool:
    wave = card.wave
    return wave is not None and wave.kind == NOISE and math.isnan(wave.values[2])


def _kept(waveforms: Waveforms | None) -> Waveforms:
    if waveforms is None:
        raise AssertionError("a run without a sink keeps its waveforms")
    return waveforms


def _difference(coarse: Waveforms, fine: Waveforms, allowed: float) -> Difference:
    """How two runs differ, at the times of the first."""
    a = coarse.values
    b = np.stack([np.interp(coarse.time_s, fine.time_s, row) for row in fine.values])
    ranges = np.ptp(b, axis=1)
    # A signal that stays at rounding errors has no range of its own: its kind's is taken.
    kinds = np.array([name[0] for name in coarse.names])
    for kind in set(kinds):
        own = kinds == kind
        ranges[own] = np.maximum(ranges[own], 1e-6 * ranges[own].max(initial=0.0))
    ranges[ranges == 0.0] = 1.0
    apart = np.max(np.abs(a - b), axis=1, initial=0.0)
    shift = phase = 0.0
    for row, name in enumerate(coarse.names):
        if name.startswith("P("):
            phase = max(phase, float(apart[row]) / (2 * math.pi))
            shift = max(shift, _shift(coarse.time_s, a[row], b[row]))
    return Difference(phase, shift, float(np.max(apart / ranges, initial=0.0)), allowed)


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
