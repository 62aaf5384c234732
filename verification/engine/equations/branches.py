"""Elements of one kind as columns, and where the current of each device is found."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from verification.engine.text.circuit import FlatCircuit
from verification.engine.text.devices import Element

FloatArray = NDArray[np.float64]
IndexArray = NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class Branches:
    """Two-terminal elements of one kind.

    Attributes:
        at: their places in the circuit, rising.
        p: unknowns of their first ends, -1 for ground.
        n: of their second ends.
    """

    flat: FlatCircuit
    at: IndexArray
    p: IndexArray
    n: IndexArray

    def __len__(self) -> int:
        return int(self.at.size)

    @cached_property
    def labels(self) -> list[str]:
        """Their flat labels."""
        return self.flat.labels(self.at)

    @property
    def elements(self) -> list[Element]:
        """They as objects."""
        return [self.flat.element(at) for at in self.at.tolist()]

    @property
    def values(self) -> FloatArray:
        """The deck's values of them."""
        return self.flat.values[self.at]

    def label(self, index: int) -> str:
        """Flat label of one of them."""
        return self.flat.label(int(self.at[index]))


@dataclass(frozen=True, eq=False)
class Couplings:
    """Couplings between inductors of one kind.

    Attributes:
        at: their places in the circuit, rising.
        a: the first inductor of each, as a place among its kind.
        b: the second one.
    """

    flat: FlatCircuit
    at: IndexArray
    a: IndexArray
    b: IndexArray

    def __len__(self) -> int:
        return int(self.at.size)

    @property
    def values(self) -> FloatArray:
        """The deck's factors."""
        return self.flat.values[self.at]


@dataclass(frozen=True)
class Current:
    """How the current of one device is found.

    Attributes:
        kind: B, R, C, T (line), G for element ``index`` with its history; S for a current source,
            X for the unknown ``index``, L for a single inductor, M for a row of a coupled group.
        index: position among its kind.
        sign: -1 where it runs against its branch.
        row: for M, the inductor within its group.
    """

    kind: str
    index: int
    sign: float = 1.0
    row: int = 0


class Devices(Mapping[str, tuple[Element, Current]]):
    """All devices by flat label, each with its current; couplings are none."""

    def __init__(self, flat: FlatCircuit) -> None:
        self._flat = flat
        self._kind = np.full(len(flat), b"", dtype="S1")
        self._index = np.zeros(len(flat), dtype=np.int32)
        self._sign = np.ones(len(flat))
        self._row = np.zeros(len(flat), dtype=np.int32)

    def add(
        self, kind: bytes, at: IndexArray, index: IndexArray, sign: FloatArray | float = 1.0,
        row: IndexArray | int = 0,
    ) -> None:  # fmt: skip
        """Say of the devices at some places where their currents are."""
        self._kind[at], self._index[at], self._sign[at], self._row[at] = kind, index, sign, row

    def current(self, label: str) -> Current | None:
        """The current of the device with this flat label; None where there is none."""
        at = self._flat.find(label)
        return None if at < 0 else self._current(at)

    def _current(self, at: int) -> Current:
        kind = self._kind[at].decode("ascii")
        return Current(kind, int(self._index[at]), float(self._sign[at]), int(self._row[at]))

    def __contains__(self, label: object) -> bool:
        return isinstance(label, str) and self._flat.find(label) >= 0

    def __getitem__(self, label: str) -> tuple[Element, Current]:
        at = self._flat.find(label)
        if at < 0:
            raise KeyError(label)
        return self._flat.element(at), self._current(at)

    def __iter__(self) -> Iterator[str]:
        return iter(self._flat.labels(np.flatnonzero(self._kind != b"").astype(np.int32)))

    def __len__(self) -> int:
        return int(np.count_nonzero(self._kind != b""))
