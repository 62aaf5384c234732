"""All results of a simulator in one scope, laid out by layer and window."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from netlist_gen.spikes import NetworkSpikes
from netlist_gen.votes import count_votes
from verification.verdict.energy import ENERGY_TOLERANCE
from verification.verdict.figures import TimingFigures
from verification.verdict.outcome import (
    DeckResult,
    Program,
    ScopeVerdict,
)

if TYPE_CHECKING:
    import pandas as pd

TIMING_BINS = 20
"""Bins of the histogram of pulses' times, over the tolerance on either side."""


@dataclass(frozen=True, eq=False)
class Measured:
    """What one simulator says of a network in one scope.

    Attributes:
        scope: "neurons" or "network".
        simulator: its name and version.
        spikes: what was expected.
        pulses: for each layer int8 (windows, neurons): pulses measured; -1 where not measured.
        delays_s: for each layer (windows, neurons): decision clock to pulse, NaN without one.
        apart_s: measured less predicted time of each pulse; empty where no times were predicted.
        wrong: for each layer bool (windows, neurons): windows that disagree.
        results: one for each deck, in order of place and window.
        from_ledger: how many of them an earlier run had judged.
        wall_s: time from first to last.
        lengths: windows of each neuron by (layer, neuron), where they are not those of samples but
            each neuron's own; None is all.
    """

    scope: str
    simulator: Program
    spikes: NetworkSpikes
    pulses: tuple[NDArray[np.int8], ...]
    delays_s: tuple[NDArray[np.float64], ...]
    apart_s: NDArray[np.float64]
    wrong: tuple[NDArray[np.bool_], ...]
    results: tuple[DeckResult, ...]
    from_ledger: int
    wall_s: float
    lengths: Mapping[tuple[int, int], int] | None = None

    @property
    def made(self) -> bool:
        """Whether the windows are each neuron's own."""
        return self.lengths is not None

    def there(self, layer: int) -> NDArray[np.bool_]:
        """Which windows of a layer there are, shape (windows, neurons)."""
        windows, neurons = self.pulses[layer].shape
        if self.lengths is None:
            return np.ones((windows, neurons), dtype=bool)
        own = [self.lengths.get((layer, neuron), 0) for neuron in range(neurons)]
        return np.asarray(np.arange(windows)[:, None] < np.array(own))

    @property
    def windows(self) -> int:
        """Neuron windows that there are, measured or not."""
        return sum(int(self.there(layer).sum()) for layer in range(len(self.pulses)))

    @property
    def energy_J(self) -> float:
        """Measured, of all decks that were judged."""
        return sum(r.energy_J for r in self.results)

    @property
    def reference_J(self) -> float:
        """Expected of the same decks."""
        return sum(r.expected_J for r in self.results)

    @property
    def startup_J(self) -> float:
        """What of ``reference_J`` is of start-up windows, where the deck was judged."""
        return sum(r.startup_J for r in self.results)

    @property
    def buses_J(self) -> float:
        """What buses gave once they had settled, of all decks that were judged."""
        return sum(r.settled_J[0] for r in self.results if not r.failed)

    @property
    def bus_reference_J(self) -> float:
        """Expected of the same decks."""
        return sum(r.settled_J[1] for r in self.results if not r.failed)

    @property
    def charging_J(self) -> float:
        """What ERSFQ buses gave beyond the reference before they had settled."""
        return sum(r.charging_J for r in self.results if not r.failed)

    @property
    def energy_error(self) -> float | None:
        """Relative difference of the two; None where no deck was judged."""
        return (self.energy_J - self.reference_J) / self.reference_J if self.reference_J else None

    @property
    def worst_error(self) -> float:
        """Relative energy error of the part (a neuron's window) in which it is greatest.

        A part in which nothing is to happen is none of them.
        """
        judged = [(r, r.reference_J != 0.0) for r in self.results if not r.failed]
        errors = [r.energies_J[some] / r.reference_J[some] - 1.0 for r, some in judged]
        every = np.concatenate(errors) if errors else np.zeros(1)
        return float(every[np.argmax(np.abs(every))])

    @property
    def checked(self) -> int:
        """Neuron windows compared."""
        return sum(r.checked for r in self.results)

    @property
    def simulated(self) -> int:
        """Neuron windows simulated."""
        return sum(r.simulated for r in self.results)

    @property
    def mismatches(self) -> int:
        """Neuron windows that disagree."""
        return sum(r.mismatches for r in self.results)

    @property
    def lines_wrong(self) -> int:
        """Windows of classes that disagree."""
        return sum(r.lines_wrong for r in self.results)

    @property
    def failures(self) -> tuple[str, ...]:
        """Why decks have no verdict."""
        return tuple(r.failure for r in self.results if r.failed)

    @property
    def agreed(self) -> bool:
        """Whether all of it agrees with the reference."""
        error = self.energy_error
        within = error is not None and abs(error) <= ENERGY_TOLERANCE
        return all(r.agreed for r in self.results) and within

    @property
    def pulse_count(self) -> int:
        """Output pulses of all neurons."""
        return sum(int(np.clip(layer, 0, None).sum()) for layer in self.pulses)

    def votes(self, steps: int) -> NDArray[np.int64] | None:
        """Votes (samples, classes) of the pulses measured; None where some were not measured."""
        last = self.pulses[-1]
        if self.made or (last < 0).any():
            return None
        spikes = last.reshape(-1, steps, last.shape[-1]) > 0
        return count_votes(spikes, self.spikes.network.population)

    def classes(self, steps: int) -> NDArray[np.int64]:
        """Class of each sample by the pulses measured; -1 where some were not measured."""
        last = self.pulses[-1].reshape(-1, steps, self.pulses[-1].shape[-1])
        votes = count_votes(last > 0, self.spikes.network.population)
        return np.where((last < 0).any(axis=(1, 2)), -1, votes.argmax(axis=1))

    def verdict(self, tolerance_s: float | None, window_s: float | None) -> ScopeVerdict:
        """The scope against the reference; both times are those of ``judge.Facts``."""
        within = tolerance_s or window_s
        return ScopeVerdict(
            scope=self.scope,
            agreed=self.agreed,
            decks=len(self.results),
            checked=self.checked,
            mismatches=self.mismatches,
            class_lines_wrong=self.lines_wrong,
            sources_wrong=sum(r.source is not None for r in self.results),
            failed=len(self.failures),
            pulses=self.pulse_count,
            energy_J=self.energy_J,
            energy_relative_error=self.energy_error,
            from_ledger=self.from_ledger,
            wall_s=self.wall_s,
            within_ps=None if within is None else within * 1e12,
            timing=None if tolerance_s is None else timing_figures(self.apart_s, tolerance_s),
            simulated=self.simulated,
        )

    def frame(self) -> pd.DataFrame:
        """A row for each neuron window: what was expected and what was measured."""
        import pandas as pd

        parts = []
        for layer, (pulses, delays, wrong) in enumerate(
            zip(self.pulses, self.delays_s, self.wrong, strict=True)
        ):
            there = self.there(layer)
            window, neuron = np.nonzero(there)
            columns = {
                "scope": self.scope,
                "simulator": self.simulator.name,
                "layer": layer,
                "neuron": neuron,
                "window": window,
                "expected": self.spikes.layers[layer + 1][there].astype(np.int8),
                "measured": pulses[there],
                "delay_ps": delays[there] * 1e12,
                "agreed": ~wrong[there],
            }
            parts.append(pd.DataFrame(columns))
        return pd.concat(parts, ignore_index=True)


