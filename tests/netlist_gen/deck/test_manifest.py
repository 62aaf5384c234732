from __future__ import annotations

import json

from deck_text import scopes
from support import tiny_network

from netlist_gen.deck.generate import GenerateOptions, generate


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
