"""Yield: the share of cells that pass when their parameters scatter.

Each sample draws a factor for every element of the cell,

    factor = 1 + global(kind) + local(element),

both normal: global is one draw for all elements of a kind (Ic, L, R, C), local is one for each
element. Global draws of different kinds, and local draws of Ic and C of one junction, may be
correlated. Draws are cut at ``clip`` sigma. A junction's capacitance follows its area, so that
its C factor is Ic factor times C factor; the shunt's R and L are elements of their own.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from netlist_gen.errors import ConfigurationError
from netlist_gen.records import Record
from verification.characterize.subject.parameters import element_kind
from verification.characterize.trials.cell import CellUnderTest
from verification.characterize.trials.statistics import wilson
from verification.characterize.trials.trial import Failure, FloatArray

KINDS = ("Ic", "L", "R", "C")
BATCH = 256
"""Samples drawn together; with the seed they make the draws, so it is not an option."""

PASS = "pass"
"""A sample's verdict where the cell passes."""


@dataclass(frozen=True)
class Spreads(Record):
    """Relative standard deviations.

    Attributes:
        overall: by kind, of the draw that all elements of the kind share.
        local: by kind, of each element's own draw.
        clip: where draws are cut, in sigma.
        correlation: of the global draws of two kinds, and of the local draws of Ic and C of one
            junction: by pair in the order of ``KINDS`` (``"Ic,C"``).
    """

    overall: Mapping[str, float] = field(
        default_factory=lambda: {"Ic": 0.05, "L": 0.05, "R": 0.05, "C": 0.0},
        metadata={"json": "global"},
    )
    local: Mapping[str, float] = field(
        default_factory=lambda: {"Ic": 0.02, "L": 0.02, "R": 0.02, "C": 0.0}
    )
    bias: float = 0.0
    clip: float = field(default=3.0, metadata={"json": "clip_sigma"})
    correlation: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for table in (self.overall, self.local):
            for kind, sigma in table.items():
                if kind not in KINDS or not 0.0 <= sigma < 1.0:
                    raise ConfigurationError(
                        f"a spread of {kind} = {sigma:g} is not allowed; kinds are "
                        f"{', '.join(KINDS)}, and the standard deviation 0 <= sigma < 1"
                    )
        for kind in KINDS:
            reach = self.clip * (self.overall.get(kind, 0.0) + self.local.get(kind, 0.0))
            if reach >= 1.0:
                raise ConfigurationError(
                    f"spreads of {kind} reach {reach:.0%} at {self.clip:g} sigma; a value would "
                    "not be positive"
                )
        if np.linalg.eigvalsh(self.matrix()).min() < -1e-12:
            raise ConfigurationError(
                "the correlations of the spreads contradict each other: their matrix is not "
                "positive semidefinite"
            )

    def matrix(self) -> FloatArray:
        """Correlation matrix of the kinds, shape (4, 4)."""
        matrix = np.eye(len(KINDS))
        for pair, rho in self.correlation.items():
            i, j = (KINDS.index(kind) for kind in pair.split(","))
            matrix[i, j] = matrix[j, i] = rho
        return matrix


@dataclass(frozen=True)
class Yield(Record):
    """Result of a Monte Carlo run.

    Attributes:
        rate: of cells that pass; None without samples.
        low: end of its 95 % Wilson interval.
        high: likewise.
        passed: cells.
        samples: cells judged; runs without a verdict are failures.
        stopped: "samples" or "interval": what ended the run.
        reasons: what the failing cells did first, with counts, most frequent first.
        verdicts: by sample, in order: "pass", or the reason.
    """

    rate: float | None
    low: float
    high: float
    passed: int
    samples: int
    failures: int = field(metadata={"json": "simulator_failures"})
    seed: int
    stopped: str = field(metadata={"json": "stopped_by"})
    reasons: Mapping[str, int]
    spreads: Spreads
    verdicts: tuple[str, ...] = field(metadata={"json": None})


def draw(
    cell: CellUnderTest, spreads: Spreads, seed: int, batch: int, count: int = BATCH
) -> list[dict[str, float]]:
    """Factors of one batch of samples by flat label, only those that scatter."""
    rng = np.random.default_rng([seed, batch])
    kinds = {
        label: kind
        for label, placed in cell.bench.own_elements.items()
        if (kind := element_kind(placed.element)) in KINDS
    }
    values, vectors = np.linalg.eigh(spreads.matrix())
    root = vectors * np.sqrt(np.maximum(values, 0.0))
    shared = np.clip(rng.standard_normal((count, len(KINDS))) @ root.T, -spreads.clip, spreads.clip)
    own = rng.standard_normal((count, len(kinds)))
    at = {label: i for i, label in enumerate(kinds)}
    # A capacitor that stands for a junction's capacitance, and that junction.
    pairs = [(at[c], at[c[1:]]) for c, kind in kinds.items() if kind == "C" and c[1:] in at]
    rho = spreads.correlation.get("Ic,C", 0.0)
    for capacitor, junction in pairs if rho else ():
        own[:, capacitor] *= math.sqrt(1.0 - rho * rho)
        own[:, capacitor] += rho * own[:, junction]
    own = np.clip(own, -spreads.clip, spreads.clip)
    bias = np.clip(rng.standard_normal(count), -spreads.clip, spreads.clip) * spreads.bias
    places = [KINDS.index(kind) for kind in kinds.values() if kind]
    overall, local = (
        np.array([sigma.get(kind, 0.0) for kind in KINDS])[places]
        for sigma in (spreads.overall, spreads.local)
    )
    factors = 1.0 + shared[:, places] * overall + own * local
    for capacitor, junction in pairs:  # the capacitance follows the area
        factors[:, capacitor] *= factors[:, junction]
    samples = [
        {label: float(x) for label, x in zip(kinds, row, strict=True) if x != 1.0}
        for row in factors
    ]
    if spreads.bias:
        for sample, shift in zip(samples, bias, strict=True):
            sample.update(dict.fromkeys(cell.bench.supplies, 1.0 + float(shift)))
    return samples


def monte_carlo(
    cell: CellUnderTest,
    samples: int,
    spreads: Spreads | None = None,
    *,
    seed: int = 1,
    half_width: float | None = None,
) -> Yield:
    """Yield of so many samples, or of fewer: until the 95 % interval is +- ``half_width``."""
    spreads = spreads or Spreads()
    if spreads.overall.get("C") or spreads.local.get("C"):
        cell = cell.with_capacitors()
    verdicts: list[str] = []
    faults: list[str] = []  # of the cells that were judged
    stopped = "samples"
    for batch in range(-(-samples // BATCH)):
        drawn = draw(cell, spreads, seed, batch)[: samples - batch * BATCH]
        for results in cell.run([{}] * len(drawn), elements=drawn):
            broken = [r.message for r in results.values() if isinstance(r, Failure)]
            if broken:
                verdicts.append(f"simulator: {broken[0]}")
                continue
            faults.append(cell.fault(results))
            verdicts.append(faults[-1] or PASS)
        passed, judged = faults.count(""), len(faults)
        low, high = wilson(passed, judged)
        if half_width is not None and judged and (high - low) / 2 <= half_width:
            stopped = "interval"
            break
    return Yield(
        rate=passed / judged if judged else None,
        low=low,
        high=high,
        passed=passed,
        samples=judged,
        failures=len(verdicts) - judged,
        seed=seed,
        stopped=stopped,
        reasons=dict(Counter(filter(None, faults)).most_common()),
        spreads=spreads,
        verdicts=tuple(verdicts),
    )
