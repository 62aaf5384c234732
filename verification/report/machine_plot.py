"""A cell's state machine, drawn: states on a circle, an arrow for each input."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

import numpy as np

from netlist_gen.figures import BLUE, INK, PAPER, SOFT, new_figure, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from verification.characterize.measure.machine import Machine, Transition

MOST_STATES = 8
"""Of a machine that is drawn; of a larger one the table and the .dot file say more."""

MOST_SIGNS = 6
"""Of a state's fluxons that are written into it."""

_RADIUS, _STATE = 1.6, 0.32


@styled
def machine_plot(machine: Machine) -> Figure | None:
    """The machine, or None where it has too many states to be read."""
    from matplotlib.patches import Circle

    count = len(machine.states)
    if count > MOST_STATES:
        return None
    angles = np.pi - 2 * np.pi * np.arange(count) / count
    radius = _RADIUS if count > 1 else 0.0
    places = np.stack([radius * 1.5 * np.cos(angles), radius * np.sin(angles)], axis=1)
    figure = new_figure(9, 2.4 if count <= 2 else 4.4)
    axis = figure.subplots()
    arrows: dict[tuple[int, int], list[str]] = defaultdict(list)
    for t in machine.transitions:
        arrows[t.state, t.next].append(_label(t))
    for (begin, end), labels in arrows.items():
        if begin == end:
            _loop(axis, places[begin], "\n".join(labels))
        else:
            _arrow(axis, places[begin], places[end], "\n".join(labels))
    for number, (place, state) in enumerate(zip(places, machine.states, strict=True)):
        axis.add_patch(
            Circle(place, _STATE, fc=PAPER, ec=INK, lw=2.2 if number == 0 else 1.0, zorder=3)
        )
        fluxons = " ".join(map(str, state))
        fits = any(state) and len(fluxons) <= MOST_SIGNS
        words = f"{number}\n{fluxons}" if fits else f"{number}"
        axis.text(place[0], place[1], words, ha="center", va="center", zorder=4, fontsize=8)
    axis.set_aspect("equal")
    wide = 1.5 * radius + 1.9
    axis.set_xlim(-wide, wide)
    tall = (radius if count > 2 else 0.0) + 1.15
    axis.set_ylim(-tall, tall)
    axis.set_axis_off()
    return figure


def _label(t: Transition) -> str:
    given = [f"{one} {1e12 * t.delays_s[one]:.2f} ps" for one in dict.fromkeys(t.outputs)]
    return f"{t.input} / {', '.join(given) or '–'}"


def _arrow(axis: Any, begin: Any, end: Any, label: str) -> None:
    """A bent arrow; its way back bends to the other side."""
    from matplotlib.patches import FancyArrowPatch

    across = end - begin
    length = float(np.hypot(*across))
    unit = across / length
    axis.add_patch(
        FancyArrowPatch(
            begin + unit * _STATE, end - unit * _STATE, connectionstyle="arc3,rad=0.25",
            arrowstyle="-|>", mutation_scale=12, color=BLUE, lw=1.1, shrinkA=1, shrinkB=1,
        )
    )  # fmt: skip
    side = np.array([unit[1], -unit[0]])
    at = (begin + end) / 2 + side * (0.125 * length + 0.12)
    axis.text(*at, label, ha="center", va="center", fontsize=8, color=SOFT)


def _loop(axis: Any, place: Any, label: str) -> None:
    """An arrow from a state to itself, away from the middle."""
    from matplotlib.patches import FancyArrowPatch

    out = np.array([1.0 if place[0] > 0 else -1.0, 0.0])
    begin = place + _STATE * np.array([out[0] * 0.8, 0.6])
    end = place + _STATE * np.array([out[0] * 0.8, -0.6])
    bend = -2.2 if out[0] > 0 else 2.2
    axis.add_patch(
        FancyArrowPatch(
            begin, end, connectionstyle=f"arc3,rad={bend}", arrowstyle="-|>", mutation_scale=12,
            color=BLUE, lw=1.1, shrinkA=1, shrinkB=1,
        )
    )  # fmt: skip
    at = place + out * (_STATE + 0.55)
    align = "left" if out[0] > 0 else "right"
    axis.text(*at, label, ha=align, va="center", fontsize=8, color=SOFT)
