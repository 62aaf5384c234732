"""What every neuron and class of a network must do, from the integer model and nothing else.

``NetworkSpikes.of(network, windows)`` runs ``TernaryNetwork.forward`` once; a verification carries
the result to each deck that it judges. Nothing here has seen a circuit: not its sites, not its
wiring, not its thresholds.

A deck of a whole network may begin with start-up windows (``with_startup``), before those of the
samples; ``startup`` is how many there are. In the first no line carries a pulse and no neuron
fires, in the second every line does and every neuron fires, whatever its weights say.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from netlist_gen.network import TernaryNetwork
from netlist_gen.votes import count_votes

BoolArray = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class NeuronSpikes:
    """What one neuron must do in each window.

    Attributes:
        layer: of the neuron.
        neuron: its place in the layer.
        theta: its threshold.
        lines: input lines of its synapses, rising.
        signs: int8, shape (synapses,): +1 or -1 for each line.
        arrivals: bool, shape (windows, synapses): which lines carry a pulse.
        fires: bool, shape (windows,).
        startup: how many of the windows, the first ones, are start-up windows.
    """

    layer: int
    neuron: int
    theta: int
    lines: tuple[int, ...]
    signs: NDArray[np.int8]
    arrivals: BoolArray
    fires: BoolArray
    startup: int = 0

    @property
    def count(self) -> NDArray[np.int64]:
        """n in each window: pulses on +1 lines less pulses on -1 lines, shape (windows,)."""
        return np.asarray(self.arrivals.astype(np.int64) @ self.signs.astype(np.int64))

    def part(self, first: int, beyond: int) -> NeuronSpikes:
        """The windows from ``first`` up to, not including, ``beyond``."""
        some = slice(first, beyond)
        left = _left(self.startup, first, beyond)
        return replace(self, arrivals=self.arrivals[some], fires=self.fires[some], startup=left)

    def arrivals_by_line(self) -> Iterator[tuple[int, BoolArray]]:
        """Each input line with its pulses, shape (windows,)."""
        return zip(self.lines, self.arrivals.T, strict=True)


@dataclass(frozen=True, eq=False)
class NetworkSpikes:
    """The spikes of a network in each window.

    Attributes:
        network: the integer model.
        layers: bool arrays of shape (windows, width): the inputs, then each layer's outputs.
        startup: how many of the windows, the first ones, are start-up windows.
    """

    network: TernaryNetwork
    layers: tuple[BoolArray, ...]
    startup: int = 0

    @staticmethod
    def of(network: TernaryNetwork, windows: BoolArray) -> NetworkSpikes:
        """Of input pulses, bool of shape (windows, inputs).

        Raises:
            NetworkError: inputs of another shape or value.
        """
        return NetworkSpikes(network, (network.check_inputs(windows), *network.forward(windows)))

    @property
    def windows(self) -> int:
        """How many."""
        return int(self.layers[0].shape[0])

    def part(self, first: int, beyond: int) -> NetworkSpikes:
        """The windows from ``first`` up to, not including, ``beyond``."""
        layers = tuple(layer[first:beyond] for layer in self.layers)
        return NetworkSpikes(self.network, layers, _left(self.startup, first, beyond))

    def with_startup(self) -> NetworkSpikes:
        """The same windows behind two start-up windows, the silent one and the full one.

        A neuron of the last layer without a synapse votes for nothing there either: it has no
        circuit. The line of any other carries a pulse, from a source where it has none.
        """
        before = [np.zeros((2, layer.shape[1]), dtype=bool) for layer in self.layers]
        for layer in before:
            layer[1] = True
        before[-1][1] = self.network.layers[-1].fan_in > 0
        layers = tuple(np.vstack(pair) for pair in zip(before, self.layers, strict=True))
        return NetworkSpikes(self.network, layers, startup=2)

    def neuron(self, layer: int, neuron: int) -> NeuronSpikes:
        """Those of one neuron."""
        own = self.network.layers[layer]
        weights = own.weights[neuron]
        lines = np.flatnonzero(weights)
        return NeuronSpikes(
            layer,
            neuron,
            int(own.theta[neuron]),
            tuple(lines.tolist()),
            weights[lines],
            self.layers[layer][:, lines],
            self.layers[layer + 1][:, neuron],
            self.startup,
        )

    def votes(self) -> NDArray[np.int64]:
        """Votes of each class in each window, shape (windows, classes)."""
        return count_votes(self.layers[-1], self.network.population)


def _left(startup: int, first: int, beyond: int) -> int:
    """How many of the windows from ``first`` to ``beyond`` are among the first ``startup``."""
    return max(0, min(startup, beyond) - first)


def driven_neuron(
    network: TernaryNetwork, layer: int, neuron: int, arrivals: BoolArray
) -> NeuronSpikes:
    """What one neuron of a network must do whose own lines carry given pulses.

    Args:
        network: the integer model.
        layer: of the neuron.
        neuron: its place in the layer.
        arrivals: bool, shape (windows, synapses), of its lines in their order.
    """
    own = network.layers[layer]
    weights = own.weights[neuron]
    lines = np.flatnonzero(weights)
    alone = lone_neuron(weights[lines].tolist(), int(own.theta[neuron]), arrivals)
    return replace(alone, layer=layer, neuron=neuron, lines=tuple(lines.tolist()))


def lone_neuron(signs: Sequence[int], theta: int, arrivals: BoolArray) -> NeuronSpikes:
    """What a neuron that stands alone must do: line k feeds synapse k.

    Args:
        signs: +1 or -1 for each synapse.
        theta: threshold.
        arrivals: bool, shape (windows, synapses).
    """
    network = TernaryNetwork.from_arrays([[list(signs)]], [[theta]])
    return NetworkSpikes.of(network, arrivals).neuron(0, 0)
