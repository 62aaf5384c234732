"""How far the edges of neurons scatter with their elements: ``cells/design/spread.toml``.

``verification.characterize.measure.spread`` measures and writes the file. Between two measured
spreads of the elements, and between the smallest and none, values are interpolated linearly: no
spread of the elements is none of the edge.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from netlist_gen.constants import PHI0
from netlist_gen.errors import ConfigurationError
from netlist_gen.library.process import quantity
from netlist_gen.library.toml_file import read_toml
from netlist_gen.resources import resource_dir


@dataclass(frozen=True)
class EdgeSpread:
    """The spread of a neuron's edge where Ic, L and R scatter by ``elements``.

    Attributes:
        elements: relative standard deviation of Ic, L and R.
        local: standard deviation from neuron to neuron of a chip, Phi0.
        common: from chip to chip, of all neurons together, Phi0.
    """

    elements: float
    local: float
    common: float


@dataclass(frozen=True)
class SpreadTable:
    """What was measured.

    Attributes:
        points: by ``elements``, rising, the first without any spread.
        path: of the file.
        source: how it was measured, in words.
    """

    points: tuple[EdgeSpread, ...]
    path: Path
    source: str

    def at(self, elements: float) -> EdgeSpread:
        """The edge's spread for a spread of the elements.

        Raises:
            ConfigurationError: beyond what was measured.
        """
        known = [point.elements for point in self.points]
        if not known[0] <= elements <= known[-1]:
            shown = ", ".join(f"{x:g}" for x in known[1:])
            raise ConfigurationError(
                f"{self.path}: a spread of {elements:g} is not within what was measured; 0 to "
                f"{known[-1]:g} is allowed (measured at {shown})"
            )
        local, common = (
            float(np.interp(elements, known, [getattr(point, name) for point in self.points]))
            for name in ("local", "common")
        )
        return EdgeSpread(elements, local, common)


def spread_path() -> Path:
    """The library's file."""
    return resource_dir("cells") / "design" / "spread.toml"


@cache
def load_spread(path: Path | None = None) -> SpreadTable:
    """Read the measured spreads of the library, or of another file.

    Raises:
        ConfigurationError: an unreadable file, a key that is missing, or points out of order.
    """
    path = path or spread_path()
    data = read_toml(path)
    points, tables = [EdgeSpread(0.0, 0.0, 0.0)], data.get("spread")
    if not isinstance(tables, list) or not tables:
        raise ConfigurationError(f"{path}: the tables [[spread]] are missing")
    for index, table in enumerate(tables):
        where = f"{path}: [[spread]] {index}"
        point = EdgeSpread(
            quantity(table, "elements", where, ["1"]),
            quantity(table, "local", where, ["Phi0"]) / PHI0,
            quantity(table, "global", where, ["Phi0"]) / PHI0,
        )
        if not points[-1].elements < point.elements < 1.0:
            raise ConfigurationError(
                f"{where}: elements is {point.elements:g}; it must be above "
                f"{points[-1].elements:g} and below 1"
            )
        if not (point.local >= 0.0 and point.common >= 0.0):
            raise ConfigurationError(f"{where}: a standard deviation is negative")
        points.append(point)
    measured = data.get("measured", {})
    said = ("process", "simulator", "fan_in")
    if not isinstance(measured, dict) or any(key not in measured for key in said):
        raise ConfigurationError(f"{path}: [measured] must hold {', '.join(said)}")
    process, simulator, fan_in = (measured[key] for key in said)
    return SpreadTable(
        tuple(points), path, f"measured on a neuron of fan-in {fan_in} of {process}, {simulator}"
    )
