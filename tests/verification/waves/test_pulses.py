"""Pulses on synthetic phases, where the truth is known, and on JoSIM's own waveforms."""

from __future__ import annotations

import re
import shutil

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netlist_gen.constants import PHI0, TWO_PI
from netlist_gen.errors import WaveformError
from verification.simulators.base import DeckJob
from verification.simulators.josim import JosimSimulator
from verification.waves.pulses import (
    PulseTrain,
    detect_phase,
    detect_voltage,
    most_pulses,
    pulses_in_words,
)

TAU_S = 0.6e-12
"""Time constant of the test pulses: 4 atan(exp(t / tau)) lasts about 3 ps, as a junction's."""


def kinks(time_s, times_s, signs, rest_rad=0.0):
    """A phase with one soliton-like step of 2 pi at each time."""
    phase = np.full_like(time_s, rest_rad)
    for at, sign in zip(times_s, signs, strict=True):
        phase += sign * 4.0 * np.arctan(np.exp(np.minimum((time_s - at) / TAU_S, 700.0)))
    return phase


@st.composite
def trains(draw):
    gaps = draw(st.lists(st.floats(15.0, 60.0), min_size=0, max_size=8))
    times = 20.0 + np.cumsum([0.0, *gaps])[: len(gaps)]
    signs = draw(st.lists(st.sampled_from([1, -1]), min_size=len(gaps), max_size=len(gaps)))
    return times * 1e-12, np.array(signs, dtype=int)


@given(
    train=trains(),
    rest=st.floats(-50.0, 50.0),
    step_ps=st.floats(0.05, 0.5),
    start_ps=st.floats(-0.5, 0.5),
)
@settings(max_examples=150, deadline=None)
def test_every_pulse_of_a_train_is_found_at_its_time(train, rest, step_ps, start_ps):
    times, signs = train
    axis = np.arange(start_ps, 20.0 + 8 * 60.0 + 40.0, step_ps) * 1e-12
    found = detect_phase(axis, kinks(axis, times, signs, rest), rest_rad=rest)
    assert found.count == times.size
    assert found.signs.tolist() == signs.tolist()
    assert np.abs(found.times_s - times).max(initial=0.0) < 0.03e-12
    assert found.signs.sum() == signs.sum()
    assert found.final_fluxons == pytest.approx(signs.sum(), abs=1e-6)


@given(
    shift_s=st.floats(-1e-9, 1e-9),
    wells=st.integers(-1000, 1000),
    train=trains(),
)
@settings(max_examples=60, deadline=None)
def test_pulses_move_with_time_and_not_with_whole_fluxons(shift_s, wells, train):
    times, signs = train
    axis = np.arange(0.0, 560.0, 0.25) * 1e-12
    phase = kinks(axis, times, signs)
    plain = detect_phase(axis, phase)
    moved = detect_phase(axis + shift_s, phase + wells * TWO_PI)
    assert np.abs(moved.times_s - plain.times_s - shift_s).max(initial=0.0) < 1e-17
    assert moved.signs.tolist() == plain.signs.tolist()
    assert moved.final_fluxons == pytest.approx(plain.final_fluxons, abs=1e-9)


@given(ramp_fluxons=st.floats(-30.0, 30.0), samples=st.integers(2, 400))
@settings(max_examples=100, deadline=None)
def test_a_ramp_gives_one_pulse_for_each_middle_it_is_clearly_past(ramp_fluxons, samples):
    axis = np.linspace(0.0, 1e-9, samples)
    found = detect_phase(axis, np.linspace(0.0, ramp_fluxons * TWO_PI, samples))
    expected = int(np.floor(abs(ramp_fluxons) + 0.5 - 0.1))
    # A ramp that ends within rounding of the certain point may fall on either side.
    if abs((abs(ramp_fluxons) + 0.4) % 1.0 - 0.5) < 0.499:
        assert found.count == expected
    assert set(found.signs.tolist()) <= {1 if ramp_fluxons > 0 else -1}
    middles = (np.arange(found.count) + 0.5) / max(abs(ramp_fluxons), 1e-9) * 1e-9
    assert found.times_s == pytest.approx(middles, rel=1e-6, abs=1e-18)


