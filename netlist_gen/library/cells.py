"""The cell library: a TOML file per cell, its topology as a template of element lines.

A topology template (``templates/cells/*.j2``) is free of any dialect. Each line it renders is
one of these, all values in SI::

    J name plus minus critical_current      shunted junction (junction, resistor, inductor)
    L name plus minus inductance
    R name plus minus resistance
    K name inductor inductor coefficient
    I name plus minus current bias|flux
    X name cell net net ...

A cell's parameters are the ``[parameters]`` of its TOML file, each with value, unit and source;
a builder may override them (``library.cell("branch", sign=-1.0)``).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import jinja2

from netlist_gen.circuit.model import (
    PHI0,
    Cell,
    CircuitBuilder,
    Coupling,
    CurrentSource,
    Inductor,
    Junction,
    Resistor,
    Role,
)
from netlist_gen.errors import ConfigurationError
from netlist_gen.library.process import Process, load_process, quantity, read_toml
from netlist_gen.resources import resource_dir

_NAME = re.compile(r"[a-z][a-z0-9_]*")
_FIELDS = {"J": 5, "L": 5, "R": 5, "K": 5, "I": 6}


@dataclass(frozen=True)
class Event:
    """Something that happens to a cell, and the 2 pi advances it costs.

    Attributes:
        name: as in the cell's TOML file, e.g. "pulse" or "fire".
        advances: names of the cell's own junctions that advance by 2 pi, in any order.
        instances: names of sub-cells with the event each of them sees; ``*`` is every sub-cell.
    """

    name: str
    advances: tuple[str, ...]
    instances: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class CellDescription:
    """A cell's TOML file: ports, parameters (SI), events and the topology's template."""

    name: str
    title: str
    ports: tuple[str, ...]
    topology: str
    parameters: dict[str, float]
    events: dict[str, Event]
    path: Path


def read_description(path: Path) -> CellDescription:
    """Read one cell's TOML file.

    Raises:
        ConfigurationError: unreadable file, missing key or malformed entry.
    """
    data = read_toml(path)
    head = data.get("cell")
    if not isinstance(head, dict):
        raise ConfigurationError(f"{path}: the table [cell] is missing")
    for key, kind in (("name", str), ("title", str), ("topology", str), ("ports", list)):
        if not isinstance(head.get(key), kind):
            raise ConfigurationError(f"{path}: [cell] {key} is missing or not a {kind.__name__}")
    if head["name"] != path.stem or not _NAME.fullmatch(head["name"]):
        raise ConfigurationError(
            f"{path}: [cell] name is {head['name']!r}; it must be the file's own name, "
            "in lower case letters, digits and underscores"
        )
    table = data.get("parameters", {})
    where = f"{path}: [parameters]"
    events: dict[str, Event] = {}
    for name, entry in data.get("events", {}).items():
        if not isinstance(entry, dict) or set(entry) - {"advances", "instances", "says"}:
            raise ConfigurationError(
                f"{path}: [events] {name} may hold advances, instances and says, not {entry!r}"
            )
        events[name] = Event(
            name, tuple(entry.get("advances", ())), tuple(entry.get("instances", {}).items())
        )
    return CellDescription(
        name=head["name"],
        title=head["title"],
        ports=tuple(head["ports"]),
        topology=head["topology"],
        parameters={key: quantity(table, key, where) for key in table},
        events=events,
        path=path,
    )


class CellLibrary:
    """The cells of one process, built on demand and kept.

    Args:
        process: a process, or the name or file of one.
    """

    def __init__(self, process: Process | str = "sfq5ee"):
        self.process = load_process(process) if isinstance(process, str) else process
        self._environment = jinja2.Environment(
            loader=jinja2.FileSystemLoader(resource_dir("templates") / "cells"),
            undefined=jinja2.StrictUndefined,
            autoescape=False,
            keep_trailing_newline=True,
            auto_reload=False,
        )
        self._cells: dict[tuple[str, tuple[tuple[str, float], ...]], Cell] = {}
        self._by_name: dict[str, Cell] = {}
        self.neurons: dict[tuple[object, ...], Cell] = {}
        """Neurons built so far, by all that they are made from."""

    def fork(self) -> CellLibrary:
        """A library that knows the cells built so far; what either builds from now on is its own.

        Neurons of one network after another, or in several threads, then do not meet.
        """
        copy = object.__new__(CellLibrary)
        copy.__dict__ |= {"descriptions": self.descriptions, "process": self.process}
        copy._environment = self._environment
        copy._cells, copy._by_name = dict(self._cells), dict(self._by_name)
        copy.neurons = dict(self.neurons)
        return copy

    @cached_property
    def descriptions(self) -> dict[str, CellDescription]:
        """All cell descriptions by name."""
        folder = resource_dir("cells")
        return {p.stem: read_description(p) for p in sorted(folder.glob("*.toml"))}

    def description(self, name: str) -> CellDescription:
        """One cell's description. Raises ConfigurationError for an unknown cell."""
        try:
            return self.descriptions[name]
        except KeyError:
            raise ConfigurationError(
                f"no cell {name!r} in the library; it has {', '.join(self.descriptions)}"
            ) from None

    def needs(self, cell: Cell) -> dict[str, Cell]:
        """The cells that ``cell`` uses, directly or not, each after those it uses itself."""
        found: dict[str, Cell] = {}
        for instance in cell.instances:
            inner = self._by_name[instance.cell]
            found |= self.needs(inner)
            found.setdefault(inner.name, inner)
        return found

    def cell(self, kind: str, /, variant: str = "", **overrides: float) -> Cell:
        """Build a cell, or return the one built before with the same parameters.

        Args:
            kind: the cell's name in the library.
            variant: suffix of the subcircuit's name where parameters differ from the file's.
            overrides: parameters in SI that replace the file's.

        Raises:
            ConfigurationError: unknown cell or parameter, broken template or topology line, or
                overrides without a variant name.
        """
        key = (f"{kind}/{variant}", tuple(sorted(overrides.items())))
        if key in self._cells:
            return self._cells[key]
        description = self.description(kind)
        unknown = set(overrides) - set(description.parameters)
        if unknown:
            raise ConfigurationError(
                f"cell {kind} has no parameter {sorted(unknown)[0]!r}; "
                f"it has {', '.join(description.parameters)}"
            )
        if overrides and not variant:
            raise ConfigurationError(
                f"cell {kind} is asked for with another {', '.join(overrides)} but no variant name"
            )
        name = f"{kind}_{variant}" if variant else kind
        if name in self._by_name:
            raise ConfigurationError(
                f"the cell name {name} stands for two sets of parameters; give another variant"
            )
        cell = self._build(description, name, overrides)
        self._cells[key] = self._by_name[name] = cell
        return cell

    def register(self, cell: Cell) -> Cell:
        """Make a cell built elsewhere known, so that ``needs`` finds it."""
        known = self._by_name.setdefault(cell.name, cell)
        if known != cell:
            raise ConfigurationError(f"the cell name {cell.name} stands for two different cells")
        return known

    def _build(self, description: CellDescription, name: str, overrides: dict[str, float]) -> Cell:
        values: dict[str, Any] = {**description.parameters, **overrides, "phi0": PHI0}
        try:
            text = self._environment.get_template(description.topology).render(values)
        except jinja2.TemplateError as error:
            raise ConfigurationError(
                f"{description.path}: topology {description.topology} fails: {error}"
            ) from error
        builder = CircuitBuilder(
            name, description.ports, kind=description.name, title=description.title
        )
        for number, line in enumerate(text.splitlines(), 1):
            words = line.split()
            if words and not words[0].startswith("*"):
                self._add(builder, words, f"templates/cells/{description.topology}:{number}")
        return builder.cell()

    def _add(self, builder: CircuitBuilder, words: list[str], where: str) -> None:
        kind = words[0]
        if kind == "X" and len(words) > 3:
            inner = self.cell(words[2])
            builder.place(words[1], inner, *words[3:], needs=self.needs(inner))
            return
        if len(words) != _FIELDS.get(kind, 0):
            raise ConfigurationError(f"{where}: not an element line: {' '.join(words)}")
        _, name, first, second, number, *rest = words
        try:
            value = float(number)
        except ValueError:
            raise ConfigurationError(f"{where}: {number!r} is not a number") from None
        match kind:
            case "J":
                self._add_junction(builder, name, first, second, value)
            case "L":
                builder.add(Inductor(name, first, second, value))
            case "R":
                builder.add(Resistor(name, first, second, value))
            case "K":
                builder.add(Coupling(name, first, second, value))
            case "I":
                if rest[0] not in [role.value for role in Role]:
                    raise ConfigurationError(f"{where}: {rest[0]!r} is neither bias nor flux")
                builder.add(CurrentSource(name, first, second, value, Role(rest[0])))

    def _add_junction(
        self, builder: CircuitBuilder, name: str, plus: str, minus: str, critical_A: float
    ) -> None:
        """A junction with its shunt: resistor and wiring inductance in series across it."""
        if not name.startswith("B") or critical_A <= 0:
            raise ConfigurationError(
                f"junction {name} of {builder.name}: the name must begin with B and the "
                f"critical current ({critical_A:g} A) must be positive"
            )
        process = self.process
        middle = f"{name.lower()}_s"
        builder.add(Junction(name, plus, minus, process.area(critical_A)))
        builder.add(Resistor(f"R{name}", plus, middle, process.shunt_ohm(critical_A)))
        builder.add(Inductor(f"L{name}", middle, minus, process.shunt_inductance))
