"""``.nir`` (Neuromorphic Intermediate Representation, HDF5): a chain of layers and neurons.

Read: Linear, Affine, Conv1d and Conv2d, pooling, Flatten and Scale between them, each layer
followed by Threshold (``z = 1 where v > threshold``), LIF, or IF (``nir_modules.py``). Written:
Linear and Threshold, which state the memoryless neuron fully.

The nir package writes; its reader makes room for whatever a file declares and stays in the same
process with what libhdf5 does on a damaged file, so that reading is done by ``hdf5.py``.
"""

from __future__ import annotations

import importlib.util
import json
import math
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from netlist_gen.checkpoint.card import METADATA_KEY, StoredNetwork, metadata_object
from netlist_gen.checkpoint.digest import DIGEST_KEY, network_digest
from netlist_gen.checkpoint.hdf5 import Tree, read_hdf5
from netlist_gen.checkpoint.modules import (
    NO_NEURON,
    WEIGHTED,
    Convolution,
    Dense,
    Flatten,
    Module,
    Neuron,
    Pool,
    Stack,
)
from netlist_gen.checkpoint.nir_modules import modules_of, parameter
from netlist_gen.errors import ConfigurationError, NetworkError
from netlist_gen.files import atomic_path
from netlist_gen.network import TernaryNetwork

Chain = list[tuple[str, Tree]]
"""Nodes by name in the order of the way through them."""


def read_nir(data: bytes, path: Path) -> StoredNetwork:
    """Read a network; errors as in ``snntorch_pt.read_pt``."""
    if importlib.util.find_spec("h5py") is None:
        raise ConfigurationError(_MISSING)
    damaged = f"{path} is not a whole NIR file"
    file = read_hdf5(data, damaged)
    nodes, edges = file.node.get("nodes"), file.node.get("edges")
    if not isinstance(nodes, dict) or not isinstance(edges, list | np.ndarray):
        raise NetworkError(f"{damaged}: its graph has no nodes or no edges")
    for name, node in nodes.items():
        if not isinstance(node, dict) or not isinstance(node.get("type"), str):
            raise NetworkError(f"{damaged}: node '{name}' has no text 'type'")
    (start, source), *chain, (end, sink) = _chain(nodes, _pairs(edges, damaged))
    modules = [module for name, node in chain for module in modules_of(name, node)]
    if not any(isinstance(module, WEIGHTED) for module in modules):
        raise NetworkError("the graph holds no layer")
    if not isinstance(modules[-1], Neuron | Pool | Flatten):
        modules.append(Neuron(end, np.ones(()), np.zeros(()), "none", NO_NEURON))
    shape, notes = _input_shape(start, source, modules)
    stack = Stack(tuple(modules), shape)
    *_, (_, _, last) = stack.shapes()
    stated = _shape(end, sink)
    if math.prod(stated) != math.prod(last):
        raise NetworkError(f"node '{end}' has shape {stated}; the layer at it has {last}")
    metadata = file.node.get("metadata")
    text = metadata.get(METADATA_KEY, "{}") if isinstance(metadata, dict) else "{}"
    extra = metadata_object(text if isinstance(text, str) else "{}")
    digest = file.attributes.get(DIGEST_KEY)
    return StoredNetwork(stack, extra, extra.get("population"), digest, notes)


