"""Neurons and the whole network, judged alike: both scopes of one verification."""

from __future__ import annotations

import dataclasses
import json
import re

import numpy as np
import pytest
from support import FIVE, NO_JOSIM, Files, tiny_network, written

pytestmark = pytest.mark.usefixtures("plots_aside")


@pytest.fixture
def tiny(tmp_path) -> Files:
    return written(tiny_network(), tmp_path, FIVE, [0, 1, 1, 0, 1])


@pytest.mark.parametrize(
    "simulator", ["embedded", pytest.param("josim", marks=[pytest.mark.josim, NO_JOSIM])]
)
def test_both_scopes_agree(tiny, cli, simulator):
    ran = cli(
        "verify", tiny.net, "--inputs", tiny.x, "--labels", tiny.y, "-o", tiny.run,
        "--simulator", simulator, "--scope", "network,neurons", "--jobs", 1,
    )  # fmt: skip
    assert ran.status == 0, ran.out + ran.err
    summary = json.loads((tiny.run / "verify.json").read_text())
    assert [row["scope"] for row in summary["scopes"]] == ["network", "neurons"]
    # Five neurons, five samples; the network's deck begins with two start-up windows.
    assert [row["checked"] for row in summary["scopes"]] == [35, 25]
    expected = sum(int(s.sum()) for s in tiny.network.forward(FIVE))
    assert [row["pulses"] for row in summary["scopes"]] == [expected, expected]
    assert summary["checked"] == 60
    assert summary["scope_difference"] is None
    assert summary["energy"]["scope"] == "network"
    assert abs(summary["energy"]["relative_error"]) < 0.001
    # The whole network holds what the neurons' benches lack: fan-out and clock trees, read-out.
    energies = [row["energy_J"] for row in summary["scopes"]]
    assert energies[0] > energies[1]
    energy = summary["energy"]
    assert energy["measured_J"] == energies[0]
    charged = energies[0] - energy["startup_J"]
    assert energy["dynamic_J_per_inference"] == pytest.approx(charged / 5)  # samples
    for index, (row, layer) in enumerate(zip(summary["layers"], tiny.network.layers, strict=True)):
        assert (row["layer"], row["neurons"]) == (index, layer.outputs)
        assert row["synapses"] == np.count_nonzero(layer.weights)
        assert row["fan_in"] == [layer.fan_in.min(), layer.fan_in.max()]
        assert row["theta"] == [layer.theta.min(), layer.theta.max()]
        assert (row["checked"], row["mismatches"], row["failed"]) == (12 * layer.outputs, 0, 0)
        assert row["pulses"] == tiny.network.forward(FIVE)[index].sum()
        low, high = row["delay_ps"]
        assert 10 < low <= high < 40
    alone = [row["energy_J"] for row in summary["layers"]]
    assert sum(alone) == pytest.approx(energies[1])
    assert summary["accuracy"]["simulated"] == summary["accuracy"]["reference"]
    assert "All scopes saw the same pulses" in (tiny.run / "report.html").read_text()


def test_a_network_cut_into_pipelines_says_the_same(tiny, cli):
    ran = cli(
        "verify", tiny.net, "--inputs", tiny.x, "-o", tiny.run, "--simulator", "embedded",
        "--scope", "network", "--pipeline", 2, "--jobs", 1,
    )  # fmt: skip
    assert ran.status == 0, ran.out + ran.err
    summary = json.loads((tiny.run / "verify.json").read_text())
    assert summary["scopes"][0]["decks"] == 3
    assert summary["checked"] == 25 + 3 * 2 * 5  # each deck has start-up windows of its own


