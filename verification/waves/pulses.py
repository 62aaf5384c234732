"""From waveforms to pulses.

A pulse is one advance of a junction's phase by 2 pi, timed where the phase crosses the
middle, rest + pi + 2 pi k. That definition needs no threshold on a voltage and does not
split a pulse with two peaks. A port without a junction uses the integral of its voltage,
crossing Phi0/2, valid once it reaches 0.9 Phi0.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from netlist_gen.constants import PHI0, TWO_PI
from netlist_gen.errors import WaveformError

FloatArray = NDArray[np.float64]
SignArray = NDArray[np.int8]

PHASE_HYSTERESIS_FLUXONS = 0.1
"""How far past the middle a phase must go before the advance counts (0.1 fluxon, 36 degrees).

A junction biased at 0.7 to 0.9 of its critical current that has passed the middle by this
much is carried on by its bias; ringing about the middle stays well within it.
"""

MOST_PULSES_PER_S = 2e12
"""More than a junction can give: at the gap voltage of niobium it turns 1.4e12 times a second."""

VOLTAGE_HYSTERESIS_FLUXONS = 0.4
"""The same for a port: 0.5 + 0.4 = 0.9 Phi0, the validity rule for voltage integrals."""

_STENCIL = 6
_ITERATIONS = 60
_EXACT_FLUXONS = 1e-13


def most_pulses(stop_s: float) -> int:
    """How many pulses a junction may give in a run of so many seconds."""
    return max(64, int(stop_s * MOST_PULSES_PER_S))


def pulses_in_words(count: int | np.integer | np.bool_) -> str:
    """So many pulses: "1 pulse", "2 pulses"."""
    return f"{int(count)} pulse" + ("" if int(count) == 1 else "s")


@dataclass(frozen=True, eq=False)
class PulseTrain:
    """The pulses of one junction or port.

    Attributes:
        times_s: where each pulse crosses the middle, in seconds, not decreasing, shape (pulses,).
        signs: +1 for an advance by 2 pi, -1 for a return, shape (pulses,).
        rest_rad: the phase from which the middle was counted.
        final_fluxons: (last phase - rest) / 2 pi, as measured.
    """

    times_s: FloatArray
    signs: SignArray
    rest_rad: float
    final_fluxons: float

    @property
    def count(self) -> int:
        """Number of pulses, of either sign."""
        return int(self.times_s.size)

    def between(self, start_s: float, stop_s: float) -> FloatArray:
        """Times of the positive pulses with start_s <= t < stop_s."""
        keep = (self.signs > 0) & (self.times_s >= start_s) & (self.times_s < stop_s)
        return self.times_s[keep]


def detect_phase(
    time_s: FloatArray,
    phase_rad: FloatArray,
    *,
    rest_rad: float | None = None,
    rest_at_s: float | None = None,
    hysteresis_fluxons: float = PHASE_HYSTERESIS_FLUXONS,
) -> PulseTrain:
    """Pulses of a junction from its unwrapped phase.

    Args:
        time_s: strictly increasing times, shape (samples,); they need not be evenly spaced.
        phase_rad: unwrapped phase, shape (samples,).
        rest_rad: the phase at rest; default: the phase at ``rest_at_s``, or the first sample.
        rest_at_s: when the rest level is read (for instance after the bias has ramped up).
        hysteresis_fluxons: how far past the middle a phase must go to count; 0 <= h < 0.5.

    The time of a pulse is that of the last crossing of the middle before the advance is
    certain, found on the polynomial through the six samples around it. On JoSIM's waveforms
    of 3 ps pulses its error is below 0.01 ps for samples 0.5 ps apart
    (``benchmarks/pulse_timing.py`` prints it for other spacings).

    Raises:
        WaveformError: fewer than two samples, shapes that differ, NaN or infinite phases, both
            or an impossible rest given.
    """
    time, phase = _checked(time_s, phase_rad, "phase")
    if not 0.0 <= hysteresis_fluxons < 0.5:
        raise WaveformError(f"hysteresis of {hysteresis_fluxons} fluxons is outside 0 <= h < 0.5")
    rest = _rest_level(time, phase, rest_rad, rest_at_s)
    fluxons = (phase - rest) / TWO_PI
    at, level, sign = _well_changes(fluxons, hysteresis_fluxons)
    times = _crossing_times(time, fluxons, at, level)
    return PulseTrain(times, sign, float(rest), float(fluxons[-1]))


def detect_voltage(
    time_s: FloatArray,
    voltage_V: FloatArray,
    *,
    hysteresis_fluxons: float = VOLTAGE_HYSTERESIS_FLUXONS,
) -> PulseTrain:
    """Pulses of a port from its voltage: the integral of V dt crossing (k + 1/2) Phi0.

    A pulse is valid once the integral is 0.9 Phi0 past the last whole fluxon; less than that
    is no pulse and stays visible in ``final_fluxons``. The integral is the trapezoidal sum
    (exact to rounding for smooth pulses that start and end at rest). ``rest_rad`` is 0.

    Raises:
        WaveformError: as ``detect_phase``.
    """
    time, voltage = _checked(time_s, voltage_V, "voltage")
    area = np.zeros_like(voltage)
    np.cumsum(0.5 * (voltage[1:] + voltage[:-1]) * np.diff(time), out=area[1:])
    return detect_phase(
        time,
        area * (TWO_PI / PHI0),
        rest_rad=0.0,
        hysteresis_fluxons=hysteresis_fluxons,
    )


def _checked(time_s: FloatArray, values: FloatArray, what: str) -> tuple[FloatArray, FloatArray]:
    time = np.asarray(time_s, dtype=np.float64)
    signal = np.asarray(values, dtype=np.float64)
    if time.ndim != 1 or time.shape != signal.shape:
        raise WaveformError(
            f"{what} has shape {signal.shape} and its time axis {time.shape}; "
            "both must be one-dimensional and equal"
        )
    if time.size < 2:
        raise WaveformError(f"{what} has {time.size} samples; at least 2 are needed")
    if not np.isfinite(signal).all():
        at = int(np.argmin(np.isfinite(signal)))
        raise WaveformError(f"{what} is {signal[at]} at sample {at} ({time[at]:.6g} s)")
    return time, signal


def _rest_level(
    time: FloatArray, phase: FloatArray, rest_rad: float | None, rest_at_s: float | None
) -> float:
    if rest_rad is not None:
        if rest_at_s is not None:
            raise WaveformError("rest_rad and rest_at_s are both given; at most one may be")
        return rest_rad
    if rest_at_s is None:
        return float(phase[0])
    if not time[0] <= rest_at_s <= time[-1]:
        raise WaveformError(
            f"rest_at_s is {rest_at_s:.6g} s, outside the waveform "
            f"({time[0]:.6g} to {time[-1]:.6g} s)"
        )
    return float(np.interp(rest_at_s, time, phase))


def _well_changes(
    fluxons: FloatArray, hysteresis: float
) -> tuple[NDArray[np.intp], FloatArray, SignArray]:
    """Where the phase moves to another well for good.

    Returns for each change the index of the sample just after the crossing, the level crossed
    (an odd multiple of 0.5 fluxon) and the sign.
    """
    # The nearest well changes at few samples: only runs between those need a look.
    nearest = np.floor(fluxons + 0.5)
    starts = np.flatnonzero(np.diff(nearest)) + 1
    bounds = np.concatenate(([0], starts, [fluxons.size]))
    index: list[int] = []
    levels: list[float] = []
    signs: list[int] = []
    well = 0.0
    since = 0
    for begin, end in zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True):
        target = float(nearest[begin])
        if target == well:
            continue
        step = 1.0 if target > well else -1.0
        reach = float((fluxons[begin:end] * step).max())
        # Certain of the last well on the way only if the run goes far enough past its edge.
        if reach < (target * step) - 0.5 + hysteresis:
            target -= step
        while well != target:
            level = well + 0.5 * step
            index.append(_last_crossing(fluxons, since, end, level, step))
            levels.append(level)
            signs.append(int(step))
            well += step
            since = max(index[-1] - 1, 0)
    return (
        np.array(index, dtype=np.intp),
        np.array(levels, dtype=np.float64),
        np.array(signs, dtype=np.int8),
    )


def _last_crossing(fluxons: FloatArray, begin: int, end: int, level: float, step: float) -> int:
    """Index of the sample after the last crossing of ``level`` in samples [begin, end).

    A record may start beyond the level (its rest was given): then there is no sample before
    it and the crossing is put at the first sample.
    """
    beyond = (fluxons[begin:end] - level) * step >= 0.0
    crossings = np.flatnonzero(beyond[1:] & ~beyond[:-1])
    return begin + int(crossings[-1]) + 1 if crossings.size else begin


def _crossing_times(
    time: FloatArray, fluxons: FloatArray, at: NDArray[np.intp], level: FloatArray
) -> FloatArray:
    """Sub-sample times of the crossings, shape as ``at``: all of them solved together.

    Each uses the interpolating polynomial through the samples around the crossing (Lagrange's
    barycentric form, which takes uneven spacing) and false position in the bracketing interval,
    halving the weight of the end that stays so that both close in.
    """
    if at.size == 0:
        return np.empty(0, dtype=np.float64)
    width = min(_STENCIL, time.size)
    first = np.clip(at - width // 2, 0, time.size - width)
    window = first[:, None] + np.arange(width)
    before = np.maximum(at - 1, 0)
    span = time[at] - time[before]
    # Scale to the bracketing interval, so that 1e-12 s does not meet 1e-12 tolerances.
    scale = np.where(span > 0.0, span, 1.0)
    nodes = (time[window] - time[before][:, None]) / scale[:, None]
    values = fluxons[window] - level[:, None]
    gaps = nodes[:, :, None] - nodes[:, None, :]
    gaps[:, np.arange(width), np.arange(width)] = 1.0
    weights = 1.0 / gaps.prod(axis=2)
    low, high = np.zeros(at.size), np.where(at > 0, 1.0, 0.0)
    below, above = fluxons[before] - level, fluxons[at] - level
    middle = high
    for _ in range(_ITERATIONS):
        drop = np.where(above != below, above - below, 1.0)
        middle = np.clip(low - below * (high - low) / drop, low, high)
        offset = middle[:, None] - nodes
        offset[offset == 0.0] = 1e-200
        terms = weights / offset
        height = (terms * values).sum(axis=1) / terms.sum(axis=1)
        if np.abs(height).max() < _EXACT_FLUXONS:
            break
        same = height * above > 0.0
        low, below = np.where(same, low, middle), np.where(same, 0.5 * below, height)
        high, above = np.where(same, middle, high), np.where(same, height, 0.5 * above)
    return np.asarray(time[before] + middle * span, dtype=np.float64)
