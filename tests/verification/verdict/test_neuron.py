"""Comparison on ideal waveforms in which one thing is wrong: that window, in these words."""

from __future__ import annotations

import dataclasses
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ideal_waves import OUTPUT_DELAY_S, IdealWaves
from support import measured_energy, neuron_site, site_spikes

from netlist_gen.circuit.bench import neuron_bench
from netlist_gen.circuit.view import START_S
from netlist_gen.errors import WaveformError
from netlist_gen.library.cells import CellLibrary
from netlist_gen.library.design import load_phases
from verification.reference.event_energy import EventEnergy, bench_energies
from verification.verdict.energy import BiasSources, judge_energy, measured_energies
from verification.verdict.neuron import Disagreement, NeuronVerdict, compare
from verification.waves.readings import WaveformReadings
from verification.waves.waveforms import Waveforms

STIMULUS = np.array([[1, 1, 0], [1, 0, 1], [0, 0, 0], [1, 1, 1]], dtype=bool)
SIGNS, THETA = (1, -1, 1), 1  # n is 0, 2, 0, 1: windows 1 and 3 fire
OUT, SET, CLEAR = "P(B1|XO)", "P(BA|XS1|XL0N0)", "P(BB|XS1|XL0N0)"

PHASES = load_phases()
ON_CLOCK = (
    f"the pulse {PHASES.earliest * 1e12:.3g} to {PHASES.latest * 1e12:.3g} ps after the "
    "decision clock"
)
FIRST_PS = (START_S + PHASES.decision) * 1e12


def ideal(stimulus=STIMULUS, signs=SIGNS, theta=THETA) -> IdealWaves:
    library, site = CellLibrary(), neuron_site(signs, theta)
    spikes = site_spikes(site, stimulus)
    return IdealWaves(neuron_bench(library, site, stimulus), spikes, library)


def verdict_of(ideal: IdealWaves) -> NeuronVerdict:
    return compare(ideal.view, ideal.spikes, ideal.waveforms())


def test_what_the_reference_says_agrees():
    verdict = verdict_of(ideal())
    assert verdict.windows == 4
    assert verdict.mismatches == 0
    assert verdict.first is None
    assert verdict.pulses.tolist() == [0, 1, 0, 1]
    assert np.isnan(verdict.delays_s[[0, 2]]).all()
    assert verdict.delays_s[[1, 3]] == pytest.approx(OUTPUT_DELAY_S, abs=0.05e-12)


def drop(column, window):
    return lambda waves: waves.drop(column, window)


def add(column, window, after_decision_ps, sign=1):
    def change(waves):
        waves.add(column, waves.view.decisions_s()[window] + after_decision_ps * 1e-12, sign)

    return change


def late(waves):
    waves.drop(OUT, 1)
    add(OUT, 1, waves.view.phases.latest * 1e12 + 2.0)(waves)


def soon(waves):
    waves.drop(OUT, 1)
    add(OUT, 1, waves.view.phases.earliest * 1e12 - 2.0)(waves)


def leaning(waves):
    """A junction of the decision drifts by a quarter of a turn and stays there."""
    row = waves.waveforms()
    at = row.names.index("P(BT1|XD|XL0N0)")
    values = row.values.copy()
    values[at] += np.where(row.time_s > waves.view.boundaries_s()[2] + 30e-12, np.pi / 2, 0.0)
    waves.waveforms = lambda: Waveforms(row.time_s, row.names, values)


