"""Waveforms held against each other, as a function and as a command."""

from __future__ import annotations

import json
import math
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from netlist_gen.errors import ConfigurationError, WaveformError
from verification.waves.compare import compare
from verification.waves.files import write_waveforms
from verification.waves.options import CompareOptions
from verification.waves.waveforms import Waveforms

PS = 1e-12


def turn(time, at):
    """A phase that advances by 2 pi about ``at``, in ps."""
    return 4 * np.arctan(np.exp((time / PS - at) / 1.0))


def waves(*, step=0.1, at=(20.0,), volts=1e-3, stop=60.0, names=("P(B1)", "V(1)")):
    time = np.arange(0, stop, step) * PS
    phase = sum((turn(time, one) for one in at), np.zeros(time.size))
    return Waveforms(time, names, np.stack([phase, volts * np.sin(time / (5 * PS))]))


def test_the_same_waveforms_agree_to_the_last_bit():
    found = compare(waves(), waves())
    assert found.agreed
    assert [one.largest for one in found.signals] == [0.0, 0.0]
    assert [one.pulses for one in found.signals] == [(1, 1), None]
    assert found.shift_s == 0.0


@given(st.floats(-0.09, 0.09), st.floats(0.05, 0.3))
def test_shifts_are_found_whatever_the_axis(shift, step):
    found = compare(waves(), waves(at=(20.0 + shift,), step=step))
    (phase, _) = found.signals
    assert phase.pulses == (1, 1)
    assert phase.shift_s == pytest.approx(abs(shift) * PS, abs=0.002 * PS)
    assert found.agreed


def test_a_lost_pulse_is_a_disagreement():
    found = compare(waves(at=(20.0, 40.0)), waves())
    assert not found.agreed
    (phase,) = found.different
    assert phase.pulses == (2, 1)
    assert phase.shift_s == math.inf
    assert re.fullmatch(r"6\.28 rad apart at 59\.\d+ ps; 2 pulses in A, 1 in B", phase.words())


def test_what_is_allowed_is_the_callers():
    a, b = waves(), waves(volts=1.1e-3, at=(20.05,))
    assert compare(a, b).agreed
    assert [x.name for x in compare(a, b, options=CompareOptions(share=0.01)).different] == ["V(1)"]
    strict = CompareOptions(shift_ps=0.01)
    assert [x.name for x in compare(a, b, options=strict).different] == ["P(B1)"]
    exact = CompareOptions(turns=1e-4)
    assert [x.name for x in compare(a, b, options=exact).different] == ["P(B1)"]


def test_signals_that_one_of_them_has_not():
    found = compare(waves(), waves(names=("P(B1)", "V(2)")))
    assert (found.only_a, found.only_b) == (("V(1)",), ("V(2)",))
    assert not found.agreed
    assert compare(waves(), waves(names=("P(B1)", "V(2)")), ["p(*)"]).agreed


def test_only_the_times_of_both_are_compared_and_one_that_lacks_times_disagrees():
    long, short = waves(stop=60.0), waves(stop=30.0, at=(20.0, 50.0))
    overlap = CompareOptions(overlap=True)
    for a, b in ((long, short), (short, long)):
        found = compare(a, b)
        assert found.end_s == pytest.approx(29.9 * PS)
        assert max(found.alone_s) == pytest.approx(30.0 * PS)
        assert not found.different
        assert found.cut_off
        assert not found.agreed
        assert compare(a, b, options=overlap).agreed


@given(st.floats(0.05, 0.3), st.floats(0.05, 0.3))
def test_runs_that_end_within_a_step_hold_the_same_times(first, second):
    assert compare(waves(step=first), waves(step=second)).agreed


def test_a_late_begin_counts_as_a_lack_of_times():
    whole = waves()
    late = Waveforms(whole.time_s[50:], whole.names, whole.values[:, 50:])
    assert compare(whole, late).alone_s == pytest.approx((5 * PS, 0.0))
    assert not compare(late, whole).agreed


def test_nothing_to_compare_is_refused():
    with pytest.raises(WaveformError, match=r"^there is no signal of the same name in both files$"):
        compare(waves(), waves(names=("P(B2)", "V(2)")))
    late = Waveforms(waves().time_s + 1e-9, waves().names, waves().values)
    with pytest.raises(WaveformError, match=r"^there is no time that both files hold$"):
        compare(waves(), late)
    with pytest.raises(ConfigurationError, match=r"^no signal is named 'P\(C\)'; "):
        compare(waves(), waves(), ["P(C)"])


