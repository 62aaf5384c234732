"""Pictures of waveforms: panels, units, marks, what can't be drawn."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from netlist_gen.errors import ConfigurationError
from verification.waves.waveforms import Waveforms


def turn(time, at):
    """A phase that goes round once."""
    return 2 * np.pi / (1 + np.exp(-(time - at) / 0.5e-12))


@pytest.fixture
def waves():
    time = np.linspace(0, 10e-12, 201)
    first, second = turn(time, 5e-12), turn(time, 3e-12) + turn(time, 8e-12)
    voltage = 2.0678338e-15 / (2 * np.pi) * np.gradient(first, time)
    return Waveforms(time, ("P(B1)", "P(B2|X1)", "V(1)"), np.stack([first, second, voltage]))


def titles(figure):
    return [axis.get_title(loc="left") for axis in figure.axes if axis.get_visible()]


def test_a_plot_has_a_panel_for_each_signal(waves, tmp_path):
    figure = waves.plot(["p(*)"], tmp_path / "w.png", phases="2pi", window_ps=(2, 8))
    assert (tmp_path / "w.png").read_bytes().startswith(b"\x89PNG")
    assert titles(figure) == ["P(B1)", "P(B2|X1)"]
    drawn = figure.axes[0].lines[0].get_ydata()
    assert drawn[0] == pytest.approx(0, abs=3e-3)
    assert drawn[-1] == pytest.approx(1, abs=3e-3)  # one turn
    assert figure.axes[-1].get_xlim() == (2, 8)
    assert figure.axes[-1].get_xlabel() == "time (ps)"
    assert figure._repr_png_().startswith(b"\x89PNG")  # in notebooks


def test_combined_has_a_panel_for_each_unit(waves):
    together = waves.plot(layout="combined")
    assert [len(axis.lines) for axis in together.axes] == [2, 1]
    assert [axis.get_ylabel() for axis in together.axes] == ["rad", "mV"]
    assert [axis.get_ylabel() for axis in waves.plot(layout="combined", phases="pulses").axes] == [
        "mV",
    ]


def test_a_grid_is_as_wide_as_high(waves):
    figure = waves.plot(layout="grid")
    columns = {round(axis.get_position().x0, 2) for axis in figure.axes}
    assert (len(figure.axes), len(columns), titles(figure)) == (4, 2, list(waves.names))


def test_phases_as_pulses_are_voltages(waves):
    figure = waves.plot(["P(B1)", "V(1)"], phases="pulses")
    phase, voltage = (axis.lines[0].get_ydata() for axis in figure.axes)
    np.testing.assert_allclose(phase, voltage, atol=1e-6)


@pytest.mark.parametrize("phases", ["rad", "2pi", "pulses"])
def test_pulses_are_marked_where_they_are(waves, phases):
    figure = waves.plot(phases=phases, marks=True)
    marked = [axis.lines[1].get_xdata() for axis in figure.axes]
    for found, times in zip(marked, ([5.0], [3.0, 8.0], [5.0]), strict=True):
        assert found == pytest.approx(times, abs=0.02)
    assert len(waves.plot(phases=phases).axes[0].lines) == 1


def test_a_picture_that_leaves_signals_out_says_so():
    time = np.linspace(0, 1e-12, 3)
    waves = Waveforms(time, tuple(f"P(B{i})" for i in range(30)), np.zeros((30, 3)))
    figure = waves.plot()
    assert len(figure.axes) == 24
    assert figure.axes[-1].get_xlabel() == "time (ps); 24 of 30 signals"


MANY = tuple(f"P(B{i})" for i in range(61))


@pytest.mark.parametrize(
    ("signals", "out", "style", "message"),
    [
        ("P(B9)", None, {}, "no signal is named 'P(B9)'; did you mean P(B1)?"),
        ("I(*)", None, {}, "no signal is named 'I(*)'; there are P(B1), P(B2|X1), V(1)"),
        (None, "w.txt", {}, "{out}: plots are written to .png, .svg, .pdf, .html"),
        (None, None, {"window_ps": (8, 2)},
         "--window is (8, 2); it must be FROM:TO in ps, FROM before TO"),
        (None, None, {"window_ps": "2:inf"},
         "--window is '2:inf'; it must be FROM:TO in ps, FROM before TO"),
        ([5], None, {}, "a signal is named 5; a text is needed"),
        (None, None, {"window_ps": "2"},
         "--window is '2'; it must be FROM:TO in ps, FROM before TO"),
        (None, None, {"window_ps": "20:30"},
         "--window is 20:30; the waveforms have no sample there, they have 0 to 10 ps"),
        (None, None, {"layout": "square"},
         "--layout is 'square'; allowed are stacked, grid, combined"),
        (None, None, {"turns": True},
         "no option 'turns'; there are layout, phases, window_ps, marks"),
    ],
)  # fmt: skip
def test_plots_that_can_not_be(waves, tmp_path, signals, out, style, message):
    path = tmp_path / out if out else None
    with pytest.raises(ConfigurationError, match=f"^{re.escape(message.format(out=path))}$"):
        waves.plot(signals, path, **style)
    assert not list(tmp_path.iterdir())


def test_more_panels_than_can_be_read():
    waves = Waveforms(np.linspace(0, 1e-12, 3), MANY, np.zeros((61, 3)))
    message = (
        "61 signals are named; a picture has at most 60 panels: name fewer, give --layout "
        "combined, or write .html"
    )
    with pytest.raises(ConfigurationError, match=f"^{re.escape(message)}$"):
        waves.plot(["P(*)"])
    assert len(waves.plot(["P(*)"], layout="combined").axes[0].lines) == 61


def test_the_command_draws_files_and_decks(cli, tmp_path, waves):
    from cell_benches import cell_bench

    from verification.waves.files import write_waveforms

    write_waveforms(tmp_path / "w.csv", waves)
    out = tmp_path / "w.svg"
    ran = cli("plot", tmp_path / "w.csv", "-o", out, "--signals", "P(B1)", "--window", "2:8")
    assert (ran.status, ran.out, ran.err) == (0, f"{out}\n", "")
    assert "P(B1)" in out.read_text()
    deck = tmp_path / "jtl.cir"
    deck.write_text(cell_bench("jtl").deck("josim").text)
    ran = cli("plot", deck, "-o", tmp_path / "j.png", "--simulator", "embedded", "--marks")
    assert (ran.status, ran.err) == (0, "")
    assert (tmp_path / "j.png").read_bytes().startswith(b"\x89PNG")
    ran = cli("plot", tmp_path / "none.csv", "-o", out)
    assert ran.sentence.startswith(f"{tmp_path / 'none.csv'}: ")
    assert isinstance(waves.plot(None, Path(tmp_path / "w.pdf")).axes, list)
