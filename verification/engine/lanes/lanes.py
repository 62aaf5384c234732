"""Values of lanes that differ: overrides by label, and factors on all elements of a kind."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from netlist_gen.errors import ConfigurationError
from verification.engine.equations.topology import Topology
from verification.engine.equations.values import Values, nominal_values
from verification.engine.text.sources import DC, PWL

_FACTORS = {
    "B*": ("area",),
    "L*": ("inductance", "series", "behind", "coupled", "wide"),
    "R*": ("resistance",),
    "C*": ("capacitance",),
    "I*": ("currents",),
}


def parameter_values(
    topology: Topology, overrides: Sequence[Mapping[str, float]], seed: int
) -> Values:
    """Values of lanes with overrides (see ``run_parameter_lanes``). Raises ConfigurationError."""
    nominal = nominal_values(topology, seed)
    lanes = max(1, len(overrides))
    arrays = {
        name: np.repeat(getattr(nominal, name), lanes, axis=1)
        for name in nominal.__dataclass_fields__
    }
    places = _Places(topology)
    for lane, lane_overrides in enumerate(overrides):
        for label, value in lane_overrides.items():
            key = label.upper().replace(".", "|")
            if key in _FACTORS:
                continue
            found = places.find(key)
            if found is None:
                raise ConfigurationError(
                    f"{topology.flat.deck.name} has no junction, inductor, resistor, capacitor, "
                    f"coupling or current source {label}"
                )
            name, row = found
            if name == "currents":
                arrays[name][row, lane] = _current_factor(topology, row, value)
                continue
            if not math.isfinite(value) or (value <= 0.0 and "coupling" not in name):
                raise ConfigurationError(f"{label} = {value:g}: the value must be above 0")
            arrays[name][row, lane] = value
        for label, factor in lane_overrides.items():
            for name in _FACTORS.get(label.upper(), ()):
                if not math.isfinite(factor) or (factor <= 0.0 and name != "currents"):
                    raise ConfigurationError(f"{label} = {factor:g}: the factor must be above 0")
                arrays[name][:, lane] *= factor
    return Values(**arrays)


def _current_factor(topology: Topology, row: int, value: float) -> float:
    element = topology.flat.element(int(topology.current_sources.at[row]))
    wave = element.wave
    if wave is None or wave.kind not in (DC, PWL) or wave.values[-1] == 0.0:
        raise ConfigurationError(
            f"{element.label} is no dc or pwl source with a final value other than 0; replace its "
            "wave instead"
        )
    final = float(wave.values[-1])
    if not math.isfinite(value) or not math.isfinite(value / final):
        raise ConfigurationError(
            f"{element.label} = {value:g}: its wave, which ends at {final:g} A, can't be scaled to "
            "that; it must be finite, and so must their quotient"
        )
    return value / final


class _Places:
    """Where the value of a device stands: array of ``Values`` and row, by flat label."""

    def __init__(self, topology: Topology) -> None:
        self._topology = topology
        self._couplings: dict[str, tuple[str, int]] = {}
        wide = topology.current_inductors
        self._wide = dict(zip(wide.at.tolist(), range(len(wide)), strict=True))
        for name, couplings in (
            ("coupling", topology.couplings),
            ("wide_coupling", topology.current_couplings),
        ):
            for row, label in enumerate(topology.flat.labels(couplings.at)):
                self._couplings[label] = (name, row)

    def find(self, label: str) -> tuple[str, int] | None:
        """The place, or None where no such device has a value that a lane can set."""
        found = self._couplings.get(label)
        if found is not None:
            return found
        current = self._topology.devices.current(label)
        if current is None:
            return None
        if label[0] == "L":
            if current.kind == "M":
                return "coupled", self._topology.groups[current.index][current.row]
            if current.kind == "X":
                return "wide", self._wide[self._topology.flat.find(label)]
            in_series = {"R": "series", "B": "behind"}
            return in_series.get(current.kind, "inductance"), current.index
        name = {"B": "area", "R": "resistance", "C": "capacitance", "S": "currents"}
        return (name[current.kind], current.index) if current.kind in name else None


def select_lanes(values: Values, lanes: list[int]) -> Values:
    """The values of some lanes; values that all lanes share stay as they are."""
    if values.lanes == 1 or values.lanes == len(lanes):
        return values
    picked = {name: getattr(values, name)[:, lanes] for name in values.__dataclass_fields__}
    return Values(**picked)
