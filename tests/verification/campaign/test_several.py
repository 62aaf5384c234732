"""A verification by several simulators, with real ones: what each says, and what all say."""

from __future__ import annotations

import json
import re
import shutil

import numpy as np
import pytest
from support import NO_JOSIM, Files, written

from netlist_gen.network import TernaryNetwork

NO_NGSPICE = pytest.mark.skipif(shutil.which("ngspice") is None, reason="ngspice is not on PATH")
pytestmark = [pytest.mark.ngspice, NO_NGSPICE, pytest.mark.usefixtures("plots_aside")]


@pytest.fixture
def tiny(tmp_path) -> Files:
    """Two neurons of two inputs; both fire in one of three windows and are silent in another."""
    network = TernaryNetwork.from_arrays([np.array([[1, -1], [1, 1]])], [np.array([1, 2])])
    return written(network, tmp_path, [[1, 0], [0, 1], [1, 1]], [0, 1, 1])


def test_two_simulators_agree_with_the_reference_and_with_each_other(tiny, cli):
    ran = cli(
        "verify", tiny.net, "--inputs", tiny.x, "--labels", tiny.y, "-o", tiny.run,
        "--simulator", "embedded,ngspice", "--jobs", 1, "--scope", "neurons,network",
    )  # fmt: skip
    assert ran.status == 0, ran.err
    rows = re.findall(r"\bembedded, ngspice +│ +6 │ +0 │ +2 │ 0\.0\d\d of 0\.2 │", ran.out)
    assert len(rows) == 2
    for scope in ("neurons", "network"):
        assert f"Simulators against each other ({scope})" in ran.out
    summary = json.loads((tiny.run / "verify.json").read_text())
    assert summary["agreed"]
    assert summary["simulator"]["name"] == "embedded"
    assert [row["name"] for row in summary["simulators"]] == ["embedded", "ngspice"]
    assert summary["simulator"] == {k: summary["simulators"][0][k] for k in ("name", "version")}
    assert {row["checked"] for row in summary["simulators"]} == {16}  # four in start-up windows
    assert {row["mismatches"] for row in summary["simulators"]} == {0}
    assert [pair["scope"] for pair in summary["agreement"]] == ["neurons", "network"]
    for pair in summary["agreement"]:
        assert pair["between"] == ["embedded", "ngspice"]
        assert pair["agreed"]
        assert pair["windows"] == 6
        assert pair["pulses"] == 2
        # Two programs that share no code: alike, but never the same to the last digit.
        assert 0 < pair["time_ps"] < 0.2
        assert 0 < pair["energy"] < 0.01
    report = (tiny.run / "report.html").read_text()
    assert "embedded and ngspice" in report
    # The others' runs are whole runs of their own.
    theirs = tiny.run / "simulators" / "ngspice"
    assert json.loads((theirs / "verify.json").read_text())["simulator"]["name"] == "ngspice"
    assert cli("report", theirs).status == 0


def test_one_simulator_has_no_table_of_agreement(tiny, cli):
    ran = cli("verify", tiny.net, "--inputs", tiny.x, "-o", tiny.run, "--simulator", "embedded")
    assert ran.status == 0, ran.err
    assert "against each other" not in ran.out
    summary = json.loads((tiny.run / "verify.json").read_text())
    assert [row["name"] for row in summary["simulators"]] == ["embedded"]
    assert summary["agreement"] == []
    assert "Against each other" not in (tiny.run / "report.html").read_text()
    assert not (tiny.run / "simulators").exists()


