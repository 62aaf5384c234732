"""The named tensors of a snnTorch network, read and made.

snnTorch's ``Leaky`` at a step computes ``U = beta * U_before + I - reset`` and fires on the
strict ``U > threshold`` (snntorch 1.0 ``_neurons/leaky.py``, ``surrogate.py``: ``input_ > 0``).
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np

from netlist_gen.checkpoint.real import (
    BATCH_NORM_EPS,
    AffineLayer,
    Array,
    NeuronRule,
    RealNetwork,
    real_vector,
)
from netlist_gen.errors import NetworkError
from netlist_gen.network import TernaryNetwork

Group = dict[str, Array]
"""The tensors of one module, by their names in it."""

RESET_NAMES = ("subtract", "zero", "none")  # snntorch SpikingNeuron.reset_dict
_NEURON_FIELDS = {"threshold", "beta", "graded_spikes_factor", "reset_mechanism_val", "mem"}
_UNKNOWN_NEURONS = {
    "alpha": "a synaptic current (snn.Synaptic or snn.Alpha)",
    "V": "a recurrent connection (snn.RLeaky)",
    "R": "an RC membrane (snn.Lapicque)",
}


def parse_state_dict(state: Mapping[str, Array]) -> RealNetwork:
    """Layers and neuron rule of a state_dict whose names are in the order of the modules.

    Raises:
        NetworkError: naming the key of anything that is not nn.Linear, nn.BatchNorm1d or
            snn.Leaky.
    """
    groups: dict[str, Group] = {}
    for key, value in state.items():
        prefix, _, name = key.rpartition(".")
        groups.setdefault(prefix, {})[name] = np.asarray(value)
    linears: list[tuple[str, Group]] = []
    neurons: list[tuple[str, Group]] = []
    norms: list[tuple[int, str, Group]] = []
    for prefix, group in groups.items():
        kind = _kind(prefix, group)
        if kind == "linear":
            linears.append((prefix, group))
        elif kind == "neuron":
            neurons.append((prefix, group))
        else:
            norms.append((len(linears) - 1, prefix, group))
    if not linears:
        raise NetworkError("there is no fully connected layer (a two-dimensional 'weight')")
    if len(linears) != len(neurons):
        raise NetworkError(
            f"{len(linears)} fully connected layers ({', '.join(p for p, _ in linears)}) but "
            f"{len(neurons)} snn.Leaky layers ({', '.join(p for p, _ in neurons) or 'none'}); "
            "each needs its own"
        )
    if len(norms) == len(linears):  # also right where all norms are registered after all layers
        norms = [(index, prefix, group) for index, (_, prefix, group) in enumerate(norms)]
    by_layer = {index: (prefix, group) for index, prefix, group in norms}
    if len(by_layer) != len(norms):
        raise NetworkError("two batch norms follow one layer; which layer they belong to is open")
    layers = [
        _affine(*linear, *neuron, by_layer.get(index))
        for index, (linear, neuron) in enumerate(zip(linears, neurons, strict=True))
    ]
    rules = [
        _rule(*neuron, len(layer.weights)) for neuron, layer in zip(neurons, layers, strict=True)
    ]
    return RealNetwork(layers, NeuronRule.most(rules))


def state_arrays(network: TernaryNetwork) -> dict[str, Array]:
    """Named arrays of the equal ``nn.Sequential`` of nn.Linear and snn.Leaky, in order."""
    state: dict[str, Array] = {}
    for index, layer in enumerate(network.layers):
        linear, leaky = str(2 * index), str(2 * index + 1)
        state[f"{linear}.weight"] = layer.weights.astype(np.float32)
        # Strict U > theta - 0.5 is n >= theta, with the most room for a rounded sum.
        state[f"{leaky}.threshold"] = (layer.theta - 0.5).astype(np.float32)
        state[f"{leaky}.graded_spikes_factor"] = np.asarray(1.0, dtype=np.float32)
        state[f"{leaky}.reset_mechanism_val"] = np.asarray(2, dtype=np.int64)
        state[f"{leaky}.beta"] = np.asarray(0.0, dtype=np.float32)
    return state


def natural_key(name: str) -> list[tuple[int, int, str]]:
    """Sort key that puts '2.weight' before '10.weight'."""
    parts = re.split(r"(\d+)", name)
    return [(0, int(p), "") if p.isdigit() else (1, 0, p) for p in parts]


def _kind(prefix: str, group: Group) -> str:
    place = f"'{prefix}'" if prefix else "the top level"
    if "threshold" in group:
        for name in sorted(set(group) - _NEURON_FIELDS):
            rule = _UNKNOWN_NEURONS.get(name, f"the unknown parameter '{name}'")
            raise NetworkError(f"neuron {place} has {rule}; only snn.Leaky without it is allowed")
        if "beta" not in group:
            raise NetworkError(f"neuron {place} has no 'beta'; its decay must be stated")
        return "neuron"
    if {"running_mean", "running_var"} <= set(group):
        return "norm"
    if "weight" in group and set(group) <= {"weight", "bias"}:
        axes = group["weight"].ndim
        if axes == 2:
            return "linear"
        if axes in (3, 4, 5):
            raise NetworkError(
                f"layer {place} is a convolution (weight of shape {group['weight'].shape}); "
                "write it unrolled as a fully connected layer"
            )
    raise NetworkError(
        f"{place} holds {', '.join(sorted(group))}, which is no nn.Linear, nn.BatchNorm1d "
        "or snn.Leaky"
    )


def _affine(
    name: str, linear: Group, neuron_name: str, neuron: Group, norm: tuple[str, Group] | None
) -> AffineLayer:
    weights = linear["weight"]
    if 0 in weights.shape:
        raise NetworkError(f"'{name}.weight' has shape {weights.shape}: the layer is empty")
    if weights.dtype.kind not in "iuf":
        raise NetworkError(f"'{name}.weight' has type {weights.dtype}; numbers are needed")

    def vector(place: str, group: Group, key: str, default: float | None = None) -> Array:
        values = group[key] if default is None else group.get(key, default)
        return real_vector(f"{place}.{key}", values, len(weights))

    bias = vector(name, linear, "bias", 0.0)
    threshold = vector(neuron_name, neuron, "threshold")
    graded = vector(neuron_name, neuron, "graded_spikes_factor", 1.0)
    if np.any(graded != 1.0):
        raise NetworkError(
            f"neuron '{neuron_name}' has graded spikes (factor {graded[graded != 1.0][0]:g}); "
            "an SFQ pulse has one size: 1 is allowed"
        )
    gain, shift = np.ones(len(weights)), np.zeros(len(weights))
    if norm is not None:
        mean, variance = vector(*norm, "running_mean"), vector(*norm, "running_var")
        if np.any(variance < 0):
            raise NetworkError(
                f"'{norm[0]}.running_var' has {variance.min():g}; 0 or more is needed"
            )
        with np.errstate(over="ignore", invalid="ignore"):  # what overflows is refused by name
            gain = vector(*norm, "weight", 1.0) / np.sqrt(variance + BATCH_NORM_EPS)
            shift = vector(*norm, "bias", 0.0) - gain * mean
    return AffineLayer(
        name, weights.astype(np.float64), bias, threshold, gain, shift, normed=norm is not None
    )


def _rule(name: str, neuron: Group, outputs: int) -> NeuronRule:
    beta = real_vector(f"{name}.beta", neuron["beta"], outputs)
    if "reset_mechanism_val" not in neuron:
        raise NetworkError(f"neuron '{name}' has no 'reset_mechanism_val': its reset is open")
    place = f"{name}.reset_mechanism_val"
    number = real_vector(place, neuron["reset_mechanism_val"], 1)[0]
    if number not in range(len(RESET_NAMES)):
        raise NetworkError(f"'{place}' is {number:g}; 0, 1 and 2 are known")
    # Leaky itself clamps beta.
    return NeuronRule(float(np.clip(beta, 0.0, 1.0).max()), RESET_NAMES[int(number)])
