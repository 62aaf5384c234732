"""From print requests to what the kernel records at each printed step."""

from __future__ import annotations

from difflib import get_close_matches
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from verification.engine import kernels
from verification.engine.equations.equations import Equations
from verification.engine.equations.topology import Branches, Current, Topology
from verification.engine.lanes import layout
from verification.engine.text.deck import PrintRequest, TransientAnalysis
from verification.engine.text.devices import GROUND

FloatArray = NDArray[np.float64]
IndexArray = NDArray[np.int32]
_MOST_COMPARED = 20_000


class Terms(NamedTuple):
    """Traces as sums of terms (see ``kernels.record``); ``rows`` is where each one's begin."""

    rows: IndexArray
    kind: IndexArray
    place: IndexArray
    other: IndexArray
    factor: FloatArray
    derivative: NDArray[np.bool_]


class Trace(NamedTuple):
    """One column: JoSIM's name, its request, its number of the ``.file``."""

    name: str
    kind: str
    ends: tuple[int, int]  # unknowns of a phase or voltage
    device: str
    file: int


def _is_ground(name: str) -> bool:
    # Ground goes by GND inside instances too; no other node has GND in its name (``flatten``).
    return name == "0" or name.partition("|")[0] == "GND"


def resolve_traces(topology: Topology) -> list[Trace]:
    """The columns asked for, or all nodes if nothing was.

    Raises:
        DeckError: a device or node that is not there.
    """
    deck = topology.flat.deck
    if not deck.prints:
        return [
            Trace(f"P({name})", "P", (unknown, GROUND), "", -1)
            for name, unknown in zip(
                topology.flat.node_names, topology.node_unknown[:-1].tolist(), strict=True
            )
        ]
    return [_resolve(topology, request) for request in deck.prints]


def _resolve(topology: Topology, request: PrintRequest) -> Trace:
    names, kind = request.names, request.kind
    if names[0] in topology.devices:
        if len(names) > 1:
            raise request.place.error(
                f"{kind}({','.join(names)}): a difference can be printed of nodes, not of devices"
            )
        element = topology.devices[names[0]][0]
        if kind == "I":
            return Trace(f"I({names[0]})", "I", (GROUND, GROUND), names[0], request.file)
        ends = topology.ends(element.nodes)
        device = names[0] if element.kind == "B" else ""
        return Trace(f"{kind}({names[0]})", kind, (ends[0], ends[1]), device, request.file)
    if kind == "I":
        meant = _meant(names[0], list(topology.devices))
        raise request.place.error(f"I({names[0]}): there is no device {names[0]}{meant}")
    found = []
    for name in names:
        if _is_ground(name):
            found.append(GROUND)
        elif (number := topology.flat.find_node(name)) >= 0:
            found.append(int(topology.node_unknown[number]))
        else:
            meant = _meant(name, [*topology.devices, *topology.flat.node_names])
            raise request.place.error(
                f"{kind}({','.join(names)}): there is no device or node {name}{meant}"
            )
    first, second = [*found, GROUND][:2]
    return Trace(f"{kind}({','.join(names)})", kind, (first, second), "", request.file)


def _meant(name: str, known: list[str]) -> str:
    """The end of a message about a name that is not there: which one may be meant."""
    if "_" in name:
        for other in known:
            parts = other.split("|")
            if len(parts) > 1 and name in ("_".join(parts), "_".join(reversed(parts))):
                return f"; that is JSIM's name, JoSIM's is {'.'.join(parts)}"
    # Its search takes time by the square of a name's length.
    short = [other for other in known if abs(len(other) - len(name)) <= 2][:_MOST_COMPARED]
    close = get_close_matches(name, short, 1, 0.7) if len(name) <= 100 else []
    return f"; is {close[0].replace('|', '.')} meant?" if close else ""


def _conducting(topology: Topology, current: Current) -> list[tuple[int, int]]:
    """Ends of the conductances that make a device's current; none for a source or an unknown."""
    t, at, kind = topology, current.index, current.kind
    if kind == "M":
        return [_ends(t.coupled, member) for member in t.groups[at]]
    if kind == "T":
        return [t.lines[at][1][:2]]
    if kind == "G":
        return [t.controlled[at][1][2:]]
    branches = {"B": t.junctions, "R": t.resistors, "C": t.capacitors, "L": t.inductors}.get(kind)
    return [] if branches is None else [_ends(branches, at)]


def _ends(branches: Branches, at: int) -> tuple[int, int]:
    return int(branches.p[at]), int(branches.n[at])


def wanted_unknowns(topology: Topology, traces: list[Trace]) -> set[int]:
    """Unknowns that the traces need."""
    wanted: set[int] = set()
    for trace in traces:
        wanted.update(trace.ends)
        if trace.kind == "I":
            current = topology.devices[trace.device][1]
            if current.kind == "X":
                wanted.add(current.index)
            for ends in _conducting(topology, current):
                wanted.update(ends)
    wanted.discard(GROUND)
    return wanted


