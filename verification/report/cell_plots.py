"""Plots of a cell's characterization, as matplotlib figures: saved as PNG and SVG."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from netlist_gen.files import atomic_path

if TYPE_CHECKING:
    from verification.characterize.files.summary import Characterization
    from verification.characterize.measure.margins import Margins
    from verification.characterize.measure.noise import NoiseResult
    from verification.characterize.measure.sweep import Sweep

BLUE, RED, GREY, INK = "#2b6cb0", "#c53030", "#a0aec0", "#2d3748"
PASS, FAIL = "#2f855a", "#fed7d7"
_STYLE: dict[Any, Any] = {
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "svg.hashsalt": "netlist-gen",
    "svg.fonttype": "none",
}
MOST_BARS = 40


def _pyplot() -> Any:
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    plt.rcParams.update(_STYLE)
    return plt


def save(figure: Any, stem: Path) -> tuple[str, list[Path]]:
    """Write STEM.png and STEM.svg; the SVG's text (for a page) and both paths."""
    plt = _pyplot()
    paths = [stem.with_suffix(".png"), stem.with_suffix(".svg")]
    for path in paths:
        with atomic_path(path) as temporary:
            metadata = {"Date": None} if path.suffix == ".svg" else {"Software": None}
            figure.savefig(temporary, dpi=150, bbox_inches="tight", metadata=metadata)
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", bbox_inches="tight", metadata={"Date": None})
    plt.close(figure)
    text = buffer.getvalue()
    return text[text.index("<svg") :], paths


def delay_plot(result: Characterization) -> Any:
    """Delay of every arc against the bias ratio, with the loads' delays at nominal."""
    plt = _pyplot()
    figure, axis = plt.subplots(figsize=(6.5, 3.6))
    pairs = list(dict.fromkeys((a.input, a.output) for a in result.arcs))
    for number, pair in enumerate(pairs):
        points = [
            (ratio, a.mean_s * 1e12, a.least_s * 1e12, a.most_s * 1e12)
            for ratio, arcs in sorted(result.by_bias.items())
            for a in arcs
            if (a.input, a.output) == pair
        ]
        if not points:
            continue
        x, mean, least, most = np.array(points).T
        colour = f"C{number % 10}"
        axis.plot(x, mean, "-o", ms=3, lw=1, c=colour, label=f"{pair[0]} to {pair[1]}")
        axis.fill_between(x, least, most, color=colour, alpha=0.15, lw=0)
        for marker, (load, arcs) in zip("s^vD", result.by_load.items(), strict=False):
            for a in arcs:
                if (a.input, a.output) == pair:
                    axis.plot(
                        [1.0], [a.mean_s * 1e12], marker, ms=5, c=colour, mfc="none",
                        label=f"{pair[0]} to {pair[1]}, load {load}",
                    )  # fmt: skip
    axis.set_xlabel("bias ratio")
    axis.set_ylabel("delay (ps)")
    axis.legend(frameon=False, fontsize=7)
    return figure


def margin_plot(margins: Margins) -> Any:
    """A bar for each parameter, the narrowest ``MOST_BARS`` at most, islands in outline."""
    plt = _pyplot()
    shared = [m for m in margins.margins if m.parameter.shared]
    single = sorted((m for m in margins.margins if not m.parameter.shared), key=lambda m: m.least)
    kept = {id(m) for m in single[: MOST_BARS - len(shared)]}
    shown = shared + [m for m in margins.margins if id(m) in kept]
    critical, _ = margins.critical
    figure, axis = plt.subplots(figsize=(6.5, 0.8 + 0.22 * len(shown)))
    for row, m in enumerate(shown):
        colour = RED if m is critical else (INK if m.parameter.shared else BLUE)
        low, high = m.low.last_pass, m.high.last_pass
        axis.barh(row, high - low, left=low, height=0.6, color=colour)
        for first, last in (*m.low.islands, *m.high.islands):
            step = margins.step / 2
            axis.barh(
                row, last - first + step, left=first - step / 2, height=0.6, fill=False, ec=GREY
            )
    axis.axvline(1.0, c="white", lw=1)
    axis.set_yticks(range(len(shown)), [m.parameter.name for m in shown])
    axis.set_ylim(len(shown) - 0.4, -0.6)
    axis.set_xlim(margins.low - 0.03, margins.high + 0.03)
    axis.set_xlabel("factor of nominal; red: critical, dark: global, outline: islands of passing")
    return figure


