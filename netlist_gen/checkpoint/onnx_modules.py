"""Nodes of an ONNX graph as modules, and its constants."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

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
from netlist_gen.checkpoint.real import Array
from netlist_gen.errors import NetworkError

KNOWN = (
    "MatMul", "Gemm", "Conv", "Add", "Sub", "BatchNormalization", "MaxPool", "AveragePool",
    "Flatten", "Reshape", "Greater", "GreaterOrEqual", "Cast", "Identity", "Dropout",
)  # fmt: skip
_WIDE = (1, 11)
"""ONNX's numbers of the types FLOAT and DOUBLE."""

_MOST_FOLDED = 1 << 26  # values of a constant


class Constants:
    """What a graph's nodes need not be run for: its initializers, and what follows from them."""

    def __init__(self) -> None:
        self._arrays: dict[str, Array] = {}

    def __contains__(self, name: str) -> bool:
        return name in self._arrays

    def __getitem__(self, name: str) -> Array:
        return self._arrays[name]

    def add_tensor(self, tensor: Any, damaged: str) -> None:
        """Take up a tensor that lies in the file."""
        from onnx import numpy_helper

        if tensor.data_location or tensor.external_data:
            raise NetworkError(f"'{tensor.name}' lies in another file; one file is read")
        try:
            self._arrays[tensor.name] = np.asarray(numpy_helper.to_array(tensor))
        except Exception as error:  # numpy's and protobuf's, on a damaged tensor
            raise NetworkError(f"{damaged}: '{tensor.name}': {error}") from None

    def fold(self, node: Any) -> None:
        """Work out a node all of whose inputs are constant.

        Raises:
            NetworkError: an operation that is not known here.
        """
        given = [self._arrays[name] for name in node.input if name]
        facts = attributes(node)
        if node.op_type == "Constant":
            self.add_tensor_of(node, facts)
            return
        if node.op_type not in _FOLDED:
            raise NetworkError(
                f"node '{_name(node)}' is a {node.op_type} of constants; known are "
                f"{', '.join(sorted(_FOLDED))}"
            )
        if _spread_size(given) > _MOST_FOLDED:
            raise NetworkError(f"node '{_name(node)}' has more than {_MOST_FOLDED} values")
        try:
            self._arrays[node.output[0]] = np.asarray(_FOLDED[node.op_type](facts, *given))
        except (ValueError, TypeError, IndexError, KeyError, OverflowError) as error:
            raise NetworkError(f"node '{_name(node)}' makes no sense: {error}") from None

    def add_tensor_of(self, node: Any, facts: dict[str, Any]) -> None:
        """Take up what a Constant node holds."""
        if "value" in facts:
            tensor = facts["value"]
            tensor.name = node.output[0]
            self.add_tensor(tensor, f"node '{_name(node)}'")
        else:
            self._arrays[node.output[0]] = np.asarray(next(iter(facts.values()), 0.0))


def _spread_size(arrays: list[Array]) -> int:
    """Values of the arrays, or of what they become where each is spread over the others."""
    try:
        return math.prod(np.broadcast_shapes(*(array.shape for array in arrays)))
    except ValueError:
        return sum(array.size for array in arrays)


def attributes(node: Any) -> dict[str, Any]:
    """A node's attributes by name."""
    from onnx import helper

    return {each.name: helper.get_attribute_value(each) for each in node.attribute}


def modules_of(node: Any, flow: str, constants: Constants, *, spikes: bool) -> list[Module]:
    """The modules that a node on the chain is.

    Args:
        node: of the graph.
        flow: what it takes from the node before.
        constants: of the graph.
        spikes: whether the flow is of zeros and ones.

    Raises:
        NetworkError: it names the node and what is wrong.
    """
    try:
        return _modules(node, flow, constants, spikes)
    except (ValueError, TypeError, IndexError, KeyError, OverflowError) as error:
        raise NetworkError(f"node '{_name(node)}' makes no sense: {error}") from None


