"""NIR files as others write them, and damaged or hostile ones."""

from __future__ import annotations

import re
from itertools import pairwise

import h5py
import nir
import numpy as np
import pytest
import snntorch
import torch

from netlist_gen.checkpoint import hdf5, read_checkpoint, read_network, write_network
from netlist_gen.checkpoint.registry import survey_checkpoint
from netlist_gen.errors import NetworkError
from netlist_gen.memory import Memory
from netlist_gen.network import TernaryNetwork

TEXT = h5py.string_dtype()
NETWORK = TernaryNetwork.from_arrays([[[1, 0, -1], [1, 1, 0]]], [[1, 2]])


def build(path, change=None, shape=(3,), flatten=False):
    """A graph of a Linear and a LIF with scalar parameters, changed by a function."""
    names = ["input", *(["flat"] if flatten else []), "fc", "lif", "output"]
    with h5py.File(path, "w") as file:
        graph = file.create_group("node")
        nodes = graph.create_group("nodes")
        graph.create_dataset("edges", data=list(pairwise(names)), dtype=TEXT)
        kinds = {"fc": "Linear", "lif": "LIF", "flat": "Flatten"}
        for name in names:
            nodes.create_group(name)["type"] = kinds.get(name, name.title())
        if flatten:
            nodes["flat/start_dim"], nodes["flat/end_dim"] = 0, -1
            nodes["flat/input_type"] = np.array(shape)
        nodes["input/shape"], nodes["output/shape"] = np.array(shape), np.array([2])
        nodes["fc/weight"] = np.array([[1, 0, -1], [1, 1, 0]], np.float32)
        for name, value in {"tau": 1e-4, "r": 1.0, "v_leak": 0.0, "v_threshold": 0.5}.items():
            nodes[f"lif/{name}"] = value
        if change:
            change(graph)


@pytest.mark.parametrize("shape", [(3,), (1, 3)])
def test_flatten_and_scalars(tmp_path, shape):
    path = tmp_path / "net.nir"
    build(path, shape=shape, flatten=True)
    found = read_checkpoint(path)
    assert found.network.layers[0].weights.tolist() == [[1, 0, -1], [1, 1, 0]]
    assert found.network.layers[0].theta.tolist() == [1, 1]
    several = ("the inputs of shape (1, 3) are taken in row order",)
    assert found.card.notes == (several if len(shape) > 1 else ())


def test_a_decay_leaves_the_reset_open(tmp_path):
    """snnTorch writes v_reset 0 whatever its reset was: no integer network is read from it."""
    path = tmp_path / "net.nir"
    build(path, replaced("nodes/lif/tau", 1e-3))
    found = survey_checkpoint(path)
    assert found.network is None
    assert [each.kind for each in found.obstacles] == ["state"]
    assert "beta 0.9 with reset 'zero' lets the membrane decay" in found.obstacles[0].reason
    build(path, replaced("nodes/lif/tau", 4e-5))
    message = (
        f"{path}: node 'lif' has tau 4e-05, less than a step of 0.0001 s: what is left of a "
        "membrane would be below 0; 0 or more is needed"
    )
    with pytest.raises(NetworkError, match=f"^{re.escape(message)}$"):
        read_checkpoint(path)


def integrates(**fields):
    """An IF node in the place of the LIF."""

    def change(graph):
        node = graph["nodes/lif"]
        del node["type"], node["tau"], node["v_leak"]
        node["type"] = "IF"
        node["v_reset"] = 0.0
        for name, value in fields.items():
            if name in node:
                del node[name]
            node[name] = value

    return change


def test_if_nodes_have_membranes_that_last(tmp_path):
    path = tmp_path / "net.nir"
    build(path, integrates(r=np.array([1.0, 0.5]), v_threshold=np.array([0.5, 1.0])))
    found = read_checkpoint(path)
    assert found.network.layers[0].memory == Memory.of("zero", 2)
    assert found.network.layers[0].theta.tolist() == [1, 3]
    assert (found.card.beta, found.card.reset, found.card.notes) == (1.0, "zero", ())
    assert read_checkpoint(path, steps=1).network.layers[0].memory is None


OPEN_RESET = (
    "LIF with an endless tau, as snnTorch writes beta 1: NIR's reset is to 0, whatever snnTorch's "
    "was, so that it is open; the network's state_dict in a .pt file holds it, and an IF node is "
    "reset to 0"
)


