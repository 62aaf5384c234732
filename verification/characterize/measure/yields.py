"""Yield: the share of cells that pass when their parameters scatter.

Each sample draws a factor for every element of the cell,

    factor = 1 + global(kind) + local(element),

both normal: global is one draw for all elements of a kind (Ic, L, R, C), local is one for each
element. Global draws of different kinds, and local draws of Ic and C of one junction, may be
correlated. Draws are cut at ``clip`` sigma. A junction's capacitance follows its area, so that
its C factor is Ic factor times C factor; the shunt's R and L are elements of their own.

A simulator's failure is no verdict on the cell: it is counted apart and not in the rate.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from netlist_gen.errors import ConfigurationError
from verification.characterize.subject.bench import CELL
from verification.characterize.subject.parameters import element_kind
from verification.characterize.trials.cell import CellUnderTest
from verification.characterize.trials.statistics import wilson
from verification.characterize.trials.trial import Failure

FloatArray = NDArray[np.float64]

KINDS = ("Ic", "L", "R", "C")
BATCH = 256
"""Samples drawn together; with the seed they make the draws, so it is not an option."""


@dataclass(frozen=True)
class Spreads:
    """Relative standard deviations.

    Attributes:
        overall: by kind, of the draw that all elements of the kind share.
        local: by kind, of each element's own draw.
        correlation: of the global draws of two kinds, and of the local draws of Ic and C of one
            junction: by pair in the order of ``KINDS``.
        bias: of the global bias.
        clip: in sigma.
    """

    overall: Mapping[str, float] = field(
        default_factory=lambda: {"Ic": 0.05, "L": 0.05, "R": 0.05, "C": 0.0}
    )
    local: Mapping[str, float] = field(
        default_factory=lambda: {"Ic": 0.02, "L": 0.02, "R": 0.02, "C": 0.0}
    )
    correlation: Mapping[tuple[str, str], float] = field(default_factory=dict)
    bias: float = 0.0
    clip: float = 3.0

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
        matrix = self.matrix()
        if np.linalg.eigvalsh(matrix).min() < -1e-12:
            raise ConfigurationError(
                "the correlations of the spreads contradict each other: their matrix is not "
                "positive semidefinite"
            )

    @property
    def needs_capacitors(self) -> bool:
        """Whether C scatters on its own."""
        return self.overall.get("C", 0.0) > 0.0 or self.local.get("C", 0.0) > 0.0

    def matrix(self) -> FloatArray:
        """Correlation matrix of the kinds, shape (4, 4)."""
        matrix = np.eye(len(KINDS))
        for (one, two), rho in self.correlation.items():
            i, j = KINDS.index(one), KINDS.index(two)
            matrix[i, j] = matrix[j, i] = rho
        return matrix


@dataclass(frozen=True)
class Yield:
    """Result of a Monte Carlo run.

    Attributes:
        passed, samples: cells that pass, cells judged. failures: runs without a verdict.
        low, high: 95 % Wilson interval of the rate.
        reasons: what the failing cells did first, with counts, most frequent first.
        seed: of the draws. spreads: what was drawn.
        verdicts: by sample, in order: "pass", or the reason.
        stopped: "samples" or "interval": what ended the run.
    """

    passed: int
    samples: int
    failures: int
    low: float
    high: float
    reasons: Mapping[str, int]
    seed: int
    spreads: Spreads
    verdicts: tuple[str, ...]
    stopped: str

    @property
    def rate(self) -> float:
        """Share of judged cells that pass (NaN where none was judged)."""
        return self.passed / self.samples if self.samples else math.nan


def draw(
    cell: CellUnderTest, spreads: Spreads, seed: int, batch: int, count: int = BATCH
) -> list[dict[str, float]]:
    """Factors of one batch of samples by flat label, only those that scatter."""
    rng = np.random.default_rng([seed, batch])
    root = _root(spreads.matrix())
    labels = [
        (label, kind, path)
        for label, (path, _, e) in cell.bench.elements.items()
        if path[:1] == (CELL,) and (kind := element_kind(e)) in KINDS
    ]
    shared = _cut(rng.standard_normal((count, len(KINDS))) @ root.T, spreads.clip)
    own = rng.standard_normal((count, len(labels)))
    own = _correlate(own, labels, spreads)
    own = _cut(own, spreads.clip)
    bias = _cut(rng.standard_normal(count), spreads.clip) * spreads.bias
    sigma_all = np.array([spreads.overall.get(kind, 0.0) for kind in KINDS])
    samples: list[dict[str, float]] = []
    places = [KINDS.index(kind) for _, kind, _ in labels]
    sigma_own = np.array([spreads.local.get(kind, 0.0) for _, kind, _ in labels])
    factors = 1.0 + shared[:, places] * sigma_all[places] + own * sigma_own
    at = {label: i for i, (label, _, _) in enumerate(labels)}
    for label, kind, _ in labels:
        # A capacitor that stands for a junction's capacitance follows the junction's area.
        junction = label[1:] if kind == "C" else ""
        if junction in at:
            factors[:, at[label]] *= factors[:, at[junction]]
    for row in range(count):
        sample = {
            label: float(factors[row, i])
            for i, (label, _, _) in enumerate(labels)
            if factors[row, i] != 1.0
        }
        if spreads.bias:
            sample |= {label: 1.0 + float(bias[row]) for label in cell.bench.biases}
        samples.append(sample)
    return samples


def _root(matrix: FloatArray) -> FloatArray:
    values, vectors = np.linalg.eigh(matrix)
    return np.asarray(vectors * np.sqrt(np.maximum(values, 0.0)))


def _cut(draws: FloatArray, clip: float) -> FloatArray:
    return np.clip(draws, -clip, clip)


def _correlate(
    own: FloatArray, labels: Sequence[tuple[str, str, tuple[str, ...]]], spreads: Spreads
) -> FloatArray:
    """Local draws of a junction's C made to follow those of its Ic."""
    rho = spreads.correlation.get(("Ic", "C"), 0.0)
    at = {label: i for i, (label, _, _) in enumerate(labels)}
    for label, kind, _ in labels:
        if kind == "C" and label[1:] in at and rho:
            i, j = at[label], at[label[1:]]
            own[:, i] = rho * own[:, j] + math.sqrt(1.0 - rho * rho) * own[:, i]
    return own


