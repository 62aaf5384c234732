"""The searches of an optimizer, and what it changed, as a matplotlib figure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netlist_gen.figures import BLUE, GREY, INK, PALE, new_figure, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from verification.characterize.optimize.result import Optimized

_UNITS = {
    "margin": (100.0, "least margin (%)"),
    "yield": (100.0, "yield, less what is lacking (%)"),
    "delay": (1.0, "delay (ps), more where margin lacks"),
}
"""Of merits: their scale and what they are called."""


@styled
def optimized_plot(found: Optimized) -> Figure:
    """The merit against simulations, a line for each search; factors between their bounds."""
    changes = [c for c in found.changes if c.low != c.high]
    figure = new_figure(9.0, max(3.0, 0.9 + 0.19 * len(changes)))
    left, right = figure.subplots(1, 2, width_ratios=[1.25, 1.0])
    scale, words = _UNITS[found.goal]
    sign = -1.0 if found.goal == "delay" else 1.0
    for start in range(found.starts):
        steps = [s for s in found.history if s.start == start]
        left.plot(
            [s.trials for s in steps], [sign * scale * s.merit for s in steps], "-o", ms=3, lw=1.2,
            label="from the cell" if start == 0 else f"from about the best, {start}",
        )  # fmt: skip
    last = found.history[-1]
    left.plot([last.trials], [sign * scale * last.merit], "D", ms=5, c=INK, label="in steps")
    left.set_xlabel("simulations")
    left.set_ylabel(words)
    left.grid()
    left.legend(fontsize=7)
    for row, c in enumerate(changes):
        right.plot([c.low, c.high], [row, row], "-", lw=1, c=PALE)
        right.plot([c.low, c.high], [row, row], "|", ms=7, c=GREY)
        right.plot([1.0, c.factor], [row, row], "-", lw=3, c=BLUE)
        right.plot([c.factor], [row], "o", ms=4, c=BLUE)
    right.axvline(1.0, c=GREY, lw=0.8)
    right.set_xscale("log", base=2)
    right.xaxis.set_major_formatter(lambda x, _: f"{x:g}")
    right.set_yticks(range(len(changes)), [c.element for c in changes], fontsize=7)
    right.set_ylim(len(changes) - 0.5, -0.5)
    right.set_xlabel("factor of the value before; marks: bounds")
    return figure
