"""What a process's layers allow to be drawn: parasitics, line and transformer values, limits.

A process file says it in tables of its own, each optional as a whole; what a file leaves out is
named by ``Drawing.left_out``, and the circuits are then without it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import TypeVar

from netlist_gen.errors import ConfigurationError

Part = TypeVar("Part")

SOLID, OPENED = "solid", "opened"
"""Ground plane under a transformer: as it is everywhere, or cut away some um below it."""


@dataclass(frozen=True)
class Parasitics:
    """Inductances that every drawn cell has.

    Attributes:
        ground: in series with a junction, to the layer that it stands on, H.
        ground_current: critical current up to which that holds, A; above it the junction has more
            vias, and the inductance falls as 1 / Ic.
        shunt_vias: of a shunt's two contacts, H.
        shunt_square: of a shunt's resistor per square, H.
        bias_tap: from the bus to a cell's bias node, H. Behind an ideal current source it has no
            effect; networks of real bias circuits have it.
    """

    ground: float
    ground_current: float
    shunt_vias: float
    shunt_square: float
    bias_tap: float

    def ground_H(self, critical_current_A: float) -> float:
        """Inductance in series with a junction, H."""
        return self.ground * min(1.0, self.ground_current / critical_current_A)

    def shunt_H(self, squares: float) -> float:
        """Inductance of a shunt of so many squares of resistor, H."""
        return self.shunt_vias + squares * self.shunt_square


@dataclass(frozen=True)
class Geometry:
    """Lines and junctions.

    Attributes:
        line: inductance of the signal layer's narrowest line over ground, H/m.
        line_width: its width, m.
        junction_area: area that a junction takes in a drawn cell with all that is around it, m2.
    """

    line: float
    line_width: float
    junction_area: float


@dataclass(frozen=True)
class Transformer:
    """What one turn of one line over another couples.

    Attributes:
        plane: the ground plane below it, ``SOLID`` or ``OPENED``.
        mutual_share: largest mutual inductance, over the own inductance of the shorter line.
        coupling: largest coefficient of one inductor with each of two that lie under its halves.
    """

    plane: str
    mutual_share: float
    coupling: float


ONE_TURN = Transformer(SOLID, 0.35, 0.21)
"""Of a process that says nothing of transformers: niobium lines over solid ground, as a
two-dimensional London solver gives them (``cells/process/sfq5ee.toml``)."""


@dataclass(frozen=True)
class Crosstalk:
    """Coefficients between neighbouring synapses, to be survived.

    Attributes:
        pickups: of neighbouring pick-ups.
        storages: of neighbouring storage inductors.
        stray: of a storage inductor and the neighbour's pick-up.
    """

    pickups: float
    storages: float
    stray: float


@dataclass(frozen=True)
class Limits:
    """Smallest and largest that can be drawn: inductors (H) and junctions (A)."""

    smallest_inductor: float
    smallest_junction: float
    largest_junction: float


@dataclass(frozen=True)
class Drawing:
    """What a process file says of drawing; None for a table that it leaves out."""

    parasitics: Parasitics | None = None
    geometry: Geometry | None = None
    transformer: Transformer | None = None
    crosstalk: Crosstalk | None = None
    limits: Limits | None = None

    def left_out(self) -> tuple[str, ...]:
        """Names of the tables that the file lacks."""
        return tuple(f.name for f in fields(self) if getattr(self, f.name) is None)


UNITS = {
    "ground": "pH",
    "ground_current": "uA",
    "shunt_vias": "pH",
    "shunt_square": "pH/sq",
    "bias_tap": "pH",
    "line": "pH/um",
    "line_width": "um",
    "junction_area": "um2",
    "mutual_share": "1",
    "coupling": "1",
    "pickups": "1",
    "storages": "1",
    "stray": "1",
    "smallest_inductor": "pH",
    "smallest_junction": "uA",
    "largest_junction": "uA",
}
"""The unit of each quantity of these tables."""


def read_drawing(data: dict[str, object], get: Callable[[str, str], float], path: str) -> Drawing:
    """The tables of a process file that say what can be drawn.

    Args:
        data: the file's content.
        get: the positive SI value of a table's quantity.
        path: the file, for messages.

    Raises:
        ConfigurationError: a table that lacks a quantity, or has one that isn't possible.
    """

    def numbers(table: str, kind: type) -> dict[str, float]:
        return {f.name: get(table, f.name) for f in fields(kind) if f.name in UNITS}

    def part(table: str, kind: type[Part]) -> Part | None:
        return kind(**numbers(table, kind)) if table in data else None

    transformer = data.get("transformer")
    drawing = Drawing(
        part("parasitics", Parasitics),
        part("geometry", Geometry),
        None if transformer is None else _transformer(transformer, numbers, path),
        part("crosstalk", Crosstalk),
        part("limits", Limits),
    )
    _check(drawing, path)
    return drawing


def _transformer(
    table: object, numbers: Callable[[str, type], dict[str, float]], path: str
) -> Transformer:
    values = numbers("transformer", Transformer)
    plane = table.get("plane", SOLID) if isinstance(table, dict) else SOLID
    if plane not in (SOLID, OPENED):
        raise ConfigurationError(
            f"{path}: [transformer] plane is {plane!r}; it is {SOLID!r} or {OPENED!r}"
        )
    return Transformer(plane, **values)


def _check(drawing: Drawing, path: str) -> None:
    transformer, crosstalk, limits = drawing.transformer, drawing.crosstalk, drawing.limits
    for table, values in (("transformer", transformer), ("crosstalk", crosstalk)):
        for f in fields(values) if values is not None else ():
            value = getattr(values, f.name)
            if f.name != "mutual_share" and isinstance(value, float) and value >= 1.0:
                raise ConfigurationError(
                    f"{path}: [{table}] {f.name} is {value:g}; a coupling is below 1"
                )
    if limits is not None and limits.smallest_junction >= limits.largest_junction:
        raise ConfigurationError(
            f"{path}: [limits] smallest_junction is not below largest_junction"
        )
