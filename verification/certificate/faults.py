"""Faults of a neuron's bench, as nature and tools make them: do the windows of a run find them?

A fault changes the circuit that is simulated and nothing that it is held against. A junction that
is missing stays as one of a ten-thousandth of its size, so that its phase can still be read; an
open line ends in the load of a pulse line on either side.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from netlist_gen.circuit.bench import CLOCK, RESET
from netlist_gen.circuit.elements import (
    GROUND,
    LOAD_OHM,
    Coupling,
    CurrentSource,
    Element,
    Junction,
    PulseSource,
    Resistor,
)
from netlist_gen.circuit.model import Cell, Circuit, Instance
from netlist_gen.circuit.sites import NeuronSite
from netlist_gen.circuit.view import (
    BOTTOM_SOURCE,
    DECISION,
    RESET_TREE,
    START_S,
    SYNAPSE,
    SYNAPSE_COUPLINGS,
    TOP_SOURCE,
    instance_name,
)

CLOCK_SHARE = 0.2
"""Of the window, by which a clock is early or late."""

Change = Callable[[Circuit], Circuit]


@dataclass(frozen=True)
class Fault:
    """One fault of one neuron.

    Attributes:
        kind: of ``FAULTS``.
        where: in the neuron, in words.
        change: makes the broken circuit of a bench.
    """

    kind: str
    where: str
    change: Change


@dataclass(frozen=True)
class Broken:
    """What a fault is made from.

    Attributes:
        site: the neuron.
        circuit: of one of its benches, whole.
        control_A: the control current that moves the threshold by one count.
        period_s: of the clock.
        rng: draws the place.
    """

    site: NeuronSite
    circuit: Circuit
    control_A: float
    period_s: float
    rng: np.random.Generator

    @property
    def neuron(self) -> Cell:
        """The neuron's cell."""
        return _placed(self.circuit.top, instance_name(self.site)).cell

    def branch(self) -> tuple[str, tuple[str, ...]]:
        """A synapse drawn: its label, and the path of its branch."""
        label = self.site.labels[int(self.rng.integers(len(self.site.labels)))]
        return label, (instance_name(self.site), f"{SYNAPSE}{label}")

    def one_of(self, names: list[str]) -> str:
        """One of some names, drawn."""
        return names[int(self.rng.integers(len(names)))]


def _placed(cell: Cell, name: str) -> Instance:
    return next(x for x in cell.instances if x.name == name)


def _with_instance(cell: Cell, new: Instance) -> Cell:
    instances = tuple(new if x.name == new.name else x for x in cell.instances)
    return dataclasses.replace(cell, instances=instances)


def edited(circuit: Circuit, path: tuple[str, ...], change: Callable[[Cell], Cell]) -> Circuit:
    """The circuit with the cell at one place changed; those on the way get names of their own."""

    def inside(cell: Cell, path: tuple[str, ...]) -> Cell:
        if not path:
            return change(cell)
        x = _placed(cell, path[0])
        new = inside(x.cell, path[1:])
        new = dataclasses.replace(new, name=f"{new.name}_f")
        return _with_instance(cell, dataclasses.replace(x, cell=new))

    return Circuit(inside(circuit.top, path))


def _elements(change: Callable[[Element], Element | None]) -> Callable[[Cell], Cell]:
    """A change of each of a cell's elements; None takes it out."""

    def changed(cell: Cell) -> Cell:
        new = (change(e) for e in cell.elements)
        return dataclasses.replace(cell, elements=tuple(e for e in new if e is not None))

    return changed


def _cut(instance: str, port: str) -> Callable[[Cell], Cell]:
    """A change that opens the line to a port of an instance."""

    def changed(cell: Cell) -> Cell:
        x = _placed(cell, instance)
        at = x.cell.ports.index(port)
        nets = (*x.nets[:at], "fcut", *x.nets[at + 1 :])
        loads = (
            Resistor("RFA", x.nets[at], GROUND, LOAD_OHM),
            Resistor("RFB", "fcut", GROUND, LOAD_OHM),
        )
        cell = _with_instance(cell, dataclasses.replace(x, nets=nets))
        return dataclasses.replace(cell, elements=(*cell.elements, *loads))

    return changed


def _coupled(factors: dict[str, float]) -> Callable[[Broken], Fault]:
    def made(b: Broken) -> Fault:
        label, path = b.branch()

        def change(e: Element) -> Element:
            if isinstance(e, Coupling) and e.name in factors:
                return dataclasses.replace(e, k=e.k * factors[e.name])
            return e

        return Fault("", f"synapse {label}", lambda c: edited(c, path, _elements(change)))

    return made


def _both(factor: float) -> Callable[[Broken], Fault]:
    return _coupled(dict.fromkeys(SYNAPSE_COUPLINGS, factor))


def _without(
    kind: type[Junction] | type[CurrentSource], decision: bool
) -> Callable[[Broken], Fault]:
    """A junction or a bias tap of a branch, or of the decision stage, missing."""

    def made(b: Broken) -> Fault:
        label, path = b.branch()
        where = f"synapse {label}"
        if decision:
            where, path = "decision stage", (instance_name(b.site), DECISION)
        cell = b.neuron
        names = [e.name for e in _placed(cell, path[1]).cell.elements if isinstance(e, kind)]
        name = b.one_of(names)

        def change(e: Element) -> Element | None:
            if e.name != name:
                return e
            return dataclasses.replace(e, area=1e-4 * e.area) if isinstance(e, Junction) else None

        return Fault("", f"{name}, {where}", lambda c: edited(c, path, _elements(change)))

    return made


