"""The linter every JoSIM deck passes before it runs.

JoSIM accepts much that it should not: an unknown model becomes its default 1 mA junction, a
missing bracket is ignored, a floating node gives a singular or an open circuit. Each rule
here turns one of those into a sentence that names the line.
"""

from __future__ import annotations

import re
from collections import Counter, OrderedDict
from dataclasses import dataclass, field
from typing import Any

from netlist_gen.deck.lines import logical_lines, numbered_lines
from netlist_gen.errors import DeckError
from netlist_gen.files import printable

_PLAIN_PRINT = re.compile(r"\.print phase [A-Za-z0-9_.]+")
_TWO_NODE = "BLRCVIP"
_RESERVED = re.compile(r"[.|]")
_CONTROLS = {".model", ".subckt", ".ends", ".tran", ".print", ".end"}


@dataclass
class _Scope:
    """What is known of one subcircuit, or of the top level."""

    name: str
    line: int
    ports: tuple[str, ...] = ()
    names: dict[str, int] = field(default_factory=dict)
    nodes: dict[str, int] = field(default_factory=dict)
    inductors: set[str] = field(default_factory=set)
    couplings: list[tuple[int, str, str]] = field(default_factory=list)
    instances: list[tuple[int, str, str, int]] = field(default_factory=list)
    models: list[tuple[int, str]] = field(default_factory=list)


def lint(text: str, name: str) -> None:
    """Check a deck in JoSIM's dialect.

    Rules: outside comments it is printable ASCII; brackets pair; every element has its nodes and
    value; names are unique in their scope, ignoring case, without "." or "|"; every node is joined
    to at least two elements or ports; every model, subcircuit and coupled inductor is defined;
    instances have as many nets as their subcircuit has ports; there is one ``.tran`` and at least
    one ``.print``.

    Args:
        text: the deck.
        name: how messages call it (its file).

    Raises:
        DeckError: the first rule that is broken, with the line's number.
    """
    try:
        _lint(text, name)
    except DeckError as error:
        raise DeckError(printable(str(error))) from error


def _lint(text: str, name: str) -> None:
    lines = [line for _, line in numbered_lines(text, name)]
    if not lines[-1]:
        lines.pop()  # what follows the last line feed
    outside, blocks = _without_known(lines)
    known = {scope.name.upper(): (scope, start) for scope, start in blocks}
    printed = _closing_prints(outside)
    if len(known) < len(blocks):
        known, outside = {}, list(enumerate(lines, 1))  # one is defined twice: say so
    deck = _Content({key: scope for key, (scope, _) in known.items()}, Counter({".print": printed}))
    for number, line in logical_lines(outside):
        where = f"{name}, line {number}"
        if line.count("(") != line.count(")"):
            raise DeckError(f"{where}: brackets do not pair in {line[:60]!r}")
        words = line.split()
        if words[0].startswith("."):
            _control(deck, words, line, number, where)
        else:
            _element(deck.scope, words, number, where)
    if deck.scope is not deck.top:
        raise DeckError(
            f"{name}: subcircuit {deck.scope.name} (line {deck.scope.line}) has no .ends"
        )
    if deck.controls[".tran"] != 1:
        raise DeckError(f"{name}: it has {deck.controls['.tran']} .tran lines; it needs one")
    if not deck.controls[".print"]:
        raise DeckError(f"{name}: it has no .print line, so nothing would be measured")
    _check_scope(deck.top, deck.scopes, deck.models, name, 0)
    for key, each in deck.scopes.items():
        start = known[key][1] if key in known else 0
        _check_scope(each, deck.scopes, deck.models, name, start)
    for scope in deck.fresh:
        _remember(lines, scope)


@dataclass
class _Content:
    """What a deck holds, as far as it has been read.

    Attributes:
        scopes: by their names in upper case.
        controls: how often each was there.
        top: all outside subcircuits.
        fresh: subcircuits that were not known before.
        models: names in upper case.
    """

    scopes: dict[str, _Scope]
    controls: Counter[str]
    top: _Scope = field(default_factory=lambda: _Scope("the top level", 0))
    fresh: list[_Scope] = field(default_factory=list)
    models: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.scope = self.top


def _control(deck: _Content, words: list[str], line: str, number: int, where: str) -> None:
    head = words[0].lower()
    if head not in _CONTROLS:
        raise DeckError(
            f"{where}: {words[0]} is not a control the generator writes; "
            f"allowed are {', '.join(sorted(_CONTROLS))}"
        )
    deck.controls[head] += 1
    if head in (".model", ".subckt") and len(words) < 3:
        raise DeckError(f"{where}: {line!r} lacks a name or what follows it")
    if head == ".tran" and words[3:4] not in ([], ["0"]):
        raise DeckError(f"{where}: the print begins at {words[3]} s; it must begin at 0")
    if head == ".model":
        deck.models.add(words[1].upper())
    elif head == ".subckt":
        if deck.scope is not deck.top:
            raise DeckError(f"{where}: subcircuit {words[1]} begins inside {deck.scope.name}")
        if words[1].upper() in deck.scopes:
            raise DeckError(f"{where}: subcircuit {words[1]} is defined twice")
        deck.scope = _Scope(words[1], number, tuple(w.upper() for w in words[2:]))
        deck.scopes[words[1].upper()] = deck.scope
        deck.fresh.append(deck.scope)
    elif head == ".ends":
        if deck.scope is deck.top:
            raise DeckError(f"{where}: .ends without a .subckt before it")
        deck.scope = deck.top


_KNOWN: OrderedDict[str, _Scope] = OrderedDict()
"""Subcircuits that passed before, by their text: the decks of a network share most of them."""

