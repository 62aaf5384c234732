"""Classes of a neuron's windows: how many excitatory and how many inhibitory pulses they have.

All branches of a neuron that have one sign are one circuit, so that what a window does follows from
its two counts; of a neuron of P excitatory and N inhibitory synapses there are (P + 1)(N + 1).
Everything here is counting, on pulses, signs and theta.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.int64]


@dataclass(frozen=True)
class Kind:
    """What neurons have in common that are one circuit up to the order of their synapses.

    Attributes:
        excitatory: synapses of +1.
        inhibitory: synapses of -1.
        theta: the neuron fires from this count on.
    """

    excitatory: int
    inhibitory: int
    theta: int

    @staticmethod
    def of(signs: Sequence[int] | NDArray[np.int8], theta: int) -> Kind:
        """Of a neuron's synapses and threshold."""
        positive = sum(int(sign) > 0 for sign in signs)
        return Kind(positive, len(signs) - positive, int(theta))

    @property
    def shape(self) -> tuple[int, int]:
        """Of an array over all classes: it is indexed by excitatory and inhibitory pulses."""
        return self.excitatory + 1, self.inhibitory + 1

    @property
    def decides(self) -> bool:
        """Whether both n = theta and n = theta - 1 occur: without either no synapse matters."""
        return -self.inhibitory < self.theta <= self.excitatory

    def sums(self) -> IntArray:
        """n of each class, of ``shape``."""
        return np.subtract.outer(np.arange(self.shape[0]), np.arange(self.shape[1]))

    def classes(self, near: int | None = None) -> BoolArray:
        """The classes that are asked for, of ``shape``.

        Args:
            near: only those whose n is within so many of the threshold, on either side (theta and
                theta - 1 are within 1), and the four corners of the range; None is all.
        """
        if near is None:
            return np.ones(self.shape, dtype=bool)
        n = self.sums()
        asked = np.asarray((n >= self.theta - near) & (n < self.theta + near))
        asked[np.ix_((0, -1), (0, -1))] = True
        return asked

    def fires_with_pulses(self) -> bool:
        """Whether there is a window with a pulse on some line in which it fires."""
        n = self.sums()
        n[0, 0] = self.theta - 1
        return bool((n >= self.theta).any())


ALL_CLASSES = 32
"""Up to so many synapses a neuron is asked for all its classes, where nothing else is said."""

NEAR = 4
"""Of a neuron of more synapses the classes within so many counts of the threshold are asked for."""


@dataclass(frozen=True)
class Asked:
    """Which classes are asked for.

    Attributes:
        near: those within so many counts of the threshold, and the corners of the range,
        above: of neurons of more synapses than that; of the others all.
    """

    near: int
    above: int

    @staticmethod
    def every() -> Asked:
        """All classes of all neurons."""
        return Asked(NEAR, sys.maxsize)

    @staticmethod
    def by(near: int | None) -> Asked:
        """What an option says: the same for all neurons, or the usual."""
        return Asked(NEAR, ALL_CLASSES) if near is None else Asked(near, 0)

    def of(self, kind: Kind) -> int | None:
        """``near`` of ``Kind.classes``."""
        return self.near if kind.excitatory + kind.inhibitory > self.above else None

    def some(self, kinds: Iterable[Kind]) -> bool:
        """Whether of any of these not all classes are asked for."""
        return any(self.of(kind) is not None for kind in kinds)

    def words(self, kinds: Iterable[Kind]) -> str:
        """Of neurons of these kinds."""
        some = {self.of(kind) is None for kind in kinds}
        if some == {True}:
            return "all pairs of counts"
        near = f"pairs of counts within {self.near} of the threshold, and the corners of the range"
        if some == {False}:
            return near
        return f"all pairs of counts; of neurons of more than {self.above} synapses {near}"


def class_counts(arrivals: BoolArray, signs: NDArray[np.int8]) -> tuple[IntArray, IntArray]:
    """Excitatory and inhibitory pulses of each window, both of shape (windows,)."""
    positive = signs > 0
    excitatory = arrivals[:, positive].sum(axis=1, dtype=np.int64)
    return excitatory, arrivals[:, ~positive].sum(axis=1, dtype=np.int64)


def decisive(arrivals: BoolArray, signs: NDArray[np.int8], theta: int) -> BoolArray:
    """Which pulses decided their window: without one of them it would have ended otherwise.

    An excitatory pulse does where n = theta, an inhibitory one where n = theta - 1. (The condition
    that by itself changes the outcome: the criterion MC/DC.)

    Args:
        arrivals: bool, shape (windows, synapses).
        signs: of the synapses.
        theta: threshold.

    Returns:
        of the shape of ``arrivals``.
    """
    excitatory, inhibitory = class_counts(arrivals, signs)
    n = (excitatory - inhibitory)[:, None]
    return np.asarray(arrivals & (n == np.where(signs > 0, theta, theta - 1)))


def transitions(arrivals: BoolArray) -> Iterator[BoolArray]:
    """Lines empty after empty, full after empty, empty after full, full after full.

    Each says of which lines that was so in two windows that follow one another, shape
    (windows - 1, synapses).
    """
    before, after = arrivals[:-1], arrivals[1:]
    for was in (~before, before):
        for now in (~after, after):
            yield np.asarray(was & now)


HISTORIES = 4
"""How many ``transitions`` there are."""
