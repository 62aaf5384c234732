"""Process files: what a foundry's junctions, shunts and supplies are, each with its source."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from netlist_gen.constants import PHI0
from netlist_gen.errors import ConfigurationError
from netlist_gen.files import shown
from netlist_gen.library import bias, drawing
from netlist_gen.library.bias import BiasNetwork, BiasRules
from netlist_gen.library.drawing import Drawing
from netlist_gen.library.splitters import LIBRARY, SPLITTERS
from netlist_gen.library.toml_file import (
    library_file,
    library_names,
    line_of,
    name_of,
    read_toml,
)

DEFAULT_PROCESS = "sfq5ee"
"""The process that is taken where none is named."""

_UNITS = {
    "uA/um2": 1e6,  # A/m2
    "uA": 1e-6,
    "fF/um2": 1e-3,  # F/m2
    "ohm": 1.0,
    "mV": 1e-3,
    "pH": 1e-12,
    "pH/sq": 1e-12,
    "ohm/sq": 1.0,
    "pH/um": 1e-6,  # H/m
    "um": 1e-6,
    "um2": 1e-12,
    "mm2": 1e-6,
    "A": 1.0,
    "mA": 1e-3,
    "Gbit/s": 1e9,
    "K": 1.0,
    "ps": 1e-12,
    "1": 1.0,
    "Phi0": PHI0,
}
"""Units a TOML file may use, and their value in SI."""

_UNIT_OF = {
    "critical_current_density": "uA/um2",
    "unit_critical_current": "uA",
    "specific_capacitance": "fF/um2",
    "subgap_resistance": "ohm",
    "normal_resistance": "ohm",
    "gap_voltage": "mV",
    "gap_width": "mV",
    "ic_rs": "mV",
    "inductance": "pH",
    "sheet_inductance": "pH/sq",
    "sheet_resistance": "ohm/sq",
    "supply_voltage": "mV",
    "temperature": "K",
    **drawing.UNITS,
    **bias.KEYS,
}
"""The unit of each quantity of a process file: of another kind it would be another quantity."""


@dataclass(frozen=True)
class JunctionModel:
    """A ``.model`` of type jj, per unit of area, in SI.

    ``critical_current`` (A), ``capacitance`` (F), ``subgap`` and ``normal`` resistance (ohm),
    ``gap_voltage`` and ``gap_width`` (V): JoSIM's icrit, cap, r0, rn, vg and delv. The current is
    that of the sine of the phase plus ``phase`` (rad), JoSIM's phi: pi in a pi junction.
    """

    name: str
    critical_current: float
    capacitance: float
    subgap: float
    normal: float
    gap_voltage: float
    gap_width: float
    phase: float = field(default=0.0, repr=False)


@dataclass(frozen=True)
class Process:
    """A fabrication process, in SI; the fields of its TOML file.

    Attributes:
        name: the file's name for it.
        title: one line.
        model: the junction model all cells use.
        others: further models, of a user's cells, by whose names junctions ask for them.
        current_density: critical current of an area, A/m2.
        ic_rs: critical current times shunt resistance, V.
        shunt_inductance: wiring in series with each shunt, H, where the file has no parasitics.
        sheet_inductance: H per square.
        sheet_resistance: ohm per square.
        supply_voltage: bias bus, V (static power).
        temperature: K.
        drawing: what its layers allow to be drawn, as far as the file says.
        bias: of networks that bias junctions from a bus, as far as the file says. Circuits that
            have none do not depend on it: it is no part of ``content``.
        network: that biases the junctions of circuits here; None is ideal sources. It is no part
            of ``content`` either: it changes no cell's design.
        splitters: of which cells splitter trees are made (``library.splitters``); likewise.
        origin: the file it was read from, or the name it was asked for by; no part of its content.
    """

    name: str
    title: str
    model: JunctionModel
    current_density: float
    ic_rs: float
    shunt_inductance: float
    sheet_inductance: float
    sheet_resistance: float
    supply_voltage: float
    temperature: float
    drawing: Drawing = field(default_factory=Drawing)
    bias: BiasRules | None = field(default=None, repr=False)
    network: BiasNetwork | None = field(default=None, repr=False)
    splitters: str = field(default=LIBRARY, repr=False)
    others: tuple[JunctionModel, ...] = field(default=(), repr=False)
    origin: str = field(default="", compare=False, repr=False)

    def content(self) -> str:
        """All its numbers: what else is measured of two processes of one content is the same."""
        plain = replace(self, name="", title="", model=replace(self.model, name=""))
        more = "".join(f"; {model!r}, {model.phase!r}" for model in self.others)
        return repr(plain) + more

    def bias_digest(self) -> str:
        """SHA-256 of the network that biases its junctions; "" for ideal sources."""
        return (
            "" if self.network is None else hashlib.sha256(repr(self.network).encode()).hexdigest()
        )

    def digest(self) -> str:
        """SHA-256 of ``content``: by it runs and decks know their process."""
        return hashlib.sha256(self.content().encode()).hexdigest()

    def with_bias(self, kind: str) -> Process:
        """The process with its junctions biased by a network of a kind of ``bias.BIASES``.

        Raises:
            ConfigurationError: another kind, or a file that says nothing of bias networks.
        """
        parasitics = self.drawing.parasitics
        wiring = 0.0 if parasitics is None else parasitics.bias_tap
        network = bias.bias_network(kind, self.bias, self.name, self.supply_voltage, wiring)
        return replace(self, network=network)

    def with_splitters(self, splitters: str) -> Process:
        """The process with splitter trees of other cells, one of ``splitters.SPLITTERS``.

        Raises:
            ConfigurationError: another word.
        """
        if splitters not in SPLITTERS:
            raise ConfigurationError(
                f"no splitters {splitters!r}; there are {', '.join(SPLITTERS)}"
            )
        return replace(self, splitters=splitters)

    @property
    def bias_kind(self) -> str:
        """Which of ``bias.BIASES`` biases its junctions here."""
        return bias.IDEAL if self.network is None else self.network.kind

    @property
    def models(self) -> tuple[JunctionModel, ...]:
        """All junction models, its own first."""
        return (self.model, *self.others)

    def model_of(self, name: str) -> JunctionModel:
        """The model of a junction by its ``model``. Raises KeyError for one that there is not."""
        return {"": self.model, **{model.name: model for model in self.others}}[name]

    def area(self, critical_current_A: float) -> float:
        """Junction area in the model's unit for a critical current in A."""
        return critical_current_A / self.model.critical_current

    def shunt_ohm(self, critical_current_A: float) -> float:
        """Shunt resistance that gives the process's IcRs, in ohm."""
        return self.ic_rs / critical_current_A

    def shunt_H(self, critical_current_A: float) -> float:
        """Inductance in series with the shunt of a junction, in H."""
        parasitics = self.drawing.parasitics
        if parasitics is None:
            return self.shunt_inductance
        return parasitics.shunt_H(self.shunt_ohm(critical_current_A) / self.sheet_resistance)

    def ground_H(self, critical_current_A: float) -> float:
        """Inductance in series with a junction, in H; 0 where the file has no parasitics."""
        parasitics = self.drawing.parasitics
        return 0.0 if parasitics is None else parasitics.ground_H(critical_current_A)


