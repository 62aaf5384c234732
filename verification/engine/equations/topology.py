"""The circuit as arrays: unknowns, which element touches which, and where each value goes.

Unknowns are the phases of the nodes (rad; flux over Phi0/2pi) and, where an element prescribes a
phase (V, P, E, F, H, R = 0, L = 0, perfectly or widely coupled inductors), its current. Every
other current is a conductance times a phase plus a history term, so it needs no unknown:

    junction, resistor, capacitor, line, G:   I = g * phi + c(history)
    inductors of one coupled group:           I = Linv @ phi

This is JoSIM's modified nodal matrix with the branch currents eliminated by hand: the same
discrete equations, a third of the unknowns. A node that joins nothing but an inductor and one
resistor (a junction's shunt) or one junction (its way to ground) is eliminated as well.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from netlist_gen.errors import DeckError
from verification.engine.equations.branches import Branches, Couplings, Current, Devices
from verification.engine.equations.coupled import (
    MAX_DENSE_GROUP,
    CoupledGroups,
    coupled_groups,
)
from verification.engine.equations.series import SeriesNodes, series_nodes
from verification.engine.text.circuit import FlatCircuit
from verification.engine.text.deck import ModelCard
from verification.engine.text.devices import GROUND, Element

__all__ = [
    "MAX_DENSE_GROUP",
    "Branches",
    "Couplings",
    "Current",
    "Topology",
    "build_topology",
]

IndexArray = NDArray[np.int32]
Controlled = tuple[Element, tuple[int, int, int, int], tuple[int, ...]]
"""A controlled source: element, unknowns of its four nodes, unknowns of its own."""
_HIDDEN = -2  # instead of the unknown of a node that is eliminated


@dataclass(frozen=True, eq=False)
class Topology:
    """See the module. Elements of a kind run in the order of the deck.

    Attributes:
        node_unknown: by node; the last one is ground's, so that node -1 has it.
        series: for each resistor the place of its series inductor in the deck, or -1.
        behind: the same for each junction.
        kinetic: positions in ``inductors`` of those whose inductance depends on their current.
        coupled: inductors in groups that have an inverse matrix.
        groups: these groups, as positions in ``coupled``.
        couplings: between them.
        current_inductors: inductors that keep their current, with its unknown
            (``current_inductor_rows``).
        current_couplings: between them.
        phase_rows: V, P and R = 0: sources that prescribe a phase, with the unknown of their
            current (``phase_unknown``).
        controlled: E, F, G and H.
        lines: transmission lines: element, unknowns of its nodes.
        models: of the junctions, each once.
        model: by junction, its place in ``models``.
    """

    flat: FlatCircuit
    node_unknown: IndexArray
    junctions: Branches
    resistors: Branches
    series: IndexArray
    behind: IndexArray
    capacitors: Branches
    inductors: Branches
    kinetic: list[int]
    coupled: Branches
    groups: list[list[int]]
    couplings: Couplings
    current_inductors: Branches
    current_inductor_rows: IndexArray
    current_couplings: Couplings
    current_sources: Branches
    phase_rows: Branches
    phase_unknown: IndexArray
    controlled: list[Controlled]
    lines: list[tuple[Element, tuple[int, int, int, int]]]
    models: list[ModelCard]
    model: IndexArray
    unknowns: int
    devices: Devices

    @property
    def passive(self) -> bool:
        """Whether the matrix is symmetric and its unknowns are nodes alone.

        Conductances between nodes make it: no prescribed phase, no controlled source, no inductor
        that keeps its current.
        """
        return not (len(self.phase_rows) or len(self.current_inductors) or self.controlled)

    def ends(self, nodes: tuple[int, ...]) -> list[int]:
        """Unknowns of nodes."""
        return [int(self.node_unknown[node]) for node in nodes]


def build_topology(flat: FlatCircuit) -> Topology:
    """Number the unknowns.

    Raises:
        DeckError: a coupling of inductors that are not there, or a circuit without any unknown.
    """
    groups = coupled_groups(flat)
    series = series_nodes(flat, _nodes_in_prints(flat), groups.group >= 0)
    builder = _Builder(flat, groups, *series)
    topology = builder.topology()
    _check_couplings(flat, topology.couplings)
    if topology.unknowns == 0:
        raise DeckError(f"{flat.deck.name}: every device lies between ground and ground")
    return topology


def _nodes_in_prints(flat: FlatCircuit) -> NDArray[np.bool_]:
    """Nodes whose phase a print may need: they stay unknowns."""
    if not flat.deck.prints:
        return np.ones(flat.node_count, dtype=np.bool_)
    kept = np.zeros(flat.node_count + 1, dtype=np.bool_)  # the last one is ground
    names = {name for request in flat.deck.prints for name in request.names if request.kind != "I"}
    for name in names:
        kept[flat.find_node(name)] = True
        at = flat.find(name)
        if at >= 0:
            kept[flat.nodes[at]] = True
    return kept[:-1]


def _check_couplings(flat: FlatCircuit, couplings: Couplings) -> None:
    perfect = np.abs(couplings.values) == 1.0
    if perfect.any():
        at = int(couplings.at[int(perfect.argmax())])
        raise flat.place(at).error(
            f"{flat.label(at)}: a coupling of exactly 1 leaves two inductors one; use less"
        )


class _Builder:
    """Which element is what, and the unknowns of all."""

    def __init__(
        self,
        flat: FlatCircuit,
        groups: CoupledGroups,
        of_resistors: SeriesNodes,
        of_junctions: SeriesNodes,
    ) -> None:
        self._flat = flat
        self._groups = groups
        self._of_resistors = of_resistors
        self._of_junctions = of_junctions
        self._devices = Devices(flat)
        dense = np.append(groups.dense, False)[groups.group]
        grouped = groups.group >= 0
        above = flat.values > 0.0
        inductor, resistor = flat.of_kind("L"), flat.of_kind("R")
        # With its current as an unknown no pivot is a sum that a negative value can make 0.
        self._keeps_current = inductor & np.where(grouped, ~dense, ~above)
        self._coupled = inductor & dense
        self._single = inductor & ~grouped & above
        self._single[of_resistors.inductor] = False
        self._single[of_junctions.inductor] = False
        self._resistor = resistor & above
        self._phase = flat.of_kind("VP") | (resistor & ~above)
        hidden = np.zeros(flat.node_count, dtype=np.bool_)
        hidden[of_resistors.node] = True
        hidden[of_junctions.node] = True
        unknown = np.where(hidden, _HIDDEN, np.cumsum(~hidden) - 1)
        self._unknown = np.append(unknown, GROUND).astype(np.int32)
        own = (self._phase | self._keeps_current | flat.of_kind("EF")) + 2 * flat.of_kind("H")
        nodes = int(np.count_nonzero(~hidden))
        self._extra = nodes + np.cumsum(own) - own
        self._unknowns = nodes + int(own.sum())

    def _places(self, flags: NDArray[np.bool_]) -> IndexArray:
        return np.flatnonzero(flags).astype(np.int32)

    def _branches(self, flags: NDArray[np.bool_], kind: bytes) -> Branches:
        """Elements of a kind; their currents are those of that ``kind``, where one is given."""
        at = self._places(flags)
        p, n = (self._unknown[self._flat.nodes[at, end]] for end in (0, 1))
        if kind:
            self._devices.add(kind, at, np.arange(at.size, dtype=np.int32))
        return Branches(self._flat, at, p, n)

    def _with_current(self, flags: NDArray[np.bool_]) -> tuple[Branches, IndexArray]:
        """Elements whose current is an unknown, and these unknowns."""
        branches = self._branches(flags, b"")
        rows = self._extra[branches.at].astype(np.int32)
        self._devices.add(b"X", branches.at, rows)
        return branches, rows

    def topology(self) -> Topology:
        """All of it."""
        flat = self._flat
        junctions, behind = self._in_series(flat.of_kind("B"), b"B", self._of_junctions)
        resistors, series = self._in_series(self._resistor, b"R", self._of_resistors)
        inductors = self._branches(self._single, b"L")
        coupled, groups = self._coupled_inductors()
        current_inductors, current_inductor_rows = self._with_current(self._keeps_current)
        couplings, current_couplings = self._couplings(coupled, current_inductors)
        phase_rows, phase_unknown = self._with_current(self._phase)
        kinetic = np.array([card.kinetic_A is not None for card in flat.cards], dtype=np.bool_)
        models, model = self._models(junctions)
        return Topology(
            flat=flat,
            node_unknown=self._unknown,
            junctions=junctions,
            resistors=resistors,
            series=series,
            behind=behind,
            capacitors=self._branches(flat.of_kind("C"), b"C"),
            inductors=inductors,
            kinetic=np.flatnonzero(kinetic[flat.card[inductors.at]]).tolist(),
            coupled=coupled,
            groups=groups,
            couplings=couplings,
            current_inductors=current_inductors,
            current_inductor_rows=current_inductor_rows,
            current_couplings=current_couplings,
            current_sources=self._branches(flat.of_kind("I"), b"S"),
            phase_rows=phase_rows,
            phase_unknown=phase_unknown,
            controlled=self._controlled(),
            lines=self._lines(),
            models=models,
            model=model,
            unknowns=self._unknowns,
            devices=self._devices,
        )

    def _in_series(
        self, flags: NDArray[np.bool_], kind: bytes, series: SeriesNodes
    ) -> tuple[Branches, IndexArray]:
        """Elements of a kind, those in series with an inductor between the ends of both."""
        nodes = self._flat.nodes
        branches = self._branches(flags, kind)
        index = np.searchsorted(branches.at, series.element)
        of_element, of_l = nodes[series.element, :2], nodes[series.inductor, :2]
        # The branch keeps the element's direction.
        first = of_element[:, 0] == series.node
        far = self._unknown[np.where(of_l[:, 0] == series.node, of_l[:, 1], of_l[:, 0])]
        branches.p[index[first]] = far[first]
        branches.n[index[~first]] = far[~first]
        along = np.where(first, of_l[:, 1], of_l[:, 0]) == series.node
        self._devices.add(kind, series.inductor, index.astype(np.int32), np.where(along, 1.0, -1.0))
        inductor = np.full(len(branches), -1, dtype=np.int32)
        inductor[index] = series.inductor
        return branches, inductor

    def _coupled_inductors(self) -> tuple[Branches, list[list[int]]]:
        """Those in groups with an inverse matrix, and these groups."""
        branches = self._branches(self._coupled, b"")
        number = np.unique(self._groups.group[branches.at], return_inverse=True)[1]
        members = np.argsort(number, kind="stable")
        sizes = np.bincount(number)
        rows = np.empty(members.size, dtype=np.int32)
        begin = np.cumsum(sizes) - sizes
        rows[members] = np.arange(members.size) - np.repeat(begin, sizes)
        self._devices.add(b"M", branches.at, number.astype(np.int32), row=rows)
        ends = (begin + sizes).tolist()
        listed = members.tolist()
        return branches, [listed[a:b] for a, b in zip(begin.tolist(), ends, strict=True)]

    def _couplings(self, coupled: Branches, wide: Branches) -> tuple[Couplings, Couplings]:
        pairs = self._groups.pairs
        dense = self._coupled[pairs[:, 1]]

        def of(kind: Branches, rows: IndexArray) -> Couplings:
            a, b = np.searchsorted(kind.at, rows[:, 1:]).astype(np.int32).T
            return Couplings(self._flat, rows[:, 0], a, b)

        return of(coupled, pairs[dense]), of(wide, pairs[~dense])

    def _models(self, junctions: Branches) -> tuple[list[ModelCard], IndexArray]:
        """Models of the junctions, in the order in which they come, and each one's."""
        of_card = self._flat.card[junctions.at]
        cards, first, which = np.unique(of_card, return_index=True, return_inverse=True)
        models: dict[int, ModelCard] = {}
        number: dict[int, int] = {}
        numbers = np.empty(cards.size, dtype=np.int32)
        for k in np.argsort(first).tolist():
            model = self._flat.cards[cards[k]].model
            if model is None:
                raise AssertionError("a junction without model passed the reader")
            numbers[k] = number.setdefault(id(model), len(number))
            models[id(model)] = model
        return list(models.values()), numbers[which]

    def _controlled(self) -> list[Controlled]:
        found: list[Controlled] = []
        for at in self._places(self._flat.of_kind("EFGH")).tolist():
            element = self._flat.element(at)
            count = {"E": 1, "F": 1, "G": 0, "H": 2}[element.kind]
            rows = tuple(range(self._extra[at], self._extra[at] + count))
            place = np.array([at], dtype=np.int32)
            if rows:
                self._devices.add(b"X", place, np.array(rows[:1], dtype=np.int32))
            else:
                self._devices.add(b"G", place, np.array([len(found)], dtype=np.int32))
            found.append((element, self._four(at), rows))
        return found

    def _lines(self) -> list[tuple[Element, tuple[int, int, int, int]]]:
        at = self._places(self._flat.of_kind("T"))
        self._devices.add(b"T", at, np.arange(at.size, dtype=np.int32))
        return [(self._flat.element(k), self._four(k)) for k in at.tolist()]

    def _four(self, at: int) -> tuple[int, int, int, int]:
        p, n, p2, n2 = self._unknown[self._flat.nodes[at]].tolist()
        return p, n, p2, n2
