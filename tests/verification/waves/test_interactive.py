"""The interactive page: what it holds, that no peak is lost, that it fetches nothing."""

from __future__ import annotations

import base64
import json
import re
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from netlist_gen.errors import ConfigurationError
from verification.waves import interactive
from verification.waves.interactive import drawn_times, extremes, stretch
from verification.waves.waveforms import Waveforms


def page_data(path):
    (text,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>',
                         path.read_text(encoding="utf-8"), flags=re.DOTALL)  # fmt: skip
    return json.loads(text)


def numbers(text, kind):
    return np.frombuffer(base64.b64decode(text), dtype=kind)


@pytest.fixture
def waves():
    time = np.linspace(0, 100e-12, 1001)
    phase = 2 * np.pi / (1 + np.exp(-(time - 50e-12) / 1e-12))
    return Waveforms(time, ("P(B1)", "V(</SCRIPT><B>)"), np.stack([phase, np.sin(time * 1e12)]))


@given(values=st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=60), width=st.integers(1, 9))
def test_no_peak_is_lost(values, width):
    given_values = np.array(values)
    found = extremes(given_values, width)
    assert found.shape == drawn_times(np.arange(given_values.size) * 1.0, width).shape
    assert (found.max(), found.min()) == (given_values.max(), given_values.min())
    if width > 1:
        for k, pair in enumerate(found.reshape(-1, 2)):
            part = given_values[k * width : (k + 1) * width]
            assert sorted(pair) == [part.min(), part.max()]


@given(samples=st.integers(1, 10**6), most=st.integers(4, 10**4))
def test_no_signal_has_more_numbers_than_it_may(samples, most):
    width = stretch(samples, most)
    kept = samples if width == 1 else 2 * -(-samples // width)
    assert kept <= most


def test_few_samples_are_all_there(waves, tmp_path):
    pytest.importorskip("plotly")
    out = waves.plot(None, tmp_path / "w.html", marks=True)
    data = page_data(out)
    np.testing.assert_allclose(numbers(data["time"], "<f8"), waves.time_s * 1e12)
    first, second = data["signals"]
    np.testing.assert_allclose(numbers(first["values"], "<f4"), waves.values[0], rtol=1e-6)
    assert (first["unit"], first["pulses"]) == ("rad", pytest.approx([50.0], abs=0.01))
    assert (second["name"], second["unit"]) == ("V(</SCRIPT><B>)", "mV")
    text = out.read_text(encoding="utf-8")
    assert "2 signals, 1001 samples.</p>" in text
    assert "</SCRIPT><B>" not in text  # a name is text, never markup
    # Nothing can be fetched: the browser is told so.
    assert "Content-Security-Policy\" content=\"default-src 'none';" in text
    assert not re.search(r"<(script|img|iframe)[^>]* src=|<link", text)


def test_many_samples_are_thinned_and_the_page_says_so(waves, tmp_path, monkeypatch):
    pytest.importorskip("plotly")
    monkeypatch.setattr(interactive, "MOST_NUMBERS", 900)
    out = waves.plot("P(B1)", tmp_path / "w.html", window_ps=(0, 100))
    data = page_data(out)
    assert numbers(data["time"], "<f8").size == numbers(data["signals"][0]["values"], "<f4").size
    assert numbers(data["time"], "<f8").size <= 900
    assert "1 signal, 1001 samples; drawn are the least and the greatest value of every 3 " in (
        out.read_text(encoding="utf-8")
    )
    monkeypatch.setattr(interactive, "MOST_NUMBERS", 400)
    message = f"{out}: a page holds 1 to 1 signals, not 2; choose some by --signals"
    with pytest.raises(ConfigurationError, match=f"^{re.escape(message)}$"):
        waves.plot(None, out)


def test_without_plotly_it_says_how_to_get_it(waves, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "plotly.offline", None)
    out = tmp_path / "w.html"
    message = (
        f"{out}: an interactive page needs plotly (pip install 'netlist-gen[plot]'); .png, .svg "
        "and .pdf need nothing more"
    )
    with pytest.raises(ConfigurationError, match=f"^{re.escape(message)}$"):
        waves.plot(None, out)
    assert not out.exists()
