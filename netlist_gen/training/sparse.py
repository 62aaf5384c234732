"""Training steps over the synapses that are kept, where most are not.

Once the masks of a fully connected network leave a third of its weights or so, and weights that
are masked do not learn, nothing need be computed for those: a step here walks each neuron's kept
synapses with a batch's samples side by side, and makes forward pass, loss, backward pass and Adam
in a few compiled calls. It computes what ``netlist_gen.training.model`` and ``fused`` do, in
float32; a test holds the two together. Latent weights and Adam's moments are taken from the dense
tensors and put back, so that masks can move and runs be resumed between any two calls.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from netlist_gen.training.fused import (
    LEAST_SPREAD,
    SOFT_SLOPE,
    SURROGATE_SLOPE,
    loop,
    neuron_slopes,
    piece,
    row_gain,
    settled,
    slid,
)
from netlist_gen.training.model import (
    MAX_SHIFT,
    STATISTICS_MOMENTUM,
    TernarySpikingNet,
    TernaryThresholdLayer,
)
from netlist_gen.training.optimiser import Adam, Constants, moved
from netlist_gen.training.packed import PackedSpikes

DENSEST = 0.35
"""Share of the weights that are kept at which a step over them is the quicker one."""

DENSEST_BESIDE_MATRICES = 0.1
"""The same where dense steps are products of matrices of bfloat16: with AMX an epoch of
2352-2400-1200-200 takes 22 s, over a third of its weights 75 s, over a tenth of them 25 s."""

Floats = NDArray[np.float32]
_NONE: Floats = np.zeros((0, 0), np.float32)


@dataclass(frozen=True)
class Aims:
    """What a step learns from, beside labels.

    Attributes:
        soft_loss: share of the loss taken on the output membranes.
        penalty: weight of the pull on edges below 1/2.
        target: soft labels (samples, classes) of a teacher at its temperature, or None.
        distill: weight of them.
        temperature: by which scores are divided before they are held against them.
    """

    soft_loss: float
    penalty: float
    target: Floats | None = None
    distill: float = 0.0
    temperature: float = 1.0


class SparseSteps:
    """A network's kept synapses, and steps of training over them.

    Made when masks have moved; ``put_back`` before they move again, or the network is used.
    """

    def __init__(self, net: TernarySpikingNet, adam: Adam) -> None:
        self.net, self.adam = net, adam
        self.layers = [_Kept(layer, adam) for layer in net.trained]
        self.lines = np.flatnonzero(net.trained[0].mask.any(dim=0).numpy())

    @staticmethod
    def pays(net: TernarySpikingNet, densest: float = DENSEST) -> bool:
        """Whether so few weights are kept, in a network of a form that this can train."""
        if not net.operations.compiled:
            return False
        if any(layer.conv or layer.reset for layer in net.trained) or net.noisy:
            return False
        if len(net.trained) != len(net.layers) or any(x.real is None for x in net.trained):
            return False
        kept = sum(int(layer.mask.count_nonzero()) for layer in net.trained)
        return kept <= densest * sum(layer.weight.numel() for layer in net.trained)

    def step(
        self, spikes: PackedSpikes, rows: NDArray[np.int64], labels: NDArray[np.int64], aims: Aims
    ) -> float:
        """One step on samples (rows of packed spikes); returns the loss."""
        net, samples = self.net, len(rows)
        steps = math.prod(spikes.shape[:-1])
        # Rows of the same step side by side.
        flow: NDArray[Any] = np.empty((spikes.shape[-1], samples * steps), np.uint8)
        spikes.into(rows, self.lines, flow)
        flows = [flow]
        for layer in self.layers:
            flows.append(layer.forward(flows[-1]))
        last = self.layers[-1]
        scale = np.float32(net.log_scale.detach().exp())
        target = aims.target if aims.target is not None else np.zeros((0, 0), np.float32)
        by_spike, by_membrane = np.empty_like(last.membrane), np.empty_like(last.membrane)
        loss, on_scale = _score(
            flows[-1], last.membrane, labels, scale, steps, net.population,
            np.float32(aims.soft_loss), target,
            np.float32(aims.distill), np.float32(aims.temperature), by_spike, by_membrane,
        )  # fmt: skip
        constants = self.adam.next_step()
        for index in range(len(self.layers) - 1, -1, -1):
            layer, before = self.layers[index], flows[index]
            below: Floats = np.zeros(before.shape if index else (0, 0), np.float32)
            layer.backward(before, by_spike, by_membrane, aims.penalty, below, constants)
            by_spike, by_membrane = below, _NONE
        self.adam.move(net.log_scale, torch.tensor(on_scale), constants)
        return float(loss) + aims.penalty * sum(layer.excess for layer in self.layers)

    def put_back(self) -> None:
        """Write weights and moments to the dense tensors."""
        for layer in self.layers:
            layer.put_back()


class _Kept:
    """A layer's kept synapses, neuron after neuron, and what a step leaves for its way back."""

    def __init__(self, layer: TernaryThresholdLayer, adam: Adam) -> None:
        self.layer = layer
        self.dense = [part.numpy() for part in adam.of(layer.weight)]
        self.shift = [part.numpy() for part in adam.of(layer.shift)]
        self.at = np.nonzero(layer.mask.numpy())
        self.lines = self.at[1].astype(np.int32)
        counts = layer.mask.sum(dim=1).numpy()
        self.first = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        self.own = [np.ascontiguousarray(part[self.at]) for part in self.dense]
        self.used = np.empty_like(self.own[0])
        self.counts = self.membrane = np.zeros((0, 0), np.float32)
        self.statistics = np.zeros((5, len(counts)), np.float32)
        self.excess = 0.0

    def forward(self, before: NDArray[Any]) -> Floats:
        """Spikes (neurons, rows) of lines (lines, rows)."""
        layer = self.layer
        shape = torch.Size((len(self.first) - 1, before.shape[1]))
        if self.counts.shape != shape:
            self.counts, self.membrane = np.empty(shape, np.float32), np.empty(shape, np.float32)
        spikes = np.empty(shape, np.float32)
        noise = self.counts  # not looked at where there is none
        if layer.noise:
            noise = layer.draws(shape, layer.weight.device).numpy()
        real = 0.0 if layer.real is None else layer.real
        momentum = 0.0 if bool(layer.held) else STATISTICS_MOMENTUM
        self.excess = _forward(
            before, self.first, self.lines, self.own[0], np.float32(real), self.used,
            self.shift[0], layer.mean.numpy(), layer.spread.numpy(), np.float32(momentum),
            bool(layer.frozen), noise, np.float32(layer.noise), self.counts, self.membrane,
            spikes, self.statistics,
        )  # fmt: skip
        return spikes

    def backward(
        self,
        before: NDArray[Any],
        by_spike: Floats,
        by_membrane: Floats,
        penalty: float,
        below: Floats,
        constants: Constants,
    ) -> None:
        """Move weights and shifts by the gradients of spikes and membranes (neurons, rows).

        Adds the gradient of the lines (lines, rows) to ``below``, unless that is empty.
        """
        _backward(  # type: ignore[call-arg]
            before, self.first, self.lines, *self.own, self.used, *self.shift, self.counts,
            self.membrane, self.statistics, by_spike, by_membrane, np.float32(penalty), below,
            *constants,
        )  # fmt: skip

    def put_back(self) -> None:
        for dense, own in zip(self.dense, self.own, strict=True):
            dense[self.at] = own


