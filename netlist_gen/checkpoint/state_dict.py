"""The named tensors of a snnTorch network, read and made.

snnTorch's ``Leaky`` at a step computes ``U = beta * U_before + I - reset`` and fires on the
strict ``U > threshold`` (snntorch 1.0 ``_neurons/leaky.py``, ``surrogate.py``: ``input_ > 0``).

A state_dict names no pooling, stride or padding, nor where a batch norm stands: ``layout.py`` has
what its user says of these.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import numpy as np

from netlist_gen.checkpoint.foreign import foreign_kind
from netlist_gen.checkpoint.layout import Parts, WeightPart
from netlist_gen.checkpoint.modules import (
    NO_NEURON,
    Neuron,
    Norm,
    Reals,
    leaky_numbers,
    real_array,
    snntorch_lacks,
)
from netlist_gen.checkpoint.real import BATCH_NORM_EPS, Array
from netlist_gen.errors import NetworkError
from netlist_gen.network import TernaryNetwork

Group = dict[str, Array]
"""The tensors of one module, by their names in it."""

RESET_NAMES = ("subtract", "zero", "none")  # snntorch SpikingNeuron.reset_dict
_INSIDE = re.compile(r"(?:^|\.)\d+(?:\.\d+)*$", re.ASCII)
"""Where a module stands in an nn.Sequential, and in those that are in it."""

_QUANTIZER = re.compile(r"(?P<layer>.*?)\.?(weight|bias|input|output)_quant(\..*)?")


def parse_state_dict(state: Mapping[str, Array]) -> Parts:
    """The modules of a state_dict whose names are in the order of the modules.

    Raises:
        NetworkError: naming the key of what can't be read at all: a tensor that is no part of a
            layer, a norm or a neuron, or numbers that are none.
    """
    groups = _groups(state)
    weights: list[WeightPart] = []
    neurons: list[Neuron] = []
    norms: list[tuple[int, Norm]] = []
    order: list[tuple[str, str]] = []
    for prefix, group in groups.items():
        place = f"'{prefix}'" if prefix else "the top level"
        if "threshold" in group:
            if "linear.weight" in group:  # snn.LinearLeaky
                inside = {name: group[f"linear.{name}"] for name in ("weight", "bias")
                          if f"linear.{name}" in group}  # fmt: skip
                weights.append(_weights(f"{prefix}.linear", inside))
                order.append((prefix, "layer"))
            neurons.append(_neuron(prefix, group))
            order.append((prefix, "neuron"))
        elif {"running_mean", "running_var"} <= set(group):
            norms.append((len(weights) - 1, _norm(prefix, group)))
            order.append((prefix, "batch norm"))
        elif "weight" in group and set(group) <= {"weight", "bias"} and group["weight"].ndim >= 2:
            weights.append(_weights(prefix, group))
            order.append((prefix, "layer"))
        else:
            raise NetworkError(
                f"{place} holds {', '.join(sorted(group))}, which is no nn.Linear, nn.Conv1d, "
                "nn.Conv2d, nn.BatchNorm1d, nn.BatchNorm2d or neuron of snnTorch"
            )
    if not weights:
        raise NetworkError("there is no layer with weights (nn.Linear, nn.Conv1d or nn.Conv2d)")
    if len(norms) == len(weights):  # also right where all norms are registered after all layers
        norms = [(index, norm) for index, (_, norm) in enumerate(norms)]
    by_layer = dict(norms)
    if len(by_layer) != len(norms):
        raise NetworkError("two batch norms follow one layer; which layer they belong to is open")
    return Parts(tuple(weights), _paired(weights, neurons), by_layer, _disorder(order))


def _disorder(order: Sequence[tuple[str, str]]) -> str:
    """What is out of the usual order where names are numbers, as of one nn.Sequential.

    Modules of other names, or of several lists, are in the order of their registration, which need
    not be that of their use: only how many there are of each tells.
    """
    if len({_INSIDE.sub("", prefix) for prefix, _ in order}) > 1 or not all(
        _INSIDE.search(prefix) for prefix, _ in order
    ):
        return ""
    follows = {"layer": ("neuron", ""), "batch norm": ("layer",), "neuron": ("layer", "batch norm")}
    before = ""
    for prefix, kind in order:
        if before not in follows[kind]:
            where = f"behind a {before}" if before else "before all layers"
            return f"'{prefix}' is a {kind} {where}"
        before = kind
    return ""


def state_arrays(network: TernaryNetwork) -> dict[str, Array]:
    """Named arrays of the equal ``nn.Sequential`` of nn.Linear and snn.Leaky, in order.

    Raises:
        NetworkError: neurons that no ``Leaky`` is equal to.
    """
    state: dict[str, Array] = {}
    for index, layer in enumerate(network.layers):
        linear, leaky = str(2 * index), str(2 * index + 1)
        lacks = snntorch_lacks(layer)
        if lacks:
            raise NetworkError(f"layer {index}: {lacks}; .npz holds it")
        threshold, beta, reset = leaky_numbers(layer)
        rounded = np.flatnonzero(threshold != threshold.astype(np.float32))
        if rounded.size:
            j = rounded[0]
            raise NetworkError(
                f"layer {index}: the threshold of neuron {j}, {threshold[j]:.1f}, is none in "
                "float32, which a state_dict has; .npz holds it"
            )
        state[f"{linear}.weight"] = layer.weights.astype(np.float32)
        state[f"{leaky}.threshold"] = threshold.astype(np.float32)
        state[f"{leaky}.graded_spikes_factor"] = np.asarray(1.0, dtype=np.float32)
        state[f"{leaky}.reset_mechanism_val"] = np.asarray(RESET_NAMES.index(reset), dtype=np.int64)
        state[f"{leaky}.beta"] = np.asarray(beta, dtype=np.float32)
    return state


def natural_key(name: str) -> list[tuple[int, int, str]]:
    """Sort key that puts '2.weight' before '10.weight'."""
    parts = re.split(r"(\d+)", name)
    return [(0, int(p), "") if p.isdigit() else (1, 0, p) for p in parts]


def _groups(state: Mapping[str, Array]) -> dict[str, Group]:
    """The tensors of each module; those of modules inside a neuron are the neuron's."""
    holders = {key.rpartition(".")[0] for key in state if key.rpartition(".")[2] == "threshold"}
    groups: dict[str, Group] = {}
    for key, value in state.items():
        quantizer = _QUANTIZER.fullmatch(key.rpartition(".")[0])
        if quantizer is not None and f"{quantizer['layer']}.weight" in state:
            continue  # Brevitas: how training rounded; its weights stand beside
        prefix, _, name = key.rpartition(".")
        for holder in holders - {""}:
            if key.startswith(f"{holder}."):
                prefix, name = holder, key.removeprefix(f"{holder}.")
        if name != "num_batches_tracked":  # a count that a batch norm keeps
            groups.setdefault(prefix, {})[name] = np.asarray(value)
        else:
            groups.setdefault(prefix, {})
    return groups