_MOST_KNOWN = 4096


def _without_known(
    lines: list[str],
) -> tuple[list[tuple[int, str]], list[tuple[_Scope, int]]]:
    """Numbered lines of all but the subcircuits that passed before; those, and where they begin."""
    outside: list[tuple[int, str]] = []
    blocks: list[tuple[_Scope, int]] = []
    index = 0
    while index < len(lines):
        if lines[index].startswith(".subckt ") and index + 1 < len(lines):
            try:
                end = lines.index(".ends", index + 1)
            except ValueError:
                end = len(lines)
            known = _KNOWN.get("\n".join(lines[index:end]))
            # What follows a known block may not continue its last line.
            if known is not None and not (end + 1 < len(lines) and lines[end + 1].startswith("+")):
                blocks.append((known, index))
            else:  # all of it, with whatever begins inside
                outside += enumerate(lines[index : end + 1], index + 1)
            index = end + 1
            continue
        outside.append((index + 1, lines[index]))
        index += 1
    return outside, blocks


def _closing_prints(lines: list[tuple[int, str]]) -> int:
    """Take the plain ``.print`` lines at the deck's end away, most of a deck; how many."""
    end = len(lines) - (bool(lines) and lines[-1][1] == ".end")
    first = end
    while first and _PLAIN_PRINT.fullmatch(lines[first - 1][1]):
        first -= 1
    del lines[first:end]
    return end - first


def _remember(lines: list[str], scope: _Scope) -> None:
    """Keep a subcircuit, its lines counted from where it begins."""
    first = scope.line - 1
    try:
        end = lines.index(".ends", first + 1)
    except ValueError:
        return
    block = lines[first:end]
    if any(line.lstrip().lower().startswith(".") for line in block[1:]):
        return

    def moved(entries: list[tuple[Any, ...]]) -> list[Any]:
        return [(entry[0] - first, *entry[1:]) for entry in entries]

    _KNOWN["\n".join(block)] = _Scope(
        scope.name,
        scope.line - first,
        scope.ports,
        {name: at - first for name, at in scope.names.items()},
        scope.nodes,
        scope.inductors,
        moved(scope.couplings),
        moved(scope.instances),
        moved(scope.models),
    )
    if len(_KNOWN) > _MOST_KNOWN:
        _KNOWN.popitem(last=False)


def _element(scope: _Scope, words: list[str], number: int, where: str) -> None:
    label = words[0].upper()
    if _RESERVED.search(label):
        raise DeckError(f"{where}: the name {words[0]} holds a reserved character (. or |)")
    if label in scope.names:
        raise DeckError(
            f"{where}: the name {words[0]} is already used on line {scope.names[label]} "
            f"of {scope.name} (case is ignored)"
        )
    scope.names[label] = number
    kind = label[0]
    if kind == "K":
        if len(words) != 4:
            raise DeckError(f"{where}: a coupling needs two inductors and a coefficient")
        try:
            coefficient = float(words[3])
        except ValueError:
            raise DeckError(f"{where}: coupling {words[0]}: {words[3]!r} is no number") from None
        if not -1 < coefficient < 1:
            raise DeckError(f"{where}: coupling {words[0]} is {words[3]}; it must lie in (-1, 1)")
        scope.couplings.extend((number, words[0], w.upper()) for w in words[1:3])
        return
    if kind == "X":
        nets = [w.upper() for w in words[1:-1]]
        scope.instances.append((number, words[0], words[-1].upper(), len(nets)))
    elif kind in _TWO_NODE:
        if len(words) < 4:
            raise DeckError(f"{where}: {words[0]} needs two nodes and a value")
        nets = [w.upper() for w in words[1:3]]
        if kind == "B":
            scope.models.append((number, words[3].upper()))
        if kind == "L":
            scope.inductors.add(label)
    else:
        raise DeckError(f"{where}: {words[0]} is not an element the generator writes")
    for net in nets:
        if _RESERVED.search(net):
            raise DeckError(f"{where}: the node {net} holds a reserved character (. or |)")
        scope.nodes[net] = scope.nodes.get(net, 0) + 1


def _check_scope(
    scope: _Scope, scopes: dict[str, _Scope], models: set[str], name: str, first: int
) -> None:
    """Check a scope whose lines are counted from ``first``."""
    for number, model in scope.models:
        if model not in models:
            raise DeckError(f"{name}, line {number + first}: junction model {model} is not defined")
    for number, label, inductor in scope.couplings:
        if inductor not in scope.inductors:
            raise DeckError(
                f"{name}, line {number + first}: {label} couples {inductor}, which is not an "
                f"inductor of {scope.name}"
            )
    for number, label, cell, nets in scope.instances:
        if cell not in scopes:
            raise DeckError(f"{name}, line {number + first}: subcircuit {cell} is not defined")
        if nets != len(scopes[cell].ports):
            raise DeckError(
                f"{name}, line {number + first}: instance {label} has {nets} nets; subcircuit "
                f"{cell} has {len(scopes[cell].ports)} ports"
            )
    ports = Counter(scope.ports)
    for node in [*scope.nodes, *(port for port in scope.ports if port not in scope.nodes)]:
        count = scope.nodes.get(node, 0) + ports[node]
        if node in scopes:  # JoSIM 2.7 takes it for the subcircuit of an instance line it is on
            raise DeckError(
                f"{name}: node {node} of {scope.name} has the name of a subcircuit; "
                "name one of them otherwise"
            )
        if node not in ("0", "GND") and count < 2:
            raise DeckError(
                f"{name}: node {node} of {scope.name} is joined to one element only; "
                "every node needs at least two"
            )
