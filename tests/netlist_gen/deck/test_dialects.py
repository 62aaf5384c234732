"""What dialects refuse, and what they add to a deck where a simulator would change it."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

import pytest
from cell_benches import cell_bench

from netlist_gen.circuit.elements import GROUND, Coupling, Inductor, Junction, Resistor
from netlist_gen.circuit.model import CircuitBuilder
from netlist_gen.circuit.probe import Analysis, Probe
from netlist_gen.deck import emit as emit_module
from netlist_gen.deck.dialects import DIALECTS, dialect_context
from netlist_gen.deck.emit import dialects, emit
from netlist_gen.errors import ConfigurationError, DeckError
from netlist_gen.library.process import load_process
from verification.simulators.wrspice_rules import check_wrspice_deck

PROCESS = load_process("sfq5ee")


def text_of(circuit, dialect, process=PROCESS, analysis=None, probes=None):
    analysis = analysis or Analysis(1e-10)
    probes = [Probe((), "B1")] if probes is None else probes
    return emit(circuit, process, analysis, probes, name="d", dialect=dialect).text


def one_junction(*others, net="n"):
    builder = CircuitBuilder("top", title="one junction")
    builder.add(Junction("B1", net, GROUND, 1.0))
    for element in others:
        builder.add(element)
    return builder.circuit()


def with_model(**changes):
    return replace(PROCESS, model=replace(PROCESS.model, **changes))


def test_every_dialect_has_a_template_and_rules():
    assert sorted(DIALECTS) == sorted(dialects())


def test_a_dialect_without_rules():
    message = "no rules for the dialect 'spice'; there are josim, ngspice, wrspice"
    with pytest.raises(ConfigurationError, match=f"^{re.escape(message)}$"):
        dialect_context("spice", one_junction(), PROCESS, Analysis(1e-10), ())


@pytest.mark.parametrize(
    ("dialect", "vector"),
    [("josim", "B1.XIN.XOUT"), ("wrspice", "v(ph_b1.XIN.XOUT)"), ("ngspice", "v(XOUT.XIN.ph_b1)")],
)
def test_the_simulators_own_name_of_a_phase(dialect, vector):
    assert DIALECTS[dialect].vector(Probe(("XOUT", "XIN"), "B1")) == vector


@pytest.mark.parametrize("process", ["sfq5ee", "stp2"])
def test_wrspice_takes_the_models_of_all_processes_as_they_are(process):
    text = text_of(one_junction(), "wrspice", load_process(process))
    check_wrspice_deck(text)


@pytest.mark.parametrize(
    "changes", [{"subgap": 70.0}, {"subgap": 1100.0}, {"normal": 4.0}, {"normal": 25.0}]
)
def test_wrspice_is_told_to_keep_what_it_would_reset(changes):
    text = text_of(one_junction(), "wrspice", with_model(**changes))
    assert "force=1)" in text
    check_wrspice_deck(text)
    with pytest.raises(DeckError, match=r"\(force=1 keeps it\)$"):
        check_wrspice_deck(text.replace(", force=1", ""))


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"gap_voltage": 20e-3}, "vg is 0.02 in SI units; WRspice takes 0.0001 to 0.01"),
        ({"critical_current": 0.2}, "icrit is 0.2 in SI units; WRspice takes 1e-09 to 0.1"),
        ({"gap_width": 1e-3}, "delv is 0.001 in SI units; WRspice takes 2.8e-06 to 0.00056"),
        ({"capacitance": 1e-9}, "cap is 1e-09 in SI units; WRspice takes 0 to 1e-10"),
    ],
)
def test_wrspice_would_change_these_whatever_it_is_told(changes, what):
    message = f"process sfq5ee: {what} and would write another value in its place"
    with pytest.raises(ConfigurationError, match=f"^{re.escape(message)}$"):
        text_of(one_junction(), "wrspice", with_model(**changes))


def test_wrspice_would_change_a_subgap_resistance_below_the_normal_one():
    message = (
        "process sfq5ee: the subgap resistance 10 ohm is below the normal resistance 16 ohm; "
        "WRspice would change it"
    )
    with pytest.raises(ConfigurationError, match=f"^{re.escape(message)}$"):
        text_of(one_junction(), "wrspice", with_model(subgap=10.0))


def test_wrspice_gets_room_for_long_runs_alone():
    """8 bytes for each vector, time included, and each of the points; the default is 256 MB."""
    probes = [Probe((), "B1")]
    short, long = (
        text_of(one_junction(), "wrspice", analysis=Analysis(stop), probes=probes)
        for stop in (1e-9, 5e-6)
    )
    assert "maxdata" not in short
    (room,) = re.findall(r"(?m)^\.options maxdata=(\d+)$", long)
    needed_kB = 8e-3 * 2 * 5e-6 / 0.5e-12
    assert needed_kB < int(room) < 3 * needed_kB


@pytest.mark.parametrize("dialect", ["wrspice", "ngspice"])
def test_a_net_named_like_a_phase_node(dialect):
    circuit = one_junction(Resistor("R1", "PH_B1", GROUND, 1.0))
    message = (
        "cell top has a net ph_b1, which is the phase node of its junction B1 in "
        f"{dialect} decks; name it otherwise"
    )
    with pytest.raises(DeckError, match=f"^{re.escape(message)}$"):
        text_of(circuit, dialect)
    text_of(circuit, "josim")


def test_an_instance_named_like_ngspices_junction():
    jtl = cell_bench("jtl").library.cell("jtl")
    builder = CircuitBuilder("top", title="clash")
    builder.add(Junction("B1", "a", GROUND, 1.0))
    builder.place("Xb1", jtl, "a", "b")
    message = (
        "cell top has an instance XB1, which stands for its junction B1 in ngspice decks; name "
        "it otherwise"
    )
    with pytest.raises(DeckError, match=f"^{re.escape(message)}$"):
        text_of(builder.circuit(), "ngspice")
    text_of(builder.circuit(), "wrspice")


@dataclass(frozen=True)
class Memristor:
    """An element that no template has a line for."""

    name: str
    plus: str
    minus: str
    value: float


@pytest.mark.parametrize("dialect", ["josim", "wrspice", "ngspice"])
def test_an_element_that_a_template_does_not_know_is_an_error(dialect):
    """In the top cell and inside another: never an empty line in its place."""
    inner = CircuitBuilder("inner", ("a",))
    inner.add(Junction("B1", "a", GROUND, 1.0))
    inner.add(Memristor("M1", "a", GROUND, 1.0))
    outer = CircuitBuilder("top", title="one")
    outer.add(Junction("B1", "a", GROUND, 1.0))
    outer.place("X1", inner.cell(), "a")
    message = (
        f"element M1: templates/{dialect} has no line for a Memristor; its macro element must "
        "have one for each kind"
    )
    for circuit in (one_junction(Memristor("M1", "n", GROUND, 1.0)), outer.circuit()):
        with pytest.raises(DeckError, match=f"^{re.escape(message)}$"):
            text_of(circuit, dialect)


def test_a_template_names_its_own_dialect_whichever_was_asked_for_last():
    """All templates share one environment: threads may write two dialects at a time."""
    written = emit_module._template("josim", "element.j2")
    emit_module._template("ngspice", "deck.cir.j2")
    element = written.make_module({"dialect": "josim"}).element
    message = (
        "element M1: templates/josim has no line for a Memristor; its macro element must have one "
        "for each kind"
    )
    with pytest.raises(DeckError, match=f"^{message}$"):
        element("Memristor", Memristor("M1", "n", GROUND, 1.0))


def test_ngspice_junctions_have_no_gap():
    message = (
        "process sfq5ee: pulses reach about 2 IcRs = 2.8 mV, the gap begins at 2.75 mV; junctions "
        "in ngspice decks have no gap, so 2 IcRs must stay below it"
    )
    with pytest.raises(ConfigurationError, match=f"^{re.escape(message)}$"):
        text_of(one_junction(), "ngspice", replace(PROCESS, ic_rs=1.4e-3))


def test_ngspice_is_told_of_every_pair_that_is_not_coupled():
    """Coils A-B and B-C are coupled: A-C is in their system without a coupling; D-E is another."""
    coils = [Inductor(f"L{name}", name, GROUND, 1e-12) for name in "ABCDE"]
    couplings = [
        Coupling("K1", "LA", "LB", 0.3), Coupling("K2", "LC", "LB", 0.3),
        Coupling("K3", "LD", "LE", 0.3),
    ]  # fmt: skip
    lines = text_of(one_junction(*coils, *couplings), "ngspice").splitlines()
    assert [line for line in lines if line.startswith("KNONE")] == ["KNONE1 LA LC 0"]
    assert "KNONE" not in text_of(one_junction(*coils, couplings[0]), "ngspice")
