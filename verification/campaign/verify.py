"""The verification of a network: plan, run, compare, and the files that hold the result.

A finished run is a directory: ``verify.json`` (the verdict, the contract with scripts),
``results.npz`` (spikes, delays and the waveforms of one neuron, for the report),
``ledger.sqlite`` (for resuming) and ``decks/`` (those that a counter-example names). The first
two are written last and by renaming, so that an unfinished run never looks whole.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netlist_gen.cell_library import CellLibrary
from netlist_gen.circuit.bench import neuron_sites
from netlist_gen.circuit.model import Totals
from netlist_gen.circuit.network_circuit import network_bench
from netlist_gen.circuit.neuron import ClockPhases
from netlist_gen.errors import ConfigurationError
from netlist_gen.files import atomic_path
from netlist_gen.network import TernaryNetwork, count_votes, vote_accuracy
from verification.campaign.ledger import Ledger
from verification.campaign.plan import NeuronCase, plan_neurons, windows_of
from verification.campaign.run import CaseResult, Measured, RunOptions, collect, run_cases
from verification.compare import ENERGY_TOLERANCE
from verification.energy import COOLING_W_PER_W, EnergyLedger
from verification.simulators.base import Simulator
from verification.waveforms import Waveforms

STAGES = ("reference and decks", "simulation")


@dataclass(frozen=True)
class VerifyOptions:
    """What to verify and how.

    Attributes:
        phases: clock phases. jobs: simulations at a time. timeout_s: for each.
        cooling_W_per_W: wall-plug watts for one at 4.2 K. seed: recorded in the result.
        decks: judge the decks in this directory instead of new ones. resume: take what the
            ledger of the run's directory already holds.
    """

    phases: ClockPhases
    jobs: int = 2
    timeout_s: float = 600.0
    cooling_W_per_W: float = COOLING_W_PER_W
    seed: int = 0
    decks: Path | None = None
    resume: bool = False
    source: str = ""
    notes: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Verification:
    """The result of a run: the content of ``verify.json`` and the arrays beside it."""

    summary: dict[str, Any]
    measured: Measured

    @property
    def agreed(self) -> bool:
        """Every window compared and equal, no run failed, energy within the tolerance."""
        return bool(self.summary["agreed"])


def prepare_directory(out: Path, *, resume: bool) -> None:
    """Make a run's directory and remove what would make an unfinished run look whole.

    Raises:
        ConfigurationError: it can't be made or written.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
        for name in ("verify.json", "results.npz", "report.html"):
            (out / name).unlink(missing_ok=True)
        if not resume:
            for path in out.glob("ledger.sqlite*"):
                path.unlink()
        with atomic_path(out / ".writable") as probe:
            probe.touch()
        (out / ".writable").unlink()
    except OSError as error:
        raise ConfigurationError(
            f"the output directory {out} can't be written ({error.strerror})"
        ) from error


def verify(
    network: TernaryNetwork,
    inputs: NDArray[np.bool_],
    labels: NDArray[np.int64] | None,
    simulator: Simulator,
    library: CellLibrary,
    out: Path,
    options: VerifyOptions,
    progress: Callable[[str, int, int], None] | None = None,
    finish: Callable[[dict[str, Any], Measured], None] | None = None,
) -> Verification:
    """Verify every neuron window of the given samples and write the run's files.

    Args:
        network: what is verified.
        inputs: bool, shape (samples, inputs) or (samples, steps, inputs).
        labels: shape (samples,), or None.
        simulator: which runs the decks.
        library: cells of one process.
        out: the run's directory, prepared with ``prepare_directory``.
        options: see there.
        progress: called with (stage, done, all).
        finish: called with the summary and the results before they are written; may add to it.

    Raises:
        NetworkError, DeckError, ConfigurationError: wrong input.
        SimulatorError: the simulator is not there.
    """
    begin = time.perf_counter()
    inputs = network.check_inputs(inputs)
    windows, steps = windows_of(inputs)
    if not windows.shape[0]:
        raise ConfigurationError("there are no samples to verify; give at least one")
    version = simulator.version()
    cases = []
    sites = neuron_sites(network)
    planned = plan_neurons(
        network,
        windows,
        library,
        options.phases,
        dialect=simulator.dialect,
        decks=options.decks,
    )
    for done, case in enumerate(planned, 1):
        cases.append(case)
        if progress:
            progress(STAGES[0], done, max(done, len(sites)))
    silent = {
        (index, neuron)
        for index, layer in enumerate(network.layers)
        for neuron in np.flatnonzero(layer.fan_in == 0).tolist()
    }
    totals = network_bench(network, library, phases=options.phases).circuit.totals()
    ledger = Ledger(out / "ledger.sqlite")
    run = RunOptions(
        workers=options.jobs,
        timeout_s=options.timeout_s,
        ledger=ledger,
        keep_waveforms=_example(cases).job.name,
    )
    try:
        measured = collect(
            run_cases(
                cases,
                simulator,
                run,
                (lambda done, all_: progress(STAGES[1], done, all_)) if progress else None,
            ),
            [layer.outputs for layer in network.layers],
            windows.shape[0],
            silent,
        )
    finally:
        ledger.close()
    summary = _summarise(network, windows, steps, labels, library, totals, measured, options)
    summary["simulator"] = {"name": simulator.name, "version": version}
    summary["counter_example"] = _counter_example(measured, steps, out)
    if finish:
        finish(summary, measured)
    summary["wall_s"] = time.perf_counter() - begin
    _write(out, network, windows, labels, measured, run.waveforms, summary, cases)
    return Verification(summary, measured)


