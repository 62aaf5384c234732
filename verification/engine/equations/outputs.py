"""From print requests to what the kernel records at each printed step."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from verification.engine.equations.equations import Equations
from verification.engine.equations.topology import Current, Topology
from verification.engine.kernels import record
from verification.engine.text.deck import PrintRequest, Transient
from verification.engine.text.flatten import GROUND

FloatArray = NDArray[np.float64]
IndexArray = NDArray[np.int32]


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
            Trace(f"P({name})", "P", (topology.node_unknown[number], GROUND), "", -1)
            for name, number in topology.nodes.items()
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
        ends = tuple(
            GROUND if node == GROUND else topology.node_unknown[node] for node in element.nodes
        )
        device = names[0] if element.kind == "B" else ""
        return Trace(f"{kind}({names[0]})", kind, (ends[0], ends[1]), device, request.file)
    if kind == "I":
        raise request.place.error(f"I({names[0]}): there is no device {names[0]}")
    found = []
    for name in names:
        if _is_ground(name):
            found.append(GROUND)
        elif name in topology.nodes:
            found.append(topology.node_unknown[topology.nodes[name]])
        else:
            raise request.place.error(
                f"{kind}({','.join(names)}): there is no device or node {name}"
            )
    first = found[0]
    second = found[1] if len(found) > 1 else GROUND
    return Trace(f"{kind}({','.join(names)})", kind, (first, second), "", request.file)


def wanted_unknowns(topology: Topology, traces: list[Trace]) -> set[int]:
    """Unknowns that the traces need."""
    wanted: set[int] = set()
    for trace in traces:
        wanted.update(trace.ends)
        if trace.kind != "I":
            continue
        current = topology.devices[trace.device][1]
        if current.kind == "X":
            wanted.add(current.index)
        elif current.kind == "M":
            for member in topology.groups[current.index]:
                wanted.update((topology.coupled.p[member], topology.coupled.n[member]))
        elif current.kind == "L":
            branches = topology.inductors
            wanted.update((branches.p[current.index], branches.n[current.index]))
        elif current.kind == "G":
            wanted.update(topology.controlled[current.index][1])
    wanted.discard(GROUND)
    return wanted


def build_terms(equations: Equations, traces: list[Trace]) -> Terms:
    """The kernel's description of all traces."""
    builder = _Terms(equations)
    rows = [0]
    derivative = []
    for trace in traces:
        derivative.append(trace.kind == "V" and not trace.device)
        if trace.kind == "I":
            builder.current(equations.topology.devices[trace.device][1])
        elif trace.kind == "V" and trace.device:
            builder.junction_voltage(equations.topology.devices[trace.device][1].index, trace.ends)
        else:
            builder.difference(trace.ends, 1.0)
        rows.append(len(builder.kind))
    return Terms(
        np.array(rows, dtype=np.int32),
        np.array(builder.kind, dtype=np.int32),
        np.array(builder.place, dtype=np.int32),
        np.array(builder.other, dtype=np.int32),
        np.array(builder.factor, dtype=np.float64),
        np.array(derivative, dtype=np.bool_),
    )


