"""What an optimizer raises: least margin, yield, or speed at a margin. Each is a linear programme.

A goal's merit is a concave piecewise linear function of the reaches of its rays and of delays. Near
a candidate both are taken to be linear in the logarithms of the factors, so that the change of
greatest merit within a radius is the solution of a linear programme (K. Madsen, J. Inst. Math.
Appl. 16, 321 (1975): minimax by linear programmes in a trust region).

A change costs a little of each factor it changes, so that an element that adds nothing stays.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from verification.characterize.optimize.reach import Measured, Ray
from verification.characterize.subject.parameters import Parameter
from verification.characterize.subject.stimulus import PS
from verification.characterize.trials.trial import FloatArray

LOWER, UPPER = 0.9, 1.0
"""How far margins are looked for to either side, as in ``measure.margins``."""

PRICE = 0.001
"""Of a factor's change by e, in merit: below what a percent of the goal is worth."""

DRAWN = 2.0
"""How far along a drawn sample is looked, in what it needs."""

SHORTFALL_PS = 1000.0
"""What lacking all of the margin costs, in ps of delay: more than any delay gains by it."""


@dataclass(frozen=True, eq=False)
class Slopes:
    """Slopes of figures by the logarithms of factors: of a factor's rise, and of its fall.

    A figure that is the least of several has two slopes where one takes over from another: going
    up it rises by less than it falls going down. Otherwise both are alike.

    Attributes:
        up: shape (figures, variables).
        down: likewise.
    """

    up: FloatArray
    down: FloatArray

    @staticmethod
    def of(up: FloatArray, down: FloatArray) -> Slopes:
        """Two measured slopes; where they are not those of a least figure, their mean."""
        mean = (up + down) / 2
        return Slopes(np.minimum(up, mean), np.maximum(down, mean))

    def scaled(self, factors: FloatArray) -> Slopes:
        """Slopes of the figures times factors (positive), shape (figures,)."""
        return Slopes(self.up * factors[:, None], self.down * factors[:, None])

    def change(self, change: FloatArray) -> FloatArray:
        """What figures change by, shape (figures,), with the logarithms (variables,)."""
        return self.up @ np.maximum(change, 0.0) + self.down @ np.minimum(change, 0.0)


@dataclass(frozen=True, eq=False)
class Linear:
    """Reaches and delays near a candidate.

    Attributes:
        active: numbers of the rays that are told; further ones are far from mattering.
        reaches: of these, shape (active,).
        reach_slopes: of them.
        delays_s: shape (targets,).
        delay_slopes: of the delays' negatives, ps.
    """

    active: list[int]
    reaches: FloatArray
    reach_slopes: Slopes
    delays_s: FloatArray
    delay_slopes: Slopes


class Goal(Protocol):
    """What is raised; a gain below the tolerance is none."""

    @property
    def name(self) -> str:
        """As the option has it."""

    @property
    def rays(self) -> tuple[Ray, ...]:
        """Along which candidates are tried."""

    @property
    def tolerance(self) -> float:
        """In units of the merit."""

    def merit(self, found: Measured) -> float:
        """How good a candidate is; -inf for one that does not work."""

    def levels(self, found: Measured, /) -> FloatArray:
        """Reaches from which on rays do not lessen the merit, shape (rays,)."""

    def change(self, near: Linear, least: FloatArray, most: FloatArray) -> FloatArray:
        """The best change of the logarithms of factors, between bounds, shape (variables,)."""


@dataclass(frozen=True)
class LeastMargin:
    """Raises the least margin of some parameters, as a share of nominal."""

    rays: tuple[Ray, ...]
    name: str = "margin"
    tolerance: float = 0.002

    def merit(self, found: Measured) -> float:
        """The least margin."""
        return float(found.reaches.min()) if found.works else -np.inf

    def levels(self, found: Measured) -> FloatArray:
        """The least margin."""
        return np.full(len(self.rays), found.reaches.min())

    def change(self, near: Linear, least: FloatArray, most: FloatArray) -> FloatArray:
        """Raises t where every reach stays above it."""
        t = np.ones((len(near.reaches), 1))
        return _solve(near.reach_slopes, near.reaches, t, [-1.0], (None, None), least, most)


