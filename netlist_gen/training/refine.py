"""Exact search after training: single changes of the integer network that lower its loss.

Training moves thousands of latent weights by an estimated gradient. What is left afterwards is a
small discrete network, and of a small one the exact effect of every single change can be known: of
a synapse moved to another line or with its sign turned, of one more or less, of a threshold one
higher or lower. The search visits neuron after neuron and makes the best change that it finds.

For a neuron, ``benefit[r]`` is what the loss would lose or gain if the neuron's spike in row r
were the other one. Any change of the neuron costs the sum of ``benefit`` over the rows that it
turns (exact for one step; for several the total is compared before a change is kept). A synapse
more on line k turns rows in which the neuron is one count short and k carries a pulse, so that all
lines are priced by one product of the near rows with their benefits.

The loss is the cross entropy of softmax(sharpness * votes), with the sharpness that suits the
network best.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
from numpy.typing import ArrayLike, NDArray

from netlist_gen.errors import ConfigurationError
from netlist_gen.network import TernaryNetwork
from netlist_gen.votes import check_labels

Loss = NDArray[np.float64]
_TOP = 6  # removals and additions of which all pairs are weighed
_PAIRS = 10  # best pairs that are tried exactly
_FAINT = 1e-4  # nats: a row in which a spike changes less does not count
_SHARPNESS = np.geomspace(0.1, 4.0, 16)


@dataclass(frozen=True)
class Refined:
    """The network found, the mean loss per image before and after, the changes made."""

    network: TernaryNetwork
    before: float
    after: float
    changes: int


def refine(
    network: TernaryNetwork,
    x: ArrayLike,
    labels: ArrayLike,
    *,
    fan_in: Sequence[int],
    least_gain: float,
    max_synapses: int | None = None,
    seed: int,
) -> Refined:
    """Search for better weights and thresholds of a network with one hidden layer.

    Every neuron is visited once.

    Args:
        network: one hidden layer; thresholds stay at 1 or more.
        x: spikes (samples, inputs) or (samples, steps, inputs) of training images.
        labels: (samples,).
        fan_in: most synapses per neuron, hidden and output.
        least_gain: loss (nats over all images) that a change must save to be made. Less fits the
            training images closer; a few tenths per thousand images generalise.
        max_synapses: most of the whole network; default: as many as it has.
        seed: of the order of the neurons.

    Raises:
        ConfigurationError: not one hidden layer.
    """
    if len(network.layers) != 2:
        raise ConfigurationError(
            f"the search takes a network of one hidden layer, not of {len(network.layers) - 1}"
        )
    search = _ExactSearch(network, x, labels, tuple(fan_in), least_gain)
    budget = network.synapses if max_synapses is None else max_synapses
    before, changes = search.whole / search.samples, 0
    visits = [(layer, j) for layer in (0, 1) for j in range(len(search.weights[layer]))]
    for index in np.random.default_rng(seed).permutation(len(visits)):
        layer, j = visits[index]
        changes += search.visit(layer, j, budget)
    search.tune()
    found = TernaryNetwork.from_arrays(search.weights, search.thetas, network.population)
    return Refined(found, before, search.whole / search.samples, changes)


@dataclass(frozen=True)
class _Change:
    """New values of a neuron's weights (by line) and threshold."""

    lines: tuple[int, ...]
    values: tuple[int, ...]
    theta: int

    def counts(
        self, weights: NDArray[np.int8], before: NDArray[Any], lines: NDArray[np.uint8]
    ) -> NDArray[Any]:
        """Counts (rows,) of a neuron of these weights, where they were ``before``."""
        for line, value in zip(self.lines, self.values, strict=True):
            before = before + before.dtype.type(value - int(weights[line])) * lines[line]
        return before


@dataclass(frozen=True)
class _Near:
    """Rows in which a neuron's spike matters: benefit, counts (rows,), lines (lines, rows)."""

    benefit: Loss
    counts: NDArray[np.int64]
    lines: NDArray[np.uint8]


