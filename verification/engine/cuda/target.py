"""What lanes run on: a GPU, or what takes its place in a test."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from verification.engine.cuda.layout import Arrays, Circuit


class Target(Protocol):
    """Keeps flat arrays, and runs the bodies of ``loop`` and ``solve``.

    Attributes:
        together: lanes come in multiples of this.
    """

    together: int

    def workers(self, lanes: int) -> int:
        """How many threads are at each of so many lanes."""

    def free_bytes(self) -> int:
        """Memory that arrays may take."""

    def array(self, values: NDArray[Any]) -> Any:
        """A copy of the values there."""

    def zeros(self, rows: int, lanes: int, kind: type[np.generic]) -> Any:
        """Rows of lanes, all 0."""

    def put(self, array: Any, first: int, values: NDArray[Any]) -> None:
        """Have an array hold these values from place ``first`` on."""

    def host(self, array: Any, first: int, last: int) -> NDArray[Any]:
        """A copy of places first .. last - 1 of an array, here."""

    def factorise(self, circuit: Circuit, arrays: Arrays) -> None:
        """Factorise the matrix of every lane (``solve.factorise``)."""

    def anything_moved(self, circuit: Circuit, arrays: Arrays) -> bool:
        """Whether any number of a solution or a current is not 0."""

    def advance(
        self, circuit: Circuit, arrays: Arrays, output: Any, prints: NDArray[np.int64], *,
        first: int, last: int, guard: int, workers: int,
    ) -> None:  # fmt: skip
        """Steps first .. last - 1 of all lanes (``loop.advance``), done when it returns."""