class _Terms:
    def __init__(self, equations: Equations) -> None:
        self._equations = equations
        self.kind: list[int] = []
        self.place: list[int] = []
        self.other: list[int] = []
        self.factor: list[float] = []

    def _add(self, kind: int, place: int, other: int, factor: float) -> None:
        self.kind.append(kind)
        self.place.append(place)
        self.other.append(other)
        self.factor.append(factor)

    def _column(self, unknown: int) -> int:
        return int(self._equations.pattern.column_of[unknown])

    def difference(self, ends: tuple[int, int], factor: float) -> None:
        for unknown, sign in zip(ends, (1.0, -1.0), strict=True):
            if unknown != GROUND:
                self._add(record.UNKNOWN, self._column(unknown), 0, sign * factor)

    def _conducted(self, ends: tuple[int, int], coefficient: int, sign: float) -> None:
        for unknown, factor in zip(ends, (sign, -sign), strict=True):
            if unknown != GROUND:
                self._add(record.COEFFICIENT, self._column(unknown), coefficient, factor)

    def junction_voltage(self, index: int, ends: tuple[int, int]) -> None:
        scale = self._equations.parts.inverse_pc
        self.difference(ends, scale)
        self._add(record.STORED, index, record.HISTORY, -scale)

    def current(self, current: Current) -> None:
        e = self._equations
        t, at = e.topology, current.index
        if current.kind == "S":
            self._add(record.SOURCE, at, 0, 1.0)
        elif current.kind == "X":
            self._add(record.UNKNOWN, self._column(at), 0, e.scale)
        elif current.kind == "M":
            start = e.offsets["M"] + sum(len(group) ** 2 for group in t.groups[:at])
            members = t.groups[at]
            for column, member in enumerate(members):
                ends = (t.coupled.p[member], t.coupled.n[member])
                self._conducted(ends, start + current.row * len(members) + column, 1.0)
        elif current.kind == "T":
            p1, n1 = t.lines[at][1][:2]
            self._conducted((p1, n1), e.offsets["T"] + at, 1.0)
            self._add(record.STORED, 2 * at, record.LINE, 1.0)
        elif current.kind == "G":
            self._conducted(t.controlled[at][1][2:], e.offsets["G"] + at, 1.0)
            stored = int(np.searchsorted(e.plan.controlled, at))
            self._add(record.STORED, stored, record.TRANSFER, 1.0)
        else:
            self._branch(current)

    def _branch(self, current: Current) -> None:
        e, at, kind = self._equations, current.index, current.kind
        t = e.topology
        branches = {"B": t.junctions, "R": t.resistors, "C": t.capacitors, "L": t.inductors}[kind]
        ends = (branches.p[at], branches.n[at])
        self._conducted(ends, e.offsets[kind] + at, current.sign)
        if kind == "L":
            return
        which = {"B": record.JUNCTION, "R": record.RESISTOR, "C": record.CAPACITOR}[kind]
        if kind == "R":
            shunted = np.nonzero(e.plan.shunt == at)[0]
            which = record.SHUNT if shunted.size else which
            at = int((shunted if shunted.size else np.nonzero(e.plan.resistors == at)[0])[0])
        self._add(record.STORED, at, which, current.sign)
        if kind == "B":
            scale = e.parts.inverse_pc
            for unknown, sign in zip(ends, (scale, -scale), strict=True):
                if unknown != GROUND:
                    self._add(record.REGION, self._column(unknown), at, sign)


class PrintSteps:
    """The steps that JoSIM prints, handed out piece by piece.

    The first at or after the start, then the first at or after each further print time. The times
    are summed up, as JoSIM does, so that they round alike.
    """

    def __init__(self, transient: Transient) -> None:
        self._step = transient.step
        self._distance = transient.print_step
        self._following = transient.print_start

    def until(self, first: int, last: int, most: int) -> NDArray[np.int64]:
        """Printed steps from ``first`` to ``last - 1``, at most ``most`` of them."""
        found, self._following = _print_steps(
            first, last, most, self._step, self._distance, self._following
        )
        return np.asarray(found)

    def all(self, steps: int) -> NDArray[np.int64]:
        """All printed steps of a run."""
        return self.until(0, steps, steps)


@njit(cache=True)
def _print_steps(first, last, most, step, distance, following):  # type: ignore[no-untyped-def]
    out = np.empty(min(last - first, most), dtype=np.int64)
    count = 0
    for i in range(first, last):
        if count == most:
            break
        if i * step >= following:
            out[count] = i
            count += 1
            following += distance
    return out[:count].copy(), following


def hann_window(window: float, step: float) -> FloatArray:
    """JoSIM's filter for the fifth number of ``.tran``: an odd number of taps with sum 1."""
    half = int(0.5 * window / step) if window > 0.0 else 0
    size = 2 * half + 1
    taps = 1.0 - np.cos((np.arange(size) + 0.5) * (2.0 * np.pi / size))
    return np.asarray(taps / taps.sum(), dtype=np.float64)
