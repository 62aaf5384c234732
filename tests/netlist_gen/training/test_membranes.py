"""Networks whose membranes last: what is trained is what is saved, spike by spike."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from netlist_gen.assembly.cost import CircuitCost
from netlist_gen.checkpoint import read_checkpoint, write_network
from netlist_gen.errors import ConfigurationError
from netlist_gen.memory import RESETS, Memory
from netlist_gen.network import TernaryNetwork
from netlist_gen.training.chips import EdgeShift, evaluate_chips
from netlist_gen.training.config import TrainingConfig
from netlist_gen.training.cost import remove_dead
from netlist_gen.training.evaluate import evaluate, evaluate_with_noise
from netlist_gen.training.masks import MaskPlan
from netlist_gen.training.membranes import integrate, running_sums
from netlist_gen.training.model import TernarySpikingNet
from netlist_gen.training.noise import FiringCurve, normal_curve

SIDE, CLASSES = 8, 4
LEVELS = (12, 8, 4)


def configured(**options: object) -> TrainingConfig:
    given = {"population": 2, "fan_in": (7,), "steps": 3, "grey_levels": LEVELS, **options}
    return TrainingConfig(**given)  # type: ignore[arg-type]


@pytest.mark.parametrize("reset", RESETS)
@pytest.mark.parametrize("beta", [1.0, 0.7])
@pytest.mark.parametrize("hidden", [("12",), ("12", "9"), ("c3k3s2", "p2", "10")])
@given(seed=st.integers(0, 10**4))
@settings(max_examples=4, deadline=None)
def test_training_and_integer_model_agree_spike_by_spike(
    reset: str, beta: float, hidden: tuple[str, ...], seed: int
) -> None:
    torch.manual_seed(seed)
    config = configured(hidden=hidden, reset=reset, beta=beta)
    net = TernarySpikingNet(config, (1, SIDE, SIDE), CLASSES)
    MaskPlan(net, config, None).update(1.0)
    for _ in range(8):
        net((torch.rand(30, 3, SIDE * SIDE) < 0.4).float())
    for layer in net.trained:
        layer.frozen.fill_(True)
        layer.held.fill_(True)
    exported = net.export()
    assert exported.steps == 3
    pooled = [spec.kind == "pool" for spec in net_specs(hidden)]
    assert [layer.memory is None for layer in exported] == pooled
    for layer in exported:
        if layer.memory is not None:
            taken = layer.theta - 1 if reset == "subtract" else 0 * layer.theta
            assert layer.memory == Memory(reset, taken, beta)  # type: ignore[arg-type]
            assert (layer.theta >= (2 if reset == "subtract" and beta < 1 else 1)).all()
    x = torch.rand(20, 3, SIDE * SIDE) < 0.4
    captured: list[np.ndarray] = []
    for module in net.stack:
        module.register_forward_hook(
            lambda _m, _i, out: captured.append(out.flatten(1).numpy().astype(bool))
        )
    with torch.no_grad():
        hard, _ = net(x.float())
    for ours, theirs in zip(exported.forward(x.numpy()), captured, strict=True):
        assert np.array_equal(ours.reshape(theirs.shape), theirs)
    scale = float(net.log_scale.exp().detach()) / (2 * 3)
    assert np.allclose(hard.numpy(), exported.votes(x.numpy()) * scale, rtol=1e-5)


def net_specs(hidden: tuple[str, ...]) -> list:
    return [*configured(hidden=hidden).layers, *configured(hidden=("1",)).layers]


def test_membranes_by_hand_and_their_gradient() -> None:
    counts = torch.tensor([1.0, 1.0, 2.0, -1.0, 3.0])[:, None].repeat(2, 1).requires_grad_()
    edge = torch.tensor([[1.5]])
    wanted = {"zero": [1, 2, 2, -1, 2], "subtract": [1, 2, 3, 1, 4], "none": [1, 2, 4, 3, 6]}
    for reset, each in wanted.items():
        found = integrate(counts, 5, reset, edge)  # type: ignore[arg-type]
        assert found.flatten().tolist() == each * 2
    assert torch.equal(found, running_sums(counts, 5))
    leaking = {
        "zero": [1, 1.5, 2.75, -1, 2.5],
        "subtract": [1, 1.5, 2.75, -1.125, 2.4375],  # by 1.5, the edge
        "none": [1, 1.5, 2.75, 0.375, 3.1875],
    }
    for reset, each in leaking.items():
        found = integrate(counts, 5, reset, edge, beta=0.5)  # type: ignore[arg-type]
        assert found.flatten().tolist() == each * 2
    assert torch.equal(found, running_sums(counts, 5, 0.5))
    # The pulse of the third step takes the first three counts off: only later ones move the last.
    (gradient,) = torch.autograd.grad(integrate(counts, 5, "zero", edge)[4, 0], counts)
    assert gradient.flatten().tolist() == [0, 0, 0, 1, 1, 0, 0, 0, 0, 0]
    # Noise is in the decision: it makes a pulse, and the membrane keeps whole counts.
    push = torch.zeros(10, 1)
    push[0] = 0.6
    assert integrate(counts, 5, "zero", edge, push)[:3, 0].tolist() == [1, 1, 3]


def test_a_trained_network_is_read_back_as_it_was(cli, tmp_path) -> None:
    out = tmp_path / "n.pt"
    words = ["--steps", 2, "--reset", "subtract", "--hidden", 20, "--epochs", 8]
    ran = cli("train", "digits", *words, "-o", out, "--also", tmp_path / "n.npz", "--noise", 0.3)
    assert ran.status == 0, ran.err
    assert "with noise: " in ran.out
    found = read_checkpoint(out)
    network, card = found.network, found.card.extra
    assert (network.steps, found.card.steps) == (2, 2)
    assert all(x.memory == Memory("subtract", x.theta - 1) for x in network)
    assert read_checkpoint(tmp_path / "n.npz").network == network
    assert card["config"]["reset"] == "subtract"
    priced = CircuitCost(network.population, steps=2).cost(network.layers).junctions
    assert card["junctions"] == round(priced)
    assert f", {priced:.0f} junctions, " in ran.out
    assert card["membranes"] == "last over the steps of a sample (beta 1), reset subtract"
    again = json.loads(cli("evaluate", out, "--dataset", "digits", "--json").out)
    assert again["accuracy"] == card["accuracy"]
    assert again["accuracy"]["lowest"] > 0.3  # ten classes by chance are 0.1
    told = cli("evaluate", out, "--dataset", "digits", "--noise", 0.3)
    assert told.status == 0
    assert f"about {priced:.0f} junctions" in told.out


def test_a_leak_is_trained_measured_and_not_built(cli, tmp_path) -> None:
    out = tmp_path / "n.pt"
    words = ["--steps", 3, "--reset", "zero", "--beta", 0.6, "--hidden", 20, "--epochs", 8]
    ran = cli("train", "digits", *words, "-o", out)
    assert ran.status == 0, ran.err
    assert "junctions" not in ran.out
    network = read_checkpoint(out).network
    assert all(x.memory == Memory.of("zero", x.outputs, beta=0.6) for x in network)
    again = json.loads(cli("evaluate", out, "--dataset", "digits", "--json").out)
    card = json.loads((tmp_path / "n.card.json").read_text())
    assert again["accuracy"] == card["accuracy"]
    assert again["accuracy"]["lowest"] > 0.3  # ten classes by chance are 0.1
    assert card["membranes"] == "last over the steps of a sample (beta 0.6), reset zero"
    assert card["junctions"] is None
    refused = cli("generate", out, "-o", tmp_path / "decks")
    assert refused.status == 2
    assert (
        "the membranes of layer 0 leak: 0.6 of them is left after a step. A storage loop for 3 "
        in (refused.err)
    )
    told = cli("inspect", out)
    assert told.status == 2
    assert "beta 0.6 with reset 'zero' lets the membrane decay from step to step" in told.out


def test_an_interrupted_run_ends_like_an_unbroken_one(tmp_path) -> None:
    from netlist_gen.training.trainer import train

    config = configured(hidden=("12",), reset="zero", epochs=3, membrane_noise=0.3)
    whole = train(config)
    state = tmp_path / "run.state"

    def stop(_line: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(config, stop, state_file=state)
    assert train(config, state_file=state, resume=True).network == whole.network


def test_nothing_that_fires_is_removed_as_dead() -> None:
    rng = np.random.default_rng(5)
    weights = [rng.choice([-1, 0, 1], shape) for shape in ((9, 6), (4, 9))]
    thetas = [rng.integers(2, 14, 9), rng.integers(1, 5, 4)]
    x = rng.random((300, 3, 6)) < 0.5
    for reset in RESETS:
        memories = [
            Memory.of(reset, len(t), t - 1 if reset == "subtract" else None) for t in thetas
        ]
        net = TernaryNetwork.from_arrays(weights, thetas, memories=memories, steps=3)
        slim = remove_dead(net)
        assert slim.steps == 3
        assert np.array_equal(net.output_spikes(x), slim.output_spikes(x))
        assert slim.neurons < net.neurons
        assert net.forward(x)[0][:, :, thetas[0] > 6].any()  # such as no single step could reach
        unknown = remove_dead(net.with_steps(None))
        assert unknown.neurons >= slim.neurons
        assert np.array_equal(net.output_spikes(x), unknown.output_spikes(x))


def small(reset: str = "zero") -> TernaryNetwork:
    memory = Memory.of(reset, 1)  # type: ignore[arg-type]
    return TernaryNetwork.from_arrays([[[1, 1]]], [[3]], memories=[memory], steps=4)


def test_noise_is_drawn_for_each_decision_on_its_membrane() -> None:
    x = np.ones((4000, 4, 2), dtype=bool)
    # Membranes 2, 4 or 2, ...: at 2 it fires with 1/4, at 4 always, margins -1/2 and 3/2.
    curve = FiringCurve((-1.0, -0.5, 1.0), (0.0, 0.25, 1.0))
    network = small()
    (found,) = evaluate_with_noise(network, x, np.zeros(4000, dtype=int), curve, seed=1)
    assert found.samples == 4000
    from netlist_gen.training.evaluate import _drawn

    pulses = _drawn(network.layers[0], x, curve, np.random.default_rng(0), None)[..., 0]
    assert pulses[:, 0].mean() == pytest.approx(0.25, abs=0.02)
    assert pulses[~pulses[:, 0], 1].all()
    assert pulses[pulses[:, 0], 1].mean() == pytest.approx(0.25, abs=0.03)
    # Without noise it is the integer model.
    sure = normal_curve(1e-3)
    exact = evaluate(network, x, np.zeros(4000, dtype=int))
    (noiseless,) = evaluate_with_noise(network, x, np.zeros(4000, dtype=int), sure, seed=1)
    assert noiseless == exact


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"reset": "half"}, "training option reset is 'half'; one of zero, subtract, none is"),
        (
            {"reset": "zero", "steps": 1, "grey_levels": (5,)},
            "steps is 1 with reset zero; membranes that last need at least 2 steps",
        ),
        (
            {"reset": "zero", "refine_rounds": 1},
            "refine_rounds and reset exclude each other: the search takes each step's counts for "
            "themselves",
        ),
        (
            {"reset": "none", "max_junctions": 9000},
            "max_junctions and reset exclude each other: a budget is kept by the prices of neurons "
            "without memory",
        ),
        (
            {"reset": "none", "max_power_w": 1e-3},
            "max_power_w and reset exclude each other: a budget is kept by the prices of neurons "
            "without memory",
        ),
        (
            {"reset": "subtract", "noise_phi0": 0.003},
            "noise in Phi0 and reset exclude each other: the flux of a synapse is known for "
            "neurons without memory only; noise_sigma, membrane_noise and a firing curve in "
            "synapses are allowed",
        ),
    ],
)
def test_what_a_memory_can_not_have_yet_is_refused(options: dict, message: str) -> None:
    with pytest.raises(ConfigurationError, match=f"^{re.escape(message)}"):
        configured(hidden=("12",), **options)


def test_what_is_not_known_of_its_circuit_is_refused(cli, tmp_path) -> None:
    x, y = np.ones((3, 4, 2), dtype=bool), np.zeros(3, dtype=int)
    words = (
        "noise in Phi0 is asked for, and the network's membranes last; the flux of a synapse is "
        "known for neurons without memory only, noise in synapses is allowed"
    )
    with pytest.raises(ConfigurationError, match=f"^{re.escape(words)}$"):
        evaluate_with_noise(small(), x, y, normal_curve(0.01, "Phi0"), seed=0)
    words = (
        "chips are asked for, and the network's membranes last; how far edges lie off is known for "
        "neurons without memory only"
    )
    with pytest.raises(ConfigurationError, match=f"^{re.escape(words)}$"):
        evaluate_chips(
            small(), x, y, normal_curve(0.1), EdgeShift(0.1, 0.1), chips=2, seed=0,
            flux_per_synapse=lambda up, _down, _theta: np.ones(len(up)),
        )  # fmt: skip
    write_network(small(), tmp_path / "n.npz")
    np.save(tmp_path / "x.npy", x)
    np.save(tmp_path / "y.npy", y)
    told = cli(
        "evaluate", tmp_path / "n.npz", "--inputs", tmp_path / "x.npy", "--labels",
        tmp_path / "y.npy", "--chips", 3, "--spread", 0.02,
    )  # fmt: skip
    assert told.status == 2
    assert words in " ".join(told.err.split())
    told = cli("search", "digits", "--vary", "reset=zero", "--steps", 2, "-o", tmp_path / "s")
    assert told.status == 2
    assert (
        "--vary names a reset or beta of membranes that last; a search holds accuracy against "
        "junctions and static energy, and takes these of neurons without memory only"
    ) in " ".join(told.err.split())
    told = cli("search", "digits", "--vary", "seed=1", "--reset", "zero", "-o", tmp_path / "s")
    assert (told.status, "--reset" in told.sentence) == (2, True), told.err


@pytest.mark.parametrize(
    ("file", "words"),
    [
        ("n.onnx", ["--reset", "zero"]),
        ("n.nir", ["--reset", "none"]),
        ("n.nir", ["--reset", "zero", "--beta", 0.5]),
    ],
)  # fmt: skip
def test_formats_that_lack_membranes_are_refused_before_training(cli, tmp_path, file, words):
    net, other = tmp_path / "n.npz", tmp_path / file
    told = cli("train", "digits", "-o", net, "--also", other, "--steps", 2, "--epochs", 99, *words)
    assert told.status == 2
    assert told.sentence.startswith(f"{other} can't hold layer 0, whose membranes l")
    assert "training on" not in told.err
    assert not list(tmp_path.iterdir())


def test_an_own_network_keeps_a_memory(cli, tmp_path) -> None:
    import snntorch as snn
    from sklearn.datasets import load_digits
    from torch import nn

    bunch = load_digits(n_class=4)
    np.savez(tmp_path / "d.npz", x=bunch.data[:300] / 16, y=bunch.target[:300])
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Linear(64, 20, bias=False), snn.Leaky(beta=0.95), nn.Linear(20, 4, bias=False),
        snn.Leaky(beta=0.95),
    )  # fmt: skip
    torch.save(net.state_dict(), tmp_path / "own.pt")
    out = tmp_path / "out.npz"
    ran = cli(
        "adapt", tmp_path / "own.pt", "--data", tmp_path / "d.npz", "-o", out, "--epochs", 15,
        "--teach", 0, "--reset", "zero", "--fan-in", 16, "--own-steps", 5,
    )  # fmt: skip
    assert ran.status == 0, ran.err
    found = read_checkpoint(out)
    assert found.card.extra["junctions"] > 0
    assert {x.memory.reset for x in found.network if x.memory} == {"zero"}
    assert found.network.steps == 4  # those of values, unless told
    stages = {stage["what"]: stage["accuracy"] for stage in found.card.extra["stages"]}
    assert list(stages)[2:] == [
        "beta 1 and reset zero", "ternary by magnitude, fan-in up to 16", "ternary, fine-tuned",
    ]  # fmt: skip
    assert stages["ternary, fine-tuned"] > 0.6  # four classes by chance are 0.25
    again = json.loads(cli("evaluate", out, "--data", tmp_path / "d.npz", "--json").out)
    assert again["accuracy"]["lowest"] == stages["ternary, fine-tuned"]
