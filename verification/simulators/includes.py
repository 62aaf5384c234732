"""``.include`` lines of a JoSIM deck replaced by what they include.

A simulator runs a deck in a directory of its own, where a name relative to the user's file leads
nowhere. JoSIM 2.7 takes such a name relative to the file that has the line, and reads an
included file up to its ``.end``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from netlist_gen.deck.lines import names_a_file, numbered_lines, read_deck_text
from netlist_gen.errors import DeckError
from verification.engine.text.budget import Budget

_INCLUDE = (".include", "include")
_END = (".end", "end")


def read_with_includes(
    path: Path, deadline: Callable[[], bool] | None = None, *, title: bool = False
) -> str:
    """A deck's text with all files it includes in place.

    Args:
        path: the deck.
        deadline: whether time is up.
        title: whether its first line is a title and not read.

    Raises:
        DeckError: a file that can't be read or is not text, an ``.include`` without one name, or
            files that include each other in a circle, too deep or too often.
        SimulatorError: time is up.
    """
    return _Files(Budget(str(path), deadline), title).read(path, str(path), ())


class _TooMuch(DeckError):  # noqa: N818 - a refusal that is not repeated for each file around it
    """More included than the budget allows."""

    def __init__(self, reason: str, where: str = "") -> None:
        super().__init__(where + reason)
        self.reason = reason


@dataclass
class _Files:
    """One reading of a deck with its files, each read once."""

    budget: Budget
    title: bool
    texts: dict[Path, str] = field(default_factory=dict)

    def read(self, path: Path, name: str, stack: tuple[Path, ...]) -> str:
        here = path.resolve()
        text = self.texts.get(here)
        problem = self.budget.include(len(stack) - 1, len(text or "")) if stack else ""
        if problem:
            raise _TooMuch(problem)
        if text is None:
            text = read_deck_text(path, lambda why: DeckError(f"{name}: can't be read ({why})"))
            self.texts[here] = text
        lines = []

        def free(number: int, line: str) -> bool:
            return names_a_file(number, line) or (self.title and number == 1 and not stack)

        for number, line in numbered_lines(text, name, comments="*#", free=free):
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
            if target.resolve() in (*stack, here):
                raise DeckError(f"{place}: .include {words[1]}: the file includes itself")
            try:
                lines.append(self.read(target, str(target), (*stack, here)).rstrip("\n"))
            except _TooMuch as error:
                # Said of the innermost place alone: the files around it may be many.
                if error.args[0] != error.reason:
                    raise
                raise _TooMuch(error.reason, f"{place}: .include {words[1]}: ") from error
            except DeckError as error:
                raise DeckError(f"{place}: .include {words[1]}: {error}") from error
        return "\n".join(lines)
