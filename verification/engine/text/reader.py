"""Deck text to ``ParsedDeck``: scopes, models, parameters and controls.

Reads what a transient analysis can use of JoSIM 2.7's syntax guide, and refuses, with file and
line, what JoSIM would replace or drop with at most a warning.
"""

from __future__ import annotations

from collections import ChainMap, Counter
from pathlib import Path

from netlist_gen.deck.lines import read_deck_text
from netlist_gen.errors import DeckError
from verification.engine.text.budget import Budget
from verification.engine.text.controls import read_controls
from verification.engine.text.deck import ModelCard, ParsedDeck, Scope
from verification.engine.text.expressions import resolve_parameters
from verification.engine.text.lines import Line, Place, read_lines

_CONTROLS = frozenset(
    {"PRINT", "TRAN", "SAVE", "PLOT", "TEMP", "NEB", "SPREAD", "FILE", "IV", "OPTION"}
)
_DEVICES = "BLRCKIVPTEFGHX"
_THERMAL = {"T": "temperature", "TC": "critical_temperature", "D": "transparency"}
_SYNONYMS = {"VGAP": "vg", "IC": "icrit", "C": "cap", "ICFCT": "icfact"}
_PLAIN = ("VG", "ICRIT", "RTYPE", "RN", "R0", "CAP", "DELV", "ICFACT", "PHI")
_MODEL_FIELDS = {key: key.lower() for key in _PLAIN} | _SYNONYMS | _THERMAL


_LONGEST_MODEL = 100_000


def read_deck(
    text: str,
    *,
    name: str = "deck",
    directory: Path | None = None,
    budget: Budget | None = None,
) -> ParsedDeck:
    """Read a deck.

    Args:
        text: the deck.
        name: what messages call it.
        directory: where ``.include`` and ``cus`` files are looked for; None forbids them.
        budget: what reading may take.

    Raises:
        DeckError: whatever can't be read, with file and line.
        SimulatorError: time is up.
    """
    budget = budget or Budget(name)
    lines = read_lines(text, name, directory, budget)
    if not lines:
        raise DeckError(f"{name}: the deck is empty")
    scopes, controls = _sort(lines, name)
    _resolve_parameters(scopes, budget)
    for scope in scopes.values():
        for line in scope.model_lines.values():
            model = _model(line, scope)
            scope.models[model.name] = model
            budget.step()
    if not scopes[""].cards:
        raise DeckError(f"{name}: the main design has no device")
    deck = read_controls(name, controls, scopes)
    remarks = [line.place for line in lines if line.remark]
    if remarks:
        deck.notes.append(
            f"{remarks[0]}: the words from * on are a comment, as to JoSIM"
            + (f" ({len(remarks)} such lines)" if len(remarks) > 1 else "")
        )
    return deck


def read_deck_file(path: Path, budget: Budget | None = None) -> ParsedDeck:
    """Read a deck from a file. Raises as ``read_deck``."""
    text = read_deck_text(path, lambda why: DeckError(f"{path}: {why}"))
    return read_deck(text, name=str(path), directory=path.resolve().parent, budget=budget)


def _sort(lines: list[Line], name: str) -> tuple[dict[str, Scope], list[Line]]:
    """Hand each line to its scope; control lines that belong to no scope are returned."""
    main = Scope("", Place(name, 1))
    scopes = {"": main}
    controls: list[Line] = []
    scope = main
    in_control = False
    for line in lines:
        first = line.tokens[0]
        word = first[1:] if first[0] == "." else first if in_control else ""
        if not word:
            if first[0] not in _DEVICES:
                raise line.place.error(
                    f"{first} is no device; devices begin with one of {' '.join(_DEVICES)}"
                )
            scope.cards.append(line)
        elif word == "SUBCKT":
            scope = _open_subcircuit(line, scope, scopes)
        elif word == "ENDS":
            if scope is main:
                raise line.place.error(".ends without .subckt")
            scope = main
        elif word == "CONTROL":
            in_control = True
        elif word == "ENDC":
            in_control = False
        elif word == "PARAM":
            _parameter(line, scope)
        elif word == "MODEL":
            _model_line(line, scope)
        elif word in _CONTROLS:
            if scope is not main:
                raise line.place.error(
                    f"{first} inside subcircuit {scope.name}; controls belong outside "
                    "(is an .ends missing?)"
                )
            controls.append(Line(line.place, (word, *line.tokens[1:])))
        else:
            raise line.place.error(f"unknown control {first}")
    if scope is not main:
        raise scope.place.error(f"subcircuit {scope.name} has no .ends")
    return scopes, controls


def _open_subcircuit(line: Line, scope: Scope, scopes: dict[str, Scope]) -> Scope:
    if scope.name:
        raise line.place.error(f".subckt inside subcircuit {scope.name} (is an .ends missing?)")
    if len(line.tokens) < 3:
        raise line.place.error(".subckt needs a name and at least one node")
    name, ports = line.tokens[1], line.tokens[2:]
    if name in scopes:
        raise line.place.error(f"subcircuit {name} is there already ({scopes[name].place})")
    counts = Counter(ports)
    for port in ports:
        if "=" in port:
            raise line.place.error(
                f"{port}: subcircuits take no parameters; use .param inside, or LABEL=value "
                "on the instance"
            )
        if counts[port] > 1:
            raise line.place.error(f"node {port} is named twice in .subckt {name}")
    scopes[name] = Scope(name, line.place, ports=ports)
    return scopes[name]


