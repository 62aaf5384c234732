"""A deck of each dialect, read back, is the circuit that it was made from: nodes and values."""

from __future__ import annotations

import re
import shutil
import string

import numpy as np
import pytest
from cell_benches import EVENTS, cell_bench
from hypothesis import given, settings
from hypothesis import strategies as st
from read_back import (
    assert_same,
    of_circuit,
    of_josim,
    of_ngspice,
    of_ngspice_listing,
    of_wrspice,
)
from support import neuron_site, tiny_network

from netlist_gen.assembly.network_circuit import network_bench
from netlist_gen.circuit.bench import neuron_bench
from netlist_gen.circuit.elements import (
    Coupling,
    CurrentSource,
    Inductor,
    Junction,
    PulseSource,
    Resistor,
    Role,
)
from netlist_gen.circuit.model import CircuitBuilder
from netlist_gen.circuit.probe import Analysis, Probe
from netlist_gen.deck.emit import emit
from netlist_gen.library.cells import CellLibrary
from netlist_gen.library.process import load_process
from verification.simulators.process import Limits, run_process
from verification.simulators.saved_signals import read_saved
from verification.waves.josim_controls import read_controls

PROCESS = load_process("sfq5ee")
NO_NGSPICE = pytest.mark.skipif(shutil.which("ngspice") is None, reason="ngspice is not on PATH")

READERS = {  # by dialect
    "josim": of_josim,
    "wrspice": of_wrspice,
    "ngspice": lambda text: of_ngspice(text, PROCESS.model),
}


def all_junctions(circuit):
    return [
        Probe(placed.path, junction.name)
        for placed in circuit.walk()
        for junction in placed.cell.junctions()
    ]


def check(circuit, analysis=None, probes=None, dialects=tuple(READERS)):
    """Elements, nodes and values, the times, and the signals asked for."""
    analysis = analysis or Analysis(stop_s=1e-10)
    probes = all_junctions(circuit) if probes is None else probes
    expected = of_circuit(circuit, analysis)
    for dialect in dialects:
        text = emit(circuit, PROCESS, analysis, probes, name="d", dialect=dialect).text
        assert_same(READERS[dialect](text), expected)
        asked = read_controls(text) if dialect == "josim" else read_saved(text)
        assert asked.columns == tuple(probe.column for probe in probes)
        if dialect == "josim":
            times = (asked.transient.stop_s, asked.transient.print_step_s)
        else:
            times = (asked.stop_s, asked.step_s)
        assert times == pytest.approx((analysis.stop_s, analysis.print_step_s), rel=1e-9, abs=0)


@pytest.mark.parametrize("name", EVENTS)
def test_cells(name):
    check(cell_bench(name).circuit)


@settings(deadline=None, max_examples=12)
@given(
    st.lists(st.sampled_from([-1, 1]), min_size=1, max_size=12),
    st.integers(-3, 4),
    st.integers(1, 4),
    st.integers(0, 2**31),
    st.booleans(),
)
def test_neurons(signs, theta, windows, seed, crosstalk):
    stimulus = np.random.default_rng(seed).random((windows, len(signs))) < 0.5
    library = CellLibrary(crosstalk=crosstalk)
    bench = neuron_bench(library, neuron_site(signs, theta), stimulus)
    check(bench.circuit, bench.analysis(), bench.probes())


@pytest.mark.parametrize("startup", [0, 2])
def test_a_whole_network(startup):
    inputs = np.array([[1, 0, 1], [0, 1, 1], [1, 1, 1]], dtype=bool)
    whole = network_bench(tiny_network(), CellLibrary(), inputs, startup=startup)
    check(whole.circuit, whole.analysis(), whole.probes())


# Names without "GND", which JoSIM takes for ground.
NAMES = st.text(string.ascii_letters + string.digits + "_", min_size=1, max_size=4)
VALUES = st.floats(1e-18, 1e6, allow_subnormal=False)
NETS = st.sampled_from(["0", "a", "b", "n1", "N2", "x_y"])


