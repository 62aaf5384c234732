"""Extracted values put in the place of designed ones: a circuit annotated from its layout.

An element is named as decks and waveforms name it, innermost first, with dots: ``LST.XS00.XL0N0``
is the storage inductor of synapse 00 of neuron 0 in layer 0 (JoSIM prints ``LST|XS00|XL0N0``).
``*`` stands for any run of characters, dots too, ``?`` for one that is no dot. ``jtl:LA`` is the
element LA in every place of a cell: of its subcircuit's name, or of the library cell that it was
made from; both sides may hold wildcards. Case is ignored, as decks ignore it.

Where places of one cell get different values, each different one becomes a cell of its own:
``NAME_a1``, ``NAME_a2`` in the order of places, so that the same table gives the same names. A cell
whose places all get the same keeps its name.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from itertools import islice
from operator import itemgetter
from typing import Any

from netlist_gen.circuit.elements import (
    VALUE_FIELDS,
    Coupling,
    CurrentSource,
    Element,
    Inductor,
    Junction,
    Resistor,
)
from netlist_gen.circuit.model import Cell, Circuit, Placed
from netlist_gen.errors import ConfigurationError

FIELDS: dict[type, str] = {
    kind: VALUE_FIELDS[kind] for kind in (Junction, Inductor, Resistor, Coupling, CurrentSource)
}
"""The field that is set of each kind of element; other kinds can't be annotated."""

_CALLED = {
    Junction: "a junction",
    Inductor: "an inductor",
    Resistor: "a resistor",
    Coupling: "a coupling",
    CurrentSource: "a current source",
}

SAME = 1e-12
"""A value this close to the element's own, relatively, is its own: a current that was divided by
the model's and multiplied again."""

_MOST_LABELS = 20_000
"""Labels among which near misses are looked for."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One line of a table.

    Attributes:
        target: an element or a pattern, as it is written.
        values: SI by kind of element (junction: area): one where the line has a unit, else each
            in that kind's own.
        where: file and line.
    """

    target: str
    values: Mapping[type, float]
    where: str


@dataclass(slots=True)
class _Node:
    """What changes in a placed cell: its own elements, and its instances."""

    cell: Cell
    values: dict[str, float] = field(default_factory=dict)
    children: dict[str, _Node] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Matched:
    """What the settings mean in one circuit.

    Attributes:
        elements: how many are set, also to the value that they have.
        lines: the places of the settings, in their list, that set any.
        kinds: of the elements that each of these sets.
        root: what changes in the top cell, None where nothing does.
    """

    elements: int
    lines: frozenset[int]
    kinds: Mapping[int, type]
    root: _Node | None


class _Pattern:
    """A path with wildcards, split so that most places are passed over quickly."""

    def __init__(self, target: str) -> None:
        head, dot, rest = target.upper().partition(".")
        self.whole = _regex(target)
        # Where the element's own name holds no ``*``, name and path are matched apart.
        self.head = None if "*" in head else _regex(head)
        self.rest = _regex(rest) if dot else _regex("")

    def names(self, cell: Cell, path: str) -> Iterator[str]:
        """The cell's own elements that match, where ``path`` is its place, upper case."""
        if self.head is None:
            labels = ((e.name, label(e.name, path)) for e in cell.elements)
            yield from (name for name, whole in labels if self.whole.fullmatch(whole))
        elif self.rest.fullmatch(path):
            yield from (e.name for e in cell.elements if self.head.fullmatch(e.name.upper()))


Made = dict[object, tuple[Cell, Cell]]
"""Cells that were annotated and what was made of them: who passes one on, for the circuits of one
neuron, has the same cells in all of them, and with them their texts."""


