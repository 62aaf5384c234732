"""One simulation of a bench, and what it gave: the currency of every sweep."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Trial:
    """Values that differ from the bench's, source times, and the seed of the noise.

    Attributes:
        values: element values by flat label: area, H, ohm, F, factor or A.
        pulses: source times (s) by input port.
        seed: of the noise; without temperature it has no effect.
    """

    values: tuple[tuple[str, float], ...] = ()
    pulses: tuple[tuple[str, tuple[float, ...]], ...] = ()
    seed: int = 0

    def as_json(self) -> list[Any]:
        """For keys."""
        return [list(self.values), list(self.pulses), self.seed]


@dataclass(frozen=True, eq=False)
class Response:
    """What a trial gave.

    Attributes:
        times_s: by watched label, the times of its pulses, rising.
        signs: by watched label, +1 for an advance and -1 for a return, as many.
        energy_J: by label of the bias source, its work; empty where it was not asked for.
    """

    times_s: Mapping[str, FloatArray]
    signs: Mapping[str, NDArray[np.int8]]
    energy_J: Mapping[str, float] = field(default_factory=dict)

    def advances(self, label: str) -> int:
        """Advances less returns of one junction."""
        return int(self.signs[label].sum())

    def to_json(self, labels: Sequence[str]) -> list[Any]:
        """As plain lists, pulses in the order of ``labels``: a return has a negative time."""
        signed = [(self.times_s[n] * self.signs[n]).tolist() for n in labels]
        return [signed, dict(self.energy_J)]

    @staticmethod
    def from_json(data: list[Any], labels: Sequence[str]) -> Response:
        """The inverse of ``to_json``."""
        signed = [np.array(item, dtype=np.float64) for item in data[0]]
        return Response(
            {n: np.abs(s) for n, s in zip(labels, signed, strict=True)},
            {n: np.sign(s).astype(np.int8) for n, s in zip(labels, signed, strict=True)},
            data[1],
        )


@dataclass(frozen=True)
class Failure:
    """A trial whose simulator failed: the sentence that says how."""

    message: str


Outcome = Response | Failure
