"""Plots of the report, as SVG text that stands in the HTML file itself."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from netlist_gen.constants import PHI0, TWO_PI

if TYPE_CHECKING:
    from verification.verdict.figures import TimingFigures

_STYLE: dict[Any, Any] = {
    "font.size": 9,
    "font.family": "sans-serif",
    "font.sans-serif": ["Helvetica", "Arial", "DejaVu Sans"],
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#8795a8",
    "axes.labelcolor": "#2d3748",
    "xtick.color": "#4a5568",
    "ytick.color": "#4a5568",
    "svg.hashsalt": "netlist-gen",
    "svg.fonttype": "none",
}
AGREED, MISSING, EXTRA, UNSEEN = "#2b6cb0", "#c53030", "#dd6b20", "#cbd5e0"
INK, GRID = "#2d3748", "#e2e8f0"
EXCITATORY, INHIBITORY, BOTTOM, TOP = "#2b6cb0", "#c05621", "#2f855a", "#805ad5"

_MANY_MARKS = 3000
"""From so many marks on a raster becomes an image inside the SVG: the file stays small."""


def _svg(figure: Any, title: str) -> str:
    import matplotlib.pyplot as plt

    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", bbox_inches="tight", metadata={"Date": None}, dpi=160)
    plt.close(figure)
    text = buffer.getvalue()
    return text[text.index("<svg") :].replace("<svg ", f'<svg role="img" aria-label="{title}" ', 1)


def _pyplot() -> Any:
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    plt.rcParams.update(_STYLE)
    return plt


def raster(
    expected: list[NDArray[np.bool_]],
    measured: list[NDArray[np.int8]],
    first: int = 0,
    most: int = 40,
) -> str:
    """Spike raster of all layers: expected pulses against measured ones.

    Args:
        expected: for each layer bool (windows, neurons).
        measured: for each layer int8 (windows, neurons), -1 where nothing was measured.
        first: first window shown.
        most: windows shown.
    """
    plt = _pyplot()
    from matplotlib.lines import Line2D
    from matplotlib.ticker import MaxNLocator

    heights = [float(np.clip(0.075 * layer.shape[1], 0.6, 6.0)) for layer in expected]
    figure, axes = plt.subplots(
        len(expected),
        1,
        figsize=(9, sum(heights) + 0.25 * len(heights) + 0.6),
        height_ratios=heights,
        sharex=True,
        squeeze=False,
        layout="constrained",
    )
    totals = [0, 0, 0, 0]
    kinds = (
        ("expected and measured", AGREED, "|"),
        ("expected, not measured", MISSING, "x"),
        ("measured, not expected", EXTRA, "+"),
        ("not measured", UNSEEN, "."),
    )
    for index, axis in enumerate(axes[:, 0]):
        want = expected[index][first : first + most]
        seen = measured[index][first : first + most]
        pitch = 72 * heights[index] / max(1, want.shape[1])  # points between two neurons
        masks = (want & (seen > 0), want & (seen == 0), ~want & (seen > 0), seen < 0)
        rasterized = sum(int(mask.sum()) for mask in masks) > _MANY_MARKS
        for kind, (mask, (_, colour, marker)) in enumerate(zip(masks, kinds, strict=True)):
            window, neuron = np.nonzero(mask)
            totals[kind] += window.size
            size = float(np.clip(pitch * 1.1, 1.5, 7.0)) if marker in "|." else 7.0
            axis.plot(
                window + first, neuron, marker, ms=size, c=colour, mew=1.3, rasterized=rasterized
            )
        axis.set_ylabel(f"layer {index}\nneuron")
        axis.set_ylim(want.shape[1] - 0.3, -0.7)
        axis.set_xlim(first - 0.7, first + want.shape[0] - 0.3)
        axis.xaxis.set_major_locator(MaxNLocator(integer=True))
        axis.yaxis.set_major_locator(MaxNLocator(integer=True, nbins=max(2, int(heights[index]))))
        axis.grid(axis="x", color=GRID, lw=0.6)
        axis.set_axisbelow(True)
    axes[-1, 0].set_xlabel("clock window")
    figure.legend(
        handles=[
            Line2D([], [], ls="", marker=marker, c=colour, mew=1.5, label=f"{says}: {total}")
            for (says, colour, marker), total in zip(kinds, totals, strict=True)
            if total or says == kinds[0][0]
        ],
        loc="outside upper left",
        ncols=4,
        frameon=False,
    )
    return _svg(figure, "spike raster, expected against measured")


def waveforms(data: dict[str, NDArray[Any]]) -> str:
    """One neuron over some windows: fluxons stored, n, the decision's SQUIDs, the output.

    Args:
        data: the ``example_*`` arrays of ``results.npz``: phases in rad of the output, of the
            junctions that set and clear each storage loop and of the four of the SQUIDs, over
            ``example_time_s``; sign and input line of each synapse; bounds, decision clocks,
            count n and expected pulse of each window; ``example_theta``.
    """
    plt = _pyplot()
    time_ps = data["example_time_s"] * 1e12
    signs = data["example_signs"]
    strips = float(np.clip(0.16 * signs.size, 0.5, 4.0))
    figure, axes = plt.subplots(
        4,
        1,
        figsize=(9, strips + 4.6),
        height_ratios=[strips, 1.2, 1.3, 1.2],
        sharex=True,
        layout="constrained",
    )
    stored = (data["example_set"] - data["example_clear"]) / TWO_PI
    stored = stored - np.rint(stored[:, :1])
    _storage(axes[0], time_ps, stored, signs, data["example_lines"])
    _count(axes[1], time_ps, signs @ np.rint(stored), data)  # whole fluxons
    _squids(axes[2], data)
    _output(axes[3], data)
    bounds = data["example_bounds_s"] * 1e12
    for axis in axes:
        for begin, end, fires in zip(bounds, bounds[1:], data["example_fires"], strict=False):
            if fires:
                axis.axvspan(begin, end, color="#ebf8ff", lw=0, zorder=-2)
        for bound in bounds:
            axis.axvline(bound, c=GRID, lw=0.8, zorder=-1)
        for clock in data["example_decisions_s"] * 1e12:
            axis.axvline(clock, c="#718096", lw=0.8, ls=":", zorder=-1)
    theta = int(data["example_theta"])
    for begin, end, count in zip(bounds, bounds[1:], data["example_count"], strict=False):
        axes[0].annotate(
            f"n = {count}" + (f" ≥ {theta}: fires" if count >= theta else f" < {theta}"),
            ((begin + end) / 2, 1.02),
            xycoords=("data", "axes fraction"),
            ha="center",
            fontsize=8,
        )
    axes[-1].set_xlim(bounds[0], bounds[-1])
    axes[-1].set_xlabel("time (ps); dotted: decision clock; shaded: a pulse is expected")
    return _svg(figure, "waveforms of one neuron")


def _storage(
    axis: Any,
    time_ps: NDArray[np.float64],
    stored: NDArray[np.float64],
    signs: NDArray[np.int64],
    lines: NDArray[np.int64],
) -> None:
    """A strip for each synapse: filled while its loop holds a fluxon."""
    for row, (loop, sign) in enumerate(zip(stored, signs, strict=True)):
        base = stored.shape[0] - 1 - row
        colour = EXCITATORY if sign > 0 else INHIBITORY
        axis.fill_between(time_ps, base, base + 0.75 * loop, color=colour, lw=0, alpha=0.85)
        axis.axhline(base, c=GRID, lw=0.5, zorder=-1)
    shown = range(0, signs.size, 1 + signs.size // 24)
    axis.set_yticks([signs.size - 1 - row + 0.35 for row in shown])
    axis.set_yticklabels(
        [f"{'+' if signs[row] > 0 else '−'} {lines[row]}" for row in shown], fontsize=7
    )
    axis.tick_params(axis="y", length=0)
    axis.set_ylim(-0.2, signs.size)
    axis.set_ylabel("fluxon stored,\nsign and line")


def _count(
    axis: Any, time_ps: NDArray[np.float64], held: NDArray[np.float64], data: dict[str, Any]
) -> None:
    """Signed sum of stored fluxons, the threshold, and what the decision clock finds."""
    theta = int(data["example_theta"])
    axis.plot(time_ps, held, c=INK, lw=1)
    axis.axhline(theta - 0.5, c=MISSING, lw=0.9, ls="--", label=f"threshold: n ≥ {theta} fires")
    found = data["example_count"]
    axis.plot(data["example_decisions_s"] * 1e12, found, "o", ms=4, c=INK, label="n expected")
    low, high = min(found.min(), 0, theta - 1), max(found.max(), theta)
    axis.set_ylim(low - 0.6, high + 0.9)
    axis.set_ylabel("stored\nfluxons, n")
    axis.legend(loc="upper right", frameon=False, fontsize=7, ncols=2)


def _squids(axis: Any, data: dict[str, Any]) -> None:
    """Phases of the junctions between which the decision falls."""
    from verification.waves.pulses import detect_phase

    time = data["example_time_s"]
    for row, colour, label in ((0, BOTTOM, "bottom: fires"), (2, TOP, "top: rejects")):
        phase = data["example_squids"][row]
        turns = phase / TWO_PI - np.rint(phase[0] / TWO_PI)
        axis.plot(time * 1e12, turns, c=colour, lw=1.1, label=label)
        pulses = detect_phase(time, phase).times_s
        axis.plot(pulses * 1e12, np.interp(pulses, time, turns), "o", ms=3.5, c=colour)
    axis.set_ylabel("decision SQUIDs,\nphase / 2π")
    axis.legend(loc="upper left", frameon=False, fontsize=7, ncols=2)


def _output(axis: Any, data: dict[str, Any]) -> None:
    """Voltage of the output junction; each pulse marked with its time after the clock."""
    from verification.waves.pulses import detect_phase

    time, phase = data["example_time_s"], data["example_output"]
    millivolt = 1e3 * PHI0 / TWO_PI * np.gradient(phase, time)
    axis.plot(time * 1e12, millivolt, c=AGREED, lw=1.1)
    top = max(0.1, float(millivolt.max()))
    clocks = data["example_decisions_s"]
    for at in detect_phase(time, phase).times_s:
        axis.plot([at * 1e12], [top * 1.12], "v", ms=5, c=INK)
        before = clocks[clocks <= at]
        if before.size:
            axis.annotate(
                f"+{(at - before[-1]) * 1e12:.1f} ps", (at * 1e12 + 5, top * 1.06), fontsize=7
            )
    axis.set_ylim(min(-0.1 * top, float(millivolt.min())), top * 1.3)
    axis.set_ylabel("output\njunction, mV")


def delays(delay_s: list[NDArray[np.float64]]) -> str:
    """Histogram of the time from decision clock to output pulse, one colour a layer."""
    plt = _pyplot()
    figure, axis = plt.subplots(figsize=(9, 1.9), layout="constrained")
    seen = [d[np.isfinite(d)] * 1e12 for d in delay_s]
    kept = [(i, d) for i, d in enumerate(seen) if d.size]
    if kept:
        axis.hist(
            [d for _, d in kept], bins=40, stacked=True, label=[f"layer {i}" for i, _ in kept]
        )
        axis.legend(frameon=False, fontsize=8)
    axis.set_xlabel("decision clock to output pulse (ps)")
    axis.set_ylabel("pulses")
    return _svg(figure, "time from decision clock to output pulse")


def timing(figures: TimingFigures) -> str:
    """Histogram of pulses' times, measured less predicted."""
    plt = _pyplot()
    figure, axis = plt.subplots(figsize=(9, 2.0), layout="constrained")
    axis.stairs(figures.counts, figures.bins_ps, fill=True, color=AGREED, alpha=0.75)
    axis.set_xlabel("measured less predicted, ps")
    axis.set_ylabel("pulses")
    axis.set_xlim(figures.bins_ps[0], figures.bins_ps[-1])
    axis.grid(axis="y", color=GRID, lw=0.6)
    axis.set_axisbelow(True)
    return _svg(figure, "times of output pulses against the timed reference")
