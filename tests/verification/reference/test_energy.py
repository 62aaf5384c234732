"""Energy against cases with a closed answer."""

from __future__ import annotations

import re

import numpy as np
import pytest

from netlist_gen.constants import PHI0, TWO_PI
from netlist_gen.errors import ConfigurationError
from verification.reference.energy import EnergyLedger, bias_energy


def test_one_fluxon_under_a_constant_bias_costs_bias_times_phi0():
    one = bias_energy(np.array([175e-6]), np.array([[TWO_PI]]))
    assert one == pytest.approx([175e-6 * PHI0], rel=1e-9, abs=0)
    # 0.207 aJ for 100 uA: the figure every paper on SFQ starts from.
    one = bias_energy(np.array([100e-6]), np.array([[TWO_PI]]))
    assert one == pytest.approx([0.2068e-18], rel=1e-3, abs=0)


def test_sources_add_and_windows_stay_apart():
    turns = np.array([[1.0, 0.0, 2.0], [0.0, 3.0, -1.0]])
    found = bias_energy(np.array([1e-4, 2e-4]), TWO_PI * turns)
    assert found == pytest.approx(PHI0 * 1e-4 * np.array([1, 6, 0]), rel=1e-9, abs=1e-30)


def test_three_kinds_of_energy():
    ledger = EnergyLedger(1e-18, 1e-3, 2e-3, 1e-9, 400.0)
    assert ledger.static_W == pytest.approx(2e-6)
    assert ledger.static_J == pytest.approx(2e-15, rel=1e-9, abs=0)
    assert ledger.wall_plug_J == pytest.approx(400.0 * 2.001e-15, rel=1e-9, abs=0)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            (1.0, -1.0, 1.0, 1.0, 1.0),
            "energy: supply_A is -1.0; it must be finite and not negative",
        ),
        ((float("nan"), 1.0, 1.0, 1.0, 1.0), "energy: dynamic_J is nan; it must be finite"),
    ],
)
def test_nonsense_is_refused(values, message):
    with pytest.raises(ConfigurationError, match=f"^{re.escape(message)}$"):
        EnergyLedger(*values)
