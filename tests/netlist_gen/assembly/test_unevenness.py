"""How unevenly fluxons lie in loops, and what that does to a decision's delay."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from support import neuron_site, site_spikes

from netlist_gen.assembly.decisions import LEAST_PAST
from netlist_gen.assembly.delays import measured_delays
from netlist_gen.assembly.stages import Stage
from netlist_gen.assembly.unevenness import NeuronInfluence, table_unevenness, unevenness
from netlist_gen.circuit.bench import neuron_bench
from netlist_gen.circuit.loops import neuron_deal
from netlist_gen.deck.decks import neuron_deck
from netlist_gen.library.cells import CellLibrary
from verification.engine.run import compile_deck
from verification.reference.timed import bench_times
from verification.waves.readings import WaveformReadings

SIGNS = (1, 1, 1, 1, 1, -1, -1, -1, 1)


def test_unevenness_is_spread_and_skew_of_the_loops_fluxons():
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
    assert found[:3].tolist() == [[0.0, 0.0], [0.0, 0.0], [2.0, 0.0]]
    sums = [sum(SIGNS[k] for k in loop) for loop in loops]
    assert found[3, 0] == pytest.approx(sum(m * m for m in sums) - sum(sums) ** 2 / 8)
    assert found[3, 1] == pytest.approx(sum((m - sum(sums) / 8) ** 3 for m in sums))


def test_windows_of_the_tables():
    """The first excitatory lines, which are dealt to loops of their own."""
    spread, skew = table_unevenness(16, [0, 1, 6]).T
    assert spread == pytest.approx([0.0, 1 - 1 / 8, 6 - 36 / 8])
    assert skew == pytest.approx([0.0, (7 / 8) ** 3 - 7 / 8**3, 6 / 4**3 - 2 * (3 / 4) ** 3])


def test_what_patterns_change_in_a_decision():
    plain = measured_delays(CellLibrary().process)
    counts = np.array([3, 4, 5])

    def told(influence: NeuronInfluence, uneven: np.ndarray) -> np.ndarray:
        delays = plain.with_influence({}, lambda _: influence)
        return delays.decisions.delay(SIGNS, 3, counts, uneven=uneven)

    def unlike(spread: float, skew: float) -> np.ndarray:
        return np.tile([spread, skew], (counts.size, 1))

    even = unlike(0.0, 0.0)
    skewed = NeuronInfluence({}, shift=(0.25, -0.5))
    assert skewed.pulses(np.array([[2.0, 0.0], [0.0, 1.0]])).tolist() == [0.5, -0.5]
    # Two units of skew are a pulse less, those of spread are told beside.
    one_less = told(skewed, unlike(0.0, 2.0))[1:]
    assert one_less == pytest.approx(told(skewed, even)[:-1], abs=1e-18)
    assert told(skewed, unlike(4.0, 0.0))[:-1] == pytest.approx(told(skewed, even)[1:], abs=1e-18)
    faster = NeuronInfluence({}, faster_s=1e-13)
    at = [told(faster, unlike(more, 0.0)) for more in (0.0, 1.0)]
    assert at[0] - at[1] == pytest.approx(1e-13)
    # Of windows as even as the table's nothing changes; none is told nearer than LEAST_PAST.
    assert (plain.decisions.delay(SIGNS, 3, counts) == told(NeuronInfluence(), even)).all()
    assert told(skewed, unlike(0.0, 9.0))[0] == pytest.approx(
        told(skewed, unlike(0.0, 2 * (0.5 - LEAST_PAST)))[0]
    )
    behind = NeuronInfluence({Stage("neuron", "jtl", "jtl"): 3e-13})
    moved = plain.with_influence({}, lambda _: behind).decisions.delay(SIGNS, 3, counts)
    assert moved - plain.decisions.delay(SIGNS, 3, counts) == pytest.approx(3e-13)


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
    assert unevenness(SIGNS, windows)[:, 0].tolist() == pytest.approx([1.875, 3.875, 5.875])
    delays = times - bench.view.decisions_s()
    assert delays[0] - delays[2] > 0.6e-12
    assert np.abs(times - expected).max() < 0.25e-12


def test_a_loop_that_strays_down_comes_sooner_than_one_that_strays_up():
    """The same count and spread: one loop two fluxons below the others, or above them."""
    library, signs = CellLibrary(), (1, 1, 1, 1, 1, -1, -1, 1)
    site = neuron_site(signs, 2)
    loops = [[signs[k] for k in loop] for loop in neuron_deal(signs)]
    patterns = [(1, 1, 1, -1), (2, 0, 0, 0)]
    windows = np.array([pattern_of(signs, loads) for loads in patterns])
    assert len(loops) == 4
    spread, skew = unevenness(signs, windows).T
    assert spread.tolist() == [3.0, 3.0]
    assert skew.tolist() == [-3.0, 3.0]
    bench = neuron_bench(library, site, windows)
    waves = compile_deck(neuron_deck(library, bench, "skew", 0).text).run().waveforms
    times = WaveformReadings(waves).train(bench.view.output.column).times_s
    expected = bench_times(bench.view, site_spikes(site, windows), library.process)
    delays = times - bench.view.decisions_s()
    assert delays[1] - delays[0] > 1e-12
    assert np.abs(times - expected).max() < 0.5e-12


def pattern_of(signs: tuple[int, ...], loads: tuple[int, ...]) -> np.ndarray:
    """A window in which loops, in some order, hold these fluxons."""
    loops = neuron_deal(signs)
    for order in itertools.permutations(loads):
        window = np.zeros(len(signs), dtype=bool)
        for loop, load in zip(loops, order, strict=True):
            of_sign = [k for k in loop if signs[k] * load > 0]
            window[of_sign[: abs(load)]] = True
        fluxons = [sum(signs[k] for k in loop if window[k]) for loop in loops]
        if fluxons == list(order):
            return window
    raise AssertionError(f"no window of {signs} has {loads}")
