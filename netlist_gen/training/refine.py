"""Exact search after training: single changes of the integer network that lower its loss.

Training moves thousands of latent weights by an estimated gradient. What is left afterwards is a
small discrete network, and of a small one the exact effect of every single change can be known: of
a synapse moved to another line or with its sign turned, of one more or less, of a threshold one
higher or lower. The search visits neuron after neuron and makes the best changes that it finds.

For a neuron, ``benefit[r]`` is what the loss would lose or gain if the neuron's spike in row r
were the other one. Any change of the neuron costs the sum of ``benefit`` over the rows that it
turns (exact for one step; for several the total is compared before changes are kept), and turns
the sign of ``benefit`` there, so that a next change of the same neuron is priced as exactly. A
synapse more on line k turns rows in which the neuron is one count short and k carries a pulse, so
that all lines are priced in one pass over the near rows.

The loss is the cross entropy of softmax(sharpness * votes), with the sharpness that suits the
network best.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from netlist_gen.errors import ConfigurationError
from netlist_gen.network import TernaryNetwork
from netlist_gen.training import turning
from netlist_gen.votes import check_labels

_TOP = 8  # removals and additions of which all pairs are weighed
_PAIRS = 16  # best pairs that are tried exactly
_VISIT = 2  # most changes of a neuron in a visit: more suits it to neighbours as they are now
_FAINT = 1e-4  # nats: a row in which a spike changes less does not count
_SHARPNESS = np.geomspace(0.1, 4.0, 24)
_AT_ONCE = 8192  # rows whose counts are made at once


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
            training images closer; a few hundredths per thousand images generalise where tens of
            thousands of images are given.
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
    return Refined(search.network, before, search.whole / search.samples, changes)


class _Change(NamedTuple):
    """What is added to the weights of two lines, and to the threshold."""

    first: int = 0
    by_first: int = 0
    second: int = 0
    by_second: int = 0
    theta: int = 0

    @property
    def back(self) -> _Change:
        """The change that undoes it."""
        return _Change(self.first, -self.by_first, self.second, -self.by_second, -self.theta)


class _Visit(NamedTuple):
    """A neuron's counts less its threshold, benefit (rows,), and lines (rows, lines)."""

    ahead: NDArray[np.int16]
    benefit: NDArray[np.float64]
    lines: NDArray[np.uint8]

    def near(self) -> NDArray[np.int32]:
        """Rows that a change can turn. Most images are read so surely that none matters."""
        rows = np.empty(len(self.ahead), np.int32)
        found: int = turning.near(self.ahead, self.benefit, _FAINT, rows)
        return rows[:found]

    def prices(self, near: NDArray[np.int32], changes: Sequence[_Change]) -> NDArray[np.float64]:
        """What each change would change the loss by."""
        found = np.empty(len(changes))
        turning.prices(near, *self, np.array(changes, np.int64), found)
        return found


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
        self.population = network.population
        self.fan_in, self.least_gain = fan_in, least_gain
        self.weights = [layer.weights.astype(np.int8) for layer in network.layers]
        self.thetas = [layer.theta.astype(np.int64) for layer in network.layers]
        hidden, output = network.layers
        rows = np.ascontiguousarray(spikes.reshape(-1, network.inputs))
        # Of the hidden neurons, counts less threshold (neurons, rows) and spikes (rows, neurons);
        # of the outputs, counts (rows, neurons).
        self.ahead = np.empty((hidden.outputs, len(rows)), np.int16)
        fired = np.empty((len(rows), hidden.outputs), np.uint8)
        self.counts = np.empty((len(rows), output.outputs), np.int16)
        for start in range(0, len(rows), _AT_ONCE):
            part = slice(start, start + _AT_ONCE)
            ahead = hidden.counts(rows[part]) - hidden.theta
            self.ahead[:, part], fired[part] = ahead.T, ahead >= 0
            self.counts[part] = output.counts(ahead >= 0)
        self.lines = [rows.view(np.uint8), fired]
        votes = (self.counts >= output.theta).reshape(
            self.samples, self.steps, network.classes, self.population
        )
        self.votes = np.ascontiguousarray(votes.sum(axis=(1, 3), dtype=np.int64))
        self.odds, self.totals = np.empty(self.votes.shape), np.empty(self.samples)
        self.sharpness = 1.0
        self.tune()

    @property
    def network(self) -> TernaryNetwork:
        """As it is now."""
        thetas = [theta.astype(np.int32) for theta in self.thetas]
        return TernaryNetwork.from_arrays(self.weights, thetas, self.population)

    def tune(self) -> None:
        """Take the sharpness of least loss."""
        losses = [self._weigh(sharpness) for sharpness in _SHARPNESS]
        self.sharpness = float(_SHARPNESS[np.argmin(losses)])
        self.whole = self._weigh(self.sharpness)

    def _weigh(self, sharpness: float) -> float:
        """Set odds and their sums; the whole loss."""
        return float(turning.weigh(self.votes, self.labels, sharpness, self.odds, self.totals))

    def visit(self, layer: int, j: int, budget: int) -> int:
        """Make the best changes of a neuron that save enough; returns the number made."""
        at, made, before = self._seen(layer, j), list[_Change](), self.whole
        while len(made) < _VISIT:
            near = at.near()
            changes = self._changes(layer, j, at, near, budget)
            prices = at.prices(near, changes)
            best = int(np.argmin(prices))
            if prices[best] > -self.least_gain:
                break
            made.append(changes[best])
            self._add(layer, j, made[-1], at)
        if not made:
            return 0
        self._settle(layer, j, at, made)
        if self.whole <= before - self.least_gain / 2:
            return len(made)
        undone = [change.back for change in reversed(made)]
        for change in undone:
            self._add(layer, j, change, at)
        self._settle(layer, j, at, undone)
        return 0

    def _seen(self, layer: int, j: int) -> _Visit:
        """A neuron's counts, and what its spikes are worth."""
        benefit = np.empty(len(self.counts))
        odds = self.odds, self.totals, self.labels
        if layer == 1:
            ahead = (self.counts[:, j] - self.thetas[1][j]).astype(np.int16)
            c = j // self.population
            turning.by_votes(ahead, c, *odds, self.sharpness, self.steps, benefit)
        else:
            ahead = self.ahead[j].copy()
            members, weights = self._fed(j)
            powers = np.exp(self.sharpness * np.arange(-members.size, members.size + 1))
            turning.by_outputs(
                self.lines[1][:, j], self.counts, self.thetas[1], weights, members,
                self.population, *odds, powers, self.sharpness, self.steps, benefit,
            )  # fmt: skip
        return _Visit(ahead, benefit, self.lines[layer])

    def _fed(self, j: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The outputs that a hidden neuron feeds, and by which weights."""
        members = np.flatnonzero(self.weights[1][:, j])
        return members, self.weights[1][members, j].astype(np.int64)

    def _changes(
        self, layer: int, j: int, at: _Visit, near: NDArray[np.int32], budget: int
    ) -> list[_Change]:
        """Changes worth trying: all of one threshold or sign, the best of the others."""
        weights = self.weights[layer][j]
        present = np.flatnonzero(weights)
        changes = [_Change(theta=1)]
        if self.thetas[layer][j] > 1:
            changes.append(_Change(theta=-1))
        changes += [_Change(int(i), -2 * int(weights[i])) for i in present]
        more, less = np.empty((2, weights.size), np.float32)
        turning.by_lines(near, *at, more, less)
        # Removing a line that excites is one count less, of one that inhibits one more.
        removal = np.where(weights[present] > 0, less[present], more[present])
        free = weights == 0
        additions = np.concatenate([np.where(free, more, np.inf), np.where(free, less, np.inf)])
        adds = [
            (int(a) % weights.size, 1 if a < weights.size else -1, float(additions[a]))
            for a in np.argsort(additions, kind="stable")[:_TOP]
            if np.isfinite(additions[a])
        ]
        drops = [
            (int(present[i]), float(removal[i])) for i in np.argsort(removal, kind="stable")[:_TOP]
        ]
        used = sum(int(np.count_nonzero(w)) for w in self.weights)
        if used < budget and present.size < self.fan_in[layer]:
            changes += [_Change(k, value) for k, value, _ in adds]
        if present.size > 1:
            changes += [_Change(i, -int(weights[i])) for i, _ in drops]
        pairs = sorted(
            ((lost + won, i, k, value) for i, lost in drops for k, value, won in adds),
            key=lambda pair: pair[0],
        )
        changes += [_Change(i, -int(weights[i]), k, value) for _, i, k, value in pairs[:_PAIRS]]
        return changes

    def _add(self, layer: int, j: int, change: _Change, at: _Visit) -> None:
        """Make a change of the neuron that is visited; what follows of it is to be settled."""
        turning.move(*at, *change)
        self.weights[layer][j, change.first] += change.by_first
        self.weights[layer][j, change.second] += change.by_second
        self.thetas[layer][j] += change.theta

    def _settle(self, layer: int, j: int, at: _Visit, made: Sequence[_Change]) -> None:
        """Take a visit's changes over into counts, votes and loss."""
        if layer == 1:
            after = int(self.thetas[1][j])
            before = after - sum(change.theta for change in made)
            turning.revote(
                at.ahead, j, self.counts, before, after, self.population, self.votes, self.steps
            )
        else:
            self.ahead[j] = at.ahead
            members, weights = self._fed(j)
            turning.pass_on(
                at.ahead, j, self.lines[1], self.counts, self.thetas[1], weights, members,
                self.population, self.votes, self.steps,
            )  # fmt: skip
        self.whole = self._weigh(self.sharpness)
