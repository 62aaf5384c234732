"""The cell library: a TOML file per cell, its topology as a template of element lines.

A topology template (``templates/cells/*.j2``) is free of any dialect. Each line it renders is
one of these, all values in SI::

    J name plus minus critical_current      shunted junction (junction, resistor, inductor)
    L name plus minus inductance
    R name plus minus resistance
    K name inductor inductor coefficient
    I name plus minus current bias|flux
    X name cell net net ...

A junction larger than the process draws becomes several equal ones in parallel: the first keeps the
name, the others have ``_2``, ``_3`` behind it. So does a line shorter than it draws.

A port with ``*`` (``bi*``) stands for one in each of the cell's ``loops``: bi0, bi1, ... A cell's
parameters are the ``[parameters]`` of its TOML file, each with value, unit and source; a builder
may override them (``library.cell("branch", sign=-1.0)``).
"""

from __future__ import annotations

import fnmatch
import math
import re
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import jinja2

from netlist_gen.circuit.elements import Coupling, CurrentSource, Inductor, Junction, Resistor, Role
from netlist_gen.circuit.model import Cell, CircuitBuilder
from netlist_gen.circuit.probe import STEP_S
from netlist_gen.constants import PHI0
from netlist_gen.errors import ConfigurationError
from netlist_gen.library.process import DEFAULT_PROCESS, Process, load_process, quantity
from netlist_gen.library.toml_file import read_toml
from netlist_gen.resources import resource_dir, template

_NAME = re.compile(r"[a-z][a-z0-9_]*")
_OWN_CELLS = 256
"""Cells of single neurons that a library keeps: those of some hundred neurons."""

_FIELDS = {"J": 5, "L": 5, "R": 5, "K": 5, "I": 6}


