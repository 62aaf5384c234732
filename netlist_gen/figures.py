"""How figures look: colours, fonts, and SVG that takes the theme of the page it stands in."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar
from xml.sax.saxutils import quoteattr

if TYPE_CHECKING:
    from matplotlib.figure import Figure

INK, SOFT, GRID, PAPER = "#2d3748", "#4a5568", "#e2e8f0", "#fdfefe"
BLUE, RED, ORANGE, GREEN, PURPLE, BROWN = (
    "#2b6cb0", "#c53030", "#dd6b20", "#2f855a", "#805ad5", "#c05621",
)  # fmt: skip
GREY, PALE, SHADE, ALARM = "#a0aec0", "#cbd5e0", "#ebf8ff", "#fed7d7"
CYCLE = (BLUE, ORANGE, GREEN, PURPLE, RED, "#0987a0", "#97266d", "#718096", "#b7791f", "#2c5282")
"""Colours of lines, in order."""

THEMED = {
    INK: "ink", SOFT: "soft", GRID: "line", PAPER: "paper", BLUE: "blue", RED: "bad",
    ORANGE: "orange", GREEN: "good", PURPLE: "purple", BROWN: "brown", GREY: "grey", PALE: "pale",
    SHADE: "shade", ALARM: "alarm",
}  # fmt: skip
"""Of a colour: the CSS variable (``templates/report/style.j2``) that pages put in its place."""

STYLE: dict[Any, Any] = {
    "font.size": 9,
    "font.family": "sans-serif",
    "font.sans-serif": ["Helvetica", "Arial", "DejaVu Sans"],
    "text.color": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": SOFT,
    "axes.labelcolor": INK,
    "axes.titlesize": 9,
    "axes.axisbelow": True,
    "grid.color": GRID,
    "grid.linewidth": 0.6,
    "xtick.color": SOFT,
    "ytick.color": SOFT,
    "legend.frameon": False,
    "legend.fontsize": 8,
    "svg.hashsalt": "netlist-gen",
    "svg.fonttype": "none",
}

_COORDINATES = re.compile(r' (?:d|x|y)="[^"]*"')
_LONG = re.compile(r"(\.\d\d)\d+")


def _shorter(found: re.Match[str]) -> str:
    """Coordinates to a hundredth of a point, which halves a figure."""
    return _LONG.sub(r"\1", found.group(0))


P = ParamSpec("P")
R = TypeVar("R")


def styled(draw: Callable[P, R]) -> Callable[P, R]:
    """A function that draws, with this package's style while it does."""

    @wraps(draw)
    def drawn(*args: P.args, **kwargs: P.kwargs) -> R:
        import matplotlib as mpl
        from cycler import cycler

        with mpl.rc_context({**STYLE, "axes.prop_cycle": cycler(color=CYCLE)}):
            return draw(*args, **kwargs)

    return drawn


def new_figure(width: float, height: float) -> Figure:
    """A figure of so many inches that notebooks show, whether pyplot is loaded or not."""
    from matplotlib.figure import Figure

    class Shown(Figure):
        def _repr_png_(self) -> bytes:
            image = io.BytesIO()
            self.savefig(image, format="png", dpi=100)
            return image.getvalue()

    return Shown(figsize=(width, height), layout="constrained")


@styled
def svg_text(figure: Figure, title: str) -> str:
    """A figure as SVG that stands in a page and takes its colours from the page's theme.

    Args:
        figure: the figure.
        title: what is read aloud in its place.
    """
    buffer = io.StringIO()
    figure.savefig(
        buffer, format="svg", bbox_inches="tight", metadata={"Date": None}, dpi=160,
        transparent=True,
    )  # fmt: skip
    text = buffer.getvalue()
    text = _COORDINATES.sub(_shorter, text[text.index("<svg") :])
    for colour, variable in THEMED.items():
        text = text.replace(f": {colour}", f": var(--{variable}, {colour})")
    return text.replace("<svg ", f'<svg role="img" aria-label={quoteattr(title)} ', 1)
