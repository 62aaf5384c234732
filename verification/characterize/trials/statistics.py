"""Intervals of counted rates, and the grey zone's curve through them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy.optimize import minimize
from scipy.special import log_ndtr, ndtr

from netlist_gen.records import Record

Z95 = 1.959963984540054
"""Two-sided 95 % quantile of the normal distribution."""


def wilson(hits: int, total: int, z: float = Z95) -> tuple[float, float]:
    """Wilson's score interval of a rate (E. B. Wilson, J. Am. Stat. Assoc. 22, 209 (1927)).

    (0, 1) where nothing was counted; 90 of 128 gives 0.619 to 0.775.
    """
    if total == 0:
        return 0.0, 1.0
    rate = hits / total
    scale = 1.0 + z * z / total
    centre = (rate + z * z / (2 * total)) / scale
    half = z / scale * math.sqrt(rate * (1 - rate) / total + z * z / (4 * total * total))
    low = 0.0 if hits == 0 else max(0.0, centre - half)
    high = 1.0 if hits == total else min(1.0, centre + half)
    return low, high


@dataclass(frozen=True)
class GreyZone(Record):
    """``rate = Phi(a + b x)``: the error integral of a comparator with Gaussian noise.

    The centre is where half of the trials fail, the width the distance in x from 10 % to 90 %; the
    covariance is that of a and b, from the information at the maximum.
    """

    centre: float
    width: float = field(metadata={"json": "width_10_to_90"})
    a: float = field(metadata={"json": None})
    b: float = field(metadata={"json": None})
    covariance: tuple[tuple[float, float], tuple[float, float]] = field(metadata={"json": None})

    def log10_rate(self, x: float, *, side: float = 1.0) -> tuple[float, float, float]:
        """log10 of the rate at x and the ends of its 95 % interval, by the fit's covariance.

        With ``side`` -1 that of what the rate lacks of 1.
        """
        t = self.a + self.b * x
        (aa, ab), (_, bb) = self.covariance
        sigma = math.sqrt(max(0.0, aa + 2 * ab * x + bb * x * x))
        ends = [float(log_ndtr(side * t + s * Z95 * sigma)) / math.log(10) for s in (0, -1, 1)]
        return ends[0], ends[1], ends[2]


def fit_grey_zone(
    x: Sequence[float], errors: Sequence[int], totals: Sequence[int]
) -> GreyZone | None:
    """The curve of greatest likelihood through counted errors.

    None where the counts do not determine it: fewer than two points with errors, or none of
    them between 0 and all.
    """
    xs, k, n = (np.asarray(v, dtype=float) for v in (x, errors, totals))
    rates = k / np.maximum(n, 1)
    if np.count_nonzero(k) < 2 or not np.any((rates > 0) & (rates < 1)):
        return None
    centre, scale = float(xs.mean()), float(np.ptp(xs)) or 1.0
    u = (xs - centre) / scale

    def loss(p: np.ndarray) -> float:
        t = p[0] + p[1] * u
        return float(-(k * log_ndtr(t) + (n - k) * log_ndtr(-t)).sum())

    slope = np.sign(np.polyfit(u, rates, 1)[0]) or 1.0
    best = minimize(loss, np.array([0.0, 4.0 * slope]), method="Nelder-Mead",
                    options={"xatol": 1e-8, "fatol": 1e-10, "maxiter": 4000})  # fmt: skip
    a, b = best.x
    t = a + b * u
    density = np.exp(-0.5 * t * t) / math.sqrt(2 * math.pi)
    p = np.clip(ndtr(t), 1e-300, 1 - 1e-16)
    weight = n * density**2 / (p * (1 - p))
    information = np.array(
        [[weight.sum(), (weight * u).sum()], [(weight * u).sum(), (weight * u * u).sum()]]
    )
    if not np.isfinite(information).all() or np.linalg.cond(information) > 1e12:
        return None
    jacobian = np.array([[1.0, -centre / scale], [0.0, 1.0 / scale]])
    c = jacobian @ np.linalg.inv(information) @ jacobian.T
    a, b = float(a - b * centre / scale), float(b / scale)
    covariance = ((float(c[0, 0]), float(c[0, 1])), (float(c[1, 0]), float(c[1, 1])))
    return GreyZone(-a / b, 2 * 1.2815515655446004 / abs(b), a, b, covariance)
