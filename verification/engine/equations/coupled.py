"""Inductors that are coupled, in groups that have one matrix each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from verification.engine.text.circuit import FlatCircuit

IndexArray = NDArray[np.int32]
MAX_DENSE_GROUP = 12
"""Coupled groups up to this size get their inverse inductance matrix; larger ones keep currents."""


@dataclass(frozen=True, eq=False)
class CoupledGroups:
    """Inductors that are coupled with each other, directly or not.

    Attributes:
        pairs: rows of ``FlatCircuit.couplings`` whose factor is not 0.
        group: by element of the circuit the number of its group, -1 for none; groups are numbered
            in the order of their first inductors.
        dense: by group, whether it gets its inverse matrix.
    """

    pairs: IndexArray
    group: IndexArray
    dense: NDArray[np.bool_]


def coupled_groups(flat: FlatCircuit) -> CoupledGroups:
    """The groups of a circuit.

    Raises:
        DeckError: a coupling of an inductor that is not there, of a pair that is coupled already,
            or of a positive and a negative inductor; a coupled inductor that is 0 or has ik=.
    """
    missing = np.flatnonzero((flat.couplings[:, 1:] < 0).any(axis=1))
    if missing.size:
        at, *pair = flat.couplings[missing[0]].tolist()
        label = flat.element(at).pair[pair.index(-1)]
        raise flat.place(at).error(f"{flat.label(at)}: no inductor {label}")
    pairs = flat.couplings[flat.values[flat.couplings[:, 0]] != 0.0]
    _check_once(flat, pairs)
    group = np.full(len(flat), -1, dtype=np.int32)
    members = np.unique(pairs[:, 1:])
    if not members.size:
        return CoupledGroups(pairs, group, np.zeros(0, dtype=np.bool_))
    roots = _roots(np.searchsorted(members, pairs[:, 1:]).tolist(), members.size)
    # Roots are first members, so that groups are numbered in their order.
    group[members] = np.unique(roots, return_inverse=True)[1]
    sizes = np.bincount(group[members])
    negative = np.zeros(sizes.size, dtype=np.bool_)
    negative[group[members[flat.values[members] < 0.0]]] = True
    _check_signs(flat, pairs)
    dense = (sizes <= MAX_DENSE_GROUP) & ~negative
    _check_members(flat, members, dense[group[members]])
    return CoupledGroups(pairs, group, dense)


def _roots(pairs: list[list[int]], count: int) -> list[int]:
    """For each of ``count`` members the first one that pairs join it with."""
    parent = list(range(count))

    def root(member: int) -> int:
        while parent[member] != member:
            parent[member] = parent[parent[member]]
            member = parent[member]
        return member

    for a, b in pairs:
        first, second = root(a), root(b)
        parent[max(first, second)] = min(first, second)
    return [root(member) for member in range(count)]


def _check_once(flat: FlatCircuit, pairs: IndexArray) -> None:
    both = np.sort(pairs[:, 1:].astype(np.int64), axis=1)
    keys = both[:, 0] * len(flat) + both[:, 1]
    again = np.ones(keys.size, dtype=np.bool_)
    again[np.unique(keys, return_index=True)[1]] = False
    if again.any():
        at, a, b = pairs[int(again.argmax())].tolist()
        raise flat.place(at).error(f"{flat.label(a)} and {flat.label(b)} are coupled twice")


def _check_signs(flat: FlatCircuit, pairs: IndexArray) -> None:
    below = flat.values[pairs[:, 1:]] < 0.0
    mixed = below[:, 0] != below[:, 1]
    if mixed.any():
        at, a, b = pairs[int(mixed.argmax())].tolist()
        raise flat.place(at).error(
            f"{flat.label(at)} couples a positive and a negative inductor ({flat.label(a)}, "
            f"{flat.label(b)}); JoSIM's mutual inductance k sqrt(L1 L2) has no value there"
        )


def _check_members(flat: FlatCircuit, members: IndexArray, dense: NDArray[np.bool_]) -> None:
    cards = [card.kinetic_A is not None for card in flat.cards]
    kinetic = np.array(cards, dtype=np.bool_)[flat.card[members]]
    nothing = dense & (flat.values[members] == 0.0)
    wrong = kinetic | nothing
    if wrong.any():
        first = int(wrong.argmax())
        at = int(members[first])
        if kinetic[first]:
            what = f"{flat.label(at)}: an inductor with ik= can't be coupled"
        else:
            what = f"{flat.label(at)} is 0 and can't be coupled"
        raise flat.place(at).error(what)
