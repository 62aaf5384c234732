"""Energy against cases with a closed answer."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from netlist_gen.constants import PHI0, TWO_PI
from netlist_gen.errors import WaveformError
from verification.reference.energy import (
    EnergyLedger,
    bias_energy,
    phase_energy,
    static_power,
    wall_plug,
    waveform_energy,
)


def test_one_fluxon_under_a_constant_bias_costs_bias_times_phi0():
    assert bias_energy(175e-6, TWO_PI) == pytest.approx(175e-6 * PHI0, rel=1e-9, abs=0)
    # 0.207 aJ for 100 uA: the figure every paper on SFQ starts from.
    assert bias_energy(100e-6, TWO_PI) == pytest.approx(0.2068e-18, rel=1e-3, abs=0)


@given(st.floats(1e-6, 1e-3), st.integers(3, 200), st.floats(-20.0, 20.0))
def test_phase_energy_of_a_constant_current_does_not_depend_on_sampling(current, samples, end):
    rng = np.random.default_rng(samples)
    phase = np.concatenate(([0.0], rng.normal(size=samples).cumsum(), [end]))
    energy = phase_energy(np.full(phase.size, current), phase)
    assert energy == pytest.approx(bias_energy(current, end), rel=1e-9, abs=1e-30)


def test_voltage_and_phase_tell_the_same_energy():
    tau, at = 0.6e-12, 20e-12
    time = np.arange(0.0, 40e-12, 0.05e-12)
    current = 100e-6 * (1.0 + 0.2 * np.sin(time / 5e-12))
    phase = 4.0 * np.arctan(np.exp((time - at) / tau))
    voltage = PHI0 / TWO_PI * 2.0 / tau / np.cosh((time - at) / tau)
    assert waveform_energy(time, voltage, current) == pytest.approx(
        phase_energy(current, phase), rel=1e-4
    )


def test_static_and_wall_plug():
    assert static_power(2e-3, 2.6e-3) == pytest.approx(5.2e-6)
    assert wall_plug(5.2e-6) == pytest.approx(2.08e-3)
    assert wall_plug(1.0, 1000.0) == 1000.0


def test_a_ledger_keeps_kinds_apart_and_adds_parts():
    ledger = EnergyLedger(1e-18, 2e-6, 1e-9)
    assert ledger.static_J == pytest.approx(2e-15, rel=1e-9, abs=0)
    assert ledger.wall_plug_J == pytest.approx(400.0 * 2.001e-15, rel=1e-9, abs=0)
    both = ledger + EnergyLedger(2e-18, 1e-6, 1e-9)
    assert (both.dynamic_J, both.static_W, both.duration_s) == pytest.approx(
        (3e-18, 3e-6, 1e-9), rel=1e-9, abs=0
    )


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (
            lambda: EnergyLedger(1.0, -1.0, 1.0),
            "energy ledger: static_W is -1.0; it must be finite and not negative",
        ),
        (
            lambda: EnergyLedger(float("nan"), 1.0, 1.0),
            "energy ledger: dynamic_J is nan; it must be finite",
        ),
        (
            lambda: EnergyLedger(1.0, 1.0, 1.0) + EnergyLedger(1.0, 1.0, 2.0),
            "energy ledgers over 1.0 s at 400.0 W/W and over 2.0 s at 400.0 W/W cannot be added",
        ),
        (
            lambda: phase_energy(np.zeros(3), np.zeros(4)),
            "current has shape (3,) and phase (4,); both must be one-dimensional, equal, and "
            "hold at least 2 samples",
        ),
        (
            lambda: waveform_energy(np.arange(2.0), np.array([0.0, np.nan]), np.zeros(2)),
            "voltage is nan at sample 1",
        ),
    ],
)
def test_nonsense_is_refused(build, message):
    with pytest.raises(WaveformError, match=f"^{re.escape(message)}$"):
        build()