def collect(
    results: Iterable[tuple[DeckResult, bool]],
    scope: str,
    simulator: Program,
    spikes: NetworkSpikes,
    wall_s: float,
    lengths: Mapping[tuple[int, int], int] | None = None,
) -> Measured:
    """Gather results; each comes with whether an earlier run had judged it.

    Args:
        results: of all decks.
        scope: "neurons" or "network".
        simulator: which ran them.
        spikes: what was expected.
        wall_s: time from first to last.
        lengths: windows of each neuron by (layer, neuron), where it has its own; None is all.
    """
    widths = [layer.shape[1] for layer in spikes.layers[1:]]
    shapes = [(spikes.windows, width) for width in widths]
    pulses = [np.full(shape, -1, dtype=np.int8) for shape in shapes]
    delays = [np.full(shape, np.nan) for shape in shapes]
    wrong = [np.zeros(shape, dtype=bool) for shape in shapes]
    for layer, own in zip(pulses, spikes.network.layers, strict=True):
        layer[:, own.fan_in == 0] = 0  # without a circuit there is no pulse
    if lengths is not None:
        for index, seen in enumerate(pulses):
            for neuron in range(seen.shape[1]):
                seen[lengths.get((index, neuron), 0) :, neuron] = 0  # nor without a window
    apart: list[NDArray[np.float64]] = []
    gathered: list[DeckResult] = []
    known = 0
    for result, from_ledger in results:
        gathered.append(result)
        known += from_ledger
        rows, shown = _rows(result)
        for verdict in result.neurons:
            at = (rows, verdict.neuron)
            pulses[verdict.layer][at] = np.clip(verdict.pulses[shown], 0, 127)
            delays[verdict.layer][at] = verdict.delays_s[shown]
            wrong[verdict.layer][at] = verdict.wrong[shown]
            apart_s = verdict.apart_s  # start-up windows are held to their times too
            if result.stands is not None and apart_s.size:
                apart_s = apart_s[shown]
            apart.append(apart_s[np.isfinite(apart_s)])
    gathered.sort(key=lambda r: (r.place, r.first))
    return Measured(
        scope,
        simulator,
        spikes,
        tuple(pulses),
        tuple(delays),
        np.concatenate(apart) if apart else np.zeros(0),
        tuple(wrong),
        tuple(gathered),
        known,
        wall_s,
        lengths,
    )


