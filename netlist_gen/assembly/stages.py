"""Cells on a path, each among its neighbours: what static timing and the reference add up."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple


class Stage(NamedTuple):
    """A cell on a path, among its neighbours.

    Attributes:
        cell: "jtl", "splitter", "merger", "neuron", or a small cell of ``library.splitters``.
        driver: what is before it: "source" (a pulse source), "first" (the JTL stage behind one),
            "jtl", "splitter", "merger" or "neuron".
        load: what it drives, a cell or the "end"; of a neuron, what its output stage drives.
        beside: what a splitter's other output carries.
    """

    cell: str
    driver: str = "jtl"
    load: str = "jtl"
    beside: str = ""


@lru_cache(maxsize=4096)
def jtl_chain(stages: int, driver: str = "jtl", load: str = "jtl") -> tuple[Stage, ...]:
    """JTL stages in a row, the first behind ``driver``, the last with ``load``."""
    drivers = [driver, *(last_driver(n, driver) for n in range(1, stages))]
    loads = [*["jtl"] * (stages - 1), load]
    return tuple(Stage("jtl", d, x) for d, x in zip(drivers, loads, strict=True)) if stages else ()


def last_driver(stages: int, driver: str) -> str:
    """What drives the cell behind a chain of so many JTL stages."""
    if not stages:
        return driver
    return "first" if driver == "source" and stages == 1 else "jtl"
