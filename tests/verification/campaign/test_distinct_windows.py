"""Windows that come again are simulated once, and the run says the same as of every window."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

import netlist_gen as ng
from netlist_gen.network import TernaryNetwork

pytestmark = pytest.mark.usefixtures("plots_aside")

NETWORK = TernaryNetwork.from_arrays([[[1, -1, 0], [1, 1, 0]], [[1, 1]]], [[1, 2], [1]])
X = np.random.default_rng(5).random((120, 3)) < 0.4
LABELS = np.zeros(120, dtype=np.int64)


@pytest.fixture(scope="module")
def both():
    return [
        ng.verify(NETWORK, X, LABELS, simulator="embedded", every_window=every)
        for every in (False, True)
    ]


def test_the_same_windows_are_compared_and_fewer_simulated(both):
    once, every = (run.verdict.scopes[0] for run in both)
    assert once.checked == every.checked == every.simulated == 3 * 120
    assert once.simulated < 200
    assert (once.mismatches, every.mismatches) == (0, 0)
    assert once.pulses == every.pulses


def test_every_window_has_its_row(both):
    once, every = (run.windows.measured[0] for run in both)
    for mine, theirs in zip(once.pulses, every.pulses, strict=True):
        assert (mine == theirs).all()
    for mine, theirs in zip(once.delays_s, every.delays_s, strict=True):
        assert np.allclose(mine, theirs, atol=0.05e-12, equal_nan=True)
    frames = [run.windows.to_pandas() for run in both]
    assert len(frames[0]) == len(frames[1]) == 360


def test_energies_and_votes_count_as_often_as_they_occur(both):
    once, every = (run.verdict for run in both)
    assert once.energy.measured_J == pytest.approx(every.energy.measured_J, rel=1e-4)
    assert once.energy.reference_J == pytest.approx(every.energy.reference_J, rel=1e-12)
    assert once.accuracy == every.accuracy
    assert [row.energy_J for row in once.layers] == pytest.approx(
        [row.energy_J for row in every.layers], rel=1e-4
    )


def test_what_was_met_is_that_of_every_window(both):
    once, every = (run.coverage.counts for run in both)
    assert once.classes == every.classes
    assert once.decisive == every.decisive
    assert once.history.seen >= every.history.seen  # every window's decks begin anew
    assert {one.windows for one in both[1].coverage.neurons} == {120}


def test_a_wrong_window_counts_as_often_as_it_occurs_and_is_told_by_its_sample(
    tmp_path, monkeypatch
):
    """The second neuron is built with a threshold of one less: wrong where n = 1."""
    from netlist_gen.circuit import bench

    built = bench.site_cell

    def wrong(library, site, startup=None):
        other = site.theta - (site.name == "L0N1")
        return built(library, dataclasses.replace(site, theta=other), startup)

    monkeypatch.setattr(bench, "site_cell", wrong)
    run = ng.verify(NETWORK, X, out=tmp_path, simulator="embedded")
    n = X[:, :2].sum(axis=1)
    assert not run.agreed
    # A window that only leads to another counts once.
    (scope,) = run.verdict.scopes
    assert (n == 1).sum() <= scope.mismatches <= (n == 1).sum() + scope.decks
    example = run.counter_example
    assert (example.layer, example.neuron) == (0, 1)
    assert n[example.sample] == 1
    assert (run.windows.measured[0].wrong[0][:, 1] == (n == 1)).all()
    assert run.verdict.example.neuron == 1
    # A run that ended is known, rows and all.
    again = ng.verify(NETWORK, X, out=tmp_path, simulator="embedded", resume=True)
    assert again.verdict.from_ledger == again.verdict.scopes[0].decks
    assert again.verdict.mismatches == run.verdict.mismatches
    data = json.loads((tmp_path / "verify.json").read_text())
    assert data["scopes"][0]["simulated"] < data["checked"]