@pytest.mark.filterwarnings("ignore:divide by zero", "ignore:nirtorch")
@pytest.mark.parametrize("reset", ["zero", "subtract", "none"])
def test_snntorchs_export_of_beta_1_leaves_the_reset_open(tmp_path, reset):
    from snntorch.export_nir import export_to_nir

    net = torch.nn.Sequential(torch.nn.Linear(3, 2, bias=False))
    net.append(
        snntorch.Leaky(torch.ones(2), torch.ones(2), reset_mechanism=reset, init_hidden=True)
    )
    net[0].weight.data = torch.tensor([[1.0, 0.0, -1.0], [1.0, 1.0, 0.0]])
    path = tmp_path / "net.nir"
    nir.write(path, export_to_nir(net, torch.zeros(3)))
    message = rf"{re.escape(str(path))}: layer 0, neurons '[^']+': {re.escape(OPEN_RESET)}; adapt "
    with pytest.raises(NetworkError, match=f"^{message}trains the circuit's neurons in its place$"):
        read_network(path)


def replaced(name, value=None, **options):
    def change(graph):
        del graph[name]
        if value is not None or options:
            graph.create_dataset(name, data=value, **options)

    return change


def linked(name, target):
    def change(graph):
        del graph[name]
        graph[name] = target

    return change


def in_itself(graph):
    graph["nodes/fc/more"] = graph["nodes"]


def chain_of_links(graph):
    del graph["nodes/fc/weight"]
    for index in range(30):
        graph[f"nodes/fc/x{index}"] = h5py.SoftLink(f"/node/nodes/fc/x{index + 1}")


WHOLE = "%s is not a whole NIR file"
LINK = "is a link to another place; the thing itself is needed"
REFUSED = [
    (integrates(v_reset=np.array([0.0, 0.5])),
     "%s: layer 0, neurons 'lif': a pulse resets the membrane to v_reset 0.5, a circuit's to 0; "
     "adapt trains the circuit's neurons in its place"),
    (replaced("nodes/lif/tau", 1e300), "%s: layer 0, neurons 'lif': " + OPEN_RESET + "; adapt "
     "trains the circuit's neurons in its place"),
    (replaced("nodes/lif/tau", np.nan), "%s: 'lif.tau' [] is nan; a finite number is needed"),
    (replaced("nodes/fc/type"), f"{WHOLE}: node 'fc' has no text 'type'"),
    (replaced("nodes/fc/weight"), "%s: node 'fc' (Linear) has no numbers 'weight'"),
    (replaced("nodes/lif/v_threshold"), "%s: node 'lif' (LIF) has no numbers 'v_threshold'"),
    (replaced("nodes/lif/tau", 0.0), "%s: node 'lif' has tau 0.0; above 0 is needed"),
    (replaced("nodes/lif/tau", 1e-320),
     "%s: node 'lif' has gain inf; a finite one is needed"),
    (replaced("nodes/lif/r", np.ones(3)), "%s: 'lif.r' has shape (3,); a scalar or () is needed"),
    (replaced("nodes/lif/type", "Conv2d"),
     "%s: node 'lif' (Conv2d) has no numbers 'weight'"),
    (replaced("nodes/input/shape", np.array([4])),
     "%s: node 'input' has shape (4,); the layer at it has (3,)"),
    (replaced("nodes/input/shape", np.array([1, 3])),
     "%s: node 'input' has shape (1, 3); the layer at it has (3,)"),
    (replaced("nodes/input/shape", np.array([3.0])),
     "%s: node 'input' has no shape of 1 to 8 whole numbers"),
    (replaced("edges"), f"{WHOLE}: its graph has no nodes or no edges"),
    (replaced("edges", ["input"], dtype=TEXT),
     f"{WHOLE}: its edges are not pairs of names of nodes"),
    (replaced("edges", [["input", "x"]], dtype=TEXT),
     "%s: an edge leads to node 'x', which the graph does not have"),
    (replaced("edges", [["input", "fc"]], dtype=TEXT),
     "%s: node 'fc' feeds 0 nodes; a chain is needed"),
    (replaced("edges", [["input", "fc"], ["fc", "input"]], dtype=TEXT),
     "%s: node 'input' is in a loop; recurrence can't be built"),
    (replaced("nodes/fc/weight", shape=(30000, 30000), dtype="f4", chunks=(1000, 1000)),
     "%s: its datasets take 3600000056 bytes and more (with '/node/nodes/fc/weight' of shape "
     "(30000, 30000)); a file of its size may declare at most 67108864"),
    (replaced("nodes/fc/weight", shape=(1 << 20, 1 << 20), dtype="f4", chunks=(1000, 1000)),
     "%s: its datasets take 4398046511160 bytes and more (with '/node/nodes/fc/weight' of shape "
     "(1048576, 1048576)); a file of its size may declare at most 67108864"),
    (replaced("nodes/fc/weight", h5py.Empty("f4")),
     "%s: '/node/nodes/fc/weight' holds nothing"),
    (replaced("nodes/fc/weight", np.zeros(2, [("a", "i4")])),
     "%s: '/node/nodes/fc/weight' has type [('a', '<i4')]; numbers or text are needed"),
    (linked("nodes/fc/weight", h5py.SoftLink("/node/nodes/fc/weight")),
     f"%s: '/node/nodes/fc/weight' {LINK}"),
    (linked("nodes/fc/weight", h5py.ExternalLink("other.nir", "/x")),
     f"%s: '/node/nodes/fc/weight' {LINK}"),
    (linked("nodes/fc", h5py.SoftLink("/node/nodes")), f"%s: '/node/nodes/fc' {LINK}"),
    (chain_of_links, f"%s: '/node/nodes/fc/x0' {LINK}"),
    (in_itself, "%s: its groups lie more than 8 deep, or hold each other"),
]  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def reader():
    with hdf5.one_reader():
        yield


