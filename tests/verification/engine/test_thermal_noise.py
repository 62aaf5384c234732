"""Thermal noise against equipartition: every store of energy holds kT/2."""

from __future__ import annotations

import numpy as np
import pytest
from engine_decks import compile_deck, every_step

from verification.engine.equations.constants import BOLTZMANN

KELVIN = 4.2
LANES = 64


def samples(text, signal, skip):
    deck = compile_deck(text, name="d")
    lanes = deck.run_lanes([{}] * LANES, seeds=list(range(LANES)), extract=every_step(deck))
    return np.stack([lane.waveforms.signal(signal)[skip:] for lane in lanes])


@pytest.mark.parametrize("series", ["", "L9 9 0 0.4p\n"])
def test_a_resistor_warms_a_capacitor(series):
    """<V^2> = kT/C, whatever R, alone or with an inductor in series in the same branch."""
    far = "9" if series else "0"
    text = (
        f"R1 1 {far} 2\n{series}C1 1 0 1p\nI1 0 1 dc 0\n.temp {KELVIN}\n.neb 5T\n"
        ".tran 0.1p 400p\n.print v(1)"
    )
    v = samples(text, "V(1)", 200)
    assert v.mean() == pytest.approx(0.0, abs=5e-7)
    # Lines between samples 0.2 ps apart leave out a thirtieth of the power at RC = 2 ps.
    assert v.var() == pytest.approx(BOLTZMANN * KELVIN / 1e-12, rel=0.07)


def test_a_resistor_warms_an_inductor():
    """<I^2> = kT/L."""
    text = f"R1 1 0 2 temp={KELVIN} neb=2T\nL1 1 0 10p\nC9 1 0 1f\n.tran 0.1p 500p\n.print i(l1)"
    current = samples(text, "I(L1)", 300)
    assert current.var() == pytest.approx(BOLTZMANN * KELVIN / 10e-12, rel=0.06)


def test_a_junction_makes_the_noise_of_its_subgap_resistance():
    """Small swings of a damped junction: its Josephson inductance holds kT/2."""
    model = ".model m jj(rtype=1, vg=2.8m, cap=0.2p, r0=5, rn=5, icrit=0.1m)\n"
    text = model + f"B1 1 0 m\n.temp {KELVIN}\n.neb 2T\n.tran 0.05p 400p\n.print p(b1)"
    phase = samples(text, "P(B1)", 800)
    # <phi^2> = kT / E_J with E_J = Ic Phi0 / 2 pi, where the phase stays small.
    energy = 1e-4 * 2.067833831170082e-15 / (2 * np.pi)
    assert phase.var() == pytest.approx(BOLTZMANN * KELVIN / energy, rel=0.08)


def test_a_noise_source_has_its_density():
    """noise(a td tstep): a / sqrt(2 tstep), a new number every tstep, joined by lines."""
    text = "I1 0 1 noise(1f 5p 0.5p)\nR1 1 0 1\n.tran 0.05p 300p\n.print i(i1)"
    current = samples(text, "I(I1)", 0)
    assert not current[:, :100].any()
    assert current[:, 110::10].std() == pytest.approx(1e-15 / np.sqrt(2 * 0.5e-12), rel=0.03)
    between = 0.5 * (current[:, 110:-10:10] + current[:, 120::10])
    np.testing.assert_allclose(current[:, 115:-5:10], between, rtol=1e-6, atol=1e-14)


def test_without_a_temperature_nothing_is_noisy():
    deck = compile_deck("R1 1 0 2\nC1 1 0 1p\n.tran 0.1p 50p\n.print v(1)", name="d")
    assert not deck.run(seed=3).waveforms.values.any()
