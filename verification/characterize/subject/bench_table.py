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

import dataclasses
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
from netlist_gen.library.process import quantity
from verification.characterize.subject.arithmetic import evaluate
from verification.characterize.subject.model import Subject
from verification.characterize.subject.stimulus import PS, SPACING_S, BenchCase, parse_steps

_BENCH_KEYS = frozenset({"inputs", "outputs", "clock", "spacing_ps", "stimulus", "elements",
                         "cases", "levels", "turning"})  # fmt: skip
_CASE_KEYS = frozenset({"name", "stimulus", "set"})
_LEVEL_KEYS = frozenset({"high", "width", "edge"})


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
    reader = _Reader(numbers, where)
    reader.only(table, _BENCH_KEYS)
    inputs, outputs = (reader.names(table, key) for key in ("inputs", "outputs"))
    ports = subject.cell.ports
    for port in (*inputs, *outputs):
        if port not in ports:
            raise ConfigurationError(
                f"{where}: {port!r} is no port of the cell; it has {', '.join(ports)}"
            )
    clock = table.get("clock", "")
    if clock and clock not in inputs:
        raise ConfigurationError(f"{where}: clock is {clock!r}; it must be one of the inputs")
    spacing = table.get("spacing_ps", SPACING_S / PS)
    if not isinstance(spacing, int | float) or not spacing >= 10:
        raise ConfigurationError(f"{where}: spacing_ps is {spacing!r}; it must be at least 10")
    elements = tuple(reader.element(line) for line in table.get("elements", ()))
    if ("stimulus" in table) == ("cases" in table):
        raise ConfigurationError(f"{where}: give either stimulus or [[bench.cases]]")
    entries = table.get("cases", [{"stimulus": table.get("stimulus")}])
    return dataclasses.replace(
        subject,
        inputs=inputs,
        outputs=outputs,
        clock=clock,
        elements=elements,
        cases=tuple(reader.case(e, spacing * PS * slowness, inputs, elements) for e in entries),
        levels=reader.levels(table.get("levels", {}), inputs),
        turning=reader.names(table, "turning") if "turning" in table else (),
    )


@dataclass(frozen=True)
class _Reader:
    """Reads parts of the table; ``where`` is its place, ``numbers`` what expressions may name."""

    numbers: Mapping[str, float]
    where: str

    def only(self, table: Any, allowed: frozenset[str], what: str = "") -> None:
        wrong = ", ".join(sorted(set(table) - allowed)) if isinstance(table, dict) else repr(table)
        if wrong:
            raise ConfigurationError(
                f"{self.where}{what} may hold {', '.join(sorted(allowed))}; found {wrong}"
            )

    def names(self, table: Mapping[str, Any], key: str) -> tuple[str, ...]:
        value = table.get(key)
        if not isinstance(value, list) or not all(isinstance(v, str) for v in value):
            raise ConfigurationError(f"{self.where}: {key} must be a list of ports, not {value!r}")
        return tuple(value)

    def case(
        self, entry: Any, spacing_s: float, inputs: Sequence[str], elements: Sequence[Element]
    ) -> BenchCase:
        self.only(entry, _CASE_KEYS)
        lines = entry.get("stimulus")
        if not isinstance(lines, list):
            raise ConfigurationError(f"{self.where}: stimulus must be a list of steps")
        settings = entry.get("set", {})
        sources = {e.name for e in elements if isinstance(e, CurrentSource)}
        for source in settings:
            if source not in sources:
                raise ConfigurationError(
                    f"{self.where}: set names {source!r}; the current sources among elements are "
                    f"{', '.join(sorted(sources)) or 'none'}"
                )
        return BenchCase(
            entry.get("name", ""),
            parse_steps(lines, spacing_s, inputs, self.where),
            tuple((source, self.number(value)) for source, value in settings.items()),
        )

    def levels(self, table: Any, inputs: Sequence[str]) -> dict[str, LevelSource]:
        found = {}
        for port, entry in table.items() if isinstance(table, dict) else [("levels", table)]:
            where = f"{self.where}: levels.{port}"
            if port not in inputs or not isinstance(entry, dict):
                raise ConfigurationError(
                    f"{self.where}: levels names {port!r}; a level is a table of one of the "
                    f"inputs, {', '.join(inputs)}"
                )
            self.only(entry, _LEVEL_KEYS, f": levels.{port}")
            high, width, edge = (quantity(entry, key, where) for key in ("high", "width", "edge"))
            if not (high > 0 and 0 < edge <= width):
                raise ConfigurationError(
                    f"{where} is {high:g} A for {width:g} s with edges of {edge:g} s; the current "
                    "must be positive and an edge not longer than the width"
                )
            found[port] = LevelSource(f"I{port}", GROUND, port, high, width, edge, ())
        return found

    def element(self, line: object) -> Element:
        match self.filled(line).split():
            case ["L", name, plus, minus, value]:
                return Inductor(name, plus, minus, self.number(value))
            case ["R", name, plus, minus, value]:
                return Resistor(name, plus, minus, self.number(value))
            case ["I", name, plus, minus, value, ("bias" | "flux") as role]:
                return CurrentSource(name, plus, minus, self.number(value), Role(role))
        raise ConfigurationError(
            f"{self.where}: {line!r} is no element; write 'R NAME PORT 0 OHM', 'L NAME PORT PORT "
            "HENRY' or 'I NAME 0 PORT AMPERE bias' (or flux)"
        )

    def number(self, value: object) -> float:
        try:
            return float(self.filled(value))
        except ValueError:
            raise ConfigurationError(
                f"{self.where}: {value!r} is no number; write one, or arithmetic in {{{{ }}}}"
            ) from None

    def filled(self, value: object) -> str:
        """The text with the values of its expressions in their place."""
        try:
            return re.sub(
                r"\{\{(.*?)\}\}", lambda m: repr(evaluate(m[1], self.numbers)), str(value)
            )
        except ValueError as error:
            raise ConfigurationError(f"{self.where}: {value!r} is no number: {error}") from None
