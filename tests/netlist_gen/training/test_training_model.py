"""The network being trained is the network that is exported; caps hold exactly."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
import snntorch as snn
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from snntorch import surrogate

from netlist_gen.errors import ConfigurationError
from netlist_gen.network import TernaryNetwork
from netlist_gen.training.config import TrainingConfig, parse_hidden
from netlist_gen.training.cost import HardwareCost, LayerLoad, remove_dead
from netlist_gen.training.fused import REAL_LIMIT, sliding, ternary
from netlist_gen.training.masks import MaskPlan
from netlist_gen.training.model import TernarySpikingNet, TernaryThresholdLayer
from netlist_gen.training.tensors import atan_spike

SIDE, CLASSES = 8, 4


def settled(hidden: tuple[str, ...], seed: int, **options: Any) -> TernarySpikingNet:
    """A net with masks, statistics and integer thresholds, as at the end of a run."""
    config = TrainingConfig(hidden=hidden, population=2, seed=seed, **options)
    torch.manual_seed(seed)
    net = TernarySpikingNet(config, (1, SIDE, SIDE), CLASSES)
    MaskPlan(net, config, None).update(1.0)
    x = (torch.rand(64, SIDE * SIDE) < 0.4).float()
    for _ in range(40):
        net(x)
    for layer in net.trained:
        layer.frozen.fill_(True)
        layer.held.fill_(True)
    return net


@pytest.mark.parametrize(
    "hidden",
    [
        ("12",),
        ("12", "9"),
        ("c3k3s2", "p2", "10"),
        ("c2k5s1", "c3k3s2"),
        ("c4k2x3s1x2p0d2x1", "c2k1s1p0g2", "p2x1s1"),
    ],
)
@given(seed=st.integers(0, 10**4), steps=st.integers(1, 3))
@settings(max_examples=8, deadline=None)
def test_training_and_integer_model_agree_layer_by_layer(
    hidden: tuple[str, ...], seed: int, steps: int
) -> None:
    net = settled(hidden, seed, fan_in=(7,))
    exported = net.export()
    assert exported.max_fan_in <= max(7, 4)  # an OR over 2 x 2 has 4
    x = torch.rand(6, steps, SIDE * SIDE) < 0.4
    captured: list[np.ndarray] = []
    hooks = [
        layer.register_forward_hook(
            lambda _m, _i, out: captured.append(out.flatten(1).numpy().astype(bool))
        )
        for layer in net.stack
    ]
    with torch.no_grad():  # held statistics: training sees the thresholds that are exported
        hard, _ = net(x.float())
    for ours, theirs in zip(exported.forward(x.numpy()), captured, strict=True):
        assert np.array_equal(ours.reshape(theirs.shape), theirs)
    votes = exported.votes(x.numpy())
    scale = float(net.log_scale.exp().detach()) / (2 * steps)
    assert np.allclose(hard.numpy(), votes * scale, rtol=1e-5)
    for hook in hooks:
        hook.remove()
    assert exported.theta_range[0] >= 1


def test_surrogate_is_snntorchs() -> None:
    u = torch.linspace(-2, 2, 41, requires_grad=True)
    v = u.detach().clone().requires_grad_()
    ours, theirs = atan_spike(u), surrogate.atan(alpha=2.0)(v)
    assert torch.equal(ours, theirs)
    ours.sum().backward()
    theirs.sum().backward()
    assert torch.allclose(u.grad, v.grad)


def test_neurons_are_memoryless_leaky() -> None:
    net = settled(("5",), 0)
    for layer in net.trained:
        assert isinstance(layer.neuron, snn.Leaky)
        assert float(layer.neuron.beta) == 0.0
        assert layer.neuron.reset_mechanism == "none"


def test_straight_through_reaches_masked_weights() -> None:
    weight = torch.tensor([[0.5, -0.2, 0.1]], requires_grad=True)
    out = ternary(weight, torch.tensor([[True, True, False]]))
    assert out.tolist() == [[1.0, -1.0, 0.0]]
    out.backward(torch.tensor([[1.0, 2.0, 3.0]]))
    assert weight.grad is not None
    assert weight.grad.tolist() == [[1.0, 2.0, 3.0]]


@given(seed=st.integers(0, 10**6))
@settings(max_examples=30, deadline=None)
def test_removing_dead_parts_changes_no_output(seed: int) -> None:
    rng = np.random.default_rng(seed)
    shapes = [(9, 6), (7, 9), (4, 7)]
    weights = [rng.choice([-1, 0, 0, 0, 1], s) for s in shapes]
    net = TernaryNetwork.from_arrays(weights, [rng.integers(1, 4, s[0]) for s in shapes], 2)
    slim = remove_dead(net)
    x = np.array(np.meshgrid(*[[0, 1]] * 6)).reshape(6, -1).T
    assert np.array_equal(net.output_spikes(x), slim.output_spikes(x))
    assert slim.synapses <= net.synapses
    assert (slim.inputs, slim.outputs) == (net.inputs, net.outputs)
    assert remove_dead(slim) == slim


class CountingCost:
    """A cost model as a user might give one: it is only asked, never built."""

    def cost(self, layers: list[LayerLoad]) -> HardwareCost:
        junctions = float(sum(10 * x.fan_in.sum() + 3 * x.fan_out.max() for x in layers))
        return HardwareCost(junctions, junctions * 1e-7)

    def exact(self, network: TernaryNetwork) -> HardwareCost:
        quick = self.cost(network.layers)  # the whole circuit has a fifth more
        return HardwareCost(1.2 * quick.junctions, 1.2 * quick.static_power_w)


@pytest.mark.parametrize(
    "budget", [{"max_synapses": 60}, {"max_junctions": 900}, {"max_power_w": 9e-5}]
)
@pytest.mark.parametrize("hidden", [("20",), ("c3k3s2", "8")])
def test_budgets_are_kept(budget: dict, hidden: tuple[str, ...]) -> None:
    config = TrainingConfig(hidden=hidden, population=1, **budget)
    net = TernarySpikingNet(config, (1, SIDE, SIDE), CLASSES)
    model = CountingCost()
    MaskPlan(net, config, model).settle()
    network = remove_dead(net.export())
    cost = model.exact(network)
    assert network.synapses <= budget.get("max_synapses", 10**9)
    assert cost.junctions <= budget.get("max_junctions", 10**9)
    assert cost.static_power_w <= budget.get("max_power_w", 1)
    assert sum(int(layer.mask.sum()) for layer in net.trained) > 0  # not by building nothing


def test_hidden_layers_are_parsed() -> None:
    assert parse_hidden("c16k5s2").kernel == (5, 5)
    with pytest.raises(ConfigurationError, match=r"^hidden layer '12x' is not understood; write"):
        parse_hidden("12x")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"dataset": "cifar"}, "^training option dataset is 'cifar'; one of digits, mnist is"),
        ({"epochs": 0}, "^training option epochs is 0; at least 1 is allowed$"),
        ({"fan_in": (3, 4, 5)}, r"^training option fan_in is \(3, 4, 5\); one number of at lea"),
        (
            {"steps": 2},
            "^1 grey levels for 2 steps and 1 lines of a pixel; one level for each step and line "
            "is needed$",
        ),
        ({"pixel_lines": 0}, "^training option pixel_lines is 0; at least 1 is allowed$"),
        (
            {"dataset": "own", "grey_levels": (), "pixel_lines": 2},
            "^copies, grey_levels and pixel_lines are of grey images; own data have an encoding$",
        ),
        ({"max_synapses": -1}, "^training option max_synapses is -1; above 0 is allowed$"),
        (
            {"freeze_at": 1.5},
            "^prune_end is 0.45 and freeze_at 1.5; 0 < prune_end <= freeze_at < 1",
        ),
        (
            {"settle_at": 0.3},
            "^prune_end is 0.45 and settle_at 0.3; 0 < prune_end <= settle_at < 1",
        ),
        ({"plain_share": 1.5}, "^training option plain_share is 1.5; from 0 to 1 is allowed$"),
        (
            {"noise_sigma": 1.0, "noise_phi0": 0.1},
            "^noise_sigma, noise_phi0 and firing_curve exclude each other; one noise is allowed$",
        ),
        (
            {"firing_curve": ((0, 0), (0, 1))},
            r"^a firing curve's margin \[1\] is 0; margins must ri",
        ),
    ],
)
def test_config_that_is_refused(options: dict, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        TrainingConfig(**options)


def test_config_round_trip() -> None:
    config = TrainingConfig(hidden=("c4k3s1", "p2", "9"), fan_in=(3, 4, 5), seed=7)
    assert TrainingConfig.from_dict(config.as_dict()) == config
    with pytest.raises(ConfigurationError, match=r"^'lr' is not a training option; known are b"):
        TrainingConfig.from_dict({"lr": 1})


@pytest.mark.parametrize(
    ("hidden", "message"),
    [
        (("p9",), "pooling p9 of 8 x 8 leaves nothing; at most p8 fits"),
        (("p4", "p3"), "pooling p3 of 2 x 2 leaves nothing; at most p2 fits"),
        (("4", "p2"), "a convolution or pooling can't follow a fully connected layer"),
    ],
)
def test_layers_that_can_not_follow(hidden: tuple[str, ...], message: str) -> None:
    with pytest.raises(ConfigurationError, match=f"^{re.escape(message)}$"):
        TernarySpikingNet(TrainingConfig(hidden=hidden), (1, 8, 8), 10)


@given(seed=st.integers(0, 10**4), real=st.floats(0, 1))
@settings(max_examples=20, deadline=None)
def test_weights_slide_from_real_to_ternary(seed: int, real: float) -> None:
    torch.manual_seed(seed)
    weight = torch.randn(4, 9, requires_grad=True)
    kept = torch.rand(4, 9) < 0.6
    kept[0] = False  # a row without any
    found = sliding(weight, kept, real)
    shown = found.detach()
    assert torch.equal(shown[~kept], torch.zeros(int((~kept).sum())))
    assert torch.equal(torch.signbit(shown[kept]), torch.signbit(weight[kept]))
    assert float(shown.abs().max()) <= max(1.0, REAL_LIMIT) + 1e-6
    assert torch.equal(sliding(weight, kept, 0.0), ternary(weight, kept))
    for row in range(1, 4):
        own = weight[row][kept[row]].detach()
        if len(own):
            typical = own.abs().mean()
            wanted = real * (own / typical).clamp(-REAL_LIMIT, REAL_LIMIT)
            wanted = wanted + (1 - real) * own.sign()
            assert shown[row][kept[row]].allclose(wanted, atol=1e-6)
    found.sum().backward()
    assert weight.grad is not None
    assert torch.equal(weight.grad, kept.float())  # straight through where kept, none elsewhere


def test_noise_on_the_membrane_is_of_the_spread_that_is_said() -> None:
    torch.manual_seed(0)
    layer = TernaryThresholdLayer((3, 20), 20)
    x = (torch.rand(4000, 20) < 0.5).float()
    layer(x)
    quiet = layer.membrane.detach().clone()
    layer.noise = 0.5
    layer(x)
    apart = layer.membrane.detach() - quiet
    assert float(apart.std()) == pytest.approx(0.5, rel=0.05)
    assert float(apart.mean()) == pytest.approx(0.0, abs=0.05)


def test_each_layer_keeps_its_own_budget_and_every_neuron_its_cap() -> None:
    config = TrainingConfig(
        hidden=("30",), population=2, fan_in=(9, 12), layer_synapses=(120, 50), slide_to=0.7,
        freeze_at=0.8,
    )  # fmt: skip
    torch.manual_seed(1)
    net = TernarySpikingNet(config, (1, SIDE, SIDE), CLASSES)
    plan = MaskPlan(net, config, None)
    plan.update(0.0)
    assert [int(layer.mask.sum()) for layer in net.trained] == [30 * 64, 8 * 30]  # all of them
    plan.update(1.0)
    assert [int(layer.mask.sum()) for layer in net.trained] == [120, 50]
    assert [int(layer.mask.sum(dim=1).max()) <= cap for layer, cap in
            zip(net.trained, config.caps, strict=True)] == [True, True]  # fmt: skip


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"slide_to": 0.2},
            "slide_from is 0.3, slide_to 0.2 and freeze_at 0.6; 0 <= slide_from < slide_to <= "
            "freeze_at is needed, or a slide_to of 0",
        ),
        (
            {"layer_synapses": (100,)},
            "training option layer_synapses is (100,); 2 numbers of at least 1 is allowed",
        ),
        (
            {"layer_synapses": (100, 20), "max_synapses": 90},
            "layer_synapses and max_synapses exclude each other; one budget is allowed",
        ),
        (
            {"membrane_noise": -0.1},
            "training option membrane_noise is -0.1; 0 or more is allowed",
        ),
    ],
)
def test_schedules_and_budgets_that_can_not_be(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=f"^{re.escape(message)}$"):
        TrainingConfig(**options)
