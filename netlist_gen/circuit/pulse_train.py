"""Pulse trains: one pulse becomes several, so far apart that a storage loop lets each one out.

A stage of factor f splits a pulse f - 1 times, holds each further copy back by a chain of JTL
stages and merges them again. Stages in a row multiply; the longest chains come first, where the
fewest pulses pass them.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from netlist_gen.circuit.model import Cell, CircuitBuilder
from netlist_gen.circuit.trees import TreeNode
from netlist_gen.errors import ConfigurationError
from netlist_gen.library.cells import CellLibrary

SPACING_STAGES = 8
"""JTL stages of 1.87 ps (cells/tables) between two pulses of a train: 15 ps. The merger needs 7 ps,
a storage loop 12 ps."""


@lru_cache(maxsize=64)
def train_factors(pulses: int) -> tuple[int, ...]:
    """Factors of the shortest train of so many pulses or more; none for one pulse.

    All are 2, the first one may be 3: its copies are a splitter and a merger further apart than
    wanted, for which only the longest chains leave room.

    Raises:
        ConfigurationError: fewer than one pulse.
    """
    if pulses < 1:
        raise ConfigurationError(f"a train needs at least 1 pulse, not {pulses}")
    twos = (pulses - 1).bit_length()
    if twos > 1 and pulses <= 3 * 2 ** (twos - 2):
        return (3,) + (2,) * (twos - 2)
    return (2,) * twos


def train_length(pulses: int) -> int:
    """Pulses of the train that is built where so many are needed."""
    length = 1
    for factor in train_factors(pulses):
        length *= factor
    return length


@lru_cache(maxsize=64)
def train_nodes(pulses: int) -> tuple[TreeNode, ...]:
    """The cells of a train from net ``a`` to ``q``, each behind those that feed it.

    A merger's first input has what comes first.
    """
    nodes: list[TreeNode] = []
    factors = train_factors(pulses)
    apart = train_length(pulses)
    net = "a"
    if not factors:
        return (TreeNode("XJ", "jtl", ("a",), ("q",)),)
    for level, factor in enumerate(factors):
        apart //= factor
        taps = []
        for tap in range(factor - 1):
            early, late = f"e{level}_{tap}", f"d{level}_{tap}_0"
            nodes.append(TreeNode(f"XS{level}_{tap}", "splitter", (net,), (early, late)))
            taps.append(early)
            net = late
            for stage in range(apart * SPACING_STAGES):
                after = f"d{level}_{tap}_{stage + 1}"
                nodes.append(TreeNode(f"XD{level}_{tap}_{stage}", "jtl", (net,), (after,)))
                net = after
        for tap in reversed(range(factor - 1)):
            last = tap == 0
            out = f"m{level}_{tap}"
            if last:
                out = "q" if level + 1 == len(factors) else f"t{level}"
            nodes.append(TreeNode(f"XM{level}_{tap}", "merger", (taps[tap], net), (out,)))
            net = out
            if not last:  # two mergers in a row lose pulses (``trees.merger_nodes``)
                nodes.append(
                    TreeNode(f"XL{level}_{tap}", "jtl", (out,), (f"{out}l",), between=True)
                )
                net = f"{out}l"
    return tuple(nodes)


def last_pulse_s(pulses: int, delay_s: Callable[[str], float]) -> float:
    """From a pulse at ``a`` to the last one of its train at ``q``, s.

    Args:
        pulses: as many are needed.
        delay_s: of a kind of cell: "jtl", "splitter", "merger".
    """
    at = {"a": 0.0}
    for node in train_nodes(pulses):
        # Of a merger's inputs the second has what comes last.
        at |= dict.fromkeys(node.outputs, at[node.inputs[-1]] + delay_s(node.cell))
    return at["q"]


def pulse_train(library: CellLibrary, pulses: int) -> Cell:
    """A cell that turns a pulse at ``a`` into ``train_length(pulses)`` pulses at ``q``.

    Raises:
        ConfigurationError: fewer than one pulse.
    """
    name = f"train{train_length(pulses)}"

    def build() -> Cell:
        title = f"pulse train, 1 pulse to {train_length(pulses)}"
        builder = CircuitBuilder(name, ("a", "q"), kind="pulse_train", title=title)
        for node in train_nodes(pulses):
            builder.place(node.name, library.cell(node.cell), *node.inputs, *node.outputs)
        return builder.cell()

    return library.shared(name, build)
