"""The files of a characterization: summary, measurements, models, page."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from netlist_gen.files import atomic_path
from verification.characterize.files.measurements import DEFINITIONS, write_csv, write_rows
from verification.characterize.measure.noise import NoiseResult
from verification.characterize.measure.sweep import Sweep
from verification.characterize.run import Characterization
from verification.characterize.subject.bench import SOURCE_STAGES
from verification.characterize.subject.stimulus import PS


def summary(result: Characterization) -> dict[str, Any]:
    """What ``summary.json`` holds: results, conditions, and the definition of every quantity."""
    data: dict[str, Any] = {
        "cell": result.cell,
        "title": result.title,
        "conditions": {
            "source": result.source,
            "process": result.process,
            "simulator": {"name": result.simulator, "version": result.version},
            "step_ps": result.step_s / PS,
            "sources": f"{SOURCE_STAGES} JTL stages at each input",
            "load": result.load and f"{result.load}, then a JTL ended by a resistor",
            "seed": result.seed,
        },
        "junctions": result.junctions,
        "static_power_W": result.static_W,
        "sizes": [dataclasses.asdict(size) for size in result.sizes],
        "delays_ps": [
            {
                "input": a.input,
                "output": a.output,
                "mean": a.mean_s / PS,
                "least": a.least_s / PS,
                "most": a.most_s / PS,
            }
            for a in result.arcs
        ],
        "spacings_ps": [
            {
                "kind": s.kind,
                "first": s.first_text,
                "second": s.second_text,
                "criterion": s.criterion,
                "last_pass": s.last_pass_s / PS,
                "first_fail": None if s.first_fail_s is None else s.first_fail_s / PS,
            }
            for s in result.spacings
        ],
        "period_ps": result.period_s[0] / PS or None,
        "energies_J": [
            {"event": e.event, "after": e.before, "energy": e.energy_J} for e in result.energies
        ],
        "trials": result.trials,
        "trials_from_ledger": result.trials_stored,
        "wall_s": result.wall_s,
    }
    if result.machine:
        data["states"] = len(result.machine.states)
    if result.margins:
        critical, side = result.margins.critical
        data["margins"] = {
            "tolerance": result.margins.tolerance,
            "scan": [result.margins.low, result.margins.high, result.margins.step],
            "critical": {
                "parameter": critical.parameter.name,
                "side": side,
                "margin": critical.least[0],
            },
            "parameters": {
                m.parameter.name: {
                    "low": _side(m.low),
                    "high": _side(m.high),
                    "nominal": m.parameter.nominal,
                }
                for m in result.margins.margins
            },
        }
    if result.sweep:
        data["sweep"] = {
            "axes": [{"name": a.name, "values": list(a.values)} for a in result.sweep.axes],
            "passed": result.sweep.passed().tolist(),
        }
    if result.yields:
        y = result.yields
        data["yield"] = {
            "rate": None if math.isnan(y.rate) else y.rate,
            "low": y.low,
            "high": y.high,
            "passed": y.passed,
            "samples": y.samples,
            "simulator_failures": y.failures,
            "seed": y.seed,
            "stopped_by": y.stopped,
            "reasons": dict(y.reasons),
            "spreads": {
                "global": dict(y.spreads.overall),
                "local": dict(y.spreads.local),
                "bias": y.spreads.bias,
                "clip_sigma": y.spreads.clip,
                "correlation": {f"{a},{b}": r for (a, b), r in y.spreads.correlation.items()},
            },
        }
    if result.noise:
        data["noise"] = [_noise(n) for n in result.noise]
    if result.overdrive:
        data["neuron"] = {
            "overdrive": [dataclasses.asdict(o) for o in result.overdrive],
            "arrival_window": [dataclasses.asdict(w) for w in result.arrival],
            "leftover": [dataclasses.asdict(f) for f in result.leftover],
        }
    data["definitions"] = DEFINITIONS
    return data


def _side(side: Any) -> dict[str, Any]:
    return {
        "last_pass": side.last_pass,
        "first_fail": side.first_fail,
        "islands": [list(i) for i in side.islands],
    }


def _noise(result: NoiseResult) -> dict[str, Any]:
    return {
        "axis": result.axis,
        "bias": result.bias,
        "seed": result.seed,
        "grey_zone": result.curve
        and {"centre": result.curve.centre, "width_10_to_90": result.curve.width},
        "rates": [dataclasses.asdict(r) for r in result.rates],
    }


def write_results(result: Characterization, out: Path) -> list[Path]:
    """All files of a characterization; ``summary.json`` is written last.

    Raises:
        ConfigurationError: the directory can't be written.
    """
    from verification.characterize.files.models import write_models
    from verification.report.cell_page import write_page

    out.mkdir(parents=True, exist_ok=True)
    _remove_earlier(out)
    written = [out / "measurements.csv"]
    write_csv(result, written[0])
    if result.sweep:
        written.append(out / "sweep.csv")
        _write_sweep(result.sweep, written[-1])
    if result.yields:
        written.append(out / "monte_carlo.csv")
        table = [(i, v == "pass", v) for i, v in enumerate(result.yields.verdicts)]
        write_rows(written[-1], ("sample", "passed", "verdict"), table)
    written += write_models(result, out)
    written += write_page(result, summary(result), out)
    with atomic_path(out / "summary.json") as temporary:
        temporary.write_text(json.dumps(summary(result), indent=1) + "\n", encoding="utf-8")
    return [*written, out / "summary.json"]


def _remove_earlier(out: Path) -> None:
    """Remove what an earlier characterization left: its cell or what was asked may be others."""
    summary = out / "summary.json"
    try:
        earlier = str(json.loads(summary.read_text(encoding="utf-8"))["cell"])
    except (OSError, ValueError, TypeError, KeyError):
        earlier = None
    summary.unlink(missing_ok=True)
    stems = ["overdrive", "margins", "sweep", *(p.stem for p in out.glob("noise[0-9]*_*.svg"))]
    names = [f"{stem}{suffix}" for stem in stems for suffix in (".png", ".svg")]
    names += ["sweep.csv", "monte_carlo.csv"]
    if earlier:
        names += [f"{earlier}{suffix}" for suffix in (".html", ".dot", ".v", ".sdf")]
    for name in names:
        (out / name).unlink(missing_ok=True)


def _write_sweep(result: Sweep, path: Path) -> None:
    pairs = sorted({(a.input, a.output) for p in result.points for a in p.arcs})
    header = [
        *(axis.name for axis in result.axes),
        "passed",
        "reason",
        *(f"delay_{i}_{o}_ps" for i, o in pairs),
    ]
    table: list[Sequence[object]] = []
    for p in result.points:
        known = {(a.input, a.output): f"{a.mean_s / PS:.6g}" for a in p.arcs}
        table.append([*p.at, p.passed, p.reason, *(known.get(pair, "") for pair in pairs)])
    write_rows(path, header, table)
