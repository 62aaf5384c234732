"""What buses give, against simulations of a JTL whose supplies are measured in another way."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from netlist_gen.circuit.bench import drive
from netlist_gen.circuit.bias import Island, buses_of, with_bias
from netlist_gen.circuit.elements import GROUND, LOAD_OHM, Resistor
from netlist_gen.circuit.model import CircuitBuilder
from netlist_gen.circuit.probe import Analysis
from netlist_gen.circuit.view import start_s
from netlist_gen.constants import PHI0
from netlist_gen.deck.emit import emit
from netlist_gen.library.bias import ERSFQ, LR, RESISTOR
from netlist_gen.library.cells import CellLibrary
from netlist_gen.library.process import load_process
from verification.engine.run import compile_deck
from verification.reference.bus_energy import BusLoad, BusLoads

PERIOD_S, PULSES, STAGES = 112e-12, 6, 6


def test_ideal_sources_have_no_bus():
    library = CellLibrary()
    assert BusLoads.of(with_bias(row(library), library, [Island("0")]), library.process) is None


def test_shares_of_resistors_and_of_ersfq():
    lr, ersfq = (load_process("sfq5ee", kind).network for kind in (LR, ERSFQ))
    found = BusLoads(lr, (BusLoad(1e-3),), 1e-9).shares(1e-9, 3, 5e-18)
    assert (found.events, found.limiters, found.feeding) == (-5e-18, 0.0, 0.0)
    assert found.total == pytest.approx(0.5e-3 * 1e-3 * 1e-9 * (1 - 1e-4) - 5e-18, rel=1e-12)
    loads = BusLoads(ersfq, (BusLoad(1e-3, 1.1e-3),), 1e-9)
    found = loads.shares(1e-9, 3, 5e-18)
    assert found.resistors == 0.0
    assert found.total == pytest.approx(1.1e-3 * PHI0 * 3, rel=1e-12)
    assert found.feeding == pytest.approx(0.1e-3 * PHI0 * 3, rel=1e-12)
    assert loads.given_J(1e-9, 3, 5e-18) == pytest.approx(found.total + 1e-18, rel=1e-12)
    assert loads.bus_V(100e-12) == pytest.approx(PHI0 / 100e-12)


def test_a_bus_that_turns_three_times_in_a_period():
    ersfq = load_process("sfq5ee", ERSFQ).network
    loads = BusLoads(ersfq, (BusLoad(1e-3, 1.1e-3), BusLoad(2e-4, 2.1e-4, turns=3.0)), 0.0)
    assert (loads.taps_A, loads.fed_A) == (pytest.approx(1.2e-3), pytest.approx(1.31e-3))
    found = loads.shares(1e-9, 2, 5e-18)
    assert found.total == pytest.approx((1.1e-3 + 3 * 2.1e-4) * PHI0 * 2, rel=1e-12)
    assert found.limiters == pytest.approx((1e-3 + 3 * 2e-4) * PHI0 * 2 - 5e-18, rel=1e-12)
    assert found.feeding == pytest.approx((1e-4 + 3 * 1e-5) * PHI0 * 2, rel=1e-12)


def test_buses_are_read_where_they_have_settled():
    """After ten windows of each bus's own clock; the parts get what their pulses of it bring."""
    ersfq = load_process("sfq5ee", ERSFQ).network
    clock = tuple((1.0 + k) * 1e-9 for k in range(25))
    twice = tuple((1.1 + 0.5 * k) * 1e-9 for k in range(50))
    layer, lines = BusLoad(1e-3, 1.1e-3, 1.0, clock), BusLoad(2e-4, 2.1e-4, 2.0, twice)
    loads = BusLoads(ersfq, (layer, lines), 0.0)
    bounds = loads.settled_s(0.5e-9, 30e-9)
    assert bounds.tolist() == [
        pytest.approx([0.5e-9, 10.9e-9, 30e-9]), pytest.approx([0.5e-9, 11.05e-9, 30e-9])
    ]  # fmt: skip
    expected = loads.expected_J(bounds, np.zeros(1))
    each = 1.1e-3 + 2 * 2.1e-4
    assert expected == pytest.approx(np.array([10, 15]) * each * PHI0, rel=1e-12)
    few = dataclasses.replace(loads, buses=(dataclasses.replace(layer, clock_s=clock[:19]), lines))
    assert few.settled_s(0.5e-9, 30e-9).tolist() == [[0.5e-9, 30e-9]] * 2
    lr = BusLoads(load_process("sfq5ee", LR).network, (BusLoad(1e-3), BusLoad(1e-3)), 0.0)
    bounds = lr.settled_s(0.5e-9, 30e-9)
    assert bounds.tolist() == [[0.5e-9, 30e-9]] * 2
    assert lr.expected_J(bounds, np.array([5e-18])) == pytest.approx(
        [lr.shares(29.5e-9, 0, 5e-18).total], rel=1e-12
    )


def row(library: CellLibrary, times: tuple[float, ...] = ()):
    builder = CircuitBuilder("row")
    net = drive(builder, library, "A", times)
    for k in range(STAGES - 1):
        builder.place(f"X{k}", library.cell("jtl"), net, f"n{k}")
        net = f"n{k}"
    builder.add(Resistor("RL", net, GROUND, LOAD_OHM))
    return builder.circuit()


@pytest.mark.parametrize(("kind", "within"), [(RESISTOR, 1e-4), (LR, 2e-3), (ERSFQ, 0.02)])
def test_a_simulation_agrees(kind, within):
    """Pulses in some periods, then none; the integral of V*I is summed up from samples, too."""
    library = CellLibrary(load_process("sfq5ee", kind))
    process = library.process
    first = start_s(process) + 10 * PERIOD_S  # ERSFQ: when what the ramp has left is gone
    periods = PULSES + 4  # taps of resistor and inductor remember a pulse for 36 ps
    end = first + periods * PERIOD_S
    clock = np.arange(start_s(process), end, PERIOD_S)
    times = tuple((first + PERIOD_S * np.arange(PULSES) + 30e-12).tolist())
    circuit = with_bias(row(library, times), library, [Island("0", tuple(clock.tolist()))])
    (bus,) = buses_of(circuit)
    analysis = Analysis(end + 20e-12, print_step_s=0.2e-12)
    text = emit(circuit, process, analysis, [bus.probe], name="row").text
    net = "bus0_f"
    asked = f".print i({bus.source.name})\n.print v({net})\n"
    waves = compile_deck(text.replace(".end\n", f"{asked}.end\n"), name="row").run().waveforms
    rows = slice(*np.searchsorted(waves.time_s, (first, end)))
    time = waves.time_s[rows]
    phase = waves.signal(bus.probe.column)[rows]
    ohm = next((e.value for e in circuit.top.elements if e.name == bus.meter), np.nan)
    measured = (phase[-1] - phase[0]) * bus.joule_per_rad(bus.source.value, ohm)
    power = waves.signal(f"V({net.upper()})") * waves.signal(f"I({bus.source.name})")
    summed = abs(float(np.trapezoid(power[rows], time)))
    assert measured == pytest.approx(summed, rel=2e-3, abs=0)
    loads = BusLoads.of(circuit, process)
    events = STAGES * 175e-6 * PHI0 * PULSES
    shares = loads.shares(float(time[-1] - time[0]), periods, events)
    assert measured == pytest.approx(shares.total, rel=within, abs=0)
    if kind != ERSFQ:  # what the pulses withhold is seen by itself
        withheld = shares.resistors - measured
        assert withheld == pytest.approx(events, rel=0.02, abs=0)
