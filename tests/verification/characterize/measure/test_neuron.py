"""What is measured of neurons only."""

from __future__ import annotations

import dataclasses
import json

import pytest

from verification.characterize.files.results import write_results
from verification.characterize.measure.neuron import (
    arrival_window,
    delay_against_overdrive,
    errors_against_overdrive,
    leftover_flux,
)
from verification.characterize.options import CharacterizeOptions
from verification.characterize.run import characterize


@pytest.fixture
def neuron(cut):
    return cut("neuron2")


def test_a_neuron_is_slowest_at_its_threshold(neuron):
    found = delay_against_overdrive(neuron)
    assert [o.excess for o in found] == [-1, 0, 1]
    assert [o.fired for o in found] == [False, True, True]
    assert found[0].delay_s is None
    assert found[1].delay_s > found[2].delay_s > 8e-12


def test_data_may_come_in_a_window_about_their_time(neuron):
    at_threshold = arrival_window(neuron, step_s=5e-12)[0]
    assert at_threshold.excess == 0
    assert at_threshold.earliest_s > 45e-12 > at_threshold.latest_s


def test_nothing_is_left_after_windows_below_threshold(neuron):
    found = leftover_flux(neuron)
    assert [(f.excess, f.fluxons, f.next_right) for f in found] == [(-1, 0, True)]


def test_errors_are_windows_decided_wrongly(neuron):
    """Noise of 4.2 K never turns a decision of two synapses; at 3,000 K it often does."""
    cold, hot = (errors_against_overdrive(neuron, kelvin=k, windows=3, runs=3) for k in (4.2, 3e3))
    assert [r.x for r in cold.rates] == [-1, 0, 1]
    assert [(r.errors, r.runs) for r in cold.rates] == [(0, 9)] * 3
    assert sum(r.errors for r in hot.rates) > 0


def test_all_files_of_a_neuron(neuron, tmp_path):
    result = characterize(neuron.subject, neuron.runner, CharacterizeOptions())
    noise = errors_against_overdrive(neuron, windows=1, runs=2)
    write_results(dataclasses.replace(result, noise=(noise,)), tmp_path)
    page = (tmp_path / "neuron2.html").read_text()
    assert "Overdrive" in page
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert [o["fired"] for o in summary["neuron"]["overdrive"]] == [False, True, True]
    assert [n["axis"] for n in summary["noise"]] == ["overdrive"]
    assert not (tmp_path / "neuron2.v").exists()


def test_a_neurons_elements_are_varied_by_kind(cut):
    known = cut("neuron2").parameters
    assert len(known["branch.BA"].labels) == 2
    assert "splitter.B1" in known
