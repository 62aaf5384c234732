"""Windows made to cover a neuron: those of each neuron itself, and those of its circuit's classes.

A **block** is some windows that follow one another; blocks are put into decks whole. A neuron's own
blocks make each synapse decide, meet both sides of the threshold after a full and after an empty
window with data as early and as late as timing lets them come, and bring each line through all its
histories. The classes' blocks hold every class that is asked for, those next to the threshold in
the two worst spreads over the loops (``patterns``), each after one of the fullest or the emptiest
windows that there are.

The ends of timing come as four patterns, in turn: all data early, all late, the excitatory late and
the inhibitory early, and the other way round.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from verification.certificate.classes import Kind
from verification.certificate.patterns import Patterns

BoolArray = NDArray[np.bool_]

EARLY, LATE, EXCITATORY_LATE, INHIBITORY_LATE = range(4)

OWN_BLOCKS = 12
"""A neuron's own blocks at least: beyond those that it needs, windows next to the threshold at
random, which find a synapse of half a weight or one and a half."""


@dataclass(frozen=True, eq=False)
class Block:
    """Windows that follow one another.

    Attributes:
        pulses: bool, shape (windows, synapses).
        late: which of them come late where their times are those of ``deck.plan.Skew``.
    """

    pulses: BoolArray
    late: BoolArray

    @property
    def windows(self) -> int:
        """How many."""
        return int(self.pulses.shape[0])


class Maker:
    """Makes the blocks of a neuron.

    Args:
        signs: +1 or -1 for each synapse.
        theta: its threshold.
        seed: of what is drawn.
    """

    def __init__(self, signs: Sequence[int], theta: int, seed: int = 0) -> None:
        self.kind = Kind.of(signs, theta)
        self._patterns = Patterns(signs)
        self._rng = np.random.default_rng(seed)
        self._full = np.ones(len(signs), dtype=bool)
        self._empty = ~self._full

    def own_blocks(self) -> list[Block]:
        """Those of the neuron itself, all of four windows."""
        full, empty = self._full, self._empty
        blocks = [self._block([full, full, empty, empty], [EARLY] * 4)]
        if not self.kind.decides:
            blocks.append(self._block([empty, full, empty, full], [EARLY, EARLY, LATE, LATE]))
            while len(blocks) < OWN_BLOCKS:
                any_ = [self._any_window() for _ in range(2)]
                windows = [full, any_[0], empty, any_[1]]
                blocks.append(self._block(windows, [EARLY, EARLY, LATE, LATE]))
            return blocks
        # Each synapse has its pulse on both sides of the threshold, among as many other pulses as
        # can be, and among fewer: it decides on one of them, and one that is too strong or too
        # weak decides wrongly on one or the other.
        above, below = (
            [
                window
                for fewer in (False, True)
                for sign in (1, -1)
                for window in self._covering(side, sign, fewer=fewer)
            ]
            or [self._edge_window(side)]
            for side in (0, 1)
        )
        blocks += [
            self._block([full, above[0], full, below[0]], [EARLY] * 4),
            self._block([empty, above[-1], empty, below[-1]], [LATE] * 4),
            self._block(
                [empty, full, above[0], below[0]],
                [EARLY, LATE, INHIBITORY_LATE, EXCITATORY_LATE],
            ),
        ]
        # The rest of these, then windows next to the threshold at random.
        above, below = above[1:-1], below[1:-1]
        while len(blocks) < OWN_BLOCKS or above or below:
            turn = len(blocks)
            one = above.pop(0) if above else self._edge_window(0)
            other = below.pop(0) if below else self._edge_window(1)
            before, then = (full, empty) if turn % 2 else (empty, full)
            times = [turn % 4, (turn + 1) % 4, turn % 4, (turn + 2) % 4]
            blocks.append(self._block([before, one, then, other], times))
        return blocks

    def class_blocks(self, near: int | None) -> list[Block]:
        """One window at least of each class that is asked for (``Kind.classes``)."""
        asked = [(int(e), int(i)) for e, i in np.argwhere(self.kind.classes(near))]
        theta = self.kind.theta
        edge = [(e, i) for e, i in asked if e - i in (theta, theta - 1)]
        others = sorted(set(asked) - set(edge), key=lambda pair: (sum(pair), pair))
        spread = {pair: turn % 2 == 0 for turn, pair in enumerate(others)}
        blocks = []
        for turn, pair in enumerate(edge):
            for apart in (False, True):
                after_full = apart == (turn % 2 == 0)
                before = self._empty if not after_full else self._full
                if others:
                    one = others.pop(-1 if after_full else 0)
                    before = self._patterns.window(*one, apart=spread[one], turn=turn)
                window = self._patterns.window(*pair, apart=apart, turn=turn)
                blocks.append(self._block([before, window], [(turn + apart) % 4] * 2))
        while others:
            some = [others.pop(0), others.pop(-1) if others else (0, 0)]
            turn = len(blocks)
            windows = [self._patterns.window(*one, apart=spread[one], turn=turn)
                       if one in spread else self._empty for one in some]  # fmt: skip
            blocks.append(self._block(windows, [turn % 4, (turn + 1) % 4]))
        return blocks

    def more_blocks(self, number: int) -> Iterator[Block]:
        """Blocks of windows at random, next to the threshold where there is one."""
        for turn in range(number):
            if self.kind.decides:
                windows = [self._any_window(), self._edge_window(0)]
                windows += [self._any_window(), self._edge_window(1)]
            else:
                windows = [self._any_window() for _ in range(4)]
            late = self._rng.random((4, self._full.size)) < (turn % 3) / 2
            yield Block(np.array(windows), late)

    def _block(self, windows: Sequence[BoolArray], times: Sequence[int]) -> Block:
        positive = self._patterns.signs > 0
        lates = {
            EARLY: self._empty,
            LATE: self._full,
            EXCITATORY_LATE: positive,
            INHIBITORY_LATE: ~positive,
        }
        return Block(np.array(windows), np.array([lates[time] for time in times]))

    def _covering(self, below: int, sign: int, *, fewer: bool) -> list[BoolArray]:
        """Windows with n = theta - ``below`` in which each synapse of a sign has a pulse once.

        They are of one class, that of most pulses or one of ``fewer``; none where no class of
        that n has a pulse of the sign.
        """
        kind = self.kind
        n = kind.theta - below
        most = min(kind.excitatory, kind.inhibitory + n)
        least = max(0, n, 1 if sign > 0 else 1 + n)  # one pulse of that sign at least
        if most < least:
            return []
        excitatory = (least + most) // 2 if fewer else most
        inhibitory = excitatory - n
        many = excitatory if sign > 0 else inhibitory
        mine = self._patterns.signs == sign
        found: list[BoolArray] = []
        seen = np.zeros(self._full.size, dtype=bool)
        while not seen[mine].all():
            turn = len(found)
            window = self._patterns.window(excitatory, inhibitory, apart=fewer, turn=turn)
            if turn:  # the lines that had no pulse yet come first
                window[mine] = False
                lines = np.flatnonzero(mine)
                order = np.concatenate((lines[~seen[lines]], lines[seen[lines]]))
                window[order[:many]] = True
            found.append(window)
            seen |= window & mine
        return found

    def _edge_window(self, below: int) -> BoolArray:
        """One with n = theta - ``below``, its class and its lines at random."""
        kind = self.kind
        n = kind.theta - below
        excitatory = int(
            self._rng.integers(max(0, n), min(kind.excitatory, kind.inhibitory + n) + 1)
        )
        return self._patterns.any_window(excitatory, excitatory - n, self._rng)

    def _any_window(self) -> BoolArray:
        kind = self.kind
        excitatory, inhibitory = self._rng.integers([kind.excitatory + 1, kind.inhibitory + 1])
        return self._patterns.any_window(int(excitatory), int(inhibitory), self._rng)


def packed(blocks: Sequence[Block], most: int) -> list[Block]:
    """Blocks in decks of one length.

    Args:
        blocks: at least one.
        most: windows of a deck, as near as whole blocks come to it; no shorter than a block.

    Returns:
        decks of the same number of windows; what is missing in one are the first block's.
    """
    total = sum(block.windows for block in blocks)
    longest = max(block.windows for block in blocks)
    parts = max(1, -(-total // max(most, longest)))
    length = max(longest, -(-total // parts))
    length += length % 2  # blocks are of two or of four windows
    decks: list[list[Block]] = [[]]
    for block in blocks:
        if sum(b.windows for b in decks[-1]) + block.windows > length:
            decks.append([])
        decks[-1].append(block)
    return [_joined(deck, length, blocks[0]) for deck in decks]


def _joined(blocks: Sequence[Block], length: int, filler: Block) -> Block:
    missing = length - sum(block.windows for block in blocks)
    more = [filler] * -(-missing // filler.windows)
    pulses = np.concatenate([block.pulses for block in (*blocks, *more)])
    late = np.concatenate([block.late for block in (*blocks, *more)])
    return Block(pulses[:length], late[:length])