def _modules(node: Any, flow: str, constants: Constants, spikes: bool) -> list[Module]:
    name, kind, facts = _name(node), node.op_type, attributes(node)
    for each in node.input:
        if each and each != flow and each not in constants:
            raise NetworkError(
                f"node '{name}' reads '{each}', which is no constant and not on the chain"
            )
    others = [constants[each] for each in node.input if each and each != flow]

    def one(what: str) -> Array:
        if len(others) != 1 or node.input[0] != flow:
            raise NetworkError(f"node '{name}' ({kind}) needs {what} as its second input")
        return others[0]

    if kind in ("Sub", "Gemm", "Conv", "BatchNormalization") and node.input[0] != flow:
        raise NetworkError(f"node '{name}' ({kind}) needs the flow, '{flow}', as its first input")
    if kind == "Cast" and not spikes and facts.get("to") not in _WIDE:
        raise NetworkError(
            f"node '{name}' casts real sums to a type that rounds them; FLOAT and DOUBLE keep them"
        )
    if kind in ("Cast", "Identity", "Dropout"):
        return []
    if kind in ("Flatten", "Reshape"):
        return [Flatten(name)]
    if kind == "MatMul":
        weights = _matrix(name, one("weights")).T
        return [Dense(name, weights, np.zeros(len(weights)))]
    if kind == "Gemm":
        return [_gemm(name, facts, others)]
    if kind == "Conv":
        return [_conv(name, facts, others)]
    if kind in ("Add", "Sub"):
        shift, behind = _per_channel(name, others[0])
        shift = shift if kind == "Add" else -shift
        return [Norm(name, np.ones(shift.shape), shift, batch=False, behind=behind)]
    if kind == "BatchNormalization":
        return [_norm(name, facts, others)]
    if kind in ("MaxPool", "AveragePool"):
        return [_pool(name, kind, facts)]
    if kind in ("Greater", "GreaterOrEqual"):
        threshold = real_array(f"{name}.threshold", one("a constant threshold"))
        if kind == "GreaterOrEqual":
            threshold = np.nextafter(threshold, -np.inf)
        return [Neuron(name, np.asarray(threshold), np.zeros(()), "none")]
    hint = "; it gives -1 and 1, where a pulse is there or not" if kind == "Sign" else ""
    raise NetworkError(f"node '{name}' is a {kind}{hint}; known are {', '.join(KNOWN)}")


def _name(node: Any) -> str:
    return str(node.name or (node.output[0] if node.output else node.op_type))


def _matrix(name: str, values: Array) -> Reals:
    if values.ndim != 2 or 0 in values.shape:
        raise NetworkError(f"node '{name}' has weights of shape {values.shape}; 2-D is needed")
    return values.astype(np.float64)


def _gemm(name: str, facts: dict[str, Any], others: list[Array]) -> Dense:
    if not others or facts.get("transA") or facts.get("alpha", 1) != 1 or facts.get("beta", 1) != 1:
        raise NetworkError(f"node '{name}' (Gemm) scales or turns its input; alpha 1 is needed")
    weights = _matrix(name, others[0])
    weights = weights if facts.get("transB") else weights.T
    bias = real_array(f"{name}.bias", others[1]) if len(others) > 1 else np.zeros(())
    return Dense(name, weights, np.broadcast_to(bias.reshape(-1) if bias.ndim else bias,
                                                (len(weights),)))  # fmt: skip


def _conv(name: str, facts: dict[str, Any], others: list[Array]) -> Convolution:
    if not others or others[0].ndim not in (3, 4) or 0 in others[0].shape:
        raise NetworkError(f"node '{name}' (Conv) has no weights of one or two axes")
    weights = others[0].astype(np.float64)
    axes = weights.ndim - 2
    bias = real_array(f"{name}.bias", others[1]) if len(others) > 1 else np.zeros(len(weights))
    if bias.shape != (len(weights),):
        raise NetworkError(f"'{name}.bias' has shape {bias.shape}; ({len(weights)},) is needed")
    return Convolution(
        name, weights, bias, _sizes(name, facts, "strides", axes),
        _padding(name, facts, axes), _sizes(name, facts, "dilations", axes),
        int(facts.get("group", 1)),
    )  # fmt: skip


def _pool(name: str, kind: str, facts: dict[str, Any]) -> Pool:
    window = tuple(int(n) for n in facts.get("kernel_shape", ()))
    axes = len(window)
    plain = axes and not any(_padding(name, facts, axes)) and not facts.get("ceil_mode")
    if not plain or any(d != 1 for d in facts.get("dilations", ())):
        raise NetworkError(f"node '{name}' ({kind}) pads or dilates; plain windows are needed")
    words = "max" if kind == "MaxPool" else "avg"
    return Pool(name, words, window, _sizes(name, facts, "strides", axes))


