"""Readings taken while the engine runs give the verdict that its waveforms give."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from support import measured_energy, site_spikes

from netlist_gen.circuit.bench import neuron_bench
from netlist_gen.circuit.sites import NeuronSite
from netlist_gen.deck.decks import neuron_deck
from netlist_gen.errors import WaveformError
from netlist_gen.library.cells import CellLibrary
from verification.simulators.base import DeckJob
from verification.simulators.embedded import EmbeddedSimulator, source_waves
from verification.verdict.neuron import compare
from verification.waves.readings import Readout, SampledReadings, WaveformReadings
from verification.waves.waveforms import Waveforms

SITE = NeuronSite(0, 3, (1, 4, 7), (1, -1, 1), 1, "L0N3", ("1", "4", "7"))
STIMULUS = np.array([[1, 1, 0], [1, 0, 0], [0, 0, 1], [1, 1, 1]], dtype=bool)


def jobs(stimuli, readout=True):
    library = CellLibrary()
    made = []
    for number, stimulus in enumerate(stimuli):
        bench = neuron_bench(library, SITE, stimulus)
        asked = (
            Readout.at([bench.view.boundaries_s()], [bench.view.output.column]) if readout else None
        )
        text = neuron_deck(library, bench, f"D{number}", 0).text
        made.append((bench, DeckJob(f"D{number}", text, asked)))
    return made


def test_sampled_and_whole_records_are_judged_alike():
    simulator = EmbeddedSimulator()
    cases = jobs([STIMULUS, STIMULUS[::-1]])
    sampled = {
        o.job.name: o for o in simulator.run_many([j for _, j in cases], workers=1, timeout_s=100)
    }
    for bench, job in cases:
        whole = simulator.run(dataclasses.replace(job, readout=None), timeout_s=100)
        one, two = sampled[job.name].readings, whole.readings
        assert isinstance(one, SampledReadings)
        assert isinstance(two, WaveformReadings)
        assert sampled[job.name].waveforms is None
        bounds = bench.view.boundaries_s()
        stimulus = STIMULUS if job.name == "D0" else STIMULUS[::-1]
        spikes = site_spikes(SITE, stimulus)
        verdicts = [compare(bench.view, spikes, r) for r in (one, two)]
        assert [v.mismatches for v in verdicts] == [0, 0]
        assert (verdicts[0].pulses == verdicts[1].pulses).all()
        np.testing.assert_allclose(
            verdicts[0].delays_s, verdicts[1].delays_s, rtol=0, atol=0.02e-12
        )
        energies = [measured_energy(bench.circuit, r, bounds[0], bounds[-1]) for r in (one, two)]
        assert energies[0] == pytest.approx(energies[1], rel=1e-3)


def test_only_the_sources_of_a_lane_are_read():
    (_, first), (_, second) = jobs([STIMULUS, ~STIMULUS])
    waves = source_waves(first.text, second)
    assert sorted(label for label in waves if label[0] == "V") == ["V1", "V4", "V7", "VC", "VR"]
    elsewhere = source_waves("* another circuit\n.SUBCKT A 1\n.ENDS\n", second)
    assert set(waves) < set(elsewhere)
    for label, wave in waves.items():
        assert np.array_equal(wave.values, elsewhere[label].values)


def test_what_was_not_read_is_refused():
    waves = Waveforms(np.array([0.0, 1e-12]), ("P(B1)",), np.array([[0.0, np.inf]]))
    sampled = SampledReadings(waves.time_s, waves)
    with pytest.raises(WaveformError, match=r"^phases are wanted at a time that was not read$"):
        sampled.phases(["P(B1)"], np.array([0.5e-12]))
    with pytest.raises(WaveformError, match=r"^the pulses of P\(B1\) were not read$"):
        sampled.train("P(B1)")
    with pytest.raises(WaveformError, match=r"^P\(B1\) is not finite where a window ends$"):
        sampled.phases(["P(B1)"], waves.time_s)
    with pytest.raises(
        WaveformError, match=r"^the waveforms end at 1 ps; the last window ends at 2 ps$"
    ):
        WaveformReadings(waves).phases(["P(B1)"], np.array([2e-12]))


def test_a_record_that_begins_late_is_refused():
    waves = Waveforms(np.array([2e-12, 3e-12]), ("P(B1)",), np.zeros((1, 2)))
    message = r"^the waveforms begin at 2 ps; the first window begins at 0\.5 ps$"
    with pytest.raises(WaveformError, match=message):
        WaveformReadings(waves).phases(["P(B1)"], np.array([0.5e-12, 3e-12]))
