"""The spike raster: expected pulses against measured ones, each mark with its words."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any
from xml.sax.saxutils import escape

import numpy as np
from numpy.typing import NDArray

from netlist_gen.figures import BLUE, GRID, ORANGE, PALE, PURPLE, RED, new_figure, styled, svg_text

MANY_MARKS = 5000
"""From so many marks on those that agree become one image in each panel: the file stays small."""

KINDS = (
    ("expected and measured", BLUE, "|"),
    ("expected, not measured", RED, "x"),
    ("measured, not expected", ORANGE, "+"),
    ("pulses right, flux, time or energy wrong", PURPLE, "1"),
    ("no result: the run failed", PALE, "."),
)
"""Of a mark: what it says, its colour and shape."""

Masks = tuple[NDArray[np.bool_], ...]


@styled
def raster(
    expected: Sequence[NDArray[np.bool_]],
    measured: Sequence[NDArray[np.int8]],
    first: int = 0,
    most: int = 40,
    wrong: Sequence[NDArray[np.bool_]] | None = None,
    layers: Sequence[int] | None = None,
) -> str:
    """Spike raster of layers: expected pulses against measured ones.

    Args:
        expected: for each layer bool (windows, neurons).
        measured: for each layer int8 (windows, neurons), -1 where nothing was measured.
        first: first window shown.
        most: windows shown.
        wrong: for each layer bool (windows, neurons): what the verdict says; None is that of
            the pulses alone.
        layers: numbers of the layers; None counts from 0.
    """
    from matplotlib.lines import Line2D

    rows = slice(first, first + most)
    numbers = list(range(len(expected))) if layers is None else list(layers)
    masks = [
        _masks(want[rows], seen[rows], None if wrong is None else wrong[i][rows])
        for i, (want, seen) in enumerate(zip(expected, measured, strict=True))
    ]
    marks = sum(int(mask.sum()) for layer in masks for mask in layer)
    heights = [float(np.clip(0.075 * layer.shape[1], 0.6, 6.0)) for layer in expected]
    figure = new_figure(9, sum(heights) + 0.25 * len(heights) + 0.6)
    axes = figure.subplots(len(expected), 1, height_ratios=heights, sharex=True, squeeze=False)
    titles: dict[str, list[str]] = {}
    for axis, layer, number, height in zip(axes[:, 0], masks, numbers, heights, strict=True):
        titles |= _panel(axis, layer, number, height, first, image=marks > MANY_MARKS)
    axes[-1, 0].set_xlabel("clock window")
    totals = [sum(int(layer[kind].sum()) for layer in masks) for kind in range(len(KINDS))]
    figure.legend(
        handles=[
            Line2D([], [], ls="", marker=marker, c=colour, mew=1.5, label=f"{says}: {total}")
            for (says, colour, marker), total in zip(KINDS, totals, strict=True)
            if total or says == KINDS[0][0]
        ],
        loc="outside upper left",
        ncols=3,
    )
    svg = svg_text(figure, "spike raster, expected against measured")
    for group, words in titles.items():
        svg = with_titles(svg, group, words)
    return svg


def _masks(
    want: NDArray[np.bool_], seen: NDArray[np.int8], wrong: NDArray[np.bool_] | None
) -> Masks:
    """Where each kind of mark stands."""
    right = want == seen
    marked = np.zeros(want.shape, dtype=bool) if wrong is None else wrong & right
    return (
        want & right & ~marked,
        want & (seen == 0),
        seen > want,
        marked,
        seen < 0,
    )


def _panel(
    axis: Any, masks: Masks, layer: int, height: float, first: int, *, image: bool
) -> dict[str, list[str]]:
    """One layer; gives the words of its marks by the group that they are in."""
    from matplotlib.ticker import MaxNLocator

    windows, neurons = masks[0].shape
    pitch = 72 * height / max(1, neurons)  # points between two neurons
    titles = {}
    if image:
        axis.set_rasterization_zorder(2)
    for kind, (mask, (says, colour, marker)) in enumerate(zip(masks, KINDS, strict=True)):
        window, neuron = np.nonzero(mask)
        plain = kind in (0, len(KINDS) - 1)
        size = float(np.clip(pitch * 1.1, 1.5, 7.0)) if plain else 7.0
        group = f"marks-{layer}-{kind}"
        axis.plot(
            window + first, neuron, marker, ms=size, c=colour, mew=1.3, gid=group,
            zorder=1 if plain or window.size > MANY_MARKS else 3,
        )  # fmt: skip
        if not image or (not plain and window.size <= MANY_MARKS):
            places = zip((window + first).tolist(), neuron.tolist(), strict=True)
            titles[group] = [f"layer {layer}, neuron {n}, window {w}: {says}" for w, n in places]
    axis.set_ylabel(f"layer {layer}\nneuron")
    axis.set_ylim(neurons - 0.3, -0.7)
    axis.set_xlim(first - 0.7, first + windows - 0.3)
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    axis.yaxis.set_major_locator(MaxNLocator(integer=True, nbins=max(2, int(height))))
    axis.grid(axis="x", color=GRID)
    return titles


def with_titles(svg: str, group: str, titles: Sequence[str]) -> str:
    """Marks of a group with a title each, which browsers show as a tool-tip.

    Args:
        svg: as matplotlib writes it: the group's marks are its ``use`` elements, in order.
        group: its id.
        titles: of its marks.
    """
    begin = svg.find(f'id="{group}"')
    if begin < 0 or not titles:
        return svg
    left = iter(titles)

    def titled(found: re.Match[str]) -> str:
        return f"{found.group(1)}><title>{escape(next(left))}</title></use>"

    tail = re.sub(r"(<use [^>]*[^/>])\s*/>", titled, svg[begin:], count=len(titles))
    return svg[:begin] + tail
