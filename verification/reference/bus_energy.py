"""What the buses of a bias network give, and where it goes: the reference that is held against it.

Of taps with resistors on a voltage V: at rest each takes its current I, and while its node's phase
advances by 2 pi the bus gives I Phi0 less, because the current through a resistor falls by v / R:

    sum over taps of  V / R (V t - Phi0 n)  =  V I t - (I Phi0) n

exactly, whatever the inductances, from one time of rest to another. So the buses give what the
resistors burn at rest, less the energy of the events (``reference.event_energy``).

An ERSFQ bus is fed by a constant current I_bus, and turns as often as its feeding JTL: once in
each period of the clock, that of class lines as often as a line may carry pulses in a window.
I_bus Phi0 for each. Of that the events get theirs. A tap whose node did not turn makes its limiting
junction turn, which burns the same I Phi0; the rest is the feeding JTL's.

While all turns, a tap with a limiting junction carries less than that junction's critical current,
on the mean half of the step Phi0 / L that each of its turns makes. What the ramp has left in the
taps beyond that goes to the feeding JTL, whose stages turn with the clock and nothing else: the bus
is ahead of the clock by just what charges their inductors. That takes some windows, happens once,
and is no energy of an inference.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from netlist_gen.circuit.bias import METER_DROP, buses_of
from netlist_gen.circuit.model import Circuit
from netlist_gen.constants import PHI0
from netlist_gen.library.bias import ERSFQ, BiasNetwork
from netlist_gen.library.process import Process

FloatArray = NDArray[np.float64]

SETTLED = 10
"""Windows in which ERSFQ buses get ahead of their clock: a deck of two layers of four neurons and
one of the digits, whose buses turn within 1 % of once in a window from the eleventh on."""


@dataclass(frozen=True)
class BusShares:
    """Energy that buses give, by mechanism, J.

    Attributes:
        resistors: what resistors and meters would burn if nothing turned.
        events: bias current times Phi0 for each advance of a junction: with ERSFQ what the bus
            gives to them, with resistors (negative) what it gives less while they turn.
        limiters: limiting junctions that turn in a node's stead.
        feeding: feeding JTLs.
    """

    resistors: float
    events: float
    limiters: float
    feeding: float

    @property
    def total(self) -> float:
        """All of it."""
        return self.resistors + self.events + self.limiters + self.feeding


@dataclass(frozen=True)
class BusLoad:
    """What is on one bus.

    Attributes:
        taps_A: bias currents of its taps.
        bus_A: that a bus of ERSFQ is fed by; 0 of others.
        turns: of a bus of ERSFQ in a period of the clock.
        clock_s: when its feeding JTL gets a pulse.
    """

    taps_A: float
    bus_A: float = 0.0
    turns: float = 1.0
    clock_s: tuple[float, ...] = ()


@dataclass(frozen=True)
class BusLoads:
    """What is on the buses of a circuit.

    Attributes:
        network: of the taps.
        buses: all of them.
        lines_W: power of control lines, which have supplies of their own.
    """

    network: BiasNetwork
    buses: tuple[BusLoad, ...]
    lines_W: float

    @staticmethod
    def of(circuit: Circuit, process: Process) -> BusLoads | None:
        """Those of a circuit in a process; None where its bias sources are ideal."""
        if process.network is None:
            return None
        fed = buses_of(circuit)
        # Layers have a pulse of their clock in each window: the fewest that any bus gets.
        windows = min((len(bus.clock_s) for bus in fed if bus.clock_s), default=0)
        buses = [
            BusLoad(
                bus.taps_A,
                0.0 if bus.source.is_voltage else bus.source.value,
                len(bus.clock_s) / windows if bus.clock_s else 1.0,
                bus.clock_s,
            )
            for bus in fed
        ]
        lines_W = circuit.totals().flux_A * process.supply_voltage
        return BusLoads(process.network, tuple(buses), lines_W)

    @property
    def taps_A(self) -> float:
        """Bias currents of all taps."""
        return sum(bus.taps_A for bus in self.buses)

    @property
    def bus_A(self) -> float:
        """That all buses of ERSFQ are fed by; 0 of others."""
        return sum(bus.bus_A for bus in self.buses)

    @property
    def rest_W(self) -> float:
        """What all supplies give at rest: buses of ERSFQ nothing."""
        return self.network.voltage * self.taps_A + self.lines_W

    @property
    def fed_A(self) -> float:
        """Current of the buses at rest."""
        return self.bus_A if self.network.kind == ERSFQ else self.taps_A

    def bus_V(self, period_s: float) -> float:
        """Voltage of the layers' buses, at a clock of that period."""
        return PHI0 / period_s if self.network.kind == ERSFQ else self.network.voltage

    def given_J(self, duration_s: float, turns: float, events_J: float) -> float:
        """What buses and control lines give; see ``shares``."""
        return self.shares(duration_s, turns, events_J).total + self.lines_W * duration_s

    def shares(self, duration_s: float, turns: float, events_J: float) -> BusShares:
        """What the buses give.

        Args:
            duration_s: from one time of rest to another.
            turns: periods of the clock in it.
            events_J: bias current times Phi0 of all events in it.
        """
        network = self.network
        if network.kind != ERSFQ:
            rest = network.voltage * self.taps_A * (1.0 - METER_DROP) * duration_s
            return BusShares(rest, -events_J, 0.0, 0.0)
        taken = sum(bus.taps_A * bus.turns for bus in self.buses) * PHI0 * turns
        limiters = taken - events_J
        feeding = sum(bus.bus_A * bus.turns for bus in self.buses) * PHI0 * turns - taken
        return BusShares(0.0, events_J, limiters, feeding)

    def settled_s(self, first_s: float, last_s: float) -> FloatArray:
        """Between two times of rest, when buses are read: shape (buses, parts + 1).

        Buses of ERSFQ are read once more where they have settled, just before the pulse of their
        clock that begins the next window: the turn that follows a pulse takes until then to
        complete. A run of few windows has one part alone.
        """
        ends = [[first_s, last_s]] * len(self.buses)
        rows = []
        for bus in self.buses:
            at, clock = round(SETTLED * bus.turns), bus.clock_s
            if self.network.kind != ERSFQ or len(clock) < 2 * at:
                return np.array(ends)
            rows.append([first_s, 0.1 * clock[at - 1] + 0.9 * clock[at], last_s])
        return np.array(rows)

    def expected_J(self, bounds_s: FloatArray, events_J: FloatArray) -> FloatArray:
        """What the buses give in each part, shape (parts,).

        Args:
            bounds_s: of the parts, for each bus, shape (buses, parts + 1).
            events_J: bias current times Phi0 of all events in each part, shape (parts,); of an
                ERSFQ bus they are no matter.
        """
        if self.network.kind != ERSFQ:
            lengths = np.diff(bounds_s[0]).tolist()
            parts = zip(lengths, events_J.tolist(), strict=True)
            return np.array([self.shares(s, 0.0, events).total for s, events in parts])
        turns = [
            np.histogram(bus.clock_s, own)[0] for bus, own in zip(self.buses, bounds_s, strict=True)
        ]
        currents = np.array([bus.bus_A for bus in self.buses])
        return np.asarray(currents @ np.array(turns) * PHI0)
