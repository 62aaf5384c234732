"""A user's network runs here as snnTorch runs it, and as the integer model where that is exact."""

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
from netlist_gen.checkpoint.modules import Stack
from netlist_gen.checkpoint.state_dict import parse_state_dict
from netlist_gen.checkpoint.unroll import unroll
from netlist_gen.errors import NetworkError
from netlist_gen.training.own_network import OwnNetwork

RESETS = ("none", "zero", "subtract")


def stack(net: nn.Module, shape: tuple[int, ...], layers: str) -> Stack:
    state = {key: value.numpy() for key, value in net.state_dict().items()}
    return stack_of(parse_state_dict(state), shape, parse_layers(layers))


def theirs(net: nn.Sequential, x: np.ndarray) -> list[list[np.ndarray]]:
    """Spikes of each layer of neurons, step by step, by snnTorch's own modules."""
    memory: dict[int, torch.Tensor] = {}
    found = []
    with torch.no_grad():
        for step in range(x.shape[1]):
            flow = torch.tensor(x[:, step]).float()
            fired = []
            for index, module in enumerate(net):
                if isinstance(module, snn.Leaky):
                    before = memory.get(index, torch.zeros_like(flow))
                    flow, memory[index] = module(flow, before)
                    fired.append(flow.numpy().astype(bool))
                else:
                    flow = module(flow)
            found.append(fired)
    return found


@given(
    seed=st.integers(0, 10**6),
    beta=st.sampled_from([0.0, 0.5, 1.0]),
    reset=st.sampled_from(RESETS),
    steps=st.integers(1, 6),
)
@settings(max_examples=40, deadline=None)
def test_every_rule_spikes_as_snntorchs(seed: int, beta: float, reset: str, steps: int) -> None:
    """Binary fractions: sums are exact, and thresholds are often met exactly."""
    rng = np.random.default_rng(seed)

    def layer(inputs: int, outputs: int) -> tuple[nn.Linear, snn.Leaky]:
        line = nn.Linear(inputs, outputs)
        line.weight.data = torch.tensor(rng.integers(-1, 2, (outputs, inputs)) * 0.5).float()
        line.bias.data = torch.tensor(rng.integers(-1, 2, outputs) * 0.5).float()
        threshold = torch.tensor(rng.integers(0, 4, outputs) * 0.5).float()
        return line, snn.Leaky(beta=beta, threshold=threshold, reset_mechanism=reset)

    net = nn.Sequential(*layer(7, 6), *layer(6, 4))
    x = rng.integers(0, 2, (5, steps, 7))
    own = OwnNetwork(stack(net, (7,), "linear, leaky, linear, leaky"))
    found = list(own.spikes(x))
    for ours, wanted in zip(found, theirs(net, x), strict=True):
        for one, other in zip(ours, wanted, strict=True):
            assert np.array_equal(one, other)
    counts, _ = own.outputs(x, steps, timed=True)
    assert np.array_equal(counts, sum(fired[-1] for fired in found).astype(np.float32))
    taken = beta == 0.0 and reset != "subtract"
    assert own.memoryless == taken
    if taken or steps == 1:
        given = own.stack if taken else own.stack.single_step()
        network, _ = unroll(given).ternary(1)
        for step in range(steps):
            for one, other in zip(network.forward(x[:, step]), found[step], strict=True):
                assert np.array_equal(one, other)


def test_convolutions_norms_and_pooling_run_as_theirs() -> None:
    torch.manual_seed(3)
    net = nn.Sequential(
        nn.Conv2d(1, 4, 3, stride=2, padding=1), nn.BatchNorm2d(4), nn.MaxPool2d(2),
        snn.Leaky(beta=0.7, threshold=0.2), nn.Conv2d(4, 4, 2, groups=2), snn.Leaky(beta=0.9),
        nn.AvgPool2d(2), nn.Flatten(), nn.Linear(4, 3), snn.Leaky(beta=0.5, threshold=0.1),
    )  # fmt: skip
    net[1].running_mean.normal_(std=0.1)
    net[1].weight.data = torch.tensor([1.0, -1.0, 2.0, 0.5])
    net.eval()
    layers = "conv stride 2 padding 1, norm, max 2, leaky, conv, leaky, avg 2, linear, leaky"
    own = OwnNetwork(stack(net, (1, 12, 12), layers))
    x = np.random.default_rng(0).random((6, 5, 1, 12, 12)).astype(np.float32)
    for ours, wanted in zip(own.spikes(x), theirs(net, x), strict=True):
        for one, other in zip(ours, wanted, strict=True):
            assert np.array_equal(one, other)
    # Lines in row order are the same.
    flat = list(own.spikes(x.reshape(6, 5, -1)))
    assert np.array_equal(flat[-1][-1], theirs(net, x)[-1][-1])


def test_sums_without_neurons_are_read_as_they_are() -> None:
    net = nn.Sequential(nn.Linear(3, 2), snn.Leaky(beta=0.5), nn.Linear(2, 2))
    own = OwnNetwork(stack(net, (3,), "linear, leaky, linear"))
    x = np.ones((1, 3), dtype=np.float32)
    counts, means = own.outputs(x, 4, timed=False)
    with torch.no_grad():
        fired = [f[0] for f in own.spikes(x[:, None].repeat(4, axis=1))]
        sums = sum(net[2](torch.tensor(f).float()) for f in fired)
    assert np.allclose(counts, sums.numpy())
    assert np.allclose(means, sums.numpy() / 4)
    assert not own.memoryless


def test_a_neuron_that_is_not_known_is_refused_by_name() -> None:
    net = nn.Sequential(nn.Linear(3, 2), snn.Synaptic(alpha=0.5, beta=0.5))
    message = (
        "neurons '1' can't be run: snn.Synaptic or snn.Alpha: it would need a second state, the "
        "synaptic current"
    )
    with pytest.raises(NetworkError, match=f"^{re.escape(message)}$"):
        OwnNetwork(stack(net, (3,), "linear, leaky"))
