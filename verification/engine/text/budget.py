"""What reading a deck may take: time, files within files, text that they add up to.

A few small files that include each other name more text than any machine holds; what a deck says
is therefore bounded before it is read.
"""

from __future__ import annotations

from collections.abc import Callable

from netlist_gen.errors import SimulatorError

DEEPEST_INCLUDE = 20
MOST_INCLUDES = 1000
MOST_REPEATED = 500_000
"""Characters of files that are included again, each time: what no file on disk holds."""
DEEPEST_SUBCIRCUIT = 100
_STEPS_PER_LOOK = 256


class Budget:
    """Time and files of one reading.

    Args:
        name: the deck, for messages.
        deadline: whether time is up; None where there is no limit.
    """

    def __init__(self, name: str, deadline: Callable[[], bool] | None = None) -> None:
        self._name = name
        self._deadline = deadline
        self._steps = 0
        self._includes = 0
        self._repeated = 0

    def step(self) -> None:
        """Count a step and look at the clock now and then. Raises SimulatorError."""
        self._steps += 1
        if self._steps % _STEPS_PER_LOOK == 0:
            self.look()

    def look(self) -> None:
        """Raises SimulatorError where time is up."""
        if self._deadline is not None and self._deadline():
            raise SimulatorError(f"{self._name}: reading the deck took too long and was stopped")

    def include(self, depth: int, repeated: int) -> str:
        """Count an included file; what speaks against it, or "" where nothing does.

        Args:
            depth: how many included files it is in.
            repeated: its characters, if it was read before; else 0.
        """
        self.look()
        self._includes += 1
        self._repeated += repeated
        if depth >= DEEPEST_INCLUDE:
            return f"files are included deeper than {DEEPEST_INCLUDE}"
        if self._includes > MOST_INCLUDES:
            return f"the deck includes more than {MOST_INCLUDES} files"
        if self._repeated > MOST_REPEATED:
            return f"files that are included again have more than {MOST_REPEATED} characters"
        return ""
