"""What every neuron and class of a network must do, from the integer model and nothing else.

``NetworkSpikes.of(network, windows)`` runs ``TernaryNetwork.forward`` once; a verification carries
the result to each deck that it judges. Nothing here has seen a circuit: not its sites, not its
wiring, not its thresholds.

Where membranes last (``netlist_gen.memory``), each sample begins with a clearing window, in which
no line carries a pulse, no decision clock comes and all storage loops are emptied; a window for
each of its steps follows.

A deck of a whole network may begin with start-up windows (``with_startup``), before those of the
samples; ``startup`` is how many there are. In the first no line carries a pulse and no neuron
fires, in the second every line does and every neuron fires, whatever its weights say.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from netlist_gen.errors import NetworkError
from netlist_gen.memory import Memory, Reset
from netlist_gen.network import TernaryNetwork
from netlist_gen.votes import count_votes

BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class LoopContents:
    """What the storage loops of a neuron with a memory take in and give out, window by window.

    Attributes:
        membrane: as the decision of each window sees it, shape (windows,); 0 in clearing windows.
        own: bool, shape (windows, amount): pulses of the neuron's own that are counted against it,
            in so many loops as one takes off.
        leaving: fluxons that leave each loop, shape (windows, synapses + amount).
        emptied: bool, shape (windows,): whether all loops are emptied.
    """

    membrane: IntArray
    own: BoolArray
    leaving: IntArray
    emptied: BoolArray


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
        clocked: bool, shape (windows,): whether the decision clock comes.
        startup: how many of the windows, the first ones, are start-up windows.
        reset: what its own pulse does to its membrane; None where that does not last.
        amount: what a pulse takes off.
    """

    layer: int
    neuron: int
    theta: int
    lines: tuple[int, ...]
    signs: NDArray[np.int8]
    arrivals: BoolArray
    fires: BoolArray
    clocked: BoolArray
    startup: int = 0
    reset: Reset | None = None
    amount: int = 0

    @cached_property
    def contents(self) -> LoopContents | None:
        """Of its loops, empty before the first window; None where the membrane does not last."""
        if self.reset is None:
            return None
        own = np.repeat(self.fires[:, None], self.amount, axis=1)
        into = np.hstack([self.arrivals, own]).astype(np.int64)
        every = np.concatenate([self.signs.astype(np.int64), np.full(self.amount, -1)])
        emptied = ~self.clocked | self.fires if self.reset == "zero" else ~self.clocked
        membrane, leaving = np.zeros(self.fires.size, dtype=np.int64), np.zeros_like(into)
        # What is held begins anew with each clearing window; all samples of a length at once.
        begins = np.union1d([0], np.flatnonzero(~self.clocked))
        lengths = np.diff(np.append(begins, self.fires.size))
        left = np.zeros((begins.size, every.size), dtype=np.int64)
        for length in np.unique(lengths):
            which = np.flatnonzero(lengths == length)
            for at in (begins[which, None] + np.arange(length)).T:
                held = left[which]
                held[:, : self.signs.size] += into[at, : self.signs.size]
                membrane[at] = held @ every
                held[:, self.signs.size :] += into[at, self.signs.size :]  # after the decision
                leaving[at] = np.where(emptied[at, None], held, 0)
                left[which] = held - leaving[at]
        # A clearing window finds what the sample before it left.
        leaving[begins[1:]] = left[:-1]
        return LoopContents(membrane, own, leaving, emptied)

    @property
    def count(self) -> IntArray:
        """What is held against theta in each window, shape (windows,).

        Pulses on +1 lines less pulses on -1 lines, or the membrane where it lasts.
        """
        if self.contents is not None:
            return self.contents.membrane
        return np.asarray(self.arrivals.astype(np.int64) @ self.signs.astype(np.int64))

    @property
    def own(self) -> BoolArray:
        """Pulses of its own that it counts, shape (windows, amount)."""
        if self.contents is None:
            return np.zeros((self.fires.size, 0), dtype=bool)
        return self.contents.own

    @property
    def leaving(self) -> IntArray:
        """Fluxons that leave each loop in each window, shape (windows, synapses + amount)."""
        return self.arrivals.astype(np.int64) if self.contents is None else self.contents.leaving

    @property
    def emptied(self) -> BoolArray:
        """Whether the loops are emptied in each window, shape (windows,)."""
        return self.clocked if self.contents is None else self.contents.emptied

    def part(self, first: int, beyond: int) -> NeuronSpikes:
        """The windows from ``first`` up to, not including, ``beyond``."""
        left = _left(self.startup, first, beyond)
        return replace(self.taken(slice(first, beyond)), startup=left)

    def taken(self, rows: IntArray | slice) -> NeuronSpikes:
        """Some windows, in an order of their own."""
        return replace(
            self,
            arrivals=self.arrivals[rows],
            fires=self.fires[rows],
            clocked=self.clocked[rows],
        )

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
        sample: windows of a sample, where membranes last the clearing window included.
    """

    network: TernaryNetwork
    layers: tuple[BoolArray, ...]
    startup: int = 0
    sample: int = 1

    @staticmethod
    def of(network: TernaryNetwork, windows: BoolArray, sample: int = 1) -> NetworkSpikes:
        """Of input pulses, bool of shape (windows, inputs).

        Args:
            network: the integer model.
            windows: the pulses; where membranes last each sample begins with a clearing window.
            sample: windows of a sample.

        Raises:
            NetworkError: inputs of another shape or value, parts of samples, or samples of more
                steps than the network has room for.
        """
        given = network.check_inputs(windows)
        if not network.has_memory:
            return NetworkSpikes(network, (given, *network.forward(given)), sample=sample)
        samples, steps = given.reshape(-1, sample, network.inputs), sample - 1
        if steps < 1 or samples[:, 0].any():
            raise NetworkError(
                "membranes last: a sample needs a clearing window without pulses, and a step"
            )
        if network.steps is not None and steps > network.steps:
            raise NetworkError(
                f"samples of {steps} steps: a storage loop has room for the pulses of "
                f"{network.steps}"
            )
        found = [samples[:, 1:], *network.forward(samples[:, 1:])]
        layers = (np.pad(x, ((0, 0), (1, 0), (0, 0))) for x in found)
        return NetworkSpikes(
            network, tuple(x.reshape(-1, x.shape[-1]) for x in layers), sample=sample
        )

    @property
    def windows(self) -> int:
        """How many."""
        return int(self.layers[0].shape[0])

    @property
    def inseparable(self) -> int:
        """Windows that no deck cuts apart: 1, or those of a sample where membranes last."""
        return self.sample if self.network.has_memory else 1

    @property
    def clearing(self) -> BoolArray:
        """Which windows are clearing windows, shape (windows,)."""
        place = np.arange(self.windows) - self.startup
        if not self.network.has_memory:
            return np.zeros(self.windows, dtype=bool)
        return np.asarray((place >= 0) & (place % self.sample == 0))

    def part(self, first: int, beyond: int) -> NetworkSpikes:
        """The windows from ``first`` up to, not including, ``beyond``.

        Where membranes last they are the start-up windows, or whole samples.
        """
        layers = tuple(layer[first:beyond] for layer in self.layers)
        left = _left(self.startup, first, beyond)
        return replace(self, layers=layers, startup=left)

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
        return replace(self, layers=layers, startup=2)

    def neuron(self, layer: int, neuron: int) -> NeuronSpikes:
        """Those of one neuron."""
        own = self.network.layers[layer]
        weights = own.weights[neuron]
        lines = np.flatnonzero(weights)
        memory = own.memory
        return NeuronSpikes(
            layer,
            neuron,
            int(own.theta[neuron]),
            tuple(lines.tolist()),
            weights[lines],
            self.layers[layer][:, lines],
            self.layers[layer + 1][:, neuron],
            ~self.clearing,
            self.startup,
            None if memory is None else memory.reset,
            0 if memory is None else int(memory.subtract[neuron]),
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


def lone_neuron(
    signs: Sequence[int],
    theta: int,
    arrivals: BoolArray,
    memory: Memory | None = None,
    sample: int = 1,
) -> NeuronSpikes:
    """What a neuron that stands alone must do: line k feeds synapse k.

    Args:
        signs: +1 or -1 for each synapse.
        theta: threshold.
        arrivals: bool, shape (windows, synapses).
        memory: of its membrane, if that lasts.
        sample: windows of a sample, as ``NetworkSpikes.of``.
    """
    network = TernaryNetwork.from_arrays([[list(signs)]], [[theta]], memories=[memory])
    return NetworkSpikes.of(network, arrivals, sample).neuron(0, 0)


def windows_of(network: TernaryNetwork, inputs: BoolArray) -> tuple[BoolArray, int]:
    """Samples as windows (windows, inputs), and how many windows a sample has.

    Where membranes last that is one more than it has steps: the clearing window at its beginning.

    Args:
        network: the integer model.
        inputs: bool, shape (samples, inputs) or (samples, steps, inputs).
    """
    samples = inputs[:, None, :] if inputs.ndim == 2 else inputs
    if network.has_memory:
        samples = np.pad(samples, ((0, 0), (1, 0), (0, 0)))
    return samples.reshape(-1, samples.shape[-1]), samples.shape[1]


def steps_of(network: TernaryNetwork, windows: BoolArray, sample: int) -> BoolArray:
    """The samples that windows were made of by ``windows_of``, (samples, steps, inputs)."""
    samples = windows.reshape(-1, sample, windows.shape[-1])
    return samples[:, 1:] if network.has_memory else samples


def with_room(network: TernaryNetwork, inputs: BoolArray) -> TernaryNetwork:
    """The network with room for samples of so many steps, where nothing was said of that.

    Args:
        network: the integer model.
        inputs: bool, shape (samples, inputs) or (samples, steps, inputs).
    """
    if not network.has_memory or network.steps is not None:
        return network
    return network.with_steps(1 if inputs.ndim == 2 else inputs.shape[1])