def quantity(table: Any, key: str, where: str, units: Collection[str] = tuple(_UNITS)) -> float:
    """The SI value of ``key = { value, unit, source }`` in a TOML table; ``units`` are allowed.

    Raises:
        ConfigurationError: key missing, not a finite number, another unit or no source.
    """
    if not isinstance(table, dict) or key not in table:
        raise ConfigurationError(f"{where} lacks {key!r}: it wants {{ value, unit, source }}")
    entry = table[key]
    if not isinstance(entry, dict) or set(entry) != {"value", "unit", "source"}:
        raise ConfigurationError(
            f"{where}: {key} must be a table of exactly value, unit and source, not {shown(entry)}"
        )
    value = _finite(entry["value"])
    if value is None:
        raise ConfigurationError(
            f"{where}: {key}.value is {shown(entry['value'])}, not a finite number"
        )
    unit = entry["unit"]
    if not isinstance(unit, str) or unit not in units:
        raise ConfigurationError(
            f"{where}: {key}.unit is {shown(unit)}; allowed {'is' if len(units) == 1 else 'are'} "
            f"{', '.join(units)}"
        )
    if not isinstance(entry["source"], str) or not entry["source"].strip():
        raise ConfigurationError(f"{where}: {key}.source is empty; say where the number is from")
    found = value * _UNITS[unit]
    if not math.isfinite(found):
        raise ConfigurationError(f"{where}: {key}.value is {shown(value)}, beyond what can be told")
    return found


