"""What the buses of a bias network give, and where it goes: the reference that is held against it.

Of taps with resistors on a voltage V: at rest each takes its current I, and while its node's phase
advances by 2 pi the bus gives I Phi0 less, because the current through a resistor falls by v / R:

    sum over taps of  V / R (V t - Phi0 n)  =  V I t - (I Phi0) n

exactly, whatever the inductances, from one time of rest to another. So the buses give what the
resistors burn at rest, less the energy of the events (``reference.event_energy``).

An ERSFQ bus is fed by a constant current I_bus, and turns once in each period of the clock:
I_bus Phi0 for each. Of that the events get theirs. A tap whose node did not turn makes its limiting
junction turn, which burns the same I Phi0; the rest is the feeding JTL's.
"""

from __future__ import annotations

from dataclasses import dataclass

from netlist_gen.circuit.bias import METER_DROP, buses_of
from netlist_gen.circuit.model import Circuit
from netlist_gen.constants import PHI0
from netlist_gen.library.bias import ERSFQ, BiasNetwork
from netlist_gen.library.process import Process


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
class BusLoads:
    """What is on the buses of a circuit.

    Attributes:
        network: of the taps.
        buses: how many there are.
        taps_A: bias currents of all taps.
        bus_A: that the buses of ERSFQ are fed by; 0 of others.
        lines_W: power of control lines, which have supplies of their own.
    """

    network: BiasNetwork
    buses: int
    taps_A: float
    bus_A: float
    lines_W: float

    @staticmethod
    def of(circuit: Circuit, process: Process) -> BusLoads | None:
        """Those of a circuit in a process; None where its bias sources are ideal."""
        if process.network is None:
            return None
        fed = [bus.source for bus in buses_of(circuit)]
        currents = sum(source.value for source in fed if not source.is_voltage)
        totals = circuit.totals()
        lines_W = totals.flux_A * process.supply_voltage
        return BusLoads(process.network, len(fed), totals.bias_A, currents, lines_W)

    @property
    def rest_W(self) -> float:
        """What all supplies give at rest: buses of ERSFQ nothing."""
        return self.network.voltage * self.taps_A + self.lines_W

    @property
    def fed_A(self) -> float:
        """Current of the buses at rest."""
        return self.bus_A if self.network.kind == ERSFQ else self.taps_A

    def bus_V(self, period_s: float) -> float:
        """Voltage of the buses, at a clock of that period."""
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
        limiters = self.taps_A * PHI0 * turns - events_J
        feeding = (self.bus_A - self.taps_A) * PHI0 * turns
        return BusShares(0.0, events_J, limiters, feeding)
