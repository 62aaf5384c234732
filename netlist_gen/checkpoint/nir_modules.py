"""Nodes of a NIR graph as modules.

NIR has one reset (to ``v_reset``) and no "none", and snnTorch writes ``v_reset = 0`` whatever its
rule was (snntorch 1.0 ``export_nir.py``), with dt = 1e-4 s. A LIF node's decay per step is taken as
1 - dt / tau; where that is zero, it is memoryless. An IF node's membrane lasts, and is 0 again
after each pulse. snnTorch writes no IF, but beta 1 as a LIF of endless tau: its reset is open.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from netlist_gen.checkpoint.hdf5 import Tree
from netlist_gen.checkpoint.modules import (
    Convolution,
    Dense,
    Flatten,
    Module,
    Neuron,
    Norm,
    Pool,
    Reals,
    Size,
    real_array,
)
from netlist_gen.errors import NetworkError

SNNTORCH_DT = 1e-4  # seconds per step, snntorch 1.0 export_nir.py
_DECAY_TOLERANCE = 1e-6  # tau is stored as float32
_FOREIGN = {
    "CubaLIF": "CubaLIF has a synaptic current: it would need a second state that decays",
    "CubaLI": "CubaLI gives real numbers: a circuit's output is pulses",
    "LI": "LI gives real numbers: a circuit's output is pulses",
    "I": "I gives real numbers: a circuit's output is pulses",
    "NIRGraph": "a graph in the graph, as recurrent neurons have: it would need lines from its "
    "outputs back to the next window",
}
_ENDLESS = (
    "LIF with an endless tau, as snnTorch writes beta 1: NIR's reset is to 0, whatever snnTorch's "
    "was, so that it is open; the network's state_dict in a .pt file holds it, and an IF node is "
    "reset to 0"
)
KNOWN = (
    "Linear", "Affine", "Conv1d", "Conv2d", "SumPool2d", "AvgPool2d", "Flatten", "Scale",
    "Threshold", "LIF", "IF",
)  # fmt: skip


def modules_of(name: str, node: Tree) -> Iterator[Module]:
    """The modules that a node is.

    Raises:
        NetworkError: it names the node and what is wrong.
    """
    kind = node["type"]
    if kind in ("Linear", "Affine"):
        weights = parameter(name, node, "weight").astype(np.float64)
        if weights.ndim != 2 or 0 in weights.shape:
            raise NetworkError(f"node '{name}' has weights of shape {weights.shape}; 2-D is needed")
        yield Dense(name, weights, _bias(name, node, len(weights)))
    elif kind in ("Conv1d", "Conv2d"):
        yield _convolution(name, node, int(kind[4]))
    elif kind in ("SumPool2d", "AvgPool2d"):
        yield _pool(name, node, "sum" if kind == "SumPool2d" else "avg")
    elif kind == "Flatten":
        yield Flatten(name)
    elif kind == "Scale":
        scale = real_array(f"{name}.scale", parameter(name, node, "scale")).reshape(-1)
        yield Norm(name, scale, np.zeros(()), batch=False)
    elif kind in ("Threshold", "LIF", "IF"):
        yield from _neuron(name, node)
    elif kind in _FOREIGN:
        one = np.ones(())
        yield Neuron(name, one, one, "none", _FOREIGN[kind])
    else:
        raise NetworkError(f"node '{name}' is a {kind}; known are {', '.join(KNOWN)}")


def parameter(name: str, node: Tree, field: str) -> Any:
    """The numbers of a node's field."""
    value = node.get(field)
    if not isinstance(value, np.ndarray):
        raise NetworkError(f"node '{name}' ({node['type']}) has no numbers '{field}'")
    return value


def _bias(name: str, node: Tree, outputs: int) -> Reals:
    if node["type"] == "Linear":
        return np.zeros(outputs)
    given = real_array(f"{name}.bias", parameter(name, node, "bias"))
    if given.size == 1:
        given = np.broadcast_to(given.reshape(()), (outputs,))
    if given.shape != (outputs,):
        raise NetworkError(
            f"'{name}.bias' has shape {given.shape}; a scalar or ({outputs},) is needed"
        )
    return given


def _convolution(name: str, node: Tree, axes: int) -> Convolution:
    weights = parameter(name, node, "weight").astype(np.float64)
    if weights.ndim != axes + 2 or 0 in weights.shape:
        raise NetworkError(
            f"node '{name}' has weights of shape {weights.shape}; {axes + 2} axes are needed"
        )
    stride, dilation = (_sizes(name, node, field, axes, 1) for field in ("stride", "dilation"))
    padding: Size
    if isinstance(node.get("padding"), str):
        padding = _named_padding(name, node["padding"], weights.shape[2:], stride, dilation)
    else:
        padding = _sizes(name, node, "padding", axes, 0)
    groups = _sizes(name, node, "groups", 1, 1)[0]
    return Convolution(
        name, weights, _bias(name, node, len(weights)), stride, padding, dilation, groups
    )


