"""``.nir`` (Neuromorphic Intermediate Representation, HDF5): a chain of layers and neurons.

Read: Linear or Affine, each followed by Threshold (``z = 1 where v > threshold``), LIF, or IF.
Written: Linear and Threshold, which state the memoryless neuron fully.

NIR has one reset (to ``v_reset``) and no "none", and snnTorch writes ``v_reset = 0`` whatever
its rule was (snntorch 1.0 ``export_nir.py``), with dt = 1e-4 s. A LIF node is therefore taken
as memoryless only where its decay per step, 1 - dt / tau, is zero; any other needs steps = 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netlist_gen.checkpoint.card import SemanticsCard
from netlist_gen.checkpoint.snntorch_pt import METADATA_KEY, stored_population, stored_steps
from netlist_gen.checkpoint.state_dict import (
    AffineLayer,
    NeuronRule,
    Ternarize,
    card_for,
    network_from_layers,
)
from netlist_gen.errors import ConfigurationError, NetworkError
from netlist_gen.files import atomic_path
from netlist_gen.network import TernaryNetwork

SNNTORCH_DT = 1e-4  # seconds per step, snntorch 1.0 export_nir.py
_DECAY_TOLERANCE = 1e-6  # tau is stored as float32


def read_nir(
    path: Path,
    *,
    steps: int | None = None,
    population: int | None = None,
    ternarize: Ternarize | None = None,
) -> tuple[TernaryNetwork, SemanticsCard]:
    """Read a network; arguments and errors as in ``snntorch_pt.read_pt``."""
    layers, rule, extra = read_nir_layers(path)
    try:
        count = population if population is not None else stored_population(extra)
        network, notes = network_from_layers(layers, count, ternarize)
        card = card_for(
            rule, layers, source_format="nir", steps=steps, population=count, notes=notes
        )
    except NetworkError as error:
        raise NetworkError(f"{path}: {error}") from None
    return network, replace(card, extra=extra, steps=stored_steps(extra))


def read_nir_layers(path: Path) -> tuple[list[AffineLayer], NeuronRule, dict[str, Any]]:
    """The layers in real numbers, the neuron rule, and the file's own metadata."""
    nir = _library()
    if not path.is_file():
        raise NetworkError(f"{path}: no such file")
    try:
        graph = nir.read(path)
    except (OSError, KeyError, ValueError, TypeError, AttributeError, AssertionError) as error:
        raise NetworkError(f"{path} is not a whole NIR file: {error}") from None
    try:
        layers, rule = _layers(graph)
        return layers, rule, _plain(getattr(graph, "metadata", {}))
    except NetworkError as error:
        raise NetworkError(f"{path}: {error}") from None


def write_nir(network: TernaryNetwork, path: Path, extra: Mapping[str, Any] | None = None) -> None:
    """Write a chain of Linear and Threshold nodes; of ``extra``, what HDF5 can hold as text."""
    nir = _library()
    nodes: dict[str, Any] = {"input": nir.Input({"input": np.array([network.inputs])})}
    for index, layer in enumerate(network.layers):
        nodes[f"linear_{index}"] = nir.Linear(layer.weights.astype(np.float32))
        # Strict v > theta - 0.5 is n >= theta.
        nodes[f"threshold_{index}"] = nir.Threshold((layer.theta - 0.5).astype(np.float32))
    nodes["output"] = nir.Output({"output": np.array([network.outputs])})
    names = list(nodes)
    graph = nir.NIRGraph(nodes, list(pairwise(names)))
    facts = {**(extra or {}), "population": network.population}
    graph.metadata = {METADATA_KEY: _as_json(facts)}
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


def _layers(graph: Any) -> tuple[list[AffineLayer], NeuronRule]:
    chain = _chain(graph)
    layers: list[AffineLayer] = []
    decay, reset = 0.0, "none"
    position = 0
    while position < len(chain):
        name, node = chain[position]
        kind = type(node).__name__
        if kind not in ("Linear", "Affine"):
            raise NetworkError(
                f"node '{name}' is a {kind} where Linear or Affine is needed; "
                "convolutions must be unrolled, other nodes can't be built"
            )
        if position + 1 == len(chain):
            raise NetworkError(f"node '{name}' is followed by no neuron")
        neuron_name, neuron = chain[position + 1]
        weights = _finite(name, node.weight)
        if weights.ndim != 2 or 0 in weights.shape:
            raise NetworkError(f"node '{name}' has weights of shape {weights.shape}; 2-D is needed")
        outputs = weights.shape[0]
        bias = np.zeros(outputs) if kind == "Linear" else _vector(name, node.bias, outputs)
        gain, offset, threshold, beta, rule = _neuron(neuron_name, neuron, outputs)
        layers.append(AffineLayer(name, weights, bias, threshold, gain, offset))
        decay = max(decay, beta)
        reset = rule if rule != "none" else reset
        position += 2
    if not layers:
        raise NetworkError("the graph holds no layer")
    return layers, NeuronRule(decay, reset)


