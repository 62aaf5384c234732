"""Two sets of waveforms held against each other: pulses, their times, the largest differences."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netlist_gen.constants import TWO_PI
from netlist_gen.errors import WaveformError
from verification.waves.options import CompareOptions
from verification.waves.pulses import pulses_in_words
from verification.waves.traces import UNITS, chosen_signals, pulses_of
from verification.waves.waveforms import Waveforms

FloatArray = NDArray[np.float64]

_TIMES_ALIKE = 1.5
"""Steps by which ends of one run are apart at most: a simulator may leave out its last sample."""


@dataclass(frozen=True)
class SignalDifference:
    """How one signal differs between A and B.

    Attributes:
        name: of the signal.
        largest: largest difference at one time, in SI (rad, V, A).
        at_s: when that is, s.
        share: that difference over the signal's range in B: of a phase over 2 pi.
        pulses: net and all 2 pi advances of A, then of B; None for a signal that has none.
        shift_s: largest shift of a pulse's time, s; infinite where the counts differ.
    """

    name: str
    largest: float
    at_s: float
    share: float
    pulses: tuple[int, int] | None
    shift_s: float

    def agrees(self, options: CompareOptions) -> bool:
        """Whether it is within what is allowed."""
        allowed = options.turns if self.name.startswith("P") else options.share
        return self.share <= allowed and self.shift_s <= options.shift_ps * 1e-12

    def words(self) -> str:
        """All of it, in words."""
        unit, scale = UNITS.get(self.name[:1], ("", 1.0))
        found = f"{self.largest * scale:.3g} {unit} apart at {self.at_s * 1e12:.6g} ps"
        if not self.name.startswith("P"):
            found += f" ({self.share:.2g} of its range)"
        if self.pulses is None:
            return found
        a, b = self.pulses
        if a != b:
            return f"{found}; {pulses_in_words(a)} in A, {b} in B"
        return f"{found}; {pulses_in_words(a)} in both" + (
            f", shifted by at most {self.shift_s * 1e15:.3g} fs" if a else ""
        )


@dataclass(frozen=True)
class Comparison:
    """Two sets of waveforms over the times that they share.

    Attributes:
        signals: those of both, in A's order.
        only_a: names that B has not.
        only_b: names that A has not.
        begin_s: first time of both, s.
        end_s: last time of both, s.
        alone_s: how long A, and B, has samples where the other has none, s.
        step_s: largest step between samples of A and of B, s: two files of the same run end
            within one.
        options: what is allowed.
    """

    signals: tuple[SignalDifference, ...]
    only_a: tuple[str, ...]
    only_b: tuple[str, ...]
    begin_s: float
    end_s: float
    alone_s: tuple[float, float]
    step_s: float
    options: CompareOptions

    @property
    def different(self) -> tuple[SignalDifference, ...]:
        """The signals that do not agree."""
        return tuple(one for one in self.signals if not one.agrees(self.options))

    @property
    def cut_off(self) -> bool:
        """Whether one lacks times of the other, and ``--overlap`` does not allow it."""
        return not self.options.overlap and max(self.alone_s) > _TIMES_ALIKE * self.step_s

    @property
    def agreed(self) -> bool:
        """Whether both have the same signals and times, and all agree."""
        return not (self.different or self.only_a or self.only_b or self.cut_off)

    def largest(self, kind: str) -> float:
        """The largest difference of all signals of a kind (P, V or I), in SI."""
        return max((one.largest for one in self.signals if one.name.startswith(kind)), default=0.0)

    @property
    def shift_s(self) -> float:
        """The largest shift of a pulse, s."""
        return max((one.shift_s for one in self.signals), default=0.0)

    def to_json(self) -> dict[str, Any]:
        """As JSON takes it: an infinite shift is null."""
        rows = [asdict(one) | {"agreed": one.agrees(self.options)} for one in self.signals]
        for row in rows:
            row["shift_s"] = row["shift_s"] if math.isfinite(row["shift_s"]) else None
        return {
            "agreed": self.agreed,
            "begin_s": self.begin_s,
            "end_s": self.end_s,
            "alone_s": list(self.alone_s),
            "only_a": list(self.only_a),
            "only_b": list(self.only_b),
            "signals": rows,
        }


def compare(
    a: Waveforms,
    b: Waveforms,
    patterns: Sequence[str] | None = None,
    options: CompareOptions | None = None,
) -> Comparison:
    """Hold two sets of waveforms against each other, at A's times, by straight lines in B.

    Pulses are 2 pi advances of a phase, timed where it crosses the middle (``pulses``). A phase
    that jumps by more than half a turn from sample to sample is that of no junction, and
    has none.

    Args:
        a: one of them.
        b: the other.
        patterns: names or patterns of the signals to compare; None is all.
        options: what is allowed.

    Raises:
        ConfigurationError: a pattern that no signal of A or B has.
        WaveformError: there is no time, or no signal, that both have.
    """
    both = list(dict.fromkeys([*a.names, *b.names]))
    chosen = chosen_signals(both, patterns)
    shared = [name for name in chosen if name in a.names and name in b.names]
    if not shared:
        raise WaveformError("there is no signal of the same name in both files")
    begin = max(a.time_s[:1].max(initial=-math.inf), b.time_s[:1].max(initial=-math.inf))
    end = min(a.time_s[-1:].min(initial=math.inf), b.time_s[-1:].min(initial=math.inf))
    at = np.flatnonzero((a.time_s >= begin) & (a.time_s <= end))
    if not at.size:
        raise WaveformError("there is no time that both files hold")
    time = a.time_s[at]
    found = []
    for name in shared:
        mine = a.signal(name)[at]
        theirs = np.interp(time, b.time_s, b.signal(name))
        # Their pulses are found at their own times: a coarse axis must not smooth them.
        own = (b.time_s >= begin) & (b.time_s <= end)
        found.append(_difference(name, time, mine, theirs, (b.time_s[own], b.signal(name)[own])))
    return Comparison(
        tuple(found),
        tuple(name for name in chosen if name not in b.names),
        tuple(name for name in chosen if name not in a.names),
        float(begin),
        float(end),
        (_alone(a, begin, end), _alone(b, begin, end)),
        max(float(np.diff(one.time_s).max(initial=0.0)) for one in (a, b)),
        options or CompareOptions(),
    )


def _alone(waves: Waveforms, begin: float, end: float) -> float:
    """How long the waveforms go on outside of these times, s."""
    return float(max(begin - waves.time_s[0], 0.0) + max(waves.time_s[-1] - end, 0.0))


def _difference(
    name: str,
    time: FloatArray,
    mine: FloatArray,
    theirs: FloatArray,
    own: tuple[FloatArray, FloatArray],
) -> SignalDifference:
    apart = np.abs(mine - theirs)
    worst = int(apart.argmax())
    largest = float(apart[worst])
    phase = name.startswith("P")
    span = TWO_PI if phase else max(float(np.ptp(theirs)), float(np.ptp(mine)))
    share = largest / span if span > 0.0 else (0.0 if largest == 0.0 else math.inf)
    pulses, shift = None, 0.0
    smooth = all(np.abs(np.diff(signal)).max(initial=0.0) <= np.pi for signal in (mine, own[1]))
    if phase and smooth:
        trains = pulses_of(name, time, mine), pulses_of(name, *own)
        if trains[0] is not None and trains[1] is not None:
            pulses = trains[0].count, trains[1].count
            shift = math.inf
            if pulses[0] == pulses[1] and np.array_equal(trains[0].signs, trains[1].signs):
                apart_s = np.abs(trains[0].times_s - trains[1].times_s)
                shift = float(apart_s.max(initial=0.0))
    return SignalDifference(name, largest, float(time[worst]), share, pulses, shift)
