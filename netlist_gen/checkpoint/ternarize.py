"""Making ternary weights of real ones, and what it costs in accuracy."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from netlist_gen.checkpoint.registry import read_checkpoint, read_layers
from netlist_gen.checkpoint.state_dict import Ternarize
from netlist_gen.errors import ConfigurationError
from netlist_gen.network import count_votes, vote_accuracy

# Ternary weight networks (Li, Zhang, Liu, arXiv 1605.04711): keep |w| > 0.7 mean|w|, and the
# scale of a neuron is the mean magnitude of what is kept.
_DEAD_ZONE = 0.7


@dataclass(frozen=True)
class TernarizeCost:
    """Accuracy (0..1) before and after, ties to the lowest class."""

    original: float
    ternary: float


def by_magnitude(fan_in: int | None = None) -> Ternarize:
    """A function that makes a weight matrix ternary times a positive scale per neuron.

    Args:
        fan_in: most synapses per neuron (the largest magnitudes stay), or None for no cap.
    """
    if fan_in is not None and fan_in < 1:
        raise ConfigurationError(f"fan-in is {fan_in}; at least 1 is needed")

    def ternarize(weights: NDArray[np.float64], layer: int) -> NDArray[np.float64]:
        del layer  # the same rule for all
        magnitude = np.abs(weights)
        keep = magnitude > _DEAD_ZONE * magnitude.mean(axis=1, keepdims=True)
        if fan_in is not None and fan_in < weights.shape[1]:
            order = np.argsort(-magnitude, axis=1, kind="stable")[:, :fan_in]
            capped = np.zeros_like(keep)
            np.put_along_axis(capped, order, True, axis=1)
            keep &= capped
        kept = keep.sum(axis=1)
        scale = (magnitude * keep).sum(axis=1) / np.maximum(kept, 1)
        return np.asarray(np.sign(weights) * keep * scale[:, None])

    return ternarize


def ternarize_cost(
    path: Path, x: ArrayLike, labels: ArrayLike, ternarize: Ternarize, population: int | None = None
) -> TernarizeCost:
    """Accuracy of a file's own real weights and of the ternary network made of them.

    Args:
        path: a file with real weights: .pt, .safetensors or .nir.
        x: spikes (samples, inputs), one step, where all reset rules agree; or (samples, steps,
            inputs) for neurons without memory.
        labels: (samples,).
        ternarize: see ``by_magnitude``.
        population: output neurons per class; default: what the file says, else 1.
    """
    spikes = np.asarray(x)
    steps = spikes.shape[1] if spikes.ndim == 3 else 1
    made = read_checkpoint(path, steps=steps, population=population, ternarize=ternarize).network
    spikes = made.check_inputs(x)
    flow = spikes
    for layer in read_layers(path):
        flow = layer.forward(flow)
    votes = count_votes(flow, made.population)
    return TernarizeCost(vote_accuracy(votes, labels), vote_accuracy(made.votes(spikes), labels))
