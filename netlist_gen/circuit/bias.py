"""Bias sources made into bias networks: a circuit whose junctions are fed from buses.

    resistor, lr    bus -- RIB1 -- LIB1 -- node
    ersfq           bus -- LIB1 -- BIB1 (shunted as all junctions are) -- node

stand for the bias source ``IB1`` of a cell. Each cell with a tap in it gets a port ``bus``, and
what is placed in the top cell is on the bus of its island. A bus is fed in the top cell:

* by a voltage, through the meter: a resistor at which a ten-thousandth of the voltage is left. The
  phase of a junction of a millionth of a unit across it is the charge that the bus has taken;
* with ERSFQ by a current, through an inductor. The same small junction from the bus to ground has
  the flux that the source has given: the inductor's share is gone when the current is there (and in
  the ramp would be thousands of turns). A feeding JTL, which the clock of the island drives, keeps
  the bus at Phi0 times the clock. Its stages are on the bus too, without limiting junctions.

So either supply's energy follows from a phase, in all dialects: ``Bus``.

No tap may be negative: that would need a second supply.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from netlist_gen.circuit.elements import (
    GROUND,
    LOAD_OHM,
    METER_AREA,
    BusSource,
    CurrentSource,
    Element,
    Inductor,
    Junction,
    PulseSource,
    Resistor,
    Role,
)
from netlist_gen.circuit.model import Cell, Circuit, Instance, Tap
from netlist_gen.circuit.probe import Probe
from netlist_gen.constants import PHI0, TWO_PI
from netlist_gen.errors import DeckError
from netlist_gen.library.bias import ERSFQ, BiasNetwork
from netlist_gen.library.cells import CellLibrary
from netlist_gen.library.process import Process

BUS = "bus"
"""The port of a cell with taps; the island's number follows in the top cell."""

METERS = ("RBUS", "BBUS")
"""What the names of a meter's resistor and junction begin with."""


def tap_parts(name: str) -> tuple[str, ...]:
    """Names that the elements of a tap may have, by the name of its source."""
    return tuple(f"{kind}{name}" for kind in ("L", "R", "B", "RB", "LB"))


METER_DROP = 1e-4
"""Share of a bus's voltage that its meter takes."""

FEED_STAGES = 8
"""Of one feeding JTL; a bus that needs more has several side by side."""


@dataclass(frozen=True)
class Island:
    """A part of a circuit on one bus.

    Attributes:
        name: its number, as the names of its elements in the top cell end.
        clock_s: when its clock gives a pulse, s.
    """

    name: str
    clock_s: tuple[float, ...] = ()


@dataclass(frozen=True)
class Bus:
    """A bus in a circuit, and how its energy is read.

    Attributes:
        name: of its island.
        source: that feeds it.
        meter: the resistor of the meter; not there where the source is a current.
        probe: the junction whose phase is read.
        taps_A: what its taps carry together.
        clock_s: when its feeding JTL gets a pulse; never where there is none.
    """

    name: str
    source: BusSource
    meter: str
    probe: Probe
    taps_A: float = 0.0
    clock_s: tuple[float, ...] = ()

    def joule_per_rad(self, value: float, ohm: float) -> float:
        """Energy that the source gives while the probe's phase advances by 1 rad.

        Args:
            value: of the source in the deck, V or A.
            ohm: of the meter in the deck; not looked at where the source is a current.
        """
        amount = value / ohm if self.source.is_voltage else value
        return amount * PHI0 / TWO_PI


def buses_of(circuit: Circuit) -> tuple[Bus, ...]:
    """The buses that feed a circuit, in order; none where its sources are ideal."""
    sources = [e for e in circuit.top.elements if isinstance(e, BusSource)]
    if not sources:
        return ()
    known, elements = circuit.cell_totals, {e.name: e for e in circuit.top.elements}
    taps: dict[str, float] = defaultdict(float)
    for tap in circuit.top.taps:
        taps[tap.bus] += tap.source(elements[tap.element]).value
    for x in circuit.top.instances:
        part = known[x.cell.name].bias_A
        if part:
            taps[x.nets[-1]] += part
    found = []
    for e in sources:
        island = e.name[len("VBUS") :]
        feeding = elements.get(f"VBF{island}")
        clock = feeding.times_s if isinstance(feeding, PulseSource) else ()
        probe = Probe((), f"BBUS{island}")
        found.append(Bus(island, e, f"RBUS{island}", probe, taps[f"{BUS}{island}"], clock))
    return tuple(found)


