"""The accuracy that the command prints is the integer model's."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from netlist_gen.checkpoint import read_checkpoint, write_network
from netlist_gen.commands.evaluate import evaluate
from netlist_gen.errors import ConfigurationError
from netlist_gen.network import TernaryNetwork
from netlist_gen.resources import resource_dir

DIGITS = resource_dir("examples") / "digits.pt"


def run(*arguments: object) -> Result:
    result = CliRunner().invoke(evaluate, [str(a) for a in arguments])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def test_digits_without_and_with_noise() -> None:
    card = read_checkpoint(DIGITS).card.extra
    noise = ["--noise-flux", 0.025, "--repeats", 2, "--seed", 5]
    found = json.loads(run(DIGITS, "--dataset", "digits", *noise, "--json").output)
    assert found["accuracy"] == card["accuracy"]
    assert len(found["noisy"]) == 2
    assert 0.5 < found["noisy"][0]["lowest"] < found["accuracy"]["lowest"]
    text = run(DIGITS, "--dataset", "digits", *noise).output
    assert f"digits.pt: {card['accuracy']['lowest']:.2%} of 360 images" in text
    assert "in 2 evaluations, seed 5)" in text


def test_chips() -> None:
    given = [DIGITS, "--dataset", "digits", "--chips", 5, "--spread", 0.05, "--seed", 3]
    found = json.loads(run(*given, "--json").stdout)["chips"]
    figures = found["figures"]
    assert (found["spread"], figures["chips"], figures["seed"]) == (0.05, 5, 3)
    assert len(figures["each"]) == 5
    assert figures["quantiles"]["lowest"]["50 %"] == np.median(figures["each"])
    assert found["local_Phi0"] > found["global_Phi0"] > 0
    text = " ".join(run(*given).stdout.split())
    assert "5 chips, seed 3" in text
    assert "│ 5 % are below │" in text
    assert (
        f"spread 0.05 of Ic, L and R: edges by {found['local_Phi0']:.4f} Phi0 from neuron to "
        f"neuron, {found['global_Phi0']:.4f} Phi0 from chip to chip (spread.toml: "
        "measured on a neuron of fan-in 16 of sfq5ee, embedded"
    ) in text
    assert text.endswith("noise: firing curve at 4.2 K (firing_curve.csv)")


def test_own_data(tmp_path: Path) -> None:
    write_network(TernaryNetwork.from_arrays([[[1, 0], [0, 1]]], [[1, 1]]), tmp_path / "n.npz")
    np.save(tmp_path / "x.npy", np.array([[1, 0], [0, 1], [1, 1], [1, 1]]))
    np.save(tmp_path / "y.npy", np.array([0, 1, 0, 1]))
    data = ["--inputs", tmp_path / "x.npy", "--labels", tmp_path / "y.npy"]
    found = json.loads(run(tmp_path / "n.npz", *data, "--json").output)["accuracy"]
    # Two ties, each with the right class among the two.
    assert found == {"samples": 4, "lowest": 0.75, "split": 0.75, "wrong": 0.5, "tied": 0.5}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], r"^images are needed: either --dataset, or --data, or --inputs and --labels$"),
        (["--inputs", "x.npy"], r"^images are needed: either --dataset, or --data, or --inputs and "
         r"--labels$"),
        (["--dataset", "digits", "--noise", "1", "--noise-flux", "1"], r"^--noise, --noise-flux "
         r"and --firing-curve exclude each other; one of them is allowed$"),
        (["--dataset", "digits", "--chips", "2"], r"^--chips and --spread go together; give both "
         r"or none$"),
        (["--dataset", "digits", "--spread", "0.02"], r"^--chips and --spread go together; give "
         r"both or none$"),
        (["--dataset", "digits", "--chips", "2", "--spread", "0.2"], r"spread\.toml: a spread of "
         r"0\.2 is not within what was measured; 0 to 0\.05 is allowed \(measured at "
         r"0\.02, 0\.05\)$"),
        (["--dataset", "mnist"], r"^MNIST needs --data-dir, the folder of its four IDX files"),
    ],
)  # fmt: skip
def test_what_is_refused(options: list[str], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        run(DIGITS, *options)


def test_what_a_network_must_say(tmp_path: Path) -> None:
    net = TernaryNetwork.from_arrays([np.ones((10, 64), int)], [np.ones(10, int)])
    write_network(net, tmp_path / "n.npz")
    with pytest.raises(ConfigurationError, match=r"n\.npz does not say its grey level; --grey-le"):
        run(tmp_path / "n.npz", "--dataset", "digits")
    with pytest.raises(ConfigurationError, match=r"n\.npz does not say which digits it was train"):
        run(tmp_path / "n.npz", "--dataset", "digits", "--grey-level", 7)
    small = TernaryNetwork.from_arrays([np.ones((10, 5), int)], [np.ones(10, int)])
    write_network(small, tmp_path / "s.npz")
    with pytest.raises(ConfigurationError, match=r"s\.npz has 5 inputs; images of digits have 64 "):
        run(tmp_path / "s.npz", "--dataset", "digits", "--grey-level", 7, "--split-seed", 1)
