"""Running the cases: simulate, compare, store; and the whole verification of a network."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netlist_gen.errors import WaveformError
from verification.campaign.ledger import Ledger, content_key
from verification.campaign.plan import NeuronCase
from verification.compare import (
    CounterExample,
    NeuronVerdict,
    compare,
    judge_energy,
    measured_energies,
)
from verification.reference import expect
from verification.simulators.base import Outcome, OutcomeKind, Simulator
from verification.waveforms import Waveforms

Progress = Callable[[int, int], None]
"""Called with (cases done, cases in all)."""


@dataclass(frozen=True, eq=False)
class CaseResult:
    """What became of a case: a verdict, or the sentence that says why there is none.

    ``energies_J`` is what was measured in each window, shape (windows,).
    """

    case: NeuronCase
    verdict: NeuronVerdict | None
    energies_J: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    failure: str = ""
    wall_s: float = 0.0
    from_ledger: bool = False

    @property
    def energy_J(self) -> float:
        """Energy measured over all windows; 0 for a run that failed."""
        return float(self.energies_J.sum())


@dataclass
class RunOptions:
    """How to run: simulations at a time, seconds each may take, and what to keep."""

    workers: int = 2
    timeout_s: float = 600.0
    ledger: Ledger | None = None
    keep_waveforms: str | None = None
    waveforms: dict[str, Waveforms] = field(default_factory=dict)


def run_cases(
    cases: Iterable[NeuronCase],
    simulator: Simulator,
    options: RunOptions,
    progress: Progress | None = None,
) -> Iterator[CaseResult]:
    """Run cases and compare each; results come as they are ready, in any order.

    A case whose key is in the ledger is not run again. The waveforms of the case named
    ``options.keep_waveforms`` are put into ``options.waveforms`` for the report (that case is
    always run).
    """
    pending: dict[str, tuple[NeuronCase, str]] = {}
    known: list[CaseResult] = []
    version = simulator.version()
    for case in cases:
        key = content_key(case.job.text, simulator.name, version, _judged_by(case))
        stored = options.ledger.get(key) if options.ledger else None
        if stored is not None and case.job.name != options.keep_waveforms:
            energies = np.asarray(stored["energies_J"], dtype=np.float64)
            known.append(CaseResult(case, _verdict(stored), energies, from_ledger=True))
        else:
            pending[case.job.name] = (case, key)
    total = len(known) + len(pending)
    for done, result in enumerate(known, 1):
        if progress:
            progress(done, total)
        yield result
    jobs = [case.job for case, _ in pending.values()]
    outcomes = simulator.run_many(jobs, workers=options.workers, timeout_s=options.timeout_s)
    for done, outcome in enumerate(outcomes, len(known) + 1):
        case, key = pending[outcome.job.name]
        result = _judge(case, outcome)
        if outcome.waveforms is not None and case.job.name == options.keep_waveforms:
            options.waveforms[case.job.name] = outcome.waveforms
        if result.verdict is not None and options.ledger:
            options.ledger.put(key, case.job.name, _row(result))
        if progress:
            progress(done, total)
        yield result


def _judge(case: NeuronCase, outcome: Outcome) -> CaseResult:
    """The verdict on one outcome, or why there can be none."""
    if outcome.kind is not OutcomeKind.OK or outcome.waveforms is None:
        return CaseResult(case, None, failure=outcome.message, wall_s=outcome.wall_s)
    view, waves, deck = case.bench.view, outcome.waveforms, f"{case.job.name}.cir"
    try:
        verdict = compare(view, expect(view), waves, deck)
        energies = measured_energies(case.bench.circuit, waves, view.boundaries_s())
    except WaveformError as error:
        return CaseResult(case, None, failure=f"{case.job.name}: {error}", wall_s=outcome.wall_s)
    verdict = judge_energy(verdict, energies, case.reference_J, deck)
    return CaseResult(case, verdict, energies, wall_s=outcome.wall_s)


def _judged_by(case: NeuronCase) -> dict[str, Any]:
    """What besides the deck decides a verdict."""
    view = case.bench.view
    return {
        "site": view.site.name,
        "signs": list(view.site.signs),
        "theta": view.site.theta,
        "stimulus": np.packbits(view.stimulus).tobytes().hex(),
        "windows": view.windows,
        "start_s": view.start_s,
        "phases": dataclasses.asdict(view.phases),
        "reference_J": case.reference_J.tolist(),
    }


def _row(result: CaseResult) -> dict[str, Any]:
    verdict = result.verdict
    assert verdict is not None
    first = verdict.first
    return {
        "name": verdict.name,
        "layer": verdict.layer,
        "neuron": verdict.neuron,
        "wrong": verdict.wrong.tolist(),
        "pulses": verdict.pulses.tolist(),
        "delays_s": [None if np.isnan(d) else d for d in verdict.delays_s.tolist()],
        "energies_J": result.energies_J.tolist(),
        "first": None if first is None else vars(first),
    }


def _verdict(row: dict[str, Any]) -> NeuronVerdict:
    delays = [np.nan if d is None else d for d in row["delays_s"]]
    return NeuronVerdict(
        row["name"],
        row["layer"],
        row["neuron"],
        np.asarray(row["wrong"], dtype=bool),
        np.asarray(row["pulses"], dtype=np.int64),
        np.asarray(delays, dtype=np.float64),
        None if row["first"] is None else CounterExample(**row["first"]),
    )


@dataclass(frozen=True, eq=False)
class Measured:
    """All results of a run, laid out by layer and window.

    Attributes:
        spikes: for each layer int8 (windows, neurons): pulses measured; -1 where not measured.
        delays_s: for each layer (windows, neurons): decision clock to pulse, NaN without one.
        results: one for each case.
        wall_s: time from first to last.
    """

    spikes: list[NDArray[np.int8]]
    delays_s: list[NDArray[np.float64]]
    results: list[CaseResult]
    wall_s: float


def collect(
    results: Iterable[CaseResult], widths: list[int], windows: int, silent: set[tuple[int, int]]
) -> Measured:
    """Gather results into arrays.

    Args:
        results: from ``run_cases``.
        widths: neurons in each layer. windows: windows of the run.
        silent: (layer, neuron) without a circuit: they give no pulse.
    """
    begin = time.perf_counter()
    spikes = [np.full((windows, width), -1, dtype=np.int8) for width in widths]
    delays = [np.full((windows, width), np.nan) for width in widths]
    for layer, neuron in silent:
        spikes[layer][:, neuron] = 0
    gathered = []
    for result in results:
        gathered.append(result)
        if result.verdict is not None:
            site, rows = result.case.site, slice(result.case.first, None)
            count = result.verdict.windows
            spikes[site.layer][rows, site.neuron][:count] = result.verdict.pulses
            delays[site.layer][rows, site.neuron][:count] = result.verdict.delays_s
    gathered.sort(key=lambda r: (r.case.site.layer, r.case.site.neuron, r.case.first))
    return Measured(spikes, delays, gathered, time.perf_counter() - begin)