def test_a_fault_that_one_dialect_alone_has_is_found_and_named(tiny, cli, tmp_path):
    """One neuron's ngspice deck gets another threshold current: ngspice alone is wrong."""
    decks = tmp_path / "decks"
    generated = cli(
        "generate", tiny.net, "-o", decks, "--inputs", tiny.x, "--dialect", "josim,ngspice"
    )
    assert generated.status == 0, generated.err
    deck = decks / "L0N1.ngspice.cir"
    text, count = re.subn(r"(?m)^ICB 0 cb pwl\(.*\)$", "ICB 0 cb pwl(0 0 1e-11 0.0016)",
                          deck.read_text())  # fmt: skip
    assert count == 1
    deck.write_text(text)
    arguments = (
        "verify", tiny.net, "--inputs", tiny.x, "-o", tiny.run, "--decks", decks,
        "--simulator", "embedded,ngspice", "--jobs", 1,
    )  # fmt: skip
    ran = cli(*arguments)
    assert ran.status == 1, ran.err
    summary = json.loads((tiny.run / "verify.json").read_text())
    assert not summary["agreed"]
    assert [row["agreed"] for row in summary["simulators"]] == [True, False]
    assert summary["mismatches"] == 0  # of the first simulator
    (pair,) = summary["agreement"]
    assert not pair["agreed"]
    assert pair["count_differences"] > 0
    assert pair["difference"].startswith("embedded and ngspice: layer 0, neuron 1, window ")
    example = summary["counter_example"]
    assert (example["layer"], example["neuron"]) == (0, 1)
    assert example["sentence"].startswith("ngspice: sample ")
    assert example["deck"] == str(tiny.run / "simulators" / "ngspice" / "decks" / "L0N1.cir")
    wrong = summary["simulators"][1]["mismatches"]
    assert f"netlist-gen: ngspice: {wrong} of 6 neuron windows disagree, " in ran.err
    report = (tiny.run / "report.html").read_text()
    assert f"<p>ngspice: {wrong} of 6 neuron windows disagree</p>" in report
    assert f"simulate {example['deck']} -o waveforms.csv --simulator ngspice" in report
    for text in (ran.out.replace("\n", ""), report):
        assert pair["difference"] in text
    # Mended, and without ngspice: nothing of the wrong run is taken for a result of this one.
    cli("generate", tiny.net, "-o", decks, "--inputs", tiny.x, "--dialect", "josim,ngspice")
    assert cli(*arguments[:-3], "embedded").status == 0
    assert not (tiny.run / "simulators" / "ngspice" / "verify.json").exists()


@pytest.mark.josim
@NO_JOSIM
def test_an_interrupted_list_of_simulators_resumes(tiny, cli):
    arguments = ("verify", tiny.net, "--inputs", tiny.x, "-o", tiny.run, "--jobs", 1)
    first = cli(*arguments, "--simulator", "josim,ngspice")
    assert first.status == 0, first.err
    again = cli(*arguments, "--simulator", "josim,ngspice", "--resume")
    assert again.status == 0, again.err
    taken = [
        json.loads((folder / "verify.json").read_text())["from_ledger"]
        for folder in (tiny.run, tiny.run / "simulators" / "ngspice")
    ]
    assert taken == [2, 2]  # both neurons; what the report shows is a run of its own


@pytest.mark.parametrize(
    ("names", "status", "message"),
    [
        (
            "embedded,embedded",
            2,
            "the simulator embedded is twice in 'embedded,embedded'; once is enough",
        ),
        (
            "embedded,spice",
            2,
            "there is no simulator 'spice'; allowed are auto, embedded, josim, wrspice, ngspice",
        ),
        (
            "embedded,",
            2,
            "there is no simulator ''; allowed are auto, embedded, josim, wrspice, ngspice",
        ),
    ],
)
def test_lists_that_make_no_sense(tiny, cli, names, status, message):
    ran = cli("verify", tiny.net, "--inputs", tiny.x, "-o", tiny.run, "--simulator", names)
    assert (ran.status, ran.sentence) == (status, message)
    assert not tiny.run.exists()


def test_a_simulator_of_the_list_that_is_not_here(tiny, cli, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    ran = cli(
        "verify", tiny.net, "--inputs", tiny.x, "-o", tiny.run, "--simulator", "embedded,josim"
    )
    assert ran.status == 1
    assert ran.sentence == (
        "the simulator josim is not here; netlist-gen doctor says how to get it"
    )
    assert not tiny.run.exists()
