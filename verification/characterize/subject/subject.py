"""What is characterised: a library cell, a neuron of some fan-in, or a user's own subcircuit.

All three become a ``Subject``: a cell, the process it is in, its input and output ports, the
elements that close its other ports, and the cases of its stimulus. A library cell has them in
the table ``[bench]`` of its own TOML file; a user's cell has the same table in a TOML file
beside the subcircuit:

    [cell]
    name = "dff"                      # the .subckt
    netlist = "dff.cir"

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
current sources among ``elements``. Numbers in ``elements`` and ``set`` may be expressions in
``{{ }}`` of the cell's parameters, of ``phi0`` and of the neuron's design rules (``rules``).
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jinja2

from netlist_gen.circuit.model import (
    GROUND,
    Cell,
    CurrentSource,
    Element,
    Inductor,
    LevelSource,
    Resistor,
    Role,
)
from netlist_gen.circuit.neuron import TABLE_FAN_INS, table_neuron, table_neuron_cell
from netlist_gen.circuit.trees import tree_depth
from netlist_gen.constants import PHI0
from netlist_gen.errors import ConfigurationError
from netlist_gen.library.cells import CellLibrary
from netlist_gen.library.design import load_phases, load_rules
from netlist_gen.library.process import DEFAULT_PROCESS, Process, quantity, read_toml
from verification.characterize.subject.foreign import read_subcircuit
from verification.characterize.subject.stimulus import PS, SPACING_S, Case, Step, parse_steps

_NEURON = re.compile(r"neuron(\d+)")
_BENCH_KEYS = {
    "inputs",
    "outputs",
    "clock",
    "spacing_ps",
    "stimulus",
    "elements",
    "cases",
    "levels",
    "turning",
}
_CASE_KEYS = {"name", "stimulus", "set"}


@dataclass(frozen=True)
class Level:
    """The current that drives an input: up by ``high_A`` for ``width_s``, with edges, s."""

    high_A: float
    width_s: float
    edge_s: float

    def source(self, port: str, net: str, times_s: tuple[float, ...]) -> LevelSource:
        """The source I{port} from ground into ``net``."""
        return LevelSource(f"I{port}", GROUND, net, self.high_A, self.width_s, self.edge_s, times_s)


@dataclass(frozen=True, eq=False)
class Subject:
    """A cell to characterise.

    Attributes:
        name: of the cell, as reported.
        title: one line.
        cell: the cell.
        library: standard JTLs (sources and loads) and the other library cells, of its process.
        process: gives the junction model.
        inputs, outputs: ports that carry pulses. clock: the input that is a clock, or "".
        elements: what closes the cell's other ports; their nodes are ports of the cell.
        cases: stimuli; a trial passes where all of them do.
        levels: inputs that are driven by a current that goes up and down, with it.
        turning: junctions of the cell that turn in the voltage state of an output.
        grouped: elements of the same name in cells of the same kind are one parameter.
        source: the file or rule it comes from.
    """

    name: str
    title: str
    cell: Cell
    library: CellLibrary
    process: Process
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    clock: str
    elements: tuple[Element, ...]
    cases: tuple[Case, ...]
    grouped: bool
    source: str
    levels: Mapping[str, Level] = field(default_factory=dict)
    turning: tuple[str, ...] = ()

    @property
    def tail_s(self) -> float:
        """Simulated after the last step."""
        gaps = [
            b.time_s - a.time_s
            for case in self.cases
            for a, b in zip(case.steps, case.steps[1:], strict=False)
        ]
        return max(SPACING_S, *gaps) if gaps else SPACING_S


def subject_names(library: CellLibrary) -> list[str]:
    """All cells of the library that have a bench, and the neurons."""
    cells = [n for n, d in library.descriptions.items() if "bench" in read_toml(d.path)]
    return [*cells, *(f"neuron{fan_in}" for fan_in in TABLE_FAN_INS)]


def load_subject(name_or_file: str, process: Process | str = DEFAULT_PROCESS) -> Subject:
    """A subject by name (``splitter``, ``neuron16``) or by a user's TOML file.

    Raises:
        ConfigurationError: no such cell or file, or a bench that can't be read.
        DeckError: a user's netlist that can't be read. NetworkError: a fan-in that can't be built.
    """
    library = CellLibrary(process)
    if name_or_file.endswith(".toml"):
        return _user_subject(Path(name_or_file), library)
    match = _NEURON.fullmatch(name_or_file)
    if match:
        return neuron_subject(library, int(match[1]))
    if name_or_file not in library.descriptions:
        raise ConfigurationError(
            f"no cell {name_or_file!r}; there are {', '.join(subject_names(library))}, "
            "neurons of any fan-in (neuron32), and TOML files of your own cells"
        )
    description = library.description(name_or_file)
    cell = library.cell(name_or_file)
    data = read_toml(description.path)
    rules = load_rules()
    names = {**description.parameters, "phi0": PHI0, "rules": rules}
    slowness = load_phases(process=library.process).slowness
    where = f"{description.path}: [bench]"
    bench = _read_bench(data.get("bench"), cell, names, where, slowness=slowness)
    return Subject(
        name=name_or_file,
        title=description.title,
        cell=cell,
        library=library,
        process=library.process,
        grouped=False,
        source=description.path.name,
        **bench,
    )


def _user_subject(path: Path, library: CellLibrary) -> Subject:
    data = read_toml(path)
    head = data.get("cell")
    if not isinstance(head, dict) or not isinstance(head.get("netlist"), str):
        raise ConfigurationError(f"{path}: [cell] must name the subcircuit's file as netlist")
    name = head.get("name", path.stem)
    if not isinstance(name, str):
        raise ConfigurationError(f"{path}: [cell] name is {name!r}; it must be the subcircuit's")
    cell, model = read_subcircuit(path.parent / head["netlist"], name, library.process)
    ports = head.get("ports")
    if ports is not None:
        if not isinstance(ports, list) or len(ports) != len(cell.ports):
            raise ConfigurationError(
                f"{path}: [cell] ports must be {len(cell.ports)} names, in the order of the "
                f"subcircuit's: {', '.join(cell.ports)}"
            )
        cell = _renamed(cell, dict(zip(cell.ports, ports, strict=True)))
    bench = _read_bench(data.get("bench"), cell, {"phi0": PHI0}, f"{path}: [bench]")
    return Subject(
        name=name.lower(),
        title=str(head.get("title", f"subcircuit {name} of {head['netlist']}")),
        cell=cell,
        library=library,
        process=model,
        grouped=False,
        source=path.name,
        **bench,
    )


def _renamed(cell: Cell, names: Mapping[str, str]) -> Cell:
    def moved(element: Element) -> Element:
        changes: dict[str, Any] = {
            side: names[getattr(element, side)]
            for side in ("plus", "minus")
            if getattr(element, side, None) in names
        }
        return dataclasses.replace(element, **changes)

    elements = tuple(moved(e) for e in cell.elements)
    return dataclasses.replace(cell, ports=tuple(names[p] for p in cell.ports), elements=elements)


def _read_bench(
    table: Any, cell: Cell, names: Mapping[str, Any], where: str, *, slowness: float = 1.0
) -> dict[str, Any]:
    """The fields of a subject; spacings are so many times as long as written."""
    if not isinstance(table, dict):
        raise ConfigurationError(
            f"{where} is missing: it says inputs, outputs and stimulus, so that the cell can be "
            "characterised"
        )
    _only(table, _BENCH_KEYS, where)
    inputs, outputs = (_names(table, key, where) for key in ("inputs", "outputs"))
    for port in (*inputs, *outputs):
        if port not in cell.ports:
            raise ConfigurationError(
                f"{where}: {port!r} is no port of the cell; it has {', '.join(cell.ports)}"
            )
    clock = table.get("clock", "")
    if clock and clock not in inputs:
        raise ConfigurationError(f"{where}: clock is {clock!r}; it must be one of the inputs")
    spacing = table.get("spacing_ps", SPACING_S / PS)
    if not isinstance(spacing, int | float) or not spacing >= 10:
        raise ConfigurationError(f"{where}: spacing_ps is {spacing!r}; it must be at least 10")
    evaluate = _Expressions(names, where)
    elements = tuple(_element(line, evaluate, where) for line in table.get("elements", ()))
    if ("stimulus" in table) == ("cases" in table):
        raise ConfigurationError(f"{where}: give either stimulus or [[bench.cases]]")
    entries = table.get("cases", [{"name": "", "stimulus": table.get("stimulus")}])
    sources = {e.name for e in elements if isinstance(e, CurrentSource)}
    cases = []
    for entry in entries:
        _only(entry, _CASE_KEYS, where)
        lines = entry.get("stimulus")
        if not isinstance(lines, list):
            raise ConfigurationError(f"{where}: stimulus must be a list of steps")
        settings = entry.get("set", {})
        for source in settings:
            if source not in sources:
                raise ConfigurationError(
                    f"{where}: set names {source!r}; the current sources among elements are "
                    f"{', '.join(sorted(sources)) or 'none'}"
                )
        cases.append(
            Case(
                entry.get("name", ""),
                parse_steps(lines, spacing * PS * slowness, inputs, where),
                tuple((source, evaluate(value)) for source, value in settings.items()),
            )
        )
    return {
        "inputs": inputs,
        "outputs": outputs,
        "clock": clock,
        "elements": elements,
        "cases": tuple(cases),
        "levels": _levels(table.get("levels", {}), inputs, where),
        "turning": _names(table, "turning", where) if "turning" in table else (),
    }


def _levels(table: Any, inputs: Sequence[str], where: str) -> dict[str, Level]:
    found = {}
    for port, entry in table.items() if isinstance(table, dict) else [("levels", table)]:
        if port not in inputs or not isinstance(entry, dict):
            raise ConfigurationError(
                f"{where}: levels names {port!r}; a level is a table of one of the inputs, "
                f"{', '.join(inputs)}"
            )
        _only(entry, {"high", "width", "edge"}, f"{where}: levels.{port}")
        high, width, edge = (
            quantity(entry, key, f"{where}: levels.{port}") for key in ("high", "width", "edge")
        )
        if not (high > 0 and 0 < edge <= width):
            raise ConfigurationError(
                f"{where}: levels.{port} is {high:g} A for {width:g} s with edges of {edge:g} s; "
                "the current must be positive and an edge not longer than the width"
            )
        found[port] = Level(high, width, edge)
    return found


def _only(table: Any, allowed: set[str], where: str) -> None:
    wrong = ", ".join(sorted(set(table) - allowed)) if isinstance(table, dict) else repr(table)
    if wrong:
        raise ConfigurationError(f"{where} may hold {', '.join(sorted(allowed))}; found {wrong}")


def _names(table: Mapping[str, Any], key: str, where: str) -> tuple[str, ...]:
    value = table.get(key)
    if not isinstance(value, list) or not all(isinstance(v, str) for v in value):
        raise ConfigurationError(f"{where}: {key} must be a list of ports, not {value!r}")
    return tuple(value)


class _Expressions:
    """Numbers, or expressions in ``{{ }}`` of named values."""

    def __init__(self, names: Mapping[str, Any], where: str):
        self._names, self._where = dict(names), where
        self._environment = jinja2.Environment(undefined=jinja2.StrictUndefined, autoescape=False)

    def __call__(self, value: Any) -> float:
        try:
            return float(self._environment.from_string(str(value)).render(self._names))
        except (jinja2.TemplateError, ValueError) as error:
            raise ConfigurationError(f"{self._where}: {value!r} is no number ({error})") from None


def _element(line: Any, evaluate: _Expressions, where: str) -> Element:
    head, _, tail = str(line).partition("{{")
    words = head.split()
    number = "{{" + tail if tail else ""
    if number:
        number, _, rest = number.rpartition("}}")
        words = [*words, number + "}}", *rest.split()]
    kind, count = (words[0], len(words)) if words else ("", 0)
    if (kind in ("L", "R") and count == 5) or (kind == "I" and count == 6):
        _, name, plus, minus, value, *role = words
        if kind == "L":
            return Inductor(name, plus, minus, evaluate(value))
        if kind == "R":
            return Resistor(name, plus, minus, evaluate(value))
        if role[0] in [r.value for r in Role]:
            return CurrentSource(name, plus, minus, evaluate(value), Role(role[0]))
    raise ConfigurationError(
        f"{where}: {line!r} is no element; write 'R NAME PORT 0 OHM', 'L NAME PORT PORT HENRY' or "
        "'I NAME 0 PORT AMPERE bias' (or flux)"
    )


def neuron_windows(signs: Sequence[int], theta: int) -> tuple[tuple[int, ...], ...]:
    """Input lines pulsed in each window: the signed range's ends and both sides of theta.

    A window that fires and one that does not take turns, so that what either leaves behind
    would show in the other.
    """
    plus = [i for i, s in enumerate(signs) if s > 0]
    minus = [i for i, s in enumerate(signs) if s < 0]

    def lines(n: int) -> tuple[int, ...]:
        return tuple(plus[:n]) if n >= 0 else tuple(minus[:-n])

    low, high = -len(minus), len(plus)
    order = [theta, theta - 1, high, low, min(theta + 1, high), max(theta - 2, low)]
    return (*(lines(n) for n in order), tuple(range(len(signs))))


def neuron_subject(
    library: CellLibrary,
    fan_in: int,
    *,
    theta: int | None = None,
    windows: Sequence[Sequence[int]] | None = None,
) -> Subject:
    """A neuron of ``fan_in`` synapses and threshold ``theta`` (default: half the excitatory).

    Raises:
        NetworkError: a fan-in beyond what was shown to work.
    """
    signs, half = table_neuron(fan_in)
    theta = half if theta is None else theta
    phases = load_phases(process=library.process)
    cell = table_neuron_cell(library, fan_in, theta)
    reset = phases.reset - phases.tree_stage * tree_depth(fan_in)
    steps: list[Step] = []
    for w, lines in enumerate(windows if windows is not None else neuron_windows(signs, theta)):
        start = w * phases.period
        n = sum(signs[i] for i in lines)
        if lines:
            steps.append(Step(start, tuple(f"d{i}" for i in lines), ()))
        fires = ("q",) if n >= theta else ()
        steps.append(Step(start + phases.decision, ("clk",), fires))
        steps.append(Step(start + reset, ("rst",), ()))
    return Subject(
        name=f"neuron{fan_in}",
        title=f"differential neuron of fan-in {fan_in}, {sum(s > 0 for s in signs)} excitatory, "
        f"theta {theta}",
        cell=cell,
        library=library,
        process=library.process,
        inputs=(*(f"d{i}" for i in range(fan_in)), "clk", "rst"),
        outputs=("q",),
        clock="clk",
        elements=(),
        cases=(Case("", tuple(steps)),),
        grouped=True,
        source="cells/design/neuron.toml",
    )
