from __future__ import annotations

import math
import re

import numpy as np
import pytest
from engine_decks import MODEL, flat

from netlist_gen.errors import DeckError
from verification.engine.equations.constants import (
    BOLTZMANN,
    ELEMENTARY_CHARGE,
    HBAR,
    NAMED,
    SIGMA,
)
from verification.engine.equations.topology import build_topology
from verification.engine.equations.values import coefficients, nominal_values

H = 0.1e-12


def parts(text, seed=0):
    topology = build_topology(flat(text))
    values = nominal_values(topology, seed)
    return topology, values, coefficients(topology, values, H)


def test_coefficients_are_josims_stamps():
    """docs/comp_stamps.md of JoSIM, solved for the current."""
    text = MODEL + (
        "B1 1 0 jj1 area=2\nR1 1 2 5\nR2 1 3 5\nL2 3 0 2p\nC1 2 0 1p\nL1 2 0 4p\n"
        "T1 2 0 4 0 td=1p z0=7\nR4 4 0 1\n.print p(1)"
    )
    _, _, c = parts(text)
    pc = 4 * H * ELEMENTARY_CHARGE / (3 * HBAR)
    assert c.inverse_pc == pytest.approx(1 / pc)
    expected = (2 / 160 + 3 * 0.14e-12 / (2 * H)) / pc
    assert c.junction[:, 0, 0] == pytest.approx([expected, 2.8e-13 / H, 2e-4, 0.0, 1.0])
    assert c.branch == pytest.approx(expected)
    plain, series = c.resistor[:, 0, 0], c.resistor[:, 1, 0]
    per_ampere = 5 * 2 * H / 3 / SIGMA
    assert plain == pytest.approx([1 / per_ampere, 0.0, per_ampere])
    g = 1 / (2e-12 / SIGMA + per_ampere)
    assert series == pytest.approx([g, 2e-12 / SIGMA * g, per_ampere])
    assert c.capacitor[0, 0] == pytest.approx(9 * SIGMA * 1e-12 / (4 * H**2))
    assert c.single[0, 0] == pytest.approx(SIGMA / 4e-12)
    assert c.lines[0, 0] == pytest.approx(3 * SIGMA / (2 * H * 7))


def test_the_gap():
    _, _, c = parts(MODEL + "B1 1 0 jj1 area=2\nR1 1 0 1")
    low, high, steep, normal, current = c.gap[:, 0, 0]
    assert (low, high) == (2.75e-3, 2.85e-3)
    g_large = 2e-4 / (math.pi / 4 * 0.1e-3)
    assert steep == pytest.approx(g_large - 2 / 160)
    assert normal == pytest.approx(2 / 16 - 2 / 160)
    # Both pieces meet at the lower end of the step.
    assert low * 2 / 160 == pytest.approx(g_large * low + current)


def test_the_thermal_relation_sets_resistance_and_strength():
    text = ".model m jj(t=4.2, tc=9.1, d=0.1, icrit=0.1m, cap=0.07p)\nB1 1 0 m\nR1 1 0 1"
    _, _, c = parts(text)
    delta = 1.76 * BOLTZMANN * 9.1 * math.sqrt(math.cos(math.pi / 2 * (4.2 / 9.1) ** 2))
    rn = math.pi * delta / (2 * ELEMENTARY_CHARGE * 1e-4) * math.tanh(delta / (2 * BOLTZMANN * 4.2))
    strength = math.pi * delta / (2 * ELEMENTARY_CHARGE * rn)
    assert c.junction[2, 0, 0] == pytest.approx(strength)


def test_constants_are_josims():
    assert NAMED["PHI_ZERO"] == 2.067833831170082e-15
    assert pytest.approx(NAMED["PHI_ZERO"] / (2 * math.pi), rel=1e-9) == SIGMA


def test_a_spread_is_normal_with_a_third_of_its_width():
    lines = [f"R{k} 1 0 5\nL{k} 1 0 2p" for k in range(3000)]
    topology, values, _ = parts("\n".join(lines) + "\n.spread 0.3 L=0.15")
    for found, nominal, sigma in ((values.resistance, 5, 0.1), (values.inductance, 2e-12, 0.05)):
        relative = found[:, 0] / nominal - 1
        assert relative.mean() == pytest.approx(0, abs=5 * sigma / math.sqrt(3000))
        assert relative.std() == pytest.approx(sigma, rel=0.06)
    again = nominal_values(topology, 0)
    np.testing.assert_array_equal(again.resistance, values.resistance)
    assert not np.array_equal(nominal_values(topology, 1).resistance, values.resistance)


def test_an_elements_own_spread_comes_first():
    topology, values, _ = parts("R1 1 0 5 spread=0\nR2 1 0 5\n.spread 0.3")
    assert values.resistance[0, 0] == 5.0
    assert values.resistance[1, 0] != 5.0
    assert topology.resistors.labels == ["R1", "R2"]


def test_a_spread_that_draws_a_negative_value():
    with pytest.raises(DeckError, match=re.escape("; make the spread smaller")):
        parts("\n".join(f"R{k} 1 0 5" for k in range(50)) + "\n.spread 5")
