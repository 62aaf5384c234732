"""Small changes to a module's text, by its syntax tree: what ``mutation.py`` draws from.

Each is at one place and leaves the rest of the text as it is. Docstrings, messages, ``raise``,
``assert``, annotations, decorators, ``__repr__`` and compiled functions are left alone.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

COMPARISONS: dict[type[ast.cmpop], tuple[str, tuple[str, ...]]] = {
    ast.Lt: ("<", ("<=", ">")),
    ast.LtE: ("<=", ("<", ">=")),
    ast.Gt: (">", (">=", "<")),
    ast.GtE: (">=", (">", "<=")),
    ast.Eq: ("==", ("!=",)),
    ast.NotEq: ("!=", ("==",)),
    ast.Is: ("is", ("is not",)),
    ast.IsNot: (r"is\s+not", ("is",)),
    ast.In: ("in", ("not in",)),
    ast.NotIn: (r"not\s+in", ("in",)),
}
OPERATORS: dict[type[ast.operator], tuple[str, str]] = {
    ast.Add: (r"\+", "-"),
    ast.Sub: ("-", "+"),
    ast.Mult: (r"\*", "/"),
    ast.Div: ("/", "*"),
    ast.FloorDiv: ("//", "*"),
}
JOINED: dict[type[ast.boolop], tuple[str, str]] = {ast.And: ("and", "or"), ast.Or: ("or", "and")}


@dataclass(frozen=True)
class Mutant:
    """One change.

    Attributes:
        file: relative to the root.
        line: where it begins.
        kind: of change.
        start: of the bytes that are replaced.
        stop: past them.
        old: what they are.
        new: what they become.
    """

    file: str
    line: int
    kind: str
    start: int
    stop: int
    old: str
    new: str

    def __str__(self) -> str:
        old, new = (" ".join(text.split()) or "nothing" for text in (self.old, self.new))
        return f"{self.file}:{self.line}: {self.kind}, {old} -> {new}"

    def apply(self, text: bytes) -> bytes:
        """The file with the change."""
        return text[: self.start] + self.new.encode() + text[self.stop :]


def mutants_of(file: str, text: bytes) -> list[Mutant]:
    """All changes to a file that leave it Python."""
    return [m for m in _Finder(file, text).found() if _compiles(m.apply(text))]


def _compiles(text: bytes) -> bool:
    try:
        compile(text, "mutant", "exec")
    except SyntaxError:
        return False
    return True


class _Finder:
    def __init__(self, file: str, text: bytes) -> None:
        self.file, self.text = file, text
        self.starts = [0]
        for line in text.splitlines(keepends=True):
            self.starts.append(self.starts[-1] + len(line))

    def found(self) -> Iterator[Mutant]:
        for node in _changed(ast.parse(self.text)):
            yield from self._of(node)

    def _begin(self, node: ast.expr | ast.arg | ast.keyword) -> int:
        return self.starts[node.lineno - 1] + node.col_offset

    def _end(self, node: ast.expr | ast.arg | ast.keyword) -> int:
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        return self.starts[node.end_lineno - 1] + node.end_col_offset

    def _make(self, kind: str, start: int, stop: int, new: str) -> Mutant:
        line = self.text.count(b"\n", 0, start) + 1
        return Mutant(self.file, line, kind, start, stop, self.text[start:stop].decode(), new)

    def _between(
        self, kind: str, left: ast.expr, right: ast.expr, token: str, new: str
    ) -> Iterator[Mutant]:
        """Another operator between two operands; brackets and comments may lie there too."""
        start, stop = self._end(left), self._begin(right)
        gap = re.sub(rb"#.*", lambda found: b" " * len(found[0]), self.text[start:stop])
        at = re.search(token.encode(), gap)
        if at is not None:
            yield self._make(kind, start + at.start(), start + at.end(), new)

    def _of(self, node: ast.AST) -> Iterator[Mutant]:
        if isinstance(node, ast.Compare):
            left = [node.left, *node.comparators]
            for a, operator, b in zip(left, node.ops, node.comparators, strict=False):
                token, others = COMPARISONS[type(operator)]
                for other in others:
                    yield from self._between("comparison", a, b, token, other)
        elif isinstance(node, ast.BinOp) and type(node.op) in OPERATORS:
            if not any(_is_text(side) for side in (node.left, node.right)):
                token, other = OPERATORS[type(node.op)]
                yield from self._between("arithmetic", node.left, node.right, token, other)
        elif isinstance(node, ast.BoolOp):
            token, other = JOINED[type(node.op)]
            for a, b in zip(node.values, node.values[1:], strict=False):
                yield from self._between("and/or", a, b, rf"\b{token}\b", other)
        elif isinstance(node, ast.UnaryOp):
            start, operand = self._begin(node), self._begin(node.operand)
            if isinstance(node.op, ast.Not):
                yield self._make("not", start, start + 4, "")
            elif isinstance(node.op, ast.USub) and operand == start + 1:
                yield self._make("minus", start, operand, "")
        elif isinstance(node, ast.Constant):
            yield from self._constant(node)
        elif isinstance(node, ast.Slice):
            for end in (node.lower, node.upper):
                if end is not None:
                    start, stop = self._begin(end), self._end(end)
                    new = f"{self.text[start:stop].decode()} + 1"
                    yield self._make("slice", start, stop, new)
        elif isinstance(node, ast.Call):
            for keyword in node.keywords:
                if keyword.arg is not None:
                    yield self._without(keyword)
        elif isinstance(node, ast.FunctionDef):
            yield from self._function(node)

    def _constant(self, node: ast.Constant) -> Iterator[Mutant]:
        start, stop, value = self._begin(node), self._end(node), node.value
        if isinstance(value, bool):
            return
        if isinstance(value, int):
            for other in (value + 1, value - 1):
                yield self._make("constant", start, stop, f"{other}" if other >= 0 else "(-1)")
        elif isinstance(value, float):
            yield self._make("constant", start, stop, f"{2 * value or 1.0}")

    def _without(self, keyword: ast.keyword) -> Mutant:
        """A call without an argument, which takes its default."""
        start, stop = self._begin(keyword), self._end(keyword)
        after = re.match(rb"\s*,[ \t]*", self.text[stop:])
        return self._make("argument", start, stop + (after.end() if after else 0), "")

    def _function(self, node: ast.FunctionDef) -> Iterator[Mutant]:
        if isinstance(node.returns, ast.Name) and node.returns.id == "bool":
            for inner in ast.walk(node):
                if isinstance(inner, ast.Return) and inner.value is not None:
                    start, stop = self._begin(inner.value), self._end(inner.value)
                    new = f"not ({self.text[start:stop].decode()})"
                    yield self._make("returned", start, stop, new)
        by_place = [*node.args.posonlyargs, *node.args.args]
        optional = by_place[len(by_place) - len(node.args.defaults) :]
        pairs = [*zip(optional, node.args.defaults, strict=True)][:1]
        for arg, default in zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True):
            pairs += [(arg, default)] if default is not None else []
        for arg, value in pairs:
            yield self._make("default", self._end(arg), self._end(value), "")


def _is_text(node: ast.expr) -> bool:
    text = isinstance(node, ast.Constant) and isinstance(node.value, str | bytes)
    return text or isinstance(node, ast.JoinedStr)


def _changed(node: ast.AST) -> Iterator[ast.AST]:
    """A node and what is below it, less what is left alone."""
    if isinstance(node, ast.Raise | ast.Assert | ast.JoinedStr):
        return
    skipped: list[ast.AST | None] = []
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        words = [ast.unparse(decorator) for decorator in node.decorator_list]
        if node.name == "__repr__" or any("njit" in word for word in words):
            return
        skipped += node.decorator_list
    if isinstance(node, ast.FunctionDef):
        skipped.append(node.returns)
    if isinstance(node, ast.AnnAssign | ast.arg):
        skipped.append(node.annotation)
    yield node
    for child in ast.iter_child_nodes(node):
        if child not in skipped:
            yield from _changed(child)
