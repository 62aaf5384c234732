"""Every obstacle of a checkpoint at once, with what removes it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
import snntorch as snn
import torch
from torch import nn

from netlist_gen.checkpoint import read_checkpoint
from netlist_gen.checkpoint.obstacles import Obstacle, merged
from netlist_gen.checkpoint.registry import survey_checkpoint
from netlist_gen.errors import ConfigurationError, NetworkError


@pytest.fixture
def tutorial(tmp_path: Path) -> Path:
    """The fully connected network of snnTorch's tutorials, small."""
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Linear(300, 20), snn.Leaky(beta=0.95), nn.Linear(20, 4), snn.Leaky(beta=0.95)
    )
    torch.save(net.state_dict(), tmp_path / "net.pt")
    return tmp_path / "net.pt"


def test_all_are_listed_and_steps_and_ternarize_take_theirs_away(tutorial: Path) -> None:
    def kinds(**options: object) -> list[str]:
        found = survey_checkpoint(tutorial, most_fan_in=256, **options)
        return [each.kind for each in found.obstacles]

    assert kinds() == ["weights", "fan-in", "weights", "leak"]
    assert kinds(steps=1) == ["weights", "fan-in", "weights"]
    assert kinds(ternarize=lambda w: np.sign(w) * (np.arange(w.shape[1]) < 64)) == ["leak", "form"]
    assert kinds(steps=1, ternarize=lambda w: np.sign(w) * (np.arange(w.shape[1]) < 64)) == []


def test_inspect_prints_them_and_one_command(cli, tutorial: Path) -> None:
    ran = cli("inspect", tutorial)
    assert ran.status == 2
    listed = [line for line in ran.out.splitlines() if line.startswith("obstacle")]
    assert [line.partition(":")[0] for line in listed] == [
        "obstacle (weights)", "obstacle (fan-in)", "obstacle (weights)", "obstacle (leak)",
    ]  # fmt: skip
    assert listed[1] == (
        "obstacle (fan-in): layer 0 ('0'): a neuron has fan-in 300; 1 to 256 was shown to work; "
        "convert --ternarize --fan-in 64 keeps the largest weights, adapt --fan-in 64 chooses them "
        "in training"
    )
    assert listed[3] == (
        "obstacle (leak): layer 0, neurons '1', layer 1, neurons '3': beta 0.95 with reset "
        "'subtract' lets the membrane decay from step to step, for which storage loops would need "
        "resistors (L/R); beta 0 with reset 'none' or 'zero' and beta 1, membranes that last, are "
        "allowed: any number of steps can't be built; convert --steps 1 takes the network for a "
        "single step, where the rules agree; adapt fine-tunes it for several"
    )
    assert ran.out.endswith(
        f"all at once: netlist-gen adapt {tutorial} --data DATA.npz -o OUT.npz\n"
    )
    assert ran.sentence == (f"{tutorial}: it can't be built as it is, for 4 reasons (listed above)")
    facts = json.loads(cli("inspect", tutorial, "--json").out)
    assert [each["kind"] for each in facts["obstacles"]] == [
        "weights",
        "fan-in",
        "weights",
        "leak",
    ]
    assert facts["circuit"] is None
    assert (facts["inputs"], facts["neurons"], facts["classes"]) == (300, 24, 4)


def test_other_commands_say_the_first_and_how_many_more(
    cli, tutorial: Path, tmp_path: Path
) -> None:
    ran = cli("generate", tutorial, "-o", tmp_path / "decks")
    assert ran.status == 2
    assert ran.sentence.endswith(
        "; convert --ternarize makes them so by magnitude, adapt fine-tunes them (inspect lists 2 "
        "more)"
    )


def test_one_reason_in_several_places_is_one_obstacle() -> None:
    both = [Obstacle("a", place, "r", "x") for place in ("p", "q")]
    assert merged([*both, Obstacle("a", "p", "s", "x")]) == (
        Obstacle("a", "p, q", "r", "x"),
        Obstacle("a", "p", "s", "x"),
    )