@pytest.mark.parametrize(
    ("change", "windows", "expected", "measured"),
    [
        (drop(OUT, 1), [1], "1 pulse (n = 2, theta = 1)", "0 pulses"),
        (add(OUT, 2, 20), [2], "0 pulses (n = 0, theta = 1)", "1 pulse"),
        (add(OUT, 3, 40), [3], "1 pulse (n = 1, theta = 1)", "2 pulses"),
        (
            add(OUT, 0, 20, -1),
            [0],
            "no pulse backwards (n = 0, theta = 1)",
            "1 backwards at the output",
        ),
        (late, [1], ON_CLOCK, f"{PHASES.latest * 1e12 + 2:.2f} ps"),
        (soon, [1], ON_CLOCK, f"{PHASES.earliest * 1e12 - 2:.2f} ps"),
        (drop(SET, 0), [0], "1 pulse of BA in synapse XS1 (no flux left behind)", "0 pulses"),
        (drop(CLEAR, 3), [3], "1 pulse of BB in synapse XS1 (no flux left behind)", "0 pulses"),
        (add(SET, 2, 5), [2], "0 pulses of BA in synapse XS1 (no flux left behind)", "1 pulse"),
        (
            add("P(BB2_1|XD|XL0N0)", 0, 5),
            [0],
            "0 pulses of BB2_1 in the decision stage",
            "1 pulse",
        ),
        (
            drop("P(BT1|XD|XL0N0)", 2),
            [2],
            "1 pulse of BT1 in the decision stage",
            "0 pulses",
        ),
        (
            leaning,
            [2, 3],
            "P(BT1|XD|XL0N0) at rest where the window ends",
            "0.25 fluxons from it",
        ),
        (
            add(OUT, 0, -40),
            [0],
            "no pulse before the first clock",
            f"a pulse at {FIRST_PS - 40:.2f} ps",
        ),
    ],
)
def test_one_thing_wrong(change, windows, expected, measured):
    waves = ideal()
    change(waves)
    verdict = verdict_of(waves)
    assert np.flatnonzero(verdict.wrong).tolist() == windows
    assert verdict.first == Disagreement(windows[0], expected, measured)


def test_a_pulse_after_the_last_window():
    """The record goes on for a window more, as that of a network does for its first layer."""
    waves = ideal()
    view = dataclasses.replace(waves.view, windows=3)
    verdict = compare(view, waves.spikes.part(0, 3), waves.waveforms())
    assert np.flatnonzero(verdict.wrong).tolist() == [2]
    at_ps = FIRST_PS + (3 * PHASES.period + OUTPUT_DELAY_S) * 1e12
    assert verdict.first == Disagreement(
        2, "no pulse after the last window", f"a pulse at {at_ps:.2f} ps"
    )


def test_the_earliest_and_the_latest_time_belong_to_the_window():
    waves = ideal()
    delays = verdict_of(waves).delays_s
    least, most = np.nanmin(delays), np.nanmax(delays)

    def mismatches(earliest, latest):
        phases = dataclasses.replace(PHASES, earliest=earliest, latest=latest)
        view = dataclasses.replace(waves.view, phases=phases)
        return compare(view, waves.spikes, waves.waveforms()).mismatches

    assert mismatches(least, most) == 0
    assert mismatches(least, np.nextafter(most, 0.0)) >= 1
    assert mismatches(np.nextafter(least, 1.0), most) >= 1


def test_a_pulse_at_the_very_end_of_the_last_window_is_one_after_it():
    waves = ideal()
    end_s = waves.view.decisions_s()[-1] + PHASES.period

    class OneMore(WaveformReadings):
        def train(self, column):
            found = super().train(column)
            times, signs = np.append(found.times_s, end_s), np.append(found.signs, 1)
            return dataclasses.replace(found, times_s=times, signs=signs.astype(np.int8))

    verdict = compare(waves.view, waves.spikes, OneMore(waves.waveforms()))
    assert np.flatnonzero(verdict.wrong).tolist() == [3]
    assert verdict.first == Disagreement(
        3, "no pulse after the last window", f"a pulse at {end_s * 1e12:.2f} ps"
    )


@settings(deadline=None, max_examples=25)
@given(st.data())
def test_any_fluxon_too_many_or_too_few_is_found_in_its_window(data):
    signs = data.draw(st.lists(st.sampled_from([-1, 1]), min_size=1, max_size=4))
    theta = data.draw(st.integers(-1, 2))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    stimulus = rng.integers(0, 2, (3, len(signs))).astype(bool)
    waves = ideal(stimulus, signs, theta)
    assert verdict_of(waves).mismatches == 0
    column = data.draw(st.sampled_from([p.column for p in waves.view.watched()]))
    window = data.draw(st.integers(0, 2))
    begin, end = waves.view.boundaries_s()[window : window + 2]
    if any(begin <= t < end for t, _ in waves.pulses[column]) and data.draw(st.booleans()):
        waves.drop(column, window)
    else:
        add(column, window, 30.0, data.draw(st.sampled_from([-1, 1])))(waves)
    verdict = verdict_of(waves)
    assert np.flatnonzero(verdict.wrong).tolist() == [window]
    assert verdict.first is not None
    assert verdict.first.window == window


