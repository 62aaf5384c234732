"""The table ``[bench]`` of a cell's TOML file: ports, stimulus, and what closes other ports.

    [bench]
    inputs = ["a", "clk"]
    outputs = ["q"]
    clock = "clk"                     # optional: names setup and hold
    spacing_ps = 50                   # optional
    stimulus = ["a", "clk -> q", "clk", "a", "clk -> q"]
    elements = ["R RT x 0 1.0"]       # optional: what closes other ports; nodes are ports

An input that takes a level and no pulses has a table ``[bench.levels.PORT]`` with the quantities
``high`` (A), ``width`` and ``edge`` (s): each step that names it raises the current once.
``turning`` lists the junctions that turn in the voltage state of an output (``q~``).

Several stimuli are ``[[bench.cases]]`` with ``name``, ``stimulus`` and ``set``, the value in A of
current sources among ``elements``. Numbers in ``elements`` and ``set`` may be arithmetic in
``{{ }}`` of the cell's parameters, of ``phi0`` and of the neuron's design rules (``rules.offset``).
"""

from __future__ import annotations

import contextlib
import dataclasses
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from netlist_gen.circuit.elements import (
    GROUND,
    CurrentSource,
    Element,
    Inductor,
    LevelSource,
    Resistor,
    Role,
)
from netlist_gen.errors import ConfigurationError
from netlist_gen.files import shown
from netlist_gen.library.process import quantity
from netlist_gen.library.toml_file import is_name, line_of
from verification.characterize.subject.arithmetic import evaluate
from verification.characterize.subject.model import Subject
from verification.characterize.subject.stimulus import (
    LONGEST_S,
    PS,
    SPACING_S,
    BenchCase,
    parse_steps,
)

_BENCH_KEYS = frozenset({"inputs", "outputs", "clock", "spacing_ps", "stimulus", "elements",
                         "cases", "levels", "turning"})  # fmt: skip
_CASE_KEYS = frozenset({"name", "stimulus", "set"})
_LEVEL_KEYS = frozenset({"high", "width", "edge"})

MOST_SPACING_PS = 10_000
MOST_CHARACTERS = 500
"""Of an element's line, or a number: bounds the search for expressions in it."""

MOST_ENTRIES = 500
"""Elements, steps of a case, and cases."""


def with_bench(
    subject: Subject, table: object, numbers: Mapping[str, float], where: str, slowness: float = 1.0
) -> Subject:
    """The subject, so far a bare cell, with what the table ``[bench]`` of its file says.

    Expressions may name ``numbers``; spacings are ``slowness`` times as long as written; ``where``
    names file and table in messages.

    Raises:
        ConfigurationError: what the table lacks, or has and should not have.
    """
    if not isinstance(table, dict):
        raise ConfigurationError(
            f"{where} is missing: it says inputs, outputs and stimulus, so that the cell can be "
            "characterised"
        )
    reader = _Reader(numbers, where, subject.cell.ports)
    reader.only(table, _BENCH_KEYS)
    inputs, outputs = (reader.names(table, key) for key in ("inputs", "outputs"))
    ports = subject.cell.ports
    for port in (*inputs, *outputs):
        if port not in ports:
            raise ConfigurationError(
                f"{where}: {shown(port)} is no port of the cell; it has {', '.join(ports)}"
            )
        if (*inputs, *outputs).count(port) > 1:
            raise ConfigurationError(f"{where}: {port} stands twice among inputs and outputs")
    given = table.get("clock", "")
    clock = reader.spelled(given) if isinstance(given, str) else given
    if clock not in ("", *inputs):
        raise ConfigurationError(f"{where}: clock is {shown(given)}; it must be one of the inputs")
    spacing = reader.spacing_ps(table.get("spacing_ps", SPACING_S / PS))
    elements = tuple(reader.element(line, ports) for line in reader.list_of(table, "elements", []))
    if ("stimulus" in table) == ("cases" in table):
        raise ConfigurationError(f"{where}: give either stimulus or [[bench.cases]]")
    entries = reader.list_of(table, "cases", [{"stimulus": table.get("stimulus")}])
    cases = tuple(reader.case(e, spacing * PS * slowness, inputs, elements) for e in entries)
    reader.distinct(cases)
    return dataclasses.replace(
        subject,
        inputs=inputs,
        outputs=outputs,
        clock=clock,
        elements=elements,
        cases=cases,
        levels=reader.levels(table.get("levels", {}), inputs),
        turning=reader.names(table, "turning") if "turning" in table else (),
    )


