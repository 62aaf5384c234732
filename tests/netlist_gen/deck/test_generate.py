from __future__ import annotations

import hashlib
import json
import re

import numpy as np
import pytest
from deck_text import junction_count
from support import tiny_network

from netlist_gen.deck.generate import GenerateOptions, generate
from netlist_gen.errors import ConfigurationError, NetworkError
from netlist_gen.network import TernaryNetwork

X = np.array([[1, 0, 1], [0, 1, 1]], dtype=bool)


def write(out, network=None, inputs=X, **options):
    """Generate, and read the manifest back."""
    written = generate(network or tiny_network(), inputs, out, GenerateOptions(**options))
    manifest = json.loads((out / "manifest.json").read_text())
    assert written == sum(len(entry["files"]) for entry in manifest["decks"])
    return manifest


def test_decks_and_manifest(tmp_path):
    manifest = write(tmp_path / "out", source="net.npz", scopes=("neurons", "network"))
    files = {p.name for p in (tmp_path / "out").iterdir()}
    names = ["L0N0", "L0N1", "L0N2", "L1N0", "L1N1", "network"]
    assert files == {"manifest.json", *(f"{n}.cir" for n in names)}
    for entry, name in zip(manifest["decks"], names, strict=True):
        text = (tmp_path / "out" / f"{name}.cir").read_text()
        assert entry["files"]["josim"]["file"] == f"{name}.cir"
        assert entry["files"]["josim"]["sha256"] == hashlib.sha256(text.encode()).hexdigest()
        assert entry["junctions"] == junction_count(text)
    assert manifest["clock_ghz"] == pytest.approx(8.928571)
    assert manifest["windows"] == 2
    assert manifest["network"] == {
        "inputs": 3, "layers": [3, 2], "population": 1, "synapses": 12,
    }  # fmt: skip


def test_two_runs_write_the_same_bytes(tmp_path):
    for name in ("a", "b"):
        write(tmp_path / name, scopes=("neurons", "network"))
    one = {p.name: p.read_bytes() for p in (tmp_path / "a").iterdir()}
    assert one == {p.name: p.read_bytes() for p in (tmp_path / "b").iterdir()}


def test_without_inputs_every_line_is_pulsed_once(tmp_path):
    assert write(tmp_path, inputs=None)["windows"] == 1
    text = (tmp_path / "L0N0.cir").read_text()
    assert re.findall(r"(?m)^V(\w+) .*\n\+ (\S+) 0", text) == [
        ("0", "5.8e-11"),
        ("1", "5.8e-11"),
        ("2", "5.8e-11"),
        ("C", "1.03e-10"),
        ("R", "1.25e-10"),
    ]


def test_a_long_series_of_windows_is_cut(tmp_path):
    inputs = np.arange(3 * 70).reshape(70, 3) % 2 == 0
    manifest = write(tmp_path, inputs=inputs, scopes=("neurons", "network"))
    found = [
        (entry["files"]["josim"]["file"], entry.get("name"), entry.get("first_window"))
        for entry in manifest["decks"]
    ]
    assert found[:3] == [
        ("L0N0_W00.cir", "L0N0", 0), ("L0N0_W35.cir", "L0N0", 35), ("L0N1_W00.cir", "L0N1", 0),
    ]  # fmt: skip
    assert found[10:] == [("network.cir", None, 0)]
    assert {entry["windows"] for entry in manifest["decks"][:10]} == {35}
    assert "* windows 35 to 69, 112 ps each" in (tmp_path / "L1N1_W35.cir").read_text()


def test_a_network_is_cut_where_it_is_said(tmp_path):
    inputs = np.arange(3 * 5).reshape(5, 3) % 2 == 0
    manifest = write(tmp_path, inputs=inputs, scopes=("network",), pipeline=2)
    found = [
        (entry["files"]["josim"]["file"], entry["first_window"], entry["windows"])
        for entry in manifest["decks"]
    ]
    assert found == [("network_W0.cir", 0, 1), ("network_W1.cir", 1, 2), ("network_W3.cir", 3, 2)]


@pytest.mark.parametrize(("windows", "decks"), [(2, 5), (70, 10)])
def test_progress_goes_to_the_end(tmp_path, windows, decks):
    seen = []
    generate(
        tiny_network(), np.ones((windows, 3), dtype=bool), tmp_path, GenerateOptions(),
        lambda what, done, total: seen.append((what, done, total)),
    )  # fmt: skip
    assert seen == [("decks", i, decks) for i in range(1, decks + 1)]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"scopes": ("neuron",)},
            "the scopes are neuron; allowed are neurons and network, each once",
        ),
        ({"scopes": ()}, "the scopes are none; allowed are neurons and network, each once"),
        ({"dialects": ()}, "no dialect is named, so there would be no deck; name one"),
        ({"dialects": ("josim", "JoSIM")}, "no dialect 'JoSIM'; there are josim, ngspice, wrspice"),
    ],
)
def test_wrong_options(tmp_path, options, message):
    with pytest.raises(ConfigurationError, match=f"^{re.escape(message)}$"):
        write(tmp_path / "out", **options)
    assert not (tmp_path / "out").exists()
    write(tmp_path / "out")
    with pytest.raises(ConfigurationError):
        write(tmp_path / "out", **options)
    assert (tmp_path / "out" / "manifest.json").exists()  # what was there stays whole


def test_a_run_that_breaks_leaves_no_manifest(tmp_path):
    write(tmp_path)
    wide = TernaryNetwork.from_arrays(
        [np.vstack([np.eye(1, 257, dtype=int), np.ones((1, 257), dtype=int)])],
        [np.ones(2, dtype=int)],
    )
    with pytest.raises(
        NetworkError,
        match=r"^neuron L0N1: a neuron of fan-in 257 can't be built: shown to work are 1 to 256$",
    ):
        write(tmp_path, wide, None, rules="off")
    assert not (tmp_path / "manifest.json").exists()
    assert not list(tmp_path.glob(".*")), "a temporary file is left"
