"""A user's own data: archives and folders, values and spikes, in train and evaluate."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

from netlist_gen.checkpoint import read_checkpoint
from netlist_gen.errors import ConfigurationError
from netlist_gen.training.own_data import EncodeOptions, read_own_data

RNG = np.random.default_rng(0)


def blobs(samples: int, lines: int = 12) -> tuple[np.ndarray, np.ndarray]:
    """Two classes of values that differ in which half is bright."""
    y = np.arange(samples) % 2
    bright = np.arange(lines) % 2
    return np.where(bright == y[:, None], 0.8, 0.2) + 0.1 * RNG.random((samples, lines)), y


def events(samples: int) -> tuple[np.ndarray, np.ndarray]:
    """Event arrays as N-MNIST's, (samples, 6 steps, 2 polarities, 3, 3), counts of 0 to 2.

    The classes differ in the direction of time alone: polarity 0 comes first, or last.
    """
    y = np.arange(samples) % 2
    x = np.zeros((samples, 6, 2, 3, 3), dtype=np.int16)
    for i, label in enumerate(y):
        x[i, :3, label] = RNG.integers(0, 3, (3, 3, 3))
        x[i, 3:, 1 - label] = RNG.integers(0, 3, (3, 3, 3))
    return x, y


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    (x, y), (x_test, y_test) = blobs(120), blobs(40)
    np.savez(tmp_path / "d.npz", x_train=x, y_train=y, x_test=x_test, y_test=y_test)
    return tmp_path / "d.npz"


def test_an_archive_and_a_folder_are_the_same(archive: Path, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    with np.load(archive) as arrays:
        for name, array in arrays.items():
            np.save(folder / f"{name}.npy", array)
    one, other = (read_own_data(path, EncodeOptions()) for path in (archive, folder))
    assert one.digest == other.digest
    assert np.array_equal(one.train, other.train)
    assert (one.shape, one.timed) == ((12,), False)


def test_x_and_y_alone_are_split_by_the_seed(tmp_path: Path) -> None:
    x, y = blobs(50)
    np.savez(tmp_path / "d.npz", x=x, y=y.astype(float))
    found = [read_own_data(tmp_path / "d.npz", EncodeOptions(data_seed=s)) for s in (0, 0, 1)]
    assert [len(data.test) for data in found] == [10, 10, 10]
    assert np.array_equal(found[0].test, found[1].test)
    assert not np.array_equal(found[0].test, found[2].test)
    assert len({data.digest for data in found}) == 1
    assert found[0].split == "10 of 50 samples, drawn with seed 0"


def test_time_first_is_turned(tmp_path: Path) -> None:
    x = RNG.random((4, 7, 5)) < 0.5  # steps, samples, lines
    np.savez(tmp_path / "d.npz", x=x, y=np.arange(7) % 2)
    found = read_own_data(tmp_path / "d.npz", EncodeOptions(time_first=True), 5)
    assert (found.train.shape, found.timed) == ((6, 4, 5), True)
    with pytest.raises(ConfigurationError, match=r"; where steps come first, say --time-first$"):
        read_own_data(tmp_path / "d.npz", EncodeOptions())


@pytest.mark.parametrize(
    ("arrays", "options", "lines", "message"),
    [
        ({"a": [1]}, {}, None, "{path} holds a; x_train, y_train, x_test and y_test, or x and y, "
         "are needed"),
        ({"x": [1, 2], "y": [0, 1]}, {}, None, "{path}: x has shape (2,) and type int64; numbers "
         "of shape (samples, ...) are needed"),
        ({"x": [["a"]], "y": [0]}, {}, None, "{path}: x has shape (1, 1) and type <U1; numbers of "
         "shape (samples, ...) are needed"),
        ({"x": np.eye(3), "y": [0, 1]}, {}, None, "{path}: y has shape (2,) for 3 samples of x; "
         "(3,) is needed"),
        ({"x": np.eye(2), "y": [0.5, 1]}, {}, None, "{path}: y has type float64 and values from "
         "0.5 to 1.0; classes counted from 0 are needed"),
        ({"x": np.eye(2), "y": [-1, 1]}, {}, None, "{path}: y has type int64 and values from -1 to "
         "1; classes counted from 0 are needed"),
        ({"x": np.eye(2), "y": [0, 1]}, {"time_first": True}, None, "{path}: x has shape (2, 2), "
         "so no axis of steps for --time-first; (steps, samples, inputs) is needed"),
        ({"x": np.eye(2), "y": [0, 1]}, {"timed": True}, None, "{path}: x has shape (2, 2), so no "
         "axis of steps for --timed; (samples, steps, inputs) is needed"),
        ({"x": np.eye(2), "y": [0, 1]}, {}, 3, "{path}: x has shape (2, 2), so 2 values of a "
         "sample; the network has 3 inputs"),
        ({"x": np.ones((2, 4, 5)), "y": [0, 1]}, {"timed": True}, 20, "{path}: x has shape (2, 4, "
         "5), so 5 values for each step of a sample; the network has 20 inputs"),
        ({"x": np.eye(1), "y": [0]}, {}, None, "{path}: 1 samples; at least 2 are needed"),
        ({"x_train": np.eye(2), "y_train": [0, 1], "x_test": np.ones((1, 3)), "y_test": [0]}, {},
         None, "{path}: samples of x_train have shape (2,), those of x_test (3,); they must be "
         "equal"),
    ],
)  # fmt: skip
def test_what_is_refused(tmp_path: Path, arrays, options, lines, message) -> None:
    path = tmp_path / "d.npz"
    np.savez(path, **arrays)
    wanted = re.escape(message.replace("{path}", str(path)))
    with pytest.raises(ConfigurationError, match=f"^{wanted}$"):
        read_own_data(path, EncodeOptions(**options), lines)


def test_files_that_are_none(tmp_path: Path) -> None:
    path = tmp_path / "d.npz"
    with pytest.raises(ConfigurationError, match=r"d\.npz: the data can't be read \(No such file"):
        read_own_data(path, EncodeOptions())
    path.write_bytes(b"not an archive")
    with pytest.raises(ConfigurationError, match=r"d\.npz is not a whole \.npz archive: "):
        read_own_data(path, EncodeOptions())
    np.savez(path, x=np.array([{}], dtype=object))
    with pytest.raises(ConfigurationError, match=r"d\.npz: 'x\.npy': it holds pickled Python obj"):
        read_own_data(path, EncodeOptions())


def test_values_are_trained_and_measured_as_the_card_says(cli, archive: Path, tmp_path) -> None:
    net, spikes = tmp_path / "n.pt", tmp_path / "x.npy"
    words = ["--hidden", 8, "--population", 1, "--fan-in", 6, "--epochs", 12, "--batch", 16]
    ran = cli("train", archive, "-o", net, "--encode", "levels", "--steps", 2, *words)
    assert ran.status == 0, ran.err
    assert ran.err.startswith(f"{archive}: 2 steps, values above ")
    card = read_checkpoint(net).card
    assert (card.steps, card.extra["encoding"]["kind"]) == (2, "levels")
    assert "config" in card.extra
    assert str(tmp_path) not in json.dumps(card.as_dict())
    assert card.extra["accuracy"]["lowest"] > 0.9
    ran = cli("evaluate", net, "--data", archive, "--write-spikes", spikes, "--json")
    assert json.loads(ran.out)["accuracy"] == card.extra["accuracy"]
    assert np.load(spikes).shape == (40, 2, 12)
    labels = tmp_path / "x.labels.npy"
    again = cli("evaluate", net, "--inputs", spikes, "--labels", labels, "--json")
    assert json.loads(again.out)["accuracy"] == card.extra["accuracy"]
    # Steps that are not the network's.
    np.save(spikes, np.load(spikes)[:, :1])
    ran = cli("evaluate", net, "--inputs", spikes, "--labels", labels)
    assert ran.sentence == (
        f"{spikes}: inputs have shape (40, 1, 12), so 1 step for each sample; the network was made "
        "for 2"
    )


def test_samples_of_the_training_are_not_measured(cli, tmp_path: Path) -> None:
    draw = np.random.default_rng(0)
    path, net, reals = tmp_path / "d.npz", tmp_path / "n.npz", tmp_path / "r.npz"
    x, y = draw.random((60, 12)) < 0.5, draw.integers(0, 2, 60)
    np.savez(path, x=x.astype(np.uint8), y=y)
    np.savez(reals, x=x * 0.5, y=y)
    ran = cli("train", path, "-o", net, "--epochs", 1, "--hidden", 8, "--data-seed", 3)
    assert ran.status == 0, ran.err
    ran = cli("evaluate", net, "--data", path)
    assert (ran.status, ran.err) == (
        0, f"note: {path}: measured on 12 of 60 samples, drawn with seed 3\n"
    )  # fmt: skip
    ran = cli("evaluate", net, "--data", path, "--data-seed", 5)
    assert (ran.status, ran.sentence) == (
        2,
        f"--data-seed is 5; {net} was trained on these data with 3, and samples of its training "
        "would be measured",
    )
    ran = cli("evaluate", net, "--data", reals)
    assert (ran.status, ran.sentence) == (
        2, "values from 0.0 to 0.5 are no spikes; 0 and 1 are needed"
    )  # fmt: skip
    np.savez(path, x=~x, y=y)
    ran = cli("evaluate", net, "--data", path)
    assert (ran.status, ran.err) == (0, f"note: {path}: measured on all samples\n")


def test_event_arrays_are_trained_with_their_steps(cli, tmp_path: Path) -> None:
    (x, y), (x_test, y_test) = events(120), events(40)
    path, net = tmp_path / "e.npz", tmp_path / "n.npz"
    # As snnTorch has them: steps first.
    turned = {"x_train": np.moveaxis(x, 0, 1), "x_test": np.moveaxis(x_test, 0, 1)}
    np.savez(path, y_train=y, y_test=y_test, **turned)
    words = ["--hidden", 8, "--population", 1, "--fan-in", 18, "--epochs", 8, "--batch", 16]
    ran = cli("train", path, "--time-first", "-o", net, *words)
    assert ran.status == 0, ran.err
    assert ran.err.startswith(f"{path}: 6 steps, values above 0\n")
    found = read_checkpoint(net)
    assert (found.network.inputs, found.card.steps) == (18, 6)
    ran = cli("evaluate", net, "--data", path, "--time-first", "--json")
    assert json.loads(ran.out)["accuracy"]["samples"] == 40
    ran = cli("evaluate", net, "--data", path)
    assert (ran.status, "say --time-first" in ran.sentence) == (2, True)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["train", "cifar", "-o", "n.pt"], "DATASET is 'cifar'; allowed are digits, mnist, an .npz "
         "file or a folder of .npy files"),
        (["train", "digits", "-o", "n.pt", "--encode", "rate"], "--encode and its like are of own "
         "data; digits has --grey-level"),
        (["train", "{data}", "-o", "n.pt", "--grey-level", "3"], "--grey-level and --data-dir are "
         "of digits and mnist"),
        (["train", "{data}", "-o", "n.pt", "--distill", "0.5"], "--distill and --copies are of "
         "digits and mnist; adapt is taught by a network of one's own"),
        (["convert", "{net}", "-o", "n.pt", "--input-shape", "3"], "--input-shape is given, but "
         "{net} holds fully connected layers alone"),
        (["evaluate", "{net}", "--inputs", "x", "--labels", "y", "--encode", "rate"],
         "--encode and its like are of --data"),
        (["evaluate", "{net}", "--data", "d", "--dataset", "digits"], "images are needed: either "
         "--dataset, or --data, or --inputs and --labels"),
    ],
)  # fmt: skip
def test_options_that_do_not_go_together(cli, tiny, archive, tmp_path, monkeypatch, words, message):
    monkeypatch.chdir(tmp_path)
    ran = cli(*(word.format(data=archive, net=tiny.net) for word in words))
    assert (ran.status, ran.sentence) == (2, message.format(net=tiny.net))


def test_numpys_default_integers_make_a_network(tmp_path: Path) -> None:
    np.savez(tmp_path / "n.npz", w0=np.array([[1, -1, 0]]), theta0=np.array([1]))
    assert read_checkpoint(tmp_path / "n.npz").network.layers[0].weights.tolist() == [[1, -1, 0]]
