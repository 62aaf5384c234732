"""The search: linear programmes in a trust region, from a cell that works.

A round measures the slopes of all figures by candidates to both sides of each variable, in one
batch. Then programmes for three radii propose candidates; from the best of them, measured, further
programmes with the same slopes go on, which corrects for what is not linear. Until then only the
rays near mattering are looked at. The best candidates are tried along all others, too, and the
first of them is taken where it gains; the radius follows what worked. The search ends where no
radius is left, or nothing is to be gained.

A cell that fails as it is begins elsewhere: each variable alone is tried over its range, then
drawn candidates farther and farther away. A search finds the best values near; further ones begin
at candidates drawn about the best so far, and end early where they stay behind it.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from netlist_gen.errors import ConfigurationError
from verification.characterize.optimize.goals import Goal, Linear, Slopes
from verification.characterize.optimize.reach import ROUGH, WIDTHS, Measured, Prober
from verification.characterize.optimize.result import HistoryStep
from verification.characterize.subject.stimulus import PS
from verification.characterize.trials.trial import FloatArray

RADIUS = 0.15
"""Of the first round: the change of a factor's logarithm."""

LARGEST, SMALLEST = 0.4, 0.006
RADII = (0.5, 1.0, 2.0)
"""Tried in a round, as factors of its own."""

CHORDS = 3
"""Programmes in turn with the slopes of one round, each from where the one before led."""

PROBE = 0.05
"""Change of a variable by which slopes are measured: margins are known to a fiftieth of it."""

SLACK = 0.15
"""Rays are active that come so near to mattering."""

WHOLE = 3
"""Of a round's candidates the best ones are measured along all rays."""

SHRINK = 0.4
"""Of the radius, where nothing was gained."""

KEPT = 0.5
"""Of the radius, at least, where something was gained nearer."""

PATIENCE = 2
"""Rounds in turn that gain less than the goal's tolerance: the search ends."""

TRIED, AHEAD = 3, 3
"""A further search ends after so many rounds where it would not be the best in so many more."""

ROUNDINGS = 8
"""Candidates on the grid that are measured about the best one."""

DRAWS = 256
"""Candidates of a batch while one that works is looked for."""

SPREADS = (0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.7)
"""Standard deviations of the logarithms of their factors, in turn."""

START_SPREADS = (0.2, 0.1, 0.05)
"""Likewise, in turn, of candidates about the best one, where further searches begin."""

LINE = 24
"""Values of each variable alone."""

BEST_OF = 6
"""Working candidates that are measured, to begin with the best."""


@dataclass(frozen=True, eq=False)
class Found:
    """The best candidate, its figures, and how it was found.

    Attributes:
        nominal: figures of the cell as it is.
        fault: what is wrong with it, or "".
    """

    candidate: FloatArray
    measured: Measured
    nominal: Measured
    fault: str
    history: tuple[HistoryStep, ...]


Candidate = tuple[FloatArray, Measured]


