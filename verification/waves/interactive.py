"""An interactive page of waveforms: one file that fetches nothing, drawn by plotly.

Thousands of samples of hundreds of signals are more than a page should hold. From ``MOST_NUMBERS``
on each signal is cut into stretches of so many samples, of each of which the least and the greatest
value are kept, in their order: what is narrower than a stretch is seen all the same. The page says
so.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from netlist_gen.errors import ConfigurationError
from netlist_gen.files import write_text
from netlist_gen.resources import template
from verification.waves.options import PlotOptions
from verification.waves.traces import FloatArray, Sampled, shown_samples, trace_of

MOST_NUMBERS = 1_500_000
"""Values in a page, as 4 bytes each in base64: 8 MB beside the 5 MB of plotly."""

LEAST_POINTS = 400
"""Of a signal: with fewer it is no curve any more."""

FIRST_SHOWN = 12
"""Signals that are drawn when the page opens; the others are one click away."""


def write_page(
    waves: Sampled, names: Sequence[str], out: Path, options: PlotOptions, title: str
) -> Path:
    """Write the page and return its path.

    Args:
        waves: the waveforms.
        names: of the signals it holds; the first ones are drawn when it opens.
        out: the file.
        options: layout, units, window and marks.
        title: of the page.

    Raises:
        ConfigurationError: plotly is not installed, there are more signals than a page holds, or
            no sample in the window, or the file can't be written.
    """
    most = MOST_NUMBERS // LEAST_POINTS
    if not names or len(names) > most:
        raise ConfigurationError(
            f"{out}: a page holds 1 to {most} signals, not {len(names)}; choose some by --signals"
        )
    library = _plotly(out)
    shown = shown_samples(waves.time_s, options.window_ps)
    times = waves.time_s[shown]
    width = stretch(times.size, MOST_NUMBERS // len(names))
    data = {
        "time": _base64(drawn_times(times * 1e12, width).astype("<f8")),
        "layout": options.layout,
        "window": None if options.window_ps is None else list(options.window_ps),
        "first": FIRST_SHOWN,
        "signals": [_signal(name, waves, options, shown, width) for name in names],
    }
    note = f"{len(names)} signal{'' if len(names) == 1 else 's'}, {times.size} samples"
    if width > 1:
        apart = float(np.diff(times).mean()) * width * 1e12
        note += (
            f"; drawn are the least and the greatest value of every {width} samples "
            f"({apart:.3g} ps), so that no peak is lost; a shorter window (--window) or "
            "fewer signals show more"
        )
    page = template("report/waveforms.html.j2").render(
        title=title, note=f"{note}.", data=data, figures={"plotly": library}
    )
    write_text(out, page)
    return out


def _plotly(out: Path) -> str:
    """The text of plotly.js. Raises ConfigurationError where it is not installed."""
    try:
        from plotly.offline import get_plotlyjs
    except ImportError:
        raise ConfigurationError(
            f"{out}: an interactive page needs plotly (pip install 'netlist-gen[plot]'); .png, "
            ".svg and .pdf need nothing more"
        ) from None
    return str(get_plotlyjs())


def _signal(
    name: str, waves: Sampled, options: PlotOptions, shown: slice, width: int
) -> dict[str, object]:
    trace = trace_of(name, waves.time_s, waves.signal(name), options, shown)
    heights = np.interp(trace.pulses_s, waves.time_s[shown], trace.values)
    return {
        "name": name,
        "unit": trace.unit,
        "values": _base64(extremes(trace.values, width).astype("<f4")),
        "pulses": (trace.pulses_s * 1e12).round(4).tolist(),
        "heights": [float(f"{height:.6g}") for height in heights],
    }


def stretch(samples: int, most: int) -> int:
    """How many samples stand behind two numbers, so that there are at most ``most`` of these.

    1 is each sample as it is.
    """
    return 1 if samples <= most else -(-2 * samples // max(2, most - 2))


def extremes(values: FloatArray, width: int) -> FloatArray:
    """Least and greatest value of each stretch, in the order in which they come.

    Args:
        values: shape (samples,).
        width: samples of a stretch; the last may be shorter.

    Returns:
        shape (2 * stretches,), or the values themselves for a width of 1.
    """
    if width == 1:
        return values
    padded = np.pad(values, (0, -values.size % width), mode="edge").reshape(-1, width)
    at = np.sort(np.stack([padded.argmin(axis=1), padded.argmax(axis=1)], axis=1), axis=1)
    return np.take_along_axis(padded, at, axis=1).ravel()


def drawn_times(times: FloatArray, width: int) -> FloatArray:
    """Where the values of ``extremes`` are drawn: at the begin and the middle of each stretch."""
    if width == 1:
        return times
    begins = np.arange(0, times.size, width)
    middles = np.minimum(begins + width // 2, times.size - 1)
    return np.stack([times[begins], times[middles]], axis=1).ravel()


def _base64(array: NDArray[np.generic]) -> str:
    return base64.b64encode(np.ascontiguousarray(array).tobytes()).decode("ascii")