def _norm(name: str, facts: dict[str, Any], others: list[Array]) -> Norm:
    if len(others) != 4:
        raise NetworkError(f"node '{name}' (BatchNormalization) needs four constants")
    scale, shift, mean, variance = (real_array(name, each) for each in others)
    gain = scale / np.sqrt(variance + float(facts.get("epsilon", 1e-5)))
    return Norm(name, gain, shift - gain * mean)


def _per_channel(name: str, values: Array) -> tuple[Reals, int | None]:
    """A constant that is added: one number, or one for each channel or line.

    With it, how many axes are behind that of several numbers.
    """
    array = real_array(name, values)
    if array.size == 1:
        return array.reshape(()), None
    # (lines,), (1, lines) or (channels, 1, 1): one axis alone has more than one place.
    if max(array.shape) != array.size:
        raise NetworkError(
            f"node '{name}' adds numbers of shape {array.shape}; one for each channel is needed"
        )
    return array.reshape(-1), array.ndim - 1 - int(np.argmax(array.shape))


def _sizes(name: str, facts: dict[str, Any], field: str, axes: int) -> Size:
    sizes = tuple(int(n) for n in facts.get(field, (1,) * axes))
    if len(sizes) != axes or min(sizes) < 1:
        raise NetworkError(f"node '{name}' has {field} {sizes}; {axes} are needed")
    return sizes


def _padding(name: str, facts: dict[str, Any], axes: int) -> Size:
    if facts.get("auto_pad", b"NOTSET") not in (b"NOTSET", b"VALID"):
        raise NetworkError(f"node '{name}' pads by itself (auto_pad); numbers are needed")
    pads = tuple(int(n) for n in facts.get("pads", (0,) * 2 * axes))
    if len(pads) != 2 * axes or pads[:axes] != pads[axes:] or min(pads, default=0) < 0:
        raise NetworkError(f"node '{name}' has pads {pads}; as many on both sides are needed")
    return pads[:axes]


def _scaled(values: Array, scale: Array, facts: dict[str, Any]) -> Array:
    """A scale as it stands against values: of one axis where it has several numbers."""
    if scale.size == 1:
        return scale.reshape(())
    shape = [1] * values.ndim
    shape[facts.get("axis", 1)] = scale.size
    return scale.reshape(shape)


def _quantize(facts: dict[str, Any], x: Array, scale: Array, zero: Array | None = None) -> Array:
    kind = np.int8 if zero is None else zero.dtype
    shift = 0 if zero is None else _scaled(x, zero, facts).astype(float)
    limits = np.iinfo(kind)
    levels = np.rint(x / _scaled(x, scale, facts)) + shift
    return np.clip(levels, limits.min, limits.max).astype(kind)


def _dequantize(facts: dict[str, Any], x: Array, scale: Array, zero: Array | None = None) -> Array:
    shift = 0 if zero is None else _scaled(x, zero, facts).astype(float)
    return (x.astype(float) - shift) * _scaled(x, scale, facts)


def _quant(facts: dict[str, Any], x: Array, scale: Array, zero: Array, bits: Array) -> Array:
    """QONNX's Quant: signed or not, narrow or not (github.com/fastmachinelearning/qonnx)."""
    signed, narrow = bool(facts.get("signed", 1)), bool(facts.get("narrow", 0))
    width = float(bits.reshape(-1)[0])
    low = -(2 ** (width - 1)) + narrow if signed else 0.0
    high = 2 ** (width - 1) - 1 if signed else 2**width - 1 - narrow
    levels = np.rint(np.clip(x / scale + zero, low, high))
    return (levels - zero) * scale


_FOLDED: dict[str, Callable[..., Array]] = {
    "Identity": lambda _, x: x,
    "Cast": lambda _, x: x,
    "Transpose": lambda facts, x: np.transpose(x, facts.get("perm")),
    "Reshape": lambda _, x, shape: x.reshape(tuple(int(n) for n in shape)),
    "Unsqueeze": lambda facts, x, axes=None: np.expand_dims(
        x, tuple(int(n) for n in (facts["axes"] if axes is None else axes))
    ),
    "Clip": lambda _, x, low=None, high=None: np.clip(x, low, high),
    "Mul": lambda _, x, y: x * y,
    "Div": lambda _, x, y: x / y,
    "Add": lambda _, x, y: x + y,
    "Sub": lambda _, x, y: x - y,
    "Sign": lambda _, x: np.sign(x),
    "QuantizeLinear": _quantize,
    "DequantizeLinear": _dequantize,
    "Quant": _quant,
}
"""Of constants: what Brevitas and torch put between weights and their layer."""