@dataclass(eq=False)
class Search:
    """A search for the candidate of greatest merit.

    Attributes:
        rounds: at most, of each start.
    """

    prober: Prober
    goal: Goal
    seed: int = 1
    rounds: int = 40

    def run(self, starts: int = 1) -> Found:
        """Search from the cell as it is, and so often less one from about the best so far.

        Raises:
            ConfigurationError: no candidate works.
        """
        ones = np.ones(len(self.prober.variables.chosen))
        (fault,) = self.prober.faults([ones])
        if not fault:
            self.prober.advances = self.prober.advances_of(ones)
        (nominal,) = self.prober.whole([ones])
        history: list[HistoryStep] = []
        bests: list[Candidate] = []
        for number in range(starts):
            rng = np.random.default_rng([self.seed, number])
            begin = (
                self._drawn(rng, max(bests, key=self._merit)[0])
                if number
                else self._first(rng, ones, nominal, fault)
            )
            merits: list[float] = []
            for index, (best, radius) in enumerate(self._climb(begin)):
                merits.append(self._merit(best))
                history.append(HistoryStep(number, index, merits[-1], radius, self.prober.trials))
                if bests and _hopeless(merits, max(map(self._merit, bests))):
                    break
            bests.append(best)
        best = self._on_grid(max(bests, key=self._merit))
        best = max([best, (ones, nominal)], key=self._merit)  # steps may be too coarse
        merit, trials = self.goal.merit(best[1]), self.prober.trials
        history.append(HistoryStep(starts, 0, merit, 0.0, trials))
        return Found(*best, nominal, fault, tuple(history))

    def _merit(self, one: Candidate) -> float:
        return self.goal.merit(one[1])

    def _on_grid(self, best: Candidate) -> Candidate:
        """The best of some candidates about one, all on the grid of the steps."""
        rng = np.random.default_rng([self.seed, *b"grid"])
        chosen = self.prober.variables
        nudges = chosen.step * (rng.random((ROUNDINGS, len(chosen.chosen))) - 0.5)
        nudges[0] = 0.0
        near = {x.tobytes(): x for x in (chosen.on_grid(best[0] + nudge) for nudge in nudges)}
        candidates = list(near.values())
        return max(zip(candidates, self.prober.whole(candidates), strict=True), key=self._merit)

    def _first(
        self, rng: np.random.Generator, ones: FloatArray, nominal: Measured, fault: str
    ) -> Candidate:
        """The cell as it is, or a candidate near it that works."""
        if nominal.works:
            return ones, nominal
        chosen = self.prober.variables
        line = [
            np.where(np.arange(ones.size) == i, x, ones)
            for i, v in enumerate(chosen.chosen)
            for x in np.geomspace(v.low, v.high, LINE)
        ]
        clouds = (self._cloud(rng, ones, spread) for spread in SPREADS)
        for some in itertools.chain([line], clouds):
            working = self._working(some)
            if working:
                # Those that differ least from the cell as it is.
                working.sort(key=lambda x: float(np.abs(np.log(x)).sum()))
                return self._best_of(working)
        raise ConfigurationError(
            f"cell {self.prober.cell.subject.name} fails as designed ({fault}), and so do "
            f"{len(line) + DRAWS * len(SPREADS)} cells of other values between the bounds"
        )

    def _drawn(self, rng: np.random.Generator, best: FloatArray) -> Candidate:
        """A candidate drawn about the best one, the best of some that work."""
        for spread in START_SPREADS:
            working = self._working(self._cloud(rng, best, spread))
            if working:
                return self._best_of(working)
        (measured,) = self.prober.whole([best])
        return best, measured

    def _cloud(
        self, rng: np.random.Generator, centre: FloatArray, spread: float
    ) -> list[FloatArray]:
        chosen = self.prober.variables
        drawn = centre * np.exp(spread * rng.standard_normal((DRAWS, centre.size)))
        return [np.clip(x, chosen.low, chosen.high) for x in drawn]

    def _working(self, candidates: Sequence[FloatArray]) -> list[FloatArray]:
        faults = self.prober.faults(candidates)
        return [x for x, fault in zip(candidates, faults, strict=True) if not fault]

    def _best_of(self, working: Sequence[FloatArray]) -> Candidate:
        some = list(working[:BEST_OF])
        if self.prober.advances is None:
            self.prober.advances = self.prober.advances_of(some[0])
        return max(zip(some, self.prober.whole(some), strict=True), key=self._merit)

    def _climb(self, best: Candidate) -> Iterator[tuple[Candidate, float]]:
        """The best candidate so far, and the radius, at the beginning and after each round."""
        goal, radius, small = self.goal, RADIUS, 0
        watched: set[int] = set()
        yield best, radius
        for _ in range(self.rounds):
            best = self._completed(best, watched)
            levels = goal.levels(best[1])
            active = np.flatnonzero(best[1].reaches <= levels + SLACK).tolist()
            near = self._slopes(*best, active)
            proposals = self._proposals(near, *best, radius)
            some = sorted(proposals, key=lambda one: -goal.merit(one[1]))[:WHOLE]
            tried = [(x, found) for x, found, _ in some]
            known = self.prober.confirmed(
                [x for x, _ in tried],
                [found for _, found in tried],
                [goal.levels(found) for _, found in tried],
            )
            begin, share, before = self._merit(best), SHRINK, len(watched)
            for (x, partly, of_radius), found in zip(some, known, strict=True):
                # Rays that no slope is known of, and that end too soon: from now on one is.
                watched |= {*np.flatnonzero(found.reaches < partly.reaches - ROUGH).tolist()}
                if goal.merit(found) > self._merit(best):
                    best, share = (x, found), max(of_radius, KEPT)
            gained = self._merit(best) - begin
            if gained >= goal.tolerance:
                radius, small = min(LARGEST, radius * share), 0
            elif len(watched) == before:
                radius, small = radius * SHRINK, small + 1
            yield best, radius
            if radius < SMALLEST or small == PATIENCE:
                return

    def _completed(self, best: Candidate, watched: set[int]) -> Candidate:
        """The candidate with the reaches of all rays that are watched."""
        x, found = best
        missing = [r for r in sorted(watched) if np.isinf(found.reaches[r])]
        if not missing:
            return best
        guess = self.goal.levels(found)[missing] + WIDTHS[0]
        (more,) = self.prober.near([x], missing, guess[None, :])
        return x, dataclasses.replace(found, reaches=np.minimum(found.reaches, more.reaches))

    def _proposals(
        self, near: _Near, candidate: FloatArray, measured: Measured, radius: float
    ) -> list[tuple[FloatArray, Measured, float]]:
        """Candidates within radii about one, by the slopes about it, with the active reaches."""
        found: list[tuple[FloatArray, Measured, float]] = []
        froms, tried = [(candidate, measured)], {candidate.tobytes()}
        for _ in range(CHORDS):
            proposals: dict[bytes, tuple[FloatArray, float, FloatArray]] = {}
            for origin, known in froms:
                for share in RADII:
                    x = self._proposal(near, candidate, origin, known, radius * share)
                    if x.tobytes() not in tried:
                        guess = known.reaches[near.active] + near.reach_slopes.change(
                            np.log(x / origin)
                        )
                        proposals.setdefault(x.tobytes(), (x, share, guess))
            if not proposals:
                break
            tried |= {*proposals}
            fresh = [x for x, _, _ in proposals.values()]
            guesses = np.array([guess for _, _, guess in proposals.values()])
            some = self.prober.near(fresh, near.active, guesses)
            shares = (share for _, share, _ in proposals.values())
            ready = [one for one in zip(fresh, some, shares, strict=True) if one[1].works]
            found += ready
            ready.sort(key=lambda one: -self.goal.merit(one[1]))
            froms = [(x, known) for x, known, _ in ready[:1]]
        return found

    def _slopes(self, candidate: FloatArray, measured: Measured, active: list[int]) -> _Near:
        """Figures near a candidate, from others to both sides of each variable."""
        chosen = self.prober.variables
        count = candidate.size
        changes = np.repeat(np.eye(count) * PROBE, 2, axis=0)
        changes[1::2] *= -1
        changes = np.log(np.clip(candidate * np.exp(changes), chosen.low, chosen.high) / candidate)
        base = measured.reaches[active]
        guesses = np.tile(base, (2 * count, 1))
        found = self.prober.near(list(candidate * np.exp(changes)), active, guesses)
        here = _figures(measured, active)
        sides = np.zeros((2, here.size, count))  # slopes to either side
        for i in range(count):
            # A side at which the cell fails, or that is beyond a bound, says nothing.
            slopes = [
                (_figures(found[k], active) - here) / changes[k, i]
                for k in (2 * i, 2 * i + 1)
                if found[k].works and changes[k, i]
            ]
            if slopes:
                sides[:, :, i] = [slopes[0], slopes[-1]]
        both = Slopes.of(*sides)
        rays = len(active)
        return _Near(
            active,
            Slopes(both.up[:rays], both.down[:rays]),
            Slopes(both.up[rays:], both.down[rays:]),
        )

    def _proposal(
        self,
        near: _Near,
        centre: FloatArray,
        origin: FloatArray,
        known: Measured,
        radius: float,
    ) -> FloatArray:
        """The best change of ``origin`` within a radius of the round's centre, on the grid."""
        chosen = self.prober.variables
        least = np.log(np.maximum(chosen.low, centre * np.exp(-radius)) / origin)
        most = np.log(np.minimum(chosen.high, centre * np.exp(radius)) / origin)
        linear = Linear(
            near.active,
            known.reaches[near.active],
            near.reach_slopes,
            known.delays_s,
            near.delay_slopes,
        )
        # The origin may be farther from the centre than this radius.
        change = self.goal.change(linear, np.minimum(least, 0.0), np.maximum(most, 0.0))
        return np.clip(origin * np.exp(change), chosen.low, chosen.high)


def _hopeless(merits: Sequence[float], wanted: float) -> bool:
    """Whether a search is far from a merit at the pace of its last two rounds."""
    if len(merits) <= TRIED:
        return False
    return merits[-1] + AHEAD * (merits[-1] - merits[-3]) / 2 < wanted


def _figures(found: Measured, active: list[int]) -> FloatArray:
    """Reaches of the active rays, and the delays' negatives in ps: the more the better."""
    return np.concatenate([found.reaches[active], -found.delays_s / PS])


@dataclass(frozen=True, eq=False)
class _Near:
    """Slopes about a round's candidate: of the active rays, and of delays."""

    active: list[int]
    reach_slopes: Slopes
    delay_slopes: Slopes
