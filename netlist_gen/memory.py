"""Membranes that last from step to step of a sample: snnTorch's ``Leaky`` with beta = 1.

A neuron with a memory adds up the counts of a sample's steps, ``m[t] = m[t - 1] + n[t]``, and fires
in each step in which ``m[t] >= theta``. What its pulse does to the membrane, before the next step's
count is added, is its reset:

    zero      m[t] is 0 again
    subtract  an amount of the neuron's own is taken from m[t]
    none      nothing

A sample begins at m = 0. (snnTorch 0.9 and later: ``_base_zero``, ``_base_sub``, ``_base_int`` of
``snntorch/_neurons/leaky.py``, with ``reset_delay`` left true.)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from netlist_gen.errors import NetworkError

Reset = Literal["zero", "subtract", "none"]
RESETS: tuple[Reset, ...] = get_args(Reset)


@dataclass(frozen=True, eq=False)
class Memory:
    """Of the membranes of a layer.

    Attributes:
        reset: what a neuron's own pulse does to its membrane.
        subtract: int32, shape (neurons,), read-only: what each pulse takes off, 0 or more;
            all 0 unless ``reset`` is "subtract".

    Raises:
        NetworkError: another reset, or amounts that are not whole numbers from 0 on.
    """

    reset: Reset
    subtract: NDArray[np.int32]

    def __post_init__(self) -> None:
        if self.reset not in RESETS:
            raise NetworkError(
                f"the reset of a membrane is {self.reset!r}; allowed are {', '.join(RESETS)}"
            )
        array = np.asarray(self.subtract)
        if array.ndim != 1 or array.dtype.kind not in "iuf":
            raise NetworkError(
                f"the amounts that pulses subtract have shape {array.shape} and type "
                f"{array.dtype}; whole numbers, one for each neuron, are needed"
            )
        most = np.iinfo(np.int32).max
        with np.errstate(invalid="ignore"):
            wrong = np.flatnonzero(~((array == np.floor(array)) & (array >= 0) & (array <= most)))
        if wrong.size:
            raise NetworkError(
                f"a pulse of neuron {wrong[0]} subtracts {array[wrong[0]]}; a whole number from 0 "
                "on is needed"
            )
        if self.reset != "subtract" and array.any():
            raise NetworkError(
                f"a pulse of neuron {np.flatnonzero(array)[0]} subtracts "
                f"{array[np.flatnonzero(array)[0]]}, but its reset is {self.reset!r}"
            )
        amounts = array.astype(np.int32)
        amounts.flags.writeable = False
        object.__setattr__(self, "subtract", amounts)

    @classmethod
    def of(cls, reset: Reset, neurons: int, subtract: ArrayLike | None = None) -> Memory:
        """Of so many neurons; ``subtract`` is one amount for all, or one for each.

        Raises:
            NetworkError: as the class, or amounts for another number of neurons.
        """
        given = np.asarray(0 if subtract is None else subtract)
        if given.ndim == 1 and given.shape[0] != neurons:
            raise NetworkError(
                f"{given.shape[0]} amounts that pulses subtract for {neurons} neurons; there must "
                "be one for each"
            )
        return cls(reset, np.broadcast_to(given, (neurons,)) if given.ndim < 2 else given)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Memory):
            return NotImplemented
        return self.reset == other.reset and np.array_equal(self.subtract, other.subtract)

    def __hash__(self) -> int:
        return hash((self.reset, self.subtract.tobytes()))

    def integrate(
        self, counts: NDArray[np.integer], theta: NDArray[np.integer]
    ) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Membranes and pulses of samples.

        Args:
            counts: n of each step, shape (..., steps, neurons).
            theta: thresholds, shape (neurons,).

        Returns:
            The membrane that each step's decision sees, int64, and whether it fires, bool; both
            of the shape of ``counts``.
        """
        membrane = np.empty(counts.shape, dtype=np.int64)
        fires = np.empty(counts.shape, dtype=np.bool_)
        now = np.zeros((*counts.shape[:-2], counts.shape[-1]), dtype=np.int64)
        for step in range(counts.shape[-2]):
            now = now + counts[..., step, :]
            membrane[..., step, :] = now
            fires[..., step, :] = pulsed = now >= theta
            now = self.after(now, pulsed)
        return membrane, fires

    def after(self, membrane: NDArray[np.int64], pulsed: NDArray[np.bool_]) -> NDArray[np.int64]:
        """What is left of membranes, before the next step's count, where some fired."""
        if self.reset == "zero":
            return np.where(pulsed, 0, membrane)
        return membrane - pulsed * self.subtract


def fired(
    counts: NDArray[np.integer], theta: NDArray[np.integer], memory: Memory | None
) -> NDArray[np.bool_]:
    """Pulses of a layer for counts of shape (..., neurons), with a memory (..., steps, neurons).

    Raises:
        NetworkError: a memory, and no axis of steps.
    """
    if memory is None:
        return np.asarray(counts >= theta, dtype=np.bool_)
    if counts.ndim < 2:
        raise NetworkError(
            f"counts have shape {counts.shape}; a layer with a memory needs (..., steps, neurons)"
        )
    return memory.integrate(counts, theta)[1]
