"""A second, independent look at JoSIM decks: text only, nothing of the generator."""

from __future__ import annotations

import re
from collections import Counter


def scopes(text: str) -> dict[str, list[list[str]]]:
    """Words of each element line by subcircuit; the top level is ""."""
    found: dict[str, list[list[str]]] = {"": []}
    here = ""
    for line in re.sub(r"\n\+", " ", text).splitlines():
        words = line.split()
        if not words or words[0].startswith("*"):
            continue
        if words[0] == ".subckt":
            here = words[1]
            found[here] = []
        elif words[0] == ".ends":
            here = ""
        elif not words[0].startswith("."):
            found[here].append(words)
    return found


def flatten(text: str) -> list[tuple[str, list[str]]]:
    """Every element with the path of its instances, by expanding X lines."""
    cells = scopes(text)

    def expand(cell: str, path: str) -> list[tuple[str, list[str]]]:
        flat: list[tuple[str, list[str]]] = []
        for words in cells[cell]:
            if words[0][0] == "X":
                flat += expand(words[-1], f"{path}/{words[0]}")
            else:
                flat.append((path, words))
        return flat

    return expand("", "")


def junction_count(text: str) -> int:
    """Number of B lines in the flattened deck."""
    return sum(words[0][0] == "B" for _, words in flatten(text))


def source_currents(text: str) -> dict[str, float]:
    """Sum of the magnitudes of I sources, A: those of control lines (ICB, ICT) and the rest."""
    sums = {"flux": 0.0, "bias": 0.0}
    for _, words in flatten(text):
        if words[0][0] == "I":
            value = float(words[-1].rstrip(")"))
            sums["flux" if words[0] in ("ICB", "ICT") else "bias"] += abs(value)
    return sums


def instance_counts(text: str) -> Counter[str]:
    """How often each subcircuit is used in the flattened deck."""
    cells, counts = scopes(text), Counter[str]()

    def expand(cell: str) -> None:
        for words in cells[cell]:
            if words[0][0] == "X":
                counts[words[-1]] += 1
                expand(words[-1])

    expand("")
    return counts


def replace_line(text: str, pattern: str, new: str) -> str:
    """The text with the one line that matches ``pattern`` whole replaced."""
    changed, count = re.subn(rf"(?m)^{pattern}$", new, text)
    assert count == 1, f"{pattern} matches {count} lines"
    return changed
