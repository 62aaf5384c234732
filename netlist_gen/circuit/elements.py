"""The elements of a cell, free of any dialect: values in SI, node ``"0"`` is ground."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from enum import Enum

from netlist_gen.constants import PHI0

GROUND = "0"

LOAD_OHM = 2.7436
"""Termination of output lines: the shunt of a JTL junction, so that pulses do not reflect."""

METER_AREA = 1e-6
"""Of a junction that only shows the phase between two nodes: it carries 0.1 nA at the most."""

PULSE_HALF_S = 2e-12
"""Half width of the triangular input pulses, s: on the grid of every step that divides 1 ps,
so that the integral stays Phi0 to rounding under the simulator's BDF2 rule."""


def pulse_corners(time_s: float) -> tuple[tuple[float, float], ...]:
    """Time (s) and voltage (V) of a pulse's beginning, middle and end."""
    return (
        (time_s - PULSE_HALF_S, 0.0),
        (time_s, PHI0 / PULSE_HALF_S),
        (time_s + PULSE_HALF_S, 0.0),
    )


class Role(Enum):
    """What a current source is for: it decides in which energy account it counts."""

    BIAS = "bias"
    """Feeds a junction node; its integral of V*I is dynamic energy."""
    FLUX = "flux"
    """Drives a control coil to ground: static power only."""


@dataclass(frozen=True, slots=True)
class Junction:
    """Josephson junction; ``area`` scales the model's critical current (1 = ``icrit``).

    ``model`` names one of the process's other models; "" is the process's own.
    """

    name: str
    plus: str
    minus: str
    area: float
    model: str = ""

    def __repr__(self) -> str:
        # Digests of circuits are of these texts: what has no model of its own has the old one.
        other = f", model={self.model!r}" if self.model else ""
        words = f"name={self.name!r}, plus={self.plus!r}, minus={self.minus!r}, area={self.area!r}"
        return f"Junction({words}{other})"


@dataclass(frozen=True, slots=True)
class Inductor:
    """Inductance in H."""

    name: str
    plus: str
    minus: str
    value: float


@dataclass(frozen=True, slots=True)
class Resistor:
    """Resistance in ohm."""

    name: str
    plus: str
    minus: str
    value: float


@dataclass(frozen=True, slots=True)
class Capacitor:
    """Capacitance in F."""

    name: str
    plus: str
    minus: str
    value: float


@dataclass(frozen=True, slots=True)
class Coupling:
    """Mutual inductance: ``k`` in (-1, 1) between two inductors of the same cell."""

    name: str
    first: str
    second: str
    k: float


@dataclass(frozen=True, slots=True)
class CurrentSource:
    """Constant current in A from ``plus`` through the source to ``minus``, ramped up from 0."""

    name: str
    plus: str
    minus: str
    value: float
    role: Role


@dataclass(frozen=True, slots=True)
class BusSource:
    """The supply of a bias bus: ``value`` between ``plus`` and ``minus``, ramped up from 0.

    A name that begins with V is of a voltage (V), one that begins with I of a current (A, from
    ``plus`` through the source to ``minus``). ``ramp_s`` is the ramp's duration.
    """

    name: str
    plus: str
    minus: str
    value: float
    ramp_s: float

    @property
    def is_voltage(self) -> bool:
        """Whether it holds a voltage."""
        return self.name.upper().startswith("V")


@dataclass(frozen=True, slots=True)
class PulseSource:
    """Voltage source that gives one SFQ pulse (area Phi0, triangular) at each of ``times_s``.

    ``times_s`` are the centres of the pulses, in s.
    """

    name: str
    plus: str
    minus: str
    times_s: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class LevelSource:
    """Current that goes up to ``high`` at each of ``times_s`` and comes down again.

    Attributes:
        name: of the source.
        plus: the net from which current flows through the source,
        minus: to this net.
        high: in A.
        width: from the middle of the rise to the middle of the fall, s; half the distance to
            the next rise where that is shorter.
        edge: duration of rise and of fall, s; at most half the least distance between rises.
        times_s: the middles of the rises, s, increasing.
    """

    name: str
    plus: str
    minus: str
    high: float
    width: float
    edge: float
    times_s: tuple[float, ...]

    def points(self) -> tuple[tuple[float, float], ...]:
        """The wave's corners as (time in s, current in A), after the zero at the beginning."""
        gaps = [b - a for a, b in itertools.pairwise(self.times_s)]
        half = min([self.edge, self.width, *(gap / 2 for gap in gaps)]) / 2
        found: list[tuple[float, float]] = []
        for time, gap in zip(self.times_s, [*gaps, math.inf], strict=False):
            down = time + min(self.width, gap / 2)
            found += [(time - half, 0.0), (time + half, self.high)]
            found += [(down - half, self.high), (down + half, 0.0)]
        # Edges that meet have one corner: a time is not written twice, be it off by rounding.
        apart = 1e-6 * half
        return tuple(p for i, p in enumerate(found) if not i or p[0] - found[i - 1][0] > apart)


Element = (
    Junction
    | Inductor
    | Resistor
    | Capacitor
    | Coupling
    | CurrentSource
    | BusSource
    | PulseSource
    | LevelSource
)


VALUE_FIELDS: dict[type, str] = {
    Junction: "area",
    Coupling: "k",
    **dict.fromkeys((Inductor, Resistor, Capacitor, CurrentSource, BusSource), "value"),
}
"""The field of each kind of element that has one value; sources of pulses have none."""


def ends(element: Element) -> tuple[str, ...]:
    """The nets at which an element is: two, or none of a coupling."""
    return () if isinstance(element, Coupling) else (element.plus, element.minus)
