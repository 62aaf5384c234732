"""What the kernels are handed of a step's pieces: chunks of rows, and parts for several threads.

As in ``layout``, a compiled function gets the address of a table of the members.
"""

from __future__ import annotations

from typing import NamedTuple

from verification.engine.lanes.pointers import Doubles, Integers, Longs


class Chunks(NamedTuple):
    """Pieces of a step: elements, then the rows that no later element touches.

    Chunk c is from place c to place c + 1 of each array.

    Attributes:
        alone: whether nothing but junctions, resistors and current sources adds to the right-hand
            side.
        rows: rows that are eliminated.
        vectors: vectors of junctions.
        plain: plain resistors.
        series: resistors with an inductor in series.
        begins: of ``begin``, the rows that the chunk's elements touch first.
    """

    alone: bool
    rows: Longs
    vectors: Longs
    plain: Longs
    series: Longs
    begins: Longs
    begin: Integers


class Parts(NamedTuple):
    """Parts of a circuit that may be run side by side (see ``equations.parts``).

    Rows from ``between`` on belong to no part. Each part has rows of its own for what it adds to
    them, and one for ground, from row ``own`` + p * ``stride`` of the right-hand side on.

    Attributes:
        total: how many there are.
        chunks: by part its chunks, from place p to p + 1.
        rows: its rows, likewise.
        backs: its places in ``Matrix.back``, from place p + 1 to p; those of the rows between
            parts are from the last place to the one before.
        segments: by row between, ``total`` + 1 places: where each part's entries begin in the
            lower factor, and where the last one's end.
        above: by part, how far the highest voltage is above its gap.
        done: by part, how many of its rows are eliminated.
        meeting: how many threads have come to a meeting, and the number of the meeting, each in a
            cache line of its own.
    """

    total: int
    between: int
    own: int
    stride: int
    chunks: Longs
    rows: Longs
    backs: Longs
    segments: Longs
    above: Doubles
    done: Longs
    meeting: Longs
