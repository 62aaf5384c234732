"""Bias sources made into bias networks: elements, ports, names, and what a supply gives."""

from __future__ import annotations

import re
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netlist_gen.circuit.bench import neuron_bench
from netlist_gen.circuit.bias import BUS, METER_DROP, Island, buses_of, with_bias
from netlist_gen.circuit.elements import (
    GROUND,
    BusSource,
    CurrentSource,
    Inductor,
    Junction,
    PulseSource,
    Resistor,
    Role,
)
from netlist_gen.circuit.model import Cell, Circuit, CircuitBuilder
from netlist_gen.circuit.sites import NeuronSite
from netlist_gen.constants import PHI0, TWO_PI
from netlist_gen.errors import DeckError
from netlist_gen.library.bias import BIASES, ERSFQ, LR, RESISTOR
from netlist_gen.library.cells import CellLibrary
from netlist_gen.library.process import load_process

LIBRARIES = {kind: CellLibrary(load_process("sfq5ee", kind)) for kind in BIASES}
IDEAL_LIBRARY = LIBRARIES["ideal"]
ISLAND = Island("0", (100e-12,))


def stages(library: CellLibrary, count: int = 2) -> Circuit:
    """JTL stages in a row."""
    builder = CircuitBuilder("row")
    for k in range(count):
        builder.place(f"X{k}", library.cell("jtl"), f"n{k}", f"n{k + 1}")
    return builder.circuit()


def of(circuit: Circuit, kind: type) -> dict[str, object]:
    return {e.name: e for e in circuit.top.elements if isinstance(e, kind)}


def test_ideal_sources_stay_as_they_are():
    circuit = stages(IDEAL_LIBRARY)
    assert with_bias(circuit, IDEAL_LIBRARY, [ISLAND]) is circuit
    assert buses_of(circuit) == ()


@pytest.mark.parametrize("kind", [RESISTOR, LR])
def test_a_tap_with_a_resistor(kind):
    library = LIBRARIES[kind]
    network = library.process.network
    fed = with_bias(stages(library), library, [ISLAND])
    (cell,) = fed.cells.values()
    assert cell.ports == ("a", "q", BUS)
    assert not any(isinstance(e, CurrentSource) for e in cell.elements)
    added = {e.name: e for e in cell.elements if e.name in ("RIB1", "LIB1")}
    assert added == {
        "RIB1": Resistor("RIB1", BUS, "ib1_b", network.voltage / 175e-6),
        "LIB1": Inductor("LIB1", "ib1_b", "n", network.inductance_H(175e-6)),
    }
    (bias,) = cell.biases()
    assert (bias.name, bias.plus, bias.minus, bias.role) == ("IB1", BUS, "n", Role.BIAS)
    assert bias.value == pytest.approx(175e-6)
    assert cell.biased_junction(bias).name == "B1"
    meter = METER_DROP * network.voltage / (2 * bias.value)
    assert of(fed, BusSource) == {
        "VBUS0": BusSource("VBUS0", "bus0_f", GROUND, network.voltage, network.ramp)
    }
    assert of(fed, Resistor) == {"RBUS0": Resistor("RBUS0", "bus0_f", "bus0", meter)}
    assert [x.nets[-1] for x in fed.top.instances] == ["bus0", "bus0"]


def test_a_tap_with_a_limiting_junction():
    library = LIBRARIES[ERSFQ]
    process = library.process
    fed = with_bias(stages(library, 12), library, [ISLAND])
    cell = fed.cells["jtl"]
    elements = {e.name: e for e in cell.elements}
    limiter = elements["BIB1"]
    # Its critical current is the bias, and it is shunted as all junctions are.
    assert limiter.area * process.model.critical_current == pytest.approx(175e-6)
    assert elements["RBIB1"].value == pytest.approx(process.shunt_ohm(175e-6))
    assert elements["LBIB1"].value == pytest.approx(process.shunt_H(175e-6))
    assert (elements["LIB1"].plus, elements["LIB1"].minus) == (BUS, limiter.plus)
    assert limiter.minus == "n"
    # The feeding JTL: a tenth of the load's stages, without limiting junctions of its own.
    feeding = fed.cells["feeding_jtl"]
    assert [j.name for j in feeding.junctions()] == ["B1"]
    assert not feeding.taps
    placed = Counter(x.cell.name for x in fed.top.instances)
    assert placed == {"jtl": 12, "feeding_jtl": 2}
    (source,) = of(fed, BusSource).values()
    assert source.name == "IBUS0"
    assert not source.is_voltage
    assert source.value == pytest.approx(process.network.current * 14 * 175e-6)
    assert of(fed, PulseSource)["VBF0"].times_s == ISLAND.clock_s