def _control(counts: int) -> Callable[[Broken], Fault]:
    """The threshold moved by so many counts: less flux below, more above."""

    def made(b: Broken) -> Fault:
        path = (instance_name(b.site),)
        ends = _placed(b.neuron, DECISION)
        forward = {
            source: ends.nets[ends.cell.ports.index(port)] != GROUND
            for source, port in ((BOTTOM_SOURCE, "bc"), (TOP_SOURCE, "tc"))
        }

        def change(e: Element) -> Element:
            if not isinstance(e, CurrentSource) or e.name not in forward:
                return e
            more = counts * b.control_A * (-1 if e.name == BOTTOM_SOURCE else 1)
            return dataclasses.replace(e, value=e.value + (more if forward[e.name] else -more))

        return Fault("", "control lines", lambda c: edited(c, path, _elements(change)))

    return made


def _control_open(b: Broken) -> Fault:
    name = b.one_of([BOTTOM_SOURCE, TOP_SOURCE])
    path = (instance_name(b.site),)
    change = _elements(lambda e: None if e.name == name else e)
    return Fault("", name, lambda c: edited(c, path, change))


def _times(source: str, times: Callable[[tuple[float, ...]], tuple[float, ...]]) -> Change:
    """Other pulses of one source."""

    def change(e: Element) -> Element:
        if isinstance(e, PulseSource) and e.name == f"V{source}":
            return dataclasses.replace(e, times_s=times(e.times_s))
        return e

    return lambda c: edited(c, (), _elements(change))


def _shifted(source: str, sign: int) -> Callable[[Broken], Fault]:
    def made(b: Broken) -> Fault:
        by = sign * CLOCK_SHARE * b.period_s
        change = _times(source, lambda times: tuple(t + by for t in times))
        return Fault("", f"{by * 1e12:+.3g} ps", change)

    return made


def _stuck(b: Broken) -> Fault:
    label, _ = b.branch()
    period = b.period_s

    def change(circuit: Circuit) -> Circuit:
        clock = next(e for e in circuit.top.elements if e.name == f"V{CLOCK}")
        assert isinstance(clock, PulseSource)
        every = tuple(START_S + period * w for w in range(len(clock.times_s)))
        return _times(label, lambda _: every)(circuit)

    return Fault("", f"line {label}", change)


def _line_open(b: Broken) -> Fault:
    label, _ = b.branch()
    port = f"d{b.site.labels.index(label)}"
    cut = _cut(instance_name(b.site), port)
    return Fault("", f"line {label}", lambda c: edited(c, (), cut))


def _exchanged(b: Broken) -> Fault:
    """Two neighbouring lines end at each other's synapse."""
    count = len(b.site.labels)
    one = int(b.rng.integers(max(1, count - 1)))
    other = min(one + 1, count - 1)

    def change(cell: Cell) -> Cell:
        x = _placed(cell, instance_name(b.site))
        nets = list(x.nets)
        nets[one], nets[other] = nets[other], nets[one]
        return _with_instance(cell, dataclasses.replace(x, nets=tuple(nets)))

    where = f"lines {b.site.labels[one]} and {b.site.labels[other]}"
    return Fault("", where, lambda c: edited(c, (), change))


def _reset_lost(b: Broken) -> Fault:
    label, path = b.branch()
    return Fault("", f"synapse {label}", lambda c: edited(c, path[:1], _cut(path[1], "r")))


def _resets_lost(b: Broken) -> Fault:  # noqa: ARG001
    return Fault("", "reset clock", _times(RESET, lambda _: ()))


def _output_lost(b: Broken) -> Fault:
    """An output of a cell of the reset tree: all that hangs on it is not reset."""
    path = (instance_name(b.site), RESET_TREE)
    tree = _placed(b.neuron, RESET_TREE).cell
    name = b.one_of([x.name for x in tree.instances])
    port = b.one_of([p for p in _placed(tree, name).cell.ports if p.startswith("q")])
    return Fault("", f"{name} {port}, reset tree", lambda c: edited(c, path, _cut(name, port)))


FAULTS: dict[str, Callable[[Broken], Fault]] = {
    "branch dead": _both(0.0),
    "sign turned": _both(-1.0),
    "coupling at half": _both(0.5),
    "coupling at one and a half": _both(1.5),
    "one of two couplings lost": _coupled({SYNAPSE_COUPLINGS[0]: 0.0}),
    "theta one higher": _control(1),
    "theta one lower": _control(-1),
    "control line open": _control_open,
    "line open": _line_open,
    "line stuck with pulses": _stuck,
    "wire to the neighbour": _exchanged,
    "junction missing in a branch": _without(Junction, decision=False),
    "junction missing in the decision": _without(Junction, decision=True),
    "bias tap open in a branch": _without(CurrentSource, decision=False),
    "bias tap open in the decision": _without(CurrentSource, decision=True),
    "clock early": _shifted(CLOCK, -1),
    "clock late": _shifted(CLOCK, 1),
    "reset early": _shifted(RESET, -1),
    "reset late": _shifted(RESET, 1),
    "reset of a branch lost": _reset_lost,
    "output in the reset tree lost": _output_lost,
    "reset lost": _resets_lost,
}
"""Kinds of faults, each with what makes one."""


def fault(kind: str, broken: Broken) -> Fault:
    """A fault of a kind, its place drawn."""
    return dataclasses.replace(FAULTS[kind](broken), kind=kind)