def _parameter(line: Line, scope: Scope) -> None:
    name, sign, expression = "".join(line.tokens[1:]).partition("=")
    if not sign or not name or not expression:
        raise line.place.error(".param takes NAME=EXPRESSION")
    if not (name[0].isalpha() or name[0] == "_") or not name.replace("_", "A").isalnum():
        raise line.place.error(f"{name} can't be the name of a parameter")
    if "=" in expression:
        raise line.place.error(f"{expression}: one .param line takes one parameter")
    if name in scope.parameter_lines:
        raise line.place.error(
            f"parameter {name} is there already ({scope.parameter_lines[name][0].place})"
        )
    scope.parameter_lines[name] = (line, expression)


def _model_line(line: Line, scope: Scope) -> None:
    if len(line.tokens) < 3:
        raise line.place.error(".model takes a name and jj(...)")
    name = line.tokens[1]
    known = scope.model_lines.get(name)
    if known is not None and known.tokens != line.tokens:
        raise line.place.error(f"model {name} is there already ({known.place}) and differs")
    scope.model_lines[name] = line


def _resolve_parameters(scopes: dict[str, Scope], budget: Budget) -> None:
    outer: dict[str, float] = {}
    for scope in scopes.values():  # the main design comes first
        expressions = {name: text for name, (_, text) in scope.parameter_lines.items()}
        own, problems = resolve_parameters(expressions, outer, budget.step)
        if problems:
            name, problem = next(iter(problems.items()))
            raise scope.parameter_lines[name][0].place.error(f".param {name}: {problem}")
        if not scope.name:
            outer = own
        # Not a copy for each scope: their number times that of the parameters has no bound.
        scope.parameters = ChainMap(own, outer) if own and scope.name else outer


def _model(line: Line, scope: Scope) -> ModelCard:
    place, name = line.place, line.tokens[1]
    text = " ".join(line.tokens[2:])
    if len(text) > _LONGEST_MODEL:
        raise place.error(f"model {name}: its line has more than {_LONGEST_MODEL} characters")
    if not text.startswith("JJ"):
        raise place.error(f"model {name}: the only model type is jj, not {line.tokens[2]}")
    body = text[2:].strip()
    if body.startswith("("):
        if not body.endswith(")"):
            raise place.error(f"model {name}: the bracket is not closed")
        body = body[1:-1]
    elif body.endswith(")"):
        raise place.error(f"model {name}: the bracket is not opened")
    elif body and text[2] not in " (":
        raise place.error(f"model {name}: the only model type is jj, not {line.tokens[2]}")
    values: dict[str, float] = {}
    cpr: tuple[float, ...] = (1.0,)
    thermal = False
    for key, expressions in _assignments(body, place, name):
        numbers = tuple(scope.value(item, place, f"model {name}, {key}") for item in expressions)
        if key == "CPR":
            cpr = numbers
            continue
        field = _MODEL_FIELDS.get(key)
        if field is None:
            raise place.error(f"model {name}: jj has no parameter {key}")
        if len(numbers) != 1:
            raise place.error(f"model {name}: {key} takes one value")
        if field in values:
            raise place.error(f"model {name}: {key} is given twice")
        values[field] = numbers[0]
        thermal = thermal or key in _THERMAL
    return _checked(name, values, cpr, thermal, place)


def _checked(
    name: str, values: dict[str, float], cpr: tuple[float, ...], thermal: bool, place: Place
) -> ModelCard:
    rtype = values.pop("rtype", 1.0)
    if rtype not in (0.0, 1.0):
        raise place.error(f"model {name}: rtype is {rtype:g}; it can be 0 or 1")
    for key in ("rn", "r0", "icrit"):
        if values.get(key, 1.0) <= 0.0:
            raise place.error(f"model {name}: {key} is {values[key]:g}; it must be above 0")
    for key in ("cap", "vg"):
        if values.get(key, 0.0) < 0.0:
            raise place.error(f"model {name}: {key} is {values[key]:g}; it can't be negative")
    for key in ("delv", "icfact", "temperature", "critical_temperature"):
        if values.get(key, 1.0) <= 0.0:
            raise place.error(f"model {name}: {key} is {values[key]:g}; it must be above 0")
    if not 0.0 <= values.get("transparency", 0.0) <= 1.0:
        raise place.error(f"model {name}: d is {values['transparency']:g}; it must be 0 to 1")
    model = ModelCard(name, int(rtype), cpr=cpr, thermal=thermal, **values)
    if thermal and model.temperature >= model.critical_temperature:
        raise place.error(
            f"model {name}: t is {model.temperature:g}; it must be below tc = "
            f"{model.critical_temperature:g}"
        )
    return model


def _assignments(body: str, place: Place, name: str) -> list[tuple[str, list[str]]]:
    """``RTYPE=1, CPR={0.9, 0.1}`` to keys and lists of expressions."""
    found = []
    rest = body.replace(",", " ").strip()
    while rest:
        key, sign, rest = rest.partition("=")
        key, rest = key.strip(), rest.lstrip()
        if not sign or not key.isalnum() or not rest:
            raise place.error(f"model {name}: expected PARAMETER=value, found {key or rest!r}")
        if rest.startswith("{"):
            inside, sign, rest = rest[1:].partition("}")
            if not sign or not inside.strip():
                raise place.error(f"model {name}: the brace of {key} is empty or not closed")
            found.append((key, inside.split()))
        else:
            value, _, rest = rest.partition(" ")
            found.append((key, [value]))
        rest = rest.lstrip()
    return found
