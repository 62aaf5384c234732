"""Factors at a deck's head: an engineer sweeps a whole circuit by editing one line.

    .param bias=1          L1 a b 2.2e-12*ind          IB 0 a pwl(0 0 1e-11 7e-05*bias)

That is JoSIM's form. ngspice takes such a product in braces, WRspice in single quotes: it cuts an
expression without them at its first operator, and rounds one with them to 7 digits where
``.options numdgt`` asks for no more.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from netlist_gen.deck.lines import SUBCIRCUIT_ENDS, SUBCIRCUITS, logical_lines, place_of
from netlist_gen.errors import DeckError

PARAMETERS = {
    "bias": "currents that feed junctions",
    "flux": "currents of control lines",
    "ind": "inductances",
    "icrit": "the critical current of the junction model, at the same capacitance and resistances",
}
"""What each factor multiplies."""

_NAMES = "|".join(PARAMETERS)
# ASCII in all of them: digits of other scripts are none to simulators.
_FREE = re.IGNORECASE | re.ASCII
_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_GIVEN = re.compile(rf"(?m)^\.param ({_NAMES}) *= *({_NUMBER}) *\r?$", _FREE)
_PRODUCT = rf"({_NUMBER})\*({_NAMES})"
# The product is all of a value: what stands before or behind it could belong to another one.
_SCALED = re.compile(rf"(?<![^\s(=,]){_PRODUCT}(?![^\s),;])", _FREE)
_SCALED_IN_SIGNS = re.compile(rf"(?<![^\s(=,])(?:\{{{_PRODUCT}\}}|'{_PRODUCT}')(?![\w.])", _FREE)
_ASSIGNED = re.compile(rf"(?<![\w.])({_NAMES})\s*=", _FREE)
_USED = re.compile(rf"(?<![\w.|])({_NAMES})(?![\w.|]|\s*=)", _FREE)
_REMARK = re.compile(r"\s[$*]|;")
_DIGITS = re.compile(r"(?m)^\.options (numdgt=15) *\r?$")


def plain_deck(text: str, name: str = "") -> str:
    """A deck with its factors multiplied in, line by line; a deck without them as it is.

    A value becomes the shortest number that is the product, and what it was before where the
    factor is 1.

    Args:
        text: the deck.
        name: what messages call it (its file); "" where whoever calls puts the name before them.

    Raises:
        DeckError: a factor that is given inside a subcircuit or more than once, or one that stands
            in anything but a product with one number.
    """
    given = {name.lower(): float(value) for name, value in _GIVEN.findall(text)}
    if not given:
        return text

    def product(found: re.Match[str]) -> str:
        value, factor = (group for group in found.groups() if group is not None)
        scale = given.get(factor.lower())
        if scale is None:
            return found.group(0)
        return value if scale == 1.0 else f"{float(value) * scale:.10g}"

    _require_global(text, given, name)
    text = _DIGITS.sub(r"* \1", text)
    text = _GIVEN.sub(lambda found: f"* {found.group(1)}={found.group(2)}", text)
    text = _SCALED.sub(product, _SCALED_IN_SIGNS.sub(product, text))
    _require_multiplied(text, given, name)
    return text


def _require_global(text: str, given: Iterable[str], name: str) -> None:
    """Refuse a factor that is another one in places, or somewhere in the deck."""
    cell = ""
    seen: set[str] = set()
    for number, line in _lines(text):
        words = line.split()
        first = words[0].lower()
        assigned = {found.lower() for found in _ASSIGNED.findall(line)}.intersection(given)
        if first in SUBCIRCUITS:
            cell = words[1] if len(words) > 1 else "without a name"
        elif first in SUBCIRCUIT_ENDS:
            cell = ""
        if not assigned or not (first in (*SUBCIRCUITS, ".param") or first.startswith("x")):
            continue
        factor, where = min(assigned), place_of(name, number)
        if first != ".param":
            raise DeckError(
                f"{where}: {line[:60]!r} has {factor} of its own; a factor is the whole deck's"
            )
        if cell:
            raise DeckError(
                f"{where}: .param {factor} is inside the subcircuit {cell}; a factor is the whole "
                "deck's"
            )
        if assigned & seen:
            raise DeckError(f"{where}: .param {factor} is there a second time; one is allowed")
        seen |= assigned


def _require_multiplied(text: str, given: Iterable[str], name: str) -> None:
    """Refuse a factor that is left in a value."""
    for number, line in _lines(text):
        words = line.split(None, 3)
        first = words[0].lower()
        if first == ".param":
            value = " ".join(words[1:])
        elif first.startswith(("x", ".")) and first != ".model":
            continue
        else:
            value = words[3] if len(words) > 3 else ""
        left = [found for found in _USED.findall(_without_remark(value)) if found.lower() in given]
        if left:
            raise DeckError(
                f"{place_of(name, number)}: {left[0]} is in {value[:60]!r}; a factor multiplies "
                f"one number, as in 2e-12*{left[0]}"
            )


def _without_remark(value: str) -> str:
    """Without the comment that simulators read over behind a value, outside all brackets."""
    for found in _REMARK.finditer(value):
        before = value[: found.start()]
        if all(before.count(a) == before.count(b) for a, b in ("()", "{}")):
            return before
    return value


def _lines(text: str) -> Iterable[tuple[int, str]]:
    return logical_lines(enumerate(text.split("\n"), 1))
