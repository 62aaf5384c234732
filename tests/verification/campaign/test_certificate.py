"""``verify --exhaustive`` and ``--mutants``: made windows, what they prove, faults found."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
from support import NO_JOSIM, tiny_network

import netlist_gen as ng
from netlist_gen.checkpoint.registry import write_network
from netlist_gen.circuit.sites import neuron_sites
from verification.certificate.faults import FAULTS
from verification.verdict.outcome import RunVerdict

pytestmark = pytest.mark.usefixtures("plots_aside")

X = np.array([[1, 0, 1], [0, 1, 1], [0, 1, 0], [1, 0, 0]], dtype=bool)


@pytest.mark.parametrize(
    "simulator", ["embedded", pytest.param("josim", marks=[pytest.mark.josim, NO_JOSIM])]
)
def test_a_network_is_certified(tiny, cli, simulator):
    some = () if simulator == "embedded" else ("--neurons", 1, "--near", 1)
    ran = cli("verify", tiny.net, "--exhaustive", "-o", tiny.run, "--simulator", simulator, *some)
    assert ran.status == 0, ran.out + ran.err
    data = json.loads((tiny.run / "verify.json").read_text())
    found = data["certificate"]
    built = len(neuron_sites(tiny.network))
    neurons = built if simulator == "embedded" else 1
    assert found["proven"]
    assert (found["neurons"], found["of_neurons"]) == (neurons, built)
    assert found["windows"] == data["checked"] == data["scopes"][0]["simulated"]
    whose = f"each of the {built} neurons gives" if neurons == built else "1 of 5 neurons give"
    assert found["sentence"] == (
        f"{whose} the pulse of the integer model, or none, for every input that its lines can bring"
    )
    (coverage,) = data["coverage"]
    for part in coverage["counts"].values():
        assert part["seen"] == part["possible"] > 0
    assert len(coverage["neurons"]) == neurons
    assert found["skew_ps"][1] >= found["skew_ps"][0] > 0
    assert 0 <= found["spread_ps"] < 3
    assert (data["samples"], data["accuracy"]) == (0, None)
    assert f"CERTIFIED: {found['sentence']}\n" in ran.out
    assert "every neuron met all of it" in ran.out
    report = (tiny.run / "report.html").read_text()
    assert f"<p>{found['sentence']}.</p>" in report
    assert "<h2>Coverage, scope neurons</h2>" in report
    assert RunVerdict.from_json(data, "v").to_json() == data
    assert cli("report", tiny.run).status == 0


def test_of_samples_the_outcome_follows_and_some_windows_are_checked():
    run = ng.verify(
        tiny_network(), X, np.array([0, 1, 0, 1]), exhaustive=True, simulator="embedded", checks=7
    )
    found = run.certificate
    assert found.proven
    assert (found.samples, found.sampled) == (4, 7)
    assert found.sentence.endswith("; the outcome of the 4 samples follows from the integer model")
    assert run.accuracy.reference == tiny_network().accuracy(X, [0, 1, 0, 1])
    assert run.accuracy.simulated is None
    without = ng.verify(tiny_network(), X, exhaustive=True, simulator="embedded", checks=0)
    assert without.verdict.checked < run.verdict.checked


def test_classes_are_shared_by_neurons_of_one_circuit_unless_every_window_is_asked():
    network = ng.TernaryNetwork.from_arrays([[[1, 1, -1], [1, -1, 1]]], [[1, 1]])
    shared = ng.verify(network, exhaustive=True, simulator="embedded")
    every = ng.verify(network, exhaustive=True, simulator="embedded", every_window=True)
    assert (shared.certificate.circuits, shared.certificate.shared) == (1, True)
    assert shared.certificate.proven
    assert every.certificate.proven
    assert shared.verdict.checked < every.verdict.checked
    own = [one.own_classes for one in every.coverage.neurons]
    assert own == [6, 6]
    assert len(shared.certificate.assumptions) == len(every.certificate.assumptions) + 1


def test_energy_is_the_sum_of_the_neurons_means():
    """A neuron of many made windows counts no more than one of few; drawn ones stand for all."""
    many, few = [1, 1, 1, 1, 1, -1, -1, -1], [1, 0, 0, 0, 0, 0, 0, 0]

    def dynamic(*rows, **options):
        network = ng.TernaryNetwork.from_arrays([list(rows)], [[1] * len(rows)])
        run = ng.verify(network, exhaustive=True, simulator="embedded", **options)
        return run.energy.dynamic_J_per_inference

    apart = dynamic(many) + 3 * dynamic(few)
    assert dynamic(many, few, few, few, every_window=True) == pytest.approx(apart, rel=0.05)
    twins = dynamic(few, few, every_window=True)
    assert dynamic(few, few, every_window=True, neurons=1) == pytest.approx(twins, rel=0.05)


def test_an_inference_has_the_steps_of_its_file(tmp_path):
    path = tmp_path / "n.npz"
    write_network(tiny_network(), path, {"steps": 4})
    options = {"exhaustive": True, "simulator": "embedded", "neurons": 1, "near": 1}
    four, one = (ng.verify(net, **options).verdict for net in (path, tiny_network()))
    assert (four.steps, one.steps) == (4, 1)
    for name in ("static_J_per_inference", "dynamic_J_per_inference"):
        assert getattr(four.energy, name) == pytest.approx(4 * getattr(one.energy, name))
    assert four.certificate.proven


def test_rows_of_windows_that_a_neuron_has_not_are_none():
    network = ng.TernaryNetwork.from_arrays([[[1, 1, -1], [1, 1, 1]]], [[1, 2]])
    run = ng.verify(network, exhaustive=True, simulator="embedded")
    frame = run.windows.to_pandas()
    assert len(frame) == len(run.windows) == run.verdict.checked
    assert frame["agreed"].all()
    assert (frame["expected"] == frame["measured"]).all()
    counted = frame.groupby("neuron").size().to_dict()
    assert counted == {one.neuron: one.windows for one in run.coverage.neurons}


def test_nothing_is_proven_where_one_neuron_is_wrong(tiny, cli, monkeypatch):
    """A circuit is built with a threshold off by one: the reference never saw it."""
    from netlist_gen.circuit import bench

    built = bench.site_cell

    def wrong(library, site, startup=None):
        other = site.theta + (site.name == "L1N0")
        return built(library, dataclasses.replace(site, theta=other), startup)

    monkeypatch.setattr(bench, "site_cell", wrong)
    ran = cli("verify", tiny.net, "--exhaustive", "-o", tiny.run, "--simulator", "embedded")
    assert ran.status == 1
    data = json.loads((tiny.run / "verify.json").read_text())
    assert not data["certificate"]["proven"]
    example = data["counter_example"]
    assert (example["layer"], example["neuron"]) == (1, 0)
    assert example["sentence"].startswith(f"made window {example['window']}: layer 1, neuron 0: ")
    assert "NOT CERTIFIED: nothing is proven: there are disagreements\n" in ran.out
    assert (tiny.run / "decks").is_dir()
    assert (data["example"]["layer"], data["example"]["neuron"]) == (1, 0)


def test_resumed_it_says_the_same(tiny, cli):
    arguments = ("verify", tiny.net, "--exhaustive", "-o", tiny.run, "--simulator", "embedded")
    assert cli(*arguments).status == 0
    first = json.loads((tiny.run / "verify.json").read_text())
    assert cli(*arguments, "--resume").status == 0
    again = json.loads((tiny.run / "verify.json").read_text())
    assert again["from_ledger"] == again["scopes"][0]["decks"]
    for key in ("certificate", "coverage", "energy", "layers"):
        assert again[key] == first[key]


@pytest.fixture
def few_further_windows(monkeypatch):
    monkeypatch.setattr("verification.campaign.mutants.MORE_BLOCKS", 8)


@pytest.mark.usefixtures("few_further_windows")
def test_faults_are_tried_and_named(tiny, cli):
    ran = cli(
        "verify", tiny.net, "--exhaustive", "-o", tiny.run, "--simulator", "embedded",
        "--mutants", len(FAULTS), "--neurons", 1, "--seed", 3,
    )  # fmt: skip
    assert ran.status == 0, ran.out + ran.err
    data = json.loads((tiny.run / "verify.json").read_text())
    found = data["mutation"]
    assert found["tried"] == len(FAULTS) == found["caught"] + found["equivalent"] + found["holes"]
    assert [row["fault"] for row in found["faults"]] == list(FAULTS)
    assert all(row["tried"] == 1 for row in found["faults"])
    caught = {row["fault"] for row in found["faults"] if row["caught"]}
    assert {
        "branch dead", "sign turned", "theta one higher", "theta one lower", "line open",
        "line stuck with pulses", "reset lost", "clock late", "clock early",
    } <= caught  # fmt: skip
    assert found["score"] == 1.0
    assert len(found["survivors"]) == found["equivalent"]
    assert all("further windows" in one["why"] for one in found["survivors"])
    assert f"faults: {found['caught']} of {found['tried']} caught on 1 neurons" in ran.out
    assert "<h2>Faults tried</h2>" in (tiny.run / "report.html").read_text()


def test_of_faults_that_were_not_simulated_nothing_is_known(tiny, cli, monkeypatch):
    from verification.campaign import mutants
    from verification.campaign.work import failure

    def run_out(cases, *_):
        return tuple(failure(case, f"{case.job.name}: it took too long", 0.0) for case in cases)

    monkeypatch.setattr(mutants, "run_built", run_out)
    ran = cli(
        "verify", tiny.net, "--exhaustive", "-o", tiny.run, "--simulator", "embedded",
        "--mutants", 3, "--neurons", 1,
    )  # fmt: skip
    assert ran.status == 0, ran.out + ran.err
    found = json.loads((tiny.run / "verify.json").read_text())["mutation"]
    assert (found["tried"], found["caught"], found["failed"]) == (3, 0, 3)
    assert found["score"] is None
    assert {one["outcome"] for one in found["survivors"]} == {"failed"}
    assert found["survivors"][0]["why"].startswith("nothing is known: L")
    assert "3 missed" not in ran.out
    assert "0 missed; score -\n" in ran.out
    assert "of 3 of these faults nothing is known, as their simulations did not end" in ran.out
    assert "Of 3 nothing is known" in (tiny.run / "report.html").read_text()


@pytest.mark.usefixtures("few_further_windows")
def test_windows_that_say_little_have_holes():
    """One sample in which nothing happens: hardly any fault shows, and further windows find it."""
    network = ng.TernaryNetwork.from_arrays([[[1, 1, -1]]], [[1]])
    run = ng.verify(network, np.zeros((4, 3), dtype=bool), simulator="embedded", mutants=4, seed=1)
    assert run.agreed
    assert run.certificate is None
    assert run.mutation.holes >= 2
    (one, *_) = (one for one in run.mutation.survivors if one.outcome == "hole")
    assert one.why.startswith("a further window: expected ")
    assert run.mutation.score < 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--exhaustive", "--decks", "."),
         "--exhaustive makes its own windows; it judges no --decks"),
        (("--exhaustive", "--scope", "neurons,network"),
         "--exhaustive makes windows of neurons; allowed is --scope neurons"),
        (("--mutants", 3, "--scope", "network"),
         "--mutants breaks neurons; it needs --scope neurons"),
        (("--mutants", 3, "--crosstalk", "--exhaustive"),
         "--mutants breaks single branches; it goes without --crosstalk"),
        ((), "there are no samples to verify; give --inputs, or make windows with --exhaustive"),
        (("--exhaustive", "--labels", "y.npy"),
         "there are labels, but no samples; give both or neither"),
    ],
)  # fmt: skip
def test_what_can_not_be_asked(tiny, cli, words, said):
    ran = cli("verify", tiny.net, "-o", tiny.run, "--simulator", "embedded", *words)
    assert ran.status == 2
    assert ran.sentence == said
    assert not (tiny.run / "verify.json").exists()
