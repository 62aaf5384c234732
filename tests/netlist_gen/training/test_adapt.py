"""Networks made legal: structure, weights, teacher, and what is told of it."""

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
from netlist_gen.checkpoint.registry import survey_checkpoint
from netlist_gen.errors import ConfigurationError, NetlistGenError, NetworkError
from netlist_gen.training.adapt import (
    hidden_layers,
    prepare,
    start_from,
    with_membranes,
)
from netlist_gen.training.adapt_options import AdaptOptions
from netlist_gen.training.config import TrainingConfig, parse_hidden
from netlist_gen.training.model import TernarySpikingNet
from netlist_gen.training.own_data import EncodeOptions, read_own_data

LAYERS = "conv stride 2 padding 1, max 2, leaky, conv, norm, leaky, avg 2, linear, leaky"


@pytest.fixture
def digits(tmp_path: Path) -> Path:
    from sklearn.datasets import load_digits

    bunch = load_digits(n_class=4)
    np.savez(tmp_path / "d.npz", x=bunch.data[:400] / 16, y=bunch.target[:400])
    return tmp_path / "d.npz"


@pytest.fixture
def own(tmp_path: Path, digits: Path) -> Path:
    """A small network with memory, trained a little by its owner."""
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Linear(64, 40), snn.Leaky(beta=0.9), nn.Linear(40, 4), snn.Leaky(beta=0.9)
    )
    data = np.load(digits)
    x, y = torch.tensor(data["x"]).float(), torch.tensor(data["y"])
    optimiser = torch.optim.Adam(net.parameters(), lr=5e-3)
    for _ in range(25):
        first = second = torch.zeros(())
        loss = torch.zeros(())
        for step in range(5):
            if step == 0:
                first, second = torch.zeros(len(x), 40), torch.zeros(len(x), 4)
            spikes, first = net[1](net[0](x), first)
            _, second = net[3](net[2](spikes), second)
            loss = loss + nn.functional.cross_entropy(second, y)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    torch.save(net.state_dict(), tmp_path / "own.pt")
    return tmp_path / "own.pt"


def test_the_command_tells_each_step_and_keeps_the_accuracy(cli, own, digits, tmp_path) -> None:
    out = tmp_path / "legal.npz"
    words = ["--own-steps", 5, "--steps", 3, "--fan-in", 16, "--population", 2, "--epochs", 25]
    ran = cli("adapt", own, "--data", digits, "-o", out, *words, "--batch", 32)
    assert ran.status == 0, ran.err
    found = read_checkpoint(out)
    card = found.card.extra
    stages = [stage["what"] for stage in card["stages"]]
    assert stages == [
        "as it is, 5 steps",
        "as it is, fed the circuit's spikes (3 steps, values above 0.75, 0.5, 0.25)",
        "without memory",
        "ternary by magnitude, fan-in up to 16",
        "ternary, fine-tuned",
    ]
    share = [stage["accuracy"] for stage in card["stages"]]
    assert share[0] > 0.9
    assert share[-1] >= share[0] - 0.04
    assert share[-1] > share[3]
    lines = ran.out.splitlines()
    assert lines[0] == (
        "held out: 80 of 400 samples, drawn with seed 0; taught by NET itself, running for 5 steps"
    )
    assert lines[1:6] == [f"{a:8.2%}  {what}" for a, what in zip(share, stages, strict=True)]
    assert found.network.max_fan_in <= 16
    assert (found.network.population, found.card.steps) == (2, 3)
    assert card["adapted_from"]["beta"] == pytest.approx(0.9)
    assert not Path(f"{out}.state").exists()
    # What inspect tells of the network that it was.
    told = cli("inspect", own, "--data", digits, "--own-steps", 5, "--steps", 3, "--json")
    assert told.status == 2
    before = json.loads(told.out)["stages"]
    assert before[:3] == card["stages"][:3]
    # The same samples again, and a circuit of it.
    again = json.loads(cli("evaluate", out, "--data", digits, "--json").out)
    assert again["accuracy"]["lowest"] == share[-1]
    assert cli("inspect", out).status == 0


