"""``.include`` lines of a JoSIM deck replaced by what they include.

A simulator runs a deck in a directory of its own, where a name relative to the user's file leads
nowhere. JoSIM 2.7 takes such a name relative to the file that has the line, and reads an
included file up to its ``.end``.
"""

from __future__ import annotations

from pathlib import Path

from netlist_gen.errors import DeckError

_DEEPEST = 20
_INCLUDE = (".include", "include")
_END = (".end", "end")


def read_with_includes(path: Path) -> str:
    """A deck's text with all files it includes in place.

    Raises:
        DeckError: a file that can't be read or is not text, an ``.include`` without one name, or
            files that include each other in a circle.
    """
    return _read(path, str(path), ())


def _read(path: Path, name: str, stack: tuple[Path, ...]) -> str:
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise DeckError(f"{name}: can't be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise DeckError(f"{name}: not a text file ({error})") from error
    here = path.resolve()
    lines = []
    for number, line in enumerate(text.split("\n"), start=1):
        words = line.split()
        first = words[0].lower() if words else ""
        if stack and first in _END:
            break
        if first not in _INCLUDE:
            lines.append(line)
            continue
        place = f"{name}, line {number}"
        if len(words) != 2:
            raise DeckError(f"{place}: .include takes one file name, without blanks")
        target = path.parent / words[1]
        if target.resolve() in (*stack, here) or len(stack) >= _DEEPEST:
            raise DeckError(f"{place}: .include {words[1]}: the file includes itself")
        try:
            lines.append(_read(target, str(target), (*stack, here)).rstrip("\n"))
        except DeckError as error:
            raise DeckError(f"{place}: .include {words[1]}: {error}") from error
    return "\n".join(lines)
