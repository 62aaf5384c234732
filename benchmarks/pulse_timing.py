"""How exactly pulses are timed from sparse samples: ``python benchmarks/pulse_timing.py``.

A 5-stage JTL runs in JoSIM with every 0.01 ps printed. Its pulses are timed from all samples,
then from every k-th, at several offsets; the largest difference is printed, beside that of
linear interpolation. Needs josim-cli.
"""

from __future__ import annotations

import sys

import numpy as np

from verification.simulators.base import DeckJob
from verification.simulators.josim import JosimSimulator
from verification.waves.pulses import detect_phase

STAGES = 5
FINE_PS = 0.01

DECK = (
    """* transmission line driven three times
.model jmit jj(rtype=1, vg=2.8e-3, cap=0.07e-12, r0=160, rn=16, icrit=0.1e-3)
.subckt stage 1 2
B1 1 3 jmit area=2.5
LP1 3 0 0.2e-12
RS1 1 4 2.74
LS1 4 0 1.5e-12
L1 1 2 2.07e-12
IB 0 1 pwl(0 0 5e-12 175e-6)
.ends
IIN 0 N0 pwl(0 0 20e-12 0 22e-12 500e-6 24e-12 0 50e-12 0 52e-12 500e-6 54e-12 0)
"""
    + "".join(f"X{stage} N{stage} N{stage + 1} stage\n" for stage in range(STAGES))
    + f"RL N{STAGES} 0 2\n.tran 0.01e-12 90e-12 0 0.01e-12\n"
    + "".join(f".print P(B1.X{stage})\n" for stage in range(STAGES))
    + ".end\n"
)


def linear(time: np.ndarray, phase: np.ndarray, rest: float) -> np.ndarray:
    """Crossings of rest + pi + 2 pi k on straight lines between samples."""
    fluxons = (phase - rest) / (2 * np.pi) + 0.5
    well = np.floor(fluxons)
    at = np.flatnonzero(np.diff(well) > 0) + 1
    share = (well[at] - fluxons[at - 1]) / (fluxons[at] - fluxons[at - 1])
    return time[at - 1] + share * (time[at] - time[at - 1])


def main() -> int:
    """Print the largest error for each spacing."""
    simulator = JosimSimulator()
    if not simulator.available():
        print("josim-cli is not on PATH", file=sys.stderr)
        return 1
    waveforms = simulator.run(DeckJob("timing", DECK), timeout_s=60.0).require()
    time = waveforms.time_s
    for every in (5, 10, 25, 50, 75, 100):
        ours, straight = 0.0, 0.0
        # The first stages feel the source, not a pulse; the last feels the load.
        for phase in waveforms.values[1:]:
            rest = float(phase[0])
            truth = detect_phase(time, phase).times_s
            for offset in range(0, every, max(1, every // 10)):
                picked = slice(offset, None, every)
                found = detect_phase(time[picked], phase[picked], rest_rad=rest).times_s
                ours = max(ours, float(np.abs(found - truth).max()))
                other = linear(time[picked], phase[picked], rest)
                straight = max(straight, float(np.abs(other - truth).max()))
        print(
            f"samples {every * FINE_PS:.2f} ps apart: error at most {ours * 1e15:.3g} fs, "
            f"linear interpolation {straight * 1e15:.3g} fs ({straight / ours:.0f} times as much)"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
