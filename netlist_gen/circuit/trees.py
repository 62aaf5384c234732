"""Splitter trees (one pulse to many lines) and merger trees (many lines to one)."""

from __future__ import annotations

from dataclasses import dataclass

from netlist_gen.circuit.model import Cell, CircuitBuilder
from netlist_gen.errors import ConfigurationError
from netlist_gen.library.cells import CellLibrary


@dataclass(frozen=True)
class TreeShape:
    """How a tree of two-way cells is laid out: leaves under each node, and its depth."""

    leaves: int
    depth: int


def tree_shape(leaves: int) -> TreeShape:
    """The balanced binary tree with this many leaves: ``leaves - 1`` nodes, least depth.

    Raises:
        ConfigurationError: fewer than one leaf.
    """
    if leaves < 1:
        raise ConfigurationError(f"a tree needs at least 1 leaf, not {leaves}")
    return TreeShape(leaves, (leaves - 1).bit_length())


def splitter_tree(library: CellLibrary, leaves: int) -> Cell:
    """A cell that turns a pulse at port ``a`` into one at each of ``q0`` .. ``q{leaves-1}``.

    Every path has the same number of cells (``tree_shape(leaves).depth``): where the tree has no
    splitter, a JTL stage takes its place, so that leaves differ by less than a stage's delay.
    Net and instance names tell the level and place: XS{level}_{index}.
    """
    name = f"split{leaves}"
    builder = CircuitBuilder(
        name,
        ("a", *(f"q{i}" for i in range(leaves))),
        kind="splitter_tree",
        title=f"splitter tree, 1 line to {leaves}",
    )
    splitter, jtl = library.cell("splitter"), library.cell("jtl")
    depth = tree_shape(leaves).depth

    def grow(net: str, level: int, index: int, first: int, count: int) -> None:
        def child(side: int, start: int, size: int) -> str:
            last = level + 1 == depth
            return f"q{start}" if last and size == 1 else f"t{level + 1}_{2 * index + side}"

        if level == depth:
            return
        if count == 1:
            out = child(0, first, 1)
            builder.place(f"XJ{level}_{index}", jtl, net, out)
            grow(out, level + 1, 2 * index, first, 1)
            return
        left = (count + 1) // 2
        out0, out1 = child(0, first, left), child(1, first + left, count - left)
        builder.place(f"XS{level}_{index}", splitter, net, out0, out1)
        grow(out0, level + 1, 2 * index, first, left)
        grow(out1, level + 1, 2 * index + 1, first + left, count - left)

    if depth == 0:
        builder.place("XJ0_0", jtl, "a", "q0")
    else:
        grow("a", 0, 0, 0, leaves)
    return library.register(builder.cell())


def merger_tree(library: CellLibrary, leaves: int) -> Cell:
    """A cell that joins ``a0`` .. ``a{leaves-1}`` into ``q``: each input pulse gives one output.

    The inputs must be staggered by more than the merger's dead time. Paths are balanced as in
    ``splitter_tree``, so that staggering at the inputs is staggering at every merger. A JTL stage
    stands between two mergers: driving another merger directly, one loses a second pulse that
    comes within 12 ps, where behind a JTL stage 8 ps are enough.
    """
    name = f"merge{leaves}"
    builder = CircuitBuilder(
        name,
        (*(f"a{i}" for i in range(leaves)), "q"),
        kind="merger_tree",
        title=f"merger tree, {leaves} lines to 1",
    )
    merger, jtl = library.cell("merger"), library.cell("jtl")
    nets = [f"a{i}" for i in range(leaves)]
    depth = max(1, tree_shape(leaves).depth)
    for level in range(depth, 0, -1):
        joined: list[str] = []
        pairs = (len(nets) + 1) // 2
        for index in range(pairs):
            last = level == 1
            out = "q" if last else f"m{level - 1}_{index}"
            pair = nets[2 * index : 2 * index + 2]
            if len(pair) == 2:
                builder.place(f"XM{level - 1}_{index}", merger, *pair, out)
            else:
                builder.place(f"XJ{level - 1}_{index}", jtl, pair[0], out)
            if not last:
                builder.place(f"XL{level - 1}_{index}", jtl, out, f"t{level - 1}_{index}")
                out = f"t{level - 1}_{index}"
            joined.append(out)
        nets = joined
    return library.register(builder.cell())