def test_the_command(cli, tmp_path):
    files = [tmp_path / name for name in ("a.csv", "b.npz", "c.csv")]
    for file, made in zip(
        files, (waves(), waves(at=(20.05,)), waves(at=(20.0, 40.0))), strict=True
    ):
        write_waveforms(file, made)
    ran = cli("compare", files[0], files[1])
    assert ran.status == 0
    assert "1 pulse in both, shifted by at most 50 fs" in ran.out
    assert "2 of 2 signals agree from 0 to 59.9 ps" in ran.out
    ran = cli("compare", files[0], files[2], "--json")
    assert ran.status == 1
    found = json.loads(ran.out)
    assert found["agreed"] is False
    assert found["signals"][0]["shift_s"] is None
    assert "1 signal differs, most P(B1): 6.28 rad apart at" in ran.err
    write_waveforms(tmp_path / "cut.csv", waves(stop=30.0))
    ran = cli("compare", files[0], tmp_path / "cut.csv")
    assert ran.status == 1
    assert ran.err == (
        f"netlist-gen: {tmp_path / 'cut.csv'} lacks 30 ps of {files[0]}; what both hold agrees "
        "(--overlap: that will do)\n"
    )
    assert cli("compare", files[0], tmp_path / "cut.csv", "--overlap").status == 0
    ran = cli("compare", files[0], tmp_path / "none.csv")
    assert ran.status == 1


def test_coarse_samples_have_their_pulses_and_what_turns_faster_has_none():
    for name, rate, pulses in (("P(B1)", 0.95 * np.pi, 5), ("P(R1)", 1.05 * np.pi, None)):
        time = np.arange(12) * PS
        one = Waveforms(time, (name,), rate * np.arange(12)[None, :])
        found = compare(one, one).signals[0].pulses
        assert found == (None if pulses is None else (pulses, pulses))


def test_one_long_step_does_not_hide_that_times_lack():
    whole = waves(at=(10.0, 50.0))
    kept = np.flatnonzero((whole.time_s < 25 * PS) | (np.abs(whole.time_s - 40 * PS) < 0.05 * PS))
    thin = Waveforms(whole.time_s[kept], whole.names, whole.values[:, kept])
    assert not compare(whole, thin).agreed
    assert not compare(thin, whole).agreed


def test_a_hole_about_a_pulse_is_a_disagreement_on_both_sides():
    whole = waves()
    kept = np.abs(whole.time_s - 20 * PS) > 3 * PS
    hole = Waveforms(whole.time_s[kept], whole.names, whole.values[:, kept])
    found = compare(hole, whole).signals[0]
    assert found.pulses == (None, 1)
    assert found.shift_s == math.inf
    assert found.words().endswith("A's samples are too far apart to tell pulses, B has 1 pulse")
    found = compare(whole, hole).signals[0]
    assert found.words().endswith("B's samples are too far apart to tell pulses, A has 1 pulse")


@pytest.mark.parametrize(("top", "agreed"), [(0.605, True), (0.75, False)])
def test_a_phase_that_comes_just_past_the_middle_in_one_of_them(top, agreed):
    """From 0.6 of a turn on it counts as an advance and a return."""
    time = np.arange(0, 60, 0.25) * PS
    bump = np.exp(-(((time / PS - 30) / 3.0) ** 2))
    low, high = (Waveforms(time, ("P(B1)",), 2 * np.pi * x * bump[None, :]) for x in (0.595, top))
    for pair in ((low, high), (high, low)):
        found = compare(*pair)
        assert found.agreed == agreed
        assert found.signals[0].pulses == ((0, 0) if agreed else found.signals[0].pulses)


def test_what_is_infinite_is_null_in_json():
    one, two = (Waveforms(np.arange(3) * PS, ("V(1)",), np.full((1, 3), x)) for x in (1.0, 2.0))
    assert (
        json.loads(json.dumps(compare(one, two).to_json(), allow_nan=False))["signals"][0]["share"]
        is None
    )
