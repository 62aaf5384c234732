"""The JSON schemas in docs/schemas: those of the code, and those that real files keep.

``UPDATE_GOLDEN=1 pytest tests/test_schemas.py`` writes them anew.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import jsonschema
import numpy as np
import pytest
from support import tiny_network

import netlist_gen as ng
from netlist_gen.deck.manifest import Manifest
from verification.characterize.files.summary import Summary
from verification.verdict.outcome import RunVerdict

SCHEMAS = Path(__file__).parent.parent / "docs" / "schemas"
RECORDS = {"manifest": Manifest, "summary": Summary, "verify": RunVerdict}
X = np.array([[1, 0, 1], [0, 1, 1]], dtype=bool)


def schema_of(name: str) -> dict:
    return json.loads((SCHEMAS / f"{name}.schema.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", RECORDS)
def test_the_schema_is_that_of_the_code(name):
    path = SCHEMAS / f"{name}.schema.json"
    text = json.dumps(RECORDS[name].schema(), indent=1) + "\n"
    if os.environ.get("UPDATE_GOLDEN") == "1":
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert path.read_text(encoding="utf-8") == text
    jsonschema.Draft202012Validator.check_schema(schema_of(name))


def check(name: str, path: Path) -> dict:
    data = json.loads(path.read_text(encoding="utf-8"))
    jsonschema.validate(data, schema_of(name))
    return data


def test_a_run_keeps_it(tmp_path):
    for labels, scopes in ((None, ("neurons",)), (np.array([0, 1]), ("network", "neurons"))):
        out = tmp_path / str(len(scopes))
        ng.verify(tiny_network(), X, labels, out, simulator="embedded", scopes=scopes, timing=True)
        data = check("verify", out / "verify.json")
        assert RunVerdict.from_json(data, "verify.json").to_json() == data


def test_a_run_that_fails_keeps_it(tmp_path):
    decks, out = tmp_path / "decks", tmp_path / "run"
    ng.generate(tiny_network(), X, decks)
    for deck in decks.glob("*.cir"):
        deck.write_text(deck.read_text().replace("area=", "area=9", 1))
    run = ng.verify(tiny_network(), X, out=out, simulator="embedded", decks=decks)
    assert not run.agreed
    check("verify", out / "verify.json")


def test_a_manifest_keeps_it(tmp_path):
    ng.generate(tiny_network(), X, tmp_path, dialects="josim,wrspice", scopes="neurons,network")
    data = check("manifest", tmp_path / "manifest.json")
    assert Manifest.from_json(data, "manifest.json").to_json() == data


@pytest.mark.parametrize(
    ("cell", "options"),
    [
        ("jtl", {}),
        ("neuron2", {}),
        (
            "jtl",
            {"margins": True, "sweeps": ("bias=0.9:1.1:2",), "monte_carlo": 4,
             "temperatures": (4.2,), "noise_runs": 2},
        ),
    ],
    ids=["jtl", "neuron2", "everything"],
)  # fmt: skip
def test_a_characterization_keeps_it(tmp_path, cell, options):
    ng.characterize(cell, tmp_path, jobs=1, **options)
    check("summary", tmp_path / "summary.json")


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("verify", lambda data: data.pop("agreed")),
        ("verify", lambda data: data.update(checked="five")),
        ("verify", lambda data: data["energy"].update(measured_J=[1])),
        ("manifest", lambda data: data["decks"][0].pop("junctions")),
    ],
)
def test_a_schema_refuses_what_is_wrong(tmp_path, name, change):
    if name == "verify":
        ng.verify(tiny_network(), X, out=tmp_path, simulator="embedded")
    else:
        ng.generate(tiny_network(), X, tmp_path)
    data = check(name, tmp_path / f"{name}.json")
    change(data)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(data, schema_of(name))