def test_structure_is_the_checkpoints(tmp_path: Path) -> None:
    torch.manual_seed(1)
    net = nn.Sequential(
        nn.Conv2d(2, 4, (3, 5), stride=2, padding=1), nn.MaxPool2d(2), snn.Leaky(beta=0.5),
        nn.Conv2d(4, 6, 2, groups=2, bias=False), nn.BatchNorm2d(6), snn.Leaky(beta=0.5),
        nn.AvgPool2d(2), nn.Flatten(), nn.Linear(6, 3), snn.Leaky(beta=0.5),
    )  # fmt: skip
    net[4].weight.data = torch.tensor([1.0, -1.0, 1.0, 1.0, 2.0, -0.5])
    torch.save(net.state_dict(), tmp_path / "net.pt")
    stack = survey_checkpoint(tmp_path / "net.pt", input_shape="2,12,14", layers=LAYERS).stack
    assert stack is not None
    hidden = hidden_layers(stack)
    assert list(map(str, hidden)) == ["c4k3x5s2p1", "p2", "c6k2s1p0g2", "p2"]
    assert [parse_hidden(str(spec)) for spec in hidden] == hidden
    config = TrainingConfig(hidden=tuple(map(str, hidden)), population=2, fan_in=(64,))
    made = TernarySpikingNet(config, (2, 12, 14), 3)
    start_from(made, stack, 1)
    for index, module in enumerate((net[0], net[3])):
        ours = torch.sign(made.trained[index].weight)
        theirs = torch.sign(module.weight)
        if index:
            theirs = theirs * torch.sign(net[4].weight).reshape(-1, 1, 1, 1)
        assert torch.equal(ours, theirs)
    last = made.trained[2].weight.reshape(3, 2, 6)
    agree = torch.sign(last) == torch.sign(net[8].weight)[:, None]
    assert agree.float().mean() > 0.6  # copies, each a little off
    assert not torch.equal(last[:, 0], last[:, 1])
    still = with_membranes(stack, None)
    assert {(float(n.beta.max()), n.reset) for n in still.neurons} == {(0.0, "none")}


def test_a_network_that_can_not_run_is_taught_by_labels(cli, tmp_path, digits) -> None:
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Linear(64, 20), snn.Synaptic(alpha=0.9, beta=0.8), nn.Linear(20, 4), snn.Leaky(beta=0.9)
    )
    torch.save(net.state_dict(), tmp_path / "net.pt")
    out = tmp_path / "out.npz"
    ran = cli("adapt", tmp_path / "net.pt", "--data", digits, "-o", out, "--epochs", 2)
    assert ran.status == 0, ran.err
    assert ran.out.splitlines()[0].endswith(
        "taught by the data's labels alone, since NET can't be run here (snn.Synaptic or "
        "snn.Alpha: it would need a second state, the synaptic current)"
    )
    assert [stage["what"] for stage in read_checkpoint(out).card.extra["stages"]] == [
        "ternary, fine-tuned"
    ]


def prepared(path: Path, data: Path, **options: object) -> object:
    found = survey_checkpoint(path)
    assert found.stack is not None
    own_data = read_own_data(data, EncodeOptions(), 64)
    chosen = AdaptOptions(**options)
    encoded = own_data.encoded(own_data.encoding(EncodeOptions(), chosen.steps))
    return prepare(found.stack, found.card.population, own_data, encoded, chosen, None)


def test_own_steps_are_the_tutorials_where_nobody_says(own: Path, digits: Path) -> None:
    assert prepared(own, digits).own_steps == 25
    assert prepared(own, digits, own_steps=7).own_steps == 7


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: nn.Sequential(nn.Linear(64, 3), snn.Leaky(beta=0.5)), ConfigurationError,
         "{data}: labels from 0 to 3; the network tells 3 classes apart"),
        (lambda: AdaptOptions(teach=1.5), ConfigurationError, "--teach is 1.5; 0 to 1 is allowed"),
        (lambda: AdaptOptions(fan_in=(0,)), ConfigurationError, "--fan-in is 0; it must be at "
         "least 1"),
    ],
)  # fmt: skip
def test_what_is_refused(tmp_path, digits, make, error: type[NetlistGenError], message) -> None:
    def run() -> None:
        torch.save(make().state_dict(), tmp_path / "net.pt")
        prepared(tmp_path / "net.pt", digits)

    with pytest.raises(error, match=f"^{re.escape(message.format(data=digits))}$"):
        run()


def test_the_last_layer_votes(tmp_path: Path) -> None:
    net = nn.Sequential(nn.Conv2d(1, 2, 8), snn.Leaky(beta=0.5))
    torch.save(net.state_dict(), tmp_path / "net.pt")
    stack = survey_checkpoint(tmp_path / "net.pt", input_shape="1,8,8", layers="conv, leaky").stack
    assert stack is not None
    message = "the last layer is not fully connected; its outputs vote for classes"
    with pytest.raises(NetworkError, match=f"^{message}$"):
        hidden_layers(stack)