def _named_padding(name: str, word: str, kernel: Size, stride: Size, dilation: Size) -> Size:
    if word == "valid":
        return (0,) * len(kernel)
    total = [d * (k - 1) for k, d in zip(kernel, dilation, strict=True)]
    if word != "same" or set(stride) != {1} or any(n % 2 for n in total):
        raise NetworkError(
            f"node '{name}' has padding '{word}' with kernel {kernel} and stride {stride}; "
            "numbers, 'valid', or 'same' with odd kernels and stride 1 are needed"
        )
    return tuple(n // 2 for n in total)


def _pool(name: str, node: Tree, kind: str) -> Pool:
    window = _sizes(name, node, "kernel_size", 2, 1)
    padding = _sizes(name, node, "padding", 2, 0)
    if any(padding):
        raise NetworkError(f"node '{name}' pads its pooling by {padding}; 0 is needed")
    return Pool(name, kind, window, _sizes(name, node, "stride", 2, 1))


def _sizes(name: str, node: Tree, field: str, axes: int, least: int) -> Size:
    given = parameter(name, node, field)
    values = given.reshape(-1)
    if given.dtype.kind not in "iu" or values.size not in (1, axes) or (values < least).any():
        raise NetworkError(
            f"node '{name}' has {field} {given.tolist()}; {axes} whole numbers of at least {least} "
            "are needed"
        )
    sizes = tuple(int(n) for n in values)
    return sizes * axes if len(sizes) < axes else sizes


def _neuron(name: str, node: Tree) -> Iterator[Module]:
    """The neurons, and before them the gain and shift of their membrane where there is one."""

    def numbers(field: str) -> Reals:
        return real_array(f"{name}.{field}", parameter(name, node, field))

    kind = node["type"]
    zero, one = np.zeros(()), np.ones(())
    if kind == "Threshold":
        yield Neuron(name, numbers("threshold"), zero, "none")
        return
    if kind == "IF":
        if (numbers("r") != 1).any():
            yield Norm(f"{name}.r", _per_channel(numbers("r")), zero, batch=False)
        rest = real_array(f"{name}.v_reset", node.get("v_reset", zero))
        foreign = ""
        if (rest != 0).any():
            value = rest[rest != 0].flat[0]
            foreign = f"a pulse resets the membrane to v_reset {value:g}, a circuit's to 0"
        yield Neuron(name, numbers("v_threshold"), one, "zero", foreign)
        return
    if (1 - SNNTORCH_DT / np.maximum(parameter(name, node, "tau"), SNNTORCH_DT) == 1).any():
        yield Neuron(name, numbers("v_threshold"), one, "none", _ENDLESS)
        return
    tau = numbers("tau")
    if np.any(tau <= 0):
        raise NetworkError(f"node '{name}' has tau {tau.min()}; above 0 is needed")
    for field in ("r", "v_leak"):
        if numbers(field).shape not in ((), (1,), tau.shape):
            raise NetworkError(
                f"'{name}.{field}' has shape {numbers(field).shape}; a scalar or {tau.shape} is "
                "needed"
            )
    with np.errstate(over="ignore", invalid="ignore"):  # what overflows is refused by name
        share = SNNTORCH_DT / tau
        # NIR's v + share * (v_leak - v + r * I): what is left of v, and the gain of I.
        beta = 1 - share
        beta = np.where(np.abs(beta) < _DECAY_TOLERANCE, 0.0, beta)
        share = np.where(beta == 0.0, 1.0, share)
        # With r = tau / dt, which snnTorch writes, the gain is 1; rounding of the two floats must
        # not move a threshold.
        gain = share * numbers("r")
        gain = np.where(np.abs(gain - 1) < _DECAY_TOLERANCE, 1.0, gain)
        shift = share * numbers("v_leak")
    for what, values in (("gain", gain), ("shift", shift)):
        if not np.isfinite(values).all():
            raise NetworkError(f"node '{name}' has {what} {values.max()}; a finite one is needed")
    if (beta < 0).any():
        raise NetworkError(
            f"node '{name}' has tau {tau[beta < 0].flat[0]:g}, less than a step of "
            f"{SNNTORCH_DT:g} s: what is left of a membrane would be below 0; 0 or more is needed"
        )
    if (gain != 1).any() or (shift != 0).any():
        yield Norm(f"{name}.r", _per_channel(gain), _per_channel(shift), batch=False)
    # snnTorch writes v_reset 0 whatever its reset is: of a membrane that lasts a while it is open.
    yield Neuron(name, numbers("v_threshold"), beta, "zero", reset_known=not beta.any())


def _per_channel(values: Reals) -> Reals:
    """A scalar, a vector, or the first of each channel where all of a channel are alike."""
    if values.size == 1:
        return values.reshape(())
    if values.ndim <= 1:
        return values
    flat = values.reshape(len(values), -1)
    if (flat != flat[:, :1]).any():
        raise NetworkError(
            f"a neuron's parameters of shape {values.shape} differ within a channel; one for each "
            "channel is needed"
        )
    return np.asarray(flat[:, 0])