def test_ringing_about_the_middle_is_one_pulse_at_its_last_crossing():
    axis = np.arange(0.0, 40.0, 0.1) * 1e-12
    phase = kinks(axis, [20e-12], [1])
    ringing = np.pi + 0.5 * np.sin(axis / 0.7e-12)
    held = np.where(axis < 10e-12, phase, np.where(axis < 28.5e-12, ringing, TWO_PI))
    found = detect_phase(axis, held)
    assert found.signs.tolist() == [1]
    last_rise = np.floor(28.5e-12 / 0.7e-12 / TWO_PI) * TWO_PI * 0.7e-12
    assert found.times_s[0] == pytest.approx(last_rise, abs=1e-15)


def test_a_phase_that_comes_back_from_the_middle_is_no_pulse():
    axis = np.arange(0.0, 40.0, 0.25) * 1e-12
    bump = 1.15 * np.pi * np.exp(-(((axis - 20e-12) / 4e-12) ** 2))
    found = detect_phase(axis, bump)
    assert found.count == 0
    assert round(found.final_fluxons) == 0


def test_a_phase_that_stops_at_the_middle_is_no_pulse_but_leftover_flux_shows():
    axis = np.arange(0.0, 40.0, 0.25) * 1e-12
    found = detect_phase(axis, 1.04 * np.pi / (1 + np.exp(-(axis - 20e-12) / 1e-12)))
    assert found.count == 0
    assert found.final_fluxons == pytest.approx(0.52)


def test_two_wells_in_one_sample_interval_are_two_pulses_in_order():
    axis = np.array([0.0, 1.0, 2.0, 3.0]) * 1e-12
    found = detect_phase(axis, np.array([0.0, 0.0, 2 * TWO_PI, 2 * TWO_PI]))
    assert found.signs.tolist() == [1, 1]
    assert 1e-12 <= found.times_s[0] <= found.times_s[1] <= 2e-12


def test_rest_can_be_read_after_the_bias_has_ramped_up():
    axis = np.arange(0.0, 60.0, 0.25) * 1e-12
    bias = 0.78 * np.clip(axis / 10e-12, 0.0, 1.0)
    phase = bias + kinks(axis, [40e-12], [1])
    early, late = detect_phase(axis, phase), detect_phase(axis, phase, rest_at_s=12e-12)
    assert late.rest_rad == pytest.approx(0.78)
    assert late.times_s[0] == pytest.approx(40e-12, abs=1e-15)
    assert early.times_s[0] < late.times_s[0]
    assert late.final_fluxons == pytest.approx(1.0, abs=1e-9)
    assert early.final_fluxons == pytest.approx(1.0 + 0.78 / TWO_PI)


def test_windows_take_their_start_and_leave_their_end():
    train = PulseTrain(np.array([1.0, 2.0, 3.0]), np.array([1, -1, 1], dtype=np.int8), 0.0, 1.0)
    assert train.between(1.0, 3.0).tolist() == [1.0]


@given(train=trains(), step_ps=st.floats(0.1, 0.5))
@settings(max_examples=60, deadline=None)
def test_a_port_agrees_with_the_phase_behind_its_voltage(train, step_ps):
    times, signs = train
    axis = np.arange(0.0, 560.0, step_ps) * 1e-12
    voltage = np.zeros_like(axis)
    for at, sign in zip(times, signs, strict=True):
        voltage += (
            sign * PHI0 / TWO_PI * 2.0 / TAU_S / np.cosh(np.clip((axis - at) / TAU_S, -700, 700))
        )
    found = detect_voltage(axis, voltage)
    assert found.signs.tolist() == signs.tolist()
    assert np.abs(found.times_s - times).max(initial=0.0) < 0.03e-12
    assert found.final_fluxons == pytest.approx(signs.sum(), abs=1e-3)


@pytest.mark.parametrize(("area", "count"), [(0.45, 0), (0.85, 0), (0.95, 1), (1.0, 1)])
def test_a_port_pulse_counts_from_nine_tenths_of_a_fluxon(area, count):
    axis = np.arange(0.0, 40.0, 0.25) * 1e-12
    shape = np.exp(-(((axis - 20e-12) / 1e-12) ** 2))
    voltage = area * PHI0 * shape / (shape.sum() * 0.25e-12)
    found = detect_voltage(axis, voltage)
    assert found.count == count
    assert found.final_fluxons == pytest.approx(area)