def _example(cases: list[NeuronCase]) -> NeuronCase:
    """The case whose waveforms the report shows: of those that fire and stay silent in their
    first windows, the one of most synapses."""

    def interest(case: NeuronCase) -> tuple[int, int]:
        view = case.bench.view
        signs = np.asarray(view.site.signs)
        fires = (view.stimulus[:6].astype(int) @ signs) >= view.site.theta
        return (int(fires.any() and not fires.all()), len(view.site.inputs))

    return max(cases, key=interest)


def _summarise(
    network: TernaryNetwork,
    windows: NDArray[np.bool_],
    steps: int,
    labels: NDArray[np.int64] | None,
    library: CellLibrary,
    totals: Totals,
    measured: Measured,
    options: VerifyOptions,
) -> dict[str, Any]:
    compared = [r for r in measured.results if r.verdict is not None]
    failed = [r for r in measured.results if r.verdict is None]
    energy = sum(r.energy_J for r in compared)
    reference = sum(float(r.case.reference_J.sum()) for r in compared)
    error = (energy - reference) / reference if reference else 0.0
    checked = sum(r.verdict.windows for r in compared if r.verdict)
    mismatches = sum(r.verdict.mismatches for r in compared if r.verdict)
    samples = windows.shape[0] // steps
    ledger = EnergyLedger(
        dynamic_J=energy / samples,
        static_W=totals.supply_A * library.process.supply_voltage,
        duration_s=options.phases.period * steps,
        cooling_W_per_W=options.cooling_W_per_W,
    )
    return {
        "agreed": not failed and not mismatches and abs(error) <= ENERGY_TOLERANCE,
        "checked": checked,
        "mismatches": mismatches,
        "failed": [r.failure for r in failed],
        "samples": samples,
        "steps": steps,
        "scope": "neurons",
        "network": {
            "source": options.source,
            "inputs": network.inputs,
            "neurons": network.neurons,
            "synapses": network.synapses,
            "classes": network.classes,
            "population": network.population,
        },
        "process": library.process.name,
        "clock_ghz": 1e-9 / options.phases.period,
        "energy": {
            "measured_J": energy,
            "reference_J": reference,
            "relative_error": error,
            "worst_window_error": _worst_window(compared),
            "tolerance": ENERGY_TOLERANCE,
            "dynamic_J_per_inference": ledger.dynamic_J,
            "static_W": ledger.static_W,
            "static_J_per_inference": ledger.static_J,
            "wall_plug_J_per_inference": ledger.wall_plug_J,
            "cooling_W_per_W": ledger.cooling_W_per_W,
            "supply_V": library.process.supply_voltage,
        },
        "circuit": {
            "junctions": totals.junctions,
            "bias_A": totals.bias_A,
            "flux_A": totals.flux_A,
            "cells": totals.cells,
        },
        "layers": _layer_rows(network, measured),
        "accuracy": _accuracy(network, windows, steps, labels, measured),
        "from_ledger": sum(r.from_ledger for r in measured.results),
        "seed": options.seed,
        **options.notes,
    }


def _worst_window(results: Sequence[CaseResult]) -> float:
    """Relative energy error of the window in which it is greatest."""
    worst = 0.0
    for r in results:
        errors = r.energies_J / r.case.reference_J - 1.0
        at = int(np.argmax(np.abs(errors)))
        if abs(errors[at]) > abs(worst):
            worst = float(errors[at])
    return worst


def _layer_rows(network: TernaryNetwork, measured: Measured) -> list[dict[str, Any]]:
    rows = []
    for index, layer in enumerate(network.layers):
        results = [r for r in measured.results if r.case.site.layer == index]
        verdicts = [r.verdict for r in results if r.verdict is not None]
        delays = measured.delays_s[index]
        seen = delays[np.isfinite(delays)]
        rows.append(
            {
                "layer": index,
                "neurons": layer.outputs,
                "synapses": layer.synapses,
                "fan_in": [int(layer.fan_in.min()), int(layer.fan_in.max())],
                "theta": [int(layer.theta.min()), int(layer.theta.max())],
                "checked": sum(v.windows for v in verdicts),
                "mismatches": sum(v.mismatches for v in verdicts),
                "failed": len(results) - len(verdicts),
                "pulses": int(np.clip(measured.spikes[index], 0, None).sum()),
                "delay_ps": [float(seen.min() * 1e12), float(seen.max() * 1e12)]
                if seen.size
                else None,
                "energy_J": sum(r.energy_J for r in results),
                "reference_J": sum(
                    float(r.case.reference_J.sum()) for r in results if r.verdict is not None
                ),
            }
        )
    return rows


