"""The summary of a run: what ``verify.json`` and ``results.npz`` hold."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from netlist_gen import __version__
from netlist_gen.circuit.model import Totals
from netlist_gen.deck.emit import Probe
from netlist_gen.files import atomic_path
from netlist_gen.library.cells import CellLibrary
from netlist_gen.network import TernaryNetwork, count_votes, vote_accuracy
from verification.campaign.cases import Case
from verification.campaign.run import CaseResult, Measured
from verification.reference.energy import EnergyLedger
from verification.reference.expected import expect
from verification.verdict.neuron import ENERGY_TOLERANCE, NeuronVerdict
from verification.waves.waveforms import Waveforms

if TYPE_CHECKING:
    from verification.campaign.verify import VerifyOptions

SHOWN_WINDOWS = 6
"""Windows of the one neuron whose waveforms the report shows."""


@dataclass(frozen=True, eq=False)
class Scope:
    """A scope with its results."""

    name: str
    measured: Measured

    @property
    def energy_J(self) -> float:
        """Measured, of all decks that were judged."""
        return sum(r.energy_J for r in self.measured.results)

    @property
    def reference_J(self) -> float:
        """Expected of the same decks."""
        return sum(float(r.reference_J.sum()) for r in self.measured.results)

    @property
    def energy_error(self) -> float | None:
        """Relative difference of the two; None where no deck was judged."""
        return (self.energy_J - self.reference_J) / self.reference_J if self.reference_J else None

    @property
    def worst_error(self) -> float:
        """Relative energy error of the part (a neuron's window) in which it is greatest."""
        worst = 0.0
        for r in self.measured.results:
            errors = r.energies_J / r.reference_J - 1.0
            if errors.size and np.abs(errors).max() > abs(worst):
                worst = float(errors[np.argmax(np.abs(errors))])
        return worst

    @property
    def mismatches(self) -> int:
        """Neuron windows that disagree."""
        return sum(r.mismatches for r in self.measured.results)

    @property
    def checked(self) -> int:
        """Neuron windows compared."""
        return sum(r.checked for r in self.measured.results)

    @property
    def failures(self) -> list[str]:
        """Why decks have no verdict."""
        return [r.failure for r in self.measured.results if r.failed]

    @property
    def agreed(self) -> bool:
        """Whether all of it agrees with the reference."""
        error = self.energy_error
        within = error is not None and abs(error) <= ENERGY_TOLERANCE
        return not (self.mismatches or self.lines_wrong or self.failures) and within

    @property
    def lines_wrong(self) -> int:
        """Windows of class lines that disagree."""
        return sum(r.lines_wrong for r in self.measured.results)

    def as_json(self) -> dict[str, Any]:
        """The row of ``verify.json``'s table ``scopes``."""
        return {
            "scope": self.name,
            "agreed": self.agreed,
            "decks": len(self.measured.results),
            "checked": self.checked,
            "mismatches": self.mismatches,
            "class_lines_wrong": self.lines_wrong,
            "failed": len(self.failures),
            "pulses": sum(int(np.clip(s, 0, None).sum()) for s in self.measured.spikes),
            "energy_J": self.energy_J,
            "energy_relative_error": self.energy_error,
            "from_ledger": sum(r.from_ledger for r in self.measured.results),
            "wall_s": self.measured.wall_s,
        }


@dataclass(frozen=True, eq=False)
class Example:
    """One neuron's waveforms, for the report, which shows them from ``window`` of the case on."""

    case: Case
    waves: Waveforms
    window: int = 0


def difference(scopes: Sequence[Scope]) -> str | None:
    """The first neuron window in which two scopes saw different pulses, in words; or None."""
    one = scopes[0]
    for other in scopes[1:]:
        for layer, (mine, theirs) in enumerate(
            zip(one.measured.spikes, other.measured.spikes, strict=True)
        ):
            unlike = (mine != theirs) & (mine >= 0) & (theirs >= 0)
            if unlike.any():
                w, n = np.argwhere(unlike)[0].tolist()
                return (
                    f"window {w}: layer {layer}, neuron {n}: {mine[w, n]} pulses in the scope "
                    f"{one.name}, {theirs[w, n]} in the scope {other.name}"
                )
    return None


def summarise(
    network: TernaryNetwork,
    windows: NDArray[np.bool_],
    steps: int,
    labels: NDArray[np.int64] | None,
    library: CellLibrary,
    totals: Totals,
    scopes: Sequence[Scope],
    options: VerifyOptions,
) -> dict[str, Any]:
    """What ``verify.json`` says of all scopes; energies are those of the network's circuit where
    it was simulated, else those of the neurons' benches."""
    charged = next((scope for scope in scopes if scope.name == "network"), scopes[0])
    samples = windows.shape[0] // steps
    ledger = EnergyLedger(
        dynamic_J=charged.energy_J / samples,
        static_W=totals.supply_A * library.process.supply_voltage,
        duration_s=options.phases.period * steps,
        cooling_W_per_W=options.cooling_W_per_W,
    )
    unlike = difference(scopes)
    results = [r for scope in scopes for r in scope.measured.results]
    return {
        "agreed": all(scope.agreed for scope in scopes) and unlike is None,
        "checked": sum(scope.checked for scope in scopes),
        "mismatches": sum(scope.mismatches for scope in scopes),
        "failed": [sentence for scope in scopes for sentence in scope.failures],
        "samples": samples,
        "steps": steps,
        "scope": ", ".join(scope.name for scope in scopes),
        "scopes": [scope.as_json() for scope in scopes],
        "scope_difference": unlike,
        "network": {
            "source": options.source,
            "inputs": network.inputs,
            "neurons": network.neurons,
            "synapses": network.synapses,
            "classes": network.classes,
            "population": network.population,
        },
        "generator": __version__,
        "process": library.process.name,
        "clock_ghz": 1e-9 / options.phases.period,
        "energy": {
            "scope": charged.name,
            "measured_J": charged.energy_J,
            "reference_J": charged.reference_J,
            "relative_error": charged.energy_error,
            "worst_window_error": max((s.worst_error for s in scopes), key=abs),
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
        "layers": _layer_rows(network, scopes),
        "accuracy": _accuracy(network, windows, steps, labels, scopes[0].measured),
        "from_ledger": sum(r.from_ledger for r in results),
        "seed": options.seed,
        "rows": None if options.rows is None else list(options.rows),
        **options.notes,
    }


def _layer_rows(network: TernaryNetwork, scopes: Sequence[Scope]) -> list[dict[str, Any]]:
    """Each layer over all scopes; delays are the first scope's, energies the neurons'."""
    first = scopes[0].measured
    rows = []
    for index, layer in enumerate(network.layers):
        results = [r for scope in scopes for r in scope.measured.results]
        verdicts = [v for r in results for v in r.verdicts if v.layer == index]
        delays = first.delays_s[index]
        seen = delays[np.isfinite(delays)]
        alone = [r for r in results if r.place[0] == index]
        rows.append(
            {
                "layer": index,
                "neurons": layer.outputs,
                "synapses": layer.synapses,
                "fan_in": [int(layer.fan_in.min()), int(layer.fan_in.max())],
                "theta": [int(layer.theta.min()), int(layer.theta.max())],
                "checked": sum(v.windows for v in verdicts),
                "mismatches": sum(v.mismatches for v in verdicts),
                "failed": sum(r.failed for r in alone),
                "pulses": int(np.clip(first.spikes[index], 0, None).sum()),
                "delay_ps": [float(seen.min() * 1e12), float(seen.max() * 1e12)]
                if seen.size
                else None,
                "energy_J": sum(r.energy_J for r in alone) if alone else None,
                "reference_J": sum(float(r.reference_J.sum()) for r in alone) if alone else None,
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
    votes = _simulated_votes(network, steps, measured)
    return {
        "reference": network.accuracy(windows.reshape(-1, steps, windows.shape[-1]), labels),
        "simulated": None if votes is None else vote_accuracy(votes, labels),
    }


def _simulated_votes(
    network: TernaryNetwork, steps: int, measured: Measured
) -> NDArray[np.int64] | None:
    """Votes (samples, classes) of the pulses measured at the outputs; None if some are missing."""
    last = measured.spikes[-1]
    if (last < 0).any():
        return None
    return count_votes(last.reshape(-1, steps, last.shape[-1]) > 0, network.population)


def counter_example(
    scopes: Sequence[Scope], steps: int, rows: Sequence[int] | None, out: Path
) -> dict[str, Any] | None:
    """The first disagreement, its deck kept beside it; decks of all wrong cases are kept.

    Args:
        scopes: what was measured. out: the run's directory.
        steps: windows of a sample.
        rows: the samples' rows in their file, where they are not all.
    """
    results = [r for scope in scopes for r in scope.measured.results]
    wrong = [r for r in results if r.failed or r.mismatches or r.lines_wrong]
    if not wrong:
        return None
    folder = out / "decks"
    folder.mkdir(exist_ok=True)
    for result in wrong:
        if result.deck is not None:
            with atomic_path(folder / f"{result.name}.cir") as path:
                path.write_text(result.deck, encoding="utf-8")
    result = min(wrong, key=_first_window)
    window = _first_window(result)[0]
    sample, step = divmod(window, steps)
    where = {"sample": sample, "window": window, "row": sample if rows is None else rows[sample]}
    at = f"sample {sample}" + ("" if rows is None else f" (row {where['row']})")
    at += f", step {step}" if steps > 1 else ""
    deck = str(folder / f"{result.name}.cir")
    if result.failed:
        layer, neuron = (None, None) if result.scope == "network" else result.place
        what = (
            "the whole network" if result.scope == "network" else f"layer {layer}, neuron {neuron}"
        )
        return {
            "scope": result.scope,
            "failed": True,
            **where,
            "layer": layer,
            "neuron": neuron,
            "expected": "a finished simulation",
            "measured": result.failure,
            "deck": deck,
            "sentence": f"{what}: {result.failure}",
        }
    if not result.mismatches:
        return {
            "scope": result.scope,
            "failed": False,
            **where,
            "layer": None,
            "neuron": None,
            "expected": "the pulses of the class's neurons on its line",
            "measured": result.lines_first,
            "deck": deck,
            "sentence": f"{at}: {result.lines_first}; reproduce with {deck}",
        }
    verdict = min((v for v in result.verdicts if v.first), key=_first_of)
    first = verdict.first
    assert first is not None
    return {
        "scope": result.scope,
        "failed": False,
        **where,
        "layer": first.layer,
        "neuron": first.neuron,
        "expected": first.expected,
        "measured": first.measured,
        "deck": deck,
        "sentence": first.sentence(at, deck),
    }


def _first_of(verdict: NeuronVerdict) -> tuple[int, int, int]:
    assert verdict.first is not None
    return (verdict.first.window, verdict.layer, verdict.neuron)


def _first_window(result: CaseResult) -> tuple[int, int, int]:
    """Window, layer and neuron of a case's first disagreement."""
    found = [_first_of(v) for v in result.verdicts if v.first]
    if result.lines_wrong and not found:
        found.append((result.lines_window, *result.place))
    window, layer, neuron = min(found, default=(0, *result.place))
    return (result.first + window, layer, neuron)


def write_run(
    out: Path,
    network: TernaryNetwork,
    windows: NDArray[np.bool_],
    labels: NDArray[np.int64] | None,
    measured: Measured,
    summary: dict[str, Any],
    example: Example | None,
) -> None:
    """Write ``results.npz`` and ``verify.json``, in that order, each whole or not at all."""
    arrays: dict[str, Any] = {"inputs": windows}
    steps = summary["steps"]
    arrays["predicted"] = network.predict(windows.reshape(-1, steps, windows.shape[-1]))
    simulated = _simulated_votes(network, steps, measured)
    if simulated is not None:
        arrays["simulated"] = simulated.argmax(axis=1)
    if labels is not None:
        arrays["labels"] = labels
    for index, expected in enumerate(network.forward(windows)):
        arrays[f"expected{index}"] = expected
        arrays[f"measured{index}"] = measured.spikes[index]
        arrays[f"delay{index}"] = measured.delays_s[index]
    if example is not None:
        site = example.case.views[0].site
        arrays |= _example_arrays(example)
        summary["example"] = {
            "deck": example.case.job.name,
            "layer": site.layer,
            "neuron": site.neuron,
            "theta": site.theta,
            "first_window": example.case.run.first + example.window,
        }
    with atomic_path(out / "results.npz") as path:
        np.savez_compressed(path, **arrays)
    with atomic_path(out / "verify.json") as path:
        path.write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")


def _example_arrays(example: Example) -> dict[str, Any]:
    """What the report plots of one neuron: some windows, see ``verification.report.plots``."""
    view, waves = example.case.views[0], example.waves
    part = slice(example.window, example.window + SHOWN_WINDOWS)
    bounds = view.boundaries_s()[example.window : example.window + SHOWN_WINDOWS + 1]
    keep = (waves.time_s >= bounds[0]) & (waves.time_s <= bounds[-1])

    def phases(*columns: str) -> NDArray[np.float64]:
        return np.stack([waves.signal(column)[keep] for column in columns])

    def loops(junction: str) -> NDArray[np.float64]:
        return phases(*(Probe(path, junction).column for path in view.branches()))

    expected = expect(view)
    return {
        "example_time_s": waves.time_s[keep],
        "example_output": phases(view.output.column)[0],
        "example_set": loops("BA"),
        "example_clear": loops("BB"),
        "example_squids": phases(*(probe.column for probe in view.watched()[-4:])),
        "example_signs": np.asarray(view.site.signs),
        "example_lines": np.asarray(view.site.inputs),
        "example_theta": np.asarray(view.site.theta),
        "example_decisions_s": view.decisions_s()[part],
        "example_bounds_s": bounds,
        "example_count": expected.count[part],
        "example_fires": expected.fires[part],
    }