@pytest.mark.parametrize(
    ("time", "phase", "options", "message"),
    [
        (
            [0.0, 1.0],
            [0.0],
            {},
            "phase has shape (1,) and its time axis (2,); both must be one-dimensional and equal",
        ),
        ([0.0], [0.0], {}, "phase has 1 samples; at least 2 are needed"),
        ([0.0, 1.0], [0.0, np.nan], {}, "phase is nan at sample 1 (1 s)"),
        ([0.0, 1.0], [np.inf, 0.0], {}, "phase is inf at sample 0 (0 s)"),
        (
            [0.0, 1.0],
            [0.0, 0.0],
            {"hysteresis_fluxons": 0.5},
            "hysteresis of 0.5 fluxons is outside 0 <= h < 0.5",
        ),
        (
            [0.0, 1.0],
            [0.0, 0.0],
            {"rest_at_s": 2.0},
            "rest_at_s is 2 s, outside the waveform (0 to 1 s)",
        ),
        (
            [0.0, 1.0],
            [0.0, 0.0],
            {"rest_at_s": 0.0, "rest_rad": 0.0},
            "rest_rad and rest_at_s are both given; at most one may be",
        ),
    ],
)
def test_what_cannot_be_trusted_is_refused(time, phase, options, message):
    with pytest.raises(WaveformError, match=f"^{re.escape(message)}$"):
        detect_phase(np.array(time), np.array(phase), **options)


LINE = """* two stages, one pulse
.model jmit jj(rtype=1, vg=2.8e-3, cap=0.07e-12, r0=160, rn=16, icrit=0.1e-3)
B1 1 0 jmit area=2.5
B2 2 0 jmit area=2.5
RS1 1 0 2.74
RS2 2 0 2.74
L1 1 2 4e-12
IB1 0 1 pwl(0 0 5e-12 175e-6)
IB2 0 2 pwl(0 0 5e-12 175e-6)
IIN 0 1 pwl(0 0 20e-12 0 22e-12 500e-6 24e-12 0)
.tran 0.01e-12 60e-12 0 0.01e-12
.print P(B1) P(B2) V(1) V(2) I(IB2)
.end
"""


@pytest.mark.josim
@pytest.mark.skipif(shutil.which("josim-cli") is None, reason="josim-cli is not on PATH")
def test_sparse_samples_of_josim_time_its_pulses_as_fine_ones_do():
    waveforms = JosimSimulator().run(DeckJob("line", LINE), timeout_s=20.0).require()
    time = waveforms.time_s
    for name in ("P(B1)", "P(B2)"):
        phase = waveforms.signal(name)
        truth = detect_phase(time, phase)
        assert truth.signs.tolist() == [1]
        for every, error_s in ((25, 1e-15), (50, 10e-15)):
            for offset in range(0, every, 5):
                found = detect_phase(time[offset::every], phase[offset::every], rest_rad=0.0)
                assert found.times_s == pytest.approx(truth.times_s, abs=error_s)


@pytest.mark.josim
@pytest.mark.skipif(shutil.which("josim-cli") is None, reason="josim-cli is not on PATH")
def test_josims_voltage_and_phase_give_the_same_pulses_and_energy():
    waveforms = JosimSimulator().run(DeckJob("line", LINE), timeout_s=20.0).require()
    time = waveforms.time_s
    for name, port in (("P(B1)", "V(1)"), ("P(B2)", "V(2)")):
        by_phase = detect_phase(time, waveforms.signal(name))
        by_voltage = detect_voltage(time, waveforms.signal(port))
        assert by_voltage.times_s == pytest.approx(by_phase.times_s, abs=0.02e-12)
        assert by_voltage.final_fluxons == pytest.approx(by_phase.final_fluxons, abs=1e-3)
    current = waveforms.signal("I(IB2)")
    by_time = np.trapezoid(waveforms.signal("V(2)") * current, time)
    by_phase = PHI0 / TWO_PI * np.trapezoid(current, waveforms.signal("P(B2)"))
    assert by_phase == pytest.approx(by_time, rel=1e-3, abs=0)
    # After the bias has ramped up, the pulse costs bias times the phase it advances.
    steady = time > 10e-12
    phase = waveforms.signal("P(B2)")[steady]
    assert PHI0 / TWO_PI * np.trapezoid(current[steady], phase) == pytest.approx(
        175e-6 * PHI0 / TWO_PI * (phase[-1] - phase[0]), rel=1e-9, abs=0
    )


