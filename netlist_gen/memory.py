"""Membranes that last from step to step of a sample: snnTorch's ``Leaky`` with beta above 0.

A neuron with a memory adds up the counts of a sample's steps, ``m[t] = m[t - 1] + n[t]``, and fires
in each step in which ``m[t] >= theta``. What its pulse does to the membrane is its reset:

    zero      m[t] is 0 again before the next step's count is added
    subtract  an amount of the neuron's own is taken off besides
    none      nothing

A sample begins at m = 0.

A membrane may leak: of m[t - 1] a share ``beta`` below 1 is left, before the amount is taken off.
It is no whole number then. The neuron fires on the strict ``m[t] > theta - 1/2``, where its reset
is "subtract" ``m[t] > theta - 1``, which for whole numbers is the same rule and which snnTorch
can say: there what fires is also what a pulse takes off. Arithmetic is float32, in snnTorch's
order, so that spikes are the same.

(snnTorch 0.9 and later: ``_base_zero``, ``_base_sub``, ``_base_int`` of
``snntorch/_neurons/leaky.py``, with ``reset_delay`` left true.)
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from netlist_gen.errors import NetworkError

Reset = Literal["zero", "subtract", "none"]
RESETS: tuple[Reset, ...] = get_args(Reset)
Membranes = NDArray[Any]
"""int64, or float32 where membranes leak."""


@dataclass(frozen=True, eq=False)
class Memory:
    """Of the membranes of a layer.

    Attributes:
        reset: what a neuron's own pulse does to its membrane.
        subtract: int32, shape (neurons,), read-only: what each pulse takes off, 0 or more;
            all 0 unless ``reset`` is "subtract".
        beta: what is left of a membrane after a step, above 0, rounded to float32; 1: all of it.

    Raises:
        NetworkError: another reset, amounts that are not whole numbers from 0 on, or another beta.
    """

    reset: Reset
    subtract: NDArray[np.int32]
    beta: float = 1.0

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
        object.__setattr__(self, "beta", rounded_beta(self.beta))
        amounts = array.astype(np.int32)
        amounts.flags.writeable = False
        object.__setattr__(self, "subtract", amounts)

    @classmethod
    def of(
        cls, reset: Reset, neurons: int, subtract: ArrayLike | None = None, beta: float = 1.0
    ) -> Memory:
        """Of so many neurons; ``subtract`` is one amount for all, or one for each.

        Raises:
            NetworkError: as the class, amounts for another number of neurons, or none where the
                reset takes some.
        """
        if reset == "subtract" and subtract is None:
            raise NetworkError("the reset is 'subtract'; the amount that a pulse takes is needed")
        given = np.asarray(0 if subtract is None else subtract)
        if given.ndim == 1 and given.shape[0] != neurons:
            raise NetworkError(
                f"{given.shape[0]} amounts that pulses subtract for {neurons} neurons; there must "
                "be one for each"
            )
        return cls(reset, np.broadcast_to(given, (neurons,)) if given.ndim < 2 else given, beta)

    def kept(self, neurons: NDArray[np.bool_]) -> Memory:
        """Of those neurons alone, a mask of shape (neurons,)."""
        return dataclasses.replace(self, subtract=self.subtract[neurons])

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Memory):
            return NotImplemented
        return (self.reset, self.beta) == (other.reset, other.beta) and np.array_equal(
            self.subtract, other.subtract
        )

    def __hash__(self) -> int:
        return hash((self.reset, self.beta, self.subtract.tobytes()))

    @property
    def leaks(self) -> bool:
        """Whether less than all of a membrane is left after a step."""
        return self.beta < 1.0

    def edge(self, theta: ArrayLike) -> NDArray[np.float64]:
        """What a membrane must be above to fire, of the shape of ``theta``."""
        whole = self.leaks and self.reset == "subtract"
        return np.asarray(theta, dtype=np.float64) - (1.0 if whole else 0.5)

    def fires(self, membrane: Membranes, theta: NDArray[np.integer]) -> NDArray[np.bool_]:
        """Whether membranes (..., neurons) fire at thresholds (neurons,)."""
        if self.leaks:
            return np.asarray(membrane > self.edge(theta).astype(np.float32))
        return np.asarray(membrane >= theta)

    def start(self, shape: tuple[int, ...]) -> Membranes:
        """Membranes as a sample begins: int64, float32 where they leak."""
        return np.zeros(shape, dtype=np.float32 if self.leaks else np.int64)

    def integrate(
        self, counts: NDArray[np.integer], theta: NDArray[np.integer]
    ) -> tuple[Membranes, NDArray[np.bool_]]:
        """Membranes and pulses of samples.

        Args:
            counts: n of each step, shape (..., steps, neurons).
            theta: thresholds, shape (neurons,).

        Returns:
            The membrane that each step's decision sees, int64 or, where membranes leak, float32,
            and whether it fires, bool; both of the shape of ``counts``.
        """
        now = self.start((*counts.shape[:-2], counts.shape[-1]))
        membrane = np.empty(counts.shape, dtype=now.dtype)
        fires = np.empty(counts.shape, dtype=np.bool_)
        pulsed = np.zeros(now.shape, dtype=np.bool_)
        for step in range(counts.shape[-2]):
            now = self.after(now, pulsed, counts[..., step, :])
            membrane[..., step, :] = now
            fires[..., step, :] = pulsed = self.fires(now, theta)
        return membrane, fires

    def after(
        self, membrane: Membranes, pulsed: NDArray[np.bool_], counts: NDArray[np.integer]
    ) -> Membranes:
        """Membranes in a step that adds ``counts``.

        Args:
            membrane: in the step before, in the type of ``start``; shape (..., neurons).
            pulsed: which fired in it.
            counts: n of this step.
        """
        left = membrane * ~pulsed if self.reset == "zero" else membrane
        if self.leaks:
            left = np.float32(self.beta) * left
        return np.asarray(
            left + counts.astype(left.dtype) - (pulsed * self.subtract).astype(left.dtype)
        )


def rounded_beta(beta: float) -> float:
    """What is left of a membrane after a step, as float32 has it.

    Raises:
        NetworkError: none of it, or more than all, is left then.
    """
    rounded = float(np.float32(beta))
    if not 0.0 < rounded <= 1.0:
        raise NetworkError(
            f"beta, what is left of a membrane after a step, is {beta:g}; above 0 and at most 1 is "
            "allowed, in float32"
        )
    return rounded


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