def sweep_plot(sweep: Sweep) -> Any:
    """A shmoo for two axes; delays and the failing points for one."""
    plt = _pyplot()
    figure, axis = plt.subplots(figsize=(5.5, 4.2))
    passed = sweep.passed()
    first = sweep.axes[0]
    if passed.ndim == 1:
        x = np.array(first.values)
        pairs = list(dict.fromkeys((a.input, a.output) for p in sweep.points for a in p.arcs))
        for pair in pairs:
            y = [
                next((a.mean_s * 1e12 for a in p.arcs if (a.input, a.output) == pair), np.nan)
                for p in sweep.points
            ]
            axis.plot(x, y, "-o", ms=3, lw=1, label=f"{pair[0]} to {pair[1]}")
        for value in x[~passed]:
            axis.axvline(value, c=FAIL, lw=4, zorder=0)
        axis.set_xlabel(_axis_label(first.name))
        axis.set_ylabel("delay (ps); red: fails")
        if pairs:
            axis.legend(frameon=False, fontsize=7)
        return figure
    from matplotlib.colors import ListedColormap

    second = sweep.axes[1]
    grid = passed if passed.ndim == 2 else passed.reshape(*passed.shape[:2], -1).all(axis=2)
    axis.pcolormesh(
        np.array(first.values), np.array(second.values), grid.T.astype(float),
        cmap=ListedColormap([FAIL, PASS]), vmin=0, vmax=1, shading="nearest", edgecolors="white",
        lw=0.3,
    )  # fmt: skip
    inside = all(a.values[0] <= 1.0 <= a.values[-1] for a in (first, second))
    if inside and "temperature" not in (first.name, second.name):
        axis.plot([1.0], [1.0], "+", c="white", ms=10)
    axis.set_xlabel(_axis_label(first.name))
    axis.set_ylabel(_axis_label(second.name))
    return figure


def _axis_label(name: str) -> str:
    if name == "temperature":
        return "temperature (K)"
    return f"{name} (factor of nominal)"


def noise_plot(noise: NoiseResult) -> Any:
    """Error rates with intervals; upper bounds as arrows; the extrapolated curve dashed."""
    plt = _pyplot()
    figure, axis = plt.subplots(figsize=(6.0, 3.6))
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
        axis.legend(frameon=False, fontsize=7)
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
        xs = [r.x for r in noise.rates if (r.x >= 0) == (side < 0)]
        curve = [10 ** noise.curve.log10_rate(x + 0.5, side=side)[0] for x in xs]
        shown = [(x, y) for x, y in zip(xs, curve, strict=True) if y > 1e-15]
        if shown:
            axis.plot(*zip(*shown, strict=True), "--", c=GREY, lw=1)


def overdrive_plot(result: Characterization) -> Any:
    """Delay from clock to output of a neuron against n - theta."""
    plt = _pyplot()
    figure, axis = plt.subplots(figsize=(6.0, 3.2))
    points = [(o.excess, o.delay_s * 1e12) for o in result.overdrive if o.delay_s is not None]
    silent = [o.excess for o in result.overdrive if not o.fired]
    if points:
        axis.plot(*zip(*points, strict=True), "-o", ms=4, c=BLUE, label="fires")
        base = min(d for _, d in points)
        axis.plot(silent, [base] * len(silent), "x", ms=4, c=GREY, label="does not fire")
    axis.set_xlabel("overdrive n - theta")
    axis.set_ylabel("clock to output (ps)")
    axis.legend(frameon=False, fontsize=7)
    return figure
