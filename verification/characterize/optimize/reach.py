"""How far a cell may go along rays before it fails, for many candidates at once.

A candidate is a set of values of the cell (``variables``). A ray leads away from it: along it the
factors of some elements grow as ``1 + t slope``. One parameter to one side is a ray of slope -1 or
+1, and its reach is that side's margin; a drawn sample of scattered values is a ray too. The
largest slope of a ray is 1, so that t is the change of a factor everywhere.

All candidates, rays and points of a round are lanes of one batch.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from verification.characterize.measure.margins import SECTIONS, Edge, close_edges
from verification.characterize.measure.timing import case_delays
from verification.characterize.optimize.variables import Variables
from verification.characterize.trials.cell import CellUnderTest
from verification.characterize.trials.judge import fault_of
from verification.characterize.trials.trial import FloatArray, Response, TrialResult

TOLERANCE = 0.001
"""Of a reach that is told, as a factor of nominal."""

ROUGH = 0.002
"""Of one by which the search goes: the middle of an edge errs by half of it."""

WIDTHS = (0.03, 0.12)
"""To either side of a guess a reach is looked for, in turn."""

LEVELS = 0.1
"""Between the points at which a ray is tried from the candidate outwards."""

BEYOND = 0.25
"""Of a candidate's rays those are measured that end so little beyond its shortest one."""

Advances = Mapping[str, Mapping[str, int]]
"""What each junction of a working cell advances, by case and label."""


@dataclass(frozen=True)
class Ray:
    """A direction: slopes of factors by flat label, the largest 1, and how far it is looked.

    ``need`` is how far it has to reach, where there is such a thing.
    """

    name: str
    slopes: Mapping[str, float]
    most: float
    need: float = 0.0


@dataclass(frozen=True, eq=False)
class Measured:
    """A candidate's figures.

    Attributes:
        works: whether the cell does what its stimulus says; without it the rest is nothing.
        reaches: of each ray, shape (rays,); infinite where it is only known not to matter.
        delays_s: mean delay to each target that is followed by pulses, s, shape (targets,).
    """

    works: bool
    reaches: FloatArray
    delays_s: FloatArray


@dataclass(eq=False)
class _RayEdge(Edge):
    """The end of a candidate's ray while it is looked for."""

    candidate: int
    ray: int


Point = tuple[int, int, float]
"""Numbers of a candidate and of a ray, and the distance along it."""