class Annotator:
    """Settings, sorted by what they name, ready for any number of circuits, in any threads."""

    def __init__(self, settings: Sequence[Setting]) -> None:
        self.settings = settings
        self._exact: dict[str, dict[str, list[int]]] = {}  # by the cell's path, then by name
        self._of_cells: list[tuple[int, re.Pattern[str], re.Pattern[str]]] = []
        self._inside: dict[str, list[tuple[int, _Pattern]]] = {}
        self._anywhere: list[tuple[int, _Pattern]] = []
        for index, setting in enumerate(settings):
            target = setting.target.upper()
            cell, colon, name = target.partition(":")
            outer = target.rpartition(".")[2]
            if colon:
                self._of_cells.append((index, _regex(cell), _regex(name)))
            elif not has_wildcard(target):
                own, _, path = target.partition(".")
                self._exact.setdefault(path, {}).setdefault(own, []).append(index)
            elif has_wildcard(outer):
                self._anywhere.append((index, _Pattern(target)))
            else:
                self._inside.setdefault(outer, []).append((index, _Pattern(target)))

    def match(self, circuit: Circuit) -> Matched:
        """Which elements of a circuit are set, and to what.

        Raises:
            ConfigurationError: two lines that set an element differently, a unit or value that
                the element can't have, a line without a unit for elements of different kinds.
        """
        root = _Node(circuit.top)
        count, kinds = 0, dict[int, type]()
        by_cell: dict[int, list[tuple[int, str]]] = {}
        inside: dict[int, dict[str, Cell]] = {}
        for placed in circuit.walk():
            key = id(placed.cell)
            if key not in by_cell:
                by_cell[key] = list(self._of_cell(placed.cell))
            path = ".".join(reversed(placed.path)).upper()
            named = sorted([*by_cell[key], *self._of_path(placed, path)], key=itemgetter(0))
            if not named:
                continue
            elements = {e.name: e for e in placed.cell.elements}
            chosen: dict[str, tuple[int, float]] = {}
            for index, name in named:
                value = self._value(index, elements[name], label(name, path), kinds)
                known, other = chosen.setdefault(name, (index, value))
                if not _same(other, value):
                    first, second = self.settings[known], self.settings[index]
                    raise ConfigurationError(
                        f"{second.where}: {second.target} sets {label(name, path)} otherwise than "
                        f"{first.target} in {first.where}; one value is allowed"
                    )
            count += len(chosen)
            new = {name: value for name, (_, value) in chosen.items()}
            _note(root, placed, elements, new, inside)
        changed = root if root.values or root.children else None
        return Matched(count, frozenset(kinds), kinds, changed)

    def apply(self, circuit: Circuit, made: Made | None = None) -> Circuit:
        """The circuit with the settings' values; lines that name nothing in it do nothing.

        Args:
            circuit: as designed.
            made: cells of circuits that were annotated before.

        Raises:
            ConfigurationError: as ``match``.
        """
        root = self.match(circuit).root
        if root is None:
            return circuit
        keys: dict[int, object] = {}
        _key(root, keys)
        names = _names(circuit, root, keys)
        return Circuit(_renewed(root, keys, names, {} if made is None else made))

    def _of_cell(self, cell: Cell) -> Iterator[tuple[int, str]]:
        names = (cell.name.upper(), cell.kind.upper())
        for index, of, element in self._of_cells:
            if any(of.fullmatch(name) for name in names):
                found = (e.name for e in cell.elements if element.fullmatch(e.name.upper()))
                yield from ((index, name) for name in found)

    def _of_path(self, placed: Placed, path: str) -> Iterator[tuple[int, str]]:
        exact = self._exact.get(path)
        if exact is not None:
            for e in placed.cell.elements:
                yield from ((index, e.name) for index in exact.get(e.name.upper(), ()))
        outer = placed.path[0].upper() if placed.path else ""
        for index, pattern in (*self._inside.get(outer, ()), *self._anywhere):
            yield from ((index, name) for name in pattern.names(placed.cell, path))

    def _value(self, index: int, element: Element, name: str, kinds: dict[int, type]) -> float:
        setting, kind = self.settings[index], type(element)
        where = f"{setting.where}: {setting.target}"
        also = "" if setting.target.upper() == name.upper() else f", which is {name},"
        if kind not in FIELDS:
            raise ConfigurationError(
                f"{where}{also} is a {kind.__name__}; values can be given to "
                f"{', '.join(_CALLED.values())}"
            )
        first = kinds.setdefault(index, kind)
        if kind not in setting.values:
            raise ConfigurationError(
                f"{where}{also} is {_CALLED[kind]}, of another unit than that given"
            )
        if first is not kind and len(setting.values) > 1:
            raise ConfigurationError(
                f"{where} names {_CALLED[first]} and {_CALLED[kind]} ({name}); one kind is allowed"
            )
        value = setting.values[kind]
        _check(value, kind, f"{where}{also}")
        return value


def label(name: str, path: str) -> str:
    """An element by its place: ``path`` is that of its cell, innermost first, "" for the top."""
    return f"{name}.{path}" if path else name


def has_wildcard(target: str) -> bool:
    """Whether it is a pattern."""
    return "*" in target or "?" in target


def near(target: str, circuits: Iterable[Circuit], most: int = 3) -> list[str]:
    """Elements, or elements of cells, whose names are close to one that is not there."""
    of_cell = ":" in target
    outer = target.upper().rpartition(".")[2] if "." in target else ""
    found: dict[str, None] = {}
    for circuit in circuits:
        names = [x.name.upper() for x in circuit.top.instances]
        close = {*get_close_matches(outer, names, most, 0.5)} or {*names} if outer else {""}
        for placed in circuit.walk():
            path = ".".join(reversed(placed.path))
            if of_cell:
                kind = placed.cell.kind or placed.cell.name
                found |= dict.fromkeys(f"{kind}:{e.name}" for e in placed.cell.elements)
            elif (placed.path[0].upper() if placed.path else "") in close:
                found |= dict.fromkeys(label(e.name, path) for e in placed.cell.elements)
        if len(found) > _MOST_LABELS:
            break
    shown = {name.upper(): name for name in islice(found, _MOST_LABELS)}
    return [shown[name] for name in get_close_matches(target.upper(), shown, most, 0.5)]


