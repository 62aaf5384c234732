"""From layers of real numbers to ternary weights and integer thresholds.

A layer with weights ``a * w``, w ternary, a > 0, and no memory has the membrane
``U = a * n + bias`` and fires on the strict ``U > threshold``: when
``n >= floor((threshold - bias) / a) + 1``. The division is done in exact fractions of the stored
floats, so that a tie at the threshold falls on the right side. With a membrane that lasts, U is
``a`` times the counts of all steps so far (``lasting.py``), and the rule is the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netlist_gen.checkpoint.affine import AffineLayer
from netlist_gen.checkpoint.lasting import ROUNDING, check_drift, memory_of
from netlist_gen.checkpoint.modules import Reals, Ternarize
from netlist_gen.errors import ConfigurationError, NetworkError
from netlist_gen.grid import Grids
from netlist_gen.network import TernaryNetwork

Array = NDArray[Any]

BATCH_NORM_EPS = 1e-5  # torch.nn.BatchNorm1d's default; a state_dict does not hold it
# Ternary weight networks (Li, Zhang, Liu, arXiv 1605.04711): keep |w| > 0.7 mean|w|, and the
# scale of a neuron is the mean magnitude of what is kept.
_DEAD_ZONE = 0.7
_RESETS = ("none", "zero", "subtract")  # the one that carries least comes first
_INT32 = np.iinfo(np.int32)
_SCALE_TOLERANCE = 1e-6  # a few float32 roundings between weights meant to be equal


class FormError(NetworkError):
    """Modules that have no form as ternary layers, each with its neurons."""


@dataclass(frozen=True)
class NeuronRule:
    """The rule that a file states for its neurons, and whether it carries state."""

    beta: float = 0.0
    reset: str = "none"

    @property
    def memoryless(self) -> bool:
        """Whether any number of steps gives what a neuron without state gives."""
        # With beta = 0 reset-to-zero only clears a membrane that decays to zero anyway;
        # subtract carries -threshold into the next step.
        return self.beta == 0.0 and self.reset in ("none", "zero")

    @staticmethod
    def most(rules: Sequence[NeuronRule]) -> NeuronRule:
        """One rule for several layers: what carries most."""
        reset = max((rule.reset for rule in rules), key=_RESETS.index)
        return NeuronRule(max(rule.beta for rule in rules), reset)


@dataclass(frozen=True)
class RealNetwork:
    """A network as a file states it: its layers, the rule of all neurons, where lines stand."""

    layers: Sequence[AffineLayer]
    rule: NeuronRule
    grids: Grids = ()

    def ternary(self, population: int) -> tuple[TernaryNetwork, list[str]]:
        """The exact integer network, and notes on what was folded.

        Raises:
            FormError: a weight that is not ternary, or a membrane that lasts and has no form in
                whole counts.
        """
        notes: list[str] = []
        weights, thetas, memories = [], [], []
        for index, layer in enumerate(self.layers):
            try:
                _check_finite(layer.weights, "weight")
                _check_finite(layer.gain, "gain of its neuron")
                _check_finite(layer.shift, "shift of its neuron")
                w, scale = ternary_and_scale(layer.weights)
                check_drift(layer)
                signs, theta, close = _fold(w, scale, layer)
                memories.append(memory_of(layer, scale, signs, theta))
            except NetworkError as error:
                raise FormError(f"layer {index} ('{layer.name}'): {error}") from None
            weights.append(signs)
            thetas.append(theta)
            if not np.all(scale == 1.0):
                notes.append(
                    f"layer {index}: weights are ternary times a scale of {scale.min():.6g} to "
                    f"{scale.max():.6g}, folded into theta"
                )
            if layer.bias.any():
                notes.append(f"layer {index}: bias folded into theta")
            if layer.normed:
                notes.append(f"layer {index}: batch norm folded (eps {BATCH_NORM_EPS:g} assumed)")
            if close:
                notes.append(
                    f"layer {index}: thresholds of {len(close)} neurons (first: {close[0]}) lie "
                    "within float32 rounding of a whole count; the software's own sum may round "
                    "either way there"
                )
        made = TernaryNetwork.from_arrays(weights, thetas, population, self.grids, memories)
        return made, notes


def lasting_faults(layer: AffineLayer) -> Iterator[tuple[str, str]]:
    """Kind and words of what keeps membranes that last from being whole counts."""
    try:
        check_drift(layer)
    except NetworkError as error:
        yield "bias", str(error)
    try:
        w, scale = ternary_and_scale(layer.weights)
    except NetworkError:
        return  # without one scale, nothing can be said of resets
    try:
        signs, theta, _ = _fold(w, scale, layer)
        memory_of(layer, scale, signs, theta)
    except NetworkError as error:
        yield "reset", str(error)


def by_magnitude(fan_in: int | None = None) -> Ternarize:
    """A function that makes a weight matrix ternary times a positive scale per neuron.

    Of a neuron the ``fan_in`` largest magnitudes stay, or all where it is None.
    """
    if fan_in is not None and fan_in < 1:
        raise ConfigurationError(f"fan-in is {fan_in}; at least 1 is needed")

    def ternarize(weights: Reals) -> Reals:
        magnitude = np.abs(weights)
        keep = magnitude > _DEAD_ZONE * magnitude.mean(axis=1, keepdims=True)
        if fan_in is not None and fan_in < weights.shape[1]:
            order = np.argsort(-magnitude, axis=1, kind="stable")[:, :fan_in]
            capped = np.zeros_like(keep)
            np.put_along_axis(capped, order, True, axis=1)
            keep &= capped
        kept = keep.sum(axis=1)
        scale = (magnitude * keep).sum(axis=1) / np.maximum(kept, 1)
        return np.asarray(np.sign(weights) * keep * scale[:, None])

    return ternarize


def ternary_and_scale(
    weights: Reals, shape: tuple[int, ...] | None = None
) -> tuple[NDArray[np.int8], Reals]:
    """Split weights in {-a, 0, a} into int8 signs and the scale a > 0 of each neuron.

    Args:
        weights: (outputs, inputs).
        shape: in the file, where it is another: an index in a message is one into it.

    Raises:
        NetworkError: with index and value of the first weight that does not fit its neuron's
            scale (the most common magnitude of its row; on a draw, of the layer).
    """
    magnitude = np.abs(weights)
    common = _most_common(magnitude[magnitude > 0], default=1.0)
    scale = np.full(weights.shape[0], common)
    off = (magnitude > 0) & (np.abs(magnitude - common) > _SCALE_TOLERANCE * common)
    for mixed in np.flatnonzero(off.any(axis=1)).tolist():
        scale[mixed] = _most_common(magnitude[mixed][magnitude[mixed] > 0], default=common)
    # Of its own scale: weights a millionth of the layer's others may still be of several sizes.
    wrong = (magnitude > 0) & (
        np.abs(magnitude - scale[:, None]) > _SCALE_TOLERANCE * scale[:, None]
    )
    if wrong.any():
        row, column = (int(i) for i in np.argwhere(wrong)[0])
        a = scale[row]
        flat = row * weights.shape[1] + column
        place = [int(i) for i in np.unravel_index(flat, shape or weights.shape)]
        shared = np.count_nonzero(np.abs(magnitude[row] - a) <= _SCALE_TOLERANCE * a) > 1
        wanted = f"here -{a:.6g}, 0 or {a:.6g}" if shared else "-a, 0 or a with an a of its own"
        raise NetworkError(
            f"weight {place} is {weights[row, column]:.6g}; the weights of a neuron must be "
            f"ternary, {wanted}"
        )
    return np.sign(weights).astype(np.int8), scale


def _check_finite(values: Reals, what: str) -> None:
    if not np.isfinite(values).all():
        place = np.argwhere(~np.isfinite(values))[0].tolist()
        raise NetworkError(f"{what} {place} is {values[tuple(place)]}; a finite number is needed")


def _most_common(values: Reals, default: float) -> float:
    if values.size == 0:
        return default
    found, counts = np.unique(values, return_counts=True)
    return float(found[counts.argmax()])


def _fold(
    w: NDArray[np.int8], scale: Reals, layer: AffineLayer
) -> tuple[NDArray[np.int8], NDArray[np.int64], list[int]]:
    """Signs and theta of ``sign(gain) * n >= theta``, and neurons close to a rounding edge."""
    if layer.lasts is not None:  # what each step adds is 0 in all: check_drift
        none = np.zeros(len(w))
        layer = replace(layer, bias=none, shift=none)
    signs = w.copy()
    # Where nothing is folded, the floor of the float is exact; beyond int32 see below.
    theta = np.floor(np.clip(layer.threshold, _INT32.min - 1.0, _INT32.max)).astype(np.int64) + 1
    theta = np.clip(theta, _INT32.min, _INT32.max)
    plain = (layer.gain == 1) & (layer.shift == 0) & (layer.bias == 0)
    plain &= (scale == 1) & (layer.divisor == 1)
    nearest_count = np.rint(layer.threshold)
    away = np.abs(layer.threshold - nearest_count)
    plain &= (away == 0) | (away >= 2e-6 * np.maximum(1, np.abs(nearest_count)))
    close = []
    for j in np.flatnonzero(~plain).tolist():
        threshold, bias = Fraction(layer.threshold[j]), Fraction(layer.bias[j])
        gain, shift = Fraction(layer.gain[j]), Fraction(layer.shift[j])
        if gain == 0:
            signs[j] = 0  # n plays no part: the neuron is constant
            theta[j] = 0 if shift > threshold else 1
            continue
        edge = ((threshold - shift) / gain - bias) * layer.divisor / Fraction(scale[j])
        if gain < 0:
            signs[j] = -signs[j]
            edge = -edge
        # Beyond int32 every threshold means the same, never or always.
        theta[j] = min(max(edge.__floor__() + 1, _INT32.min), _INT32.max)
        nearest = round(edge)
        distance = abs(edge - nearest)
        turned = abs(gain)
        terms = Fraction(scale[j]) * turned, bias * turned, shift, threshold
        exact = layer.divisor == 1 and turned.numerator & (turned.numerator - 1) == 0
        exact = exact and _sums_exactly(terms, int(np.count_nonzero(w[j])))
        if distance < ROUNDING * max(1, abs(nearest)) and not (exact and distance == 0):
            close.append(j)
    return signs, theta, close


def _sums_exactly(terms: Sequence[Fraction], synapses: int) -> bool:
    """Whether float32 adds the terms, the first as often as there are synapses, without rounding.

    All are then whole multiples of one power of two, and the largest sum has 24 digits or fewer.
    """
    steps = [Fraction(x.numerator & -x.numerator, x.denominator) for x in terms if x]
    largest = abs(terms[0]) * synapses + sum(map(abs, terms[1:]))
    return largest <= min(steps) * 2**24
