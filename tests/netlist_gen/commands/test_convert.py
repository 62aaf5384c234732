"""Formats, ternarisation and its cost on the command line."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import snntorch as snn
import torch
from click.testing import CliRunner, Result
from safetensors.numpy import save_file
from torch import nn

from netlist_gen.checkpoint import read_checkpoint, write_network
from netlist_gen.commands.convert import convert
from netlist_gen.errors import ConfigurationError, NetworkError
from netlist_gen.memory import Memory
from netlist_gen.network import TernaryNetwork


def run(*arguments: object) -> Result:
    result = CliRunner().invoke(convert, [str(a) for a in arguments])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


@pytest.fixture
def real(tmp_path: Path) -> Path:
    """Somebody's network with real weights, and data that it labels itself."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(20, 6), snn.Leaky(beta=0.9, threshold=0.2))
    torch.save(net.state_dict(), tmp_path / "real.pt")
    x = np.random.default_rng(0).random((200, 20)) < 0.5
    with torch.no_grad():
        spikes = (net[0](torch.tensor(x, dtype=torch.float32)) > 0.2).numpy()
    np.save(tmp_path / "x.npy", x)
    np.save(tmp_path / "y.npy", spikes.argmax(axis=1))
    return tmp_path / "real.pt"


@pytest.mark.parametrize("suffix", ["npz", "safetensors", "nir", "pt"])
def test_every_format_carries_network_and_metadata(tmp_path: Path, suffix: str) -> None:
    weights = [[[1, -1, 0], [1, 1, 1]], [[1, 1], [-1, 1]]]
    net = TernaryNetwork.from_arrays(weights, [[1, 2], [1, 1]], 2)
    write_network(net, tmp_path / "a.pt", {"grey_levels": [7], "seed": 3})
    result = run(tmp_path / "a.pt", "-o", tmp_path / f"b.{suffix}")
    assert result.output == f"{tmp_path}/b.{suffix}: 9 synapses, fan-in up to 3, theta 1 to 2\n"
    found = read_checkpoint(tmp_path / f"b.{suffix}")
    assert found.network == net
    assert found.card.extra["grey_levels"] == [7]
    assert found.card.extra["converted_from"]["source_format"] == "snntorch-pt"


def test_membranes_that_last_stay_and_get_room(tmp_path: Path) -> None:
    line = nn.Linear(3, 2, bias=False)
    line.weight.data = torch.tensor([[0.5, -0.5, 0.0], [0.5, 0.5, 0.5]])
    neurons = snn.Leaky(beta=1.0, threshold=1.0, reset_mechanism="subtract")
    torch.save(nn.Sequential(line, neurons).state_dict(), tmp_path / "a.pt")
    lasting = "5 synapses, fan-in up to 3, theta 3 to 3, membranes last, room for"
    result = run(tmp_path / "a.pt", "-o", tmp_path / "b.npz")
    assert result.output.endswith(f"b.npz: {lasting} a number of steps left open\n")
    assert run(tmp_path / "a.pt", "-o", tmp_path / "c.npz", "--steps", 4).output.endswith(
        f"c.npz: {lasting} 4 steps\n"
    )
    found = read_checkpoint(tmp_path / "c.npz")
    assert found.network.layers[0].memory == Memory.of("subtract", 2, 2)
    assert (found.network.steps, found.card.steps) == (4, 4)
    assert read_checkpoint(tmp_path / "b.npz").network.steps is None
    # The steps go on with the network, until others are given.
    run(tmp_path / "c.npz", "-o", tmp_path / "d.pt")
    assert read_checkpoint(tmp_path / "d.pt").network == found.network
    run(tmp_path / "d.pt", "-o", tmp_path / "e.npz", "--steps", 6)
    assert read_checkpoint(tmp_path / "e.npz").network == found.network.with_steps(6)
    run(tmp_path / "d.pt", "-o", tmp_path / "f.npz", "--steps", 1)
    assert not read_checkpoint(tmp_path / "f.npz").network.has_memory


def test_ternarize_tells_its_cost(real: Path) -> None:
    data = ["--inputs", real.with_name("x.npy"), "--labels", real.with_name("y.npy")]
    out = real.with_name("made.npz")
    result = run(real, "-o", out, "--steps", 1, "--ternarize", "--fan-in", 5, *data)
    match = re.search(
        r"^accuracy: 100\.00% as the file has it \(1 step\), (\d+\.\d\d)% as it is written "
        r"\(200 samples\)$",
        result.output,
        re.MULTILINE,
    )
    assert match is not None, result.output
    made = read_checkpoint(out)
    assert made.network.max_fan_in == 5
    x, y = (np.load(real.with_name(f"{n}.npy")) for n in "xy")
    assert f"{made.network.accuracy(x, y):.2%}" == f"{match[1]}%"
    assert made.card.extra["ternarized"]["before"] == 1.0


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        (
            ["--ternarize"],
            NetworkError,
            r"layer 0 \('0'\): a bias adds 0\.08\d* to the membrane of neuron 0 in every step, .*; "
            r"convert --steps 1 takes .* \(inspect lists 1 more\)$",
        ),
        (["--steps", 1], NetworkError, r"must be ternary, .* adapt fine-tunes them$"),
        (["--fan-in", 5], ConfigurationError, r"^--fan-in drops weights: it needs --ternarize$"),
        (["--inputs", "x"], ConfigurationError, r"^an accuracy needs both --inputs and --labels$"),
    ],
)
def test_what_is_refused(
    real: Path, options: list[object], error: type[Exception], message: str
) -> None:
    out = real.with_name("made.npz")
    with pytest.raises(error, match=message):
        run(real, "-o", out, *options)
    assert not out.exists()


def test_what_is_ternary_is_not_made_ternary(tmp_path: Path) -> None:
    arrays = {"w0": np.ones((1, 1), np.int8), "theta0": np.ones(1, np.int32)}
    np.savez(tmp_path / "a.npz", **arrays)
    save_file(arrays, tmp_path / "a.safetensors")
    for name in ("a.npz", "a.safetensors"):
        with pytest.raises(
            ConfigurationError,
            match=rf"{name} is ternary already: only \.pt, \.safetensors, \.nir and \.onnx hold ",
        ):
            run(tmp_path / name, "-o", tmp_path / "b.npz", "--ternarize")
