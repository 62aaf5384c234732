"""``.nir`` (Neuromorphic Intermediate Representation, HDF5): a chain of layers and neurons.

Read: Linear or Affine, each followed by Threshold (``z = 1 where v > threshold``), LIF, or IF.
Written: Linear and Threshold, which state the memoryless neuron fully.

NIR has one reset (to ``v_reset``) and no "none", and snnTorch writes ``v_reset = 0`` whatever
its rule was (snntorch 1.0 ``export_nir.py``), with dt = 1e-4 s. A LIF node is therefore taken
as memoryless only where its decay per step, 1 - dt / tau, is zero; any other needs steps = 1.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from netlist_gen.checkpoint.card import METADATA_KEY, StoredNetwork, metadata_object
from netlist_gen.checkpoint.real import AffineLayer, NeuronRule, RealNetwork, Reals, real_vector
from netlist_gen.errors import ConfigurationError, NetworkError
from netlist_gen.files import atomic_path
from netlist_gen.network import TernaryNetwork

SNNTORCH_DT = 1e-4  # seconds per step, snntorch 1.0 export_nir.py
_DECAY_TOLERANCE = 1e-6  # tau is stored as float32


def read_nir(path: Path) -> StoredNetwork:
    """Read a network; errors as in ``snntorch_pt.read_pt``."""
    nir = _library()
    try:
        graph = nir.read(path)
    except (OSError, KeyError, ValueError, TypeError, AttributeError, AssertionError) as error:
        raise NetworkError(f"{path} is not a whole NIR file: {error}") from None
    network = _network(graph)
    metadata = getattr(graph, "metadata", None)
    text = metadata.get(METADATA_KEY, "{}") if isinstance(metadata, Mapping) else "{}"
    extra = metadata_object(text.decode() if isinstance(text, bytes) else str(text))
    return StoredNetwork(network, extra, extra.get("population"))


def write_nir(network: TernaryNetwork, path: Path, extra: Mapping[str, object]) -> None:
    """Write a chain of Linear and Threshold nodes; of ``extra``, what HDF5 can hold as text."""
    nir = _library()
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


def _library() -> Any:
    try:
        import nir
    except ModuleNotFoundError:
        raise ConfigurationError(
            "reading and writing .nir needs the nir package: pip install 'netlist-gen[nir]'"
        ) from None
    return nir


def _network(graph: Any) -> RealNetwork:
    layers, rules = [], []
    nodes = iter(_chain(graph))
    for name, node in nodes:
        kind = type(node).__name__
        if kind not in ("Linear", "Affine"):
            raise NetworkError(
                f"node '{name}' is a {kind} where Linear or Affine is needed; "
                "convolutions must be unrolled, other nodes can't be built"
            )
        neuron = next(nodes, None)
        if neuron is None:
            raise NetworkError(f"node '{name}' is followed by no neuron")
        weights = np.asarray(node.weight, dtype=np.float64)
        if weights.ndim != 2 or 0 in weights.shape:
            raise NetworkError(f"node '{name}' has weights of shape {weights.shape}; 2-D is needed")
        bias = real_vector(f"{name}.bias", getattr(node, "bias", 0.0), len(weights))
        gain, shift, threshold, rule = _neuron(*neuron, len(weights))
        layers.append(AffineLayer(name, weights, bias, threshold, gain, shift))
        rules.append(rule)
    if not layers:
        raise NetworkError("the graph holds no layer")
    return RealNetwork(layers, NeuronRule.most(rules))


def _neuron(name: str, node: Any, outputs: int) -> tuple[Reals, Reals, Reals, NeuronRule]:
    """Gain, shift and threshold of ``gain * I + shift > threshold``, and the rule."""

    def vector(field: str) -> Reals:
        return real_vector(f"{name}.{field}", getattr(node, field), outputs)

    kind = type(node).__name__
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
    share = SNNTORCH_DT / tau
    beta = float(np.max(np.abs(1 - share)))
    if beta < _DECAY_TOLERANCE:
        beta, share = 0.0, one
    # One step from v = 0: v = dt / tau * (v_leak + r * I). With r = tau / dt, which snnTorch
    # writes, the gain is 1; rounding of the two floats must not move a threshold.
    gain = share * vector("r")
    gain = np.where(np.abs(gain - 1) < _DECAY_TOLERANCE, 1.0, gain)
    return gain, share * vector("v_leak"), vector("v_threshold"), NeuronRule(beta, "zero")


def _chain(graph: Any) -> list[tuple[str, Any]]:
    """Nodes between Input and Output in order; refuses branches and loops."""
    after: dict[str, list[str]] = {}
    for source, target in graph.edges:
        after.setdefault(source, []).append(target)
    starts = [name for name, node in graph.nodes.items() if type(node).__name__ == "Input"]
    if len(starts) != 1:
        raise NetworkError(f"the graph has {len(starts)} Input nodes; one is needed")
    name = starts[0]
    chain = {name: graph.nodes[name]}
    while type(chain[name]).__name__ != "Output":
        following = after.get(name, [])
        if len(following) != 1:
            raise NetworkError(f"node '{name}' feeds {len(following)} nodes; a chain is needed")
        name = following[0]
        if name in chain:
            raise NetworkError(f"node '{name}' is in a loop; recurrence can't be built")
        chain[name] = graph.nodes[name]
    unused = sorted(set(graph.nodes) - set(chain))
    if unused:
        raise NetworkError(f"node '{unused[0]}' is not on the way from Input to Output")
    return list(chain.items())[1:-1]