def write_nir(network: TernaryNetwork, path: Path, extra: Mapping[str, object]) -> None:
    """Write a chain of Linear and Threshold nodes; of ``extra``, what HDF5 can hold as text.

    Membranes that last are IF nodes.
    """
    nir = _library()
    import h5py

    nodes: dict[str, Any] = {"input": nir.Input({"input": np.array([network.inputs])})}
    for index, layer in enumerate(network.layers):
        nodes[f"linear_{index}"] = nir.Linear(layer.weights.astype(np.float32))
        # Strict v > theta - 0.5 is n >= theta.
        threshold = (layer.theta - 0.5).astype(np.float32)
        nodes[f"threshold_{index}"] = (
            nir.Threshold(threshold)
            if layer.memory is None
            else nir.IF(np.ones_like(threshold), threshold, np.zeros_like(threshold))
        )
    nodes["output"] = nir.Output({"output": np.array([network.outputs])})
    graph = nir.NIRGraph(nodes, list(pairwise(nodes)))
    facts = {**extra, "population": network.population}
    graph.metadata = {METADATA_KEY: json.dumps(facts, sort_keys=True)}
    with atomic_path(path) as temporary:
        nir.write(temporary, graph)
        # Apart from the metadata: a bit turned in the name of one of them leaves the other.
        with h5py.File(temporary, "r+") as file:
            file.attrs[DIGEST_KEY] = network_digest(network)


_MISSING = "reading and writing .nir needs the nir package: pip install 'netlist-gen[nir]'"


def _library() -> Any:
    try:
        import nir
    except ModuleNotFoundError:
        raise ConfigurationError(_MISSING) from None
    return nir


def _input_shape(
    name: str, node: Tree, modules: list[Module]
) -> tuple[tuple[int, ...], tuple[str, ...]]:
    """The shape of the lines that go in, and a note where they are taken in row order."""
    shape = _shape(name, node)
    first = modules[0]
    if isinstance(first, Convolution):
        axes = first.weights.ndim - 1
        while len(shape) > axes and shape[0] == 1:  # a sample's own axis
            shape = shape[1:]
        return shape, ()
    if isinstance(first, Flatten) and len(shape) > 1:
        return shape, (f"the inputs of shape {shape} are taken in row order",)
    if isinstance(first, Dense) and shape != first.weights.shape[1:]:
        raise NetworkError(
            f"node '{name}' has shape {shape}; the layer at it has {first.weights.shape[1:]}"
        )
    return shape, ()


def _shape(name: str, node: Tree) -> tuple[int, ...]:
    """Of an Input or Output."""
    shape = parameter(name, node, "shape")
    if shape.ndim != 1 or shape.dtype.kind not in "iu" or not 0 < shape.size <= _MOST_AXES:
        raise NetworkError(f"node '{name}' has no shape of 1 to {_MOST_AXES} whole numbers")
    return tuple(int(n) for n in shape)


_MOST_AXES = 8


def _pairs(edges: Any, damaged: str) -> list[tuple[str, str]]:
    pairs = edges if isinstance(edges, list) else edges.tolist()
    for pair in pairs:
        if not isinstance(pair, list) or [type(name) for name in pair] != [str, str]:
            raise NetworkError(f"{damaged}: its edges are not pairs of names of nodes")
    return [(source, target) for source, target in pairs]


def _chain(nodes: Tree, edges: list[tuple[str, str]]) -> Chain:
    """Nodes from Input to Output in order; refuses branches and loops."""
    after: dict[str, list[str]] = {}
    for source, target in edges:
        for name in (source, target):
            if name not in nodes:
                raise NetworkError(f"an edge leads to node '{name}', which the graph does not have")
        after.setdefault(source, []).append(target)
    starts = [name for name, node in nodes.items() if node["type"] == "Input"]
    if len(starts) != 1:
        raise NetworkError(f"the graph has {len(starts)} Input nodes; one is needed")
    name = starts[0]
    chain = {name: nodes[name]}
    while chain[name]["type"] != "Output":
        following = after.get(name, [])
        if len(following) != 1:
            raise NetworkError(f"node '{name}' feeds {len(following)} nodes; a chain is needed")
        name = following[0]
        if name in chain:
            raise NetworkError(f"node '{name}' is in a loop; recurrence can't be built")
        chain[name] = nodes[name]
    unused = sorted(set(nodes) - set(chain))
    if unused:
        raise NetworkError(f"node '{unused[0]}' is not on the way from Input to Output")
    return list(chain.items())