def test_energies_of_ideal_waveforms_are_the_reference_s_in_each_window():
    waves, library = ideal(), CellLibrary()
    reference = bench_energies(waves.bench, waves.spikes, EventEnergy(library))
    bounds = waves.view.boundaries_s()
    sources = BiasSources.of(waves.bench.circuit)
    measured = measured_energies(sources, currents_A(waves), waves.waveforms(), bounds)
    assert measured == pytest.approx(reference, rel=1e-4, abs=0)
    assert len(set(reference.tolist())) > 1, "windows of different pulses cost differently"
    whole = measured_energy(waves.bench.circuit, waves.waveforms(), bounds[0], bounds[-1])
    assert whole == pytest.approx(reference.sum(), rel=1e-4, abs=0)


def test_a_window_whose_energy_is_beyond_the_tolerance_is_wrong():
    verdict, reference = verdict_of(ideal()), np.array([40e-18, 50e-18, 40e-18, 50e-18])
    assert not judge_energy(verdict, reference * 1.049, reference).wrong.any()
    assert not judge_energy(verdict, reference * 0.951, reference).wrong.any()
    measured = reference * np.array([1.0, 1.0, 0.94, 1.06])
    judged = judge_energy(verdict, measured, reference)
    assert judged.wrong.tolist() == [False, False, True, True]
    assert judged.first == Disagreement(2, "an energy of 40 aJ within 5%", "37.6 aJ")
    assert judge_energy(verdict, np.full(4, np.nan), reference).wrong.all()


def test_the_earlier_of_two_disagreements_is_the_counter_example():
    reference = np.full(4, 40e-18)
    waves = ideal()
    waves.drop(OUT, 1)
    verdict = verdict_of(waves)
    off = reference * np.array([1.0, 1.0, 1.1, 1.0])
    assert judge_energy(verdict, off, reference).first == verdict.first
    assert judge_energy(verdict, off, reference).wrong.tolist() == [False, True, True, False]
    off = reference * np.array([1.1, 1.0, 1.0, 1.0])
    assert judge_energy(verdict, off, reference).first.window == 0


def short(waves: Waveforms) -> Waveforms:
    return Waveforms(waves.time_s[:400], waves.names, waves.values[:, :400])


def currents_A(waves: IdealWaves) -> np.ndarray:
    return np.array([fed.source.value for fed in waves.bench.circuit.biased()])


def without(waves: Waveforms) -> Waveforms:
    keep = [i for i, name in enumerate(waves.names) if name != "P(BA|XS1|XL0N0)"]
    return Waveforms(waves.time_s, tuple(waves.names[i] for i in keep), waves.values[keep])


def undefined(waves: Waveforms) -> Waveforms:
    values = waves.values.copy()
    values[waves.names.index("P(BB|XS0|XL0N0)")] = np.nan
    return Waveforms(waves.time_s, waves.names, values)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (short, r"neuron L0N0: the waveforms end at 99\.75 ps; the last window ends at 502 ps"),
        (without, r"neuron L0N0: the waveforms have no signal 'P\(BA\|XS1\|XL0N0\)'; they have .*"),
        (undefined, r"neuron L0N0: P\(BB\|XS0\|XL0N0\) is not finite where a window ends"),
    ],
)
def test_waveforms_from_which_no_verdict_can_come(damage, message):
    waves = ideal()
    with pytest.raises(WaveformError, match=f"^{message}$"):
        compare(waves.view, waves.spikes, damage(waves.waveforms()))


def test_the_energy_needs_every_biased_junction():
    waves = ideal()
    whole = waves.waveforms()
    at = [i for i, name in enumerate(whole.names) if not name.startswith("P(B1|XIC)")]
    part = Waveforms(whole.time_s, tuple(whole.names[i] for i in at), whole.values[at])
    message = re.escape("the waveforms have no signal 'P(B1|XIC)'; they have ")
    with pytest.raises(WaveformError, match=f"^{message}"):
        measured_energies(
            BiasSources.of(waves.bench.circuit), currents_A(waves), part, waves.view.boundaries_s()
        )
