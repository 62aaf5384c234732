"""Random ladders of junctions, resistors, inductors and capacitors against SciPy's integrator."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from engine_decks import Extract, compile_deck
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

from verification.engine.equations.constants import SIGMA

PS = 1e-12
STOP = 12.0  # ps


@dataclass(frozen=True)
class Ladder:
    """Nodes to ground: junction (A), capacitance (F), resistance (ohm); between them inductors.

    Each node has a branch of resistor and inductor in series too; the source drives node 0.
    """

    critical: list[float]
    capacitance: list[float]
    resistance: list[float]
    branch_ohm: list[float]
    branch_henry: list[float]
    inductance: list[float]
    amplitude: float
    frequency: float

    def deck(self) -> str:
        """The ladder in JoSIM's language; junctions have the capacitance of their model."""
        lines = []
        for k, critical in enumerate(self.critical):
            lines += [
                f".model m{k} jj(rtype=0, icrit={critical!r}, rn={self.resistance[k]!r}, "
                f"cap={self.capacitance[k] / 2!r})",
                f"B{k} n{k} 0 m{k}",
                f"C{k} n{k} 0 {self.capacitance[k] / 2!r}",
                f"RS{k} n{k} s{k} {self.branch_ohm[k]!r}",
                f"LS{k} s{k} 0 {self.branch_henry[k]!r}",
                f".print p(n{k})",
            ]
        lines += [f"L{k} n{k} n{k + 1} {value!r}" for k, value in enumerate(self.inductance)]
        lines.append(f"I0 0 n0 sin(0 {self.amplitude!r} {self.frequency!r})")
        return "\n".join(lines) + f"\n.tran 0.01p {STOP}p\n"

    def phases(self, time_ps: np.ndarray) -> np.ndarray:
        """Phases of all nodes by an integrator of order 8, in ps and ampere."""
        n = len(self.critical)
        critical, c = np.array(self.critical), np.array(self.capacitance) * SIGMA / PS**2
        g = SIGMA / PS / np.array(self.resistance)
        links = SIGMA / np.array(self.inductance)
        ohm, henry = np.array(self.branch_ohm), np.array(self.branch_henry) / PS

        def slope(t, y):
            phase, speed, branch = y[:n], y[n : 2 * n], y[2 * n :]
            current = -critical * np.sin(phase) - g * speed - branch
            current[0] += self.amplitude * np.sin(2 * np.pi * self.frequency * t * PS)
            link = links * np.diff(phase)
            current[:-1] += link
            current[1:] -= link
            return np.concatenate([speed, current / c, (SIGMA / PS * speed - ohm * branch) / henry])

        found = solve_ivp(
            slope, (0, time_ps[-1]), np.zeros(3 * n), method="DOP853", t_eval=time_ps,
            rtol=1e-11, atol=1e-13,
        )  # fmt: skip
        return found.y[:n]


@st.composite
def ladders(draw):
    n = draw(st.integers(1, 5))

    def values(low, high, count=n):
        return [draw(st.floats(low, high).map(lambda x: float(f"{x:.4g}"))) for _ in range(count)]

    return Ladder(
        [x * 1e-4 for x in values(0.5, 3)],
        [x * 1e-13 for x in values(1, 5)],
        values(2, 10),
        values(1, 8),
        [x * PS for x in values(0.5, 3)],
        [x * PS for x in values(1, 10, n - 1)],
        draw(st.floats(0.5, 8)) * 1e-4,
        draw(st.floats(0.02, 0.15)) * 1e12,
    )


@given(ladders())
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_phases_converge_to_the_exact_ones_with_the_square_of_the_step(ladder):
    deck = compile_deck(ladder.deck())
    errors = []
    # Coarser steps may come nearer by chance, where terms of second and third order cancel.
    for step in (0.01, 0.005, 0.0025):
        result = deck.run(step_s=step * PS, extract=every_step_of(step))
        waveforms = result.waveforms
        exact = ladder.phases(waveforms.time_s / PS)
        errors.append(float(np.abs(waveforms.values - exact).max()))
    assert errors[2] < 5e-4 * (1 + np.abs(exact).max())
    # Second order: a fourth with each half. Errors of rounding size say nothing.
    for coarse, fine in pairwise(errors):
        assert fine < coarse / 2.8 or coarse < 2e-6


def every_step_of(step_ps):
    steps = np.arange(int(STOP / step_ps) - 1)
    return Extract(sample_s=steps * step_ps * PS)
