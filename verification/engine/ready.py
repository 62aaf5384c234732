"""Kernels made ready before a run's clock starts: compiling them, once, takes seconds."""

from __future__ import annotations

from collections.abc import Callable

from verification.engine import kernels


def make_ready(lanes: int, note: Callable[[str], None] = lambda _: None) -> None:
    """Compile or load what a run of so many lanes takes; nothing from the second call on.

    A lane that has to go on by itself with a smaller step takes the kernels of one lane.

    Args:
        lanes: 1 is a single run.
        note: called with a sentence before something is compiled.
    """
    kernels.prepare(lanes, note)
