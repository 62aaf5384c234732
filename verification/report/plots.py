"""Plots of the report, as SVG text that stands in the HTML file itself."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray

_STYLE: dict[Any, Any] = {
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "svg.hashsalt": "netlist-gen",
    "svg.fonttype": "none",
}
EXPECTED, MISSING, EXTRA, INK = "#2b6cb0", "#c53030", "#dd6b20", "#2d3748"


def _svg(figure: Any) -> str:
    import matplotlib.pyplot as plt

    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", bbox_inches="tight", metadata={"Date": None})
    plt.close(figure)
    text = buffer.getvalue()
    return text[text.index("<svg") :]


def _pyplot() -> Any:
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    plt.rcParams.update(_STYLE)
    return plt


def raster(
    expected: list[NDArray[np.bool_]], measured: list[NDArray[np.int8]], most: int = 40
) -> str:
    """Spike raster of all layers: expected pulses against measured ones.

    Args:
        expected: for each layer bool (windows, neurons).
        measured: for each layer int8 (windows, neurons), -1 where nothing was measured.
        most: windows shown.
    """
    plt = _pyplot()
    heights = [max(2, layer.shape[1]) for layer in expected]
    figure, axes = plt.subplots(
        len(expected),
        1,
        figsize=(9, 1.2 + sum(heights) * 0.09),
        height_ratios=heights,
        sharex=True,
        squeeze=False,
    )
    for index, axis in enumerate(axes[:, 0]):
        want, seen = expected[index][:most], measured[index][:most]
        for mask, colour, marker, label in (
            (want & (seen > 0), EXPECTED, "s", "expected and measured"),
            (want & (seen == 0), MISSING, "x", "expected, not measured"),
            (~want & (seen > 0), EXTRA, "+", "measured, not expected"),
            (seen < 0, "#cbd5e0", ".", "not measured"),
        ):
            window, neuron = np.nonzero(mask)
            axis.scatter(window, neuron, s=14, c=colour, marker=marker, label=label)
        axis.set_ylabel(f"layer {index}\nneuron")
        axis.set_ylim(want.shape[1] - 0.5, -0.5)
        axis.set_xlim(-0.7, want.shape[0] - 0.3)
    axes[-1, 0].set_xlabel("clock window")
    axes[0, 0].legend(loc="upper center", bbox_to_anchor=(0.5, 1.35), ncol=4, frameon=False)
    return _svg(figure)


def waveforms(data: dict[str, NDArray[Any]], title: str) -> str:
    """Phases of one neuron over its first windows, with its pulses marked.

    Args:
        data: the ``example_*`` arrays of ``results.npz``.
        title: names the neuron.
    """
    plt = _pyplot()
    from verification.pulses import detect_phase

    time, names = data["example_time_s"], [str(n) for n in data["example_names"]]
    phases, bounds = data["example_phases"], data["example_bounds_s"]
    groups = [
        ("output", [0]),
        ("decision\nSQUIDs", [1, 3]),
        ("storage loop\nof a synapse", [5, 6]),
    ]
    figure, axes = plt.subplots(3, 1, figsize=(9, 5.2), sharex=True)
    for (label, rows), axis in zip(groups, axes, strict=True):
        for row in rows:
            if row >= len(names):
                continue
            turns = (phases[row] - phases[row, 0]) / (2 * np.pi)
            axis.plot(time * 1e12, turns, lw=1, label=names[row])
            train = detect_phase(time, phases[row])
            at = np.interp(train.times_s, time, turns)
            axis.plot(train.times_s * 1e12, at, "o", ms=4, c=INK)
        for bound in bounds:
            axis.axvline(bound * 1e12, c="#e2e8f0", lw=0.8, zorder=0)
        for clock in data["example_decisions_s"]:
            axis.axvline(clock * 1e12, c="#a0aec0", lw=0.8, ls=":", zorder=0)
        axis.set_ylabel(f"{label}\nphase / 2π")
        axis.legend(loc="upper left", frameon=False, fontsize=7)
    for bound, count in zip(bounds, data["example_count"], strict=False):
        axes[0].annotate(
            f"n = {count}", (bound * 1e12 + 4, 1.02), xycoords=("data", "axes fraction"), fontsize=8
        )
    axes[0].set_title(title, loc="left", fontsize=9, pad=16)
    axes[-1].set_xlabel("time (ps); dotted: decision clock, lines: window bounds")
    return _svg(figure)


def delays(delay_s: list[NDArray[np.float64]]) -> str:
    """Histogram of the time from decision clock to output pulse, one colour a layer."""
    plt = _pyplot()
    figure, axis = plt.subplots(figsize=(5, 2.2))
    seen = [d[np.isfinite(d)] * 1e12 for d in delay_s]
    kept = [(i, d) for i, d in enumerate(seen) if d.size]
    if kept:
        axis.hist(
            [d for _, d in kept], bins=24, stacked=True, label=[f"layer {i}" for i, _ in kept]
        )
        axis.legend(frameon=False)
    axis.set_xlabel("decision clock to output pulse (ps)")
    axis.set_ylabel("pulses")
    return _svg(figure)
