"""``.nir`` (Neuromorphic Intermediate Representation, HDF5): a chain of layers and neurons.

Read: Linear or Affine, each followed by Threshold (``z = 1 where v > threshold``), LIF, or IF. A
Flatten changes nothing: directly after the input it says that the lines are taken in row order.
Written: Linear and Threshold, which state the memoryless neuron fully.

NIR has one reset (to ``v_reset``) and no "none", and snnTorch writes ``v_reset = 0`` whatever
its rule was (snntorch 1.0 ``export_nir.py``), with dt = 1e-4 s. A LIF node is therefore taken
as memoryless only where its decay per step, 1 - dt / tau, is zero; any other needs steps = 1.

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
from netlist_gen.checkpoint.real import (
    AffineLayer,
    Array,
    NeuronRule,
    RealNetwork,
    Reals,
    real_vector,
)
from netlist_gen.errors import ConfigurationError, NetworkError
from netlist_gen.files import atomic_path
from netlist_gen.network import TernaryNetwork

SNNTORCH_DT = 1e-4  # seconds per step, snntorch 1.0 export_nir.py
_DECAY_TOLERANCE = 1e-6  # tau is stored as float32

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
    shape = _shape(start, source)
    notes: tuple[str, ...] = ()
    if chain and chain[0][1]["type"] == "Flatten" and len(shape) > 1:
        notes = (f"the inputs of shape {shape} are taken in row order",)
        shape = (math.prod(shape),)
    network = _network([node for node in chain if node[1]["type"] != "Flatten"])
    wanted = {start: (shape, network.layers[0].weights.shape[1])}
    wanted[end] = (_shape(end, sink), network.layers[-1].weights.shape[0])
    for name, (stated, width) in wanted.items():
        if stated != (width,):
            raise NetworkError(f"node '{name}' has shape {stated}; the layer at it has ({width},)")
    metadata = file.node.get("metadata")
    text = metadata.get(METADATA_KEY, "{}") if isinstance(metadata, dict) else "{}"
    extra = metadata_object(text if isinstance(text, str) else "{}")
    digest = file.attributes.get(DIGEST_KEY)
    return StoredNetwork(network, extra, extra.get("population"), digest, notes)


def write_nir(network: TernaryNetwork, path: Path, extra: Mapping[str, object]) -> None:
    """Write a chain of Linear and Threshold nodes; of ``extra``, what HDF5 can hold as text."""
    nir = _library()
    import h5py

    nodes: dict[str, Any] = {"input": nir.Input({"input": np.array([network.inputs])})}
    for index, layer in enumerate(network.layers):
        nodes[f"linear_{index}"] = nir.Linear(layer.weights.astype(np.float32))
        # Strict v > theta - 0.5 is n >= theta.
        nodes[f"threshold_{index}"] = nir.Threshold((layer.theta - 0.5).astype(np.float32))
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


def _network(chain: Chain) -> RealNetwork:
    layers, rules = [], []
    nodes = iter(chain)
    for name, node in nodes:
        kind = node["type"]
        if kind not in ("Linear", "Affine"):
            raise NetworkError(
                f"node '{name}' is a {kind} where Linear or Affine is needed; "
                "convolutions must be unrolled, other nodes can't be built"
            )
        neuron = next(nodes, None)
        if neuron is None:
            raise NetworkError(f"node '{name}' is followed by no neuron")
        weights = _parameter(name, node, "weight").astype(np.float64)
        if weights.ndim != 2 or 0 in weights.shape:
            raise NetworkError(f"node '{name}' has weights of shape {weights.shape}; 2-D is needed")
        given = _parameter(name, node, "bias") if kind == "Affine" else np.zeros(())
        bias = real_vector(f"{name}.bias", given, len(weights))
        gain, shift, threshold, rule = _neuron(*neuron, len(weights))
        layers.append(AffineLayer(name, weights, bias, threshold, gain, shift))
        rules.append(rule)
    if not layers:
        raise NetworkError("the graph holds no layer")
    return RealNetwork(layers, NeuronRule.most(rules))


def _neuron(name: str, node: Tree, outputs: int) -> tuple[Reals, Reals, Reals, NeuronRule]:
    """Gain, shift and threshold of ``gain * I + shift > threshold``, and the rule."""

    def vector(field: str) -> Reals:
        return real_vector(f"{name}.{field}", _parameter(name, node, field), outputs)

    kind = node["type"]
    one, zero = np.ones(outputs), np.zeros(outputs)
    if kind == "Threshold":
        return one, zero, vector("threshold"), NeuronRule()
    if kind == "IF":
        return vector("r"), zero, vector("v_threshold"), NeuronRule(1.0, "zero")
    if kind != "LIF":
        raise NetworkError(f"node '{name}' is a {kind}; Threshold, LIF and IF are known neurons")
    tau = vector("tau")
    if np.any(tau <= 0):
        raise NetworkError(f"node '{name}' has tau {tau.min()}; above 0 is needed")
    with np.errstate(over="ignore", invalid="ignore"):  # what overflows is refused by name
        share = SNNTORCH_DT / tau
        beta = float(np.max(np.abs(1 - share)))
        if beta < _DECAY_TOLERANCE:
            beta, share = 0.0, one
        # One step from v = 0: v = dt / tau * (v_leak + r * I). With r = tau / dt, which snnTorch
        # writes, the gain is 1; rounding of the two floats must not move a threshold.
        gain = share * vector("r")
        gain = np.where(np.abs(gain - 1) < _DECAY_TOLERANCE, 1.0, gain)
        return gain, share * vector("v_leak"), vector("v_threshold"), NeuronRule(beta, "zero")


def _parameter(name: str, node: Tree, field: str) -> Array:
    value = node.get(field)
    if not isinstance(value, np.ndarray):
        raise NetworkError(f"node '{name}' ({node['type']}) has no numbers '{field}'")
    return value


def _shape(name: str, node: Tree) -> tuple[int, ...]:
    """Of an Input or Output."""
    shape = _parameter(name, node, "shape")
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