@pytest.mark.parametrize(("change", "message"), REFUSED, ids=range(len(REFUSED)))
def test_graphs_that_are_refused(tmp_path, change, message):
    path = tmp_path / "net.nir"
    build(path, change)
    with pytest.raises(NetworkError, match=f"^{re.escape(message.replace('%s', str(path)))}$"):
        read_network(path)


def test_files_that_are_no_hdf5(tmp_path):
    path = tmp_path / "net.nir"
    for data, reason in (
        (b"", "it is empty"),
        (b"x" * 100, "Unable to synchronously open file (file signature not found)"),
    ):
        path.write_bytes(data)
        message = re.escape(f"{path} is not a whole NIR file: {reason}")
        with pytest.raises(NetworkError, match=f"^{message}$"):
            read_network(path)


def test_a_heap_that_is_broken(tmp_path):
    path = tmp_path / "net.nir"
    write_network(NETWORK, path)
    data = bytearray(path.read_bytes())
    at = data.index(b"HEAP")
    data[at + 16 : at + 24] = b"\x07" * 8  # where its free list begins
    path.write_bytes(data)
    with pytest.raises(NetworkError, match=r"^.*net\.nir is not a whole NIR file: [^\n]+$"):
        read_network(path)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("os.kill(os.getpid(), 11)", "the HDF5 library breaks down on it (SIGSEGV)"),
        ("[0 for _ in iter(int, 1)]", "the HDF5 library does not come to an end with it"),
        ("bytearray(1 << 40)", "needs more memory"),
    ],
)
def test_a_library_that_fails(tmp_path, monkeypatch, code, words):
    """A child whose h5py crashes, hangs, or asks for a terabyte."""
    fake = tmp_path / "child.py"
    source = hdf5._CHILD.read_text().replace("walk = Walk(", f"{code}\n    walk = Walk(", 1)
    fake.write_text(source)
    monkeypatch.setattr(hdf5, "_CHILD", fake)
    monkeypatch.setattr(hdf5, "_kept", [])
    path = tmp_path / "net.nir"
    write_network(NETWORK, path)
    message = re.escape(f"{path} is not a whole NIR file: {words}")
    if "memory" in words:
        message = re.escape(f"{path} is not a whole NIR file: the HDF5 library breaks down on it")
        message += r" \(exit status 1\)"
    with pytest.raises(NetworkError, match=f"^{message}$"):
        read_network(path)


@pytest.mark.parametrize("name", ["nodes", "node"])
def test_a_file_without_a_graph(tmp_path, name):
    """Of another name, or no group."""
    path = tmp_path / "net.nir"
    with h5py.File(path, "w") as file:
        file[name] = np.arange(3)
    message = re.escape(f"{path}: it has no group 'node'")
    with pytest.raises(NetworkError, match=f"^{message}$"):
        read_checkpoint(path)
