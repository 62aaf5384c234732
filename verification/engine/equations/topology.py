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
from verification.engine.text.flatten import GROUND, Element, FlatCircuit

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
        kind: B, R, C, T (line), G: element ``index`` with its history; S: current source; X: the
            unknown ``index`` times ``sign``; L: single inductor; M: row of a coupled group.
        index: position among its kind.
        sign: +1 or -1.
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
    devices: dict[str, tuple[Element, Current]] = field(default_factory=dict)
    nodes: dict[str, int] = field(default_factory=dict)


def build_topology(flat: FlatCircuit) -> Topology:
    """Number the unknowns. Raises DeckError for couplings of inductors that are not there."""
    topology = Topology(flat)
    topology.nodes = {name: number for number, name in enumerate(flat.node_names)}
    kept = _nodes_in_prints(flat, topology.nodes)
    couplings = _couplings(flat)
    hidden, partner = _series_nodes(flat, kept, couplings)
    for number in range(len(flat.node_names)):
        if number in hidden:
            topology.node_unknown.append(-2)
        else:
            topology.node_unknown.append(topology.unknowns)
            topology.unknowns += 1
    grouped = _groups(flat, couplings)
    absorbed = set(partner.values())
    for position, element in enumerate(flat.elements):
        _add(topology, position, element, partner, absorbed, grouped)
    _finish_groups(topology, couplings)
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
        plain = element.value > 0.0 and element.label not in coupled
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
    ends = [GROUND if node == GROUND else topology.node_unknown[node] for node in element.nodes]
    kind, value = element.kind, element.value
    devices = topology.devices
    if kind == "R" and value > 0.0:
        _add_resistor(topology, position, element, ends, partner)
    elif kind == "B":
        index = topology.junctions.add(element, ends[0], ends[1])
        devices[element.label] = (element, Current("B", index))
    elif kind == "C":
        index = topology.capacitors.add(element, ends[0], ends[1])
        devices[element.label] = (element, Current("C", index))
    elif kind == "L":
        if element.label in grouped:
            _add_coupled(topology, element, ends, grouped[element.label])
        elif value == 0.0:
            _add_current_inductor(topology, element, ends)
        elif position not in absorbed:
            index = topology.inductors.add(element, ends[0], ends[1])
            devices[element.label] = (element, Current("L", index))
    elif kind == "I":
        index = topology.current_sources.add(element, ends[0], ends[1])
        devices[element.label] = (element, Current("S", index))
    elif kind in "VPR":
        topology.phase_rows.add(element, ends[0], ends[1])
        topology.phase_unknown.append(topology.unknowns)
        devices[element.label] = (element, Current("X", topology.unknowns))
        topology.unknowns += 1
    elif kind == "T":
        index = len(topology.lines)
        topology.lines.append((element, (ends[0], ends[1], ends[2], ends[3])))
        devices[element.label] = (element, Current("T", index))
    else:
        extra = {"E": 1, "F": 1, "G": 0, "H": 2}[kind]
        rows = tuple(range(topology.unknowns, topology.unknowns + extra))
        topology.unknowns += extra
        index = len(topology.controlled)
        topology.controlled.append((element, (ends[0], ends[1], ends[2], ends[3]), rows))
        current = Current("G", index) if kind == "G" else Current("X", rows[0])
        devices[element.label] = (element, current)


def _add_resistor(
    topology: Topology,
    position: int,
    element: Element,
    ends: list[int],
    partner: dict[int, int],
) -> None:
    devices = topology.devices
    if position not in partner:
        index = topology.resistors.add(element, ends[0], ends[1])
        topology.series.append(-1)
        devices[element.label] = (element, Current("R", index))
        return
    inductor = topology.flat.elements[partner[position]]
    shared = set(element.nodes) & set(inductor.nodes)
    middle = next(n for n in shared if n != GROUND and topology.node_unknown[n] == -2)
    outer = next(n for n in inductor.nodes if n != middle)
    far = GROUND if outer == GROUND else topology.node_unknown[outer]
    # The branch keeps the resistor's direction.
    if element.nodes[0] == middle:
        p, n = far, ends[1]
        sign = 1.0 if inductor.nodes[1] == middle else -1.0
    else:
        p, n = ends[0], far
        sign = 1.0 if inductor.nodes[0] == middle else -1.0
    index = topology.resistors.add(element, p, n)
    topology.series.append(partner[position])
    devices[element.label] = (element, Current("R", index))
    devices[inductor.label] = (inductor, Current("R", index, sign))


def _add_current_inductor(topology: Topology, element: Element, ends: list[int]) -> None:
    topology.current_inductors.add(element, ends[0], ends[1])
    topology.current_inductor_rows.append(topology.unknowns)
    topology.devices[element.label] = (element, Current("X", topology.unknowns))
    topology.unknowns += 1


def _add_coupled(topology: Topology, element: Element, ends: list[int], group: list[str]) -> None:
    if len(group) > MAX_DENSE_GROUP:
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


def check_devices(topology: Topology) -> None:
    """Refuse a circuit without any unknown. Raises DeckError."""
    if topology.unknowns == 0:
        raise DeckError(f"{topology.flat.deck.name}: every device lies between ground and ground")