@loop
def _forward(  # type: ignore[no-untyped-def]
    before, first, lines, weight, real, used, shift, running_mean, running_spread, momentum,
    frozen, noise, strength, counts, membrane, spikes, statistics,
):  # fmt: skip
    """Counts, membranes, spikes and statistics (mean, spread, edge, decided at, held against).

    Returns the mean distance, in spreads, by which edges lie below 1/2.
    """
    one, nothing, limit = np.float32(1.0), np.float32(0.0), np.float32(MAX_SHIFT)
    rows, neurons = before.shape[1], first.size - 1
    excess = 0.0
    for j in range(neurons):
        kept = first[j + 1] - first[j]
        total = nothing
        for e in range(first[j], first[j + 1]):
            total += abs(weight[e])
        gain = row_gain(total, np.float32(kept))
        n = counts[j]
        for b in range(rows):
            n[b] = nothing
        for e in range(first[j], first[j + 1]):
            w = slid(weight[e], gain, real)
            used[e] = w
            line = before[lines[e]]
            for b in range(rows):
                n[b] += w * np.float32(line[b])
        mean, square = nothing, nothing
        for b in range(rows):
            mean += n[b]
        mean /= np.float32(rows)
        for b in range(rows):
            square += (n[b] - mean) * (n[b] - mean)
        spread = max(np.float32(math.sqrt(square / np.float32(rows))), np.float32(LEAST_SPREAD))
        edge, decided, against, below = settled(
            j, mean, spread, shift, running_mean, running_spread, momentum, frozen, limit
        )
        statistics[0, j], statistics[1, j], statistics[2, j] = mean, spread, edge
        statistics[3, j], statistics[4, j] = decided, against
        excess += below
        scale = one / against
        u, out = membrane[j], spikes[j]
        for b in range(rows):
            u[b] = (n[b] - decided) * scale
        if strength > 0:
            push = noise[j]
            for b in range(rows):
                u[b] += strength * push[b]
        for b in range(rows):
            out[b] = one if u[b] > 0 else nothing
    return excess / neurons


