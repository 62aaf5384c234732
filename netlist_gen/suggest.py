"""Which known word a mistyped one is near to."""

from __future__ import annotations

from collections.abc import Iterable


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """``did you mean verify?``, or "" where nothing is near."""
    from difflib import get_close_matches

    near = get_close_matches(word, list(known), n=3, cutoff=0.65) if len(word) <= 100 else []
    return f"did you mean {' or '.join(near)}?" if near else ""
