"""JoSIM's time axis, restored from 7 digits; held against JoSIM where it is installed."""

from __future__ import annotations

import re
import shutil

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from netlist_gen.errors import WaveformError
from verification.simulators.base import DeckJob
from verification.simulators.embedded import EmbeddedSimulator
from verification.simulators.josim import JosimSimulator
from verification.waves.josim_controls import Transient
from verification.waves.readers.time_axis import josim_axis, restore_josim_axis

PS = 1e-12


def printed(axis, digits=7):
    return np.array([float(f"{time:.{digits - 1}e}") for time in axis])


@st.composite
def transients(draw):
    step = draw(st.integers(1, 100)) * 0.01 * PS
    per_print = draw(st.floats(1.0, 12.0))
    prints = draw(st.integers(4, 400))
    stop = step * per_print * prints
    start = draw(st.sampled_from([0.0, 0.25, 0.5])) * stop
    return Transient(step, stop, start, step * per_print)


# Rounding puts the first print point beyond step 5: JoSIM prints step 6 for it, and again for the
# next point.
TWICE = Transient(
    0.05 * PS, 0.50000000000000011 * PS, 0.25000000000000006 * PS, 5.0000000000000014e-14
)


@given(transients(), st.integers(0, 3))
@example(TWICE, 0)
@settings(max_examples=200, deadline=None)
def test_any_axis_is_restored_exactly_from_its_printed_digits(transient, halvings):
    axis = josim_axis(transient, halvings)
    restored = restore_josim_axis(printed(axis), transient, 7)
    assert np.array_equal(printed(restored), printed(axis))
    assert np.abs(restored - axis).max() <= 1e-6 * axis[-1]
    assert (np.diff(restored)[1:] > 0).all()
    assert (np.diff(restored) >= 0).all()


@given(transients())
@settings(max_examples=100, deadline=None)
def test_samples_lie_on_the_internal_grid_at_or_after_their_print_points(transient):
    axis = josim_axis(transient)
    steps = axis / transient.step_s
    assert np.abs(steps - np.round(steps)).max() < 1e-6
    points = transient.print_start_s + np.arange(axis.size) * transient.print_step_s
    late = (axis - points) / transient.step_s
    assert late.min() > -1e-3
    assert late.max() < 1.0 + 1e-3


def test_stamps_that_repeat_in_seven_digits_are_told_apart():
    transient = Transient(0.1 * PS, 2e6 * PS, 1.99e6 * PS, 0.1 * PS)
    axis = josim_axis(transient)
    stamps = printed(axis)
    assert np.count_nonzero(np.diff(stamps) == 0) > 0.8 * stamps.size
    assert np.array_equal(restore_josim_axis(stamps, transient, 7), axis)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda axis: axis[:-1],
            "the output was cut short: it holds 39, but .tran to 1e-11 s in prints of 2.5e-13 s "
            "makes 40 samples",
        ),
        (
            lambda axis: axis[:7],
            "the output was cut short: it holds 7, but .tran to 1e-11 s in prints of 2.5e-13 s "
            "makes 40 samples",
        ),
        (
            lambda axis: np.append(axis, 10 * PS),
            "the output holds 41 samples, but .tran to 1e-11 s in prints of 2.5e-13 s makes 40 "
            "samples",
        ),
        (
            lambda axis: np.delete(axis, 5),
            "time stamp 1.5e-12 s of sample 5 is not on the grid that the deck asks for (expected "
            "1.25e-12 s), even after 8 halvings of the step: the output is another deck's or "
            "damaged",
        ),
        (
            lambda axis: np.where(axis == axis[3], axis[2], axis),
            "time stamp 5e-13 s of sample 3 is not on the grid that the deck asks for (expected "
            "7.5e-13 s), even after 8 halvings of the step: the output is another deck's or "
            "damaged",
        ),
    ],
)
def test_damaged_axes_are_refused(change, message):
    transient = Transient(0.05 * PS, 10 * PS, 0.0, 0.25 * PS)
    stamps = change(printed(josim_axis(transient)))
    with pytest.raises(WaveformError, match=f"^{re.escape(message)}$"):
        restore_josim_axis(stamps, transient, 7)


def test_nothing_to_print_is_refused():
    message = ".tran prints from 9.9e-12 s, but JoSIM's last step is before that (stop at 1e-11 s)"
    with pytest.raises(WaveformError, match=f"^{re.escape(message)}$"):
        josim_axis(Transient(1 * PS, 10 * PS, 9.9 * PS, 1 * PS))


def test_the_first_sample_may_come_twice():
    np.testing.assert_allclose(
        josim_axis(TWICE), np.array([0.3, 0.3, 0.35, 0.4, 0.45]) * PS, rtol=1e-12
    )


@pytest.mark.josim
@pytest.mark.skipif(shutil.which("josim-cli") is None, reason="josim-cli is not on PATH")
@pytest.mark.parametrize(
    "tran",
    [
        "0.05p 40p",
        "0.05p 100p 0 0.25p",
        "0.1p 500p 0 0.3p",
        "0.03p 77p 5p 0.1p",
        "0.05p 2n 0.3n 0.7p",
        "0.07p 33p 1.1p 0.07p",
        "0.1p 20p 0 0.1p DST",
        # Coarse steps: JoSIM halves its own, once and more often.
        "0.5p 100p 0 1p",
        "1p 200p 0 1p",
        "4p 400p 0 4p",
    ],
)
def test_josim_steps_as_this_says(tran):
    deck = f"""* driven junction
.model jmit jj(rtype=1, vg=2.8m, cap=0.07p, r0=160, rn=16, icrit=0.1m)
IB 0 1 pwl(0 0 5p 175u)
II 0 1 pwl(0 0 20p 0 22p 300u 24p 0)
B1 1 0 jmit area=2.5
R1 1 0 2.74
.tran {tran}
.print P(B1)
.end
"""
    waveforms = JosimSimulator().run(DeckJob("axis", deck), timeout_s=20.0).require()
    assert waveforms.time_s.size > 20


@pytest.mark.josim
@pytest.mark.skipif(shutil.which("josim-cli") is None, reason="josim-cli is not on PATH")
def test_a_sample_that_josim_prints_twice_is_read_once():
    times = [TWICE.step_s, TWICE.stop_s, TWICE.print_start_s, TWICE.print_step_s]
    deck = f"""I1 0 1 pwl(0 0 1p 1m)
R1 1 0 1
.tran {" ".join(f"{time * 1e12!r}p" for time in times)}
.print V(1)
.end
"""
    waveforms = JosimSimulator().run(DeckJob("axis", deck), timeout_s=20.0).require()
    ours = EmbeddedSimulator().run(DeckJob("axis", deck), timeout_s=20.0).require()
    assert waveforms.time_s.size == 4
    np.testing.assert_array_equal(waveforms.time_s, ours.time_s)
    np.testing.assert_allclose(waveforms.values, ours.values, rtol=1e-6)
