"""Linear elements against closed formulas, and every printed current against Kirchhoff's law."""

from __future__ import annotations

import numpy as np
import pytest
from engine_decks import MODEL, refused, run

from verification.engine.equations.constants import SIGMA


def test_a_resistor_charges_a_capacitor():
    w = run("V1 1 0 pwl(0 0 1f 1m)\nR1 1 2 10\nC1 2 0 0.1p\n.tran 0.005p 5p\n.print v(2) i(c1)")
    tau = 1e-12
    expected = 1e-3 * (1 - np.exp(-w.time_s / tau))
    np.testing.assert_allclose(w.signal("V(2)"), expected, atol=4e-6)
    current = 1e-4 * np.exp(-w.time_s[20:] / tau)
    np.testing.assert_allclose(w.signal("I(C1)")[20:], current, atol=4e-7)


def test_a_voltage_drives_current_into_an_inductor():
    w = run("V1 1 0 pwl(0 0 1f 1m)\nR1 1 2 2\nL1 2 0 4p\n.tran 0.005p 8p\n.print i(l1) v(l1) v(r1)")
    tau = 2e-12
    expected = 0.5e-3 * (1 - np.exp(-w.time_s / tau))
    np.testing.assert_allclose(w.signal("I(L1)"), expected, atol=2e-6)
    total = w.signal("V(L1)") + w.signal("V(R1)")
    np.testing.assert_allclose(total[20:], 1e-3, atol=1e-9)


def test_an_undamped_circuit_keeps_its_frequency():
    w = run("I1 0 1 pwl(0 0 1f 1u)\nL1 1 0 10p\nC1 1 0 1p\n.tran 0.002p 40p\n.print i(l1)")
    omega = 1 / np.sqrt(10e-12 * 1e-12)
    expected = 1e-6 * (1 - np.cos(omega * w.time_s))
    np.testing.assert_allclose(w.signal("I(L1)"), expected, atol=2e-9)


def test_a_junction_swings_with_its_plasma_frequency_and_holds_a_bias_below_its_critical_current():
    w = run(MODEL + "B1 1 0 jj1 area=2\nR1 1 0 3\nI1 0 1 pwl(0 0 5p 0.1m)\n.tran 0.01p 60p\n"
            ".print p(b1) i(b1) i(r1)")  # fmt: skip
    assert w.signal("P(B1)")[-1] == pytest.approx(np.arcsin(0.5), rel=1e-6)
    total = w.signal("I(B1)") + w.signal("I(R1)")
    np.testing.assert_allclose(total[600:], 1e-4, rtol=1e-9)


def test_couplings_have_josims_sign():
    """V2 = M dI1/dt with M = k sqrt(L1 L2): the open secondary follows the primary's voltage."""
    w = run("V1 1 0 pwl(0 0 1f 1m)\nL1 1 0 2p\nL2 2 0 8p\nK1 L1 L2 0.5\nR2 2 0 1MEG\nR1 1 0 1\n"
            ".tran 0.01p 2p\n.print v(2)")  # fmt: skip
    np.testing.assert_allclose(w.signal("V(2)")[20:], 0.5 * np.sqrt(8 / 2) * 1e-3, rtol=1e-6)


@pytest.mark.parametrize("count", [2, 14])  # inverse matrix, and inductors that keep currents
def test_coupled_inductors_both_ways_to_store_them(count):
    """A pulse into the first of a chain; all fluxes by Kirchhoff's law: phi = sigma^-1 L I."""
    lines = [f"L{k} {k} 0 2p\nR{k} {k} 0 1\n" for k in range(1, count + 1)]
    lines += [f"K{k} L{k} L{k + 1} 0.3\n" for k in range(1, count)]
    prints = "".join(f".print p({k}) i(l{k})\n" for k in range(1, count + 1))
    w = run("".join(lines) + "I1 0 1 pwl(0 0 1p 1m)\n.tran 0.01p 3p\n" + prints)
    matrix = 2e-12 * (np.eye(count) + 0.3 * (np.eye(count, k=1) + np.eye(count, k=-1)))
    phases = np.stack([w.signal(f"P({k})") for k in range(1, count + 1)])
    currents = np.stack([w.signal(f"I(L{k})") for k in range(1, count + 1)])
    np.testing.assert_allclose(SIGMA * phases, matrix @ currents, atol=1e-27)


def test_controlled_sources():
    base = "V1 1 0 pwl(0 0 1p 1m)\nR1 1 2 1\nR2 2 0 1\nR9 9 0 1\n.tran 0.01p 3p\n"
    for card, current_in, expected in (
        ("E1 9 0 2 0 3", 0.5e-3, 1.5e-3),  # V = 3 V(2)
        ("G1 0 9 2 0 3", 0.5e-3, 1.5e-3),  # I = 3 V(2), into 1 ohm
    ):
        w = run(base + card + "\n.print v(9) v(2) i(r9)\n")
        assert w.signal("V(2)")[-1] == pytest.approx(current_in, rel=1e-9)
        assert w.signal("V(9)")[-1] == pytest.approx(expected, rel=1e-6)
        assert w.signal("I(R9)")[-1] == pytest.approx(expected, rel=1e-6)


