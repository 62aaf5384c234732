"""How a series of windows is cut into decks, and what those decks are called.

``generate`` writes decks by these rules and ``verify --decks`` looks for them by the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

WINDOWS_PER_DECK = 64
"""Longest run of windows in one neuron's deck: keeps its waveforms to some tens of MB."""


def chunks(windows: int, most: int = WINDOWS_PER_DECK) -> list[tuple[int, int]]:
    """Runs of at most ``most`` windows, as equal as can be: (first, beyond)."""
    parts = max(1, -(-windows // most))
    edges = [windows * i // parts for i in range(parts + 1)]
    return list(pairwise(edges))


def pipelines(windows: int, most: int | None) -> list[tuple[int, int]]:
    """Runs of a whole network's decks: all windows in one, or at most ``most`` in each."""
    return chunks(windows, most or windows)


def deck_name(base: str, first: int, runs: Sequence[tuple[int, int]]) -> str:
    """Name of a deck: that of what is simulated, with the first window if there are several."""
    return base if len(runs) == 1 else f"{base}_W{first:0{len(str(runs[-1][0]))}d}"
