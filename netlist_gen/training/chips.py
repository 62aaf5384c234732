"""Chips of one network: each has neurons whose edges lie elsewhere, and thermal noise.

Of each chip every neuron draws by how much its decision's edge is off (``local``), and all of them
together once more (``common``); both are normal, in Phi0, and stay what they are for all samples
and steps. Each decision then draws its thermal noise from the firing curve:

    fires with the probability curve(unit * (n - theta + 1/2) - common - local)

with ``unit`` the flux of one synapse of that neuron. Accuracy over many chips, with its quantiles,
says what one that was made will reach.

Counts of the first layer are the same on all chips and made once. The chance of a pulse is worked
out for each count that a neuron can have, and only decisions that are not certain draw.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from netlist_gen.errors import ConfigurationError
from netlist_gen.network import TernaryLayer, TernaryNetwork
from netlist_gen.records import Record
from netlist_gen.training.evaluate import Evaluation, from_votes
from netlist_gen.training.noise import FiringCurve, FluxPerSynapse, layer_flux
from netlist_gen.votes import TIE_RULES, count_votes

QUANTILES = (0.05, 0.5, 0.95)

_ROWS = 16_384
"""Rows (samples times steps) that all chips go through together: tens of MB of counts. With the
seed it makes the draws, so it is no option."""


@dataclass(frozen=True)
class EdgeShift:
    """Standard deviations of the edge of a decision, Phi0.

    Attributes:
        local: from neuron to neuron of a chip.
        common: of all neurons of a chip, from chip to chip.
    """

    local: float
    common: float

    def __post_init__(self) -> None:
        for name, value in (("local", self.local), ("common", self.common)):
            if not 0.0 <= value < np.inf:
                raise ConfigurationError(
                    f"the {name} spread of the edge is {value:g} Phi0; 0 or more is needed"
                )


@dataclass(frozen=True)
class ChipFigures(Record):
    """Accuracy over chips by tie rule: quantiles (``"5 %"``), and of each chip the first rule."""

    chips: int
    seed: int
    mean: float
    quantiles: Mapping[str, Mapping[str, float]]
    each: tuple[float, ...]

    @staticmethod
    def of(found: Sequence[Evaluation], seed: int) -> ChipFigures:
        """The figures of evaluated chips."""
        first = tuple(one.lowest for one in found)
        quantiles: dict[str, dict[str, float]] = {
            rule: {
                f"{100 * q:g} %": float(np.quantile([getattr(one, rule) for one in found], q))
                for q in QUANTILES
            }
            for rule in TIE_RULES
        }
        return ChipFigures(len(found), seed, float(np.mean(first)), quantiles, first)


@dataclass(frozen=True)
class ChipRun(Record):
    """Chips of a network, and what they were drawn from.

    Attributes:
        spread: relative standard deviation of Ic, L and R.
        local_Phi0: of the edge, from neuron to neuron.
        global_Phi0: of the edge, from chip to chip.
        source: of these two.
        noise: of each decision, in words.
        figures: the accuracy.
    """

    spread: float
    local_Phi0: float
    global_Phi0: float
    source: str
    noise: str
    figures: ChipFigures


def evaluate_chips(
    network: TernaryNetwork,
    x: ArrayLike,
    labels: ArrayLike,
    curve: FiringCurve,
    shift: EdgeShift,
    *,
    chips: int,
    seed: int,
    flux_per_synapse: FluxPerSynapse,
    tick: Callable[[int], None] = lambda _: None,
) -> list[Evaluation]:
    """Accuracy of each of so many chips.

    Args:
        network: the integer model.
        x: spikes, shape (samples, inputs) or (samples, steps, inputs).
        labels: shape (samples,).
        curve: thermal noise of a decision, in either unit.
        shift: how the edges scatter.
        chips: how many.
        seed: of all draws.
        flux_per_synapse: of each neuron, Phi0.
        tick: told how many chips are done, several times each where samples are many.

    Raises:
        NetworkError: inputs or labels that don't fit the network.
        ConfigurationError: no chip, or a network with a memory.
    """
    if network.has_memory:
        raise ConfigurationError(
            "chips are asked for, and the network's membranes last; how far edges lie off is known "
            "for neurons without memory only"
        )
    if chips < 1:
        raise ConfigurationError(f"{chips} chips; at least 1 is needed")
    spikes = network.check_inputs(x)
    rows = spikes.reshape(-1, network.inputs)
    layers = [_Layer(layer, curve, flux_per_synapse) for layer in network.layers]
    edges = _edges(network, shift, chips, seed)
    outputs = np.empty((chips, len(rows), network.outputs), dtype=bool)
    blocks = range(0, len(rows), _ROWS)
    for block, start in enumerate(blocks):
        part = slice(start, start + _ROWS)
        first = layers[0].counts(np.ascontiguousarray(rows[part].T))
        for chip in range(chips):
            random = np.random.default_rng([seed, 1, chip, block])
            flow = layers[0].fired(first, edges[0][chip], random)
            for layer, own in zip(layers[1:], edges[1:], strict=True):
                flow = layer.fired(layer.counts(flow), own[chip], random)
            outputs[chip, part] = flow.T
            tick((block * chips + chip + 1) // len(blocks))
    shape = (*spikes.shape[:-1], network.outputs)
    return [
        from_votes(count_votes(one.reshape(shape), network.population), labels) for one in outputs
    ]


class _Layer:
    """A layer ready for many chips; spikes and counts are by neuron: (neurons, rows)."""

    def __init__(
        self, layer: TernaryLayer, curve: FiringCurve, flux_per_synapse: FluxPerSynapse
    ) -> None:
        from scipy.sparse import csr_matrix

        self.curve = curve
        flux = layer_flux(layer, flux_per_synapse)[:, None]
        unit = flux if curve.unit == "Phi0" else np.ones_like(flux)
        self.per_phi0 = unit / flux
        """Of the curve's unit, by neuron."""
        low, high = layer.count_range.T
        # Counts stay within the fan-in, bounds within one beside it, and the narrowest integers go
        # through a core fastest.
        self.kind = np.min_scalar_type(-int(layer.fan_in.max()) - 2)
        self.weights = csr_matrix(layer.weights.astype(self.kind))
        self.low = low
        every = low[:, None] + np.arange(int((high - low).max()) + 1)
        self.margin = unit * (every - layer.theta[:, None] + 0.5)
        """Of each count that a neuron could have, from ``low`` on, in the curve's unit."""
        # A neuron without a synapse has no circuit, and what isn't built makes no pulse.
        self.silent = layer.fan_in == 0

    def counts(self, spikes: NDArray[np.bool_]) -> NDArray[np.signedinteger]:
        """n of each neuron, exact."""
        found: NDArray[np.signedinteger] = self.weights @ spikes.astype(self.kind)
        return found

    def fired(
        self,
        counts: NDArray[np.signedinteger],
        edge: NDArray[np.float64],
        random: np.random.Generator,
    ) -> NDArray[np.bool_]:
        """Which neurons fire on a chip; ``edge`` is by how much theirs are off, Phi0."""
        chance = self.curve(self.margin - self.per_phi0 * edge[:, None])
        chance[self.silent] = 0.0
        # Below ``first`` a neuron is sure to be silent, above ``last`` it is sure to fire.
        first = (self.low + (chance <= 0.0).sum(axis=1)).astype(self.kind)[:, None]
        last = (self.low + (chance < 1.0).sum(axis=1) - 1).astype(self.kind)[:, None]
        fired = counts > last
        drawn = np.flatnonzero((counts >= first) & ~fired)
        neuron = drawn // counts.shape[1]
        at = neuron * chance.shape[1] + counts.ravel()[drawn] - self.low[neuron]
        share = chance.astype(np.float32).ravel()[at]
        fired.ravel()[drawn] = random.random(drawn.size, dtype=np.float32) < share
        return fired


def _edges(
    network: TernaryNetwork, shift: EdgeShift, chips: int, seed: int
) -> list[NDArray[np.float64]]:
    """By how much each neuron's edge is off, Phi0: of each layer (chips, neurons).

    Each chip has its own draws, whatever the number of chips.
    """
    found = [np.empty((chips, layer.outputs)) for layer in network]
    for chip in range(chips):
        random = np.random.default_rng([seed, 0, chip])
        common = shift.common * random.standard_normal()
        for layer in found:
            layer[chip] = common + shift.local * random.standard_normal(layer.shape[1])
    return found
