"""Accuracy of the integer model, and of the same network with noisy neurons."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from netlist_gen.network import TernaryNetwork, count_votes, vote_accuracy
from netlist_gen.training.noise import FiringCurve, FluxPerSynapse, margins


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


def evaluate_with_noise(
    network: TernaryNetwork,
    x: ArrayLike,
    labels: ArrayLike,
    curve: FiringCurve,
    *,
    seed: int,
    repeats: int = 1,
    flux_per_synapse: FluxPerSynapse | None = None,
) -> list[Evaluation]:
    """Accuracy with each neuron's decision drawn from its firing curve.

    Every neuron, step and sample draws by itself, as thermal noise does.

    Args:
        network, x, labels: as for ``evaluate``.
        curve: probability of a pulse against the margin.
        seed: of the draws.
        repeats: evaluations, each with draws of its own.
        flux_per_synapse: needed where the curve's unit is Phi0.

    Returns:
        One Evaluation per repeat.
    """
    spikes = network.check_inputs(x)
    random = np.random.default_rng(seed)
    results = []
    for _ in range(repeats):
        flow: NDArray[np.bool_] = spikes
        for layer in network.layers:
            chance = curve(margins(layer, layer.counts(flow), curve.unit, flux_per_synapse))
            flow = random.random(chance.shape) < chance
            # A neuron without a synapse has no circuit, and what isn't built makes no pulse.
            flow[..., layer.fan_in == 0] = False
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
