"""Inductors whose inductance depends on their current: L(I) = L (1 + (I/ik)^2)."""

from __future__ import annotations

import re
import shutil

import numpy as np
import pytest
from scipy.integrate import solve_ivp

import netlist_gen as ng
from netlist_gen.errors import DeckError, SimulatorError
from verification.engine.equations.constants import SIGMA
from verification.engine.run import Extract, compile_deck
from verification.engine.text.sources import SourceWave

PS = 1e-12
RAMP = """I1 0 1 pwl(0 0 10p 300u 20p -500u)
L1 1 2 10p ik=100u
R1 2 0 1
.tran 0.05p 40p 0 0.5p
.print p(l1)
.print i(l1)
.print i(r1)
"""


def law(current, henry, ik):
    """Phase of the inductor."""
    return henry * (current + current**3 / (3 * ik**2)) / SIGMA


def test_the_law_holds_at_every_sample():
    phase, current, through = compile_deck(RAMP).run().waveforms.values
    np.testing.assert_allclose(current, through, rtol=0, atol=1e-15)
    assert np.abs(current).max() > 4.9e-4  # five times ik
    np.testing.assert_allclose(phase, law(current, 10e-12, 100e-6), rtol=0, atol=1e-9)


def test_far_below_ik_it_is_the_linear_one():
    linear = compile_deck(RAMP.replace(" ik=100u", "")).run().waveforms.values
    near = compile_deck(RAMP.replace("ik=100u", "ik=1")).run().waveforms.values
    np.testing.assert_allclose(near, linear, rtol=0, atol=1e-5)
    assert np.abs(compile_deck(RAMP).run().waveforms.values - linear).max() > 1.0


def test_lanes_have_their_own_inductances_and_currents():
    deck = compile_deck(RAMP)
    other = SourceWave.pwl([0, 10e-12, 20e-12], [0, 100e-6, 200e-6])
    stimuli = [{}, {"I1": other}]
    for own, results in (
        ([10e-12, 10e-12], deck.run_lanes(stimuli)),
        ([10e-12, 20e-12], deck.run_parameter_lanes([{}, {"L1": 20e-12}], stimuli=stimuli)),
    ):
        for result, henry in zip(results, own, strict=True):
            phase, current, _ = result.waveforms.values
            np.testing.assert_allclose(phase, law(current, henry, 100e-6), rtol=0, atol=1e-8)


def test_a_node_that_inductors_alone_hold():
    """Nothing damps the repetitions there but the inductors themselves."""
    text = RAMP.replace("ik=100u", "ik=200u").replace(
        "R1 2 0 1", "L2 2 3 5p ik=300u\nL3 3 4 3p\nR1 4 0 1\n.print p(l2)"
    )
    second, phase, current, _ = compile_deck(text).run().waveforms.values
    np.testing.assert_allclose(phase, law(current, 10e-12, 200e-6), rtol=0, atol=1e-6)
    np.testing.assert_allclose(second, law(current, 5e-12, 300e-6), rtol=0, atol=1e-6)


MODEL = ".model m jj(rtype=0, icrit=0.1m, rn=6, cap=0.07p)\n"
STAGES, IK, HENRY = 3, 150e-6, 200e-12


def ersfq_line():
    """A JTL whose stages hang on a bus by a limiting junction and a kinetic inductor each."""
    lines = [
        "IIN 0 n0 pwl(0 0 100p 0 103p 250u 106p 0)",
        f"IBUS 0 bus pwl(0 0 60p {STAGES * 140}u)",
        "CBUS bus 0 0.1p",
        "RBUS bus 0 20",
    ]
    for k in range(STAGES):
        lines += [
            f"B{k} n{k} 0 m area=2",
            f"BL{k} bus m{k} m area=1.4",
            f"LB{k} m{k} n{k} {HENRY * 1e12:g}p ik={IK * 1e6:g}u",
            f".print p(n{k})",
            f".print p(m{k})",
            f".print i(lb{k})",
        ]
    lines += [f"L{k} n{k} n{k + 1} 4p" for k in range(STAGES - 1)]
    return MODEL + "\n".join([*lines, ".print p(bus)", ".tran 0.05p 150p 0 0.5p"]) + "\n"


