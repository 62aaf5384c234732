"""Control lines: ``.tran``, ``.print/.plot/.save``, ``.file``, ``.iv``, ``.temp`` and so on."""

from __future__ import annotations

from difflib import get_close_matches

from verification.engine.text.deck import (
    FileLine,
    IvLine,
    ParsedDeck,
    PrintRequest,
    Scope,
    Spread,
    TransientAnalysis,
)
from verification.engine.text.lines import Line

MOST_IV_A = 0.05
"""Of ``.iv``, A: 80,000 points of the curve, 2.5 uA apart."""

_MAX_STEPS = 10**10
_DEVICE_WORDS = {"DEVV": "V", "DEVI": "I", "DEVP": "P", "PHASE": "P"}
_NODE_WORDS = {"NODEV": "V", "NODEP": "P"}
_SHORT = {"V": "V", "P": "P", "I": "I", "C": "I"}


def read_controls(name: str, lines: list[Line], scopes: dict[str, Scope]) -> ParsedDeck:
    """Build the deck from its scopes and control lines. Raises DeckError."""
    main = scopes[""]
    transient: TransientAnalysis | None = None
    deck = ParsedDeck(name, scopes, TransientAnalysis(1.0, 1.0), [], [])
    for line in lines:
        word = line.tokens[0]
        if word == "TRAN":
            if transient is not None:
                raise line.place.error("a second .tran; a deck has one")
            transient = _transient(line, main)
        elif word in ("PRINT", "PLOT", "SAVE"):
            deck.prints.extend(_prints(line, len(deck.files) - 1))
        elif word == "FILE":
            if len(line.tokens) != 2:
                raise line.place.error(".file takes one file name, without blanks")
            deck.files.append(FileLine(line.tokens[1], line.place))
        elif word == "TEMP":
            deck.temperature = _positive(line, main, "kelvin", zero=True)
        elif word == "NEB":
            deck.noise_bandwidth = _positive(line, main, "hertz", zero=False)
        elif word == "SPREAD":
            deck.spread = _spread(line, main)
        elif word == "OPTION":
            deck.seed = _seed(line, main)
        else:  # IV
            deck.curves.append(_curve(line, scopes))
    if transient is None:
        raise main.place.error("the deck has no .tran line")
    deck.transient = transient
    return deck


def _curve(line: Line, scopes: dict[str, Scope]) -> IvLine:
    if len(line.tokens) != 4:
        raise line.place.error(".iv takes a model, its largest current and one file name")
    _, label, current, file = line.tokens
    name, _, inside = label.upper().replace(".", "|").partition("|")
    scope = scopes.get(inside)
    if scope is None or name not in scope.models:
        where = f" in subcircuit {inside}" if inside else ""
        raise line.place.error(f".iv {label}: there is no model {name}{where}")
    most = scopes[""].value(current.upper(), line.place, f"{line}")
    if not 0.0 < most <= MOST_IV_A:
        raise line.place.error(
            f".iv {label}: a largest current of {most:g} A; it must be above 0 and at most "
            f"{MOST_IV_A:g}"
        )
    return IvLine(scope.models[name], most, file, line.place)


def _positive(line: Line, main: Scope, unit: str, *, zero: bool) -> float:
    if len(line.tokens) != 2:
        raise line.place.error(f".{line.tokens[0].lower()} takes one value in {unit}")
    value = main.value(line.tokens[1], line.place, f"{line}")
    if value < 0.0 or (value == 0.0 and not zero):
        raise line.place.error(f"{line}: the value must be above 0")
    return value


def _transient(line: Line, main: Scope) -> TransientAnalysis:
    tokens = list(line.tokens)
    startup = tokens[-1] != "DST"
    if not startup:
        tokens.pop()
    # JoSIM reads five numbers and no further; UIC after them has no effect there or here.
    if len(tokens) == 7 and tokens[6] == "UIC":
        tokens.pop()
    if "UIC" in tokens:
        raise line.place.error("uic is not JoSIM's; DST at the end of .tran leaves out settling")
    if not 3 <= len(tokens) <= 6:
        raise line.place.error(".tran takes TSTEP TSTOP [PSTART [PSTEP [PWINDOW]]] [DST]")
    values = [main.value(token, line.place, f"{line}") for token in tokens[1:]]
    step, stop, *given = values
    print_start, print_step, window = given + [0.0, step, 0.0][len(given) :]
    if step <= 0.0 or stop <= 0.0:
        raise line.place.error(f"{line}: time step and stop time must be above 0")
    if print_step <= 0.0 or print_start < 0.0 or window < 0.0:
        raise line.place.error(
            f"{line}: print start and window can't be negative, the print step must be above 0"
        )
    step = min(step, print_step)
    result = TransientAnalysis(step, stop, print_start, print_step, min(window, stop), startup)
    if stop / step > _MAX_STEPS:
        raise line.place.error(f"{line}: more than {_MAX_STEPS:.0e} steps")
    if result.steps < 1:
        raise line.place.error(f"{line}: the stop time is below one time step")
    if print_start > (result.steps - 1) * step:
        raise line.place.error(f"{line}: printing would start after the end of the run")
    return result


