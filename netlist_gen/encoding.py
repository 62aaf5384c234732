"""Real values as spikes: what a network's inputs see of its owner's data.

| kind | a step sees | steps |
|---|---|---|
| ``spikes`` | the data themselves, 0 or 1 | as the data have; joined by OR where fewer are wanted |
| ``threshold`` | values above one level | 1, or those of data with a time axis |
| ``levels`` | values above that step's level, the highest first | as many as levels |
| ``rate`` | 1 with a chance that rises from the lowest value to the highest | any |
| ``latency`` | one pulse, the sooner the higher the value; the lowest value gives none | any |

Levels and ranges come from the training values and travel with the network, so that whatever it is
measured on later is seen alike.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netlist_gen.errors import ConfigurationError
from netlist_gen.records import Record

KINDS = ("threshold", "levels", "rate", "latency")
Values = NDArray[Any]
_CHUNK = 4096  # samples at a time: bounds the draws of a rate


@dataclass(frozen=True)
class Encoding(Record):
    """How values become spikes.

    Attributes:
        kind: one of ``KINDS``, or "spikes".
        steps: that a sample has.
        timed: whether the values have an axis of steps, behind that of the samples.
        low: lowest value of the training data.
        high: highest.
        levels: of "threshold" and "levels"; values above are 1.
        seed: of the draws of "rate".
    """

    kind: str
    steps: int
    timed: bool = False
    low: float = 0.0
    high: float = 1.0
    levels: tuple[float, ...] = ()
    seed: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "levels", tuple(self.levels))
        if self.kind not in (*KINDS, "spikes") or self.steps < 1:
            raise ConfigurationError(
                f"an encoding is {self.kind!r} of {self.steps} steps; allowed are spikes, "
                f"{', '.join(KINDS)} of 1 step or more"
            )
        wanted = {"threshold": 1, "levels": self.steps}.get(self.kind, 0)
        if len(self.levels) != wanted:
            raise ConfigurationError(
                f"an encoding by {self.kind} has {len(self.levels)} levels; {wanted} are needed"
            )
        for level in self.levels:
            if not np.isfinite(level):
                raise ConfigurationError(
                    f"an encoding by {self.kind} has the level {level:g}; a finite number is needed"
                )

    def __call__(self, values: Values) -> NDArray[np.bool_]:
        """Spikes (samples, lines), or (samples, steps, lines) where there are several steps.

        Args:
            values: (samples, ...), or (samples, steps, ...) where ``timed``.
        """
        rows = values.reshape(len(values), -1)
        if self.kind == "spikes" and not is_spikes(values):
            raise ConfigurationError(
                f"values from {values.min()} to {values.max()} are no spikes; 0 and 1 are needed"
            )
        if self.timed:
            return self._of_time(values.reshape(*values.shape[:2], -1))
        if self.kind == "spikes":
            return rows != 0
        if len(self.levels) == 1:  # a threshold, or one level
            return np.asarray(rows > self.levels[0])
        if self.kind == "levels":
            return np.stack([rows > level for level in self.levels], axis=1)
        share = np.clip((rows - self.low) / ((self.high - self.low) or 1.0), 0.0, 1.0)
        return self._rate(share) if self.kind == "rate" else self._latency(share)

    @property
    def words(self) -> str:
        """In a few words."""
        several = f"{self.steps} step{'s' if self.steps > 1 else ''}"
        if self.kind in ("threshold", "levels"):
            return f"{several}, values above {', '.join(f'{level:g}' for level in self.levels)}"
        if self.kind == "spikes":
            return f"spikes, {several}"
        return f"{self.kind}, {several}, values from {self.low:g} to {self.high:g}"

    def _of_time(self, values: Values) -> NDArray[np.bool_]:
        fired = np.asarray(values != 0 if self.kind == "spikes" else values > self.levels[0])
        have = fired.shape[1]
        if have != self.steps:  # joined: each step holds what several held
            edges = np.linspace(0, have, self.steps + 1).round().astype(int)
            fired = np.logical_or.reduceat(fired, edges[:-1], axis=1)
        return fired[:, 0] if self.steps == 1 else fired

    def _rate(self, share: Values) -> NDArray[np.bool_]:
        spikes = np.empty((len(share), self.steps, share.shape[1]), dtype=bool)
        draw = np.random.default_rng(self.seed)
        for start in range(0, len(share), _CHUNK):
            part = spikes[start : start + _CHUNK]
            chance = share[start : start + _CHUNK, None].astype(np.float32)
            part[:] = draw.random(part.shape, dtype=np.float32) < chance
        return spikes[:, 0] if self.steps == 1 else spikes

    def _latency(self, share: Values) -> NDArray[np.bool_]:
        when = np.rint((1.0 - share) * (self.steps - 1))
        spikes = (when[:, None] == np.arange(self.steps)[:, None]) & (share > 0)[:, None]
        return spikes[:, 0] if self.steps == 1 else spikes


def is_spikes(values: Values) -> bool:
    """Whether all are 0 or 1."""
    return values.dtype == np.bool_ or (
        bool(np.isin(values[:64], (0, 1)).all()) and bool(((values == 0) | (values == 1)).all())
    )


def choose_encoding(
    values: Values,
    place: str,
    *,
    kind: str | None = None,
    steps: int | None = None,
    timed: bool = False,
    level: float | None = None,
    seed: int = 0,
) -> Encoding:
    """The encoding of training values, from what was asked for and what they are.

    Args:
        values: (samples, ...), or (samples, steps, ...) where ``timed``.
        place: of the values, for messages.
        kind: of ``KINDS``; None takes 0 and 1 as spikes and other values by levels.
        steps: that are wanted; None: those of the data, else 4 (1 for "threshold").
        timed: whether there is an axis of steps.
        level: of "threshold"; None: the middle of the values, of counts over time the lowest.
        seed: of the draws of "rate".

    Raises:
        ConfigurationError: a kind that does not go with the data or the steps.
    """
    if kind is not None and kind not in KINDS:
        raise ConfigurationError(f"--encode is {kind!r}; allowed are {', '.join(KINDS)}")
    have = values.shape[1] if timed else 1
    if steps is not None and steps < 1:
        raise ConfigurationError(f"--steps is {steps}; it must be at least 1")
    if kind is None and level is None and is_spikes(values):
        wanted = have if steps is None else steps
        if wanted > have:
            raise ConfigurationError(
                f"{place}: {have} step{'s' if have > 1 else ''} of spikes can't become {wanted}; "
                f"1 to {have} can be made of them"
            )
        return Encoding("spikes", wanted, timed)
    low, high = float(values.min()), float(values.max())
    if not np.isfinite([low, high]).all():
        raise ConfigurationError(f"{place}: values from {low} to {high}; finite ones are needed")
    if timed:
        if kind not in (None, "threshold"):
            raise ConfigurationError(
                f"{place}: --encode {kind} makes steps of values that have none; these have {have} "
                "already: --encode threshold keeps them"
            )
        edge = low if values.dtype.kind in "iu" else (low + high) / 2
        edge = edge if level is None else level
        return Encoding("threshold", steps or have, True, low, high, (edge,))
    kind = kind or ("threshold" if steps == 1 or level is not None else "levels")
    if kind == "threshold":
        if steps not in (None, 1):
            raise ConfigurationError(
                f"--encode threshold makes 1 step of a value, --steps is {steps}; levels, rate and "
                "latency make several"
            )
        return Encoding(kind, 1, False, low, high, ((low + high) / 2 if level is None else level,))
    if level is not None:
        raise ConfigurationError(f"--level is that of --encode threshold; --encode is {kind}")
    count = 4 if steps is None else steps
    levels: tuple[float, ...] = ()
    if kind == "levels":
        levels = tuple(low + (high - low) * (count - i) / (count + 1) for i in range(count))
    return Encoding(kind, count, False, low, high, levels, seed)
