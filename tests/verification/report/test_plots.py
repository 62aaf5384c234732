"""Plots as SVG text: what is drawn, how much of it, and the same to the byte."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from types import SimpleNamespace

import numpy as np
import pytest
from ideal_waves import OUTPUT_DELAY_S, IdealWaves
from support import neuron_site, site_spikes

from netlist_gen.circuit.bench import neuron_bench
from netlist_gen.library.cells import CellLibrary
from verification.campaign.cases import JudgedNeuron
from verification.campaign.example import Example
from verification.report import plots, raster
from verification.report.numbers import engineering, percent, share

EXPECTED = [np.array([[1, 0, 1], [0, 0, 1]], dtype=bool), np.array([[1], [0]], dtype=bool)]


def measured(**changes):
    seen = [layer.astype(np.int8) for layer in EXPECTED]
    for name, value in changes.items():
        layer, window, neuron = (int(part) for part in name[1:].split("_"))
        seen[layer][window, neuron] = value
    return seen


def words(svg):
    """All text in an SVG, which must be well-formed."""
    return [e.text for e in ET.fromstring(svg).iter() if e.tag.endswith("text") and e.text]


def legend(svg):
    return dict(
        word.rsplit(": ", 1)
        for word in words(svg)
        if re.search(r"(measured|expected|wrong|failed): \d+$", word)
    )


def test_a_raster_counts_what_agrees_and_what_does_not():
    assert legend(raster.raster(EXPECTED, measured())) == {"expected and measured": "4"}
    wrong = measured(_0_0_0=0, _0_1_0=1, _0_1_1=2, _1_1_0=-1)
    assert legend(raster.raster(EXPECTED, wrong)) == {
        "expected and measured": "3",
        "expected, not measured": "1",
        "measured, not expected": "2",
        "no result: the run failed": "1",
    }


def test_marks_say_which_window_they_are():
    titles = re.findall("<title>(.*?)</title>", raster.raster(EXPECTED, measured(_0_0_0=0), 0, 9))
    assert titles == [
        "layer 0, neuron 2, window 0: expected and measured",
        "layer 0, neuron 2, window 1: expected and measured",
        "layer 0, neuron 0, window 0: expected, not measured",
        "layer 1, neuron 0, window 0: expected and measured",
    ]


def test_windows_whose_pulses_are_right_may_be_wrong():
    wrong = [np.zeros(layer.shape, dtype=bool) for layer in EXPECTED]
    wrong[0][0, 0] = wrong[0][1, 1] = True
    assert legend(raster.raster(EXPECTED, measured(), 0, 9, wrong)) == {
        "expected and measured": "3",
        "pulses right, flux, time or energy wrong": "2",
    }


def test_a_raster_shows_the_windows_asked_for():
    rng = np.random.default_rng(0)
    many = [rng.integers(0, 2, (100, 5)).astype(bool)]
    seen = [layer.astype(np.int8) for layer in many]
    svg = raster.raster(many, seen, 60, 20)
    assert legend(svg) == {"expected and measured": str(int(many[0][60:80].sum()))}
    ticks = [int(word) for word in words(svg) if word.isdigit() and int(word) >= 60]
    assert ticks
    assert max(ticks) <= 80


def test_a_large_raster_stays_small():
    rng = np.random.default_rng(0)
    many = [rng.integers(0, 2, (40, 1024)).astype(bool)]
    seen = [many[0].astype(np.int8)]
    seen[0][3, 5] = 1 - seen[0][3, 5]
    svg = raster.raster(many, seen)
    assert len(svg) < 500_000
    assert svg.count("data:image/png;base64,") == 1
    # What is wrong stays a mark of its own, with its words.
    (title,) = re.findall("<title>(.*?)</title>", svg)
    assert title.startswith("layer 0, neuron 5, window 3: ")


@pytest.fixture
def example():
    library = CellLibrary()
    stimulus = np.array([[1, 1, 0], [1, 0, 1], [0, 0, 0], [1, 1, 1]] * 3, dtype=bool)
    site = neuron_site((1, -1, 1), 1)
    bench, spikes = neuron_bench(library, site, stimulus), site_spikes(site, stimulus)
    case = SimpleNamespace(neurons=(JudgedNeuron(bench.view, spikes),))
    return Example(case, IdealWaves(bench, spikes, library).waveforms(), 2).arrays()


def test_waveforms_of_one_neuron(example):
    assert example["example_count"].tolist() == [0, 1, 0, 2, 0, 1]  # windows 2 to 7
    text = words(plots.waveforms(example))
    assert [w for w in text if w.startswith("n = ")] == [
        "n = 0 < 1",
        "n = 1 ≥ 1: fires",
        "n = 0 < 1",
        "n = 2 ≥ 1: fires",
        "n = 0 < 1",
        "n = 1 ≥ 1: fires",
    ]
    # Each output pulse is marked with its time after the decision clock.
    marks = [float(w[1:-3]) for w in text if re.fullmatch(r"\+\d+\.\d ps", w)]
    assert marks == pytest.approx([OUTPUT_DELAY_S * 1e12] * 3, abs=0.11)
    assert [w for w in text if re.fullmatch(r"[+−] \d+", w)] == ["+ 0", "− 1", "+ 2"]


def test_plots_are_the_same_to_the_byte(example):
    for draw in (
        lambda: raster.raster(EXPECTED, measured()),
        lambda: plots.waveforms(example),
        lambda: plots.delays([np.array([[15e-12, np.nan], [16e-12, 17e-12]])]),
    ):
        assert draw() == draw()


def test_delays_without_a_pulse():
    """There is nothing to show: the page has no empty axes for it."""
    assert plots.delays([np.full((2, 3), np.nan)]) is None


def test_a_wrong_window_is_framed_and_says_what_came(example):
    wrong = np.array([False, True, True, False, False, False])
    pulses = example["example_fires"].astype(np.int8)
    pulses[1], pulses[2] = 0, 1
    svg = plots.waveforms({**example, "example_wrong": wrong, "example_pulses": pulses})
    text = words(svg)
    assert text.count("WRONG: expected 1,") == 1
    assert text.count("WRONG: expected 0,") == 1
    assert [w for w in text if w.startswith("measured ")] == ["measured 0", "measured 1"]
    assert "WRONG" not in plots.waveforms(example)


def test_a_pulse_that_should_not_be_and_one_that_is_missing_are_red(example):
    fires = example["example_fires"].copy()
    fires[:2] = ~fires[:2]  # windows 0, without a pulse, and 1, with one
    text = words(plots.waveforms({**example, "example_fires": fires}))
    assert text.count("missing") == 1
    assert len([w for w in text if w.endswith(" ps wrong")]) == 1


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "-"),
        (0.0, "0 J"),
        (1.5239e-9, "1.524 nJ"),
        (-2e-15, "-2 fJ"),
        (3.4e-18, "3.4 aJ"),
        (7.77e-21, "7.77e-21 J"),
        (1234.0, "1.234 kJ"),
    ],
)
def test_engineering_prefixes(value, text):
    assert engineering(value, "J") == text


def test_percentages():
    assert [percent(v) for v in (None, 0.0, 1e-9, -0.0123, 0.05)] == [
        "-", "0 %", "0 %", "-1.2 %", "+5 %",
    ]  # fmt: skip
    assert [share(v) for v in (None, 0.95, 1.0)] == ["-", "95.00 %", "100.00 %"]
