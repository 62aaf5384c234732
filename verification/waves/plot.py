"""Waveforms drawn: a picture of some signals, or an interactive page of many."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from netlist_gen.errors import ConfigurationError
from netlist_gen.figures import INK, new_figure, styled
from netlist_gen.files import atomic_path
from verification.waves.interactive import write_page
from verification.waves.kinds import PAGE, PICTURES
from verification.waves.options import PlotOptions
from verification.waves.traces import (
    FloatArray,
    Sampled,
    Trace,
    chosen_signals,
    shown_samples,
    trace_of,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FIRST_PANELS = 24
"""Signals that a picture holds where none is named."""

MOST_PANELS = 60
"""Panels of a picture; beyond, none can be read."""


def plot_waveforms(
    waves: Sampled,
    signals: Sequence[str] | str | None = None,
    out: Path | None = None,
    options: PlotOptions | None = None,
    title: str = "",
) -> Figure | Path:
    """Draw signals over time.

    Args:
        waves: the waveforms.
        signals: names or patterns (``P(B1*)``); None is all in a page, the first in a picture.
        out: a file to write, .png, .svg, .pdf or .html; it is whole or not there. None is a figure.
        options: layout, units, window, marks.
        title: of a page.

    Returns:
        the figure; of an interactive page its path.

    Raises:
        ConfigurationError: another suffix, a signal or a time that is not there, more signals
            than can be shown, a page without plotly, or the file can't be written.
    """
    options = options or PlotOptions()
    suffix = "" if out is None else out.suffix.lower()
    if out is not None and suffix not in PICTURES:
        raise ConfigurationError(f"{out}: plots are written to {', '.join(PICTURES)}")
    names = chosen_signals(waves.names, signals)
    if out is not None and suffix == PAGE:
        return write_page(waves, names, out, options, title or out.stem)
    every = len(names)
    if signals is None:
        names = names[:FIRST_PANELS]
    elif len(names) > MOST_PANELS and options.layout != "combined":
        raise ConfigurationError(
            f"{len(names)} signals are named; a picture has at most {MOST_PANELS} panels: name "
            f"fewer, give --layout combined, or write {PAGE}"
        )
    shown = shown_samples(waves.time_s, options.window_ps)
    traces = [trace_of(n, waves.time_s, waves.signal(n), options, shown) for n in names]
    cut = f"; {len(names)} of {every} signals" if len(names) < every else ""
    figure = _figure(waves.time_s[shown], traces, options, f"time (ps){cut}")
    if out is not None:
        with atomic_path(out) as path:
            figure.savefig(path, dpi=150)
    return figure


@styled
def _figure(
    time_s: FloatArray, traces: Sequence[Trace], options: PlotOptions, label: str
) -> Figure:
    panels = [[trace] for trace in traces]
    if options.layout == "combined":
        units = dict.fromkeys(trace.unit for trace in traces)
        panels = [[trace for trace in traces if trace.unit == unit] for unit in units]
    columns = 1
    if options.layout == "grid":
        columns = min(4, math.ceil(math.sqrt(len(panels))))
    rows = math.ceil(len(panels) / columns)
    tall = 2.6 if options.layout == "combined" else 1.1
    figure = new_figure(9.0 if columns == 1 else 3.2 * columns, 0.6 + tall * max(rows, 2))
    grid = figure.subplots(rows, columns, sharex=True, squeeze=False)
    for axis, panel in zip(grid.flat, panels, strict=False):
        _panel(axis, time_s, panel)
    for axis in grid.flat[len(panels) :]:
        axis.set_visible(False)
    for column in range(columns):
        lowest = grid[(len(panels) - 1 - column) // columns, column]
        lowest.set_xlabel(label)
        lowest.tick_params(labelbottom=True)
    if options.window_ps is not None:
        grid[0, 0].set_xlim(*options.window_ps)
    elif time_s.size > 1:
        grid[0, 0].set_xlim(time_s[0] * 1e12, time_s[-1] * 1e12)
    return figure


def _panel(axis: Axes, time_s: FloatArray, panel: Sequence[Trace]) -> None:
    for trace in panel:
        (line,) = axis.plot(time_s * 1e12, trace.values, lw=1.0, label=trace.name)
        if trace.pulses_s.size:
            heights = np.interp(trace.pulses_s, time_s, trace.values)
            colour = INK if len(panel) == 1 else line.get_color()
            axis.plot(trace.pulses_s * 1e12, heights, "v", ms=4, c=colour)
    axis.set_ylabel(panel[0].unit)
    axis.margins(y=0.12)
    # Beside the lines where there are many, above them where there is one.
    if len(panel) > 1:
        axis.legend(loc="upper left", bbox_to_anchor=(1.0, 1.02), fontsize=7)
    else:
        axis.set_title(panel[0].name, loc="left", fontsize=8, pad=2)
    axis.grid()
