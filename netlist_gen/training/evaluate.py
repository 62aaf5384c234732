"""Accuracy of the integer model, and of the same network with noisy neurons."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from netlist_gen.errors import ConfigurationError
from netlist_gen.network import TernaryNetwork, count_votes, vote_accuracy

# n - theta (integers, any shape) -> probability of a pulse, same shape
FiringCurve = Callable[[NDArray[np.int64]], NDArray[np.float64]]


@dataclass(frozen=True)
class Evaluation:
    """Accuracy (0..1) under the three tie rules, and the share of tied images."""

    samples: int
    lowest: float
    split: float
    wrong: float
    tied: float

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def evaluate(network: TernaryNetwork, x: ArrayLike, labels: ArrayLike) -> Evaluation:
    """Exact integer model on spikes (samples, [steps,] inputs) and labels (samples,)."""
    return _from_votes(network.votes(x), labels)


def normal_firing_curve(sigma: float) -> FiringCurve:
    """Firing probability Phi((n - theta + 1/2) / sigma).

    Args:
        sigma: standard deviation of the threshold in units of one synapse, 0 or more. A grey
            zone measured from 10 % to 90 % is 2.563 sigma wide (normal quantiles +-1.2816).
    """
    if not sigma >= 0 or math.isinf(sigma):
        raise ConfigurationError(f"sigma is {sigma}; a finite number of at least 0 is needed")

    def curve(distance: NDArray[np.int64]) -> NDArray[np.float64]:
        from scipy.special import ndtr

        if sigma == 0:
            return (distance >= 0).astype(np.float64)
        return np.asarray(ndtr((distance + 0.5) / sigma), dtype=np.float64)

    return curve


def tabulated_firing_curve(distance: ArrayLike, probability: ArrayLike) -> FiringCurve:
    """Firing probability from a measured table, linear between points, constant beyond.

    Args:
        distance: n - theta at which the neuron was measured, rising, (points,); fractions are
            allowed, since a sweep of flux is finer than one synapse.
        probability: share of windows with a pulse, (points,), in 0..1.
    """
    at = np.asarray(distance, dtype=np.float64)
    share = np.asarray(probability, dtype=np.float64)
    if at.ndim != 1 or at.shape != share.shape or at.size < 2 or not np.all(np.diff(at) > 0):
        raise ConfigurationError(
            f"a firing curve needs rising distances and as many probabilities; got shapes "
            f"{at.shape} and {share.shape}"
        )
    if not np.all((share >= 0) & (share <= 1)):
        raise ConfigurationError("a firing curve's probabilities must lie in 0 to 1")

    def curve(n_minus_theta: NDArray[np.int64]) -> NDArray[np.float64]:
        return np.asarray(np.interp(n_minus_theta, at, share))

    return curve


def evaluate_with_noise(
    network: TernaryNetwork,
    x: ArrayLike,
    labels: ArrayLike,
    curve: FiringCurve,
    *,
    seed: int,
    repeats: int = 1,
) -> list[Evaluation]:
    """Accuracy with each neuron's decision drawn from its firing curve.

    Every neuron, step and sample draws by itself, as thermal noise does. Returns one
    Evaluation per repeat.
    """
    spikes = network.check_inputs(x)
    random = np.random.default_rng(seed)
    results = []
    for _ in range(repeats):
        flow: NDArray[np.bool_] = spikes
        for layer in network.layers:
            chance = curve(layer.counts(flow).astype(np.int64) - layer.theta)
            flow = random.random(chance.shape) < chance
        results.append(_from_votes(count_votes(flow, network.population), labels))
    return results


def distance_histogram(network: TernaryNetwork, x: ArrayLike) -> list[dict[int, int]]:
    """How often each n - theta occurs in each layer: what the noise of a neuron acts on."""
    flow = network.check_inputs(x)
    result = []
    for layer in network.layers:
        values, counts = np.unique(layer.counts(flow) - layer.theta, return_counts=True)
        result.append({int(v): int(c) for v, c in zip(values, counts, strict=True)})
        flow = layer.forward(flow)
    return result


def _from_votes(votes: NDArray[np.int64], labels: ArrayLike) -> Evaluation:
    top = votes == votes.max(axis=1, keepdims=True)
    return Evaluation(
        samples=len(votes),
        lowest=vote_accuracy(votes, labels, "lowest"),
        split=vote_accuracy(votes, labels, "split"),
        wrong=vote_accuracy(votes, labels, "wrong"),
        tied=float(np.mean(top.sum(axis=1) > 1)),
    )
