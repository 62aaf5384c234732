"""What one step of a tile leaves for the next."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from verification.engine.lanes.layout import Tile
from verification.engine.lanes.pointers import Pointer

FloatArray = NDArray[np.float64]

_STATE = {
    "junctions": ("state", "current", "shunt_current", "delta", "outside"),
    "resistors": ("phase", "history", "current"),
    "capacitors": ("p2", "p3", "p4", "current"),
    "prescribed": ("phase",),
    "controlled": ("phase", "current"),
    "lines": ("p1", "p2", "current", "ring"),
    "kinetic": ("share", "current"),
    "sources": ("out", "constant", "present"),
    "noise": ("left", "right"),
    "traces": ("d1", "d2"),
}
"""By member of a tile: what is 0 in a circuit in which nothing has moved."""

_REST = {
    "junctions": ("share",),
    "sources": ("cursor", "slope", "base", "origin", "next", "flat", "moving", "counts",
                "following"),
    "noise": ("sample",),
}  # fmt: skip
"""What is no 0 there; and where sources and noise are in their waves."""


def _of(tile: Tile, members: dict[str, tuple[str, ...]]) -> Iterator[tuple[str, FloatArray]]:
    for member, names in members.items():
        for name in names:
            pointer: Pointer = getattr(getattr(tile, member), name)
            yield f"{member}.{name}", pointer.array


def _solutions(tile: Tile) -> Iterator[tuple[str, FloatArray]]:
    yield "xa", tile.xa.array
    yield "xb", tile.xb.array


def state_arrays(tile: Tile) -> Iterator[tuple[str, FloatArray]]:
    """All of it, by name; the factors are ``factor_arrays``."""
    yield from _solutions(tile)
    yield "flip", tile.flip.array
    yield "tripped", tile.tripped.array
    yield from _of(tile, _STATE)
    yield from _of(tile, _REST)


def factor_arrays(tile: Tile) -> Iterator[tuple[str, FloatArray]]:
    """A tile's own factors: they change where a junction crosses its gap."""
    for name in ("a", "lower", "upper", "inverse"):
        yield f"factors.{name}", getattr(tile.factors, name).array


def at_rest(tile: Tile) -> bool:
    """Whether nothing has moved, to the last bit: the next step of the same sources is this one."""
    return not any(array.any() for _, array in (*_solutions(tile), *_of(tile, _STATE)))
