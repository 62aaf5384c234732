"""Deck text to logical lines, as far as all dialects agree: ``+`` continues the line before."""

from __future__ import annotations

from collections.abc import Iterable, Iterator


def logical_lines(
    lines: Iterable[tuple[int, str]], comments: str = "*"
) -> Iterator[tuple[int, str]]:
    """Numbered lines, each with what continues it; blank lines and comments are left out.

    Args:
        lines: (number, text) of each line.
        comments: signs that begin a comment; with "" comments are lines like others.

    Yields:
        The number of the line and its text, stripped, continuations joined by a blank. A
        continuation without a line before it comes as it is, with its ``+``.
    """
    current, number = "", 0
    for at, raw in lines:
        line = raw.strip()
        if line.startswith("+") and current:
            current += " " + line[1:]
        elif line and line[0] not in comments:
            if current:
                yield number, current
            current, number = line, at
    if current:
        yield number, current
