"""The conventions, pinned: phase sign, pulse polarity, weight sign, time origin, bit order.

Whoever changes one of them on purpose changes it here; whoever does by accident learns it here.
"""

from __future__ import annotations

import re

import numpy as np
import pytest
from deck_text import scopes
from support import neuron_site, site_spikes

from netlist_gen.circuit.bench import neuron_bench
from netlist_gen.circuit.elements import GROUND, PULSE_HALF_S, PulseSource, Resistor
from netlist_gen.circuit.model import CircuitBuilder
from netlist_gen.circuit.neuron import neuron_cell
from netlist_gen.circuit.probe import Analysis, Probe
from netlist_gen.circuit.sites import neuron_sites
from netlist_gen.circuit.view import START_S
from netlist_gen.constants import PHI0
from netlist_gen.deck.decks import neuron_deck
from netlist_gen.deck.emit import emit
from netlist_gen.library.cells import CellLibrary
from netlist_gen.network import TernaryNetwork
from verification.engine.equations.constants import NAMED
from verification.simulators.base import DeckJob
from verification.verdict.neuron import compare
from verification.waves.pulses import detect_phase


def jtl_deck(times_s):
    library = CellLibrary()
    builder = CircuitBuilder("top")
    builder.add(PulseSource("VA", "s", GROUND, times_s))
    builder.place("X1", library.cell("jtl"), "s", "q")
    builder.add(Resistor("RL", "q", GROUND, 2.7436))
    return emit(
        builder.circuit(), library.process, Analysis(200e-12), [Probe(("X1",), "B1")], name="d"
    )


def test_a_positive_pulse_advances_a_phase_by_plus_two_pi_where_it_stands(simulator):
    """Phase sign, pulse polarity and time origin at once."""
    deck = jtl_deck((60e-12, 120e-12))
    # The embedded engine may have to be compiled first: that takes a minute.
    waves = simulator.run(DeckJob("d", deck.text), timeout_s=600.0).require()
    assert waves.names == ("P(B1|X1)",)
    assert waves.time_s[0] == pytest.approx(0.0, abs=0.5e-12)
    phase = waves.signal("P(B1|X1)")
    resting = np.interp([50e-12, 90e-12, 190e-12], waves.time_s, phase)
    assert np.diff(resting) == pytest.approx([2 * np.pi, 2 * np.pi], abs=0.01)
    assert 0 < resting[0] < np.pi / 2  # the bias (0.7 Ic) leans the phase forward
    train = detect_phase(waves.time_s, phase)
    assert train.signs.tolist() == [1, 1]
    # The junction answers the pulse within a few ps of the time the source names.
    assert train.times_s == pytest.approx([60e-12, 120e-12], abs=5e-12)


def test_one_flux_quantum_everywhere():
    assert NAMED["PHI_ZERO"] == PHI0
    exact = 6.62607015e-34 / (2 * 1.602176634e-19)  # h / 2e of the SI
    assert pytest.approx(exact, rel=1e-8, abs=0) == PHI0
    # A pulse source is a triangle: half its base times its height.
    peak = re.search(r" 6e-11 (\S+) ", jtl_deck((60e-12,)).text)
    assert peak is not None
    assert float(peak[1]) * PULSE_HALF_S == pytest.approx(PHI0, rel=1e-9, abs=0)