def build_terms(equations: Equations, traces: list[Trace]) -> Terms:
    """The kernel's description of all traces."""
    builder = _Terms(equations)
    rows, derivative = [0], []
    for trace in traces:
        derivative.append(trace.kind == "V" and not trace.device)
        if trace.kind == "I":
            builder.current(equations.topology.devices[trace.device][1])
        elif trace.kind == "V" and trace.device:
            builder.junction_voltage(equations.topology.devices[trace.device][1].index, trace.ends)
        else:
            builder.across(layout.UNKNOWN, trace.ends, 0, 1.0)
        rows.append(len(builder.terms))
    kind, place, other, factor = zip(*builder.terms, strict=True) if builder.terms else ((),) * 4
    return Terms(
        np.array(rows, dtype=np.int32),
        np.array(kind, dtype=np.int32),
        np.array(place, dtype=np.int32),
        np.array(other, dtype=np.int32),
        np.array(factor, dtype=np.float64),
        np.array(derivative, dtype=np.bool_),
    )


class _Terms:
    def __init__(self, equations: Equations) -> None:
        self._equations = equations
        self.terms: list[tuple[int, int, int, float]] = []
        """Kind, place, other and factor of each, as in ``Terms``."""

    def _add(self, kind: int, place: int, other: int, factor: float) -> None:
        self.terms.append((kind, place, other, factor))

    def _column(self, unknown: int) -> int:
        return int(self._equations.pattern.column_of[unknown])

    def across(self, kind: int, ends: tuple[int, int], other: int, factor: float) -> None:
        """The same term of both ends, with opposite signs."""
        for unknown, sign in zip(ends, (factor, -factor), strict=True):
            if unknown != GROUND:
                self._add(kind, self._column(unknown), other, sign)

    def junction_voltage(self, index: int, ends: tuple[int, int]) -> None:
        scale = self._equations.parts.inverse_pc
        self.across(layout.UNKNOWN, ends, 0, scale)
        place = int(self._equations.plan.order.place[index])
        self._add(layout.STORED, place, layout.HISTORY, -scale)

    def current(self, current: Current) -> None:
        e, at, kind = self._equations, current.index, current.kind
        if kind == "S":
            self._add(layout.SOURCE, at, 0, 1.0)
        elif kind == "X":
            self._add(layout.UNKNOWN, self._column(at), 0, e.scale)
        else:
            first = at
            if kind == "M":
                groups = e.topology.groups
                first = sum(len(group) ** 2 for group in groups[:at])
                first += current.row * len(groups[at])
            for k, ends in enumerate(_conducting(e.topology, current)):
                self.across(layout.COEFFICIENT, ends, e.offsets[kind] + first + k, current.sign)
            self._history(current)

    def _history(self, current: Current) -> None:
        e, at, kind = self._equations, current.index, current.kind
        if kind == "B":
            place = int(e.plan.order.place[at])
            self._add(layout.STORED, place, layout.JUNCTION, current.sign)
            (ends,) = _conducting(e.topology, current)
            self.across(layout.REGION, ends, place, e.parts.inverse_pc * current.sign)
        elif kind == "R":
            shunted = np.flatnonzero(e.plan.shunt == at)
            which = layout.SHUNT if shunted.size else layout.RESISTOR
            order = e.plan.order
            places = order.place[shunted] if shunted.size else np.flatnonzero(order.resistors == at)
            self._add(layout.STORED, int(places[0]), which, current.sign)
        elif kind == "L" and at in e.topology.kinetic:
            self._add(layout.STORED, e.topology.kinetic.index(at), layout.KINETIC, current.sign)
        elif kind == "C":
            self._add(layout.STORED, at, layout.CAPACITOR, 1.0)
        elif kind == "T":
            self._add(layout.STORED, 2 * at, layout.LINE, 1.0)
        elif kind == "G":
            stored = int(np.searchsorted(e.plan.controlled, at))
            self._add(layout.STORED, stored, layout.TRANSFER, 1.0)


class PrintSteps:
    """The steps that JoSIM prints, handed out piece by piece.

    The first at or after the start, then the first at or after each further print time. The times
    are summed up, as JoSIM does, so that they round alike.
    """

    def __init__(self, transient: TransientAnalysis) -> None:
        self._step = transient.step
        self._distance = transient.print_step
        self._following = np.array([transient.print_start])

    @property
    def following_s(self) -> float:
        """The next print point, s."""
        return float(self._following[0])

    @following_s.setter
    def following_s(self, value: float) -> None:
        self._following[0] = value

    def until(self, first: int, last: int, most: int) -> NDArray[np.int64]:
        """Printed steps from ``first`` to ``last - 1``, at most ``most`` of them."""
        found = np.empty(max(0, min(last - first, most)), dtype=np.int64)
        count = kernels.print_steps(first, last, self._step, self._distance, self._following, found)
        return found[:count].copy()

    def all(self, steps: int) -> NDArray[np.int64]:
        """All printed steps of a run."""
        return self.until(0, steps, steps)


def hann_window(window: float, step: float) -> FloatArray:
    """JoSIM's filter for the fifth number of ``.tran``: an odd number of taps with sum 1."""
    half = int(0.5 * window / step) if window > 0.0 else 0
    size = 2 * half + 1
    taps = 1.0 - np.cos((np.arange(size) + 0.5) * (2.0 * np.pi / size))
    return np.asarray(taps / taps.sum(), dtype=np.float64)