def test_a_resistance_of_zero_and_an_inductance_of_zero_are_wires():
    w = run("V1 1 0 pwl(0 0 1p 1m)\nR1 1 2 0\nL1 2 3 0\nR2 3 0 2\n.tran 0.01p 3p\n"
            ".print i(r1) i(l1) i(r2)")  # fmt: skip
    for name in w.names:
        assert w.signal(name)[-1] == pytest.approx(0.5e-3, rel=1e-9)


def test_a_phase_source_prescribes_a_phase():
    w = run("P1 1 0 pwl(0 0 5p 3)\nL1 1 0 2p\n.tran 0.01p 6p\n.print p(1) i(l1)")
    assert w.signal("P(1)")[-1] == pytest.approx(3.0)
    assert w.signal("I(L1)")[-1] == pytest.approx(3 * SIGMA / 2e-12)


def test_a_matched_line_delays_and_an_open_one_reflects():
    text = "V1 1 0 pwl(0 0 1p 1m)\nR1 1 2 5\nT1 2 0 3 0 z0=5 td=2p\nR2 3 0 {r}\n.tran 0.01p 9p\n"
    for load, echo in ((5, 0.0), (15, 0.5)):
        w = run(text.replace("{r}", str(load)) + ".print v(2) v(3)")
        ramp = np.interp(w.time_s, [0, 1e-12], [0, 0.5e-3])
        late = np.interp(w.time_s - 2e-12, [0, 1e-12], [0, 0.5e-3])
        twice = np.interp(w.time_s - 4e-12, [0, 1e-12], [0, 0.5e-3])
        smooth = 8e-6  # BDF2 rounds the corners
        np.testing.assert_allclose(w.signal("V(3)"), late * (1 + echo), atol=smooth)
        np.testing.assert_allclose(w.signal("V(2)"), ramp + echo * twice, atol=smooth)


def test_the_branch_above_the_gap():
    """A current far above Ic: V = R_n (I - step) where the model's straight branch lies."""
    model = ".model m jj(rtype=1, vg=1m, cap=0.5p, r0=100, rn=10, icrit=0.1m, delv=0.1m)\n"
    w = run(model + "B1 1 0 m\nI1 0 1 pwl(0 0 20p 0.4m)\n.tran 0.02p 200p\n.print v(1) i(b1)")
    late = w.time_s > 100e-12
    # Above the gap JoSIM's branch is ohmic with rn, and the supercurrent averages to little.
    assert w.signal("V(1)")[late].mean() == pytest.approx(4e-3, rel=0.02)
    np.testing.assert_allclose(w.signal("I(B1)")[late], 0.4e-3, rtol=1e-6)


def test_rtype_0_has_no_gap():
    model = ".model m jj(rtype=0, vg=1m, cap=0.5p, r0=100, rn=10, icrit=0.1m)\n"
    w = run(model + "B1 1 0 m\nI1 0 1 pwl(0 0 20p 0.2m)\n.tran 0.02p 200p\n.print v(1)")
    late = w.time_s > 100e-12
    expected = 10 * np.sqrt(0.2e-3**2 - 0.1e-3**2)  # overdamped junction; the capacitance adds
    assert expected < w.signal("V(1)")[late].mean() < 10 * 0.2e-3


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("R1 1 0 1\nC1 2 3 1p\nR2 2 3 1", "d: the circuit has no unique solution; look for a node "
         "without a path to ground, a loop of voltage or phase sources, or a source across ground"),
        ("V1 1 0 dc 1\nV2 1 0 dc 2\nR1 1 0 1", "d: the circuit has no unique solution; look for a "
         "node without a path to ground, a loop of voltage or phase sources, or a source across "
         "ground"),
        ("V1 0 0 dc 1\nR1 1 0 1", "d: the circuit has no unique solution; look for a node without "
         "a path to ground, a loop of voltage or phase sources, or a source across ground"),
    ],
)  # fmt: skip
def test_circuits_without_a_solution(text, message):
    refused(text + "\n.tran 0.1p 1p", message)


def test_values_that_overflow_are_refused_by_name():
    refused("R1 1 0 1\nR2 1 0 1e308\n.tran 0.1p 1p", "d: the value of R2 is so large or small that "
            "its conductance overflows at a time step of 1e-13 s")  # fmt: skip


def test_a_line_longer_than_the_run_is_its_impedance():
    w = run("V1 1 0 pwl(0 0 1p 1m)\nR1 1 2 5\nT1 2 0 3 0 z0=5 td=1\nR2 3 0 1\n.tran 0.01p 9p\n"
            ".print v(2) v(3)")  # fmt: skip
    assert w.signal("V(2)")[-1] == pytest.approx(0.5e-3, rel=1e-6)
    assert not w.signal("V(3)").any()
