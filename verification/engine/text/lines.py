"""Deck text to logical lines: comments, continuation, ``.include``, ``.end``, case.

Rules of JoSIM 2.7 (syntax guide, "Basic syntax" and "Include"): a line whose first sign is ``*``
or ``#`` is a comment, ``+`` continues the line before, everything but file names is upper-cased.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from netlist_gen.deck.lines import logical_lines, names_a_file, numbered_lines, read_deck_text
from netlist_gen.errors import DeckError
from netlist_gen.files import printable
from verification.engine.text.budget import Budget
from verification.waves.josim_remarks import remark_at

_FILE_WORDS = frozenset({".INCLUDE", "INCLUDE", ".FILE", "FILE", ".IV"})


class Place(NamedTuple):
    """Where a line begins: the file as the user named it and the line number, from 1."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}, line {self.line}"

    def error(self, what: str) -> DeckError:
        """The error to raise for this line."""
        return DeckError(printable(f"{self}: {what}"))


class Line(NamedTuple):
    """One logical line: tokens split at blanks, in upper case, continuation lines joined.

    Attributes:
        place: where it begins.
        tokens: see above.
        remark: whether words at its end were a comment.
    """

    place: Place
    tokens: tuple[str, ...]
    remark: bool = False

    def __str__(self) -> str:
        text = " ".join(self.tokens[:8])
        return text if len(self.tokens) <= 8 else text + " ..."


def read_lines(
    text: str, name: str, directory: Path | None, budget: Budget | None = None
) -> list[Line]:
    """Logical lines of a deck, with those of included files in place.

    Args:
        text: the deck.
        name: what messages call it.
        directory: where ``.include`` looks; None where no file may be read.
        budget: what reading may take.

    Raises:
        DeckError: an include that can't be read or includes itself, a stray continuation, or a
            character that JoSIM reads otherwise.
        SimulatorError: time is up.
    """
    budget = budget or Budget(name)
    return list(_Reader(budget).lines(text, name, directory, ()))


def _without_remark(place: Place, tokens: tuple[str, ...]) -> Line:
    if not any(token[0] == "*" for token in tokens):
        return Line(place, tokens)
    try:
        at = remark_at(tokens)
    except ValueError as error:
        raise place.error(str(error)) from None
    return Line(place, tokens) if at < 0 else Line(place, tokens[:at], remark=True)


@dataclass
class _Reader:
    """One reading of a deck with its files, each read once."""

    budget: Budget
    texts: dict[Path, str] = field(default_factory=dict)

    def lines(
        self, text: str, name: str, directory: Path | None, stack: tuple[Path, ...]
    ) -> Iterator[Line]:
        numbered = numbered_lines(text, name, comments="*#", free=names_a_file)
        for number, line in logical_lines(numbered, comments="*#"):
            self.budget.step()
            place, tokens = Place(name, number), tuple(line.upper().split())
            first = tokens[0]
            if first in (".INCLUDE", "INCLUDE"):
                yield from self._included(line.split(), place, directory, stack)
            elif first in (".END", "END"):
                return
            elif first in _FILE_WORDS:
                yield _without_remark(place, (first, *line.split()[1:]))
            elif first[0] == "+":
                raise place.error("a line that continues (+) has no line before it")
            elif "*" in line:
                yield _without_remark(place, tokens)
            else:
                yield Line(place, tokens)

    def _included(
        self, raw: list[str], place: Place, directory: Path | None, stack: tuple[Path, ...]
    ) -> Iterator[Line]:
        if len(raw) != 2:
            raise place.error(".include takes one file name, without blanks")
        if directory is None:
            raise place.error(f".include {raw[1]}: a deck that is no file can't include one")
        path = (directory / raw[1]).resolve()
        if path in stack:
            raise place.error(f".include {raw[1]}: the file includes itself")
        text = self.texts.get(path)
        problem = self.budget.include(len(stack), len(text or ""))
        if problem:
            raise place.error(f".include {raw[1]}: {problem}")
        if text is None:
            text = read_deck_text(path, lambda why: place.error(f".include {raw[1]}: {why}"))
            self.texts[path] = text
        return self.lines(text, raw[1], path.parent, (*stack, path))