@dataclass(frozen=True)
class Event:
    """Something that happens to a cell, and the 2 pi advances it costs.

    Attributes:
        name: as in the cell's TOML file, e.g. "pulse" or "fire".
        advances: names of the cell's own junctions that advance by 2 pi, in any order; ``*`` in one
            stands for anything.
        instances: names of sub-cells with the event each of them sees; ``*`` is every sub-cell.
    """

    name: str
    advances: tuple[str, ...]
    instances: tuple[tuple[str, str], ...]

    def advanced(self, junction: str) -> bool:
        """Whether a junction of the cell advances."""
        return any(fnmatch.fnmatchcase(junction, pattern) for pattern in self.advances)


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
        crosstalk: neurons have the couplings between neighbouring synapses.
        notes: what the head of every deck of these cells says.
        step_s: time step of these decks.

    Raises:
        ConfigurationError: no such process, or crosstalk of one that says nothing of it.
    """

    def __init__(
        self,
        process: Process | str = DEFAULT_PROCESS,
        *,
        crosstalk: bool = False,
        notes: tuple[str, ...] = (),
        step_s: float = STEP_S,
    ):
        self.process = load_process(process) if isinstance(process, str) else process
        if crosstalk and self.process.drawing.crosstalk is None:
            raise ConfigurationError(
                f"the process {self.process.name} has no table [crosstalk], which --crosstalk "
                "needs: pickups, storages and stray, each a coefficient below 1"
            )
        self.crosstalk = self.process.drawing.crosstalk if crosstalk else None
        self.notes = notes
        self.step_s = step_s
        self._lock = threading.RLock()
        self._shared: dict[Hashable, Cell] = {}
        self._own: OrderedDict[Hashable, Cell] = OrderedDict()

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
        key = (name, tuple(sorted(overrides.items())))
        keep = self.own if variant else self.shared
        return keep(key, lambda: self._build(description, name, overrides))

    def shared(self, key: Hashable, build: Callable[[], Cell]) -> Cell:
        """The cell of a key, built the first time: cells that many circuits are made of."""
        with self._lock:
            if key not in self._shared:
                self._shared[key] = build()
            return self._shared[key]

    def own(self, key: Hashable, build: Callable[[], Cell]) -> Cell:
        """The same for cells of one neuron, of which the last ones used are kept.

        Decks of a neuron share them, and a million neurons do not fill the memory.
        """
        with self._lock:
            if key in self._own:
                self._own.move_to_end(key)
            else:
                self._own[key] = build()
                while len(self._own) > _OWN_CELLS:
                    self._own.popitem(last=False)
            return self._own[key]

    def _build(self, description: CellDescription, name: str, overrides: dict[str, float]) -> Cell:
        values = {**description.parameters, **overrides, "phi0": PHI0}
        try:
            text = template(f"cells/{description.topology}").render(values)
        except jinja2.TemplateError as error:
            raise ConfigurationError(
                f"{description.path}: topology {description.topology} fails: {error}"
            ) from error
        ports = _numbered(description.ports, int(values.get("loops", 0)))
        builder = CircuitBuilder(name, ports, kind=description.name, title=description.title)
        for number, line in enumerate(text.splitlines(), 1):
            words = line.split()
            if words and not words[0].startswith("*"):
                self._add(builder, words, f"templates/cells/{description.topology}:{number}")
        cell = builder.cell()
        _check_names(description, cell)
        return cell

    def _add(self, builder: CircuitBuilder, words: list[str], where: str) -> None:
        kind = words[0]
        if kind == "X" and len(words) > 3:
            inner = self.cell(words[2])
            builder.place(words[1], inner, *words[3:])
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
                self._add_inductor(builder, name, first, second, value)
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
        """A junction, or as many in parallel as the process needs for its critical current."""
        if not name.startswith("B") or critical_A <= 0:
            raise ConfigurationError(
                f"junction {name} of {builder.name}: the name must begin with B and the "
                f"critical current ({critical_A:g} A) must be positive"
            )
        limits = self.process.drawing.limits
        parts = 1 if limits is None else math.ceil(critical_A / limits.largest_junction - 1e-9)
        for part in range(1, parts + 1):
            part_name = name if part == 1 else f"{name}_{part}"
            self._add_one(builder, part_name, plus, minus, critical_A / parts)

    def _add_inductor(
        self, builder: CircuitBuilder, name: str, plus: str, minus: str, value_H: float
    ) -> None:
        """A line, or as many of the shortest that is drawn in parallel.

        So short ones join junctions that are several themselves, with a line to each.
        """
        limits = self.process.drawing.limits
        parts = 1
        if limits is not None and 0 < value_H < limits.smallest_inductor:
            parts = math.ceil(limits.smallest_inductor / value_H - 1e-9)
        for part in range(1, parts + 1):
            part_name = name if part == 1 else f"{name}_{part}"
            builder.add(Inductor(part_name, plus, minus, parts * value_H))

    def _add_one(
        self, builder: CircuitBuilder, name: str, plus: str, minus: str, critical_A: float
    ) -> None:
        """One junction with its shunt, both with the inductances that the process draws them with.

        The shunt lies across the junction and its inductance, as it does where both end on the
        same via.
        """
        process = self.process
        middle = f"{name.lower()}_s"
        foot, ground_H = minus, process.ground_H(critical_A)
        if ground_H:
            foot = f"{name.lower()}_g"
        builder.add(Junction(name, plus, foot, process.area(critical_A)))
        if ground_H:
            builder.add(Inductor(f"LG{name}", foot, minus, ground_H))
        builder.add(Resistor(f"R{name}", plus, middle, process.shunt_ohm(critical_A)))
        builder.add(Inductor(f"L{name}", middle, minus, process.shunt_H(critical_A)))


def _numbered(ports: tuple[str, ...], loops: int) -> tuple[str, ...]:
    """The ports, those with a ``*`` once for each loop: all of the first, of the second, ..."""
    starred = [port for port in ports if port.endswith("*")]
    found: list[str] = []
    for port in ports:
        if port not in starred:
            found.append(port)
        elif port == starred[0]:
            found += [f"{p[:-1]}{i}" for i in range(loops) for p in starred]
    return tuple(found)


def _check_names(description: CellDescription, cell: Cell) -> None:
    """Refuses a port that nothing is on, and an event of what is not in the cell."""
    used = {net for x in cell.instances for net in x.nets}
    for e in cell.elements:
        used |= {e.first, e.second} if isinstance(e, Coupling) else {e.plus, e.minus}
    for port in cell.ports:
        if port not in used:
            raise ConfigurationError(f"{description.path}: nothing is on port {port} of the cell")
    junctions = {junction.name for junction in cell.junctions()}
    instances = {x.name for x in cell.instances}
    for event in description.events.values():
        for name in (*event.advances, *(path for path, _ in event.instances)):
            if name != "*" and not fnmatch.filter(junctions | instances, name):
                raise ConfigurationError(
                    f"{description.path}: [events] {event.name} names {name}, which is neither a "
                    f"junction nor an instance of {cell.name}"
                )
