from __future__ import annotations

import re

import numpy as np
import pytest
from cell_benches import EVENTS, cell_bench
from energy_balance import energy_balance, quasiparticle_current
from engine_decks import MODEL

from netlist_gen.errors import ConfigurationError
from verification.engine.text.deck import ModelCard


@pytest.mark.parametrize("name", EVENTS)
def test_energy_balances_on_every_cell_and_better_with_smaller_steps(name):
    """The step's error (BDF2 damps a little) is second order: some 1e-3 at the deck's 0.05 ps.

    An escape that takes a pulse out, with 0.4 pH under junctions of 270 uA, rings fastest.
    """
    text = cell_bench(name).deck("josim").text
    coarse = energy_balance(text, name=name)
    fine = energy_balance(text, name=name, step_s=0.0125e-12)
    assert coarse.dissipated_J > 1e-18
    assert coarse.relative_error < 8e-3
    assert fine.relative_error < coarse.relative_error / 10


def test_what_a_resistor_and_a_capacitor_take():
    text = "V1 1 0 pwl(0 0 1p 1m)\nR1 1 2 10\nC1 2 0 0.1p\n.tran 0.002p 40p"
    found = energy_balance(text)
    assert found.stored_J == pytest.approx(0.5 * 0.1e-12 * 1e-6, rel=1e-6)
    assert found.relative_error < 1e-4


def test_coupled_inductors_and_a_junction_at_rest():
    text = MODEL + (
        "B1 1 0 jj1\nR9 1 0 5\nI1 0 1 pwl(0 0 4p 50u)\nL1 2 0 2p\nL2 3 0 4p\nK1 L1 L2 0.5\n"
        "I2 0 2 pwl(0 0 4p 1m)\nI3 0 3 pwl(0 0 4p 0.5m)\nR2 2 0 3\nR3 3 0 3\n.tran 0.005p 80p"
    )
    found = energy_balance(text)
    mutual = 0.5 * np.sqrt(8) * 1e-12
    coils = 0.5 * 2e-12 * 1e-6 + 0.5 * 4e-12 * 0.25e-6 + mutual * 1e-3 * 0.5e-3
    junction = 1e-4 * 2.067833831170082e-15 / (2 * np.pi) * (1 - np.cos(np.arcsin(0.5)))
    assert found.stored_J == pytest.approx(coils + junction, rel=1e-5)
    assert found.relative_error < 1e-3


def test_the_quasiparticle_branch():
    model = ModelCard("m", vg=2e-3, delv=0.2e-3, icrit=1e-4, r0=100, rn=10, icfact=0.8)
    v = np.array([1e-3, -1e-3, 1.9e-3, 2e-3, 2.2e-3])
    steep = 1e-4 / (0.8 * 0.2e-3)
    expected = [1e-5, -1e-5, 1.9e-5, 1.9e-5 + steep * 0.1e-3, 2.2e-4]
    np.testing.assert_allclose(quasiparticle_current(model, 1.0, v), expected)
    assert quasiparticle_current(ModelCard("m", rtype=0, rn=10), 2.0, v)[0] == 2e-4


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("T1 1 0 2 0 td=1p z0=5\nR1 1 0 1\nR2 2 0 1",
         "d: T1 has no place in an energy balance"),
        (".model m jj(cpr={0.9, 0.1})\nB1 1 0 m",
         "d: B1 is no junction with a plain sine"),
    ],
)  # fmt: skip
def test_refusals(text, message):
    with pytest.raises(ConfigurationError, match=f"^{re.escape(message)}$"):
        energy_balance(text + "\n.tran 0.1p 1p", name="d")
