"""How unevenly fluxons lie in loops, and what that does to a decision's delay."""

from __future__ import annotations

import numpy as np
import pytest
from support import neuron_site, site_spikes

from netlist_gen.assembly.delays import measured_delays
from netlist_gen.assembly.plan import Stage
from netlist_gen.assembly.unevenness import NeuronInfluence, table_unevenness, unevenness
from netlist_gen.circuit.bench import neuron_bench
from netlist_gen.circuit.loops import neuron_deal
from netlist_gen.deck.decks import neuron_deck
from netlist_gen.library.cells import CellLibrary
from verification.engine.run import compile_deck
from verification.reference.timed import bench_times
from verification.waves.readings import WaveformReadings

SIGNS = (1, 1, 1, 1, 1, -1, -1, -1, 1)


def test_unevenness_is_the_variance_of_the_loops_fluxons():
    loops = neuron_deal(SIGNS)
    shared = next(loop for loop in loops if len({SIGNS[k] for k in loop}) == 2)
    lone = next(k for k, sign in enumerate(SIGNS) if sign < 0 and k not in shared)
    plus = next(k for k in shared if SIGNS[k] > 0)
    pulsed = np.zeros((4, len(SIGNS)), dtype=bool)
    pulsed[1, list(shared)] = True  # one of each sign in a loop: as if there were none
    pulsed[2, [plus, lone]] = True  # in two loops
    pulsed[3] = True
    found = unevenness(SIGNS, pulsed)
    assert len(loops) == 8
    assert found[:3].tolist() == [0.0, 0.0, 2.0]
    sums = [sum(SIGNS[k] for k in loop) for loop in loops]
    assert found[3] == pytest.approx(sum(m * m for m in sums) - sum(sums) ** 2 / 8)


def test_windows_of_the_tables():
    """The first excitatory lines, which are dealt to loops of their own."""
    assert table_unevenness(16, [0, 1, 6]) == pytest.approx([0.0, 1 - 1 / 8, 6 - 36 / 8])


def test_a_decision_comes_sooner_for_each_unit():
    known = NeuronInfluence({}, constant_s=1e-13, at_edge_s=2e-13)
    found = known.sooner_s(np.array([0.0, 1.0, 2.0]), np.array([0.5, 0.5, 1.0]))
    assert found == pytest.approx([0.0, 5e-13, 6e-13])
    plain = measured_delays(CellLibrary().process)
    delays = plain.with_influence({}, lambda _: known)
    counts, uneven = np.array([3, 4]), np.array([4.0, 0.0])
    at = [delays.decide(SIGNS, 3, counts, uneven=uneven + more) for more in (0.0, 1.0)]
    past = np.array([0.5, 1.5])
    assert at[0] - at[1] == pytest.approx(1e-13 + 2e-13 / past, rel=0.2)
    assert (plain.decide(SIGNS, 3, counts) == delays.decide(SIGNS, 3, counts)).all()
    behind = NeuronInfluence({Stage("neuron", "jtl", "jtl"): 3e-13})
    moved = plain.with_influence({}, lambda _: behind).decide(SIGNS, 3, counts)
    assert moved - plain.decide(SIGNS, 3, counts) == pytest.approx(3e-13)


def test_patterns_of_a_threshold_come_when_the_reference_says():
    """Three pulses, or as many more as there are of the other sign, in loops of their own."""
    library, site = CellLibrary(), neuron_site(SIGNS, 3)
    windows = np.zeros((3, len(SIGNS)), dtype=bool)
    windows[0, :3] = True
    windows[1, [0, 1, 2, 3, 5]] = True
    windows[2, [0, 1, 2, 3, 4, 5, 6]] = True
    bench = neuron_bench(library, site, windows)
    waves = compile_deck(neuron_deck(library, bench, "patterns", 0).text).run().waveforms
    times = WaveformReadings(waves).train(bench.view.output.column).times_s
    expected = bench_times(bench.view, site_spikes(site, windows), library.process)
    # Told as if all lay as in the table the last one comes 1.2 ps sooner than expected.
    assert unevenness(SIGNS, windows).tolist() == pytest.approx([1.875, 3.875, 5.875])
    delays = times - bench.view.decisions_s()
    assert delays[0] - delays[2] > 0.6e-12
    assert np.abs(times - expected).max() < 0.5e-12
