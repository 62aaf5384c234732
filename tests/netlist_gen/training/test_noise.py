"""Firing curves: what they refuse, and draws that follow them."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from netlist_gen.errors import ConfigurationError
from netlist_gen.network import TernaryLayer
from netlist_gen.training.noise import FiringCurve, margins, normal_curve, read_firing_curve

STEPS = st.lists(st.floats(0.01, 2.0), min_size=2, max_size=6)


@given(
    gaps=STEPS,
    shares=st.lists(st.sampled_from([0.0, 0.1, 0.1, 0.25, 0.5, 0.75, 1.0]), min_size=6, max_size=6),
)
def test_drawn_edges_follow_the_curve(gaps: list[float], shares: list[float]) -> None:
    at = np.cumsum(gaps) - 2.0
    curve = FiringCurve(tuple(at), tuple(sorted(shares[: len(at)])))
    edges = curve.edges(4000)
    assert np.all(np.diff(edges[np.isfinite(edges)]) >= 0)
    for margin in np.linspace(-3.0, 8.0, 23):
        assert np.mean(edges < margin) == pytest.approx(float(curve(margin)), abs=3e-4)


def test_normal_curve() -> None:
    curve = normal_curve(0.5)
    # Phi at 0, 1 and 1.2816 sigma; the grey zone from 10 % to 90 % is 2.563 sigma wide.
    assert curve([0.0, 0.5, 0.6408, -0.6408]) == pytest.approx([0.5, 0.8413, 0.9, 0.1], abs=2e-4)
    assert curve([-4.0, 4.0]).tolist() == [0.0, 1.0]
    assert float(np.std(curve.edges(1024))) == pytest.approx(0.5, rel=5e-3)


def test_margins_in_synapses_and_in_flux() -> None:
    layer = TernaryLayer(np.array([[1, 1, -1], [1, 0, 0]]), np.array([2, 1]))
    counts = np.array([[2, 0], [-1, 1]], dtype=np.int32)
    assert margins(layer, counts, "synapses", None).tolist() == [[0.5, -0.5], [-2.5, 0.5]]

    def flux(up: np.ndarray, down: np.ndarray, theta: np.ndarray) -> np.ndarray:
        assert (up.tolist(), down.tolist(), theta.tolist()) == ([2, 1], [1, 0], [2, 1])
        return np.array([0.1, 0.2])

    found = margins(layer, counts, "Phi0", flux)
    assert found == pytest.approx(np.array([[0.05, -0.1], [-0.25, 0.1]]))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (((0.0,), (0.5,)), "a firing curve has 1 margins and 1 probabilities; as many of both are "
         "needed, at least 2"),
        (((0.0, 0.0), (0.0, 1.0)), "a firing curve's margin [1] is 0; margins must rise"),
        (((0.0, np.nan), (0.0, 1.0)), "a firing curve's margin [1] is nan; finite numbers are "
         "needed"),
        (((0.0, 1.0), (0.0, 1.5)), "a firing curve's probability [1] is 1.5; 0 to 1 is allowed"),
        (((0.0, 1.0), (0.7, 0.4)), "a firing curve's probability [1] is 0.4; more margin must not "
         "make a pulse less likely"),
        (((0.0, 1.0), (0.0, 1.0), "mV"), "a firing curve's unit is 'mV'; allowed are synapses, "
         "Phi0"),
    ],
)  # fmt: skip
def test_curves_that_are_refused(arguments: tuple, message: str) -> None:
    with pytest.raises(ConfigurationError, match=f"^{re.escape(message)}$"):
        FiringCurve(*arguments)


def test_normal_curve_without_noise_is_refused() -> None:
    with pytest.raises(
        ConfigurationError, match=r"^noise is 0 synapses; a finite number above 0 is needed$"
    ):
        normal_curve(0.0)


def test_measured_curve_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "curve.csv"
    path.write_text("windows,margin_Phi0,probability\n150,-0.01,0\n150,0.01,0.98\n")
    curve = read_firing_curve(path)
    assert (curve.unit, curve.margin, curve.probability) == ("Phi0", (-0.01, 0.01), (0.0, 0.98))
    for text, message in [
        ("", "has the columns none; needed are probability and one of margin_synapses and "
         "margin_Phi0"),
        ("n,probability\n", "has the columns n, probability; needed are probability and one of "
         "margin_synapses and margin_Phi0"),
        ("margin_Phi0,probability\n0,0\n1,x\n", ", line 3: probability is 'x'; a number is needed"),
        ("margin_Phi0,probability\n0\n1,1\n", ", line 2: probability is None; a number is needed"),
        ("margin_Phi0,probability\n0,1\n", ": a firing curve has 1 margins and 1 probabilities; as "
         "many of both are needed, at least 2"),
    ]:  # fmt: skip
        path.write_text(text)
        separator = "" if message[0] in ",:" else " "
        with pytest.raises(
            ConfigurationError, match=f"^{re.escape(f'{path}{separator}{message}')}$"
        ):
            read_firing_curve(path)
    with pytest.raises(ConfigurationError, match=r"none\.csv can't be read: "):
        read_firing_curve(tmp_path / "none.csv")