@dataclass(frozen=True)
class _Reader:
    """Reads parts of the table; ``where`` is its place, ``numbers`` what expressions may name."""

    numbers: Mapping[str, float]
    where: str
    ports: tuple[str, ...] = ()

    def spelled(self, name: str) -> str:
        """A port as the cell spells it: capitals make no difference in a netlist."""
        return next((port for port in self.ports if port.upper() == name.upper()), name)

    def only(self, table: Any, allowed: frozenset[str], what: str = "") -> None:
        unknown = sorted(set(table) - allowed) if isinstance(table, dict) else []
        wrong = ", ".join(name if is_name(name) else shown(name) for name in unknown[:5])
        if not isinstance(table, dict):
            wrong = shown(table)
        if wrong:
            raise ConfigurationError(
                f"{self.where}{what} may hold {', '.join(sorted(allowed))}; found {wrong}"
            )

    def names(self, table: Mapping[str, Any], key: str) -> tuple[str, ...]:
        value = table.get(key)
        if not isinstance(value, list) or not all(isinstance(v, str) for v in value):
            raise ConfigurationError(
                f"{self.where}: {key} must be a list of ports, not {shown(value)}"
            )
        return tuple(self.spelled(v) for v in value)

    def list_of(self, table: Mapping[str, Any], key: str, default: list[Any]) -> list[Any]:
        value = table.get(key, default)
        if not isinstance(value, list) or len(value) > MOST_ENTRIES:
            raise ConfigurationError(
                f"{self.where}: {key} must be a list of at most {MOST_ENTRIES}, not {shown(value)}"
            )
        return value

    def spacing_ps(self, value: object) -> float:
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not number or not 10 <= value <= MOST_SPACING_PS:  # type: ignore[operator]
            raise ConfigurationError(
                f"{self.where}: spacing_ps is {shown(value)}; it must be at least 10, and at most "
                f"{MOST_SPACING_PS}"
            )
        return float(value)  # type: ignore[arg-type]

    def distinct(self, cases: Sequence[BenchCase]) -> None:
        if not cases:
            raise ConfigurationError(f"{self.where}: cases is empty; give at least one")
        names = [case.name for case in cases]
        for name in names:
            if names.count(name) > 1:
                raise ConfigurationError(
                    f"{self.where}: two cases are called {name!r}; each needs a name of its own"
                )

    def case(
        self, entry: Any, spacing_s: float, inputs: Sequence[str], elements: Sequence[Element]
    ) -> BenchCase:
        self.only(entry, _CASE_KEYS)
        lines = entry.get("stimulus")
        if not isinstance(lines, list) or len(lines) > MOST_ENTRIES:
            raise ConfigurationError(
                f"{self.where}: stimulus must be a list of steps, at most {MOST_ENTRIES}"
            )
        settings = entry.get("set", {})
        if not isinstance(settings, dict):
            raise ConfigurationError(
                f"{self.where}: set must be a table of current sources, not {shown(settings)}"
            )
        sources = {e.name for e in elements if isinstance(e, CurrentSource)}
        for source in settings:
            if source not in sources:
                raise ConfigurationError(
                    f"{self.where}: set names {shown(source)}; the current sources among elements "
                    f"are {', '.join(sorted(sources)) or 'none'}"
                )
        return BenchCase(
            line_of(entry.get("name", ""), f"{self.where}: the name of a case"),
            parse_steps(lines, spacing_s, inputs, self.where, self.spelled),
            tuple((source, self.number(value)) for source, value in settings.items()),
        )

    def levels(self, table: Any, inputs: Sequence[str]) -> dict[str, LevelSource]:
        found = {}
        for name, entry in table.items() if isinstance(table, dict) else [("levels", table)]:
            port = self.spelled(name)
            where = f"{self.where}: levels.{port}"
            if port not in inputs or not isinstance(entry, dict):
                raise ConfigurationError(
                    f"{self.where}: levels names {shown(port)}; a level is a table of one of the "
                    f"inputs, {', '.join(inputs)}"
                )
            self.only(entry, _LEVEL_KEYS, f": levels.{port}")
            high, width, edge = (quantity(entry, key, where) for key in ("high", "width", "edge"))
            if not (high > 0 and 0 < edge <= width <= LONGEST_S):
                raise ConfigurationError(
                    f"{where} is {high:g} A for {width:g} s with edges of {edge:g} s; the current "
                    "must be positive and an edge not longer than the width"
                )
            found[port] = LevelSource(f"I{port}", GROUND, port, high, width, edge, ())
        return found

    def element(self, line: object, ports: Sequence[str]) -> Element:
        match self.filled(line).split() if isinstance(line, str) else []:
            case [("L" | "R") as kind, name, *ends, value] if len(ends) == 2:
                plus, minus = map(self.spelled, ends)
                self.placed(name, kind, (plus, minus), ports)
                number = self.number(value)
                if number <= 0:
                    raise ConfigurationError(
                        f"{self.where}: the value of {name} is {number:g}; it must be positive"
                    )
                return (Inductor if kind == "L" else Resistor)(name, plus, minus, number)
            case ["I", name, *ends, value, ("bias" | "flux") as role] if len(ends) == 2:
                plus, minus = map(self.spelled, ends)
                self.placed(name, "I", (plus, minus), ports)
                return CurrentSource(name, plus, minus, self.number(value), Role(role))
        raise ConfigurationError(
            f"{self.where}: {shown(line)} is no element; write 'R NAME PORT 0 OHM', 'L NAME PORT "
            "PORT HENRY' or 'I NAME 0 PORT AMPERE bias' (or flux)"
        )

    def placed(self, name: str, kind: str, nodes: Sequence[str], ports: Sequence[str]) -> None:
        # In a deck the first letter says what an element is.
        if not is_name(name) or name[0].upper() != kind:
            raise ConfigurationError(
                f"{self.where}: the element {kind} is called {shown(name)}; its name must begin "
                f"with {kind}, and have letters, digits and _"
            )
        for node in nodes:
            if node not in (GROUND, *ports):
                raise ConfigurationError(
                    f"{self.where}: element {name} is at {shown(node)}; its nodes are ports of the "
                    f"cell ({', '.join(ports)}) and 0"
                )

    def number(self, value: object) -> float:
        number = math.nan
        if isinstance(value, str | int | float) and not isinstance(value, bool):
            with contextlib.suppress(ValueError):
                number = float(self.filled(value))
        if not math.isfinite(number):
            raise ConfigurationError(
                f"{self.where}: {shown(value)} is no number; write one, or arithmetic in {{{{ }}}}"
            )
        return number

    def filled(self, value: object) -> str:
        """The text with the values of its expressions in their place."""
        text = value if isinstance(value, str) else repr(value)
        if len(text) > MOST_CHARACTERS:
            raise ConfigurationError(
                f"{self.where}: {shown(text)} has {len(text)} characters; at most "
                f"{MOST_CHARACTERS} are allowed"
            )
        try:
            return re.sub(r"\{\{(.*?)\}\}", lambda m: repr(evaluate(m[1], self.numbers)), text)
        except ValueError as error:
            raise ConfigurationError(f"{self.where}: {value!r} is no number: {error}") from None