def with_bias(
    circuit: Circuit,
    library: CellLibrary,
    islands: Sequence[Island],
    of: Mapping[str, int] = MappingProxyType({}),
) -> Circuit:
    """The circuit with its bias sources made into the bias network of the library's process.

    Args:
        circuit: with ideal bias sources.
        library: of its cells.
        islands: the parts on a bus of their own.
        of: island of each instance of the top cell, by its place in ``islands``; what is not
            there, and the top cell's own elements, are on the first one.

    Returns:
        The circuit as it is where the process's bias is ideal.

    Raises:
        DeckError: a bias source that takes current out of a node, or a name that is taken.
    """
    process = library.process
    network = process.network
    if network is None:
        return circuit
    made: dict[str, Cell] = {}
    make = _Taps(network, process)
    for name, cell in circuit.cells.items():
        made[name] = make.cell(cell, made)
    top = make.taps(circuit.top, f"{BUS}{islands[0].name}")
    load = dict.fromkeys(range(len(islands)), 0.0)
    load[0] += sum(b.value for b in top.biases())
    known = _loads(made.values())
    instances = []
    for x in circuit.top.instances:
        inner = made[x.cell.name]
        nets = x.nets
        if inner.ports != x.cell.ports:
            island = of.get(x.name, 0)
            nets = (*nets, f"{BUS}{islands[island].name}")
            load[island] += known[inner.name]
        instances.append(Instance(x.name, inner, nets))
    builder = _Top(network, library.cell("jtl"))
    for number, own in enumerate(islands):
        if load[number]:
            builder.add(own, load[number])
    whole = replace(
        top,
        elements=(*top.elements, *builder.elements),
        instances=(*instances, *builder.instances),
        taps=top.taps,
    )
    _check_names(whole)
    return Circuit(whole)


class _Taps:
    """Makes cells with taps of cells with sources."""

    def __init__(self, network: BiasNetwork, process: Process) -> None:
        self.network = network
        self.process = process

    def cell(self, cell: Cell, made: Mapping[str, Cell]) -> Cell:
        """A cell of the circuit, its instances already made; the same where nothing is biased.

        It is kept with the cell, so that decks that share cells share these, too.
        """
        key = ("bias", self.network, self.process.model)
        known = cell.forms.get(key)
        if known is not None:
            return known
        own = self.taps(cell, BUS)
        instances = []
        fed = bool(own.taps)
        for x in cell.instances:
            inner = made[x.cell.name]
            on_bus = inner.ports != x.cell.ports
            fed |= on_bus
            instances.append(Instance(x.name, inner, (*x.nets, BUS) if on_bus else x.nets))
        new = cell
        if fed:
            new = replace(own, ports=(*cell.ports, BUS), instances=tuple(instances))
            _check_names(new)
            _check_bus(cell)
        cell.forms[key] = new
        return new

    def taps(self, cell: Cell, bus: str) -> Cell:
        """The cell with a tap at ``bus`` in the place of each of its own bias sources."""
        elements: list[Element] = []
        taps = []
        for e in cell.elements:
            if isinstance(e, CurrentSource) and e.role is Role.BIAS and e.value != 0.0:
                tap, parts = self.tap(e, cell.name, bus)
                elements += parts
                taps.append(tap)
            else:
                elements.append(e)
        return replace(cell, elements=tuple(elements), taps=tuple(taps)) if taps else cell

    def tap(self, source: CurrentSource, cell: str, bus: str) -> tuple[Tap, list[Element]]:
        """The tap for a source, and its elements."""
        current, node = source.value, source.minus
        if source.plus != GROUND or current < 0:
            raise DeckError(
                f"the bias source {source.name} of cell {cell} takes current out of a node; a bus "
                "can feed only sources from 0 to a node with a current above 0"
            )
        network, name, middle = self.network, source.name, f"{source.name.lower()}_b"
        line = Inductor(f"L{name}", middle, node, network.inductance_H(current))
        if network.kind != ERSFQ:
            resistor = Resistor(f"R{name}", bus, middle, network.voltage / current)
            return Tap(name, bus, node, resistor.name, network.voltage, limited=False), [
                resistor,
                line,
            ]
        line = replace(line, plus=bus, minus=middle)
        area = self.process.area(current)
        shunt = f"{name.lower()}_s"
        unit = self.process.model.critical_current
        return Tap(name, bus, node, f"B{name}", unit, limited=True), [
            line,
            Junction(f"B{name}", middle, node, area),
            Resistor(f"RB{name}", middle, shunt, self.process.shunt_ohm(current)),
            Inductor(f"LB{name}", shunt, node, self.process.shunt_H(current)),
        ]