def _prints(line: Line, file: int) -> list[PrintRequest]:
    # '.' and '|' both separate a label from its instance; JoSIM writes '|'.
    tokens = [token.replace(".", "|") for token in line.tokens[1:] if token != "TRAN"]
    if not tokens:
        if line.tokens[0] == "SAVE":
            return []
        raise line.place.error(f".{line.tokens[0].lower()} names nothing to print")
    first = tokens[0]
    if first in _DEVICE_WORDS:
        if len(tokens) != 2:
            raise line.place.error(f"{first} takes one device")
        return [PrintRequest(_DEVICE_WORDS[first], (tokens[1],), file, line.place)]
    if first in _NODE_WORDS:
        if len(tokens) not in (2, 3):
            raise line.place.error(f"{first} takes one node or two")
        return [PrintRequest(_NODE_WORDS[first], tuple(tokens[1:]), file, line.place)]
    return [_short_request(item, line, file) for item in _joined(tokens, line)]


def _joined(tokens: list[str], line: Line) -> list[str]:
    """Join ``V(1,`` and ``2)`` to one item."""
    items: list[list[str]] = []
    depth = 0
    for token in tokens:
        if depth > 0:
            items[-1].append(token)
        else:
            items.append([token])
            depth = 0
        depth += token.count("(") - token.count(")")
    joined = ["".join(parts) for parts in items]
    if depth:
        raise line.place.error(f"a bracket in {joined[-1]} is not closed")
    return joined


def _short_request(item: str, line: Line, file: int) -> PrintRequest:
    if item.endswith("#BRANCH"):
        kind, inside = "I", item.removesuffix("#BRANCH")
    elif item[0] == "@" and item.endswith("]") and "[" in item:
        inside, _, letter = item[1:-1].rpartition("[")
        kind = _SHORT.get(letter, "")
    elif len(item) > 3 and item[1] == "(" and item[-1] == ")":
        kind, inside = _SHORT.get(item[0], ""), item[2:-1]
    else:
        kind, inside = "", ""
    names = tuple(inside.split(","))
    if not kind or not all(names) or len(names) > 2 or any(c in inside for c in "()@#[]"):
        close = get_close_matches(item[:20], [*_DEVICE_WORDS, *_NODE_WORDS], 1, 0.7)
        raise line.place.error(
            f"{item} can't be printed; use V(..), P(..), I(..), @DEVICE[V], DEVV, DEVI, PHASE, "
            f"NODEV or NODEP{f' (is {close[0]} meant?)' if close else ''}"
        )
    if kind == "I" and len(names) != 1:
        raise line.place.error(f"{item}: a current is that of one device")
    return PrintRequest(kind, names, file, line.place)


def _spread(line: Line, main: Scope) -> Spread:
    values: dict[str, float] = {}
    fields = {"L": "inductor", "B": "junction", "C": "capacitor", "R": "resistor"}
    for token in line.tokens[1:]:
        key, sign, text = token.partition("=")
        target = fields.get(key, "") if sign else "overall"
        if not target or (sign and not text):
            raise line.place.error(f"{token}: .spread takes a value and L=, B=, C=, R=")
        value = main.value(text if sign else token, line.place, f"{line}")
        if value < 0.0:
            raise line.place.error(f"{token}: a spread can't be negative")
        values[target] = value
    if not values:
        raise line.place.error(".spread takes a value and L=, B=, C=, R=")
    return Spread(**values)


def _seed(line: Line, main: Scope) -> int | None:
    text = "".join(line.tokens[1:])
    if not text.startswith("SEED"):
        raise line.place.error(f"{line}: the only option is seed=")
    text = text.removeprefix("SEED").removeprefix("=")
    if text == "AUTO":
        return None
    if text.isdecimal() and len(text) <= 20 and int(text) < 2**64:
        return int(text)
    value = main.value(text, line.place, f"{line}")
    if value != int(value) or not 0 <= value < 2**64:
        raise line.place.error(f"{line}: the seed must be an integer from 0 to 2^64 - 1")
    return int(value)
