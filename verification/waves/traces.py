"""Signals as they are drawn: which are chosen, in which unit, and where their pulses are."""

from __future__ import annotations

import difflib
import fnmatch
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from netlist_gen.constants import PHI0, TWO_PI
from netlist_gen.errors import ConfigurationError
from netlist_gen.files import shown as in_short
from verification.waves.options import PlotOptions
from verification.waves.pulses import (
    PHASE_HYSTERESIS_FLUXONS,
    PulseTrain,
    detect_phase,
    detect_voltage,
)

FloatArray = NDArray[np.float64]

UNITS = {"P": ("rad", 1.0), "V": ("mV", 1e3), "I": ("µA", 1e6)}
"""Of each kind of signal: the unit it is drawn in, and that unit for one of SI."""


class Sampled(Protocol):
    """Signals over one time axis; ``Waveforms`` are such."""

    @property
    def time_s(self) -> FloatArray:
        """Times, rising, shape (samples,)."""
        ...

    @property
    def names(self) -> tuple[str, ...]:
        """Of the signals."""
        ...

    def signal(self, name: str) -> FloatArray:
        """One signal in SI, shape (samples,)."""
        ...


@dataclass(frozen=True, eq=False)
class Trace:
    """One signal over the times that are shown.

    Attributes:
        name: as the waveforms have it.
        unit: of the values; "" for a signal of no known kind.
        values: shape (samples,).
        pulses_s: where its pulses are, shape (pulses,); empty where they are not asked for.
    """

    name: str
    unit: str
    values: FloatArray
    pulses_s: FloatArray


def chosen_signals(names: Sequence[str], patterns: Sequence[str] | str | None) -> list[str]:
    """The signals that any of the patterns (``P(B1*)``; case does not matter) names, in order.

    Raises:
        ConfigurationError: a pattern that no signal has; names that are near are told.
    """
    if patterns is None:
        return list(dict.fromkeys(names))
    found: list[str] = []
    for pattern in [patterns] if isinstance(patterns, str) else patterns:
        if not isinstance(pattern, str):
            raise ConfigurationError(f"a signal is named {in_short(pattern)}; a text is needed")
        plain = pattern.upper().replace("[", "[[]")
        fitting = [name for name in names if fnmatch.fnmatchcase(name, plain)]
        if not fitting:
            raise ConfigurationError(f"no signal is named {pattern!r}; {_hint(plain, names)}")
        found += fitting
    return list(dict.fromkeys(found))


def _hint(pattern: str, names: Sequence[str]) -> str:
    near = difflib.get_close_matches(pattern, names, n=3, cutoff=0.75)
    if near:
        return f"did you mean {' or '.join(near)}?"
    return "there are " + ", ".join(names[:6]) + (", ..." if len(names) > 6 else "")


def pulses_of(
    name: str,
    time_s: FloatArray,
    values: FloatArray,
    phase_hysteresis: float = PHASE_HYSTERESIS_FLUXONS,
) -> PulseTrain | None:
    """The pulses of a phase or a voltage; None for what has none, or is no number somewhere."""
    if time_s.size < 2 or not np.isfinite(values).all():
        return None
    if name.startswith("P"):
        return detect_phase(time_s, values, hysteresis_fluxons=phase_hysteresis)
    return detect_voltage(time_s, values) if name.startswith("V") else None


def trace_of(
    name: str, time_s: FloatArray, values: FloatArray, options: PlotOptions, shown: slice
) -> Trace:
    """A signal as it is drawn.

    Args:
        name: of the signal.
        time_s: all times, shape (samples,).
        values: in SI, shape (samples,).
        options: unit of phases, and whether pulses are marked.
        shown: the samples that are shown.
    """
    train = pulses_of(name, time_s, values) if options.marks else None
    pulses = np.zeros(0)
    if train is not None and time_s[shown].size:
        times = time_s[shown]
        pulses = train.times_s[(train.times_s >= times[0]) & (train.times_s <= times[-1])]
    unit, scale = UNITS.get(name[:1], ("", 1.0))
    if name.startswith("P") and options.phases == "2pi":
        return Trace(name, "2π", (values[shown] - values[0]) / TWO_PI, pulses)
    if name.startswith("P") and options.phases == "pulses" and time_s.size > 1:
        unit, scale = UNITS["V"]
        values = PHI0 / TWO_PI * np.gradient(values, time_s)
    return Trace(name, unit, values[shown] * scale, pulses)


def shown_samples(time_s: FloatArray, window_ps: Sequence[float] | None) -> slice:
    """The samples within a window of time in ps.

    Raises:
        ConfigurationError: there is none.
    """
    if window_ps is None:
        return slice(0, time_s.size)
    first = int(np.searchsorted(time_s, window_ps[0] * 1e-12))
    beyond = int(np.searchsorted(time_s, window_ps[1] * 1e-12, side="right"))
    if first == beyond:
        span = f"{time_s[0] * 1e12:.4g} to {time_s[-1] * 1e12:.4g} ps" if time_s.size else "no time"
        raise ConfigurationError(
            f"--window is {window_ps[0]:g}:{window_ps[1]:g}; the waveforms have no sample there, "
            f"they have {span}"
        )
    return slice(first, beyond)