FOREIGN = [
    (snn.Synaptic(alpha=0.9, beta=0.8), "snn.Synaptic or snn.Alpha: it would need a second state, "
     "the synaptic current"),
    (snn.Alpha(alpha=0.9, beta=0.8), "snn.Synaptic or snn.Alpha: it would need a second state, the "
     "synaptic current"),
    (snn.RLeaky(beta=0.9, linear_features=2), "snn.RLeaky: it would need lines from its outputs "
     "back to the next window"),
    (snn.RLeaky(beta=0.9, all_to_all=False, V=1.0), "snn.RLeaky: it would need lines from its "
     "outputs back to the next window"),
    (snn.RSynaptic(alpha=0.9, beta=0.8, linear_features=2), "snn.RSynaptic: it would need lines "
     "from its outputs back to the next window and a second state that decays"),
    (snn.RSynaptic(alpha=0.9, beta=0.8, all_to_all=False, V=1.0), "snn.RSynaptic: it would need "
     "lines from its outputs back to the next window and a second state that decays"),
    (snn.Lapicque(beta=0.9), "snn.Lapicque: it would need a membrane that lasts and leaks"),
    (snn.StateLeaky(beta=0.9, channels=2), "snn.StateLeaky: it would need a membrane that lasts "
     "and leaks, by exp(-1 / tau) and without a reset"),
    (snn.LeakyParallel(3, 2), "snn.LeakyParallel: it would need lines from its outputs back to the "
     "next window"),
    (snn.AssociativeLeaky(3, 2, 1, 2), "snn.AssociativeLeaky: it fires on a projection of a matrix "
     "of outer products, which is no threshold on a sum of pulses"),
    (snn.SLSTM(3, 2), "snn.SLSTM: its gates multiply real numbers, which pulses don't"),
    (snn.SConv2dLSTM(1, 2, 3), "snn.SConv2dLSTM: its gates multiply real numbers, which pulses "
     "don't"),
]  # fmt: skip


@pytest.mark.parametrize(("neuron", "words"), FOREIGN)
def test_neurons_are_told_apart(tmp_path: Path, neuron: nn.Module, words: str) -> None:
    line = nn.Linear(3, 2, bias=False)
    line.weight.data = torch.tensor([[1.0, -1.0, 0.0], [1.0, 1.0, 1.0]])
    torch.save(nn.Sequential(line, neuron).state_dict(), tmp_path / "net.pt")
    message = f"{tmp_path / 'net.pt'}: layer 0, neurons '1': {words}; adapt trains the circuit's"
    with pytest.raises(NetworkError, match=f"^{re.escape(message)} neurons in its place$"):
        read_checkpoint(tmp_path / "net.pt")


def test_a_layout_that_is_not_said_is_proposed_beside_all_else(tmp_path: Path) -> None:
    net = nn.Sequential(nn.Conv2d(1, 3, 3), nn.MaxPool2d(2), snn.Leaky(beta=0.0), nn.Flatten(),
                        nn.Linear(27, 2), snn.Leaky(beta=0.0, reset_mechanism="zero"))  # fmt: skip
    for layer in (net[0], net[4]):
        layer.weight.data = torch.sign(layer.weight.data)
        layer.bias.data.zero_()
    torch.save(net.state_dict(), tmp_path / "net.pt")
    found = survey_checkpoint(tmp_path / "net.pt")
    assert [each.kind for each in found.obstacles] == ["layout", "state"]
    assert found.layout == "--input-shape 1,8,8 --layers 'conv, max 2, leaky, linear, leaky'"
    assert found.obstacles[0].sentence == (
        "layer 0 ('0'): a convolution (weight of shape (3, 1, 3, 3)): the file does not say the "
        "input's shape, strides, padding or pooling; --input-shape 1,8,8 --layers 'conv, max 2, "
        "leaky, linear, leaky' says one that fits the file's sizes, if it is yours"
    )
    assert found.obstacles[1].place == "layer 0, neurons '2'"
    assert "beta 0 with reset 'subtract' carries the reset" in found.obstacles[1].reason
    said = survey_checkpoint(
        tmp_path / "net.pt",
        steps=1,
        input_shape="1,8,8",
        layers="conv, max 2, leaky, linear, leaky",
    )
    assert said.network is not None
    assert [layer.outputs for layer in said.network.layers] == [108, 27, 2]


def test_a_layout_is_not_asked_for_where_the_file_has_it(tmp_path: Path) -> None:
    nir = pytest.importorskip("nir")
    graph = nir.NIRGraph.from_list(nir.Linear(np.eye(2)), nir.Threshold(np.full(2, 0.5)))
    nir.write(tmp_path / "net.nir", graph)
    message = "--input-shape is given, but the file itself says how its modules stand"
    with pytest.raises(ConfigurationError, match=f"^{message}$"):
        read_checkpoint(tmp_path / "net.nir", input_shape="2")