def test_the_sign_of_a_weight_is_the_sign_of_the_coupling_at_the_bottom():
    library = CellLibrary()
    bench = neuron_bench(library, neuron_site([1, -1], 1), np.ones((1, 2), dtype=bool))
    cells = scopes(neuron_deck(library, bench, "L0N0", 0).text)
    couplings = {
        cell: {w[0]: (w[1], w[2], float(w[3])) for w in words if w[0][0] == "K"}
        for cell, words in cells.items()
    }
    excitatory, inhibitory = couplings["branch_L0N0_exc"], couplings["branch_L0N0_inh"]
    for branch in (excitatory, inhibitory):
        assert branch["KB"][:2] == ("LST", "LBP")
        assert branch["KT"][:2] == ("LST", "LTP")
        assert branch["KB"][2] == -branch["KT"][2]
    assert excitatory["KB"][2] > 0 > inhibitory["KB"][2]
    assert excitatory["KB"][2] == -inhibitory["KB"][2]
    # Each control line acts on all loops of its SQUID alike.
    decision = couplings["decision_4"]
    assert {k for _, _, k in decision.values()} == {decision["KCB_0"][2]}
    assert decision["KCB_0"][2] > 0
    assert decision["KCT_3"][:2] == ("LCT_3", "LT_3")


def test_a_higher_theta_needs_less_threshold_current():
    currents = []
    for theta in (0, 1, 2):
        cell = neuron_cell(CellLibrary(), "L0N0", [1, 1], theta)
        currents += [e.value for e in cell.elements if e.name == "ICB"]
    assert currents[0] > currents[1] > currents[2]


def test_a_neuron_fires_at_its_threshold_and_a_pulse_belongs_to_the_window_of_its_clock(simulator):
    """n >= theta, on an excitatory and an inhibitory line; windows are counted by their data."""
    library = CellLibrary()
    stimulus = np.array([[1, 1], [1, 0], [0, 1], [0, 0]], dtype=bool)
    bench = neuron_bench(library, neuron_site([1, -1], 1), stimulus)
    deck = neuron_deck(library, bench, "L0N0", 0)
    waves = simulator.run(DeckJob("L0N0", deck.text), timeout_s=600.0).require()
    expected = site_spikes(bench.view.site, stimulus)
    assert expected.count.tolist() == [0, 1, -1, 0]
    assert expected.fires.tolist() == [False, True, False, False]
    verdict = compare(bench.view, expected, waves)
    assert verdict.pulses.tolist() == [0, 1, 0, 0]
    (time,) = detect_phase(waves.time_s, waves.signal("P(B1|XO)")).times_s
    begin = START_S + 112e-12 + 45e-12  # second window, its decision clock
    assert begin < time < begin + 67e-12
    assert verdict.delays_s[1] == pytest.approx(time - begin, rel=1e-9, abs=0)


def test_column_i_is_input_line_i_and_row_j_is_neuron_j():
    weights = np.array([[0, 1, 0], [-1, 0, 1]])
    network = TernaryNetwork.from_arrays([weights], [np.array([1, 0])], population=1)
    sites = neuron_sites(network)
    assert [(s.neuron, s.inputs, s.signs) for s in sites] == [
        (0, (1,), (1,)),
        (1, (0, 2), (-1, 1)),
    ]
    assert network.forward([[0, 1, 0], [1, 0, 0], [1, 0, 1]])[0].tolist() == [
        [True, True],
        [False, False],
        [False, True],
    ]


def test_output_j_votes_for_class_j_over_population_and_ties_go_to_the_lowest():
    network = TernaryNetwork.from_arrays([np.eye(4, dtype=int)], [np.ones(4, dtype=int)], 2)
    assert network.classes == 2
    assert network.predict([[1, 0, 0, 0], [0, 0, 0, 1], [0, 1, 1, 1], [1, 0, 1, 0]]).tolist() == [
        0, 1, 1, 0,
    ]  # fmt: skip


def test_steps_of_a_sample_are_windows_in_order():
    from netlist_gen.network import TernaryNetwork
    from netlist_gen.spikes import windows_of

    x = np.arange(2 * 3 * 4).reshape(2, 3, 4)
    network = TernaryNetwork.from_arrays([np.eye(x.shape[-1])], [np.ones(x.shape[-1])])
    windows, steps = windows_of(network, x)
    assert steps == 3
    assert (windows[1 * 3 + 2] == x[1, 2]).all()


def test_names_run_from_the_junction_outwards():
    assert Probe(("XL0N07", "XS012"), "BA").column == "P(BA|XS012|XL0N07)"
