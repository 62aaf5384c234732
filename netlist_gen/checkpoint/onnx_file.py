"""``.onnx``: a chain of layers, each followed by a comparison with a threshold.

Read: MatMul, Gemm and Conv with constant weights, Add and Sub of constants, BatchNormalization,
MaxPool, AveragePool, Flatten and Reshape, and as neurons Greater and GreaterOrEqual against a
constant (with the Cast behind them), which are memoryless. Weights may come through QuantizeLinear,
Clip and DequantizeLinear, or Quant of QONNX, as Brevitas exports them. Written: MatMul, Greater and
Cast.

The onnx package parses; no model is run, and no data outside the file is followed.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from netlist_gen.checkpoint.card import METADATA_KEY, StoredNetwork, metadata_object
from netlist_gen.checkpoint.digest import DIGEST_KEY, network_digest
from netlist_gen.checkpoint.limits import check_unpacked
from netlist_gen.checkpoint.modules import (
    NO_NEURON,
    WEIGHTED,
    Flatten,
    Module,
    Neuron,
    Stack,
)
from netlist_gen.checkpoint.onnx_modules import Constants, modules_of
from netlist_gen.errors import ConfigurationError, NetworkError
from netlist_gen.files import atomic_path
from netlist_gen.network import TernaryNetwork

_MISSING = "reading and writing .onnx needs the onnx package: pip install 'netlist-gen[onnx]'"
_OPSET = 13  # of the files that are written; Greater and MatMul have not changed since


def read_onnx(data: bytes, path: Path) -> StoredNetwork:
    """Read a network; errors as in ``snntorch_pt.read_pt``."""
    onnx = _library()
    damaged = f"{path} is not a whole ONNX model"
    if not data:
        raise NetworkError(f"{damaged}: it is empty")
    try:
        model = onnx.load_model_from_string(data)
    except Exception as error:  # protobuf raises classes of its own
        words = " ".join(str(error).split()) or type(error).__name__
        raise NetworkError(f"{damaged}: {words}") from None
    graph = model.graph
    constants = Constants()
    declared = sum(4 * math.prod(tensor.dims) for tensor in graph.initializer)
    check_unpacked(declared, len(data))
    for tensor in graph.initializer:
        constants.add_tensor(tensor, damaged)
    inputs = [value for value in graph.input if value.name not in constants]
    if len(inputs) != 1 or len(graph.output) != 1:
        raise NetworkError(
            f"the graph has {len(inputs)} inputs and {len(graph.output)} outputs; one of each is "
            "needed"
        )
    modules = _chain(graph, inputs[0].name, constants)
    facts = {entry.key: entry.value for entry in model.metadata_props}
    extra = metadata_object(facts.get(METADATA_KEY, "{}"))
    stack = Stack(tuple(modules), _shape(inputs[0]))
    list(stack.shapes())
    return StoredNetwork(stack, extra, extra.get("population"), facts.get(DIGEST_KEY))


def write_onnx(network: TernaryNetwork, path: Path, extra: Mapping[str, object]) -> None:
    """Write a chain of MatMul, Greater and Cast, with ``extra`` in the model's metadata."""
    onnx = _library()
    helper, kind = onnx.helper, onnx.TensorProto.FLOAT
    nodes, tensors, flow = [], [], "input"
    for index, layer in enumerate(network.layers):
        # Strict n > theta - 0.5 is n >= theta.
        arrays = {f"w{index}": layer.weights.T, f"theta{index}": layer.theta - 0.5}
        for name, array in arrays.items():
            tensors.append(onnx.numpy_helper.from_array(array.astype(np.float32), name))
        names = f"n{index}", f"fires{index}", f"spikes{index}"
        nodes.append(helper.make_node("MatMul", [flow, f"w{index}"], [names[0]], names[0]))
        nodes.append(helper.make_node("Greater", [names[0], f"theta{index}"], [names[1]], names[1]))
        nodes.append(helper.make_node("Cast", [names[1]], [names[2]], names[2], to=kind))
        flow = names[2]
    graph = helper.make_graph(
        nodes,
        "netlist_gen",
        [helper.make_tensor_value_info("input", kind, ["samples", network.inputs])],
        [helper.make_tensor_value_info(flow, kind, ["samples", network.outputs])],
        tensors,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", _OPSET)])
    model.ir_version = 8  # of opset 13's time: older runtimes read it
    facts = {**extra, "population": network.population}
    helper.set_model_props(
        model,
        {
            METADATA_KEY: json.dumps(facts, sort_keys=True),
            DIGEST_KEY: network_digest(network),
        },
    )
    with atomic_path(path) as temporary:
        temporary.write_bytes(model.SerializeToString(deterministic=True))


def _library() -> Any:
    try:
        import onnx
        import onnx.helper
        import onnx.numpy_helper
    except ModuleNotFoundError:
        raise ConfigurationError(_MISSING) from None
    return onnx


def _chain(graph: Any, flow: str, constants: Constants) -> list[Module]:
    """The modules on the way from the input to the output."""
    readers: dict[str, list[Any]] = {}
    for node in graph.node:
        if node.op_type == "Constant" or all(name in constants for name in node.input if name):
            constants.fold(node)
            continue
        for name in node.input:
            if name and name not in constants:
                readers.setdefault(name, []).append(node)
    modules: list[Module] = []
    seen = 0
    while flow != graph.output[0].name:
        following = readers.get(flow, [])
        if len(following) != 1 or len(following[0].output) != 1:
            raise NetworkError(f"'{flow}' feeds {len(following)} nodes; a chain is needed")
        node = following[0]
        modules += modules_of(node, flow, constants, spikes=_gives_spikes(modules))
        flow, seen = node.output[0], seen + 1
        if seen > len(graph.node):
            raise NetworkError("the graph goes in a circle; recurrence can't be built")
    if not any(isinstance(module, WEIGHTED) for module in modules):
        raise NetworkError("the graph holds no layer")
    last = max(i for i, m in enumerate(modules) if isinstance(m, WEIGHTED))
    if not any(isinstance(module, Neuron) for module in modules[last:]):
        modules.append(Neuron(graph.output[0].name, np.ones(()), np.zeros(()), "none", NO_NEURON))
    return modules


def _gives_spikes(modules: list[Module]) -> bool:
    """Whether what comes behind modules is zeros and ones, as the inputs are."""
    kept = [m for m in modules if not isinstance(m, Flatten) and getattr(m, "kind", "") != "max"]
    return not kept or isinstance(kept[-1], Neuron)


def _shape(value: Any) -> tuple[int, ...]:
    """Of one sample: the first axis is that of the samples."""
    sizes = [int(axis.dim_value) for axis in value.type.tensor_type.shape.dim][1:]
    if not 1 <= len(sizes) <= 3 or min(sizes) < 1:
        raise NetworkError(
            f"the input '{value.name}' has shape {sizes} behind its samples; one to three sizes "
            "are needed"
        )
    return tuple(sizes)
