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
from verification.waves.pulses import PHASE_HYSTERESIS_FLUXONS, PulseTrain, pulses_in_words
from verification.waves.traces import UNITS, chosen_signals, pulses_of
from verification.waves.waveforms import Waveforms

FloatArray = NDArray[np.float64]

_TIMES_ALIKE = 1.5
"""Steps by which ends of one run are apart at most: a simulator may leave out its last sample."""

_MOST = 0.45
"""How far past the middle a phase must go at most for its advance to count, in turns."""


@dataclass(frozen=True)
class SignalDifference:
    """How one signal differs between A and B.

    Attributes:
        name: of the signal.
        largest: largest difference at one time, in SI (rad, V, A).
        at_s: when that is, s.
        share: that difference over the signal's range in B: of a phase over 2 pi.
        pulses: 2 pi advances and returns of A, then of B; None of one whose samples are too far
            apart to tell them, and None for a signal that has none.
        shift_s: largest shift of a pulse's time, s; infinite where the counts differ.
    """

    name: str
    largest: float
    at_s: float
    share: float
    pulses: tuple[int | None, int | None] | None
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
        if a is None or b is None:
            coarse, other, count = ("A", "B", b) if a is None else ("B", "A", a)
            return (
                f"{found}; {coarse}'s samples are too far apart to tell pulses, {other} has "
                f"{pulses_in_words(count or 0)}"
            )
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
        step_s: usual step between samples, the longer one of A's and B's, s: two files of the same
            run end within one.
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
        """As JSON takes it: what is infinite is null."""
        rows = [asdict(one) | {"agreed": one.agrees(self.options)} for one in self.signals]
        for row in rows:
            for name in ("shift_s", "share"):
                row[name] = row[name] if math.isfinite(row[name]) else None
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
    that jumps by more than half a turn from sample to sample, in both, is that of no junction, and
    has none; if it does in one alone, that one lacks samples, and both differ.

    Args:
        a: one of them.
        b: the other.
        patterns: names or patterns of the signals to compare; None is all.
        options: what is allowed.

    Raises:
        ConfigurationError: a pattern that no signal of A or B has.
        WaveformError: there is no time, or no signal, that both have.
    """
    options = options or CompareOptions()
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
        theirs_own = b.time_s[own], b.signal(name)[own]
        found.append(_difference(name, time, mine, theirs, theirs_own, options.turns))
    return Comparison(
        tuple(found),
        tuple(name for name in chosen if name not in b.names),
        tuple(name for name in chosen if name not in a.names),
        float(begin),
        float(end),
        (_alone(a, begin, end), _alone(b, begin, end)),
        max(_usual_step(a), _usual_step(b)),
        options,
    )


def _alone(waves: Waveforms, begin: float, end: float) -> float:
    """How long the waveforms go on outside of these times, s."""
    return float(max(begin - waves.time_s[0], 0.0) + max(waves.time_s[-1] - end, 0.0))


def _usual_step(waves: Waveforms) -> float:
    """The step between most samples, s: a single long one must not hide that times lack."""
    return float(np.median(np.diff(waves.time_s))) if len(waves.time_s) > 1 else 0.0


def _difference(
    name: str,
    time: FloatArray,
    mine: FloatArray,
    theirs: FloatArray,
    own: tuple[FloatArray, FloatArray],
    turns: float,
) -> SignalDifference:
    apart = np.abs(mine - theirs)
    worst = int(apart.argmax())
    largest = float(apart[worst])
    phase = name.startswith("P")
    span = TWO_PI if phase else max(float(np.ptp(theirs)), float(np.ptp(mine)))
    share = largest / span if span > 0.0 else (0.0 if largest == 0.0 else math.inf)
    pulses: tuple[int | None, int | None] | None = None
    shift = 0.0
    if phase:
        both = (time, mine), own
        first, second = (_train(name, *one, PHASE_HYSTERESIS_FLUXONS) for one in both)
        shift = _shift(first, second)
        if math.isinf(shift):
            # A phase that comes just past where a pulse counts, and returns, does so in one alone.
            further = min(PHASE_HYSTERESIS_FLUXONS + turns, _MOST)
            first, second = (_train(name, *one, further) for one in both)
            shift = _shift(first, second)
        if first is not None or second is not None:
            pulses = _count(first), _count(second)
    return SignalDifference(name, largest, float(time[worst]), share, pulses, shift)


def _train(name: str, time: FloatArray, phase: FloatArray, hysteresis: float) -> PulseTrain | None:
    """Pulses of a phase; None where its samples are too far apart to tell them."""
    jumps = np.abs(np.diff(phase)).max(initial=0.0) > np.pi
    return None if jumps else pulses_of(name, time, phase, hysteresis)


def _count(train: PulseTrain | None) -> int | None:
    return None if train is None else train.count


def _shift(a: PulseTrain | None, b: PulseTrain | None) -> float:
    """The largest shift of a pulse, s; infinite where one has others, or can't tell them alone."""
    if a is None or b is None:
        return 0.0 if a is b else math.inf
    if not np.array_equal(a.signs, b.signs):
        return math.inf
    return float(np.abs(a.times_s - b.times_s).max(initial=0.0))
