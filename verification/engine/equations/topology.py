"""The circuit as arrays: unknowns, which element touches which, and where each value goes.

Unknowns are the phases of the nodes (rad; flux over Phi0/2pi) and, where an element prescribes a
phase (V, P, E, F, H, R = 0, L = 0, perfectly or widely coupled inductors), its current. Every
other current is a conductance times a phase plus a history term, so it needs no unknown:

    junction, resistor, capacitor, line, G:   I = g * phi + c(history)
    inductors of one coupled group:           I = Linv @ phi

This is JoSIM's modified nodal matrix with the branch currents eliminated by hand: the same
discrete equations, a third of the unknowns. A node that joins nothing but one resistor and one
inductor in series (a junction's shunt) is eliminated as well.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from netlist_gen.errors import DeckError
from verification.engine.text.deck import ModelCard
from verification.engine.text.devices import GROUND, Element
from verification.engine.text.flatten import FlatCircuit

_HIDDEN = -2  # instead of the unknown of a node that is eliminated
_BRANCHES = {
    "B": ("junctions", "B"),
    "C": ("capacitors", "C"),
    "L": ("inductors", "L"),
    "I": ("current_sources", "S"),
}
MAX_DENSE_GROUP = 12
"""Coupled groups up to this size get their inverse inductance matrix; larger ones keep currents."""


@dataclass
class Branches:
    """Two-terminal elements of one kind: labels, unknowns of both ends (-1 ground)."""

    labels: list[str] = field(default_factory=list)
    p: list[int] = field(default_factory=list)
    n: list[int] = field(default_factory=list)
    elements: list[Element] = field(default_factory=list)

    def add(self, element: Element, p: int, n: int) -> int:
        """Append one; returns its index."""
        self.labels.append(element.label)
        self.p.append(p)
        self.n.append(n)
        self.elements.append(element)
        return len(self.labels) - 1

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class Current:
    """How the current of one device is found.

    Attributes:
        kind: B, R, C, T (line), G for element ``index`` with its history; S for a current source,
            X for the unknown ``index``, L for a single inductor, M for a row of a coupled group.
        index: position among its kind.
        sign: -1 where it runs against its branch.
        row: for M, the inductor within its group.
    """

    kind: str
    index: int
    sign: float = 1.0
    row: int = 0


@dataclass
class Topology:
    """See the module. Lists run in the order of the deck."""

    flat: FlatCircuit
    node_unknown: list[int] = field(default_factory=list)
    junctions: Branches = field(default_factory=Branches)
    resistors: Branches = field(default_factory=Branches)
    series: list[int] = field(default_factory=list)
    """For each resistor the position of its series inductor in the deck, or -1."""
    capacitors: Branches = field(default_factory=Branches)
    inductors: Branches = field(default_factory=Branches)
    kinetic: list[int] = field(default_factory=list)
    """Positions in ``inductors`` of those whose inductance depends on their current."""
    groups: list[list[int]] = field(default_factory=list)
    """Coupled groups, as positions in ``coupled``; ``group_number`` by their first label."""
    coupled: Branches = field(default_factory=Branches)
    group_number: dict[str, int] = field(default_factory=dict)
    couplings: list[tuple[int, int, Element]] = field(default_factory=list)
    current_inductors: Branches = field(default_factory=Branches)
    current_inductor_rows: list[int] = field(default_factory=list)
    current_couplings: list[tuple[int, int, Element]] = field(default_factory=list)
    current_sources: Branches = field(default_factory=Branches)
    phase_rows: Branches = field(default_factory=Branches)
    """V, P and R = 0: sources that prescribe a phase, with the unknown of their current."""
    phase_unknown: list[int] = field(default_factory=list)
    controlled: list[tuple[Element, tuple[int, int, int, int], tuple[int, ...]]] = field(
        default_factory=list
    )
    lines: list[tuple[Element, tuple[int, int, int, int]]] = field(default_factory=list)
    unknowns: int = 0
    negative: set[str] = field(default_factory=set)
    """First members of groups of coupled inductors some of which are negative."""
    devices: dict[str, tuple[Element, Current]] = field(default_factory=dict)
    nodes: dict[str, int] = field(default_factory=dict)

    @property
    def models(self) -> list[ModelCard]:
        """Models of the junctions."""
        models = [element.model for element in self.junctions.elements if element.model is not None]
        if len(models) < len(self.junctions):
            raise AssertionError("a junction without model passed the reader")
        return models

    @property
    def passive(self) -> bool:
        """Whether the matrix is symmetric and its unknowns are nodes alone.

        Conductances between nodes make it: no prescribed phase, no controlled source, no inductor
        that keeps its current.
        """
        return not (self.phase_rows.labels or self.current_inductors.labels or self.controlled)

    def add_unknown(self) -> int:
        """One more; returns its number."""
        self.unknowns += 1
        return self.unknowns - 1

    def ends(self, nodes: tuple[int, ...]) -> list[int]:
        """Unknowns of nodes."""
        return [GROUND if node == GROUND else self.node_unknown[node] for node in nodes]


def build_topology(flat: FlatCircuit) -> Topology:
    """Number the unknowns.

    Raises:
        DeckError: a coupling of inductors that are not there, or a circuit without any unknown.
    """
    topology = Topology(flat)
    topology.nodes = {name: number for number, name in enumerate(flat.node_names)}
    kept = _nodes_in_prints(flat, topology.nodes)
    couplings = _couplings(flat)
    hidden, partner = _series_nodes(flat, kept, couplings)
    for number in range(len(flat.node_names)):
        topology.node_unknown.append(_HIDDEN if number in hidden else topology.add_unknown())
    grouped = _groups(flat, couplings)
    topology.negative = _negative(flat, couplings, grouped)
    absorbed = set(partner.values())
    for position, element in enumerate(flat.elements):
        _add(topology, position, element, partner, absorbed, grouped)
    _finish_groups(topology, couplings)
    if topology.unknowns == 0:
        raise DeckError(f"{flat.deck.name}: every device lies between ground and ground")
    return topology


def _nodes_in_prints(flat: FlatCircuit, numbers: dict[str, int]) -> set[int]:
    """Nodes whose phase a print may need: they stay unknowns."""
    names = {name for request in flat.deck.prints for name in request.names if request.kind != "I"}
    kept = {numbers[name] for name in names if name in numbers}
    if not flat.deck.prints:
        return set(range(len(flat.node_names)))
    for element in flat.elements:
        if element.label in names:
            kept.update(node for node in element.nodes if node != GROUND)
    return kept


def _couplings(flat: FlatCircuit) -> list[Element]:
    return [element for element in flat.elements if element.kind == "K" and element.value != 0.0]


def _series_nodes(
    flat: FlatCircuit, kept: set[int], couplings: list[Element]
) -> tuple[set[int], dict[int, int]]:
    """Nodes that join one R and one L alone; and R position -> L position."""
    count = np.zeros(len(flat.node_names) + 1, dtype=np.int64)
    coupled = {label for coupling in couplings for label in coupling.pair}
    at_node: dict[int, list[int]] = {}
    for position, element in enumerate(flat.elements):
        for node in element.nodes:
            count[node] += 1
        plain = element.value > 0.0 and element.label not in coupled and element.kinetic_A is None
        if element.kind in "RL" and plain and element.nodes[0] != element.nodes[1]:
            for node in element.nodes:
                if node != GROUND and node not in kept:
                    at_node.setdefault(node, []).append(position)
    hidden: set[int] = set()
    partner: dict[int, int] = {}
    used: set[int] = set()
    for node, positions in at_node.items():
        if count[node] != 2 or len(positions) != 2 or used & set(positions):
            continue
        kinds = [flat.elements[position].kind for position in positions]
        if sorted(kinds) == ["L", "R"]:
            r, el = positions if kinds[0] == "R" else positions[::-1]
            hidden.add(node)
            partner[r] = el
            used.update(positions)
    return hidden, partner


def _groups(flat: FlatCircuit, couplings: list[Element]) -> dict[str, list[str]]:
    """Label of each coupled inductor -> labels of its group, in deck order."""
    labels = {element.label for element in flat.elements if element.kind == "L"}
    parent: dict[str, str] = {}

    def root(name: str) -> str:
        while parent.setdefault(name, name) != name:
            parent[name] = parent[parent[name]]
            name = parent[name]
        return name

    for element in flat.elements:
        if element.kind == "K":
            for label in element.pair:
                if label not in labels:
                    raise element.place.error(f"{element.label}: no inductor {label}")
    seen: set[frozenset[str]] = set()
    for coupling in couplings:
        pair = frozenset(coupling.pair)
        if pair in seen:
            raise coupling.place.error(
                f"{coupling.pair[0]} and {coupling.pair[1]} are coupled twice"
            )
        seen.add(pair)
        parent[root(coupling.pair[0])] = root(coupling.pair[1])
    members: dict[str, list[str]] = {}
    for element in flat.elements:
        if element.kind == "L" and element.label in parent:
            members.setdefault(root(element.label), []).append(element.label)
    return {label: group for group in members.values() for label in group}


def _negative(
    flat: FlatCircuit, couplings: list[Element], grouped: dict[str, list[str]]
) -> set[str]:
    """First members of the groups with negative inductors."""
    below = {e.label for e in flat.elements if e.kind == "L" and e.value < 0.0}
    if not below:
        return set()
    for coupling in couplings:
        a, b = coupling.pair
        if (a in below) != (b in below):
            raise coupling.place.error(
                f"{coupling.label} couples a positive and a negative inductor ({a}, {b}); JoSIM's "
                "mutual inductance k sqrt(L1 L2) has no value there"
            )
    return {grouped[label][0] for label in below if label in grouped}


def _add(
    topology: Topology,
    position: int,
    element: Element,
    partner: dict[int, int],
    absorbed: set[int],
    grouped: dict[str, list[str]],
) -> None:
    if element.kind == "K":
        return
    ends = topology.ends(element.nodes)
    kind, value, label = element.kind, element.value, element.label
    if kind == "R" and value > 0.0:
        _add_resistor(topology, position, element, ends, partner)
    elif kind == "L" and label in grouped:
        if element.kinetic_A is not None:
            raise element.place.error(f"{label}: an inductor with ik= can't be coupled")
        _add_coupled(topology, element, ends, grouped[label])
    elif kind == "L" and value <= 0.0:
        # With its current as an unknown no pivot is a sum that a negative value can make 0.
        _add_current_inductor(topology, element, ends)
    elif kind in _BRANCHES:
        if position not in absorbed:
            branches, current = _BRANCHES[kind]
            index = getattr(topology, branches).add(element, ends[0], ends[1])
            topology.devices[label] = (element, Current(current, index))
            if element.kinetic_A is not None:
                topology.kinetic.append(index)
    elif kind in "VPR":
        topology.phase_rows.add(element, ends[0], ends[1])
        row = topology.add_unknown()
        topology.phase_unknown.append(row)
        topology.devices[label] = (element, Current("X", row))
    elif kind == "T":
        topology.devices[label] = (element, Current("T", len(topology.lines)))
        topology.lines.append((element, (ends[0], ends[1], ends[2], ends[3])))
    else:
        extra = {"E": 1, "F": 1, "G": 0, "H": 2}[kind]
        rows = tuple([topology.add_unknown() for _ in range(extra)])
        index = len(topology.controlled)
        topology.controlled.append((element, (ends[0], ends[1], ends[2], ends[3]), rows))
        topology.devices[label] = (element, Current("X", rows[0]) if rows else Current("G", index))


def _add_resistor(
    topology: Topology, position: int, element: Element, ends: list[int], partner: dict[int, int]
) -> None:
    devices, inductor_at = topology.devices, partner.get(position, -1)
    p, n = ends
    if inductor_at >= 0:
        inductor = topology.flat.elements[inductor_at]
        shared = set(element.nodes) & set(inductor.nodes)
        middle = next(n for n in shared if n != GROUND and topology.node_unknown[n] == _HIDDEN)
        (far,) = topology.ends(tuple(n for n in inductor.nodes if n != middle))
        # The branch keeps the resistor's direction.
        first = element.nodes[0] == middle
        p, n = (far, n) if first else (p, far)
        sign = 1.0 if inductor.nodes[first] == middle else -1.0
        devices[inductor.label] = (inductor, Current("R", len(topology.resistors), sign))
    devices[element.label] = (element, Current("R", topology.resistors.add(element, p, n)))
    topology.series.append(inductor_at)


def _add_current_inductor(topology: Topology, element: Element, ends: list[int]) -> None:
    topology.current_inductors.add(element, ends[0], ends[1])
    row = topology.add_unknown()
    topology.current_inductor_rows.append(row)
    topology.devices[element.label] = (element, Current("X", row))


def _add_coupled(topology: Topology, element: Element, ends: list[int], group: list[str]) -> None:
    if len(group) > MAX_DENSE_GROUP or group[0] in topology.negative:
        _add_current_inductor(topology, element, ends)
        return
    if element.value == 0.0:
        raise element.place.error(f"{element.label} is 0 and can't be coupled")
    index = topology.coupled.add(element, ends[0], ends[1])
    number = topology.group_number.setdefault(group[0], len(topology.groups))
    if number == len(topology.groups):
        topology.groups.append([])
    topology.groups[number].append(index)
    row = len(topology.groups[number]) - 1
    topology.devices[element.label] = (element, Current("M", number, row=row))


def _finish_groups(topology: Topology, couplings: list[Element]) -> None:
    dense = {label: i for i, label in enumerate(topology.coupled.labels)}
    wide = {label: i for i, label in enumerate(topology.current_inductors.labels)}
    for coupling in couplings:
        a, b = coupling.pair
        if a in dense:
            if abs(coupling.value) == 1.0:
                raise coupling.place.error(
                    f"{coupling.label}: a coupling of exactly 1 leaves two inductors one; use less"
                )
            topology.couplings.append((dense[a], dense[b], coupling))
        else:
            topology.current_couplings.append((wide[a], wide[b], coupling))