def _paired(weights: Sequence[WeightPart], neurons: Sequence[Neuron]) -> tuple[Neuron, ...]:
    """A neuron for each layer, in order; at the end of a network they may be missing."""
    if len(neurons) > len(weights):
        raise NetworkError(
            f"{len(weights)} layers with weights ({', '.join(w.name for w in weights)}) but "
            f"{len(neurons)} layers of neurons ({', '.join(n.name for n in neurons)}); each layer "
            "of neurons needs its own"
        )
    one, zero = np.ones(()), np.zeros(())
    missing = [Neuron(w.name, one, zero, "none", NO_NEURON) for w in weights[len(neurons) :]]
    return (*neurons, *missing)


def _weights(name: str, group: Group) -> WeightPart:
    weights = group["weight"]
    if 0 in weights.shape:
        raise NetworkError(f"'{name}.weight' has shape {weights.shape}: the layer is empty")
    if weights.ndim > 4:
        raise NetworkError(
            f"layer '{name}' is a convolution over {weights.ndim - 2} axes (weight of shape "
            f"{weights.shape}); one or two can be unrolled"
        )
    if weights.dtype.kind not in "iuf":
        raise NetworkError(f"'{name}.weight' has type {weights.dtype}; numbers are needed")
    given = group.get("bias", np.zeros(len(weights)))
    return WeightPart(
        name, weights.astype(np.float64), _vector(f"{name}.bias", given, len(weights))
    )


def _vector(place: str, values: Array, count: int) -> Reals:
    array = real_array(place, values)
    if array.shape != (count,):
        raise NetworkError(f"'{place}' has shape {array.shape}; ({count},) is needed")
    return array


def _neuron(name: str, group: Group) -> Neuron:
    foreign = foreign_kind(group)
    threshold = real_array(f"{name}.threshold", group["threshold"])
    graded = real_array(
        f"{name}.graded_spikes_factor", group.get("graded_spikes_factor", np.ones(()))
    ).reshape(-1)
    if (graded != 1.0).any() and not foreign:
        value = graded[graded != 1.0][0]
        foreign = f"graded spikes (factor {value:g}), where an SFQ pulse has one size: 1 is allowed"
    if foreign:
        return Neuron(name, threshold, np.ones(()), "none", foreign)
    beta = real_array(f"{name}.beta", group["beta"])
    place = f"{name}.reset_mechanism_val"
    number = real_array(place, group["reset_mechanism_val"]).reshape(-1)
    if number.size != 1 or number[0] not in range(len(RESET_NAMES)):
        raise NetworkError(f"'{place}' is {number[0]:g}; 0, 1 and 2 are known")
    # Leaky itself clamps beta.
    return Neuron(name, threshold, np.clip(beta, 0.0, 1.0), RESET_NAMES[int(number[0])])


def _norm(name: str, group: Group) -> Norm:
    channels = group["running_mean"].size
    mean, variance = (
        _vector(f"{name}.{key}", group[key], channels) for key in ("running_mean", "running_var")
    )
    if (variance < 0).any():
        raise NetworkError(f"'{name}.running_var' has {variance.min():g}; 0 or more is needed")
    gain = _vector(f"{name}.weight", group.get("weight", np.ones(channels)), channels)
    shift = _vector(f"{name}.bias", group.get("bias", np.zeros(channels)), channels)
    with np.errstate(over="ignore", invalid="ignore"):  # what overflows is refused by name
        gain = gain / np.sqrt(variance + BATCH_NORM_EPS)
        shift = shift - gain * mean
    return Norm(name, gain, shift)
