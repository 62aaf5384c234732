"""Of which cells splitter trees are made: all alike, or sized by what the trees drive.

    library    every tree of the cells ``splitter`` and ``jtl``, which drive JTL stages
    by-load    trees to data ports and to resets of storage branches, which are smaller loads, of
               smaller cells; trees of decision clocks as before

A tree's cells are all of one size: a small splitter that drives a larger one loses margin and time
(``benchmarks/ranked_splitters.py``, docs/cells.md).
"""

from __future__ import annotations

from dataclasses import dataclass

LIBRARY, BY_LOAD = "library", "by-load"
SPLITTERS = (LIBRARY, BY_LOAD)
"""What ``--splitters`` takes."""

CLOCKS, DATA, RESETS = "clocks", "data", "resets"
"""What a tree drives: decision clocks of neurons, data ports of branches, or their resets."""


@dataclass(frozen=True)
class TreeCells:
    """The cells of a splitter tree.

    Attributes:
        splitter: where a pulse goes two ways.
        stage: where it goes one way, so that all ways are as long.
        name: what names of trees begin with.
        of: what is added to their titles.
        port: what the delay of a leaf is told with: a port of a branch, or a JTL stage.
    """

    splitter: str
    stage: str
    name: str
    of: str = ""
    port: str = "jtl"

    def root(self, leaves: int) -> str:
        """The cell at the root of a tree of so many leaves."""
        return self.splitter if leaves > 1 else self.stage


LARGE = TreeCells("splitter", "jtl", "split")
"""Cells for any load."""

DATA_PORT = "data_port"
"""The data port of a storage branch as a load: small cells are slower before it than before a JTL
stage. Resets are told as pulses into a JTL stage: to a loop that is full they are as fast."""

_SMALL = {
    DATA: TreeCells("data_splitter", "data_jtl", "data", " of data", DATA_PORT),
    RESETS: TreeCells("reset_splitter", "reset_jtl", "resets", " of resets"),
}

SMALL_CELLS = tuple(name for cells in _SMALL.values() for name in (cells.splitter, cells.stage))
"""Cells that there are in trees by load alone."""

SPLITTER_CELLS = ("splitter", *(cells.splitter for cells in _SMALL.values()))
JTL_CELLS = ("jtl", *(cells.stage for cells in _SMALL.values()))
"""All splitters, and all stages with one way."""


def tree_cells(splitters: str, drives: str) -> TreeCells:
    """The cells of trees that drive one of ``CLOCKS``, ``DATA``, ``RESETS``."""
    return LARGE if splitters == LIBRARY else _SMALL.get(drives, LARGE)


def stage_cells(splitters: str) -> tuple[str, ...]:
    """Cells that are stages on the ways between neurons, and neighbours of each other there."""
    usual = ("jtl", "splitter", "merger")
    return usual if splitters == LIBRARY else (*usual, *SMALL_CELLS)


def neighbours(cell: str, splitters: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What a cell is measured with: the cells that it drives, and those that drive it.

    Small cells meet the JTL stage before their tree, cells of their own kind, and ports.
    """
    usual = stage_cells(LIBRARY)
    for small in _SMALL.values():
        if cell in (small.splitter, small.stage):
            loads = ("jtl", small.splitter, small.stage, small.port)
            return tuple(dict.fromkeys(loads)), ("jtl", small.splitter)
    return stage_cells(splitters), usual
