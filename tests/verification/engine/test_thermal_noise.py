"""Thermal noise against equipartition: every store of energy holds kT/2."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
from engine_decks import compile_deck, every_step

from verification.engine.equations.constants import BOLTZMANN
from verification.simulators.base import DeckJob
from verification.simulators.josim import JosimSimulator

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


NOISE_OF_STEPS = (
    "R1 1 0 2 temp=4.2 neb=1T\nR2 1 0 3\n.tran {step} {stop} 0 {step}\n.print v(1)\n"
    ".option seed=5\n.end\n"
)


def own_noise(step, stop, *, seed=3, **options):
    text = NOISE_OF_STEPS.format(step=step, stop=stop)
    waves = compile_deck(text, name="d").run(seed=seed, **options).waveforms
    return waves.signal("V(1)")[200:]


def variance_of_a_draw():
    """4kT/R over half the bandwidth, across both resistors, V^2."""
    return 4 * BOLTZMANN * KELVIN / 2.0 * 1e12 / 2 * (2.0 * 3.0 / 5.0) ** 2


def neighbours(v):
    """Correlation of each sample with the next."""
    return np.corrcoef(v[:-1], v[1:])[0, 1]


@pytest.mark.parametrize("step", ["0.1p", "0.03p"])
def test_josims_noise_is_a_draw_in_every_step(step):
    v = own_noise(step, "1n", noise_each_step=True)
    assert v.var() == pytest.approx(variance_of_a_draw(), rel=0.05)
    assert abs(neighbours(v)) < 0.05
    # The engine's own are ten steps of 0.1 ps apart, or more, and joined by lines.
    assert neighbours(own_noise(step, "1n")) > 0.95


def test_josims_noise_has_the_power_of_a_step():
    """A capacitor holds neb times the step of its kT/2: 1 THz times 0.1 ps, and half of that."""
    for step, share in (("0.1p", 0.1), ("0.05p", 0.05)):
        text = f"R1 1 0 2\nC1 1 0 1p\n.temp {KELVIN}\n.neb 1T\n.tran {step} 9n\n.print v(1)"
        v = compile_deck(text, name="d").run(seed=1, noise_each_step=True).waveforms.values[0]
        assert v[1000:].var() == pytest.approx(share * BOLTZMANN * KELVIN / 1e-12, rel=0.1)


def test_josims_noise_of_a_source_has_its_deviation():
    text = "I1 0 1 noise(1f 5p 0.5p)\nR1 1 0 1\n.tran 0.05p 600p\n.print i(i1)"
    current = compile_deck(text, name="d").run(seed=2, noise_each_step=True).waveforms.values[0]
    assert not current[:100].any()
    assert current[110:].std() == pytest.approx(1e-15 / np.sqrt(2 * 0.5e-12), rel=0.03)
    assert abs(neighbours(current[110:])) < 0.05


@pytest.mark.josim
@pytest.mark.skipif(shutil.which("josim-cli") is None, reason="josim-cli is not on PATH")
def test_josims_noise_is_josims():
    """The deviation and its white spectrum, of JoSIM itself; its draws are others."""
    job = DeckJob("noise", NOISE_OF_STEPS.format(step="0.1p", stop="1n"))
    v = JosimSimulator().run(job, timeout_s=60.0).require().signal("V(1)")[200:]
    assert v.var() == pytest.approx(variance_of_a_draw(), rel=0.06)
    assert abs(neighbours(v)) < 0.05