def _regex(pattern: str) -> re.Pattern[str]:
    """Of a pattern; each ``*`` but the last ends at the first place that fits, and for good.

    No other place could fit better, and no pattern, whoever wrote it, takes long.
    """
    first, *others = (
        "".join("[^.]" if c == "?" else re.escape(c) for c in part)
        for part in pattern.upper().split("*")
    )
    middle = "".join(f"(?>.*?{part})" for part in others[:-1])
    return re.compile(first + middle + (f".*{others[-1]}" if others else ""))


def _same(first: float, second: float) -> bool:
    return math.isclose(first, second, rel_tol=SAME, abs_tol=0.0)


def _check(value: float, kind: type, where: str) -> None:
    """Refuses a value that an element of this kind can't have."""
    if kind is Coupling and not -1.0 < value < 1.0:
        raise ConfigurationError(f"{where} is a coupling of {value:g}; -1 < k < 1 is allowed")
    if kind in (Junction, Inductor, Resistor) and not 0.0 < value < math.inf:
        raise ConfigurationError(
            f"{where} is {_CALLED[kind]} of {value:g}; its value must be above 0"
        )


def _set(element: Element, values: Mapping[str, float]) -> Element:
    if element.name not in values:
        return element
    change: dict[str, Any] = {FIELDS[type(element)]: values[element.name]}
    return replace(element, **change)


def _note(
    root: _Node,
    placed: Placed,
    elements: Mapping[str, Element],
    values: Mapping[str, float],
    inside: dict[int, dict[str, Cell]],
) -> None:
    """Put into the tree what differs from the elements' own values.

    ``inside`` has, and gets, the cells of each cell's instances: a network has thousands.
    """
    new = {}
    for name, value in values.items():
        own = getattr(elements[name], FIELDS[type(elements[name])])
        if not _same(own, value):
            new[name] = value
    if not new:
        return
    node = root
    for instance in placed.path:
        if instance not in node.children:
            key = id(node.cell)
            if key not in inside:
                inside[key] = {x.name: x.cell for x in node.cell.instances}
            node.children[instance] = _Node(inside[key][instance])
        node = node.children[instance]
    node.values = new


def _key(node: _Node, keys: dict[int, object]) -> object:
    """What a node makes of its cell, by node: the same for the same cell changed alike."""
    inside = tuple(sorted((name, _key(child, keys)) for name, child in node.children.items()))
    keys[id(node)] = (node.cell.name, tuple(sorted(node.values.items())), inside)
    return keys[id(node)]


def _nodes(node: _Node) -> Iterator[_Node]:
    """A node and those below it, in the order of places."""
    yield node
    for instance in node.cell.instances:
        if instance.name in node.children:
            yield from _nodes(node.children[instance.name])


def _renewed(
    node: _Node, keys: Mapping[int, object], names: Mapping[object, str], made: Made
) -> Cell:
    """A changed cell under its new name, with its changed instances."""
    key = keys[id(node)]
    # Of cells of one name (the tops of two benches) each is itself; it is kept with what was made
    # of it, so that its identity stays its own.
    which = id(node.cell), key, names[key]
    if which not in made:
        elements = tuple(_set(e, node.values) for e in node.cell.elements)
        inside = {x: _renewed(child, keys, names, made) for x, child in node.children.items()}
        instances = tuple(
            replace(x, cell=inside[x.name]) if x.name in inside else x for x in node.cell.instances
        )
        new = replace(node.cell, name=names[key], elements=elements, instances=instances)
        made[which] = node.cell, new
    return made[which][1]


def _names(circuit: Circuit, root: _Node, keys: Mapping[int, object]) -> dict[object, str]:
    """The name of each changed cell: its own where no other cell needs that."""
    changed: dict[str, dict[object, int]] = {}
    for node in _nodes(root):
        counts = changed.setdefault(node.cell.name, {})
        counts[keys[id(node)]] = counts.get(keys[id(node)], 0) + 1
    taken = {name.upper() for name in (circuit.top.name, *circuit.cells)}
    names: dict[object, str] = {}
    for name, counts in changed.items():
        number = 0
        free = sum(counts.values()) == circuit.places[name]
        for key in counts:
            own, free = free, False
            while not own:
                number += 1
                if f"{name}_a{number}".upper() not in taken:
                    break
            names[key] = name if own else f"{name}_a{number}"
            taken.add(names[key].upper())
    return names
