"""A search: its grid, its table, its front, and trials that are not trained twice."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from netlist_gen.checkpoint.registry import read_checkpoint
from netlist_gen.errors import ConfigurationError
from netlist_gen.training.config import TrainingConfig
from netlist_gen.training.search import (
    Trial,
    in_words,
    key_of,
    points,
    read_table,
    variations,
    write_table,
)

TRIAL = Trial("k", "a", 0, 100, 9, 1300, 0.15, 1.7, 0.9, 0.88, 0.88, 0.87, 3.0)


def test_the_grid_has_every_combination():
    grid = variations(["hidden=24,16+8", "seed=0,1", "membrane-noise=0.5"])
    assert grid == [
        {"hidden": hidden, "seed": seed, "membrane_noise": 0.5}
        for hidden in (("24",), ("16", "8"))
        for seed in (0, 1)
    ]
    assert in_words(grid[2]) == "hidden 16+8, membrane_noise 0.5"
    assert variations([]) == [{}]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["seed"], "--vary is 'seed'; NAME=A,B,C is needed, as seed=0,1,2 or "
                   "layer-synapses=6700+3000,5000+2000"),
        (["seed=0,,1"], "--vary is 'seed=0,,1'; NAME=A,B,C is needed, as seed=0,1,2 or "
                        "layer-synapses=6700+3000,5000+2000"),
        (["seed=0", "seed=1"], "--vary names seed twice; once is allowed"),
        (["seed=a"], "--vary seed is 'a'; a whole number is needed"),
        (["precision=half"], "--vary precision is 'half'; allowed are float32, bfloat16"),
    ],
)  # fmt: skip
def test_what_can_not_be_varied(words, message):
    with pytest.raises(ConfigurationError, match=f"^{re.escape(message)}$"):
        variations(words)


def test_an_unknown_option_names_those_that_there_are():
    known = r"^--vary names 'seeds'; there are batch, .*, slide-from, slide-to, "
    with pytest.raises(ConfigurationError, match=known):
        variations(["seeds=1"])


def test_a_trial_is_known_by_what_decides_it():
    config = TrainingConfig()
    assert key_of(config) == key_of(replace(config, data_dir="elsewhere"))
    assert key_of(config) != key_of(replace(config, seed=1))
    assert re.fullmatch("[0-9a-f]{16}", key_of(config))


def test_the_table_is_read_as_it_was_written(tmp_path):
    path = tmp_path / "search.csv"
    assert read_table(path) == []
    rows = [TRIAL, replace(TRIAL, key="l", seed=1, varied="b, c")]
    write_table(path, rows)
    assert read_table(path) == rows
    path.write_text("a,b\n1,2\n")
    unlike = f"{path} has the columns a, b; a table of a search has key, varied, seed, "
    with pytest.raises(ConfigurationError, match=f"^{re.escape(unlike)}"):
        read_table(path)
    write_table(path, rows)
    path.write_text(path.read_text().replace(",1300,", ",many,", 1))
    with pytest.raises(ConfigurationError, match="can't be read as a table of a search: invalid"):
        read_table(path)


def test_the_front_is_of_the_means_of_seeds():
    trials = [
        replace(TRIAL, varied="small", synapses=100, validation=0.90),
        replace(TRIAL, varied="small", seed=1, synapses=102, validation=0.92),
        replace(TRIAL, varied="large", synapses=300, validation=0.95),
        replace(TRIAL, varied="bad", synapses=200, validation=0.91),  # as good as small, dearer
        replace(TRIAL, varied="dear", synapses=400, validation=0.94),
    ]
    found = {point.varied: point for point in points(trials)}
    assert list(found) == ["small", "bad", "large", "dear"]
    assert [point.front for point in found.values()] == [True, False, True, False]
    assert found["small"].mean("synapses") == 101
    assert found["small"].mean("validation") == pytest.approx(0.91)


def test_the_command_trains_what_is_missing(tmp_path, cli):
    words = ("search", "digits", "--epochs", 2, "--hidden", 12, "--max-synapses", 120,
             "-o", tmp_path)  # fmt: skip
    ran = cli(*words, "--vary", "seed=0,1")
    assert ran.status == 0, ran.err
    rows = read_table(tmp_path / "search.csv")
    assert [row.seed for row in rows] == [0, 1]
    for row in rows:
        found = read_checkpoint(tmp_path / f"{row.key}.pt").network
        assert found.synapses == row.synapses <= 120
    assert "<svg" in (tmp_path / "search.svg").read_text()
    more = cli(*words, "--vary", "seed=0,2")
    assert more.status == 0, more.err
    assert more.err.count("seed ") == 1  # trained: seed 2 alone
    after = read_table(tmp_path / "search.csv")
    assert after[:2] == rows
    assert [row.seed for row in after] == [0, 1, 2]
    assert not list(tmp_path.glob("*.state"))
    wrong = cli(*words, "--vary", "seed=x")
    assert (wrong.status, wrong.sentence) == (2, "--vary seed is 'x'; a whole number is needed")


@pytest.mark.parametrize("command", ["train", "search"])
@pytest.mark.parametrize("dataset", ["digits", "mnist"])
def test_encoding_is_of_own_data_alone(command, dataset, tmp_path, cli):
    output = tmp_path / ("found.pt" if command == "train" else "found")
    ran = cli(command, dataset, "--encode", "rate", "-o", output)
    assert (ran.status, ran.sentence) == (
        2, f"--encode and its like are of own data; {dataset} has --grey-level",
    )  # fmt: skip
