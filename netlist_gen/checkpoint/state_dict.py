"""From the named tensors of a snnTorch network to ternary weights and integer thresholds.

snnTorch's ``Leaky`` at a step computes ``U = beta * U_before + I - reset`` and fires on the
strict ``U > threshold`` (snntorch 1.0 ``_neurons/leaky.py``, ``surrogate.py``: ``input_ > 0``).
With weights ``a * w``, w ternary, a > 0, and no memory, ``U = a * n + bias``, so a neuron
fires when ``n >= floor((threshold - bias) / a) + 1``. The division is done in exact fractions
of the stored floats, so that a tie at the threshold falls on the right side.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netlist_gen.checkpoint.card import SemanticsCard
from netlist_gen.errors import NetworkError
from netlist_gen.network import TernaryNetwork

Array = NDArray[Any]
# (real weights, layer index) -> (ternary weights times a positive scale per neuron)
Ternarize = Callable[[NDArray[np.float64], int], NDArray[np.float64]]

RESET_NAMES = ("subtract", "zero", "none")  # snntorch SpikingNeuron.reset_dict
BATCH_NORM_EPS = 1e-5  # torch.nn.BatchNorm1d's default; a state_dict does not hold it
_NEURON_FIELDS = {"threshold", "beta", "graded_spikes_factor", "reset_mechanism_val", "mem"}
_INT32 = np.iinfo(np.int32)
_SCALE_TOLERANCE = 1e-6  # a few float32 roundings between weights meant to be equal


@dataclass(frozen=True)
class AffineLayer:
    """A fully connected layer and its firing rule, still in real numbers.

    It fires where ``gain * (weights @ x + bias) + shift > threshold``; ``gain`` and ``shift``
    are a folded batch norm, or None. All vectors have shape (outputs,).
    """

    name: str
    weights: NDArray[np.float64]
    bias: NDArray[np.float64]
    threshold: NDArray[np.float64]
    gain: NDArray[np.float64] | None = None
    shift: NDArray[np.float64] | None = None

    def forward(self, x: Array) -> NDArray[np.bool_]:
        """Spikes of the layer in float64: what a network that is not ternary yet computes."""
        u = x.astype(np.float64) @ self.weights.T + self.bias
        if self.gain is not None and self.shift is not None:
            u = self.gain * u + self.shift
        return np.asarray(u > self.threshold, dtype=np.bool_)


@dataclass(frozen=True)
class NeuronRule:
    """The rule that a file states for its neurons, and whether it carries state."""

    beta: float
    reset: str

    @property
    def memoryless(self) -> bool:
        # With beta = 0 reset-to-zero only clears a membrane that decays to zero anyway;
        # subtract carries -threshold into the next step.
        return self.beta == 0.0 and self.reset in ("none", "zero")


def parse_state_dict(state: Mapping[str, Array]) -> tuple[list[AffineLayer], NeuronRule]:
    """Layers and neuron rule of a state_dict whose names are in the order of the modules.

    Raises NetworkError naming the key for anything that is not nn.Linear, nn.BatchNorm1d or
    snn.Leaky.
    """
    groups: dict[str, dict[str, Array]] = {}
    for key, value in state.items():
        prefix, _, name = key.rpartition(".")
        groups.setdefault(prefix, {})[name] = np.asarray(value)
    linears: list[tuple[str, dict[str, Array]]] = []
    neurons: list[tuple[str, dict[str, Array]]] = []
    norms: list[tuple[int, str, dict[str, Array]]] = []
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
        _affine(name, linear, neuron_name, neuron, by_layer.get(index))
        for index, ((name, linear), (neuron_name, neuron)) in enumerate(
            zip(linears, neurons, strict=True)
        )
    ]
    return layers, _common_rule(neurons)


def network_from_layers(
    layers: list[AffineLayer], population: int, ternarize: Ternarize | None = None
) -> tuple[TernaryNetwork, list[str]]:
    """Exact integer network and notes on what was folded, from layers of real numbers."""
    notes: list[str] = []
    weights, thetas = [], []
    for index, layer in enumerate(layers):
        real = layer.weights
        if ternarize is not None:
            real = ternarize(real, index)
        try:
            w, scale = ternary_and_scale(real)
            signs, theta, close = _fold(w, scale, layer)
        except NetworkError as error:
            raise NetworkError(f"layer {index} ('{layer.name}'): {error}") from None
        weights.append(signs)
        thetas.append(theta)
        if not np.all(scale == 1.0):
            notes.append(
                f"layer {index}: weights are ternary times a scale of {scale.min():.6g} to "
                f"{scale.max():.6g}, folded into theta"
            )
        if layer.bias.any():
            notes.append(f"layer {index}: bias folded into theta")
        if layer.gain is not None:
            notes.append(f"layer {index}: batch norm folded (eps {BATCH_NORM_EPS:g} assumed)")
        if close.size:
            notes.append(
                f"layer {index}: thresholds of {close.size} neurons (first: {close[0]}) lie "
                "within float32 rounding of a whole count; the software's own sum may round "
                "either way there"
            )
    return TernaryNetwork.from_arrays(weights, thetas, population), notes


def card_for(
    rule: NeuronRule,
    layers: list[AffineLayer],
    *,
    source_format: str,
    steps: int | None,
    population: int,
    notes: list[str],
) -> SemanticsCard:
    """Card for a rule, or NetworkError naming a rule that a memoryless neuron does not have."""
    if not rule.memoryless and steps != 1:
        wanted = "any number of steps" if steps is None else f"{steps} steps"
        raise NetworkError(
            f"neuron rule beta = {rule.beta:g}, reset '{rule.reset}' carries the membrane from "
            f"step to step, and the circuit's neuron does not (allowed: beta = 0 with reset "
            f"'none' or 'zero'). {wanted[0].upper()}{wanted[1:]} can't be built; say steps = 1 "
            "if the network runs for a single step, where the rules agree"
        )
    if rule.reset == "subtract":
        # Leaky takes the reset from the membrane before the step: 0 > threshold at the start.
        for index, layer in enumerate(layers):
            below = np.flatnonzero(layer.threshold < 0)
            if below.size:
                raise NetworkError(
                    f"layer {index} ('{layer.name}'): threshold [{below[0]}] is "
                    f"{layer.threshold[below[0]]:g} with reset 'subtract', which then acts in the "
                    "first step already; 0 or more is allowed"
                )
    return SemanticsCard(
        source_format=source_format,
        reset=rule.reset,
        beta=rule.beta,
        max_steps=None if rule.memoryless else 1,
        population=population,
        notes=tuple(notes),
    )


def ternary_and_scale(
    weights: NDArray[np.float64],
) -> tuple[NDArray[np.int8], NDArray[np.float64]]:
    """Split weights in {-a, 0, a} into int8 signs and the scale a > 0 of each neuron.

    Raises NetworkError with index and value of the first weight that does not fit its neuron's
    scale (the most common magnitude of its row; on a draw, of the layer).
    """
    magnitude = np.abs(weights)
    if not np.isfinite(weights).all():
        row, column = (int(i) for i in np.argwhere(~np.isfinite(weights))[0])
        raise NetworkError(
            f"weight [{row}, {column}] is {weights[row, column]}; a finite number is needed"
        )
    common = _most_common(magnitude[magnitude > 0], default=1.0)
    scale = np.full(weights.shape[0], common)
    for row in range(weights.shape[0]):
        present = magnitude[row][magnitude[row] > 0]
        if present.size and not np.all(np.abs(present - common) <= _SCALE_TOLERANCE * common):
            scale[row] = _most_common(present, default=common)
    wrong = (magnitude > 0) & (np.abs(magnitude - scale[:, None]) > _SCALE_TOLERANCE * common)
    if wrong.any():
        row, column = (int(i) for i in np.argwhere(wrong)[0])
        a = scale[row]
        raise NetworkError(
            f"weight [{row}, {column}] is {weights[row, column]:.6g}; the weights of a neuron "
            f"must be ternary, here -{a:.6g}, 0 or {a:.6g} (or ternarize on reading)"
        )
    return np.sign(weights).astype(np.int8), scale


def natural_key(name: str) -> list[tuple[int, int, str]]:
    """Sort key that puts '2.weight' before '10.weight'."""
    parts = re.split(r"(\d+)", name)
    return [(0, int(p), "") if p.isdigit() else (1, 0, p) for p in parts]


def _most_common(values: Array, default: float) -> float:
    if values.size == 0:
        return default
    found, counts = np.unique(values, return_counts=True)
    return float(found[counts.argmax()])


def _kind(prefix: str, group: Mapping[str, Array]) -> str:
    place = f"'{prefix}'" if prefix else "the top level"
    if "threshold" in group:
        extra = sorted(set(group) - _NEURON_FIELDS)
        rules = {
            "alpha": "a synaptic current (snn.Synaptic or snn.Alpha)",
            "V": "a recurrent connection (snn.RLeaky)",
            "R": "an RC membrane (snn.Lapicque)",
        }
        for name in extra:
            rule = rules.get(name, f"the unknown parameter '{name}'")
            raise NetworkError(f"neuron {place} has {rule}; only snn.Leaky without it is allowed")
        if "beta" not in group:
            raise NetworkError(f"neuron {place} has no 'beta'; its decay must be stated")
        return "neuron"
    if "running_mean" in group:
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


def _vector(place: str, array: Array, outputs: int) -> NDArray[np.float64]:
    if array.size == 1:
        array = np.broadcast_to(array.reshape(()), (outputs,))
    if array.shape != (outputs,):
        raise NetworkError(f"'{place}' has shape {array.shape}; a scalar or ({outputs},) is needed")
    if array.dtype.kind not in "iufb":
        raise NetworkError(f"'{place}' has type {array.dtype}; numbers are needed")
    result = array.astype(np.float64)
    if not np.isfinite(result).all():
        index = int(np.flatnonzero(~np.isfinite(result))[0])
        raise NetworkError(f"'{place}' [{index}] is {result[index]}; a finite number is needed")
    return result


def _affine(
    name: str,
    linear: Mapping[str, Array],
    neuron_name: str,
    neuron: Mapping[str, Array],
    norm: tuple[str, Mapping[str, Array]] | None,
) -> AffineLayer:
    weights = linear["weight"]
    if 0 in weights.shape:
        raise NetworkError(f"'{name}.weight' has shape {weights.shape}: the layer is empty")
    if weights.dtype.kind not in "iuf":
        raise NetworkError(f"'{name}.weight' has type {weights.dtype}; numbers are needed")
    outputs = weights.shape[0]
    zero = np.zeros(outputs)
    bias = _vector(f"{name}.bias", linear["bias"], outputs) if "bias" in linear else zero
    threshold = _vector(f"{neuron_name}.threshold", neuron["threshold"], outputs)
    graded = _vector(
        f"{neuron_name}.graded_spikes_factor",
        neuron.get("graded_spikes_factor", np.ones(1)),
        outputs,
    )
    if np.any(graded != 1.0):
        raise NetworkError(
            f"neuron '{neuron_name}' has graded spikes (factor {graded[graded != 1.0][0]:g}); "
            "an SFQ pulse has one size: 1 is allowed"
        )
    if norm is None:
        return AffineLayer(name, weights.astype(np.float64), bias, threshold)
    place, values = norm
    mean = _vector(f"{place}.running_mean", values["running_mean"], outputs)
    variance = _vector(f"{place}.running_var", values["running_var"], outputs)
    gain = _vector(f"{place}.weight", values.get("weight", np.ones(1)), outputs)
    shift = _vector(f"{place}.bias", values.get("bias", np.zeros(1)), outputs)
    gain = gain / np.sqrt(variance + BATCH_NORM_EPS)
    return AffineLayer(name, weights.astype(np.float64), bias, threshold, gain, shift - gain * mean)


def _common_rule(neurons: list[tuple[str, dict[str, Array]]]) -> NeuronRule:
    beta, reset = 0.0, None
    for name, group in neurons:
        values = np.clip(group["beta"].astype(np.float64), 0.0, 1.0)  # as Leaky itself clamps
        if not np.isfinite(values).all():
            raise NetworkError(f"'{name}.beta' is not finite; 0 is needed")
        beta = max(beta, float(values.max()))
        if "reset_mechanism_val" not in group:
            raise NetworkError(f"neuron '{name}' has no 'reset_mechanism_val': its reset is open")
        number = int(group["reset_mechanism_val"].reshape(-1)[0])
        if number not in range(len(RESET_NAMES)):
            raise NetworkError(f"'{name}.reset_mechanism_val' is {number}; 0, 1 and 2 are known")
        # One rule for the card: the one that carries most.
        order = ("none", "zero", "subtract")
        found = RESET_NAMES[number]
        reset = found if reset is None else max(reset, found, key=order.index)
    return NeuronRule(beta, reset or "none")


def _fold(
    w: NDArray[np.int8], scale: NDArray[np.float64], layer: AffineLayer
) -> tuple[NDArray[np.int8], NDArray[np.int64], NDArray[np.int64]]:
    """Signs and theta of ``sign(gain) * n >= theta``, and neurons close to a rounding edge."""
    signs = w.copy()
    outputs = w.shape[0]
    theta = np.empty(outputs, dtype=np.int64)
    close = []
    for j in range(outputs):
        threshold, bias = Fraction(layer.threshold[j]), Fraction(layer.bias[j])
        gain = Fraction(1) if layer.gain is None else Fraction(layer.gain[j])
        shift = Fraction(0) if layer.shift is None else Fraction(layer.shift[j])
        if gain == 0:
            signs[j] = 0  # n plays no part: the neuron is constant
            theta[j] = 0 if gain * bias + shift > threshold else 1
            continue
        edge = ((threshold - shift) / gain - bias) / Fraction(scale[j])
        if gain < 0:
            signs[j] = -signs[j]
            edge = -edge
        # Beyond int32 every threshold means the same, never or always.
        theta[j] = min(max(edge.__floor__() + 1, _INT32.min), _INT32.max)
        nearest = round(edge)
        distance = abs(edge - nearest)
        if 0 < distance < Fraction(1, 10**6) * max(1, abs(nearest)):
            close.append(j)
    return signs, theta, np.asarray(close, dtype=np.int64)