def test_a_fault_in_the_network_is_named(tiny, cli, monkeypatch):
    """The circuit is built with a threshold off by one: the reference never saw it."""
    from netlist_gen.assembly import network_circuit

    built = network_circuit.site_cell

    def wrong(library, site, startup=None):
        other = site.theta + (site.name == "L1N0")
        return built(library, dataclasses.replace(site, theta=other), startup)

    monkeypatch.setattr(network_circuit, "site_cell", wrong)
    ran = cli(
        "verify", tiny.net, "--inputs", tiny.x, "-o", tiny.run, "--simulator", "embedded",
        "--scope", "network", "--jobs", 1,
    )  # fmt: skip
    assert ran.status == 1
    example = json.loads((tiny.run / "verify.json").read_text())["counter_example"]
    assert (example["layer"], example["neuron"]) == (1, 0)
    assert example["deck"] == str(tiny.run / "decks" / "network.cir")
    assert (tiny.run / "decks" / "network.cir").exists()


@pytest.mark.parametrize(
    ("scope", "said"),
    [
        ("chip", "the scopes are chip; allowed are neurons and network, each once"),
        (",", "the scopes are none; allowed are neurons and network, each once"),
    ],
)
def test_scopes_that_there_are_not(tiny, cli, scope, said):
    ran = cli("verify", tiny.net, "--inputs", tiny.x, "-o", tiny.run, "--scope", scope)
    assert ran.status == 2
    assert ran.sentence == said
    assert not tiny.run.exists()


def whole_decks(tiny, cli, folder):
    """Decks of the whole network, one window each."""
    words = ("--scope", "network", "--pipeline", 1)
    ran = cli("generate", tiny.net, "-o", folder, "--inputs", tiny.x, *words)
    assert (ran.status, ran.out) == (0, f"5 decks and manifest.json in {folder}\n")
    return ("--decks", folder, *words, "--simulator", "embedded")


def test_decks_of_the_whole_network_are_judged(tiny, cli, tmp_path):
    words = whole_decks(tiny, cli, tmp_path / "decks")
    ran = cli("verify", tiny.net, "--inputs", tiny.x, "-o", tiny.run, *words)
    assert ran.status == 0, ran.err
    assert (tiny.run / "report.html").exists()


def test_a_wrong_class_line_is_named_with_its_sample(tiny, cli, tmp_path):
    """In one sample's deck the two class lines are exchanged: the neurons are right."""
    words = whole_decks(tiny, cli, tmp_path / "decks")
    votes = tiny.network.forward(np.load(tiny.x))[-1]
    sample = int(np.flatnonzero(votes[:, 0] != votes[:, 1])[-1])
    assert sample > 0
    deck = tmp_path / "decks" / f"network_W{sample}.cir"
    text = deck.read_text()
    lines = re.findall(r"(?m)^XM(?:0|1) .*$", text)
    assert len(lines) == 2
    one, other = (line.split() for line in lines)
    for line, mine, theirs in ((lines[0], one, other), (lines[1], other, one)):
        text = text.replace(line, " ".join([*mine[:2], theirs[2], *mine[3:]]))
    deck.write_text(text)
    ran = cli("verify", tiny.net, "--inputs", tiny.x, "-o", tiny.run, *words)
    assert ran.status == 1
    summary = json.loads((tiny.run / "verify.json").read_text())
    assert (summary["mismatches"], summary["scopes"][0]["class_lines_wrong"]) == (0, 2)
    example = summary["counter_example"]
    assert (example["sample"], example["window"], example["row"]) == (sample,) * 3
    kept = tiny.run / "decks" / f"network_W{sample}.cir"
    reasons = "2 windows of class lines disagree"
    assert ran.sentence.startswith(f"{reasons}; first: sample {sample}: the class lines: ")
    assert ran.sentence.endswith(f"reproduce with {kept}")
    report = (tiny.run / "report.html").read_text()
    assert f"<p>{reasons}</p>" in report
    assert f"netlist-gen simulate {kept} -o waveforms.csv --simulator embedded" in report


@pytest.mark.parametrize("clock", [0.5, 2.0])
def test_a_whole_network_at_a_slow_clock(tiny, cli, clock):
    """Its first window begins after the simulation does."""
    ran = cli(
        "verify", tiny.net, "--inputs", tiny.x, "-o", tiny.run, "--simulator", "embedded",
        "--scope", "network", "--clock-ghz", clock, "--samples", 2,
    )  # fmt: skip
    assert ran.status == 0, ran.out + ran.err