def _accuracy(
    network: TernaryNetwork,
    windows: NDArray[np.bool_],
    steps: int,
    labels: NDArray[np.int64] | None,
    measured: Measured,
) -> dict[str, float | None] | None:
    if labels is None:
        return None
    shaped = windows.reshape(-1, steps, windows.shape[-1])
    last = measured.spikes[-1]
    simulated = None
    if (last >= 0).all():
        votes = count_votes(last.reshape(-1, steps, last.shape[-1]) > 0, network.population)
        simulated = vote_accuracy(votes, labels)
    return {"reference": network.accuracy(shaped, labels), "simulated": simulated}


def _counter_example(measured: Measured, steps: int, out: Path) -> dict[str, Any] | None:
    """The first disagreement, its deck kept beside it; decks of all wrong cases are kept."""
    wrong = [r for r in measured.results if r.verdict is None or r.verdict.first is not None]
    if not wrong:
        return None
    folder = out / "decks"
    folder.mkdir(exist_ok=True)
    for result in wrong:
        with atomic_path(folder / f"{result.case.job.name}.cir") as path:
            path.write_text(result.case.job.text, encoding="utf-8")
    ordered = sorted(wrong, key=_first_window)
    result = ordered[0]
    site, deck = result.case.site, str(folder / f"{result.case.job.name}.cir")
    if result.verdict is None or result.verdict.first is None:
        return {
            "sample": result.case.first // steps,
            "window": result.case.first,
            "layer": site.layer,
            "neuron": site.neuron,
            "expected": "a finished simulation",
            "measured": result.failure,
            "deck": deck,
            "sentence": f"layer {site.layer}, neuron {site.neuron}: {result.failure}",
        }
    first = result.verdict.first
    window = result.case.first + first.window
    sample, step = divmod(window, steps)
    return {
        "sample": sample,
        "window": window,
        "layer": first.layer,
        "neuron": first.neuron,
        "expected": first.expected,
        "measured": first.measured,
        "deck": deck,
        "sentence": first.sentence(sample, step if steps > 1 else None, deck),
    }


def _first_window(result: CaseResult) -> tuple[int, int, int]:
    site = result.case.site
    inside = result.verdict.first.window if result.verdict and result.verdict.first else 0
    return (result.case.first + inside, site.layer, site.neuron)


def _write(
    out: Path,
    network: TernaryNetwork,
    windows: NDArray[np.bool_],
    labels: NDArray[np.int64] | None,
    measured: Measured,
    waveforms: dict[str, Waveforms],
    summary: dict[str, Any],
    cases: list[NeuronCase],
) -> None:
    arrays: dict[str, Any] = {"inputs": windows}
    if labels is not None:
        arrays["labels"] = labels
    for index, expected in enumerate(network.forward(windows)):
        arrays[f"expected{index}"] = expected
        arrays[f"measured{index}"] = measured.spikes[index]
        arrays[f"delay{index}"] = measured.delays_s[index]
    for name, waves in waveforms.items():
        case = next(c for c in cases if c.job.name == name)
        arrays |= _example_arrays(case, waves)
        summary["example"] = {
            "deck": name,
            "layer": case.site.layer,
            "neuron": case.site.neuron,
            "theta": case.site.theta,
            "first_window": case.first,
        }
    with atomic_path(out / "results.npz") as path:
        np.savez_compressed(path, **arrays)
    with atomic_path(out / "verify.json") as path:
        path.write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")


def _example_arrays(case: NeuronCase, waves: Waveforms) -> dict[str, Any]:
    """Phases of one neuron for the report's plot: the first windows only."""
    view = case.bench.view
    shown = view.boundaries_s()[: min(7, view.windows + 1)]
    keep = (waves.time_s >= shown[0]) & (waves.time_s <= shown[-1])
    probes = (*view.watched()[:1], *view.watched()[-4:], *view.watched()[1:5])
    return {
        "example_time_s": waves.time_s[keep],
        "example_names": np.array([p.column for p in probes]),
        "example_phases": np.stack([waves.signal(p.column)[keep] for p in probes]),
        "example_decisions_s": view.decisions_s()[: shown.size - 1],
        "example_bounds_s": shown,
        "example_count": (view.stimulus.astype(int) @ np.asarray(view.site.signs))[
            : shown.size - 1
        ],
    }