def positive(table: Any, key: str, where: str, unit: str) -> float:
    """As ``quantity``, of one unit. Raises ConfigurationError also where it is not positive."""
    value = quantity(table, key, where, (unit,))
    if value <= 0:
        raise ConfigurationError(f"{where} {key} is {value:g}; it must be positive")
    return value


def _finite(value: object) -> float | None:
    """The value as a number; None where it is none that is finite."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def process_names() -> list[str]:
    """The processes of the library."""
    return library_names("process")


def load_process(
    name_or_file: str = DEFAULT_PROCESS, bias_kind: str = bias.IDEAL, splitters: str = LIBRARY
) -> Process:
    """A process of the library by name, or one of the user's by path (``.toml``).

    Args:
        name_or_file: which.
        bias_kind: how its junctions are biased, one of ``bias.BIASES``.
        splitters: of which cells its trees are made, one of ``splitters.SPLITTERS``.

    Raises:
        ConfigurationError: unknown name, unreadable file, a number missing or not positive, a bias
            that the file says nothing of, or other splitters.
    """
    path = library_file(name_or_file, "process", "process")
    data = read_toml(path)

    def get(table: str, key: str) -> float:
        return positive(data.get(table), key, f"{path}: [{table}]", _UNIT_OF[key])

    head, junction = data.get("process"), data.get("junction")
    for table, key in ((head, "name"), (head, "title"), (junction, "model")):
        if not isinstance(table, dict) or not isinstance(table.get(key), str):
            raise ConfigurationError(f"{path}: {key!r} is missing or not a string")
    assert isinstance(head, dict)
    assert isinstance(junction, dict)
    unit = get("junction", "unit_critical_current")
    density = get("junction", "critical_current_density")
    capacitance = get("junction", "specific_capacitance") * (unit / density)
    if not 0 < capacitance < math.inf:
        raise ConfigurationError(
            f"{path}: [junction] gives a junction of one unit {capacitance:g} F; it must be "
            "positive and finite"
        )
    found = drawing.read_drawing(data, get, str(path))
    process = Process(
        name=name_of(head["name"], f"{path}: [process] name"),
        title=line_of(head["title"], f"{path}: [process] title"),
        model=JunctionModel(
            name=name_of(junction["model"], f"{path}: [junction] model"),
            critical_current=unit,
            capacitance=capacitance,
            subgap=get("junction", "subgap_resistance"),
            normal=get("junction", "normal_resistance"),
            gap_voltage=get("junction", "gap_voltage"),
            gap_width=get("junction", "gap_width"),
        ),
        current_density=density,
        ic_rs=get("shunt", "ic_rs"),
        shunt_inductance=_shunt_inductance(data, get, found, path),
        sheet_inductance=get("wiring", "sheet_inductance"),
        sheet_resistance=get("wiring", "sheet_resistance"),
        supply_voltage=get("operation", "supply_voltage"),
        temperature=get("operation", "temperature"),
        drawing=found,
        bias=bias.read_bias(get) if "bias" in data else None,
        origin=name_or_file,
    )
    return process.with_bias(bias_kind).with_splitters(splitters)


def _shunt_inductance(
    data: dict[str, Any], get: Callable[[str, str], float], found: Drawing, path: Path
) -> float:
    """``[shunt] inductance``, which the rule of ``[parasitics]`` replaces where that is given."""
    if found.parasitics is None:
        return get("shunt", "inductance")
    if "inductance" in data["shunt"]:
        raise ConfigurationError(
            f"{path}: [shunt] inductance and [parasitics] both say what a shunt's inductance is; "
            "leave out one of them"
        )
    return 0.0
