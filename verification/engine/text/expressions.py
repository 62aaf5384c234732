"""Numbers and expressions of JoSIM decks: ``2.5p``, ``{2*scale}``, ``sqrt(a)/3``.

A number is decimal digits, an optional exponent and an optional suffix: F, P, N, U, M, K, MEG,
X, G, T (JoSIM syntax guide, "Basic syntax"). Letters after the suffix are units and carry no
meaning; as in JoSIM ``5F`` is 5 femto and ``2.8mV`` is 2.8 milli.

Expressions hold ``+ - * / ^``, brackets of the three kinds, the functions in ``FUNCTIONS`` and
the names of parameters and constants. ``^`` binds to the right and before a sign. Differences
from JoSIM, each because its answer there is not the expression's value: a sign after an operator
(``2*-3`` is -6; JoSIM finds -3), ``log10`` (JoSIM finds 0), and global parameters inside a
subcircuit's expression (JoSIM stops).
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Container, Mapping
from functools import lru_cache
from itertools import zip_longest

from verification.engine.equations.constants import NAMED

# ASCII: \d would be the digits of any script.
_NUMBER = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(E[+-]?\d+)?([A-Z]*)", re.ASCII)
_TOKEN = re.compile(
    r"(?P<number>(?:\d+(?:\.\d*)?|\.\d+)(?:E[+-]?\d+)?[A-Z]*)"
    r"|(?P<name>[A-Z_][A-Z0-9_]*)"
    r"|(?P<op>[-+*/^(){}\[\]])",
    re.ASCII,
)
_SCALE = {
    "F": 1e-15, "P": 1e-12, "N": 1e-9, "U": 1e-6, "M": 1e-3,
    "K": 1e3, "X": 1e6, "G": 1e9, "T": 1e12,
}  # fmt: skip
_CLOSING = {"(": ")", "{": "}", "[": "]"}
_MAX_DEPTH = 64
_LONGEST = 100_000

_FUNCTIONS = "cos sin tan acos asin atan cosh sinh tanh acosh asinh atanh exp log log10 sqrt cbrt"
FUNCTIONS: dict[str, Callable[[float], float]] = {
    name.upper(): getattr(math, name) for name in _FUNCTIONS.split()
}


class ExpressionError(ValueError):
    """What is wrong with an expression; the reader adds file and line."""


class UnknownName(ExpressionError):  # noqa: N818 - a reader retries on it, it is not yet an error
    """A name that is no parameter, function or constant (perhaps not defined yet)."""

    def __init__(self, name: str) -> None:
        super().__init__(f"{name} is no parameter, function or constant")
        self.name = name


@lru_cache(maxsize=1 << 16)  # decks write the same few numbers over and over
def parse_number(text: str) -> float | None:
    """The value of a plain number such as ``2.5PH``, or None if the text is something else."""
    sign = 1.0
    if text[:1] in "+-" and len(text) > 1:
        sign = -1.0 if text[0] == "-" else 1.0
        text = text[1:]
    match = _NUMBER.fullmatch(text)
    if match is None:
        return None
    digits, exponent, letters = match.groups()
    scale = 1e6 if letters.startswith("MEG") else _SCALE.get(letters[:1], 1.0)
    # JoSIM multiplies by the factor; a division would round differently.
    return sign * (float(digits + (exponent or "")) * scale)


def evaluate(
    text: str, lookup: Mapping[str, float], unresolved: Container[str] = frozenset()
) -> float:
    """The value of an expression in upper case.

    Args:
        text: a number or expression; blanks don't matter.
        lookup: parameters in scope, by upper-case name. They hide constants.
        unresolved: names of parameters that have no value yet.

    Raises:
        UnknownName: it names something that is not there.
        ExpressionError: it can't be read, or has no finite value.
    """
    compact = "".join(text.split())
    if not compact:
        raise ExpressionError("the expression is empty")
    if compact in lookup:
        return lookup[compact]
    if len(compact) > _LONGEST:
        raise ExpressionError(
            f"the expression has {len(compact)} characters; at most {_LONGEST} are read"
        )
    plain = parse_number(compact)
    if plain is None:
        plain = _Parser(compact, lookup, unresolved).run()
    if not math.isfinite(plain):
        raise ExpressionError(f"the value of {text.strip()} is not finite")
    return plain


class _Parser:
    """Recursive descent over one expression."""

    def __init__(self, text: str, lookup: Mapping[str, float], unresolved: Container[str]) -> None:
        self._text = text
        self._lookup = lookup
        self._unresolved = unresolved
        self._tokens: list[tuple[str, str]] = []
        self._at = 0
        self._depth = 0
        end = 0
        while end < len(text):
            match = _TOKEN.match(text, end)
            if match is None:
                raise ExpressionError(f"{text[end]!r} has no meaning in the expression {text}")
            self._tokens.append((str(match.lastgroup), match.group()))
            end = match.end()

    def run(self) -> float:
        value = self._sum()
        if self._at < len(self._tokens):
            raise ExpressionError(f"{self._peek()} is not expected in the expression {self._text}")
        return value

    def _peek(self) -> str:
        return self._tokens[self._at][1] if self._at < len(self._tokens) else ""

    def _take(self) -> tuple[str, str]:
        if self._at >= len(self._tokens):
            raise ExpressionError(f"the expression {self._text} ends too early")
        self._at += 1
        return self._tokens[self._at - 1]

    def _sum(self) -> float:
        value = self._product()
        while self._peek() in ("+", "-"):
            operator = self._take()[1]
            other = self._product()
            value = value + other if operator == "+" else value - other
        return value

    def _product(self) -> float:
        value = self._signed()
        while self._peek() in ("*", "/"):
            operator = self._take()[1]
            other = self._signed()
            if operator == "/" and other == 0.0:
                raise ExpressionError(f"division by zero in the expression {self._text}")
            value = value * other if operator == "*" else value / other
        return value

    def _signed(self) -> float:
        if self._peek() in ("+", "-"):
            negative = self._take()[1] == "-"
            self._deeper()
            value = self._signed()
            self._depth -= 1
            return -value if negative else value
        return self._power()

    def _power(self) -> float:
        base = self._primary()
        if self._peek() != "^":
            return base
        self._take()
        self._deeper()
        exponent = self._signed()
        self._depth -= 1
        try:
            value = base**exponent
        except (OverflowError, ZeroDivisionError) as error:
            raise ExpressionError(f"{base:g}^{exponent:g} has no finite value") from error
        if isinstance(value, complex):
            raise ExpressionError(f"{base:g}^{exponent:g} is not real")
        return float(value)

    def _primary(self) -> float:
        kind, token = self._take()
        if kind == "number":
            value = parse_number(token)
            if value is None:
                raise ExpressionError(f"{token} is not a number")
            return value
        if kind == "name":
            return self._named(token)
        if token in _CLOSING:
            return self._bracket(token)
        raise ExpressionError(f"{token} is not expected in the expression {self._text}")

    def _named(self, name: str) -> float:
        if name in FUNCTIONS and self._peek() in _CLOSING:
            argument = self._bracket(self._take()[1])
            try:
                return FUNCTIONS[name](argument)
            except (ValueError, OverflowError) as error:
                raise ExpressionError(f"{name}({argument:g}) has no finite value") from error
        if name in self._lookup:
            return self._lookup[name]
        if name in NAMED and name not in self._unresolved:
            return NAMED[name]
        raise UnknownName(name)

    def _bracket(self, opening: str) -> float:
        self._deeper()
        value = self._sum()
        self._depth -= 1
        if self._at >= len(self._tokens) or self._peek() != _CLOSING[opening]:
            raise ExpressionError(
                f"a bracket {opening} in the expression {self._text} is not closed"
            )
        self._at += 1
        return value

    def _deeper(self) -> None:
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise ExpressionError(f"the expression nests deeper than {_MAX_DEPTH}")


def resolve_parameters(
    expressions: Mapping[str, str],
    outer: Mapping[str, float],
    step: Callable[[], None] = lambda: None,
) -> tuple[dict[str, float], dict[str, ExpressionError]]:
    """Evaluate parameters that may name each other in any order, each once.

    Args:
        expressions: by name.
        outer: parameters around them, which those of the same name hide.
        step: called before each is read; it may raise to end this.

    Returns:
        the values that could be found, and for each other parameter why not.
    """
    if not expressions:
        return {}, {}
    values = {name: value for name, value in outer.items() if name not in expressions}
    waits: dict[str, int] = {}
    waited_for: dict[str, list[str]] = {}
    for name, text in expressions.items():
        step()
        needed = _names(text) & expressions.keys()
        waits[name] = len(needed)
        for other in needed:
            waited_for.setdefault(other, []).append(name)
    own: dict[str, float] = {}
    problems: dict[str, ExpressionError] = {}
    ready = [name for name in expressions if not waits[name]]
    pending = set(expressions)
    while ready:
        step()
        name = ready.pop()
        try:
            values[name] = own[name] = evaluate(expressions[name], values, pending)
        except ExpressionError as error:
            problems[name] = error
            continue
        pending.discard(name)
        for other in waited_for.get(name, ()):
            waits[other] -= 1
            if not waits[other]:
                ready.append(other)
    for name in pending - problems.keys():  # those that name each other, or one that has a problem
        step()
        try:
            evaluate(expressions[name], values, pending)
        except ExpressionError as error:
            problems[name] = error
    return own, {name: problems[name] for name in expressions if name in problems}


def _names(text: str) -> set[str]:
    """Names of parameters that an expression may hold; what is called is a function."""
    compact = "".join(text.split())
    if len(compact) > _LONGEST:
        return set()
    found = list(_TOKEN.finditer(compact))
    names = {
        match.group()
        for match, after in zip_longest(found, found[1:])
        if match.lastgroup == "name"
        and not (match.group() in FUNCTIONS and after is not None and after.group() in _CLOSING)
    }
    return names | {compact}