@loop
def _backward(  # type: ignore[no-untyped-def]
    before, first, lines, weight, weight_m, weight_v, used, shift, shift_m, shift_v, counts,
    membrane, statistics, by_spike, by_membrane, penalty, below, decay, decay_v, size, root,
    epsilon,
):  # fmt: skip
    one, nothing = np.float32(1.0), np.float32(0.0)
    slope, half = np.float32(math.pi * SURROGATE_SLOPE / 2), np.float32(SURROGATE_SLOPE / 2)
    limit, rows, neurons = np.float32(MAX_SHIFT), before.shape[1], first.size - 1
    g = np.empty(rows, np.float32)
    for j in range(neurons):
        mean, spread, edge = statistics[0, j], statistics[1, j], statistics[2, j]
        decided, against = statistics[3, j], statistics[4, j]
        scale, n, u, given = one / against, counts[j], membrane[j], by_spike[j]
        for b in range(rows):
            steep = slope * u[b]
            g[b] = given[b] * half / (one + steep * steep)
        if by_membrane.size:
            pulled = by_membrane[j]
            for b in range(rows):
                g[b] += pulled[b]
        on_edge, on_scale = nothing, nothing
        for b in range(rows):
            on_edge -= g[b] * scale
            on_scale += g[b] * (n[b] - decided)
        pull, on_count, on_apart = neuron_slopes(
            on_edge, on_scale, edge, spread, against, shift[j], limit,
            penalty / np.float32(neurons), np.float32(rows),
        )  # fmt: skip
        for b in range(rows):
            g[b] = g[b] * scale + on_count + on_apart * (n[b] - mean)
        for e in range(first[j], first[j + 1]):
            line = before[lines[e]]
            slope_of = nothing
            for b in range(rows):
                slope_of += g[b] * np.float32(line[b])
            if below.size:
                w, under = used[e], below[lines[e]]
                for b in range(rows):
                    under[b] += w * g[b]
            weight[e], weight_m[e], weight_v[e] = moved(
                weight[e], weight_m[e], weight_v[e], slope_of, decay, decay_v, size, root, epsilon
            )
        shift[j], shift_m[j], shift_v[j] = moved(
            shift[j], shift_m[j], shift_v[j], pull, decay, decay_v, size, root, epsilon
        )


