"""The trained network as the hardware sees it: ternary weights, integer thresholds.

Everything here is integer arithmetic. In each clock window neuron j of a layer counts
``n = weights[j] @ x`` and fires one pulse when ``n >= theta[j]``. A layer whose membranes last
(``netlist_gen.memory``) adds up the counts of a sample's steps instead.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from netlist_gen.errors import NetworkError
from netlist_gen.grid import Grids, check_grids
from netlist_gen.layer_arrays import (
    ThresholdArray,
    WeightArray,
    as_array,
    integer_thresholds,
    ternary_matrix,
)
from netlist_gen.memory import Memory, fired
from netlist_gen.votes import TieRule, count_votes, vote_accuracy

SpikeArray = NDArray[np.bool_]

# Rows per matrix product: bounds the float copy of a batch to a few tens of MB.
_CHUNK_ROWS = 4096


@dataclass(frozen=True, eq=False, repr=False)
class TernaryLayer:
    """One fully connected layer of threshold neurons.

    Attributes:
        weights: int8, shape (outputs, inputs), each in {-1, 0, +1}.
        theta: int32, shape (outputs,): neuron j fires when ``weights[j] @ x >= theta[j]``.
        memory: of its membranes; None where each step counts for itself.

    Both are stored as read-only copies. Any integer or float array whose values are allowed
    is taken; anything else raises NetworkError with the index and value.
    """

    weights: WeightArray
    theta: ThresholdArray
    memory: Memory | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "weights", ternary_matrix(self.weights))
        object.__setattr__(self, "theta", integer_thresholds(self.theta))
        if self.theta.shape[0] != self.weights.shape[0]:
            raise NetworkError(
                f"theta has {self.theta.shape[0]} values for {self.weights.shape[0]} neurons; "
                "there must be one threshold for each row of the weights"
            )
        if self.memory is not None and not isinstance(self.memory, Memory):
            raise NetworkError(f"the memory is {self.memory!r}; only a Memory, or None, is allowed")
        if self.memory is not None and self.memory.subtract.shape != self.theta.shape:
            raise NetworkError(
                f"the memory is of {self.memory.subtract.shape[0]} neurons, the layer has "
                f"{self.theta.shape[0]}"
            )

    @property
    def inputs(self) -> int:
        """Input lines."""
        return int(self.weights.shape[1])

    @property
    def outputs(self) -> int:
        """Neurons."""
        return int(self.weights.shape[0])

    @property
    def fan_in(self) -> NDArray[np.int64]:
        """Synapses (non-zero weights) of each neuron, shape (outputs,)."""
        return np.count_nonzero(self.weights, axis=1).astype(np.int64)

    @property
    def fan_out(self) -> NDArray[np.int64]:
        """Synapses that each input line feeds, shape (inputs,)."""
        return np.count_nonzero(self.weights, axis=0).astype(np.int64)

    @property
    def synapses(self) -> int:
        """Weights that are not 0."""
        return int(np.count_nonzero(self.weights))

    @property
    def count_range(self) -> NDArray[np.int64]:
        """Lowest and highest n of each neuron, shape (outputs, 2): (-inhibitory, +excitatory)."""
        low = -np.count_nonzero(self.weights < 0, axis=1)
        high = np.count_nonzero(self.weights > 0, axis=1)
        return np.stack([low, high], axis=1).astype(np.int64)

    @property
    def edge(self) -> NDArray[np.float64]:
        """What n, or the membrane, must be above for a pulse, shape (outputs,)."""
        if self.memory is None:
            return np.asarray(self.theta - 0.5, dtype=np.float64)
        return self.memory.edge(self.theta)

    @property
    def leaks(self) -> bool:
        """Whether less than all of a membrane is left after a step, of membranes that last."""
        return self.memory is not None and self.memory.leaks

    def __repr__(self) -> str:
        fan_in = self.fan_in
        return (
            f"<TernaryLayer: {self.inputs} -> {self.outputs}, {self.synapses} synapses, "
            f"fan-in {fan_in.min()} to {fan_in.max()}, theta {self.theta.min()} to "
            f"{self.theta.max()}{'' if self.memory is None else f', reset {self.memory.reset}'}>"
        )

    def counts(self, x: ArrayLike) -> NDArray[np.int32]:
        """n for each neuron: spikes of shape (..., inputs) to int32 of shape (..., outputs)."""
        spikes = np.asarray(x)
        if spikes.ndim < 1 or spikes.shape[-1] != self.inputs:
            raise NetworkError(
                f"input of shape {spikes.shape} does not fit a layer of {self.inputs} inputs"
            )
        rows = spikes.reshape(-1, self.inputs)
        # BLAS float32 is some 50 times faster than numpy's integer product and exact here:
        # all partial sums are integers far below 2**24.
        transposed = np.ascontiguousarray(self.weights.T, dtype=np.float32)
        out = np.empty((rows.shape[0], self.outputs), dtype=np.int32)
        for start in range(0, rows.shape[0], _CHUNK_ROWS):
            part = slice(start, start + _CHUNK_ROWS)
            out[part] = rows[part].astype(np.float32) @ transposed
        return out.reshape(*spikes.shape[:-1], self.outputs)

    def forward(self, x: ArrayLike) -> SpikeArray:
        """Spikes out, bool of shape (..., outputs), for spikes in of shape (..., inputs).

        With a memory the last axis but one is that of a sample's steps.
        """
        return fired(self.counts(x), self.theta, self.memory)


@dataclass(frozen=True, eq=False, repr=False)
class TernaryNetwork:
    """Layers in order, with how the outputs are read: class c owns ``population`` neurons.

    Output neuron j votes for class ``j // population``; the class with most votes wins, a tie
    goes to the lowest class. Votes of several steps are added.

    Attributes:
        layers: at least one; the inputs of each are the outputs of the one before.
        population: output neurons per class; divides the number of outputs.
        grids: channels and pixels of inputs and layers, for names; ``netlist_gen/grid.py``.
        steps: the most of a sample that a circuit with a memory has room for; None where nothing
            is said of it, or no layer has a memory.
    """

    layers: tuple[TernaryLayer, ...]
    population: int = 1
    grids: Grids = ()
    steps: int | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "layers", tuple(self.layers))
        if not self.layers:
            raise NetworkError("the network has no layer; at least one is needed")
        for index, layer in enumerate(self.layers):
            if not isinstance(layer, TernaryLayer):
                raise NetworkError(
                    f"layer {index} is a {type(layer).__name__}; only TernaryLayer is allowed"
                )
        for index, (before, after) in enumerate(zip(self.layers, self.layers[1:], strict=False)):
            if before.outputs != after.inputs:
                raise NetworkError(
                    f"layer {index + 1} takes {after.inputs} inputs but layer {index} has "
                    f"{before.outputs} outputs; the two must be equal"
                )
        if not _is_whole(self.population):
            raise NetworkError(f"population is {self.population!r}; it must be a whole number")
        object.__setattr__(self, "population", int(self.population))
        object.__setattr__(self, "steps", self.steps if self.has_memory else None)
        if self.steps is not None and not _is_whole(self.steps):
            raise NetworkError(f"a sample has {self.steps!r} steps; a whole number is needed")
        if self.steps is not None and self.steps < 1:
            raise NetworkError(f"a sample has {self.steps} steps; at least 1 is allowed")
        if self.population < 1 or self.outputs % self.population:
            raise NetworkError(
                f"population is {self.population}; it must be at least 1 and divide the "
                f"{self.outputs} outputs of the last layer"
            )
        widths = [self.inputs, *(layer.outputs for layer in self.layers)]
        object.__setattr__(self, "grids", check_grids(self.grids, widths))

    @classmethod
    def from_arrays(
        cls,
        weights: Sequence[ArrayLike],
        thetas: Sequence[ArrayLike],
        population: int = 1,
        grids: Grids = (),
        memories: Sequence[Memory | None] | None = None,
        steps: int | None = None,
    ) -> TernaryNetwork:
        """Build from one weight matrix, one threshold vector and, if any, one memory per layer.

        Raises NetworkError that names the layer, the index and the value.
        """
        if len(weights) != len(thetas):
            raise NetworkError(
                f"{len(weights)} weight matrices but {len(thetas)} threshold vectors; "
                "each layer needs one of both"
            )
        memories = [None] * len(weights) if memories is None else memories
        if len(memories) != len(weights):
            raise NetworkError(
                f"{len(weights)} weight matrices but {len(memories)} memories; each layer needs "
                "one of both (None: no memory)"
            )
        layers = []
        for index, (w, theta, own) in enumerate(zip(weights, thetas, memories, strict=True)):
            try:
                arrays = as_array(w, "weights"), as_array(theta, "theta")
                layers.append(TernaryLayer(*arrays, own))
            except NetworkError as error:
                raise NetworkError(f"layer {index}: {error}") from None
        return cls(tuple(layers), population, grids, steps)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, TernaryNetwork):
            return NotImplemented
        return (
            self.population == other.population
            and len(self.layers) == len(other.layers)
            and self.steps == other.steps
            and all(
                np.array_equal(a.weights, b.weights)
                and np.array_equal(a.theta, b.theta)
                and a.memory == b.memory
                for a, b in zip(self.layers, other.layers, strict=True)
            )
        )

    def __hash__(self) -> int:
        parts = tuple((x.weights.tobytes(), x.theta.tobytes(), x.memory) for x in self.layers)
        return hash((self.population, self.steps, parts))

    def __repr__(self) -> str:
        shape = " -> ".join(str(width) for width in (self.inputs, *(x.outputs for x in self)))
        votes = f" of {self.population} neurons" if self.population > 1 else ""
        return f"<TernaryNetwork: {shape}, {self.synapses} synapses, {self.classes} classes{votes}>"

    def _repr_html_(self) -> str:
        from netlist_gen.notebook import html_table

        header = ("layer", "inputs", "neurons", "synapses", "fan-in", "theta")
        rows = []
        for index, layer in enumerate(self):
            fan_in = f"{layer.fan_in.min()} to {layer.fan_in.max()}"
            theta = f"{layer.theta.min()} to {layer.theta.max()}"
            rows.append((index, layer.inputs, layer.outputs, layer.synapses, fan_in, theta))
        return html_table(repr(self)[1:-1], header, rows)

    @property
    def has_memory(self) -> bool:
        """Whether the membranes of any layer last from step to step."""
        return any(layer.memory is not None for layer in self.layers)

    @property
    def leaks(self) -> bool:
        """Whether the membranes of any layer leak, of which no circuit is made."""
        return any(layer.leaks for layer in self.layers)

    def with_steps(self, steps: int | None) -> TernaryNetwork:
        """The same network with room for samples of so many steps."""
        return dataclasses.replace(self, steps=steps)

    @property
    def inputs(self) -> int:
        """Input lines of the first layer."""
        return self.layers[0].inputs

    @property
    def outputs(self) -> int:
        """Neurons of the last layer."""
        return self.layers[-1].outputs

    @property
    def classes(self) -> int:
        """Classes that the outputs vote for."""
        return self.outputs // self.population

    @property
    def neurons(self) -> int:
        """Of all layers."""
        return sum(layer.outputs for layer in self)

    @property
    def synapses(self) -> int:
        """Of all layers."""
        return sum(layer.synapses for layer in self)

    @property
    def max_fan_in(self) -> int:
        """Most synapses of a neuron."""
        return max(int(layer.fan_in.max()) for layer in self.layers)

    @property
    def theta_range(self) -> tuple[int, int]:
        """Lowest and highest threshold of the whole network."""
        return min(int(x.theta.min()) for x in self), max(int(x.theta.max()) for x in self)

    def check_inputs(self, x: ArrayLike) -> SpikeArray:
        """Validated input spikes as bool, same shape.

        Args:
            x: bool, or numbers that are all 0 or 1, of shape (samples, inputs) or
                (samples, steps, inputs).

        Raises:
            NetworkError: wrong width or number of axes, or a value that is not 0 or 1.
        """
        spikes = as_array(x, "inputs")
        if spikes.ndim not in (2, 3):
            raise NetworkError(
                f"inputs have shape {spikes.shape}; (samples, inputs) or "
                "(samples, steps, inputs) is needed"
            )
        if spikes.shape[-1] != self.inputs:
            raise NetworkError(
                f"inputs have shape {spikes.shape}, so {spikes.shape[-1]} values for each step; "
                f"the network has {self.inputs} inputs"
            )
        if spikes.ndim == 3 and spikes.shape[1] == 0:
            raise NetworkError(f"inputs have shape {spikes.shape}: at least one step is needed")
        if spikes.dtype == np.bool_:
            return spikes
        if spikes.dtype.kind not in "iuf":
            raise NetworkError(f"inputs have type {spikes.dtype}; bool or 0/1 integers are needed")
        wrong = ~((spikes == 0) | (spikes == 1))  # a NaN is neither
        if wrong.any():
            place = tuple(int(i) for i in np.argwhere(wrong)[0])
            raise NetworkError(
                f"input {list(place)} is {spikes[place]}; a spike is 0 or 1 (false or true)"
            )
        return spikes.astype(np.bool_)

    def forward(self, x: ArrayLike) -> list[SpikeArray]:
        """Spikes of every layer: a list of bool arrays of shape ``x.shape[:-1] + (outputs,)``.

        Samples of shape (samples, inputs) have one step each.
        """
        spikes = self.check_inputs(x)
        single = spikes.ndim == 2
        result = []
        for layer in self.layers:
            given = spikes[:, None, :] if single and layer.memory is not None else spikes
            found = layer.forward(given)
            spikes = found.reshape(*spikes.shape[:-1], layer.outputs)
            result.append(spikes)
        return result

    def output_spikes(self, x: ArrayLike) -> SpikeArray:
        """Spikes of the last layer alone, shape ``x.shape[:-1] + (outputs,)``."""
        return self.forward(x)[-1]

    def votes(self, x: ArrayLike) -> NDArray[np.int64]:
        """Votes of each class, shape (samples, classes), added over population and steps."""
        return count_votes(self.output_spikes(x), self.population)

    def predict(self, x: ArrayLike) -> NDArray[np.int64]:
        """Class with most votes, shape (samples,); a tie goes to the lowest class."""
        return np.asarray(self.votes(x).argmax(axis=1), dtype=np.int64)

    def accuracy(self, x: ArrayLike, labels: ArrayLike, ties: TieRule = "lowest") -> float:
        """Share of samples read as their label, in 0..1; see vote_accuracy for ``ties``."""
        return vote_accuracy(self.votes(x), labels, ties)

    def __iter__(self) -> Iterator[TernaryLayer]:
        return iter(self.layers)


def _is_whole(value: object) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool)
