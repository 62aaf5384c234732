"""Values of static timing: corners, slacks, phases of a layer, the closed plan."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

KINDS = ("setup", "hold", "keep", "recovery")

MARGIN_S = 2e-12
"""Slack that padding strives for: for what the tables leave out (up to 0.3 ps for each cell, by
the kind of the cell before it)."""

MOST_RESET_STAGES = 64
"""Longest chain between a layer's decision and reset clock."""


@dataclass(frozen=True)
class Corner:
    """An operating point at which every window must hold: all biases at ``bias`` of nominal."""

    name: str
    bias: float


CORNERS = (Corner("nominal", 1.0), Corner("bias -5 %", 0.95), Corner("bias +5 %", 1.05))


@dataclass(frozen=True)
class Slack:
    """One check of one neuron at one corner.

    Attributes:
        kind: of ``KINDS``.
        corner: its name.
        layer: of the neuron.
        neuron: its place in the layer.
        name: the neuron's.
        line: the input line whose data are late or early; None for hold.
        data_s: arrival of the data (for hold: of the reset).
        clock_s: arrival of the decision (for recovery: of the reset).
        limit_s: least spacing.
        slack_s: what is left of the spacing beyond it.
        depth: cells that the data have passed since their source or decision.
    """

    kind: str
    corner: str
    layer: int
    neuron: int
    name: str
    line: int | None
    data_s: float
    clock_s: float
    limit_s: float
    slack_s: float
    depth: int

    def path(self) -> str:
        """The path in words."""
        if self.kind == "hold":
            return f"layer {self.layer}: decision clock to reset at neuron {self.neuron}"
        source = (
            f"input line {self.line}"
            if self.layer == 0
            else f"layer {self.layer - 1}, neuron {self.line}"
        )
        what = {
            "setup": "before its decision",
            "keep": "after the decision of the window before",
            "recovery": "after the reset of the window before",
        }[self.kind]
        return (
            f"{source} through {self.depth} cells to layer {self.layer}, neuron {self.neuron}, "
            f"{what}"
        )


@dataclass(frozen=True, eq=False)
class LayerTiming:
    """Phases and arrivals of one layer, nominal, first window, s from the run's start.

    Attributes:
        clock_s: of the clock source.
        reset_stages: JTL stages between the root splitter and the tree of the resets.
        decision: arrivals at the neurons' ports, shape (neurons,).
        reset: likewise.
        earliest: first arrivals of their data, shape (neurons,).
        latest: last ones.
        boundary: a time before the window's data at which all of a neuron rests, shape (neurons,).
    """

    clock_s: float
    reset_stages: int
    decision: FloatArray
    reset: FloatArray
    earliest: FloatArray
    latest: FloatArray
    boundary: FloatArray


@dataclass(frozen=True, eq=False)
class TimingPlan:
    """What the network's builder needs, and the report.

    Attributes:
        period_s: of the clock.
        corners: at which it holds.
        pads: JTL stages before the tree of (layer, line).
        layers: phases of each layer.
        slacks: the worst checks of all, worst first.
        latency_s: from the input pulses to the last layer's latest output.
    """

    period_s: float
    corners: tuple[Corner, ...]
    pads: dict[tuple[int, int], int]
    layers: tuple[LayerTiming, ...]
    slacks: tuple[Slack, ...]
    latency_s: float

    @property
    def worst_s(self) -> float:
        """The least slack."""
        return self.slacks[0].slack_s

    @property
    def padding(self) -> int:
        """JTL stages added to data lines."""
        return sum(self.pads.values())