def test_without_a_clock_there_is_no_feeding_jtl():
    library = LIBRARIES[ERSFQ]
    fed = with_bias(stages(library), library, [Island("0")])
    assert {x.cell.name for x in fed.top.instances} == {"jtl"}


@pytest.mark.parametrize("kind", BIASES[1:])
def test_islands_have_buses_of_their_own(kind):
    library = LIBRARIES[kind]
    islands = [Island("0", (0.0,)), Island("1", (0.0,)), Island("2", (0.0,))]
    fed = with_bias(stages(library, 5), library, islands, {"X1": 1, "X2": 1, "X3": 1})
    on = [x.nets[-1] for x in fed.top.instances if x.cell.name == "jtl"]
    assert on == ["bus0", "bus1", "bus1", "bus1", "bus0"]
    # Nothing is on the third: it has no supply.
    assert [bus.name for bus in buses_of(fed)] == ["0", "1"]


@pytest.mark.parametrize("kind", BIASES[1:])
@settings(max_examples=8, deadline=None)
@given(
    st.lists(st.sampled_from([-1, 1]), min_size=1, max_size=12),
    st.integers(min_value=-2, max_value=4),
)
def test_a_network_changes_nothing_but_the_bias(kind, signs, theta):
    site = NeuronSite(
        0,
        0,
        tuple(range(len(signs))),
        tuple(signs),
        theta,
        "L0N0",
        tuple(map(str, range(len(signs)))),
    )
    stimulus = np.ones((1, len(signs)), dtype=bool)
    ideal, fed = (neuron_bench(LIBRARIES[k], site, stimulus) for k in ("ideal", kind))
    one, other = ideal.circuit.biased(), fed.circuit.biased()
    assert [b[:3] for b in one] == [b[:3] for b in other]
    assert [b.source.value for b in one] == pytest.approx([b.source.value for b in other])
    totals = [bench.circuit.totals() for bench in (ideal, fed)]
    assert totals[0].bias_A == pytest.approx(totals[1].bias_A)
    assert totals[0].flux_A == pytest.approx(totals[1].flux_A)  # sums in another order
    extra = totals[1].junctions - totals[0].junctions
    feeding = sum(x.cell.name == "feeding_jtl" for x in fed.circuit.top.instances)
    assert extra == (len(one) + feeding if kind == ERSFQ else 0)


def test_what_a_supply_gives():
    library = LIBRARIES[RESISTOR]
    (bus,) = buses_of(with_bias(stages(library), library, [ISLAND]))
    assert bus.probe.column == "P(BBUS0)"
    assert bus.meter == "RBUS0"
    # A charge Q through the meter turns its phase by 2 pi R Q / Phi0, and cost V Q.
    ohm, charge = 2e-6, 3e-15
    turned = TWO_PI * ohm * charge / PHI0
    assert turned * bus.joule_per_rad(2.6e-3, ohm) == pytest.approx(2.6e-3 * charge)
    library = LIBRARIES[ERSFQ]
    (bus,) = buses_of(with_bias(stages(library), library, [ISLAND]))
    assert TWO_PI * bus.joule_per_rad(1e-3, np.nan) == pytest.approx(1e-3 * PHI0)


def lone(source: CurrentSource, *more: object) -> Circuit:
    elements = (Junction("B1", "n", GROUND, 1.0), source, *more)
    builder = CircuitBuilder("top")
    builder.place("X1", Cell("odd", ("n",), elements), "n")
    return builder.circuit()


@pytest.mark.parametrize(
    ("circuit", "message"),
    [
        (
            lone(CurrentSource("IB", "n", GROUND, 1e-4, Role.BIAS)),
            "the bias source IB of cell odd takes current out of a node; a bus can feed only "
            "sources from 0 to a node with a current above 0",
        ),
        (
            lone(CurrentSource("IB", GROUND, "n", -1e-4, Role.BIAS)),
            "the bias source IB of cell odd takes current out of a node; a bus can feed only "
            "sources from 0 to a node with a current above 0",
        ),
        (
            lone(CurrentSource("IB", GROUND, "n", 1e-4, Role.BIAS), Resistor("RIB", "n", "0", 1.0)),
            "cell odd has two elements RIB: a bias network needs this name",
        ),
        (
            lone(
                CurrentSource("IB", GROUND, "n", 1e-4, Role.BIAS), Resistor("R1", "n", "bus", 1.0)
            ),
            "cell odd has a net bus, which a bias network needs",
        ),
    ],
)
def test_what_no_bus_can_feed_is_refused(circuit, message):
    with pytest.raises(DeckError, match=f"^{re.escape(message)}$"):
        with_bias(circuit, LIBRARIES[RESISTOR], [ISLAND])
