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
from netlist_gen.training.datasets import load_data

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
    odd = TernaryNetwork.from_arrays([np.ones((10, 128), int)], [np.ones(10, int)])
    write_network(odd, tmp_path / "o.npz", {"grey_levels": [3, 6, 9]})
    with pytest.raises(
        ConfigurationError,
        match=r"o\.npz has 2 lines of a pixel, and 3 grey levels are given; a multiple of 2 is nee",
    ):
        run(tmp_path / "o.npz", "--dataset", "digits", "--split-seed", 1)


@pytest.mark.parametrize("steps", [1, 2])
def test_several_lines_of_a_pixel(cli, tmp_path: Path, steps: int) -> None:
    net, spikes = tmp_path / "n.pt", tmp_path / "x.npy"
    words = ["--hidden", 12, "--fan-in", 8, "--max-synapses", 200, "--epochs", 3, "--seed", 2]
    words += ["--steps", steps, "--pixel-lines", 2]
    ran = cli("train", "digits", "-o", net, *words)
    assert ran.status == 0, ran.err
    found = read_checkpoint(net)
    facts, levels = found.card.extra, found.card.extra["grey_levels"]
    assert (found.network.inputs, facts["pixel_lines"]) == (128, 2)
    assert facts["inputs"] == (
        "pixel > grey level, 2 levels in each step: all pixels in row order at the first level, "
        "then all at the next"
    )
    ran = cli("evaluate", net, "--dataset", "digits", "--write-spikes", spikes, "--json")
    assert json.loads(ran.out)["accuracy"] == facts["accuracy"]
    images = load_data("digits", seed=2).test_images.reshape(360, 64)
    wanted = [np.hstack([images > a, images > b]) for a, b in np.reshape(levels, (steps, 2))]
    assert np.array_equal(np.load(spikes), wanted[0] if steps == 1 else np.stack(wanted, axis=1))
    labels = tmp_path / "x.labels.npy"
    again = cli("evaluate", net, "--inputs", spikes, "--labels", labels, "--json")
    assert json.loads(again.out)["accuracy"] == facts["accuracy"]
    ran = cli("evaluate", net, "--inputs", spikes, "--labels", labels, "--write-spikes", spikes)
    assert ran.sentence == (
        "--write-spikes is of --dataset and --data; --inputs are spikes already"
    )
