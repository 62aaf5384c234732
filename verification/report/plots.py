"""Plots of the report, as SVG text that stands in the HTML file itself."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from netlist_gen.constants import PHI0, TWO_PI
from netlist_gen.figures import (
    BLUE,
    BROWN,
    GREEN,
    GRID,
    INK,
    PURPLE,
    RED,
    SHADE,
    SOFT,
    new_figure,
    styled,
    svg_text,
)  # fmt: skip

if TYPE_CHECKING:
    from verification.verdict.figures import TimingFigures

EXCITATORY, INHIBITORY, BOTTOM, TOP = BLUE, BROWN, GREEN, PURPLE


@styled
def waveforms(data: dict[str, NDArray[Any]]) -> str:
    """One neuron over some windows: fluxons stored, n, the decision's SQUIDs, the output.

    Args:
        data: the ``example_*`` arrays of ``results.npz``: phases in rad of the output, of the
            junctions that set and clear each storage loop and of the four of the SQUIDs, over
            ``example_time_s``; sign and input line of each loop (-1: the neuron's own pulses), and
            the fluxons that it holds as the first window begins; bounds, decision clocks, count
            n, expected pulse and whether the clock comes of each window, and, where it was judged,
            pulses measured and whether it is wrong; ``example_theta``.
    """
    time_ps = data["example_time_s"] * 1e12
    signs = data["example_signs"]
    strips = float(np.clip(0.16 * signs.size, 0.5, 4.0))
    figure = new_figure(9, strips + 4.8)
    axes = figure.subplots(4, 1, height_ratios=[strips, 1.2, 1.3, 1.2], sharex=True)
    stored = (data["example_set"] - data["example_clear"]) / TWO_PI
    stored = stored - np.rint(stored[:, :1]) + data["example_held"][:, None]
    _storage(axes[0], time_ps, stored, signs, data["example_lines"])
    _count(axes[1], time_ps, signs @ np.rint(stored), data)  # whole fluxons
    _squids(axes[2], data)
    _output(axes[3], data)
    _windows(axes, data)
    bounds = data["example_bounds_s"] * 1e12
    axes[-1].set_xlim(bounds[0], bounds[-1])
    axes[-1].set_xlabel("time (ps); dotted: decision clock; blue: a pulse is expected")
    return svg_text(figure, "waveforms of one neuron")


def _windows(axes: Any, data: dict[str, NDArray[Any]]) -> None:
    """The windows behind all panels: what is expected in each, and where it is not what came."""
    bounds, clocks = data["example_bounds_s"] * 1e12, data["example_decisions_s"] * 1e12
    fires, theta = data["example_fires"], int(data["example_theta"])
    clocked = data["example_clocked"]
    wrong = data.get("example_wrong", np.zeros(fires.shape, dtype=bool))
    pulses = data.get("example_pulses", fires.astype(np.int8))
    for w, (begin, end) in enumerate(pairwise(bounds.tolist())):
        for axis in axes:
            if fires[w]:
                axis.axvspan(begin, end, color=SHADE, lw=0, zorder=-2)
            if wrong[w]:
                axis.axvspan(begin, end, fc="none", ec=RED, lw=1.4, zorder=3, clip_on=False)
            axis.axvline(begin, c=GRID, lw=0.8, zorder=-1)
            if clocked[w]:
                axis.axvline(clocks[w], c=SOFT, lw=0.8, ls=":", zorder=-1)
        count = data["example_count"][w]
        words = f"n = {count}" + (f" ≥ {theta}: fires" if count >= theta else f" < {theta}")
        words = words if clocked[w] else "a sample begins"
        if wrong[w]:
            words += f"\nWRONG: expected {int(fires[w])},\nmeasured {int(pulses[w])}"
        axes[0].annotate(
            words,
            ((begin + end) / 2, 1.02),
            xycoords=("data", "axes fraction"),
            ha="center",
            fontsize=8,
            color=RED if wrong[w] else INK,
            weight="bold" if wrong[w] else "normal",
        )


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
        height = 0.75 / max(1.0, float(np.rint(stored).max()))
        axis.fill_between(time_ps, base, base + height * loop, color=colour, lw=0, alpha=0.85)
        axis.axhline(base, c=GRID, lw=0.5, zorder=-1)
    shown = range(0, signs.size, 1 + signs.size // 24)
    axis.set_yticks([signs.size - 1 - row + 0.35 for row in shown])
    axis.set_yticklabels(
        [
            f"{'+' if signs[row] > 0 else '−'} {lines[row] if lines[row] >= 0 else 'own'}"
            for row in shown
        ],
        fontsize=7,
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
    axis.axhline(theta - 0.5, c=RED, lw=0.9, ls="--", label=f"threshold: n ≥ {theta} fires")
    found, clocked = data["example_count"], data["example_clocked"]
    at_ps = data["example_decisions_s"][clocked] * 1e12
    axis.plot(at_ps, found[clocked], "o", ms=4, c=INK, label="n expected")
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
    axis.plot(time * 1e12, millivolt, c=BLUE, lw=1.1)
    top = max(0.1, float(millivolt.max()))
    clocks = data["example_decisions_s"]
    fires = data["example_fires"]
    came = np.zeros(fires.shape, dtype=int)
    for at in detect_phase(time, phase).times_s:
        window = int(np.searchsorted(clocks, at, side="right")) - 1
        expected = window >= 0 and bool(fires[window]) and not came[window]
        colour = INK if expected else RED
        axis.plot([at * 1e12], [top * 1.12], "v", ms=5 if expected else 8, c=colour)
        if window >= 0:
            came[window] += 1
            axis.annotate(
                f"+{(at - clocks[window]) * 1e12:.1f} ps" + ("" if expected else " wrong"),
                (at * 1e12 + 5, top * 1.06), fontsize=7, color=colour,
            )  # fmt: skip
    for silent in np.flatnonzero(fires & (came == 0)).tolist():
        axis.plot([clocks[silent] * 1e12], [top * 1.12], "v", ms=8, mfc="none", mec=RED)
        axis.annotate("missing", (clocks[silent] * 1e12 + 5, top * 1.06), fontsize=7, color=RED)
    axis.set_ylim(min(-0.1 * top, float(millivolt.min())), top * 1.3)
    axis.set_ylabel("output\njunction, mV")


@styled
def delays(delay_s: list[NDArray[np.float64]]) -> str | None:
    """Histogram of the time from decision clock to output pulse by layer; None without a pulse."""
    seen = [d[np.isfinite(d)] * 1e12 for d in delay_s]
    kept = [(i, d) for i, d in enumerate(seen) if d.size]
    if not kept:
        return None
    figure = new_figure(9, 1.9)
    axis = figure.subplots()
    axis.hist([d for _, d in kept], bins=40, stacked=True, label=[f"layer {i}" for i, _ in kept])
    axis.legend()
    axis.set_xlabel("decision clock to output pulse (ps)")
    axis.set_ylabel("pulses")
    return svg_text(figure, "time from decision clock to output pulse")


@styled
def timing(figures: TimingFigures) -> str:
    """Histogram of pulses' times, measured less predicted."""
    figure = new_figure(9, 2.0)
    axis = figure.subplots()
    axis.stairs(figures.counts, figures.bins_ps, fill=True, color=BLUE, alpha=0.75)
    axis.set_xlabel("measured less predicted, ps")
    axis.set_ylabel("pulses")
    axis.set_xlim(figures.bins_ps[0], figures.bins_ps[-1])
    axis.grid(axis="y", color=GRID, lw=0.6)
    axis.set_axisbelow(True)
    return svg_text(figure, "times of output pulses against the timed reference")
