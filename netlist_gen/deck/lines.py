"""Deck text to logical lines, as far as all dialects agree: ``+`` continues the line before.

Simulators separate words at blanks and tabs, and lines at line feeds alone (JoSIM 2.7 drops
carriage returns). Python would also separate them at a no-break space or a form feed and take
digits of any script for numbers: another circuit, without a word. So outside comments a deck holds
printable ASCII and tabs, and whoever reads one gets its lines here.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from pathlib import Path

from netlist_gen.errors import DeckError, NetlistGenError
from netlist_gen.files import read_bytes

MOST_BYTES = 400_000_000
"""Of a deck's file."""

SUBCIRCUITS, SUBCIRCUIT_ENDS = (".subckt", ".macro"), (".ends", ".eom")
"""Words with which a subcircuit begins, and ends, in one dialect or another."""

_ALLOWED = bytes((9, 10, 13, *range(32, 127)))
_FILE_WORDS = frozenset({".include", "include", ".file", "file"})
_STRANGE = re.compile(r"[^\t -~]")
_NOT_UTF8 = "\ufffd"


def numbered_lines(
    text: str, name: str, *, comments: str = "*", free: Callable[[int, str], bool] | None = None
) -> list[tuple[int, str]]:
    """A deck's lines with their numbers from 1, separated where simulators separate them.

    Args:
        text: the deck.
        name: what messages call it (its file); "" where whoever calls puts the name before them.
        comments: signs that begin a comment, which may hold any text but NUL.
        free: says of a line's number and text whether it may hold any text too.

    Raises:
        DeckError: a character outside comments that simulators don't read as Python does, or a
            NUL anywhere.
    """
    lines = [line.rstrip("\r") for line in text.split("\n")] if "\r" in text else text.split("\n")
    numbered = list(enumerate(lines, 1))
    usual = text.isascii() and not text.encode("ascii").translate(None, _ALLOWED)
    if usual and text.count("\r") == text.count("\r\n"):
        return numbered
    for number, line in numbered:
        if "\0" in line:
            raise DeckError(f"{place_of(name, number)}: a NUL byte: this is not a text file")
        found = _STRANGE.search(line)
        if found is None or (free is not None and free(number, line)):
            continue
        # Blanks and tabs alone: strip() would take a no-break space before a * away.
        if not line.strip(" \t").startswith(tuple(comments)):
            raise DeckError(
                f"{place_of(name, number)}: {character(found[0])} at place {found.start() + 1}; "
                "outside comments a deck holds printable ASCII characters, blanks and tabs"
            )
    return numbered


def names_a_file(number: int, line: str) -> bool:  # noqa: ARG001 - as ``free`` is called
    """Whether a JoSIM line names a file, whose letters may be of any script."""
    words = line.split()
    if not words or words[0].lower() not in _FILE_WORDS:
        return False
    return all(sign.isprintable() or sign == "\t" for sign in line)


def character(sign: str) -> str:
    """A character by its name and code, for a message."""
    if sign == _NOT_UTF8:
        return "a character that is not UTF-8 text"
    code = f"U+{ord(sign):04X}"
    name = unicodedata.name(sign, "")
    return f"{name} ({code})" if name else f"the control character {code}"


def place_of(name: str, number: int) -> str:
    """A line in a message: by its file where that has a name."""
    return f"{name}, line {number}" if name else f"line {number}"


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
    current: list[str] = []
    number = 0
    for at, raw in lines:
        line = raw.strip()
        if line.startswith("+") and current:
            current.append(line[1:])
        elif line and line[0] not in comments:
            if current:
                yield number, " ".join(current)
            current, number = [line], at
    if current:
        yield number, " ".join(current)


@lru_cache(maxsize=2)  # of one circuit and its many decks, one after the other
def split_deck(text: str) -> tuple[str, str]:
    """A deck up to the end of its last subcircuit, and what follows, which begins with ``.ends``.

    The first part is without the comments at its head: decks of one circuit that differ in their
    pulses alone have the same one, and who has read it once need not read it again. A deck
    without subcircuits, or of which they end in unusual letters, is all in the second part.
    """
    end = max(text.rfind("\n.ends"), text.rfind("\n.ENDS")) + 1
    begin = 0
    while text.startswith("*", begin, end):
        begin = text.find("\n", begin) + 1
    return text[begin:end], text[end:]


def read_deck_text(
    path: Path, refused: Callable[[str], NetlistGenError], limit: int = MOST_BYTES
) -> str:
    """A deck's file as text; bytes that are not UTF-8 become U+FFFD, which comments may hold.

    Raises:
        NetlistGenError: what ``refused`` makes of the reason: no ordinary file, too long, no text.
    """
    data = read_bytes(path, limit, refused)
    if b"\0" in data:
        raise refused("a NUL byte: this is not a text file")
    return data.decode("utf-8", errors="replace")
