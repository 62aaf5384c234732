"""How the pulses of the last layer are read: votes of classes, and how many are right."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from netlist_gen.errors import NetworkError

TieRule = Literal["lowest", "split", "wrong"]
TIE_RULES: tuple[TieRule, ...] = get_args(TieRule)


def count_votes(output_spikes: NDArray[np.bool_], population: int) -> NDArray[np.int64]:
    """Votes of shape (samples, classes) from spikes (samples, [steps,] classes * population)."""
    classes = output_spikes.shape[-1] // population
    grouped = output_spikes.reshape(*output_spikes.shape[:-1], classes, population)
    return np.asarray(grouped.sum(axis=(-1, *range(1, grouped.ndim - 2)), dtype=np.int64))


def vote_accuracy(votes: NDArray[np.int64], labels: ArrayLike, ties: TieRule = "lowest") -> float:
    """Accuracy in 0..1 of votes (samples, classes) against labels (samples,).

    ``ties`` says what happens when several classes share the most votes: "lowest" takes the
    lowest class, "split" counts 1/k for a tie of k classes that holds the label, "wrong"
    counts nothing.
    """
    if ties not in TIE_RULES:
        raise NetworkError(f"tie rule {ties!r} is unknown; allowed are {', '.join(TIE_RULES)}")
    target = check_labels(labels, samples=votes.shape[0], classes=votes.shape[1])
    if votes.shape[0] == 0:
        raise NetworkError("no samples: an accuracy needs at least one")
    if ties == "lowest":
        return float(np.mean(votes.argmax(axis=1) == target))
    top = votes == votes.max(axis=1, keepdims=True)
    holds = top[np.arange(votes.shape[0]), target]
    sharing = top.sum(axis=1)
    credit = 1.0 / sharing if ties == "split" else (sharing == 1).astype(np.float64)
    return float(np.mean(np.where(holds, credit, 0.0)))


def check_labels(labels: ArrayLike, *, samples: int, classes: int) -> NDArray[np.int64]:
    """Labels as int64 of shape (samples,), each in 0 .. classes - 1, or NetworkError."""
    array = np.asarray(labels)
    if array.shape != (samples,):
        raise NetworkError(f"labels have shape {array.shape}; ({samples},) is needed")
    if array.dtype.kind not in "iu":
        raise NetworkError(f"labels have type {array.dtype}; integers are needed")
    wrong = np.flatnonzero((array < 0) | (array >= classes))
    if wrong.size:
        raise NetworkError(
            f"label {int(wrong[0])} is {array[wrong[0]]}; the classes are 0 to {classes - 1}"
        )
    return array.astype(np.int64)
