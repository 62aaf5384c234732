from __future__ import annotations

import re

import pytest
from engine_decks import compile_deck, jtl

from netlist_gen.errors import ConfigurationError, SimulatorError
from verification.engine.check_step import StepCheck, check_step


def test_a_small_step_passes_and_a_smaller_one_shifts_less():
    coarse = check_step(compile_deck(jtl(4, step="0.1p"), name="d"))
    fine = check_step(compile_deck(jtl(4, step="0.05p"), name="d"))
    coarse.require()
    fine.require()
    assert fine.pulses_equal
    assert 0 < fine.shift_s < coarse.shift_s / 2
    assert fine.error < coarse.error < 0.1


def test_noise_is_the_same_at_both_steps():
    found = check_step(compile_deck(jtl(4, extra=".temp 4.2\n.neb 0.2T\n"), name="d"), seed=5)
    found.require()
    assert found.shift_s < 50e-15


def test_a_step_that_is_too_large_is_refused():
    found = StepCheck("d", 0.25e-12, False, 1e-12, 0.5)
    message = (
        "d: 0.25 ps and half of it give other pulses; pulses shift by at most 1e+03 fs, signals by "
        "5.00e-01 of their range; use a smaller step in .tran"
    )
    with pytest.raises(SimulatorError, match=f"^{re.escape(message)}$"):
        found.require()
    with pytest.raises(SimulatorError, match="use a smaller step"):
        StepCheck("d", 0.25e-12, True, 1e-12, 0.1).require()
    with pytest.raises(SimulatorError, match="use a smaller step"):
        StepCheck("d", 0.25e-12, True, 1e-15, 0.5).require()


def test_a_noise_source_without_its_own_spacing_has_no_half_step():
    deck = compile_deck("I1 0 1 noise(1p 0)\nR1 1 0 1\n.tran 0.1p 1p\n", name="d")
    message = (
        "d: I1 draws a number at each time step, so two steps are two signals; give noise(..) its "
        "third number"
    )
    with pytest.raises(ConfigurationError, match=f"^{re.escape(message)}$"):
        check_step(deck)