def steps(fluxons):
    """A phase sampled at 0, 1, 2, ... s that takes these values in fluxons."""
    values = np.array(fluxons, dtype=float)
    return np.arange(values.size, dtype=float), values * TWO_PI


def test_a_sample_at_the_middle_is_the_time_of_the_pulse():
    found = detect_phase(*steps([0, 0, 0, 0.5, 1, 1, 1]))
    assert found.signs.tolist() == [1]
    assert found.times_s == pytest.approx([3.0], abs=1e-9)
    back = detect_phase(*steps([0, 0, 0, -0.5, -1, -1, -1]))
    assert back.signs.tolist() == [-1]
    assert back.times_s == pytest.approx([3.0], abs=1e-9)


def test_a_phase_that_rests_on_the_middle_crosses_it_where_it_arrives():
    found = detect_phase(*steps([0, 0, 0.5, 0.5, 0.5, 1, 1]))
    assert found.times_s == pytest.approx([2.0], abs=1e-9)


@pytest.mark.parametrize(
    ("top", "hysteresis", "signs"),
    [(0.75, 0.25, [1, -1]), (0.75, 0.26, []), (0.74, 0.25, []), (0.5, 0.0, [1, -1]),
     (1.75, 0.25, [1, 1, -1, -1]), (1.74, 0.25, [1, -1]),
     (-0.75, 0.25, [-1, 1]), (-0.74, 0.25, [])],
)  # fmt: skip
def test_an_advance_counts_from_so_far_past_the_middle(top, hysteresis, signs):
    time, phase = steps([0, 0, 0, top, 0, 0, 0])
    found = detect_phase(time, phase, hysteresis_fluxons=hysteresis)
    assert found.signs.tolist() == signs
    assert found.signs.sum() == 0


def test_a_record_that_begins_or_ends_at_an_edge():
    """A first sample beyond the middle is a pulse at once; the rest may be read at either end."""
    time, phase = steps([0.8, 1, 1, 1])
    found = detect_phase(time, phase, rest_rad=0.0)
    assert (found.signs.tolist(), found.times_s.tolist()) == ([1], [0.0])
    for at, rest in ((0.0, 0.8), (3.0, 1.0), (0.5, 0.9)):
        assert detect_phase(time, phase, rest_at_s=at).rest_rad == pytest.approx(rest * TWO_PI)
    for at in (-0.1, 3.1):
        message = f"rest_at_s is {at:.6g} s, outside the waveform (0 to 3 s)"
        with pytest.raises(WaveformError, match=f"^{re.escape(message)}$"):
            detect_phase(time, phase, rest_at_s=at)
    two = detect_phase(np.array([0.0, 2.0]), np.array([0.0, TWO_PI]))
    assert (two.signs.tolist(), two.times_s.tolist()) == ([1], [1.0])


def test_a_hysteresis_of_nothing_is_allowed_and_one_below_is_not():
    time, phase = steps([0, 0, 1, 1])
    assert detect_phase(time, phase, hysteresis_fluxons=0.0).count == 1
    message = "hysteresis of -0.1 fluxons is outside 0 <= h < 0.5"
    with pytest.raises(WaveformError, match=f"^{re.escape(message)}$"):
        detect_phase(time, phase, hysteresis_fluxons=-0.1)


def test_counts_in_words_and_how_many_a_run_may_hold():
    assert [pulses_in_words(n) for n in (0, 1, 2)] == ["0 pulses", "1 pulse", "2 pulses"]
    assert (most_pulses(0.0), most_pulses(1e-9), most_pulses(32e-12)) == (64, 2000, 64)
    train = PulseTrain(np.array([1.0, 2.0]), np.array([1, -1], dtype=np.int8), 0.0, 1.75)
    assert train.count == 2
    assert train.between(1.0, 2.0).tolist() == [1.0]
    assert train.between(2.0, 3.0).size == train.between(0.0, 1.0).size == 0


def test_samples_of_single_precision_are_computed_in_double():
    time = np.arange(400) * 0.25e-12
    phase = (2000 * np.pi * np.arange(400) / 400).astype(np.float32)
    found = detect_phase(time.astype(np.float32), phase)
    expected = detect_phase(time.astype(np.float32).astype(float), phase.astype(float))
    assert found.times_s.dtype == np.float64
    np.testing.assert_array_equal(found.times_s, expected.times_s)
    assert found.final_fluxons == expected.final_fluxons