def monte_carlo(
    cell: CellUnderTest,
    samples: int,
    spreads: Spreads | None = None,
    *,
    seed: int = 1,
    half_width: float | None = None,
) -> Yield:
    """Yield of a cell.

    Args:
        samples: at most so many.
        spreads: what scatters, default 5 % global and 2 % local of Ic, L and R.
        seed: of the draws.
        half_width: stop when the 95 % interval reaches no farther than this from its middle.
    """
    spreads = spreads or Spreads()
    passed = judged = failures = 0
    verdicts: list[str] = []
    reasons: dict[str, int] = {}
    stopped = "samples"
    for batch in range(-(-samples // BATCH)):
        wanted = min(BATCH, samples - batch * BATCH)
        drawn = draw(cell, spreads, seed, batch)[:wanted]
        for outcomes in cell.run([{}] * wanted, elements=drawn):
            broken = [o.message for o in outcomes.values() if isinstance(o, Failure)]
            if broken:
                failures += 1
                verdicts.append(f"simulator: {broken[0]}")
                continue
            judged += 1
            verdict = cell.verdict(outcomes)
            passed += verdict.passed
            verdicts.append("pass" if verdict.passed else verdict.reason)
            if not verdict.passed:
                reasons[verdict.reason] = reasons.get(verdict.reason, 0) + 1
        low, high = wilson(passed, judged)
        if half_width is not None and judged and (high - low) / 2 <= half_width:
            stopped = "interval"
            break
    low, high = wilson(passed, judged)
    ordered = dict(sorted(reasons.items(), key=lambda item: -item[1]))
    return Yield(
        passed, judged, failures, low, high, ordered, seed, spreads, tuple(verdicts), stopped
    )
