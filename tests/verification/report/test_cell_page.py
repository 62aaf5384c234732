"""A cell's page and plots: all of what was measured, bounds as bounds, nothing left out."""

from __future__ import annotations

import dataclasses
import html
import re
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import netlist_gen as ng
from verification.characterize.files.results import write_results
from verification.characterize.measure.machine import Machine, Transition, why_no_machine
from verification.characterize.measure.sweep import Axis, Sweep, SweepPoint
from verification.characterize.subject.bench import make_bench
from verification.characterize.subject.subject import load_subject
from verification.characterize.trials.cell import CellUnderTest
from verification.characterize.trials.runner import Runner
from verification.report import cell_plots
from verification.report.machine_plot import MOST_STATES, machine_plot

DFF = Path(__file__).parents[1] / "characterize" / "cells" / "dff.toml"


@pytest.fixture(scope="module")
def cell(tmp_path_factory):
    """The user's flip-flop with everything that has a plot, and its directory."""
    out = tmp_path_factory.mktemp("cell")
    sweeps = ["bias=0.4:1.6:5", "LST=0.4:1.6:3"]
    options = {"margins": True, "sweeps": sweeps, "waves": "csv", "jobs": 1}
    return ng.characterize(str(DFF), out, **options), out


def words(figure):
    figure.canvas.draw()
    return [t.get_text() for t in figure.findobj(lambda a: hasattr(a, "get_text")) if t.get_text()]


def test_the_page_has_every_part(cell):
    result, out = cell
    page = html.unescape((out / "dff.html").read_text(encoding="utf-8"))
    for part in (
        "Stimulus", "Delay", "Critical spacings", "State machine", "Margins", "Sweep: bias",
        "Energy", "Elements", "Sizes",
    ):  # fmt: skip
        assert f"<h2>{part}" in page, part
    assert page.count("<svg ") == 6
    links = re.findall(r'<a href="([^"]+)"', page)
    models = ["dff.v", "dff.sdf", "dff.dot"]
    assert links == ["waves/dff_stimulus.csv", *models, "schematic.svg"]
    assert all((out / link).is_file() for link in links)
    assert not re.search(r"<script|<link|src=", page)
    # The same units as the terminal: aJ, and margins in per cent with their bounds.
    energy = result.energies[0]
    assert f"{1e18 * energy.energy_J:.3f} aJ" in page
    assert "<td>BST</td><td>junction</td><td>2, 0</td>" in page
    assert {e.kind for e in result.elements} == {
        "junction", "inductor", "resistor", "bias current",
    }  # fmt: skip


def test_margins_are_sorted_and_none_is_dropped(cell):
    result, out = cell
    page = html.unescape((out / "dff.html").read_text(encoding="utf-8"))
    rows = re.findall(r'<tr><td[^>]*>(\w+)</td><td class="n">[^<]*</td><td class="n">([^<]*)</td>'
                      r'<td class="n">([^<]*)</td><td>', page)  # fmt: skip
    listed = [name for name, _, _ in rows]
    assert sorted(listed) == sorted(m.parameter.name for m in result.margins.margins)
    least = [min(float(re.sub(r"[^\d.]", "", side)) for side in sides) for _, *sides in rows]
    assert least == sorted(least)
    for m in result.margins.margins:
        low, high = rows[listed.index(m.parameter.name)][1:]
        assert low.startswith("≤ −") == (m.low.first_fail is None)
        assert high.startswith("≥ +") == (m.high.first_fail is None)
    figure = cell_plots.margin_plot(result.margins)
    assert [t.get_text() for t in figure.axes[0].get_yticklabels()] == listed


def test_the_stimulus_is_drawn_with_its_pulses(cell):
    result, out = cell
    figure = cell_plots.stimulus_plot(result, result.waves)
    marks = [axis.lines[1].get_xdata().size for axis in figure.axes[:3]]
    assert marks == [2, 3, 2]  # a, clk and q of a stored, read, read again, stored, read
    assert result.waves.names[:3] == ("P(A)", "P(CLK)", "P(Q)")
    kept = (out / "waves" / "dff_stimulus.csv").read_text(encoding="ascii").partition("\n")[0]
    assert kept.startswith('time,"P(A)","P(CLK)","P(Q)","P(BIN)"')


def test_a_shmoo_has_a_key_with_reasons(cell):
    result, out = cell
    figure = cell_plots.sweep_plot(result.sweep)
    (legend,) = figure.legends
    told = [text.get_text() for text in legend.get_texts()]
    counts = [int(text.split(":")[0]) for text in told[1:]]
    assert told[0] == f"passes: {int(result.sweep.passed().sum())}"
    assert sum(counts) == int((~result.sweep.passed()).sum()) > 0
    page = html.unescape((out / "dff.html").read_text(encoding="utf-8"))
    for reason, count in cell_plots.reasons(result.sweep):
        assert f'<td class="n">{count}</td><td>{reason}</td>' in page


def test_one_axis_has_a_key_too():
    arc = SimpleNamespace(input="a", output="q", mean_s=2e-12)
    points = (SweepPoint((0.5,), "it fails", ()), SweepPoint((1.0,), "", (arc,)))
    figure = cell_plots.sweep_plot(Sweep((Axis("bias", (0.5, 1.0)),), points))
    labels = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert labels == ["a to q", "fails"]


def test_curves_that_lie_on_each_other_are_one():
    curve = np.array([1e-12, 2e-12])
    curves = {("a", "q0"): curve, ("a", "q1"): curve + 1e-15, ("a", "q2"): curve + 1e-13}
    assert cell_plots.alike(curves) == [[("a", "q0"), ("a", "q1")], [("a", "q2")]]


def test_a_machine_is_drawn_up_to_what_can_be_read():
    step = Transition(0, "a", 1, ("q",), {"q": 2e-12})
    back = Transition(1, "a", 0, (), {})
    stay = Transition(0, "clk", 0, (), {})
    figure = machine_plot(Machine(((0,), (1,)), ("B1",), (step, back, stay), complete=True))
    assert {"a / q 2.00 ps", "a / –", "clk / –", "0", "1\n1"} <= set(words(figure))
    many = tuple((i,) for i in range(MOST_STATES + 1))
    assert machine_plot(Machine(many, ("B1",), (), complete=True)) is None


def test_a_cell_without_a_machine_says_why_it_has_no_models(cell, tmp_path):
    bench = make_bench(load_subject("neuron2"))
    why = why_no_machine(CellUnderTest(bench, Runner(workers=1)))
    assert why.startswith("a neuron has a state for each set of its synapses that holds a fluxon")
    result = dataclasses.replace(cell[0], machine=None, no_machine=why, waves=None)
    write_results(result, tmp_path)
    page = (tmp_path / "dff.html").read_text(encoding="utf-8")
    assert f"None was explored, and there is no Verilog, SDF or DOT: {why}." in page
    assert not [*tmp_path.glob("*.v"), *tmp_path.glob("*.dot")]