@st.composite
def cells(draw, name, inner):
    """A cell of random elements between random nets, with uses of the cells in ``inner``."""
    builder = CircuitBuilder(name, ("a", "b"), title=f"cell {name}")
    taken: set[str] = set()

    def fresh(letter):
        candidate = letter + draw(NAMES.filter(lambda name: "GND" not in name.upper()))
        while candidate.upper() in taken:
            candidate += "_"
        # In ngspice XB1 stands for junction B1: instances keep clear of that.
        taken.add(candidate.upper())
        return candidate

    def pair():
        return draw(st.tuples(NETS, NETS).filter(lambda nets: nets[0] != nets[1]))

    coils = [fresh("L") for _ in range(draw(st.integers(0, 4)))]
    for coil in coils:
        builder.add(Inductor(coil, *pair(), draw(VALUES)))
    for _ in range(draw(st.integers(1, 3))):
        builder.add(Junction(fresh("B"), *pair(), draw(st.floats(0.01, 99))))
    for _ in range(draw(st.integers(0, 2))):
        builder.add(Resistor(fresh("R"), *pair(), draw(VALUES)))
    for _ in range(draw(st.integers(0, 2))):
        amplitude = draw(st.floats(-1, 1).filter(lambda x: abs(x) > 1e-15))
        builder.add(CurrentSource(fresh("I"), *pair(), amplitude, draw(st.sampled_from(Role))))
    gaps = draw(st.lists(st.floats(5e-12, 1e-9), max_size=4))
    builder.add(PulseSource(fresh("V"), *pair(), tuple(np.cumsum(gaps).tolist())))
    couples = [(x, y) for i, x in enumerate(coils) for y in coils[i + 1 :]]
    for x, y in draw(st.lists(st.sampled_from(couples), unique=True)) if couples else []:
        k = draw(st.floats(0.001, 0.99)) * draw(st.sampled_from([-1, 1]))
        builder.add(Coupling(fresh("K"), x, y, k))
    for cell in inner:
        for _ in range(draw(st.integers(0, 2))):
            builder.place(f"XI{len(taken)}_{fresh('Q')}", cell, *pair())
    return builder


@st.composite
def circuits(draw):
    leaf = draw(cells("leaf", [])).cell()
    middle = draw(cells("mid", [leaf])).cell()
    return draw(cells("top", [leaf, middle])).circuit()


@settings(deadline=None, max_examples=60)
@given(circuits())
def test_random_circuits(circuit):
    check(circuit)


def listing(text, tmp_path):
    """ngspice's own list of what it read."""
    ask = ".control\nlisting e\nquit\n.endc\n.end\n"
    (tmp_path / "deck.cir").write_text(re.sub(r"\.end\n\Z", ask, text))
    finished = run_process(
        ["ngspice", "-n", "-b", "deck.cir"], directory=tmp_path, limits=Limits(30.0)
    )
    assert finished.returncode == 0
    return finished.stdout.read_text()


@pytest.mark.ngspice
@NO_NGSPICE
@pytest.mark.parametrize("what", ["branch", "decision", "neuron"])
def test_ngspice_itself_lists_the_circuit(what, tmp_path):
    if what == "neuron":
        stimulus = np.array([[1, 0, 1], [0, 1, 0]], dtype=bool)
        bench = neuron_bench(CellLibrary(), neuron_site([1, -1, 1], 1), stimulus)
        circuit, analysis = bench.circuit, bench.analysis()
    else:
        circuit, analysis = cell_bench(what).circuit, Analysis(1e-10)
    text = emit(
        circuit, PROCESS, analysis, all_junctions(circuit), name="d", dialect="ngspice"
    ).text
    understood = of_ngspice_listing(listing(text, tmp_path), PROCESS.model)
    expected = of_circuit(circuit, analysis)
    silent = {name for name, part in expected.items() if part.values == (0.0, 0.0)}
    assert not silent  # ngspice shows "0" for a source without pulses; none here
    assert_same(understood, expected)


@pytest.mark.parametrize(
    ("line", "new"),
    [
        (r"LST p s (\S+)", r"LST p s \g<1>1"),
        (r"LST p s (\S+)", r"LST s p \1"),
        (r"LST p s (\S+)\n", ""),
        (r"KB LST LBP (\S+)", r"KB LST LTP \1"),
        (r"BA p ba_g (.*)area=(\S+)", r"BA p ba_g \1area=\g<2>1"),
    ],
)
@pytest.mark.parametrize("dialect", ["josim", "wrspice"])
def test_a_changed_value_node_or_element_is_noticed(dialect, line, new):
    circuit = cell_bench("branch").circuit
    analysis, probes = Analysis(1e-10), all_junctions(circuit)
    text = emit(circuit, PROCESS, analysis, probes, name="d", dialect=dialect).text
    changed, count = re.subn(rf"(?m)^{line}", new, text)
    assert count == 1
    with pytest.raises(AssertionError):
        assert_same(READERS[dialect](changed), of_circuit(circuit, analysis))
