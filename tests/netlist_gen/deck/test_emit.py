from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import neuron_site

from netlist_gen.circuit.bench import neuron_bench
from netlist_gen.circuit.elements import GROUND, PulseSource
from netlist_gen.circuit.model import CircuitBuilder
from netlist_gen.circuit.probe import Analysis, Probe
from netlist_gen.constants import PHI0
from netlist_gen.deck.decks import neuron_deck
from netlist_gen.deck.emit import dialects, emit, format_number
from netlist_gen.errors import ConfigurationError
from netlist_gen.library.cells import CellLibrary


def small(times=(60e-12,)):
    library = CellLibrary()
    builder = CircuitBuilder("top", title="a JTL")
    builder.add(PulseSource("VA", "s", GROUND, times))
    builder.place("X1", library.cell("jtl"), "s", "q")
    return library, builder.circuit()


def text_of(times=(60e-12,), **options):
    library, circuit = small(times)
    probes = [Probe(("X1",), "B1")]
    return emit(circuit, library.process, Analysis(1e-10), probes, name="d", **options).text


def test_a_whole_deck():
    assert text_of(notes=("a note",)) == (
        "* d: a JTL\n"
        "* a note\n"
        ".model jjmit jj(rtype=1, vg=0.0028, delv=0.0001, icrit=0.0001, r0=160, rn=16, cap=7e-14)\n"
        "\n"
        "* Josephson transmission line, one stage\n"
        ".subckt jtl a q\n"
        "LA a n 2.0678e-12\n"
        "B1 n b1_g jjmit area=2.5\n"
        "LGB1 b1_g 0 4.2e-13\n"
        "RB1 n b1_s 2.7436\n"
        "LB1 b1_s 0 2.050134e-12\n"
        "IB1 0 n pwl(0 0 1e-11 0.000175)\n"
        "LQ n q 2.0678e-12\n"
        ".ends\n"
        "\n"
        "* a JTL\n"
        "VA s 0 pwl(0 0\n"
        "+ 5.8e-11 0 6e-11 0.001033916916 6.2e-11 0)\n"
        "X1 s q jtl\n"
        "\n"
        ".tran 5e-14 1e-10 0 5e-13\n"
        ".print phase B1.X1\n"
        ".end\n"
    )


def test_a_source_without_pulses_is_still_whole():
    assert "VA s 0 pwl(0 0)\n" in text_of(times=())


def test_a_pulse_has_the_area_of_one_flux_quantum():
    words = text_of().split("pwl(0 0\n+")[1].split(")")[0].split()
    times, volts = np.array(words[0::2], float), np.array(words[1::2], float)
    assert np.trapezoid(volts, times) == pytest.approx(PHI0, rel=1e-9, abs=0)


def test_names_of_probes_are_inside_out():
    probe = Probe(("XA", "xb"), "B1")
    assert probe.column == "P(B1|XB|XA)"
    library, circuit = small()
    text = emit(circuit, library.process, Analysis(1e-10), [probe], name="d").text
    assert ".print phase B1.xb.XA\n" in text


def test_unknown_dialect():
    assert "josim" in dialects()
    with pytest.raises(
        ConfigurationError, match=rf"^no dialect 'spice'; there are {', '.join(dialects())}$"
    ):
        text_of(dialect="spice")


@given(st.floats(-1e300, 1e300))
def test_numbers_are_plain(value):
    text = format_number(value)
    assert set(text) <= set("0123456789+-.e")
    assert float(text) == pytest.approx(value, rel=1e-9, abs=0)


@settings(deadline=None, max_examples=15)
@given(
    st.lists(st.sampled_from([-1, 1]), min_size=1, max_size=9),
    st.integers(-3, 4),
    st.integers(0, 2**31),
)
def test_the_same_circuit_gives_the_same_bytes(signs, theta, seed):
    stimulus = np.random.default_rng(seed).random((3, len(signs))) < 0.5

    def deck():
        library = CellLibrary()
        bench = neuron_bench(library, neuron_site(signs, theta), stimulus)
        return neuron_deck(library, bench, "L0N0", 0).text

    assert deck().encode() == deck().encode()
