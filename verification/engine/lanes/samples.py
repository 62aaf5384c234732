"""Printed samples of one tile: which steps, JoSIM's filter, kept or handed on."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from netlist_gen.errors import ConfigurationError
from verification.engine.equations.outputs import PrintSteps, Trace, hann_window
from verification.engine.text.deck import TransientAnalysis
from verification.waves.waveforms import Waveforms

FloatArray = NDArray[np.float64]
LongArray = NDArray[np.int64]
_CHUNK_BYTES = 16 * 2**20


class Sink(Protocol):
    """Takes printed samples while a run goes on, so that none has to be kept."""

    def begin(self, names: tuple[str, ...]) -> None:
        """The run begins, or begins again (smaller step, complete factors) and voids the past."""

    def add(self, time_s: FloatArray, values: FloatArray) -> None:
        """The next samples: times of shape (samples,), values (signals, samples)."""


class PrintedSamples:
    """Printed samples of ``width`` lanes.

    Args:
        transient: the run.
        traces: what is recorded at each step.
        sink: gets the samples of lane 0 as they come; None keeps those of all lanes.
        width: lanes of the tile.
        steps: the steps to keep instead of those that the deck prints.
    """

    def __init__(
        self,
        transient: TransientAnalysis,
        traces: list[Trace],
        sink: Sink | None,
        width: int,
        steps: LongArray | None = None,
    ) -> None:
        self._transient = transient
        self._names = tuple(trace.name for trace in traces)
        self._sink = sink
        self._width = width
        self._prints = PrintSteps(transient)
        self._steps = steps
        taps = hann_window(transient.window, transient.step)
        self._filter = _Filter(transient, taps, steps) if taps.size > 1 else None
        self._kept: list[tuple[LongArray, FloatArray]] = []
        self._most = max(16, _CHUNK_BYTES // (8 * width * max(1, self.signals)))
        if sink is not None:
            sink.begin(self._names)

    @property
    def following_s(self) -> float:
        """The next print point, s."""
        return self._prints.following_s

    @following_s.setter
    def following_s(self, value: float) -> None:
        self._prints.following_s = value

    @property
    def signals(self) -> int:
        """How many signals are recorded."""
        return len(self._names)

    def prints(self, first: int, last: int) -> tuple[LongArray, int]:
        """Steps to record from ``first`` on, and where to stop: at ``last`` or before."""
        begin = max(first, 0)
        if not self._names or last <= begin:
            return np.zeros(0, dtype=np.int64), last
        if self._filter is not None:  # the filter looks at every step
            last = min(last, begin + self._most)
            return np.arange(begin, last), last
        if self._steps is not None:
            low, high = np.searchsorted(self._steps, (begin, last))
            found = self._steps[low : min(high, low + self._most)]
        else:
            found = self._prints.until(begin, last, self._most)
        return found, int(found[-1]) + 1 if found.size == self._most else last

    def add(self, steps: LongArray, output: FloatArray) -> None:
        """Take recorded samples, shape (steps, signals, width) in C order, flat."""
        if not self._names or not steps.size:
            return
        values = output.reshape(steps.size, self.signals * self._width).T
        if self._filter is not None:
            steps, values = self._filter.add(int(steps[0]), values)
        if self._sink is None:
            self._kept.append((steps, np.ascontiguousarray(values)))
        elif steps.size:
            self._sink.add(np.asarray(steps * self._transient.step), values[:: self._width])

    def waveforms(self, lane: int) -> Waveforms:
        """The kept samples of one lane."""
        if not self._kept:
            return Waveforms(np.zeros(0), self._names, np.zeros((self.signals, 0)))
        steps = np.concatenate([steps for steps, _ in self._kept])
        values = np.concatenate([values[lane :: self._width] for _, values in self._kept], axis=1)
        return Waveforms(steps * self._transient.step, self._names, values)


class _Filter:
    """JoSIM's filter for the fifth number of ``.tran``; beyond the ends the end values count."""

    def __init__(
        self, transient: TransientAnalysis, taps: FloatArray, steps: LongArray | None
    ) -> None:
        self._taps = taps
        self._half = taps.size // 2
        self._wanted = PrintSteps(transient).all(transient.steps) if steps is None else steps
        self._steps = transient.steps
        self._base = 0
        self._buffer: FloatArray | None = None

    def add(self, first: int, values: FloatArray) -> tuple[LongArray, FloatArray]:
        """Samples of all steps from ``first`` on; the printed ones that can be filtered now."""
        end = first + values.shape[1]
        parts = [values]
        if self._buffer is None:
            parts.insert(0, np.repeat(values[:, :1], self._half, axis=1))
            self._base = -self._half
        else:
            parts.insert(0, self._buffer)
        if end == self._steps:
            parts.append(np.repeat(values[:, -1:], self._half, axis=1))
            end += self._half
        buffer = np.concatenate(parts, axis=1)
        count = int(np.searchsorted(self._wanted, end - self._half))
        steps, self._wanted = self._wanted[:count], self._wanted[count:]
        windows = np.lib.stride_tricks.sliding_window_view(buffer, self._taps.size, axis=1)
        filtered = windows[:, steps - self._half - self._base] @ self._taps
        keep = max(0, end - 2 * self._half - self._base)
        self._buffer = buffer[:, keep:]
        self._base += keep
        return steps, np.asarray(filtered, dtype=np.float64)


def sample_steps(sample_s: FloatArray, transient: TransientAnalysis, name: str) -> LongArray:
    """The first step at or after each time, once each.

    Raises:
        ConfigurationError: times that do not rise, or one outside the run.
    """
    steps = np.ceil(np.asarray(sample_s, dtype=np.float64) / transient.step - 1e-6)
    inside = steps.size == 0 or 0 <= steps[0] <= steps[-1] < transient.steps
    if not inside or np.any(np.diff(steps) < 0):
        raise ConfigurationError(
            f"{name}: samples are asked for at times that do not rise, or lie outside the run of "
            f"{transient.stop:.6g} s"
        )
    return np.unique(steps.astype(np.int64))
