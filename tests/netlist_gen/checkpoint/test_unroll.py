"""Unrolled convolutions and pooling against torch and snnTorch, spike by spike."""

from __future__ import annotations

import re

import numpy as np
import pytest
import snntorch as snn
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from netlist_gen.checkpoint.layout import parse_layers, stack_of
from netlist_gen.checkpoint.modules import Convolution, Dense, Neuron, Norm, Pool, Stack
from netlist_gen.checkpoint.state_dict import parse_state_dict
from netlist_gen.checkpoint.unroll import MOST_WEIGHTS, pool_matrix, unroll, unroll_kernel
from netlist_gen.errors import NetworkError


@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_a_convolution_is_its_matrix(data: st.DataObject) -> None:
    axes = data.draw(st.integers(1, 2))
    groups, each, out = (data.draw(st.integers(1, 3)) for _ in range(3))
    kernel, stride, dilation = (
        tuple(data.draw(st.integers(1, 3)) for _ in range(axes)) for _ in range(3)
    )
    padding = tuple(data.draw(st.integers(0, 2)) for _ in range(axes))
    sides = tuple(
        data.draw(st.integers(max(1, d * (k - 1) + 1 - 2 * p), 9))
        for k, d, p in zip(kernel, dilation, padding, strict=True)
    )
    shape = (groups * each, *sides)
    rng = np.random.default_rng(data.draw(st.integers(0, 10**6)))
    weights = rng.integers(-1, 2, (out * groups, each, *kernel)).astype(np.int8)
    x = rng.integers(0, 2, (4, *shape))
    apply = (nn.functional.conv1d, nn.functional.conv2d)[axes - 1]
    theirs = apply(
        torch.tensor(x).float(), torch.tensor(weights).float(), None, stride, padding, dilation,
        groups,
    )  # fmt: skip
    ours = unroll_kernel("c", weights, shape, stride, padding, dilation, groups)
    assert ours.dtype == np.int8
    assert np.array_equal(x.reshape(4, -1) @ ours.T, theirs.flatten(1).numpy())


@given(data=st.data())
@settings(max_examples=40, deadline=None)
def test_pooling_is_its_matrix(data: st.DataObject) -> None:
    window, stride = ((data.draw(st.integers(1, 3)), data.draw(st.integers(1, 3))) for _ in "ab")
    shape = (data.draw(st.integers(1, 3)), *(data.draw(st.integers(k, 8)) for k in window))
    x = np.random.default_rng(data.draw(st.integers(0, 10**6))).integers(0, 2, (4, *shape))
    matrix = pool_matrix(Pool("p", "sum", window, stride), shape)
    ours = x.reshape(4, -1) @ matrix.T
    mean = nn.functional.avg_pool2d(torch.tensor(x).float(), window, stride)
    assert np.allclose(ours, mean.flatten(1).numpy() * np.prod(window))
    largest = nn.functional.max_pool2d(torch.tensor(x).float(), window, stride)
    assert np.array_equal(ours > 0, largest.flatten(1).numpy() > 0)


def leaky(threshold: float, reset: str) -> snn.Leaky:
    return snn.Leaky(beta=0.0, threshold=threshold, reset_mechanism=reset)


def convolutional(rng: np.random.Generator, order: str, scale: float) -> tuple[nn.Sequential, str]:
    """A small network whose float32 sums are exact, and its ``--layers``."""
    ternary = lambda *shape: torch.tensor(rng.integers(-1, 2, shape) * scale).float()  # noqa: E731
    # The mean over outputs whose kernels overlap is not ternary.
    kernel, padding = (1, 0) if order.endswith("avg leaky") else (3, 1)
    conv, line = nn.Conv2d(2, 3, kernel, padding=padding), nn.Linear(3 * 9, 4)
    conv.weight.data, line.weight.data = ternary(3, 2, kernel, kernel), ternary(4, 27)
    conv.bias.data = torch.tensor(rng.integers(-2, 3, 3) * scale).float()
    line.bias.data = torch.tensor(rng.integers(-2, 3, 4) * scale).float()
    norm = nn.BatchNorm2d(3, eps=0)  # the reader's eps is another: its effect is kept off ties
    norm.weight.data = torch.tensor([1.0, -1.0, 0.5])
    norm.bias.data = torch.tensor([0.3, 0.3, -0.2])
    norm.running_var.fill_(1.0)
    first, last = (leaky(scale * rng.integers(0, 3), rng.choice(["none", "zero"])) for _ in "ab")
    pools = {"max": nn.MaxPool2d(2), "avg": nn.AvgPool2d(2)}
    modules: list[nn.Module] = []
    for word in order.split():
        modules.append({"conv": conv, "norm": norm, "leaky": first, **pools}[word])
    text = order.replace("max", "max 2").replace("avg", "avg 2")
    words = re.sub(r" (?=[a-z])", ", ", text).replace("conv", f"conv padding {padding}")
    return nn.Sequential(*modules, nn.Flatten(), line, last), f"{words}, linear, leaky"


