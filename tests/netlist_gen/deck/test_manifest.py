from __future__ import annotations

import json
import re

import pytest
from deck_text import scopes
from support import tiny_network

from netlist_gen.deck.generate import GenerateOptions, generate
from netlist_gen.deck.manifest import read_manifest
from netlist_gen.errors import DeckError
from netlist_gen.library.process import load_process


def test_the_manifest_leads_from_synapse_to_junction_and_back(tmp_path):
    generate(tiny_network(), None, tmp_path, GenerateOptions())
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    for entry in manifest["decks"]:
        text = (tmp_path / entry["files"]["josim"]["file"]).read_text()
        cells = scopes(text)
        weights = tiny_network().layers[entry["layer"]].weights[entry["neuron"]]
        assert {s["input"]: s["weight"] for s in entry["synapses"]} == {
            i: int(w) for i, w in enumerate(weights) if w
        }
        for synapse in entry["synapses"]:
            neuron, branch = synapse["instance"].split(".")
            (cell,) = [w[-1] for w in cells[entry["name"]] if w[0] == branch]
            assert cell == f"branch_{entry['name']}_{'exc' if synapse['weight'] > 0 else 'inh'}"
            assert any(w[0] == neuron and w[-1] == entry["name"] for w in cells[""])
            assert synapse["set"] == f"P(BA|{branch}|{neuron})"
            assert synapse["clear"] == f"P(BB|{branch}|{neuron})"
            assert f".print phase BA.{branch}.{neuron}\n" in text


def spoilt(folder, **changes):
    path = folder / "manifest.json"
    data = json.loads(path.read_text())
    for key, value in changes.items():
        if value is None:
            del data[key]
        else:
            data[key] = value
    path.write_text(json.dumps(data))
    return path


@pytest.fixture
def decks(tmp_path):
    generate(tiny_network(), None, tmp_path, GenerateOptions())
    return tmp_path


def test_the_manifest_knows_its_process_by_its_values(decks):
    assert read_manifest(decks).process_sha256 == load_process().digest()


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            {"format": "netlist-gen manifest 3"},
            "{path}: the format is 'netlist-gen manifest 3'; this version reads 'netlist-gen "
            "manifest 2' and 'netlist-gen manifest 1'",
        ),
        (
            {"process_sha256": None},
            "{path}: process_sha256 must stand in a netlist-gen manifest 2, and in no older one",
        ),
        (
            {"format": "netlist-gen manifest 1"},
            "{path}: process_sha256 must stand in a netlist-gen manifest 2, and in no older one",
        ),
        (
            {"decks": [{"files": {"josim": {"file": "../other.cir", "sha256": ""}}}]},
            "{path}: the file '../other.cir' is no plain name: decks lie beside their manifest",
        ),
        (
            {"process": 3},
            "{path} is no manifest of netlist-gen ({path}: process: 3 is not a text)",
        ),
        (
            {"clock_ghz": 10**400},
            "{path} is no manifest of netlist-gen ({path}: clock_ghz: "
            "1000000000000000000000000000000000000... is not a number)",
        ),
    ],
)
def test_a_spoilt_manifest_is_refused(decks, changes, sentence):
    path = spoilt(decks, **changes)
    wanted = re.escape(sentence.format(path=path))
    with pytest.raises(DeckError, match=f"^{wanted}$"):
        read_manifest(decks)


def test_a_manifest_nested_too_deep(decks):
    path = decks / "manifest.json"
    path.write_text('{"decks": ' + "[" * 100_000)
    message = f"{path} is no manifest of netlist-gen (nested too deep)"
    with pytest.raises(DeckError, match=f"^{re.escape(message)}$"):
        read_manifest(decks)


def test_an_older_manifest_is_read(decks):
    spoilt(decks, format="netlist-gen manifest 1", process_sha256=None)
    assert read_manifest(decks).process_sha256 is None
