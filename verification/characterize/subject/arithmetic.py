"""Arithmetic that a file holds as text: numbers, names, ``+ - * / **`` and brackets, nothing else.

The text is read as a Python expression but never run: each node of its tree is one that is listed
here, or the text is refused.
"""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Mapping

_OPERATIONS: dict[type[ast.AST], Callable[..., float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
    ast.UAdd: operator.pos,
    ast.USub: operator.neg,
}
MOST_CHARACTERS = 300
"""Of one text: bounds the depth of its tree."""


def evaluate(text: str, names: Mapping[str, float]) -> float:
    """The value of an expression of the given names, which may have dots (``rules.offset``).

    Raises:
        ValueError: it can't be read, names something else, or has no finite value; the message
            says what is wrong, and what is allowed.
    """
    if len(text) > MOST_CHARACTERS:
        raise ValueError(f"it is longer than {MOST_CHARACTERS} characters")
    try:
        tree = ast.parse(text.strip(), mode="eval")
    except (SyntaxError, ValueError):
        raise ValueError(_allowed("it is no arithmetic", names)) from None
    try:
        value = _value(tree.body, names)
    except ArithmeticError as error:
        raise ValueError(f"it has no value: {error.args[-1]}") from None
    if isinstance(value, complex) or not math.isfinite(value):
        raise ValueError("its value is not finite and real")
    return value


def _value(node: ast.AST, names: Mapping[str, float]) -> float:
    match node:
        case ast.Constant(value=int() | float() as number) if not isinstance(number, bool):
            return float(number)
        case ast.UnaryOp(op=op, operand=inner) if type(op) in _OPERATIONS:
            return _OPERATIONS[type(op)](_value(inner, names))
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATIONS:
            return _OPERATIONS[type(op)](_value(left, names), _value(right, names))
        case ast.Name() | ast.Attribute() if ast.unparse(node) in names:
            return names[ast.unparse(node)]
    raise ValueError(_allowed(f"{ast.unparse(node)!r} has no meaning", names))


def _allowed(wrong: str, names: Mapping[str, float]) -> str:
    return f"{wrong}; allowed are numbers, + - * / ** ( ) and {', '.join(names)}"
