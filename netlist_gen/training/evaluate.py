"""Accuracy of the integer model, and of the same network with noisy neurons."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from netlist_gen.errors import ConfigurationError
from netlist_gen.network import SpikeArray, TernaryLayer, TernaryNetwork
from netlist_gen.records import Record
from netlist_gen.training.noise import FiringCurve, FluxPerSynapse, margins
from netlist_gen.votes import TIE_RULES, count_votes, vote_accuracy


@dataclass(frozen=True)
class Evaluation(Record):
    """Accuracy (0..1) under the three tie rules, and the share of tied images."""

    samples: int
    lowest: float
    split: float
    wrong: float
    tied: float


def evaluate(network: TernaryNetwork, x: ArrayLike, labels: ArrayLike) -> Evaluation:
    """Exact integer model on spikes (samples, [steps,] inputs) and labels (samples,)."""
    return from_votes(network.votes(x), labels)


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

    Every neuron, step and sample draws by itself, as thermal noise does, and anew in each
    repeat. Noise is in the decision; the membrane that lasts keeps its counts.
    ``flux_per_synapse`` is needed where the curve's unit is Phi0.

    Raises:
        ConfigurationError: noise in Phi0 of neurons whose flux for each synapse is not known.
    """
    if network.has_memory and curve.unit == "Phi0":
        raise ConfigurationError(
            "noise in Phi0 is asked for, and the network's membranes last; the flux of a synapse "
            "is known for neurons without memory only, noise in synapses is allowed"
        )
    spikes = network.check_inputs(x)
    random = np.random.default_rng(seed)
    results = []
    for _ in range(repeats):
        flow: NDArray[np.bool_] = spikes
        for layer in network.layers:
            flow = _drawn(layer, flow, curve, random, flux_per_synapse)
        results.append(from_votes(count_votes(flow, network.population), labels))
    return results


def _drawn(
    layer: TernaryLayer,
    spikes: SpikeArray,
    curve: FiringCurve,
    random: np.random.Generator,
    flux_per_synapse: FluxPerSynapse | None,
) -> SpikeArray:
    """Pulses of a layer for spikes (samples, [steps,] inputs), each decision drawn."""
    # A neuron without a synapse has no circuit, and what isn't built makes no pulse.
    built = layer.fan_in > 0

    def fired(counts: NDArray[Any]) -> SpikeArray:
        chance = curve(margins(layer, counts, curve.unit, flux_per_synapse))
        return np.asarray((random.random(chance.shape) < chance) & built)

    counts = layer.counts(spikes)
    if layer.memory is None:
        return fired(counts)
    counts = counts.reshape(len(counts), -1, layer.outputs)
    pulses = np.empty(counts.shape, dtype=np.bool_)
    membrane = layer.memory.start((len(counts), layer.outputs))
    pulsed = np.zeros(membrane.shape, dtype=np.bool_)
    for step in range(counts.shape[1]):
        membrane = layer.memory.after(membrane, pulsed, counts[:, step])
        pulses[:, step] = pulsed = fired(membrane)
    return pulses.reshape(*spikes.shape[:-1], layer.outputs)


def from_votes(votes: NDArray[np.int64], labels: ArrayLike) -> Evaluation:
    """Of votes (samples, classes) against labels (samples,)."""
    top = votes == votes.max(axis=1, keepdims=True)
    return Evaluation(
        samples=len(votes),
        **{rule: vote_accuracy(votes, labels, rule) for rule in TIE_RULES},
        tied=float(np.mean(top.sum(axis=1) > 1)),
    )
