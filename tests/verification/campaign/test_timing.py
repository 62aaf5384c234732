"""``verify --timing``: every output pulse against the timed reference."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
from support import NO_JOSIM, tiny_network

import netlist_gen as ng
from netlist_gen.checkpoint.registry import write_network
from netlist_gen.library.design import load_phases
from netlist_gen.library.process import load_process
from netlist_gen.resources import resource_dir
from verification.reference import timed

pytestmark = pytest.mark.usefixtures("plots_aside")

X = np.array([[1, 0, 1], [0, 1, 1], [1, 1, 0], [0, 0, 0], [1, 1, 1]], dtype=bool)


@pytest.mark.parametrize(
    "simulator", ["embedded", pytest.param("josim", marks=[pytest.mark.josim, NO_JOSIM])]
)
def test_every_pulse_comes_when_it_is_predicted(tmp_path, simulator):
    run = ng.verify(
        tiny_network(), X, out=tmp_path, simulator=simulator, scopes="neurons,network", timing=True
    )
    assert run.agreed
    data = json.loads((tmp_path / "verify.json").read_text())
    for scope, row in zip(run.verdict.scopes, data["scopes"], strict=True):
        timing = scope.timing
        startup = 5 if scope.scope == "network" else 0  # each of five neurons
        assert timing.pulses == scope.pulses + startup > 5
        assert 0 < timing.worst_ps < 3
        assert abs(timing.mean_ps) <= timing.worst_ps
        assert sum(timing.counts) == timing.pulses
        assert len(timing.bins_ps) == len(timing.counts) + 1
        assert (timing.bins_ps[0], timing.bins_ps[-1]) == (-4.0, 4.0)
        assert row["timing"] == timing.to_json()
    page = (tmp_path / "report.html").read_text()
    assert "timed reference" in page


def test_without_it_no_times_are_compared(tmp_path):
    run = ng.verify(tiny_network(), X, out=tmp_path, simulator="embedded")
    assert run.verdict.scopes[0].timing is None
    assert "timed reference" not in (tmp_path / "report.html").read_text()


@pytest.mark.parametrize(
    ("scope", "why"),
    [
        ("neurons", r"n = -?\d+, theta = \d+"),
        ("network", "every neuron fires in the full start-up window"),
    ],
)
def test_a_pulse_beyond_the_tolerance_disagrees(tmp_path, cli, scope, why):
    write_network(tiny_network(), tmp_path / "net.npz")
    np.save(tmp_path / "x.npy", X)
    ran = cli(
        "verify", tmp_path / "net.npz", "--inputs", tmp_path / "x.npy", "-o", tmp_path / "run",
        "--simulator", "embedded", "--scope", scope, "--timing", "--timing-tolerance", 0.001,
    )  # fmt: skip
    assert ran.status == 1
    assert re.search(
        r"expected the pulse at \d+\.\d\d ps within 0\.001 ps "
        rf"\({why}\), measured it \d\.\d\d ps (later|earlier)",
        ran.sentence,
    ), ran.sentence


def with_clock_later(by_s: float):
    def change(text: str) -> str:
        source = re.search(r"(?ms)^VC [^)]*\)", text)[0]
        head, numbers = source.replace("\n+", " ").rstrip(")").split("pwl(")
        points = np.array(numbers.split(), dtype=float).reshape(-1, 2)
        points[1:, 0] += by_s
        return text.replace(source, f"{head}pwl({' '.join(map(str, points.ravel()))})")

    return change


def with_one_deck_changed(tmp_path, change) -> dict:
    """Options that judge decks of which the one of neuron 1 is changed."""
    decks = tmp_path / "decks"
    ng.generate(tiny_network(), X, decks)
    deck = decks / "L0N1.cir"
    deck.write_text(change(deck.read_text()))
    return {"simulator": "embedded", "decks": decks}


def test_a_late_clock_is_found_though_every_pulse_is_right(tmp_path):
    """One neuron's decision clock 4.5 ps late: no count, no flux and no energy tells."""
    options = with_one_deck_changed(tmp_path, with_clock_later(4.5e-12))
    assert ng.verify(tiny_network(), X, **options).agreed
    run = ng.verify(tiny_network(), X, timing=True, tolerance_ps=2.5, **options)
    assert not run.agreed
    assert (run.counter_example.layer, run.counter_example.neuron) == (0, 1)
    assert re.fullmatch(r"it [2-4]\.\d\d ps later", run.counter_example.measured)
    assert run.verdict.scopes[0].timing.worst_ps > 2.5


@pytest.mark.parametrize("by_ps", [-9, 9, 14])
def test_a_pulse_far_from_its_time_disagrees_in_any_run(tmp_path, by_ps):
    options = with_one_deck_changed(tmp_path, with_clock_later(by_ps * 1e-12))
    run = ng.verify(tiny_network(), X, **options)
    assert not run.agreed
    assert (run.counter_example.layer, run.counter_example.neuron) == (0, 1)
    assert re.fullmatch(
        r"the pulse at \d+\.\d\d ps within 5 ps \(n = -?\d+, theta = \d+\)",
        run.counter_example.expected,
    )
    off, word = run.counter_example.measured.removeprefix("it ").split(" ps ")
    assert word == ("later" if by_ps > 0 else "earlier")
    assert float(off) == pytest.approx(abs(by_ps), abs=2.5)
    assert run.verdict.scopes[0].within_ps == 5.0


@pytest.mark.parametrize("scope", ["neurons", "network"])
def test_expected_times_are_well_within_the_window(scope, monkeypatch):
    """What any run expects is good to 4 ps, so that 5 are not too tight."""
    monkeypatch.setattr(timed, "WINDOW_S", 4e-12)
    assert ng.verify(tiny_network(), X, simulator="embedded", scopes=scope).agreed


def test_the_window_is_as_much_wider_as_a_process_is_slower():
    run = ng.verify(tiny_network(), X[:2], simulator="embedded", process="stp2")
    assert run.agreed
    slowness = load_phases(process=load_process("stp2")).slowness
    assert 1.5 < slowness < 2.0
    assert run.verdict.scopes[0].within_ps == pytest.approx(5 * slowness, abs=0.05)


def test_a_process_without_tables_has_the_clock_alone(tmp_path):
    process = tmp_path / "mine.toml"
    own = (resource_dir("cells") / "process" / "sfq5ee.toml").read_text()
    process.write_text(own.replace("{ value = 70.0", "{ value = 71.0"))
    run = ng.verify(tiny_network(), X[:1], simulator="embedded", process=str(process))
    assert run.verdict.scopes[0].within_ps is None
