"""Decks that are not those that ``generate`` wrote, line by line."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import SequenceMatcher

from netlist_gen.records import Record

MOST_LINES = 10
"""Lines of a deck that are told."""

_MOST_COMPARED = 2000
"""Lines between the first and the last difference within which insertions are looked for."""

Lines = list[tuple[int, str]]


@dataclass(frozen=True)
class ChangedLine(Record):
    """A line of a deck.

    Attributes:
        number: in the file; of a line that is missing, where it would stand.
        where: the cell it is in, and of a synapse its input line; in words.
        found: as it is; "" for a line that is missing.
        written: as ``generate`` writes it; "" for a line that was added.
    """

    number: int
    where: str
    found: str
    written: str


@dataclass(frozen=True)
class AlteredDeck(Record):
    """A deck whose file is not the one that ``generate`` wrote.

    Attributes:
        deck: the file.
        layer: of its neuron; None for a whole network.
        neuron: its place in the layer.
        count: how many lines differ, comments left out.
        lines: the first of them.
    """

    deck: str
    layer: int | None
    neuron: int | None
    count: int
    lines: tuple[ChangedLine, ...]

    @property
    def sentence(self) -> str:
        """The file and its first line that differs, in words."""
        begin = f"{self.deck} is not the deck that `generate` wrote"
        if not self.lines:
            return f"{begin}: its comments differ"
        first = self.lines[0]
        more = f" (and {self.count - 1} more)" if self.count > 1 else ""
        found, written = first.found or "no line", first.written or "no line"
        return f"{begin}: line {first.number}, {first.where}: {found}; written was {written}{more}"


def statements(text: str) -> Lines:
    """Numbered lines of a deck that say something, blanks made one."""
    lines = ((n, " ".join(line.split())) for n, line in enumerate(text.split("\n"), 1))
    return [(n, line) for n, line in lines if line and not line.startswith("*")]


def differences(found: str, written: str) -> list[tuple[int, str, str]]:
    """Lines in which two decks differ: number in the first, text there, text in the second."""
    ours, theirs = statements(found), statements(written)
    head = _common(zip(ours, theirs, strict=False))
    ours, theirs = ours[head:], theirs[head:]
    tail = _common(zip(reversed(ours), reversed(theirs), strict=False))
    behind = ours[len(ours) - tail :]
    ours, theirs = ours[: len(ours) - tail], theirs[: len(theirs) - tail]
    last = behind[0][0] if behind else len(found.split("\n"))
    if max(len(ours), len(theirs)) <= _MOST_COMPARED:
        return _aligned(ours, theirs, last)
    pairs = zip(ours, theirs, strict=False)
    return [(n, one, other) for (n, one), (_, other) in pairs if one != other]


def _aligned(ours: Lines, theirs: Lines, last: int) -> list[tuple[int, str, str]]:
    matcher = SequenceMatcher(None, [x for _, x in ours], [x for _, x in theirs], autojunk=False)
    changes = []
    for kind, i, i_end, j, j_end in matcher.get_opcodes():
        if kind == "equal":
            continue
        for k in range(max(i_end - i, j_end - j)):
            number = ours[min(i + k, len(ours) - 1)][0] if ours else last
            one = ours[i + k][1] if i + k < i_end else ""
            changes.append((number, one, theirs[j + k][1] if j + k < j_end else ""))
    return changes


def _common(pairs: Iterable[tuple[tuple[int, str], tuple[int, str]]]) -> int:
    count = 0
    for (_, one), (_, other) in pairs:
        if one != other:
            break
        count += 1
    return count
