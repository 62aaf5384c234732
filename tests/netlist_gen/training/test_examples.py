"""The trained networks in examples/: both files are one network, and the card says what it is."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from netlist_gen.assembly.cost import CircuitCost
from netlist_gen.checkpoint import read_checkpoint
from netlist_gen.resources import resource_dir
from netlist_gen.training.config import TrainingConfig
from netlist_gen.training.datasets import binarise, load_data
from netlist_gen.training.evaluate import evaluate

CARDS = sorted(resource_dir("examples").glob("*.card.json"))


@pytest.mark.parametrize("path", CARDS, ids=lambda p: p.name.removesuffix(".card.json"))
def test_card_and_files_agree(path: Path) -> None:
    facts = json.loads(path.read_text())
    name = path.name.removesuffix(".card.json")
    for suffix in ("pt", "npz"):
        checkpoint = read_checkpoint(path.with_name(f"{name}.{suffix}"))
        network = checkpoint.network
        assert network == read_checkpoint(path.with_name(f"{name}.pt")).network
        extra = {k: v for k, v in checkpoint.card.extra.items() if k != "population"}
        assert extra == {k: v for k, v in facts.items() if k != "population"}
        assert path.with_name(f"{name}.{suffix}").stat().st_size < 600_000
    assert network.synapses == facts["synapses"]
    assert network.max_fan_in == facts["max_fan_in"]
    assert list(network.theta_range) == facts["theta_range"]
    assert [layer.outputs for layer in network.layers] == facts["neurons"]
    assert network.steps == (facts["steps"] if network.has_memory else None)
    # The circuit goes on being improved; the card tells what it was when the network was made.
    now = CircuitCost(network.population, steps=network.steps).cost(network.layers).junctions
    assert facts["junctions"] == pytest.approx(now, rel=0.15)
    config = TrainingConfig.from_dict(facts["config"])
    assert network.max_fan_in <= max(config.caps)
    assert network.theta_range[0] >= 1
    assert network.synapses <= (config.max_synapses or network.synapses)
    assert list(config.grey_levels) == facts["grey_levels"]
    assert facts["command"].startswith(f"netlist-gen train {facts['dataset']} ")
    assert "/" not in facts["command"]  # no place of one machine


@pytest.mark.parametrize("name", ["digits", "digits-memory"])
def test_digits_reach_what_the_card_says(name: str) -> None:
    examples = resource_dir("examples")
    facts = json.loads((examples / f"{name}.card.json").read_text())
    network = read_checkpoint(examples / f"{name}.pt").network
    data = load_data("digits", seed=facts["seed"])
    x = binarise(data.test_images, facts["grey_levels"])
    assert evaluate(network, x, data.test_labels).to_json() == facts["accuracy"]
    shown, labels = (np.load(examples / f"{name}_{what}.npy") for what in ("inputs", "labels"))
    assert np.array_equal(shown, x[: len(shown)])
    assert np.array_equal(labels, data.test_labels[: len(shown)])
