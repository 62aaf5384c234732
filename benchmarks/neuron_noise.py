"""Decisions of the neuron at 4.2 K: grey zone and firing curve (see ``neuron.py``)."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
from neuron_cases import LANES_AT_ONCE, Drawn, balanced
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.stats import norm
from sklearn.isotonic import IsotonicRegression

from netlist_gen.files import atomic_path
from verification.characterize.trials.neuron_lanes import (
    NeuronLane,
    threshold_factors,
    windows_of_counts,
)
from verification.characterize.trials.statistics import wilson

KELVIN = 4.2
NOISY_WINDOWS = 50
CURVE_LANES = 16
"""Windows of a lane with noise, and lanes at each point of the firing curve."""


def grey(drawn: Drawn, fan_ins: list[int], windows: int) -> None:
    """Probability of a wrong decision at distance 1/2 from the threshold, at 4.2 K."""
    print(
        f"\nGrey zone at {KELVIN} K (noise white to 1 THz): probability of a wrong decision at n = "
        f"theta - 1 and n = theta (distance 1/2),\nat least {windows} windows; balanced signs, "
        "theta 1; 95 % Wilson interval."
    )
    for fan_in in fan_ins:
        rng = np.random.default_rng(fan_in)
        signs = balanced(fan_in, rng)
        lanes = drawn.lanes(signs, NOISY_WINDOWS, temperature_K=KELVIN)
        wrong = 0
        seeds = range(-(-windows // NOISY_WINDOWS))
        cases = []
        for seed in seeds:
            counts = rng.integers(0, 2, NOISY_WINDOWS)
            cases.append(NeuronLane(1, windows_of_counts(signs, counts, rng), seed=seed))
        for start in range(0, len(cases), LANES_AT_ONCE):
            group = cases[start : start + LANES_AT_ONCE]
            for case, verdict in zip(group, lanes.run(group), strict=True):
                fires = case.stimulus.astype(int) @ signs >= 1
                wrong += int((verdict.pulses != fires).sum())
        total = len(cases) * NOISY_WINDOWS
        low, high = wilson(wrong, total)
        unit = drawn.design(signs).unit
        print(
            f"  fan-in {fan_in:3d}: {wrong} wrong of {total}: {wrong / total:.2e} "
            f"({low:.1e} .. {high:.1e}); {unit:.4f} Phi0 per synapse",
            flush=True,
        )


def curve(drawn: Drawn, path: Path | None) -> None:
    """The firing curve: probability of a pulse against the flux past the edge."""
    print(
        f"\nFiring curve at {KELVIN} K: empty neuron of fan-in 4 whose threshold current puts it "
        "-0.02 to 0.02 Phi0 past the edge;\nnormal distribution fitted by maximum likelihood."
    )
    signs = np.array([1, -1, 1, -1])
    lanes = drawn.lanes(signs, NOISY_WINDOWS, temperature_K=KELVIN)
    design = drawn.design(signs)
    margins = np.round(np.arange(-0.02, 0.0201, 0.001), 4)
    silent = np.zeros((NOISY_WINDOWS, signs.size), dtype=bool)
    edge = design.threshold + 0.5 * design.unit  # theta is 1: half a synapse below the edge
    cases = [
        NeuronLane(
            1,
            silent,
            factors=threshold_factors(design, edge + margin),
            seed=100 * k + lane_number,
        )
        for k, margin in enumerate(margins.tolist())
        for lane_number in range(CURVE_LANES)
    ]
    fired: list[int] = []
    for start in range(0, len(cases), LANES_AT_ONCE):
        verdicts = lanes.run(cases[start : start + LANES_AT_ONCE])
        fired += [int(np.minimum(v.pulses, 1).sum()) for v in verdicts]
    counts = np.array(fired).reshape(margins.size, CURVE_LANES).sum(axis=1)
    seen = CURVE_LANES * NOISY_WINDOWS

    def unlikely(values: NDArray[np.float64]) -> float:
        z = (margins - values[0]) / np.exp(values[1])
        return -float((counts * norm.logcdf(z) + (seen - counts) * norm.logsf(z)).sum())

    centre, log_sigma = minimize(unlikely, [0.0, math.log(0.005)], method="Nelder-Mead").x
    print(
        f"  edge {centre:+.5f} Phi0 from the design's, sigma {math.exp(log_sigma):.5f} Phi0, "
        f"{seen} windows at each of {margins.size} margins",
        flush=True,
    )
    if path is not None:
        share = IsotonicRegression().fit_transform(margins, counts / seen)
        with atomic_path(path) as part:
            rows = [
                f"{m:.4f},{p:.6g},{f},{seen}"
                for m, p, f in zip(margins, share, counts, strict=True)
            ]
            text = "\n".join(["margin_Phi0,probability,fired,windows", *rows]) + "\n"
            part.write_text(text, encoding="utf-8")
        print(f"  written: {path}")
