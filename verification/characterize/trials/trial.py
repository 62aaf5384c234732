"""One simulation of a bench, and what it gave: the currency of every sweep."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netlist_gen.errors import SimulatorError

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Trial:
    """Element values that differ from the bench's, by flat label; source times, s, by input port.

    The seed is the noise's: without temperature it has no effect.
    """

    values: tuple[tuple[str, float], ...] = ()
    pulses: tuple[tuple[str, tuple[float, ...]], ...] = ()
    seed: int = 0


@dataclass(frozen=True, eq=False)
class Response:
    """What a trial gave: rising times of the pulses by watched label, and the work of biases.

    A sign is +1 for an advance and -1 for a return. There is no work where it was not asked for.
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
    def from_json(data: object, labels: Sequence[str], biases: Sequence[str]) -> Response:
        """The inverse of ``to_json``, of the pulses of ``labels`` and, if any, work of ``biases``.

        Raises:
            ValueError: the data are not what ``to_json`` gives.
        """
        if not isinstance(data, list) or len(data) != 2:
            raise ValueError("no pulses and work")
        trains, work = data
        if not isinstance(trains, list) or len(trains) != len(labels):
            raise ValueError("not a train of each label")
        signed = {label: _train(train) for label, train in zip(labels, trains, strict=True)}
        if not isinstance(work, dict) or (work and set(work) != set(biases)):
            raise ValueError("not the work of each bias")
        if not all(isinstance(x, float) and math.isfinite(x) for x in work.values()):
            raise ValueError("a work that is no number")
        return Response(
            {n: np.abs(s) for n, s in signed.items()},
            {n: np.sign(s).astype(np.int8) for n, s in signed.items()},
            work,
        )


def _train(data: object) -> FloatArray:
    """Signed times, rising but for their signs. Raises ValueError for what is none."""
    if not isinstance(data, list) or not all(isinstance(x, float) for x in data):
        raise ValueError("times that are no numbers")
    train = np.array(data, dtype=np.float64)
    times = np.abs(train)
    if not np.isfinite(times).all() or (times == 0).any() or (np.diff(times) < 0).any():
        raise ValueError("times that no train has")
    return train


@dataclass(frozen=True)
class Failure:
    """A trial whose simulator failed: the sentence that says how."""

    message: str


TrialResult = Response | Failure


def require(result: TrialResult, whose: str) -> Response:
    """The response; ``whose`` names cell and case in words.

    Raises:
        SimulatorError: the simulator failed.
    """
    if isinstance(result, Response):
        return result
    raise SimulatorError(f"{whose}: {result.message}")
