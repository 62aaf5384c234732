"""The engine behind the simulators' protocol: groups of jobs, outcomes, cancelling."""

from __future__ import annotations

import time

import numpy as np
import pytest
from host_target import HostTarget

from verification.engine.cuda import devices
from verification.engine.kernels import native
from verification.simulators.base import DeckJob, OutcomeKind
from verification.simulators.embedded import EmbeddedSimulator, source_waves
from verification.waves.readings import Readout, WaveformReadings

CELL = """.model m jj(rtype=1, vg=2.8m, cap=0.07p, r0=160, rn=16, icrit=0.1m)
.subckt cell a
B1 a 0 m
RS a 0 5
.ends
X1 cell n
IB 0 n pwl(0 0 5p 70u)
IIN 0 n {wave}
.tran 0.05p 60p 0 0.5p
.print p(b1.x1)
"""


def job(name, wave="pwl(0 0 20p 0 22p 200u 24p 0)", text=CELL):
    return DeckJob(name, text.replace("{wave}", wave))


QUIET = "dc 0"
LATE = "pwl(0 0 40p 0 42p 200u 44p 0)"


def run(jobs, workers=1, timeout_s=60.0):
    return list(EmbeddedSimulator().run_many(jobs, workers=workers, timeout_s=timeout_s))


def test_jobs_that_differ_in_waves_give_what_each_gives_alone():
    jobs = [job("a"), job("b", QUIET), job("c", LATE)]
    together = run(jobs)
    assert [outcome.job.name for outcome in together] == ["a", "b", "c"]
    for outcome in together:
        alone = EmbeddedSimulator().run(outcome.job, timeout_s=60.0)
        assert outcome.kind is OutcomeKind.OK
        np.testing.assert_allclose(
            outcome.waveforms.values, alone.waveforms.values, rtol=0, atol=1e-9
        )
    turns = [round(outcome.waveforms.values[0, -1] / (2 * np.pi)) for outcome in together]
    assert turns == [1, 0, 1]


def test_readings_are_those_of_the_whole_waveforms():
    """Times that share a step, and a junction that turns over many times between two readings."""
    text = CELL.replace("60p", "900p").replace("0.5p\n.print", "0.05p\n.print")
    driven = job("a", "pwl(0 0 20p 0 22p 250u)", text)
    at = np.array([10e-12, 10e-12 + 2e-27, 10.02e-12, 850e-12])
    column = "P(B1|X1)"
    read = EmbeddedSimulator().run(
        DeckJob("a", driven.text, Readout.at([at[:1], at[1:]], [column])), timeout_s=60.0
    )
    assert read.kind is OutcomeKind.OK, read.message
    whole = WaveformReadings(EmbeddedSimulator().run(driven, timeout_s=60.0).waveforms)
    at = np.unique(at)
    assert at.size == 4
    seen = read.readings.phases([column], at)
    np.testing.assert_allclose(seen, whole.phases([column], at), rtol=0, atol=1e-9)
    trains = read.readings.train(column), whole.train(column)
    assert trains[0].times_s.size > 100
    np.testing.assert_allclose(trains[0].times_s, trains[1].times_s, rtol=0, atol=0.02e-12)


def test_lanes_on_another_device_give_the_same_readings(monkeypatch):
    target = HostTarget()
    monkeypatch.setattr(devices, "target_of", {"cuda": target}.get)
    waves = ("pwl(0 0 20p 0 22p 200u 24p 0)", QUIET, LATE)
    readout = Readout.at([np.array([10e-12]), np.array([15e-12, 50e-12])], ["P(B1|X1)"])
    jobs = [DeckJob(f"{k}", job("", wave).text, readout) for k, wave in enumerate(waves)]
    there = list(EmbeddedSimulator("cuda").run_many(jobs, workers=2, timeout_s=60.0))
    assert target.launches
    for outcome, here in zip(there, run(jobs), strict=True):
        assert outcome.kind is OutcomeKind.OK, outcome.message
        phases = [
            each.readings.phases(["P(B1|X1)"], np.array([10e-12, 15e-12, 50e-12]))
            for each in (outcome, here)
        ]
        np.testing.assert_allclose(*phases, rtol=0, atol=1e-9)
        trains = [each.readings.train("P(B1|X1)") for each in (outcome, here)]
        np.testing.assert_array_equal(trains[0].signs, trains[1].signs)
        np.testing.assert_allclose(trains[0].times_s, trains[1].times_s, rtol=0, atol=1e-18)
    assert [outcome.readings.train("P(B1|X1)").signs.size for outcome in there] == [1, 0, 1]


