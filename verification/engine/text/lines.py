"""Deck text to logical lines: comments, continuation, ``.include``, ``.end``, case.

Rules of JoSIM 2.7 (syntax guide, "Basic syntax" and "Include"): a line whose first sign is ``*``
or ``#`` is a comment, ``+`` continues the line before, everything but file names is upper-cased.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from netlist_gen.deck.lines import logical_lines
from netlist_gen.errors import DeckError

_MAX_INCLUDE_DEPTH = 20
_FILE_WORDS = frozenset({".INCLUDE", "INCLUDE", ".FILE", "FILE"})


@dataclass(frozen=True)
class Place:
    """Where a line begins: the file as the user named it and the line number, from 1."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}, line {self.line}"

    def error(self, what: str) -> DeckError:
        """The error to raise for this line."""
        return DeckError(f"{self}: {what}")


@dataclass(frozen=True)
class Line:
    """One logical line: tokens split at blanks, in upper case, continuation lines joined."""

    place: Place
    tokens: tuple[str, ...]

    def __str__(self) -> str:
        text = " ".join(self.tokens[:8])
        return text if len(self.tokens) <= 8 else text + " ..."


def read_lines(text: str, name: str, directory: Path | None) -> list[Line]:
    """Logical lines of a deck, with those of included files in place.

    Args:
        text: the deck.
        name: what messages call it.
        directory: where ``.include`` looks; None where no file may be read.

    Raises:
        DeckError: an include that can't be read or includes itself, or a stray continuation.
    """
    return list(_lines(text, name, directory, ()))


def _lines(text: str, name: str, directory: Path | None, stack: tuple[Path, ...]) -> Iterator[Line]:
    for number, line in logical_lines(_numbered(text, name), comments="*#"):
        place, raw = Place(name, number), line.split()
        first = raw[0].upper()
        if first in (".INCLUDE", "INCLUDE"):
            yield from _included(raw, place, directory, stack)
        elif first in (".END", "END"):
            return
        elif first in _FILE_WORDS:
            yield Line(place, (first, *raw[1:]))
        elif first[0] == "+":
            raise place.error("a line that continues (+) has no line before it")
        else:
            yield Line(place, tuple(line.upper().split()))


def _numbered(text: str, name: str) -> Iterator[tuple[int, str]]:
    # Split at line feeds alone: str.splitlines would also split at form feeds and the like.
    for number, raw in enumerate(text.replace("\r", "").split("\n"), start=1):
        if "\0" in raw:
            raise Place(name, number).error("a NUL byte: this is not a text file")
        yield number, raw


def _included(
    raw: list[str], place: Place, directory: Path | None, stack: tuple[Path, ...]
) -> Iterator[Line]:
    if len(raw) != 2:
        raise place.error(".include takes one file name, without blanks")
    if directory is None:
        raise place.error(f".include {raw[1]}: a deck that is no file can't include one")
    path = (directory / raw[1]).resolve()
    if path in stack or len(stack) >= _MAX_INCLUDE_DEPTH:
        raise place.error(f".include {raw[1]}: the file includes itself")
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise place.error(f".include {raw[1]}: {error.strerror or error}") from error
    return _lines(text, raw[1], path.parent, (*stack, path))
