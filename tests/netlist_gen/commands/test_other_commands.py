"""``inspect``, ``generate``, ``simulate``, ``doctor`` and ``demo`` as a user runs them."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys

import numpy as np
import pytest

from netlist_gen.assembly.network_circuit import network_bench, network_outline
from netlist_gen.checkpoint import write_network
from netlist_gen.inspection import inspect_checkpoint
from netlist_gen.library.cells import CellLibrary
from netlist_gen.library.options import ClockOptions
from netlist_gen.memory import Memory
from netlist_gen.network import TernaryNetwork
from netlist_gen.resources import resource_dir
from verification.simulators.registry import NAMES, get_simulator
from verification.waves.readers.josim_csv import read_josim_csv

# -- inspect ----------------------------------------------------------------------------------


def test_inspect_says_what_the_circuit_is(cli, tiny):
    ran = cli("inspect", tiny.net, "--json")
    assert (ran.status, ran.err) == (0, "")
    facts = json.loads(ran.out)
    totals = network_bench(tiny.network, CellLibrary()).circuit.totals()
    assert facts["circuit"]["junctions"] == totals.junctions
    assert facts["circuit"]["cells"] == totals.cells
    assert facts["circuit"]["bias_A"] == totals.bias_A
    assert (facts["inputs"], facts["neurons"], facts["synapses"]) == (3, 5, 12)
    assert [layer["fan_in"] for layer in facts["layers"]] == [[2, 3], [2, 3]]
    assert [layer["theta"] for layer in facts["layers"]] == [[0, 2], [1, 1]]
    words = cli("inspect", tiny.net)
    assert words.status == 0
    assert "layer 0: 3 -> 3, 7 synapses, fan-in 2 to 3, theta 0 to 2, n -1 to 2\n" in words.out
    assert f"circuit (sfq5ee): {totals.junctions} junctions, " in words.out


def test_inspect_of_another_process(cli, tiny):
    facts = [
        json.loads(cli("inspect", tiny.net, "--json", "--process", p).out)["circuit"]
        for p in ("sfq5ee", "stp2")
    ]
    assert [f["process"] for f in facts] == ["sfq5ee", "stp2"]
    for each in facts:
        library = CellLibrary(each["process"])
        totals = network_outline(tiny.network, library).circuit.totals()
        assert each["junctions"] == totals.junctions


def test_inspect_of_membranes_that_last(cli, tmp_path):
    memories = [Memory.of("subtract", 2, [1, 2]), None]
    network = TernaryNetwork.from_arrays(
        [[[1, 1, -1], [1, 0, 0]], [[1, 1]]], [[2, 3], [1]], memories=memories
    )
    path = tmp_path / "net.npz"
    write_network(network, path)
    ran = cli("inspect", path, "--rules")
    assert (ran.status, ran.out.splitlines()[:5]) == (
        0,
        [
            f"{path}: npz, fires when the sum of n over steps, less what pulses take off, >= theta "
            "(stated by the file)",
            "reset subtract, beta 1, population 1 x 1 classes, tie to the lowest class",
            "layer 0: 3 -> 2, 4 synapses, fan-in 1 to 3, theta 2 to 3, n -1 to 2, membranes last, "
            "reset subtract 1 to 2",
            "layer 1: 2 -> 1, 2 synapses, fan-in 2 to 2, theta 1 to 1, n 0 to 2",
            "note: membranes last, and NET does not say for how many steps; with --steps their "
            "circuit is counted",
        ],
    )
    facts = json.loads(cli("inspect", path, "--json").out)
    assert (facts["circuit"], facts["steps"]) == (None, None)
    assert [(each["reset"], each["subtract"]) for each in facts["layers"]] == [
        ("subtract", [1, 2]),
        (None, None),
    ]
    # In two steps the second neuron can't reach its threshold.
    assert [layer["never"] for layer in facts["layers"]] == [0, 0]
    write_network(network.with_steps(2), path)
    inspected = inspect_checkpoint(path, ClockOptions(), steps=None)
    assert (inspected.steps, inspected.layers[0].never) == (2, 1)


def test_the_example_is_what_the_issue_asks_for(cli):
    examples = resource_dir("examples")
    facts = json.loads(cli("inspect", examples / "digits.pt", "--json").out)
    assert facts["inputs"] == 64
    assert facts["classes"] == 10
    assert facts["population"] >= 2
    assert facts["synapses"] >= 300
    assert max(layer["fan_in"][1] for layer in facts["layers"]) <= 16


# -- generate ---------------------------------------------------------------------------------


def tree(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_decks_and_manifest_are_the_same_to_the_byte(tiny, tmp_path):
    """Two processes with other hash seeds, from other folders, into other folders."""
    results = []
    for seed in ("1", "2"):
        here = tmp_path / seed
        here.mkdir()
        (here / "net.npz").write_bytes(tiny.net.read_bytes())
        words = ("generate", "net.npz", "-o", "decks", "--inputs", tiny.x)
        words += ("--dialect", "josim,wrspice,ngspice", "--scope", "neurons,network")
        done = subprocess.run(
            [sys.executable, "-m", "netlist_gen.cli", *map(str, words)],
            cwd=here,
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert done.stdout == "18 decks and manifest.json in decks\n"
        results.append(tree(here / "decks"))
    assert results[0].keys() == results[1].keys()
    assert len(results[0]) == 19
    for name, content in results[0].items():
        assert content == results[1][name], name


def test_the_manifest_names_every_file_with_its_digest(cli, tiny):
    ran = cli("generate", tiny.net, "-o", tiny.run)
    assert (ran.status, ran.out) == (0, f"5 decks and manifest.json in {tiny.run}\n")
    manifest = json.loads((tiny.run / "manifest.json").read_text())
    files = [f for entry in manifest["decks"] for f in entry["files"].values()]
    assert {f["file"] for f in files} | {"manifest.json"} == set(tree(tiny.run))
    for file in files:
        content = (tiny.run / file["file"]).read_bytes()
        assert hashlib.sha256(content).hexdigest() == file["sha256"]
    # From synapse to junction and back.
    synapse = manifest["decks"][0]["synapses"][1]
    assert (synapse["input"], synapse["weight"]) == (1, -1)
    assert synapse["set"] == "P(BA|XS1|XL0N0)"
    assert ".print phase BA.XS1.XL0N0" in (tiny.run / "L0N0.cir").read_text()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--dialect", "spectre"], r"no dialect 'spectre'; there are josim, ngspice, wrspice"),
        (["--scope", "chip"], r"the scopes are chip; allowed are neurons and network, each once"),
        (["--dialect", ","], r"no dialect is named, so there would be no deck; name one"),
    ],
)
def test_generate_refuses(cli, tiny, words, sentence):
    ran = cli("generate", tiny.net, "-o", tiny.run, *words)
    assert (ran.status, ran.out) == (2, "")
    assert re.fullmatch(sentence, ran.sentence), ran.sentence
    assert not (tiny.run / "manifest.json").exists()


# -- simulate ---------------------------------------------------------------------------------


@pytest.fixture
def deck(cli, tiny):
    assert cli("generate", tiny.net, "-o", tiny.run, "--inputs", tiny.x).status == 0
    return tiny.run / "L0N0.cir"


def test_simulate_writes_josims_columns(cli, deck, tmp_path, simulator_name):
    out = tmp_path / "w.csv"
    ran = cli("simulate", deck, "-o", out, "--simulator", simulator_name)
    assert (ran.status, ran.err) == (0, "")
    waves = read_josim_csv(out)
    version = get_simulator(simulator_name).version()
    assert ran.out == (
        f"{out}: {len(waves.names)} signals, {waves.time_s.size} times, "
        f"{simulator_name} {version}\n"
    )
    asked = re.findall(r"^\.print phase (\S+)$", deck.read_text(), re.MULTILINE)
    assert waves.names == tuple(f"P({'|'.join(name.split('.'))})".upper() for name in asked)


@pytest.mark.parametrize(
    ("text", "status", "message"),
    [
        ("", 1, r".+"),
        ("* title\nR1 a 0 1\nQ1 a b c\n.tran 1p 10p\n.print v(a)\n.end\n", 1, r".+"),
        ("* title\nR1 a 0 1\nI1 0 a pwl(0 0 1p 1)\n.end\n", 1, r".+"),
    ],
)
def test_simulate_refuses_what_is_no_deck(cli, tmp_path, text, status, message):
    path, out = tmp_path / "bad.cir", tmp_path / "w.csv"
    path.write_text(text)
    ran = cli("simulate", path, "-o", out, "--simulator", "embedded")
    assert ran.status in (status, 2)
    assert ran.out == ""
    assert re.fullmatch(message, ran.sentence)
    assert not out.exists()


def test_simulate_of_files_that_are_not_there(cli, deck, tmp_path):
    out = tmp_path / "w.csv"
    for words, sentence in (
        (
            [tmp_path / "no.cir", "-o", out],
            f"{tmp_path / 'no.cir'}: can't be read (No such file or directory)",
        ),
        (
            [deck, "-o", tmp_path / "no" / "w.csv"],
            f"{tmp_path / 'no'} is not a directory; {tmp_path / 'no' / 'w.csv'} can't be written",
        ),
        ([deck, "-o", out, "--timeout", "-1"], "--timeout is -1; it must be positive and finite"),
        (
            [deck, "-o", out, "--simulator", "spice3"],
            "there is no simulator 'spice3'; allowed are auto, embedded, josim, wrspice, ngspice",
        ),
    ):
        ran = cli("simulate", *words)
        assert (ran.status, ran.out, ran.sentence) == (2, "", sentence)
        assert not out.exists()
    binary = tmp_path / "b.cir"
    binary.write_bytes(b"\xff\xfe")
    ran = cli("simulate", binary, "-o", out)
    assert ran.status == 2
    assert ran.sentence == (
        f"{binary}, line 1: a character that is not UTF-8 text at place 1; outside comments a deck "
        "holds printable ASCII characters, blanks and tabs"
    )


# -- doctor -----------------------------------------------------------------------------------


def test_doctor_lists_every_simulator_and_what_auto_takes(cli, monkeypatch, tmp_path):
    facts = json.loads(cli("doctor", "--json").out)
    names = [row["name"] for row in facts["simulators"]]
    assert [name for name in names if name in NAMES] == list(NAMES)
    assert facts["auto"] in ("embedded", "josim")
    monkeypatch.setenv("PATH", str(tmp_path))
    ran = cli("doctor")
    assert (ran.status, ran.err) == (0, "")
    assert ran.out.endswith("--simulator auto takes embedded here.\n")
    assert json.loads(cli("doctor", "--json").out)["auto"] == "embedded"


# -- demo -------------------------------------------------------------------------------------


def test_demo_is_the_main_job(cli, tmp_path, simulator_name):
    """Two samples through the whole flow, in JoSIM one; the installed program takes twenty."""
    run, samples = tmp_path / "demo", 2 if simulator_name == "embedded" else 1
    ran = cli("demo", "-o", run, "--samples", samples, "--simulator", simulator_name)
    assert ran.status == 0, ran.err
    head = re.match(
        r"digits network: 64 inputs, (\d+) neurons, (\d+) synapses, fan-in up to (\d+), integer "
        r"accuracy (\d\d\.\d\d)% on 360 held-out images\n",
        ran.err,
    )
    assert head is not None, ran.err
    neurons = int(head[1])
    assert float(head[4]) >= 90.0
    assert f"windows compared {samples * neurons}, mismatches 0, failed runs 0\n" in ran.out
    assert ran.out.endswith(f"AGREED\nreport: {run / 'report.html'}\n")
    manifest = json.loads((run / "decks" / "manifest.json").read_text())
    assert len(manifest["decks"]) == neurons
    result = json.loads((run / "verify.json").read_text())
    assert result["network"]["source"] == "digits.pt"
    held_out = np.load(resource_dir("examples") / "digits_inputs.npy").astype(bool)
    with np.load(run / "results.npz") as arrays:
        for sample in arrays["inputs"]:
            assert (held_out == sample).all(axis=1).any()