class _ExactSearch:
    """The network, and its counts, spikes and loss in all rows (samples times steps)."""

    def __init__(
        self,
        network: TernaryNetwork,
        x: ArrayLike,
        labels: ArrayLike,
        fan_in: tuple[int, ...],
        least_gain: float,
    ) -> None:
        spikes = network.check_inputs(x)
        self.samples = len(spikes)
        self.steps = spikes.shape[1] if spikes.ndim == 3 else 1
        self.labels = check_labels(labels, samples=self.samples, classes=network.classes)
        self.population, self.classes = network.population, network.classes
        self.fan_in, self.least_gain = fan_in, least_gain
        self.weights = [layer.weights.astype(np.int8) for layer in network.layers]
        self.thetas = [layer.theta.astype(np.int32) for layer in network.layers]
        rows = spikes.reshape(-1, network.inputs)
        hidden, output = network.layers
        counts = hidden.counts(rows)
        fired = counts >= hidden.theta
        # Lines in, (lines, rows), and counts, (neurons, rows), of each layer.
        self.lines = [np.ascontiguousarray(x.T, dtype=np.uint8) for x in (rows, fired)]
        self.counts = [
            np.ascontiguousarray(n.T, dtype=np.int16) for n in (counts, output.counts(fired))
        ]
        self.votes = self._count_votes()
        self.sharpness = 1.0
        self.tune()

    def tune(self) -> None:
        """Take the sharpness of least loss."""
        losses = [np.log(self._odds(sharpness).sum(axis=1)).sum() for sharpness in _SHARPNESS]
        self.sharpness = float(_SHARPNESS[np.argmin(losses)])
        self._weigh()

    def _weigh(self) -> None:
        """Odds of each sample and class, their sum, and the whole loss."""
        self.odds = self._odds(self.sharpness)
        self.totals = self.odds.sum(axis=1)
        self.whole = float(np.log(self.totals).sum())

    def _odds(self, sharpness: float) -> Loss:
        """exp(score - own score) of each sample and class."""
        own = self.votes[np.arange(self.samples), self.labels]
        return np.asarray(np.exp(sharpness * (self.votes - own[:, None])))

    def _count_votes(self) -> NDArray[np.int64]:
        fired = self.counts[1] >= self.thetas[1][:, None]
        grouped = fired.reshape(self.classes, self.population, self.samples, self.steps)
        return np.ascontiguousarray(grouped.sum(axis=(1, 3)).T, dtype=np.int64)

    def visit(self, layer: int, j: int, budget: int) -> int:
        """Make the best change of a neuron if it saves enough; returns the number made."""
        benefit = self._benefit(layer, j)
        # Most images are read so surely that one spike changes nothing: the others decide.
        rows = np.flatnonzero(np.abs(benefit) > _FAINT)
        near = _Near(
            benefit[rows],
            self.counts[layer][j][rows].astype(np.int64),
            np.ascontiguousarray(self.lines[layer][:, rows]),
        )
        fires = near.counts >= self.thetas[layer][j]
        best, found = -self.least_gain, None
        for change in self._changes(layer, j, near, budget):
            turned = change.counts(self.weights[layer][j], near.counts, near.lines) >= change.theta
            gain = float(near.benefit[turned != fires].sum())
            if gain < best:
                best, found = gain, change
        return 0 if found is None else self._apply(layer, j, found)

    def _benefit(self, layer: int, j: int) -> Loss:
        """Change of the loss if the neuron's spike in a row were the other one, (rows,)."""
        if layer == 1:
            spikes = (self.counts[1][j] >= self.thetas[1][j]).astype(np.uint8)
            # Turning an output's spike is turning a vote: a neuron that copies it says so.
            members, weights = np.array([j]), np.array([1], dtype=np.int16)
            counts, edges = spikes[None].astype(np.int16), np.array([1], dtype=np.int32)
        else:
            spikes = self.lines[1][j]
            members = np.flatnonzero(self.weights[1][:, j])
            weights = self.weights[1][members, j].astype(np.int16)
            counts, edges = self.counts[1][members], self.thetas[1][members]
        return np.asarray(
            _turning(
                spikes,
                counts,
                edges,
                weights,
                members // self.population,
                self.odds,
                self.totals,
                self.labels,
                np.exp(self.sharpness * np.arange(-members.size, members.size + 1)),
                self.sharpness,
                self.steps,
            )
        )

    def _changes(self, layer: int, j: int, near: _Near, budget: int) -> list[_Change]:
        """Changes worth trying: all of one threshold or sign, the best of the others."""
        weights, theta = self.weights[layer][j], int(self.thetas[layer][j])
        present = np.flatnonzero(weights)
        changes = [_Change((), (), theta + 1)]
        if theta > 1:
            changes.append(_Change((), (), theta - 1))
        changes += [_Change((int(i),), (-int(weights[i]),), theta) for i in present]
        # Cost of one count more and of one less on each line, (lines,) each.
        distance = near.counts - theta
        up, down = (
            near.lines[:, distance == short].astype(np.float32)
            @ near.benefit[distance == short].astype(np.float32)
            for short in (-1, 0)
        )
        # Removing a line that excites is one count less, of one that inhibits one more.
        removal = np.where(weights[present] > 0, down[present], up[present])
        free = weights == 0
        additions = np.concatenate([np.where(free, up, np.inf), np.where(free, down, np.inf)])
        order = np.argsort(additions, kind="stable")[:_TOP]
        adds = [
            (int(a) % weights.size, 1 if a < weights.size else -1, additions[a])
            for a in order
            if np.isfinite(additions[a])
        ]
        drops = [(int(present[i]), removal[i]) for i in np.argsort(removal, kind="stable")[:_TOP]]
        used = sum(int(np.count_nonzero(w)) for w in self.weights)
        if used < budget and present.size < self.fan_in[layer]:
            changes += [_Change((k,), (value,), theta) for k, value, _ in adds]
        if present.size > 1:
            changes += [_Change((i,), (0,), theta) for i, _ in drops]
        pairs = sorted(
            ((lost + won, i, k, value) for i, lost in drops for k, value, won in adds),
            key=lambda pair: pair[0],
        )
        changes += [_Change((i, k), (0, value), theta) for _, i, k, value in pairs[:_PAIRS]]
        return changes

    def _apply(self, layer: int, j: int, change: _Change) -> int:
        """Make a change; take it back if the whole loss doesn't fall enough after all."""
        lines, before = list(change.lines), self.whole
        back = _Change(
            change.lines, tuple(self.weights[layer][j, lines]), int(self.thetas[layer][j])
        )
        self._make(layer, j, change)
        if self.whole <= before - self.least_gain / 2:
            return 1
        self._make(layer, j, back)
        return 0

    def _make(self, layer: int, j: int, change: _Change) -> None:
        counts = change.counts(self.weights[layer][j], self.counts[layer][j], self.lines[layer])
        self.counts[layer][j] = counts
        self.weights[layer][j, list(change.lines)] = change.values
        self.thetas[layer][j] = change.theta
        if layer == 0:
            step = -self.lines[1][j].astype(np.int16)
            self.lines[1][j] = counts >= change.theta
            step += self.lines[1][j]
            for o in np.flatnonzero(self.weights[1][:, j]):
                self.counts[1][o] += np.int16(self.weights[1][o, j]) * step
        self.votes = self._count_votes()
        self._weigh()


@numba.njit(cache=True)
def _turning(  # type: ignore[no-untyped-def]
    spikes, counts, edges, weights, classes, odds, totals, labels, powers, sharpness, steps
):
    """Change of the loss if the spike of each row were turned, with the rest as it is.

    ``powers[i]`` is exp(sharpness * (i - members)): what a class's odds gain with i - members
    votes.
    """
    members = weights.size
    result = np.zeros(spikes.size)
    change = np.zeros(odds.shape[1], dtype=np.int64)
    for row in range(spikes.size):
        step = 1 - 2 * np.int64(spikes[row])
        turned = False
        for m in range(members):
            before = counts[m, row]
            vote = np.int64(before + weights[m] * step >= edges[m]) - np.int64(before >= edges[m])
            if vote != 0:
                change[classes[m]] += vote
                turned = True
        if not turned:
            continue
        sample = row // steps
        total = totals[sample]
        for m in range(members):
            c = classes[m]
            if change[c] != 0:
                total += odds[sample, c] * (powers[change[c] + members] - 1.0)
                if c == labels[sample]:
                    result[row] -= sharpness * change[c]
                change[c] = 0
        result[row] += np.log(total / totals[sample])
    return result
