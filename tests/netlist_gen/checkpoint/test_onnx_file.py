"""ONNX models: Brevitas's own exports, chains built here against torch, and what is refused."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from netlist_gen.checkpoint import read_checkpoint, read_network, write_network
from netlist_gen.checkpoint.registry import survey_checkpoint
from netlist_gen.errors import NetworkError
from netlist_gen.network import TernaryNetwork

onnx = pytest.importorskip("onnx")
helper, numpy_helper = onnx.helper, onnx.numpy_helper
FLOAT = onnx.TensorProto.FLOAT
BREVITAS = Path(__file__).parent / "brevitas"
"""Two QuantLinear layers with SignedTernaryWeightPerTensorConst (scale 0.1), each followed by
``(x > 0.05).float()``, as Brevitas 0.13.4 exports them."""


@pytest.mark.parametrize("name", ["qonnx", "qcdq"])
def test_brevitas_ternary_layers(name: str) -> None:
    found = read_checkpoint(BREVITAS / f"{name}.onnx")
    first, second = found.network.layers
    assert first.weights.tolist() == [
        [0, 1, -1, -1, -1, 1], [0, 1, 0, 1, -1, -1], [-1, -1, -1, 0, 1, 1], [-1, -1, 1, 1, -1, 1],
    ]  # fmt: skip
    assert second.weights.tolist() == [[-1, -1, -1, 1], [-1, -1, -1, -1]]
    assert first.theta.tolist() == [1, 2, 0, -1]  # floor((0.05 - bias) / 0.1) + 1
    # What Brevitas's own forward pass gave for all 64 inputs, row by row.
    x = np.array(np.meshgrid(*[[0, 1]] * 6)).reshape(6, -1).T
    bits = "0000000010001000100010001110111000000000101001100000000010010111"
    assert "".join(map(str, found.network.output_spikes(x)[:, 0].astype(int))) == bits
    assert found.card.source_format == "onnx"


def model(path: Path, nodes: list, shape: list, tensors: dict, output: str = "y") -> Path:
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", FLOAT, ["n", *shape])],
        [helper.make_tensor_value_info(output, FLOAT, None)],
        [numpy_helper.from_array(np.asarray(v, dtype=np.float32), k) for k, v in tensors.items()],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)]), path)
    return path


def node(kind: str, inputs: str, output: str, **facts: object) -> object:
    return helper.make_node(kind, inputs.split(), [output], output, **facts)


def test_convolutions_norms_and_pooling_against_torch(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    kernel, line = rng.integers(-1, 2, (3, 2, 3, 3)), rng.integers(-1, 2, (4, 12))
    norm = {"g": [1, -1, 0.5], "b": [0.3, 0.4, -0.2], "m": [0, 1, 0], "v": [1, 4, 1]}
    tensors = {"k": kernel, "w": line.T, "t": 0.25, "u": 0.0, "s": [0.5, 0, 0, -1], **norm}
    nodes = [
        node("Conv", "x k", "c", strides=[2, 2], pads=[1, 1, 1, 1]),
        node("BatchNormalization", "c g b m v", "bn"),
        node("MaxPool", "bn", "p", kernel_shape=[2, 2], strides=[2, 2]),
        node("Greater", "p t", "f1"),
        node("Cast", "f1", "s1", to=FLOAT),
        node("Flatten", "s1", "flat"),
        node("MatMul", "flat w", "l"),
        node("Add", "l s", "a"),
        node("GreaterOrEqual", "a u", "f2"),
        node("Cast", "f2", "y", to=FLOAT),
    ]
    network = read_network(model(tmp_path / "m.onnx", nodes, [2, 8, 8], tensors))
    x = rng.integers(0, 2, (50, 2, 8, 8))
    flow = nn.functional.conv2d(
        torch.tensor(x).float(), torch.tensor(kernel).float(), stride=2, padding=1
    )
    weight, bias, mean, variance = (torch.tensor(norm[k]).float() for k in "gbmv")
    flow = nn.functional.batch_norm(flow, mean, variance, weight, bias)
    flow = (nn.functional.max_pool2d(flow, 2) > 0.25).float().flatten(1)
    flow = flow @ torch.tensor(line.T).float() + torch.tensor([0.5, 0, 0, -1])
    assert np.array_equal(network.output_spikes(x.reshape(50, -1)), (flow >= 0).numpy())


def test_spikes_may_be_cast_to_anything(tmp_path: Path) -> None:
    nodes = [
        node("Cast", "x", "h", to=10),
        node("Conv", "h k", "c"),
        node("Greater", "c t", "f"),
        node("MaxPool", "f", "p", kernel_shape=[2, 2], strides=[2, 2]),
        node("Flatten", "p", "l"),
        node("Cast", "l", "y", to=6),
    ]
    kernel = np.ones((1, 1, 1, 1))
    network = read_network(model(tmp_path / "m.onnx", nodes, [1, 2, 2], {"k": kernel, "t": 0.5}))
    assert network.output_spikes([[0, 0, 0, 1], [0, 0, 0, 0]]).tolist() == [[True], [False]]


def test_sums_without_a_threshold_are_an_obstacle(tmp_path: Path) -> None:
    path = model(tmp_path / "m.onnx", [node("MatMul", "x w", "y")], [2], {"w": np.eye(2)})
    assert [each.kind for each in survey_checkpoint(path).obstacles] == ["neuron"]


@pytest.mark.parametrize(
    "shape", [(4,), (1, 4), (4, 1), (1, 1, 4, 1), (4, 1, 1), (1, 4, 1, 1), (1,)]
)
def test_what_is_added_or_compared_is_broadcast_as_onnx_does(tmp_path: Path, shape: tuple) -> None:
    """A vector stands along the last axis, also where there are as many channels."""
    from onnx.reference import ReferenceEvaluator

    rng = np.random.default_rng(1)
    kernel = rng.integers(-1, 2, (4, 1, 3, 3)).astype(float)
    numbers = rng.choice([-1.5, -0.5, 0.5, 1.5], int(np.prod(shape))).reshape(shape)
    conv = node("Conv", "x k", "c", pads=[1, 1, 1, 1])
    line = node("Flatten", "s", "y")
    spikes = node("Cast", "f", "s", to=FLOAT)
    x = rng.integers(0, 2, (40, 1, 4, 4)).astype(np.float32)
    greater = [conv, node("Greater", "c v", "f"), spikes, line]
    added = [conv, node("Add", "c v", "a"), node("Greater", "a t", "f"), spikes, line]
    for nodes in (greater, added):
        path = model(tmp_path / "m.onnx", nodes, [1, 4, 4], {"k": kernel, "v": numbers, "t": 0.0})
        wanted = ReferenceEvaluator(str(path)).run(None, {"x": x})[0]
        if nodes is added and shape not in ((1,), (4, 1, 1), (1, 4, 1, 1)):
            message = (
                f"{path}: 'a' adds 4 numbers along another axis of 4 x 4 x 4 than that of the "
                "channels; numbers of shape (4, 1, 1) are needed"
            )
            with pytest.raises(NetworkError, match=f"^{re.escape(message)}$"):
                read_network(path)
        else:
            assert np.array_equal(read_network(path).output_spikes(x.reshape(40, -1)), wanted > 0)


W = {"w": np.eye(2), "t": 0.5}
FIRES = node("Greater", "l t", "y")
MESSAGES = [
    ([node("MatMul", "x w", "l"), node("Sign", "l", "y")], W, "node 'y' is a Sign; it gives -1 and "
     "1, where a pulse is there or not; known are MatMul, Gemm, Conv, Add, Sub, "
     "BatchNormalization, MaxPool, AveragePool, Flatten, Reshape, Greater, GreaterOrEqual, Cast, "
     "Identity, Dropout"),
    ([node("Gemm", "x w", "l", alpha=2.0), FIRES], W, "node 'l' (Gemm) scales or turns its input; "
     "alpha 1 is needed"),
    ([node("MatMul", "w x", "l"), FIRES], W, "node 'l' (MatMul) needs weights as its second input"),
    ([node("MatMul", "x w", "l"), node("Greater", "t l", "y")], W, "node 'y' (Greater) needs a "
     "constant threshold as its second input"),
    ([node("MatMul", "x w", "l"), node("Greater", "l t", "y"), node("Greater", "l t", "z")], W,
     "'l' feeds 2 nodes; a chain is needed"),
    ([node("Greater", "x t", "y")], W, "the graph holds no layer"),
    ([node("MatMul", "x q", "l"), FIRES], W, "node 'l' reads 'q', which is no constant and not on "
     "the chain"),
    ([node("MatMul", "x w", "l"), node("Add", "l v", "a"), node("Greater", "a t", "y")],
     {**W, "v": np.ones((2, 2))}, "node 'a' adds numbers of shape (2, 2); one for each channel is "
     "needed"),
    ([node("Tanh", "w", "v"), node("MatMul", "x v", "l"), FIRES], W, "node 'v' is a Tanh of "
     "constants; known are Add, Cast, Clip, DequantizeLinear, Div, Identity, Mul, Quant, "
     "QuantizeLinear, Reshape, Sign, Sub, Transpose, Unsqueeze"),
    ([node("Reshape", "w r", "v"), node("MatMul", "x v", "l"), FIRES], {**W, "r": [3.0, 3.0]},
     "node 'v' makes no sense: cannot reshape array of size 4 into shape (3,3)"),
    ([node("MatMul", "x w", "l"), node("Sub", "v l", "a"), node("Greater", "a t", "y")],
     {**W, "v": [1.0, 2.0]}, "node 'a' (Sub) needs the flow, 'l', as its first input"),
    ([node("Gemm", "w x", "l"), FIRES], W, "node 'l' (Gemm) needs the flow, 'x', as its first "
     "input"),
    ([node("MatMul", "x w", "l"), node("Cast", "l", "c", to=6), node("Greater", "c t", "y")], W,
     "node 'c' casts real sums to a type that rounds them; FLOAT and DOUBLE keep them"),
    ([node("MatMul", "x w", "l"), FIRES], {"w": np.full((2, 2), np.nan), "t": 0.5},
     "layer 0 ('l'): weight [0, 0] is nan; a finite number is needed"),
    ([node("MatMul", "x w", "l"), FIRES], {"w": np.ones((3, 2)), "t": 0.5}, "layer 'l' takes 3 "
     "inputs but what comes before it gives 2; the two must be equal"),
]  # fmt: skip


@pytest.mark.parametrize(("nodes", "tensors", "message"), MESSAGES, ids=range(len(MESSAGES)))
def test_models_that_are_refused(tmp_path: Path, nodes: list, tensors: dict, message: str) -> None:
    path = model(tmp_path / "m.onnx", nodes, [2], tensors)
    with pytest.raises(NetworkError, match=f"^{re.escape(f'{path}: {message}')}$"):
        read_network(path)


def test_no_other_file_is_followed(tmp_path: Path) -> None:
    path = model(tmp_path / "m.onnx", [node("MatMul", "x w", "l"), FIRES], [2], W)
    loaded = onnx.load(path)
    tensor = loaded.graph.initializer[0]
    tensor.data_location = onnx.TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="/etc/passwd")
    path.write_bytes(loaded.SerializeToString())
    with pytest.raises(NetworkError, match=r"m\.onnx: 'w' lies in another file; one file is read$"):
        read_network(path)


def test_a_tensor_that_is_not_as_long_as_it_says(tmp_path: Path) -> None:
    path = model(tmp_path / "m.onnx", [node("MatMul", "x w", "l"), FIRES], [2], W)
    loaded = onnx.load(path)
    loaded.graph.initializer[0].dims[0] = 3
    path.write_bytes(loaded.SerializeToString())
    with pytest.raises(NetworkError, match=r"m\.onnx is not a whole ONNX model: 'w': "):
        read_network(path)
    loaded.graph.initializer[0].dims[0] = 1 << 40
    path.write_bytes(loaded.SerializeToString())
    with pytest.raises(NetworkError, match=r"its arrays take \d+ bytes unpacked"):
        read_network(path)


@pytest.mark.parametrize("name", ["qonnx", "qcdq"])
def test_damaged_models_are_refused_or_read(tmp_path: Path, name: str) -> None:
    data, draw = (BREVITAS / f"{name}.onnx").read_bytes(), np.random.default_rng(5)
    path, read, refused = tmp_path / "m.onnx", 0, []
    for _ in range(150):
        damaged = bytearray(data)
        damaged[draw.integers(len(data))] = draw.integers(256)
        path.write_bytes(damaged)
        try:
            survey_checkpoint(path)
            read += 1
        except NetworkError as error:
            refused.append(str(error))
    assert read > 10
    assert len(refused) > 10
    assert all(message.startswith(str(path)) for message in refused)


def test_damage_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    write_network(TernaryNetwork.from_arrays([[[1, 0, -1], [1, 1, 0]]], [[1, 2]]), path)
    data = path.read_bytes()
    path.write_bytes(data.replace(np.float32(1.5).tobytes(), np.float32(0.5).tobytes()))
    with pytest.raises(NetworkError, match="the network is not the one that was written"):
        read_network(path)
    path.write_bytes(b"")
    with pytest.raises(NetworkError, match=r"net\.onnx is not a whole ONNX model: it is empty$"):
        read_network(path)
