"""Trials in lanes and in processes: order, ledger, failures one by one, JoSIM's own numbers."""

from __future__ import annotations

import pickle
import shutil
from concurrent.futures import Executor, Future

import numpy as np
import pytest

from verification.campaign.ledger import Ledger
from verification.characterize.measure.margins import margins
from verification.characterize.measure.timing import delays
from verification.characterize.subject.parameters import trial
from verification.characterize.trials.cell import CellUnderTest
from verification.characterize.trials.runner import Runner
from verification.characterize.trials.trial import Failure, Response, Trial
from verification.simulators.ngspice import NgspiceSimulator

NO_JOSIM = pytest.mark.skipif(shutil.which("josim-cli") is None, reason="josim-cli is not on PATH")


def test_response_survives_json(cut):
    cell = cut("merger")
    response = cell.nominal[""]
    again = Response.from_json(response.to_json(cell.watched), cell.watched, ())
    for label in cell.watched:
        np.testing.assert_array_equal(again.times_s[label], response.times_s[label])
        np.testing.assert_array_equal(again.signs[label], response.signs[label])


def test_a_broken_run_goes_on_from_the_ledger(cut, tmp_path):
    cell = cut("jtl")
    bias = cell.parameters["bias"]
    trials = [trial(cell.bench, cell.cases[0], {bias: 0.8 + 0.002 * i}) for i in range(150)]
    ledger = Ledger(tmp_path / "ledger.sqlite")
    half = Runner(workers=1, ledger=ledger)
    half.run(cell.bench, trials[:128], cell.watched)  # two whole chunks
    whole = Runner(workers=1, ledger=ledger)
    found = whole.run(cell.bench, trials, cell.watched)
    assert (whole.trials_stored, whole.trials_run) == (128, 22)
    fresh = Runner(workers=1).run(cell.bench, trials, cell.watched)
    for a, b in zip(found, fresh, strict=True):
        assert isinstance(a, Response)
        assert isinstance(b, Response)
        np.testing.assert_array_equal(a.times_s["BP_Q"], b.times_s["BP_Q"])


@pytest.mark.parametrize(
    "row",
    [
        {},
        {"outcomes": 3},
        {"outcomes": []},
        {"outcomes": [3]},
        {"outcomes": [[[], {}]]},
        {"outcomes": [[["x"] * 4, {}]]},
        {"outcomes": [[[[1e-11, None]] * 4, {}]]},
        {"outcomes": [[[[1e-11, 0.5e-11]] * 4, {}]]},
        {"outcomes": [[[[1e-11]] * 4, {"B": 1.0}]]},
        {"outcomes": [[[[1e-11]] * 4, 3]]},
    ],
)
def test_a_row_that_no_run_leaves_is_computed_anew(cut, tmp_path, row):
    cell = cut("jtl")
    watch = cell.watched[:4]
    trials = [trial(cell.bench, cell.cases[0])]
    ledger = Ledger(tmp_path / "ledger.sqlite")
    runner = Runner(workers=1, ledger=ledger)
    (good,) = runner.run(cell.bench, trials, watch)
    ((key,),) = ledger._db.execute("SELECT key FROM runs").fetchall()
    ledger._db.execute("DELETE FROM runs")
    ledger.put(key, "jtl", row)
    (again,) = runner.run(cell.bench, trials, watch)
    assert (runner.trials_run, runner.trials_stored) == (2, 0)
    np.testing.assert_array_equal(again.times_s[watch[0]], good.times_s[watch[0]])
    assert ledger.sentence() == (
        f"{ledger.path}: 1 stored result was refused and computed anew (1 not the results of these "
        "trials)"
    )
    runner.run(cell.bench, trials, watch)
    assert runner.trials_stored == 1


def test_a_trial_that_cannot_be_built_fails_alone(cut):
    cell = cut("branch")
    good = trial(cell.bench, cell.cases[0])
    bad = Trial((("KB|XC", 1.5),), good.pulses)
    outcomes = cell.runner.run(cell.bench, [good, bad, good], cell.watched)
    assert [isinstance(o, Failure) for o in outcomes] == [False, True, False]
    assert "energy would be negative" in outcomes[1].message