@dataclass(frozen=True)
class Yield:
    """Raises the yield over drawn samples, the same for every candidate."""

    rays: tuple[Ray, ...]
    name: str = "yield"
    tolerance: float = 0.001

    def merit(self, found: Measured) -> float:
        """Share of samples that pass, less what the others lack, as a share of what they need."""
        if not found.works:
            return -np.inf
        return self.rate(found) - float(np.mean(np.maximum(0.0, 1.0 - found.reaches / self.needs)))

    @property
    def needs(self) -> FloatArray:
        """The reaches at which samples pass, shape (rays,)."""
        return np.array([ray.need for ray in self.rays])

    def rate(self, found: Measured) -> float:
        """Share of samples that pass."""
        return float(np.mean(found.reaches >= self.needs))

    def levels(self, _found: Measured) -> FloatArray:
        """What samples need."""
        return self.needs

    def change(self, near: Linear, least: FloatArray, most: FloatArray) -> FloatArray:
        """Lessens the sum of what samples lack."""
        needs = self.needs[near.active]
        lack, price = -np.eye(needs.size), np.full(needs.size, 1.0 / len(self.rays))
        slopes, room = near.reach_slopes.scaled(1.0 / needs), near.reaches / needs - 1.0
        return _solve(slopes, room, lack, price, (0.0, None), least, most)


@dataclass(frozen=True)
class Delay:
    """Lessens the longest mean delay where the least margin is not below a given one."""

    rays: tuple[Ray, ...]
    least_margin: float
    name: str = "delay"
    tolerance: float = 0.005

    def merit(self, found: Measured) -> float:
        """The delay in ps, negative, less what is lacking of the margin, dearly paid."""
        if not found.works:
            return -np.inf
        lacking = max(0.0, self.least_margin - float(found.reaches.min()))
        return -float(found.delays_s.max(initial=0.0)) / PS - SHORTFALL_PS * lacking

    def levels(self, found: Measured) -> FloatArray:
        """The margin that is wanted, or what there is of it."""
        return np.full(len(self.rays), min(self.least_margin, float(found.reaches.min())))

    def change(self, near: Linear, least: FloatArray, most: FloatArray) -> FloatArray:
        """Lessens T and s where delays are below T and reaches above the margin less s."""
        reaches, targets = len(near.reaches), len(near.delays_s)
        of_reach, of_delay = near.reach_slopes, near.delay_slopes
        slopes = Slopes(
            np.vstack([of_reach.up, of_delay.up]), np.vstack([of_reach.down, of_delay.down])
        )
        room = np.concatenate([near.reaches - self.least_margin, -near.delays_s / PS])
        extra = np.zeros((reaches + targets, 2))
        extra[:reaches, 0] = -1.0
        extra[reaches:, 1] = -1.0
        return _solve(slopes, room, extra, [SHORTFALL_PS, 1.0], (0.0, None), least, most)


def margin_rays(parameters: Sequence[Parameter]) -> tuple[Ray, ...]:
    """Both sides of each parameter alone."""
    return tuple(
        Ray(f"{p.name}{sign}", dict.fromkeys(p.labels, slope), most)
        for p in parameters
        for sign, slope, most in (("-", -1.0, LOWER), ("+", 1.0, UPPER))
    )


def drawn_rays(samples: Sequence[Mapping[str, float]]) -> tuple[Ray, ...]:
    """A ray through each sample of drawn factors, which has to reach it."""
    found = []
    for number, sample in enumerate(samples):
        need = max((abs(factor - 1.0) for factor in sample.values()), default=0.0)
        if need > 0.0:
            slopes = {label: (factor - 1.0) / need for label, factor in sample.items()}
            found.append(Ray(f"sample {number}", slopes, min(DRAWN * need, LOWER), need))
    return tuple(found)


def _solve(
    slopes: Slopes,
    room: FloatArray,
    extra: FloatArray,
    price: Sequence[float] | FloatArray,
    bounds: tuple[float | None, float | None],
    least: FloatArray,
    most: FloatArray,
) -> FloatArray:
    """The change d of least ``price @ y + PRICE |d|`` with ``extra @ y <= room + slopes(d)``.

    ``bounds`` are those of each y; d lies between ``least`` (not above 0) and ``most`` (not below).
    """
    from scipy.optimize import linprog

    count = slopes.up.shape[1]
    # d = up - down, both not negative: the price is linear in them.
    cost = np.concatenate([np.full(2 * count, PRICE), price])
    rows = np.hstack([-slopes.up, slopes.down, extra])
    limits = [(0.0, x) for x in most] + [(0.0, -x) for x in least] + [bounds] * len(price)
    found = linprog(cost, A_ub=rows, b_ub=room, bounds=limits, method="highs")
    if found.x is None:
        return np.zeros(count)
    return np.asarray(found.x[:count] - found.x[count : 2 * count], dtype=np.float64)
