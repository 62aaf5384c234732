"""Plots of a cell's characterization, as matplotlib figures: saved as PNG and SVG."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from netlist_gen.figures import (
    ALARM,
    BLUE,
    BROWN,
    GREEN,
    GREY,
    INK,
    ORANGE,
    PALE,
    PURPLE,
    RED,
    new_figure,
    styled,
    svg_text,
)  # fmt: skip
from netlist_gen.files import atomic_path
from verification.waves.options import PlotOptions
from verification.waves.traces import shown_samples, trace_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from verification.characterize.files.summary import Characterization
    from verification.characterize.measure.margins import Margin, Margins
    from verification.characterize.measure.noise import NoiseResult
    from verification.characterize.measure.sweep import Sweep
    from verification.waves.waveforms import Waveforms

WIDE = 9.0
"""Inches: all plots are as wide as the page."""

ALIKE_S = 5e-15
"""Curves that are nowhere farther apart lie on each other, and are drawn as one."""

MOST_JUNCTIONS = 10
"""Whose phases are drawn with the stimulus."""

MOST_REASONS = 5
"""Why points of a sweep fail: so many are told apart."""


@styled
def save(figure: Figure, stem: Path, title: str) -> tuple[str, list[Path]]:
    """Write STEM.png and STEM.svg; the SVG's text for a page, and both paths."""
    paths = [stem.with_suffix(".png"), stem.with_suffix(".svg")]
    for path in paths:
        with atomic_path(path) as temporary:
            metadata = {"Date": None} if path.suffix == ".svg" else {"Software": None}
            figure.savefig(temporary, dpi=150, bbox_inches="tight", metadata=metadata)
    return svg_text(figure, title), paths


@styled
def stimulus_plot(result: Characterization, waves: Waveforms) -> Figure:
    """The stimulus: voltage pulses at the ports, marked, and phases of the cell's junctions."""
    ports = [f"P({port})".upper() for port in (*result.inputs, *result.outputs)]
    junctions = [name for name in waves.names if name not in ports][:MOST_JUNCTIONS]
    whole = shown_samples(waves.time_s, None)
    figure = new_figure(WIDE, 0.7 * len(ports) + 2.6)
    axes = figure.subplots(
        len(ports) + 1, 1, sharex=True, height_ratios=[*[1.0] * len(ports), 2.6], squeeze=False
    )[:, 0]
    time_ps = waves.time_s * 1e12
    pulses = PlotOptions(phases="pulses", marks=True)
    for number, (axis, name) in enumerate(zip(axes, ports, strict=False)):
        trace = trace_of(name, waves.time_s, waves.signal(name), pulses, whole)
        port = (*result.inputs, *result.outputs)[number]
        colour = BLUE if port in result.inputs else GREEN
        axis.plot(time_ps, trace.values, lw=1.0, c=colour)
        top = float(trace.values.max(initial=0.1))
        at = trace.pulses_s * 1e12
        axis.plot(at, np.full(at.shape, 1.15 * top), "v", ms=4, c=INK, clip_on=False)
        for pulse in at:
            axis.annotate(f"{pulse:.1f}", (pulse + 1, 1.02 * top), fontsize=6.5)
        axis.set_ylabel(f"{port}\nmV")
        axis.set_ylim(-0.15 * top, 1.3 * top)
    turns = PlotOptions(phases="2pi")
    for name in junctions:
        trace = trace_of(name, waves.time_s, waves.signal(name), turns, whole)
        axes[-1].plot(time_ps, trace.values, lw=1.0, label=name[2:-1])
    axes[-1].set_ylabel("phases of\njunctions, 2π")
    axes[-1].set_xlabel("time (ps); triangles: pulses, timed where the phase crosses the middle")
    axes[-1].set_xlim(time_ps[0], time_ps[-1])
    axes[-1].grid()
    axes[-1].legend(loc="upper left", bbox_to_anchor=(1.0, 1.02), fontsize=7)
    return figure


@styled
def delay_plot(result: Characterization) -> Figure:
    """Delay of every arc against the bias ratio, with the loads' delays at nominal."""
    figure = new_figure(WIDE, 3.4)
    axis = figure.subplots()
    pairs = list(dict.fromkeys((a.input, a.output) for a in result.arcs))
    curves = {}
    for pair in pairs:
        points = [
            (ratio, a.mean_s, a.least_s, a.most_s)
            for ratio, arcs in sorted(result.by_bias.items())
            for a in arcs
            if (a.input, a.output) == pair
        ]
        if points:
            curves[pair] = np.array(points).T
    for number, group in enumerate(alike(curves)):
        x, mean, least, most = curves[group[0]]
        colour = f"C{number % 10}"
        words = ", ".join(f"{one} to {other}" for one, other in group)
        label = f"{words} (alike)" if len(group) > 1 else words
        axis.plot(x, mean * 1e12, "-o", ms=3, lw=1.2, c=colour, label=label)
        axis.fill_between(x, least * 1e12, most * 1e12, color=colour, alpha=0.15, lw=0)
        for marker, (load, arcs) in zip("s^vD", result.by_load.items(), strict=False):
            for a in arcs:
                if (a.input, a.output) == group[0]:
                    axis.plot(
                        [1.0], [a.mean_s * 1e12], marker, ms=5, c=colour, mfc="none",
                        label=f"{words}, load {load}",
                    )  # fmt: skip
    axis.set_xlabel("bias ratio; bands: least to most over the steps of the stimulus")
    axis.set_ylabel("delay (ps)")
    axis.grid()
    if curves:
        axis.legend(fontsize=7)
    return figure