@pytest.mark.parametrize(
    "simulator", ["embedded", pytest.param("josim", marks=[pytest.mark.josim, NO_JOSIM])]
)
def test_chunks_travel_to_other_machines(cut, simulator):
    """An executor may pickle the work and what comes back, as a cluster's does."""

    class Elsewhere(Executor):
        def submit(self, fn, /, *args):
            done = Future()
            done.set_result(pickle.loads(pickle.dumps(fn(*pickle.loads(pickle.dumps(args))))))
            return done

    cell = cut("decision")
    far = CellUnderTest(cell.bench, Runner(simulator, executor=Elsewhere()))
    for case in cell.cases:
        np.testing.assert_allclose(
            far.nominal[case.name].times_s["BP_CLK"],
            cell.nominal[case.name].times_s["BP_CLK"],
            atol=0.015e-12,
        )


@pytest.mark.josim
@NO_JOSIM
@pytest.mark.parametrize("name", ["jtl", "splitter", "merger", "branch", "decision", "dff"])
def test_engine_and_josim_give_the_same_pulses(cut, name):
    cell = cut(name)
    other = CellUnderTest(cell.bench, Runner("josim", workers=1))
    bias = [p for n, p in cell.parameters.items() if n == "bias"]
    points = [{}, {bias[0]: 0.97}, {bias[0]: 1.1}]
    for ours, theirs in zip(cell.run(points), other.run(points), strict=True):
        for case in cell.cases:
            a, b = ours[case.name], theirs[case.name]
            assert isinstance(a, Response)
            assert isinstance(b, Response)
            for label in cell.watched:
                np.testing.assert_array_equal(a.signs[label], b.signs[label])
                np.testing.assert_allclose(a.times_s[label], b.times_s[label], atol=0.015e-12)


@pytest.mark.josim
@NO_JOSIM
def test_josim_errs_about_as_often_in_noise_and_the_same_with_the_same_seed(cut):
    """Jitter of a splitter at 4.2 K: standard deviations of 40 runs agree within statistics."""
    arrivals = {}
    for simulator in ("embedded", "josim"):
        cell = CellUnderTest(cut("splitter").bench, Runner(simulator, workers=1))
        cell = cell.on(temperature_K=4.2)
        runs = cell.run([{}] * 40, seeds=list(range(40)))
        arrivals[simulator] = np.array([o[""].times_s["BP_Q0"] for o in runs])
        again = cell.run([{}], seeds=[3])[0][""]
        np.testing.assert_array_equal(again.times_s["BP_Q0"], arrivals[simulator][3])
    spread = {name: times.std() for name, times in (
        (name, times - times.mean(axis=0)) for name, times in arrivals.items())}  # fmt: skip
    assert spread["embedded"] == pytest.approx(spread["josim"], rel=0.35)
    assert 0.01e-12 < spread["josim"] < 0.5e-12


@pytest.mark.ngspice
@pytest.mark.skipif(not NgspiceSimulator().available(), reason="ngspice or PySpice is not here")
def test_ngspice_gives_the_engines_delays(cut):
    cell = cut("jtl")
    other = CellUnderTest(cell.bench, Runner("ngspice", workers=1))
    ours, theirs = (delays(c, c.nominal)[0].delay_s for c in (cell, other))
    assert theirs == pytest.approx(ours, abs=0.05e-12)


@pytest.mark.josim
@NO_JOSIM
def test_engine_and_josim_give_the_same_margin(cut):
    cell = cut("jtl")
    other = CellUnderTest(cell.bench, Runner("josim", workers=1))
    bias = cell.parameters["bias"]
    ours, theirs = (
        margins([bias], c.passes, low=0.25, high=1.75, grid=7, tolerance=0.01).margins[0]
        for c in (cell, other)
    )
    assert ours.low.last_pass == pytest.approx(theirs.low.last_pass, abs=0.01)
    assert ours.high.last_pass == pytest.approx(theirs.high.last_pass, abs=0.01)
