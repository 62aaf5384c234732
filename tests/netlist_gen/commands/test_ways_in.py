"""Checkpoints that people have: each is built, or refused with a command that works."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from pathlib import Path

import nir
import numpy as np
import pytest
import snntorch as snn
import torch
from safetensors.torch import save_file
from snntorch._neurons.linearleaky import LinearLeaky
from torch import nn

from netlist_gen.checkpoint import read_checkpoint

LINES, CLASSES = 16, 2


def ternary(layer: nn.Module) -> nn.Module:
    """Weights -1 and 1, no bias to speak of."""
    layer.weight.data = torch.sign(layer.weight.data)
    layer.bias.data.zero_()
    return layer


def leaky(beta: float = 0.0, reset: str = "none", **options: object) -> snn.Leaky:
    return snn.Leaky(beta=beta, reset_mechanism=reset, **options)


class Named(nn.Module):
    """The tutorials' module: all layers first, then all neurons."""

    def __init__(self) -> None:
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(LINES, 6), nn.Linear(6, CLASSES)
        self.lif1, self.lif2 = snn.Leaky(beta=0.95), snn.Leaky(beta=0.95)


def net_of(first: nn.Module, last: nn.Module, lines: int = LINES) -> nn.Sequential:
    return nn.Sequential(nn.Linear(lines, 6), first, nn.Linear(6, CLASSES), last)


def normed() -> nn.Sequential:
    norm = nn.BatchNorm1d(6)
    norm.weight.data = torch.tensor([1.0, -1.0, 0.5, 2.0, 1.0, 1.0])
    layers = ternary(nn.Linear(LINES, 6)), norm, leaky(), ternary(nn.Linear(6, CLASSES)), leaky()
    return nn.Sequential(*layers)


def pictures(change: Callable[[nn.Module], nn.Module], beta: float, reset: str) -> nn.Sequential:
    return nn.Sequential(
        change(nn.Conv2d(1, 3, 3)), nn.MaxPool2d(2), leaky(beta, reset), nn.Flatten(),
        change(nn.Linear(27, CLASSES)), leaky(beta, reset),
    )  # fmt: skip


def series(change: Callable[[nn.Module], nn.Module]) -> nn.Sequential:
    first, last = change(nn.Conv1d(2, 3, 3)), change(nn.Linear(18, CLASSES))
    return nn.Sequential(first, leaky(), nn.Flatten(), last, leaky())


def in_pt(make: Callable[[], nn.Module]) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        torch.save(make().state_dict(), folder / "net.pt")
        return folder / "net.pt"

    return write


def wrapped(folder: Path) -> Path:
    torch.save({"state_dict": net_of(leaky(0.9), leaky(0.9)).state_dict()}, folder / "net.pth")
    return folder / "net.pth"


def in_safetensors(folder: Path) -> Path:
    net = net_of(leaky(1.0, "zero"), leaky(1.0, "zero"))
    state = {key: value.clone() for key, value in net.state_dict().items()}
    save_file(state, folder / "net.safetensors")
    return folder / "net.safetensors"


def in_nir(*nodes: nir.NIRNode) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        nir.write(folder / "net.nir", nir.NIRGraph.from_list(*nodes))
        return folder / "net.nir"

    return write


def lif(count: int, tau: float) -> nir.LIF:
    full = np.full(count, 1.0)
    return nir.LIF(tau=tau * full, r=1e4 * tau * full, v_leak=0 * full, v_threshold=full)


def integrating(rest: float) -> nir.IF:
    full = np.full(CLASSES, 1.0)
    return nir.IF(full, full, rest * full)


def in_npz(theta: int) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        w0, w1 = np.ones((6, LINES), dtype=int), np.ones((CLASSES, 6), dtype=int)
        np.savez(folder / "net.npz", w0=w0, theta0=np.full(6, theta), w1=w1, theta1=np.ones(2, int))
        return folder / "net.npz"

    return write


def one(reset: str, threshold: float = 1.0, beta: float = 0.0) -> Callable[[Path], Path]:
    neurons = leaky(beta, reset, threshold=threshold)
    return in_pt(lambda: nn.Sequential(ternary(nn.Linear(LINES, CLASSES)), neurons))


def hidden(first: nn.Module) -> Callable[[Path], Path]:
    return in_pt(lambda: net_of(first, leaky()))


def own_weights() -> nn.Sequential:
    return nn.Sequential(LinearLeaky(0.9, LINES, 6), nn.Linear(6, CLASSES), leaky())


def sums() -> nn.Sequential:
    return nn.Sequential(nn.Linear(LINES, 6), leaky(0.9, "zero"), nn.Linear(6, CLASSES))


def real(module: nn.Module) -> nn.Module:
    return module


