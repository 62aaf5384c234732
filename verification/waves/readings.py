"""What a verdict reads from a simulation: phases where windows end, and the pulses of outputs.

A whole record of waveforms holds far more than that. The embedded engine takes these readings
while it runs, so that a campaign's memory does not grow with its length; the other simulators
give waveforms, and the readings are taken from those. ``compare`` sees no difference.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from netlist_gen.errors import WaveformError
from verification.waves.pulses import PulseTrain, detect_phase
from verification.waves.waveforms import Waveforms

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Readout:
    """What is to be read.

    Attributes:
        at_s: rising times in s at which every printed phase is read, shape (times,).
        outputs: columns (JoSIM's names) whose pulses are timed.
    """

    at_s: FloatArray
    outputs: tuple[str, ...]

    @staticmethod
    def at(times_s: Iterable[FloatArray], outputs: Sequence[str]) -> Readout:
        """The readout at the union of several sets of times."""
        return Readout(np.unique(np.concatenate(list(times_s))), tuple(outputs))


class Readings(Protocol):
    """Phases at some times, pulses of some junctions."""

    def phases(self, columns: Sequence[str], at_s: FloatArray) -> FloatArray:
        """Phases in rad at the first sample at or after each time, shape (columns, times).

        Raises:
            WaveformError: a column that is not there, or a time beyond the record.
        """
        ...

    def train(self, column: str) -> PulseTrain:
        """The pulses of one junction. Raises WaveformError if they were not read."""
        ...


_LATE_S = 1e-12
"""By how much a record may begin after the first time: ngspice leaves out the one at 0."""


@dataclass(frozen=True, eq=False)
class WaveformReadings:
    """Readings taken from whole waveforms."""

    waves: Waveforms

    def phases(self, columns: Sequence[str], at_s: FloatArray) -> FloatArray:
        """See ``Readings``."""
        if at_s.size and self.waves.time_s[0] > at_s[0] + _LATE_S:
            raise WaveformError(
                f"the waveforms begin at {self.waves.time_s[0] * 1e12:.4g} ps; "
                f"the first window begins at {at_s[0] * 1e12:.4g} ps"
            )
        if at_s.size and self.waves.time_s[-1] < at_s[-1]:
            raise WaveformError(
                f"the waveforms end at {self.waves.time_s[-1] * 1e12:.4g} ps; "
                f"the last window ends at {at_s[-1] * 1e12:.4g} ps"
            )
        at = np.searchsorted(self.waves.time_s, at_s)
        return _finite(np.stack([self.waves.signal(c)[at] for c in columns]), columns)

    def train(self, column: str) -> PulseTrain:
        """See ``Readings``."""
        return detect_phase(self.waves.time_s, self.waves.signal(column))


_ROUNDING_S = 1e-18
"""By how much less than a step's time the time may be that is read there; far below any step."""


@dataclass(frozen=True, eq=False)
class SampledReadings:
    """Readings taken while a simulation ran.

    Attributes:
        at_s: the times asked for, shape (times,).
        waves: the phases at the first step at or after each; two times may share a step.
        trains: pulses by column.
    """

    at_s: FloatArray
    waves: Waveforms
    trains: dict[str, PulseTrain] = field(default_factory=dict)

    def phases(self, columns: Sequence[str], at_s: FloatArray) -> FloatArray:
        """See ``Readings``; the times must be among those asked for."""
        at = np.searchsorted(self.at_s, at_s)
        if at.size and (at[-1] >= self.at_s.size or not np.array_equal(self.at_s[at], at_s)):
            raise WaveformError("phases are wanted at a time that was not read")
        rows = [self.waves.signal(c) for c in columns]
        samples = np.searchsorted(self.waves.time_s, at_s - _ROUNDING_S)
        return _finite(np.stack(rows)[:, samples], columns)

    def train(self, column: str) -> PulseTrain:
        """See ``Readings``."""
        try:
            return self.trains[column]
        except KeyError:
            raise WaveformError(f"the pulses of {column} were not read") from None


def readings_of(observed: Waveforms | Readings) -> Readings:
    """Readings, taken from waveforms if that is what is given."""
    return WaveformReadings(observed) if isinstance(observed, Waveforms) else observed


def _finite(phases: FloatArray, columns: Sequence[str]) -> FloatArray:
    if not np.isfinite(phases).all():
        row = int(np.argmin(np.isfinite(phases).all(axis=1)))
        raise WaveformError(f"{columns[row]} is not finite where a window ends")
    return phases
