"""A made-up cell whose edges are known, in place of simulations."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import SimpleNamespace

import numpy as np
import pytest

from verification.characterize.optimize.goals import margin_rays
from verification.characterize.optimize.reach import Measured, Prober
from verification.characterize.optimize.variables import Variable, Variables
from verification.characterize.subject.parameters import Parameter

NAMES = ("A", "B", "C")


@dataclass(eq=False)
class ToyProber(Prober):
    """Passes where every value lies between edges, which may depend on other values."""

    works: Callable[[Mapping[str, float]], bool] = field(default=lambda _: True)

    def _run(self, points):
        self.trials += len(points)
        return points

    def _fault(self, point):
        values = {name: point.get(name, 1.0) for name in NAMES}
        return "" if self.works(values) else "it fails"

    def _measured(self, point):
        nothing = np.full(len(self.rays), np.inf)
        if self._fault(point):
            return Measured(False, nothing, np.zeros(0))
        return Measured(True, nothing, np.array([1e-12 * point.get("A", 1.0)]))

    def advances_of(self, _candidate):
        return {}


@pytest.fixture
def toy() -> Callable[..., ToyProber]:
    """``toy(works)``: a cell of three values, A, B and C, whose factors may be 0.25 to 4."""

    def make(
        works: Callable[[Mapping[str, float]], bool],
        step: float = 0.01,
    ) -> ToyProber:
        chosen = tuple(Variable(name, (name,), 1.0, 0.25, 4.0, step) for name in NAMES)
        rays = margin_rays([Parameter(name, (name,), 1.0) for name in NAMES])
        cell = SimpleNamespace(subject=SimpleNamespace(name="toy"))
        return ToyProber(cell, Variables(chosen), rays, works=works)

    return make