LAST = nir.Linear(np.ones((CLASSES, LINES))), lif(CLASSES, 1e-3)
POOLED = (
    nir.Conv2d((8, 8), np.ones((2, 1, 3, 3)), 1, 0, 1, 1, np.zeros(2)),
    nir.Threshold(np.full((2, 6, 6), 2.5)),
    nir.AvgPool2d(np.array([2, 2]), np.array([2, 2]), np.array([0, 0])),
    nir.Flatten({"input": np.array([2, 3, 3])}, 0, -1),
    nir.Linear(np.ones((CLASSES, 18))),
    nir.Threshold(np.full(CLASSES, 1.5)),
)
OVERLAPPING = (
    POOLED[0],
    nir.AvgPool2d(np.array([2, 2]), np.array([2, 2]), np.array([0, 0])),
    nir.Threshold(np.full((2, 3, 3), 2.5)),
    *POOLED[3:],
)
ADAPT, FOREIGN = "weights leak adapt", "weights neuron adapt"
WAYS = [
    ("named module, beta 0.95", in_pt(Named), LINES, ADAPT),
    ("beta 0, reset subtract", one("subtract"), LINES, "state adapt"),
    ("beta 0, reset none", one("none"), LINES, ""),
    ("beta 0, reset zero", one("zero", 2.5), LINES, ""),
    ("batch norm", in_pt(normed), LINES, ""),
    ("a checkpoint in a dict", wrapped, LINES, ADAPT),
    ("convolutions, real", in_pt(lambda: pictures(real, 0.5, "subtract")), 64, f"layout {ADAPT}"),
    ("convolutions, ternary", in_pt(lambda: pictures(ternary, 0, "none")), 64, "layout convert"),
    ("convolutions over time", in_pt(lambda: series(ternary)), 16, "layout convert"),
    ("a mean over kernels that overlap", in_nir(*OVERLAPPING), 64, "form adapt"),
    ("the same over time, real", in_pt(lambda: series(real)), 16, "layout weights adapt"),
    ("Synaptic", hidden(snn.Synaptic(alpha=0.9, beta=0.8)), LINES, FOREIGN),
    ("Alpha", hidden(snn.Alpha(alpha=0.9, beta=0.8)), LINES, FOREIGN),
    ("RLeaky", hidden(snn.RLeaky(beta=0.9, linear_features=6)), LINES, FOREIGN),
    ("RSynaptic", hidden(snn.RSynaptic(alpha=0.9, beta=0.9, linear_features=6)), LINES, FOREIGN),
    ("StateLeaky", hidden(snn.StateLeaky(beta=0.9, channels=6)), LINES, FOREIGN),
    ("AssociativeLeaky", hidden(snn.AssociativeLeaky(6, 3, 2, 6)), LINES, FOREIGN),
    ("LinearLeaky", in_pt(own_weights), LINES, FOREIGN),
    ("Lapicque", hidden(snn.Lapicque(beta=0.9)), LINES, FOREIGN),
    ("graded spikes", hidden(leaky(graded_spikes_factor=2.0)), LINES, FOREIGN),
    ("sums read without neurons", in_pt(sums), LINES, "weights leak neuron adapt"),
    ("beta 1, reset zero", in_safetensors, LINES, "weights bias adapt"),
    ("beta 1, reset subtract, half a count", one("subtract", 1.5, 1.0), LINES, "reset adapt"),
    ("NIR, IF that starts again at 0.5", in_nir(LAST[0], integrating(0.5)), LINES, "neuron adapt"),
    ("fan-in 300", in_pt(lambda: net_of(leaky(), leaky(), 300)), 300, "weights fan-in adapt"),
    ("NIR, LIF that lasts", in_nir(*LAST), LINES, "state adapt"),
    ("NIR, convolution and mean pooling", in_nir(*POOLED), 64, ""),
    ("default integers", in_npz(3), LINES, ""),
    ("no neuron can fire", in_npz(40), LINES, "dead adapt"),
]


@pytest.fixture
def data(tmp_path: Path) -> Callable[[int], Path]:
    def write(lines: int) -> Path:
        rng = np.random.default_rng(0)
        y = np.arange(40) % CLASSES
        x = rng.random((40, lines)) * 0.5 + 0.5 * (np.arange(lines) % CLASSES == y[:, None])
        np.savez(tmp_path / "data.npz", x=x, y=y)
        return tmp_path / "data.npz"

    return write


@pytest.mark.parametrize(("write", "lines", "expected"), [way[1:] for way in WAYS],
                         ids=[way[0] for way in WAYS])  # fmt: skip
def test_each_is_built_or_its_command_works(cli, tmp_path, data, write, lines, expected) -> None:
    torch.manual_seed(0)
    net = write(tmp_path)
    *kinds, verb = expected.split() or [""]
    ran = cli("inspect", net, "--json")
    facts = json.loads(ran.out)
    assert sorted({each["kind"] for each in facts["obstacles"]}) == sorted(kinds)
    assert ran.status == (2 if kinds else 0)
    if not kinds:
        assert facts["circuit"]["junctions"] > 0
        return
    assert all(each["reason"] and each["remedy"] for each in facts["obstacles"])
    words = shlex.split(facts["command"])
    assert words[:3] == ["netlist-gen", verb, str(net)]
    out = tmp_path / "out.npz"
    told = [{"DATA.npz": str(data(lines)), "OUT.npz": str(out)}.get(word, word) for word in words]
    quick = ["--epochs", "2", "--population", "1", "--batch", "8"] if verb == "adapt" else []
    followed = cli(*told[1:], *quick)
    assert followed.status == 0, followed.err
    assert cli("inspect", out).status == 0
    made = read_checkpoint(out).network
    assert (made.inputs, made.classes) == (lines, CLASSES)
    assert made.max_fan_in <= 64