@dataclass(eq=False)
class Prober:
    """Tries candidates of one cell along rays.

    Attributes:
        advances: what junctions of a working cell do; None: any that give the right pulses.
    """

    cell: CellUnderTest
    variables: Variables
    rays: tuple[Ray, ...]
    advances: Advances | None = None
    trials: int = field(default=0, init=False)

    def nominal(self, candidates: Sequence[FloatArray]) -> list[Measured]:
        """Whether candidates work, and their delays."""
        results = self._run([self.variables.factors(x) for x in candidates])
        return [self._measured(one) for one in results]

    def faults(self, candidates: Sequence[FloatArray]) -> list[str]:
        """What is wrong with each candidate, "" with one that works."""
        return [self._fault(one) for one in self._run([*map(self.variables.factors, candidates)])]

    def advances_of(self, candidate: FloatArray) -> Advances:
        """What the junctions do in a candidate that works."""
        (results,) = self._run([self.variables.factors(candidate)])
        labels = self.cell.bench.junctions
        return {
            name: {label: one.advances(label) for label in labels}
            for name, one in results.items()
            if isinstance(one, Response)
        }

    def whole(self, candidates: Sequence[FloatArray]) -> list[Measured]:
        """Candidates with the reaches of all rays, tried from the candidate outwards.

        The reach of a ray that ends well beyond the shortest is known to the level before its end.
        """
        found = self.nominal(candidates)
        working = [i for i, one in enumerate(found) if one.works]
        edges = [_RayEdge(0.0, None, i, r) for i in working for r in range(len(self.rays))]
        waiting, level = edges, 0.0
        while waiting:
            level += LEVELS
            tried = [(e, min(level, self.rays[e.ray].most)) for e in waiting]
            passed = self._passes(candidates, tried)
            for (edge, t), good in zip(tried, passed, strict=True):
                if good:
                    edge.inside = t
                else:
                    edge.outside = t
            enough = {
                i: min([e.outside for e in edges if e.candidate == i and e.outside is not None],
                       default=np.inf) + BEYOND
                for i in working
            }  # fmt: skip
            waiting = [
                e
                for e in waiting
                if e.outside is None and e.inside < min(self.rays[e.ray].most, enough[e.candidate])
            ]
        shortest = {i: min(e.inside for e in edges if e.candidate == i) for i in working}
        close = [e for e in edges if e.inside <= shortest[e.candidate] + BEYOND]
        self._close(candidates, close, TOLERANCE)
        return self._with_reaches(found, edges, rough=False)

    def near(
        self, candidates: Sequence[FloatArray], active: Sequence[int], guesses: FloatArray
    ) -> list[Measured]:
        """Candidates with the reaches of some rays, looked for about guesses.

        Args:
            candidates: which.
            active: numbers of the rays.
            guesses: of their reaches, shape (candidates, active). One that is longer by more than
                the largest of ``WIDTHS`` is given as just so much longer.
        """
        found = self.nominal(candidates)
        guessed = [
            (_RayEdge(0.0, None, i, r), float(guesses[i, k]))
            for i, one in enumerate(found)
            if one.works
            for k, r in enumerate(active)
        ]
        for width in WIDTHS:
            tried = [
                (edge, min(t, self.rays[edge.ray].most))
                for edge, guess in guessed
                for t, wanted in (
                    (guess - width, edge.inside == 0.0),
                    (guess + width, edge.outside is None),
                )
                if wanted and 0.0 < t < self.rays[edge.ray].most + width
            ]
            for (edge, t), good in zip(tried, self._passes(candidates, tried), strict=True):
                if not good:
                    edge.outside = t
                elif edge.outside is None or t < edge.outside:
                    edge.inside = t
        edges = [edge for edge, _ in guessed]
        self._close(candidates, edges, ROUGH)
        return self._with_reaches(found, edges, rough=True)

    def confirmed(
        self,
        candidates: Sequence[FloatArray],
        found: Sequence[Measured],
        levels: Sequence[FloatArray],
    ) -> list[Measured]:
        """Candidates whose further rays are tried at levels: those that fail there are measured.

        Args:
            candidates: which work.
            found: what is known of them.
            levels: which further rays must reach, for each candidate shape (rays,).
        """
        open_rays = [np.flatnonzero(np.isinf(one.reaches)) for one in found]
        edges = [
            _RayEdge(float(levels[i][r]), None, i, int(r))
            for i, some in enumerate(open_rays)
            for r in some
        ]
        passed = self._passes(candidates, [(edge, edge.inside) for edge in edges])
        short = [edge for edge, good in zip(edges, passed, strict=True) if not good]
        for edge in short:
            edge.inside, edge.outside = 0.0, edge.inside
        self._close(candidates, short, ROUGH)
        rows = [one.reaches.copy() for one in found]
        for edge in short:
            rows[edge.candidate][edge.ray] = _middle(edge)
        pairs = zip(found, rows, strict=True)
        return [dataclasses.replace(one, reaches=row) for one, row in pairs]

    def _close(
        self, candidates: Sequence[FloatArray], edges: Sequence[_RayEdge], tolerance: float
    ) -> None:
        close_edges(
            edges,
            lambda tried: self._passes(candidates, tried),
            sections=SECTIONS,
            tolerance=tolerance,
        )

    def _with_reaches(
        self, found: Sequence[Measured], edges: Sequence[_RayEdge], *, rough: bool
    ) -> list[Measured]:
        rows = [one.reaches.copy() for one in found]
        for edge in edges:
            rows[edge.candidate][edge.ray] = _middle(edge) if rough else edge.inside
        pairs = zip(found, rows, strict=True)
        return [dataclasses.replace(one, reaches=row) for one, row in pairs]

    def _passes(
        self, candidates: Sequence[FloatArray], tried: Sequence[tuple[_RayEdge, float]]
    ) -> list[bool]:
        factors = [self.variables.factors(x) for x in candidates]
        points = []
        for edge, t in tried:
            point = dict(factors[edge.candidate])
            for label, slope in self.rays[edge.ray].slopes.items():
                point[label] = point.get(label, 1.0) * (1.0 + slope * t)
            points.append(point)
        return [not self._fault(results) for results in self._run(points)]

    def _run(self, points: Sequence[dict[str, float]]) -> list[dict[str, TrialResult]]:
        self.trials += len(points) * len(self.cell.cases)
        return self.cell.run([{}] * len(points), elements=points)

    def _fault(self, results: Mapping[str, TrialResult]) -> str:
        for case in self.cell.cases:
            advances = None if self.advances is None else self.advances[case.name]
            fault = fault_of(self.cell.bench, case, results[case.name], advances)
            if fault:
                return case.told(fault)
        return ""

    def _measured(self, results: Mapping[str, TrialResult]) -> Measured:
        nothing = np.full(len(self.rays), np.inf)
        if self._fault(results):
            return Measured(False, nothing, np.zeros(0))
        found: dict[str, list[float]] = {}
        for case in self.cell.cases:
            response = results[case.name]
            if isinstance(response, Response):
                for delay in case_delays(self.cell, case, response):
                    found.setdefault(delay.output, []).append(delay.delay_s)
        return Measured(True, nothing, np.array([np.mean(v) for _, v in sorted(found.items())]))


def _middle(edge: Edge) -> float:
    """Where an edge is most likely."""
    return edge.inside if edge.outside is None else (edge.inside + edge.outside) / 2
