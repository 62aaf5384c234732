"""Splitter trees (one pulse to many lines) and merger trees (many lines to one).

What a splitter tree drives says of which cells it is made, where splitters are sized by that
(``library.splitters``): data lines end at storage branches, resets at theirs, decision clocks at
the JTL stages of neurons' clock lines, which are as large as a splitter drives.

How a tree is laid out is said once, by ``splitter_nodes`` and ``merger_nodes``: the builders below
place a cell for each node, static timing adds the nodes' delays along the same nets.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from netlist_gen.circuit.model import Cell, CircuitBuilder
from netlist_gen.errors import ConfigurationError
from netlist_gen.library.cells import CellLibrary
from netlist_gen.library.splitters import CLOCKS, LARGE, TreeCells, tree_cells


@dataclass(frozen=True, slots=True)
class TreeNode:
    """One cell of a tree.

    Attributes:
        name: of its instance; it tells the level and the place.
        cell: its kind: one of a ``TreeCells``, "merger" or "jtl".
        inputs: nets at its inputs.
        outputs: nets at its outputs.
        between: a stage between two levels of mergers.
    """

    name: str
    cell: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    between: bool = False


def tree_depth(leaves: int) -> int:
    """Cells between the root and each leaf of the balanced binary tree with this many leaves.

    Raises:
        ConfigurationError: fewer than one leaf.
    """
    if leaves < 1:
        raise ConfigurationError(f"a tree needs at least 1 leaf, not {leaves}")
    return max(1, (leaves - 1).bit_length())


@lru_cache(maxsize=4096)
def splitter_nodes(leaves: int, cells: TreeCells = LARGE) -> tuple[TreeNode, ...]:
    """The cells of a splitter tree from net ``a`` to ``q0`` .. ``q{leaves-1}``, roots first.

    Every path has the same number of cells (``tree_depth``): where the tree has no
    splitter, a JTL stage takes its place, so that leaves differ by less than a stage's delay.
    """
    depth = tree_depth(leaves)
    nodes: list[TreeNode] = []

    def grow(net: str, level: int, index: int, first: int, count: int) -> None:
        if level == depth:  # the net is a leaf
            return
        halves = (count,) if count == 1 else ((count + 1) // 2, count // 2)
        outputs, start = [], first
        for side, size in enumerate(halves):
            last = level + 1 == depth and size == 1
            outputs.append(f"q{start}" if last else f"t{level + 1}_{2 * index + side}")
            start += size
        kind, letter = (cells.stage, "J") if count == 1 else (cells.splitter, "S")
        nodes.append(TreeNode(f"X{letter}{level}_{index}", kind, (net,), tuple(outputs)))
        start = first
        for side, size in enumerate(halves):
            grow(outputs[side], level + 1, 2 * index + side, start, size)
            start += size

    grow("a", 0, 0, 0, leaves)
    return tuple(nodes)


@lru_cache(maxsize=4096)
def merger_nodes(leaves: int) -> tuple[TreeNode, ...]:
    """The cells of a merger tree from nets ``a0`` .. ``a{leaves-1}`` to ``q``, leaves first.

    Paths are balanced as in ``splitter_nodes``. A JTL stage stands between two mergers: driving
    another merger directly, one loses a second pulse that comes within 12 ps, where behind a JTL
    stage 8 ps are enough.
    """
    nodes: list[TreeNode] = []
    nets = [f"a{i}" for i in range(leaves)]
    for level in range(tree_depth(leaves), 0, -1):
        joined: list[str] = []
        for index in range((len(nets) + 1) // 2):
            place = f"{level - 1}_{index}"
            pair = tuple(nets[2 * index : 2 * index + 2])
            kind, letter = ("merger", "M") if len(pair) == 2 else ("jtl", "J")
            out = "q" if level == 1 else f"m{place}"
            nodes.append(TreeNode(f"X{letter}{place}", kind, pair, (out,)))
            if level > 1:
                nodes.append(TreeNode(f"XL{place}", "jtl", (out,), (f"t{place}",), between=True))
                out = f"t{place}"
            joined.append(out)
        nets = joined
    return tuple(nodes)


def splitter_tree(library: CellLibrary, leaves: int, drives: str = CLOCKS) -> Cell:
    """A cell that turns a pulse at port ``a`` into one at each of ``q0`` .. ``q{leaves-1}``.

    ``drives`` says what is at its leaves (``library.splitters``).
    """
    cells = tree_cells(library.process.splitters, drives)
    ports = ("a", *(f"q{i}" for i in range(leaves)))
    title = f"splitter tree, 1 line to {leaves}{cells.of}"
    nodes = splitter_nodes(leaves, cells)
    return _tree(library, f"{cells.name}{leaves}", "splitter_tree", ports, title, nodes)


def merger_tree(library: CellLibrary, leaves: int) -> Cell:
    """A cell that joins ``a0`` .. ``a{leaves-1}`` into ``q``: each input pulse gives one output.

    The inputs must be staggered by more than the merger's dead time; paths are balanced, so that
    staggering at the inputs is staggering at every merger.
    """
    ports = (*(f"a{i}" for i in range(leaves)), "q")
    title = f"merger tree, {leaves} lines to 1"
    return _tree(library, f"merge{leaves}", "merger_tree", ports, title, merger_nodes(leaves))


def _tree(
    library: CellLibrary,
    name: str,
    kind: str,
    ports: tuple[str, ...],
    title: str,
    nodes: tuple[TreeNode, ...],
) -> Cell:
    def build() -> Cell:
        builder = CircuitBuilder(name, ports, kind=kind, title=title)
        for node in nodes:
            builder.place(node.name, library.cell(node.cell), *node.inputs, *node.outputs)
        return builder.cell()

    return library.shared(name, build)
