"""Membranes that last: what they are in whole counts, and what can't be.

A membrane of real numbers is ``scale`` times one of whole counts, as long as nothing but input
pulses moves it. What moves it besides:

* a bias, or the shift of a batch norm, is added in every step: the membrane drifts, pulses or not;
* a reset "subtract" takes off the threshold, which must be a whole number of scales.

A membrane that leaks (beta below 1) is no whole count, and its sums are rounded: only where a
synapse adds exactly 1, or a power of two, and thresholds are those of ``netlist_gen.memory`` to the
last bit, are spikes the same.

snnTorch's ``reset_delay=False`` resets in the step of the pulse already. With reset "zero" the
spikes are the same where the threshold is 0 or more: a membrane that has been reset, or has not
fired, is never above it. With "subtract" they are where no step counts more than a pulse takes
off: what is left is then at the threshold at most. Else the two differ (a membrane still above the
threshold is reset a second time), and a state_dict does not say which was meant.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterable, Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from netlist_gen.checkpoint.affine import AffineLayer
from netlist_gen.checkpoint.modules import Reals
from netlist_gen.errors import NetworkError
from netlist_gen.memory import Memory
from netlist_gen.network import TernaryNetwork

ROUNDING = Fraction(1, 10**6)
"""How far a quotient of two float32 may be from the whole number it is meant to be, relatively."""

_INT32 = np.iinfo(np.int32)


def check_drift(layer: AffineLayer) -> None:
    """Refuse lasting membranes that something else than pulses moves.

    Raises:
        NetworkError: it names the first such neuron and what each step adds.
    """
    if layer.lasts is None:
        return
    added = layer.gain * layer.bias + layer.shift
    wrong = np.flatnonzero(added)
    if wrong.size:
        what = "a batch norm" if layer.normed else "a bias"
        raise NetworkError(
            f"{what} adds {added[wrong[0]]:.6g} to the membrane of neuron {wrong[0]} in every "
            "step, pulses or not, and membranes last; 0 is allowed"
        )


def memory_of(
    layer: AffineLayer, scale: Reals, signs: NDArray[np.int8], theta: NDArray[np.int64]
) -> Memory | None:
    """The memory of a layer whose weights are ``scale * signs`` after its gain.

    Args:
        layer: in real numbers.
        scale: of the weights of each neuron, above 0, shape (outputs,).
        signs: the ternary weights, shape (outputs, inputs).
        theta: in whole counts, shape (outputs,).

    Raises:
        NetworkError: pulses that subtract what is no whole number of counts; it names the neuron.
    """
    if layer.lasts is None:
        return None
    if layer.beta < 1.0:
        return _leaking(layer, scale, signs, theta)
    if layer.lasts != "subtract":
        return Memory.of(layer.lasts, len(theta))
    # Of a neuron that never fires any amount is right; this one snnTorch's Leaky has too.
    amounts = theta - 1
    for j in np.flatnonzero((signs > 0).any(axis=1) | (layer.threshold < 0)).tolist():
        threshold = Fraction(layer.threshold[j])
        unit = abs(Fraction(layer.gain[j])) * Fraction(scale[j]) / layer.divisor
        counts = threshold / unit
        nearest = round(counts)
        if counts < 0 or abs(counts - nearest) > ROUNDING * max(1, nearest):
            low = max(counts.__floor__(), 0)
            raise NetworkError(
                f"a pulse of neuron {j} subtracts its threshold {float(threshold):.6g}, which is "
                f"{float(counts):.6g} times what an input pulse adds ({float(unit):.6g}); a whole "
                f"number of times is allowed, such as {low} or {low + 1}"
            )
        amounts[j] = min(nearest, _INT32.max)
    return Memory.of("subtract", len(theta), np.maximum(amounts, 0))


def _leaking(
    layer: AffineLayer, scale: Reals, signs: NDArray[np.int8], theta: NDArray[np.int64]
) -> Memory:
    """The memory of membranes that leak.

    All that a pulse is multiplied by must be a power of two to the bit, so that the membrane is
    that of whole counts, scaled without rounding. At a threshold of 0 only counts themselves are
    taken: how a membrane that falls for long underflows decides there.

    Raises:
        NetworkError: synapses or a threshold that would be rounded; it names the neuron.
    """
    assert layer.lasts is not None
    amounts = theta - 1 if layer.lasts == "subtract" else None
    below = np.flatnonzero(theta < 1)
    if amounts is not None and below.size:
        j = below[0]
        raise NetworkError(
            f"the threshold of neuron {j} is {layer.threshold[j]:.6g} with reset 'subtract', which "
            "then adds to the membrane; 0 or more is allowed"
        )
    memory = Memory.of(layer.lasts, len(theta), amounts, layer.beta)
    gain = np.abs(layer.gain)
    unit = gain * scale / layer.divisor
    edge = memory.edge(theta)
    whole = _powers_of_two(gain) & _powers_of_two(scale) & _powers_of_two(layer.divisor)
    whole &= ((layer.weights == 0) | (np.abs(layer.weights) == scale[:, None])).all(axis=1)
    whole &= (edge != 0) | (unit == 1)
    rounded = ~whole | (layer.threshold != edge * unit)
    wrong = np.flatnonzero(rounded & signs.any(axis=1))
    if wrong.size:
        j = wrong[0]
        raise NetworkError(
            f"membranes leak (beta {memory.beta:.6g}), and neuron {j} has synapses of "
            f"{unit[j]:.6g} and the threshold {layer.threshold[j]:.6g}; equal powers of two, and a "
            f"whole number {'of them' if amounts is not None else 'and a half of them'} is allowed"
        )
    return memory


def _powers_of_two(values: ArrayLike) -> NDArray[np.bool_]:
    return np.asarray(np.frexp(values)[0] == 0.5)


def delay_notes(network: TernaryNetwork) -> Iterator[str]:
    """A note on each layer whose spikes would be others with snnTorch's ``reset_delay=False``."""
    for index, layer in enumerate(network.layers):
        memory = layer.memory
        if memory is None:
            continue
        if memory.leaks:
            yield (
                f"layer {index}: membranes leak; sums are float32, in the order of snnTorch's "
                "default reset_delay=True, and no circuit is made of them"
            )
            continue
        again = memory.reset == "subtract" and (layer.count_range[:, 1] > memory.subtract).any()
        if again or (memory.reset == "zero" and (layer.theta < 1).any()):
            yield (
                f"layer {index}: a pulse resets the membrane before the next step's sum, as with "
                "snnTorch's default reset_delay=True; a state_dict does not hold it, and with "
                "False the spikes would be others"
            )


def refuse_memory(
    memories: Iterable[Memory | None], path: Path, reason: str, resets: Collection[str]
) -> None:
    """Refuse to write layers' membranes that leak, or last with other than some resets.

    Raises:
        NetworkError: it names the first such layer and the formats that hold it.
    """
    for index, memory in enumerate(memories):
        if memory is None or (memory.reset in resets and not memory.leaks):
            continue
        what = f"last with reset '{memory.reset}': {reason}"
        if memory.leaks:
            what = f"leak (beta {memory.beta:.6g})"
        raise NetworkError(
            f"{path} can't hold layer {index}, whose membranes {what}; .npz, .pt and .safetensors "
            "hold it"
        )


def memoryless(network: TernaryNetwork) -> TernaryNetwork:
    """The same for samples of a single step, in which no membrane lasts."""
    layers = tuple(dataclasses.replace(layer, memory=None) for layer in network.layers)
    return dataclasses.replace(network, layers=layers)