def alike(curves: dict[tuple[str, str], Any]) -> list[list[tuple[str, str]]]:
    """Names of curves, those that lie on each other together."""
    groups: list[list[tuple[str, str]]] = []
    for name, curve in curves.items():
        for group in groups:
            first = curves[group[0]]
            if first.shape == curve.shape and np.allclose(first, curve, rtol=0.0, atol=ALIKE_S):
                group.append(name)
                break
        else:
            groups.append([name])
    return groups


def by_width(margins: Margins) -> list[Margin]:
    """All margins, the narrowest first."""
    return sorted(margins.margins, key=lambda m: m.least)


@styled
def margin_plot(margins: Margins) -> Figure:
    """A bar for each parameter, the narrowest first, islands in outline, open ends as arrows."""
    shown = by_width(margins)
    critical, _ = margins.critical
    figure = new_figure(WIDE, 0.9 + 0.21 * len(shown))
    axis = figure.subplots()
    for row, m in enumerate(shown):
        colour = RED if m is critical else (INK if m.parameter.shared else BLUE)
        low, high = 100 * (m.low.last_pass - 1.0), 100 * (m.high.last_pass - 1.0)
        axis.barh(row, high - low, left=low, height=0.62, color=colour)
        for side, at, arrow in ((m.low, low, "<"), (m.high, high, ">")):
            if side.first_fail is None:
                axis.plot([at], [row], arrow, ms=5, c=colour, clip_on=False)
        for first, last in (*m.low.islands, *m.high.islands):
            step = margins.step / 2
            axis.barh(
                row, 100 * (last - first + step), left=100 * (first - 1.0 - step / 2),
                height=0.62, fill=False, ec=GREY,
            )  # fmt: skip
    axis.axvline(0.0, c=PALE, lw=1)
    axis.set_yticks(range(len(shown)), [m.parameter.name for m in shown], fontsize=7)
    axis.set_ylim(len(shown) - 0.4, -0.6)
    axis.set_xlim(100 * (margins.low - 1.05), 100 * (margins.high - 0.95))
    axis.set_xlabel(
        "% of nominal; red: critical, dark: all of a kind, outline: islands of passing, arrow: no "
        "failure found"
    )
    return figure


def reasons(sweep: Sweep) -> list[tuple[str, int]]:
    """Why points fail, and how many, the most frequent first."""
    return Counter(p.reason for p in sweep.points if p.reason).most_common()


@styled
def sweep_plot(sweep: Sweep) -> Figure:
    """A shmoo for two axes; delays and the failing points for one. Both have a key."""
    return _delays_swept(sweep) if len(sweep.axes) == 1 else _shmoo(sweep)


def _delays_swept(sweep: Sweep) -> Figure:
    from matplotlib.patches import Patch

    figure = new_figure(WIDE, 3.4)
    axis = figure.subplots()
    x = np.array(sweep.axes[0].values)
    pairs = list(dict.fromkeys((a.input, a.output) for p in sweep.points for a in p.arcs))
    curves = {
        pair: np.array(
            [
                next((a.mean_s for a in p.arcs if (a.input, a.output) == pair), np.nan)
                for p in sweep.points
            ]
        )
        for pair in pairs
    }
    for group in alike({name: np.nan_to_num(curve) for name, curve in curves.items()}):
        words = ", ".join(f"{one} to {other}" for one, other in group)
        label = f"{words} (alike)" if len(group) > 1 else words
        axis.plot(x, curves[group[0]] * 1e12, "-o", ms=3, lw=1.2, label=label)
    half = (x[1] - x[0]) / 2
    for value in x[~sweep.passed()]:
        axis.axvspan(value - half, value + half, color=ALARM, lw=0, zorder=0)
    handles = axis.get_legend_handles_labels()[0]
    if not sweep.passed().all():
        handles.append(Patch(color=ALARM, label="fails"))
    axis.legend(handles=handles, fontsize=7)
    axis.set_xlabel(_axis_label(sweep.axes[0].name))
    axis.set_ylabel("delay (ps)")
    axis.grid()
    return figure


