"""Exact search: what it says a change costs is what it costs, and it keeps its bounds."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from netlist_gen.errors import ConfigurationError
from netlist_gen.network import TernaryNetwork
from netlist_gen.training.config import TrainingConfig
from netlist_gen.training.refine import Refined, _Change, _ExactSearch, refine
from netlist_gen.training.trainer import EpochReport, train


def task(seed: int, steps: int = 1) -> tuple[TernaryNetwork, np.ndarray, np.ndarray]:
    """A random network, and labels of another one."""
    rng = np.random.default_rng(seed)

    def net() -> TernaryNetwork:
        weights = [rng.choice([-1, 0, 1], (14, 12)), rng.choice([-1, 0, 1], (6, 14))]
        thetas = [rng.integers(1, 3, len(w)) for w in weights]
        return TernaryNetwork.from_arrays(weights, thetas, 2)

    shape = (300, 12) if steps == 1 else (300, steps, 12)
    x = rng.random(shape) < 0.5
    return net(), x, net().predict(x)


def exact_loss(network: TernaryNetwork, x: np.ndarray, y: np.ndarray, sharpness: float) -> float:
    scores = sharpness * network.votes(x).astype(float)
    own = scores[np.arange(len(y)), y]
    return float((np.log(np.exp(scores).sum(axis=1)) - own).sum())


@given(seed=st.integers(0, 10**6))
@example(seed=926)  # hardly a free line: none may be dropped and added at once
@settings(max_examples=25, deadline=None)
def test_the_price_of_a_change_is_the_change_of_the_loss(seed: int) -> None:
    network, x, y = task(seed)
    search = _ExactSearch(network, x, y, (12, 14), 0.0)
    rng = np.random.default_rng(seed)
    for layer in (0, 1):
        j = int(rng.integers(len(search.weights[layer])))
        at = search._seen(layer, j)
        near, before = at.near(), exact_loss(network, x, y, search.sharpness)
        changes = search._changes(layer, j, at, near, budget=10**6)
        kinds = {(bool(c.by_first), bool(c.by_second)) for c in changes}
        assert {(False, False), (True, False)} <= kinds  # thresholds and signs at least
        for change, price in zip(changes, at.prices(near, changes), strict=True):
            search._add(layer, j, change, at)
            after = exact_loss(search.network, x, y, search.sharpness)
            search._add(layer, j, change.back, at)
            assert price == pytest.approx(after - before, abs=0.02)  # faint rows do not count
        assert search.network == network
        # The second change of a visit is priced as exactly as the first.
        search._add(layer, j, changes[-1], at)
        network = search.network
        before = exact_loss(network, x, y, search.sharpness)
        near = at.near()
        again = search._changes(layer, j, at, near, budget=10**6)
        for change, price in zip(again, at.prices(near, again), strict=True):
            search._add(layer, j, change, at)
            after = exact_loss(search.network, x, y, search.sharpness)
            search._add(layer, j, change.back, at)
            assert price == pytest.approx(after - before, abs=0.02)
        search._settle(layer, j, at, changes[-1:])


@given(seed=st.integers(0, 10**6), steps=st.integers(1, 3))
@settings(max_examples=15, deadline=None)
def test_loss_falls_and_bounds_hold(seed: int, steps: int) -> None:
    network, x, y = task(seed, steps)
    caps = (int(network.layers[0].fan_in.max()), int(network.layers[1].fan_in.max()))

    def search() -> list[Refined]:
        found, slim = [], network
        for number in range(3):
            found.append(refine(slim, x, y, fan_in=caps, least_gain=0.5, seed=seed + number))
            slim = found[-1].network
        return found

    found = search()
    losses = [found[0].before, *(one.after for one in found)]
    assert losses == sorted(losses, reverse=True)
    assert losses[-1] < losses[0]
    assert sum(one.changes for one in found) > 0
    slim = found[-1].network
    assert slim.synapses <= network.synapses
    assert all(int(layer.fan_in.max()) <= cap for layer, cap in zip(slim, caps, strict=True))
    assert slim.theta_range[0] >= 1
    assert search()[-1].network == slim


@given(seed=st.integers(0, 10**6), steps=st.integers(1, 3))
@settings(max_examples=15, deadline=None)
def test_state_is_the_networks_after_each_change(seed: int, steps: int) -> None:
    network, x, y = task(seed, steps)
    search = _ExactSearch(network, x, y, (12, 14), 0.0)
    rng = np.random.default_rng(seed)
    for _ in range(6):
        layer = int(rng.integers(2))
        j = int(rng.integers(len(search.weights[layer])))
        old = search.weights[layer][j]
        line, other = (int(k) for k in rng.choice(len(old), 2, replace=False))
        by = [int(rng.integers(-1, 2)) - int(old[k]) for k in (line, other)]
        theta = int(rng.integers(1, 4)) - int(search.thetas[layer][j])
        change, at = _Change(line, by[0], other, by[1], theta), search._seen(layer, j)
        search._add(layer, j, change, at)
        search._settle(layer, j, at, [change])
        now = search.network
        assert np.array_equal(search.votes, now.votes(x))
        assert search.whole == pytest.approx(exact_loss(now, x, y, search.sharpness))


def test_search_after_training_lowers_the_loss_of_the_training_images() -> None:
    config = TrainingConfig(
        hidden=("24",), grey_levels=(5,), epochs=3, validation=100, copies=1, max_synapses=300
    )
    notes: list[str] = []
    trained = train(replace(config, refine_rounds=2), lambda p: notes.append(p.note))
    assert [note.split(",")[0] for note in notes if "search" in note] == [
        "search: round 1 of 2",
        "search: round 2 of 2",
    ]
    assert trained.network.synapses <= 300
    assert trained.network.max_fan_in <= 16
    assert trained.evaluation.lowest > train(config).evaluation.lowest


def test_an_interrupted_search_ends_like_an_unbroken_one(tmp_path: Path) -> None:
    config = TrainingConfig(
        hidden=("16",), grey_levels=(5,), epochs=1, validation=100, refine_rounds=3
    )

    def stop(line: EpochReport) -> None:
        if line.note.startswith("search: round 2 "):
            raise KeyboardInterrupt

    state, notes = tmp_path / "run.state", []
    with pytest.raises(KeyboardInterrupt):
        train(config, stop, state_file=state)
    resumed = train(config, lambda p: notes.append(p.note), state_file=state, resume=True)
    assert [note.split(",")[0] for note in notes] == [
        "search: round 2 of 3",  # made before, but the interrupt came before it was written
        "search: round 3 of 3",
    ]
    assert resumed.network == train(config).network


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"hidden": ("8", "8")}, r"^refine_rounds is 1 with hidden layers 8 8; the search takes "
         r"one fully connected hidden layer$"),
        ({"max_junctions": 9}, r"^refine_rounds and max_junctions exclude each other: the search "
         r"keeps synapses and fan-in only$"),
        ({"refine_gain": 0.0}, r"^training option refine_gain is 0\.0; above 0 is allowed$"),
    ],
)  # fmt: skip
def test_what_the_search_cannot_keep_is_refused(options: dict, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        TrainingConfig(refine_rounds=1, **options)


def test_other_depths_are_refused() -> None:
    net = TernaryNetwork.from_arrays([[[1]]], [[1]])
    with pytest.raises(ConfigurationError, match=r"^the search takes a network of one hidden laye"):
        refine(net, np.ones((1, 1), bool), [0], fan_in=(1,), least_gain=1.0, seed=0)