def ersfq_exactly(time_ps):
    """Phases by an integrator of order 8: all nodes n, all nodes m, the bus."""
    n = STAGES
    size = 2 * n + 1
    mass = np.zeros((size, size))
    cap, conductance, critical = 0.07e-12, 1 / 6.0, 1e-4
    scale = SIGMA / PS**2
    damp, bus = np.zeros((size, size)), 2 * n
    for k in range(n):
        mass[k, k] += 2 * cap * scale
        damp[k, k] += 2 * conductance * SIGMA / PS
        for matrix, per_area in ((mass, cap * scale), (damp, conductance * SIGMA / PS)):
            for a, b, sign in (
                (bus, bus, 1),
                (n + k, n + k, 1),
                (bus, n + k, -1),
                (n + k, bus, -1),
            ):
                matrix[a, b] += sign * 1.4 * per_area
    mass[bus, bus] += 0.1e-12 * scale
    damp[bus, bus] += SIGMA / PS / 20.0
    inverse = np.linalg.inv(mass)

    def branch(phase):
        return IK * 2 * np.sinh(np.arcsinh(1.5 * phase * SIGMA / (HENRY * IK)) / 3)

    def slope(t, y):
        phase, speed = y[:size], y[size:]
        main, middle = phase[:n], phase[n : 2 * n]
        current = -damp @ speed
        through = branch(middle - main)
        limiting = 1.4 * critical * np.sin(phase[bus] - middle)
        current[:n] += through - 2 * critical * np.sin(main)
        current[n : 2 * n] += limiting - through
        current[bus] += np.interp(t, [0, 60], [0, n * 140e-6]) - limiting.sum()
        current[0] += np.interp(t, [0, 100, 103, 106], [0, 0, 250e-6, 0])
        link = SIGMA / 4e-12 * np.diff(main)
        current[: n - 1] += link
        current[1:n] -= link
        return np.concatenate([speed, inverse @ current])

    # Piece by piece between the corners of the sources, where the order is lost.
    found, state = [], np.zeros(2 * size)
    for begin, end in ((0, 60), (60, 100), (100, 103), (103, 106), (106, 150)):
        at = time_ps[(time_ps >= begin - 1e-9) & (time_ps < end - 1e-9)]
        piece = solve_ivp(
            slope, (begin, end), state, method="DOP853", t_eval=np.append(at, end), rtol=1e-11,
            atol=1e-13, max_step=0.5,
        )  # fmt: skip
        found.append(piece.y[:size, :-1])
        state = piece.y[:, -1]
    return np.concatenate(found, axis=1)


def test_an_ersfq_line_against_scipy():
    deck = compile_deck(ersfq_line())
    at = np.arange(0, 149, 0.5) * PS
    errors = []
    for step in (0.01, 0.005, 0.0025):
        waves = deck.run(step_s=step * PS, extract=Extract(sample_s=at)).waveforms
        values = [
            waves.signal(f"P({name})")
            for name in (*(f"N{k}" for k in range(3)), *(f"M{k}" for k in range(3)), "BUS")
        ]
        exact = ersfq_exactly(waves.time_s / PS)
        errors.append(float(np.abs(np.array(values) - exact).max()))
    # The pulse runs through, and the inductors are far from linear.
    turns = exact[:3, -1] - exact[:3, 190]
    assert np.all(np.abs(turns - 2 * np.pi) < 0.3)
    current = np.abs(waves.signal("I(LB1)")).max()
    assert current > 0.7 * IK
    assert errors[2] < 1e-4
    assert errors[2] < errors[1] / 3.5 < errors[0] / 12


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("ik=100u", "ik=0", "d, line 2: L1: an inductor with ik= must be above 0, and so must ik; "
         "here they are 1e-11 and 0"),
        ("10p ik", "-10p ik", "d, line 2: L1: an inductor with ik= must be above 0, and so must "
         "ik; here they are -1e-11 and 0.0001"),
        ("R1 2 0 1", "L2 2 0 1p\nK1 L1 L2 0.5", "d, line 2: L1: an inductor with ik= can't be "
         "coupled"),
    ],
)  # fmt: skip
def test_what_can_not_be_is_refused(old, new, message):
    with pytest.raises(DeckError, match=f"^{re.escape(message)}$"):
        compile_deck(RAMP.replace(old, new), name="d")


def test_a_current_that_is_not_found_is_an_error():
    text = RAMP.replace("300u", "300000000")
    message = "d: the current of an inductor with ik= can't be found: it is far above ik"
    with pytest.raises(SimulatorError, match=f"^{re.escape(message)}$"):
        compile_deck(text, name="d").run()


def test_josim_which_reads_over_ik_does_not_get_it(tmp_path):
    deck = tmp_path / "k.cir"
    deck.write_text(RAMP)
    assert ng.simulate(deck, simulator="embedded").values.shape == (3, 80)
    message = (
        f"{deck}: L1 has ik=, which JoSIM 2.7 reads over: it would be a constant inductor there; "
        "use --simulator embedded"
    )
    with pytest.raises(DeckError, match=f"^{re.escape(message)}$"):
        ng.simulate(deck, simulator="josim")


@pytest.mark.josim
@pytest.mark.skipif(shutil.which("josim-cli") is None, reason="josim-cli is not on PATH")
def test_without_ik_josim_agrees(tmp_path):
    deck = tmp_path / "k.cir"
    deck.write_text(ersfq_line().replace(f" ik={IK * 1e6:g}u", ""))
    ours, theirs = (ng.simulate(deck, simulator=name) for name in ("embedded", "josim"))
    assert ours.names == theirs.names
    np.testing.assert_allclose(ours.values, theirs.values, rtol=6e-7, atol=1.5e-5)
