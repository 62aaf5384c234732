"""What is measured of neurons only."""

from __future__ import annotations

import dataclasses
import json

import pytest

from netlist_gen.circuit.sites import SiteMemory
from netlist_gen.errors import ConfigurationError
from netlist_gen.library.cells import CellLibrary
from netlist_gen.memory import RESETS
from verification.characterize.files.results import write_results
from verification.characterize.measure.neuron import (
    arrival_window,
    delay_against_overdrive,
    errors_against_overdrive,
    leftover_flux,
)
from verification.characterize.options import CharacterizeOptions
from verification.characterize.run import characterize
from verification.characterize.subject.neuron import NeuronKind, neuron_case


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


@pytest.mark.parametrize("reset", RESETS)
def test_a_neuron_whose_membrane_lasts(cut, reset):
    """Samples of one window each, every loop emptied before them."""
    lasting = cut(f"neuron4{reset}3")
    found = delay_against_overdrive(lasting)
    assert [o.excess for o in found] == [-2, -1, 0, 1, 2]
    assert [o.fired for o in found] == [False, False, True, True, True]
    assert found[2].delay_s > found[3].delay_s > 12e-12
    # What a silent window keeps is gone once the next sample has begun.
    assert [(f.fluxons, f.next_right) for f in leftover_flux(lasting)] == [(0, True)] * 2
    at_threshold = arrival_window(lasting, step_s=10e-12)[0]
    assert at_threshold.earliest_s > 45e-12 > at_threshold.latest_s


def test_the_stimulus_of_a_membrane_that_lasts():
    library = CellLibrary()
    zero, none = (NeuronKind.named(f"neuron8{reset}2") for reset in ("zero", "none"))
    assert zero is not None
    assert none is not None
    windows = [[0, 1, 2], [0, 1], [0]]  # 3, 2 and 1 of theta 3
    samples = [windows[:2], windows[1:]]
    fired = {
        kind: [step.expect for step in neuron_case(library, kind, samples).steps if "clk" in
               step.inputs]
        for kind in (zero, none)
    }  # fmt: skip
    assert fired[zero] == [("q",), (), (), ("q",)]
    assert fired[none] == [("q",), ("q",), (), ("q",)]
    begins = [s.time_s for s in neuron_case(library, zero, samples).steps if s.inputs == ("rst",)]
    assert len(begins) == 2
    assert begins[1] - begins[0] == pytest.approx(3 * zero.phases(library).period)


def test_names_of_neurons():
    assert NeuronKind.named("neuron16") == NeuronKind(16)
    four = NeuronKind.named("neuron16subtract4")
    assert four == NeuronKind(16, SiteMemory("subtract", 4, 5))
    assert four is not None
    assert four.name == "neuron16subtract4"
    assert NeuronKind.named("neuron16half4") is None
    message = "neuron16zero9: samples of 9 steps; a storage loop counts the pulses of 1 to 8"
    with pytest.raises(ConfigurationError, match=f"^{message}$"):
        NeuronKind.named("neuron16zero9")
