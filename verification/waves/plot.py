"""Waveforms drawn: one panel for each signal, or all in one."""

from __future__ import annotations

import fnmatch
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from netlist_gen.constants import TWO_PI
from netlist_gen.errors import ConfigurationError
from netlist_gen.files import atomic_path

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_PANELS = 24
"""Signals that are drawn where none is named."""

UNITS = {"P": ("rad", 1.0), "V": ("mV", 1e3), "I": ("µA", 1e6)}
"""Of each kind of signal: the unit it is drawn in, and that unit for one of SI."""

SUFFIXES = (".png", ".svg", ".pdf")


def chosen_signals(names: Sequence[str], patterns: Sequence[str] | str | None) -> list[str]:
    """The signals that any of the patterns (``P(B1*)``; case does not matter) names, in order.

    Raises:
        ConfigurationError: a pattern that no signal has.
    """
    if patterns is None:
        return list(names[:MOST_PANELS])
    found = []
    for pattern in [patterns] if isinstance(patterns, str) else patterns:
        plain = pattern.upper().replace("[", "[[]")
        fitting = [name for name in names if fnmatch.fnmatchcase(name, plain)]
        if not fitting:
            known = ", ".join(names[:6]) + (", ..." if len(names) > 6 else "")
            raise ConfigurationError(f"no signal is named {pattern!r}; there are {known}")
        found += fitting
    return list(dict.fromkeys(found))


def plot_signals(
    time_s: NDArray[np.float64],
    signals: Mapping[str, NDArray[np.float64]],
    out: Path | None = None,
    *,
    window_ps: tuple[float, float] | None = None,
    turns: bool = False,
    combined: bool = False,
) -> Figure:
    """Draw signals over time.

    Args:
        time_s: shape (samples,).
        signals: by name (``P(B1)``, ``V(1)``, ``I(L1)``), SI, each of shape (samples,).
        out: a file to write, .png, .svg or .pdf; it is whole or not there.
        window_ps: the times that are shown.
        turns: phases in turns of 2 pi, less the first sample's.
        combined: all signals of a kind in one panel.

    Raises:
        ConfigurationError: another suffix, or the file can't be written.
    """
    if out is not None and out.suffix.lower() not in SUFFIXES:
        raise ConfigurationError(f"{out}: plots are written to {', '.join(SUFFIXES)}")
    panels = [[name] for name in signals]
    if combined:
        kinds = dict.fromkeys(name[0] for name in signals)
        panels = [[name for name in signals if name[0] == kind] for kind in kinds]
    figure = _figure(height=0.6 + 1.1 * max(2, len(panels)))
    axes = figure.subplots(len(panels), 1, sharex=True, squeeze=False)[:, 0]
    time_ps = time_s * 1e12
    for axis, panel in zip(axes, panels, strict=True):
        for name in panel:
            unit, scale = UNITS.get(name[0], ("", 1.0))
            values = signals[name] * scale
            if turns and name[0] == "P":
                unit, values = "2π", (values - values[0]) / TWO_PI
            axis.plot(time_ps, values, lw=1.0, label=name)
        axis.set_ylabel(unit)
        axis.legend(loc="upper left", fontsize=7, frameon=False)
        axis.grid(color="#e2e8f0", lw=0.6)
        axis.spines[["top", "right"]].set_visible(False)
    axes[-1].set_xlabel("time, ps")
    if window_ps is not None:
        axes[-1].set_xlim(*window_ps)
    elif time_ps.size > 1:
        axes[-1].set_xlim(float(np.min(time_ps)), float(np.max(time_ps)))
    if out is not None:
        with atomic_path(out) as path:
            figure.savefig(path, dpi=150)
    return figure


def _figure(height: float) -> Figure:
    """A figure that notebooks show, whether pyplot is loaded or not."""
    from matplotlib.figure import Figure

    class Shown(Figure):
        def _repr_png_(self) -> bytes:
            image = io.BytesIO()
            self.savefig(image, format="png", dpi=100)
            return image.getvalue()

    return Shown(figsize=(9, height), layout="constrained")