class _Top:
    """What feeds the buses, in the top cell."""

    def __init__(self, network: BiasNetwork, stage: Cell) -> None:
        self.network = network
        self.stage = stage
        self.elements: list[Element] = []
        self.instances: list[Instance] = []

    def add(self, island: Island, load_A: float) -> None:
        """The supply of one island whose taps carry ``load_A`` together."""
        network, name = self.network, island.name
        bus, feed = f"{BUS}{name}", f"{BUS}{name}_f"
        if network.kind != ERSFQ:
            ohm = METER_DROP * network.voltage / load_A
            self.elements += [
                BusSource(f"VBUS{name}", feed, GROUND, network.voltage, network.ramp),
                Resistor(f"RBUS{name}", feed, bus, ohm),
                Junction(f"BBUS{name}", feed, bus, METER_AREA),
            ]
            return
        fed = self._feeding(island, load_A)
        current = network.current * (load_A + fed)
        self.elements += [
            BusSource(f"IBUS{name}", GROUND, feed, current, network.ramp),
            Inductor(f"LBUS{name}", feed, bus, network.source_inductance),
            Junction(f"BBUS{name}", bus, GROUND, METER_AREA),
        ]

    def _feeding(self, island: Island, load_A: float) -> float:
        """The feeding JTL, where there is a clock to drive it; returns its bias."""
        stage, network = _unlimited(self.stage, self.network), self.network
        each = sum(b.value for b in self.stage.biases())
        stages = math.ceil(network.feed_share * load_A / each) if island.clock_s else 0
        if not stages:
            return 0.0
        source = f"bf{island.name}_s"
        self.elements.append(PulseSource(f"VBF{island.name}", source, GROUND, island.clock_s))
        for first in range(0, stages, FEED_STAGES):
            net = source
            for number in range(first, min(first + FEED_STAGES, stages)):
                after = f"bf{island.name}_{number}"
                nets = (net, after, f"{BUS}{island.name}")
                self.instances.append(Instance(f"XBF{island.name}_{number}", stage, nets))
                net = after
            self.elements.append(Resistor(f"RBF{island.name}_{first}", net, GROUND, LOAD_OHM))
        return stages * each


def _unlimited(stage: Cell, network: BiasNetwork) -> Cell:
    """A stage of a feeding JTL: its bias comes from the bus through an inductor alone."""
    elements = tuple(
        Inductor(f"L{e.name}", BUS, e.minus, network.inductance_H(e.value))
        if isinstance(e, CurrentSource)
        else e
        for e in stage.elements
    )
    return replace(
        stage,
        name=f"feeding_{stage.name}",
        ports=(*stage.ports, BUS),
        elements=elements,
        kind="",
        title=f"feeding JTL: {stage.title}",
    )


def _loads(cells: Iterable[Cell]) -> dict[str, float]:
    """Current of all taps in each cell and below it, A; each cell comes after those it uses."""
    found: dict[str, float] = {}
    for cell in cells:
        own = sum(b.value for b in cell.biases()) if cell.taps else 0.0
        found[cell.name] = own + sum(found[x.cell.name] for x in cell.instances)
    return found


def _names(cell: Cell) -> Iterator[str]:
    yield from (e.name.upper() for e in cell.elements)
    yield from (x.name.upper() for x in cell.instances)


def _check_names(cell: Cell) -> None:
    seen: set[str] = set()
    for name in _names(cell):
        if name in seen:
            raise DeckError(
                f"cell {cell.name} has two elements {name}: a bias network needs this name"
            )
        seen.add(name)


def _check_bus(cell: Cell) -> None:
    nets = {net for x in cell.instances for net in x.nets}
    nets |= {getattr(e, side, "") for e in cell.elements for side in ("plus", "minus")}
    if BUS in (net.lower() for net in nets):
        raise DeckError(f"cell {cell.name} has a net {BUS}, which a bias network needs")
