from __future__ import annotations

import re

import pytest
from engine_decks import compile_deck, jtl

from netlist_gen.errors import ConfigurationError, SimulatorError
from verification.engine.check_step import Difference, StepCheck, check_step

LINEAR = """I1 0 1 pwl(0 0 1p 1m)
L1 1 0 1p
C1 1 0 1p
R1 1 0 20
.tran {step} 20p 0 0.1p
.print nodev 1
"""

TWO_STATES = """.model jj jj(rtype=0, vg=2.8m, icrit=0.1m, r0=160, rn=16, cap=0.07p)
B0 1 0 jj area=0.7926
B1 2 0 jj area=5.77
L2 1 2 1.596e-13
B3 3 0 jj area=0.267
L4 2 3 1.098e-13
B5 4 0 jj area=0.1128
L6 3 4 7.109e-13
R7 5 0 0.253
L8 4 5 2.91e-13
B9 3 0 jj area=2.115
L10 5 5 3.863e-11
R11 0 1 1039
G12 5 0 0 0 5.999
G13 2 0 4 0 4.728
I99 0 4 pwl(0 0 5p 0.0007407)
.tran 0.25p 20p 0 0.5p
.print nodep 1
.print nodev 1
.print phase B0
"""
"""0.25 ps, a half and a quarter of it look alike to 0.07 rad; at 2 fs a phase is 28 rad further."""


def test_a_small_step_passes_and_a_smaller_one_shifts_less():
    coarse = check_step(compile_deck(jtl(4, step="0.1p"), name="d"))
    fine = check_step(compile_deck(jtl(4, step="0.05p"), name="d"))
    coarse.require()
    fine.require()
    assert fine.found.pulses_equal
    assert 0 < fine.found.shift_s < coarse.found.shift_s < 10e-15
    assert fine.found.phase < coarse.found.phase / 2
    assert fine.found.error < coarse.found.error < 0.1
    assert (coarse.enough_s, fine.enough_s) == (coarse.step_s, fine.step_s)
    assert fine.finest_s == pytest.approx(fine.step_s / 4)


def test_noise_is_the_same_at_all_steps():
    found = check_step(compile_deck(jtl(4, extra=".temp 4.2\n.neb 0.2T\n"), name="d"), seed=5)
    found.require()
    assert found.found.shift_s < 50e-15


def test_steps_that_agree_on_the_way_to_another_state_are_found_out():
    found = check_step(compile_deck(TWO_STATES, name="d"))
    assert found.enough_s is None or found.enough_s < 0.01e-12
    assert found.found.phase > 4  # fluxons
    with pytest.raises(
        SimulatorError, match=r"^d: steps of 0\.25 ps and .* give other pulses: not as "
    ):
        found.require()


def test_a_linear_circuit_is_held_to_a_hundredth():
    fine = check_step(compile_deck(LINEAR.format(step="0.01p"), name="d"))
    fine.require()
    coarse = check_step(compile_deck(LINEAR.format(step="0.1p"), name="d"))
    # Beside junctions a fifth would be allowed.
    assert 0.01 < coarse.found.error < 0.2
    enough = f"{coarse.enough_s * 1e12:.4g}"
    with pytest.raises(SimulatorError, match=f"; use a step of at most {enough} ps in .tran$"):
        coarse.require()
    check_step(compile_deck(LINEAR.format(step=f"{enough}p"), name="d")).require()


def test_what_is_too_large_and_what_never_settles_is_refused():
    other = Difference(0.5, 1e-12, 0.5, 0.2)
    message = (
        "d: steps of 0.25 ps and 0.0625 ps give other pulses: they shift by at most 1e+03 "
        "fs; signals differ by at most 5.00e-01 of their range; use a step of at most 0.125 ps in "
        ".tran"
    )
    with pytest.raises(SimulatorError, match=f"^{re.escape(message)}$"):
        StepCheck("d", 0.25e-12, 0.0625e-12, other, 0.125e-12).require()
    message = (
        "d: steps of 0.25 ps and 0.0625 ps give other pulses: they shift by at most 1e+03 "
        "fs; signals differ by at most 5.00e-01 of their range; down to the finest, steps and "
        "their halves differ, so that no result of this deck can be trusted"
    )
    with pytest.raises(SimulatorError, match=f"^{re.escape(message)}$"):
        StepCheck("d", 0.25e-12, 0.0625e-12, other, None).require()
    for unlike in (
        Difference(0.0, 1e-12, 0.1, 0.2),
        Difference(0.0, 1e-15, 0.5, 0.2),
        Difference(0.0, 1e-15, 0.1, 0.01),
    ):
        with pytest.raises(SimulatorError, match="use a step of at most"):
            StepCheck("d", 0.25e-12, 0.0625e-12, unlike, 0.125e-12).require()


def test_a_noise_source_without_its_own_spacing_has_no_half_step():
    deck = compile_deck("I1 0 1 noise(1p 0)\nR1 1 0 1\n.tran 0.1p 1p\n", name="d")
    message = (
        "d: I1 draws a number at each time step, so two steps are two signals; give noise(..) its "
        "third number"
    )
    with pytest.raises(ConfigurationError, match=f"^{re.escape(message)}$"):
        check_step(deck)