@loop
def _score(  # type: ignore[no-untyped-def]
    spikes, membrane, labels, scale, steps, population, soft_share, target, distill,
    temperature, by_spike, by_membrane,
):  # fmt: skip
    """The loss and the gradient of the logarithm of the scale; fills those of the outputs."""
    one, slope = np.float32(1.0), np.float32(SOFT_SLOPE)
    samples, classes = labels.size, spikes.shape[0] // population
    gain = scale / np.float32(steps * population)
    hard = np.zeros((classes, samples), np.float32)
    soft = np.zeros((classes, samples), np.float32)
    for j in range(spikes.shape[0]):
        u, kept = membrane[j], by_membrane[j]
        for row in range(samples * steps):
            kept[row] = _sigmoid(slope * u[row])
        for first in range(0, samples * steps, samples):
            votes, shares = hard[j // population], soft[j // population]
            fired, part = spikes[j, first : first + samples], kept[first : first + samples]
            for i in range(samples):
                votes[i] += gain * fired[i]
                shares[i] += gain * part[i]
    loss, on_scale = 0.0, 0.0
    own, on_own = np.empty(classes, np.float32), np.empty(classes, np.float32)
    for part in range(2):
        scores = soft if part else hard
        weight = (soft_share if part else one - soft_share) / np.float32(samples)
        for i in range(samples):
            own[:] = scores[:, i]
            lost = _entropy(own, labels[i], target, i, distill, temperature, on_own)
            loss += weight * lost
            for c in range(classes):
                scores[c, i] = on_own[c] * weight
                on_scale += scores[c, i] * own[c]
    for j in range(spikes.shape[0]):
        for first in range(0, samples * steps, samples):
            of_votes, of_shares = hard[j // population], soft[j // population]
            given = by_spike[j, first : first + samples]
            pulled = by_membrane[j, first : first + samples]
            for i in range(samples):
                s = pulled[i]
                given[i] = gain * of_votes[i]
                pulled[i] = gain * slope * s * (one - s) * of_shares[i]
    return loss, on_scale


@piece
def _sigmoid(x):  # type: ignore[no-untyped-def]
    """By the continued fraction of tanh(x / 2), within 1e-4 and no call in the loop."""
    half, most = np.float32(0.5), np.float32(5.0)
    u = min(max(half * x, -most), most)
    q = u * u
    above = np.float32(2027025) + q * (
        np.float32(270270) + q * (np.float32(6930) + q * np.float32(36))
    )
    below = np.float32(2027025) + q * (
        np.float32(945945) + q * (np.float32(51975) + q * (np.float32(630) + q))
    )
    return half + half * u * above / below


@loop
def _entropy(scores, label, target, row, distill, temperature, out):  # type: ignore[no-untyped-def]
    """Cross entropy with a label, and a teacher's soft one where there is any; fills the slope."""
    classes = scores.size
    plain = 1.0 - distill if target.size else 1.0
    top = scores.max()
    total = 0.0
    for c in range(classes):
        total += math.exp(scores[c] - top)
    log_total, loss = math.log(total), 0.0
    for c in range(classes):
        wanted = 1.0 if c == label else 0.0
        log_share = scores[c] - top - log_total
        loss -= plain * wanted * log_share
        out[c] = plain * (math.exp(log_share) - wanted)
    if target.size:
        total = 0.0
        for c in range(classes):
            total += math.exp((scores[c] - top) / temperature)
        log_total = math.log(total)
        for c in range(classes):
            log_share = (scores[c] - top) / temperature - log_total
            loss -= distill * temperature**2 * target[row, c] * log_share
            out[c] += distill * temperature * (math.exp(log_share) - target[row, c])
    return loss