@pytest.mark.parametrize("workers", [1, 2])
def test_one_bad_job_does_not_take_the_others_with_it(workers):
    jobs = [job("a"), job("b", "pwl(0 0 20p"), job("c", LATE), job("d", text=CELL + "R9 9\n")]
    outcomes = {outcome.job.name: outcome for outcome in run(jobs, workers)}
    assert {name: outcome.kind for name, outcome in outcomes.items()} == {
        "a": OutcomeKind.OK,
        "b": OutcomeKind.CRASHED,
        "c": OutcomeKind.OK,
        "d": OutcomeKind.CRASHED,
    }
    assert outcomes["b"].message.startswith("b, line 8: PWL(0 0 20P is no source")
    assert outcomes["d"].message == "d, line 11: R9 9: R takes a label, 2 nodes and a value"


def test_a_circuit_that_diverges_is_unusable():
    (outcome,) = run([job("a", "pwl(0 0 1p 10)")])
    assert outcome.kind is OutcomeKind.UNUSABLE
    assert outcome.message.endswith("the circuit diverges")


def test_time_runs_out():
    (outcome,) = run([job("a", text=CELL.replace("60p", "1u"))], timeout_s=0.02)
    assert outcome.kind is OutcomeKind.TIMED_OUT
    assert outcome.message == "a: the run took too long"


def test_compiling_the_kernels_is_not_on_the_clock(monkeypatch):
    load, loaded = native._load, []

    def slow(group, note):
        time.sleep(1.0)
        loaded.append(group)
        return load(group, note)

    monkeypatch.setattr(native, "_load", slow)
    monkeypatch.setattr(native, "_loaded", {})
    for jobs in ([job("a")], [job("a"), job("b", LATE)]):
        for outcome in run(jobs, timeout_s=0.5):
            assert outcome.kind is OutcomeKind.OK
    assert sorted(loaded) == ["lanes", "pattern", "single"]


@pytest.mark.parametrize("letters", range(0, 40, 4))
def test_letters_of_a_comment_that_are_longer_in_upper_case_move_nothing(letters):
    """The comment's length decides where nothing is cut: no source is lost with its pulses."""
    text = CELL.replace(".ends\n", ".ends\nIIN 0 n {wave}\n").replace("IIN 0 n {wave}\n.t", ".t")
    text = f"* {letters * chr(0xDF)}\n{text}"
    waves = source_waves(job("a", text=text).text, job("b", LATE, text))
    assert set(waves) == {"IB", "IIN"}
    np.testing.assert_allclose(waves["IIN"].values[:4], [0, 40e-12, 42e-12, 44e-12])


def test_nodes_on_a_line_that_continues_are_the_circuits():
    """Sources that are crossed in one deck are not in the other."""
    text = CELL.replace("IIN 0 n {wave}", "V1{a}pwl(0 0 20p 0 22p 1m)\nV2{b}pwl(0 0 20p 0 22p 2m)")
    text = text.replace("X1 cell n\n", "X1 cell n\nR1 s1 n 5\nR2 s2 n 50\n")
    plain = text.replace("{a}", "\n+ s1 0 ").replace("{b}", "\n+ s2 0 ")
    crossed = text.replace("{a}", "\n+ s2 0 ").replace("{b}", "\n+ s1 0 ")
    jobs = [DeckJob("crossed", crossed), DeckJob("plain", plain)]
    for outcome in run(jobs):
        alone = EmbeddedSimulator().run(outcome.job, timeout_s=60.0)
        np.testing.assert_allclose(
            outcome.waveforms.values, alone.waveforms.values, rtol=0, atol=1e-9
        )


def test_waves_of_another_deck():
    waves = source_waves(job("a").text, job("b", LATE))
    assert set(waves) == {"IB", "IIN"}
    np.testing.assert_allclose(waves["IIN"].values[:4], [0, 40e-12, 42e-12, 44e-12])