def _neuron(
    name: str, node: Any, outputs: int
) -> tuple[NDArray[np.float64] | None, NDArray[np.float64] | None, NDArray[np.float64], float, str]:
    """(gain, offset, threshold, decay, reset) of ``gain * I + offset > threshold``."""
    kind = type(node).__name__
    if kind == "Threshold":
        return None, None, _vector(name, node.threshold, outputs), 0.0, "none"
    if kind == "IF":
        r = _vector(name, node.r, outputs)
        return r, np.zeros(outputs), _vector(name, node.v_threshold, outputs), 1.0, "zero"
    if kind != "LIF":
        raise NetworkError(f"node '{name}' is a {kind}; Threshold, LIF and IF are known neurons")
    tau = _vector(name, node.tau, outputs)
    if np.any(tau <= 0):
        raise NetworkError(f"node '{name}' has tau {tau.min()}; above 0 is needed")
    share = SNNTORCH_DT / tau
    beta = float(np.max(np.abs(1 - share)))
    beta = 0.0 if beta < _DECAY_TOLERANCE else beta
    if beta == 0.0:
        share = np.ones(outputs)
    # One step from v = 0: v = dt / tau * (v_leak + r * I). With r = tau / dt, which snnTorch
    # writes, the gain is 1; rounding of the two floats must not move a threshold.
    gain = share * _vector(name, node.r, outputs)
    gain = np.where(np.abs(gain - 1) < _DECAY_TOLERANCE, 1.0, gain)
    offset = share * _vector(name, node.v_leak, outputs)
    return gain, offset, _vector(name, node.v_threshold, outputs), beta, "zero"


def _chain(graph: Any) -> list[tuple[str, Any]]:
    """Nodes between Input and Output in order; refuses branches and loops."""
    after: dict[str, list[str]] = {}
    for source, target in graph.edges:
        after.setdefault(source, []).append(target)
    starts = [name for name, node in graph.nodes.items() if type(node).__name__ == "Input"]
    if len(starts) != 1:
        raise NetworkError(f"the graph has {len(starts)} Input nodes; one is needed")
    chain: list[tuple[str, Any]] = []
    name, seen = starts[0], {starts[0]}
    while True:
        following = after.get(name, [])
        if len(following) != 1:
            raise NetworkError(f"node '{name}' feeds {len(following)} nodes; a chain is needed")
        name = following[0]
        if name in seen:
            raise NetworkError(f"node '{name}' is in a loop; recurrence can't be built")
        seen.add(name)
        node = graph.nodes[name]
        if type(node).__name__ == "Output":
            break
        chain.append((name, node))
    if len(seen) != len(graph.nodes):
        unused = sorted(set(graph.nodes) - seen)
        raise NetworkError(f"node '{unused[0]}' is not on the way from Input to Output")
    return chain


def _finite(name: str, values: Any) -> NDArray[np.float64]:
    array = np.asarray(values, dtype=np.float64)
    if not np.isfinite(array).all():
        place = [int(i) for i in np.argwhere(~np.isfinite(array))[0]]
        raise NetworkError(f"node '{name}' {place} is not finite; a number is needed")
    return array


def _vector(name: str, values: Any, outputs: int) -> NDArray[np.float64]:
    array = _finite(name, values)
    if array.size == 1:
        array = np.broadcast_to(array.reshape(()), (outputs,))
    if array.shape != (outputs,):
        raise NetworkError(f"node '{name}' has a parameter of shape {array.shape} for {outputs}")
    return array


def _as_json(facts: Mapping[str, Any]) -> str:
    import json

    return json.dumps(dict(facts), sort_keys=True)


def _plain(metadata: Any) -> dict[str, Any]:
    import json

    if not isinstance(metadata, Mapping) or METADATA_KEY not in metadata:
        return {}
    text = metadata[METADATA_KEY]
    if isinstance(text, bytes):
        text = text.decode()
    try:
        facts = json.loads(str(text))
    except json.JSONDecodeError:
        raise NetworkError(f"metadata '{METADATA_KEY}' is not JSON") from None
    return facts if isinstance(facts, dict) else {}