def _shmoo(sweep: Sweep) -> Figure:
    from matplotlib.colors import ListedColormap
    from matplotlib.patches import Patch

    first, second = sweep.axes[:2]
    known = [reason for reason, _ in reasons(sweep)[:MOST_REASONS]]
    colours = [GREEN, RED, ORANGE, PURPLE, BROWN, BLUE, GREY]
    # With a third axis a place passes where all of its points do; the first failure counts.
    codes = np.zeros(sweep.passed().shape, dtype=int)
    for index, point in zip(np.ndindex(*codes.shape), sweep.points, strict=True):
        if point.reason:
            at = known.index(point.reason) if point.reason in known else MOST_REASONS
            codes[index] = 1 + at
    grid = codes.reshape(*codes.shape[:2], -1).max(axis=2)
    figure = new_figure(WIDE, 4.6 + 0.17 * (1 + len(known)))
    axis = figure.subplots()
    axis.pcolormesh(
        np.array(first.values), np.array(second.values), grid.T, cmap=ListedColormap(colours),
        vmin=-0.5, vmax=len(colours) - 0.5, shading="nearest", edgecolors="white", lw=0.3,
        alpha=0.8,
    )  # fmt: skip
    inside = all(a.values[0] <= 1.0 <= a.values[-1] for a in (first, second))
    if inside and "temperature" not in (first.name, second.name):
        axis.plot([1.0], [1.0], "+", c="white", ms=12, mew=2)
    axis.set_xlabel(_axis_label(first.name))
    axis.set_ylabel(_axis_label(second.name))
    handles = [Patch(color=GREEN, label=f"passes: {int((grid == 0).sum())}")]
    for number, reason in enumerate([*known, "other reasons"], 1):
        count = int((grid == number).sum())
        if count:
            handles.append(Patch(color=colours[number], label=f"{count}: {_short(reason)}"))
    figure.legend(handles=handles, loc="outside lower left", fontsize=7)
    return figure


def _short(text: str, most: int = 110) -> str:
    return text if len(text) <= most else f"{text[: most - 3]}..."


def _axis_label(name: str) -> str:
    if name == "temperature":
        return "temperature (K)"
    return f"{name} (factor of nominal)"


@styled
def noise_plot(noise: NoiseResult) -> Figure:
    """Error rates with intervals; upper bounds as arrows; the extrapolated curve dashed."""
    figure = new_figure(WIDE, 3.4)
    axis = figure.subplots()
    for r in noise.rates:
        if r.errors:
            axis.plot([r.x, r.x], [max(r.low, 1e-12), r.high], "-", c=BLUE, lw=1)
            axis.plot([r.x], [r.rate], "o", ms=4, c=BLUE)
        else:
            axis.plot([r.x], [r.high], "v", ms=5, c=BLUE, mfc="none")
    if noise.curve is not None and noise.axis != "overdrive":
        xs = np.linspace(min(r.x for r in noise.rates), max(r.x for r in noise.rates), 200)
        at = 1 / np.sqrt(xs) if noise.axis == "temperature" else xs
        curve = np.array([noise.curve.log10_rate(float(v)) for v in at])
        keep = curve[:, 0] > -15
        axis.plot(xs[keep], 10 ** curve[keep, 0], "--", c=GREY, lw=1, label="grey zone, fitted")
        axis.fill_between(
            xs[keep], 10 ** np.maximum(curve[keep, 1], -18), 10 ** curve[keep, 2], color=GREY,
            alpha=0.25, lw=0, label="its 95 % interval: extrapolated where no error was counted",
        )  # fmt: skip
        axis.legend(fontsize=7)
    if noise.curve is not None and noise.axis == "overdrive":
        _overdrive_tails(axis, noise)
    axis.set_yscale("log")
    labels = {"temperature": "temperature of the noise (K)", "overdrive": "n - theta"}
    axis.set_xlabel(labels.get(noise.axis, f"{noise.axis} ratio"))
    axis.set_ylabel("error rate; triangles: upper bound")
    return figure


def _overdrive_tails(axis: Any, noise: NoiseResult) -> None:
    """Fitted error rates on either side of the threshold, where not beyond 1e-15."""
    assert noise.curve is not None
    for side in (-1.0, 1.0):
        xs: Sequence[float] = [r.x for r in noise.rates if (r.x >= 0) == (side < 0)]
        curve = [10 ** noise.curve.log10_rate(x + 0.5, side=side)[0] for x in xs]
        shown = [(x, y) for x, y in zip(xs, curve, strict=True) if y > 1e-15]
        if shown:
            axis.plot(*zip(*shown, strict=True), "--", c=GREY, lw=1)


@styled
def overdrive_plot(result: Characterization) -> Figure:
    """Delay from clock to output of a neuron against n - theta."""
    figure = new_figure(WIDE, 3.0)
    axis = figure.subplots()
    points = [(o.excess, o.delay_s * 1e12) for o in result.overdrive if o.delay_s is not None]
    silent = [o.excess for o in result.overdrive if not o.fired]
    if points:
        axis.plot(*zip(*points, strict=True), "-o", ms=4, c=BLUE, label="fires")
        base = min(d for _, d in points)
        axis.plot(silent, [base] * len(silent), "x", ms=4, c=GREY, label="does not fire")
        axis.legend(fontsize=7)
    axis.set_xlabel("overdrive n - theta")
    axis.set_ylabel("clock to output (ps)")
    axis.grid()
    return figure