def _rows(result: DeckResult) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Windows among all, and for each of them the deck's own window that stands for it."""
    own = np.arange(result.startup, result.windows)
    if result.stands is None:
        return result.first - result.startup + own, own
    rows = result.stands.rows
    return np.concatenate(rows), np.repeat(own, result.stands.times)


def timing_figures(apart_s: NDArray[np.float64], tolerance_s: float) -> TimingFigures:
    """The distribution of pulses' times about the predicted ones."""
    apart, tolerance = apart_s * 1e12, tolerance_s * 1e12
    edges = np.linspace(-tolerance, tolerance, TIMING_BINS + 1)
    counts, _ = np.histogram(np.clip(apart, edges[0], edges[-1]), edges)
    return TimingFigures(
        tolerance_ps=tolerance,
        pulses=int(apart.size),
        worst_ps=float(np.abs(apart).max(initial=0.0)),
        mean_ps=float(apart.mean()) if apart.size else 0.0,
        sigma_ps=float(apart.std()) if apart.size else 0.0,
        bins_ps=tuple(edges.round(6).tolist()),
        counts=tuple(counts.tolist()),
    )


def scope_difference(scopes: Sequence[Measured]) -> str | None:
    """The first neuron window in which two scopes saw different pulses, in words; or None."""
    one = scopes[0]
    for other in scopes[1:]:
        for layer, (mine, theirs) in enumerate(zip(one.pulses, other.pulses, strict=True)):
            unlike = (mine != theirs) & (mine >= 0) & (theirs >= 0)
            if unlike.any():
                w, n = np.argwhere(unlike)[0].tolist()
                return (
                    f"window {w}: layer {layer}, neuron {n}: {mine[w, n]} pulses in the scope "
                    f"{one.scope}, {theirs[w, n]} in the scope {other.scope}"
                )
    return None
