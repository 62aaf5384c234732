"""What the kernels are handed before a run: a matrix's graph, and its factors' pattern as it grows.

As in ``layout``, a compiled function gets the address of a table of the members.
"""

from __future__ import annotations

from typing import NamedTuple

from verification.engine.lanes.pointers import Doubles, Flags, Integers, Longs


class Fill(NamedTuple):
    """The factors' pattern under construction (see ``kernels.pattern.fill``).

    Attributes:
        room: of ``lower``, ``upper`` and ``upper_value``.
        dropped: entries below this share of the largest of A's row are left out.
        l_rows: row pointers of the lower factor, as far as they are known.
        u_rows: of the upper one.
        lower: columns of the lower factor.
        upper: of the upper one, with ``upper_value``.
        of_a: by column, the last row in which A has it.
        following: by column, the next one of the row.
    """

    size: int
    room: int
    dropped: float
    a_rows: Longs
    a_columns: Integers
    a_values: Doubles
    l_rows: Longs
    u_rows: Longs
    lower: Integers
    upper: Integers
    upper_value: Doubles
    pivot: Doubles
    work: Doubles
    of_a: Integers
    following: Integers


class Graph(NamedTuple):
    """Nodes of a symmetric matrix and their neighbours (see ``kernels.pattern.minimum_degree``).

    Attributes:
        pool: neighbours; ``size_of_pool`` is its length.
        begin: by node, where its neighbours begin in it.
        length: how many they are.
        room: for how many there is room.
        mark: zeros, by node.
        first: by degree, a node that has it, or -1.
        following: by node, the next of its degree, or -1.
        previous: the one before.
        held: by node, whether it comes after all that are not.
        order: by node, its place among the pivots.
    """

    size: int
    size_of_pool: int
    pool: Integers
    begin: Longs
    length: Integers
    room: Integers
    mark: Longs
    first: Integers
    following: Integers
    previous: Integers
    held: Flags
    order: Integers