@pytest.mark.parametrize(
    "order",
    ["conv leaky max", "conv max leaky", "conv avg leaky", "conv leaky avg", "conv norm max leaky",
     "conv max norm leaky", "conv norm avg leaky"],
)  # fmt: skip
@pytest.mark.parametrize("seed", range(6))
def test_networks_spike_as_snntorchs(order: str, seed: int) -> None:
    rng = np.random.default_rng([seed, len(order)])
    net, layers = convolutional(rng, order, scale=(1.0, 0.25)[seed % 2])
    state = {key: value.numpy() for key, value in net.state_dict().items()}
    parts = parse_state_dict(state)
    network, _ = unroll(stack_of(parts, (2, 6, 6), parse_layers(layers))).ternary(1)
    x = rng.integers(0, 2, (40, 3, 2, 6, 6))
    net.eval()
    for step in range(3):
        flow = torch.tensor(x[:, step]).float()
        with torch.no_grad():
            for module in net:
                flow = module(flow)[0] if isinstance(module, snn.Leaky) else module(flow)
        ours = network.output_spikes(x[:, step].reshape(40, -1))
        assert np.array_equal(ours, flow.numpy() > 0)
    assert len(network.layers) == 2 + ("max" in order)


def dense(name: str, outputs: int, inputs: int) -> Dense:
    return Dense(name, np.ones((outputs, inputs)), np.zeros(outputs))


FIRES = Neuron("n", np.ones(()), np.zeros(()), "none")
CONV = Convolution("c", np.ones((1, 1, 2, 2)), np.zeros(1), (1, 1), (0, 0), (1, 1))
WINDOW = Pool("p", "max", (2, 2), (1, 1))
HALF = Norm("bn", np.array([0.5]), np.array([0.1]))


@pytest.mark.parametrize(
    ("modules", "shape", "message"),
    [
        ((dense("a", 2, 3), dense("b", 2, 2), FIRES), (3,), "layers 'a' and 'b' have no neurons "
         "between them; each needs its own"),
        ((dense("a", 2, 3),), (3,), "layer 'a' is followed by no neuron"),
        ((FIRES,), (3,), "neuron 'n' follows no layer with weights"),
        ((Norm("bn", np.ones(3), np.ones(3)), dense("a", 2, 3), FIRES), (3,), "batch norm 'bn' "
         "follows no layer with weights"),
        ((CONV, WINDOW, CONV, FIRES), (1, 5, 5), "'c' follows largest-value pooling 'p' without "
         "neurons between; only neurons can follow it"),
        ((CONV, HALF, Pool("s", "sum", (2, 2), (2, 2)), FIRES), (1, 5, 5), "batch norm before 's' "
         "has no neurons behind it; only mean or largest-value pooling can stand between them"),
        ((CONV, WINDOW, Neuron("n", np.arange(9.0).reshape(1, 3, 3), np.zeros(()), "none")),
         (1, 5, 5), "'n.threshold' differs between windows of pooling 'p' that overlap; one value "
         "for each channel is needed"),
        ((dense("a", 2, 3), FIRES), (4,), "layer 'a' takes 3 inputs but what comes before it gives "
         "4; the two must be equal"),
        ((CONV, FIRES), (2, 5, 5), "convolution 'c' takes 1 channels in 1 groups; what comes "
         "before it gives 2 x 5 x 5"),
        ((CONV, FIRES), (25,), "convolution 'c' has 2 axes; what comes before it gives 25"),
        ((CONV, FIRES), (1, 1, 1), "'c' leaves nothing: its output would have 1 x 0 x 0"),
        ((CONV, FIRES), (1, 400, 400), "'c' has 1 x 399 x 399 neurons; at most 131072 can be "
         "unrolled"),
        ((CONV, FIRES), (1, 200, 200), "'c' unrolled has 39601 x 40000 weights; at most "
         f"{MOST_WEIGHTS} are made"),
    ],
)  # fmt: skip
def test_what_has_no_such_form(modules: tuple, shape: tuple, message: str) -> None:
    with pytest.raises(NetworkError, match=f"^{re.escape(message)}$"):
        unroll(Stack(modules, shape))
