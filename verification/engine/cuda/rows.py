"""Arrays under construction: tables are added one after the other, and told where they begin."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from verification.engine.cuda.target import Target

Array = NDArray[Any]


class Places:
    """A flat array of one kind of number."""

    def __init__(self, kind: type[np.generic]) -> None:
        self._kind = kind
        self._added: list[Array] = []
        self._size = 0

    def add(self, values: Any) -> int:
        """Append values; the place of the first one."""
        flat = np.ascontiguousarray(values, dtype=self._kind).reshape(-1)
        self._added.append(flat)
        self._size += flat.size
        return self._size - flat.size

    def joined(self) -> Array:
        """All of them; at least one, since a GPU has no empty arrays."""
        return np.concatenate([*self._added, np.zeros(1, dtype=self._kind)])


class ValueRows:
    """Rows of values that lanes share, or that each has its own of.

    Args:
        lanes: which columns to take, or None where all lanes share the first one.
    """

    def __init__(self, lanes: NDArray[np.int64] | None) -> None:
        self._lanes = lanes
        # Neighbours are copied as they stand, in half the time.
        self._columns: Any = lanes
        if lanes is not None and (np.diff(lanes) == 1).all():
            self._columns = slice(lanes[0], lanes[-1] + 1)
        self._added: list[Array] = []
        self.rows = 0

    def add(self, values: Array) -> int:
        """Append rows of shape (rows, lanes or 1); the number of the first one."""
        self._added.append(values)
        self.rows += len(values)
        return self.rows - len(values)

    def joined(self) -> Array:
        """All of them, flat; one row more, so that none is empty."""
        if self._lanes is None:
            return np.concatenate([*(values[:, 0] for values in self._added), np.zeros(1)])
        found = np.zeros((self.rows + 1, self._lanes.size))
        first = 0
        for values in self._added:
            each = values[:, self._columns] if values.shape[1] > 1 else values
            found[first : first + len(values)] = each
            first += len(values)
        return found.reshape(-1)


class RowsOfLanes:
    """Rows that every lane has its own of; 0 where they are not filled."""

    def __init__(self, kind: type[np.generic]) -> None:
        self._kind = kind
        self._filled: list[tuple[int, Array]] = []
        self.rows = 0

    def add(self, rows: int) -> int:
        """Room for more rows; the number of the first one."""
        self.rows += rows
        return self.rows - rows

    def fill(self, values: Array) -> int:
        """Rows of these values, shape (..., lanes); the number of the first one."""
        values = values.reshape(-1, values.shape[-1])
        first = self.add(len(values))
        self.put(first, values)
        return first

    def put(self, first: int, values: Array) -> None:
        """Have rows that are there hold these values, shape (rows, lanes)."""
        self._filled.append((first, values))

    def on(self, target: Target, lanes: int) -> Any:
        """All of them on the target, flat."""
        array = target.zeros(max(1, self.rows), lanes, self._kind)
        for first, values in self._filled:
            if values.size:
                flat = np.ascontiguousarray(values, dtype=self._kind).reshape(-1)
                target.put(array, first * lanes, flat)
        return array
